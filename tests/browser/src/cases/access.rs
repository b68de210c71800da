//! What keeps people out: axe-core (WCAG 2.2, A and AA) over the page, its sheets, what a frame shows and the pages beside it, in both languages
//! and themes, wide and narrow. What axe can't see (order, meaning, keys) is tested where the control is.

use serde_json::{Value, json};

use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests. They need the script that the variable AXE names.
pub fn cases() -> Vec<Case> {
    let needs = Needs { axe: true, ..Needs::default() };
    cases!("access", needs; nothing_keeps_people_out_of_the_page, nothing_keeps_people_out_of_the_sheets, nothing_keeps_people_out_of_frames,
        nothing_keeps_people_out_of_the_pages_beside_it)
}

/// Wide windows, and the narrowest that a phone has.
const SIZES: [(u32, u32); 2] = [(1366, 900), (390, 844)];
/// Every language with every theme.
const LOOKS: [&str; 4] =
    ["lang=en&theme=light", "lang=en&theme=dark", "lang=zh-CN&theme=light", "lang=zh-CN&theme=dark"];
/// Both languages and both themes, in two views.
const TWO_LOOKS: [&str; 2] = [LOOKS[0], LOOKS[3]];

/// What axe finds in the document as it stands: one line for each rule and element.
async fn found(page: &Page) -> Result<Vec<String>> {
    let script = std::env::var("AXE").map_err(|_| "AXE is not set: run `cargo xtask browser`")?;
    if page.js("return 'axe' in globalThis", vec![]).await? != json!(true) {
        // Scripts of the driver are not subject to the page's policy.
        page.driver().execute(std::fs::read_to_string(&script)?, vec![]).await?;
    }
    let run = "const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
        const { violations } = await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
        return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${(n.any[0] ?? n.all[0] ?? n.none[0])?.message}`))";
    let found = page.js(run, vec![]).await?;
    Ok(found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Fails with everything that was found, under the name of the view.
fn none(all: &[(String, Vec<String>)]) -> Result<()> {
    let lines: Vec<String> =
        all.iter().flat_map(|(view, found)| found.iter().map(move |line| format!("{view}: {line}"))).collect();
    ensure(lines.is_empty(), || lines.join("\n        "))
}

/// The whole page with everything on it unfolded, and each of its parts where a phone shows one at a time.
async fn nothing_keeps_people_out_of_the_page(page: &Page) -> Result<()> {
    let mut all = Vec::new();
    for look in LOOKS {
        for (width, height) in SIZES {
            page.size(width, height).await?;
            page.open_ready(&format!("/?{look}")).await?;
            page.wait_until("document.querySelector('.steps .strong td')").await?;
            page.js("for (const fold of document.querySelectorAll('main details')) fold.open = true", vec![]).await?;
            let parts = if width < 800 { 4 } else { 1 };
            for part in 0..parts {
                if parts > 1 {
                    page.js("document.querySelectorAll('.tabs button')[args[0]].click()", vec![json!(part)]).await?;
                }
                all.push((format!("{look} {width} part {part}"), found(page).await?));
            }
        }
    }
    none(&all)
}

/// Every sheet that a button of the header or of a card opens.
async fn nothing_keeps_people_out_of_the_sheets(page: &Page) -> Result<()> {
    let sheets = [
        ("help", "document.querySelector('.top__actions [title*=\"(?)\"]').click()"),
        ("export", "document.querySelector('.top__export').click()"),
        ("share", "document.querySelector('.top__actions .primary').click()"),
        ("gallery", "document.querySelector('.top__actions [title=Gallery], .top__actions [title=图集]').click()"),
    ];
    let mut all = Vec::new();
    for look in TWO_LOOKS {
        for (width, height) in SIZES {
            page.size(width, height).await?;
            page.open_ready(&format!("/?{look}")).await?;
            for (name, open) in sheets {
                page.js(open, vec![]).await?;
                page.wait_until("document.querySelector('dialog[open] h2')").await?;
                all.push((format!("{look} {width} {name}"), found(page).await?));
                page.js("document.querySelector('dialog[open]').close()", vec![]).await?;
                page.wait_until("!document.querySelector('dialog[open]')").await?;
            }
        }
    }
    none(&all)
}

async fn nothing_keeps_people_out_of_frames(page: &Page) -> Result<()> {
    let mut all = Vec::new();
    for look in TWO_LOOKS {
        for view in
            ["map", "controls", "output", "timing", "formula", "positions", "estimators", "claims", "claim:dilution"]
        {
            page.open_ready(&format!("/?embed&view={view}&{look}")).await?;
            all.push((format!("{look} {view}"), found(page).await?));
        }
    }
    none(&all)
}

async fn nothing_keeps_people_out_of_the_pages_beside_it(page: &Page) -> Result<()> {
    let mut all = Vec::new();
    for path in ["/api/", "/gallery/", "/measuring/"] {
        for (width, height) in SIZES {
            page.size(width, height).await?;
            page.open(path).await?;
            all.push((format!("{path} {width}"), found(page).await?));
        }
    }
    none(&all)
}
