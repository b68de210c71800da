//! Attention step by step: the card opens, steps forward and back, and each walk ends at the run's own output; what can't be walked says why.

use serde_json::json;

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("walk"; tiles_stream_to_the_runs_output, blocks_go_round_a_ring, tokens_are_decoded_over_a_cache, what_cant_be_walked_says_why)
}

/// Single precision beside double, of outputs of a few units.
const TOLERANCE: f64 = 1e-4;

async fn open(page: &Page, link: &str) -> Result<()> {
    page.open_ready(link).await?;
    page.click("Step through the algorithm").await
}

/// How far the walk's end is from the run's output.
async fn apart(page: &Page) -> Result<f64> {
    page.wait_until("document.querySelector('.walk__apart')").await?;
    let value = page.js("return Number(document.querySelector('.walk__apart').value)", vec![]).await?;
    let own = page.js("return document.querySelector('.walk__end').textContent.includes('own output')", vec![]).await?;
    ensure(own == json!(true), || "it is not compared with the run's output".to_owned())?;
    value.as_f64().ok_or_else(|| format!("the difference is {value}").into())
}

/// Moves the slider: to its end, or to a step.
async fn to(page: &Page, step: &str) -> Result<()> {
    let script = "const slider = document.querySelector('.walk .player input'); slider.value = arguments[0] === 'end' ? slider.max : arguments[0];
        slider.dispatchEvent(new Event('input', { bubbles: true }))";
    page.js(script, vec![json!(step)]).await.map(drop)
}

/// The facts below the picture.
const FACTS: &str = "document.querySelector('.walk .facts').textContent";

async fn tiles_stream_to_the_runs_output(page: &Page) -> Result<()> {
    open(page, "/#v1&mask=causal").await?;
    let off = apart(page).await?;
    ensure(off <= TOLERANCE, || format!("the end is off the run's output by {off:e}"))?;
    page.wait_until("document.querySelectorAll('.walk__grid .walk__tile--skipped').length > 0").await?;
    let start = page.js(&format!("return {FACTS}"), vec![]).await?;
    ensure(start.as_str().is_some_and(|text| text.contains("−∞")), || format!("before the first tile: {start}"))?;
    page.js("document.querySelector('.walk [aria-label=\"Step forward\"]').click()", vec![]).await?;
    page.wait_until("document.querySelector('.walk .player output').textContent.startsWith('2 /')").await?;
    page.wait_until(&format!("!{FACTS}.startsWith('maximum m−∞scaled')")).await?;
    page.wait_until("document.querySelectorAll('.walk__grid .walk__tile--now').length === 1").await?;
    page.js("document.querySelector('.walk [aria-label=\"Step back\"]').click()", vec![]).await?;
    page.wait_until("document.querySelector('.walk .player output').textContent.startsWith('1 /')").await?;
    to(page, "end").await?;
    // At the end the bars are where the run is; the table says so in its last row.
    page.wait_until("document.querySelector('.walk__table tr[aria-current=step]:last-child')").await?;
    let last = page
        .js("return Number(document.querySelector('.walk__table tbody tr:last-child td:last-child').textContent.replace('−', '-'))", vec![])
        .await?;
    ensure(last.as_f64().is_some_and(|off| off <= TOLERANCE), || format!("the last step is off by {last}"))?;
    page.screenshot("walk, streaming").await
}

async fn blocks_go_round_a_ring(page: &Page) -> Result<()> {
    open(page, "/#v1&mask=causal").await?;
    page.click("Ring").await?;
    page.wait_until("document.querySelector('.walk__ring')").await?;
    let off = apart(page).await?;
    ensure(off <= TOLERANCE, || format!("the end is off the run's output by {off:e}"))?;
    // Four devices under a causal mask: six of sixteen blocks lie above the diagonal.
    let idle = "document.querySelectorAll('.walk__ring .walk__tile--skipped').length";
    page.wait_until(&format!("{idle} === 6")).await?;
    to(page, "end").await?;
    page.wait_until("document.querySelectorAll('.walk__ring .walk__tile--done').length + document.querySelectorAll('.walk__ring .walk__tile--now').length === 10").await?;
    page.screenshot("walk, ring").await
}

async fn tokens_are_decoded_over_a_cache(page: &Page) -> Result<()> {
    open(page, "/#v1&mask=causal").await?;
    page.click("Decoding with a cache").await?;
    page.wait_until("document.querySelector('.walk__cache')").await?;
    let off = apart(page).await?;
    ensure(off <= TOLERANCE, || format!("the end is off the run's output by {off:e}"))?;
    to(page, "0").await?;
    page.wait_until("document.querySelectorAll('.walk__cache .walk__tile--now').length === 1").await?;
    to(page, "end").await?;
    page.wait_until("document.querySelectorAll('.walk__cache .walk__tile--now').length === document.querySelectorAll('.walk__cache i').length").await?;
    page.screenshot("walk, decoding").await
}

async fn what_cant_be_walked_says_why(page: &Page) -> Result<()> {
    open(page, "/#v1&normaliser=sparsemax").await?;
    page.wait_until("document.querySelector('.walk .issue')?.textContent.includes('threshold')").await?;
    open(page, "/#v1&mask=none").await?;
    page.click("Decoding with a cache").await?;
    page.wait_until("document.querySelector('.walk .issue')?.textContent.includes('is not there yet')").await
}
