// TensorFlow.js on its WebAssembly backend.
//
// That backend has fast matrix products (XNNPACK) only for one product at a time without transposed operands; everything else is a scalar
// loop, some ten times slower. So the heads are computed one by one and K is transposed: the fastest form that a user can write.
import * as tf from "@tensorflow/tfjs-core";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { HEADS, SIZE, causalMask } from "../problem.js";

let problem, mask;

export async function load({ threads }) {
  setWasmPaths("/node_modules/@tensorflow/tfjs-backend-wasm/wasm-out/");
  if (threads === 1) tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  else setThreadsCount(threads);
  if (!(await tf.setBackend("wasm"))) throw new Error("the backend does not start");
  await tf.ready();
}

export async function prepare(given) {
  problem = given;
  mask?.dispose();
  mask = given.causal ? tf.tensor(causalMask(given.n, -1e9), [given.n, given.n]) : null;
}

export async function run() {
  const { n, q, k, v } = problem, length = n * SIZE;
  const outputs = new Float32Array(HEADS * length);
  for (let from = 0; from < outputs.length; from += length) {
    const head = tf.tidy(() => {
      const [query, key, value] = [q, k, v].map((data) => tf.tensor(data.subarray(from, from + length), [n, SIZE]));
      const scores = tf.matMul(tf.mul(query, SIZE ** -0.5), tf.transpose(key));
      return tf.matMul(tf.softmax(mask ? tf.add(scores, mask) : scores), value);
    });
    outputs.set(await head.data(), from);
    head.dispose();
  }
  return outputs;
}
