//! The page in pages of another origin: layouts, messages, sizes, sandboxes, the custom element; and the dialog that makes them.

use serde_json::json;

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("embed"; a_page_of_another_origin_embeds_and_drives, only_the_holder_may_set, a_strict_sandbox_is_explained, an_element_in_a_strict_host_shows_what_is_missing,
        a_far_element_starts_when_it_is_seen, a_markdown_page_embeds, a_lazy_frame_waits_for_a_click,
        every_layout_shows_its_part, locked_controls_are_off, unknown_names_are_said, frames_take_turns,
        sharing_makes_texts_that_work, the_way_out_carries_the_state, numbers_that_no_address_holds_are_handed_over,
        a_rounded_link_says_so)
}

/// Opens a page of the other origin.
async fn visit(page: &Page, path: &str) -> Result<()> {
    let host = std::env::var("HOST_URL").map_err(|_| "HOST_URL is not set")?;
    page.visit(&format!("{host}{path}")).await
}

/// What a frame said, as a condition.
fn heard(from: &str, method: &str) -> String {
    format!("said.some(({{ from, data }}) => from === '{from}' && data?.method === '{method}')")
}

async fn a_page_of_another_origin_embeds_and_drives(page: &Page) -> Result<()> {
    visit(page, "/plain.html").await?;
    for frame in ["plain", "sandboxed"] {
        page.wait_until(&heard(frame, "ready")).await?;
        // Browsers lay out frames of other origins only when they are near the screen.
        page.js("document.getElementById(arguments[0]).scrollIntoView()", vec![json!(frame)]).await?;
        page.wait_until(&heard(frame, "resize")).await?;
    }
    // Each answers with what its own address holds.
    let masks = "return [(await ask('plain', 'get')).mask.id, (await ask('sandboxed', 'get')).mask.id, (await document.getElementById('element').get()).mask.id]";
    let masks = page.js(masks, vec![]).await?;
    ensure(masks == json!(["sliding-window", "causal", "dilated"]), || format!("the masks are {masks}"))?;
    // Driven: set, the notices that follow, a run of its own, a link.
    page.js(
        "globalThis.events = []; const e = document.getElementById('element');
         for (const name of ['change', 'result']) e.addEventListener(name, ({ detail }) => events.push([name, detail.mask?.id]));
         await e.set({ mask: { id: 'strided' } }); await ask('plain', 'set', { temperature: 0.5 });",
        vec![],
    )
    .await?;
    page.wait_until("events.some(([name, id]) => name === 'change' && id === 'strided')").await?;
    page.wait_until("events.some(([name]) => name === 'result')").await?;
    page.wait_until("said.some(({ from, data }) => from === 'plain' && data?.method === 'change' && data.params.temperature === 0.5)").await?;
    let run = "const T = (shape) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1) });
        const { outputs } = await ask('sandboxed', 'run', { Q: T([1, 2, 4]), K: T([1, 2, 4]), V: T([1, 2, 4]) });
        return [outputs.Y.shape, outputs.Y.data.every((y) => y === 1), await ask('plain', 'link')]";
    let run = page.js(run, vec![]).await?;
    ensure(run[0] == json!([1, 2, 4]) && run[1] == json!(true), || format!("the run gave {run}"))?;
    let link = run[2].as_str().unwrap_or_default();
    ensure(link.contains("temperature=0.5") && !link.contains("embed"), || format!("the link is {link}"))?;
    // A bad request is an error with its fields; sizes are those of the content.
    let refused = page
        .js(
            "try { await ask('plain', 'set', { temperature: 'hot' }) } catch (e) { return [e.name, e.issues[0].path] }",
            vec![],
        )
        .await?;
    ensure(refused == json!(["ExperimentError", "temperature"]), || format!("it was refused with {refused}"))?;
    page.wait_until(
        "['plain', 'sandboxed'].every((id) => document.getElementById(id).getBoundingClientRect().height > 300)",
    )
    .await?;
    page.js("document.getElementById('element').scrollIntoView()", vec![]).await?;
    page.wait_until("document.getElementById('element').getBoundingClientRect().height > 300").await?;
    forms(page).await?;
    page.screenshot("embedded").await
}

/// Heights are told in three forms, to anyone; changes only to those who spoke.
async fn forms(page: &Page) -> Result<()> {
    let forms = "const from = said.filter((s) => s.from === 'plain').map((s) => s.data);
        const own = from.filter((d) => d?.method === 'resize').at(-1)?.params.height;
        const amp = from.filter((d) => d?.sentinel === 'amp' && d.type === 'embed-size').at(-1)?.height;
        const embedly = from.filter((d) => typeof d === 'string').map((d) => JSON.parse(d)).filter((d) => d.context === 'iframe.resize' && d.src.includes('?embed')).at(-1)?.height;
        return own > 0 && own === amp && own === embedly";
    let forms = page.js(forms, vec![]).await?;
    ensure(forms == json!(true), || "the three forms of the height differ".to_owned())
}

async fn only_the_holder_may_set(page: &Page) -> Result<()> {
    visit(page, "/plain.html").await?;
    page.wait_until(&heard("sandboxed", "ready")).await?;
    // A sibling frame of the host's own origin asks: it is answered, but may not set.
    let script = "const sibling = document.createElement('iframe'); document.body.append(sibling);
        const target = document.getElementById('sandboxed').contentWindow, base = document.getElementById('plain').src.split('/?')[0];
        const ask = (method, params) => new Promise((done) => {
          sibling.contentWindow.onmessage = ({ data }) => data?.id === method && done(data);
          const script = sibling.contentDocument.createElement('script');
          sibling.contentWindow.target = target; sibling.contentWindow.message = { type: 'attention-playground', version: 1, id: method, method, params };
          script.textContent = `target.postMessage(message, '${base}')`;
          sibling.contentDocument.body.append(script);
        });
        const set = await ask('set', { temperature: 3 }), get = await ask('get');
        return [set.error?.name ?? null, get.result?.temperature ?? null]";
    let answers = page.js(script, vec![]).await?;
    ensure(answers == json!(["ExperimentError", 1]), || format!("a sibling was answered {answers}"))?;
    // What is no message of ours is ignored, whatever it is.
    let noise = "const w = document.getElementById('plain').contentWindow;
        for (const m of [null, 7, 'x', [], {}, { type: 'attention-playground' }, { type: 'attention-playground', version: 2, id: 1, method: 'get' },
          { type: 'attention-playground', version: 1, id: 'noise', method: 'constructor' }, { type: 'attention-playground', version: 1, id: 'noise', method: '__proto__' }]) w.postMessage(m, '*');
        const { mask } = await ask('plain', 'get'); return [mask.id, said.some(({ data }) => data?.id === 'noise')]";
    let noise = page.js(noise, vec![]).await?;
    ensure(noise == json!(["sliding-window", false]), || format!("after noise: {noise}"))
}

async fn a_strict_sandbox_is_explained(page: &Page) -> Result<()> {
    visit(page, "/plain.html").await?;
    page.wait_until(&heard("plain", "ready")).await?;
    let shown = page
        .inside("#strict", "return [document.getElementById('no-origin').checkVisibility(), document.getElementById('no-origin').textContent.includes('allow-same-origin'), document.getElementById('crash').hidden]")
        .await?;
    ensure(shown == json!([true, true, true]), || format!("the strict frame shows {shown}"))?;
    // The module that may not load is what this test is about.
    page.forget_severe().await
}

/// A host in a sandbox without an origin hands it down: its element shows what the frame says, instead of waiting for ever.
async fn an_element_in_a_strict_host_shows_what_is_missing(page: &Page) -> Result<()> {
    visit(page, "/plain.html").await?;
    page.wait_until(&heard("plain", "ready")).await?;
    let host = "const frame = document.createElement('iframe'), base = document.getElementById('plain').src.split('?')[0];
        frame.id = 'host'; frame.sandbox = 'allow-scripts';
        frame.srcdoc = `<script src=\"${base}embed.js\"></scr` + `ipt><attention-playground loading=eager><p>poster</p></attention-playground><script>
            const frame = document.querySelector('attention-playground').shadowRoot.querySelector('iframe');
            const look = () => getComputedStyle(frame).visibility === 'visible' ? parent.postMessage('shown', '*') : setTimeout(look, 100); look()</scr` + 'ipt>';
        self.revealed = false; addEventListener('message', (e) => { if (e.data === 'shown') self.revealed = true });
        document.body.prepend(frame)";
    page.js(host, vec![]).await?;
    page.wait_until("self.revealed").await?;
    page.forget_severe().await
}

async fn a_far_element_starts_when_it_is_seen(page: &Page) -> Result<()> {
    visit(page, "/plain.html").await?;
    page.wait_until(&heard("plain", "ready")).await?;
    let frames = "document.getElementById('lazy').shadowRoot.querySelectorAll('iframe').length";
    ensure(page.js(&format!("return {frames}"), vec![]).await? == json!(0), || "it started out of sight".to_owned())?;
    let poster = page.js("return document.querySelector('#lazy a').checkVisibility()", vec![]).await?;
    ensure(poster == json!(true), || "its poster is not to be seen".to_owned())?;
    page.js("document.getElementById('lazy').scrollIntoView()", vec![]).await?;
    page.wait_until(&format!("{frames} === 1")).await?;
    page.wait_until("document.getElementById('lazy').getBoundingClientRect().height > 100").await?;
    let mask = page.js("return (await document.getElementById('lazy').get()).mask.id", vec![]).await?;
    page.forget_severe().await?;
    ensure(mask == json!("strided"), || format!("its mask is {mask}"))
}

async fn a_markdown_page_embeds(page: &Page) -> Result<()> {
    for path in ["/markdown/post.html", "/mdbook/book/sliding-windows.html"] {
        visit(page, path).await?;
        let get = "const e = document.querySelector('attention-playground'); e.scrollIntoView(); const { mask } = await e.get(); return [mask.id, mask.params.window]";
        let mask = page.js(get, vec![]).await.map_err(|error| format!("{path}: {error}"))?;
        ensure(mask == json!(["sliding-window", 5]), || format!("{path} shows {mask}"))?;
        page.wait_until("document.querySelector('attention-playground').getBoundingClientRect().height > 300").await?;
        page.screenshot(&format!("embed {path}")).await?;
        // A generated page's own fonts and scripts are its own business.
        page.forget_severe().await?;
    }
    Ok(())
}

async fn a_lazy_frame_waits_for_a_click(page: &Page) -> Result<()> {
    page.open("/?embed&lazy#v1&mask=causal").await?;
    page.wait_until("document.querySelector('.embed__poster')").await?;
    page.screenshot("embed poster").await?;
    ensure(page.js("return document.querySelector('.map') === null", vec![]).await? == json!(true), || {
        "it computed unasked".to_owned()
    })?;
    page.driver().execute("document.querySelector('.embed__poster').click()", vec![]).await?;
    page.wait_until("document.querySelector('.map canvas') && !document.querySelector('.map__empty')").await
}

async fn every_layout_shows_its_part(page: &Page) -> Result<()> {
    let layouts = [
        ("map", ".map canvas"),
        ("controls", ".embed__controls .card"),
        ("output", ".embed__shown canvas"),
        ("timing", ".embed__shown .card"),
        ("formula", ".pattern__tiles"),
        ("positions", ".embed__shown svg"),
        ("estimators", ".embed__shown .card select"),
        ("claims", ".embed__shown .claims__table"),
        ("claim:order-blind,n=32", ".embed__shown .claims__says"),
    ];
    for (view, shown) in layouts {
        page.open_ready(&format!("/?embed&view={view}")).await?;
        page.wait_until(&format!("document.querySelector('{shown}')"))
            .await
            .map_err(|error| format!("{view}: {error}"))?;
        let bare = page
            .js(
                "return [document.querySelector('.top'), document.querySelector('.tabs')].every((e) => e === null)",
                vec![],
            )
            .await?;
        ensure(bare == json!(true), || format!("{view} has the full page's bars"))?;
        page.screenshot(&format!("embed {view}")).await?;
    }
    Ok(())
}

async fn locked_controls_are_off(page: &Page) -> Result<()> {
    page.open_ready("/?embed&view=map&controls=mask&lock=weights").await?;
    page.wait_until("document.querySelectorAll('.embed__control').length === 2").await?;
    let off = "const [mask, weights] = document.querySelectorAll('.embed__control');
        const all = (of) => [...of.querySelectorAll('button, input, select, textarea')];
        return [all(mask).some((e) => !e.matches(':disabled')), all(weights).length > 0, all(weights).every((e) => e.matches(':disabled'))]";
    let off = page.js(off, vec![]).await?;
    ensure(off == json!([true, true, true]), || format!("enabled, some, all off: {off}"))
}

async fn unknown_names_are_said(page: &Page) -> Result<()> {
    page.open_ready("/?embed&view=mapp&controls=mask,nonsense").await?;
    page.wait_until("document.querySelector('.notices').textContent.includes('view=mapp')").await?;
    page.wait_until("document.querySelector('.notices').textContent.includes('controls=nonsense')").await
}

async fn frames_take_turns(page: &Page) -> Result<()> {
    // Four frames in sight: two compute at a time, and in the end all have.
    page.open("/?embed&view=map").await?;
    page.js(
        "document.body.replaceChildren(...[1, 2, 3, 4].map((i) => {
           const f = document.createElement('iframe'); f.src = `./?embed&view=output#v1&seed=${i}`; f.style.width = '45%'; f.style.height = '250px'; return f; }))",
        vec![],
    )
    .await?;
    page.wait_until("[...document.querySelectorAll('iframe')].filter((f) => f.contentDocument.querySelector('.embed__shown canvas')).length === 4").await?;
    let most = "let most = 0; const end = performance.now() + 14000;
        const done = () => [...document.querySelectorAll('iframe')].filter((f) => /\\d/.test(f.contentDocument.querySelector('.embed__shown')?.textContent ?? '') && f.contentDocument.querySelector('.steps .strong td')).length;
        while (done() < 4 && performance.now() < end) { most = Math.max(most, (await navigator.locks.query()).held.length); await new Promise((next) => setTimeout(next, 50)); }
        return [done(), most]";
    let turns = page.js(most, vec![]).await?;
    ensure(turns[0] == json!(4) && turns[1].as_f64().is_some_and(|most| most <= 2.0), || {
        format!("done and most at once: {turns}")
    })?;
    // Out of sight they let go of everything.
    page.js("document.querySelectorAll('iframe').forEach((f) => { f.style.marginTop = '5000px'; })", vec![]).await?;
    let rest = "const end = performance.now() + 15000; let all;
        do { await new Promise((next) => setTimeout(next, 100)); all = await navigator.locks.query(); } while (all.held.length && performance.now() < end);
        const names = (list) => list.map(({ name, clientId }) => `${name} ${clientId}`);
        return [names(all.held), names(all.pending), scrollY, [...document.querySelectorAll('iframe')].map((f) => [f.getBoundingClientRect().top, f.contentDocument.querySelector('.embed__bar')?.textContent])]";
    let left = page.js(rest, vec![]).await?;
    ensure(left[0] == json!([]), || format!("held, waited for, and the frames: {left}"))
}

async fn sharing_makes_texts_that_work(page: &Page) -> Result<()> {
    page.open_ready("/#v1&mask=causal").await?;
    page.click("Share").await?;
    page.wait_until("document.querySelector('dialog.share[open] textarea')?.value.endsWith('#v1&mask=causal')").await?;
    page.click("Frame").await?;
    page.wait_until("document.querySelector('dialog.share textarea').value.startsWith('<iframe')").await?;
    page.click("Map and controls").await?;
    page.wait_until(
        "document.querySelector('.share__preview iframe')?.contentDocument?.querySelector('.embed__controls .card')",
    )
    .await?;
    page.screenshot("share").await?;
    // The frame's text is HTML whose frame is the one that the preview shows.
    let same = "const src = document.querySelector('dialog.share textarea').value.match(/src=\"([^\"]*)\"/)[1].replaceAll('&amp;', '&');
        return src === document.querySelector('.share__preview iframe').src";
    ensure(page.js(same, vec![]).await? == json!(true), || "text and preview differ".to_owned())?;
    page.click("Element").await?;
    let element = "const text = document.querySelector('dialog.share textarea').value, box = document.createElement('template'); box.innerHTML = text;
        const e = box.content.querySelector('attention-playground'), s = box.content.querySelector('script');
        return [e.getAttribute('src'), e.getAttribute('view'), s.getAttribute('src').endsWith('/embed.js')]";
    let element = page.js(element, vec![]).await?;
    ensure(element == json!(["#v1&mask=causal", "controls", true]), || format!("the element is {element}"))?;
    page.click("Close").await
}

async fn the_way_out_carries_the_state(page: &Page) -> Result<()> {
    page.open_ready("/?embed&view=map&theme=dark&lang=zh-CN").await?;
    page.js("await (await attentionPlayground).set({ mask: { id: 'strided', params: { stride: 4 } } })", vec![])
        .await?;
    page.wait_until("document.querySelector('.embed__foot a').href.includes('mask=strided')").await?;
    let href = page.js("return document.querySelector('.embed__foot a').href", vec![]).await?;
    let href = href.as_str().unwrap_or_default().to_owned();
    ensure(href.contains("lang=zh-CN") && href.contains("theme=dark") && !href.contains("embed"), || {
        format!("it leads to {href}")
    })?;
    page.open_ready(href.strip_prefix(page.base()).unwrap_or_default()).await?;
    let mask =
        page.js("return [(await attentionPlayground).get().mask, document.documentElement.lang]", vec![]).await?;
    ensure(mask == json!([{"id": "strided", "params": {"stride": 4}}, "zh-CN"]), || format!("it opened {mask}"))
}

async fn numbers_that_no_address_holds_are_handed_over(page: &Page) -> Result<()> {
    page.open_ready("/?embed&view=output").await?;
    // At the click the address is that of this moment, however short ago the change was.
    let clicked =
        "const a = document.querySelector('.embed__foot a'); a.addEventListener('click', (e) => e.preventDefault());
        await (await attentionPlayground).set({ temperature: 0.5 }); a.click(); return a.href";
    let href = page.js(clicked, vec![]).await?;
    ensure(href.as_str().is_some_and(|href| href.ends_with("#v1&temperature=0.5")), || format!("it leads to {href}"))?;
    // Numbers that nothing packs: 150 KB of them.
    let set = "let s = 1; const next = () => (s = s * 48271 % 2147483647) / 2147483647 - 0.5;
        const rows = () => Array.from({ length: 200 }, () => Array.from({ length: 64 }, () => Math.fround(next())));
        const now = await (await attentionPlayground).set({ input: { kind: 'numbers', q: rows(), k: rows(), v: rows() }, mask: { id: 'causal' } });
        globalThis.wanted = JSON.stringify([now.input, now.mask, now.temperature]); return wanted";
    let wanted = page.js(set, vec![]).await?;
    page.wait_until(
        "document.querySelector('.embed__foot button.quiet-button') && !document.querySelector('.embed__foot a')",
    )
    .await?;
    // The driver presses a point, and the foot moves down once the output of 200 rows is there.
    page.wait_until("!document.querySelector('[aria-busy=true]')").await?;
    let here = page.driver().window().await?;
    page.driver().find(thirtyfour::By::Css(".embed__foot button.quiet-button")).await?.click().await?;
    page.wait_until("document.querySelector('.embed__foot [role=status]').textContent.startsWith('It is open there')")
        .await?;
    let there = page.driver().windows().await?.into_iter().find(|window| *window != here).ok_or("no window opened")?;
    page.driver().switch_to_window(there).await?;
    let got = "const e = (await attentionPlayground).get(); return JSON.stringify([e.input, e.mask, e.temperature])";
    let got = page.js(got, vec![]).await;
    page.driver().close_window().await?;
    page.driver().switch_to_window(here).await?;
    ensure(got? == wanted, || "the other window has other numbers".to_owned())
}

async fn a_rounded_link_says_so(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    page.js("await (await attentionPlayground).set({ input: { kind: 'numbers', q: [[0.1234567]], k: [[1.5]], v: [[2.5]] } })", vec![]).await?;
    let said = "[...document.querySelectorAll('.exactness')].map((p) => p.textContent).join()";
    page.wait_until(&format!("{said} === ''")).await?;
    page.click("Share").await?;
    let press = "const all = [...document.querySelectorAll('dialog.share .switch')]; all.find((label) => label.textContent.startsWith('Round')).click()";
    page.wait_until("document.querySelector('dialog.share[open] .switch')").await?;
    page.js(press, vec![]).await?;
    page.wait_until("document.querySelector('dialog.share textarea').value.includes('input.rounded=')").await?;
    let link = page.js("return document.querySelector('dialog.share textarea').value", vec![]).await?;
    let link = link.as_str().unwrap_or_default().to_owned();
    page.open_ready(link.strip_prefix(page.base()).unwrap_or_default()).await?;
    page.wait_until(&format!("{said}.includes('Not exact: a link rounded these numbers, each by at most ')")).await?;
    // In a frame as well, where the input is not shown.
    let fragment = link.split_once('#').map_or("", |(_, fragment)| fragment);
    page.open_ready(&format!("/?embed&view=output&lang=en#{fragment}")).await?;
    page.wait_until(&format!("{said}.includes('Not exact: ')")).await
}
