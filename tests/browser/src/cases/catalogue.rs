//! The catalogue: as a sheet of the page, and as a program is told it.

use attention_playground::catalogue::{List, every_entry, summaries};
use serde_json::{Value, json};

use super::Case;
use super::edit::{after, experiment, look_for, press_in_sheet};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("catalogue";
        the_catalogue_is_searched_and_an_entry_is_opened, the_catalogue_holds_every_list, the_catalogue_is_told_as_plain_objects)
}

async fn the_catalogue_is_searched_and_an_entry_is_opened(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Browse all").await?;
    look_for(page, "突触", "Synaptic").await?;
    page.wait_until("document.querySelector('dialog[open] math')").await?;
    page.wait_until("/of 256 \\(/.test(document.querySelector('dialog[open] .facts').textContent)").await?;
    page.screenshot("catalogue").await?;
    after(page, async || press_in_sheet(page, "Use it").await).await?;
    page.click("Browse all").await?;
    look_for(page, "突触", "Synaptic").await?;
    let own = after(page, async || press_in_sheet(page, "Edit its formula as my own").await).await?;
    ensure(
        own["mask"]["id"] == "custom" && own["score"]["text"].as_str().is_some_and(|t| t.contains("gain[")),
        || format!("{} {}", own["mask"], own["score"]),
    )?;
    page.click("Browse all").await?;
    press_in_sheet(page, "positions").await?;
    look_for(page, "roformer", "Rotary (RoPE)").await?;
    page.wait_until("document.querySelectorAll('dialog[open] math').length === 2").await?;
    let address = page.js("return document.querySelector('dialog[open] .facts a').href", vec![]).await?;
    ensure(address == json!("https://arxiv.org/abs/2104.09864"), || format!("{address}"))
}

async fn the_catalogue_holds_every_list(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Browse all").await?;
    let lists =
        "[...document.querySelectorAll('dialog[open] .thumbs[role=group]')].map((e) => e.getAttribute('aria-label'))";
    page.wait_until(&format!("{lists}.length === {}", List::ALL.len())).await?;
    let buttons = page.js("return document.querySelectorAll('dialog[open] .thumbs button').length", vec![]).await?;
    ensure(buttons == json!(every_entry().count()), || format!("{buttons} entries"))?;
    for list in [List::Mask, List::Selection, List::Hybrid, List::Mix] {
        let (name, count) = (list.name().en, summaries(list).len());
        let pictures =
            format!("document.querySelectorAll('dialog[open] .thumbs[aria-label=\"{name}\"] canvas').length");
        page.wait_until(&format!("{pictures} === {count}")).await?;
    }
    // What depends on content is computed over the input as it is: three branches of 16 tokens and two blocks.
    look_for(page, "nsa", "Three branches (NSA)").await?;
    page.wait_until(
        "/pairs, of this input.*, 16 × 18/.test(document.querySelector('dialog[open] .facts').textContent)",
    )
    .await?;
    page.wait_until("/of 288 \\(/.test(document.querySelector('dialog[open] .facts').textContent)").await?;
    page.wait_until("document.querySelector('dialog[open] canvas.browse__pattern')").await?;
    page.screenshot("a selection in the catalogue").await?;
    let now = after(page, async || press_in_sheet(page, "Use it").await).await?;
    ensure(now["selection"]["id"] == "nsa", || format!("{}", now["selection"]))?;
    // Drawn, and said to be ours.
    page.click("Browse all").await?;
    look_for(page, "performer", "Performer").await?;
    page.wait_until("document.querySelectorAll('dialog[open] math').length === 5").await?;
    press_in_sheet(page, "Use it").await?;
    page.wait_until("document.querySelector('.estimate select')?.value === 'performer'").await?;
    let now = experiment(page).await?;
    ensure(now["estimator"]["id"] == "performer", || format!("{}", now["estimator"]))?;
    page.click("Browse all").await?;
    look_for(page, "cosine dial", "Cosine dial").await?;
    page.wait_until("/What is ours/.test(document.querySelector('dialog[open] .browse__ours')?.textContent)").await?;
    // What leaves the pairs alone shows the weights with it.
    page.wait_until("document.querySelector('dialog[open] canvas.browse__pattern')?.width > 0").await?;
    after(page, async || press_in_sheet(page, "Use it").await).await?;
    page.click("Browse all").await?;
    look_for(page, "needle", "Needle").await?;
    let now = after(page, async || press_in_sheet(page, "Use it").await).await?;
    ensure(now["input"]["recipe"] == "needle", || format!("{}", now["input"]))?;
    // Its margin has a field of its own.
    let margin = "document.querySelector('input[type=number][aria-label^=\"margin of its score\"]')";
    page.wait_until(margin).await?;
    let typed = format!(
        "const e = {margin}; e.value = '7'; e.dispatchEvent(new Event('change', {{ bubbles: true }})); return true"
    );
    let now = after(page, async || page.js(&typed, vec![]).await.map(|_| ())).await?;
    ensure(
        now["input"]["params"] == json!({ "margin": 7.0 }) || now["input"]["params"] == json!({ "margin": 7 }),
        || format!("{}", now["input"]),
    )?;
    // Two streams come with an input that has them, as one step.
    page.click("Browse all").await?;
    look_for(page, "vilbert", "ViLBERT").await?;
    let now = after(page, async || press_in_sheet(page, "Use it").await).await?;
    ensure(
        now["mask"]["id"] == "cross-modal"
            && now["input"]["x"]["kind"] == "texts"
            && now["input"]["weights_b"] == "normal",
        || format!("{} {}", now["mask"], now["input"]),
    )
}

async fn the_catalogue_is_told_as_plain_objects(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let told = page.js("return JSON.parse(JSON.stringify((await attentionPlayground).catalogue()))", vec![]).await?;
    let wanted: serde_json::Map<_, _> =
        List::ALL.map(|list| (list.id().to_owned(), json!(summaries(list)))).into_iter().collect();
    // Numbers of JavaScript are of one kind.
    ensure(same(&told, &wanted.into()), || "the catalogue of the page is another".into())?;
    let maps = "const walk = (x) => x instanceof Map || (x !== null && typeof x === 'object' && Object.values(x).some(walk)); return walk((await attentionPlayground).catalogue())";
    ensure(page.js(maps, vec![]).await? == json!(false), || "there is a Map in it".into())
}

/// Whether two values say the same, whatever kind of number says it.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, x)| b.get(name).is_some_and(|y| same(x, y)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same(x, y)),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}
