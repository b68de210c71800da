"""What score terms add to every pair of a query and a key, in double precision with NumPy, by the formulas of the papers.

Learned numbers are either written into the case, and given to the page as tables, or drawn as the page draws them (`src/catalogue/tables/mod.rs`: twelve
24-bit fractions of SplitMix64, less 6), which is the only thing that this script shares with it. Queries are the last of the n_k tokens. Run
`python3 tests/independent/biases.py > tests/independent/biases.json`.
"""

import json

import numpy as np

SEED = 11
MASK = (1 << 64) - 1


def splitmix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def drawn(*place):
    """The seeded number at a place of two counts, in single precision."""
    state = splitmix(SEED)
    for part in place:
        state = splitmix(state ^ part)
    return float(np.float32(sum((splitmix(state ^ i) >> 40) / 2**24 for i in range(12)) - 6))


def drawn_table(rows, columns):
    return np.array([[drawn(r, c) for c in range(columns)] for r in range(rows)])


rng = np.random.default_rng(5)


def short(*shape):
    """Numbers that are short to write, as single precision holds them."""
    return rng.standard_normal(shape).round(3).astype(np.float32).astype(np.float64)


class Place:
    def __init__(self, heads, n_q, n_k):
        self.heads, self.n_q, self.n_k = heads, n_q, n_k
        self.i = np.arange(n_q)[:, None] + (n_k - n_q)
        self.j = np.arange(n_k)[None]


def t5(s, p, tables):
    """Raffel et al. 2019. A far distance n is in bucket e + floor((B - e) ln(n / e) / ln(D / e)); here by whole numbers, which no rounding moves."""
    bias = tables["bias"].reshape(s.heads, p["buckets"])

    def near(n, buckets):
        e = buckets // 2
        if n < e:
            return n
        wide = buckets - e
        return e + max(b for b in range(wide) if n**wide * e**b >= p["max_distance"] ** b * e**wide)

    def bucket(i, j):
        if p["causal"]:
            return near(max(i - j, 0), p["buckets"])
        half = p["buckets"] // 2
        return near(abs(i - j), half) + (half if j > i else 0)

    index = np.array([[bucket(int(i), int(j)) for j in s.j[0]] for i in s.i[:, 0]])
    return p["gain"] * bias[:, index]


def relative(s, p, tables):
    """Shaw et al. 2018, a number in the vector's place: w[clip(j - i, -k, k)]."""
    r = p["reach"]
    return p["gain"] * tables["distance_bias"].reshape(s.heads, 2 * r + 1)[:, np.clip(s.j - s.i, -r, r) + r]


def fire(s, p, tables):
    """Li et al. 2023: f(psi(i - j) / psi(max(L, i))), f a linear layer, ReLU and a linear layer. Both directions: the distance without its sign."""
    psi = lambda x: np.log(p["c"] * x + 1)
    x = psi(np.abs(s.i - s.j)) / psi(np.maximum(p["length"], s.i))
    hidden = np.maximum(0, x[..., None] * tables["fire_weight"] + tables["fire_bias"])
    out = tables["fire_out"].reshape(s.heads, -1)
    return p["gain"] * (np.einsum("iju,hu->hij", hidden, out[:, :-1]) + out[:, -1][:, None, None])


def distance_mlp(s, p, tables):
    """Wang et al. 2021: a network of the signed distance; weights over the root of their number."""
    u = p["units"]
    silu = lambda x: x / (1 + np.exp(-x))
    x = (s.i - s.j).astype(float)
    if p["logarithmic"]:
        x = np.sign(x) * np.log1p(np.abs(x))
    row = lambda layer, count: np.array([drawn(layer, at) for at in range(count)])
    first = silu(x[..., None] * row(0, u) + row(1, u))
    second = silu(first @ (row(2, u * u).reshape(u, u) / np.sqrt(u)).T + row(3, u))
    return p["gain"] * np.einsum("iju,hu->hij", second, row(4, s.heads * u).reshape(s.heads, u) / np.sqrt(u))


def dial(s, p, tables):
    """kappa (cos(2 pi (i - j) / T_h) - 1)."""
    period = tables["period"][:, None, None]
    return p["gain"] * (np.cos(2 * np.pi * (s.i - s.j)[None] / period) - 1)


def learned_clock(s, p, tables):
    """Soh and Jo 2025: lambda = cumsum(softplus(eta)) / total, s = -(lambda_q - lambda_k)^2 / (2 sigma^2)."""

    def clock(side, count):
        steps = np.log1p(np.exp(p["uneven"] * np.array([drawn(side, token) for token in range(count)])))
        return np.cumsum(steps) / steps.sum()

    q, k = tables.get("tick_q", clock(0, s.n_q)), tables.get("tick_k", clock(1, s.n_k))
    bias = -p["gain"] * (q[:, None] - k[None]) ** 2 / (2 * p["sigma"] ** 2)
    return np.broadcast_to(bias, (s.heads, s.n_q, s.n_k))


def time_gap(s, p, tables):
    """Li et al. 2020: min(k, floor(|t_i - t_j| / unit)), times the slope of ALiBi for each head."""
    t = tables["time"]
    gap = np.minimum(np.floor(np.abs(t[s.i] - t[s.j]) / p["unit"]), p["most"])
    assert s.heads & (s.heads - 1) == 0, "slopes are a power of a half"
    slope = 2.0 ** (-8 * (np.arange(s.heads) + 1) / s.heads)
    return -p["gain"] * slope[:, None, None] * gap


SQUARE, CACHE, LONG = Place(2, 15, 15), Place(2, 9, 14), Place(1, 40, 40)
CLOCKS = np.cumsum(np.abs(short(9)) + 0.25), np.cumsum(np.abs(short(14)) + 0.25)
CASES = [
    (t5, LONG, {"buckets": 8, "max_distance": 16, "causal": 0, "gain": 1}, {"bias": short(8)}),
    (t5, LONG, {"buckets": 8, "max_distance": 27, "causal": 1, "gain": 0.5}, {"bias": short(8)}),
    (t5, CACHE, {"buckets": 12, "max_distance": 10, "causal": 0, "gain": 1}, {"bias": drawn_table(2, 12).ravel()}),
    (relative, SQUARE, {"reach": 4, "gain": 1}, {"distance_bias": short(18)}),
    (relative, CACHE, {"reach": 16, "gain": 2}, {"distance_bias": drawn_table(2, 33).ravel()}),
    (fire, SQUARE, {"c": 0.1, "length": 8, "gain": 1}, {"fire_weight": short(4), "fire_bias": short(4), "fire_out": short(10)}),
    (fire, CACHE, {"c": 2, "length": 1, "gain": 0.5}, {"fire_weight": short(4), "fire_bias": short(4), "fire_out": short(10)}),
    (distance_mlp, SQUARE, {"units": 16, "logarithmic": 1, "gain": 1}, {}),
    (distance_mlp, CACHE, {"units": 3, "logarithmic": 0, "gain": 0.5}, {}),
    (dial, SQUARE, {"gain": 1}, {"period": np.array([4.0, 7.0])}),
    (dial, CACHE, {"gain": 2.5}, {"period": np.array([3.0, 32.0])}),
    (learned_clock, SQUARE, {"sigma": 0.1, "uneven": 1, "gain": 1}, {}),
    (learned_clock, CACHE, {"sigma": 0.3, "uneven": 2.5, "gain": 0.5}, {}),
    (learned_clock, CACHE, {"sigma": 1, "uneven": 1, "gain": 1}, {"tick_q": (CLOCKS[0] / CLOCKS[0][-1]).round(3), "tick_k": (CLOCKS[1] / CLOCKS[1][-1]).round(3)}),
    (time_gap, SQUARE, {"unit": 1, "most": 64, "gain": 1}, {"time": np.cumsum(np.abs(short(15)) * 4).round(3)}),
    (time_gap, CACHE, {"unit": 2.5, "most": 3, "gain": 2}, {"time": np.cumsum(np.abs(short(14)) * 4).round(3)}),
]

cases = []
for scheme, place, params, tables in CASES:
    added = scheme(place, params, {name: np.float32(numbers).astype(np.float64) for name, numbers in tables.items()})
    cases.append({
        "scheme": scheme.__name__.replace("_", "-"),
        "heads": place.heads,
        "n_q": place.n_q,
        "n_k": place.n_k,
        "params": params,
        "tables": {name: [float(x) for x in numbers] for name, numbers in tables.items()},
        "added": [float(f"{x:.9g}") for x in np.asarray(added).ravel()],
    })
print(json.dumps({"seed": SEED, "cases": cases}))
