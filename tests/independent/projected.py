"""Q, K and V of hidden states: Q = X W_Q and so on, cut into heads by columns, as the catalogue describes its seeded numbers.

Independent of the project's code: NumPy's own generator and matrix product. Prints JSON.
"""

import json

import numpy as np


def normal(r, *shape):
    u, v = r.random((2, *shape))
    return np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)


def heads(matrix, count):
    rows, columns = matrix.shape
    return matrix.reshape(rows, count, columns // count).transpose(1, 0, 2)


def case(seed, x_seed, rows, width, q_heads, kv_heads, d, d_v):
    r = np.random.default_rng(x_seed)
    normal(r, 1, rows, width)  # Q of the generator, drawn before its keys
    x = normal(r, 1, rows, width)[0].astype(np.float32)
    r = np.random.default_rng(seed + 2**63)
    columns = (q_heads * d, kv_heads * d, kv_heads * d_v)
    q, k, v = (x.astype(np.float64) @ (normal(r, width, c) / np.sqrt(width)) for c in columns)
    size = dict(q_heads=q_heads, kv_heads=kv_heads, d=d, d_v=d_v)
    x = dict(kind="generated", recipe="normal", rows=rows, width=width, seed=x_seed)
    return dict(
        input=dict(kind="projected", x=x, weights="normal", size=size, seed=seed),
        q=heads(q, q_heads).ravel().tolist(),
        k=heads(k, kv_heads).ravel().tolist(),
        v=heads(v, kv_heads).ravel().tolist(),
    )


def patches(cells):
    """Three by three neighbourhoods with 0 around the picture, and 1."""
    height, width = cells.shape
    padded = np.pad(cells, 1)
    rows = [[*padded[r : r + 3, c : c + 3].ravel(), 1.0] for r in range(height) for c in range(width)]
    return np.array(rows)


def picture(cells, q_heads, d):
    x = patches(cells)
    identity = np.array([[float(c % 10 == r) for c in range(q_heads * d)] for r in range(10)])
    out = heads(x @ identity, q_heads).ravel().tolist()
    size = dict(q_heads=q_heads, kv_heads=q_heads, d=d, d_v=d)
    x = dict(kind="image", width=cells.shape[1], cells=cells.ravel().tolist())
    return dict(input=dict(kind="projected", x=x, weights="identity", size=size, seed=0), q=out, k=out, v=out)


print(
    json.dumps(
        [
            case(0, 0, 5, 6, 4, 2, 3, 2),
            case(7, 12, 9, 16, 2, 1, 4, 5),
            picture(np.arange(12.0).reshape(3, 4) / 4, 3, 5),
        ]
    )
)
