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

/** Rows of each head that outputs are checked in: all up to this many tokens, beyond that so many, evenly spread, the last among them. */
const ROWS = 1024;

/** Attention in double precision: `{ rows, length, values }`, values [HEADS, rows.length, SIZE], and the length of a whole output. */
export function reference({ n, causal, q, k, v }) {
  const step = Math.max(1, Math.ceil(n / ROWS)), rows = [];
  for (let row = (n - 1) % step; row < n; row += step) rows.push(row);
  const values = new Float64Array(HEADS * rows.length * SIZE), scores = new Float64Array(n);
  for (let head = 0, to = 0; head < HEADS; head++) {
    const base = head * n * SIZE;
    for (const row of rows) {
      attend(q, k, v, base, base + row * SIZE, causal ? row + 1 : n, scores, values.subarray(to, to + SIZE));
      to += SIZE;
    }
  }
  return { rows, length: q.length, values };
}

/** The row of Q at `query` over the first `keys` rows of K and V from `base`. */
function attend(q, k, v, base, query, keys, scores, output) {
  let top = -Infinity, total = 0;
  for (let key = 0; key < keys; key++) {
    let score = 0;
    for (let i = 0, of = base + key * SIZE; i < SIZE; i++) score += q[query + i] * k[of + i];
    scores[key] = score / Math.sqrt(SIZE);
    top = Math.max(top, scores[key]);
  }
  for (let key = 0; key < keys; key++) {
    const weight = Math.exp(scores[key] - top);
    total += weight;
    for (let i = 0, of = base + key * SIZE; i < SIZE; i++) output[i] += weight * v[of + i];
  }
  for (let i = 0; i < SIZE; i++) output[i] /= total;
}

/** The largest distance of an output from the reference; NaN where a number is none or the output has another length. */
export function largestError({ rows, length, values }, output) {
  if (output.length !== length) return NaN;
  const n = length / HEADS / SIZE;
  let largest = 0, at = 0;
  for (let head = 0; head < HEADS; head++) {
    for (const row of rows) {
      for (let i = 0, of = (head * n + row) * SIZE; i < SIZE; i++, at++) {
        const error = Math.abs(output[of + i] - values[at]);
        // Not `error > largest`: NaN has to win.
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
