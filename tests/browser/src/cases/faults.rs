//! What happens when something breaks.

use serde_json::json;

use super::{Case, Needs};
use crate::deploy::{Deployed, PATH};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all = cases!("faults"; a_trap_shows_the_address_to_keep, a_worker_that_cannot_start_says_so);
    // It has the folder that versions are deployed to.
    let alone = Needs { alone: true, ..Needs::default() };
    all.extend(cases!("faults", alone; a_piece_that_a_worker_misses_is_asked_for_again, the_file_of_the_workers_is_fetched_again));
    all.extend(cases!("faults", Needs::CDP; a_missing_module_is_said, a_missing_piece_can_be_fetched_again));
    all
}

async fn a_trap_shows_the_address_to_keep(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let hidden = "return document.getElementById('crash').hidden";
    page.js("dispatchEvent(new ErrorEvent('error', { error: new Error('of an extension') }))", vec![]).await?;
    ensure(page.js(hidden, vec![]).await? == json!(true), || "an error that is not ours stopped the page".into())?;
    page.js(
        "dispatchEvent(new ErrorEvent('error', { error: new self.WebAssembly.RuntimeError('unreachable') }))",
        vec![],
    )
    .await?;
    ensure(page.js(hidden, vec![]).await? == json!(false), || "a trap went unseen".into())?;
    let kept = page.js("return document.getElementById('crash-link').value === location.href", vec![]).await?;
    ensure(kept == json!(true), || "the address is not offered".into())?;
    page.screenshot("crash").await?;
    page.click("Reload").await?;
    page.wait_until("document.getElementById('crash').hidden").await?;
    // What a program says that the browser has ended in its midst; but this one still answers.
    let cut = "dispatchEvent(new ErrorEvent('error', { error: new Error('closure invoked recursively or after being dropped') }));
        await new Promise((next) => setTimeout(next, 4000)); return document.getElementById('crash').hidden";
    ensure(page.js(cut, vec![]).await? == json!(true), || "a program that answers is said to have stopped".into())?;
    page.js("Object.defineProperty(self, 'attentionPlayground', { value: new Promise(() => {}) })", vec![]).await?;
    ensure(page.js(cut, vec![]).await? == json!(false), || "a program that does not answer went unseen".into())
}

async fn a_missing_module_is_said(page: &Page) -> Result<()> {
    page.cdp("Network.enable", json!({})).await?;
    page.cdp("Network.setBlockedURLs", json!({ "urls": ["*app-*.wasm"] })).await?;
    let outcome = async {
        page.open("/").await?;
        page.wait_until("!document.getElementById('crash').hidden").await?;
        page.screenshot("module missing").await
    }
    .await;
    page.cdp("Network.setBlockedURLs", json!({ "urls": [] })).await?;
    outcome?;
    page.expect_severe("fetch").await?;
    // The failed start itself is an uncaught error too.
    page.severe_messages().await.map(drop)
}

/// A part of the page that does not arrive says so where it would be, and comes when asked for again.
async fn a_missing_piece_can_be_fetched_again(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.cdp("Network.enable", json!({})).await?;
    page.cdp("Network.setBlockedURLs", json!({ "urls": ["*later-*.wasm"] })).await?;
    let outcome = async {
        page.click("Help and keys").await?;
        page.wait_until("[...document.querySelectorAll('button')].some((b) => b.textContent === 'Try again')").await?;
        page.screenshot("piece missing").await
    }
    .await;
    page.cdp("Network.setBlockedURLs", json!({ "urls": [] })).await?;
    outcome?;
    page.severe_messages().await?;
    page.click("Try again").await?;
    page.wait_until("document.querySelector('dialog[open] h2')").await
}

/// Runs that need no more than the first view go on, others say what did not arrive; when it is there again they need nothing but to be asked for.
async fn a_piece_that_a_worker_misses_is_asked_for_again(page: &Page) -> Result<()> {
    let deployed = Deployed::first()?;
    deployed.there("aside-", false)?;
    page.open_ready(PATH).await?;
    let run = "const T = { shape: [1, 1, 2, 1], data: new Float32Array([1, 3]) };
        return (await (await attentionPlayground).run({ Q: { ...T, data: new Float32Array(2) }, K: T, V: T, backend: 'cpu', algorithm: args[0] })).outputs.Y.data";
    let answers = async |algorithm: &str| page.js(run, vec![json!(algorithm)]).await;
    let small = answers("materialised").await?;
    ensure(small == json!([2, 2]), || format!("attention over two values gave {small}"))?;
    let refused = answers("streaming").await.err().map(|error| error.to_string()).unwrap_or_default();
    let named = refused.contains("engine.algorithm") && refused.contains("did not arrive");
    ensure(named, || format!("without its code the streaming algorithm says {refused:?}"))?;
    deployed.there("aside-", true)?;
    let found = answers("streaming").await?;
    ensure(found == json!([2, 2]), || format!("when the code was there, streaming gave {found}"))?;
    // The file that was not there.
    page.forget_severe().await
}

/// What every CPU worker loads is one file, and comes when it is asked for again.
async fn the_file_of_the_workers_is_fetched_again(page: &Page) -> Result<()> {
    let deployed = Deployed::first()?;
    deployed.there("workers-", false)?;
    page.open_ready(PATH).await?;
    let run = "const T = { shape: [1, 1, 2, 1], data: new Float32Array([1, 3]) };
        return (await (await attentionPlayground).run({ Q: { ...T, data: new Float32Array(2) }, K: T, V: T, backend: 'cpu' })).outputs.Y.data";
    let refused = page.js(run, vec![]).await.err().map(|error| error.to_string()).unwrap_or_default();
    ensure(refused.contains("did not arrive"), || format!("without the workers' file a run says {refused:?}"))?;
    deployed.there("workers-", true)?;
    let found = page.js(run, vec![]).await?;
    ensure(found == json!([2, 2]), || format!("when the file was there, a run gave {found}"))?;
    // The file that was not there.
    page.forget_severe().await
}

/// The loader's own errors: a name it must not import, a first message that is no module.
async fn a_worker_that_cannot_start_says_so(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let script = "const meta = (name) => document.querySelector(`meta[name=\"${name}\"]`).content;
        const first = (query, message) => new Promise((answer, refuse) => {
          const worker = new Worker(meta('worker-loader') + query, { type: 'module' });
          worker.onmessage = (event) => { worker.terminate(); answer(event.data) };
          worker.onerror = (event) => { worker.terminate(); refuse(new Error(event.message)) };
          worker.postMessage(message);
        });
        return [await first('?m=https://example.org/x.js', {}), await first('?m=' + meta('program'), { module: 1 }),
                await first('?m=app-gone.js', {})]";
    let answers = page.js(script, vec![]).await?;
    for (answer, words) in
        answers.as_array().into_iter().flatten().zip(["no program is called", "first message", "did not load"])
    {
        let message = answer["message"].as_str().unwrap_or_default();
        ensure(answer["kind"] == "failed" && message.contains(words), || {
            format!("the loader answered {answer}, not {words:?}")
        })?;
    }
    ensure(answers.as_array().is_some_and(|all| all.len() == 3), || format!("not three answers: {answers}"))
}
