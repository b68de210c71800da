"""Two streams of hidden states, joined as ViLBERT, LXMERT and VisualBERT join them.

Each definition is written by itself, stream by stream: no mask, only which keys and values a stream looks at. Prints JSON.
"""

import json

import numpy as np

WIDTH, Q_HEADS, KV_HEADS, D, D_V = 64, 4, 2, 3, 2


def normal(r, *shape):
    u, v = r.random((2, *shape))
    return np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)


def embedding(word, seed):
    """Seeded by the word's FNV-1a hash."""
    hash = 0xCBF29CE484222325
    for byte in word.encode():
        hash = (hash ^ byte) * 0x100000001B3 % 2**64
    turned = (seed << 32 | seed >> 32) % 2**64
    return normal(np.random.default_rng(hash ^ turned), WIDTH)


def matrices(stream):
    """W_Q, W_K and W_V of a stream."""
    r = np.random.default_rng(stream)
    return [normal(r, WIDTH, columns) / np.sqrt(WIDTH) for columns in (Q_HEADS * D, KV_HEADS * D, KV_HEADS * D_V)]


def heads(x, count):
    return x.reshape(len(x), count, -1).transpose(1, 0, 2)


def attend(queries, keys, values):
    """Every query head over the keys and values of its group."""
    group = Q_HEADS // KV_HEADS
    q, k, v = heads(queries, Q_HEADS), heads(keys, KV_HEADS), heads(values, KV_HEADS)
    out = []
    for h in range(Q_HEADS):
        s = q[h] @ k[h // group].T / np.sqrt(D)
        e = np.exp(s - s.max(axis=1, keepdims=True))
        out.append(e / e.sum(axis=1, keepdims=True) @ v[h // group])
    return np.stack(out)


def co_attention(a, b, seed):
    """Each stream has matrices of its own; its queries meet the keys and values of the other."""
    of_a, of_b = matrices(seed + 2**63), matrices(seed + 2**63 + 2**62)
    first = attend(a @ of_a[0], b @ of_b[1], b @ of_b[2])
    second = attend(b @ of_b[0], a @ of_a[1], a @ of_a[2])
    return np.concatenate([first, second], axis=1)


def shared_cross(a, b, seed):
    """One layer, used in both directions."""
    w = matrices(seed + 2**63)
    return np.concatenate(
        [attend(a @ w[0], b @ w[1], b @ w[2]), attend(b @ w[0], a @ w[1], a @ w[2])], axis=1
    )


def merged(a, b, seed):
    """One sequence."""
    w, x = matrices(seed + 2**63), np.concatenate([a, b])
    return attend(x @ w[0], x @ w[1], x @ w[2])


def case(id, join, a, b, seed):
    of_a, of_b = (np.stack([embedding(word, seed) for word in words.split()]) for words in (a, b))
    of_a, of_b = (x.astype(np.float32).astype(np.float64) for x in (of_a, of_b))
    size = dict(q_heads=Q_HEADS, kv_heads=KV_HEADS, d=D, d_v=D_V)
    x = dict(kind="texts", a=a, b=b)
    return dict(
        stream=id,
        input=dict(kind="projected", x=x, weights="normal", size=size, seed=seed),
        y=join(of_a, of_b, seed).ravel().tolist(),
    )


print(
    json.dumps(
        [
            case(id, join, a, b, seed)
            for seed, (a, b) in enumerate([("a b c", "d e"), ("x", "y z x w")], 3)
            for id, join in [("co-attention", co_attention), ("shared-cross", shared_cross), ("merged", merged)]
        ]
    )
)
