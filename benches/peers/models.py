"""Writes the models that peers compute: `models.py FOLDER N...`.

FOLDER/{attention,multiheadattention,decomposed}-{none,causal}.onnx  any number of tokens: one file for every n
FOLDER/attention-{none,causal}-{n}.tflite         sizes are fixed in these files

All compute softmax(Q Kᵀ / √SIZE [+ mask]) V over tensors [1, HEADS, n, SIZE] in float32, as problem.js has them;
multiheadattention over [1, n, HEADS * SIZE].
"""

import pathlib
import sys

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as tflite
from onnx import TensorProto, helper, numpy_helper

HEADS, SIZE = 8, 64
SCALE = np.float32(SIZE**-0.5)


def save_onnx(path, nodes, inputs, opset, constants=()):
    """A graph from `inputs` (name to shape) to `o`, which has the shape of `q`."""
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    output = value("o", inputs["q"])
    graph = helper.make_graph(nodes, "attention", [value(*one) for one in inputs.items()], [output], list(constants))
    opsets = [helper.make_opsetid(*one) for one in (("", opset), ("com.microsoft", 1))]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_onnx(folder, causal):
    """The operator Attention, the runtime's own MultiHeadAttention, and what exporters write for those without."""
    name = "causal" if causal else "none"
    qkv = {tensor: [1, HEADS, "n", SIZE] for tensor in "qkv"}
    node = helper.make_node
    operator = [node("Attention", ["q", "k", "v"], ["o"], is_causal=int(causal))]
    save_onnx(folder / f"attention-{name}.onnx", operator, qkv, 23)

    own = {"domain": "com.microsoft", "num_heads": HEADS, "unidirectional": int(causal)}
    rows = {tensor: [1, "n", HEADS * SIZE] for tensor in "qkv"}
    nodes = [node("MultiHeadAttention", [*"qkv"], ["o"], **own)]
    save_onnx(folder / f"multiheadattention-{name}.onnx", nodes, rows, 17)

    masked = "masked" if causal else "scores"
    nodes = [
        node("Mul", ["q", "scale"], ["scaled"]),
        node("Transpose", ["k"], ["turned"], perm=[0, 1, 3, 2]),
        node("MatMul", ["scaled", "turned"], ["scores"]),
        *([node("Add", ["scores", "mask"], [masked])] if causal else []),
        node("Softmax", [masked], ["weights"], axis=-1),
        node("MatMul", ["weights", "v"], ["o"]),
    ]
    inputs = qkv | ({"mask": ["n", "n"]} if causal else {})
    save_onnx(folder / f"decomposed-{name}.onnx", nodes, inputs, 17, [numpy_helper.from_array(SCALE, "scale")])


class TfLite:
    """A TFLite graph in the making."""

    def __init__(self):
        self.graph = tflite.SubGraphT()
        self.graph.name, self.graph.tensors, self.graph.operators = b"main", [], []
        # The first buffer is empty by the format's rule; the second holds the one constant.
        self.buffers, self.codes = [tflite.BufferT(), tflite.BufferT()], []
        self.buffers[1].data = np.frombuffer(SCALE.tobytes(), np.uint8)

    def tensor(self, name, shape, buffer=0):
        tensor = tflite.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name.encode(), list(shape), buffer
        tensor.type = tflite.TensorType.FLOAT32
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, code, kind, options, inputs, output):
        known = [known.builtinCode for known in self.codes]
        if code not in known:
            entry = tflite.OperatorCodeT()
            entry.builtinCode, entry.version = code, 1
            # Old readers look at a byte, which newer codes do not fit into.
            entry.deprecatedBuiltinCode = min(code, 127)
            self.codes.append(entry)
            known.append(code)
        operator = tflite.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = known.index(code), inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self.graph.operators.append(operator)

    def save(self, path, inputs, output):
        self.graph.inputs, self.graph.outputs = inputs, [output]
        model = tflite.ModelT()
        model.version, model.description = 3, b"attention"
        model.buffers, model.operatorCodes, model.subgraphs = self.buffers, self.codes, [self.graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        path.write_bytes(bytes(builder.Output()))


def write_tflite(folder, n, causal):
    """Two batched products around a softmax: the form that XNNPACK takes whole."""
    code, kind = tflite.BuiltinOperator, tflite.BuiltinOptions
    model = TfLite()
    inputs = [model.tensor(name, [1, HEADS, n, SIZE]) for name in "qkv"]
    q, k, v = inputs
    scale, scaled = model.tensor("scale", [1, 1, 1, 1], 1), model.tensor("scaled", [1, HEADS, n, SIZE])
    scores, weights = (model.tensor(name, [1, HEADS, n, n]) for name in ("scores", "weights"))
    output = model.tensor("o", [1, HEADS, n, SIZE])

    model.operator(code.MUL, kind.MulOptions, tflite.MulOptionsT(), [q, scale], scaled)
    turned = tflite.BatchMatMulOptionsT()
    turned.adjY = True
    model.operator(code.BATCH_MATMUL, kind.BatchMatMulOptions, turned, [scaled, k], scores)
    if causal:
        mask, masked = model.tensor("mask", [1, 1, n, n]), model.tensor("masked", [1, HEADS, n, n])
        inputs = [*inputs, mask]
        model.operator(code.ADD, kind.AddOptions, tflite.AddOptionsT(), [scores, mask], masked)
        scores = masked
    softmax = tflite.SoftmaxOptionsT()
    softmax.beta = 1.0
    model.operator(code.SOFTMAX, kind.SoftmaxOptions, softmax, [scores], weights)
    model.operator(code.BATCH_MATMUL, kind.BatchMatMulOptions, tflite.BatchMatMulOptionsT(), [weights, v], output)
    model.save(folder / f"attention-{'causal' if causal else 'none'}-{n}.tflite", inputs, output)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for causal in (False, True):
        write_onnx(folder, causal)
        for n in map(int, sys.argv[2:]):
            write_tflite(folder, n, causal)


if __name__ == "__main__":
    main()
