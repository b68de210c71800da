// LiteRT.js: a TFLite model on XNNPACK in WebAssembly.
import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";
import { HEADS, SIZE, causalMask } from "../problem.js";

let threads, model, problem, mask;

export async function load(options) {
  threads = options.threads;
  await loadLiteRt("/node_modules/@litertjs/core/wasm/", { threads: threads > 1 });
}

export async function prepare(given) {
  problem = given;
  model?.delete();
  const { n, causal } = given;
  const path = `/models/attention-${causal ? "causal" : "none"}-${n}.tflite`;
  model = await loadAndCompile(path, { accelerator: "wasm", cpuOptions: { numThreads: threads } });
  mask = causal ? causalMask(n, -1e9) : null;
}

export async function run() {
  const { n, q, k, v } = problem;
  const inputs = [q, k, v].map((data) => new Tensor(data, [1, HEADS, n, SIZE]));
  if (mask) inputs.push(new Tensor(mask, [1, 1, n, n]));
  const [output] = await model.run(inputs);
  // A copy: the array is the library's memory, which the next run may write.
  const data = output.toTypedArray().slice();
  for (const tensor of [...inputs, output]) tensor.delete();
  return data;
}
