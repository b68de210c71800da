// Starts a compute worker: from the page's own program, or from the one that owns the GPU. The protocol, for the page's side:
//
//   <meta name="worker-loader">, <meta name="program"> and <meta name="gpu"> hold file names relative to the page's base address.
//
//   1. module = the page's own WebAssembly.Module, compiled already; for the GPU's program nothing, it is fetched here
//   2. worker = new Worker(<worker-loader> + "?m=" + <program or gpu>, { type: "module" })
//   3. worker.postMessage({ module })                                          the first message, for the loader only
//   4. Anything posted after that, at any time, reaches the Rust side in order: what comes before it listens is kept
//      and dispatched again as ordinary `message` events, transferred ports included.
//
// The Rust side fetches the pieces of the program that a worker needs, sets `self.onmessage` itself and posts its own "I am ready".
// The loader posts only on failure to start:
//   { kind: "failed", message: string }
// A panic later on is an uncaught error: `worker.onerror` fires on the page's side.

const name = new URL(self.location.href).searchParams.get("m") ?? "";

const failed = (what, error) => self.postMessage({ kind: "failed", message: `${what}: ${error?.message ?? error}` });

// The program next to this file, and nothing else.
const script = /^(app|gpu)-[a-z0-9]+\.js$/.test(name)
  ? import("./" + name)
  : Promise.reject(new Error(`no program is called ${JSON.stringify(name)}`));
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
  let program;
  try {
    program = await script;
  } catch (error) {
    return failed("the worker's script did not load", error);
  }
  try {
    if (!name.startsWith("gpu-") && !(module instanceof WebAssembly.Module)) throw new TypeError("the first message must be { module: WebAssembly.Module }");
    await program.default({ module_or_path: module });
    await program.compute();
  } catch (error) {
    return failed("the worker did not start", error);
  }
  self.removeEventListener("message", gather);
  for (const { data, ports } of early.splice(0)) self.dispatchEvent(new MessageEvent("message", { data, ports: [...ports] }));
}
