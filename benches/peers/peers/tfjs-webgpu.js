// TensorFlow.js on its WebGPU backend, all heads in one product.
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";
import { HEADS, SIZE, causalMask } from "../problem.js";

let problem, mask;

export async function load() {
  if (!(await tf.setBackend("webgpu"))) throw new Error("the backend does not start");
  await tf.ready();
}

export async function prepare(given) {
  problem = given;
  mask?.dispose();
  mask = given.causal ? tf.tensor(causalMask(given.n, -1e9), [1, given.n, given.n]) : null;
}

export async function run() {
  const { n, q, k, v } = problem;
  const output = tf.tidy(() => {
    const [query, key, value] = [q, k, v].map((data) => tf.tensor(data, [HEADS, n, SIZE]));
    const scores = tf.matMul(tf.mul(query, SIZE ** -0.5), key, false, true);
    return tf.matMul(tf.softmax(mask ? tf.add(scores, mask) : scores), value);
  });
  const data = await output.data();
  output.dispose();
  return data;
}
