"""The BERT encoder in NumPy (Devlin et al. 2018), in float64, keeping what enters each layer's attention."""

import math

import numpy as np

HEADS = 12
EPSILON = 1e-12
erf = np.frompyfunc(math.erf, 1, 1)  # NumPy has none, and the tanh approximation is not what the model was trained with


def layer_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON) * weight + bias


def gelu(x: np.ndarray) -> np.ndarray:
    """x * Phi(x), exact (Hendrycks and Gimpel 2016)."""
    return x * 0.5 * (1 + erf(x / math.sqrt(2)).astype(np.float64))


def softmax(s: np.ndarray) -> np.ndarray:
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class Encoder:
    """Weights are stored by name as in the file: [out, in] matrices, applied as x @ W.T + b."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights = weights
        self.layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer."))

    def get(self, name: str) -> np.ndarray:
        return self.weights[name].astype(np.float64)

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        return layer_norm(x, self.get(f"{name}.weight"), self.get(f"{name}.bias"))

    def dense(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.get(f"{name}.weight").T + self.get(f"{name}.bias")

    def heads(self, x: np.ndarray, name: str) -> np.ndarray:
        """[n, width] through a projection to [heads, n, width / heads]."""
        return self.dense(x, name).reshape(len(x), HEADS, -1).transpose(1, 0, 2)

    def run(self, ids: list[int]) -> tuple[list[dict[str, np.ndarray]], np.ndarray]:
        """For each layer Q, K, V [heads, n, 32] and the hidden state X [n, 384] that entered it; and the last hidden state."""
        x = self.get("embeddings.word_embeddings.weight")[ids]
        x = x + self.get("embeddings.position_embeddings.weight")[: len(ids)]
        x = x + self.get("embeddings.token_type_embeddings.weight")[0]
        x = self.norm(x, "embeddings.LayerNorm")
        captured = []
        for index in range(self.layers):
            layer = f"encoder.layer.{index}"
            q, k, v = (self.heads(x, f"{layer}.attention.self.{name}") for name in ("query", "key", "value"))
            captured.append({"Q": q, "K": k, "V": v, "X": x})
            weights = softmax(q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1]))
            mixed = (weights @ v).transpose(1, 0, 2).reshape(len(ids), -1)
            x = self.norm(x + self.dense(mixed, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
            inner = gelu(self.dense(x, f"{layer}.intermediate.dense"))
            x = self.norm(x + self.dense(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        return captured, x


def sentence_embedding(hidden: np.ndarray) -> np.ndarray:
    """The model's own pooling: mean over tokens, unit length."""
    mean = hidden.mean(0)
    return mean / np.linalg.norm(mean)
