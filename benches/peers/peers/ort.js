// onnxruntime-web on its WebAssembly provider. Forms: "Attention" (the operator of opset 23), "decomposed" (what exporters write).
import * as ort from "/node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";
import { HEADS, SIZE, causalMask } from "../problem.js";

let form, session, feeds;

export async function load(options) {
  form = options.form;
  ort.env.wasm.wasmPaths = "/node_modules/onnxruntime-web/dist/";
  ort.env.wasm.numThreads = options.threads;
  ort.env.logLevel = "error";
}

export async function prepare({ n, causal, q, k, v }) {
  await session?.release();
  const model = `/models/${form.toLowerCase()}-${causal ? "causal" : "none"}.onnx`;
  session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
  const tensor = (data) => new ort.Tensor("float32", data, [1, HEADS, n, SIZE]);
  feeds = { q: tensor(q), k: tensor(k), v: tensor(v) };
  if (causal && form === "decomposed") feeds.mask = new ort.Tensor("float32", causalMask(n, -Infinity), [n, n]);
}

export async function run() {
  const { o } = await session.run(feeds, ["o"]);
  return o.data;
}
