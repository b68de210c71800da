"""Structured and inexact mechanisms in attention's place, in double precision with NumPy, by the formulas of their papers.

Written beside the Rust, not with it: where the Rust carries a state from key to key, this writes the whole matrix of weights (or the recurrence with NumPy's
products); where the Rust counts buckets like a binary counter, this takes the lowest bit off; where the Rust merges tiles, this fills one matrix of
scores. Run `python3 tests/independent/estimators.py > tests/independent/estimators.json`.
"""

import json
import math

import numpy as np


def uniform(seed):
    return np.random.default_rng(seed)


def normal(r, *shape):
    """Box and Muller, as the page's seeded inputs."""
    u, v = r.random((2, math.prod(shape)))
    return (np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)).reshape(shape)


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def allowed(n_q, n_k, causal):
    return np.tril(np.ones((n_q, n_k))) if causal else np.ones((n_q, n_k))


def exact(q, k, v, causal, scale, head):
    return softmax(np.where(allowed(len(q), len(k), causal) > 0, scale * q @ k.T, -np.inf)) @ v


def linear(q, k, v, causal, scale, head, feature, normalised):
    """Katharopoulos et al. 2020, equations 4 and 7."""
    phi = [lambda x: np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))), lambda x: np.maximum(x, 0), lambda x: x][feature]
    w = phi(q) @ phi(k).T * allowed(len(q), len(k), causal)
    total = w.sum(axis=1, keepdims=True)
    return w @ v * scale if not normalised else np.divide(w, total, out=np.zeros_like(w), where=total != 0) @ v


def gated(q, k, v, causal, scale, head, decay):
    """a_ij = q_i . k_j times the product of the gates between them."""
    t = np.arange(len(q))
    return scale * (q @ k.T * np.tril(float(decay) ** np.maximum(t[:, None] - t[None, :], 0))) @ v


def retnet(q, k, v, causal, scale, head):
    """Sun et al. 2023, equations 5 and 8: gamma = 1 - 2^(-5 - h)."""
    return gated(q, k, v, causal, scale, head, 1 - 2.0 ** (-5 - head))


def kda(q, k, v, causal, scale, head, fast, slow, rate):
    """S_t = (I - rate k k^T) diag(decay) S_(t-1) + rate k v^T (Kimi Team 2025, equation 1; Yang et al. 2024)."""
    d = q.shape[1]
    q, k = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (q, k))
    decay = np.geomspace(fast, slow, d)
    s, y = np.zeros((d, v.shape[1])), []
    for t in range(len(q)):
        s = (np.eye(d) - rate * np.outer(k[t], k[t])) @ np.diag(decay) @ s + rate * np.outer(k[t], v[t])
        y.append(scale * s.T @ q[t])
    return np.array(y)


def delta(q, k, v, causal, scale, head, rate):
    return kda(q, k, v, causal, scale, head, 1, 1, rate)


def gated_delta(q, k, v, causal, scale, head, decay, rate):
    return kda(q, k, v, causal, scale, head, decay, decay, rate)


def log_linear(q, k, v, causal, scale, head, lam):
    """Guo et al. 2025, section 3.1: the buckets of [0, t) end where the lowest bit of what is left is taken off; {t} is level 0."""
    w = np.zeros((len(q), len(k)))
    for t in range(len(q)):
        w[t, t], b = 1, t
        while b:
            bit = b & -b
            w[t, b - bit:b] = lam ** (bit.bit_length())
            b -= bit
    return scale * (q @ k.T * w) @ v


def performer(q, k, v, causal, scale, head, features, seed):
    """Choromanski et al. 2020, lemma 1 and section 3.4: blocks of orthogonal directions with the lengths of Gaussian ones."""
    d, r, rows = q.shape[1], uniform(seed), []
    while len(rows) < features:
        block, lengths = normal(r, d, d), normal(r, d, d)
        basis, upper = np.linalg.qr(block.T)
        basis = (basis * np.sign(np.diag(upper))).T
        rows.extend(np.linalg.norm(lengths, axis=1)[:, None] * basis)
    omega = np.array(rows[:features])
    phi = lambda x: np.exp(x @ omega.T - (x**2).sum(axis=1, keepdims=True) / 2) / math.sqrt(features)
    w = phi(math.sqrt(scale) * q) @ phi(math.sqrt(scale) * k).T * allowed(len(q), len(k), causal)
    return w / w.sum(axis=1, keepdims=True) @ v


def segments(rows, n):
    cuts = [i * n // rows for i in range(rows + 1)]
    e = np.zeros((rows, n))
    for i in range(rows):
        e[i, cuts[i]:cuts[i + 1]] = 1 / (cuts[i + 1] - cuts[i])
    return e


def linformer(q, k, v, causal, scale, head, rank, pooled, seed):
    """Wang et al. 2020, equation 7 with E = F; entries N(0, 1/k) as in theorem 2."""
    n = len(k)
    e = segments(rank, n) if pooled else normal(uniform(seed), rank, n) / math.sqrt(rank)
    return softmax(scale * q @ (e @ k).T) @ (e @ v)


def nystrom(q, k, v, causal, scale, head, landmarks, iterations):
    """Xiong et al. 2021, equations 11 and 13."""
    ql, kl = segments(landmarks, len(q)) @ q, segments(landmarks, len(k)) @ k
    f, a, b = softmax(scale * q @ kl.T), softmax(scale * ql @ kl.T), softmax(scale * ql @ k.T)
    z = a.T / (np.linalg.norm(a, 1) * np.linalg.norm(a, np.inf))
    i = np.eye(landmarks)
    for _ in range(iterations):
        az = a @ z
        z = z @ (13 * i - az @ (15 * i - az @ (7 * i - az))) / 4
    return f @ z @ b @ v


def h_transformer(q, k, v, causal, scale, head, block):
    """Zhu and Soricut 2021: one matrix of scores over all tokens, each pair at the first level at which its blocks touch; causal, the query is its own."""
    n = len(q)
    scores = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            level = 0
            while abs((i >> level) // block - (j >> level) // block) > 1:
                level += 1
            mean = lambda x, at: x[at >> level << level:((at >> level) + 1) << level].mean(axis=0)
            scores[i, j] = scale * (q[i] if causal else mean(q, i)) @ mean(k, j)
    return softmax(np.where(allowed(n, n, causal) > 0, scores, -np.inf)) @ v


def blockwise_summary(q, k, v, causal, scale, head, block):
    """Ours: the own block exactly, every other one as often as it has tokens."""
    n, y = len(q), []
    blocks = [range(a, min(a + block, n)) for a in range(0, n, block)]
    local = np.concatenate([exact(q[b], k[b], v[b], causal, scale, head) for b in blocks])
    for i in range(n):
        own = i // block
        keys = [j for j in blocks[own] if j <= i or not causal]
        scores, values = [scale * q[i] @ k[j] for j in keys], [v[j] for j in keys]
        for b, tokens in enumerate(blocks):
            if b != own and not (causal and b > own):
                scores += [scale * q[i] @ k[tokens].mean(axis=0)] * len(tokens)
                values += [local[tokens].mean(axis=0)] * len(tokens)
        y.append(softmax(np.array(scores)) @ np.array(values))
    return np.array(y)


def hierarchical(q, k, v, causal, scale, head, block, seed):
    """Yang et al. 2016, equations 5 to 10, with the query as context vector at both levels."""
    r, d, y = uniform(seed), q.shape[1], []
    w_words, w_sentences = normal(r, d, d) / math.sqrt(d), normal(r, d, d) / math.sqrt(d)
    for i in range(len(q)):
        n, keys, values = i + 1 if causal else len(k), [], []
        for a in range(0, n, block):
            tokens = slice(a, min(a + block, n))
            alpha = softmax(scale * np.tanh(k[tokens] @ w_words.T) @ q[i])
            keys.append(alpha @ k[tokens])
            values.append(alpha @ v[tokens])
        y.append(softmax(scale * np.tanh(np.array(keys) @ w_sentences.T) @ q[i]) @ np.array(values))
    return np.array(y)


def ring(q, k, v, causal, scale, head, devices):
    return exact(q, k, v, causal, scale, head)


def recurrent(gates, step):
    def run(q, k, v, causal, scale, head, hidden, seed):
        r, x = uniform(seed), np.concatenate([q, k, v], axis=1)
        draw = lambda *shape: (2 * r.random(math.prod(shape)).reshape(shape) - 1) / math.sqrt(hidden)
        w, u, b, c = draw(gates * hidden, x.shape[1]), draw(gates * hidden, hidden), draw(gates * hidden), draw(gates * hidden)
        out, h, cell, y = draw(v.shape[1], hidden), np.zeros(hidden), np.zeros(hidden), []
        for row in x:
            h, cell = step(np.split(w @ row + b, gates), np.split(u @ h + c, gates), h, cell)
            y.append(out @ h)
        return np.array(y)
    return run


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elman(a, b, h, cell):
    return np.tanh(a[0] + b[0]), cell


def gru(a, b, h, cell):
    """The formulas of torch.nn.GRU."""
    r, z = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
    return (1 - z) * np.tanh(a[2] + r * b[2]) + z * h, cell


def lstm(a, b, h, cell):
    """The formulas of torch.nn.LSTM."""
    i, f, g, o = (a[n] + b[n] for n in range(4))
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(cell), cell


def conv1d(q, k, v, causal, scale, head, width, seed):
    n, d = v.shape
    taps = (2 * uniform(seed).random(width * d * d).reshape(width, d, d) - 1) / math.sqrt(width * d)
    left = width - 1 if causal else width // 2
    padded = np.pad(v, ((left, width - 1 - left), (0, 0)))
    return sum(padded[j:j + n] @ taps[j].T for j in range(width))


def conv2d(q, k, v, causal, scale, head, rows, columns, picture, seed):
    """Over the picture that the tokens are; causal is the reading order, as in PixelCNN's masked convolutions with the pixel itself (mask B)."""
    n, d = v.shape
    width, height = picture, n // picture
    taps = (2 * uniform(seed).random(rows * columns * d * d).reshape(rows, columns, d, d) - 1) / math.sqrt(rows * columns * d)
    top, left = rows // 2, columns // 2
    if causal:
        later = (np.arange(rows)[:, None] > top) | ((np.arange(rows)[:, None] == top) & (np.arange(columns)[None] > left))
        taps = np.where(later[:, :, None, None], 0, taps)
    padded = np.pad(v.reshape(height, width, d), ((top, rows - 1 - top), (left, columns - 1 - left), (0, 0)))
    y = sum(padded[i:i + height, j:j + width] @ taps[i, j].T for i in range(rows) for j in range(columns))
    return y.reshape(n, d)


# Entry, its formula, parameters to try, and the masks it knows.
BOTH, CAUSAL, ALL = (False, True), (True,), (False,)
ESTIMATORS = [
    ("linear", linear, [dict(feature=f, normalised=n) for f in (0, 1, 2) for n in (1, 0)], BOTH),
    ("gated", gated, [dict(decay=0.9), dict(decay=1)], CAUSAL),
    ("delta", delta, [dict(rate=1), dict(rate=0.35)], CAUSAL),
    ("gated-delta", gated_delta, [dict(decay=0.8, rate=0.75)], CAUSAL),
    ("kda", kda, [dict(fast=0.5, slow=0.99, rate=0.6)], CAUSAL),
    ("retnet", retnet, [{}], CAUSAL),
    ("log-linear", log_linear, [{"lambda": 0.7}, {"lambda": 1}], CAUSAL),
    ("performer", performer, [dict(features=5, seed=3), dict(features=32, seed=0)], BOTH),
    ("linformer", linformer, [dict(rank=5, pooled=0, seed=2), dict(rank=4, pooled=1, seed=0)], ALL),
    ("nystrom", nystrom, [dict(landmarks=4, iterations=6), dict(landmarks=7, iterations=3)], ALL),
    ("h-transformer-1d", h_transformer, [dict(block=2), dict(block=4)], BOTH),
    ("blockwise-summary", blockwise_summary, [dict(block=3), dict(block=5)], BOTH),
    ("hierarchical", hierarchical, [dict(block=3, seed=1), dict(block=4, seed=9)], BOTH),
    ("ring", ring, [dict(devices=3), dict(devices=5)], BOTH),
    ("rnn", recurrent(1, elman), [dict(hidden=5, seed=4)], CAUSAL),
    ("gru", recurrent(3, gru), [dict(hidden=6, seed=5)], CAUSAL),
    ("lstm", recurrent(4, lstm), [dict(hidden=4, seed=6)], CAUSAL),
    ("conv1d", conv1d, [dict(width=3, seed=1), dict(width=4, seed=2)], BOTH),
    ("conv2d", conv2d, [dict(rows=3, columns=2, picture=4, seed=7), dict(rows=2, columns=5, picture=3, seed=8), dict(rows=3, columns=3, picture=6, seed=9)], BOTH),
]
# Keys without a causal mask may be more or fewer than queries, where the mechanism has a meaning for that.
OBLONG = {"linear", "performer", "linformer", "nystrom", "hierarchical", "ring"}

cases, digits = [], lambda x: [float(f"{number:.13g}") for number in np.ravel(x)]
r = np.random.Generator(np.random.PCG64(17))
for name, formula, settings, masks in ESTIMATORS:
    for params in settings:
        for causal in masks:
            n_q = int(r.integers(9, 20))
            # Whole rows of a picture.
            n_q -= n_q % params.get("picture", 1)
            n_k = int(r.integers(9, 20)) if name in OBLONG and not causal else n_q
            heads, d, d_v, scale = 2, int(r.integers(3, 7)), int(r.integers(2, 5)), 0.5
            # Multiples of 1/256: numbers that single precision holds, so that both sides start from the same.
            q, k, v = (np.round(256 * r.normal(size=(heads, n, size))) / 256 for n, size in ((n_q, d), (n_k, d), (n_k, d_v)))
            arguments = {("lam" if key == "lambda" else key): value for key, value in params.items()}
            y = [formula(q[h], k[h], v[h], causal, scale, h, **arguments) for h in range(heads)]
            true = [exact(q[h], k[h], v[h], causal, scale, h) for h in range(heads)]
            cases.append({
                "id": name, "params": params, "causal": causal, "n_q": n_q, "n_k": n_k, "d": d, "d_v": d_v, "scale": scale,
                "q": q.ravel().tolist(), "k": k.ravel().tolist(), "v": v.ravel().tolist(), "y": digits(y),
                "error": digits(np.linalg.norm(np.array(y) - true, axis=2) / np.linalg.norm(true, axis=2)),
                "total": digits([np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(y, true)]),
            })
print(json.dumps(cases))
