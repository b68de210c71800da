//! The claims on the bench: one is measured and judged, one fits schemes by their gradients, one is stopped, frames open one and the report of all.

use serde_json::json;

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("claims"; a_claim_is_measured_and_judged, schemes_are_fitted_by_their_gradients, a_claim_that_is_stopped_keeps_what_it_has, a_frame_opens_a_claim, the_report_holds_what_was_measured)
}

/// Opens the laboratory.
async fn open(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Claims on the bench").await?;
    page.wait_until("document.querySelector('dialog.claims[open] .claims__table')").await
}

/// Opens a claim's page by its id's place in the table's buttons.
async fn turn_to(page: &Page, title: &str) -> Result<()> {
    let script = "const button = [...document.querySelectorAll('.claims__open')].find((b) => b.textContent === arguments[0]); button.click()";
    page.js(script, vec![json!(title)]).await?;
    page.wait_until("document.querySelector('.claims__says')").await
}

async fn press(page: &Page) -> Result<()> {
    page.js("document.querySelector('.claims__bar .primary').click()", vec![]).await?;
    Ok(())
}

/// A machine may be busy with other tests.
async fn patiently(page: &Page, condition: &str) -> Result<()> {
    for _ in 0..7 {
        if page.wait_until(condition).await.is_ok() {
            return Ok(());
        }
    }
    page.wait_until(condition).await
}

async fn a_claim_is_measured_and_judged(page: &Page) -> Result<()> {
    open(page).await?;
    turn_to(page, "Blind to order without positions").await?;
    press(page).await?;
    patiently(page, "document.querySelector('.claims__verdict[data-verdict=depends]')").await?;
    let rows = page.js("return document.querySelectorAll('.claims__numbers tbody tr').length", vec![]).await?;
    ensure(rows == json!(7), || format!("seven ways are {rows} rows"))?;
    page.screenshot("claim order-blind").await?;
    page.js("document.querySelector('.claims__back button').click()", vec![]).await?;
    page.wait_until("document.querySelector('.claims__word[data-verdict=depends]')").await?;
    let drawn = page.js("return document.querySelectorAll('.claims__small svg').length", vec![]).await?;
    ensure(drawn == json!(1), || format!("one claim was measured, and {drawn} are drawn"))?;
    page.screenshot("claims").await
}

async fn schemes_are_fitted_by_their_gradients(page: &Page) -> Result<()> {
    page.open_ready("/?embed&view=claim:learned-beyond-training,trained=64").await?;
    page.wait_until("document.querySelector('.claims__bar .primary')").await?;
    press(page).await?;
    patiently(page, "document.querySelector('.claims__verdict:not([data-verdict=unfinished])')").await?;
    // The second cell of a row is the distance at the trained length: every scheme has learned the pattern there.
    let script = "return [...document.querySelectorAll('.claims__numbers tbody tr')].map((row) => Number(row.cells[1].textContent))";
    let learned = page.js(script, vec![]).await?;
    let learned: Vec<f64> = learned.as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64).collect();
    ensure(learned.len() == 7 && learned.iter().all(|off| *off <= 0.25), || {
        format!("at the trained length: {learned:?}")
    })
}

async fn the_report_holds_what_was_measured(page: &Page) -> Result<()> {
    page.open_ready("/?embed&view=claim:report,order-blind.n=32,noise.nothing=1").await?;
    page.wait_until("document.querySelectorAll('.claims__report article').length > 30").await?;
    page.wait_until("document.querySelector('.claims__top .issue')?.textContent.includes('noise.nothing=1')").await?;
    page.js("document.querySelector('.claims__back button').click()", vec![]).await?;
    turn_to(page, "Blind to order without positions").await?;
    page.wait_until("document.querySelector('.claims__slider output')?.textContent === '32'").await?;
    press(page).await?;
    patiently(page, "document.querySelector('.claims__verdict[data-verdict=depends]')").await?;
    page.js("document.querySelector('.claims__back button').click()", vec![]).await?;
    page.click("Report: print, link, export").await?;
    page.wait_until("document.querySelector('.claims__report [data-verdict=depends]')").await?;
    let drawn = page.js("return document.querySelectorAll('.claims__report article svg').length", vec![]).await?;
    ensure(drawn == json!(1), || format!("one claim was measured, and {drawn} pictures are in the report"))?;
    page.screenshot("claims report").await
}

async fn a_claim_that_is_stopped_keeps_what_it_has(page: &Page) -> Result<()> {
    open(page).await?;
    turn_to(page, "Backward pass grows with n³").await?;
    press(page).await?;
    patiently(page, "document.querySelectorAll('.claims__numbers tbody tr').length > 0").await?;
    press(page).await?;
    patiently(
        page,
        "document.querySelector('.claims__verdict[data-verdict=unfinished]')?.textContent.includes('Stopped')",
    )
    .await
}

async fn a_frame_opens_a_claim(page: &Page) -> Result<()> {
    page.open_ready("/?embed&view=claim:order-blind,n=32").await?;
    page.wait_until("document.querySelector('.claims__slider output')?.textContent === '32'").await?;
    page.open_ready("/?embed&view=claim:nothing").await?;
    page.wait_until("document.querySelector('.claims__top .issue')?.textContent.includes('nothing')").await
}
