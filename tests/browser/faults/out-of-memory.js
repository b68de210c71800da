// A GPU with little memory: buffers above 1 MiB are not there, which the innermost scope for that kind of error is told.
const MOST = 1 << 20;
const scopes = new WeakMap();
const { createBuffer, pushErrorScope, popErrorScope } = GPUDevice.prototype;
const stack = (device) => scopes.get(device) ?? scopes.set(device, []).get(device);

GPUDevice.prototype.createBuffer = function (descriptor) {
  if (descriptor.size <= MOST) return createBuffer.call(this, descriptor);
  const scope = stack(this).findLast((scope) => scope.filter === "out-of-memory");
  if (scope) scope.error ??= new GPUOutOfMemoryError(`no memory for ${descriptor.size} bytes`);
  return createBuffer.call(this, { ...descriptor, size: 16 });
};
GPUDevice.prototype.pushErrorScope = function (filter) {
  stack(this).push({ filter });
  pushErrorScope.call(this, filter);
};
GPUDevice.prototype.popErrorScope = async function () {
  const { error } = stack(this).pop() ?? {};
  const other = await popErrorScope.call(this);
  return error ?? other;
};
