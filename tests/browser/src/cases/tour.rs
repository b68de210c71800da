//! The guided tour: begun from the help, walked and left by keys, each stop with what it tells of on the screen, in both languages, wide and on a phone.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::Case;
use super::edit::{after, press_in_sheet};
use super::keys::tab_to_text;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("tour"; the_help_opens_at_its_beginning, every_stop_shows_what_it_tells_of, every_stop_shows_what_it_tells_of_on_a_phone, it_is_walked_by_keys,
        it_gives_the_focus_back_when_it_is_left, it_gives_the_focus_back_when_it_is_done, what_it_has_one_try_is_undone)
}

/// How many stops there are.
const STOPS: usize = 9;

/// Its links are at the end: a focus there would scroll a phone past what is to be read first.
async fn the_help_opens_at_its_beginning(page: &Page) -> Result<()> {
    page.size(390, 600).await?;
    page.open_ready("/?lang=en").await?;
    page.click("Help and keys").await?;
    page.wait_until("document.querySelector('dialog[open] h2')").await?;
    let found = page
        .js("const d = document.querySelector('dialog[open]'); return [d.scrollHeight > d.clientHeight, d.scrollTop, d.contains(document.activeElement)]", vec![])
        .await?;
    ensure(found == json!([true, 0, true]), || format!("higher than its room, scrolled by, with the focus: {found}"))
}

/// Begins the tour by the key of the help, in a language.
async fn begin(page: &Page, lang: &str) -> Result<()> {
    page.open_ready(&format!("/?lang={lang}")).await?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    page.js("document.querySelector('.top__actions [title*=\"(?)\"]').focus()", vec![]).await?;
    page.keys(Key::Enter).await?;
    page.wait_until("document.querySelector('dialog[open] h2')").await?;
    press_in_sheet(page, if lang == "en" { "Take the two-minute tour" } else { "两分钟导览" }).await?;
    at(page, 1).await
}

/// Waits for a stop.
async fn at(page: &Page, stop: usize) -> Result<()> {
    page.wait_until(&format!("document.querySelector('.tour .note')?.textContent.endsWith('{stop} / {STOPS}')")).await
}

/// What is wrong with a stop, or nothing: one element is marked, half of what of it can be on the screen is not under anything else, the panel is whole and
/// has the focus, and its words are there.
const WRONG: &str = "await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
    const tour = document.querySelector('.tour'), all = [...document.querySelectorAll('.tour__mark')], found = [];
    if (document.activeElement !== tour) found.push(`the focus is on ${document.activeElement.outerHTML.slice(0, 60)}`);
    const p = tour.getBoundingClientRect();
    if (p.left < 0 || p.right > innerWidth || p.top < 0 || p.bottom > innerHeight) found.push(`the panel is at ${[p.left, p.top, p.right, p.bottom]}`);
    if (tour.scrollWidth > tour.clientWidth || ['tour-title', 'tour-text'].some((id) => document.getElementById(id).textContent.trim().length < 1)) found.push('its words do not fit or are not there');
    if (all.length !== 1) return [...found, `${all.length} elements are marked`];
    const e = all[0], r = e.getBoundingClientRect(), [left, right] = [Math.max(r.left, 0), Math.min(r.right, innerWidth)], [top, bottom] = [Math.max(r.top, 0), Math.min(r.bottom, innerHeight)];
    const tall = Math.min(r.height, innerHeight / 4);
    if (!(right - left > r.width / 2) || !(bottom - top >= tall - 1)) return [...found, `${e.className} is at ${[r.left, r.top, r.right, r.bottom].map(Math.round)}, off the screen`];
    let seen = 0; const steps = 8;
    for (let i = 0; i < steps; i++) for (let j = 0; j < steps; j++) {
      const at = document.elementFromPoint(left + (right - left) * (i + 0.5) / steps, top + (bottom - top) * (j + 0.5) / steps);
      if (at && (e.contains(at) || at.contains(e) && !at.closest('.tour'))) seen += 1;
    }
    // What is higher than the room above the panel is seen in part.
    if (seen < steps * steps / (r.height > innerHeight / 2 ? 4 : 2)) found.push(`of ${e.className}, ${seen} of ${steps * steps} places are seen`);
    return found";

/// Goes through all stops with the arrow key.
async fn walk(page: &Page, lang: &str) -> Result<Vec<String>> {
    begin(page, lang).await?;
    let mut wrong = Vec::new();
    for stop in 1..=STOPS {
        at(page, stop).await?;
        let found = page.js(WRONG, vec![]).await?;
        wrong.extend(found.as_array().into_iter().flatten().map(|what| format!("{lang}, stop {stop}: {what}")));
        let width = page.js("return innerWidth", vec![]).await?;
        page.screenshot(&format!("tour {width} {lang} {stop}")).await?;
        page.keys(Key::Right).await?;
    }
    page.wait_until("!document.querySelector('.tour') && !document.querySelector('.tour__mark')").await?;
    Ok(wrong)
}

async fn every_stop_shows_what_it_tells_of(page: &Page) -> Result<()> {
    let mut wrong = walk(page, "en").await?;
    wrong.extend(walk(page, "zh-CN").await?);
    ensure(wrong.is_empty(), || wrong.join("\n        "))
}

async fn every_stop_shows_what_it_tells_of_on_a_phone(page: &Page) -> Result<()> {
    page.size(390, 844).await?;
    let mut wrong = walk(page, "en").await?;
    wrong.extend(walk(page, "zh-CN").await?);
    ensure(wrong.is_empty(), || wrong.join("\n        "))
}

async fn it_is_walked_by_keys(page: &Page) -> Result<()> {
    begin(page, "en").await?;
    let said = "const e = document.activeElement, of = (name) => document.getElementById(e.getAttribute(name))?.textContent; return [e.role, of('aria-labelledby'), of('aria-describedby')?.length > 40]";
    let said = page.js(said, vec![]).await?;
    ensure(said == json!(["dialog", "What comes in", true]), || format!("what is read: {said}"))?;
    tab_to_text(page, "Next").await?;
    page.keys(Key::Enter).await?;
    at(page, 2).await?;
    let panel = "return document.activeElement.matches('.tour')";
    ensure(page.js(panel, vec![]).await? == json!(true), || "the next stop has not the focus".into())?;
    page.keys(Key::Right).await?;
    at(page, 3).await?;
    tab_to_text(page, "Back").await?;
    page.keys(Key::Enter).await?;
    at(page, 2).await?;
    page.keys(Key::Left).await?;
    at(page, 1).await?;
    // There is nothing before the first.
    page.keys(Key::Left).await?;
    at(page, 1).await?;
    page.keys(Key::Escape).await?;
    page.wait_until("!document.querySelector('.tour') && !document.querySelector('.tour__mark')").await
}

/// What has the focus.
async fn focused(page: &Page) -> Result<Value> {
    page.js("return document.activeElement.ariaLabel ?? document.activeElement.tagName", vec![]).await
}

async fn it_gives_the_focus_back_when_it_is_left(page: &Page) -> Result<()> {
    begin(page, "en").await?;
    page.keys(Key::Right).await?;
    at(page, 2).await?;
    page.keys(Key::Escape).await?;
    page.wait_until("!document.querySelector('.tour')").await?;
    let focus = focused(page).await?;
    ensure(focus == json!("Help and keys"), || format!("the focus is on {focus}"))
}

async fn it_gives_the_focus_back_when_it_is_done(page: &Page) -> Result<()> {
    begin(page, "en").await?;
    for stop in 2..=STOPS {
        page.keys(Key::Right).await?;
        at(page, stop).await?;
    }
    tab_to_text(page, "Done").await?;
    page.keys(Key::Enter).await?;
    page.wait_until("!document.querySelector('.tour')").await?;
    let focus = focused(page).await?;
    ensure(focus == json!("Help and keys"), || format!("the focus is on {focus}"))
}

async fn what_it_has_one_try_is_undone(page: &Page) -> Result<()> {
    begin(page, "en").await?;
    for stop in 2..=4 {
        page.keys(Key::Right).await?;
        at(page, stop).await?;
    }
    let now = after(page, async || {
        tab_to_text(page, "Take a fractal").await?;
        page.keys(Key::Enter).await
    })
    .await?;
    ensure(now["mask"]["id"] == "fractal", || format!("{}", now["mask"]))?;
    // What it tells of is still marked, and the tour goes on.
    for stop in 5..=8 {
        page.js("document.querySelector('.tour').focus()", vec![]).await?;
        page.keys(Key::Right).await?;
        at(page, stop).await?;
    }
    let now = after(page, async || {
        tab_to_text(page, "Undo").await?;
        page.keys(Key::Enter).await
    })
    .await?;
    ensure(now["mask"]["id"] == "sliding-window", || format!("{}", now["mask"]))
}
