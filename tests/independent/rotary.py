"""Queries and keys turned by every rotary scheme, in double precision with NumPy, by the formulas of the papers and of the code that models use.

Pairs are complex numbers here, and a rotation is a product. Written beside the Rust, not with it: where the Rust thins out frequencies, this raises
the base; where the Rust asks how often a pair turned, this asks how long its wave is. Run
`python3 tests/independent/rotary.py > tests/independent/rotary.json`.
"""

import json
import math

import numpy as np


def waves(base, dims):
    """Inverse frequencies, Su et al. 2021."""
    return 1 / base ** (np.arange(0, dims, 2) / dims)


def rope_pi(p, dims, n, base, factor):
    """Chen et al. 2023: f(x, p / s)."""
    return np.outer(p / factor, waves(base, dims))


def rope_ntk(p, dims, n, base, factor):
    """A base of b s^(d / (d - 2))."""
    return np.outer(p, waves(base * factor ** (dims / (dims - 2)), dims))


def rope_dynamic_ntk(p, dims, n, base, factor, trained):
    """The same once the text is longer than the trained length, with the factor of the length at hand."""
    n = max(n, trained)
    return np.outer(p, waves(base * (factor * n / trained - (factor - 1)) ** (dims / (dims - 2)), dims))


def rope_yarn(p, dims, n, base, factor, trained, slow, fast):
    """Peng et al. 2023, NTK-by-parts: h(theta) = (1 - gamma(r)) theta / s + gamma(r) theta, with r = L / wavelength."""
    theta = waves(base, dims)
    r = trained / (2 * math.pi / theta)
    gamma = np.where(r < slow, 0, np.where(r > fast, 1, (r - slow) / (fast - slow)))
    return np.outer(p, (1 - gamma) * theta / factor + gamma * theta)


def rope_llama3(p, dims, n, base, factor, trained, slow, fast):
    """By wavelengths, as in the code of Llama 3.1."""
    out = []
    for theta in waves(base, dims):
        wavelength = 2 * math.pi / theta
        if wavelength < trained / fast:
            out.append(theta)
        elif wavelength > trained / slow:
            out.append(theta / factor)
        else:
            smooth = (trained / wavelength - slow) / (fast - slow)
            out.append((1 - smooth) * theta / factor + smooth * theta)
    return np.outer(p, out)


def rope_2d(p, dims, n, base, width):
    """Two rotations of half the size side by side."""
    rows = (dims // 2 + 1) // 2
    row, column = np.divmod(p, width)
    half = [np.outer(row, waves(base, 2 * rows)), np.outer(column, waves(base, 2 * (dims // 2 - rows)))]
    return np.concatenate(half, axis=1)


def mrope(p, dims, n, base, height, width):
    """Sections of one table of angles for each axis, cut and joined: 16, 24 and 24 of 64 pairs."""
    pairs = dims // 2
    frame, cell = np.divmod(p, height * width)
    row, column = np.divmod(cell, width)
    cuts = [pairs // 4, pairs // 4 + (pairs - pairs // 4) // 2]
    tables = [np.split(np.outer(axis, waves(base, dims)), cuts, axis=1) for axis in (frame, row, column)]
    return np.concatenate([tables[i][i] for i in range(3)], axis=1)


def rope(p, dims, n, base):
    return np.outer(p, waves(base, dims))


ANGLES = {
    "rope": rope, "rope-pi": rope_pi, "rope-ntk": rope_ntk, "rope-dynamic-ntk": rope_dynamic_ntk, "rope-yarn": rope_yarn,
    "rope-llama3": rope_llama3, "rope-2d": rope_2d, "mrope": mrope,
}


def turned(scheme, x, positions, side, n_q, n_k, interleaved, fraction, params):
    """One head vector at every position; `side` is 1 for queries and -1 for keys."""
    d = len(x)
    dims = 2 * round(fraction * (d // 2))
    place = np.arange(dims).reshape(-1, 2) if interleaved else np.arange(dims).reshape(2, -1).T
    z = x[place[:, 0]] + 1j * x[place[:, 1]]
    p = np.array(positions)
    params = dict(params)
    size = np.ones((len(p), dims // 2))
    if scheme == "xpos":
        # zeta^(p / scale) as a table of powers, from the middle of the text.
        scale, gamma = params.pop("scale"), params.pop("gamma")
        zeta = (np.arange(0, dims, 2) + gamma * dims) / ((1 + gamma) * dims)
        size = zeta[None, :] ** (side * (p - n_k // 2) / scale)[:, None]
    if scheme == "rope-yarn":
        size = size * (0.1 * math.log(params["factor"]) + 1)
    # The last query stands at the last key.
    angles = ANGLES.get(scheme, rope)(p, dims, n_k, **params)
    z = z * size * np.exp(1j * angles)
    out = np.tile(x, (len(p), 1))
    out[:, place[:, 0]], out[:, place[:, 1]] = z.real, z.imag
    # Ten digits are more than single precision tells apart.
    return [[float(f"{number:.10g}") for number in row] for row in out]


SETTINGS = [
    ("rope", {"base": 10_000}),
    ("rope-pi", {"base": 10_000, "factor": 4}),
    ("rope-pi", {"base": 500, "factor": 2.5}),
    ("rope-ntk", {"base": 10_000, "factor": 4}),
    ("rope-ntk", {"base": 10_000, "factor": 1}),
    ("rope-dynamic-ntk", {"base": 10_000, "factor": 1, "trained": 64}),
    ("rope-dynamic-ntk", {"base": 10_000, "factor": 3, "trained": 64}),
    ("rope-dynamic-ntk", {"base": 10_000, "factor": 3, "trained": 4096}),
    ("rope-yarn", {"base": 10_000, "factor": 4, "trained": 64, "slow": 1, "fast": 32}),
    ("rope-yarn", {"base": 10_000, "factor": 16, "trained": 4096, "slow": 1, "fast": 32}),
    ("rope-llama3", {"base": 500_000, "factor": 8, "trained": 64, "slow": 1, "fast": 4}),
    ("rope-llama3", {"base": 500_000, "factor": 8, "trained": 8192, "slow": 1, "fast": 4}),
    ("xpos", {"base": 10_000, "scale": 512, "gamma": 0.4}),
    ("xpos", {"base": 10_000, "scale": 32, "gamma": 0.1}),
    ("rope-2d", {"base": 100, "width": 8}),
    ("rope-2d", {"base": 10_000, "width": 17}),
    ("mrope", {"base": 10_000, "height": 4, "width": 4}),
    ("mrope", {"base": 1_000_000, "height": 3, "width": 7}),
]
# Heads of several sizes, with queries as many as keys, fewer, and more: then the first ones stand before the first key. The trained lengths of 64
# lie inside most texts, those of thousands at times.
SHAPES = [(16, 1.0, 150, 150, False), (18, 0.8, 40, 200, True), (12, 1.0, 9000, 9000, True), (8, 1.0, 100, 70, False)]

cases = []
generator = np.random.Generator(np.random.PCG64(11))
for scheme, params in SETTINGS:
    for d, fraction, n_q, n_k, interleaved in SHAPES:
        if scheme == "xpos" and n_k > 1000:
            continue
        # Numbers that single precision holds, so that both sides start from the same.
        x = np.float32(generator.normal(size=d)).astype(np.float64)
        rows = [1, n_q // 2, n_q - 1]
        keys = [0, 65, n_k - 1]
        common = (n_q, n_k, interleaved, fraction, params)
        cases.append({
            "scheme": scheme, "params": {**params, "fraction": fraction}, "interleaved": interleaved, "n_q": n_q, "n_k": n_k, "x": x.tolist(),
            "rows": rows, "q": turned(scheme, x, [row + n_k - n_q for row in rows], 1, *common),
            "keys": keys, "k": turned(scheme, x, keys, -1, *common),
        })
print(json.dumps(cases))
