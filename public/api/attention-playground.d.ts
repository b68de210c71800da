/**
 * Attention Playground's JavaScript API, messages and custom element.
 *
 * Names follow the ONNX operators Attention (opset 25), FlexAttention (preview), LinearAttention (opset 27) and RotaryEmbedding (opset 23)
 * wherever ONNX has a name, and mean what ONNX says. Times are milliseconds. Positions, heads and tokens are counted from 0.
 */

/** A tensor, row-major. */
export interface Tensor<Data = Float32Array> {
  /** Extents, outermost first. */
  shape: number[];
  /** As many numbers as the product of `shape`. */
  data: Data;
}

/** A tensor of a request: numbers, or booleans in a `Uint8Array` or a list of booleans. Typed arrays of integers and doubles are converted. */
export type TensorInput = Tensor<
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Uint8ClampedArray
  | number[]
  | boolean[]
>;

/** An entry of the catalogue; absent parameters have the entry's default. */
export interface Choice {
  id: string;
  params?: Record<string, number>;
}

/** A pattern joined with the mask before it. */
export interface Layer extends Choice {
  op: "and" | "or" | "replace";
  /** Its contrary: what it allows is forbidden, and the other way round. */
  not?: boolean;
  /** Query heads it is for; absent or null, all. */
  heads?: number[] | null;
  /** A formula of one's own, with `id: "custom"`. */
  custom?: CustomFormula | null;
}

/** A formula with the parameters it declares; they become sliders. */
export interface CustomFormula {
  text: string;
  params?: DeclaredParameter[];
}

export interface DeclaredParameter {
  name: string;
  ty: "int" | "float" | "bool";
  min: number;
  max: number;
  step: number;
  value: number;
}

/** Switches where libraries differ. */
export interface Conventions {
  /** Where the causal diagonal lies when there are more keys than queries. */
  causal?: "top_left" | "bottom_right";
  /** Whether a window of W spans W keys or W + 1. */
  window?: "exclusive" | "inclusive";
  /** Whether a window looks back only, where its parameter `two_sided` is not given. */
  sides?: "one_sided" | "two_sided";
  /** Whether the softcap stands before or after the biases. */
  softcap?: "before_bias" | "after_bias";
  /** Which places of a head are rotated together: (i, i + d/2) or (2i, 2i + 1). */
  rope?: "halves" | "interleaved";
  /** Which distance ALiBi counts, where its parameter `signed` is not given. */
  alibi?: "absolute" | "signed";
}

/** `auto` takes the fastest that is there and pays off, and says why; one that is named computes, or it is an error. */
export type Backend = "auto" | "cpu" | "webgpu" | "reference";

/** What every request may hold. */
export interface CommonRequest {
  backend?: Backend;
  /** Runs the kernel this many times, 1 to 1000; `timing.runs_ms` has each. */
  repeat?: number;
  /** Stops the run. The promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

/** A rectangle of the weights as a picture, recomputed from Q, K and the rows' log-sum-exp. */
export interface Rect {
  head: number;
  /** Queries `[from, to]`; the end is exclusive. */
  q: [number, number];
  /** Keys `[from, to]`; the end is exclusive. */
  k: [number, number];
  /** Pixels across; at most the number of keys. */
  width: number;
  /** Pixels down; at most the number of queries. */
  height: number;
  /** How cells that share a pixel are merged: the largest (default), or the mean over those that the mask allows. */
  pool?: "max" | "mean";
}

export type AttentionOutput =
  | "Y"
  | "rect"
  | "present_key"
  | "present_value"
  | "qk_matmul_output"
  | "weights"
  | "logsumexp"
  // Gradients of the sum of dY * Y.
  | "dQ"
  | "dK"
  | "dV"
  | "dparams"
  // With an estimator.
  | "exact"
  | "error"
  | "total_error"
  | "trace"
  | "states";

/** Attention. Slots in order: position encodings of Q and K, Q·K, scale, softcap, biases and score formula, masks, sink, normaliser, `prob`, V. */
export type AttentionRequest = AttentionFields &
  (Required<Pick<AttentionFields, "Q" | "K" | "V">> | Required<Pick<AttentionFields, "input">>);

/** The fields of a request of attention: Q, K and V, or `input` in their place. */
export interface AttentionFields extends CommonRequest {
  op?: "attention";
  /** `[batch, heads, length, size]`, `[heads, length, size]`, or `[batch, length, heads * size]` with both head counts. */
  Q?: TensorInput;
  /** Laid out as Q; its heads must divide those of Q. */
  K?: TensorInput;
  /** Laid out as K; its size may be another. */
  V?: TensorInput;
  /** In the place of Q, K and V, which are needed without it: the input of an experiment, such as a captured text or a seeded generator. */
  input?: Input;
  /** Cells of what `input` makes that are changed. */
  edits?: Edit[];
  /** Booleans (true: keep) or numbers that are added; broadcast to `[batch, heads, queries, keys]`. Minus infinity masks. */
  attn_mask?: TensorInput;
  /** `[batch, kv heads, past, size]`: keys before K. */
  past_key?: TensorInput;
  /** `[batch, kv heads, past, value size]`: values before V. */
  past_value?: TensorInput;
  /** What gradients start from, laid out as Y; absent, ones. */
  dY?: TensorInput;
  /** For each sequence, how many keys are not padding. */
  nonpad_kv_seqlen?: number[];
  /** k <= q + past, or k <= q + nonpad[b] - n_q; without a cache the diagonal starts at the top left. */
  is_causal?: boolean;
  /** Factor on Q·K; absent, 1 / sqrt(size). */
  scale?: number;
  /** Scores are divided by it; 1 changes nothing. */
  temperature?: number;
  /** c * tanh(s / c); 0 is off. */
  softcap?: number;
  /** Keys seen before the query's own position; -1 or absent, all. */
  left_window_size?: number;
  /** Keys seen after the query's own position; -1 or absent, all. */
  right_window_size?: number;
  /** Heads of a packed Q. */
  q_num_heads?: number;
  /** Heads of packed K and V. */
  kv_num_heads?: number;
  /** What `qk_matmul_output` holds: 0 scores after the scale, 1 after the softcap, 2 after masks and biases, 3 weights. */
  qk_matmul_output_mode?: 0 | 1 | 2 | 3;
  /** A formula such as "k <= q_pos and q_pos - k < 8", or an entry of `catalogue().masks`; and-ed with the masks above. */
  mask?: string | Choice;
  /** Patterns joined with `mask`, in this order. */
  combine?: Layer[];
  /** A formula over the score `s` after scale, softcap and added mask, or an entry. */
  score?: string | Choice;
  /** A formula over the weight `p`, after the normaliser, or an entry of `catalogue().probabilities`. */
  prob?: string | Choice;
  /** For each query head a logit beside the scores, without a value; minus infinity for none. */
  sink_logit?: ArrayLike<number>;
  conventions?: Conventions;
  /** An entry of `catalogue().positions`. */
  position?: Choice;
  /** An entry of `catalogue().products`. */
  product?: Choice;
  /** An entry of `catalogue().layouts`. */
  layout?: Choice;
  /** An entry of `catalogue().selections`. */
  selection?: Choice;
  /** An entry of `catalogue().normalisers`. */
  normaliser?: Choice;
  /** An entry of `catalogue().hybrids`: how a second branch is mixed in. */
  hybrid?: Choice;
  /** The first branch: `attention` as this request sets it, also when absent, or an estimator in its place. */
  branch_a?: Choice;
  /** The second branch: a mask, in the place of `mask`, `combine` and `selection`, or an estimator; absent, every key. */
  branch?: Choice;
  /** An entry of `catalogue().layers`: how the layers of a model differ, and which one this is. */
  layers?: Choice;
  /** An entry of `catalogue().estimators`, computed in attention's place beside exact attention. */
  estimator?: Choice;
  /** Tables that formulas read by name, row-major, such as `doc`, `time` or `slope`. */
  data?: Record<string, number[]>;
  /** `materialised` holds the whole score matrix, `streaming` tiles of it. */
  algorithm?: "auto" | "materialised" | "streaming";
  /** What the GPU's streaming kernel may use beyond the core of WebGPU, where the device offers it; `kernel` of the result says what was used. `f16` is less exact. */
  tiers?: ("subgroups" | "f16")[];
  /** Wanted as output `rect`. */
  rect?: Rect;
  /** Seed of random patterns and tables. */
  seed?: number;
  /** Absent: `Y`; with an estimator `Y`, `exact` and `error`. */
  outputs?: AttentionOutput[];
  /** Accepted as ONNX has it; everything is computed in single precision (`reference`: double). */
  softmax_precision?: number;
}

/** Linear attention: a state that each key changes and each query reads. */
export interface LinearAttentionRequest extends CommonRequest {
  op: "linear_attention";
  /** `[batch, heads, length, size]`, or packed with both head counts. */
  Q: TensorInput;
  K: TensorInput;
  V: TensorInput;
  /** Logarithm of what a step leaves of the state; laid out as K, with its size or 1. */
  decay?: TensorInput;
  /** How much of a step is written; laid out as K with size 1. */
  beta?: TensorInput;
  /** `[batch, kv heads, size, value size]`: the state before the first key. */
  past_state?: TensorInput;
  update_rule?: "linear" | "gated" | "delta" | "gated_delta";
  /** Factor on the output; absent or 0, 1 / sqrt(size). */
  scale?: number;
  q_num_heads?: number;
  kv_num_heads?: number;
  algorithm?: "auto";
  outputs?: ("Y" | "present_state")[];
  /** Accepted as ONNX has it; the result is the same. */
  chunk_size?: number;
}

/** Rotary embedding of one tensor. */
export interface RotaryEmbeddingRequest extends CommonRequest {
  op: "rotary_embedding";
  /** `[batch, heads, length, size]`, or `[batch, length, heads * size]` with `num_heads`. */
  X: TensorInput;
  /** `[positions, rotated / 2]` beside `position_ids`, else `[batch, length, rotated / 2]`. */
  cos_cache: TensorInput;
  sin_cache: TensorInput;
  /** `[batch, length]`; a plain list counts as one sequence. */
  position_ids?: TensorInput | ArrayLike<number>;
  /** Whether neighbours are rotated together, rather than numbers half of the rotated size apart. */
  interleaved?: boolean | 0 | 1;
  /** Numbers of each vector that are rotated; 0 for all. */
  rotary_embedding_dim?: number;
  /** Heads of a packed X. */
  num_heads?: number;
  algorithm?: "auto";
  outputs?: "Y"[];
}

export type RunRequest = AttentionRequest | LinearAttentionRequest | RotaryEmbeddingRequest;

export interface RunResult {
  /**
   * By name. `Y` is laid out as Q was given. `weights` and `qk_matmul_output` are `[batch, heads, queries, keys]`, `logsumexp` and `error`
   * `[batch, heads, queries]`, `rect` `[height, width]`, `total_error` `[batch, heads]`, `exact` as `Y`,
   * `trace` `[batch, heads, keys]`, of a ring `[batch, heads, steps, devices]`, `states` `[batch, heads, frames, rows, columns]`, `present_key` and `present_value`
   * `[batch, kv heads, keys, size]`, `present_state` `[batch, kv heads, size, value size]`. A row without an allowed key gives zeros and a
   * log-sum-exp of minus infinity. `dQ`, `dK` and `dV` are laid out as Q, K and V were given; keys of the past have none. `dparams` is a tensor for
   * each number and table of floats that the request declares, after `dparams.`: `dparams.scale`, `dparams.temperature`, `dparams.softcap`,
   * `dparams.sink_logit`, `dparams.attn_mask`, `dparams.position.params.gain`, `dparams.data.slope`. A number has the shape `[]`. What a mask, a selection or
   * the highest scores choose is held still, as it does not change by a little.
   */
  outputs: Record<string, Tensor>;
  /** Who computed. */
  backend: "cpu" | "webgpu" | "reference";
  algorithm: "materialised" | "streaming" | "recurrent" | "pointwise" | "estimator";
  /** Name of the kernel that ran. */
  kernel: string;
  /** Workers that took part. */
  workers: number;
  /** Name of the kernel that computed the gradients, where any were asked for; `timing.stages` has their time as `backward`, added over the workers. */
  backward_kernel?: string;
  /** Why `auto` did not take its first choice, or gradients are computed by another engine than the run. */
  fallback?: string;
  /** The graphics adapter, where one computed. */
  adapter?: string;
  /** What happened on the way, such as a device that was lost and replaced; of a large run also what it takes. */
  notes?: string[];
  timing: Timing;
  cost: Cost;
  /** Of an estimator: the cost of the exact attention beside it. */
  exact_cost?: Cost;
  /** Rows, over all sequences and heads, in which the masks allow no key. */
  empty_rows: number;
  /** The slots of the pipeline that were used, in order. */
  order: string[];
  /** Of an estimator with a state: the keys after which `states` shows it. */
  frames?: number[];
}

/** Milliseconds. */
export interface Timing {
  /** From the call to the result. */
  total_ms: number;
  /** In order: prepare, transfer, kernel (streaming) or every slot (materialised), backward where gradients were asked for, merge, transfer. */
  stages: { name: string; ms: number }[];
  /** The kernel alone, for each repetition. */
  runs_ms: number[];
}

/** Counted from the request, not measured. */
export interface Cost {
  /** Floating-point operations. */
  flops: number;
  /** Bytes that inputs, outputs and intermediate matrices take. */
  bytes: number;
  /** Tiles of the mask: skipped ones are never computed. */
  tiles: { total: number; skipped: number; full: number; partial: number };
}

/**
 * Where Q, K and V come from; its schema is in `experiment.schema.json`. `normals` says whether seeded normal numbers are rounded to multiples of
 * 2^-16, so that every language makes the same ones.
 */
export type Input = Record<string, unknown> & {
  kind: "capture" | "generated" | "text" | "numbers" | "projected";
  normals?: "unrounded" | "rounded";
};

/** A cell of Q, K or V changed by hand. */
export interface Edit {
  tensor: "q" | "k" | "v";
  head: number;
  row: number;
  col: number;
  value: number;
}

/** What the page shows; a link holds the same. Everything is optional in `set` and `link`. Its schema is `experiment.schema.json`. */
export interface Experiment {
  input: Input;
  /** Cells of Q, K and V changed by hand. */
  edits: Edit[];
  mask: Choice & { custom?: CustomFormula | null };
  combine: Layer[];
  /** Rectangles switched by hand; ends are exclusive. */
  paint: { head?: number | null; q: [number, number]; k: [number, number]; allow: boolean }[];
  score: CustomFormula | null;
  position: Choice;
  product: Choice;
  scale: "inverse_sqrt" | "none" | "log_n" | { free: number };
  temperature: number;
  softcap: number;
  layout: Choice;
  selection: Choice;
  normaliser: Choice;
  prob: Choice & { custom?: CustomFormula | null };
  layers: Choice;
  estimator: Choice;
  hybrid: Choice;
  branch_a: Choice;
  branch: Choice;
  conventions: Conventions;
  data: Record<string, number[]>;
  seed: number;
  engine: { backend?: Backend; algorithm?: "auto" | "materialised" | "streaming"; tiers?: ("subgroups" | "f16")[] };
  view: {
    stage?: Stage;
    head?: number;
    query?: number;
    key?: number;
    /** Queries that are looked at closely, the end exclusive; null: all. */
    rows?: [number, number] | null;
    /** Keys that are looked at closely, the end exclusive; null: all. */
    columns?: [number, number] | null;
    /** How they are read. */
    reading?: "map" | "lines" | "table";
  };
}

export type Stage = "raw" | "scaled" | "capped" | "biased" | "masked" | "weights";

/** Any part of an experiment. */
export type PartialExperiment = { [Field in keyof Experiment]?: Experiment[Field] | Partial<Experiment[Field]> };

/** A text in both languages. */
export interface LocalText {
  en: string;
  "zh-CN": string;
}

export interface Parameter {
  name: string;
  type: "int" | "float" | "bool";
  /** Ends of the slider. */
  min: number;
  max: number;
  /** Largest value that is accepted. */
  largest: number;
  step: number;
  default: number;
  label: LocalText;
}

/** How a number grows with the n tokens: n, n·log n, n·√n, between n and n², n². */
export type CostClass = "linear" | "n_log_n" | "n_sqrt_n" | "subquadratic" | "quadratic";

export interface CatalogueEntry {
  id: string;
  name: LocalText;
  about: LocalText;
  formula: string | null;
  params: Parameter[];
  /** Tables that the formula reads, each with its number of axes. */
  data: { name: string; type: "int" | "float" | "bool"; axes: number; label: LocalText }[];
  paper: { title: string; year: number; id: string } | null;
  /** Where no paper fixes the definition, or this one departs from it: why it is what it is. */
  ours: LocalText | null;
  /** Whether it stands for attention to every key that the mask allows without computing that, so that its error is shown. */
  inexact: boolean;
  /** Growth of the allowed pairs: of a mask, or of those that a selection or a mix of layers leaves of a mask that allows all; null where it leaves them as they are. */
  pairs: CostClass | null;
  /** Growth of the work: all of an estimator's, a normaliser's, a product's; of others what they add to plain attention; null where they add nothing. */
  work: CostClass | null;
  /** `pairs` where it says anything, else `work`. */
  cost: CostClass | null;
  /** The engines that compute it and agree on it. */
  engines: Exclude<Backend, "auto">[];
  /** Of estimators: which masks they know, and whether they keep a state. */
  direction?: "both" | "causal" | "bidirectional";
  state?: boolean;
}

/** A way to join two streams of hidden states: the mask between them, its switches that are on, and whether both have the same W_Q, W_K and W_V. */
export interface StreamJoin extends CatalogueEntry {
  mask: string;
  looks: ("aa" | "ab" | "ba" | "bb")[];
  shared: boolean;
}

/** Every list. An id names one entry of its list; two lists may have the same id, as `top-k` is a selection and a normaliser. */
export interface Catalogue {
  masks: CatalogueEntry[];
  positions: CatalogueEntry[];
  normalisers: CatalogueEntry[];
  products: CatalogueEntry[];
  layouts: CatalogueEntry[];
  selections: CatalogueEntry[];
  estimators: CatalogueEntry[];
  probabilities: CatalogueEntry[];
  layers: CatalogueEntry[];
  hybrids: CatalogueEntry[];
  generators: CatalogueEntry[];
  /** How two streams of hidden states are joined: set the mask and `input.weights_b` as an entry says. */
  streams: StreamJoin[];
}

/** What is wrong with a request, an experiment or a link. Nothing is computed or changed then. */
export interface Issue {
  /** The field, such as `mask.params.window` or `outputs[1]`; empty where no field is at fault. */
  path: string;
  message: string;
}

export interface ExperimentError extends Error {
  name: "ExperimentError";
  issues: Issue[];
}

export interface EventDetails {
  /** The experiment has changed. */
  change: Experiment;
  /** The page has a new result: `Y` and `logsumexp` among its outputs. */
  result: RunResult;
  /** The experiment can't be computed. */
  error: ExperimentError;
  /** Another engine or kernel has computed. */
  backend: Pick<RunResult, "backend" | "algorithm" | "kernel" | "workers" | "fallback" | "adapter" | "notes">;
}

/** What the promise `attentionPlayground` resolves to, once the page can compute. */
export interface AttentionPlayground {
  readonly version: string;
  /** Computes a request beside the page's own experiment. Rejects with an `ExperimentError`. */
  run(request: RunRequest): Promise<RunResult>;
  /** The page's experiment. */
  get(): Experiment;
  /** Changes part of it; it is one step of undo. Rejects with an `ExperimentError` and leaves the page as it was. */
  set(experiment: PartialExperiment): Promise<Experiment>;
  /** The address that opens an experiment, or the page's own with the setting that it is compared with. Throws an `ExperimentError`. */
  link(experiment?: PartialExperiment): string;
  /** Every entry with names, parameters and ranges. */
  catalogue(): Catalogue;
  /** Calls `handler` whenever it happens; the function that is returned stops that. */
  on<Name extends keyof EventDetails>(event: Name, handler: (detail: EventDetails[Name]) => void): () => void;
}

/** A message to an embedded page. Only its parent window may `set`. */
export type RequestMessage = {
  type: "attention-playground";
  version: 1;
  /** Given back with the answer. */
  id: string | number;
} & (
  | { method: "get"; params?: undefined }
  | { method: "set"; params: PartialExperiment }
  | { method: "run"; params: Omit<RunRequest, "signal"> }
  | { method: "link"; params?: PartialExperiment }
);

/** Its answer, sent to the window and origin that asked. */
export type AnswerMessage = { type: "attention-playground"; version: 1; id: string | number } & (
  | { result: unknown }
  | { error: { name: string; issues: Issue[] } }
);

/** What an embedded page says by itself: `ready` and `resize` to anyone, `change` and `result` to those who have spoken. */
export type NoticeMessage = { type: "attention-playground"; version: 1 } & (
  | { method: "ready"; params: Record<string, never> }
  /** The height of its content in CSS pixels; also sent in the forms that AMP and Embedly understand. */
  | { method: "resize"; params: { height: number } }
  | { method: "change"; params: Experiment }
  | { method: "result"; params: RunResult }
);

/** What `<attention-playground>` dispatches, with the notices' `params` as `detail`. */
export interface AttentionPlaygroundElementEventMap {
  ready: CustomEvent<Record<string, never>>;
  resize: CustomEvent<{ height: number }>;
  change: CustomEvent<Experiment>;
  result: CustomEvent<RunResult>;
}

/**
 * `<attention-playground>`, defined by `embed.js`. What stands inside it is its poster, and all that is left where scripts do not run.
 *
 * Attributes: `src` ("#v1&mask=causal"), `view` ("map", "controls", "output", "timing", "formula", "positions", "estimators",
 * "claims", or "claim:" with the id of a claim and its sliders: "claim:order-blind,n=256"), `theme` ("auto", "light", "dark"), `lang` ("en", "zh-CN"), `controls` and `lock` (names of controls, with commas), `poster` (a picture), `title`, and `loading`:
 * "lazy" (when it is seen, the default), "click" or "eager".
 */
export interface AttentionPlaygroundElement extends HTMLElement {
  /** Starts the frame, if it has not started yet. The methods below start it too. */
  start(): void;
  get(): Promise<Experiment>;
  set(experiment: PartialExperiment): Promise<Experiment>;
  run(request: RunRequest): Promise<RunResult>;
  link(experiment?: PartialExperiment): Promise<string>;
  addEventListener<Name extends keyof AttentionPlaygroundElementEventMap>(
    type: Name,
    listener: (event: AttentionPlaygroundElementEventMap[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

declare global {
  /** Resolves once the page can compute, in an embedded page too. */
  var attentionPlayground: Promise<AttentionPlayground>;
  interface HTMLElementTagNameMap {
    "attention-playground": AttentionPlaygroundElement;
  }
}
