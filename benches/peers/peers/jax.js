// jax-js on WebAssembly. Forms: "matmul" (softmax between two products), "dotProductAttention" (its own function).
// It starts as many threads as the browser names cores, which the driver makes the number in the frame's name.
import { defaultDevice, init, jit, nn, numpy as np } from "@jax-js/jax";
import { HEADS, SIZE, causalMask, headsFirst, tokensFirst } from "../problem.js";

let form, attention, problem, mask, shape;

export async function load(options) {
  form = options.form;
  if (!(await init("wasm")).includes("wasm")) throw new Error("the device is missing");
  defaultDevice("wasm");
}

export async function prepare({ n, causal, q, k, v }) {
  mask?.dispose();
  mask = null;
  if (form === "dotProductAttention") {
    shape = [1, n, HEADS, SIZE];
    problem = [q, k, v].map((tensor) => tokensFirst(tensor, n));
    attention = jit((query, key, value) => nn.dotProductAttention(query, key, value, { isCausal: causal }));
    return;
  }
  shape = [HEADS, n, SIZE];
  problem = [q, k, v];
  const scores = (query, key) => np.matmul(query.mul(SIZE ** -0.5), key.transpose([0, 2, 1]));
  if (causal) {
    mask = np.array(causalMask(n, -1e9)).reshape([1, n, n]);
    attention = jit((query, key, value, added) => np.matmul(nn.softmax(scores(query, key).add(added)), value));
  } else {
    attention = jit((query, key, value) => np.matmul(nn.softmax(scores(query, key)), value));
  }
}

export async function run() {
  const inputs = problem.map((tensor) => np.array(tensor).reshape(shape));
  // A call consumes its arguments; `ref` keeps the mask for the next.
  if (mask) inputs.push(mask.ref);
  return await attention(...inputs).data();
}

export function heads(output, n) {
  return form === "dotProductAttention" ? headsFirst(output, n) : output;
}
