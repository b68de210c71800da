// Starts a compute worker: one loader for both builds. The protocol, for the page's side:
//
//   <meta name="worker-loader">, <meta name="worker">, <meta name="worker-wasm">, <meta name="worker-relaxed"> and
//   <meta name="worker-relaxed-wasm"> hold file names relative to the page's base address.
//
//   1. module = await WebAssembly.compileStreaming(fetch(<worker-wasm>))       once, for all workers of that build
//   2. worker = new Worker(<worker-loader> + "?m=" + <worker>, { type: "module" })
//   3. worker.postMessage({ module })                                          the first message, for the loader only
//   4. Anything posted after that, at any time, reaches the Rust side in order: what comes before `main` has run is kept
//      and dispatched again as ordinary `message` events, transferred ports included.
//
// The Rust `main` sets `self.onmessage` itself and posts its own "I am ready". The loader posts only on failure to start:
//   { kind: "failed", message: string }
// A panic later on is an uncaught error: `worker.onerror` fires on the page's side.

const name = new URL(self.location.href).searchParams.get("m") ?? "";

const failed = (what, error) => self.postMessage({ kind: "failed", message: `${what}: ${error?.message ?? error}` });

// A worker build next to this file, and nothing else.
const script = /^worker[a-z0-9-]*\.js$/.test(name)
  ? import("./" + name)
  : Promise.reject(new Error(`no worker is called ${JSON.stringify(name)}`));
// Reported when it is awaited below; without this an early failure would count as unhandled.
script.catch(() => {});

const early = [];
let given = false;

self.addEventListener("message", gather);
self.addEventListener("messageerror", () => failed("a message did not arrive whole", "it cannot be cloned into this worker"));

function gather(event) {
  event.stopImmediatePropagation();
  if (given) {
    early.push(event);
  } else {
    given = true;
    start(event.data?.module);
  }
}

async function start(module) {
  let init;
  try {
    ({ default: init } = await script);
  } catch (error) {
    return failed("the worker's script did not load", error);
  }
  try {
    if (!(module instanceof WebAssembly.Module)) throw new TypeError("the first message must be { module: WebAssembly.Module }");
    await init({ module_or_path: module });
  } catch (error) {
    return failed("the worker did not start", error);
  }
  self.removeEventListener("message", gather);
  for (const { data, ports } of early.splice(0)) self.dispatchEvent(new MessageEvent("message", { data, ports: [...ports] }));
}
