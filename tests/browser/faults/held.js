// Counts what a worker holds. A test asks with `{ held: port }` and gets: the GPU's buffers that were made, those of them that are not destroyed, and bytes of
// the program's memory.
let [made, held] = [0, 0];
if (globalThis.GPUDevice) {
  const { createBuffer } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  const living = new WeakSet();
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    living.add(buffer);
    made++, held++;
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    if (living.delete(this)) held--;
    return destroy.call(this);
  };
}
const memories = new Set();
for (const name of ["instantiate", "instantiateStreaming"]) {
  const plain = WebAssembly[name];
  WebAssembly[name] = async (...args) => {
    const made = await plain.apply(WebAssembly, args);
    const { memory } = (made.instance ?? made).exports;
    if (memory) memories.add(memory);
    return made;
  };
}
addEventListener("message", (event) => {
  const port = event.data?.held;
  if (port === undefined) return;
  event.stopImmediatePropagation();
  port.postMessage([made, held, [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0)]);
});
