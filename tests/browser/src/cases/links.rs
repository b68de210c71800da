//! The address carries the experiment: it is written, read again, and survives damage.

use serde_json::json;

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("links"; the_address_follows_and_restores, a_damaged_address_opens_the_page, a_bad_value_is_named,
        a_bad_request_is_refused_and_changes_nothing, theme_and_language_come_from_the_address,
        what_no_address_holds_is_refused)
}

async fn the_address_follows_and_restores(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.js(
        "const p = await attentionPlayground; await p.set({ mask: { id: 'strided', params: { stride: 4 } }, temperature: 0.5,
           edits: [{ tensor: 'k', head: 5, row: 2, col: 1, value: -1.5 }], view: { head: 2 } });",
        vec![],
    )
    .await?;
    page.wait_until("location.hash.includes('strided')").await?;
    let (hash, link) = (
        page.js("return location.hash", vec![]).await?,
        page.js("return (await attentionPlayground).link()", vec![]).await?,
    );
    let hash = hash.as_str().unwrap_or_default().to_owned();
    ensure(link.as_str().is_some_and(|l| l.ends_with(&hash)), || format!("link() gives {link}, the address {hash}"))?;
    let before = page.js("return (await attentionPlayground).get()", vec![]).await?;
    page.open_ready(&format!("/{hash}")).await?;
    let after = page.js("return (await attentionPlayground).get()", vec![]).await?;
    ensure(before == after, || format!("{before} became {after}"))
}

async fn a_damaged_address_opens_the_page(page: &Page) -> Result<()> {
    for hash in
        ["#v1z=%%%%", "#v999&mask=causal", "#\u{202e}garbage", "#v1&edits=[[[[[[[[[[", "#__proto__=1&constructor=2"]
    {
        page.open_ready(&format!("/{hash}")).await?;
        page.wait_until("document.querySelector('.steps .strong td')?.textContent === '46.2 %'").await?;
        page.wait_until("document.querySelector('.notice')").await.map_err(|e| format!("{hash}: {e}"))?;
    }
    page.screenshot("damaged link").await
}

async fn a_bad_value_is_named(page: &Page) -> Result<()> {
    page.open_ready("/#v1&temperature=-3").await?;
    page.wait_until("document.querySelector('.notice')?.textContent.includes('temperature')").await
}

async fn a_bad_request_is_refused_and_changes_nothing(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let script = "const p = await attentionPlayground, before = JSON.stringify(p.get()), seen = [];
        const T = (shape, fill = 0.5) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill) });
        const good = () => ({ Q: T([1, 2, 4, 8]), K: T([1, 2, 6, 8]), V: T([1, 2, 6, 8]) });
        const doors = [
          ['run', {}], ['run', null], ['run', []], ['run', { ...good(), rect: { head: 0, q: [0, 4], k: [0, 6], width: 6, height: 4 } }], ['run', { ...good(), K: T([1, 2, 6, 7]) }], ['run', { ...good(), mask: 'k <= ' }], ['run', { ...good(), Q: 7 }],
          ['run', { ...good(), backend: 'gpu' }], ['run', { ...good(), nonsense: 1 }], ['run', { ...good(), Q: { shape: [1, 2, 4, 1e9], data: [] } }],
          ['set', { temperature: 'hot' }], ['set', { mask: { id: 'causall' } }], ['set', { nonsense: 1 }], ['set', 5], ['set', { input: { kind: 'generated', size: { n_q: 8, n_k: 8 } }, mask: { id: 'document' }, data: { doc: [0, 1] } }],
          ['set', { mask: { id: 'custom', custom: { text: 'k <=', params: [] } } }]];
        for (const [door, value] of doors) {
          try { await p[door](value); seen.push('accepted ' + door + ' ' + JSON.stringify(value)) }
          catch (e) { if (e.name !== 'ExperimentError' || !e.issues?.length || e.issues.some((i) => typeof i.path !== 'string' || typeof i.message !== 'string' || !i.message || /expected|invalid type|struct/.test(i.message))) seen.push(String(e)) }
        }
        if (JSON.stringify(p.get()) !== before) seen.push('the experiment changed');
        const ok = await p.run(good()); if (ok.outputs.Y.data.some((x) => Math.abs(x - 0.5) > 1e-6)) seen.push('wrong numbers afterwards');
        return seen";
    let seen = page.js(script, vec![]).await?;
    ensure(seen == json!([]), || format!("{seen}"))
}

async fn theme_and_language_come_from_the_address(page: &Page) -> Result<()> {
    page.open_ready("/?theme=dark&lang=zh-CN").await?;
    page.wait_until("document.documentElement.dataset.theme === 'dark' && document.documentElement.lang === 'zh-CN'")
        .await?;
    page.screenshot("dark chinese").await?;
    page.open_ready("/?theme=light&lang=en").await?;
    page.wait_until("document.documentElement.dataset.theme === 'light' && document.documentElement.lang === 'en'")
        .await?;
    page.open_ready("/?theme=sepia").await?;
    page.wait_until("document.querySelector('.notice')?.textContent.includes('theme=sepia')").await
}

/// `link()` never gives an address that would open something else.
async fn what_no_address_holds_is_refused(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let script = "const p = await attentionPlayground, rows = Array.from({ length: 4096 }, (_, i) => Array.from({ length: 16 }, (_, j) => Math.sin(i * 16 + j + 1)));
        try { return p.link({ input: { kind: 'numbers', q: rows, k: rows, v: rows } }).length } catch (e) { return [e.name, e.issues.map((i) => i.path)] }";
    let said = page.js(script, vec![]).await?;
    ensure(said == json!(["ExperimentError", ["input"]]), || format!("link() of too many numbers: {said}"))
}
