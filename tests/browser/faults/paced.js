// A GPU of which a test says how long each submission takes, milliseconds, by every clock that the worker can read: `{ pace, held: port }`; it is told how many
// there were so far. Nothing else takes time.
let [pace, time, submissions] = [1, 0, 0];
const { has } = GPUSupportedFeatures.prototype;
const { submit } = GPUQueue.prototype;
Performance.prototype.now = () => time;
GPUSupportedFeatures.prototype.has = function (name) {
  return name !== "timestamp-query" && has.call(this, name);
};
GPUQueue.prototype.submit = function (...args) {
  submit.apply(this, args);
  submissions += 1;
  time += pace;
};
addEventListener("message", (event) => {
  if (event.data?.held === undefined) return;
  event.stopImmediatePropagation();
  pace = event.data.pace;
  event.data.held.postMessage(submissions);
});
