// The page, as its own JavaScript API has it, in a frame of the built files.
import { HEADS, SIZE } from "../problem.js";

let backend, page, problem, result;

export async function load({ engine, threads }) {
  backend = engine;
  const frame = document.createElement("iframe");
  // The page starts as many workers as the browser names cores, and the driver makes that the number in the frame's name.
  frame.name = window.name;
  frame.src = "/dist/";
  await new Promise((resolve, reject) => {
    frame.onload = resolve;
    frame.onerror = reject;
    document.body.append(frame);
  });
  while (!frame.contentWindow.attentionPlayground) await new Promise((next) => setTimeout(next, 10));
  page = frame.contentWindow;
  // A run that is not worth all of them takes fewer.
  const cores = page.navigator.hardwareConcurrency;
  if (cores !== threads) throw new Error(`the page was told of ${cores} cores, not ${threads}`);
}

export async function prepare({ n, causal, q, k, v }) {
  const tensor = (data) => ({ shape: [HEADS, n, SIZE], data: new page.Float32Array(data) });
  const tensors = { Q: tensor(q), K: tensor(k), V: tensor(v) };
  problem = { ...tensors, is_causal: causal, backend, algorithm: "streaming" };
}

export async function run() {
  const playground = await page.attentionPlayground;
  result = await playground.run(problem);
  return result.outputs.Y.data;
}

export function kernelMs() {
  return result.timing.runs_ms[0];
}
