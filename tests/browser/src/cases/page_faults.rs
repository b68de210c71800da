//! What the browser or the network does to the page itself: no storage, its own memory gone, a flood of edits, a tab that sleeps or lies behind another.

use serde_json::json;

use super::soak::matches_the_reference;
use super::worker_faults::MADE;
use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all = cases!("page faults", Needs::CDP; without_storage_it_computes);
    // A tab that was frozen seems to stay hidden when it wakes: the next test in its browser was once left without frames (not looked into further).
    all.extend(
        cases!("page faults", Needs::CDP_OF_ITS_OWN; a_sleeping_tab_goes_on, a_hidden_tab_ends_with_the_newest_edit),
    );
    // A page counts its frames while it is flooded.
    all.extend(cases!("page faults", Needs { alone: true, ..Needs::CDP }; thousands_of_edits_a_minute_end_right));
    // They take all that a memory may address.
    let alone = Needs { alone: true, ..Needs::CDP_OF_ITS_OWN };
    all.extend(cases!("page faults", alone; its_own_panic_keeps_the_experiment, its_own_panic_claims_no_more_than_the_address_holds));
    all.extend(cases!("page faults", Needs { long: true, ..alone }; a_tab_that_slept_for_long_goes_on));
    all
}

/// The row "weight" under "Why this cell".
pub(super) const WEIGHT: &str = "document.querySelector('.steps .strong td')?.textContent";

/// Before the page's own scripts: the memories of the programs that it starts are noted.
pub(super) const MEMORIES: &str = "{ const memories = self.memories = []; for (const name of ['instantiate', 'instantiateStreaming']) { const plain = WebAssembly[name];
     WebAssembly[name] = async (...a) => { const made = await plain.apply(WebAssembly, a), { memory } = (made.instance ?? made).exports;
       if (memory && !memories.includes(memory)) memories.push(memory); return made } } }";

/// The page's own program gets no memory any more, as on a phone that is full: it panics at some edit.
async fn panics(page: &Page) -> Result<()> {
    // Everything that WebAssembly may address is taken, and then a text of many megabytes is to be read.
    let fill = "for (const memory of memories) for (let pages = 32768; pages > 0; pages >>= 1) try { for (;;) memory.grow(pages) } catch {}
        const p = await attentionPlayground; setTimeout(() => p.set({ text: 'x'.repeat(1 << 26) }).catch(() => {})); return memories.length";
    let found = page.js(fill, vec![]).await?;
    ensure(found.as_u64() > Some(0), || "the page's memory was not found".into())?;
    page.wait_until("!document.getElementById('crash').hidden").await
}

async fn its_own_panic_keeps_the_experiment(page: &Page) -> Result<()> {
    page.before_load(MEMORIES).await?;
    page.open_ready("/?lang=en").await?;
    page.js("await (await attentionPlayground).set({ mask: { id: 'causal' }, temperature: 0.5 })", vec![]).await?;
    page.wait_until("location.hash.includes('temperature=0.5')").await?;
    let hash = page.js("return location.hash", vec![]).await?;
    panics(page).await?;
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

/// Numbers that no address holds are lost with the page: what is said promises what the address has, and in the language that the page was switched to.
async fn its_own_panic_claims_no_more_than_the_address_holds(page: &Page) -> Result<()> {
    page.before_load(MEMORIES).await?;
    page.open_ready("/?lang=en").await?;
    // 150 KB that nothing packs.
    let paste = "let s = 1; const next = () => (s = s * 48271 % 2147483647) / 2147483647 - 0.5;
        const rows = () => Array.from({ length: 200 }, () => Array.from({ length: 64 }, () => Math.fround(next())));
        await (await attentionPlayground).set({ input: { kind: 'numbers', q: rows(), k: rows(), v: rows() }, mask: { id: 'causal' }, temperature: 0.5 })";
    page.js(paste, vec![]).await?;
    page.wait_until("document.querySelector('.notices').textContent.includes('too many for an address')").await?;
    page.wait_until("location.hash.includes('temperature=0.5')").await?;
    page.click("中文").await?;
    page.wait_until("document.documentElement.lang === 'zh-CN'").await?;
    panics(page).await?;
    page.screenshot("panic of the page with too many numbers").await?;
    let said = "return ['title', 'text', 'reload'].map((id) => document.getElementById(`crash-${id}`).textContent)";
    let said = page.js(said, vec![]).await?;
    let due = ["页面遇到错误，已停止", "地址所含的实验内容保存在下面：可以复制它，或重新载入后继续。", "重新载入"];
    ensure(said == json!(due), || format!("it says {said}"))?;
    page.forget_severe().await?;
    page.click("重新载入").await?;
    page.wait_until("globalThis.attentionPlayground && document.getElementById('crash').hidden").await?;
    // The rest of the experiment, over the input that the page opens with.
    let back = "const e = (await attentionPlayground).get(); return [e.input.kind, e.mask.id, e.temperature]";
    let back = page.js(back, vec![]).await?;
    ensure(back == json!(["capture", "causal", 0.5]), || format!("it came back with {back}"))
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

/// A slider that is shaken: five hundred steps with hardly a pause. The last one counts, the page answers in between, the address follows.
async fn thousands_of_edits_a_minute_end_right(page: &Page) -> Result<()> {
    page.before_load(MADE).await?;
    page.open_ready("/?lang=en").await?;
    page.wait_until(&format!("{WEIGHT} === '46.2 %'")).await?;
    // All but the first are started when there is work for them, or a second later.
    page.wait_until("made.length === Math.min(8, navigator.hardwareConcurrency)").await?;
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

/// Another tab lies in front of the page's while an API sets one thing after the other: frames and timers come rarely then, or not at all. Who comes back sees
/// what belongs to the newest.
async fn a_hidden_tab_ends_with_the_newest_edit(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    page.wait_until(&format!("{WEIGHT} === '46.2 %'")).await?;
    let here = page.driver().window().await?;
    let other = page.cdp("Target.createTarget", json!({ "url": "about:blank" })).await?["targetId"].clone();
    page.cdp("Target.activateTarget", json!({ "targetId": other })).await?;
    page.wait_until("document.visibilityState === 'hidden'").await?;
    let set = "const p = await attentionPlayground; let got = 0; p.on('result', () => { got += 1 });
        for (const window of [5, 4, 7, 3]) { await p.set({ mask: { id: 'sliding-window', params: { window } } }); await new Promise((go) => setTimeout(go, 100)) }
        const end = performance.now() + 10000; while (got === 0 && performance.now() < end) await new Promise((go) => setTimeout(go, 100));
        await new Promise((go) => setTimeout(go, 3000)); return [got > 0, document.visibilityState]";
    let got = page.js(set, vec![]).await?;
    ensure(got == json!([true, "hidden"]), || format!("computed while hidden, still hidden: {got}"))?;
    page.cdp("Target.activateTarget", json!({ "targetId": here.to_string() })).await?;
    page.wait_until("document.visibilityState === 'visible'").await?;
    page.wait_until(&format!("{WEIGHT} === '0.0 %'")).await?;
    page.wait_until("location.hash.includes('window=3')").await?;
    matches_the_reference(page).await?;
    page.cdp("Target.closeTarget", json!({ "targetId": other })).await.map(drop)
}
