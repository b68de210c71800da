"""Gated sums of several attentions, each with a softmax of its own, in double precision: hybrids of two masks or of a mask and another mechanism, and the
three branches of Native Sparse Attention.

Run in this folder: python3 hybrid.py > hybrid.json. It shares nothing with the page but the seeded numbers, drawn as src/attention/inputs/rng.rs says. Every
branch is computed by itself and the outputs are added, as the papers write it, where the project joins them in one softmax.
"""

import json

import numpy as np

SEED = 11


def normals(number, *shape):
    rng = np.random.default_rng((SEED + (number << 53)) % 2**64)
    u, v = rng.random((2, int(np.prod(shape))))
    return (np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)).reshape(shape)


def single(x):
    return np.asarray(x, np.float32).astype(np.float64)


class Setting:
    def __init__(self, number, n_q, n_k, heads=4, kv=2, d=6, d_v=3):
        rng = np.random.default_rng(number)
        short = lambda *shape: single(rng.standard_normal(shape).round(3))
        self.q, self.k0, self.v0 = short(heads, n_q, d), short(kv, n_k, d), short(kv, n_k, d_v)
        self.heads, self.kv, self.n_q, self.n_k, self.d, self.d_v = heads, kv, n_q, n_k, d, d_v
        self.k, self.v = (np.repeat(x, heads // kv, axis=0) for x in (self.k0, self.v0))
        # The last query sees the last key.
        self.pos = np.arange(n_q) + n_k - n_q
        self.back = self.pos[:, None] - np.arange(n_k)[None]
        self.s = np.einsum("hid,hjd->hij", self.q, self.k) / np.sqrt(d)


def softmax(s, seen, extra=0.0):
    """Rows of weights; a row with nothing is nothing. `extra` is added to the sum of exponentials."""
    seen = np.broadcast_to(seen, s.shape)
    e = np.where(seen, np.exp(s), 0)
    total = e.sum(-1, keepdims=True) + extra
    return np.where(seen.any(-1, keepdims=True), e / np.where(total > 0, total, 1), 0)


def sparsemax(s, seen, extra=0.0):
    """Martins and Astudillo 2016, algorithm 1, row by row."""
    out = np.zeros(s.shape)
    seen = np.broadcast_to(seen, s.shape)
    for at in np.ndindex(s.shape[:-1]):
        if seen[at].any():
            z = np.sort(s[at][seen[at]])[::-1]
            sums = np.cumsum(z)
            k = max(i for i in range(1, len(z) + 1) if 1 + i * z[i - 1] > sums[i - 1])
            out[at] = np.where(seen[at], np.maximum(s[at] - (sums[k - 1] - 1) / k, 0), 0)
    return out


def sigmoid(s, seen, extra=0.0):
    """Ramapuram et al. 2024, section 3.1: the bias is -ln n."""
    return np.where(seen, 1 / (1 + np.exp(-s + np.log(s.shape[-1]))), 0)


def gate(s, g, by_query, number):
    """[heads, n_q, 1]"""
    g = np.full((s.heads, s.n_q, 1), g)
    if not by_query:
        return g
    w = normals(number, s.heads, s.d) / np.sqrt(s.d)
    logit = np.log(g / (1 - g)) + np.einsum("hid,hd->hi", s.q, w)[..., None]
    return 1 / (1 + np.exp(-logit))


# Masks and their parts of the score, by the definitions on the page.
def causal(s):
    return s.back >= 0, 0.0


def none(s):
    return np.ones((s.n_q, s.n_k), bool), 0.0


def window(s, w, two_sided=0):
    return ((s.back >= 0) | bool(two_sided)) & (abs(s.back) < w), 0.0


def local(s, chunk):
    return (s.pos[:, None] // chunk == np.arange(s.n_k)[None] // chunk) & (s.back >= 0), 0.0


def synaptic(s, fade):
    """Powers of two, stretched by 1 + h / 4 and rounded; every wire of strength 1, fading with distance."""
    seen = np.zeros((s.heads, s.n_q, s.n_k), bool)
    for h in range(s.heads):
        kept = {0, 1} | {int(np.floor(2**i * (1 + 0.25 * h) + 0.5)) for i in range(12)}
        seen[h] = np.isin(s.back, list(kept))
    return seen, -fade * np.log(1.0 + np.abs(s.back))


def linear(s):
    """elu + 1, normalised, causal (Katharopoulos et al. 2020, equations 7 and 9)."""
    phi = lambda x: np.where(x > 0, x + 1, np.exp(x))
    a = np.where(s.back >= 0, np.einsum("hid,hjd->hij", phi(s.q), phi(s.k)), 0)
    return a @ s.v / a.sum(-1, keepdims=True)


def retention(s):
    """Sun et al. 2023, equation 5, without rotation and normalisation."""
    gamma = (1 - 2.0 ** (-5 - np.arange(s.heads)))[:, None, None]
    a = np.where(s.back >= 0, gamma ** np.maximum(s.back, 0), 0) * s.s
    return a @ s.v


def blocks(s, g, p, by_query):
    """NSA: compression by the mean, choice by the compressed weights of the whole group, a window; three softmaxes (Yuan et al. 2025, equation 5)."""
    block, keep, near = p
    of = np.arange(s.n_k) // block
    count = of[-1] + 1
    mean = lambda x: np.stack([x[:, of == b].mean(1) for b in range(count)], 1)
    keys, values = single(mean(s.k)), single(mean(s.v))
    seen = s.back >= 0
    whole = np.stack([seen[:, of == b].all(1) for b in range(count)], 1)
    some = np.stack([seen[:, of == b].any(1) for b in range(count)], 1)
    coarse = softmax(np.einsum("hid,hjd->hij", s.q, keys) / np.sqrt(s.d), whole)
    group = coarse.reshape(s.kv, -1, s.n_q, count).sum(1)
    chosen = np.zeros((s.heads, s.n_q, s.n_k), bool)
    for h in range(s.heads):
        for i in range(s.n_q):
            score = group[h // (s.heads // s.kv), i].copy()
            own = s.pos[i] // block
            score[[b for b in (0, own - 1, own) if b >= 0]] = np.inf
            score[~some[i]] = -np.inf
            # Equals of the last that is kept are kept as well.
            least = np.sort(score)[::-1][min(keep, some[i].sum()) - 1]
            chosen[h, i] = ((score >= least) & some[i])[of]
    fine = softmax(s.s, chosen & seen)
    window = softmax(s.s, seen & (s.back < near))
    g = [gate(s, x, by_query, 70 + i) for i, x in enumerate(g)]
    weights = np.concatenate([g[1] * fine + g[2] * window, g[0] * coarse], -1)
    return weights, g[0] * coarse @ values + g[1] * fine @ s.v + g[2] * window @ s.v


CASES = []


def case(s, change, y, weights):
    CASES.append(
        {
            "experiment": change,
            "dims": [s.heads, s.kv, s.n_q, s.n_k, s.d, s.d_v],
            "q": s.q.round(3).ravel().tolist(),
            "k": s.k0.round(3).ravel().tolist(),
            "v": s.v0.round(3).ravel().tolist(),
            "y": y.round(7).ravel().tolist(),
            "weights": weights.round(7).ravel().tolist(),
        }
    )


def entry(id, **params):
    return {"id": id, "params": params} if params else {"id": id}


def two(number, lengths, mask, branch, g, by_query=0, **more):
    """Two masks with their entries' names and parameters."""
    (a, of_a), (b, of_b) = mask, branch
    s = Setting(number, *lengths)
    extra, cap = more.get("extra", 0.0), more.get("cap", 0.0)
    weights = []
    for kept, bias in (of_a(s), of_b(s)):
        scores = cap * np.tanh((s.s + bias) / cap) if cap else s.s + bias
        if not weights:
            for (q0, q1), (k0, k1), allow in more.get("paint", []):
                kept = kept.copy()
                kept[..., q0:q1, k0:k1] = allow
        weights.append(more.get("norm", softmax)(scores, kept, extra))
    g_a = gate(s, g, by_query, 70)
    p = g_a * weights[0] + (1 - g_a) * weights[1]
    change = {"mask": a, "hybrid": entry("gated", gate=g, by_query=by_query), "branch": b}
    change |= more.get("change", {})
    case(s, change, p @ s.v, p)


def beside(number, of, id, g, by_query=0):
    s = Setting(number, 11, 11)
    kept, _ = causal(s)
    weights = softmax(s.s, kept)
    g_a = gate(s, g, by_query, 70)
    change = {"mask": entry("causal"), "hybrid": entry("gated", gate=g, by_query=by_query), "branch": entry(id)}
    case(s, change, g_a * (weights @ s.v) + (1 - g_a) * of(s), weights)


def apart(number, g, by_query=0):
    """Two branches without weights; the map shows those of attention as it is set."""
    s = Setting(number, 11, 11)
    kept, _ = causal(s)
    g_a = gate(s, g, by_query, 70)
    gated = entry("gated", gate=g, by_query=by_query)
    change = {"mask": entry("causal"), "hybrid": gated, "branch_a": entry("linear"), "branch": entry("retnet")}
    case(s, change, g_a * linear(s) + (1 - g_a) * retention(s), softmax(s.s, kept))


def instead(number, g, by_query=0):
    """An estimator, and attention under the second branch's mask."""
    s = Setting(number, 11, 11)
    kept, _ = window(s, 3)
    weights = softmax(s.s, kept)
    g_a = gate(s, g, by_query, 70)
    gated = entry("gated", gate=g, by_query=by_query)
    near = entry("sliding-window", window=3)
    change = {"mask": entry("causal"), "hybrid": gated, "branch_a": entry("linear"), "branch": near}
    case(s, change, g_a * linear(s) + (1 - g_a) * (weights @ s.v), weights)


def main():
    square, cached = (11, 11), (8, 11)
    plain, full = (entry("causal"), causal), (entry("none"), none)
    near = (entry("sliding-window", window=3), lambda s: window(s, 3))
    both = (entry("sliding-window", window=2, two_sided=1), lambda s: window(s, 2, 1))
    chunk = (entry("chunked-local", chunk=4), lambda s: local(s, 4))
    wired = (entry("synaptic", fade=0.5), lambda s: synaptic(s, 0.5))
    two(0, square, near, full, 0.3)
    two(1, cached, near, plain, 0.75, by_query=1)
    two(2, square, chunk, both, 0.5)
    two(3, square, plain, near, 1.0)
    two(4, cached, near, chunk, 0.0)
    two(5, square, wired, near, 0.4)
    two(6, square, near, wired, 0.6, by_query=1)
    two(7, cached, plain, near, 0.5, extra=1.0, change={"normaliser": entry("off-by-one")})
    two(8, square, wired, plain, 0.5, cap=1.5, change={"softcap": 1.5, "conventions": {"causal": "bottom_right", "softcap": "after_bias"}})
    # Row 2 has nothing in the first branch, row 5 one key more than its mask allows.
    paint = [((2, 3), (0, 11), False), ((5, 6), (9, 10), True)]
    patches = [{"q": list(q), "k": list(k), "allow": allow} for q, k, allow in paint]
    two(9, square, near, chunk, 0.25, paint=paint, change={"paint": patches})
    two(10, square, near, chunk, 0.4, norm=sparsemax, paint=paint, change={"paint": patches, "normaliser": entry("sparsemax")})
    two(11, cached, wired, plain, 0.7, by_query=1, norm=sigmoid, change={"normaliser": entry("sigmoid")})
    beside(20, linear, "linear", 0.6)
    beside(21, retention, "retnet", 0.5, by_query=1)
    apart(22, 0.3)
    apart(23, 0.6, by_query=1)
    instead(24, 0.3, by_query=1)
    for number, p, g, by_query, lengths in [
        (30, (2, 4, 2), (0.3, 0.4, 0.3), 0, square),
        (31, (3, 2, 3), (0.5, 0.7, 0.2), 1, cached),
        (32, (4, 1, 0), (0.25, 1.0, 0.0), 0, square),
    ]:
        s = Setting(number, *lengths)
        weights, y = blocks(s, g, p, by_query)
        names = dict(zip(("block", "keep", "window", "compressed", "chosen", "near"), (*p, *g)))
        case(s, {"mask": entry("causal"), "selection": entry("nsa", **names, by_query=by_query)}, y, weights)
    print("[" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in CASES) + "]")


main()
