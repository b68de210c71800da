"""Runs docs/capture_qkv.py on small models with random weights, checks what it captures, and writes one capture as the page is given it.

It needs PyTorch, transformers and safetensors, and downloads nothing: python3 snippet.py
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers as hf
from safetensors.torch import save_file

here = Path(__file__).parent
sys.path.insert(0, str(here.parent.parent / "docs"))
from capture_qkv import capture  # noqa: E402

torch.manual_seed(0)
ids = torch.randint(3, 50, (1, 7))
sizes = dict(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
shared = dict(num_key_value_heads=2)
models = {
    "BERT": hf.BertModel(hf.BertConfig(**sizes)),
    "RoBERTa": hf.RobertaModel(hf.RobertaConfig(**sizes, max_position_embeddings=64)),
    "DistilBERT": hf.DistilBertModel(hf.DistilBertConfig(vocab_size=64, dim=32, n_layers=2, n_heads=4, hidden_dim=64)),
    "Llama": hf.LlamaModel(hf.LlamaConfig(**sizes, **shared)),
    "Mistral": hf.MistralModel(hf.MistralConfig(**sizes, **shared)),
    "Qwen3": hf.Qwen3Model(hf.Qwen3Config(**sizes, **shared, head_dim=16)),
    "Gemma": hf.GemmaModel(hf.GemmaConfig(**sizes, num_key_value_heads=1, head_dim=8)),
    "OPT": hf.OPTModel(
        hf.OPTConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64, word_embed_proj_dim=32)
    ),
    "T5": hf.T5EncoderModel(hf.T5Config(vocab_size=64, d_model=32, d_kv=8, num_layers=2, num_heads=4, d_ff=64)),
}
for name, model in models.items():
    for layer in range(2):
        qkv = capture(model.eval(), layer, input_ids=ids)
        print(name, layer, {tensor: tuple(x.shape) for tensor, x in qkv.items()})
        q, k, v = qkv["q"], qkv["k"], qkv["v"]
        assert q.shape[:2] == (4, 7) and k.shape == v.shape and k.shape[1:] == q.shape[1:]

# Attention over what was captured is what BERT's own layer gives.
bert = models["BERT"]
qkv = capture(bert, 0, input_ids=ids)
with torch.no_grad():
    given = bert.encoder.layer[0].attention.self(bert.embeddings(ids))[0]
made = torch.nn.functional.scaled_dot_product_attention(qkv["q"], qkv["k"], qkv["v"])
assert torch.allclose(made.transpose(0, 1).reshape(1, 7, 32), given, atol=1e-6)
save_file(qkv, here / "snippet.safetensors")
np.savez_compressed(here / "snippet.npz", **{tensor: x.numpy() for tensor, x in qkv.items()})
