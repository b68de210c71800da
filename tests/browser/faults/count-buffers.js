// Counts the GPU's buffers: those that were made, and those of them that are not destroyed. A test asks with `{ held: port }`.
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
addEventListener("message", (event) => {
  const port = event.data?.held;
  if (port === undefined) return;
  event.stopImmediatePropagation();
  port.postMessage([made, held]);
});
