//! The map for those who hear it, and a part of it looked at closely: by keys, as numbers, as lines; what is said and shown is what the API computes.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::Case;
use super::access::{press, speak};
use super::edit::experiment;
use super::keys::{tab_to, tab_to_text};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("closer"; the_cell_is_said_in_both_languages, the_table_is_opened_by_keys_and_holds_the_weights, merged_numbers_are_those_of_a_rectangle,
        keys_go_closer_and_back, lines_say_where_a_token_looks)
}

/// Opens the page and waits for its first result.
async fn open(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await
}

/// Has the page compute two heads of so many tokens, with this mask.
async fn set(page: &Page, n: usize, mask: &str) -> Result<()> {
    let script = "const [n, id] = args; const api = await attentionPlayground;
        const ran = new Promise((done) => { const off = api.on('result', (r) => { off(); done(r) }) });
        await api.set({ input: { kind: 'generated', recipe: 'normal', seed: 3, size: { q_heads: 2, kv_heads: 2, n_q: n, n_k: n, d: 8, d_v: 8 } }, mask: { id }, view: { head: 1, query: 0, key: 0 } });
        await ran";
    page.js(script, vec![json!(n), json!(mask)]).await?;
    page.wait_until(&format!("(await attentionPlayground).get().input.size?.n_q === {n}")).await
}

/// What the API computes for what the page shows: `weights` of the head, or the `rect` that is given.
async fn computed(page: &Page, rect: Value) -> Result<Vec<Vec<f64>>> {
    let script = "const api = await attentionPlayground, e = api.get(), { input, mask, conventions } = e, head = e.view.head;
        const rect = args[0] && { head, ...args[0] }, name = rect ? 'rect' : 'weights';
        const { outputs } = await api.run({ input, mask, conventions, outputs: [name], ...(rect ? { rect } : {}) });
        const { shape, data } = outputs[name], [rows, columns] = shape.slice(-2), from = rect ? 0 : head * rows * columns;
        return Array.from({ length: rows }, (_, i) => Array.from(data.slice(from + i * columns, from + (i + 1) * columns)))";
    let got = page.js(script, vec![rect]).await?;
    let row =
        |row: &Value| row.as_array().into_iter().flatten().map(|x| x.as_f64().unwrap_or(f64::NEG_INFINITY)).collect();
    Ok(got.as_array().into_iter().flatten().map(row).collect())
}

/// The table's numbers in percent; nothing stands for a cell that is masked.
async fn table(page: &Page) -> Result<Vec<Vec<Option<f64>>>> {
    let script = "return [...document.querySelectorAll('.zoom__table tbody tr')].map((r) => [...r.querySelectorAll('td')].map((c) => c.textContent === 'masked' ? null : Number(c.textContent)))";
    let shown = page.js(script, vec![]).await?;
    let row = |row: &Value| row.as_array().into_iter().flatten().map(Value::as_f64).collect();
    Ok(shown.as_array().into_iter().flatten().map(row).collect())
}

/// Fails where a number that is shown is not the computed one, to the digits that are shown.
fn same(shown: &[Vec<Option<f64>>], computed: &[Vec<f64>]) -> Result<()> {
    ensure(shown.len() == computed.len() && !shown.is_empty(), || {
        format!("{} rows, not {}", shown.len(), computed.len())
    })?;
    for (i, (shown, computed)) in shown.iter().zip(computed).enumerate() {
        ensure(shown.len() == computed.len(), || format!("row {i} has {} cells, not {}", shown.len(), computed.len()))?;
        for (j, (shown, computed)) in shown.iter().zip(computed).enumerate() {
            let percent = 100.0 * computed;
            let close = shown.map_or(percent <= 0.0, |shown| (shown - percent).abs() <= 0.0051);
            ensure(close, || format!("({i}, {j}) shows {shown:?}, computed is {percent}"))?;
        }
    }
    Ok(())
}

/// What is said of the cell.
const SAID: &str = "document.getElementById('map-cell').textContent";

async fn the_cell_is_said_in_both_languages(page: &Page) -> Result<()> {
    open(page).await?;
    let weights = computed(page, Value::Null).await?;
    let names =
        page.js("return [...document.querySelectorAll('.axis--rows span')].map((e) => e.textContent)", vec![]).await?;
    ensure(names.as_array().map_or(0, Vec::len) == weights.len(), || format!("the rows are called {names}"))?;
    let about = "const e = document.getElementById('map-cell'); return [e.ariaLive, document.querySelector('.map__field').getAttribute('aria-describedby'), e.checkVisibility()]";
    let about = page.js(about, vec![]).await?;
    ensure(about == json!(["polite", "map-whole map-cell", true]), || format!("how it is said: {about}"))?;
    // The opener's largest weight is that of the first token on itself.
    for (lang, whole) in [
        ("en", "16 × 16, largest: [CLS] → [CLS], weights: 1.000"),
        ("zh-CN", "16 × 16，最大：[CLS] → [CLS]，权重：1.000"),
    ] {
        speak(page, lang).await?;
        page.wait_until(&format!("document.getElementById('map-whole').textContent === {whole:?}")).await?;
    }
    page.js("document.querySelector('.map__field').focus()", vec![]).await?;
    let words = [("en", ", weights: ", "masked"), ("zh-CN", "，权重：", "已屏蔽")];
    for (lang, stage, masked) in words {
        speak(page, lang).await?;
        page.js("document.querySelector('.map__field').focus()", vec![]).await?;
        page.keys(Key::PageUp + Key::Home).await?;
        let mut before = String::new();
        // Down twice, then to the right until after the query, where the mask forbids.
        for (key, q, k) in [
            (Key::Down, 1, 0),
            (Key::Down, 2, 0),
            (Key::Right, 2, 1),
            (Key::Right, 2, 2),
            (Key::Right, 2, 3),
            (Key::Left, 2, 2),
        ] {
            page.keys("" + key).await?;
            let name = |i: usize| names[i].as_str().unwrap_or_default();
            let weight: f64 = weights.get(q).and_then(|row| row.get(k)).copied().ok_or("no such weight")?;
            let value = if weight > 0.0 { format!("{weight:.3}") } else { masked.to_owned() };
            let wanted = format!("{} → {}{stage}{value}", name(q), name(k));
            ensure(wanted != before, || format!("two cells in a row are both {wanted}"))?;
            page.wait_until(&format!("{SAID} === {wanted:?}")).await.map_err(|error| format!("{lang}: {error}"))?;
            before = wanted;
        }
    }
    Ok(())
}

async fn the_table_is_opened_by_keys_and_holds_the_weights(page: &Page) -> Result<()> {
    open(page).await?;
    set(page, 10, "causal").await?;
    tab_to_text(page, "Look closer").await?;
    page.keys(Key::Enter).await?;
    page.wait_until("document.querySelector('.zoom__tools')").await?;
    // The tools come before the button that opened them.
    page.js("document.querySelector('.stages__tabs [aria-selected=true]').focus()", vec![]).await?;
    tab_to(page, "e.closest('[aria-label=\"Read as\"]')").await?;
    page.keys(Key::Right + Key::Right).await?;
    page.wait_until("document.querySelectorAll('.zoom__table tbody tr').length === 10").await?;
    let chosen =
        page.js("return [document.activeElement.textContent, document.activeElement.ariaChecked]", vec![]).await?;
    ensure(chosen == json!(["Table", "true"]), || format!("the focus is on {chosen}"))?;
    same(&table(page).await?, &computed(page, Value::Null).await?)?;
    let causal = table(page).await?;
    ensure(
        causal.iter().enumerate().all(|(i, row)| row.iter().enumerate().all(|(j, cell)| cell.is_none() == (j > i))),
        || "what is masked is not what comes later".into(),
    )?;
    // Its rows and columns have names, and it is reached and scrolled by keys.
    let heads = page.js("return [document.querySelectorAll('.zoom__table thead th[scope=col]').length, document.querySelectorAll('.zoom__table tbody th[scope=row]').length, document.querySelector('.zoom__table caption').textContent]", vec![]).await?;
    ensure(
        heads[0] == json!(10)
            && heads[1] == json!(10)
            && heads[2].as_str().is_some_and(|text| text.starts_with("weights of head 2, in percent")),
        || format!("{heads}"),
    )?;
    tab_to(page, "e.matches('.zoom__table')").await?;
    // The link holds the way of reading; undo does not.
    page.wait_until("location.hash.includes('table')").await
}

async fn merged_numbers_are_those_of_a_rectangle(page: &Page) -> Result<()> {
    open(page).await?;
    set(page, 64, "none").await?;
    page.js("await (await attentionPlayground).set({ view: { reading: 'table' } })", vec![]).await?;
    page.wait_until("document.querySelectorAll('.zoom__table tbody tr').length === 32").await?;
    for (button, pool) in [("Largest", "max"), ("Mean", "mean")] {
        press(page, button).await?;
        let said = if pool == "max" { "the largest of each block" } else { "the mean of each block" };
        page.wait_until(&format!("document.querySelector('.zoom__table caption').textContent.includes({said:?})"))
            .await?;
        let rect = json!({ "q": [0, 64], "k": [0, 64], "width": 16, "height": 32, "pool": pool });
        same(&table(page).await?, &computed(page, rect).await?).map_err(|error| format!("{pool}: {error}"))?;
    }
    // A part of it, each cell by itself; the whole weights say the same.
    page.js("await (await attentionPlayground).set({ view: { rows: [20, 30], columns: [40, 52] } })", vec![]).await?;
    page.wait_until("document.querySelectorAll('.zoom__table tbody tr').length === 10").await?;
    let rect = json!({ "q": [20, 30], "k": [40, 52], "width": 12, "height": 10 });
    let part = computed(page, rect).await?;
    same(&table(page).await?, &part)?;
    let whole = computed(page, Value::Null).await?;
    let cut: Vec<Vec<f64>> =
        whole.iter().skip(20).take(10).map(|row| row.iter().skip(40).take(12).copied().collect()).collect();
    let apart = part.iter().flatten().zip(cut.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    ensure(apart < 1e-6, || format!("a rectangle is {apart:e} off the weights"))
}

/// What is looked at: queries, keys.
async fn part(page: &Page) -> Result<Value> {
    let view = experiment(page).await?["view"].clone();
    Ok(json!([view["rows"], view["columns"]]))
}

async fn keys_go_closer_and_back(page: &Page) -> Result<()> {
    open(page).await?;
    set(page, 16, "causal").await?;
    let weights = computed(page, Value::Null).await?;
    tab_to(page, "e.matches('.map__field')").await?;
    page.keys("+").await?;
    // The tools come with a piece of the program; the focus stays on the map.
    page.wait_until("document.querySelector('.zoom .map__field') === document.activeElement").await?;
    page.wait_until("document.querySelector('.zoom__at').textContent === 'queries 0–7 of 16, keys 0–7 of 16'").await?;
    ensure(part(page).await? == json!([[0, 8], [0, 8]]), || "it is another part".into())?;
    page.keys("+").await?;
    page.wait_until("document.querySelector('.zoom__at').textContent === 'queries 0–3 of 16, keys 0–3 of 16'").await?;
    // A quarter of the part at a time, and the chosen cell goes with it.
    page.keys(Key::Shift + Key::Right).await?;
    page.wait_until("document.querySelector('.zoom__at').textContent === 'queries 0–3 of 16, keys 1–4 of 16'").await?;
    page.keys("-").await?;
    page.wait_until("document.querySelector('.zoom__at').textContent.startsWith('queries 0–7 of 16')").await?;
    // Arrows past the edge take the part along; the cell is said.
    page.keys(Key::PageDown + Key::Home).await?;
    page.wait_until("document.querySelector('.zoom__at').textContent.startsWith('queries 8–15 of 16, keys 0–7')")
        .await?;
    let weight = weights.last().and_then(|row| row.first()).copied().unwrap_or_default();
    page.wait_until(&format!("{SAID}.endsWith({:?})", format!("{weight:.3}"))).await?;
    page.wait_until(
        "document.querySelector('.zoom__said [role=status]').textContent === 'Each cell by itself, exact.'",
    )
    .await?;
    // Another stage and another head in the same part.
    let now = part(page).await?;
    press(page, "masked").await?;
    press(page, "weights").await?;
    page.js("document.querySelectorAll('.head')[0].click()", vec![]).await?;
    page.wait_until("(await attentionPlayground).get().view.head === 0").await?;
    ensure(part(page).await? == now, || "another head shows another part".into())?;
    page.js("document.querySelector('.map__field').focus()", vec![]).await?;
    page.keys("0").await?;
    page.wait_until("document.querySelector('.zoom__at').textContent === 'queries 0–15 of 16, keys 0–15 of 16'")
        .await?;
    ensure(part(page).await? == json!([null, null]), || "the whole is a part".into())?;
    tab_to_text(page, "Look closer").await?;
    page.keys(Key::Enter).await?;
    page.wait_until("!document.querySelector('.zoom')").await?;
    let back =
        page.js("return [document.activeElement.textContent, document.activeElement.ariaExpanded]", vec![]).await?;
    ensure(back == json!(["Look closer", "false"]), || format!("the focus is on {back}"))
}

async fn lines_say_where_a_token_looks(page: &Page) -> Result<()> {
    open(page).await?;
    set(page, 10, "causal").await?;
    let weights = computed(page, Value::Null).await?;
    press(page, "Look closer").await?;
    press(page, "Lines").await?;
    tab_to(page, "e.matches('.lines__side:not(.lines__side--keys) [role=option]')").await?;
    page.keys(Key::Down + Key::Down + Key::Down).await?;
    let mut row: Vec<(usize, f64)> =
        weights.get(3).into_iter().flatten().copied().enumerate().filter(|(_, w)| *w > 0.0).collect();
    row.sort_by(|a, b| b.1.total_cmp(&a.1));
    let named: Vec<String> = row.iter().take(3).map(|(k, w)| format!("{k} {:.1} %", 100.0 * w)).collect();
    let wanted = format!("“3” looks at {}", named.join(", "));
    page.wait_until(&format!("document.querySelector('.lines [role=status]').textContent === {wanted:?}")).await?;
    ensure(experiment(page).await?["view"]["query"] == json!(3), || "the token is not chosen".into())
}
