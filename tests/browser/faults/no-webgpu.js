// A browser without WebGPU.
Object.defineProperty(WorkerNavigator.prototype, "gpu", { get: () => undefined });
