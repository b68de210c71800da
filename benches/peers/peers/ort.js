// onnxruntime-web on its WebAssembly or its WebGPU provider. Forms: "Attention" (the operator of opset 23),
// "MultiHeadAttention" (the library's own operator), "decomposed" (what exporters write).
import { HEADS, SIZE, causalMask, headsFirst, tokensFirst } from "../problem.js";

/** Its build and its provider for each engine. */
const OF = { cpu: ["ort.wasm.min.mjs", "wasm"], webgpu: ["ort.webgpu.min.mjs", "webgpu"] };

const OWN = "MultiHeadAttention";

let ort, provider, form, session, feeds;

export async function load(options) {
  const [file, name] = OF[options.engine];
  ort = await import(`/node_modules/onnxruntime-web/dist/${file}`);
  [provider, form] = [name, options.form];
  ort.env.wasm.wasmPaths = "/node_modules/onnxruntime-web/dist/";
  ort.env.wasm.numThreads = options.threads;
  ort.env.logLevel = "error";
}

export async function prepare({ n, causal, q, k, v }) {
  await session?.release();
  const model = `/models/${form.toLowerCase()}-${causal ? "causal" : "none"}.onnx`;
  session = await ort.InferenceSession.create(model, {
    executionProviders: [provider],
    graphOptimizationLevel: "all",
    // What a provider lacks would be computed on the CPU without a word.
    extra: { session: { disable_cpu_ep_fallback: provider === "wasm" ? "0" : "1" } },
  });
  const rows = (data) => new ort.Tensor("float32", tokensFirst(data, n), [1, n, HEADS * SIZE]);
  const tensor = form === OWN ? rows : (data) => new ort.Tensor("float32", data, [1, HEADS, n, SIZE]);
  feeds = { q: tensor(q), k: tensor(k), v: tensor(v) };
  if (causal && form === "decomposed") feeds.mask = new ort.Tensor("float32", causalMask(n, -Infinity), [n, n]);
}

export async function run() {
  const { o } = await session.run(feeds, ["o"]);
  return o.data;
}

export function heads(output, n) {
  return form === OWN ? headsFirst(output, n) : output;
}
