// WebGPU without a GPU: blocked for its driver, or after crashes.
GPU.prototype.requestAdapter = async () => null;
