//! The page without a network, after a first visit with one; a newer version that waits until it is wanted; what becomes of a page whose files the host has replaced
//! meanwhile; and what makes the page one that can be installed.

use serde_json::json;

use super::{Case, Needs};
use crate::deploy::{Deployed, PATH};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all = cases!("offline", Needs::CDP_OF_ITS_OWN; opens_and_computes_without_a_network, a_newer_version_waits_until_it_is_wanted, frames_keep_nothing);
    all.extend(cases!("offline"; its_manifest_says_what_is_so));
    all.extend(cases!("offline", Needs::CDP; a_browser_may_install_it));
    // They share a folder of the server.
    let alone = Needs { alone: true, ..Needs::CDP_OF_ITS_OWN };
    all.extend(
        cases!("offline", alone; two_versions_do_not_mix, a_part_that_was_replaced_meanwhile_is_missed_in_words),
    );
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

/// Which version's document this is, what of names that are gone the document has fetched, the last loader of workers, and whether a run is right.
const VERSION: &str = "const files = performance.getEntriesByType('resource').map((e) => e.name.split('/').at(-1)), T = { shape: [1, 2, 9, 4], data: new Float32Array(72).fill(1) };
    const { outputs } = await (await attentionPlayground).run({ Q: T, K: T, V: T });
    return { of: document.querySelector('meta[name=deployed]')?.content ?? null, gone: files.filter((file) => args[0].some((name) => file.startsWith(name))).length > 0,
      loaders: [...new Set(files.filter((file) => file.startsWith('worker-loader-')).map((file) => file.split('?')[0]))], right: outputs.Y.data.every((y) => y === 1) };";

/// A deployment while a page is open: that page goes on with what it was opened with, down to a part that it had not fetched yet, and says that there is another
/// version; who wants that gets it whole, its workers too.
async fn two_versions_do_not_mix(page: &Page) -> Result<()> {
    let deployed = Deployed::first()?;
    page.keep_service_workers().await?;
    page.open_ready(&format!("{PATH}?lang=en")).await?;
    // As the page does by itself when it has been open for a while.
    let keep = "await navigator.serviceWorker.register('./service-worker.js', { updateViaCache: 'none' }); await navigator.serviceWorker.ready";
    page.js(keep, vec![]).await?;
    page.open_ready(&format!("{PATH}?lang=en&theme=light")).await?;
    page.wait_until("navigator.serviceWorker.controller").await?;
    let gone = json!(deployed.second(page).await?);
    page.js("await (await navigator.serviceWorker.ready).update()", vec![]).await?;
    page.wait_until("document.querySelector('#newer p')?.textContent === 'A newer version of this page is ready.'")
        .await?;
    page.screenshot("newer version light").await?;
    // The old page: an edit, a run, a part that comes only now.
    super::edit::after(page, async || page.set("window", "3").await).await?;
    page.click("Help and keys").await?;
    page.wait_until("document.querySelector('dialog[open] h2')").await?;
    let old = page.js(VERSION, vec![gone.clone()]).await?;
    ensure(old["of"].is_null() && old["gone"] == json!(true) && old["right"] == json!(true), || {
        format!("the old page: {old}")
    })?;
    let later = "return performance.getEntriesByType('resource').map((e) => e.name.split('/').at(-1)).filter((name) => /^later-.*wasm/.test(name) && args[0].includes(name)).length";
    ensure(page.js(later, vec![gone.clone()]).await? == json!(1), || {
        "the part did not come from the old version".into()
    })?;
    // Opened again it is still the old one, which offers the new one at once, in its language, inside a phone's window.
    page.size(390, 844).await?;
    // Straight from one to the other: with no old page in between the new version would be there by itself.
    page.js("setTimeout(() => { location.search = '?lang=zh-CN&theme=dark' })", vec![]).await?;
    page.wait_until("document.documentElement.lang === 'zh-CN'").await?;
    page.wait_until("document.querySelector('#newer p')?.textContent === '页面有新版本。'").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    page.screenshot("newer version dark").await?;
    let inside = "const at = (e) => e.getBoundingClientRect(), box = at(document.getElementById('newer')), all = [...document.querySelectorAll('#newer button')].map(at), bar = at(document.querySelector('.tabs'));
        return box.left >= 0 && box.right <= innerWidth && box.bottom <= bar.top && bar.height > 0 && all.length === 2 && all.every((b) => b.height >= 24 && b.right <= box.right && b.left >= box.left)";
    ensure(page.js(inside, vec![]).await? == json!(true), || "the notice is cut off, or lies on the bar".into())?;
    page.click("载入新版本").await?;
    // With a result its workers have loaded what they run; the interface is there before.
    page.wait_until("document.querySelector('meta[name=deployed]') && document.querySelector('.steps .strong td')")
        .await?;
    let new = page.js(VERSION, vec![gone]).await?;
    ensure(new["of"] == json!("2") && new["gone"] == json!(false) && new["right"] == json!(true), || {
        format!("the new page: {new}")
    })?;
    let loaders = |of: &serde_json::Value| of["loaders"].as_array().map_or(0, Vec::len);
    ensure(loaders(&old) == 1 && loaders(&new) == 1 && old["loaders"] != new["loaders"], || {
        format!("workers of the old page and of the new one: {} and {}", old["loaders"], new["loaders"])
    })?;
    page.wait_until("!document.getElementById('newer')").await
}

/// Whose page is not kept, on a first visit, has lost the parts that were not fetched yet: that is said where the part would be, and a reload brings the new version.
async fn a_part_that_was_replaced_meanwhile_is_missed_in_words(page: &Page) -> Result<()> {
    let deployed = Deployed::first()?;
    page.open_ready(&format!("{PATH}?lang=en")).await?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    let gone = json!(deployed.second(page).await?);
    page.click("Help and keys").await?;
    page.wait_until("[...document.querySelectorAll('button')].some((b) => b.textContent === 'Try again')").await?;
    page.screenshot("a part of another version").await?;
    // What is there goes on.
    super::edit::after(page, async || page.set("window", "3").await).await?;
    let old = page.js(VERSION, vec![gone.clone()]).await?;
    ensure(old["of"].is_null() && old["right"] == json!(true), || format!("the old page: {old}"))?;
    page.forget_severe().await?;
    page.open_ready(&format!("{PATH}?lang=en")).await?;
    page.click("Help and keys").await?;
    page.wait_until("document.querySelector('dialog[open] h2')").await?;
    let new = page.js(VERSION, vec![gone]).await?;
    ensure(new["of"] == json!("2") && new["gone"] == json!(false) && new["right"] == json!(true), || {
        format!("the new page: {new}")
    })
}

/// A blog's readers did not ask for an installation.
async fn frames_keep_nothing(page: &Page) -> Result<()> {
    page.keep_service_workers().await?;
    page.open_framed().await?;
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
