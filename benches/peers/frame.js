// One peer in a realm of its own. Its query says which, and how it is to run: ?peer=ort&engine=cpu&form=Attention&threads=2.
//
// A peer is a module with
//   load({ engine, form, threads })            fetches and starts the library
//   prepare({ n, causal, q, k, v })    whatever a program would do once: models, masks, the layout that the library wants
//   run()                              the timed part: from typed arrays to a typed array, copies included
//   heads(output, n)                   where the output is not [HEADS, n, SIZE] already: makes it so (not timed)
//   kernelMs()                         where the library tells it: the last run's time in kernels alone

const { peer: name, engine, form, threads } = Object.fromEntries(new URLSearchParams(location.search));
const peer = await import(`/built/${name}.js`);
let n;

window.peer = {
  async load() {
    if (navigator.hardwareConcurrency !== Number(threads)) throw new Error("the driver does not limit the threads");
    await peer.load({ engine, form, threads: Number(threads) });
  },

  async prepare(problem) {
    n = problem.n;
    // Arrays of another realm fail the libraries' `instanceof`.
    const [q, k, v] = [problem.q, problem.k, problem.v].map((tensor) => new Float32Array(tensor));
    await peer.prepare({ n, causal: problem.causal, q, k, v });
  },

  async output() {
    const output = await peer.run();
    return peer.heads?.(output, n) ?? output;
  },

  /** Milliseconds of one run, the mean of `count`. */
  async time(count) {
    let kernel = 0;
    const from = performance.now();
    for (let i = 0; i < count; i++) {
      await peer.run();
      kernel += peer.kernelMs?.() ?? NaN;
    }
    return { ms: (performance.now() - from) / count, kernelMs: kernel / count };
  },
};
