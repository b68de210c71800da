// A driver that computes nonsense and says nothing: every float that is read back is off by a thousandth.
const getMappedRange = GPUBuffer.prototype.getMappedRange;
GPUBuffer.prototype.getMappedRange = function (...range) {
  const bytes = getMappedRange.apply(this, range);
  if (this.usage & GPUBufferUsage.MAP_READ) {
    const floats = new Float32Array(bytes);
    floats.forEach((x, at) => (floats[at] = x + 1e-3));
  }
  return bytes;
};
