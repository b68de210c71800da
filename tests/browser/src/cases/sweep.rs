//! The timing laboratory: a small sweep is measured and told, what can't be computed is a failure among the rest, and a sweep stops when it is told to.

use serde_json::{Value, json};

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("sweep"; a_small_sweep_is_measured_and_told, what_fails_stands_among_what_does_not, a_sweep_that_is_stopped_keeps_what_it_has,
        a_link_opens_the_laboratory_as_it_was_set, a_link_opens_a_laboratory_on_a_phone)
}

/// Opens the laboratory with these first and last numbers of tokens.
async fn open(page: &Page, from: usize, to: usize) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Timing laboratory").await?;
    page.wait_until("document.querySelector('dialog.sweep[open]')").await?;
    page.set("from", &from.to_string()).await?;
    page.set("to", &to.to_string()).await
}

/// Presses the button and waits until the sweep says that it has ended so. A machine may be busy with other tests.
async fn measure(page: &Page, ended: &str) -> Result<()> {
    page.click("Measure").await?;
    let told = format!("document.querySelector('.sweep [role=status]').textContent.includes({})", json!(ended));
    for _ in 0..7 {
        if page.wait_until(&told).await.is_ok() {
            return Ok(());
        }
    }
    page.wait_until(&told).await
}

/// The table: a list of cells for each row.
async fn rows(page: &Page) -> Result<Vec<Vec<String>>> {
    let script = "return [...document.querySelectorAll('.sweep__table tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))";
    let rows = page.js(script, vec![]).await?;
    let row = |cells: &Value| {
        cells.as_array().into_iter().flatten().map(|cell| cell.as_str().unwrap_or_default().to_owned()).collect()
    };
    Ok(rows.as_array().into_iter().flatten().map(row).collect())
}

fn number(cell: &str) -> f64 {
    cell.parse().unwrap_or(f64::NAN)
}

async fn a_small_sweep_is_measured_and_told(page: &Page) -> Result<()> {
    open(page, 64, 256).await?;
    measure(page, "Done.").await?;
    let rows = rows(page).await?;
    ensure(rows.len() == 9, || format!("three ways at three sizes are {} rows: {rows:?}", rows.len()))?;
    for row in &rows {
        let [_, tokens, median, between, samples, _, batch, speed, pairs, memory, held, kernel] = &row[..] else {
            return Err(format!("a row of {} cells: {row:?}", row.len()).into());
        };
        ensure([64.0, 128.0, 256.0].contains(&number(tokens)), || format!("tokens {row:?}"))?;
        let ends: Vec<f64> = between.split(" – ").map(number).collect();
        // Three digits of each are shown.
        let inside = ends.len() == 2 && ends[0] <= number(median) * 1.01 && number(median) <= ends[1] * 1.01;
        ensure(number(median) > 0.0 && inside, || format!("the median lies in its interval: {row:?}"))?;
        ensure(number(samples) >= 3.0 && number(batch) >= 1.0, || format!("samples {row:?}"))?;
        ensure(number(speed) > 0.0 && number(memory) > 0.0 && number(held) > 0.0, || {
            format!("speed and memory {row:?}")
        })?;
        ensure(kernel.starts_with("cpu-streaming"), || format!("kernel {row:?}"))?;
        let all = row[0] == "dense";
        ensure(if all { number(pairs) == 100.0 } else { number(pairs) <= 100.0 }, || format!("pairs {row:?}"))?;
    }
    let told = "return [[...document.querySelectorAll('.sweep__laws li')].map((l) => l.textContent),
        document.querySelector('.sweep__conditions').textContent,
        [...document.querySelectorAll('.sweep .chart__field')].map((f) => f.getAttribute('aria-label')),
        [...document.querySelectorAll('.sweep .chart__legend')][0].textContent]";
    let told = page.js(told, vec![]).await?;
    let laws = told[0].as_array().map_or(0, Vec::len);
    let law = told[0][0].as_str().unwrap_or_default();
    ensure(laws == 3 && law.contains("dense: time grows as tokens to the power"), || format!("laws {}", told[0]))?;
    let conditions = told[1].as_str().unwrap_or_default();
    ensure(
        conditions.contains("The clock steps by") && conditions.contains("GFLOP/s") && conditions.contains("GB/s"),
        || conditions.to_owned(),
    )?;
    let charts: Vec<&str> = told[2].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for wanted in [
        "Time of attention",
        "Speed-up over dense attention",
        "Roofline of this machine: speed over intensity",
        "Memory: counted from sizes, and held by the workers",
    ] {
        ensure(charts.contains(&wanted), || format!("no chart {wanted:?} in {charts:?}"))?;
    }
    let legend = told[3].as_str().unwrap_or_default();
    ensure(legend.contains("in proportion to n²"), || format!("legend {legend}"))?;
    page.screenshot("timing laboratory").await
}

async fn what_fails_stands_among_what_does_not(page: &Page) -> Result<()> {
    open(page, 64, 64).await?;
    page.click("the gradients").await?;
    page.set("add an estimator", "performer").await?;
    measure(page, "Done.").await?;
    let rows = rows(page).await?;
    ensure(rows.len() == 4, || format!("four ways at one size: {rows:?}"))?;
    let (failed, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.len() == 3);
    ensure(failed.len() == 1 && failed[0][2].contains("failed") && failed[0][2].contains("no gradients"), || {
        format!("an estimator has no gradients here: {rows:?}")
    })?;
    let measured = others.iter().all(|row| row[11].starts_with("cpu-backward") && number(&row[2]) > 0.0);
    ensure(measured, || format!("gradients by their kernel: {others:?}"))?;
    let laws = page.js("return document.querySelectorAll('.sweep__laws li').length", vec![]).await?;
    ensure(laws == 0, || "there is no law through one size".to_owned())?;
    let missing = page.js("return document.querySelector('.sweep .chart__missing').textContent", vec![]).await?;
    ensure(missing.as_str().is_some_and(|text| text.contains("no gradients")), || format!("the chart says {missing}"))
}

async fn a_sweep_that_is_stopped_keeps_what_it_has(page: &Page) -> Result<()> {
    open(page, 64, 4096).await?;
    page.click("Measure").await?;
    page.wait_until("document.querySelectorAll('.sweep__table tbody tr').length > 0").await?;
    page.click("Stop").await?;
    page.wait_until("document.querySelector('.sweep [role=status]').textContent.includes('Stopped')").await?;
    let rows = rows(page).await?;
    let short = rows.len() < 21 || rows.iter().any(|row| number(&row[4]) < 7.0);
    ensure(!rows.is_empty() && short, || format!("some samples of 21 cells are kept: {rows:?}"))?;
    page.click("Close").await?;
    page.wait_until("!document.querySelector('dialog.sweep[open]')").await
}

async fn a_link_opens_the_laboratory_as_it_was_set(page: &Page) -> Result<()> {
    page.open_ready("/#v1&lab=timing&lab.over=heads&lab.tokens=256&lab.ways=dense,mask:dilated&lab.speed=9").await?;
    page.wait_until("document.querySelector('dialog.sweep[open]')").await?;
    let script = "const of = (name) => [...document.querySelectorAll('.sweep__number')].find((s) => s.textContent.startsWith(name))?.querySelector('select').value;
        const ways = [...document.querySelectorAll('.sweep__ways [aria-checked=true], .sweep__ways :checked')].length;
        return [document.querySelector('.sweep [role=radio][aria-checked=true]').textContent, of('tokens'), ways,
            document.querySelector('.sweep .issue').textContent.includes('lab.speed'), document.querySelectorAll('.sweep__table').length]";
    let found = page.js(script, vec![]).await?;
    // Nothing runs by itself.
    ensure(found == json!(["heads", "256", 2, true, 0]), || format!("the laboratory is set to {found}"))?;
    // A chip has the same name as the list.
    let choose = "const list = [...document.querySelectorAll('.sweep__number')].find((s) => s.textContent.startsWith('tokens')).querySelector('select');
        list.value = '512'; list.dispatchEvent(new Event('change', { bubbles: true }))";
    page.js(choose, vec![]).await?;
    page.wait_until("location.hash.includes('lab=timing') && location.hash.includes('lab.tokens=512') && !location.hash.includes('lab.speed')").await?;
    page.click("Close").await?;
    page.wait_until("!document.querySelector('dialog.sweep') && !location.hash.includes('lab=')").await?;
    page.open_ready("/#v1&lab=positions&lab.length=256&lab.distances=log").await?;
    page.wait_until("document.querySelector('dialog.poslab[open]')").await?;
    page.wait_until("[...document.querySelectorAll('.poslab [role=radio][aria-checked=true]')].some((b) => b.textContent === 'logarithmic')").await?;
    page.click("Close").await?;
    page.wait_until("!location.hash.includes('lab=')").await
}

/// On a narrow page the column of the laboratory is hidden until its tab is pressed; the dialog is shown all the same.
async fn a_link_opens_a_laboratory_on_a_phone(page: &Page) -> Result<()> {
    page.size(390, 844).await?;
    for (link, dialog) in [("/#v1&lab=timing", "dialog.sweep"), ("/#v1&lab=positions", "dialog[open]")] {
        page.open_ready(link).await?;
        let seen = format!(
            "(() => {{ const box = document.querySelector('{dialog}')?.getBoundingClientRect(); return box && box.width > 100 && box.height > 100; }})()"
        );
        page.wait_until(&seen).await?;
    }
    Ok(())
}
