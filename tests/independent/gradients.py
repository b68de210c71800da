"""Gradients of attention in double precision with NumPy, written from the equations and not from the Rust.

The forward pass is a function of whole matrices, one head at a time; the backward pass is the chain rule over the same matrices: the transposes
of two products, the Jacobian of each row's normaliser written out as a matrix (diag(p) - p p^T for softmax, diag(p (1 - p)) for sigmoid, diag(s) - s s^T / |s| over the
support for sparsemax), and the derivative of c tanh(x / c). The Rust goes row by row and never forms a Jacobian. Run
`python3 tests/independent/gradients.py > tests/independent/gradients.json`.
"""

import json

import numpy as np


def sparsemax(z):
    """Martins and Astudillo 2016, algorithm 1: sort, find the support, project on the simplex."""
    u = np.sort(z)[::-1]
    cumulated = np.cumsum(u)
    k = np.arange(1, len(u) + 1)
    size = k[1 + k * u > cumulated][-1]
    tau = (cumulated[size - 1] - 1) / size
    return np.maximum(z - tau, 0)


def row_weights(z, normaliser, sink, n_k):
    """The weights of one row of allowed scores, their Jacobian, and the derivative of the weights by the sink's logit."""
    if normaliser == "softmax":
        logits = z if sink is None else np.append(z, sink)
        e = np.exp(logits - logits.max())
        p = e / e.sum()
        jacobian = np.diag(p) - np.outer(p, p)
        if sink is None:
            return p, jacobian, None
        return p[:-1], jacobian[:-1, :-1], jacobian[:-1, -1]
    if normaliser == "sigmoid":
        # The bias of Ramapuram et al. 2024 is a single there.
        p = 1 / (1 + np.exp(-(z - float(np.float32(np.log(n_k))))))
        return p, np.diag(p * (1 - p)), None
    p = sparsemax(z)
    support = (p > 0).astype(float)
    return p, np.diag(support) - np.outer(support, support) / support.sum(), None


def head(q, k, v, dy, allowed, distance, scale, softcap, slope, sink, normaliser):
    """One head: its output and every derivative."""
    raw = q @ k.T
    scaled = scale * raw
    capped = scaled if softcap is None else softcap * np.tanh(scaled / softcap)
    scores = capped if slope is None else capped - slope * distance
    n_q, n_k = raw.shape
    p, ds, dsink = np.zeros((n_q, n_k)), np.zeros((n_q, n_k)), 0.0
    dp = dy @ v.T
    for i in range(n_q):
        keys = np.flatnonzero(allowed[i])
        if len(keys) == 0:
            continue
        p[i, keys], jacobian, by_sink = row_weights(scores[i, keys], normaliser, sink, n_k)
        ds[i, keys] = jacobian.T @ dp[i, keys]
        if by_sink is not None:
            dsink += by_sink @ dp[i, keys]
    y, dv = p @ v, p.T @ dy
    dslope = None if slope is None else -(ds * distance).sum()
    dcapped, dsoftcap = ds, None
    if softcap is not None:
        x = scaled / softcap
        sech2 = 1 / np.cosh(x) ** 2
        dsoftcap = (dcapped * (np.tanh(x) - x * sech2)).sum()
        dcapped = dcapped * sech2
    dscale = (dcapped * raw).sum()
    draw = scale * dcapped
    return y, draw @ k, draw.T @ q, dv, dscale, dsoftcap, dslope, dsink


def case(name, seed, dims, causal=False, offset=0, scale=None, softcap=None, alibi=False, sink=None, normaliser="softmax"):
    q_heads, kv_heads, n_q, n_k, d, d_v = dims
    rng = np.random.default_rng(seed)
    single = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    q, k, v = single(q_heads, n_q, d), single(kv_heads, n_k, d), single(kv_heads, n_k, d_v)
    dy = rng.standard_normal((q_heads, n_q, d_v))
    scale = np.float32(1 / np.sqrt(d) if scale is None else scale)
    slopes = (2.0 ** (-8 * (np.arange(q_heads) + 1) / q_heads)).astype(np.float32) if alibi else None
    sink = None if sink is None else np.array(sink, dtype=np.float32)
    position = np.arange(n_q)[:, None] + offset
    keys = np.arange(n_k)[None, :]
    allowed = keys <= position if causal else np.ones((n_q, n_k), dtype=bool)
    distance = np.abs(position - keys).astype(float)
    wide = lambda x: None if x is None else x.astype(np.float64)
    dk, dv = np.zeros(k.shape), np.zeros(v.shape)
    y, dq, dscale, dsoftcap, dslopes, dsinks = [], [], 0.0, 0.0, [], []
    for h in range(q_heads):
        g = h // (q_heads // kv_heads)
        out = head(
            wide(q[h]), wide(k[g]), wide(v[g]), dy[h], allowed, distance, float(scale),
            None if softcap is None else float(np.float32(softcap)),
            None if slopes is None else float(slopes[h]),
            None if sink is None else float(sink[h]), normaliser,
        )
        y.append(out[0])
        dq.append(out[1])
        dk[g] += out[2]
        dv[g] += out[3]
        dscale += out[4]
        dsoftcap += out[5] or 0.0
        dslopes.append(out[6])
        dsinks.append(out[7])
    flat = lambda x: np.array(x, dtype=np.float64).ravel().tolist()
    exact = lambda x: [float(n) for n in x.ravel()]
    return {
        "name": name, "dims": list(dims), "q": exact(q), "k": exact(k), "v": exact(v), "dy": flat(dy), "causal": causal,
        "offset": offset, "scale": float(scale), "softcap": None if softcap is None else float(np.float32(softcap)),
        "slopes": None if slopes is None else exact(slopes), "sink": None if sink is None else exact(sink),
        "normaliser": normaliser, "y": flat(y), "dq": flat(dq), "dk": flat(dk), "dv": flat(dv), "dscale": float(dscale),
        "dsoftcap": None if softcap is None else float(dsoftcap), "dslopes": None if slopes is None else flat(dslopes),
        "dsink": None if sink is None else flat(dsinks),
    }


CASES = [
    case("plain", 1, (1, 1, 5, 7, 4, 3)),
    case("causal", 2, (2, 2, 6, 6, 4, 4), causal=True),
    case("causal at the end of a cache", 3, (1, 1, 3, 8, 4, 4), causal=True, offset=5),
    case("rows with nothing", 4, (1, 1, 6, 4, 4, 4), causal=True, offset=-2),
    case("softcap", 5, (2, 2, 5, 6, 4, 5), scale=2.0, softcap=1.5),
    case("alibi", 6, (4, 4, 5, 5, 4, 4), causal=True, alibi=True),
    case("gqa, softcap, alibi", 7, (4, 2, 6, 7, 3, 5), causal=True, softcap=2.0, alibi=True),
    case("mqa with a sink", 8, (3, 1, 5, 5, 4, 4), causal=True, sink=[0.5, -2.0, 3.0]),
    case("sigmoid", 9, (2, 1, 5, 6, 4, 4), normaliser="sigmoid"),
    case("sparsemax", 10, (2, 2, 6, 9, 4, 4), scale=1.25, normaliser="sparsemax", alibi=True),
]

if __name__ == "__main__":
    print(json.dumps(CASES))
