//! What the page looks like on a phone, a tablet, a laptop and a large screen, in both themes and languages: nothing wider than the window, no words cut
//! off, no card over another, labels beside what they name.

use serde_json::{Value, json};

use super::access::speak;
use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    // Windows of other browsers can't be this narrow.
    cases!("layout", Needs::CDP; everything_fits_every_window, everything_fits_with_what_is_opened, frames_fit_every_width)
}

/// The narrowest that must do (WCAG 1.4.10), two phones, a tablet, a laptop, a large screen.
const SIZES: [(u32, u32); 6] = [(320, 600), (360, 740), (390, 844), (768, 1024), (1366, 900), (2560, 1440)];

/// What does not fit: the document wider than the window, words wider or higher than what holds them, cards of one column (or columns) over one another, a map's labels
/// elsewhere than its rows and columns.
const UNFIT: &str = "document.documentElement.dataset.theme = args[0];
    // As on a phone, where a bar to scroll by takes no room.
    document.documentElement.style.scrollbarWidth = 'none';
    await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
    const found = [], name = (e) => `${e.tagName.toLowerCase()}.${e.className} “${e.textContent.trim().slice(0, 40)}”`, shown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.clientWidth > 1;
    const page = document.documentElement;
    if (page.scrollWidth > page.clientWidth || document.body.scrollWidth > page.clientWidth) {
      const clipped = (e) => e && e !== document.body && (getComputedStyle(e).overflowX !== 'visible' || getComputedStyle(e).position === 'fixed' || clipped(e.parentElement));
      const wide = [...document.body.querySelectorAll('*')].filter((e) => shown(e) && e.getBoundingClientRect().right > page.clientWidth + 1 && !clipped(e.parentElement));
      found.push(`the page is ${page.scrollWidth} wide, the window ${page.clientWidth}: ${wide.filter((e) => !wide.some((other) => other !== e && e.contains(other))).slice(0, 3).map(name)}`);
    }
    for (const e of document.querySelectorAll('button, label, summary, legend, h1, h2, h3, h4, th, dt, a, select, .note, .labelled__name')) {
      const s = getComputedStyle(e);
      if (!shown(e) || e.closest('.quiet') || s.display === 'inline' || s.textOverflow === 'ellipsis' && !e.matches('.segments button') || s.clipPath !== 'none') continue;
      if (e.scrollWidth > e.clientWidth + 1) found.push(`${name(e)} is ${e.scrollWidth} wide in ${e.clientWidth}`);
      if (e.matches('button') && e.scrollHeight > e.clientHeight + 1) found.push(`${name(e)} is ${e.scrollHeight} high in ${e.clientHeight}`);
    }
    const apart = (all) => { const rects = all.filter(shown).map((e) => [e, e.getBoundingClientRect()]);
      for (const [i, [a, p]] of rects.entries()) for (const [b, r] of rects.slice(i + 1))
        if (Math.min(p.right, r.right) - Math.max(p.left, r.left) > 1 && Math.min(p.bottom, r.bottom) - Math.max(p.top, r.top) > 1) found.push(`${name(a)} lies over ${name(b)}`) };
    for (const column of document.querySelectorAll('.column, .embed__shown, .embed__controls')) apart([...column.children].filter((e) => e.matches('.card, h2')));
    if (innerWidth >= 768) apart([...document.querySelectorAll('.columns > .column')]);
    apart([...document.querySelectorAll('.top > *')]);
    for (const map of document.querySelectorAll('.map')) for (const [side, near, far] of [['columns', 'left', 'right'], ['rows', 'top', 'bottom']]) {
      const axis = map.querySelector(`.axis--${side}`), field = map.querySelector('.map__field'), [a, f] = [axis, field].map((e) => e?.getBoundingClientRect());
      if (axis && shown(axis) && Math.max(Math.abs(a[near] - f[near]), Math.abs(a[far] - f[far])) > 1) found.push(`the labels of ${side} run from ${a[near]} to ${a[far]}, the map from ${f[near]} to ${f[far]}`);
    }
    for (const e of document.querySelectorAll('.card')) if (shown(e) && (e.getBoundingClientRect().right > page.clientWidth + 1 || e.getBoundingClientRect().left < -1)) found.push(`${name(e)} leaves the window`);
    return found";

/// Looks at the page as it stands, in both themes; on a phone each of its parts.
async fn look(page: &Page, view: &str, wrong: &mut Vec<String>) -> Result<()> {
    let parts = page.js("return document.querySelector('.tabs')?.checkVisibility() ? 4 : 1", vec![]).await?;
    for part in 0..parts.as_u64().unwrap_or(1) {
        page.js("document.querySelectorAll('.tabs button')[args[0]]?.click()", vec![json!(part)]).await?;
        for theme in ["light", "dark"] {
            let found = page.js(UNFIT, vec![json!(theme)]).await?;
            let found = found.as_array().into_iter().flatten().filter_map(Value::as_str);
            wrong.extend(found.map(|what| format!("{view} {theme} part {part}: {what}")));
        }
    }
    Ok(())
}

/// Every width, in both languages.
async fn look_everywhere(page: &Page, view: &str) -> Result<()> {
    let mut wrong = Vec::new();
    for (width, height) in SIZES {
        page.size(width, height).await?;
        let inner = page.js("return innerWidth", vec![]).await?;
        ensure(inner == json!(width), || format!("a window of {width} is {inner} wide"))?;
        for lang in ["en", "zh-CN"] {
            speak(page, lang).await?;
            look(page, &format!("{view} {width} {lang}"), &mut wrong).await?;
            page.screenshot(&format!("layout {view} {width} {lang}")).await?;
        }
    }
    ensure(wrong.is_empty(), || wrong.join("\n        "))
}

async fn everything_fits_every_window(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    look_everywhere(page, "page").await
}

/// With what belongs to fewer experiments: several patterns, tables, painted cells, a formula that is wrong, an estimator, a part of the map.
async fn everything_fits_with_what_is_opened(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    let set = "await (await attentionPlayground).set({ mask: { id: 'document' }, combine: [{ op: 'or', id: 'global' }, { op: 'and', not: true, id: 'strided', heads: [0, 2] }],
        position: { id: 'alibi' }, softcap: 20, paint: [{ q: [1, 4], k: [2, 3], allow: true }], estimator: { id: 'performer' }, view: { rows: [2, 12], columns: [3, 13] } })";
    page.js(set, vec![]).await?;
    page.wait_until("document.querySelector('.steps .strong td') && document.querySelector('.zoom__tools') && document.querySelector('.estimate select')").await?;
    page.wait_until("!document.querySelector('main [aria-busy=true]')").await?;
    page.js("for (const fold of document.querySelectorAll('main details')) fold.open = true", vec![]).await?;
    look_everywhere(page, "opened").await
}

async fn frames_fit_every_width(page: &Page) -> Result<()> {
    let mut wrong = Vec::new();
    // English is the longer of the two.
    for (view, langs) in [
        ("map", &["en"][..]),
        ("controls", &["en", "zh-CN"]),
        ("output", &["en"]),
        ("timing", &["en"]),
        ("formula", &["en"]),
        ("positions", &["en"]),
        ("estimators", &["en"]),
        ("claims", &["en", "zh-CN"]),
    ] {
        for lang in langs {
            page.open_ready(&format!("/?embed&view={view}&lang={lang}")).await?;
            page.wait_until("!document.querySelector('[aria-busy=true]')").await?;
            for (width, height) in [(320, 600), (640, 600), (1366, 900)] {
                page.size(width, height).await?;
                look(page, &format!("{view} {width} {lang}"), &mut wrong).await?;
            }
        }
    }
    ensure(wrong.is_empty(), || wrong.join("\n        "))
}
