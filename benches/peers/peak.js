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
