//! Using the page as a person does: controls are found by their labels, effects are read from what the page computed.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("edit";
        the_opener_is_computed, a_cell_is_typed_and_undone, a_formula_is_typed, a_wrong_formula_leaves_the_page_as_it_was,
        an_unknown_name_becomes_a_slider, a_slider_moves, a_pattern_is_picked, a_cell_of_the_map_is_painted, a_head_is_chosen,
        pasted_numbers_are_computed, words_of_your_own_are_computed, the_language_changes_and_nothing_is_lost,
        every_position_scheme_and_normaliser_computes, patterns_are_joined_and_become_one_formula,
        a_head_gets_a_pattern_of_its_own, each_layer_is_looked_at, two_streams_are_joined_as_the_papers_do,
        conventions_are_switched_and_counted)
}

/// Waits for the run that an action started, and gives its result as the page tells it.
pub(super) async fn after(page: &Page, action: impl AsyncFnOnce() -> Result<()>) -> Result<Value> {
    page.js(
        "const p = await attentionPlayground; self.last = null; self.off?.(); self.off = p.on('result', (r) => { self.last = r ?? {} });",
        vec![],
    )
    .await?;
    action().await?;
    page.wait_until("self.last").await?;
    page.js("return (await attentionPlayground).get()", vec![]).await
}

pub(super) async fn experiment(page: &Page) -> Result<Value> {
    page.js("return (await attentionPlayground).get()", vec![]).await
}

/// The text of the row "weight" under "Why this cell".
async fn weight(page: &Page) -> Result<String> {
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    let text = page.js("return document.querySelector('.steps .strong td').textContent", vec![]).await?;
    Ok(text.as_str().unwrap_or_default().to_owned())
}

/// Waits for the row "weight" to show something else.
async fn weight_changes(page: &Page, from: &str) -> Result<()> {
    page.wait_until(&format!("(document.querySelector('.steps .strong td')?.textContent ?? {from:?}) !== {from:?}"))
        .await
}

async fn the_opener_is_computed(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let shown = weight(page).await?;
    // Layer 3, head 6 of the captured model under a causal window of 9: "it" gives the animal 46 %.
    ensure(shown == "46.2 %", || format!("“it” gives the animal {shown}"))?;
    page.screenshot("opener").await
}

async fn a_cell_is_typed_and_undone(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let before = weight(page).await?;
    page.js("document.querySelector('[data-tensor=q] [role=application]').focus()", vec![]).await?;
    let now = after(page, async || page.keys("-1.5" + Key::Enter).await).await?;
    ensure(now["edits"][0]["tensor"] == "q" && now["edits"][0]["value"].as_f64() == Some(-1.5), || {
        format!("edits: {}", now["edits"])
    })?;
    weight_changes(page, &before).await?;
    let undone = after(page, async || page.click("Undo").await).await?;
    ensure(undone["edits"].as_array().is_none_or(Vec::is_empty), || format!("edits after undo: {}", undone["edits"]))?;
    page.wait_until(&format!("document.querySelector('.steps .strong td').textContent === {before:?}")).await
}

async fn a_formula_is_typed(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let now = after(page, async || page.set("Mask formula", "k <= q and q - k < 4").await).await?;
    ensure(now["mask"]["id"] == "custom" && now["mask"]["custom"]["text"] == "k <= q and q - k < 4", || {
        format!("{}", now["mask"])
    })?;
    // The animal is eight tokens before "it": out of sight now.
    page.wait_until("document.querySelector('.steps .strong td').textContent === '0.0 %'").await?;
    page.screenshot("formula").await
}

async fn a_wrong_formula_leaves_the_page_as_it_was(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.set("Mask formula", "k <= q && q - k < 4").await?;
    page.wait_until("[...document.querySelectorAll('[role=alert]')].some((e) => e.checkVisibility() && e.textContent.includes('and'))").await?;
    ensure(weight(page).await? == "46.2 %", || "the result changed".into())?;
    page.screenshot("formula error").await?;
    // The page offers the repair; taking it computes.
    after(page, async || {
        page.js(
            "[...document.querySelectorAll('.issue__ways button')].find((b) => b.checkVisibility()).click()",
            vec![],
        )
        .await
        .map(drop)
    })
    .await
    .map(drop)
}

async fn an_unknown_name_becomes_a_slider(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.set("Mask formula", "k <= q and q - k < reach").await?;
    page.wait_until(
        "[...document.querySelectorAll('button')].some((b) => b.textContent.trim() === 'Make reach a slider')",
    )
    .await?;
    let now = after(page, async || page.click("Make reach a slider").await).await?;
    ensure(parameter(&now, "reach") == Some(4.0), || format!("{}", now["mask"]))?;
    let moved = after(page, async || page.set("reach", "9").await).await?;
    ensure(parameter(&moved, "reach") == Some(9.0), || format!("{}", moved["mask"]))?;
    page.wait_until("document.querySelector('.steps .strong td').textContent === '46.2 %'").await
}

/// Value of a declared parameter of the user's own mask.
fn parameter(experiment: &Value, name: &str) -> Option<f64> {
    let params = experiment["mask"]["custom"]["params"].as_array()?;
    params.iter().find(|p| p["name"] == name)?["value"].as_f64()
}

async fn a_slider_moves(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let now = after(page, async || page.set("window", "3").await).await?;
    ensure(now["mask"]["params"]["window"].as_f64() == Some(3.0), || format!("{}", now["mask"]))?;
    page.wait_until("document.querySelector('.steps .strong td').textContent === '0.0 %'").await
}

async fn a_pattern_is_picked(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let all = page
        .js("return (await attentionPlayground).catalogue().masks.map((m) => [m.id, m.name.en ?? m.name])", vec![])
        .await?;
    let all: Vec<(String, String)> = serde_json::from_value(all)?;
    ensure(all.len() >= 14, || format!("{} masks", all.len()))?;
    page.click("More patterns").await?;
    page.wait_until(&format!("document.querySelectorAll('.thumbs [role=radio]').length === {}", all.len())).await?;
    page.screenshot("all patterns").await?;
    for (id, name) in all.iter().filter(|(id, _)| id != "sliding-window") {
        let now = after(page, async || page.click(name).await).await?;
        ensure(now["mask"]["id"] == json!(id), || format!("{name}: {}", now["mask"]))?;
    }
    page.screenshot("clock").await
}

async fn a_cell_of_the_map_is_painted(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.js("document.querySelector('.map__field').focus()", vec![]).await?;
    let now = after(page, async || page.keys(" ").await).await?;
    ensure(now["paint"][0] == json!({ "q": [10, 11], "k": [2, 3], "allow": false }), || format!("{}", now["paint"]))?;
    page.wait_until("document.querySelector('.steps .strong td').textContent === '0.0 %'").await
}

async fn a_head_is_chosen(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let before = weight(page).await?;
    page.click("Head 1").await?;
    weight_changes(page, &before).await?;
    let now = experiment(page).await?;
    ensure(now["view"]["head"] == json!(0), || format!("{}", now["view"]))
}

async fn pasted_numbers_are_computed(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Paste").await?;
    page.set("Q: numbers", "1,0\n0,1").await?;
    page.set("K: numbers", "[[1,0],[0,1]]").await?;
    after(page, async || page.set("V: numbers", "1 2\n3 4").await).await?;
    page.wait_until("document.querySelectorAll('.head').length === 1").await
}

async fn words_of_your_own_are_computed(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    after(page, async || page.click("Text").await).await.map(drop)
}

async fn the_language_changes_and_nothing_is_lost(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    after(page, async || page.set("window", "5").await).await?;
    page.click("中文").await?;
    page.wait_until("document.documentElement.lang === 'zh-CN'").await?;
    page.screenshot("chinese").await?;
    let now = experiment(page).await?;
    ensure(now["mask"]["params"]["window"].as_f64() == Some(5.0), || format!("{}", now["mask"]))?;
    page.click("English").await
}

async fn every_position_scheme_and_normaliser_computes(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let script = "const p = await attentionPlayground, c = p.catalogue(), bad = []; const next = () => new Promise((done) => {
          const off = p.on('result', (r) => { off(); done(r) }) });
        let before = (await p.run({ Q: { shape: [1, 1, 1], data: [1] }, K: { shape: [1, 1, 1], data: [1] }, V: { shape: [1, 1, 1], data: [1] } })).outputs.Y.data;
        for (const [field, list] of [['position', c.positions], ['normaliser', c.normalisers], ['prob', c.probabilities], ['layers', c.layers]])
          for (const { id } of list) {
            if (p.get()[field].id === id) continue;
            const ran = next(); await p.set({ [field]: { id } });
            const y = (await ran).outputs.Y.data;
            if (!y.every(Number.isFinite)) bad.push(id + ': not finite');
            if (y.length === before.length && y.every((x, i) => x === before[i])) bad.push(id + ': changed nothing');
            before = y;
          }
        return bad";
    let bad = page.js(script, vec![]).await?;
    ensure(bad == json!([]), || format!("{bad}"))
}

/// Presses the first visible button whose text is `text` inside the open sheet.
pub(super) async fn press_in_sheet(page: &Page, text: &str) -> Result<()> {
    let script = format!(
        "[...document.querySelectorAll('dialog[open] button')].find((b) => b.checkVisibility() && b.textContent.trim() === {text:?})"
    );
    page.wait_until(&script).await?;
    page.js(&format!("{script}.click()"), vec![]).await.map(drop)
}

/// Looks at an entry of the open catalogue: searches for `words`, which stand in it and in few others, and presses its picture.
pub(super) async fn look_for(page: &Page, words: &str, name: &str) -> Result<()> {
    page.wait_until("document.querySelector('dialog[open] input[type=search]')").await?;
    page.set("Search names, papers, years", words).await?;
    page.wait_until("document.querySelectorAll('dialog[open] .thumbs button').length <= 3").await?;
    press_in_sheet(page, name).await
}

async fn patterns_are_joined_and_become_one_formula(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Add a pattern").await?;
    look_for(page, "ETC 2020", "Global tokens").await?;
    page.screenshot("joining a pattern").await?;
    let now = after(page, async || press_in_sheet(page, "Join it").await).await?;
    ensure(now["combine"] == json!([{ "op": "or", "id": "global" }]), || format!("{}", now["combine"]))?;
    // The first two tokens see everything now: also what comes after them.
    let script = "const p = await attentionPlayground; const r = await p.run({ Q: { shape: [1, 8, 1], data: Array(8).fill(1) }, K: { shape: [1, 8, 1], data: Array(8).fill(1) }, V: { shape: [1, 8, 1], data: [0, 1, 2, 3, 4, 5, 6, 7] },
        mask: { id: 'causal' }, combine: [{ op: 'or', id: 'global', params: { tokens: 1 } }, { op: 'and', id: 'sliding-window', params: { window: 2 }, not: true }] }); return [...r.outputs.Y.data]";
    // Row 0 sees 1 … 7 (mean 4), row 7 sees 0 … 5 (mean 2.5).
    let y = page.js(script, vec![]).await?;
    let near = |at: usize, wanted: f64| y[at].as_f64().is_some_and(|found| (found - wanted).abs() < 1e-5);
    ensure(near(0, 4.0) && near(7, 2.5), || format!("{y}"))?;
    page.wait_until("document.querySelectorAll('.joined__row').length === 1").await?;
    let now = after(page, async || page.set("global tokens", "3").await).await?;
    ensure(now["combine"][0]["params"]["tokens"].as_f64() == Some(3.0), || format!("{}", now["combine"]))?;
    page.screenshot("a joined pattern").await?;
    let before = weight(page).await?;
    let one = after(page, async || page.click("Edit as one formula").await).await?;
    let text = one["mask"]["custom"]["text"].as_str().unwrap_or_default();
    ensure(text.contains(" or (marked[k]") || text.contains(" or marked[k]"), || text.to_owned())?;
    ensure(one["combine"].as_array().is_some_and(Vec::is_empty), || format!("{}", one["combine"]))?;
    ensure(weight(page).await? == before, || "another result".into())?;
    let undone = after(page, async || page.click("Undo").await).await?;
    ensure(undone["combine"][0]["id"] == "global", || format!("{}", undone["combine"]))
}

async fn a_head_gets_a_pattern_of_its_own(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("This head only").await?;
    look_for(page, "Raffel continuation", "Prefix").await?;
    let now = after(page, async || press_in_sheet(page, "Join it").await).await?;
    ensure(now["combine"] == json!([{ "op": "replace", "heads": [5], "id": "prefix-lm" }]), || {
        format!("{}", now["combine"])
    })?;
    // "it" sees everything before it now, in this head; the others are as they were.
    page.wait_until("document.querySelector('.steps .strong td').textContent !== '46.2 %'").await?;
    after(page, async || page.click("Prefix: remove").await).await?;
    page.wait_until("document.querySelector('.steps .strong td').textContent === '46.2 %'").await
}

async fn each_layer_is_looked_at(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let set = "await (await attentionPlayground).set({ position: { id: 'alibi' }, combine: [{ op: 'or', id: 'global' }], paint: [{ q: [0, 2], k: [4, 6], allow: true }] })";
    page.js(set, vec![]).await?;
    page.click("Show layers").await?;
    // All together, the window, the global tokens, the paint, ALiBi, all biases.
    page.wait_until("document.querySelectorAll('dialog[open] .layers button').length === 6").await?;
    press_in_sheet(page, "ALiBi").await?;
    page.wait_until(
        "document.querySelector('dialog[open] .layers__large figcaption').textContent.includes('around 0')",
    )
    .await?;
    page.screenshot("layers").await
}

async fn two_streams_are_joined_as_the_papers_do(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("X·W").await?;
    after(page, async || page.click("Two texts").await).await?;
    let now = after(page, async || page.click("ViLBERT").await).await?;
    ensure(now["input"]["weights_b"] == "normal" && now["mask"]["params"]["aa"] == 0.0, || format!("{now}"))?;
    page.wait_until("document.body.textContent.includes('W_Q, W_K, W_V of stream B')").await?;
    page.screenshot("two streams").await?;
    let now = after(page, async || page.click("LXMERT").await).await?;
    ensure(now["input"]["weights_b"].is_null() && now["mask"]["params"]["ab"] == 1.0, || format!("{now}"))?;
    let now = after(page, async || page.click("Merged").await).await?;
    ensure(now["mask"]["params"]["aa"] == 1.0 && now["mask"]["params"]["bb"] == 1.0, || format!("{now}"))?;
    // A text alone has no second stream, and no matrices of one.
    after(page, async || page.click("B has its own").await).await?;
    let now = after(page, async || page.click("Picture").await).await?;
    ensure(now["input"]["x"]["kind"] == "image" && now["input"]["weights_b"].is_null(), || format!("{}", now["input"]))
}

async fn conventions_are_switched_and_counted(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let unfold =
        "[...document.querySelectorAll('.fold summary')].find((e) => e.textContent.includes('Conventions')).click()";
    page.js(unfold, vec![]).await?;
    let now = after(page, async || page.click("both ways").await).await?;
    ensure(now["conventions"]["sides"] == "two_sided", || format!("{}", now["conventions"]))?;
    page.wait_until("document.body.textContent.includes('JAX local_window_size=W')").await?;
    // Whatever the position scheme is.
    page.click("signed").await?;
    page.wait_until("document.querySelector('.column--rules').textContent.includes('2 changed')").await?;
    let now = experiment(page).await?;
    ensure(now["conventions"]["alibi"] == "signed" && now["position"]["params"].is_null(), || format!("{now}"))
}
