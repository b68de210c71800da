//! The page opens, computes, keeps to itself, and does not care where it lies.

use serde_json::{Value, json};

use super::{Case, Needs};
use crate::kind::Kind;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all = cases!("boot"; opens_and_computes, opens_from_any_folder, fetches_nothing_from_elsewhere, policy_refuses_what_it_should,
        opens_in_the_theme_asked_for, is_printed_on_light_paper);
    // Only Chromium measures shifts; the first paint covers the page for so long only.
    let alone = Needs { alone: true, ..Needs::CDP };
    all.extend(cases!("boot", alone; nothing_moves_while_it_opens, little_moves_when_the_first_result_comes_late));
    all
}

/// A dark page turns light for the printer, canvases too, and back.
async fn is_printed_on_light_paper(page: &Page) -> Result<()> {
    page.open_ready("/?theme=dark").await?;
    // Whether the map is rather light than dark.
    let seen = "const map = document.querySelector('.map canvas'), { data } = map.getContext('2d').getImageData(0, 0, map.width, map.height);
        let sum = 0; for (let i = 0; i < data.length; i += 4) sum += data[i + 1];
        return [document.documentElement.dataset.theme, sum > 128 * data.length / 4]";
    let mut all = Vec::new();
    for event in ["", "beforeprint", "afterprint"] {
        page.js(
            "if (args[0]) dispatchEvent(new Event(args[0])); await new Promise((done) => setTimeout(done, 200))",
            vec![json!(event)],
        )
        .await?;
        all.push(page.js(seen, vec![]).await?);
    }
    let wanted = [json!(["dark", false]), json!(["light", true]), json!(["dark", false])];
    ensure(all == wanted, || format!("on the screen, on paper, and on the screen: {all:?}"))
}

/// The console is checked after each test, so this also shows that nothing complains.
async fn opens_and_computes(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let version = page.js("return (await attentionPlayground).version", vec![]).await?;
    ensure(version == json!(env!("CARGO_PKG_VERSION")), || format!("the page says it is version {version}"))?;
    let result = page
        .js(
            "const api = await attentionPlayground; const one = (data) => ({ shape: [1, 1, 2, 1], data });
             return (await api.run({ Q: one([0, 0]), K: one([1, 2]), V: one([2, 4]), is_causal: true })).outputs.Y.data",
            vec![],
        )
        .await?;
    // Equal scores: the first row sees the first value, the second row their mean.
    ensure(result == json!([2, 3]), || format!("attention over two values gave {result}"))?;
    page.screenshot("boot").await
}

async fn opens_from_any_folder(page: &Page) -> Result<()> {
    page.open_ready("/some/sub/path/").await?;
    let outside = page
        .js("return performance.getEntriesByType('resource').map((e) => e.name).filter((n) => !n.startsWith(location.origin + '/some/sub/path/'))", vec![])
        .await?;
    ensure(outside == json!([]), || format!("taken from outside its folder: {outside}"))
}

async fn fetches_nothing_from_elsewhere(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let found = page.js("return performance.getEntriesByType('resource').map((e) => e.name)", vec![]).await?;
    let names: Vec<&str> = found.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    ensure(names.iter().any(|name| name.ends_with(".wasm")), || format!("resource timing lists no module: {names:?}"))?;
    let foreign: Vec<_> = names.iter().filter(|name| !name.starts_with(&format!("{}/", page.base()))).collect();
    ensure(foreign.is_empty(), || format!("fetched from elsewhere: {foreign:?}"))
}

/// Shows that the policy is in force and that the console check sees a violation of it.
async fn policy_refuses_what_it_should(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let refused = page
        .js(
            "const refused = []; const note = (name) => (e) => refused.push(name);
             await fetch('http://127.0.0.1:9/').catch(note('fetch'));
             const script = document.createElement('script'); script.textContent = 'globalThis.injected = 1'; document.body.append(script);
             if (!globalThis.injected) refused.push('inline');
             return refused",
            vec![],
        )
        .await?;
    ensure(refused == json!(["fetch", "inline"]), || format!("refused only {refused}"))?;
    // Firefox says it nowhere that its driver hears.
    if page.kind() == Kind::Chromium { page.expect_severe("Content Security Policy").await } else { Ok(()) }
}

async fn opens_in_the_theme_asked_for(page: &Page) -> Result<()> {
    for theme in ["light", "dark"] {
        page.open(&format!("/?theme={theme}")).await?;
        let got = page.js("return document.documentElement.dataset.theme", vec![]).await?;
        ensure(got == json!(theme), || format!("asked for {theme}, got {got}"))?;
    }
    Ok(())
}

/// What is there stays where it is until the first result is shown, wide and on a phone, in both languages: shifts by Chromium's own measure, where 0.1 is called good.
async fn nothing_moves_while_it_opens(page: &Page) -> Result<()> {
    let sizes =
        [(2560, 1440), (1920, 1080), (1366, 900), (1280, 800), (1024, 900), (820, 1180), (768, 1024), (390, 844)];
    moves_at_most(page, &sizes, 0.001).await
}

/// The first paint covers the page for half a second; cards then keep the room that the first result will take. Words of two languages are not of one length.
async fn little_moves_when_the_first_result_comes_late(page: &Page) -> Result<()> {
    page.before_load(
        "const own = self.fetch; self.fetch = async (...all) => {
           if (/safetensors/.test(all[0]?.url ?? all[0])) await new Promise((go) => setTimeout(go, 1500));
           return own(...all);
         }",
    )
    .await?;
    moves_at_most(page, &[(1366, 900), (1024, 900), (768, 1024), (390, 844)], 0.01).await
}

async fn moves_at_most(page: &Page, sizes: &[(u32, u32)], most: f64) -> Result<()> {
    for &(width, height) in sizes {
        page.size(width, height).await?;
        for lang in ["en", "zh-CN"] {
            page.open_ready(&format!("/?lang={lang}")).await?;
            page.wait_until("document.querySelector('.steps .strong td')").await?;
            let shifts = "const all = []; new PerformanceObserver((list) => all.push(...list.getEntries())).observe({ type: 'layout-shift', buffered: true });
                await new Promise((go) => setTimeout(go, 600));
                const box = ({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(' ');
                return all.map((e) => [e.value, e.sources.map((s) => `${s.node?.nodeName}.${s.node?.className} ${box(s.previousRect)} -> ${box(s.currentRect)} ${s.node?.textContent?.slice(0, 30)}`)])";
            let shifts = page.js(shifts, vec![]).await?;
            let sum: f64 = shifts.as_array().into_iter().flatten().filter_map(|shift| shift[0].as_f64()).sum();
            ensure(sum <= most, || format!("{lang} at {width} px moves by {sum:.3}: {shifts}"))?;
            // The room is kept for the first result only: not again where a cell's numbers are on their way.
            let kept =
                page.js("return document.querySelector('.columns').classList.contains('opening')", vec![]).await?;
            ensure(kept == json!(false), || "the page has opened and still keeps room".into())?;
        }
    }
    Ok(())
}
