//! Edits for a while, or for minutes: the numbers are right after them, and nothing of them is left behind, neither in the page nor in its workers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::page_faults::MEMORIES;
use super::worker_faults::MADE;
use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    // Memory is measured over so many seconds of edits.
    let alone = Needs { alone: true, ..Needs::CDP_OF_ITS_OWN };
    let mut all = cases!("soak", alone; edits_for_a_while_leave_nothing_behind);
    all.extend(cases!("soak", Needs { long: true, ..alone }; edits_for_minutes_leave_nothing_behind));
    all
}

/// How far a number of the page may be from the reference's, of the largest among them: what single precision leaves, on any engine.
const SINGLE: f64 = 1e-4;

/// What the page shows, against the same experiment on the reference, in double precision. Cells that were painted are a mask of their own there; those that were
/// painted as allowed, which no request can say, are taken back before.
const REFERENCE: &str = r#"
const p = await attentionPlayground, idle = async () => { const end = performance.now() + 20000;
  do await new Promise((go) => setTimeout(go, 100)); while (document.querySelector('.top__status').textContent !== '' && performance.now() < end) };
await idle();
let shown; const off = p.on('result', (result) => { shown = result }), before = p.get();
await p.set({ temperature: before.temperature === 1.1 ? 1.2 : 1.1, paint: before.paint.filter((patch) => !patch.allow) });
for (const end = performance.now() + 20000; !shown && performance.now() < end;) await new Promise((go) => setTimeout(go, 20));
await idle(); off();
if (!shown) return { off: 'no result', notices: document.querySelector('.notices').textContent, experiment: p.get() };
const { input, edits, mask, combine, temperature, softcap, position, normaliser, conventions, data, seed, paint } = p.get(), { shape } = shown.outputs.Y;
const [n_k, n_q, heads] = [input.size?.n_k ?? input.k?.length ?? shape[2], shape[2], shape[1]], keep = new Uint8Array(heads * n_q * n_k).fill(1);
for (const { head, q, k } of paint) for (let h = 0; h < heads; h++) if ((head ?? h) === h) for (let i = q[0]; i < q[1]; i++) keep.fill(0, (h * n_q + i) * n_k + k[0], (h * n_q + i) * n_k + k[1]);
const request = { input, edits, mask, combine, temperature, softcap, position, normaliser, conventions, data, seed, attn_mask: { shape: [1, heads, n_q, n_k], data: keep }, backend: 'reference' };
const due = (await p.run(request)).outputs.Y, got = shown.outputs.Y;
let largest = 0, apart = got.data.length === due.data.length ? 0 : Infinity;
due.data.forEach((y, i) => { if (Object.is(y, got.data[i])) return; largest = Math.max(largest, Math.abs(y)); apart = Math.max(apart, Math.abs(y - got.data[i])) });
return { off: apart / Math.max(1, largest), by: shown.backend, experiment: { ...request, attn_mask: paint } };
"#;

/// What the page shows is right.
pub(super) async fn matches_the_reference(page: &Page) -> Result<()> {
    let got = page.js(REFERENCE, vec![]).await?;
    ensure(got["off"].as_f64().is_some_and(|off| off <= SINGLE), || format!("beside the reference: {got}"))
}

/// A person's edits, by a seeded generator: sliders, masks, sizes, heads, painted cells, undo, languages, and a script's runs. Each waits for its result.
const SOAK: &str = r#"
const p = await attentionPlayground; let s = args[0];
const random = (n) => (s = Math.imul(s ^ (s >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0, (s >>> 0) % n), pick = (all) => all[random(all.length)];
const c = p.catalogue(), masks = c.masks.filter((m) => !m.id.startsWith('custom')), ran = () => new Promise((done) => { const off = p.on('result', () => { off(); done() }); setTimeout(() => { off(); done() }, 3000) });
const button = (...names) => [...document.querySelectorAll('button')].find((b) => names.includes(b.ariaLabel ?? b.textContent.trim()) && b.checkVisibility() && !b.disabled);
const engines = args[2] ? ['auto', 'cpu', 'webgpu'] : ['auto', 'cpu'], T = (n) => ({ shape: [1, 2, n, 16], data: Float32Array.from({ length: 32 * n }, () => random(2001) / 1000 - 1) });
const acts = {
  mask: () => p.set({ mask: { id: pick(masks).id } }), temperature: () => p.set({ temperature: 0.25 + random(8) / 4 }), softcap: () => p.set({ softcap: random(2) ? 2 + random(20) : null }),
  position: () => p.set({ position: { id: pick(c.positions).id } }), normaliser: () => p.set({ normaliser: { id: pick(c.normalisers).id } }),
  // Another input has other cells.
  size: () => p.set({ paint: [], input: { kind: 'generated', recipe: 'normal', seed: random(1000), size: { q_heads: 2, kv_heads: 2, n_q: 8 + random(56), n_k: 8 + random(56), d: 16, d_v: 16 } } }),
  capture: () => p.set({ paint: [], input: { kind: 'capture', id: 'animal', layer: 1 + random(6) } }), undo: () => button('Undo', '撤销')?.click(), head: () => p.set({ view: { head: random(2) } }),
  engine: () => p.set({ engine: { backend: pick(engines) } }), language: () => button('中文', 'English').click(),
  paint: async () => { await p.set({ view: { query: random(8), key: random(8) } }); document.querySelector('.map__field').dispatchEvent(new KeyboardEvent('keydown', { key: ' ', bubbles: true, cancelable: true })) },
  run: () => { const n = 8 + random(56); return p.run({ Q: T(n), K: T(n), V: T(n), is_causal: !!random(2), backend: pick(engines), outputs: random(2) ? ['Y', 'dQ'] : ['Y'] }) },
};
const done = {}, refused = {}; const end = performance.now() + args[1];
while (performance.now() < end) { const came = ran(), act = pick(Object.keys(acts)); try { await acts[act](); done[act] = (done[act] ?? 0) + 1 } catch (error) { if (!error.issues) throw error; refused[act] = (refused[act] ?? 0) + 1 } await Promise.race([came, new Promise((go) => setTimeout(go, 400))]) }
return [done, refused, s];
"#;

/// Asks each worker what it holds: buffers of the GPU, and bytes of memory; see `faults/held.js`.
pub(super) const HELD: &str = "const told = (worker) => new Promise((done) => { const { port1, port2 } = new MessageChannel(); port1.onmessage = ({ data }) => done(data); worker.postMessage({ held: port2 }, [port2]) });
    const held = async () => (await Promise.all(made.filter((w) => !w.gone).map(told))).reduce((sum, one) => sum.map((x, i) => x + one[i]), [0, 0, 0]);";

/// What the browser holds for the page, after everything that can go has gone.
#[derive(Debug)]
struct Held {
    /// Bytes of the script's heap.
    heap: f64,
    nodes: f64,
    listeners: f64,
    /// Bytes of the programs' memories, the page's and the workers'. They never shrink: the most that was needed at once.
    memory: f64,
    /// Buffers of the GPU.
    buffers: f64,
    /// Workers that live.
    workers: u64,
}

async fn held(page: &Page) -> Result<Held> {
    // The state from which it is measured is always the same: the opener, with its history of fifty steps.
    let back = format!(
        "const p = await attentionPlayground; await p.set({{ paint: [], input: {{ kind: 'capture', id: 'animal', layer: 3 }}, mask: {{ id: 'causal' }}, position: {{ id: 'none' }}, normaliser: {{ id: 'softmax' }}, temperature: 1, softcap: null, engine: {{ backend: 'auto' }} }});
         await new Promise((go) => setTimeout(go, 1500)); {HELD} const [, buffers, memory] = await held();
         return [made.filter((w) => !w.gone).length, buffers, memory + memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0)]"
    );
    let counts = page.js(&back, vec![]).await?;
    let count = |at: usize| counts[at].as_f64().unwrap_or(f64::NAN);
    page.cdp("Performance.enable", json!({})).await?;
    for _ in 0..2 {
        page.cdp("HeapProfiler.collectGarbage", json!({})).await?;
    }
    let metrics = page.cdp("Performance.getMetrics", json!({})).await?;
    let of = |name: &str| {
        let all = metrics["metrics"].as_array().into_iter().flatten();
        all.clone()
            .find(|metric| metric["name"] == name)
            .and_then(|metric| metric["value"].as_f64())
            .unwrap_or(f64::NAN)
    };
    Ok(Held {
        heap: of("JSHeapUsedSize"),
        nodes: of("Nodes"),
        listeners: of("JSEventListeners"),
        memory: count(2),
        buffers: count(1),
        workers: counts[0].as_u64().unwrap_or_default(),
    })
}

/// Edits for so long, and as long again, and once more: the last stretch may add next to nothing, and after each the numbers are right.
async fn soak(page: &Page, stretch: std::time::Duration, seed: u64) -> Result<()> {
    page.before_load(MADE).await?;
    page.before_load(MEMORIES).await?;
    page.open_ready("/fault/held/?lang=en").await?;
    let adapter = page.js("return !!(await navigator.gpu?.requestAdapter())", vec![]).await?;
    // One script may take less than the driver's patience.
    const ONCE: u64 = 20_000;
    let mut seed = json!(seed);
    let mut held_at = Vec::new();
    let mut acts = Acts::default();
    for _ in 0..3 {
        let mut left = stretch.as_millis() as u64;
        while left > 0 {
            let now = left.min(ONCE);
            let got = page.js(SOAK, vec![seed, json!(now), adapter.clone()]).await?;
            acts.add(&got);
            seed = got[2].clone();
            left -= now;
        }
        matches_the_reference(page).await?;
        held_at.push(held(page).await?);
    }
    page.say(&format!("{acts:?}; held after each third: {held_at:?}"));
    // A mask that does not fit its input is refused; hardly anything else is.
    let (done, refused) = (acts.done.values().sum::<u64>(), acts.refused.values().sum::<u64>());
    ensure(refused * 5 <= done, || format!("too much is refused to show anything: {acts:?}"))?;
    // The first third fills what is kept on purpose (pictures, compiled kernels, sizes that were met); after it nothing grows by more than noise.
    let [_, early, late] = &held_at[..] else { return Err("not three measurements".into()) };
    let flat = |early: f64, late: f64, noise: f64| late <= early * 1.25 + noise;
    ensure(
        flat(early.heap, late.heap, 2e6)
            && flat(early.nodes, late.nodes, 500.0)
            && flat(early.listeners, late.listeners, 100.0)
            && flat(early.memory, late.memory, 4e6)
            && flat(early.buffers, late.buffers, 16.0),
        || format!("it grows: {held_at:?}"),
    )?;
    ensure(early.memory > 1e6, || format!("no memory was found: {held_at:?}"))?;
    ensure(early.workers == late.workers, || format!("workers: {held_at:?}"))?;
    let alive = page.js("return document.getElementById('crash').hidden", vec![]).await?;
    ensure(alive == json!(true), || "the page stopped".into())?;
    page.forget_severe().await
}

/// How often each act was done, and refused.
#[derive(Debug, Default)]
struct Acts {
    done: BTreeMap<String, u64>,
    refused: BTreeMap<String, u64>,
}

impl Acts {
    fn add(&mut self, got: &Value) {
        for (all, of) in [(&mut self.done, &got[0]), (&mut self.refused, &got[1])] {
            for (act, times) in of.as_object().into_iter().flatten() {
                *all.entry(act.clone()).or_default() += times.as_u64().unwrap_or_default();
            }
        }
    }
}

async fn edits_for_a_while_leave_nothing_behind(page: &Page) -> Result<()> {
    soak(page, std::time::Duration::from_secs(8), 1).await
}

async fn edits_for_minutes_leave_nothing_behind(page: &Page) -> Result<()> {
    let minutes = std::env::var("SOAK_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(6u64);
    soak(page, std::time::Duration::from_secs(minutes * 20), 2).await
}
