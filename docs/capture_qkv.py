"""Saves Q, K and V of one layer of a model from Hugging Face, for the playground: drop qkv.safetensors (or qkv.npz) on the page.

pip install torch transformers safetensors numpy
"""

import re

import torch
from safetensors.torch import save_file

# What the projections are called: in Llama, Qwen, Mistral, Gemma, OPT, T5 and CLIP; in BERT, RoBERTa and ViT; in DistilBERT.
NAMES = {"q": ("q_proj", "query", "q_lin", "q"), "k": ("k_proj", "key", "k_lin", "k"), "v": ("v_proj", "value", "v_lin", "v")}


def capture(model, layer=0, **inputs):
    """Q, K and V of the first sequence, each [heads, tokens, size of a head]; of Q and K before rotary positions, which the page can add."""
    config = model.config.get_text_config()
    size = getattr(config, "head_dim", None) or getattr(config, "d_kv", None) or config.hidden_size // config.num_attention_heads
    found, hooks = {}, []

    def keep(tensor):
        def hook(module, arguments, output):
            # The first module of that name: in a model of two halves, the self-attention of the encoder.
            rows = output.detach()[0]
            found.setdefault(tensor, rows.view(len(rows), -1, size).transpose(0, 1).float().contiguous())

        return hook

    for path, module in model.named_modules():
        number = re.search(r"\.(\d+)\.", path)
        for tensor, names in NAMES.items():
            if number and int(number[1]) == layer and path.rsplit(".", 1)[-1] in names:
                hooks.append(module.register_forward_hook(keep(tensor)))
    try:
        with torch.no_grad():
            model(**inputs)
    finally:
        for hook in hooks:
            hook.remove()
    if len(found) < 3:
        raise ValueError(f"found only {sorted(found)} in layer {layer}: add this model's names to NAMES (GPT-2 has one module for all three)")
    return found


if __name__ == "__main__":
    from transformers import AutoModel, AutoTokenizer

    name, text = "bert-base-uncased", "The animal didn't cross the street because it was too tired."
    tokenizer, model = AutoTokenizer.from_pretrained(name), AutoModel.from_pretrained(name).eval()
    qkv = capture(model, layer=0, **tokenizer(text, return_tensors="pt"))
    save_file(qkv, "qkv.safetensors")
    # Or: numpy.savez_compressed("qkv.npz", **{tensor: x.numpy() for tensor, x in qkv.items()})
