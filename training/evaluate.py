"""Held-out accuracy per kind of question and loss on held-out plain text.

An answer counts only when greedy decoding gives it exactly, end token included.
That is so exactly when each of its tokens is the most likely one after the correct
tokens before it, so one forward pass per batch decides it.
"""

import argparse
import math
import os

import torch
import torch.nn.functional as F

import generate
from tokenizer import END_OF_TEXT, IM_END, SPECIAL, Tokenizer, render
from weights import load, write_json


SYSTEM = [{"role": "system", "content": generate.SYSTEMS[0]}]
FIRST_TURN = [{"role": "user", "content": "Hello!"},
              {"role": "assistant", "content": "Hello! How can I help you?"}]


def example(tokenizer, question, answer, before=()):
    """Token ids of prompt and answer; before are messages ahead of the question."""
    prompt = render([*before, {"role": "user", "content": question}], generation=True)
    return tokenizer.encode(prompt), tokenizer.encode(answer + SPECIAL[IM_END])


@torch.no_grad()
def exact(model, tokenizer, items, before=(), batch=64):
    """For each (question, answer): does greedy decoding give the exact answer?"""
    examples = [example(tokenizer, *item, before) for item in items]
    order = sorted(range(len(items)), key=lambda index: sum(map(len, examples[index])))
    correct = [False] * len(items)
    for start in range(0, len(order), batch):
        chosen = order[start:start + batch]
        width = max(sum(map(len, examples[index])) for index in chosen)
        ids = torch.full((len(chosen), width), END_OF_TEXT)
        for row, index in enumerate(chosen):
            whole = examples[index][0] + examples[index][1]
            ids[row, :len(whole)] = torch.tensor(whole)
        guesses = model(ids).argmax(-1)
        for row, index in enumerate(chosen):
            first, wanted = len(examples[index][0]) - 1, examples[index][1]
            correct[index] = guesses[row, first:first + len(wanted)].tolist() == wanted
    return correct


@torch.no_grad()
def answer_loss(model, tokenizer, items):
    """Mean loss in nats per answer token."""
    total = count = 0
    for question, answer in items:
        prompt, wanted = example(tokenizer, question, answer)
        logits = model(torch.tensor([prompt + wanted]))[0, len(prompt) - 1:-1]
        total += F.cross_entropy(logits, torch.tensor(wanted), reduction="sum").item()
        count += len(wanted)
    return total / count


@torch.no_grad()
def text_loss(model, tokenizer, text, window=256):
    """Mean loss in nats per token over non-overlapping windows of the text."""
    ids = tokenizer.encode(text)
    rows = [ids[start:start + window + 1] for start in range(0, len(ids) - window, window)]
    total = count = 0
    for start in range(0, len(rows), 32):
        batch = torch.tensor(rows[start:start + 32])
        logits = model(batch[:, :-1])
        total += F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="sum").item()
        count += batch[:, 1:].numel()
    return total / count


@torch.no_grad()
def continue_greedily(model, ids, limit=64, stop=(IM_END, END_OF_TEXT)):
    """Greedy continuation of the token ids, up to and including a stop token."""
    out = []
    while len(out) < limit and (not out or out[-1] not in stop):
        out.append(int(model(torch.tensor([ids + out]))[0, -1].argmax()))
    return out


def report(model, tokenizer, text, per_kind):
    """Evaluate everything; returns the results and prints a table."""
    tests = generate.test_items(per_kind)
    table, right, seen = {}, 0, 0
    print("%-24s %6s %9s" % ("kind", "items", "exact"))
    for kind, items in tests.items():
        good = sum(exact(model, tokenizer, items))
        table[kind] = {"items": len(items), "exact": good, "accuracy": round(good / len(items), 4)}
        right, seen = right + good, seen + len(items)
        print("%-24s %6d %8.1f%%" % (kind, len(items), 100 * good / len(items)))
    print("%-24s %6d %8.1f%%" % ("all", seen, 100 * right / seen))
    # The checks below use at most 40 items of each kind.
    flat = [item for items in tests.values() for item in items[:40]]
    results = {"parameters": model.parameter_count(), "weights": "F16, computed in float32",
               "held_out": table, "held_out_accuracy": round(right / seen, 4),
               "held_out_answer_loss": round(answer_loss(model, tokenizer, flat), 4)}
    print("answer loss %.4f nats per token" % results["held_out_answer_loss"])
    for name, before in (("with a system message", SYSTEM), ("as a second turn", FIRST_TURN)):
        share = sum(exact(model, tokenizer, flat, before)) / len(flat)
        results["accuracy " + name] = round(share, 4)
        print("%s: %.1f%% of %d" % (name, 100 * share, len(flat)))
    if text:
        loss = text_loss(model, tokenizer, text)
        per_character = loss * len(tokenizer.encode(text)) / len(text)
        results["held_out_text"] = {
            "characters": len(text), "loss": round(loss, 4), "perplexity": round(math.exp(loss), 3),
            "bits_per_character": round(per_character / math.log(2), 4)}
        print("text loss %.4f nats per token, %.3f bits per character"
              % (loss, per_character / math.log(2)))
    return results


def main():
    """Evaluate an exported model folder."""
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default=os.path.join(here, "../models/demo"))
    parser.add_argument("--text", help="plain text whose end is held out")
    parser.add_argument("--per-kind", type=int, default=400)
    parser.add_argument("--out", default=os.path.join(here, "results.json"))
    options = parser.parse_args()
    model = load(options.model)
    tokenizer = Tokenizer.load(os.path.join(options.model, "tokenizer.json"))
    text = generate.split_text(options.text)[1] if options.text else None
    write_json(options.out, report(model, tokenizer, text, options.per_kind))


if __name__ == "__main__":
    main()
