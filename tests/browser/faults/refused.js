// A GPU that gives no device.
GPUAdapter.prototype.requestDevice = async () => {
  throw new DOMException("the driver is being updated", "OperationError");
};
