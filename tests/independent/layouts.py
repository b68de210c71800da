"""Layouts of heads by the papers' own formulas, with explicit sums over heads. Prints JSON.

Independent of the project's code: scores and weights of every head are arrays, mixed with einsum as the papers write it, where the project
widens queries and mixes outputs. Seeded matrices are drawn as the catalogue's documentation of its random numbers says.
"""

import json

import numpy as np

SEED = 3


def normal(stream, *shape):
    r = np.random.default_rng((SEED + (stream << 53)) % 2**64)
    u, v = r.random((2, int(np.prod(shape))))
    return (np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)).reshape(shape)


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def full(x, heads):
    """Keys or values of every query head."""
    return np.repeat(x, heads // len(x), axis=0)


def causal(s):
    n_q, n_k = s.shape[-2:]
    return np.where(np.tril(np.ones((n_q, n_k), bool)), s, -np.inf)


def plain(q, k, v, scale=None, mask=causal):
    k, v = full(k, len(q)), full(v, len(q))
    scale = 1 / np.sqrt(q.shape[-1]) if scale is None else scale
    weights = softmax(mask(np.einsum("hid,hjd->hij", q, k) * scale))
    return weights, np.einsum("hij,hjc->hic", weights, v)


def talking(q, k, v, before=1, after=1, identity=1, noise=0.3):
    heads = len(q)
    first, second = normal(60, 2, heads, heads) * noise / np.sqrt(heads)
    first = (np.eye(heads) * identity + first) if before else np.eye(heads)
    second = (np.eye(heads) * identity + second) if after else np.eye(heads)
    k, v = full(k, heads), full(v, heads)
    logits = np.einsum("gf,fid,fjd->gij", first, q, k) / np.sqrt(q.shape[-1])
    weights = np.einsum("hg,gij->hij", second, softmax(causal(logits)))
    return np.einsum("hij,hjc->hic", weights, v)


def single(q, k, v):
    heads, n, d = q.shape
    k, v = full(k, heads), full(v, heads)
    wide = lambda x: x.transpose(1, 0, 2).reshape(x.shape[1], -1)
    weights = softmax(causal(wide(q) @ wide(k).T / np.sqrt(heads * d)))
    y = weights @ wide(v)
    return y.reshape(n, heads, -1).transpose(1, 0, 2)


def grouped(q, k, v, kv_heads):
    mean = lambda x: x.reshape(kv_heads, -1, *x.shape[1:]).mean(axis=1)
    return plain(q, mean(k), mean(v))[1]


def latent(q, k, v, rank):
    n = k.shape[1]
    wide = lambda x: x.transpose(1, 0, 2).reshape(n, -1)
    x = np.concatenate([wide(k), wide(v)], axis=1)
    rank = min(rank, n)
    w = normal(61, x.shape[1], rank)
    c = np.linalg.matrix_power(x @ x.T, 2) @ x @ w
    rebuilt = c @ np.linalg.lstsq(c, x, rcond=None)[0]
    split = k.shape[0] * k.shape[2]
    back = lambda x, heads: x.reshape(n, heads, -1).transpose(1, 0, 2)
    return plain(q, back(rebuilt[:, :split], len(k)), back(rebuilt[:, split:], len(v)))[1]


def differential(q, k, v, lam):
    heads = len(q)
    weights, y = plain(q, k, v)
    v = full(v, heads)
    for i in range(0, heads - 1, 2):
        pair = np.concatenate([v[i], v[i + 1]], axis=1)
        both = (weights[i] - lam * weights[i + 1]) @ pair
        y[i], y[i + 1] = np.split(both, 2, axis=1)
    return y


def gated(q, k, v, elementwise=0, bias=0.0):
    heads, _, d = q.shape
    columns = v.shape[-1] if elementwise else 1
    w = normal(62, heads, columns, d) / np.sqrt(d)
    gate = 1 / (1 + np.exp(-(np.einsum("hid,hcd->hic", q, w) + bias)))
    return plain(q, k, v)[1] * gate


def bfloat16(x):
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    return (((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16) << 16).astype(np.uint32).view(np.float32)


def int8(x, axes):
    s = (np.abs(x).max(axis=axes, keepdims=True) / np.float32(127)).astype(np.float32)
    return np.clip(np.rint(x / s), -127, 127) * s


def low(q, k, v, kind):
    rounded = [
        lambda x: x.astype(np.float16).astype(np.float32),
        bfloat16,
        lambda x: int8(x, -1),
        lambda x: int8(x, (-2, -1)),
    ][kind]
    return plain(q, rounded(k), rounded(v))[1]


def scaled(q, k, v, gains):
    return plain(q, k, v)[1] * np.array(gains)[:, None, None]


def pruned(q, k, v, head):
    y = plain(q, k, v)[1]
    y[head] = 0
    return y


def held(q, k, v, fastest):
    """The catalogue's own clocks: periods double over four heads, and the next four tick a third of a period later."""
    y = plain(q, k, v)[1]
    for h in range(len(q)):
        period = fastest * 2 ** (h % 4)
        phase = -(-(h // 4 % 3 * period) // 3)
        ticks = [t for t in range(q.shape[1]) if (t - phase) % period == 0]
        for i in range(q.shape[1]):
            last = [t for t in ticks if t <= i]
            if last:
                y[h, i] = y[h, last[-1]]
    return y


def paged(q, k, v, page):
    """Pages in a pool, the order of a seeded draw; keys gathered by the table, as a server does."""
    n = k.shape[1]
    table = np.random.default_rng((SEED + (63 << 53)) % 2**64).random(-(-n // page)).argsort().argsort()
    pool = {name: np.zeros((len(x), len(table) * page, x.shape[-1]), np.float32) for name, x in (("k", k), ("v", v))}
    slots = np.array([table[i // page] * page + i % page for i in range(n)])
    pool["k"][:, slots], pool["v"][:, slots] = k, v
    return plain(q, pool["k"][:, slots], pool["v"][:, slots])[1]


r = np.random.default_rng(20)
cases = []
for heads, kv, n_q, n_k, d, d_v in [(4, 4, 6, 6, 4, 3), (6, 2, 5, 7, 3, 2), (3, 3, 4, 4, 2, 5)]:
    shapes = [(heads, n_q, d), (kv, n_k, d), (kv, n_k, d_v)]
    q, k, v = (r.standard_normal(shape).astype(np.float32) for shape in shapes)
    outputs = [
        ("plain", {}, {}, plain(q, k, v)[1]),
        ("paged", dict(page=2), {}, paged(q, k, v, 2)),
        ("hold", dict(fastest=2), {}, held(q, k, v, 2)),
        ("talking-heads", {}, {}, talking(q, k, v)),
        ("talking-heads", dict(after=0, noise=1), {}, talking(q, k, v, after=0, noise=1)),
        ("talking-heads", dict(before=0, identity=0), {}, talking(q, k, v, before=0, identity=0)),
        ("single-head", {}, {}, single(q, k, v)),
        ("grouped", dict(kv_heads=1), {}, grouped(q, k, v, 1)),
        ("mla", dict(rank=2), {}, latent(q, k, v, 2)),
        ("mla", dict(rank=64), {}, plain(q, k, v)[1]),
        ("differential", dict([("lambda", 0.8)]), {}, differential(q, k, v, 0.8)),
        ("gated", {}, {}, gated(q, k, v)),
        ("gated", dict(elementwise=1, bias=-1.5), {}, gated(q, k, v, 1, -1.5)),
        ("prune", dict(head=1), {}, pruned(q, k, v, 1)),
        ("head-scale", {}, dict(head_gain=[0.5 * h for h in range(heads)]), scaled(q, k, v, [0.5 * h for h in range(heads)])),
    ]
    outputs += [("low-precision", dict(format=f), {}, low(q, k, v, f)) for f in range(4)]
    if kv == 4:
        outputs.append(("grouped", dict(kv_heads=2), {}, grouped(q, k, v, 2)))
    for layout, params, data, y in outputs:
        cases.append(dict(layout=layout, params=params, data=data, q=q.tolist(), k=k.tolist(), v=v.tolist(), y=y.ravel().tolist()))

# The tensors stand once for each size.
sets, out = [], []
for case in cases:
    tensors = {name: case.pop(name) for name in "qkv"}
    if tensors not in sets:
        sets.append(tensors)
    case["tensors"] = sets.index(tensors)
    case["y"] = [float(f"{x:.9g}") for x in case["y"]]
    out.append(case)
print(json.dumps(dict(seed=SEED, tensors=sets, cases=out)))
