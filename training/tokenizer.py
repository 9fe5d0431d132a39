"""Byte-level BPE: training, encoding, decoding and the Hugging Face file format.

The pipeline is the one written to tokenizer.json: special tokens are cut out
first, every digit becomes a piece of its own, the rest is split by the GPT-2
pattern, bytes are mapped to printable characters, and merges apply by rank.
"""

import json
import re
import sys
import unicodedata
from collections import Counter, defaultdict

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
END_OF_TEXT, IM_START, IM_END = 0, 1, 2

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + "
    "message['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

# White space as in the Unicode property, which differs from Python's own class.
SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def _category_ranges(letter):
    """Body of a character class of all code points whose category starts with letter."""
    ranges, start = [], None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code))[0] == letter
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            ranges.append("%s-%s" % (re.escape(chr(start)), re.escape(chr(code - 1))))
            start = None
    return "".join(ranges)


_L, _N = _category_ranges("L"), _category_ranges("N")
DIGIT = re.compile("([%s])" % _N)
PIECE = re.compile(
    "'s|'t|'re|'ve|'m|'ll|'d| ?[{L}]+| ?[{N}]+| ?[^{S}{L}{N}]+|[{S}]+(?![^{S}])|[{S}]+"
    .format(L=_L, N=_N, S=SPACE))
SPECIAL_SPLIT = re.compile("(" + "|".join(re.escape(token) for token in SPECIAL) + ")")


def byte_characters():
    """The GPT-2 map from byte value to a printable character."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {byte: chr(byte) for byte in keep}, 0
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + extra)
            extra += 1
    return table


BYTE_TO_CHAR = byte_characters()
CHAR_TO_BYTE = {char: byte for byte, char in BYTE_TO_CHAR.items()}


def pieces(text):
    """Split text without special tokens into the pieces that merges never cross."""
    for part in DIGIT.split(text):
        if part:
            yield from PIECE.findall(part)


def to_characters(piece):
    """The piece's UTF-8 bytes as printable characters."""
    return "".join(BYTE_TO_CHAR[byte] for byte in piece.encode("utf-8"))


def train(texts, vocab_size):
    """Learn merges from an iterable of (text, weight); returns (vocab, merges)."""
    counts = Counter()
    for text, weight in texts:
        for part in SPECIAL_SPLIT.split(text):
            if part not in SPECIAL:
                for piece in pieces(part):
                    counts[to_characters(piece)] += weight
    words = [(list(word), count) for word, count in sorted(counts.items())]
    tokens = SPECIAL + sorted(CHAR_TO_BYTE)
    merges = []
    while len(tokens) < vocab_size:
        pairs = defaultdict(float)
        for symbols, count in words:
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        tokens.append(best[0] + best[1])
        for symbols, _ in words:
            _merge(symbols, best)
    return {token: index for index, token in enumerate(tokens)}, merges


def _merge(symbols, pair):
    """Replace each occurrence of pair in the list of symbols, left to right."""
    index = 0
    while index < len(symbols) - 1:
        if symbols[index] == pair[0] and symbols[index + 1] == pair[1]:
            symbols[index:index + 2] = [pair[0] + pair[1]]
        index += 1


class Tokenizer:
    """Encoder and decoder for a trained vocabulary."""

    def __init__(self, vocab, merges):
        self.vocab, self.merges = vocab, merges
        self.ranks = {tuple(pair): rank for rank, pair in enumerate(merges)}
        self.names = {index: token for token, index in vocab.items()}
        self.cache = {}

    @classmethod
    def load(cls, path):
        """Read a tokenizer.json written by save."""
        with open(path, encoding="utf-8") as file:
            model = json.load(file)["model"]
        return cls(model["vocab"], [tuple(merge.split(" ")) for merge in model["merges"]])

    def _piece(self, piece):
        """Token ids of one piece (cached)."""
        ids = self.cache.get(piece)
        if ids is None:
            symbols = list(to_characters(piece))
            while len(symbols) > 1:
                known = [pair for pair in zip(symbols, symbols[1:]) if pair in self.ranks]
                if not known:
                    break
                _merge(symbols, min(known, key=self.ranks.get))
            ids = self.cache[piece] = [self.vocab[symbol] for symbol in symbols]
        return ids

    def encode_plain(self, text):
        """Token ids of text in which special tokens are not recognised."""
        ids = []
        for piece in pieces(text):
            ids += self._piece(piece)
        return ids

    def encode(self, text):
        """Token ids of text, special tokens included."""
        ids = []
        for part in SPECIAL_SPLIT.split(text):
            if part in SPECIAL:
                ids.append(self.vocab[part])
            elif part:
                ids += self.encode_plain(part)
        return ids

    def decode(self, ids, skip_special=False):
        """Text of token ids; invalid UTF-8 becomes the replacement character."""
        out = bytearray()
        for index in ids:
            name = self.names[int(index)]
            if name in SPECIAL:
                out += b"" if skip_special else name.encode("utf-8")
            else:
                out += bytes(CHAR_TO_BYTE[char] for char in name)
        return out.decode("utf-8", "replace")

    def save(self, path):
        """Write tokenizer.json."""
        added = [{"id": index, "content": token, "single_word": False, "lstrip": False,
                  "rstrip": False, "normalized": False, "special": True}
                 for index, token in enumerate(SPECIAL)]
        byte_level = {"type": "ByteLevel", "add_prefix_space": False,
                      "trim_offsets": True, "use_regex": True}
        document = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added,
            "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": "\\p{N}"},
                 "behavior": "Isolated", "invert": False},
                byte_level,
            ]},
            "post_processor": None,
            "decoder": byte_level,
            "model": {
                "type": "BPE", "dropout": None, "unk_token": None,
                "continuing_subword_prefix": None, "end_of_word_suffix": None,
                "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                "vocab": self.vocab,
                "merges": [" ".join(pair) for pair in self.merges],
            },
        }
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False, indent=1)


def render(messages, generation=False):
    """The chat template, in Python."""
    text = "".join("%s%s\n%s%s\n" % (SPECIAL[IM_START], message["role"],
                                     message["content"], SPECIAL[IM_END])
                   for message in messages)
    return text + (SPECIAL[IM_START] + "assistant\n" if generation else "")
