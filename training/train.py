"""Train the demo model and export it in Hugging Face layout.

The learning rate follows the share of the time budget that is used up, so that a
run ends well on a machine of any speed. The data stream is endless and seeded.
"""

import argparse
import math
import os
import random
import time

import torch
import torch.nn.functional as F

import generate
from evaluate import exact, text_loss
from model import CONFIG, Model
from tokenizer import END_OF_TEXT, IM_END, IM_START, SPECIAL, Tokenizer, render, train
from weights import export

PROMPT_WEIGHT, TEXT_WEIGHT = 0.1, 0.5
TEXT_SHARE = 0.13
# Share of rows that are bare sums without dialogue around them: early, and later.
DRILL_SHARES = (0.30, 0.08)
# Residual values above the limit cost a little, so that fixed-point formats fit them.
RESIDUAL_LIMIT, RESIDUAL_WEIGHT = 32.0, 1e-3
# Shapes of a batch, rows by positions, and how often each is drawn.
SHAPES = [((16, 128), 0.86), ((8, 256), 0.10), ((4, 512), 0.04)]


def learn_tokenizer(text, seed):
    """Train the vocabulary on dialogues and, with less weight, on the plain text."""
    stream = generate.Dialogues(seed)
    dialogues = "".join(render(next(stream)) for _ in range(30000))
    weight = 0.5 * len(dialogues) / len(text)
    return Tokenizer(*train([(dialogues, 1.0), (text, weight)], CONFIG["vocab_size"]))


class Batches:
    """Packs documents into rows; each row starts with the start of a document."""

    def __init__(self, tokenizer, text, seed):
        self.tokenizer, self.text = tokenizer, text
        self.rng = random.Random(seed)
        self.dialogues = generate.Dialogues(seed + 1)
        self.header = {role: [IM_START] + tokenizer.encode_plain(role + "\n")
                       for role in ("system", "user", "assistant")}
        self.newline = tokenizer.encode_plain("\n")
        self.equals, = tokenizer.encode_plain(" =")
        self.drill_share = DRILL_SHARES[0]

    def dialogue(self):
        """Token ids and loss weights of one dialogue."""
        ids, weights = [], []
        for message in next(self.dialogues):
            head = self.header[message["role"]]
            body = self.tokenizer.encode_plain(message["content"]) + [IM_END]
            share = 1.0 if message["role"] == "assistant" else PROMPT_WEIGHT
            ids += head + body + self.newline
            weights += ([PROMPT_WEIGHT] * len(head) + [share] * len(body)
                        + [PROMPT_WEIGHT] * len(self.newline))
        return ids + [END_OF_TEXT], weights + [PROMPT_WEIGHT]

    def passage(self):
        """Token ids and loss weights of one passage of plain text."""
        ids = self.tokenizer.encode_plain(generate.text_document(self.rng, self.text))
        ids.append(END_OF_TEXT)
        return ids, [TEXT_WEIGHT] * len(ids)

    def drill(self):
        """Token ids and loss weights of one bare sum or difference."""
        maker = generate.addition if self.rng.random() < 0.75 else generate.subtraction
        _, _, answer = self.dialogues.item(maker)
        ids = self.tokenizer.encode_plain(answer + "\n")
        cut = ids.index(self.equals) + 1
        return ids, [PROMPT_WEIGHT] * cut + [1.0] * (len(ids) - cut)

    def row(self, length):
        """length + 1 token ids and weights, of one sort of document."""
        make = self.rng.choices((self.passage, self.drill, self.dialogue),
                                (TEXT_SHARE, self.drill_share,
                                 1 - TEXT_SHARE - self.drill_share))[0]
        ids, weights = [], []
        while len(ids) <= length:
            more = make()
            ids += more[0]
            weights += more[1]
        return ids[:length + 1], weights[:length + 1]

    def batch(self, rows, length):
        """Input ids, target ids and target weights of one step."""
        packed = [self.row(length) for _ in range(rows)]
        ids = torch.tensor([ids for ids, _ in packed])
        weights = torch.tensor([weights for _, weights in packed])
        return ids[:, :-1], ids[:, 1:], weights[:, 1:]


def learning_rate(progress, step, peak, warmup):
    """Linear warm-up in steps, then a cosine over the time budget down to 2 percent."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def make_optimizer(model, decay):
    """AdamW with weight decay on the matrices only."""
    matrices = [weight for weight in model.parameters() if weight.dim() == 2]
    gains = [weight for weight in model.parameters() if weight.dim() < 2]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": decay},
                              {"params": gains, "weight_decay": 0.0}],
                             lr=0.0, betas=(0.9, 0.98), eps=1e-8, foreach=True)


def quick_report(model, tokenizer, tests, held_text):
    """Exact accuracy per kind on a few held-out items, and the text loss, in one line."""
    parts = []
    for kind, items in tests.items():
        good = exact(model, tokenizer, items)
        parts.append("%s %d" % (kind, round(100 * sum(good) / len(good))))
    return "; ".join(parts) + "; text %.3f" % text_loss(model, tokenizer, held_text[:15000])


class Shared:
    """Gradients and control values in memory that all workers see."""

    def __init__(self, model, workers):
        self.workers = workers
        self.gradients = torch.zeros(workers, model.parameter_count()).share_memory_()
        self.control = torch.zeros(2, dtype=torch.float64).share_memory_()
        self.barrier = torch.multiprocessing.get_context("fork").Barrier(workers)

    def average(self, rank, weights, control=None):
        """Replace each worker's gradients by the mean; returns rank 0's control values."""
        flat = torch.cat([weight.grad.flatten() for weight in weights])
        self.gradients[rank].copy_(flat)
        if rank == 0:
            self.control.copy_(torch.tensor(control, dtype=torch.float64))
        self.barrier.wait()
        mean, values, offset = self.gradients.mean(0), self.control.tolist(), 0
        self.barrier.wait()
        for weight in weights:
            weight.grad.copy_(mean[offset:offset + weight.numel()].view_as(weight))
            offset += weight.numel()
        return values


def run(rank, shared, options, tokenizer, text, held_text):
    """One worker: every worker holds the same weights and takes the same steps."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    model = Model(CONFIG)
    weights = list(model.parameters())
    optimizer = make_optimizer(model, options.decay)
    tokens = step = spent = 0
    if options.resume:
        state = torch.load(options.checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        tokens, step, spent = state["tokens"], state["step"], state["seconds"]
    shapes = random.Random(options.seed + step)
    batches = Batches(tokenizer, text, options.seed + 2 * step + 1000 * rank)
    tests = generate.test_items(60) if rank == 0 else None
    if rank == 0:
        print("parameters %d, workers %d" % (model.parameter_count(), shared.workers), flush=True)

    start = time.time() - spent
    exported = shown = time.time()
    first_export, running, progress = True, 0.0, 0.0
    while True:
        (rows, length), = shapes.choices([shape for shape, _ in SHAPES],
                                         [share for _, share in SHAPES])
        batches.drill_share = DRILL_SHARES[progress > 0.18]
        ids, targets, shares = batches.batch(rows // shared.workers, length)
        logits, excess = model(ids, RESIDUAL_LIMIT)
        losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        loss = (losses * shares.flatten()).sum() / shares.sum()
        optimizer.zero_grad(set_to_none=True)
        (loss + RESIDUAL_WEIGHT * excess).backward()
        elapsed = time.time() - start
        progress = elapsed / (60 * options.minutes)
        rate, done = shared.average(
            rank, weights, (learning_rate(progress, step, options.lr, options.warmup), progress >= 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        step, tokens = step + 1, tokens + ids.numel() * shared.workers
        if rank:
            if done:
                return
            continue
        running = loss.item() if step == 1 else 0.98 * running + 0.02 * loss.item()
        now = time.time()
        if now - shown > 20:
            shown = now
            print("step %d tokens %.2fM seconds %d lr %.5f loss %.4f excess %.3f tokens/s %d"
                  % (step, tokens / 1e6, elapsed, rate, running, excess.item(), tokens / elapsed), flush=True)
        wait = 60 if first_export else 60 * options.export_minutes
        if done or now - exported > wait:
            export(model, tokenizer, options.out)
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                        "tokens": tokens, "step": step, "seconds": now - start},
                       options.checkpoint + ".part")
            os.replace(options.checkpoint + ".part", options.checkpoint)
            print("held-out: " + quick_report(model, tokenizer, tests, held_text), flush=True)
            exported, first_export = time.time(), False
        if done:
            print("finished: steps %d, tokens %d, minutes %.1f" % (step, tokens, elapsed / 60))
            return


def main():
    """Train for a number of minutes."""
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--text", required=True, help="a plain text file (about 1 MB)")
    parser.add_argument("--minutes", type=float, default=61.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--lr", type=float, default=2.5e-3)
    parser.add_argument("--warmup", type=int, default=200)
    parser.add_argument("--decay", type=float, default=0.05)
    parser.add_argument("--export-minutes", type=float, default=5)
    parser.add_argument("--out", default=os.path.join(here, "../models/demo"))
    parser.add_argument("--checkpoint", default="checkpoint.pt")
    parser.add_argument("--resume", action="store_true", help="start from the checkpoint's weights")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    text, held_text = generate.split_text(options.text)
    if options.resume:
        tokenizer = Tokenizer.load(os.path.join(options.out, "tokenizer.json"))
    else:
        tokenizer = learn_tokenizer(text, options.seed)
    torch.manual_seed(options.seed)
    shared = Shared(Model(CONFIG), options.workers)
    others = [torch.multiprocessing.Process(
        target=run, args=(rank, shared, options, tokenizer, text, held_text), daemon=True)
        for rank in range(1, options.workers)]
    for process in others:
        process.start()
    run(0, shared, options, tokenizer, text, held_text)
    for process in others:
        process.join()


if __name__ == "__main__":
    main()
