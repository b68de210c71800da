//! What the browser or the network does to the page itself: no storage, captures that come slowly or broken, its own memory gone, a flood of edits, a tab that
//! sleeps, minutes of edits.

use serde_json::json;

use super::worker_faults::MADE;
use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all = cases!("page faults", Needs::CDP; without_storage_it_computes, a_broken_capture_is_named_and_comes_later,
        a_slow_capture_is_waited_for);
    // A tab that was frozen seems to stay hidden when it wakes: the next test in its browser was once left without frames (not looked into further).
    all.extend(cases!("page faults", Needs::CDP_OF_ITS_OWN; a_sleeping_tab_goes_on));
    // A page counts its frames while it is flooded.
    all.extend(cases!("page faults", Needs { alone: true, ..Needs::CDP }; thousands_of_edits_a_minute_end_right));
    // One takes all that a memory may address, the other measures memory over so many seconds of edits.
    let alone = Needs { alone: true, ..Needs::CDP_OF_ITS_OWN };
    all.extend(
        cases!("page faults", alone; its_own_panic_keeps_the_experiment, edits_for_a_while_leave_nothing_behind),
    );
    let long = Needs { long: true, ..alone };
    all.extend(cases!("page faults", long; edits_for_minutes_leave_nothing_behind, a_tab_that_slept_for_long_goes_on));
    all
}

/// The row "weight" under "Why this cell".
const WEIGHT: &str = "document.querySelector('.steps .strong td')?.textContent";

/// The page's own program gets no memory any more, as on a phone that is full: it panics at some edit.
async fn its_own_panic_keeps_the_experiment(page: &Page) -> Result<()> {
    page.before_load(
        "{ const memories = self.memories = []; for (const name of ['instantiate', 'instantiateStreaming']) { const plain = WebAssembly[name];
             WebAssembly[name] = async (...a) => { const made = await plain.apply(WebAssembly, a), { memory } = (made.instance ?? made).exports;
               if (memory && !memories.includes(memory)) memories.push(memory); return made } } }",
    )
    .await?;
    page.open_ready("/?lang=en").await?;
    page.js("await (await attentionPlayground).set({ mask: { id: 'causal' }, temperature: 0.5 })", vec![]).await?;
    page.wait_until("location.hash.includes('temperature=0.5')").await?;
    let hash = page.js("return location.hash", vec![]).await?;
    // Everything that WebAssembly may address is taken, and then a text of many megabytes is to be read.
    let fill = "for (const memory of memories) for (let pages = 32768; pages > 0; pages >>= 1) try { for (;;) memory.grow(pages) } catch {}
        const p = await attentionPlayground; setTimeout(() => p.set({ text: 'x'.repeat(1 << 26) }).catch(() => {})); return memories.length";
    let found = page.js(fill, vec![]).await?;
    ensure(found.as_u64() > Some(0), || "the page's memory was not found".into())?;
    page.wait_until("!document.getElementById('crash').hidden").await?;
    page.screenshot("panic of the page").await?;
    let said = "return [document.getElementById('crash-title').textContent, new URL(document.getElementById('crash-link').value).hash, document.activeElement.id]";
    let said = page.js(said, vec![]).await?;
    ensure(said == json!(["The page met an error and has stopped", hash, "crash-reload"]), || {
        format!("it says {said}")
    })?;
    page.forget_severe().await?;
    page.click("Reload").await?;
    page.wait_until("globalThis.attentionPlayground && document.getElementById('crash').hidden").await?;
    let back =
        page.js("const e = (await attentionPlayground).get(); return [e.mask.id, e.temperature]", vec![]).await?;
    ensure(back == json!(["causal", 0.5]), || format!("it came back with {back}"))
}

/// A browser that is told to keep nothing throws wherever something would be kept.
async fn without_storage_it_computes(page: &Page) -> Result<()> {
    page.before_load(
        "for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches', 'cookieStore'])
           Object.defineProperty(self, name, { get() { throw new DOMException('The operation is insecure.', 'SecurityError') } });
         Object.defineProperty(Navigator.prototype, 'storage', { get() { throw new DOMException('The operation is insecure.', 'SecurityError') } });",
    )
    .await?;
    page.open_ready("/?lang=en").await?;
    page.wait_until(&format!("{WEIGHT} === '46.2 %'")).await?;
    super::edit::after(page, async || page.set("window", "3").await).await?;
    page.wait_until(&format!("{WEIGHT} === '0.0 %'")).await?;
    // What would be remembered: language and theme, and how fast the GPU is.
    for button in ["中文", "English"] {
        page.click(button).await?;
    }
    let run = "const p = await attentionPlayground, T = (n) => ({ shape: [1, 1, n, 8], data: new Float32Array(8 * n).fill(1) });
        return (await p.run({ Q: T(64), K: T(64), V: T(64), backend: 'auto' })).outputs.Y.data.every((y) => y === 1)";
    ensure(page.js(run, vec![]).await? == json!(true), || "wrong numbers".into())
}

/// In front of the page's own scripts: its fetches of captures (not of their list) go through `self.tampered` where that is set.
const TAMPER: &str = "{ const plain = fetch; self.fetch = async (...a) => { const answer = await plain(...a);
    return /captures-[^/]*\\/.*\\.safetensors/.test(String(a[0]?.url ?? a[0])) && self.tampered ? self.tampered(answer) : answer } }";

/// A file that breaks off, one that is another, one that the server has not: each is said, what was shown stays, and the next try is a fresh one.
async fn a_broken_capture_is_named_and_comes_later(page: &Page) -> Result<()> {
    page.before_load(TAMPER).await?;
    page.open_ready("/?lang=en").await?;
    page.wait_until(&format!("{WEIGHT} === '46.2 %'")).await?;
    let shown = "return document.querySelector('.steps .strong td').textContent";
    let ways = [
        ("async (answer) => new Response((await answer.arrayBuffer()).slice(0, 1000))", "", 2),
        ("async () => new Response('<!doctype html><title>Sign in</title>')", "", 6),
        ("async () => new Response('gone', { status: 503 })", "could not be fetched: the server answered 503", 4),
        ("async () => { throw new TypeError('Failed to fetch') }", "could not be fetched: Failed to fetch", 5),
    ];
    for (way, says, layer) in ways {
        page.js(&format!("self.tampered = {way}; await (await attentionPlayground).set({{ input: {{ kind: 'capture', id: 'animal', layer: {layer} }} }}).catch(() => {{}})"), vec![])
            .await?;
        page.wait_until(&format!(
            "(document.querySelector('.notices [role=alert]')?.textContent ?? '').includes({says:?})"
        ))
        .await?;
        let said = page.js("return document.querySelector('.notices').textContent", vec![]).await?;
        ensure(said.as_str().is_some_and(|said| said.contains("last good result")), || {
            format!("layer {layer}: {said}")
        })?;
        ensure(page.js(shown, vec![]).await? == json!("46.2 %"), || format!("layer {layer}: the result went"))?;
        page.screenshot(&format!("capture broken {layer}")).await?;
        page.forget_severe().await?;
    }
    // The network is back: the same layer, chosen by another step, arrives.
    page.js("self.tampered = undefined; await (await attentionPlayground).set({ input: { kind: 'capture', id: 'animal', layer: 5 }, temperature: 0.9 })", vec![])
        .await?;
    page.wait_until("!document.querySelector('.notices [role=alert]')").await?;
    page.wait_until(&format!("{WEIGHT} !== '46.2 %'")).await
}

/// On a slow line the page works meanwhile, and what comes late does not replace what was chosen since.
async fn a_slow_capture_is_waited_for(page: &Page) -> Result<()> {
    page.before_load(TAMPER).await?;
    page.open_ready("/?lang=en").await?;
    page.wait_until(&format!("{WEIGHT} === '46.2 %'")).await?;
    page.js("self.tampered = (answer) => new Promise((come) => { self.come = () => come(answer) })", vec![]).await?;
    page.js("(await attentionPlayground).set({ input: { kind: 'capture', id: 'animal', layer: 5 } })", vec![]).await?;
    page.wait_until("self.come").await?;
    // Nothing is broken, so nothing is said; an edit meanwhile is kept.
    let alert = "return document.querySelector('.notices [role=alert]') === null";
    ensure(page.js(alert, vec![]).await? == json!(true), || "a slow line is told as a fault".into())?;
    page.js("(await attentionPlayground).set({ input: { kind: 'capture', id: 'animal', layer: 3 }, mask: { id: 'sliding-window', params: { window: 3 } } })", vec![])
        .await?;
    page.wait_until(&format!("{WEIGHT} === '0.0 %'")).await?;
    page.js("self.tampered = undefined; self.come()", vec![]).await?;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let now = page
        .js(&format!("const e = (await attentionPlayground).get(); return [e.input.layer, {WEIGHT}]"), vec![])
        .await?;
    ensure(now == json!([3, "0.0 %"]), || format!("what came late changed the page: {now}"))
}

/// A slider that is shaken: five hundred steps with hardly a pause. The last one counts, the page answers in between, the address follows.
async fn thousands_of_edits_a_minute_end_right(page: &Page) -> Result<()> {
    page.before_load(MADE).await?;
    page.open_ready("/?lang=en").await?;
    page.wait_until(&format!("{WEIGHT} === '46.2 %'")).await?;
    let shake = "const slider = [...document.querySelectorAll('input[type=range]')].find((e) => (e.labels?.[0]?.textContent ?? e.ariaLabel).trim().startsWith('window'));
        const before = made.length; let painted = 0, done = false; const count = () => { painted += 1; if (!done) requestAnimationFrame(count) }; requestAnimationFrame(count);
        for (let i = 0; i < 500; i++) { slider.value = 2 + (i * 7) % 13; slider.dispatchEvent(new Event('input', { bubbles: true })); await new Promise((next) => setTimeout(next, 4)) }
        slider.value = 9; slider.dispatchEvent(new Event('input', { bubbles: true })); slider.dispatchEvent(new Event('change', { bubbles: true }));
        done = true; return [painted, before, made.length]";
    let got = page.js(shake, vec![]).await?;
    ensure(got[1] == got[2] && got[0].as_u64() > Some(10), || format!("frames, workers before and after: {got}"))?;
    page.wait_until(&format!("{WEIGHT} === '46.2 %'")).await?;
    let settled = "const p = await attentionPlayground; return p.get().mask.params?.window ?? 9";
    ensure(page.js(settled, vec![]).await? == json!(9), || "the last edit does not hold".into())?;
    // What the page shows is what a fresh page shows at the same address.
    page.js(
        "await (await attentionPlayground).set({ mask: { id: 'sliding-window', params: { window: 11 } } })",
        vec![],
    )
    .await?;
    page.wait_until("location.hash.includes('11')").await?;
    let hash = page.js("return location.hash", vec![]).await?;
    page.open_ready(&format!("/{}", hash.as_str().unwrap_or_default())).await?;
    ensure(page.js(settled, vec![]).await? == json!(11), || format!("the address {hash} holds something else"))
}

/// A tab that the browser freezes in the middle of a run, for so long.
async fn frozen(page: &Page, seconds: u64) -> Result<()> {
    page.before_load(MADE).await?;
    page.open_ready("/?lang=en").await?;
    let start = format!(
        "{} self.first = await p.run(problem('cpu')); self.late = p.run({{ ...problem('cpu'), repeat: 40 }});
         self.late.catch(() => {{}}); await new Promise((go) => setTimeout(go, 200)); return made.length",
        super::gpu_faults::PROBLEM
    );
    let before = page.js(&start, vec![]).await?;
    page.cdp("Page.setWebLifecycleState", json!({ "state": "frozen" })).await?;
    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
    page.cdp("Page.setWebLifecycleState", json!({ "state": "active" })).await?;
    let end = format!(
        "{} const r = await self.late; return [apart(r, self.first), r.notes ?? [], made.length]",
        super::gpu_faults::PROBLEM
    );
    let got = page.js(&end, vec![]).await?;
    ensure(got == json!([0, [], before]), || format!("after {seconds} s of sleep: {got}, workers before: {before}"))?;
    super::edit::after(page, async || page.set("window", "3").await).await?;
    page.wait_until(&format!("{WEIGHT} === '0.0 %'")).await
}

async fn a_sleeping_tab_goes_on(page: &Page) -> Result<()> {
    frozen(page, 5).await
}

/// Longer than any deadline of a worker.
async fn a_tab_that_slept_for_long_goes_on(page: &Page) -> Result<()> {
    frozen(page, 90).await
}

/// A person's edits, by a seeded generator: sliders, masks, sizes, heads, painted cells, undo, languages. Each waits for its result.
const SOAK: &str = r#"
const p = await attentionPlayground; let s = args[0];
const random = (n) => (s = Math.imul(s ^ (s >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0, (s >>> 0) % n), pick = (all) => all[random(all.length)];
const c = p.catalogue(), masks = c.masks.filter((m) => !m.id.startsWith('custom')), ran = () => new Promise((done) => { const off = p.on('result', () => { off(); done() }); setTimeout(() => { off(); done() }, 3000) });
const button = (text) => [...document.querySelectorAll('button')].find((b) => b.textContent.trim() === text && b.checkVisibility() && !b.disabled);
const acts = [
  () => p.set({ mask: { id: pick(masks).id } }), () => p.set({ temperature: 0.25 + random(8) / 4 }), () => p.set({ softcap: random(2) ? 2 + random(20) : null }),
  () => p.set({ position: { id: pick(c.positions).id } }), () => p.set({ normaliser: { id: pick(c.normalisers).id } }),
  () => p.set({ input: { kind: 'generated', recipe: 'normal', seed: random(1000), size: { q_heads: 2, kv_heads: 2, n_q: 8 + random(56), n_k: 8 + random(56), d: 16, d_v: 16 } } }),
  () => p.set({ input: { kind: 'capture', id: 'animal', layer: 1 + random(12) } }), () => button('Undo')?.click(), () => p.set({ view: { head: random(2) } }),
  () => p.set({ backend: pick(args[2] ? ['auto', 'cpu', 'webgpu'] : ['auto', 'cpu']) }),
];
let done = 0, refused = 0; const end = performance.now() + args[1];
while (performance.now() < end) { const came = ran(); try { await pick(acts)(); done += 1 } catch (error) { if (!error.issues) throw error; refused += 1 } await Promise.race([came, new Promise((go) => setTimeout(go, 400))]) }
return [done, refused, s];
"#;

/// What the browser holds for the page, after everything that can go has gone.
#[derive(Debug)]
struct Held {
    /// Bytes of the script's heap.
    heap: f64,
    nodes: f64,
    listeners: f64,
    /// Workers that live.
    workers: u64,
}

async fn held(page: &Page) -> Result<Held> {
    // The state from which it is measured is always the same: the opener, with its history of fifty steps.
    let back = "const p = await attentionPlayground; await p.set({ input: { kind: 'capture', id: 'animal', layer: 3 }, mask: { id: 'causal' }, position: { id: 'none' }, normaliser: { id: 'softmax' }, temperature: 1, softcap: null, backend: 'auto' }).catch(() => {});
        await new Promise((go) => setTimeout(go, 1500)); return made.filter((w) => !w.gone).length";
    let workers = page.js(back, vec![]).await?.as_u64().unwrap_or_default();
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
    Ok(Held { heap: of("JSHeapUsedSize"), nodes: of("Nodes"), listeners: of("JSEventListeners"), workers })
}

/// Edits for so long, and as long again: the second stretch may add next to nothing.
async fn soak(page: &Page, stretch: std::time::Duration, seed: u64) -> Result<()> {
    page.before_load(MADE).await?;
    page.open_ready("/?lang=en").await?;
    let adapter = page.js("return !!(await navigator.gpu?.requestAdapter())", vec![]).await?;
    // One script may take less than the driver's patience.
    const ONCE: u64 = 20_000;
    let mut seed = json!(seed);
    let mut held_at = Vec::new();
    let mut edits = 0;
    for _ in 0..3 {
        let mut left = stretch.as_millis() as u64;
        while left > 0 {
            let now = left.min(ONCE);
            let got = page.js(SOAK, vec![seed, json!(now), adapter.clone()]).await?;
            edits += got[0].as_u64().unwrap_or_default();
            seed = got[2].clone();
            left -= now;
        }
        held_at.push(held(page).await?);
    }
    page.say(&format!("{edits} edits; held after each third: {held_at:?}"));
    // The first third fills what is kept on purpose (pictures, compiled kernels, sizes that were met); after it nothing grows by more than noise.
    let [_, early, late] = &held_at[..] else { return Err("not three measurements".into()) };
    let flat = |early: f64, late: f64, noise: f64| late <= early * 1.25 + noise;
    ensure(
        flat(early.heap, late.heap, 2e6)
            && flat(early.nodes, late.nodes, 500.0)
            && flat(early.listeners, late.listeners, 100.0),
        || format!("it grows: {held_at:?}"),
    )?;
    ensure(early.workers == late.workers, || format!("workers: {held_at:?}"))?;
    let alive = page.js("return document.getElementById('crash').hidden", vec![]).await?;
    ensure(alive == json!(true), || "the page stopped".into())?;
    page.forget_severe().await
}

async fn edits_for_a_while_leave_nothing_behind(page: &Page) -> Result<()> {
    soak(page, std::time::Duration::from_secs(8), 1).await
}

async fn edits_for_minutes_leave_nothing_behind(page: &Page) -> Result<()> {
    let minutes = std::env::var("SOAK_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(6u64);
    soak(page, std::time::Duration::from_secs(minutes * 20), 2).await
}
