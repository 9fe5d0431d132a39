"""Write calibration.json into the model folder: text on which the quantiser chooses ranges.

Dialogues of the training stream and passages of the training text; none of it is in
heldout.json.
"""

import argparse
import json
import os

import generate
from weights import replace_file

SEED, DIALOGUES, PASSAGES, CHARACTERS = 20260101, 40, 3, 500


def main():
    """Write the file."""
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default=os.path.join(here, "../models/demo"))
    parser.add_argument("--text", required=True, help="plain text whose end is held out")
    options = parser.parse_args()
    stream, text = generate.Dialogues(SEED), generate.split_text(options.text)[0]
    starts = [text.index("\n\n", len(text) * (index + 1) // (PASSAGES + 1)) + 2
              for index in range(PASSAGES)]
    samples = {"dialogues": [next(stream) for _ in range(DIALOGUES)],
               "passages": [text[start:start + CHARACTERS] for start in starts]}
    compact = json.dumps(samples, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    replace_file(os.path.join(options.model, "calibration.json"), compact + b"\n")


if __name__ == "__main__":
    main()
