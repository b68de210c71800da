// A device that is taken away in the middle of a run, once: the third submission is its last. A new device is a whole one.
const submit = GPUQueue.prototype.submit;
const { requestDevice } = GPUAdapter.prototype;
const devices = new WeakMap();
let submissions = 0;
GPUAdapter.prototype.requestDevice = async function (...args) {
  const device = await requestDevice.apply(this, args);
  devices.set(device.queue, device);
  return device;
};
GPUQueue.prototype.submit = function (...args) {
  submit.apply(this, args);
  submissions += 1;
  if (submissions === 3) devices.get(this).destroy();
};
