//! Captures that come broken, slowly, or not at all: the opener's own, which is the first thing that is fetched, and later ones.

use serde_json::json;

use super::page_faults::WEIGHT;
use super::soak::matches_the_reference;
use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("capture faults", Needs::CDP; a_broken_capture_is_named_and_comes_later, a_slow_capture_is_waited_for,
        an_opener_that_comes_broken_is_named, an_opener_that_did_not_arrive_is_tried_again, an_opener_that_comes_slowly_is_waited_for)
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
        (
            "async (answer) => new Response((await answer.arrayBuffer()).slice(0, 1000))",
            "the file of the captured text is damaged",
            2,
        ),
        (
            "async () => new Response('<!doctype html><title>Sign in</title>')",
            "the file of the captured text is damaged",
            6,
        ),
        ("async () => new Response('gone', { status: 503 })", "could not be fetched: HTTP 503", 4),
        ("async () => { throw new TypeError('Failed to fetch') }", "could not be fetched: Failed to fetch", 5),
    ];
    for (way, says, layer) in ways {
        page.js(&format!("self.tampered = {way}; await (await attentionPlayground).set({{ input: {{ kind: 'capture', id: 'animal', layer: {layer} }} }}).catch(() => {{}})"), vec![])
            .await?;
        page.wait_until(&format!(
            "(document.querySelector('.notices [role=alert]')?.textContent ?? '').includes({says:?})"
        ))
        .await?;
        let said = "return ['.notices', '.top__status'].map((at) => document.querySelector(at)?.textContent).join(' ')";
        let said = page.js(said, vec![]).await?;
        ensure(said.as_str().is_some_and(|said| said.contains("Not computed")), || format!("layer {layer}: {said}"))?;
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

/// The very first thing that is fetched comes broken, when there is nothing to show yet: what happened is said, no result is spoken of, and another input is
/// computed as ever.
async fn an_opener_that_comes_broken_is_named(page: &Page) -> Result<()> {
    page.before_load(TAMPER).await?;
    let ways = [
        ("async () => new Response('gone', { status: 500 })", "could not be fetched: HTTP 500"),
        ("async () => { throw new TypeError('Failed to fetch') }", "could not be fetched: Failed to fetch"),
        (
            "async (answer) => new Response((await answer.arrayBuffer()).slice(0, 1000))",
            "input: the file of the captured text is damaged: tensor \"Q\"",
        ),
        (
            "async (answer) => { const bytes = new Uint8Array(await answer.arrayBuffer()); bytes.fill(255, 0, 64); return new Response(bytes) }",
            "input: the file of the captured text is damaged: header",
        ),
    ];
    for (way, says) in ways {
        page.before_load(&format!("self.tampered = {way}")).await?;
        page.open("/?lang=en").await?;
        let said = "document.querySelector('.notices [role=alert]')?.textContent ?? ''";
        page.wait_until(&format!("({said}).length > 0")).await?;
        page.screenshot(&format!("opener broken {says}")).await?;
        let shown = page.js(&format!("return [{said}, document.body.textContent]"), vec![]).await?;

        ensure(shown[0].as_str().is_some_and(|said| said.contains(says)), || format!("{way}: {}", shown[0]))?;
        // There is no last good result, and none is on its way.
        let of_results = ["last good result", "last result", "Computing the first result"];
        let spoken = of_results.iter().find(|words| shown[1].as_str().is_some_and(|shown| shown.contains(**words)));
        ensure(spoken.is_none(), || format!("{way}: nothing was computed, but the page speaks of {spoken:?}"))?;
        page.forget_severe().await?;
        page.click("Generated").await?;
        page.wait_until(
            "document.querySelector('.steps .strong td') && !document.querySelector('.notices [role=alert]')",
        )
        .await?;
        matches_the_reference(page).await?;
    }
    Ok(())
}

/// Nothing has to be edited for another try.
async fn an_opener_that_did_not_arrive_is_tried_again(page: &Page) -> Result<()> {
    page.before_load(TAMPER).await?;
    page.before_load("self.tampered = async () => new Response('gone', { status: 503 })").await?;
    page.open("/?lang=en").await?;
    page.wait_until("document.querySelector('.notices [role=alert] button')").await?;
    page.forget_severe().await?;
    page.js("self.tampered = undefined", vec![]).await?;
    page.click("Try again").await?;
    page.wait_until(&format!("{WEIGHT} === '46.2 %' && !document.querySelector('.notices [role=alert]')")).await
}

/// On a slow line the page says that it is loading, not that something is wrong, and computes another input meanwhile.
async fn an_opener_that_comes_slowly_is_waited_for(page: &Page) -> Result<()> {
    page.before_load(TAMPER).await?;
    page.before_load("self.tampered = (answer) => new Promise((come) => { self.come = () => come(answer) })").await?;
    page.open("/?lang=en").await?;
    page.wait_until("self.come").await?;
    page.wait_until("document.querySelector('.top__status')?.textContent.includes('Loading')").await?;
    let alert = "return document.querySelector('.notices [role=alert]') === null";
    ensure(page.js(alert, vec![]).await? == json!(true), || "a slow line is told as a fault".into())?;
    page.wait_until("!document.getElementById('shell')").await?;
    page.click("Generated").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    page.js("self.tampered = undefined; self.come()", vec![]).await?;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    matches_the_reference(page).await?;
    let now = page.js("return (await attentionPlayground).get().input.kind", vec![]).await?;
    ensure(now == json!("generated"), || format!("what came late changed the page: {now}"))?;
    // The opener, chosen again, is there.
    page.js("await (await attentionPlayground).set({ input: { kind: 'capture', id: 'animal', layer: 3 } })", vec![])
        .await?;
    page.wait_until("document.querySelector('.top__status').textContent === ''").await?;
    matches_the_reference(page).await
}
