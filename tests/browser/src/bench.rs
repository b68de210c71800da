//! Benchmarks in the browser, by its own clock: printed, never asserted.

use serde_json::{Value, json};

use crate::Result;
use crate::page::Page;

/// A drag of the window slider over the opener: every step waits for its paint, as a slow hand would.
const DRAG: &str = "const p = await attentionPlayground, slider = [...document.querySelectorAll('input[type=range]')].find((e) => (e.labels?.[0]?.textContent ?? e.ariaLabel).trim().startsWith('window'));
const frame = () => new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
for (let i = 0; i < 140; i++) {
  const ran = new Promise((done) => { const off = p.on('result', () => { off(); done() }) });
  slider.value = 2 + (i % 14);
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  await ran; await frame(); await frame();
}
const of = (name) => performance.getEntriesByName(name).map((e) => e.duration).slice(20).sort((a, b) => a - b);
return [of('edit-to-paint'), of('page-thread')]";

/// Streaming forward of 8 heads of 64 over so many tokens, dense and causal, through the page's API on the CPU and, where there is one, on the GPU: the kernel's
/// own time, medians of seven, of three where one takes longer than a second, and their ratio in this run. A size at a time: a GPU imitated on the CPU takes long.
const FORWARD: &str = "const p = await attentionPlayground, [n, is_causal] = args, out = [];
const random = (n) => { const a = new Float32Array(n); let s = 1; for (let i = 0; i < n; i++) { s = Math.imul(s, 1664525) + 1013904223 | 0; a[i] = s / 2 ** 30 } return a };
{
  const T = () => ({ shape: [8, n, 64], data: random(8 * n * 64) });
  const request = { Q: T(), K: T(), V: T(), is_causal, algorithm: 'streaming' };
  let cpu;
  for (const backend of ['cpu', 'webgpu']) try {
    const first = (await p.run({ ...request, backend })).timing.runs_ms[0];
    const { timing, kernel, workers, adapter } = await p.run({ ...request, backend, repeat: first > 1000 ? 3 : 7 });
    const runs = timing.runs_ms.slice().sort((a, b) => a - b), ms = runs[runs.length >> 1];
    const ratio = backend === 'cpu' ? (cpu = ms, '') : `, ${(ms / cpu).toFixed(2)} times the CPU's time`;
    out.push(`n=${n} ${is_causal ? 'causal' : 'dense '}  ${ms.toFixed(2).padStart(9)} ms  ${(4 * 8 * n * n * 64 / ms / 1e6).toFixed(1).padStart(6)} GFLOP/s as if dense  ${kernel}  ${adapter ?? `workers ${workers}`}${ratio}`);
  } catch (error) { out.push(`n=${n} ${backend}: ${error.message}`) }
}
return out";

/// The page starts as many workers as the browser names cores.
const ONE_CORE: &str =
    "Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => 1, configurable: true })";

/// What rules, sparse masks and gradients cost, as ratios of kernel times in one visit. One worker, so that what is added over workers is what one took; medians of
/// calls taken in turns.
const RATIOS: &str = "const p = await attentionPlayground, out = [];
const random = (n) => { const a = new Float32Array(n); let s = 1; for (let i = 0; i < n; i++) { s = Math.imul(s, 1664525) + 1013904223 | 0; a[i] = s / 2 ** 30 } return a };
const request = (heads, n, rules) => {
  const T = () => ({ shape: [heads, n, 64], data: random(heads * n * 64) });
  return { Q: T(), K: T(), V: T(), backend: 'cpu', algorithm: 'streaming', ...rules };
};
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const turns = async (cases, rounds) => {
  const taken = Object.fromEntries(Object.keys(cases).map((name) => [name, { run: [], back: [] }]));
  for (let round = -1; round < rounds; round++) for (const [name, one] of Object.entries(cases)) {
    const { timing } = await p.run(one);
    if (round < 0) continue;
    taken[name].run.push(timing.runs_ms[0]);
    taken[name].back.push(timing.stages.find((stage) => stage.name === 'backward')?.ms ?? NaN);
  }
  return Object.fromEntries(Object.entries(taken).map(([name, { run, back }]) => [name, { run: median(run), back: median(back) }]));
};
const windowed = (n, left) => Array.from({ length: n }, (_, q) => Math.min(q, left) + 1).reduce((a, b) => a + b);
const rules = { plain: {}, softcap: { softcap: 30 }, ALiBi: { score: { id: 'alibi', params: {} } }, causal: { is_causal: true }, 'causal window of 256': { is_causal: true, left_window_size: 256 },
  's * (1.0 + 0.1 * h)': { score: 's * (1.0 + 0.1 * h)' }, 'where(s > 0.0, s, 0.1 * s)': { score: 'where(s > 0.0, s, 0.1 * s)' }, 's + 0.1 * tanh(s)': { score: 's + 0.1 * tanh(s)' } };
const n = 1024, pairs = { causal: n * (n + 1) / 2, 'causal window of 256': windowed(n, 256) };
const with_rules = await turns(Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, request(8, n, rule)])), 7);
for (const [name, { run }] of Object.entries(with_rules)) {
  const share = run / (pairs[name] ?? n * n) / (with_rules.plain.run / (n * n));
  out.push(`1024 tokens, 8 heads, ${name}: ${run.toFixed(1)} ms, a kept pair takes ${share.toFixed(2)} of a pair without rules`);
}
const outputs = ['Y', 'dQ', 'dK', 'dV'];
const derived = await turns(Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, request(8, 512, { ...rule, outputs })])), 5);
for (const [name, { run, back }] of Object.entries(derived)) out.push(`512 tokens, 8 heads, ${name}: gradients ${back.toFixed(1)} ms, ${(back / run).toFixed(2)} times the run`);
const long = { is_causal: true, left_window_size: 256 };
const sparse = await turns({ causal: request(2, 8192, { is_causal: true }), window: request(2, 8192, long), four: request(2, 32768, long) }, 3);
const gain = sparse.causal.run / sparse.window.run, ideal = 8192 * 8193 / 2 / windowed(8192, 256);
out.push(`8192 tokens, 2 heads, window of 256: ${gain.toFixed(1)} times as fast as causal, ${(gain / ideal).toFixed(2)} of what the kept pairs would give`);
out.push(`four times the tokens: ${(sparse.four.run / sparse.window.run / 4).toFixed(2)} times four times the time`);
return out";

/// Runs all and prints them.
pub async fn run(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    let times = page.js(DRAG, vec![]).await?;
    for (name, times) in
        ["edit to paint", "of which the page's own thread"].iter().zip(times.as_array().into_iter().flatten())
    {
        let times: Vec<f64> = times.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
        println!(
            "opener, window dragged, {} steps: {name:32} p50 {:6.1} ms, p95 {:6.1} ms",
            times.len(),
            at(0.5),
            at(0.95)
        );
    }
    for (n, causal) in [128, 512, 1024, 2048].into_iter().flat_map(|n| [(n, false), (n, true)]) {
        let rows = page.js(FORWARD, vec![json!(n), json!(causal)]).await?;
        for row in rows.as_array().into_iter().flatten() {
            println!("streaming forward, 8 heads of 64, {}", row.as_str().unwrap_or_default());
        }
    }
    page.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": ONE_CORE })).await?;
    page.open_ready("/").await?;
    for row in page.js(RATIOS, vec![]).await?.as_array().into_iter().flatten() {
        println!("one worker, heads of 64, {}", row.as_str().unwrap_or_default());
    }
    Ok(())
}
