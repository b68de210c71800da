//! The page without a network, after a first visit with one; a newer version that waits until it is wanted; and what makes the page one that can be installed.

use serde_json::json;

use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all = cases!("offline", Needs::CDP_OF_ITS_OWN; opens_and_computes_without_a_network, a_newer_version_waits_until_it_is_wanted, frames_keep_nothing);
    all.extend(cases!("offline"; its_manifest_says_what_is_so));
    all.extend(cases!("offline", Needs::CDP; a_browser_may_install_it));
    all
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

/// What the manifest names is there, as large as it says; where the page starts lies in its scope, which is its own folder, wherever that is.
async fn its_manifest_says_what_is_so(page: &Page) -> Result<()> {
    for folder in ["/", "/some/sub/path/"] {
        page.open_ready(folder).await?;
        let script = "const at = document.querySelector('link[rel=manifest]').href, m = await (await fetch(at)).json(), url = (text) => new URL(text, at).href;
            const icons = [];
            for (const { src, sizes, type, purpose } of m.icons) {
              const b = new DataView(await (await fetch(url(src))).arrayBuffer()), png = b.getUint32(0) === 0x89504e47 && b.getUint32(12) === 0x49484452;
              icons.push([sizes, png && `${b.getUint32(16)}x${b.getUint32(20)}`, type, purpose ?? 'any']);
            }
            const named = ['name', 'short_name', 'description', 'background_color', 'theme_color'].filter((key) => !m[key]);
            return { icons, named, start: url(m.start_url), scope: url(m.scope), id: url(m.id), display: m.display, short: m.short_name.length }";
        let said = page.js(script, vec![]).await?;
        let here = format!("{}{folder}", page.base());
        ensure(said["start"] == json!(here) && said["scope"] == json!(here) && said["id"] == json!(here), || {
            format!("in {folder}: {said}")
        })?;
        ensure(
            said["named"] == json!([]) && said["display"] == json!("standalone") && said["short"].as_u64() <= Some(12),
            || format!("{said}"),
        )?;
        let icon = |size: &str, purpose: &str| json!([size, size, "image/png", purpose]);
        let wanted = [icon("192x192", "any"), icon("512x512", "any"), icon("512x512", "maskable")];
        ensure(said["icons"] == json!(wanted), || format!("icons, as they say and as they are: {}", said["icons"]))?;
    }
    Ok(())
}

/// What Chromium has against installing the page, but for what is so of every page in this browser.
async fn a_browser_may_install_it(page: &Page) -> Result<()> {
    // A window without a profile of somebody's, or without a screen.
    const OF_THE_BROWSER: [&str; 2] = ["in-incognito", "no-acceptable-platform"];
    let against = async || -> Result<Vec<String>> {
        let errors = page.cdp("Page.getInstallabilityErrors", json!({})).await?;
        let errors = errors["installabilityErrors"].as_array().into_iter().flatten();
        Ok(errors.filter_map(|error| error["errorId"].as_str()).map(str::to_owned).collect())
    };
    // A page beside the playground has no manifest, which is said.
    page.open("/measuring/").await?;
    let without = against().await?;
    ensure(without.iter().any(|error| error == "no-manifest"), || format!("of a page without one: {without:?}"))?;
    page.open_ready("/").await?;
    let manifest = page.cdp("Page.getAppManifest", json!({})).await?;
    ensure(
        manifest["errors"] == json!([]) && manifest["url"].as_str().is_some_and(|url| url.ends_with(".webmanifest")),
        || format!("{} {}", manifest["url"], manifest["errors"]),
    )?;
    let against = against().await?;
    ensure(against.iter().all(|error| OF_THE_BROWSER.contains(&error.as_str())), || {
        format!("it can't be installed: {against:?}")
    })
}
