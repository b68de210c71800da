//! The page without a network, after a first visit with one; and a newer version that waits until it is wanted.

use serde_json::json;

use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("offline", Needs::CDP_OF_ITS_OWN; opens_and_computes_without_a_network, a_newer_version_waits_until_it_is_wanted, frames_keep_nothing)
}

/// The first visit, until everything is kept.
async fn visited(page: &Page) -> Result<()> {
    page.keep_service_workers().await?;
    page.open_ready("/").await?;
    let active = "return (await navigator.serviceWorker.ready).active.scriptURL.endsWith('/service-worker.js')";
    ensure(page.js(active, vec![]).await? == json!(true), || "another worker serves the page".into())?;
    page.wait_until("navigator.serviceWorker.controller").await
}

async fn network(page: &Page, there: bool) -> Result<()> {
    page.cdp("Network.enable", json!({})).await?;
    let conditions = json!({ "offline": !there, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    page.cdp("Network.emulateNetworkConditions", conditions).await.map(drop)
}

async fn opens_and_computes_without_a_network(page: &Page) -> Result<()> {
    visited(page).await?;
    network(page, false).await?;
    let away = "return await fetch('./nothing-of-the-page').then(() => false, () => true)";
    ensure(page.js(away, vec![]).await? == json!(true), || "the network is still there".into())?;
    page.open_ready("/").await?;
    let result = page
        .js(
            "const api = await attentionPlayground; const one = (data) => ({ shape: [1, 1, 2, 1], data });
             return (await api.run({ Q: one([0, 0]), K: one([1, 2]), V: one([2, 4]), is_causal: true })).outputs.Y.data",
            vec![],
        )
        .await?;
    ensure(result == json!([2, 3]), || format!("without a network attention over two values gave {result}"))?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    page.click("Help and keys").await?;
    page.wait_until("document.querySelector('dialog[open] h2')").await?;
    page.open("/gallery/").await?;
    page.wait_until(
        "[...document.images].every((i) => i.complete && i.naturalWidth > 0) && document.images.length > 9",
    )
    .await?;
    network(page, true).await?;
    // The fetch that was to fail.
    page.forget_severe().await
}

/// Another address of the same script stands for a script that has changed: browsers take both for a newer version.
async fn a_newer_version_waits_until_it_is_wanted(page: &Page) -> Result<()> {
    visited(page).await?;
    page.js("await navigator.serviceWorker.register('./service-worker.js?newer')", vec![]).await?;
    page.wait_until("document.querySelector('#newer button')").await?;
    page.screenshot("newer version").await?;
    let own = "return navigator.serviceWorker.controller.scriptURL.endsWith('/service-worker.js')";
    ensure(page.js(own, vec![]).await? == json!(true), || "it did not wait".into())?;
    page.click("Load it").await?;
    page.wait_until("navigator.serviceWorker.controller?.scriptURL.endsWith('?newer')").await?;
    page.open_ready("/").await
}

/// A blog's readers did not ask for an installation.
async fn frames_keep_nothing(page: &Page) -> Result<()> {
    page.keep_service_workers().await?;
    page.open("/gallery/").await?;
    page.js(
        "const f = document.createElement('iframe'); f.src = '../?embed'; f.id = 'f'; document.body.append(f)",
        vec![],
    )
    .await?;
    page.wait_until("document.getElementById('f').contentWindow.attentionPlayground").await?;
    // Longer than the page itself waits.
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    let kept = page.js("return (await navigator.serviceWorker.getRegistrations()).length", vec![]).await?;
    ensure(kept == json!(0), || format!("{kept} service workers"))?;
    page.forget_severe().await
}
