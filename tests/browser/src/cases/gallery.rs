//! The gallery: an entry is opened from the sheet and told, undo brings back what was there, and its pages and that of the API stand on their own.

use serde_json::json;
use thirtyfour::Key;

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("gallery"; an_entry_is_opened_told_and_taken_back, the_sheet_fits_a_phone_and_speaks_chinese, pages_stand_on_their_own,
        the_console_asks_the_frame)
}

/// How many entries there are, by the list that the page fetches.
const COUNT: &str =
    "(await (await fetch(document.querySelector('meta[name=gallery]').content + '/index.json')).json()).length";

async fn an_entry_is_opened_told_and_taken_back(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Gallery").await?;
    page.wait_until("document.querySelector('dialog.gallery[open]')").await?;
    let count = page.js(&format!("return {COUNT}"), vec![]).await?;
    page.wait_until(&format!("document.querySelectorAll('.gallery__cards img').length === {count}")).await?;
    page.wait_until("document.querySelector('.gallery__cards img').naturalWidth === 1200").await?;
    page.screenshot("gallery").await?;
    // By keyboard: the card has the focus, Enter opens it.
    let focus = "[...document.querySelectorAll('.gallery__cards button')].find((b) => b.querySelector('b').textContent === 'A fractal of bits').focus()";
    page.js(focus, vec![]).await?;
    page.keys("" + Key::Enter).await?;
    page.wait_until("document.querySelector('.tale h3')?.textContent === 'A fractal of bits'").await?;
    page.wait_until("!document.querySelector('dialog.gallery[open]') && location.hash.includes('mask=fractal')")
        .await?;
    page.screenshot("gallery story").await?;
    page.click("Next story").await?;
    page.wait_until("location.hash.includes('mask=clock')").await?;
    page.click("Undo").await?;
    page.wait_until("location.hash.includes('mask=fractal')").await?;
    page.click("Dismiss the story").await?;
    page.wait_until("!document.querySelector('.tale')").await?;
    page.click("Undo").await?;
    page.wait_until("!location.hash.includes('mask')").await
}

async fn the_sheet_fits_a_phone_and_speaks_chinese(page: &Page) -> Result<()> {
    page.size(390, 800).await?;
    page.open_ready("/?lang=zh-CN").await?;
    page.click("图集").await?;
    page.wait_until("document.querySelector('.gallery__cards b')?.textContent === '“it” 指的是谁？'").await?;
    let wide = "const d = document.querySelector('dialog.gallery'); return [d.scrollWidth <= d.clientWidth, document.documentElement.scrollWidth <= innerWidth]";
    let fits = page.js(wide, vec![]).await?;
    page.screenshot("gallery phone").await?;
    page.open_ready("/?lang=en").await?;
    ensure(fits == json!([true, true]), || format!("dialog and page: {fits}"))
}

async fn pages_stand_on_their_own(page: &Page) -> Result<()> {
    page.open("/gallery/").await?;
    page.wait_until("document.querySelectorAll('.cards img').length > 17 && document.querySelector('.cards img').naturalWidth === 1200").await?;
    page.open("/some/sub/path/gallery/fractal/").await?;
    page.wait_until("document.querySelector('h1').textContent === 'A fractal of bits'").await?;
    let link = page.js("return document.querySelector('a.primary').href", vec![]).await?;
    ensure(link.as_str().is_some_and(|l| l.contains("/some/sub/path/#v1&") && l.contains("mask=fractal")), || {
        format!("{link}")
    })?;
    page.screenshot("gallery page").await?;
    // The same in the other language, a link away.
    page.js("document.querySelector('.bar [hreflang=\"zh-CN\"]').click()", vec![]).await?;
    page.wait_until("location.pathname.endsWith('/gallery/zh/fractal/') && document.documentElement.lang === 'zh-CN'")
        .await?;
    page.wait_until("document.querySelector('main img').naturalWidth === 1200").await?;
    page.screenshot("gallery page in Chinese").await?;
    page.js("document.querySelector('.bar [hreflang=en]').click()", vec![]).await?;
    page.wait_until("document.querySelector('h1')?.textContent === 'A fractal of bits'").await?;
    page.js("document.querySelector('a.primary').click()", vec![]).await?;
    page.wait_until("location.pathname === '/some/sub/path/' && globalThis.attentionPlayground").await?;
    let mask = page.js("return (await attentionPlayground).get().mask.id", vec![]).await?;
    ensure(mask == json!("fractal"), || format!("{mask}"))
}

async fn the_console_asks_the_frame(page: &Page) -> Result<()> {
    page.open("/api/?lang=en").await?;
    let through = async |way: &str, method: &str| {
        page.set("Through", way).await?;
        page.choose("Method", method).await?;
        page.click("Run").await?;
        page.wait_until("document.getElementById('said').textContent.endsWith('from call to answer') && !document.getElementById('run').disabled").await?;
        let text = page
            .js(
                "return [document.getElementById('answer').textContent, document.getElementById('issues').textContent]",
                vec![],
            )
            .await?;
        Ok::<_, crate::Error>(text)
    };
    for way in ["object", "messages"] {
        let answer = through(way, "run: causal attention").await?;
        let text = answer[0].as_str().unwrap_or_default();
        ensure(text.contains("weights: Float32Array [1, 2, 8, 8]: 1, 0, 0"), || format!("{way}: {answer}"))?;
        let answer = through(way, "run: a request with mistakes").await?;
        let issues = answer[1].as_str().unwrap_or_default();
        ensure(
            answer[0] == json!("ExperimentError") && issues.contains("is_causal") && issues.contains("backend"),
            || format!("{way}: {answer}"),
        )?;
        let answer = through(way, "set: another mask").await?;
        ensure(answer[0].as_str().is_some_and(|t| t.contains("fractal")), || format!("{way}: {answer}"))?;
    }
    page.screenshot("api page").await
}
