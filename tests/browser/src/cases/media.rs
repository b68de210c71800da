//! What the page makes of what the system asks for: less motion, colours of the system's own, more contrast, paper. Only Chromium's protocol can ask.

use serde_json::{Value, json};

use super::access::press;
use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("media", Needs::CDP; less_motion_moves_nothing, a_player_makes_single_steps_where_less_motion_is_asked_for,
        colours_of_the_system_keep_what_is_chosen, colours_of_the_system_keep_the_focus, words_have_contrast, paper_shows_map_and_result)
}

/// Has pages see another medium and other wishes of the system; without any, what the browser has itself.
pub(super) async fn emulate(page: &Page, media: &str, features: &[(&str, &str)]) -> Result<()> {
    let features: Vec<Value> = features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    page.cdp("Emulation.setEmulatedMedia", json!({ "media": media, "features": features })).await.map(drop)
}

/// Opens the page in English and waits for its first result.
async fn open(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await
}

/// What moves for longer than a hundredth of a second, or would when it changes: one line for each kind of element.
const MOVES: &str = "const long = (times) => times.split(',').some((t) => parseFloat(t) * (t.trim().endsWith('ms') ? 1 : 1000) > 10);
    const found = new Set(document.getAnimations().map((a) => `runs: ${a.animationName ?? a.transitionProperty}`));
    for (const e of document.querySelectorAll('*')) for (const part of [undefined, '::before', '::after', '::backdrop']) {
      const s = getComputedStyle(e, part);
      if (s.transitionProperty !== 'none' && long(s.transitionDuration) || s.animationName !== 'none' && long(s.animationDuration) || s.scrollBehavior === 'smooth')
        found.add(`${e.tagName} ${e.className} ${part ?? ''}`);
    }
    return [...found]";

async fn less_motion_moves_nothing(page: &Page) -> Result<()> {
    open(page).await?;
    // With the styles of what comes later.
    press(page, "Step through the algorithm").await?;
    page.wait_until("document.querySelector('.walk__apart')").await?;
    let usual = page.js(MOVES, vec![]).await?;
    ensure(usual != json!([]), || "nothing ever moves: there is nothing to be seen here".into())?;
    emulate(page, "", &[("prefers-reduced-motion", "reduce")]).await?;
    let calm = page.js(MOVES, vec![]).await?;
    emulate(page, "", &[]).await?;
    ensure(calm == json!([]), || format!("it moves: {calm}"))
}

async fn a_player_makes_single_steps_where_less_motion_is_asked_for(page: &Page) -> Result<()> {
    for (wish, label) in [("no-preference", "Play"), ("reduce", "Next step")] {
        emulate(page, "", &[("prefers-reduced-motion", wish)]).await?;
        open(page).await?;
        press(page, "Step through the algorithm").await?;
        let at = "Number.parseInt(document.querySelector('.walk .player output').textContent)";
        page.wait_until("document.querySelector('.walk__apart')").await?;
        // Nothing moves before it is asked to.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let start = page.js(&format!("return {at}"), vec![]).await?;
        ensure(start == json!(1), || format!("{wish}: it is at step {start}"))?;
        page.set("Speed", "4×").await?;
        press(page, label).await?;
        if wish == "reduce" {
            page.wait_until(&format!("{at} === 2")).await?;
            // Five steps, at this speed.
            tokio::time::sleep(std::time::Duration::from_millis(600)).await;
            let now = page.js(&format!("return {at}"), vec![]).await?;
            ensure(now == json!(2), || format!("it went on to step {now}"))?;
        } else {
            page.wait_until(&format!("{at} > 3")).await?;
        }
    }
    emulate(page, "", &[]).await
}

/// How each chosen thing differs from one of its kind that is not: what of its look, apart from the weight of its letters. Where all colours are the system's
/// own, backgrounds and shadows go.
const MARKS: &str = "const look = (e) => { const s = getComputedStyle(e), all = {};
      for (const name of ['outlineStyle', 'outlineWidth', 'borderTopStyle', 'borderTopWidth', 'borderTopColor', 'borderBottomColor', 'backgroundColor', 'backgroundImage', 'color', 'boxShadow', 'textDecorationLine'])
        all[name] = s[name];
      if (s.outlineStyle === 'none') delete all.outlineWidth;
      return all };
    return Object.fromEntries(args[0].map(([chosen, other]) => { const a = document.querySelector(chosen), b = other && document.querySelector(other);
      if (!a?.checkVisibility() || other && !b) return [chosen, null];
      const mine = look(a), plain = b ? look(b) : { outlineStyle: 'none', borderTopStyle: 'none', boxShadow: 'none', backgroundImage: 'none' };
      return [chosen, Object.keys(plain).filter((name) => mine[name] !== plain[name])] }))";

async fn colours_of_the_system_keep_what_is_chosen(page: &Page) -> Result<()> {
    emulate(page, "", &[("forced-colors", "active")]).await?;
    open(page).await?;
    page.js("document.querySelector('[data-tensor=q] .matrix__field').focus()", vec![]).await?;
    page.wait_until("document.querySelector('.matrix__cell')?.checkVisibility()").await?;
    // On the map and the matrices nothing of the kind is not chosen.
    let pairs = [
        (".cross--cell", ""),
        (".matrix__cell", ""),
        (".stages__tabs [aria-selected=true]", ".stages__tabs [aria-selected=false]"),
        (".thumbs [aria-checked=true]", ".thumbs [aria-checked=false]"),
        (".column--inputs .segments [aria-checked=true]", ".column--inputs .segments [aria-checked=false]"),
        (".head[aria-checked=true]", ".head[aria-checked=false]"),
        (".tokens .on", ".tokens button:not(.on, .on-key)"),
    ];
    let marks = page.js(MARKS, vec![json!(pairs)]).await?;
    press(page, "Paint").await?;
    page.size(390, 844).await?;
    let pairs = [
        (".paint[aria-pressed=true]", ".top__actions button"),
        (".tabs [aria-current]", ".tabs button:not([aria-current])"),
    ];
    let narrow = page.js(MARKS, vec![json!(pairs)]).await?;
    emulate(page, "", &[]).await?;
    let unmarked: Vec<String> = [&marks, &narrow]
        .iter()
        .flat_map(|marks| marks.as_object().into_iter().flatten())
        .filter(|(_, how)| how.as_array().is_none_or(Vec::is_empty))
        .map(|(chosen, how)| format!("{chosen} {how}"))
        .collect();
    ensure(unmarked.is_empty(), || {
        format!("nothing but the weight of letters says what is chosen: {}", unmarked.join(", "))
    })
}

async fn colours_of_the_system_keep_the_focus(page: &Page) -> Result<()> {
    emulate(page, "", &[("forced-colors", "active")]).await?;
    open(page).await?;
    // A key before it, so that what is focused has the focus of a keyboard.
    page.keys(thirtyfour::Key::Tab).await?;
    let ringless = "const kinds = 'button:not(:disabled), a[href], input, select, summary, [tabindex=\"0\"]', found = [];
        for (const e of document.querySelectorAll(kinds)) {
          if (!e.checkVisibility({ visibilityProperty: true }) || e.matches(':disabled') || e.type === 'file') continue;
          e.focus({ preventScroll: true });
          const s = getComputedStyle(e);
          if (document.activeElement !== e || s.outlineStyle === 'none' || Number.parseFloat(s.outlineWidth) < 2) found.push(e.outerHTML.slice(0, 120));
        }
        return found";
    let ringless = page.js(ringless, vec![]).await?;
    emulate(page, "", &[]).await?;
    ensure(ringless == json!([]), || format!("without a ring: {ringless}"))
}

/// Words are read on paper, on cards and on what lies on them: at least 4.5 to 1 in both themes, by the tokens. Whoever asks for more contrast gets no less.
async fn words_have_contrast(page: &Page) -> Result<()> {
    let script = "const parse = (name) => { const e = document.createElement('i'); e.style.color = `var(--${name})`; document.body.append(e);
          const [r, g, b] = getComputedStyle(e).color.match(/[\\d.]+/g).map((x) => { const c = x / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4 });
          e.remove(); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
        const ratio = (a, b) => { const [low, high] = [parse(a), parse(b)].sort((x, y) => x - y); return (high + 0.05) / (low + 0.05) };
        const pairs = ['accent-ink/accent', 'card/q', 'card/k'];
        for (const word of ['ink', 'soft', 'accent', 'q', 'k', 'v', 'bad', 'good']) for (const ground of ['paper', 'card', 'hair']) pairs.push(`${word}/${ground}`);
        for (const word of ['accent', 'q', 'k', 'v', 'bad']) pairs.push(`${word}/${word}-soft`);
        const all = {};
        for (const theme of ['light', 'dark']) { document.documentElement.dataset.theme = theme; for (const pair of pairs) all[`${theme} ${pair}`] = ratio(...pair.split('/')) }
        return all";
    open(page).await?;
    let usual = page.js(script, vec![]).await?;
    emulate(page, "", &[("prefers-contrast", "more")]).await?;
    let more = page.js(script, vec![]).await?;
    emulate(page, "", &[]).await?;
    let all = usual.as_object().ok_or("no ratios")?;
    for (pair, ratio) in all {
        let (ratio, more) = (ratio.as_f64().unwrap_or_default(), more[pair].as_f64().unwrap_or_default());
        ensure(ratio >= 4.5 && more >= ratio - 1e-6, || {
            format!("{pair}: {ratio:.2}, and {more:.2} where more is asked for")
        })?;
    }
    Ok(())
}

/// Sheets of paper, in CSS pixels without their margins of a centimetre: A4 upright and across, Letter upright.
const PAPERS: [(u32, u32); 3] = [(718, 1046), (1046, 718), (741, 980)];

async fn paper_shows_map_and_result(page: &Page) -> Result<()> {
    open(page).await?;
    let mut wrong = Vec::new();
    for (width, height) in PAPERS {
        let paper = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        page.cdp("Emulation.setDeviceMetricsOverride", paper).await?;
        emulate(page, "print", &[]).await?;
        let seen = "const gone = ['.tabs', '.top__actions', '.paint'], there = ['.top__name', '.map canvas', '.legend', '.steps', '.bars', '.output', '.strip'];
            const shown = (e) => e?.checkVisibility() && e.getBoundingClientRect().height > 0, found = [];
            for (const name of gone) if (shown(document.querySelector(name))) found.push(`${name} is printed`);
            for (const name of there) if (!shown(document.querySelector(name))) found.push(`${name} is missing`);
            if (document.documentElement.scrollWidth > innerWidth) found.push(`${document.documentElement.scrollWidth} wide`);
            for (const e of document.querySelectorAll('.card, canvas, table')) if (shown(e) && e.getBoundingClientRect().right > innerWidth + 1) found.push(`${e.className} is cut off`);
            return found";
        let seen = page.js(seen, vec![]).await?;
        page.screenshot(&format!("paper {width}")).await?;
        wrong.extend(seen.as_array().into_iter().flatten().map(|what| format!("{width}: {what}")));
    }
    emulate(page, "", &[]).await?;
    page.cdp("Emulation.clearDeviceMetricsOverride", json!({})).await?;
    ensure(wrong.is_empty(), || wrong.join(", "))
}
