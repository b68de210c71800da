// Measures every peer in one visit of one page: each in a frame of its own, all cases in turn, in an order thrown anew for each round.
//
// `benchmark.start(config)` with { engine, peers, n: [..], masks: ["none", "causal"], threads: [..], samples, seed }, `peers` as in peers.json;
// `benchmark.take()` gives the lines since the last call and, at the end, the result or what went wrong.
import { largestError, problem, reference, shuffled, uniform } from "./problem.js";
import { gains, peak } from "./peak.js";

/** A sample lasts at least so long: short runs are repeated and their mean is the sample. */
const SAMPLE_MS = 8;
/** Calls before the first sample: until so many or so long, whichever comes first. */
const WARM_CALLS = 20;
const WARM_MS = 600;
/** A sample counts where the machine's peak, measured just before and just after, is this part of its best. */
const UNDISTURBED = 0.85;
/** Rounds per wanted sample before disturbed ones have to do. */
const PATIENCE = 3;
/** A slow case is done with three samples when they took so long together. */
const BUDGET_MS = 6000;
/** A call that takes longer has failed. */
const LIMIT_MS = 120_000;
/** The largest error against double precision that is a result; what is beyond it is none, however fast. */
const WRONG = 1e-4;
/** Lets the threads of the case before fall asleep. */
const REST_MS = 15;

const pause = (ms) => new Promise((next) => setTimeout(next, ms));

/** Fails when the promise does, or is not kept in time. */
function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The value at a share of a sorted list, between neighbours where it falls between them. */
function quantile(sorted, share) {
  const at = (sorted.length - 1) * share, below = Math.floor(at);
  return sorted[below] + (at - below) * (sorted[Math.ceil(at)] - sorted[below]);
}

const words = (error) => String(error?.message ?? error).split("\n")[0].slice(0, 200);

/** Opens a frame whose name says how many cores it sees, and loads the peer. */
async function open({ peer, form, threads }, engine) {
  const frame = document.createElement("iframe");
  frame.name = `cores=${threads}`;
  frame.src = `frame.html?${new URLSearchParams({ peer, engine, form, threads })}`;
  document.body.append(frame);
  const ready = async () => {
    while (!frame.contentWindow.peer) await pause(5);
    await frame.contentWindow.peer.load();
    return frame.contentWindow.peer;
  };
  return inTime(ready());
}

/** Makes a case ready for one problem: checks its output, warms it up, and finds how many runs make a sample. */
async function begin(entry, given, right) {
  await inTime(entry.frame.prepare(given));
  const error = largestError(right, await inTime(entry.frame.output()));
  if (!(error < WRONG)) throw new Error(`wrong output: off by ${error.toPrecision(2)}`);
  const from = performance.now();
  let last;
  for (let calls = 0; calls < WARM_CALLS && (calls === 0 || performance.now() - from < WARM_MS); calls++) {
    last = await inTime(entry.frame.time(1));
  }
  return { entry, error, runs: Math.max(1, Math.ceil(SAMPLE_MS / last.ms)), clean: [], disturbed: [] };
}

/** Whether a case has its samples. */
function done({ clean, runs }, samples) {
  const spent = clean.reduce((sum, { ms }) => sum + ms * runs, 0);
  return clean.length >= samples || (clean.length >= 3 && spent > BUDGET_MS);
}

/** What is told of a case. */
function summary({ entry, error, clean, disturbed }, { n, mask }) {
  const few = clean.length < 3;
  const taken = few ? [...clean, ...disturbed] : clean;
  const of = (name) => taken.map((sample) => sample[name]).sort((a, b) => a - b);
  const ms = of("ms"), kernel = quantile(of("kernelMs"), 0.5);
  return {
    ...named(entry),
    n,
    mask,
    ms: quantile(ms, 0.5),
    low: quantile(ms, 0.25),
    high: quantile(ms, 0.75),
    best: ms[0],
    kernel_ms: Number.isNaN(kernel) ? null : kernel,
    error,
    clean: clean.length,
    disturbed: disturbed.length,
    // Too few samples of a quiet machine: the figures are of a busy one.
    noisy: few,
  };
}

function figures({ ms, low, high, clean, disturbed, error }) {
  const [middle, from, to] = [ms, low, high].map((value) => value.toFixed(2));
  return `${middle} ms [${from}, ${to}], samples ${clean} and ${disturbed} disturbed, off by ${error.toExponential(1)}`;
}

/** What the browser says of the GPU that everybody gets. */
async function adapter() {
  const { info } = (await navigator.gpu?.requestAdapter()) ?? {};
  if (!info) throw new Error("this browser has no WebGPU adapter");
  return [info.vendor, info.architecture, info.description].filter(Boolean).join(", ");
}

const named = ({ peer, form, threads }) => ({ peer, form, threads });

/** One number of tokens under one mask, over all that could be loaded. */
async function measure(entries, n, mask, config, machine, random, say) {
  const given = problem(n, mask === "causal", config.seed), right = reference(given), cases = [], running = [];
  for (const entry of shuffled(entries, random)) {
    try {
      running.push(await begin(entry, given, right));
    } catch (error) {
      cases.push({ ...named(entry), n, mask, failure: words(error) });
    }
  }
  for (let round = 0; round < config.samples * PATIENCE; round++) {
    const open = running.filter((one) => !one.failure && !done(one, config.samples));
    for (const one of shuffled(open, random)) {
      try {
        await pause(REST_MS);
        const before = machine.look();
        const sample = await inTime(one.entry.frame.time(one.runs));
        const slowest = Math.min(before, machine.look());
        (slowest >= UNDISTURBED * machine.best ? one.clean : one.disturbed).push(sample);
      } catch (error) {
        one.failure = words(error);
      }
    }
  }
  for (const one of running) {
    cases.push(one.failure ? { ...named(one.entry), n, mask, failure: one.failure } : summary(one, { n, mask }));
  }
  for (const one of cases) {
    say(`n=${n} ${mask}, ${one.threads} threads: ${one.peer}, ${one.form}: ${one.failure ?? figures(one)}`);
  }
  return cases;
}

async function run(config, say) {
  const random = uniform(config.seed), { fused, speed } = await peak();
  const gpu = config.engine === "webgpu" ? await adapter() : null;
  const machine = {
    best: 0,
    look() {
      const now = speed();
      this.best = Math.max(this.best, now);
      return now;
    },
  };
  for (let i = 0; i < 200; i++) machine.look();
  const together = await gains(config.threads);
  const wanted = config.peers.flatMap(({ id, forms }) =>
    forms.flatMap((form) => config.threads.map((threads) => ({ peer: id, form, threads }))));
  const entries = [], cases = [];
  for (const entry of wanted) {
    try {
      entries.push({ ...entry, frame: await open(entry, config.engine) });
    } catch (error) {
      say(`${entry.peer}, ${entry.form}, ${entry.threads} threads does not load: ${words(error)}`);
      const failure = `does not load: ${words(error)}`;
      cases.push(...config.n.flatMap((n) => config.masks.map((mask) => ({ ...entry, n, mask, failure }))));
    }
  }
  say(`${entries.length} of ${wanted.length} loaded; one core's peak ${machine.best.toFixed(1)} GFLOP/s`);
  for (const n of config.n) {
    for (const mask of config.masks) cases.push(...(await measure(entries, n, mask, config, machine, random, say)));
  }
  const date = new Date().toISOString();
  return { date, isolated: crossOriginIsolated, adapter: gpu, peak: { gflops: machine.best, fused, gains: together }, undisturbed: UNDISTURBED, cases };
}

const lines = [];
const outcome = { result: null, failure: null };

globalThis.benchmark = {
  start(config) {
    run(config, (line) => lines.push(line)).then(
      (result) => (outcome.result = result),
      (error) => (outcome.failure = words(error)),
    );
  },
  take: () => ({ lines: lines.splice(0), ...outcome }),
};
