"""Writes ../requant.json, ../operators.json, ../program.json and ../invalid-programs.json.

Expected values come from integer_program.py; the codes of invalid programs are stated here by hand.
"""

import copy
import json
import pathlib
import struct

import integer_program as ip

HERE = pathlib.Path(__file__).parent.parent
TOP = ip.LIMIT - 1


class Random:
    """A linear congruential generator (Knuth's MMIX), so that the vectors never depend on Python's version."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.state >> 33) % n

    def within(self, least, most):
        return least + self.below(most - least + 1)

    def pick(self, choices):
        return choices[self.below(len(choices))]


def write(name, value):
    """JSON with one line for each item of each list at the top, and each on it compact."""
    lines = []
    for key, items in value.items():
        rows = ",\n".join("  " + json.dumps(item, ensure_ascii=False) for item in items)
        lines.append(f" {json.dumps(key)}: [\n{rows}\n ]")
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


# --- requantisation ----------------------------------------------------------------------------------------------


def requant_cases():
    random = Random(1)
    half = lambda s: (1 << s) >> 1
    rshifts, sixteen, twentyfour = set(), set(), set()
    for s in (0, 1, 2, 3, 14, 27, 28):
        for x in (0, 1, 2, 3, half(s) - 1, half(s), half(s) + 1, 3 * half(s), TOP - half(s), random.below(TOP - half(s))):
            for value in (x, -x):
                if abs(value) + half(s) < ip.LIMIT:
                    rshifts.add((value, s, ip.rshift(value, s)))
    for s in (0, 1, 5, 13, 28):
        for m in (1, 2, 8192, 16383):
            for t in (0, 1, 14, 16):
                bound = random.pick((1, 127, 2047, 32766, 32767))
                for acc in (0, 1, -1, half(s), -half(s), -half(s) - 1, TOP - half(s), half(s) - TOP, random.within(-32767, 32767) << min(s, 12)):
                    if abs(acc) + half(s) < ip.LIMIT:
                        sixteen.add((acc, s, m, t, bound, ip.requant16(acc, s, m, t, bound)))
    for s in (0, 1, 6, 15, 28):
        for m in (1, 3, 8192, 16383):
            for acc in (0, 1, -1, 16383, 16384, -16384, -16385, 1 << 22, TOP, -TOP, random.within(-TOP, TOP), random.within(-(1 << 20), 1 << 20)):
                if (abs(acc) * m >> 14) + 1 + half(s) < ip.LIMIT:
                    twentyfour.add((acc, m, s, ip.requant24(acc, m, s)))
    return {
        "rshift: x, s, y": sorted(rshifts),
        "requant16: acc, s, M, t, B, y": sorted(sixteen),
        "requant24: acc, M, s, y": sorted(twentyfour),
    }


# --- operators ---------------------------------------------------------------------------------------------------


def row(random, width, bound):
    return [random.pick((-bound, bound, 0, random.within(-bound, bound), random.within(-bound, bound))) for _ in range(width)]


def multipliers(random, count):
    return [random.pick((1, 16383, random.within(1, 16383))) for _ in range(count)]


def operator_cases():
    random = Random(2)
    cases = []
    for m, s in ((16383, 0), (16383, 20), (1, 0), (1, 20), (8192, 13), (9999, 5)):
        weight = [127, -127, 1, -1, 0, 64, -64, *(random.within(-127, 127) for _ in range(4))]
        y = [ip.rshift(e * m, s) for e in weight]
        cases.append({"op": "embed", "s": s, "weight": weight, "multiplier": m, "y": y})
    for width, bits in ((1, 8), (5, 11), (37, 15), (3, 15), (2, 8)):
        for bound in (0, 1, (1 << bits) - 1, 1 << bits, (1 << bits + 1) - 1, (1 << 22) - 1, 1 << 22, 500_000_000):
            x = row(random, width, bound)
            y, e = ip.rowscale(x, bits)
            cases.append({"op": "rowscale", "bits": bits, "x": x, "y": y, "exponent": e})
    for width, bound, e, epsilon, s, t, out in (
        (1, 32767, 0, 0, 0, 0, 32767),
        (37, 32767, 14, TOP, 12, 16, 1),
        (70, 32767, 3, 12345, 3, 14, 4095),
        (6, 255, 0, 77, 2, 12, 32767),
        (5, 0, 0, 0, 4, 14, 2047),
        (5, 0, 1, 1 << 20, 4, 14, 2047),
        (9, 1, 0, 0, 5, 13, 2047),
        (64, 2047, 11, 1 << 25, 1, 13, 8191),
    ):
        x, m = row(random, width, bound), multipliers(random, width)
        attributes = {"epsilon": epsilon, "s": s, "t": t, "bound": out}
        y = ip.rmsnorm(x, e, m, epsilon, s, t, out)
        cases.append({"op": "rmsnorm", **attributes, "x": x, "exponent": e, "multiplier": m, "y": y})
    all_low = [-32767] * 70
    y = ip.rmsnorm(all_low, 0, [16383] * 70, 0, 0, 13, 32767)
    cases.append({"op": "rmsnorm", "epsilon": 0, "s": 0, "t": 13, "bound": 32767, "x": all_low, "exponent": 0, "multiplier": [16383] * 70, "y": y})
    for n, k, bound, has_bias in ((3, 1, 32767, False), (2, 37, 32767, True), (5, 65, 4000, True), (1, 70, 32767, False)):
        x = row(random, k, bound)
        weight = [row(random, k, 127) for _ in range(n)]
        bias = row(random, n, 1 << 20) if has_bias else None
        y = ip.matmul(x, weight, bias or [0] * n)
        cases.append({"op": "matmul", "x": x, "weight": weight, "bias": bias, "y": y})
    x = list(range(-32767, 32768, 977)) + [-1310, -1309, -1308, -1, 0, 1, 32767]
    cases.append({"op": "table", "table": 1, "x": x, "y": [ip.TABLES["silu"][v + 32768] for v in x]})
    for head_dim, heads, bound, s, out in ((2, 1, 16383, 14, 32767), (10, 3, 16383, 15, 2047), (6, 2, 2047, 14, 2047), (4, 1, 16383, 0, 32767), (4, 1, 1, 15, 1)):
        x = row(random, head_dim * heads, bound)
        angles = [[random.within(-16384, 16384), random.pick((-16384, 16384, random.within(-16384, 16384)))] for _ in range(head_dim // 2)]
        y = ip.rope(x, head_dim, angles, s, out)
        cases.append({"op": "rope", "headDim": head_dim, "s": s, "bound": out, "x": x, "angles": angles, "y": y})
    cases += attention_cases(random)
    return {"operators": cases}


def attention_cases(random):
    cases = []
    for heads, groups, head_dim, positions, bound in ((1, 1, 1, 1, 23170), (6, 2, 10, 3, 7000), (3, 3, 2, 5, 16383), (4, 1, 6, 2, 2047)):
        q = row(random, heads * head_dim, bound)
        cache = [row(random, groups * head_dim, bound) for _ in range(positions)]
        y = ip.qk(q, cache, head_dim, heads)
        cases.append({"op": "qk", "headDim": head_dim, "heads": heads, "q": q, "cache": cache, "y": y})
    for heads, positions, bound, s in ((1, 1, TOP - 1, 0), (2, 3, 1 << 20, 0), (3, 70, 1 << 24, 8), (2, 33, 1 << 28, 10), (1, 2, 500_000_000, 15), (2, 9, 1, 0), (1, 50, 0, 28), (1, 600, 3000, 0)):
        x = [row(random, positions, bound) for _ in range(heads)]
        m = [random.within(8000, 16383) for _ in range(heads)]
        p, mass = ip.softmax(x, m, s)
        cases.append({"op": "softmax", "s": s, "x": x, "multiplier": m, "y": p, "mass": mass})
        groups = 1 if heads == 2 else heads
        head_dim = random.pick((1, 2, 5))
        cache = [row(random, groups * head_dim, 16383) for _ in range(positions)]
        o = ip.pv(p, cache, head_dim, heads)
        cases.append({"op": "pv", "headDim": head_dim, "heads": heads, "p": p, "cache": cache, "y": o})
        shift, t, out = random.pick((0, 10, 14, 14, 15)), random.pick((15, 16, 17)), random.pick((32767, 16383, 100))
        y = ip.pnorm(o, mass, head_dim, shift, t, out)
        cases.append({"op": "pnorm", "headDim": head_dim, "s": shift, "t": t, "bound": out, "x": o, "mass": mass, "y": y})
    # A large and even spread: many weights floor away, and pnorm restores the mass.
    x = [[j % 7 for j in range(3000)]]
    p, mass = ip.softmax(x, [16383], 0)
    cases.append({"op": "softmax", "s": 0, "x": x, "multiplier": [16383], "y": p, "mass": mass})
    o = [TOP - (1 << 14), -(TOP - (1 << 14)), 0, 1, -1, 12345678, -16384, 16384]
    for mass in (16378, 16383, 16384, 32762, 32767):
        for t in (15, 17):
            y = ip.pnorm(o, [mass], 8, 14, t, 32767)
            cases.append({"op": "pnorm", "headDim": 8, "s": 14, "t": t, "bound": 32767, "x": o, "mass": [mass], "y": y})
    return cases


# --- programs ----------------------------------------------------------------------------------------------------


class Builder:
    def __init__(self, random):
        self.random = random
        self.tensors = []
        self.operators = []

    def tensor(self, kind, dims, data):
        self.tensors.append({"type": kind, "dims": dims, "data": data})
        return len(self.tensors) - 1

    def matrix(self, n, k):
        data = []
        for _ in range(n):
            data += [self.random.within(-127, 127) for _ in range(k)] + [0] * (ip.stride(k) - k)
        return self.tensor("int8", [n, k], data)

    def m(self, count, least=8192):
        return self.tensor("uint16", [count], [self.random.within(least, 16383) for _ in range(count)])

    def bias(self, n):
        return self.tensor("int32", [n], [self.random.within(-40000, 40000) for _ in range(n)])

    def angles(self, context, pairs):
        data = [self.random.within(-16384, 16384) for _ in range(context * pairs * 2)]
        return self.tensor("int16", [context, pairs, 2], data)

    def op(self, name, **fields):
        self.operators.append({"op": name, **fields})


def smallest_program():
    b = Builder(Random(3))
    b.op("embed", weight=b.matrix(3, 2), multiplier=b.m(3), s=0)
    b.op("rowscale", x=0, bits=15)
    b.op("matmul", x=1, weight=b.matrix(3, 2), bias=None)
    b.op("requant24", x=3, exponent=None, multiplier=b.m(3), s=0)
    return {"context": 2, "vocab": 3, "operators": b.operators, "blocks": [{"end": 1, "state": 0}], "tensors": b.tensors, "assets": [], "endTokens": []}


def complete_program():
    """Every operator; vocab 5, rows of 4, 2 heads of 2 in 1 group."""
    b = Builder(Random(4))
    embedding = b.matrix(5, 4)
    b.op("embed", weight=embedding, multiplier=b.m(5), s=0)
    b.op("rowscale", x=0, bits=12)
    b.op("rmsnorm", x=1, exponent=2, multiplier=b.m(4), epsilon=5, s=4, t=16, bound=4095)
    b.op("matmul", x=3, weight=b.matrix(4, 4), bias=None)
    b.op("requant16", x=4, multiplier=b.m(4), s=4, t=16, bound=2047)
    b.op("rope", x=5, table=b.angles(6, 1), headDim=2, s=14, bound=2047)
    b.op("matmul", x=3, weight=b.matrix(2, 4), bias=b.bias(2))
    b.op("requant16", x=7, multiplier=b.m(2), s=4, t=16, bound=2047)
    b.op("append", x=8)
    b.op("matmul", x=3, weight=b.matrix(2, 4), bias=None)
    b.op("requant16", x=9, multiplier=b.m(2), s=4, t=15, bound=8191)
    b.op("append", x=10)
    b.op("qk", q=6, cache=0, headDim=2, heads=2)
    b.op("softmax", x=11, multiplier=b.m(2), s=10)
    b.op("pv", p=12, cache=1, headDim=2, heads=2)
    b.op("pnorm", x=14, mass=13, headDim=2, s=14, t=15, bound=8191)
    b.op("matmul", x=15, weight=b.matrix(4, 4), bias=b.bias(4))
    b.op("requant24", x=16, exponent=None, multiplier=b.m(4), s=8)
    b.op("add", a=0, b=17)
    b.op("rowscale", x=18, bits=14)
    b.op("rmsnorm", x=19, exponent=20, multiplier=b.m(4), epsilon=0, s=3, t=15, bound=8191)
    b.op("matmul", x=21, weight=b.matrix(3, 4), bias=None)
    b.op("requant16", x=22, multiplier=b.m(3), s=6, t=15, bound=8191)
    b.op("table", x=23, table=1)
    b.op("matmul", x=21, weight=b.matrix(3, 4), bias=None)
    b.op("requant16", x=25, multiplier=b.m(3), s=6, t=15, bound=8191)
    b.op("mul", a=24, b=26)
    b.op("rowscale", x=27, bits=15)
    b.op("matmul", x=28, weight=b.matrix(4, 3), bias=None)
    b.op("requant24", x=30, exponent=29, multiplier=b.m(4), s=15)
    b.op("add", a=18, b=31)
    b.op("rowscale", x=32, bits=15)
    b.op("rmsnorm", x=33, exponent=34, multiplier=b.m(4), epsilon=1, s=3, t=14, bound=32767)
    b.op("matmul", x=35, weight=embedding, bias=None)
    b.op("requant24", x=36, exponent=None, multiplier=b.m(5), s=10)
    return {
        "context": 6,
        "vocab": 5,
        "operators": b.operators,
        "blocks": [{"end": 19, "state": 18}, {"end": 31, "state": 32}],
        "tensors": b.tensors,
        "assets": [
            {"kind": "tokenizer", "data": b'{"version":"1.0"}' + b" " * 1100},
            {"kind": "chatTemplate", "data": "{{ messages }}é".encode()},
        ],
        "endTokens": [4, 2],
    }


def odd_program():
    """Blocks without appends and with three, a state that is not its block's last row, states of other widths."""
    b = Builder(Random(5))
    b.op("embed", weight=b.matrix(7, 65), multiplier=b.m(7, 1), s=1)
    b.op("add", a=0, b=0)
    b.op("rowscale", x=1, bits=8)
    b.op("matmul", x=2, weight=b.matrix(3, 65), bias=None)
    b.op("requant16", x=4, multiplier=b.m(3), s=0, t=3, bound=16383)
    b.op("append", x=5)
    b.op("matmul", x=2, weight=b.matrix(12, 65), bias=b.bias(12))
    b.op("requant16", x=6, multiplier=b.m(12), s=9, t=14, bound=1000)
    b.op("append", x=7)
    b.op("append", x=7)
    b.op("qk", q=7, cache=0, headDim=1, heads=12)
    b.op("softmax", x=8, multiplier=b.m(12), s=3)
    b.op("pv", p=9, cache=1, headDim=1, heads=12)
    b.op("requant24", x=11, exponent=None, multiplier=b.m(12), s=4)
    b.op("pnorm", x=11, mass=10, headDim=1, s=10, t=17, bound=300)
    b.op("mul", a=7, b=13)
    b.op("rowscale", x=14, bits=13)
    b.op("table", x=15, table=1)
    b.op("matmul", x=15, weight=b.matrix(7, 12), bias=None)
    b.op("requant24", x=18, exponent=None, multiplier=b.m(7, 1), s=12)
    b.op("add", a=19, b=19)
    b.op("rowscale", x=20, bits=15)
    b.op("rmsnorm", x=21, exponent=22, multiplier=b.m(7), epsilon=536870911, s=0, t=13, bound=32767)
    b.op("requant24", x=23, exponent=22, multiplier=b.m(7), s=20)
    return {
        "context": 5,
        "vocab": 7,
        "operators": b.operators,
        "blocks": [{"end": 2, "state": 1}, {"end": 18, "state": 15}, {"end": 19, "state": 18}],
        "tensors": b.tensors,
        "assets": [],
        "endTokens": [0],
    }


def program_case(name, program, tokens):
    results = ip.run(program, tokens)
    random = Random(len(tokens))
    choices = []
    for position, (logits, _) in enumerate(results):
        for inv, top in ((0, 65536), (1024, 65536), (1, 65536), (724, 58982), (16383, 32768), (500, 1), (3, 20000)):
            seed = bytes(random.below(256) for _ in range(32))
            token = ip.choose_token(logits, inv, top, seed, position)
            choices.append({"invTemperature": inv, "topP": top, "seed": seed.hex(), "position": position, "token": token})
    data = ip.encode_program(program)
    assert ip.decode_program(data) == program
    return {
        "name": name,
        "hex": data.hex(),
        "root": ip.program_root(program).hex(),
        "tokens": tokens,
        "logits": [logits for logits, _ in results],
        "traceRoot": ip.trace_root([trace for _, trace in results]).hex(),
        "choices": choices,
    }


def choice_cases():
    """Choices from logits that no tiny program gives."""
    random = Random(6)
    cases = []
    wide = [random.within(-(1 << 22), 1 << 22) for _ in range(300)]
    near = [random.within(-3000, 0) for _ in range(1000)]
    tied = [0, -700, -700, -700, -1400, -700, -1400]
    for logits in ([5], [-7, -7], wide, near, tied, [1 << 22, -(1 << 22)], [0] * 65):
        for inv, top in ((0, 1), (1, 65536), (1024, 65536), (1024, 58982), (16383, 65535), (700, 1), (1024, 33000)):
            seed = bytes(random.below(256) for _ in range(32))
            position = random.pick((0, 1, 16383, 1 << 40))
            token = ip.choose_token(logits, inv, top, seed, position)
            cases.append({"logits": logits, "invTemperature": inv, "topP": top, "seed": seed.hex(), "position": position, "token": token})
    return cases


# --- invalid programs --------------------------------------------------------------------------------------------


def decode_cases():
    program = smallest_program()
    good = ip.encode_program(program)
    operators_at = 32 + 4
    tensors_at = operators_at + 64 * len(program["operators"])
    with_asset = copy.deepcopy(program)
    with_asset["assets"] = [{"kind": "tokenizer", "data": b"{}"}]
    asset = ip.encode_program(with_asset)
    asset_at = tensors_at + 16 * len(program["tensors"])

    def patched(data, offset, layout, *values):
        out = bytearray(data)
        struct.pack_into(layout, out, offset, *values)
        return bytes(out)

    embed, rowscale, matmul, requant = (operators_at + 64 * i for i in range(4))
    yield "empty", b"", "PROGRAM_LENGTH"
    yield "31 bytes", good[:31], "PROGRAM_LENGTH"
    yield "its lists are cut off", good[:100], "PROGRAM_LENGTH"
    yield "one byte short", good[:-1], "PROGRAM_LENGTH"
    yield "one byte more", good + b"\0", "PROGRAM_LENGTH"
    yield "64 bytes more", good + bytes(64), "PROGRAM_LENGTH"
    yield "another magic", b"ASSAYPRF" + good[8:], "PROGRAM_MAGIC"
    yield "version 2", patched(good, 8, "<I", 2), "PROGRAM_VERSION"
    for i, limit in enumerate((4096, 1024, 4096, 8, 16)):
        yield f"count {i} above its limit", patched(good, 20 + 2 * i, "<H", limit + 1), "PROGRAM_COUNT"
    for i in range(3):
        yield f"count {i} is zero", patched(good, 20 + 2 * i, "<H", 0), "PROGRAM_COUNT"
    yield "reserved field of the head", patched(good, 30, "<H", 1), "PROGRAM_NOT_ZERO"
    yield "opcode 0", patched(good, embed, "<H", 0), "PROGRAM_OPCODE"
    yield "opcode 16", patched(good, embed, "<H", 16), "PROGRAM_OPCODE"
    yield "first reserved field of a record", patched(good, embed + 2, "<H", 1), "PROGRAM_UNUSED"
    yield "second reserved field of a record", patched(good, embed + 18, "<H", 1), "PROGRAM_UNUSED"
    yield "unused input", patched(good, embed + 4, "<H", 0), "PROGRAM_UNUSED"
    yield "unused cache", patched(good, embed + 10, "<H", 0), "PROGRAM_UNUSED"
    yield "unused tensor", patched(good, embed + 16, "<H", 0), "PROGRAM_UNUSED"
    yield "unused attribute", patched(good, embed + 24, "<i", 1), "PROGRAM_UNUSED"
    yield "last attribute", patched(good, embed + 60, "<i", -1), "PROGRAM_UNUSED"
    yield "missing input", patched(good, rowscale + 4, "<H", 0xFFFF), "PROGRAM_OPERAND"
    yield "missing tensor", patched(good, matmul + 12, "<H", 0xFFFF), "PROGRAM_OPERAND"
    yield "missing cache", patched(patched(good, rowscale, "<H", 12), rowscale + 24, "<i", 1), "PROGRAM_OPERAND"
    yield "table 0", patched(patched(good, rowscale, "<H", 8), rowscale + 20, "<i", 0), "PROGRAM_TABLE"
    yield "table 2", patched(patched(good, rowscale, "<H", 8), rowscale + 20, "<i", 2), "PROGRAM_TABLE"
    yield "tensor type 0", patched(good, tensors_at, "<B", 0), "PROGRAM_TENSOR_TYPE"
    yield "tensor type 5", patched(good, tensors_at, "<B", 5), "PROGRAM_TENSOR_TYPE"
    yield "matrix of rank 1", patched(good, tensors_at + 1, "<B", 1), "PROGRAM_TENSOR_DIMENSIONS"
    yield "matrix with a third dimension", patched(good, tensors_at + 12, "<I", 2), "PROGRAM_TENSOR_DIMENSIONS"
    yield "matrix without rows", patched(good, tensors_at + 4, "<I", 0), "PROGRAM_TENSOR_DIMENSIONS"
    yield "reserved field of a tensor", patched(good, tensors_at + 2, "<H", 1), "PROGRAM_NOT_ZERO"
    yield "matrix larger than the file", patched(good, tensors_at + 4, "<I", 0xFFFFFFFF), "PROGRAM_LENGTH"
    yield "matrix larger than any number", patched(good, tensors_at + 4, "<II", 0xFFFFFFFF, 0xFFFFFFFF), "PROGRAM_LENGTH"
    yield "padding of a tensor", good[:-1] + b"\1", "PROGRAM_NOT_ZERO"
    yield "padding of an asset", asset[:-1] + b"\1", "PROGRAM_NOT_ZERO"
    yield "asset kind 0", patched(asset, asset_at, "<B", 0), "PROGRAM_ASSET_KIND"
    yield "asset kind 3", patched(asset, asset_at, "<B", 3), "PROGRAM_ASSET_KIND"
    yield "reserved field of an asset", patched(asset, asset_at + 1, "<B", 1), "PROGRAM_NOT_ZERO"
    yield "asset of more than 16 MiB", patched(asset, asset_at + 4, "<I", (16 << 20) + 1), "PROGRAM_ASSET_LENGTH"
    yield "asset longer than the file", patched(asset, asset_at + 4, "<I", 65), "PROGRAM_LENGTH"


def check_cases():
    base = complete_program()
    base["assets"] = []

    def changed(**fields):
        program = copy.deepcopy(base)
        program.update(fields)
        return program

    def operator(index, **fields):
        program = copy.deepcopy(base)
        for name in fields:
            assert name in program["operators"][index], name
        program["operators"][index].update(fields)
        return program

    def replaced(index, op):
        program = copy.deepcopy(base)
        program["operators"][index] = op
        return program

    def tensor(index, field, element, value):
        program = copy.deepcopy(base)
        tensor_id = program["operators"][index][field]
        program["tensors"][tensor_id]["data"][element] = value
        return program

    def blocks(*pairs):
        return changed(blocks=[{"end": end, "state": state} for end, state in pairs])

    def appended_to_head():
        program = copy.deepcopy(base)
        program["operators"].insert(33, {"op": "append", "x": 35})
        return program

    def doubled(times):
        """Adds a row within 2^22 to itself, its sum to itself and so on, before the block ends."""
        program = copy.deepcopy(base)
        program["operators"][18:19] = [{"op": "add", "a": 17 + i, "b": 17 + i} for i in range(times)]
        program["operators"] = program["operators"][: 18 + times]
        program["blocks"] = [{"end": 18 + times, "state": 17 + times}]
        v = 18 + times
        program["operators"] += [
            {"op": "requant24", "x": 17 + times, "exponent": None, "multiplier": base["operators"][17]["multiplier"], "s": 15},
            {"op": "rowscale", "x": v, "bits": 15},
            {"op": "matmul", "x": v + 1, "weight": 0, "bias": None},
            {"op": "requant24", "x": v + 3, "exponent": None, "multiplier": 1, "s": 0},
        ]
        return program

    def bias(excess):
        """The bias of the first matmul that has one, so that its row 1 exceeds what is allowed by `excess`."""
        program = copy.deepcopy(base)
        o = program["operators"][6]
        row = program["tensors"][o["weight"]]["data"][64:68]
        room = TOP - 4095 * sum(map(abs, row))
        program["tensors"][o["bias"]]["data"][1] = -(room + excess)
        # Keep the shift of what follows from being the one that refuses.
        program["operators"][7]["s"] = 0
        return program

    yield "the program these are made from", base, None
    yield "context 0", changed(context=0), "CHECK_HEAD"
    yield "context 16385", changed(context=16385), "CHECK_HEAD"
    yield "vocab 0", changed(vocab=0), "CHECK_HEAD"
    yield "vocab 2^18 + 1", changed(vocab=(1 << 18) + 1), "CHECK_HEAD"
    yield "end token outside the vocabulary", changed(endTokens=[5]), "CHECK_HEAD"
    yield "empty block", blocks((19, 18), (19, 18)), "CHECK_BLOCKS"
    yield "blocks out of order", blocks((31, 32), (19, 18)), "CHECK_BLOCKS"
    yield "no head", blocks((19, 18), (35, 37)), "CHECK_BLOCKS"
    yield "end beyond the operators", blocks((19, 18), (36, 37)), "CHECK_BLOCKS"
    yield "state of another block", blocks((19, 18), (31, 18)), "CHECK_BLOCKS"
    yield "state is an exponent", blocks((19, 2), (31, 32)), "CHECK_BLOCKS"
    yield "state is not defined yet", blocks((19, 32), (31, 32)), "CHECK_BLOCKS"
    yield "first operator is no embed", replaced(0, {"op": "rowscale", "x": 0, "bits": 8}), "CHECK_EMBED"
    second = {**base["operators"][0]}
    yield "second embed", replaced(3, second), "CHECK_EMBED"
    yield "logits of another width", replaced(33, {**base["operators"][33], "weight": base["operators"][3]["weight"]}), "CHECK_TENSOR_SHAPE"
    yield "last operator is no requant24", replaced(34, {"op": "add", "a": 36, "b": 36}), "CHECK_LOGITS"
    yield "logits as wide as the rows", replaced(34, {**base["operators"][17], "x": 35}), "CHECK_LOGITS"
    yield "append in the head", appended_to_head(), "CHECK_HEAD_APPEND"
    yield "variable read before it is defined", operator(1, x=1), "CHECK_VARIABLE"
    yield "variable of the block before that is not its state", operator(19, x=17), "CHECK_BLOCK_READ"
    yield "state of the block before the one before", operator(31, x=18), "CHECK_BLOCK_READ"
    yield "exponent where a row is read", operator(3, x=2), "CHECK_KIND"
    yield "row where an exponent is read", operator(2, exponent=1), "CHECK_KIND"
    yield "row where a ragged value is read", operator(13, x=6), "CHECK_KIND"
    yield "row where a mass is read", operator(15, mass=10), "CHECK_KIND"
    yield "ragged value where a row is read", operator(16, x=12), "CHECK_KIND"
    yield "rmsnorm of a row that was not scaled", operator(2, x=0), "CHECK_SOURCE"
    yield "softmax of a softmax", replaced(14, {"op": "softmax", "x": 12, "multiplier": base["operators"][13]["multiplier"], "s": 0}), "CHECK_SOURCE"
    yield "pv of raw scores", operator(14, p=11), "CHECK_SOURCE"
    yield "pnorm of another row", operator(15, x=6), "CHECK_SOURCE"
    yield "pnorm with the mass of another softmax", other_mass(base), "CHECK_SOURCE"
    yield "rmsnorm with the exponent of another rowscale", other_exponent(base), "CHECK_SOURCE"
    yield "add of different widths", replaced(18, {"op": "add", "a": 0, "b": 10}), "CHECK_WIDTH"
    yield "mul of different widths", replaced(26, {"op": "mul", "a": 24, "b": 21}), "CHECK_WIDTH"
    yield "heads that are not as wide as q", operator(12, heads=3), "CHECK_WIDTH"
    yield "heads that are no multiple of the groups", with_fields(base, {8: {"x": 6}, 12: {"q": 10, "headDim": 1}}), "CHECK_WIDTH"
    yield "rope over a part of the row", operator(5, headDim=4), "CHECK_TENSOR_SHAPE"
    yield "pv with another number of heads", operator(14, heads=4), "CHECK_WIDTH"
    yield "pnorm with another dimension", operator(15, headDim=4), "CHECK_WIDTH"
    yield "cache that does not exist", operator(12, cache=2), "CHECK_CACHE"
    yield "cache of a later append", swapped(base, 11, 12, cache=1), "CHECK_CACHE"
    yield "cache of another block", replaced(21, {"op": "qk", "q": 18, "cache": 0, "headDim": 2, "heads": 2}), "CHECK_CACHE"
    for index, name, values in (
        (0, "s", (-1, 21)),
        (1, "bits", (7, 16)),
        (2, "epsilon", (-1, 1 << 29)),
        (2, "s", (-1, 13)),
        (2, "t", (-1, 17)),
        (2, "bound", (0, 32768)),
        (4, "s", (-1, 29)),
        (4, "t", (-1, 17)),
        (4, "bound", (0, 32768)),
        (5, "headDim", (0, -2, 1, 3)),
        (5, "s", (-1, 16)),
        (5, "bound", (0, 32768)),
        (12, "headDim", (0, 3)),
        (12, "heads", (0, -1)),
        (13, "s", (-1, 29)),
        (15, "headDim", (0, 5)),
        (15, "s", (-1, 16)),
        (15, "t", (14, 18)),
        (15, "bound", (0, 32768)),
        (17, "s", (-1, 29)),
    ):
        for value in values:
            yield f"operator {index}: {name} {value}", operator(index, **{name: value}), "CHECK_ATTRIBUTE"
    yield "tensor that does not exist", operator(3, weight=len(base["tensors"])), "CHECK_TENSOR"
    yield "multiplier that is a matrix", operator(2, multiplier=0), "CHECK_TENSOR_TYPE"
    yield "bias that is a multiplier", operator(6, bias=base["operators"][7]["multiplier"]), "CHECK_TENSOR_TYPE"
    yield "embedding for another vocabulary", changed(vocab=4, endTokens=[]), "CHECK_TENSOR_SHAPE"
    yield "angles for another context", changed(context=5), "CHECK_TENSOR_SHAPE"
    yield "matrix for another width", operator(28, weight=0), "CHECK_TENSOR_SHAPE"
    yield "multiplier of another length", operator(4, multiplier=base["operators"][7]["multiplier"]), "CHECK_TENSOR_SHAPE"
    yield "bias of another length", operator(16, bias=base["operators"][6]["bias"]), "CHECK_TENSOR_SHAPE"
    yield "multiplier 0", tensor(4, "multiplier", 3, 0), "CHECK_TENSOR_VALUE"
    yield "multiplier 16384", tensor(4, "multiplier", 0, 16384), "CHECK_TENSOR_VALUE"
    yield "weight -128", tensor(3, "weight", 64, -128), "CHECK_TENSOR_VALUE"
    yield "weight -128 in the embedding", tensor(0, "weight", 0, -128), "CHECK_TENSOR_VALUE"
    yield "padding of a row", tensor(3, "weight", 127, 1), "CHECK_TENSOR_VALUE"
    yield "cosine 16385", tensor(5, "table", 2, 16385), "CHECK_TENSOR_VALUE"
    yield "sine -16385", tensor(5, "table", 3, -16385), "CHECK_TENSOR_VALUE"
    yield "matmul of a residual row", operator(3, x=0), "CHECK_INPUT_BOUND"
    yield "append of a residual row", operator(8, x=0), "CHECK_INPUT_BOUND"
    yield "table of a sum", operator(23, x=22), "CHECK_INPUT_BOUND"
    yield "a row's bound is 2^29 - 1", bias(0), None
    yield "a row's bound is 2^29", bias(1), "CHECK_OVERFLOW"
    yield "sum of 2^28", doubled(6), None
    yield "sum of 2^29", doubled(7), "CHECK_OVERFLOW"
    yield "product of 32767 and 16384", operator(25, bound=16384), None
    yield "product of 32767 and 16385", operator(25, bound=16385), "CHECK_OVERFLOW"
    yield "turned row of 16383, s 15", with_fields(base, {4: {"bound": 16383}, 5: {"s": 15}}), None
    yield "turned row of 16384", with_fields(base, {4: {"bound": 16384}}), "CHECK_OVERFLOW"
    yield "scores of 2 · 16383 · 16384", with_fields(base, {5: {"bound": 16384}, 7: {"bound": 16383}}), None
    yield "scores of 2 · 16384 · 16384", with_fields(base, {5: {"bound": 16384}, 7: {"bound": 16384}}), "CHECK_OVERFLOW"
    yield "values of 16383", with_fields(base, {10: {"bound": 16383}}), None
    yield "values of 16384", with_fields(base, {10: {"bound": 16384}}), "CHECK_OVERFLOW"
    yield "shift of o by 15 with values of 16383", with_fields(base, {10: {"bound": 16383}, 15: {"s": 15}}), None
    yield "exponent as large as the shift", operator(29, s=13), None
    yield "exponent larger than the shift", operator(29, s=12), "CHECK_SHIFT"
    yield "requant16 whose rounding exceeds", requant16_edge(base, 1), "CHECK_OVERFLOW"
    yield "requant16 whose rounding fits", requant16_edge(base, 0), None
    yield "requant24 whose rounding exceeds", requant24_edge(base, 1), "CHECK_OVERFLOW"
    yield "requant24 whose rounding fits", requant24_edge(base, 0), None


def with_fields(base, changes):
    program = copy.deepcopy(base)
    for index, fields in changes.items():
        program["operators"][index].update(fields)
    return program


def swapped(base, first, second, **fields):
    program = copy.deepcopy(base)
    operators = program["operators"]
    operators[first], operators[second] = operators[second], operators[first]
    operators[first].update(fields)
    return program


def other_exponent(base):
    """A second rowscale in front of the rmsnorm; every later variable number grows by two."""
    program = copy.deepcopy(base)
    renumber(program, 3, 2)
    program["operators"].insert(2, {"op": "rowscale", "x": 0, "bits": 12})
    program["operators"][3]["exponent"] = 4
    for block in program["blocks"]:
        block["end"] += 1
    return program


def other_mass(base):
    """A second softmax of the same scores, whose mass is not the one of the first one's weights."""
    program = copy.deepcopy(base)
    renumber(program, 14, 2)
    program["operators"].insert(14, {**program["operators"][13]})
    program["operators"][16]["mass"] = 15
    for block in program["blocks"]:
        block["end"] += 1
    return program


def renumber(program, first, by):
    for o in program["operators"]:
        for name in ("x", "a", "b", "q", "p", "mass", "exponent"):
            if isinstance(o.get(name), int) and o[name] >= first:
                o[name] += by
    for block in program["blocks"]:
        if block["state"] >= first:
            block["state"] += by


def requant16_edge(base, excess):
    """A bias that leaves 2^(s-1) - 1 to the rounding of the requant16 after it, and one more if asked."""
    program = copy.deepcopy(base)
    o = program["operators"][6]
    sum_of_row = sum(map(abs, program["tensors"][o["weight"]]["data"][:4]))
    program["operators"][7]["s"] = 9
    program["tensors"][o["bias"]]["data"][0] = TOP - 256 - 4095 * sum_of_row + excess
    return program


def requant24_edge(base, excess):
    """The same for the requant24 behind the attention's projection, with M = 16383 and s = 15."""
    program = copy.deepcopy(base)
    o, after = program["operators"][16], program["operators"][17]
    after["s"] = 15
    program["tensors"][after["multiplier"]]["data"][2] = 16383
    sum_of_row = sum(map(abs, program["tensors"][o["weight"]]["data"][128:132]))
    # floor(bound * 16383 / 2^14) + 1 + 2^14 < 2^29 just holds.
    bound = TOP
    while (bound * 16383 >> 14) + 1 + (1 << 14) >= ip.LIMIT:
        bound -= 1
    program["tensors"][o["bias"]]["data"][2] = bound - 8191 * sum_of_row + excess
    if excess:
        assert (bound + 1) * 16383 >> 14 > bound * 16383 >> 14
    return program


def splice(base, data):
    """What makes `data` of `base`: the offset, how many bytes go, and the bytes that come there."""
    shortest = min(len(base), len(data))
    start = next((i for i in range(shortest) if base[i] != data[i]), shortest)
    rest = shortest - start
    end = next((i for i in range(rest) if base[-1 - i] != data[-1 - i]), rest)
    assert base[:start] + data[start : len(data) - end] + base[len(base) - end :] == data
    return [start, len(base) - end - start, data[start : len(data) - end].hex()]


def invalid_cases():
    """Each case is a splice of the base of its own list: (offset, bytes removed, hex of the bytes inserted)."""
    small = ip.encode_program(smallest_program())
    undecodable = [{"name": name, "code": code, "splice": splice(small, data)} for name, data, code in decode_cases()]
    programs = [(name, ip.encode_program(program), code) for name, program, code in check_cases()]
    large = programs[0][1]
    cases = [{"name": name, "code": code, "splice": splice(large, data)} for name, data, code in programs]
    return {
        "undecodable base": [small.hex()],
        "undecodable": undecodable,
        "checked base": [large.hex()],
        "refused": [case for case in cases if case["code"] is not None],
        "accepted": [case for case in cases if case["code"] is None],
    }


if __name__ == "__main__":
    write("requant.json", requant_cases())
    write("operators.json", operator_cases())
    write(
        "program.json",
        {
            "programs": [
                program_case("the smallest", smallest_program(), [2, 0]),
                program_case("every operator", complete_program(), [0, 4, 1, 3, 2, 1]),
                program_case("uncommon blocks", odd_program(), [6, 0, 3, 5, 5]),
            ],
            "choices": choice_cases(),
        },
    )
    write("invalid-programs.json", invalid_cases())
