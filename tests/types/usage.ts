// Every part of the API as a program would use it: that this compiles is the test of public/api/attention-playground.d.ts. Lines under
// `@ts-expect-error` must not compile.
import type {
  AnswerMessage,
  Experiment,
  ExperimentError,
  NoticeMessage,
  RequestMessage,
  RunRequest,
  RunResult,
} from "../../public/api/attention-playground";

const tensor = (...shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });

export async function use(): Promise<number> {
  const playground = await attentionPlayground;
  const full: RunRequest = {
    op: "attention",
    Q: tensor(1, 4, 8, 16),
    K: tensor(1, 2, 8, 16),
    V: { shape: [1, 2, 8, 16], data: [0.5, 1] },
    attn_mask: { shape: [8, 8], data: [true, false] },
    past_key: tensor(1, 2, 4, 16),
    past_value: tensor(1, 2, 4, 16),
    dY: tensor(1, 4, 8, 16),
    nonpad_kv_seqlen: [8],
    is_causal: true,
    scale: 0.25,
    softcap: 30,
    left_window_size: -1,
    right_window_size: 0,
    q_num_heads: 4,
    kv_num_heads: 2,
    qk_matmul_output_mode: 3,
    mask: { id: "sliding-window", params: { window: 4 } },
    combine: [{ op: "or", id: "global", heads: [0], not: false }],
    score: "s - 0.1 * abs(q_pos - k)",
    prob: "p",
    sink_logit: new Float32Array(4),
    conventions: { causal: "bottom_right", window: "inclusive", softcap: "after_bias", rope: "interleaved", sides: "two_sided", alibi: "signed" },
    position: { id: "rope" },
    product: { id: "dot" },
    layout: { id: "plain" },
    selection: { id: "none" },
    normaliser: { id: "entmax" },
    data: { doc: [0, 0, 1] },
    backend: "reference",
    algorithm: "streaming",
    rect: { head: 0, q: [0, 8], k: [0, 8], width: 4, height: 4, pool: "mean" },
    seed: 1,
    outputs: ["Y", "rect", "logsumexp", "dQ", "dK", "dV", "dparams"],
    repeat: 3,
    softmax_precision: 1,
    signal: new AbortController().signal,
  };
  const result: RunResult = await playground.run(full);
  const y = result.outputs["Y"]?.data[0] ?? 0;
  await playground.run({ op: "linear_attention", Q: tensor(1, 2, 4, 8), K: tensor(1, 2, 4, 8), V: tensor(1, 2, 4, 8), update_rule: "delta", beta: tensor(1, 2, 4, 1), outputs: ["Y", "present_state"] });
  await playground.run({ op: "rotary_embedding", X: tensor(1, 2, 4, 8), cos_cache: tensor(1, 4, 4), sin_cache: tensor(1, 4, 4), interleaved: 1, position_ids: [0, 1, 2, 3] });
  await playground.run({ Q: tensor(2, 4, 8), K: tensor(2, 4, 8), V: tensor(2, 4, 8), estimator: { id: "linear" }, outputs: ["Y", "exact", "total_error"] });

  // @ts-expect-error there is no such field
  await playground.run({ Q: tensor(1), K: tensor(1), V: tensor(1), is_casual: true });
  const again: RunRequest = {
    input: { kind: "generated", recipe: "normal", seed: 1, normals: "rounded", size: { n_q: 8 } },
    edits: [{ tensor: "k", head: 0, row: 1, col: 2, value: 0.5 }],
    estimator: { id: "linear" },
  };
  await playground.run(again);
  // @ts-expect-error a request lacks K and V
  await playground.run({ Q: tensor(1) });
  // @ts-expect-error there is no such engine
  await playground.run({ Q: tensor(1), K: tensor(1), V: tensor(1), backend: "gpu" });

  const experiment: Experiment = await playground.set({ mask: { id: "causal" }, scale: { free: 0.5 }, view: { head: 2 } });
  const link: string = playground.link({ ...playground.get(), seed: 3 });
  const window = playground.catalogue().masks.flatMap((entry) => entry.params).find((param) => param.name === "window");
  const everywhere = playground.catalogue().selections.filter((entry) => entry.engines.includes("webgpu") && entry.pairs !== "quadratic").map((entry) => entry.ours?.en);
  const stop = playground.on("result", (told) => console.log(told.timing.total_ms, told.cost.tiles.skipped));
  playground.on("error", (error: ExperimentError) => error.issues.map((issue) => `${issue.path}: ${issue.message}`));
  playground.on("backend", (told) => console.log(told.backend, told.kernel));
  // @ts-expect-error there is no such event
  playground.on("resize", () => undefined);
  stop();

  const element = document.createElement("attention-playground");
  element.addEventListener("resize", (event) => console.log(event.detail.height));
  element.addEventListener("change", (event) => console.log(event.detail.mask.id));
  element.start();
  console.log(await element.link(), (await element.run(full)).kernel, experiment.seed, link, window?.largest, everywhere);
  return y;
}

export function speak(frame: HTMLIFrameElement, told: NoticeMessage | AnswerMessage): void {
  const ask: RequestMessage = { type: "attention-playground", version: 1, id: 1, method: "set", params: { temperature: 2 } };
  frame.contentWindow?.postMessage(ask, "https://example.org");
  if ("method" in told && told.method === "resize") frame.style.height = `${told.params.height}px`;
  if ("error" in told) console.log(told.error.issues.length);
}
