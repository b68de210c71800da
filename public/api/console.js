// The console of the API page: a method, its parameters as JSON, the answer. It drives the playground in the frame above it, either through the
// object `attentionPlayground` or through messages, as a page of another origin would.
"use strict";
(() => {
  const root = document.documentElement;
  const toggle = document.getElementById("language");
  const words = (en, zh) => (root.lang === "en" ? en : zh);

  const normal = (shape, seed) => ({ shape, seed });
  const QKV = (shape) => ({ Q: normal(shape, 1), K: normal(shape, 2), V: normal(shape, 3) });
  // What to begin with: [name in both languages, method, parameters].
  const EXAMPLES = [
    ["run: causal attention", "run：因果注意力", "run", { ...QKV([1, 2, 8, 16]), is_causal: true, outputs: ["Y", "weights", "logsumexp"] }],
    ["run: a formula as the mask", "run：用公式作掩码", "run", { ...QKV([1, 2, 12, 8]), mask: "k <= q_pos and (q_pos - k < 3 or k < 1)", outputs: ["weights"] }],
    ["run: ALiBi, entmax, a sink", "run：ALiBi、entmax 与汇", "run", { ...QKV([1, 4, 16, 8]), is_causal: true, position: { id: "alibi" }, normaliser: { id: "entmax" }, outputs: ["Y", "rect"], rect: { head: 3, q: [0, 16], k: [0, 16], width: 4, height: 4, pool: "mean" } }],
    ["run: timings of 1024 tokens", "run：1024 个词元的计时", "run", { ...QKV([1, 4, 1024, 64]), is_causal: true, backend: "cpu", algorithm: "streaming", repeat: 5 }],
    ["run: grouped queries with a cache", "run：带缓存的分组查询", "run", { Q: normal([1, 4, 1, 8], 1), K: normal([1, 2, 1, 8], 2), V: normal([1, 2, 1, 8], 3), past_key: normal([1, 2, 6, 8], 4), past_value: normal([1, 2, 6, 8], 5), is_causal: true, outputs: ["Y", "present_key"] }],
    ["run: an estimator and its error", "run：估计及其误差", "run", { ...QKV([1, 2, 32, 16]), is_causal: true, estimator: { id: "linear" }, outputs: ["Y", "error", "total_error"] }],
    ["run: linear attention", "run：线性注意力", "run", { op: "linear_attention", ...QKV([1, 2, 6, 4]), update_rule: "linear", outputs: ["Y", "present_state"] }],
    ["run: rotary embedding", "run：旋转位置编码", "run", { op: "rotary_embedding", X: normal([1, 1, 3, 4], 1), cos_cache: { shape: [1, 3, 2], data: [1, 1, 0.5403, 0.9999, -0.4161, 0.9998] }, sin_cache: { shape: [1, 3, 2], data: [0, 0, 0.8415, 0.01, 0.9093, 0.02] } }],
    ["run: a request with mistakes", "run：含错误的请求", "run", { ...QKV([1, 2, 4, 8]), is_casual: true, backend: "gpu", mask: "k <= query" }],
    ["get: the frame's experiment", "get：框架中的实验", "get", null],
    ["set: another mask", "set：换一个掩码", "set", { mask: { id: "fractal" }, combine: [{ op: "or", id: "global", heads: [0, 1] }] }],
    ["link: of an experiment", "link：某个实验的链接", "link", { mask: { id: "longformer", params: { window: 2 } } }],
    ["catalogue: every entry", "catalogue：所有条目", "catalogue", null],
  ];

  const $ = (id) => document.getElementById(id);
  const [method, through, params, button, said, issues, answer, frame] =
    ["method", "through", "params", "run", "said", "issues", "answer", "frame"].map($);

  EXAMPLES.forEach(([en, zh], at) => {
    const option = document.createElement("option");
    option.value = String(at);
    option.textContent = words(en, zh);
    method.append(option);
  });
  toggle.addEventListener("click", () => EXAMPLES.forEach(([en, zh], at) => { method.options[at].textContent = words(en, zh); }));
  const fill = () => {
    const example = EXAMPLES[Number(method.value)];
    params.value = example[3] === null ? "" : write(example[3], 0);
    params.disabled = example[3] === null;
    through.querySelector("[value=messages]").disabled = example[2] === "catalogue";
    if (example[2] === "catalogue") through.value = "object";
  };
  method.addEventListener("change", fill);

  /** JSON with short things on one line. */
  function write(value, depth) {
    const flat = JSON.stringify(value);
    if (value === null || typeof value !== "object" || flat.length <= 72) return flat.replaceAll(/([,:])(?=\S)/g, (all, sign, at) => (inText(flat, at) ? all : `${sign} `));
    const pad = "  ".repeat(depth + 1);
    const items = Array.isArray(value)
      ? value.map((item) => pad + write(item, depth + 1))
      : Object.entries(value).map(([key, item]) => `${pad}${JSON.stringify(key)}: ${write(item, depth + 1)}`);
    const [open, close] = Array.isArray(value) ? "[]" : "{}";
    return `${open}\n${items.join(",\n")}\n${"  ".repeat(depth)}${close}`;
  }

  /** Whether a place of JSON lies inside a text. */
  function inText(json, at) {
    let inside = false;
    for (let i = 0; i < at; i += 1) {
      if (json[i] === "\\" && inside) i += 1;
      else if (json[i] === '"') inside = !inside;
    }
    return inside;
  }

  /** Standard normal numbers from a seed (mulberry32, Box and Muller). */
  function numbers(count, seed) {
    let state = seed >>> 0;
    const next = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
    return Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()));
  }

  const isTensor = (value) => value !== null && typeof value === "object" && Array.isArray(value.shape);

  /** `{ shape, seed }` becomes a tensor. */
  function filled(value) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    if (isTensor(value) && Number.isInteger(value.seed) && value.data === undefined) {
      const count = value.shape.reduce((all, extent) => all * extent, 1);
      // What is too large is left to be refused.
      if (Number.isInteger(count) && count >= 0 && count <= 2 ** 24) return { shape: value.shape, data: numbers(count, value.seed) };
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item)]));
  }

  /** An answer to be read: tensors with their shape and first numbers, long lists cut. */
  function shown(value, depth = 0) {
    const pad = "  ".repeat(depth + 1);
    const few = (list) => {
      const start = Array.from(list.slice(0, 8), (x) => (Number.isInteger(x) ? String(x) : x.toPrecision(5))).join(", ");
      return list.length > 8 ? `${start}, …` : start;
    };
    if (isTensor(value) && ArrayBuffer.isView(value.data)) {
      return `${value.data[Symbol.toStringTag]} [${value.shape.join(", ")}]: ${few(value.data)}`;
    }
    if (ArrayBuffer.isView(value)) return `${value[Symbol.toStringTag]}(${value.length}): ${few(value)}`;
    if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "undefined";
    if (Array.isArray(value)) {
      if (value.length === 0) return "[]";
      if (value.every((item) => typeof item !== "object")) {
        const flat = value.slice(0, 12).map((item) => JSON.stringify(item)).join(", ");
        return value.length > 12 ? `[${flat}, … ${value.length}]` : `[${flat}]`;
      }
      const items = value.slice(0, 60).map((item) => pad + shown(item, depth + 1));
      if (value.length > 60) items.push(`${pad}… ${value.length}`);
      return `[\n${items.join(",\n")}\n${"  ".repeat(depth)}]`;
    }
    const items = Object.entries(value).map(([key, item]) => `${pad}${key}: ${shown(item, depth + 1)}`);
    return items.length === 0 ? "{}" : `{\n${items.join(",\n")}\n${"  ".repeat(depth)}}`;
  }

  const waiting = new Map();
  addEventListener("message", (event) => {
    const data = event.data;
    if (event.source !== frame.contentWindow || event.origin !== location.origin) return;
    if (data?.type !== "attention-playground" || data.version !== 1 || !waiting.has(data.id)) return;
    const { done, fail } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error) fail(data.error);
    else done(data.result);
  });

  /** Asks the frame. */
  async function ask(name, given) {
    // Resolves once the frame's program is there, for messages too: a message before that would be lost.
    const playground = await loaded();
    if (through.value === "object" || name === "catalogue") return given === undefined ? playground[name]() : playground[name](given);
    const id = crypto.randomUUID?.() ?? String(Math.random());
    return new Promise((done, fail) => {
      waiting.set(id, { done, fail });
      frame.contentWindow.postMessage({ type: "attention-playground", version: 1, id, method: name, params: given }, location.origin);
    });
  }

  async function loaded() {
    const until = performance.now() + 30_000;
    while (!("attentionPlayground" in (frame.contentWindow ?? {}))) {
      if (performance.now() > until) throw new Error(words("the frame above did not load", "上方的框架没有加载"));
      await new Promise((done) => setTimeout(done, 50));
    }
    // A program that does not start keeps nobody waiting.
    const late = new Promise((_, fail) => {
      setTimeout(() => fail(new Error(words("the program above did not start", "上方的程序没有启动"))), until - performance.now());
    });
    return Promise.race([frame.contentWindow.attentionPlayground, late]);
  }

  function fail(error) {
    const list = error?.issues ?? [{ path: "", message: error?.message ?? String(error) }];
    issues.replaceChildren(...list.map(({ path, message }) => {
      const item = document.createElement("li");
      if (path) {
        const code = document.createElement("code");
        code.textContent = path;
        item.append(code, " ");
      }
      item.append(message);
      return item;
    }));
    answer.textContent = error?.name ?? "Error";
  }

  async function run() {
    const name = EXAMPLES[Number(method.value)][2];
    issues.replaceChildren();
    let given;
    try {
      given = params.disabled || params.value.trim() === "" ? undefined : filled(JSON.parse(params.value));
    } catch (error) {
      return fail(error);
    }
    button.disabled = true;
    said.textContent = words("Waiting for the answer…", "等待结果…");
    const from = performance.now();
    try {
      const result = await ask(name, given);
      answer.textContent = shown(result);
    } catch (error) {
      fail(error);
    } finally {
      const took = performance.now() - from;
      said.textContent = words(`${took.toFixed(1)} ms from call to answer`, `从调用到结果 ${took.toFixed(1)} 毫秒`);
      button.disabled = false;
    }
  }

  button.addEventListener("click", run);
  params.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !button.disabled) {
      event.preventDefault();
      run();
    }
  });
  fill();
})();
