//! Charts: the times of the last runs, read by keys and by pointer, switched, as a table and as files; labels in the browser's own fonts, themes, print.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::export::{CATCH, saved};
use super::{Case, Needs};
use crate::kind::Kind;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all = cases!("chart"; runs_are_read_by_keys_and_by_pointer, the_products_of_a_cell_add_up, numbers_are_a_table_and_files, no_label_covers_another, a_chart_follows_the_theme);
    all.extend(cases!("chart", Needs::CDP; a_chart_follows_the_paper));
    all
}

/// Opens the page, computes three runs, and opens the chart of their times.
async fn open(page: &Page, address: &str) -> Result<()> {
    page.open_ready(address).await?;
    let runs = "const p = await attentionPlayground;
        for (const softcap of [3, 4, 5]) {
          const ran = new Promise((done) => { const off = p.on('result', () => { off(); done() }) });
          await p.set({ softcap }); await ran;
        }";
    page.js(runs, vec![]).await?;
    page.click(if address.contains("zh") { "用时图表" } else { "Times as a chart" }).await?;
    page.wait_until("document.querySelectorAll('.chart__field svg text').length > 4").await
}

const FIELD: &str = "document.querySelector('.chart__field')";
const SAID: &str = "document.querySelector('.chart__field').getAttribute('aria-valuetext')";

async fn runs_are_read_by_keys_and_by_pointer(page: &Page) -> Result<()> {
    open(page, "/").await?;
    page.js(&format!("{FIELD}.scrollIntoView({{ block: 'center' }}); {FIELD}.focus()"), vec![]).await?;
    page.keys(Key::End).await?;
    page.wait_until(&format!("/^from the last run 0, kernels [\\d.]+ ms.*, edit to paint [\\d.]+ ms$/.test({SAID})"))
        .await?;
    page.wait_until("document.querySelector('.chart__tip b').textContent === 'from the last run 0'").await?;
    page.keys(Key::Left).await?;
    page.wait_until(&format!("{SAID}.startsWith('from the last run −1, kernels ')")).await?;
    // Down: the first series alone, then the next.
    page.keys(Key::Down).await?;
    page.wait_until(&format!("{SAID}.includes('kernels') && !{SAID}.includes('edit to paint')")).await?;
    page.keys(Key::Down).await?;
    page.wait_until(&format!("{SAID}.includes('edit to paint') && !{SAID}.includes('kernels')")).await?;
    page.wait_until("document.querySelectorAll('.chart__ring').length === 1").await?;
    page.screenshot("chart of runs").await?;
    page.keys(Key::Escape).await?;
    page.wait_until("!document.querySelector('.chart__tip')").await?;
    // The pointer reads what is nearest to it.
    let moved = format!(
        "const b = {FIELD}.getBoundingClientRect(); {FIELD}.dispatchEvent(new PointerEvent('pointermove', {{ bubbles: true, clientX: b.right - 14, clientY: b.top + 60 }}))"
    );
    page.js(&moved, vec![]).await?;
    page.wait_until("document.querySelector('.chart__tip b').textContent === 'from the last run 0'").await?;
    // A press on an entry of the legend takes its line away, and its readings.
    page.click("edit to paint").await?;
    page.wait_until(
        "document.querySelector('.chart__legend [aria-pressed=false]').textContent.trim() === 'edit to paint'",
    )
    .await?;
    page.js(&moved, vec![]).await?;
    page.wait_until(&format!("{SAID}.includes('kernels') && !{SAID}.includes('edit to paint')")).await
}

async fn the_products_of_a_cell_add_up(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.wait_until("document.querySelector('.places')").await?;
    page.click("Products as a chart").await?;
    page.wait_until("document.querySelector('.chart__data summary')").await?;
    page.js("document.querySelector('.chart__data summary').click()", vec![]).await?;
    page.wait_until("document.querySelector('.chart__data td')").await?;
    let sums = "const number = (e) => parseFloat(e.textContent.replace('−', '-'));
        const raw = [...document.querySelectorAll('.steps tr')].find((e) => e.querySelector('th').textContent === 'q · k');
        return [[...document.querySelectorAll('.chart__data td')].reduce((sum, e) => sum + number(e), 0), number(raw.querySelector('td'))]";
    let sums = page.js(sums, vec![]).await?;
    let (sum, raw) = (sums[0].as_f64().unwrap_or(f64::NAN), sums[1].as_f64().unwrap_or(f64::NAN));
    // The table has three digits of each.
    ensure((sum - raw).abs() <= 0.05 * (1.0 + raw.abs()), || format!("{sum} is not {raw}"))
}

async fn numbers_are_a_table_and_files(page: &Page) -> Result<()> {
    open(page, "/").await?;
    page.js(CATCH, vec![]).await?;
    page.js("document.querySelector('.chart__data summary').click()", vec![]).await?;
    page.wait_until("document.querySelectorAll('.chart__data tbody tr').length >= 3").await?;
    let table = "return { head: [...document.querySelectorAll('.chart__data thead th')].map((e) => e.textContent),
        last: [...[...document.querySelectorAll('.chart__data tbody tr')].at(-1).children].map((e) => e.textContent) }";
    let table = page.js(table, vec![]).await?;
    ensure(table["head"] == json!(["from the last run", "kernels", "edit to paint"]), || format!("{table}"))?;
    ensure(table["last"][0] == "0" && table["last"][1].as_str().is_some_and(|text| text.contains(" ms")), || {
        format!("{table}")
    })?;
    page.click("CSV").await?;
    let csv = String::from_utf8(saved(page, "times.csv").await?)?;
    // With every digit, where the table is for reading.
    let value = csv.lines().nth(1).and_then(|line| line.split(',').nth(2)).and_then(|text| text.parse::<f64>().ok());
    ensure(csv.starts_with("series,from the last run,time (ms),low,high,outliers,note\r\nkernels,"), || csv.clone())?;
    // Firefox's clock is coarse: there a short run may take none of its steps.
    let least = if page.kind() == Kind::Firefox { 0.0 } else { f64::MIN_POSITIVE };
    ensure(value.is_some_and(|ms| ms.is_finite() && ms >= least), || csv.clone())?;
    page.click("SVG").await?;
    let picture = String::from_utf8(saved(page, "times.svg").await?)?;
    ensure(picture.starts_with("<svg ") && picture.contains("<title>Times of the last runs</title>"), || {
        picture.clone()
    })?;
    // Colours, not names of the page's style sheet.
    ensure(!picture.contains("var(") && picture.contains("stroke=\"#"), || picture.clone())?;
    page.click("PNG").await?;
    let png = saved(page, "times.png").await?;
    ensure(png.starts_with(b"\x89PNG"), || format!("{} bytes, no PNG", png.len()))
}

/// Pairs of texts in charts that share ground, and texts that leave their picture.
///
/// Boxes of letters: browsers differ in how much room they add around them.
const COVERED: &str = "const bad = [];
    const letters = (e) => {
      const r = e.getBoundingClientRect(), scale = e.getScreenCTM().a, y = (r.top + r.bottom) / 2;
      const more = (r.width - scale * e.getComputedTextLength()) / 2, half = 0.42 * scale * parseFloat(getComputedStyle(e).fontSize);
      return { left: r.left + more, right: r.right - more, top: y - half, bottom: y + half };
    };
    for (const svg of document.querySelectorAll('.chart__field > svg')) {
      const box = svg.getBoundingClientRect();
      const all = [...svg.querySelectorAll('text')].map((e) => [e.textContent, letters(e)]);
      for (const [i, [text, a]] of all.entries()) {
        if (a.left < box.left - 1 || a.right > box.right + 1) bad.push([text, 'leaves the picture']);
        for (const [other, b] of all.slice(i + 1))
          if (a.left + 1 < b.right && b.left + 1 < a.right && a.top < b.bottom && b.top < a.bottom) bad.push([text, other]);
      }
    }
    return bad";

async fn no_label_covers_another(page: &Page) -> Result<()> {
    for (width, address) in [(1400, "/?lang=en"), (390, "/?lang=en"), (1400, "/?lang=zh-CN")] {
        page.size(width, 1000).await?;
        page.open_ready(address).await?;
        let opener = "[...document.querySelectorAll('button')].find((b) => ['Compare schemes', '比较方案'].includes(b.textContent))";
        // The page can compute before all of its columns are there.
        page.wait_until(opener).await?;
        page.js(&format!("{opener}.click()"), vec![]).await?;
        page.wait_until("document.querySelectorAll('.poslab .chart__legend button').length > 3").await?;
        for scale in ["linear", "logarithmic"] {
            let press = "[...document.querySelectorAll('.poslab [role=radio]')].find((b) => args[0].includes(b.textContent)).click();
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))";
            let names = if scale == "linear" { ["linear", "线性"] } else { ["logarithmic", "对数"] };
            page.js(press, vec![json!(names)]).await?;
            let bad = page.js(COVERED, vec![]).await?;
            ensure(bad.as_array().is_some_and(Vec::is_empty), || format!("at {width} px, {scale}, {address}: {bad}"))?;
        }
        page.screenshot(&format!("position chart {width} {}", &address[7..])).await?;
    }
    Ok(())
}

async fn a_chart_follows_the_theme(page: &Page) -> Result<()> {
    let ink = "return getComputedStyle(document.querySelector('.chart__field svg text')).fill";
    let mut inks: Vec<Value> = Vec::new();
    for theme in ["light", "dark"] {
        open(page, &format!("/?theme={theme}")).await?;
        inks.push(page.js(ink, vec![]).await?);
    }
    ensure(
        inks[0] != inks[1] && inks.iter().all(|ink| ink.as_str().is_some_and(|ink| ink.starts_with("rgb"))),
        || format!("{inks:?}"),
    )?;
    page.screenshot("chart dark").await
}

async fn a_chart_follows_the_paper(page: &Page) -> Result<()> {
    open(page, "/?theme=dark").await?;
    page.cdp("Emulation.setEmulatedMedia", json!({ "media": "print" })).await?;
    let printed = "return ['.chart__tools', '.chart__data', '.chart__field', '.chart__legend'].map((c) => document.querySelector(c).checkVisibility())";
    let printed = page.js(printed, vec![]).await?;
    page.cdp("Emulation.setEmulatedMedia", json!({ "media": "" })).await?;
    ensure(printed == json!([false, false, true, true]), || format!("{printed}"))
}
