"""The safetensors format (F16 only) and the model folder in Hugging Face layout."""

import json
import os
import struct

import numpy
import torch

from model import Model
from tokenizer import CHAT_TEMPLATE, END_OF_TEXT, IM_END, SPECIAL


def replace_file(path, data):
    """Write bytes to path so that readers see the old or the new file, never a part."""
    with open(path + ".part", "wb") as file:
        file.write(data)
    os.replace(path + ".part", path)


def write_json(path, value):
    """Write a JSON file in one step."""
    replace_file(path, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8"))


def pack_safetensors(tensors):
    """Bytes of a safetensors file with the given {name: tensor} as F16."""
    header, blobs, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        blob = tensors[name].detach().numpy().astype("<f2").tobytes()
        header[name] = {"dtype": "F16", "shape": list(tensors[name].shape),
                        "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(blobs)


def unpack_safetensors(data):
    """{name: float32 tensor} of a safetensors file with F16 tensors."""
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            values = numpy.frombuffer(body[start:end], "<f2").astype(numpy.float32)
            tensors[name] = torch.from_numpy(values.reshape(entry["shape"]))
    return tensors


def export(model, tokenizer, folder):
    """Write the model folder: weights, configuration and tokenizer."""
    os.makedirs(folder, exist_ok=True)
    config = model.config
    tensors = {"model." + name: weight for name, weight in model.named_parameters()}
    specials = {str(index): {"content": token, "lstrip": False, "rstrip": False,
                             "normalized": False, "single_word": False, "special": True}
                for index, token in enumerate(SPECIAL)}
    write_json(os.path.join(folder, "config.json"), config)
    write_json(os.path.join(folder, "generation_config.json"), {
        "bos_token_id": END_OF_TEXT, "eos_token_id": config["eos_token_id"],
        "pad_token_id": END_OF_TEXT, "do_sample": False, "max_new_tokens": 64})
    write_json(os.path.join(folder, "tokenizer_config.json"), {
        "tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": False,
        "add_eos_token": False, "add_prefix_space": False,
        "added_tokens_decoder": specials, "bos_token": SPECIAL[END_OF_TEXT],
        "eos_token": SPECIAL[IM_END], "pad_token": SPECIAL[END_OF_TEXT], "unk_token": None,
        "clean_up_tokenization_spaces": False,
        "model_max_length": config["max_position_embeddings"], "chat_template": CHAT_TEMPLATE})
    tokenizer.save(os.path.join(folder, "tokenizer.json.part"))
    os.replace(os.path.join(folder, "tokenizer.json.part"), os.path.join(folder, "tokenizer.json"))
    replace_file(os.path.join(folder, "model.safetensors"), pack_safetensors(tensors))


def load(folder):
    """The model of an exported folder, its F16 weights held as float32."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        model = Model(json.load(file))
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        tensors = unpack_safetensors(file.read())
    model.load_state_dict({name[len("model."):]: value for name, value in tensors.items()})
    return model.eval()
