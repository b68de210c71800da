//! Numbers from outside: files that are dropped or chosen, blocks of spreadsheets that are pasted.

use std::path::Path;

use serde_json::{Value, json};

use super::Case;
use super::edit::{after, experiment};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("files";
        an_archive_is_dropped_and_its_arrays_are_chosen, choosing_is_cancelled_and_nothing_changed, a_single_array_goes_to_its_field,
        broken_files_are_refused_in_words, a_block_of_a_spreadsheet_goes_onto_a_matrix, a_table_with_names_is_pasted,
        several_heads_are_pasted, a_saved_experiment_is_dropped_anywhere, numbers_are_dropped_anywhere, a_file_dropped_beside_everything_leaves_the_page)
}

/// Drops a file of the repository's tests on the element that a selector finds.
pub(super) async fn drop_file(page: &Page, on: &str, folder: &str, name: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join(name);
    let bytes = std::fs::read(path)?;
    page.wait_until(&format!("document.querySelector({on:?})")).await?;
    let script = "const [on, bytes, name] = args; const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name));
        document.querySelector(on).dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data }))";
    page.js(script, vec![json!(on), json!(bytes), json!(name)]).await.map(drop)
}

/// The place beside the fields; each field is one inside it.
const BESIDE: &str = ".drop:has(.drop)";

async fn an_archive_is_dropped_and_its_arrays_are_chosen(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Paste").await?;
    drop_file(page, BESIDE, "independent", "npz.deflated.npz").await?;
    page.wait_until("document.querySelector('dialog.choose[open] canvas[role=img]:not([hidden])')").await?;
    // V has one axis for all its heads: nothing can say so but who saved it.
    page.wait_until("document.querySelector('dialog.choose[open] .primary')?.disabled").await?;
    page.choose("V: axis 1 (2)", "batch").await?;
    page.choose("V: axis 3 (9)", "heads · size").await?;
    page.set("V: heads", "3").await?;
    page.wait_until("!document.querySelector('dialog.choose[open] .primary').disabled").await?;
    page.set("queries: from", "1").await?;
    page.screenshot("choosing arrays").await?;
    let now = after(page, async || page.click("Use these").await).await?;
    let input = &now["input"];
    let rows = |name: &str| input[name].as_array().map_or(0, Vec::len);
    ensure(input["kind"] == "numbers" && input["q_heads"] == 3 && input["kv_heads"] == 3, || {
        format!("{} {} {}", input["kind"], input["q_heads"], input["kv_heads"])
    })?;
    ensure((rows("q"), rows("k"), rows("v")) == (12, 18, 18), || format!("{} {} {}", rows("q"), rows("k"), rows("v")))?;
    // The first sequence's second query, as the script beside the file printed it.
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../independent/npz.json"))?;
    let due: Value = serde_json::from_str(&text)?;
    let bits = due["query"]["bits"][4].as_u64().and_then(|bits| u32::try_from(bits).ok()).map(f32::from_bits);
    let given = input["q"][0][0].as_f64().map(|x| x as f32);
    ensure(given.is_some() && given == bits, || format!("{given:?} instead of {bits:?}"))?;
    page.wait_until("document.querySelectorAll('.head').length === 3").await?;
    // Undo brings back what was there.
    after(page, async || page.click("Undo").await).await?;
    let now = experiment(page).await?;
    ensure(now["input"]["q_heads"].is_null(), || format!("{}", now["input"]["q_heads"]))
}

async fn choosing_is_cancelled_and_nothing_changed(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Paste").await?;
    // The fields come with a piece of the program, and their first numbers with them.
    page.wait_until(&format!("document.querySelector({BESIDE:?})")).await?;
    let before = experiment(page).await?;
    drop_file(page, BESIDE, "independent", "snippet.safetensors").await?;
    page.wait_until("document.querySelector('dialog.choose[open]')").await?;
    page.click("Cancel").await?;
    page.wait_until("!document.querySelector('dialog.choose[open]')").await?;
    let now = experiment(page).await?;
    ensure(now["input"] == before["input"], || format!("{}", now["input"]))
}

async fn a_single_array_goes_to_its_field(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Paste").await?;
    page.set("K: numbers", "1 2 3").await?;
    page.set("V: numbers", "1 2").await?;
    // K and V wait for a Q of three numbers.
    let now = after(page, async || drop_file(page, ".drop .drop", "hostile", "fortran.npy").await).await?;
    ensure(now["input"]["q"] == json!([[0, 1, 2], [3, 4, 5]]), || format!("{}", now["input"]["q"]))
}

async fn broken_files_are_refused_in_words(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Paste").await?;
    let said = |words: &str| {
        format!("[...document.querySelectorAll('.issue:not([hidden])')].some((e) => e.textContent.includes({words:?}))")
    };
    drop_file(page, BESIDE, "hostile", "pickle.npy").await?;
    page.wait_until(&said("pickle.npy: header: Python objects")).await?;
    drop_file(page, BESIDE, "hostile", "overlapping.npz").await?;
    page.wait_until(&said("as those of zip bombs do")).await?;
    drop_file(page, BESIDE, "hostile", "wrong-crc.npz").await?;
    page.wait_until(&said("CRC-32")).await?;
    drop_file(page, BESIDE, "hostile", "names.npz").await?;
    // Names are text, and can't turn the direction of what follows.
    page.wait_until("document.querySelector('dialog.choose[open] option')?.textContent.startsWith('__proto__')")
        .await?;
    let strange =
        page.js("return document.querySelector('dialog.choose[open]').textContent.includes('\\u202e')", vec![]);
    ensure(strange.await? == json!(false), || "a name turns the direction of the text".to_owned())?;
    page.click("Cancel").await
}

async fn a_block_of_a_spreadsheet_goes_onto_a_matrix(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let paste = "const field = document.querySelector('[data-tensor=k] [role=application]'); field.focus();
        field.dispatchEvent(new KeyboardEvent('keydown', { key: 'PageUp', bubbles: true }));
        field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Home', bubbles: true }));
        await new Promise((next) => setTimeout(next, 50));
        const data = new DataTransfer(); data.setData('text/plain', args[0]);
        // Firefox takes no data from a script's event by its constructor.
        const pasted = new ClipboardEvent('paste', { bubbles: true, cancelable: true });
        Object.defineProperty(pasted, 'clipboardData', { value: data });
        field.dispatchEvent(pasted)";
    let now = after(page, async || page.js(paste, vec![json!("1,5\t2\n3\t-4,25\n")]).await.map(drop)).await?;
    let edits: Vec<_> = now["edits"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| (e["row"].as_u64(), e["col"].as_u64(), e["value"].as_f64()))
        .collect();
    let due = [(0, 0, 1.5), (0, 1, 2.0), (1, 0, 3.0), (1, 1, -4.25)].map(|(r, c, x)| (Some(r), Some(c), Some(x)));
    ensure(edits == due, || format!("{edits:?}"))?;
    page.js(paste, vec![json!("1 ".repeat(999))]).await?;
    page.wait_until("document.querySelector('.notice')?.textContent.includes('there is room for')").await?;
    after(page, async || page.click("Undo").await).await?;
    let now = experiment(page).await?;
    ensure(now["edits"].as_array().is_none_or(Vec::is_empty), || format!("{}", now["edits"]))
}

async fn a_table_with_names_is_pasted(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Paste").await?;
    page.set("K: numbers", "1 0\n0 1").await?;
    page.set("V: numbers", "1 0\n0 1").await?;
    let table = "token\tx\ty\ncat\t0,5\t1\nsat\t2\t3\n";
    let now = after(page, async || page.set("Q: numbers", table).await).await?;
    ensure(now["input"]["q"] == json!([[0.5, 1], [2, 3]]), || format!("{}", now["input"]["q"]))?;
    page.wait_until(
        "[...document.querySelectorAll('.field .note')].some((e) => e.textContent.includes('taken for labels'))",
    )
    .await?;
    page.set("Q: numbers", "1 2\n3 nan").await?;
    page.wait_until(
        "[...document.querySelectorAll('.field .issue')].some((e) => e.textContent.includes('row 2, column 2 is NaN'))",
    )
    .await
}

async fn several_heads_are_pasted(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Paste").await?;
    page.set("Q: numbers", "1 0\n0 1\n\n1 1\n0 1").await?;
    page.set("K: numbers", "[[[1, 0], [0, 1], [1, 1]]]").await?;
    after(page, async || page.set("V: numbers", "1\n2\n3").await).await?;
    let now = experiment(page).await?;
    let (q, k) = (&now["input"]["q_heads"], &now["input"]["kv_heads"]);
    ensure(*q == 2 && k.is_null(), || format!("{q} {k}"))?;
    page.wait_until("document.querySelectorAll('.head').length === 2").await
}

/// Drops a file with this text on the element that a selector finds; whether the browser was kept from opening it.
async fn drop_text(page: &Page, on: &str, name: &str, text: &str) -> Result<bool> {
    let script = "const [on, text, name] = args; const data = new DataTransfer(); data.items.add(new File([text], name));
        return !document.querySelector(on).dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data }))";
    Ok(page.js(script, vec![json!(on), json!(text), json!(name)]).await?.as_bool() == Some(true))
}

async fn a_saved_experiment_is_dropped_anywhere(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let mut saved = experiment(page).await?;
    saved["mask"] = json!({ "id": "causal" });
    let now = after(page, async || {
        ensure(drop_text(page, "header", "saved.json", &saved.to_string()).await?, || {
            "the browser opens the file".to_owned()
        })
    })
    .await?;
    ensure(now["mask"]["id"] == "causal", || format!("{}", now["mask"]))?;
    let now = after(page, async || page.click("Undo").await).await?;
    ensure(now["mask"]["id"] == "sliding-window", || format!("{}", now["mask"]))?;
    // On a place for numbers it is an experiment as well.
    page.click("Paste").await?;
    page.wait_until(&format!("document.querySelector({BESIDE:?})")).await?;
    let now = after(page, async || drop_text(page, BESIDE, "saved.json", &saved.to_string()).await.map(drop)).await?;
    ensure(now["mask"]["id"] == "causal" && now["input"]["kind"] == "capture", || format!("{now}"))
}

async fn numbers_are_dropped_anywhere(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    // The page shows a captured text: no place for files is on it.
    for (name, folder) in [("snippet.safetensors", "independent"), ("npz.deflated.npz", "independent")] {
        drop_file(page, "header", folder, name).await?;
        let opened = format!("document.querySelector('dialog.choose[open] h2')?.textContent.includes({name:?})");
        page.wait_until(&opened).await?;
        let sheets = page.js("return document.querySelectorAll('dialog.choose').length", vec![]).await?;
        ensure(sheets == json!(1), || format!("{sheets} sheets"))?;
        if name.starts_with("snippet") {
            page.wait_until("!document.querySelector('dialog.choose[open] .primary').disabled").await?;
            let now = after(page, async || page.click("Use these").await).await?;
            ensure(now["input"]["kind"] == "numbers", || format!("{}", now["input"]["kind"]))?;
            let now = after(page, async || page.click("Undo").await).await?;
            ensure(now["input"]["kind"] == "capture", || format!("{}", now["input"]["kind"]))?;
        } else {
            page.click("Cancel").await?;
        }
    }
    // What is wrong with a file is a notice.
    drop_file(page, "header", "hostile", "pickle.npy").await?;
    page.wait_until("document.querySelector('.notice')?.textContent.includes('pickle.npy: ')").await
}

async fn a_file_dropped_beside_everything_leaves_the_page(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let before = experiment(page).await?;
    let script = "return !document.body.dispatchEvent(new DragEvent('dragover', { bubbles: true, cancelable: true, dataTransfer: (() => {
        const data = new DataTransfer(); data.items.add(new File(['x'], 'x.png')); return data })() }))";
    let held = page.js(script, vec![]).await?;
    ensure(held.as_bool() == Some(true), || "the browser may open what is dragged".to_owned())?;
    ensure(drop_text(page, "main", "x.png", "x").await?, || "the browser opens the file".to_owned())?;
    page.wait_until("document.querySelector('.notice')?.textContent.includes('x.png: ')").await?;
    ensure(drop_text(page, "main", "bad.json", r#"{"input": {"kind": "capture"}, "masc": 1}"#).await?, || {
        "bad".to_owned()
    })?;
    page.wait_until("document.querySelector('.notices')?.textContent.includes('bad.json: masc')").await?;
    let now = experiment(page).await?;
    ensure(now == before, || format!("{now}"))
}
