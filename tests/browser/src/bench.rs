//! Benchmarks in the browser, by its own clock: printed, never asserted.

use serde_json::Value;

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

/// Streaming forward of 8 heads of 64, dense and causal, through the page's API on the CPU and, where there is one, on the GPU: the kernel's own time,
/// medians of seven, and their ratio in this run.
const FORWARD: &str = "const p = await attentionPlayground, out = [];
const random = (n) => { const a = new Float32Array(n); let s = 1; for (let i = 0; i < n; i++) { s = Math.imul(s, 1664525) + 1013904223 | 0; a[i] = s / 2 ** 30 } return a };
for (const n of [128, 512, 1024, 2048]) for (const is_causal of [false, true]) {
  const T = () => ({ shape: [8, n, 64], data: random(8 * n * 64) });
  const request = { Q: T(), K: T(), V: T(), is_causal, algorithm: 'streaming', repeat: 7 };
  let cpu;
  for (const backend of ['cpu', 'webgpu']) try {
    await p.run({ ...request, backend, repeat: 1 });
    const { timing, kernel, workers, adapter } = await p.run({ ...request, backend });
    const runs = timing.runs_ms.slice().sort((a, b) => a - b), ms = runs[runs.length >> 1];
    const ratio = backend === 'cpu' ? (cpu = ms, '') : `, ${(ms / cpu).toFixed(2)} times the CPU's time`;
    out.push(`n=${n} ${is_causal ? 'causal' : 'dense '}  ${ms.toFixed(2).padStart(9)} ms  ${(4 * 8 * n * n * 64 / ms / 1e6).toFixed(1).padStart(6)} GFLOP/s as if dense  ${kernel}  ${adapter ?? `workers ${workers}`}${ratio}`);
  } catch (error) { out.push(`n=${n} ${backend}: ${error.message}`) }
}
return out";

/// Runs both and prints them.
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
    let rows = page.js(FORWARD, vec![]).await?;
    for row in rows.as_array().into_iter().flatten() {
        println!("streaming forward, 8 heads of 64, {}", row.as_str().unwrap_or_default());
    }
    Ok(())
}
