//! The second column beyond choosing a pattern: layers by content, tables of joined patterns and of a second branch, formulas that open where they stand,
//! conventions with who stands on each side.

use serde_json::{Value, json};

use super::Case;
use super::edit::{after, experiment};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("rules";
        layers_by_content_are_shown_alone_and_together, a_table_of_a_joined_pattern_is_edited, a_joined_pattern_opens_by_itself,
        a_table_of_the_second_branch_is_edited, a_position_opens_or_says_why_not, both_sides_of_a_convention_are_named)
}

/// Sets a part of the experiment as a program does, and waits for its run.
async fn set(page: &Page, part: &str) -> Result<Value> {
    let script = format!("await (await attentionPlayground).set({part})");
    after(page, async || page.js(&script, vec![]).await.map(drop)).await
}

/// Sets the first number of a table, in the part of the page that a selector names.
async fn type_first(page: &Page, within: &str, value: &str) -> Result<()> {
    let field = format!("document.querySelector('{within} .numbers input')");
    page.wait_until(&field).await?;
    let script = format!(
        "const field = {field}; field.value = args[0]; field.dispatchEvent(new Event('change', {{ bubbles: true }}))"
    );
    page.js(&script, vec![json!(value)]).await.map(drop)
}

async fn layers_by_content_are_shown_alone_and_together(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    set(page, "{ position: { id: 'tisasrec' }, selection: { id: 'top-k', params: { keep: 3 } } }").await?;
    page.click("Show layers").await?;
    // All together, the window, the selection; the position's part, and all that is added.
    let names = "[...document.querySelectorAll('dialog[open] .layers button span')].map((e) => e.textContent)";
    page.wait_until(&format!("{names}.length === 5")).await?;
    let said = page.js(&format!("return {names}"), vec![]).await?;
    let has = |name: &str| said.as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some(name)));
    let catalogue = page
        .js("const c = (await attentionPlayground).catalogue(), of = (list, id) => list.find((e) => e.id === id).name.en; return [of(c.positions, 'tisasrec'), of(c.selections, 'top-k')]", vec![])
        .await?;
    for name in catalogue.as_array().into_iter().flatten().filter_map(Value::as_str) {
        ensure(has(name), || format!("{name} is not among {said}"))?;
    }
    page.screenshot("layers by content").await?;
    page.click("Close").await?;
    // What turns queries and keys adds no layer, and is named.
    set(page, "{ position: { id: 'rope' }, selection: { id: 'none' } }").await?;
    page.click("Show layers").await?;
    page.wait_until("document.querySelectorAll('dialog[open] .layers button').length === 2").await?;
    page.wait_until(
        "document.querySelector('dialog[open]').textContent.includes('Without a layer of its own: Rotary (RoPE)')",
    )
    .await
}

async fn a_table_of_a_joined_pattern_is_edited(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    set(page, "{ combine: [{ op: 'and', id: 'document' }] }").await?;
    let now = after(page, async || type_first(page, ".joined__row", "7").await).await?;
    ensure(now["data"]["doc"][0].as_f64() == Some(7.0), || format!("{}", now["data"]))?;
    page.wait_until("document.querySelector('.joined__row .numbers input').value === '7'").await?;
    page.screenshot("table of a joined pattern").await?;
    let undone = after(page, async || page.click("Undo").await).await?;
    ensure(undone["data"].get("doc").is_none(), || format!("{}", undone["data"]))
}

async fn a_joined_pattern_opens_by_itself(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    set(page, "{ combine: [{ op: 'or', id: 'global' }, { op: 'and', id: 'causal' }] }").await?;
    let button =
        "[...document.querySelectorAll('.joined__row')][0].querySelector('button.quiet-button:not([aria-label])')";
    page.wait_until(&format!("{button}?.textContent === 'Edit its formula as my own'")).await?;
    let before = experiment(page).await?;
    let own = after(page, async || page.js(&format!("{button}.click()"), vec![]).await.map(drop)).await?;
    ensure(own["mask"] == before["mask"] && own["combine"][1] == before["combine"][1], || format!("{own}"))?;
    let text = own["combine"][0]["custom"]["text"].as_str().unwrap_or_default();
    ensure(own["combine"][0]["id"] == "custom" && text.contains("marked[k]"), || format!("{}", own["combine"]))?;
    // And then it is edited where it stands, its number a slider with a range.
    page.wait_until("document.querySelector('.joined__row .declared')").await?;
    let now = after(page, async || page.fill("Formula of the joined pattern", "k < tokens").await).await?;
    ensure(now["combine"][0]["custom"]["text"] == "k < tokens", || format!("{}", now["combine"]))
}

async fn a_table_of_the_second_branch_is_edited(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    set(page, "{ hybrid: { id: 'gated' }, branch: { id: 'document' } }").await?;
    let summary = "[...document.querySelectorAll('.fold summary')].find((s) => s.textContent.includes('Product, selection, hybrid, dropout, layers'))";
    page.js(&format!("{summary}.click()"), vec![]).await?;
    let now = after(page, async || type_first(page, ".fold[open]", "5").await).await?;
    ensure(now["data"]["doc"][0].as_f64() == Some(5.0), || format!("{}", now["data"]))
}

async fn a_position_opens_or_says_why_not(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    set(page, "{ position: { id: 'alibi' } }").await?;
    let own = after(page, async || page.click("Edit its formula as my own").await).await?;
    let text = own["score"]["text"].as_str().unwrap_or_default();
    ensure(own["position"]["id"] == "none" && text.contains("slope[h]"), || format!("{} {text}", own["position"]))?;
    set(page, "{ position: { id: 'rope' } }").await?;
    page.wait_until(
        "document.querySelector('.column--rules').textContent.includes('It turns Q and K before their product')",
    )
    .await
}

async fn both_sides_of_a_convention_are_named(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let unfold =
        "[...document.querySelectorAll('.fold summary')].find((e) => e.textContent.includes('Conventions')).click()";
    page.js(unfold, vec![]).await?;
    page.wait_until("document.querySelectorAll('.convention__who').length === 6").await?;
    let named =
        "[...document.querySelectorAll('.convention__who span')].every((e) => e.textContent && e.offsetHeight > 0)";
    page.wait_until(named).await?;
    let chosen = "[...document.querySelectorAll('.convention__chosen')].map((e) => e.textContent)[1]";
    page.wait_until(&format!("{chosen} === 'Mistral'")).await?;
    page.click("W + 1 keys").await?;
    page.wait_until(&format!("{chosen} === 'ONNX, attention-gym'")).await?;
    page.screenshot("conventions").await
}
