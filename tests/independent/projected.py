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


def streams(seed, first, second, q_heads, kv_heads, d, d_v, own):
    """Stream A times its matrices, stream B times others (ViLBERT's co-attention) or the same (LXMERT), one after the other.

    Both streams are a text and a picture whose patches are projected to 64 numbers; words of one letter, so the embeddings are the hash of one byte.
    """
    x = np.stack([embedding(word, seed) for word in first])
    side = 2
    patch = normal(np.random.default_rng(seed + 2**62), 10, 64)
    b = (patches(second.reshape(-1, side)).astype(np.float32).astype(np.float64) @ patch) / np.sqrt(10)
    a, b = (part.astype(np.float32).astype(np.float64) for part in (x, b))
    columns = (q_heads * d, kv_heads * d, kv_heads * d_v)
    draws = [np.random.default_rng(seed + 2**63), np.random.default_rng(seed + 2**63 + 2**62)]
    of_a, of_b = ([normal(r, 64, c) / 8 for c in columns] for r in draws)
    q, k, v = (np.concatenate([a @ w, b @ (u if own else w)]) for w, u in zip(of_a, of_b))
    size = dict(q_heads=q_heads, kv_heads=kv_heads, d=d, d_v=d_v)
    x = dict(kind="text_image", text=" ".join(first), width=side, cells=second.tolist())
    matrices = dict(weights="normal", weights_b="normal") if own else dict(weights="normal")
    return dict(
        input=dict(kind="projected", x=x, **matrices, size=size, seed=seed),
        q=heads(q, q_heads).ravel().tolist(),
        k=heads(k, kv_heads).ravel().tolist(),
        v=heads(v, kv_heads).ravel().tolist(),
    )


def embedding(word, seed):
    """Seeded by the word's FNV-1a hash."""
    hash = 0xCBF29CE484222325
    for byte in word.encode():
        hash = (hash ^ byte) * 0x100000001B3 % 2**64
    turned = (seed << 32 | seed >> 32) % 2**64
    return normal(np.random.default_rng(hash ^ turned), 64)


print(
    json.dumps(
        [
            case(0, 0, 5, 6, 4, 2, 3, 2),
            case(7, 12, 9, 16, 2, 1, 4, 5),
            picture(np.arange(12.0).reshape(3, 4) / 4, 3, 5),
            streams(5, ["a", "b", "c"], np.arange(4.0) / 4, 4, 2, 3, 2, True),
            streams(5, ["a", "b", "c"], np.arange(4.0) / 4, 4, 2, 3, 2, False),
        ]
    )
)
