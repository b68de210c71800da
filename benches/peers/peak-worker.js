// One core at its peak for a while: told how long, it answers with the GFLOP/s that it did, all in all.
import { peak } from "./peak.js";

const { speed } = await peak();
self.onmessage = ({ data: ms }) => {
  const from = performance.now();
  let sum = 0, times = 0;
  while (performance.now() - from < ms) {
    sum += speed();
    times += 1;
  }
  self.postMessage(sum / times);
};
self.postMessage("ready");
