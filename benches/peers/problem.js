// The problem that every peer is given: one batch of HEADS heads of SIZE, float32, tensors [HEADS, n, SIZE]; and what it should come to.

export const HEADS = 8;
export const SIZE = 64;

/** Uniform numbers in [0, 1) from a seed (mulberry32), so that a run can be repeated. */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A copy in another order (Fisher and Yates). */
export function shuffled(list, random) {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

/** Normal numbers (Box and Muller). */
function normal(count, deviation, random) {
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return deviation * radius * Math.cos(2 * Math.PI * random());
  });
}

/** Q, K and V of n tokens. Queries and keys are spread so that the softmax is neither flat nor one-hot. */
export function problem(n, causal, seed) {
  const random = uniform(seed + n), count = HEADS * n * SIZE;
  return { n, causal, q: normal(count, 1.5, random), k: normal(count, 1.5, random), v: normal(count, 1, random) };
}

/** Rows that are checked of each head: all up to this many tokens, beyond that so many, evenly spread, the last one among them. */
const ROWS = 1024;

/** The largest distance of an output from attention in double precision; NaN where a number is none or one is missing. */
export function largestError({ n, causal, q, k, v }, output) {
  if (output.length !== q.length) return NaN;
  const scores = new Float64Array(n), sum = new Float64Array(SIZE), step = Math.max(1, Math.ceil(n / ROWS));
  let largest = 0;
  for (let head = 0; head < HEADS; head++) {
    const base = head * n * SIZE;
    for (let row = (n - 1) % step; row < n; row += step) {
      const at = base + row * SIZE, keys = causal ? row + 1 : n;
      let top = -Infinity;
      for (let key = 0; key < keys; key++) {
        let score = 0;
        for (let i = 0, of = base + key * SIZE; i < SIZE; i++) score += q[at + i] * k[of + i];
        scores[key] = score / Math.sqrt(SIZE);
        top = Math.max(top, scores[key]);
      }
      let total = 0;
      sum.fill(0);
      for (let key = 0; key < keys; key++) {
        const weight = Math.exp(scores[key] - top);
        total += weight;
        for (let i = 0, of = base + key * SIZE; i < SIZE; i++) sum[i] += weight * v[of + i];
      }
      for (let i = 0; i < SIZE; i++) {
        const error = Math.abs(output[at + i] - sum[i] / total);
        if (!(error <= largest)) largest = error;
        if (Number.isNaN(largest)) return NaN;
      }
    }
  }
  return largest;
}

/** An additive mask [n, n] that leaves each query the keys up to itself, for peers that have no word for it. */
export function causalMask(n, blocked) {
  const mask = new Float32Array(n * n);
  for (let row = 0; row < n; row++) mask.fill(blocked, row * n + row + 1, (row + 1) * n);
  return mask;
}

/** [HEADS, n, SIZE] as [n, HEADS, SIZE]. */
export function tokensFirst(heads, n) {
  const tokens = new Float32Array(heads.length);
  for (let head = 0; head < HEADS; head++) {
    for (let row = 0; row < n; row++) {
      const from = (head * n + row) * SIZE;
      tokens.set(heads.subarray(from, from + SIZE), (row * HEADS + head) * SIZE);
    }
  }
  return tokens;
}

/** [n, HEADS, SIZE] as [HEADS, n, SIZE]. */
export function headsFirst(tokens, n) {
  const heads = new Float32Array(tokens.length);
  for (let head = 0; head < HEADS; head++) {
    for (let row = 0; row < n; row++) {
      const from = (row * HEADS + head) * SIZE;
      heads.set(tokens.subarray(from, from + SIZE), (head * n + row) * SIZE);
    }
  }
  return heads;
}
