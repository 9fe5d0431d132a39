"""The integer program of spec/01 and the bytes and roots of spec/02, implemented a second time.

Written from the specification alone, with Python's integers and standard library, so that the vectors do not
come from the code they test. Operators are dicts with the field names that the vectors have.
"""

import hashlib
import struct

import tables as exact_tables

TABLES = exact_tables.all_tables()
LIMIT = 1 << 29


# --- keccak256 (FIPS 202's permutation with Keccak's original padding) -------------------------------------------

MASK = (1 << 64) - 1


def _round_constants():
    constants, lfsr = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if lfsr & 1:
                constant |= 1 << ((1 << j) - 1)
            lfsr <<= 1
            if lfsr & 0x100:
                lfsr ^= 0x171
        constants.append(constant)
    return constants


ROUND_CONSTANTS = _round_constants()


def _rotate(value, count):
    count %= 64
    return ((value << count) | (value >> (64 - count))) & MASK


def _permute(a):
    for constant in ROUND_CONSTANTS:
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        d = [c[(x - 1) % 5] ^ _rotate(c[(x + 1) % 5], 1) for x in range(5)]
        a = [[a[x][y] ^ d[x] for y in range(5)] for x in range(5)]
        b = [[0] * 5 for _ in range(5)]
        x, y, current = 1, 0, a[1][0]
        b[0][0] = a[0][0]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, a[x][y] = a[x][y], _rotate(current, (t + 1) * (t + 2) // 2)
        for x in range(5):
            for y in range(5):
                b[x][y] = a[x][y] ^ (~a[(x + 1) % 5][y] & a[(x + 2) % 5][y] & MASK)
        a = b
        a[0][0] ^= constant
    return a


def keccak256(data):
    rate = 136
    message = bytearray(data) + b"\x01"
    message += bytes(-len(message) % rate)
    message[-1] |= 0x80
    a = [[0] * 5 for _ in range(5)]
    for start in range(0, len(message), rate):
        for i in range(rate // 8):
            (lane,) = struct.unpack_from("<Q", message, start + 8 * i)
            a[i % 5][i // 5] ^= lane
        a = _permute(a)
    return b"".join(struct.pack("<Q", a[i % 5][i // 5]) for i in range(4))


assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"


# --- roots (spec/02 §2.1, 2.6, 2.7) -------------------------------------------------------------------------------


def merkle(leaves):
    leaves = list(leaves)
    while len(leaves) & (len(leaves) - 1):
        leaves.append(bytes(32))
    while len(leaves) > 1:
        leaves = [keccak256(leaves[i] + leaves[i + 1]) for i in range(0, len(leaves), 2)]
    return leaves[0]


def data_root(data):
    chunks = [data[i : i + 1024] for i in range(0, len(data), 1024)] or [b""]
    return merkle(hashlib.sha256(chunk).digest() for chunk in chunks)


def trace_root(positions):
    """positions: for each, the list over blocks of (state row, list of rows that were appended)."""
    roots = []
    for blocks in positions:
        leaves = []
        for state, appended in blocks:
            kv = b"".join(struct.pack(f"<{len(row)}h", *row) for row in appended)
            kv_root = data_root(kv) if appended else bytes(32)
            leaves.append(keccak256(data_root(struct.pack(f"<{len(state)}i", *state)) + kv_root))
        roots.append(merkle(leaves))
    counts = struct.pack(">II", len(positions), len(positions[0]))
    return keccak256(b"assay/trace/1" + counts + merkle(roots))


# --- the program file (spec/02 §2.2 – 2.6) -----------------------------------------------------------------------

# opcode, inputs, whether it has a cache, tensors, attributes; `?` marks an operand that may be missing.
RECORDS = {
    "embed": (1, [], False, ["weight", "multiplier"], ["s"]),
    "add": (2, ["a", "b"], False, [], []),
    "rowscale": (3, ["x"], False, [], ["bits"]),
    "rmsnorm": (4, ["x", "exponent"], False, ["multiplier"], ["epsilon", "s", "t", "bound"]),
    "matmul": (5, ["x"], False, ["weight", "bias?"], []),
    "requant16": (6, ["x"], False, ["multiplier"], ["s", "t", "bound"]),
    "requant24": (7, ["x", "exponent?"], False, ["multiplier"], ["s"]),
    "table": (8, ["x"], False, [], ["table"]),
    "mul": (9, ["a", "b"], False, [], []),
    "rope": (10, ["x"], False, ["table"], ["headDim", "s", "bound"]),
    "append": (11, ["x"], False, [], []),
    "qk": (12, ["q"], True, [], ["headDim", "heads"]),
    "softmax": (13, ["x"], False, ["multiplier"], ["s"]),
    "pv": (14, ["p"], True, [], ["headDim", "heads"]),
    "pnorm": (15, ["x", "mass"], False, [], ["headDim", "s", "t", "bound"]),
}
NAMES = {layout[0]: name for name, layout in RECORDS.items()}
TENSOR_TYPES = {"int8": (1, 2, "b"), "uint16": (2, 1, "H"), "int32": (3, 1, "i"), "int16": (4, 3, "h")}
ASSET_KINDS = {"tokenizer": 1, "chatTemplate": 2}


def reference(operator, field):
    value = operator[field.rstrip("?")]
    return 0xFFFF if value is None else value


def encode_record(operator):
    opcode, inputs, has_cache, tensors, attributes = RECORDS[operator["op"]]
    ins = [reference(operator, f) for f in inputs] + [0xFFFF] * (3 - len(inputs))
    outs = [reference(operator, f) for f in tensors] + [0xFFFF] * (3 - len(tensors))
    cache = operator["cache"] if has_cache else 0xFFFF
    numbers = [operator[f] for f in attributes] + [0] * (11 - len(attributes))
    return struct.pack("<HH3HH3HH11i", opcode, 0, *ins, cache, *outs, 0, *numbers)


def decode_record(data):
    opcode, _, *rest = struct.unpack("<HH3HH3HH11i", data)
    _, inputs, has_cache, tensors, attributes = RECORDS[NAMES[opcode]]
    operator = {"op": NAMES[opcode]}
    if has_cache:
        operator["cache"] = rest[3]
    for names, values in ((inputs, rest[:3]), (tensors, rest[4:7])):
        for name, value in zip(names, values):
            operator[name.rstrip("?")] = None if value == 0xFFFF and name.endswith("?") else value
    operator.update(zip(attributes, rest[8:]))
    assert encode_record(operator) == data
    return operator


def stride(k):
    return -(-k // 64) * 64


def element_count(kind, dims):
    if kind == "int8":
        return dims[0] * stride(dims[1])
    count = 1
    for dim in dims:
        count *= dim
    return count


def encode_descriptor(tensor):
    code, rank, _ = TENSOR_TYPES[tensor["type"]]
    dims = list(tensor["dims"]) + [1] * (3 - rank)
    return struct.pack("<BBH3I", code, rank, 0, *dims)


def encode_data(tensor):
    letter = TENSOR_TYPES[tensor["type"]][2]
    return struct.pack(f"<{len(tensor['data'])}{letter}", *tensor["data"])


def pad(data):
    return data + bytes(-len(data) % 64)


def encode_head(program):
    lists = ["operators", "blocks", "tensors", "assets", "endTokens"]
    head = struct.pack("<III", 1, program["context"], program["vocab"])
    head += struct.pack("<6H", *(len(program[name]) for name in lists), 0)
    head += b"".join(struct.pack("<HH", block["end"], block["state"]) for block in program["blocks"])
    return head + b"".join(struct.pack("<I", token) for token in program["endTokens"])


def encode_asset(asset):
    return struct.pack("<BBHI", ASSET_KINDS[asset["kind"]], 0, 0, len(asset["data"]))


def encode_program(program):
    parts = [b"ASSAYPRG", encode_head(program)]
    parts += map(encode_record, program["operators"])
    parts += map(encode_descriptor, program["tensors"])
    parts += map(encode_asset, program["assets"])
    parts += [pad(encode_data(tensor)) for tensor in program["tensors"]]
    parts += [pad(asset["data"]) for asset in program["assets"]]
    return b"".join(parts)


def decode_program(data):
    """For valid files only: that it encodes to the same bytes again is the whole check."""
    assert data[:8] == b"ASSAYPRG"
    _, context, vocab, operators, blocks, tensors, assets, ends, _ = struct.unpack_from("<III6H", data, 8)
    at = 32
    block_list = [struct.unpack_from("<HH", data, at + 4 * i) for i in range(blocks)]
    at += 4 * blocks
    end_tokens = list(struct.unpack_from(f"<{ends}I", data, at))
    at += 4 * ends
    records = [decode_record(data[at + 64 * i : at + 64 * i + 64]) for i in range(operators)]
    at += 64 * operators
    descriptors = [struct.unpack_from("<BBH3I", data, at + 16 * i) for i in range(tensors)]
    at += 16 * tensors
    asset_list = [struct.unpack_from("<BBHI", data, at + 8 * i) for i in range(assets)]
    at += 8 * assets
    program = {
        "context": context,
        "vocab": vocab,
        "operators": records,
        "blocks": [{"end": end, "state": state} for end, state in block_list],
        "endTokens": end_tokens,
        "tensors": [],
        "assets": [],
    }
    types = {code: (name, rank, letter) for name, (code, rank, letter) in TENSOR_TYPES.items()}
    for code, rank, _, *dims in descriptors:
        name, rank, letter = types[code]
        count = element_count(name, dims[:rank])
        values = list(struct.unpack_from(f"<{count}{letter}", data, at))
        program["tensors"].append({"type": name, "dims": dims[:rank], "data": values})
        at += len(pad(bytes(struct.calcsize(f"<{count}{letter}"))))
    kinds = {code: name for name, code in ASSET_KINDS.items()}
    for kind, _, _, length in asset_list:
        program["assets"].append({"kind": kinds[kind], "data": data[at : at + length]})
        at += len(pad(bytes(length)))
    assert at == len(data) and encode_program(program) == data
    return program


def program_root(program):
    ops_root = merkle(keccak256(encode_record(operator)) for operator in program["operators"])
    tensors_root = merkle(
        keccak256(encode_descriptor(tensor) + data_root(encode_data(tensor))) for tensor in program["tensors"]
    )
    assets_root = bytes(32)
    if program["assets"]:
        assets_root = merkle(keccak256(encode_asset(asset) + data_root(asset["data"])) for asset in program["assets"])
    head_hash = keccak256(encode_head(program))
    return keccak256(b"assay/program/1" + head_hash + ops_root + tensors_root + assets_root)


# --- arithmetic (spec/01 §1.1, 1.2) ------------------------------------------------------------------------------


def small(value):
    assert abs(value) < LIMIT, f"{value} is not below 2^29"
    return value


def clamp(x, bound):
    return max(-bound, min(x, bound))


def rshift(x, s):
    """Python's >> rounds towards minus infinity."""
    return small(x + (1 << (s - 1))) >> s if s else small(x)


def requant16(acc, s, m, t, bound):
    u = clamp(rshift(acc, s), 32767)
    return clamp(rshift(small(u * m), t), bound)


def requant24(acc, m, s):
    small(acc)
    small((acc >> 14) * m)
    u = (acc * m) >> 14
    return clamp(rshift(u, s), 1 << 22)


# --- operators (spec/01 §1.5) ------------------------------------------------------------------------------------


def rowscale(x, bits):
    e = max(0, max(abs(v) for v in x).bit_length() - bits)
    return [clamp(rshift(v, e), (1 << bits) - 1) for v in x], e


def rmsnorm(x, e, m, epsilon, s, t, bound):
    total = max(sum(v * v for v in x) + epsilon // 4**e, 1 << 12)
    k = max(0, -((14 - total.bit_length()) // 2))
    r = TABLES["rsqrt"][(total >> (2 * k)) - (1 << 12)]
    scaled = [clamp(rshift(small(v * r), k + s), 32767) for v in x]
    return [clamp(rshift(small(u * mi), t), bound) for u, mi in zip(scaled, m)]


def matmul(x, rows, bias):
    return [small(sum(w * v for w, v in zip(row, x)) + b) for row, b in zip(rows, bias)]


def rope(x, head_dim, table, s, bound):
    """table: the (cos, sin) pairs of the position."""
    y = [0] * len(x)
    half = head_dim // 2
    for head in range(0, len(x), head_dim):
        for i, (c, n) in enumerate(table):
            a, b = x[head + i], x[head + half + i]
            y[head + i] = clamp(rshift(small(a * c - b * n), s), bound)
            y[head + half + i] = clamp(rshift(small(b * c + a * n), s), bound)
    return y


def group_of(row, h, heads, head_dim):
    groups = len(row) // head_dim
    start = h * groups // heads * head_dim
    return row[start : start + head_dim]


def qk(q, cache, head_dim, heads):
    return [
        [
            small(sum(a * b for a, b in zip(q[h * head_dim :], group_of(row, h, heads, head_dim))))
            for row in cache
        ]
        for h in range(heads)
    ]


def softmax(scores, m, s):
    p, mass = [], []
    for head, mh in zip(scores, m):
        x = [requant24(score, mh, s) for score in head]
        e = [TABLES["exp"][min(max(x) - v, 65535)] for v in x]
        total = sum(e)
        z = total.bit_length() - 14
        r = TABLES["recip"][(total >> z) - (1 << 13)]
        p.append([(v * r) >> (12 + z) for v in e])
        mass.append(sum(p[-1]))
        assert 16378 <= mass[-1] <= 32767
    return p, mass


def pv(p, cache, head_dim, heads):
    y = []
    for h in range(heads):
        values = [group_of(row, h, heads, head_dim) for row in cache]
        y += [small(sum(w * row[d] for w, row in zip(p[h], values))) for d in range(head_dim)]
    return y


def pnorm(o, mass, head_dim, s, t, bound):
    y = []
    for i, v in enumerate(o):
        total = mass[i // head_dim]
        j = 16 - total.bit_length()
        r = TABLES["recip"][(total << j) // 4 - (1 << 13)]
        u = clamp(rshift(v, s), 32767)
        y.append(clamp(rshift(small(u * r), t - j), bound))
    return y


# --- running a program -------------------------------------------------------------------------------------------


def matrix_rows(tensor):
    n, k = tensor["dims"]
    return [tensor["data"][i * stride(k) : i * stride(k) + k] for i in range(n)]


def run(program, tokens):
    """For each token: (logits, [(state, appended rows) for each block])."""
    tensors = program["tensors"]
    matrices = {i: matrix_rows(t) for i, t in enumerate(tensors) if t["type"] == "int8"}
    vectors = [t["data"] for t in tensors]
    caches = [[] for operator in program["operators"] if operator["op"] == "append"]
    results = []
    for position, token in enumerate(tokens):
        values, appended, trace, block_rows = [], 0, [], []
        ends = {block["end"]: block["state"] for block in program["blocks"]}
        for index, o in enumerate(program["operators"]):
            name = o["op"]
            if name == "append":
                row = values[o["x"]]
                caches[appended].append(row)
                block_rows.append(row)
                appended += 1
            elif name == "rope":
                pairs = tensors[o["table"]]["dims"][1]
                flat = vectors[o["table"]][position * pairs * 2 : (position + 1) * pairs * 2]
                angles = list(zip(flat[0::2], flat[1::2]))
                values.append(rope(values[o["x"]], o["headDim"], angles, o["s"], o["bound"]))
            elif name == "embed":
                m = vectors[o["multiplier"]][token]
                values.append([rshift(small(e * m), o["s"]) for e in matrices[o["weight"]][token]])
            else:
                values += apply(o, values, caches, vectors, matrices)
            if index + 1 in ends:
                trace.append((values[ends[index + 1]], block_rows))
                block_rows = []
        results.append((values[-1], trace))
    return results


def apply(o, values, caches, vectors, matrices):
    """The values that an operator other than embed, rope and append defines."""
    name = o["op"]
    x = values[o["x"]] if "x" in o else None
    if name == "add":
        return [[small(a + b) for a, b in zip(values[o["a"]], values[o["b"]])]]
    if name == "mul":
        return [[small(a * b) for a, b in zip(values[o["a"]], values[o["b"]])]]
    if name == "rowscale":
        return rowscale(x, o["bits"])
    if name == "rmsnorm":
        m = vectors[o["multiplier"]]
        return [rmsnorm(x, values[o["exponent"]], m, o["epsilon"], o["s"], o["t"], o["bound"])]
    if name == "matmul":
        rows = matrices[o["weight"]]
        return [matmul(x, rows, [0] * len(rows) if o["bias"] is None else vectors[o["bias"]])]
    if name == "requant16":
        m = vectors[o["multiplier"]]
        return [[requant16(v, o["s"], mi, o["t"], o["bound"]) for v, mi in zip(x, m)]]
    if name == "requant24":
        e = 0 if o["exponent"] is None else values[o["exponent"]]
        return [[requant24(v, mi, o["s"] - e) for v, mi in zip(x, vectors[o["multiplier"]])]]
    if name == "table":
        return [[TABLES["silu"][v + 32768] for v in x]]
    if name == "qk":
        return [qk(values[o["q"]], caches[o["cache"]], o["headDim"], o["heads"])]
    if name == "softmax":
        return softmax(x, vectors[o["multiplier"]], o["s"])
    if name == "pv":
        return [pv(values[o["p"]], caches[o["cache"]], o["headDim"], o["heads"])]
    if name == "pnorm":
        return [pnorm(x, values[o["mass"]], o["headDim"], o["s"], o["t"], o["bound"])]
    raise ValueError(name)


# --- choosing the token (spec/01 §1.5.16) ------------------------------------------------------------------------


def choose_token(logits, inv_temperature, top_p, seed, position):
    most = max(logits)
    if inv_temperature == 0:
        return logits.index(most)
    d = [min(most - v, (1 << 17) - 1) for v in logits]
    w = [TABLES["exp"][min(v * inv_temperature >> 10, 65535)] for v in d]
    need = -(-top_p * sum(w) // (1 << 16))
    tau = max(v for v in set(w) if sum(x for x in w if x >= v) >= need)
    above = sum(x for x in w if x > tau)
    assert above < need
    ties = -(-(need - above) // tau)
    tied = [i for i, v in enumerate(w) if v == tau][:ties]
    kept = [i for i, v in enumerate(w) if v > tau or i in tied]
    draw = int.from_bytes(keccak256(seed + struct.pack(">Q", position))[:8], "big")
    target = draw * sum(w[i] for i in kept) >> 64
    running = 0
    for i in kept:
        running += w[i]
        if running > target:
            return i
    raise AssertionError("the target is below the sum")
