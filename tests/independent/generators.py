"""Q, K and V of every seeded generator, as the catalogue describes them, with its parameters at other values than their defaults.

Independent of the project's code: NumPy's own generator, and each definition in matrices. Prints JSON.
"""

import json

import numpy as np

Q_HEADS, KV_HEADS, N_Q, N_K, D, D_V = 4, 2, 5, 7, 3, 2


def normal(r, *shape):
    u, v = r.random((2, *shape))
    return np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)


def single(x):
    return np.asarray(x, np.float32)


def basis(r, rows):
    """Unit rows, orthogonal within each block of D: the Q of a QR factorisation, turned so that its R has a positive diagonal."""
    drawn = normal(r, rows, D)
    blocks = []
    for first in range(0, rows, D):
        q, upper = np.linalg.qr(drawn[first : first + D].T)
        blocks.append((q * np.sign(np.diag(upper))).T)
    return np.concatenate(blocks)


def independent(r, draw):
    return draw(Q_HEADS, N_Q, D), draw(KV_HEADS, N_K, D), draw(KV_HEADS, N_K, D_V)


def by_key_head(r, one, values=None):
    """`one()` gives Q and K (and V) of a key head; all query heads of its group share them."""
    parts = [one() for _ in range(KV_HEADS)]
    q = np.repeat(np.stack([part[0] for part in parts]), Q_HEADS // KV_HEADS, axis=0)
    k = np.stack([part[1] for part in parts])
    v = np.stack([part[2] for part in parts]) if len(parts[0]) == 3 else normal(r, KV_HEADS, N_K, D_V)
    return q, k, v


def one_hot(r):
    eye = np.eye(D)[np.arange(max(N_Q, N_K)) % D] * np.sqrt(D)
    values = np.eye(D_V)[np.arange(N_K) % D_V]
    return np.tile(eye[:N_Q], (Q_HEADS, 1, 1)), np.tile(eye[:N_K], (KV_HEADS, 1, 1)), np.tile(values, (KV_HEADS, 1, 1))


def orthogonal(r):
    def one():
        rows = np.sqrt(D) * basis(r, N_K)
        return rows[np.arange(N_Q) % N_K], rows

    return by_key_head(r, one)


def needle(r, margin, place):
    at = min(int(np.floor(place * N_K)), N_K - 1)

    def one():
        u = normal(r, D)
        u /= np.linalg.norm(u)
        keys = normal(r, N_K, D) @ (np.eye(D) - np.outer(u, u))
        keys[at] = margin * u
        return np.tile(np.sqrt(D) * u, (N_Q, 1)), keys

    q, k, v = by_key_head(r, one)
    v[:, :, 0] = np.arange(N_K) == at
    return q, k, v


def periodic(r, period):
    shown = min(period, max(N_Q, N_K))

    def one():
        rows, values = normal(r, shown, D), normal(r, shown, D_V)
        return rows[np.arange(N_Q) % shown], rows[np.arange(N_K) % shown], values[np.arange(N_K) % shown]

    return by_key_head(r, one)


def reversed_keys(r):
    def one():
        rows = normal(r, N_Q, D)
        return rows, rows[::-1][np.arange(N_K) % N_Q]

    return by_key_head(r, one)


def smooth(r, waves):
    def wave(n, f, phase):
        return np.sqrt(2) * np.cos(2 * np.pi * (np.outer(np.arange(n) / n, f) + phase))

    def one():
        f, phase = waves * normal(r, D), r.random(D)
        g, other = waves * normal(r, D_V), r.random(D_V)
        return wave(N_Q, f, phase), wave(N_K, f, phase), wave(N_K, g, other)

    return by_key_head(r, one)


def noise(r, noise):
    k = normal(r, KV_HEADS, N_K, D)
    q = np.repeat(k[:, np.arange(N_Q) % N_K], Q_HEADS // KV_HEADS, axis=0) + noise * normal(r, Q_HEADS, N_Q, D)
    return q, k, normal(r, KV_HEADS, N_K, D_V)


MADE = {
    "normal": lambda r: independent(r, lambda *shape: normal(r, *shape)),
    "uniform": lambda r: independent(r, lambda *shape: 2 * r.random(shape) - 1),
    "one_hot": one_hot,
    "orthogonal": orthogonal,
    "needle": needle,
    "periodic": periodic,
    "reversed": reversed_keys,
    "smooth": smooth,
    "noise": noise,
}

CASES = [
    ("normal", {}),
    ("uniform", {}),
    ("one_hot", {}),
    ("orthogonal", {}),
    ("needle", {"margin": 4.0, "place": 0.5}),
    ("needle", {"margin": -2.5, "place": 0.0}),
    ("needle", {"margin": 12.5, "place": 0.3}),
    ("needle", {"margin": 1.0, "place": 1.0}),
    ("periodic", {"period": 6}),
    ("periodic", {"period": 2}),
    ("periodic", {"period": 50}),
    ("reversed", {}),
    ("smooth", {"waves": 2.0}),
    ("smooth", {"waves": 0.25}),
    ("noise", {"noise": 1.0}),
    ("noise", {"noise": 3.7}),
]


def case(seed, recipe, params):
    q, k, v = (single(x).ravel().tolist() for x in MADE[recipe](np.random.default_rng(seed), **params))
    size = dict(q_heads=Q_HEADS, kv_heads=KV_HEADS, n_q=N_Q, n_k=N_K, d=D, d_v=D_V)
    return dict(input=dict(kind="generated", recipe=recipe, size=size, seed=seed, params=params), q=q, k=k, v=v)


print(json.dumps([case(seed, *one) for seed, one in enumerate(CASES)]))
