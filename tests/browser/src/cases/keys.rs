//! Everything of the main screen by keys alone: reached with Tab, used with what its role promises, and left where one was.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::Case;
use super::edit::after;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("keys"; tab_reaches_every_control, a_cell_and_a_mask_are_changed, sheets_open_and_close_and_give_the_focus_back, a_laboratory_is_run)
}

/// More presses than the page has stops.
const PRESSES: usize = 400;

/// The name of what has the focus: its label, else its own text.
const FOCUSED: &str = "const e = document.activeElement, squeeze = (text) => (text ?? '').replace(/\\s+/g, ' ').trim();
    return e === document.body ? '' : squeeze(e.ariaLabel) || squeeze(e.labels?.[0]?.textContent) || squeeze(e.textContent) || squeeze(e.title)";

/// Presses Tab until what has the focus meets a condition on `e`.
pub(super) async fn tab_to(page: &Page, condition: &str) -> Result<()> {
    let there = format!("const e = document.activeElement; return !!({condition})");
    for _ in 0..PRESSES {
        if page.js(&there, vec![]).await? == json!(true) {
            return Ok(());
        }
        page.keys(Key::Tab).await?;
    }
    Err(format!("Tab never reaches {condition}").into())
}

/// The same for a control with this text.
pub(super) async fn tab_to_text(page: &Page, text: &str) -> Result<()> {
    tab_to(page, &format!("e.textContent.replace(/\\s+/g, ' ').trim() === {text:?}")).await
}

/// From the top to the end: each control that is seen and works had the focus, or is one of a group that arrow keys walk through.
async fn tab_reaches_every_control(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    page.js("self.walked = new Set(); addEventListener('focusin', (e) => walked.add(e.target))", vec![]).await?;
    let mut before = Value::Null;
    let mut count = 0;
    loop {
        page.keys(Key::Tab).await?;
        let now = page.js("return [walked.size, document.activeElement === document.body]", vec![]).await?;
        count += 1;
        // Round: the focus left the page, or came to where it was.
        if (now == before && count > 5) || now[1] == json!(true) {
            break;
        }
        ensure(count < PRESSES, || format!("after {count} presses the end is not reached"))?;
        before = now;
    }
    let missed = "const kinds = 'button, a[href], input, select, textarea, summary, [tabindex]';
        const group = (e) => e.closest('[role=radiogroup], [role=tablist], [role=toolbar], [role=listbox], [role=grid], [role=group]');
        const off = (e) => e.disabled || e.matches(':disabled') || e.closest('[inert]') || !e.checkVisibility({ visibilityProperty: true }) || (e.tagName === 'INPUT' && e.type === 'radio');
        const found = [...document.querySelectorAll(kinds)].filter((e) => !off(e) && !walked.has(e));
        const roving = (e) => e.tabIndex < 0 && (() => { const g = group(e); return g && [...walked].some((w) => g.contains(w)) })();
        return found.filter((e) => !roving(e) && !e.matches('[tabindex=\"-1\"]:not(button, a, input, select, textarea)')).map((e) => e.outerHTML.slice(0, 160))";
    let missed = page.js(missed, vec![]).await?;
    ensure(missed == json!([]), || format!("{count} presses never reached: {missed}"))
}

async fn a_cell_and_a_mask_are_changed(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    tab_to(page, "e.matches('[data-tensor=q] [role=application]')").await?;
    let cell = page.js(FOCUSED, vec![]).await?;
    ensure(cell.as_str().is_some_and(|name| name.len() > 3), || format!("the matrix is called {cell}"))?;
    page.keys(Key::Right + Key::Down).await?;
    let now = after(page, async || page.keys("-1.5" + Key::Enter).await).await?;
    ensure(now["edits"][0]["value"].as_f64() == Some(-1.5), || format!("edits: {}", now["edits"]))?;
    // Patterns are one stop of Tab; arrows choose among them.
    tab_to(page, "e.matches('.thumbs [role=radio]')").await?;
    let before = now["mask"]["id"].clone();
    let now = after(page, async || page.keys(Key::Right).await).await?;
    ensure(now["mask"]["id"] != before, || format!("the mask is still {before}"))?;
    let focus = page.js("return document.activeElement.getAttribute('aria-checked')", vec![]).await?;
    ensure(focus == json!("true"), || "the focus does not follow the choice".into())?;
    // A cell of the map is painted.
    tab_to(page, "e.matches('.map__field')").await?;
    page.keys(Key::Left).await?;
    let now = after(page, async || page.keys(" ").await).await?;
    ensure(now["paint"].as_array().is_some_and(|all| all.len() == 1), || format!("{}", now["paint"]))
}

async fn sheets_open_and_close_and_give_the_focus_back(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    // As they come by Tab.
    let sheets = [
        ("gallery", "e.title === 'Gallery'"),
        ("help", "e.title.includes('(?)')"),
        ("export", "e.matches('.top__export')"),
        ("share", "e.matches('.top__actions .primary')"),
    ];
    for (name, button) in sheets {
        tab_to(page, &format!("e.closest('.top') && {button}")).await.map_err(|error| format!("{name}: {error}"))?;
        page.keys(Key::Enter).await?;
        page.wait_until("document.querySelector('dialog[open] h2')")
            .await
            .map_err(|error| format!("{name}: {error}"))?;
        let inside = "return document.querySelector('dialog[open]').contains(document.activeElement)";
        ensure(page.js(inside, vec![]).await? == json!(true), || format!("{name}: the focus stayed behind"))?;
        // Tab stays within it.
        for _ in 0..3 {
            page.keys(Key::Tab).await?;
        }
        let within = "return document.activeElement === document.body || document.querySelector('dialog[open]').contains(document.activeElement)";
        ensure(page.js(within, vec![]).await? == json!(true), || format!("{name}: Tab left it"))?;
        page.keys(Key::Escape).await?;
        page.wait_until("!document.querySelector('dialog[open]')").await?;
        let back = page.js(&format!("const e = document.activeElement; return !!({button})"), vec![]).await?;
        ensure(back == json!(true), || format!("{name}: the focus did not come back"))?;
    }
    Ok(())
}

/// The timing laboratory is opened, measures, is stopped and closed, and the focus is where it was.
async fn a_laboratory_is_run(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    tab_to_text(page, "Timing laboratory").await?;
    page.keys(Key::Enter).await?;
    page.wait_until("document.querySelector('dialog.sweep[open]')?.contains(document.activeElement)").await?;
    tab_to_text(page, "Measure").await?;
    page.keys(Key::Enter).await?;
    page.wait_until("document.querySelectorAll('.sweep__table tbody tr').length > 0").await?;
    tab_to_text(page, "Stop").await?;
    page.keys(Key::Enter).await?;
    page.wait_until("document.querySelector('.sweep [role=status]').textContent.includes('Stopped')").await?;
    page.keys(Key::Escape).await?;
    page.wait_until("!document.querySelector('dialog[open]')").await?;
    let back = page.js("return document.activeElement.textContent.trim()", vec![]).await?;
    ensure(back == json!("Timing laboratory"), || format!("the focus is on {back}"))
}
