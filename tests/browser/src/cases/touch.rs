//! The page under fingers, on a phone: taps, strokes and pinches as the browser hears them from a screen, so that its own panning and zooming take part.

use serde_json::{Value, json};

use super::access::press;
use super::edit::{after, experiment};
use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("touch", Needs::CDP; taps_choose_cells_and_parts, a_finger_scrolls_over_the_map_and_paints_when_asked_to, sliders_and_cells_follow_a_finger,
        two_fingers_look_closer, targets_are_large_enough_for_fingers)
}

/// A place in the window.
type Place = (f64, f64);

/// Opens the page on a phone with a screen to touch, and waits for its first result.
async fn open(page: &Page, height: u32) -> Result<()> {
    let phone = json!({ "width": 390, "height": height, "deviceScaleFactor": 2, "mobile": true });
    page.cdp("Emulation.setDeviceMetricsOverride", phone).await?;
    page.cdp("Emulation.setTouchEmulationEnabled", json!({ "enabled": true, "maxTouchPoints": 5 })).await?;
    page.open_ready("/?lang=en").await?;
    // The parts under the map come after the map.
    page.wait_until(
        "document.querySelector('.steps .strong td') && document.querySelectorAll('.tabs button').length === 4",
    )
    .await
}

/// A window with a mouse again.
async fn close(page: &Page) -> Result<()> {
    page.cdp("Emulation.setTouchEmulationEnabled", json!({ "enabled": false })).await?;
    page.cdp("Emulation.clearDeviceMetricsOverride", json!({})).await.map(drop)
}

/// The fingers come, move or, when there are none left, go.
async fn touch(page: &Page, kind: &str, fingers: &[Place]) -> Result<()> {
    let fingers: Vec<Value> =
        fingers.iter().enumerate().map(|(id, (x, y))| json!({ "x": x, "y": y, "id": id })).collect();
    page.cdp("Input.dispatchTouchEvent", json!({ "type": kind, "touchPoints": fingers })).await.map(drop)
}

/// Fingers that go from places to places, in steps as a screen tells them.
async fn stroke(page: &Page, from: &[Place], to: &[Place]) -> Result<()> {
    const STEPS: u32 = 12;
    touch(page, "touchStart", from).await?;
    for step in 1..=STEPS {
        let share = f64::from(step) / f64::from(STEPS);
        let at: Vec<Place> =
            from.iter().zip(to).map(|(a, b)| (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share)).collect();
        touch(page, "touchMove", &at).await?;
    }
    // They rest before they go: what is flung goes on by itself, and the next tap would only stop it.
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    touch(page, "touchEnd", &[]).await
}

/// A place inside an element, by its shares from the left and from the top; the element is brought into view before.
async fn place(page: &Page, selector: &str, x: f64, y: f64) -> Result<Place> {
    let script = "const e = document.querySelector(args[0]), at = () => { const r = e.getBoundingClientRect(); return [r.left + r.width * args[1], r.top + r.height * args[2]] };
        if (!e.contains(document.elementFromPoint(...at()))) e.scrollIntoView({ block: 'center' });
        await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
        return at()";
    let at = page.js(script, vec![json!(selector), json!(x), json!(y)]).await?;
    at[0].as_f64().zip(at[1].as_f64()).ok_or_else(|| format!("{selector} is at {at}").into())
}

async fn tap(page: &Page, selector: &str) -> Result<()> {
    let at = place(page, selector, 0.5, 0.5).await?;
    touch(page, "touchStart", &[at]).await?;
    touch(page, "touchEnd", &[]).await
}

/// How many tokens the opener has.
const N: f64 = 16.0;

/// The middle of a cell of the map, (query, key).
async fn cell(page: &Page, q: f64, k: f64) -> Result<Place> {
    place(page, ".map__field", (k + 0.5) / N, (q + 0.5) / N).await
}

async fn taps_choose_cells_and_parts(page: &Page) -> Result<()> {
    open(page, 844).await?;
    let sizes = page.js("return [document.querySelectorAll('.tokens button').length, innerWidth, matchMedia('(pointer: coarse)').matches]", vec![]).await?;
    ensure(sizes == json!([N as u64, 390, true]), || format!("tokens, width, finger: {sizes}"))?;
    let at = cell(page, 4.0, 2.0).await?;
    touch(page, "touchStart", &[at]).await?;
    touch(page, "touchEnd", &[]).await?;
    page.wait_until(
        "(await attentionPlayground).get().view.query === 4 && (await attentionPlayground).get().view.key === 2",
    )
    .await?;
    for (index, part) in ["attention", "inputs", "rules", "result"].iter().enumerate().rev() {
        tap(page, &format!(".tabs button:nth-child({})", index + 1)).await?;
        let shown = "['inputs', 'rules', 'result'].filter((part) => document.querySelector(`.column--${part}`).checkVisibility()).join()";
        let wanted = if index == 0 { "" } else { part };
        page.wait_until(&format!("{shown} === {wanted:?}")).await?;
        let marked = format!(
            "document.querySelector('.tabs [aria-current=page]') === document.querySelectorAll('.tabs button')[{index}]"
        );
        page.wait_until(&marked).await?;
        // The map stays in sight.
        let map = "const r = document.querySelector('.map__field').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight && r.width > 100";
        ensure(page.js(map, vec![]).await? == json!(true), || format!("with {part} the map is out of sight"))?;
    }
    close(page).await
}

/// How far the page is scrolled.
async fn scrolled(page: &Page) -> Result<f64> {
    Ok(page.js("return scrollY", vec![]).await?.as_f64().unwrap_or(f64::NAN))
}

async fn a_finger_scrolls_over_the_map_and_paints_when_asked_to(page: &Page) -> Result<()> {
    open(page, 600).await?;
    let (low, high) = (cell(page, 13.0, 9.0).await?, cell(page, 3.0, 9.0).await?);
    let before = scrolled(page).await?;
    stroke(page, &[low], &[high]).await?;
    page.wait_until(&format!("scrollY > {before} + 50")).await?;
    ensure(experiment(page).await?["paint"].as_array().is_none_or(Vec::is_empty), || "scrolling paints".into())?;
    page.js("scrollTo(0, 0)", vec![]).await?;
    tap(page, ".paint").await?;
    page.wait_until("document.querySelector('.paint').getAttribute('aria-pressed') === 'true'").await?;
    let (high, low) = (cell(page, 3.0, 14.0).await?, cell(page, 9.0, 14.0).await?);
    let before = scrolled(page).await?;
    // Cells after the query, which the mask forbids: each is allowed.
    let now = after(page, async || stroke(page, &[high], &[low]).await).await?;
    page.wait_until("(await attentionPlayground).get().paint.length === 7").await?;
    let now = if now["paint"].as_array().map_or(0, Vec::len) == 7 { now } else { experiment(page).await? };
    let painted: Vec<_> = now["paint"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|p| (p["q"][0].as_u64(), p["k"][0].as_u64(), p["allow"].as_bool()))
        .collect();
    let wanted: Vec<_> = (0..7).map(|i| (Some(3 + i), Some(14), Some(true))).collect();
    ensure(painted == wanted, || format!("painted: {painted:?}"))?;
    let moved = scrolled(page).await? - before;
    ensure(moved == 0.0, || format!("while painting the page moves by {moved}"))?;
    close(page).await
}

async fn sliders_and_cells_follow_a_finger(page: &Page) -> Result<()> {
    open(page, 844).await?;
    tap(page, ".tabs button:nth-child(3)").await?;
    page.wait_until("document.querySelector('.column--rules input[type=range]')?.checkVisibility()").await?;
    let slider = ".column--rules input[type=range]";
    let share =
        "const e = document.querySelector(args[0]); return [Number(e.value), (e.value - e.min) / (e.max - e.min)]";
    let now = page.js(share, vec![json!(slider)]).await?;
    let (from, to) =
        (place(page, slider, now[1].as_f64().unwrap_or_default(), 0.5).await?, place(page, slider, 0.9, 0.5).await?);
    after(page, async || stroke(page, &[from], &[to]).await).await?;
    let then = page.js(share, vec![json!(slider)]).await?;
    ensure(then[0].as_f64() > now[0].as_f64(), || format!("the slider went from {now} to {then}"))?;
    let mask = experiment(page).await?["mask"].clone();
    ensure(mask["params"]["window"].as_f64() == then[0].as_f64(), || format!("{mask}, the slider says {then}"))?;
    // The chosen cell of a matrix is a handle: a finger on it drags the number, and the page stays.
    tap(page, ".tabs button:nth-child(2)").await?;
    page.wait_until("document.querySelector('[data-tensor=q] .matrix__field')?.checkVisibility()").await?;
    let inside = place(page, "[data-tensor=q] .matrix__field", 0.2, 0.2).await?;
    touch(page, "touchStart", &[inside]).await?;
    touch(page, "touchEnd", &[]).await?;
    page.wait_until("document.querySelector('[data-tensor=q] .matrix__cell')?.checkVisibility()").await?;
    let from = place(page, "[data-tensor=q] .matrix__cell", 0.5, 0.5).await?;
    let before = scrolled(page).await?;
    let now = after(page, async || stroke(page, &[from], &[(from.0, from.1 - 40.0)]).await).await?;
    ensure(now["edits"].as_array().is_some_and(|all| all.len() == 1) && now["edits"][0]["tensor"] == "q", || {
        format!("edits: {}", now["edits"])
    })?;
    ensure(scrolled(page).await? == before, || "while a number is dragged the page moves".into())?;
    close(page).await
}

async fn two_fingers_look_closer(page: &Page) -> Result<()> {
    open(page, 844).await?;
    press(page, "Look closer").await?;
    page.wait_until("document.querySelector('.zoom .map__field canvas')").await?;
    let (near, far) = (
        [cell(page, 7.0, 7.0).await?, cell(page, 9.0, 9.0).await?],
        [cell(page, 2.0, 2.0).await?, cell(page, 14.0, 14.0).await?],
    );
    stroke(page, &near, &far).await?;
    page.wait_until("(await attentionPlayground).get().view.rows").await?;
    let view = experiment(page).await?["view"].clone();
    let side = |axis: &str| view[axis][1].as_u64().zip(view[axis][0].as_u64()).map(|(to, from)| to - from);
    ensure(side("rows").is_some_and(|n| n < 16) && side("columns").is_some_and(|n| n < 16), || format!("{view}"))?;
    let scale = page.js("return visualViewport.scale", vec![]).await?;
    ensure(scale == json!(1), || format!("the browser zooms the page, too: {scale}"))?;
    // One finger moves the part.
    let (from, to) = (place(page, ".map__field", 0.3, 0.3).await?, place(page, ".map__field", 0.9, 0.9).await?);
    stroke(page, &[from], &[to]).await?;
    let moved = experiment(page).await?["view"].clone();
    ensure(
        moved["rows"][0].as_u64() < view["rows"][0].as_u64()
            && moved["columns"][0].as_u64() < view["columns"][0].as_u64(),
        || format!("{view} became {moved}"),
    )?;
    close(page).await
}

/// What is pressed is at least 24 pixels wide and high (WCAG 2.2, 2.5.8), or has so much room around it.
async fn targets_are_large_enough_for_fingers(page: &Page) -> Result<()> {
    open(page, 844).await?;
    let small = "const all = [...document.querySelectorAll('button, a[href], select, summary, input:not([type=file])')].filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest('.quiet') && getComputedStyle(e).display !== 'inline');
        const rooms = all.map((e) => ({ e, r: (e.matches('input') && e.closest('label') || e).getBoundingClientRect() })).filter(({ r }) => r.width > 1);
        // From the middle of one to the nearest place of another.
        const gap = ({ r: a }, { r: b }) => { const x = a.left + a.width / 2, y = a.top + a.height / 2; return Math.hypot(Math.max(b.left - x, x - b.right, 0), Math.max(b.top - y, y - b.bottom, 0)) };
        return rooms.filter((a) => (a.r.width < 23.9 || a.r.height < 23.9) && rooms.some((b) => b.e !== a.e && gap(a, b) < 12)).map(({ e, r }) => `${e.outerHTML.slice(0, 90)} ${r.width} x ${r.height}`)";
    let mut all = Vec::new();
    for part in 0..4 {
        page.js("document.querySelectorAll('.tabs button')[args[0]].click()", vec![json!(part)]).await?;
        let small = page.js(small, vec![]).await?;
        all.extend(small.as_array().into_iter().flatten().map(|what| format!("part {part}: {what}")));
    }
    ensure(all.is_empty(), || all.join("\n        "))?;
    close(page).await
}
