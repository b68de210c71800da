//! What depends on the contents of Q and K: lowered in a worker, then computed by every engine; and picked on the page.

use serde_json::json;

use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all = cases!("content";
        the_cpu_computes_every_entry, every_entry_is_picked_on_the_page, faults_are_named_by_field,
        branches_are_added_on_the_cpu, a_second_branch_is_chosen_on_the_page, tokens_are_reordered, a_row_is_shown_as_a_plane,
        dropout_is_picked_and_becomes_ones_own, a_layer_is_picked_by_its_number,
        a_hebbian_step_is_drawn);
    // Within so many seconds.
    all.extend(cases!("content", Needs { alone: true, ..Needs::NOTHING }; a_lowering_can_be_stopped));
    all.extend(cases!("content", Needs::ADAPTER; the_gpu_computes_every_entry, branches_are_added_on_the_gpu));
    all
}

/// Every entry of one list on one engine against the reference: those whose output is further off than single precision allows, or equal to plain attention.
const COMPARE: &str = "const api = await attentionPlayground, c = api.catalogue(), [backend, at] = args, bad = [];
    let state = 7; const next = () => (state = (state * 48271) % 2147483647) / 2147483647 * 4 - 2;
    const tensor = (...shape) => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, next) });
    const request = { Q: tensor(1, 4, 40, 8), K: tensor(1, 2, 40, 8), V: tensor(1, 2, 40, 8), is_causal: true };
    const run = async (more) => (await api.run({ ...request, ...more })).outputs.Y.data;
    const plain = await run({ backend: 'reference' }), tried = [];
    const content = ['shaw', 'transformer-xl', 'deberta', 'tupe', 'tisasrec', 'cope', 'fox', 'path', 'scaled-sinusoidal', 'pope', 'floater',
      'lstm-generator', 'r-transformer'];
    const positions = c.positions.filter((p) => content.includes(p.id));
    const on_values = ['shaw', 'tisasrec'].map((id) => ({ id, set: { values: 1 } }));
    const normalisers = c.normalisers.filter((n) => n.params.length > 0), layers = c.layers.filter((m) => m.formula);
    for (const [field, list] of [['product', c.products.slice(1)], ['selection', c.selections.slice(1)], ['position', positions],
        ['position', on_values], ['normaliser', normalisers], ['prob', c.probabilities], ['layers', layers], ['layout', c.layouts.slice(1)]].slice(at, at + 1))
      for (const { id, set } of list) {
        const choice = { [field]: { id, params: set ?? {} } }, result = await api.run({ ...request, ...choice, backend }), y = result.outputs.Y.data;
        const exact = await run({ ...choice, backend: 'reference' });
        const off = Math.max(...y.map((x, i) => Math.abs(x - exact[i])));
        if (!(off < 1e-4)) bad.push(`${id}: off by ${off}`);
        // As many heads of keys as there are, factors of one, and pages that are gathered leave everything as it is.
        const same = ['grouped', 'head-scale', 'paged'].includes(id);
        if (!same && y.every((x, i) => Math.abs(x - plain[i]) < 1e-6)) bad.push(`${id}: changed nothing`);
        if (result.backend !== backend) bad.push(`${id}: computed by ${result.backend}`);
        const waits = !['prob', 'layers', 'layout'].includes(field) && id !== 'learned-sink';
        if (waits && !['transform', 'derive'].includes(result.order[0])) bad.push(`${id}: ${result.order}`);
        tried.push(id);
      }
    return [bad, tried.length]";

/// Products, selections, positions, normalisers, changes of the weights, mixes of layers and layouts of heads that there are at least.
const ENTRIES: usize = 44;
/// Lists that [`COMPARE`] goes through.
const LISTS: usize = 8;

async fn all_agree(page: &Page, backend: &str) -> Result<()> {
    page.ready().await?;
    let mut tried = 0;
    // A list at a time: all of them take a software adapter longer than a script may.
    for at in 0..LISTS {
        let told = page.js(COMPARE, vec![json!(backend), json!(at)]).await?;
        ensure(told[0] == json!([]), || format!("{}", told[0]))?;
        tried += told[1].as_u64().unwrap_or_default() as usize;
    }
    ensure(tried >= ENTRIES, || format!("only {tried} entries"))
}

async fn the_cpu_computes_every_entry(page: &Page) -> Result<()> {
    all_agree(page, "cpu").await
}

async fn the_gpu_computes_every_entry(page: &Page) -> Result<()> {
    all_agree(page, "webgpu").await
}

/// Each entry alone, over the page's own experiment: it computes, and the time it took beforehand is told.
async fn every_entry_is_picked_on_the_page(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let script = "const p = await attentionPlayground, c = p.catalogue(), bad = [];
        const next = () => new Promise((done) => { const off = p.on('result', (r) => { off(); done(r) }) });
        for (const [field, list] of [['product', c.products], ['selection', c.selections]]) {
          for (const { id } of list.slice(1)) {
            const ran = next(); await p.set({ [field]: { id } }); const result = await ran;
            if (!result.outputs.Y.data.every(Number.isFinite)) bad.push(id + ': not finite');
            if (!result.timing.stages.some((s) => s.name === 'lower')) bad.push(id + ': its time is not told');
          }
          const back = next(); await p.set({ [field]: { id: list[0].id } }); await back;
        }
        return bad";
    let bad = page.js(script, vec![]).await?;
    ensure(bad == json!([]), || format!("{bad}"))
}

/// A gated mix against the two branches run one by one: a mask with a part of the score of its own, a plain one, and two estimators.
const BRANCHES: &str = "const api = await attentionPlayground, [backend] = args, bad = [];
    let state = 5; const next = () => (state = (state * 48271) % 2147483647) / 2147483647 * 4 - 2;
    const tensor = (...shape) => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, next) });
    const request = { Q: tensor(1, 4, 40, 8), K: tensor(1, 2, 40, 8), V: tensor(1, 2, 40, 8) };
    const run = async (more) => (await api.run({ ...request, ...more })).outputs.Y.data;
    const mask = { id: 'sliding-window', params: { window: 5 } }, gate = 0.25;
    for (const id of ['synaptic', 'none', 'chunked-local', 'linear', 'gru']) {
      const beside = !api.catalogue().masks.some((m) => m.id === id);
      const mixed = await api.run({ ...request, mask, hybrid: { id: 'gated', params: { gate } }, branch: { id }, backend });
      const a = await run({ mask, backend: 'reference' });
      const b = await run(beside ? { estimator: { id }, is_causal: true, backend: 'reference' } : { mask: { id }, backend: 'reference' });
      const off = Math.max(...mixed.outputs.Y.data.map((y, i) => Math.abs(y - gate * a[i] - (1 - gate) * b[i])));
      if (!(off < 1e-4)) bad.push(`${id}: off by ${off}`);
      if (mixed.backend !== backend) bad.push(`${id}: computed by ${mixed.backend}`);
    }
    return bad";

async fn branches_are_added(page: &Page, backend: &str) -> Result<()> {
    page.ready().await?;
    let bad = page.js(BRANCHES, vec![json!(backend)]).await?;
    ensure(bad == json!([]), || format!("{bad}"))
}

async fn branches_are_added_on_the_cpu(page: &Page) -> Result<()> {
    branches_are_added(page, "cpu").await
}

async fn branches_are_added_on_the_gpu(page: &Page) -> Result<()> {
    branches_are_added(page, "webgpu").await
}

/// By the controls of the page, and by a link; the weights shown add up to 1 over both branches.
async fn a_second_branch_is_chosen_on_the_page(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let script = "const p = await attentionPlayground;
        const next = () => new Promise((done) => { const off = p.on('result', (r) => { off(); done(r) }) });
        const ran = next(); await p.set({ hybrid: { id: 'gated' }, branch: { id: 'causal' } }); const first = await ran;
        const again = next(); await p.set({ branch: { id: 'gru' } }); const second = await again;
        const finite = [first, second].every((r) => r.outputs.Y.data.every(Number.isFinite));
        const differ = first.outputs.Y.data.some((y, i) => y !== second.outputs.Y.data[i]);
        return [finite, differ, p.get().branch.id, /hybrid=gated/.test(p.link())]";
    let said = page.js(script, vec![]).await?;
    ensure(said == json!([true, true, "gru", true]), || format!("{said}"))
}

/// The sheet counts tiles before and after.
async fn tokens_are_reordered(page: &Page) -> Result<()> {
    page.open_ready("/#mask=strided").await?;
    page.click("Reorder tokens").await?;
    let script = "for (let i = 0; i < 100; i++) {
          const told = [...document.querySelectorAll('dialog figcaption')].map((c) => c.textContent);
          if (told.length === 2 && told.every((t) => /\\d+ of \\d+ tiles live/.test(t))) return true;
          await new Promise((done) => setTimeout(done, 50));
        }
        return document.querySelector('dialog')?.textContent ?? 'no sheet'";
    let said = page.js(script, vec![]).await?;
    ensure(said == json!(true), || format!("{said}"))
}

/// Under a mask over a plane the query's row is an image.
async fn a_row_is_shown_as_a_plane(page: &Page) -> Result<()> {
    page.open_ready("/#v1&mask=axial&mask.width=4").await?;
    let there = "[...document.querySelectorAll('.card figcaption')].some((c) => c.textContent.includes('on the plane, from row 2, column 2'))";
    page.wait_until(there).await
}

async fn faults_are_named_by_field(page: &Page) -> Result<()> {
    page.ready().await?;
    for (more, path) in [
        ("{ product: { id: 'cosin' } }", "product.id"),
        ("{ selection: { id: 'top-k', params: { keep: 0 } } }", "selection.params.keep"),
        ("{ selection: { id: 'lsh', params: { shared: 1 } } }", "selection.params.shared"),
        ("{ hybrid: { id: 'gated', params: { gate: 2 } } }", "hybrid.params.gate"),
        ("{ hybrid: { id: 'gated' }, branch: { id: 'gruu' } }", "branch.id"),
        ("{ normaliser: { id: 'top-k', params: { keep: 0 } } }", "normaliser.params.keep"),
        ("{ prob: { id: 'dropout', params: { rate: 1 } } }", "prob.params.rate"),
        ("{ prob: 'p +' }", "prob"),
        ("{ layers: { id: 'local' } }", "layers.id"),
    ] {
        let script = format!(
            "const api = await attentionPlayground, tensor = (n) => ({{ shape: [1, 1, n, 2], data: new Float32Array(2 * n).fill(1) }});
             return await api.run({{ Q: tensor(3), K: tensor(4), V: tensor(4), ...{more} }}).then(() => [], (e) => [e.name, ...e.issues.map((i) => i.path)])"
        );
        let said = page.js(&script, vec![]).await?;
        ensure(said == json!(["ExperimentError", path]), || format!("{more}: {said}"))?;
    }
    Ok(())
}

async fn a_lowering_can_be_stopped(page: &Page) -> Result<()> {
    page.ready().await?;
    let script = "const api = await attentionPlayground, n = 2048, tensor = { shape: [1, 4, n, 64], data: new Float32Array(4 * n * 64).fill(0.5) };
        const stop = new AbortController(), run = api.run({ Q: tensor, K: tensor, V: tensor, product: { id: 'additive' }, signal: stop.signal });
        setTimeout(() => stop.abort(), 300); const from = performance.now();
        const said = await run.then(() => 'done', (e) => e.name);
        return [said, performance.now() - from < 3000]";
    let said = page.js(script, vec![]).await?;
    ensure(said == json!(["AbortError", true]), || format!("{said}"))?;
    // What comes after it computes all the same.
    all_agree(page, "cpu").await
}

/// Opens the card of what most runs leave as it is.
async fn open_card(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let summary = "[...document.querySelectorAll('.fold summary')].find((s) => s.textContent.includes('Product, selection, hybrid, dropout, layers'))";
    page.wait_until(summary).await?;
    page.js(&format!("{summary}.click()"), vec![]).await.map(drop)
}

async fn dropout_is_picked_and_becomes_ones_own(page: &Page) -> Result<()> {
    open_card(page).await?;
    page.click("More changes").await?;
    page.click("Dropout").await?;
    page.set("share dropped", "0.5").await?;
    let prob = "const p = await attentionPlayground; return p.get().prob";
    page.wait_until("(await attentionPlayground).get().prob.params.rate === 0.5").await?;
    page.screenshot("dropout").await?;
    page.click("Own formula").await?;
    let own = page.js(prob, vec![]).await?;
    let text = own["custom"]["text"].as_str().unwrap_or_default();
    ensure(own["id"] == "custom" && text.contains("hash("), || format!("{own}"))?;
    page.fill("Weight formula", "p * 0.5").await?;
    let ran = "const p = await attentionPlayground; return (await new Promise((done) => { const off = p.on('result', (r) => { off(); done(r) });
        p.set({ prob: { custom: { text: 'p * 0.25' } } }) })).order";
    let order = page.js(ran, vec![]).await?;
    ensure(order.as_array().is_some_and(|slots| slots.contains(&json!("probability"))), || format!("{order}"))
}

async fn a_layer_is_picked_by_its_number(page: &Page) -> Result<()> {
    open_card(page).await?;
    page.click("More mixes of layers").await?;
    page.click("Local and global layers").await?;
    page.set("layer that is shown", "6").await?;
    page.wait_until("(await attentionPlayground).get().layers.params.layer === 6").await?;
    page.wait_until("document.body.textContent.includes('5 local · [6 global]')").await
}

async fn a_hebbian_step_is_drawn(page: &Page) -> Result<()> {
    page.open_ready("/#v1&selection=plastic").await?;
    let unfold = "[...document.querySelectorAll('.fold summary')].find((e) => e.textContent.includes('Product, selection')).click()";
    page.js(unfold, vec![]).await?;
    page.wait_until("document.querySelector('.gains .chart__field svg svg path')?.getAttribute('d').startsWith('M')")
        .await?;
    let said = "document.querySelector('.gains figcaption').textContent";
    page.wait_until(&format!("/up to [1-9][.0-9]*, at distance [0-9]+/.test({said})")).await?;
    page.screenshot("plastic").await?;
    let before = page.js(&format!("return {said}"), vec![]).await?;
    // A higher rate wires the same distances more strongly.
    page.set("learning rate η", "20").await?;
    page.wait_until(&format!("{said} !== {before}")).await
}
