//! What keeps people out: axe-core (WCAG 2.2, A and AA) over the page, everything that it opens, what a frame shows and the pages beside it, in both
//! languages and themes, wide and narrow. What axe can't see (order, meaning, keys) is tested where the control is.

use serde_json::{Value, json};

use super::edit::press_in_sheet;
use super::files::drop_file;
use super::media::emulate;
use super::{Case, Needs};
use crate::page::{Page, WINDOW, ensure};
use crate::{Result, cases};

/// This file's tests. They need the script that the variable AXE names.
pub fn cases() -> Vec<Case> {
    let needs = Needs { axe: true, ..Needs::default() };
    let mut all = cases!("access", needs; nothing_keeps_people_out_of_the_page, nothing_keeps_people_out_of_the_sheets,
        nothing_keeps_people_out_of_the_laboratories, nothing_keeps_people_out_of_what_is_opened, nothing_keeps_people_out_of_files_and_faults,
        nothing_keeps_people_out_of_frames);
    // These follow the system's theme, which only the debugging protocol sets.
    let needs = Needs { axe: true, ..Needs::CDP };
    all.extend(cases!("access", needs; nothing_keeps_people_out_of_the_pages_beside_it));
    all
}

/// Wide windows, and the narrowest that a phone has.
const SIZES: [(u32, u32); 2] = [(1366, 900), (390, 844)];
/// Both languages.
const LANGUAGES: [&str; 2] = ["en", "zh-CN"];

/// What was found, under the name of the view.
type Found = Vec<(String, Vec<String>)>;

/// What axe finds inside an element: one line for each rule and element. In the light theme by every rule, in the dark one by those of contrast: nothing
/// else changes with the theme.
const FIND: &str = "const [inside, theme] = args, tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    if (theme) document.documentElement.dataset.theme = theme;
    const only = theme === 'dark' ? { type: 'rule', values: ['color-contrast'] } : { type: 'tag', values: tags };
    const of = inside ? document.querySelector(inside) : document;
    if (!of || inside && !of.checkVisibility()) return ['it is not there'];
    const { violations } = await axe.run(of, { runOnly: only, resultTypes: ['violations'] });
    return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${(n.any[0] ?? n.all[0] ?? n.none[0])?.message}`))";

/// What axe finds inside the element of a selector, or in the whole document, in a theme, or in the one that is there.
async fn found(page: &Page, inside: &str, theme: &str) -> Result<Vec<String>> {
    let script = std::env::var("AXE").map_err(|_| "AXE is not set: run `cargo xtask browser`")?;
    if page.js("return 'axe' in globalThis", vec![]).await? != json!(true) {
        // Scripts of the driver are not subject to the page's policy.
        page.driver().execute(std::fs::read_to_string(&script)?, vec![]).await?;
    }
    let found = page.js(FIND, vec![json!(inside), json!(theme)]).await?;
    Ok(found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Wide in both themes, and narrow, where less is seen at a time and nothing in other colours: in these languages, by the button of the header, or in the one that is there. It ends
/// as it began.
async fn look(page: &Page, all: &mut Found, name: &str, inside: &str, languages: &[&str]) -> Result<()> {
    for (width, height) in SIZES {
        page.size(width, height).await?;
        for lang in if languages.is_empty() { &[""] } else { languages } {
            if !lang.is_empty() {
                speak(page, lang).await?;
            }
            for theme in if width < 800 { &["light"][..] } else { &["light", "dark"] } {
                all.push((format!("{name} {lang} {theme} {width}"), found(page, inside, theme).await?));
            }
        }
    }
    if let Some(first) = languages.first() {
        speak(page, first).await?;
    }
    page.size(WINDOW.0, WINDOW.1).await
}

/// The same in both languages, on a page in English.
async fn look_twice(page: &Page, all: &mut Found, name: &str, inside: &str) -> Result<()> {
    look(page, all, name, inside, &LANGUAGES).await
}

/// Presses the button for the other language where this one is not spoken.
pub(super) async fn speak(page: &Page, lang: &str) -> Result<()> {
    let script =
        "if (document.documentElement.lang !== args[0]) document.querySelector('.top__actions [lang]').click()";
    page.js(script, vec![json!(lang)]).await?;
    page.wait_until(&format!("document.documentElement.lang === {lang:?}")).await
}

/// Presses the button with this text, wherever it stands.
pub(super) async fn press(page: &Page, text: &str) -> Result<()> {
    let button = format!("[...document.querySelectorAll('button')].find((b) => b.textContent.trim() === {text:?})");
    page.wait_until(&button).await?;
    page.js(&format!("{button}.click()"), vec![]).await.map(drop)
}

/// Closes the sheet that is open.
async fn close(page: &Page) -> Result<()> {
    // The page hears of it in a task of its own, and would take a sheet that was opened before that for the closed one.
    let close = "const sheet = document.querySelector('dialog[open]');
        const heard = new Promise((done) => sheet.addEventListener('close', () => setTimeout(done)));
        sheet.close(); await heard";
    page.js(close, vec![]).await?;
    page.wait_until("!document.querySelector('dialog[open]')").await
}

/// Fails with everything that was found.
fn none(all: &Found) -> Result<()> {
    let lines: Vec<String> =
        all.iter().flat_map(|(view, found)| found.iter().map(move |line| format!("{view}: {line}"))).collect();
    ensure(lines.is_empty(), || lines.join("\n        "))
}

/// Opens the page in English and waits for its first result.
async fn open(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await
}

/// The whole page with everything on it unfolded, and each of its parts where a phone shows one at a time.
async fn nothing_keeps_people_out_of_the_page(page: &Page) -> Result<()> {
    let mut all = Found::new();
    open(page).await?;
    page.js("for (const fold of document.querySelectorAll('main details')) fold.open = true", vec![]).await?;
    for lang in LANGUAGES {
        speak(page, lang).await?;
        for (width, height) in SIZES {
            page.size(width, height).await?;
            for part in 0..if width < 800 { 4 } else { 1 } {
                page.js("document.querySelectorAll('.tabs button')[args[0]].click()", vec![json!(part)]).await?;
                for theme in ["light", "dark"] {
                    all.push((format!("{lang} {theme} {width} part {part}"), found(page, "", theme).await?));
                }
            }
        }
    }
    none(&all)
}

/// Every sheet that a button of the header opens, and the tour that the help begins.
async fn nothing_keeps_people_out_of_the_sheets(page: &Page) -> Result<()> {
    let sheets = [
        ("help", "document.querySelector('.top__actions [title*=\"(?)\"]').click()"),
        ("export", "document.querySelector('.top__export').click()"),
        ("share", "document.querySelector('.top__actions .primary').click()"),
        ("gallery", "document.querySelector('.top__actions [title=Gallery]').click()"),
    ];
    let mut all = Found::new();
    open(page).await?;
    for (name, press) in sheets {
        page.js(press, vec![]).await?;
        page.wait_until("document.querySelector('dialog[open] h2')").await?;
        look_twice(page, &mut all, name, "dialog[open]").await?;
        close(page).await?;
    }
    page.js(sheets[0].1, vec![]).await?;
    press_in_sheet(page, "Take the two-minute tour").await?;
    for stop in ["1 / 9", "3 / 9"] {
        while !page
            .js(&format!("return document.querySelector('.tour .note').textContent.includes({stop:?})"), vec![])
            .await?
            .as_bool()
            .unwrap_or_default()
        {
            press(page, "Next").await?;
        }
        look_twice(page, &mut all, &format!("tour {stop}"), ".tour").await?;
    }
    none(&all)
}

/// The sheets that buttons of the columns open, with what they compute.
async fn nothing_keeps_people_out_of_the_laboratories(page: &Page) -> Result<()> {
    let sheets = [
        ("Browse all", "dialog.browse[open] .facts"),
        ("Add a pattern", "dialog.browse[open] .facts"),
        ("Compare schemes", "dialog.poslab[open] .postile__curve"),
        ("Claims on the bench", "dialog.claims[open] .claims__table"),
        ("Step through the algorithm", "dialog.walk[open] .walk__apart"),
    ];
    let mut all = Found::new();
    open(page).await?;
    for (button, shown) in sheets {
        press(page, button).await?;
        page.wait_until(&format!("document.querySelector({shown:?})")).await?;
        look_twice(page, &mut all, button, "dialog[open]").await?;
        if button.starts_with("Claims") {
            page.js("document.querySelector('.claims__open').click()", vec![]).await?;
            page.wait_until("document.querySelector('.claims__says')").await?;
            look_twice(page, &mut all, "a claim", "dialog[open]").await?;
        }
        close(page).await?;
    }
    // With charts and a table.
    press(page, "Timing laboratory").await?;
    page.wait_until("document.querySelector('dialog.sweep[open]')").await?;
    page.set("from", "64").await?;
    page.set("to", "64").await?;
    press_in_sheet(page, "Measure").await?;
    page.wait_until("document.querySelector('.sweep [role=status]').textContent.includes('Done.')").await?;
    look_twice(page, &mut all, "Timing laboratory", "dialog[open]").await?;
    none(&all)
}

/// Cards that take the place of their buttons, and the ways to look closer at the map.
async fn nothing_keeps_people_out_of_what_is_opened(page: &Page) -> Result<()> {
    let mut all = Found::new();
    open(page).await?;
    press(page, "Compare two settings").await?;
    press(page, "Pin as A").await?;
    page.js("await (await attentionPlayground).set({ mask: { id: 'causal' } })", vec![]).await?;
    page.wait_until("document.querySelectorAll('.settings-pair .compare__map').length === 4").await?;
    press(page, "Analysis of the weights").await?;
    page.wait_until("document.querySelectorAll('.measures__heads tbody tr').length === 12").await?;
    press(page, "Gradients").await?;
    press(page, "Estimators and baselines").await?;
    page.wait_until("document.querySelector('.estimate select')").await?;
    page.wait_until("!document.querySelector('.column--result [aria-busy=true]')").await?;
    // Where a phone shows one part at a time, this one.
    page.js("document.querySelectorAll('.tabs button')[3].click()", vec![]).await?;
    look_twice(page, &mut all, "analyses", ".column--result").await?;
    page.js("document.querySelectorAll('.tabs button')[0].click()", vec![]).await?;
    press(page, "Look closer").await?;
    page.wait_until("document.querySelector('.zoom__tools')").await?;
    page.js("document.querySelector('.zoom__steps [aria-label=\"Zoom in\"]').click()", vec![]).await?;
    page.wait_until("document.querySelector('.zoom__mini')").await?;
    for (reading, shown) in
        [("Map", ".zoom__mini"), ("Lines", ".lines__side [role=option]"), ("Table", ".zoom__table td")]
    {
        press(page, reading).await?;
        page.wait_until(&format!("document.querySelector({shown:?})")).await?;
        look_twice(page, &mut all, reading, ".card--map").await?;
    }
    none(&all)
}

/// Places for files, the choice among a file's arrays, and what is left when the page has stopped.
async fn nothing_keeps_people_out_of_files_and_faults(page: &Page) -> Result<()> {
    let mut all = Found::new();
    open(page).await?;
    drop_file(page, "header", "independent", "npz.deflated.npz").await?;
    page.wait_until("document.querySelector('dialog.choose[open] canvas[role=img]:not([hidden])')").await?;
    look_twice(page, &mut all, "choosing", "dialog[open]").await?;
    close(page).await?;
    press(page, "Paste").await?;
    drop_file(page, ".drop:has(.drop)", "hostile", "pickle.npy").await?;
    page.wait_until("[...document.querySelectorAll('.drop .issue:not([hidden])')].some((e) => e.textContent.includes('pickle.npy'))").await?;
    page.js("document.querySelectorAll('.tabs button')[1].click()", vec![]).await?;
    look_twice(page, &mut all, "pasting", ".column--inputs").await?;
    // Plain JavaScript by then, which speaks the language in which it was opened.
    for lang in LANGUAGES {
        page.open_ready(&format!("/?lang={lang}")).await?;
        let trap = "dispatchEvent(new ErrorEvent('error', { error: new WebAssembly.RuntimeError('unreachable') }))";
        page.js(trap, vec![]).await?;
        page.wait_until("!document.getElementById('crash').hidden").await?;
        page.js("document.querySelector('#crash details').open = true", vec![]).await?;
        look(page, &mut all, &format!("crash {lang}"), "", &[]).await?;
    }
    none(&all)
}

async fn nothing_keeps_people_out_of_frames(page: &Page) -> Result<()> {
    let mut all = Found::new();
    for lang in LANGUAGES {
        for view in
            ["map", "controls", "output", "timing", "formula", "positions", "estimators", "claims", "claim:dilution"]
        {
            page.open_ready(&format!("/?embed&view={view}&lang={lang}")).await?;
            look(page, &mut all, &format!("{view} {lang}"), "", &[]).await?;
        }
    }
    none(&all)
}

async fn nothing_keeps_people_out_of_the_pages_beside_it(page: &Page) -> Result<()> {
    let mut all = Found::new();
    for path in [
        "/api/",
        "/gallery/",
        "/gallery/causal/",
        "/measuring/",
        "/api/?lang=zh-CN",
        "/gallery/zh/",
        "/measuring/?lang=zh-CN",
    ] {
        page.open(path).await?;
        for theme in ["light", "dark"] {
            emulate(page, "", &[("prefers-color-scheme", theme)]).await?;
            for (width, height) in SIZES {
                page.size(width, height).await?;
                all.push((format!("{path} {theme} {width}"), found(page, "", theme).await?));
            }
        }
    }
    emulate(page, "", &[]).await?;
    none(&all)
}
