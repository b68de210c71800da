"""What position schemes do to a score of 1 between equal tokens, over distance, in double precision with NumPy, by the formulas of the papers.

Every query and key is the same vector of equal places whose scaled product is 1. Rotations are applied to both as complex numbers and multiplied; biases are
what they add; encodings are multiplied alone, over the root of their size. The query is the last token. Run
`python3 tests/independent/positions.py > tests/independent/positions.json`.
"""

import json
import math

import numpy as np

D, HEADS, HEAD = 16, 4, 1


def waves(base, dims=D):
    return base ** (-np.arange(0, dims, 2) / dims)


def rotated(n, angles, size=1.0, decay=None):
    """Score of the last token's query with every key, nearest first; `angles` are of one step for each pair."""
    place = np.sqrt(math.sqrt(D) / D)
    p = np.arange(n)
    pairs = size * (place + 1j * place) * np.exp(1j * np.outer(p, angles))
    q, k = pairs[-1], pairs
    if decay is not None:
        # Queries shrink as keys grow; only the difference of places is left.
        scores = ((q * k.conj()).real * decay ** (p[-1] - p)[:, None]).sum(axis=1)
    else:
        scores = (q * k.conj()).real.sum(axis=1)
    return (scores / math.sqrt(D))[::-1]


def rope(n, trained):
    return rotated(n, waves(1e4))


def rope_pi(n, trained):
    return rotated(n, waves(1e4) / max(1, n / trained))


def rope_ntk(n, trained):
    return rotated(n, waves(1e4 * max(1, n / trained) ** (D / (D - 2))))


def rope_dynamic_ntk(n, trained):
    return rotated(n, waves(1e4 * (max(n, trained) / trained) ** (D / (D - 2))))


def bands(n, trained, base, slow, fast):
    s, theta = max(1, n / trained), waves(base)
    ramp = np.clip((trained * theta / (2 * math.pi) - slow) / (fast - slow), 0, 1)
    return s, ramp * theta + (1 - ramp) * theta / s


def rope_yarn(n, trained):
    s, theta = bands(n, trained, 1e4, 1, 32)
    return rotated(n, theta, 0.1 * math.log(s) + 1)


def rope_llama3(n, trained):
    return rotated(n, bands(n, trained, 5e5, 1, 4)[1])


def xpos(n, trained):
    zeta = (np.arange(0, D, 2) / D + 0.4) / 1.4
    return rotated(n, waves(1e4), decay=zeta ** (1 / 512))


def sinusoidal(n, trained):
    p, w = np.arange(n), waves(1e4)
    table = np.zeros((n, D))
    table[:, 0::2], table[:, 1::2] = np.sin(np.outer(p, w)), np.cos(np.outer(p, w))
    return (table @ table[-1] / math.sqrt(D))[::-1]


def alibi(n, trained):
    return -np.arange(n) * 2.0 ** (-8 * (HEAD + 1) / HEADS)


def kerple_log(n, trained):
    return -np.log(1 + np.arange(n))


def kerple_power(n, trained):
    return -np.sqrt(np.arange(n))


def sandwich(n, trained):
    w = 1e4 ** (-np.arange(0, 128, 2) / 128)
    return np.cos(np.outer(np.arange(n), w)).sum(axis=1) * HEADS / (8 * (HEAD + 1))


def scalable_softmax(n, trained):
    return np.full(n, math.log(n) - 1)


def none(n, trained):
    return np.ones(n)


def learned_table(rows):
    """Standard normal rows, one after the other, by Box and Muller from the experiment's seed."""
    r = np.random.default_rng(0)
    rows = [(lambda u, v: np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v))(*r.random((2, D))) for _ in range(rows)]
    return np.array(rows)


def learned(n, trained):
    """The last row repeats."""
    table = learned_table(min(trained, n))
    rows = table[np.minimum(np.arange(n), len(table) - 1)]
    return (rows @ rows[-1] / math.sqrt(D))[::-1]


def learned_wrap(n, trained):
    table = learned_table(min(trained, n))
    rows = table[np.arange(n) % len(table)]
    return (rows @ rows[-1] / math.sqrt(D))[::-1]


def learned_interpolate(n, trained):
    """Both ends of the table are at both ends of the text."""
    table = learned_table(min(trained, n))
    at = np.linspace(0, len(table) - 1, n)
    rows = np.stack([np.interp(at, np.arange(len(table)), column) for column in table.T], axis=1)
    return (rows @ rows[-1] / math.sqrt(D))[::-1]


SCHEMES = [none, rope, rope_pi, rope_ntk, rope_dynamic_ntk, rope_yarn, rope_llama3, xpos, sinusoidal, alibi, kerple_log, kerple_power, sandwich, scalable_softmax, learned, learned_wrap, learned_interpolate]

cases = [
    {"scheme": scheme.__name__.replace("_", "-"), "length": n, "trained": trained, "curve": [float(f"{x:.12g}") for x in scheme(n, trained)]}
    for scheme in SCHEMES
    for n, trained in [(96, 32), (40, 64)]
]
print(json.dumps({"d": D, "heads": HEADS, "head": HEAD, "cases": cases}))
