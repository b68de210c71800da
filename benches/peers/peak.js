// The machine's multiply-add peak, and whether the machine is at it right now.
//
// `peak-fused.wasm` and `peak-plain.wasm` are loops of float32 multiply-adds in registers (build/peak.rs): nothing can be faster on one core.

/** Floating-point operations of one turn of the loop: chains · lanes · (multiply, add). */
const PER_TURN = 12 * 4 * 2;
/** About how long one measurement takes. */
const SHORT_MS = 1.5;

/** The kernel that this browser can run: `{ fused, speed() }`, where `speed` measures for a moment and gives GFLOP/s. */
export async function peak() {
  for (const fused of [true, false]) {
    const bytes = await (await fetch(`/built/peak-${fused ? "fused" : "plain"}.wasm`)).arrayBuffer();
    if (!WebAssembly.validate(bytes)) continue;
    const { instance } = await WebAssembly.instantiate(bytes);
    return { fused, speed: measured(instance.exports.turns) };
  }
  throw new Error("this browser has no 128-bit SIMD");
}

function measured(turns) {
  const of = (count) => {
    const from = performance.now();
    turns(count);
    return (count * PER_TURN) / (performance.now() - from) / 1e6;
  };
  // The first calls run what the browser compiled in a hurry.
  let speed = 1;
  for (let i = 0; i < 100; i++) speed = Math.max(speed, of(50_000));
  const count = Math.ceil((speed * 1e6 * SHORT_MS) / PER_TURN);
  return () => of(count);
}

/** How long threads are measured together, and how often: the machine has fast and slow moments. */
const TOGETHER_MS = 250;
const TOGETHER_TIMES = 5;

/** How many times one thread's speed so many threads have together in the loop that nothing can be faster than: `{ 1: 1, 2: 1.97 }`. */
export async function gains(threads) {
  const most = Math.max(...threads);
  const answer = (worker) => new Promise((done, failed) => {
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = (event) => failed(new Error(event.message || "a worker of the peak does not start"));
  });
  const workers = Array.from({ length: most }, () => new Worker("peak-worker.js", { type: "module" }));
  await Promise.all(workers.map(answer));
  const speed = async (count) => {
    const own = workers.slice(0, count), told = own.map(answer);
    for (const worker of own) worker.postMessage(TOGETHER_MS);
    return (await Promise.all(told)).reduce((a, b) => a + b);
  };
  const best = {};
  for (let i = 0; i < TOGETHER_TIMES; i++) {
    for (const count of [1, ...threads]) best[count] = Math.max(best[count] ?? 0, await speed(count));
  }
  for (const worker of workers) worker.terminate();
  return Object.fromEntries(threads.map((count) => [count, best[count] / best[1]]));
}
