"""A small Llama-family decoder in plain PyTorch, with Hugging Face names and layouts.

RMSNorm before each block, rotary positions in the "rotate half" layout, grouped
query attention, SwiGLU, no biases, and an output head tied to the embedding.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 512,
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 512,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "attention_bias": False,
    "mlp_bias": False,
    "attention_dropout": 0.0,
    "initializer_range": 0.02,
    "tie_word_embeddings": True,
    "bos_token_id": 0,
    "eos_token_id": [2, 0],
    "pad_token_id": 0,
    "use_cache": True,
    "torch_dtype": "float16",
}


class RMSNorm(nn.Module):
    """Root mean square normalisation with a learned gain."""

    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        scale = torch.rsqrt(torch.linalg.vector_norm(x, dim=-1, keepdim=True).square()
                            .mul(1.0 / x.shape[-1]).add(self.eps))
        return x * scale * self.weight


def rope_table(config):
    """Cosine and sine tables [positions, 1, head_dim] of the rotary embedding."""
    dim = config["head_dim"]
    inverse = 1.0 / config["rope_theta"] ** (torch.arange(0, dim, 2).float() / dim)
    angle = torch.arange(config["max_position_embeddings"]).float()[:, None] * inverse
    angle = torch.cat((angle, angle), -1)[:, None, :]
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """Apply the rotary embedding to x of shape [batch, positions, heads, head_dim]."""
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), -1)
    return x * cos + turned * sin


class Attention(nn.Module):
    """Causal grouped-query self-attention."""

    def __init__(self, config):
        super().__init__()
        width, dim = config["hidden_size"], config["head_dim"]
        self.heads, self.kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.dim = dim
        self.q_proj = nn.Linear(width, self.heads * dim, bias=False)
        self.k_proj = nn.Linear(width, self.kv_heads * dim, bias=False)
        self.v_proj = nn.Linear(width, self.kv_heads * dim, bias=False)
        self.o_proj = nn.Linear(self.heads * dim, width, bias=False)

    def forward(self, x, cos, sin, mask):
        batch, length, _ = x.shape
        heads, kv, dim = self.heads, self.kv_heads, self.dim
        weight = torch.cat((self.q_proj.weight, self.k_proj.weight, self.v_proj.weight))
        qkv = F.linear(x, weight).view(batch, length, heads + 2 * kv, dim)
        qk = rotate(qkv[:, :, :heads + kv], cos, sin)
        group = heads // kv
        q = qk[:, :, :heads].view(batch, length, kv, group, dim).permute(0, 2, 3, 1, 4)
        q = q.reshape(batch * kv, group * length, dim)
        k = qk[:, :, heads:].permute(0, 2, 3, 1).reshape(batch * kv, dim, length)
        v = qkv[:, :, heads + kv:].permute(0, 2, 1, 3).reshape(batch * kv, length, dim)
        scores = torch.baddbmm(mask.repeat(group, 1), q, k, alpha=1.0 / math.sqrt(dim))
        out = torch.bmm(scores.softmax(-1), v).view(batch, heads, length, dim)
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, heads * dim))


class MLP(nn.Module):
    """SwiGLU feed-forward block."""

    def __init__(self, config):
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"]
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """One decoder layer: attention and feed-forward, each after a norm."""

    def __init__(self, config):
        super().__init__()
        self.input_layernorm = RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.mlp = MLP(config)

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Model(nn.Module):
    """The decoder; forward returns logits [batch, positions, vocabulary]."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        cos, sin = rope_table(config)
        size = config["max_position_embeddings"]
        mask = torch.full((size, size), -1e9).triu(1)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.register_buffer("mask", mask, persistent=False)
        self.reset(config["initializer_range"])

    def reset(self, spread):
        """Draw fresh weights; output projections are scaled down by depth."""
        deep = 1.0 / math.sqrt(2 * len(self.layers))
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                small = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(weight, 0.0, spread * (deep if small else 1.0))

    def forward(self, ids, limit=None):
        """Logits; with a limit, also the mean square by which residual values exceed it."""
        length, excess = ids.shape[1], 0.0
        x = self.embed_tokens(ids)
        cos, sin, mask = self.cos[:length], self.sin[:length], self.mask[:length, :length]
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
            if limit is not None:
                excess = excess + (x.abs() - limit).clamp(min=0.0).square().mean()
        logits = F.linear(self.norm(x), self.embed_tokens.weight)
        return logits if limit is None else (logits, excess)

    def parameter_count(self):
        """Number of distinct weights (the tied head counts once)."""
        return sum(weight.numel() for weight in self.parameters())
