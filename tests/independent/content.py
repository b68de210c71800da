"""Products, positions and selections that depend on the contents of Q and K, by their papers' formulas, in double precision.

Run in this folder: python3 content.py > content.json. It shares nothing with the page but the seeded numbers, which are drawn as
src/attention/inputs/rng.rs says: one stream for each matrix, `default_rng((seed + (stream << 53)) % 2**64)`.

Every case has causal masks over n_q queries that are the last of n_k tokens, or none; what is written is the score matrix before the
normaliser, minus infinity (null) where a key is masked; and the output where values or weights change too.
"""

import json

import numpy as np

SEED = 11
SQ = np.sqrt


def stream(number):
    return np.random.default_rng((SEED + (number << 53)) % 2**64)


def draw(rng, count):
    u, v = rng.random((2, count))
    return np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)


def normals(number, *shape):
    return draw(stream(number), int(np.prod(shape))).reshape(shape)


def rows(number, count, d):
    rng = stream(number)
    return np.stack([draw(rng, d) for _ in range(count)])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def single(x):
    """Numbers that are short to write, as single precision holds them."""
    return np.asarray(x, np.float32).astype(np.float64)


def short(rng, *shape):
    return single(rng.standard_normal(shape).round(3))


class Setting:
    """Heads [H, n_q, d] and [H, n_k, d]; keys already repeated over the query heads."""

    def __init__(self, heads, kv_heads, n_q, n_k, d, causal, number):
        rng = np.random.default_rng(number)
        self.kv = kv_heads
        self.Q = short(rng, heads, n_q, d)
        self.K0 = short(rng, kv_heads, n_k, d)
        self.V0 = short(rng, kv_heads, n_k, 3)
        self.repeat = heads // kv_heads
        self.H, self.n_q, self.n_k, self.d = heads, n_q, n_k, d
        self.pos = np.arange(n_q) + (n_k - n_q)
        # Where each key stands; fewer keys than tokens stand where the last token of each does.
        self.key, self.tokens = np.arange(n_k), n_k
        self.causal = causal
        self.seen = np.broadcast_to((self.key[None] <= self.pos[:, None]) if causal else True, (heads, n_q, n_k))
        self.scale = 1 / SQ(d)

    @property
    def K(self):
        return np.repeat(self.K0, self.repeat, 0)

    @property
    def V(self):
        return np.repeat(self.V0, self.repeat, 0)

    def dot(self):
        return np.einsum("hid,hjd->hij", self.Q, self.K)


def distance(s):
    return s.pos[:, None] - s.key[None]


# Products: scores.


def cosine(s, p):
    unit = lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)
    return p["scale"] * np.einsum("hid,hjd->hij", unit(s.Q), unit(s.K))


def qk_norm(s, p):
    rms = lambda x: p["gain"] * x / SQ((x * x).mean(-1, keepdims=True) + 1e-6)
    return s.scale * np.einsum("hid,hjd->hij", rms(s.Q), rms(s.K))


def l2(s, p):
    return -s.scale * ((s.Q[:, :, None] - s.K[:, None]) ** 2).sum(-1)


def additive(s, p):
    w = normals(0, s.H, s.d)
    return s.scale * np.einsum("hd,hijd->hij", w, np.tanh(s.Q[:, :, None] + s.K[:, None]))


# Positions: scores.


def shaw(s, p):
    r = int(p["reach"])
    a = p["gain"] * normals(0, 2 * r + 1, s.d)
    index = np.clip(-distance(s), -r, r) + r
    return s.scale * (s.dot() + np.einsum("hid,ijd->hij", s.Q, a[index]))


def transformer_xl(s, p):
    g, d = p["gain"], s.d
    W = g * normals(0, s.H, d, d) / SQ(d)
    u, v = g * normals(1, s.H, d), g * normals(2, s.H, d)
    half = (d + 1) // 2
    angles = distance(s)[..., None] * 10000.0 ** (-2 * np.arange(half) / d)
    R = np.concatenate([np.sin(angles), np.cos(angles)], -1)[..., :d]
    WR = np.einsum("hed,ijd->hije", W, R)
    a = s.dot()
    b = np.einsum("hie,hije->hij", s.Q, WR)
    c = np.einsum("he,hje->hj", u, s.K)[:, None]
    e = np.einsum("he,hije->hij", v, WR)
    return s.scale * (a + b + c + e)


def deberta(s, p):
    r, g = int(p["reach"]), p["gain"]
    Kr, Qr = g * normals(0, s.H, 2 * r, s.d), g * normals(1, s.H, 2 * r, s.d)
    delta = lambda x: np.where(x <= -r, 0, np.where(x >= r, 2 * r - 1, x + r))
    c2p = np.einsum("hid,hijd->hij", s.Q, Kr[:, delta(distance(s))])
    p2c = np.einsum("hjd,hijd->hij", s.K, Qr[:, delta(-distance(s))])
    return (s.dot() + c2p + p2c) / SQ(3 * s.d)


def tupe(s, p):
    d = s.d
    place = p["gain"] * rows(2, s.tokens, d)
    UQ, UK = normals(0, s.H, d, d) / SQ(d), normals(1, s.H, d, d) / SQ(d)
    place_q = np.einsum("hed,id->hie", UQ, place[s.pos])
    place_k = np.einsum("hed,jd->hje", UK, place[s.key])
    term = np.einsum("hie,hje->hij", place_q, place_k) / SQ(2 * d)
    term = np.where((s.key == 0)[None, None], p["to_first"], term)
    term = np.where((s.pos == 0)[None, :, None], p["from_first"], term)
    return s.dot() / SQ(2 * d) + term


def tisasrec(s, p):
    r = int(p["reach"])
    # The page's own times: bursts of eight tokens with pauses of 24.
    time = times(s)
    index = np.minimum(r, np.floor(np.abs(time[s.pos][:, None] - time[s.key][None]) / unit_of(time))).astype(int)
    P, R = p["gain"] * rows(0, s.tokens, s.d), p["gain"] * normals(1, r + 1, s.d)
    return s.scale * (s.dot() + np.einsum("hid,ijd->hij", s.Q, P[s.key][None] + R[index]))


def times(s):
    token = np.arange(s.tokens)
    return token + token // 8 * 24.0


def unit_of(time):
    gaps = np.abs(time[:, None] - time[None])
    return gaps[gaps > 0].min()


def fox(s, p):
    w = normals(0, s.H, s.d) / SQ(s.d)
    log_f = np.log(sigmoid(np.einsum("hd,hjd->hj", w, s.K) + p["bias"]))
    D = np.zeros((s.H, s.n_q, s.n_k))
    for i, at in enumerate(s.pos):
        for j in range(s.n_k):
            D[:, i, j] = log_f[:, j + 1 : at + 1].sum(-1) if j < at else 0
    return s.scale * s.dot() + D


def cope(s, p):
    r = int(p["reach"])
    logits = s.scale * s.dot()
    e = p["gain"] * normals(0, r + 1, s.d) / SQ(s.d)
    gates = np.where(s.seen, sigmoid(logits), 0)
    place = np.minimum(np.cumsum(gates[..., ::-1], -1)[..., ::-1], r)
    whole = np.einsum("hid,rd->hir", s.Q, e)
    low, high = np.floor(place).astype(int), np.ceil(place).astype(int)
    part = place - low
    take = lambda at: np.take_along_axis(whole, at, -1)
    return logits + take(high) * part + take(low) * (1 - part)


def path(s, p):
    d = s.d
    W, u = normals(0, s.H, d, d) / SQ(d), normals(1, s.H, d) / SQ(d)
    w = np.einsum("hed,hjd->hje", W, s.K)
    w /= np.linalg.norm(w, axis=-1, keepdims=True)
    beta = 2 * sigmoid(np.einsum("hd,hjd->hj", u, s.K))
    out = np.zeros((s.H, s.n_q, s.n_k))
    for h in range(s.H):
        H = [np.eye(d) - beta[h, t] * np.outer(w[h, t], w[h, t]) for t in range(s.n_k)]
        for i, at in enumerate(s.pos):
            for j in range(s.n_k):
                M = np.eye(d)
                for t in range(j + 1, at + 1):
                    M = M @ H[t]
                out[h, i, j] = s.K[h, j] @ M @ s.Q[h, i]
    return s.scale * out


def plus(s, of_q, of_k):
    return s.scale * np.einsum("hid,hjd->hij", s.Q + of_q, s.K + of_k)


def scaled_sinusoidal(s, p):
    half = (s.d + 1) // 2
    angles = s.key[:, None] * 10000.0 ** (-2 * np.arange(half) / s.d)
    table = p["gain"] / SQ(s.d) * np.concatenate([np.sin(angles), np.cos(angles)], -1)[:, : s.d]
    return plus(s, table[s.pos], table)


def pope(s, p):
    theta = p["base"] ** (-np.arange(s.d) / s.d)
    phase = -2 * np.pi * p["phase"] * stream(0).random(s.d)
    softplus = lambda x: np.log1p(np.exp(x))
    turn = s.pos[:, None, None] * theta - (s.key[None, :, None] * theta + phase)
    return s.scale * np.einsum("hic,hjc,ijc->hij", softplus(s.Q), softplus(s.K), np.cos(turn))


def floater_states(s, p):
    d, h = s.d, p["delta"]
    x = normals(0, d)
    W, w, b = normals(1, d, d) / SQ(d), normals(2, d), normals(3, d)
    f = lambda t, x: np.tanh(W @ x + t * w + b)
    table = [x]
    for token in range(s.n_k - 1):
        t = token * h
        k1 = f(t, x)
        k2 = f(t + h / 2, x + h / 2 * k1)
        k3 = f(t + h / 2, x + h / 2 * k2)
        k4 = f(t + h, x + h * k3)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        table.append(x)
    return p["gain"] * np.stack(table)


def floater(s, p):
    table = floater_states(s, p)
    return plus(s, table[s.pos], table)


def lstm_states(tokens, first=0):
    d = tokens.shape[-1]
    A, B = normals(first, 4 * d, d) / SQ(d), normals(first + 1, 4 * d, d) / SQ(d)
    h, c, out = np.zeros(d), np.zeros(d), []
    for x in tokens:
        i, f, g, o = np.split(A @ x + B @ h, 4)
        c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.stack(out)


def lstm_generator(s, p):
    W = p["gain"] * normals(2, s.d, s.d) / SQ(s.d)
    if p["content"]:
        states = lambda heads: np.stack([lstm_states(head) @ W.T for head in heads])
        return plus(s, states(s.Q), states(s.K))
    table = lstm_states(np.ones((s.n_k, s.d))) @ W.T
    return plus(s, table[s.pos], table)


def local_states(head, p, first=0):
    M, d, out = int(p["reach"]), head.shape[-1], []
    W, U = normals(first, d, d) / SQ(d), normals(first + 1, d, d) / SQ(d)
    for t in range(len(head)):
        h = np.zeros(d)
        for x in head[max(0, t - M + 1) : t + 1]:
            h = np.tanh(W @ x + U @ h)
        out.append(p["gain"] * h)
    return np.stack(out)


def r_transformer(s, p):
    return plus(s, np.stack([local_states(h, p) for h in s.Q]), np.stack([local_states(h, p) for h in s.K]))


def learned(s, p):
    trained, table = int(p["trained"]), single(rows(0, min(int(p["trained"]), s.n_k), s.d))
    if p["beyond"] == 1:
        table = table[s.key % trained]
    else:
        at = s.key * (trained - 1) / (s.n_k - 1)
        table = np.stack([np.interp(at, np.arange(trained), table[:, c]) for c in range(s.d)], -1)
    return plus(s, table[s.pos], table)


# Selections: which keys are kept.


def largest(values, keep, seen):
    """The `keep` largest of those that are seen, by sorting."""
    out = np.zeros(len(values), bool)
    order = [j for j in np.argsort(-values, kind="stable") if seen[j]]
    out[order[:keep]] = True
    return out


def top_k(s, p):
    scores = s.dot()
    return np.stack([[largest(scores[h, i], int(p["keep"]), s.seen[h, i]) for i in range(s.n_q)] for h in range(s.H)])


def blocks_of(s, p):
    return s.key // int(p["block"])


def top_k_blocks(s, p):
    of = blocks_of(s, p)
    count = of[-1] + 1
    keep = np.zeros((s.H, s.n_q, s.n_k), bool)
    for h in range(s.H):
        for i in range(s.n_q):
            own = of[s.pos[i]]
            gate = np.full(count, -np.inf)
            for b in range(count):
                members = (of == b) & s.seen[h, i]
                if members.any():
                    gate[b] = np.inf if b == own else s.Q[h, i] @ s.K[h, members].mean(0)
            keep[h, i] = largest(gate, int(p["keep"]), gate > -np.inf)[of]
    return keep


def dsa(s, p):
    heads, size = int(p["heads"]), int(p["size"])
    X = s.Q.transpose(1, 0, 2).reshape(s.n_q, -1)
    Y = s.K0.transpose(1, 0, 2).reshape(s.n_k, -1)
    Wq = normals(0, heads, size, X.shape[1]) / SQ(X.shape[1])
    Wk = normals(1, size, Y.shape[1]) / SQ(Y.shape[1])
    Ww = normals(2, heads, X.shape[1]) / SQ(X.shape[1])
    q, k, w = np.einsum("gec,ic->ige", Wq, X), Y @ Wk.T, X @ Ww.T
    index = (w[:, :, None] * np.maximum(np.einsum("ige,je->igj", q, k), 0)).sum(1)
    one = np.stack([largest(index[i], int(p["keep"]), s.seen[0, i]) for i in range(s.n_q)])
    return np.broadcast_to(one, (s.H, *one.shape))


def lsh(s, p):
    if p["shared"]:
        s.K0 = s.Q[:: s.repeat] / np.linalg.norm(s.Q[:: s.repeat], axis=-1, keepdims=True)
    keep = np.zeros((s.H, s.n_q, s.n_k), bool)
    for r in range(int(p["rounds"])):
        R = normals(r, int(p["buckets"]) // 2, s.d)
        bucket = lambda x: np.argmax(np.concatenate([x @ R.T, -(x @ R.T)], -1), -1)
        keep |= bucket(s.Q)[:, :, None] == bucket(s.K)[:, None]
    return keep


def k_means(s, p):
    def unit(x):
        x = x - x.mean(-1, keepdims=True)
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    C = int(p["clusters"])
    keep = np.zeros((s.H, s.n_q, s.n_k), bool)
    for h in range(s.H):
        q, k = unit(s.Q[h]), unit(s.K[h])
        centre = k[(stream(0).random(C) * s.n_k).astype(int)]
        for _ in range(int(p["steps"])):
            points = np.concatenate([q, k])
            to = np.argmax(points @ centre.T, -1)
            for c in range(C):
                if (to == c).any():
                    mean = points[to == c].mean(0)
                    centre[c] = mean / np.linalg.norm(mean)
        keep[h] = np.argmax(q @ centre.T, -1)[:, None] == np.argmax(k @ centre.T, -1)[None]
    return keep


def pool_keys(s, p):
    f = int(p["factor"])
    parts = np.split(s.key, range(f, s.n_k, f))
    pool = lambda x: np.stack([x[:, part[-1]] if p["strided"] else x[:, part].mean(1) for part in parts], 1)
    last = np.array([part[-1] for part in parts])
    s.K0, s.V0 = pool(s.K0), pool(s.V0)
    s.n_k, s.seen, s.key = len(parts), s.seen[:, :, last], last
    return np.ones((s.H, s.n_q, s.n_k), bool)


def global_projections(s, p):
    """Rows before `globals` with matrices of their own; keys and values stand once for each kind of row."""
    d, e, kv = s.d, s.V0.shape[-1], s.kv
    A, B, C = normals(80, s.H, d, d) / SQ(d), normals(81, kv, d, d) / SQ(d), normals(82, kv, e, e) / SQ(e)
    rows = s.pos < p["globals"]
    s.Q = np.where(rows[None, :, None], single(s.Q @ A), s.Q)
    s.K0 = np.concatenate([s.K0, single(s.K0 @ B)], 1)
    s.V0 = np.concatenate([s.V0, single(s.V0 @ C)], 1)
    s.seen = np.concatenate([s.seen & ~rows[None, :, None], s.seen & rows[None, :, None]], 2)
    s.n_k *= 2
    return np.ones((s.H, s.n_q, s.n_k), bool)


def truncate(s, p):
    kept = s.key[-int(p["keep"]):] if p["last"] else s.key[: int(p["keep"])]
    s.K0, s.V0 = s.K0[:, kept], s.V0[:, kept]
    s.n_k, s.seen, s.key = len(kept), s.seen[:, :, kept], kept
    return np.ones((s.H, s.n_q, s.n_k), bool)


def plastic(s, p):
    """Ours: one step that wires distances more strongly by the mean weight they got; the weights of the run before it are a softmax over what is seen."""
    plain = s.scale * s.dot()
    e = np.where(s.seen, np.exp(plain), 0)
    weights = e / e.sum(-1, keepdims=True)
    distance = abs(s.pos[:, None] - np.arange(s.n_k)[None])
    out = plain.copy()
    for h in range(s.H):
        for d in np.unique(distance):
            at = (distance == d) & s.seen[h]
            if at.any():
                out[h][at] += np.log(1 + p["rate"] * single(weights[h][at].mean()))
    return out


# Vectors on the side of the values: what they add to the output, from the weights.


def shaw_values(s, p, weights):
    r = int(p["reach"])
    a = p["gain"] * normals(1, 2 * r + 1, 3)
    return np.einsum("hij,ijd->hid", weights, a[np.clip(-distance(s), -r, r) + r])


def tisasrec_values(s, p, weights):
    r = int(p["reach"])
    time = times(s)
    index = np.minimum(r, np.floor(np.abs(time[s.pos][:, None] - time[s.key][None]) / unit_of(time))).astype(int)
    P, R = p["gain"] * rows(2, s.tokens, 3), p["gain"] * normals(3, r + 1, 3)
    return np.einsum("hij,jd->hid", weights, P[s.key]) + np.einsum("hij,ijd->hid", weights, R[index])


def added(s, weights, states):
    return np.einsum("hij,hjd->hid", weights, np.broadcast_to(states, s.V.shape))


def floater_values(s, p, weights):
    return added(s, weights, floater_states(s, p) @ normals(4, 3, s.d).T / SQ(s.d))


def lstm_values(s, p, weights):
    if p["content"]:
        W = p["gain"] * normals(5, 3, 3) / SQ(3)
        return added(s, weights, np.stack([lstm_states(head, 3) @ W.T for head in s.V]))
    W = p["gain"] * normals(5, 3, s.d) / SQ(s.d)
    return added(s, weights, lstm_states(np.ones((s.n_k, s.d))) @ W.T)


def local_values(s, p, weights):
    return added(s, weights, np.stack([local_states(head, p, 2) for head in s.V]))


VALUES = {
    shaw: shaw_values,
    tisasrec: tisasrec_values,
    floater: floater_values,
    lstm_generator: lstm_values,
    r_transformer: local_values,
}


# Normalisers: the scores they leave, and the weights.


def exponential(scores, axis):
    """The softmax along an axis; nothing where nothing is seen."""
    most = scores.max(axis, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(most), most, 0))
    total = e.sum(axis, keepdims=True)
    return e / np.where(total > 0, total, 1)


def softmax(s, p, scores):
    return scores, exponential(scores, -1)


def top_k_softmax(s, p, scores):
    least = -np.sort(-scores, -1)[..., min(int(p["keep"]), s.n_k) - 1]
    scores = np.where(scores >= least[..., None], scores, -np.inf)
    return scores, exponential(scores, -1)


def inverted(s, p, scores):
    weights = exponential(scores, -2)
    with np.errstate(divide="ignore"):
        left = np.where(scores == -np.inf, -np.inf, np.log(weights))
    if p["rows"]:
        total = weights.sum(-1, keepdims=True)
        weights = weights / np.where(total > 0, total, 1)
    return left, weights


def learned_sink(s, p, scores):
    beside = np.concatenate([scores, np.full((s.H, s.n_q, 1), p["logit"])], -1)
    return scores, exponential(beside, -1)[..., :-1]


# What is done to the weights. The integer hash of the formulas: two rounds of multiply and shift for each part, 24 bits.


def hashed(*parts):
    state = np.uint32(0x9E3779B9)
    for part in np.broadcast_arrays(*[np.asarray(part, np.int64).astype(np.uint32) for part in parts]):
        state = state ^ part
        # 32 bits, the rest is lost.
        with np.errstate(over="ignore"):
            state = (state ^ (state >> np.uint32(16))) * np.uint32(0x7FEB352D)
            state = (state ^ (state >> np.uint32(15))) * np.uint32(0x846CA68B)
        state = state ^ (state >> np.uint32(16))
    return (state >> np.uint32(8)).astype(np.int64)


def dropped(p, thrown, weights):
    return weights * (thrown >= p["rate"] * 2**24) / (1 - p["rate"])


def heads_of(s):
    return np.arange(s.H)[:, None, None]


def dropout(s, p, weights):
    first = hashed(SEED, p["draw"], 0)
    return dropped(p, hashed(first, heads_of(s), s.pos[:, None], s.key), weights)


def head_dropout(s, p, weights):
    return dropped(p, hashed(hashed(SEED, p["draw"], 0), heads_of(s)), weights)


IDS = {top_k_softmax: "top-k"}

CASES = [
    ("product", cosine, {"scale": 7.5}),
    ("product", qk_norm, {"gain": 1.5}),
    ("product", l2, {}),
    ("product", additive, {}),
    ("position", shaw, {"reach": 3, "gain": 0.5}),
    ("position", transformer_xl, {"gain": 0.75}),
    ("position", deberta, {"reach": 4, "gain": 0.5}),
    ("position", tupe, {"gain": 1.25, "from_first": 0.5, "to_first": -0.75}),
    ("position", tisasrec, {"reach": 6, "gain": 0.5}),
    ("position", fox, {"bias": 1.5}),
    ("position", cope, {"reach": 3, "gain": 2.0}),
    ("position", path, {}),
    ("position", scaled_sinusoidal, {"gain": 2.0}),
    ("position", pope, {"base": 500.0, "phase": 0.5}),
    ("position", floater, {"gain": 0.5, "delta": 0.25}),
    ("position", lstm_generator, {"gain": 1.5, "content": 1}),
    ("position", lstm_generator, {"gain": 1.5, "content": 0}),
    ("position", r_transformer, {"reach": 3, "gain": 0.75}),
    ("position", learned, {"trained": 4, "gain": 1.0, "beyond": 1}),
    ("position", learned, {"trained": 4, "gain": 1.0, "beyond": 2}),
    ("selection", top_k, {"keep": 3}),
    ("selection", top_k_blocks, {"block": 3, "keep": 2}),
    ("selection", plastic, {"rate": 5.0}),
    ("selection", dsa, {"keep": 3, "heads": 2, "size": 3}),
    ("selection", lsh, {"buckets": 4, "rounds": 2, "shared": 0}),
    ("selection", lsh, {"buckets": 6, "rounds": 3, "shared": 1}),
    ("selection", k_means, {"clusters": 3, "steps": 4}),
    ("selection", pool_keys, {"factor": 3, "strided": 0}),
    ("selection", pool_keys, {"factor": 4, "strided": 1}),
    ("position", shaw, {"reach": 3, "gain": 0.5, "values": 1}),
    ("position", tisasrec, {"reach": 6, "gain": 0.5, "values": 1}),
    ("normaliser", top_k_softmax, {"keep": 3}),
    ("normaliser", inverted, {"rows": 0}),
    ("normaliser", inverted, {"rows": 1}),
    ("normaliser", learned_sink, {"logit": 1.5}),
    ("prob", dropout, {"rate": 0.25, "draw": 3}),
    ("prob", head_dropout, {"rate": 0.5, "draw": 1}),
    ("position", shaw, {"reach": 2, "gain": 1.0, "values": 1}, ("prob", dropout, {"rate": 0.5, "draw": 0})),
    ("position", tisasrec, {"reach": 3, "gain": 1.0, "values": 1}, ("normaliser", inverted, {"rows": 0})),
    ("position", shaw, {"reach": 4, "gain": 0.5, "values": 1}, ("normaliser", top_k_softmax, {"keep": 2})),
    ("position", floater, {"gain": 0.5, "delta": 0.25, "values": 1}),
    ("position", lstm_generator, {"gain": 1.5, "content": 1, "values": 1}),
    ("position", lstm_generator, {"gain": 1.5, "content": 0, "values": 1}),
    ("position", r_transformer, {"reach": 3, "gain": 0.75, "values": 1}),
    ("selection", top_k, {"keep": 5}, ("normaliser", top_k_softmax, {"keep": 2})),
    ("selection", global_projections, {"globals": 4}),
    ("selection", truncate, {"keep": 4, "last": 0}),
    ("selection", truncate, {"keep": 5, "last": 1}),
    # Places of keys that are no longer the tokens one by one.
    ("position", transformer_xl, {"gain": 0.75}, ("selection", pool_keys, {"factor": 3, "strided": 0})),
    ("position", transformer_xl, {"gain": 0.75}, ("selection", truncate, {"keep": 5, "last": 1})),
    ("position", tupe, {"gain": 1.25, "from_first": 0.5, "to_first": -0.75}, ("selection", pool_keys, {"factor": 4, "strided": 1})),
    ("position", tupe, {"gain": 1.25, "from_first": 0.5, "to_first": -0.75}, ("selection", truncate, {"keep": 5, "last": 1})),
    ("position", tisasrec, {"reach": 6, "gain": 0.5}, ("selection", pool_keys, {"factor": 3, "strided": 0})),
    ("position", tisasrec, {"reach": 6, "gain": 0.5, "values": 1}, ("selection", truncate, {"keep": 6, "last": 1})),
]


def main():
    out = []
    for number, (room, of, params, *beside) in enumerate(CASES):
        for causal in (True, False):
            n_k = 11
            n_q = n_k if params.get("shared") or number % 2 else n_k - 3
            s = Setting(4, 2, n_q, n_k, 6, causal, number)
            Q, K, V = s.Q.copy(), s.K0.copy(), s.V0.copy()
            chosen = {room: (of, params)} | {also: (what, of_it) for also, what, of_it in beside}
            fewer = [what(s, given) for also, what, given in beside if also == "selection"]
            scores = s.scale * s.dot()
            if "position" in chosen or "product" in chosen:
                scores = of(s, params)
            if room == "selection":
                kept = of(s, params)
                scores = np.where(kept, s.scale * s.dot(), -np.inf) if kept.dtype == bool else kept
            scores = np.where(s.seen, scores, -np.inf)
            normaliser, given = chosen.get("normaliser", (softmax, {}))
            scores, weights = normaliser(s, given, scores)
            if "prob" in chosen:
                change, given = chosen["prob"]
                weights = change(s, given, weights)
            y = np.einsum("hij,hjd->hid", weights, s.V)
            if params.get("values"):
                y = y + VALUES[of](s, params, weights)
            told = fewer or of in (pool_keys, truncate, global_projections) or params.get("values") or "normaliser" in chosen or "prob" in chosen
            named = lambda what: IDS.get(what, what.__name__.replace("_", "-"))
            out.append(
                {
                    "room": room,
                    "id": named(of),
                    "params": {name: float(value) for name, value in params.items()},
                    "beside": [[also, named(what), of_it] for also, what, of_it in beside],
                    "causal": causal,
                    "seed": SEED,
                    "dims": [4, 2, n_q, n_k, 6, 3],
                    "q": Q.round(3).ravel().tolist(),
                    "k": K.round(3).ravel().tolist(),
                    "v": V.round(3).ravel().tolist(),
                    "scores": [None if x == -np.inf else round(x, 7) for x in scores.ravel().tolist()],
                    "y": [round(x, 7) for x in y.ravel().tolist()] if told else [],
                }
            )
    print("[" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in out) + "]")


main()
