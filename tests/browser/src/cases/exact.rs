//! What stands for exact attention says on the page how far it is from it.

use attention_playground::catalogue::{self, Param};
use serde_json::{Value, json};

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("exact"; what_is_inexact_shows_its_error, what_is_exact_shows_none)
}

/// Of an error shown with four digits and more.
const SHOWN: f64 = 2e-3;

/// Chooses each entry over the page's own experiment and reads the error that is shown: its largest, the same from both outputs, and what else was read.
const READ: &str = "const p = await attentionPlayground, [choices] = args, told = [];
    const next = () => new Promise((done) => { const off = p.on('result', (r) => { off(); done(r.outputs.Y.data) }) });
    const until = async (what) => { for (let i = 0; i < 400; i++) { const got = what(); if (got) return got; await new Promise((r) => setTimeout(r, 25)) } };
    const off = { selection: { id: 'none' }, layout: { id: 'plain' }, hybrid: { id: 'none' }, branch: { id: 'none' } };
    const set = async (choice) => { const ran = next(); await p.set(choice); return ran };
    await set({ selection: { id: 'plastic' } });
    for (const choice of choices) {
      const exact = await set(off);
      const gone = await until(() => !document.querySelector('#inexact'));
      const found = await set(choice);
      const line = await until(() => document.querySelector('#inexact[aria-busy=false] [role=status]')?.textContent);
      const largest = Math.max(...found.map((y, i) => Math.abs(y - exact[i])));
      const bars = document.querySelectorAll('#inexact .chart__field svg svg path').length;
      told.push([JSON.stringify(choice), !!gone, parseFloat(/largest error ([-\\d.e]+)/.exec(line ?? '')?.[1]), largest, bars]);
    }
    return told";

async fn what_is_inexact_shows_its_error(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    // The page's own text is so short that more keys than one would be all of them.
    let few = |params: &[Param]| if params.iter().any(|p| p.name == "keep") { json!({ "keep": 1 }) } else { json!({}) };
    let selections = catalogue::selections().iter().filter(|e| e.inexact);
    let selections = selections.map(|e| json!({ "selection": { "id": e.id, "params": few(e.params) } }));
    let layouts = catalogue::layouts().iter().filter(|e| e.inexact).map(|e| json!({ "layout": { "id": e.id } }));
    let beside = |id: &str| json!({ "hybrid": { "id": "gated" }, "branch": { "id": id } });
    let branches = ["blockwise-summary", "performer"].map(beside);
    let choices: Vec<Value> = selections.chain(layouts).chain(branches).collect();
    let told = page.js(READ, vec![json!(choices)]).await?;
    let told = told.as_array().cloned().unwrap_or_default();
    ensure(told.len() == choices.len(), || format!("{told:?}"))?;
    for one in told {
        let (shown, largest) = (one[2].as_f64().unwrap_or(f64::NAN), one[3].as_f64().unwrap_or(f64::NAN));
        let near = (shown - largest).abs() <= SHOWN * largest;
        ensure(one[1] == json!(true) && near && largest > 0.0 && one[4] == json!(1), || format!("{one}"))?;
    }
    Ok(())
}

/// Other definitions of attention approximate nothing.
async fn what_is_exact_shows_none(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let script = "const p = await attentionPlayground, bad = [];
        const next = () => new Promise((done) => { const off = p.on('result', (r) => { off(); done(r) }) });
        for (const choice of [{ selection: { id: 'plastic' } }, { layout: { id: 'talking-heads' } },
            { hybrid: { id: 'gated' }, branch: { id: 'causal' } }]) {
          const ran = next(); await p.set(choice); await ran;
          await new Promise((r) => setTimeout(r, 300));
          if (document.querySelector('#inexact')) bad.push(JSON.stringify(choice));
        }
        return bad";
    let bad = page.js(script, vec![]).await?;
    ensure(bad == json!([]), || format!("{bad}"))
}
