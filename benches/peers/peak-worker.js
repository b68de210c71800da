// One core at its peak for a while: told how long, it answers with the GFLOP/s that it did, all in all.
import { peak } from "./peak.js";

const { speed } = await peak();
self.onmessage = ({ data: ms }) => {
  const from = performance.now();
  let seconds = 0, times = 0;
  while (performance.now() - from < ms) {
    seconds += 1 / speed();
    times += 1;
  }
  // Each time is the same work: all of it over all the time, so that an interruption counts for what it took.
  self.postMessage(times / seconds);
};
self.postMessage("ready");
