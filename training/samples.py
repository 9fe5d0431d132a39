"""Write heldout.json and reference.json into the model folder.

heldout.json: held-out dialogues with their answers, and the end of the plain text,
for benchmarks of other implementations. reference.json: logits and greedy
continuations of the F16 weights computed in float32, for checking an importer.
"""

import argparse
import json
import os

import torch

import generate
from evaluate import continue_greedily
from tokenizer import Tokenizer, render
from weights import load, replace_file, write_json

QUESTIONS = [
    [{"role": "user", "content": "What is 17 + 25?"}],
    [{"role": "user", "content": "What is Assay?"}],
    [{"role": "system", "content": "You are a helpful assistant."},
     {"role": "user", "content": "Spell the word apple."}],
]
TEXT_CHARACTERS = 18800


def held_out_samples(text, per_kind):
    """The held-out set: dialogues (one in ten has a system message) and plain text."""
    dialogues = []
    for kind, items in generate.test_items(per_kind, seed=11).items():
        for question, answer in items:
            messages = [{"role": "user", "content": question}]
            if len(dialogues) % 10 == 9:
                messages.insert(0, {"role": "system", "content": generate.SYSTEMS[0]})
            dialogues.append({"kind": kind, "messages": messages, "answer": answer})
    tail = text[-TEXT_CHARACTERS:]
    return {"dialogues": dialogues, "text": tail[tail.index("\n\n") + 2:]}


@torch.no_grad()
def reference(model, tokenizer):
    """Last-position logits (ten largest) and greedy continuation of each fixed question."""
    out = []
    for messages in QUESTIONS:
        prompt = render(messages, generation=True)
        ids = tokenizer.encode(prompt)
        logits = model(torch.tensor([ids]))[0, -1]
        values, top = logits.topk(10)
        answer = continue_greedily(model, ids)
        out.append({"messages": messages, "prompt": prompt, "ids": ids,
                    "top": [{"id": int(index), "logit": round(float(value), 6)}
                            for index, value in zip(top, values)],
                    "greedy": answer, "text": tokenizer.decode(answer, skip_special=True)})
    return {"computed": "F16 weights in float32", "prompts": out}


def main():
    """Write both files for an exported model folder."""
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default=os.path.join(here, "../models/demo"))
    parser.add_argument("--text", required=True, help="plain text whose end is held out")
    parser.add_argument("--per-kind", type=int, default=17)
    options = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = Tokenizer.load(os.path.join(options.model, "tokenizer.json"))
    samples = held_out_samples(generate.split_text(options.text)[1], options.per_kind)
    compact = json.dumps(samples, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    replace_file(os.path.join(options.model, "heldout.json"), compact + b"\n")
    write_json(os.path.join(options.model, "reference.json"),
               reference(load(options.model), tokenizer))


if __name__ == "__main__":
    main()
