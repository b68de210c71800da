"""Measures of attention weights, in double precision with NumPy and by their definitions.

Ranks go by NumPy's own singular values, not by eigenvalues of a product; correlations by `corrcoef`; rollout by matrix products (Abnar and Zuidema 2020,
equation 1). Run `python3 tests/independent/measures.py > tests/independent/measures.json`.
"""

import json

import numpy as np

generator = np.random.Generator(np.random.PCG64(11))


def layer(heads, n_q, n_k, offset, sharp, causal):
    """Softmax weights in single precision; what the mask forbids is NaN, and one row of the second head attends to nothing."""
    scores = generator.normal(size=(heads, n_q, n_k)) * sharp
    allowed = np.ones((heads, n_q, n_k), bool)
    if causal:
        allowed &= np.arange(n_k) <= np.arange(n_q)[:, None] + offset
    if heads > 1 and n_q > 2:
        allowed[1, 2] = False
    scores = np.where(allowed, scores, -np.inf)
    with np.errstate(invalid="ignore"):
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
    return np.where(allowed, np.float32(weights), np.float32(np.nan)), allowed


def measured(row, at, top, sinks, small, part):
    allowed = ~np.isnan(row)
    if not allowed.any() or np.nansum(row) == 0:
        return None
    p = np.where(allowed, row, 0).astype(np.float64)
    p /= p.sum()
    entropy = -np.sum(p[p > 0] * np.log(p[p > 0]))
    descending = np.sort(p)[::-1]
    return {
        "entropy": entropy,
        "evenness": entropy / np.log(allowed.sum()) if allowed.sum() > 1 else None,
        "span": np.exp(entropy),
        "distance": np.sum(p * np.abs(at - np.arange(len(row)))),
        "top": descending[:top].sum(),
        "sink": p[:sinks].sum(),
        "keys": int(np.searchsorted(np.cumsum(descending), part) + 1),
        "small": np.mean(p[allowed] < small),
    }


def ranks(weights):
    values = np.linalg.svd(np.nan_to_num(weights.astype(np.float64)), compute_uv=False)
    shares = values / values.sum()
    shares = shares[shares > 0]
    return {
        "numerical": int(np.sum(values > max(weights.shape) * np.finfo(np.float32).eps * values[0])),
        "stable": np.sum(values**2) / values[0] ** 2,
        "effective": np.exp(-np.sum(shares * np.log(shares))),
    }


def alike(a, b):
    distances, x, y = [], [], []
    for p, q in zip(a, b):
        if np.isnan(p).all() or np.isnan(q).all():
            continue
        both = ~np.isnan(p) & ~np.isnan(q)
        p, q = (np.nan_to_num(r).astype(np.float64) for r in (p, q))
        p, q = p / p.sum(), q / q.sum()
        m = (p + q) / 2
        kl = lambda u, v: np.sum(u[u > 0] * np.log2(u[u > 0] / v[u > 0]))
        distances.append(np.sqrt((kl(p, m) + kl(q, m)) / 2))
        x.extend(p[both])
        y.extend(q[both])
    return {"distance": np.mean(distances), "correlation": np.corrcoef(x, y)[0, 1]}


def profile(weights, offset):
    bins = {}
    for q, row in enumerate(weights):
        total = np.nansum(row.astype(np.float64))
        if total == 0:
            continue
        for k, w in enumerate(row):
            if not np.isnan(w):
                bins.setdefault(q + offset - k, []).append(float(w) / total)
    return [[distance, float(np.mean(bins[distance])), len(bins[distance])] for distance in sorted(bins)]


def rollout(layers):
    n = layers[0].shape[-1]
    flow = np.eye(n)
    for weights in layers:
        mixed = 0.5 * np.nan_to_num(weights.astype(np.float64)).mean(0) + 0.5 * np.eye(n)
        flow = (mixed / mixed.sum(-1, keepdims=True)) @ flow
    return flow


cases = []
for heads, n_q, n_k, offset, sharp, causal in [(3, 8, 8, 0, 1.5, True), (2, 24, 24, 0, 4, False), (2, 5, 12, 7, 0.5, True), (2, 28, 28, 0, 0.02, False)]:
    weights, _ = layer(heads, n_q, n_k, offset, sharp, causal)
    settings = {"top": 3, "sinks": 2, "small": 0.02, "part": 0.9}
    case = {
        "heads": heads, "n_q": n_q, "n_k": n_k, "offset": offset, "settings": settings,
        "weights": [None if np.isnan(w) else float(str(w)) for w in weights.ravel()],
        "rows": [[measured(row, q + offset, **settings) for q, row in enumerate(head)] for head in weights],
        "profiles": [profile(head, offset) for head in weights],
        "ranks": [ranks(head) for head in weights],
        "alike": [[a, b, alike(weights[a], weights[b])] for a in range(heads) for b in range(a)],
    }
    if n_q == n_k:
        other, _ = layer(heads, n_q, n_k, offset, sharp, causal)
        case["second"] = [None if np.isnan(w) else float(str(w)) for w in other.ravel()]
        case["rollout"] = rollout([weights, other]).ravel().tolist()
    cases.append(case)
# Two heads of known rank: products of thin matrices.
for n, rank in [(20, 4), (40, 9)]:
    # Products whose single-precision numbers are exact, so that rounding adds no direction.
    thin = np.float32(np.round(np.abs(generator.normal(size=(n, rank))) * 16) @ np.round(np.abs(generator.normal(size=(rank, n))) * 16))
    assert np.linalg.matrix_rank(thin.astype(np.float64)) == rank
    cases.append({
        "heads": 1, "n_q": n, "n_k": n, "offset": 0, "settings": {"top": 3, "sinks": 2, "small": 0.02, "part": 0.9},
        "weights": thin.ravel().tolist(), "rows": [[measured(row, q, 3, 2, 0.02, 0.9) for q, row in enumerate(thin)]],
        "profiles": [profile(thin, 0)], "ranks": [ranks(thin)], "alike": [],
    })
    assert cases[-1]["ranks"][0]["numerical"] == rank
print(json.dumps(cases))
