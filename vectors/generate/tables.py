"""The four global tables of spec/01 §1.3 in exact arithmetic: writes ../tables.json.

Every entry is decided by integers. e^(-d/1024) is bracketed between two integers over 2^160, and the
program stops if a bracket contains a rounding boundary; square roots are integer square roots.
Needs nothing but Python's standard library.
"""

import hashlib
import json
import math
import pathlib

ONE = 1 << 160


def exp_brackets(count):
    """For d = 0 … count - 1, integers (low, high) with low <= 2^160 * e^(-d/1024) <= high."""
    # e^(-1/1024) = sum of (-1)^k / (k! 1024^k): alternating and falling, so that the sum up to an
    # odd k is below and the sum up to an even k is above. Each term is bracketed as well.
    low = high = ONE
    term_low = term_high = ONE
    for k in range(1, 40):
        term_low //= 1024 * k
        term_high = -(-term_high // (1024 * k))
        if k % 2 == 1:
            low, high = low - term_high, high - term_low
        else:
            low, high = low + term_low, high + term_high
    low, high = low - 2, high + 2
    a, b = ONE, ONE
    for _ in range(count):
        yield a, b
        a, b = a * low // ONE, -(-b * high // ONE)


def round_bracket(low, high):
    """The integer both fractions (numerator, denominator) round to."""
    a = (2 * low[0] + low[1]) // (2 * low[1])
    b = (2 * high[0] + high[1]) // (2 * high[1])
    assert a == b, "the bracket contains a tie"
    return a


def exp_table(brackets):
    near = [round_bracket((a << 14, ONE), (b << 14, ONE)) for a, b in brackets]
    assert near[-1] == 0
    return near + [0] * (65536 - len(near))


def silu_table(brackets):
    # x / (1 + e^-x) at x = v / 1024: v / (1 + q) for v >= 0 with q = e^(-v/1024), and v q / (1 + q) for
    # v < 0 with q = e^(v/1024), times 1024 / 1024.
    positive, negative = [], []
    for v, (a, b) in enumerate(brackets):
        positive.append(round_bracket((v * ONE, ONE + b), (v * ONE, ONE + a)))
        negative.append(round_bracket((-v * b, ONE + b), (-v * a, ONE + a)))
    return negative[:0:-1] + positive[:32768]


def rsqrt_entry(m):
    # round(2^19 / sqrt(m + 1/2)) = floor(2^19 / sqrt(m + 1/2) + 1/2) = the largest y with
    # (2y - 1)^2 (2m + 1) <= 2^41, because 2^19 / sqrt(m + 1/2) >= y - 1/2.
    root = math.isqrt((1 << 41) // (2 * m + 1))
    y = (root + 1) // 2
    assert (2 * y - 1) ** 2 * (2 * m + 1) < 1 << 41 < (2 * y + 1) ** 2 * (2 * m + 1)
    return y


def all_tables():
    """The tables by name, each a list in index order."""
    brackets = list(exp_brackets(32769))
    return {
        "exp": exp_table(brackets),
        "silu": silu_table(brackets),
        "recip": [(1 << 27) // (m + 1) for m in range(1 << 13, 1 << 14)],
        "rsqrt": [rsqrt_entry(m) for m in range(1 << 12, 1 << 14)],
    }


def describe(name, entries):
    lengths = {"exp": 65536, "silu": 65536, "recip": 8192, "rsqrt": 12288}
    assert len(entries) == lengths[name]
    middle = len(entries) // 2
    at = {0, 1, 2, len(entries) // 3, middle - 1300, middle, len(entries) - 1}
    if name == "exp":
        first_zero = entries.index(0)
        assert first_zero == 10647 and not any(entries[first_zero:])
        at |= {709, 1024, first_zero - 1, first_zero}
    data = b"".join(entry.to_bytes(2, "little", signed=True) for entry in entries)
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "entries": len(entries),
        "least": min(entries),
        "largest": max(entries),
        "samples": [[i, entries[i]] for i in sorted(at)],
    }


if __name__ == "__main__":
    out = {name: describe(name, entries) for name, entries in all_tables().items()}
    path = pathlib.Path(__file__).parent.parent / "tables.json"
    path.write_text(json.dumps(out, indent=1) + "\n")
