// A browser that throws where it should tell an error scope: the worker ends.
const createBuffer = GPUDevice.prototype.createBuffer;
GPUDevice.prototype.createBuffer = function (descriptor) {
  if (descriptor.size > 1 << 20) throw new RangeError(`a buffer of ${descriptor.size} bytes is too large`);
  return createBuffer.call(this, descriptor);
};
