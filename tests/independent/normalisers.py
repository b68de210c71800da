"""Weights of the normalisers that read one row, in double precision with NumPy; sparsemax and entmax 1.5 by the sorting algorithms of their papers.

Martins and Astudillo 2016, algorithm 1; Peters, Niculae and Martins 2019, algorithm 2. Written beside the kernels, not with them: they search for the
threshold. Run `python3 tests/independent/normalisers.py > tests/independent/normalisers.json`.
"""

import json

import numpy as np


def sparsemax(z):
    z_sorted = np.sort(z)[::-1]
    k = np.arange(1, len(z) + 1)
    total = np.cumsum(z_sorted)
    support = k[1 + k * z_sorted > total][-1]
    tau = (total[support - 1] - 1) / support
    return np.maximum(0, z - tau)


def entmax15(z):
    x = (z - z.max()) / 2
    x_sorted = np.sort(x)[::-1]
    k = np.arange(1, len(z) + 1)
    mean = np.cumsum(x_sorted) / k
    mean_of_squares = np.cumsum(x_sorted**2) / k
    spread = k * (mean_of_squares - mean**2)
    tau = mean - np.sqrt(np.maximum(0, (1 - spread) / k))
    support = np.sum(tau <= x_sorted)
    return np.maximum(0, x - tau[support - 1]) ** 2


def softmax(z):
    return np.exp(z) / np.exp(z).sum()


def off_by_one(z):
    """Miller 2023: a key more, of score 0, that nothing is read from."""
    return softmax(np.append(z, 0.0))[:-1]


def sigmoid(z):
    """Ramapuram et al. 2024, section 3: a bias of -ln n."""
    return 0.5 * (1 + np.tanh((z - np.log(len(z))) / 2))


def squared_relu(z):
    return np.maximum(0, z) ** 2 / len(z)


rows = []
generator = np.random.Generator(np.random.PCG64(7))
for count, spread in [(1, 1), (2, 0.3), (5, 1), (16, 0.1), (64, 2), (200, 5), (200, 0.01)]:
    # Scores that single precision holds, so that both sides start from the same numbers.
    scores = np.float32(generator.normal(size=count) * spread).astype(np.float64)
    rows.append({
        "scores": scores.tolist(),
        "sparsemax": sparsemax(scores).tolist(),
        "entmax": entmax15(scores).tolist(),
        "squared-relu": squared_relu(scores).tolist(),
        "softmax": softmax(scores).tolist(),
        "off-by-one": off_by_one(scores).tolist(),
        "sigmoid": sigmoid(scores).tolist(),
    })
for row in rows:
    assert abs(sum(row["sparsemax"]) - 1) < 1e-12 and abs(sum(row["entmax"]) - 1) < 1e-12
print(json.dumps(rows))
