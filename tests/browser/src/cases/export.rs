//! The export sheet: it opens from the header and by its key, copies a program, says what it cannot say, and saves files.

use serde_json::json;
use thirtyfour::Key;

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("export"; a_program_is_copied_and_what_cannot_be_said_is_told, the_page_s_own_program_runs, files_are_saved)
}

/// Catches what is copied and what is saved, instead of the clipboard and the disk.
pub const CATCH: &str = "globalThis.copied = []; globalThis.saved = [];
    Object.defineProperty(navigator, 'clipboard', { configurable: true, value: { writeText: async (text) => { copied.push(text); } } });
    const blobs = new Map(), make = URL.createObjectURL;
    URL.createObjectURL = (blob) => { const url = make.call(URL, blob); blobs.set(url, blob); return url; };
    HTMLAnchorElement.prototype.click = function () {
      if (this.download) saved.push({ name: this.download, blob: blobs.get(this.href) });
    };";

/// Opens the page on a small generated experiment, and the sheet over it.
async fn open(page: &Page, by_key: bool) -> Result<()> {
    page.open_ready("/").await?;
    page.js(CATCH, vec![]).await?;
    let set = "await (await attentionPlayground).set({ input: { kind: 'generated', recipe: 'normal', seed: 1,
            size: { q_heads: 2, kv_heads: 2, n_q: 8, n_k: 8, d: 8, d_v: 4 } }, view: { head: 1 } });";
    page.js(set, vec![]).await?;
    if by_key {
        page.js("document.activeElement?.blur()", vec![]).await?;
        page.keys("e").await?;
    } else {
        page.click("Export").await?;
    }
    page.wait_until("document.querySelector('dialog.export[open] .export__text')").await
}

async fn a_program_is_copied_and_what_cannot_be_said_is_told(page: &Page) -> Result<()> {
    open(page, false).await?;
    page.wait_until("document.querySelector('.export__text').textContent.includes('# The page computed')").await?;
    page.click("Copy").await?;
    page.wait_until("copied.length === 1").await?;
    let text = page.js("return copied[0]", vec![]).await?;
    let text = text.as_str().unwrap_or_default();
    let has = ["import numpy as np", "Q, K, V = make(1,", "def mask(b, h, q, k):", "# The page computed"];
    ensure(has.iter().all(|part| text.contains(part)), || format!("copied {text}"))?;
    page.wait_until("[...document.querySelectorAll('dialog.export button')].some((b) => b.textContent === 'Copied')")
        .await?;
    page.screenshot("export code").await?;
    // Six targets, by arrow keys as well.
    page.js("document.querySelector('dialog.export .chips [aria-checked=true]').focus()", vec![]).await?;
    page.keys(Key::Right).await?;
    page.wait_until("document.querySelector('.export__text').textContent.includes('scaled_dot_product_attention')")
        .await?;
    page.js("await (await attentionPlayground).set({ normaliser: { id: 'entmax' } })", vec![]).await?;
    page.wait_until("document.querySelector('dialog.export .issue li')?.textContent.startsWith('normaliser.id: ')")
        .await?;
    page.click("Close").await?;
    page.wait_until("!document.querySelector('dialog.export[open]')").await
}

async fn the_page_s_own_program_runs(page: &Page) -> Result<()> {
    let js = "document.querySelector('.export__text').textContent";
    for (set, edits) in [
        ("{ estimator: { id: 'linear' } }", false),
        (
            "{ input: { kind: 'generated', recipe: 'normal', seed: 3, normals: 'rounded', size: { q_heads: 2, kv_heads: 1, n_q: 9, n_k: 9, d: 8, d_v: 4 } }, estimator: { id: 'none' } }",
            false,
        ),
        ("{ edits: [{ tensor: 'q', head: 1, row: 2, col: 3, value: 0.1 }] }", true),
        // More numbers of the user's own than stand in a text as they are read.
        (
            "{ edits: [], input: { kind: 'numbers', q: Array.from({ length: 40 }, (_, i) => Array.from({ length: 40 }, (_, j) => Math.sin(i * 40 + j))), \
           k: Array.from({ length: 40 }, (_, i) => Array.from({ length: 40 }, (_, j) => Math.cos(i + j))), v: Array.from({ length: 40 }, (_, i) => Array.from({ length: 40 }, (_, j) => Math.cos(i * j))) } }",
            false,
        ),
    ] {
        // The experiment that the page opens with, first.
        if !set.starts_with("{ e") || edits {
            page.js(&format!("await (await attentionPlayground).set({set})"), vec![]).await?;
        } else {
            page.open_ready("/").await?;
            page.js(&format!("await (await attentionPlayground).set({set})"), vec![]).await?;
            page.click("Export").await?;
            page.wait_until("document.querySelector('dialog.export[open] .export__text')").await?;
            page.click("This page's JavaScript").await?;
        }
        page.wait_until(&format!("{js}.includes('// The page computed')")).await?;
        let text = page.js(&format!("return {js}"), vec![]).await?;
        let text = text.as_str().unwrap_or_default();
        // As a console runs it: the page's own policy lets it make no function of a text.
        let run = format!(
            "const said = [], console = {{ log: (...words) => said.push(words) }};
             {text}
             return [said[0][3], said[0][5], said.length]"
        );
        let ran = page.js(&run, vec![]).await?;
        let told =
            text.split("// The page computed: sum ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let mut told = told.split(", largest ").map(|number| number.parse().unwrap_or(f64::NAN));
        let [sum, largest] = [told.next(), told.next()].map(Option::unwrap_or_default);
        let number = |at: usize| ran[at].as_f64().unwrap_or(f64::NAN);
        // Sums are in the order of the numbers on one side, and of six digits on the other.
        let near = |a: f64, b: f64| (a - b).abs() <= 2e-3 * b.abs().max(1.0);
        ensure(near(number(0), sum) && (number(1) - largest).abs() <= 1e-4 * largest.max(1.0), || {
            format!("{set}: {ran}, not {sum} and {largest}")
        })?;
        let both = if set.contains("'linear'") { 2 } else { 1 };
        let named = [text.contains("fetch("), text.contains("const edits = ")];
        ensure(ran[2] == json!(both) && named == [false, edits], || format!("{set}: {ran} of\n{text}"))?;
    }
    page.click("Close").await
}

/// The bytes of the last file saved, once there is one with this name.
pub async fn saved(page: &Page, name: &str) -> Result<Vec<u8>> {
    page.wait_until(&format!("saved.at(-1)?.name === {}", json!(name))).await?;
    let bytes = page.js("return new Uint8Array(await saved.at(-1).blob.arrayBuffer())", vec![]).await?;
    Ok(bytes.as_array().into_iter().flatten().filter_map(|byte| byte.as_u64()).map(|byte| byte as u8).collect())
}

async fn files_are_saved(page: &Page) -> Result<()> {
    open(page, true).await?;
    page.wait_until("document.querySelector('.export__text').textContent.includes('# The page computed')").await?;
    page.click("Table").await?;
    page.click("Download").await?;
    let table = String::from_utf8(saved(page, "attention.csv").await?)?;
    ensure(table.lines().count() == 9 && table.starts_with(",0,1,2,3,4,5,6,7\r\n0,1,0,0"), || table.clone())?;
    page.click("Picture").await?;
    page.wait_until("document.querySelector('.export__picture')?.naturalWidth > 100").await?;
    page.screenshot("export picture").await?;
    page.click("Download SVG").await?;
    let picture = String::from_utf8(saved(page, "attention.svg").await?)?;
    ensure(picture.starts_with("<svg ") && picture.contains("Attention weights of head 2"), || picture.clone())?;
    page.click("Download PNG").await?;
    let png = saved(page, "attention.png").await?;
    ensure(png.starts_with(b"\x89PNG"), || format!("{} bytes, no PNG", png.len()))?;
    page.click("Files").await?;
    page.click("Download .npz").await?;
    let archive = saved(page, "attention-vectors.npz").await?;
    let holds = |name: &str| archive.windows(name.len()).any(|part| part == name.as_bytes());
    let all = ["q.npy", "k.npy", "v.npy", "y.npy", "mask.npy", "weights.npy", "experiment.json"];
    ensure(archive.starts_with(b"PK") && all.iter().all(|name| holds(name)), || format!("{} bytes", archive.len()))?;
    page.screenshot("export files").await?;
    page.click("Close").await
}
