//! The position laboratory: it opens from the card, its lines are switched, one scheme is read closely, and a token is moved in time by keyboard.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("positions"; lines_are_switched_and_read, ways_past_a_learned_table_stand_together, what_is_stretched_follows_the_lengths, a_token_is_moved_in_time_and_back)
}

/// Opens the laboratory and waits for the curves of every scheme.
async fn open(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Compare schemes").await?;
    page.wait_until("document.querySelector('dialog.poslab[open]')").await?;
    // One line for each scheme, and two more for the ways in which a learned table goes on.
    let all = "return (await attentionPlayground).catalogue().positions.length + 2";
    let all = page.js(all, vec![]).await?;
    page.wait_until(&format!("document.querySelectorAll('.postile__curve').length === {all}")).await
}

/// How many lines the chart has, without the one of the training.
const LINES: &str = "[...document.querySelectorAll('.poslab .chart__legend button')].filter((b) => !b.textContent.endsWith('as trained')).length";

/// What the cursor says at a distance: the value of each line by its name.
async fn read(page: &Page, distance: usize) -> Result<String> {
    let script = "const field = document.querySelector('.poslab .chart__field'); field.focus();
        const press = (key) => field.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        press('Home'); for (let i = 0; i < args[0]; i++) press('ArrowRight');
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        return field.getAttribute('aria-valuetext')";
    Ok(page.js(script, vec![json!(distance)]).await?.as_str().unwrap_or_default().to_owned())
}

async fn press(page: &Page, scheme: &str) -> Result<()> {
    let script = "const tile = document.querySelector(`[data-scheme=${args[0]}]`); tile.click();
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done))); return tile.getAttribute('aria-pressed')";
    page.js(script, vec![json!(scheme)]).await.map(drop)
}

async fn lines_are_switched_and_read(page: &Page) -> Result<()> {
    open(page).await?;
    let lines = LINES;
    let before = page.js(&format!("return {lines}"), vec![]).await?.as_u64().unwrap_or_default();
    press(page, "kerple-power").await?;
    page.wait_until(&format!("{lines} === {}", before + 1)).await?;
    press(page, "rope-yarn").await?;
    page.wait_until(&format!("{lines} === {before}")).await?;
    page.click("as they are").await?;
    // −√16 with the default exponent, whatever the head; rotation by nothing leaves the score.
    let at = read(page, 16).await?;
    ensure(
        at.starts_with("distance 16") && at.contains("KERPLE, power −4,") || at.ends_with("KERPLE, power −4"),
        || at.clone(),
    )?;
    let start = read(page, 0).await?;
    ensure(start.contains("Rotary (RoPE) 1") && !start.contains("YaRN"), || start.clone())?;
    page.click("logarithmic").await?;
    page.screenshot("position laboratory").await?;
    page.wait_until("document.querySelector('.possquare figcaption')?.textContent.includes('128 queries down')")
        .await?;
    page.click("Close").await?;
    page.wait_until("!document.querySelector('dialog.poslab[open]')").await
}

async fn ways_past_a_learned_table_stand_together(page: &Page) -> Result<()> {
    open(page).await?;
    page.click("ways to go on past a learned table").await?;
    let lines = LINES;
    page.wait_until(&format!("{lines} === 3")).await?;
    page.click("as they are").await?;
    // Within a trained length that is half of the text, the table that begins anew has come back to its start: distance 64 is distance 0.
    let value =
        |text: &str| text.split("begun anew ").nth(1).and_then(|rest| rest.split(',').next()).map(str::to_owned);
    let (near, far) = (value(&read(page, 0).await?), value(&read(page, 64).await?));
    ensure(near.is_some() && near == far, || format!("{near:?} at 0, {far:?} at 64"))?;
    page.click("ways to stretch a rotation").await?;
    page.wait_until(&format!("{lines} === 6")).await
}

async fn what_is_stretched_follows_the_lengths(page: &Page) -> Result<()> {
    open(page).await?;
    page.click("as they are").await?;
    let of = |text: &str| {
        text.split("position interpolation ").nth(1).map(|rest| rest.split(',').next().unwrap_or_default().to_owned())
    };
    // Twice the trained length: what stood at distance 8 stands at 16.
    let stretched = of(&read(page, 16).await?);
    page.set("trained on", "128").await?;
    page.wait_until("document.querySelector('.poslab__factor').textContent.includes('nothing is stretched')").await?;
    let wanted = stretched.clone().unwrap_or_default();
    let found = async || Ok::<_, crate::Error>(of(&read(page, 8).await?));
    for _ in 0..50 {
        if found().await?.as_deref() == Some(&wanted) {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(format!("interpolation leaves {stretched:?} at 16 when stretched twice, {:?} at 8 when not", found().await?)
        .into())
}

async fn times(page: &Page) -> Result<Value> {
    Ok(page.js("return (await attentionPlayground).get()", vec![]).await?["data"]["time"].clone())
}

async fn a_token_is_moved_in_time_and_back(page: &Page) -> Result<()> {
    open(page).await?;
    press(page, "time-gap").await?;
    page.wait_until("document.querySelectorAll('.postimes__token').length === 16").await?;
    let third = "document.querySelectorAll('.postimes__token')[2]";
    page.js(&format!("{third}.scrollIntoView({{ block: 'center' }}); {third}.focus()"), vec![]).await?;
    page.keys(Key::Right).await?;
    page.wait_until(&format!("{third}.getAttribute('aria-valuenow') === '3'")).await?;
    let moved = times(page).await?;
    ensure([moved[1].as_f64(), moved[2].as_f64(), moved[8].as_f64()] == [Some(1.0), Some(3.0), Some(32.0)], || {
        format!("the times are {moved}")
    })?;
    page.screenshot("times").await?;
    page.click("Close").await?;
    page.click("Undo").await?;
    let undone = times(page).await?;
    ensure(undone.is_null(), || format!("after undo the times are {undone}"))
}
