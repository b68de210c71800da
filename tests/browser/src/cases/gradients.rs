//! Gradients through `run`: who computes them, what they are by differences of runs, and what is refused.

use serde_json::{Value, json};

use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all = cases!("gradients";
        formulas_over_many_keys_agree_with_the_reference, what_has_no_gradient_is_named, the_page_shows_them_and_follows);
    all.extend(cases!("gradients", Needs::ADAPTER; gradients_are_the_slopes_of_runs, who_computes_gradients_is_told));
    all
}

/// A request of two query heads over one of keys, seven tokens; `slope` moves a number of a tensor a little either way and asks what the sum of
/// dY · Y does.
const REQUEST: &str = "const api = await attentionPlayground;
    const tensor = (heads, length, size, by) => ({ shape: [1, heads, length, size],
      data: Float32Array.from({ length: heads * length * size }, (_, i) => Math.sin(by * (i + 1)) * 1.5) });
    const dY = tensor(2, 7, 3, 0.7);
    const request = (more) => ({ Q: tensor(2, 7, 4, 1.1), K: tensor(1, 7, 4, 1.7), V: tensor(1, 7, 3, 2.3), is_causal: true, ...more });
    const sum = async (more) => (await api.run({ ...request(more), backend: 'reference' })).outputs.Y.data.reduce((s, y, i) => s + y * dY.data[i], 0);
    const slope = async (name, at, more) => {
      const moved = (by) => { const t = request(more)[name]; t.data[at] += by; return { ...more, [name]: t } };
      return (await sum(moved(2 ** -7)) - await sum(moved(-(2 ** -7)))) * 64;
    };";

/// A difference of runs in single precision: `2^-14` times a third derivative, and rounding of `1e-7` times `2^6` for each number.
const NEAR: f64 = 2e-3;

async fn gradients_are_the_slopes_of_runs(page: &Page) -> Result<()> {
    page.ready().await?;
    for more in [
        "{ softcap: 2, position: { id: 'alibi' }, backend: 'cpu' }",
        "{ position: { id: 'rope' }, sink_logit: [0.5, -1], backend: 'cpu', algorithm: 'streaming' }",
        "{ normaliser: { id: 'inverted' }, backend: 'cpu' }",
        "{ normaliser: { id: 'sigmoid' }, prob: 'p * p', backend: 'reference' }",
        "{ softcap: 2, position: { id: 'alibi' }, sink_logit: [0.5, -1], backend: 'webgpu' }",
        // Sparsemax has a kink within the step of the difference; entmax has none.
        "{ normaliser: { id: 'entmax' }, prob: 'p * p', backend: 'webgpu', algorithm: 'streaming' }",
    ] {
        let script = format!(
            "{REQUEST} const more = {more}; const {{ outputs }} = await api.run({{ ...request(more), dY, outputs: ['dQ', 'dK', 'dV'] }});
            const found = [];
            for (const [name, at] of [['Q', 5], ['Q', 55], ['K', 9], ['K', 0], ['V', 4], ['V', 20]])
              found.push([name, at, outputs['d' + name].data[at], await slope(name, at, more)]);
            return [['dQ', 'dK', 'dV'].map((name) => outputs[name].shape), found]"
        );
        let said = page.js(&script, vec![]).await?;
        ensure(said[0] == json!([[1, 2, 7, 4], [1, 1, 7, 4], [1, 1, 7, 3]]), || format!("{more}: shapes {}", said[0]))?;
        for one in said[1].as_array().into_iter().flatten() {
            let (found, wanted) = (one[2].as_f64().unwrap_or(f64::NAN), one[3].as_f64().unwrap_or(f64::NAN));
            ensure((found - wanted).abs() <= NEAR * wanted.abs().max(1.0), || format!("{more}: {one}"))?;
        }
    }
    Ok(())
}

/// A compiled formula's gradient beside the reference's, as a part of the largest number of its tensor: single precision through a softmax and its
/// derivative, each sum over up to 100 tokens.
const OF_TENSORS: f64 = 1e-4;

/// The same of a declared parameter, which is one sum over every cell of a run, where what is summed has both signs.
const OF_PARAMETERS: f64 = 2e-3;

/// The least number that a parameter's error is a part of: what is added to every score alike has a derivative of nought, which is left of cells
/// that cancel.
const LEAST: f64 = 1e-2;

/// Whole tiles of keys, six rows in one call, and what is left at either end: more keys than any test of fewer tokens reaches. A formula that follows
/// from the score alone goes forth for several rows at once and is remembered on the way back; one with rows and columns goes row by row.
async fn formulas_over_many_keys_agree_with_the_reference(page: &Page) -> Result<()> {
    page.ready().await?;
    let formulas = [
        "score: 's + 0.3 * tanh(s)'",
        "score: 's * abs(s)'",
        "score: 's - 0.01 * s * abs(q - k)', is_causal: true",
        "position: { id: 'alibi' }, is_causal: true",
        "position: { id: 'fire' }, is_causal: true",
        "position: { id: 'scalable-softmax' }",
        "softcap: 2, is_causal: true",
    ];
    for (queries, keys) in [(64, 64), (100, 100), (37, 101)] {
        for more in formulas {
            let script = format!(
                "const api = await attentionPlayground;
                const tensor = (heads, length, size, by) => ({{ shape: [1, heads, length, size],
                  data: Float32Array.from({{ length: heads * length * size }}, (_, i) => Math.sin(by * (i + 1)) * 1.5) }});
                const request = {{ Q: tensor(2, {queries}, 16, 1.1), K: tensor(2, {keys}, 16, 1.7), V: tensor(2, {keys}, 16, 2.3),
                  dY: tensor(2, {queries}, 16, 0.7), {more}, outputs: ['dQ', 'dK', 'dV', 'dparams'] }};
                const compiled = await api.run({{ ...request, backend: 'cpu', algorithm: 'streaming' }});
                const reference = await api.run({{ ...request, backend: 'reference' }});
                return [compiled.backward_kernel, Object.entries(reference.outputs).map(([name, wanted]) => {{
                  const found = compiled.outputs[name].data, largest = wanted.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
                  return [name, largest, wanted.data.reduce((most, x, at) => Math.max(most, Math.abs(x - found[at])), 0)] }})]"
            );
            let said = page.js(&script, vec![]).await?;
            let whose = format!("{more}, {queries} queries, {keys} keys");
            let kernel = said[0].as_str().unwrap_or_default();
            ensure(kernel.starts_with("cpu-backward-streaming"), || format!("{whose}: kernel {kernel}"))?;
            let outputs = said[1].as_array().map_or(&[][..], Vec::as_slice);
            ensure(outputs.len() > 3, || format!("{whose}: outputs {}", said[1]))?;
            for one in outputs {
                let number = |at: usize| one[at].as_f64().unwrap_or(f64::NAN);
                let name = one[0].as_str().unwrap_or_default();
                let bound = match name.starts_with("dparams") {
                    true => OF_PARAMETERS * number(1).max(LEAST),
                    false => OF_TENSORS * number(1),
                };
                ensure(number(2) <= bound, || format!("{whose}: {one}"))?;
            }
        }
    }
    Ok(())
}

async fn who_computes_gradients_is_told(page: &Page) -> Result<()> {
    page.ready().await?;
    let ran = |more: &str, outputs: &str| {
        format!(
            "{REQUEST} const r = await api.run({{ ...request({more}), outputs: {outputs} }});
            return [r.backend, r.backward_kernel, r.fallback ?? '', Object.keys(r.outputs).sort(), r.timing.stages.map((s) => s.name)]"
        )
    };
    let plain = page.js(&ran("{ backend: 'cpu' }", "['Y', 'dV']"), vec![]).await?;
    let kernel = "cpu-backward-streaming-4x8";
    ensure(plain[0] == "cpu" && plain[1] == kernel && plain[2] == "", || format!("a softmax by name: {plain}"))?;
    ensure(plain[3] == json!(["Y", "dV"]), || format!("outputs {}", plain[3]))?;
    let stages = plain[4].as_array().is_some_and(|stages| stages.contains(&Value::from("backward")));
    ensure(stages, || format!("no stage is called backward in {}", plain[4]))?;
    let gpu = page.js(&ran("{ backend: 'webgpu' }", "['dK']"), vec![]).await?;
    let by_gpu = gpu[0] == "webgpu" && gpu[1] == "gpu-backward-streaming-f32" && gpu[2] == "";
    ensure(by_gpu, || format!("the GPU by name: {gpu}"))?;
    let auto = page.js(&ran("{}", "['dQ']"), vec![]).await?;
    let why = auto[2].as_str().unwrap_or_default();
    ensure(auto[1] == kernel && why.contains("on the CPU"), || format!("auto: {auto}"))?;
    let params =
        page.js(&ran("{ backend: 'cpu', position: { id: 'alibi' }, softcap: 3 }", "['dparams']"), vec![]).await?;
    ensure(params[1] == kernel && params[2] == "", || format!("params: {params}"))?;
    let names = params[3].as_array().map_or(0, Vec::len);
    let all = ["dparams.scale", "dparams.softcap", "dparams.data.slope"];
    let named = all.iter().all(|name| params[3].as_array().is_some_and(|names| names.contains(&Value::from(*name))));
    ensure(names >= 3 && named, || format!("derivatives by {}", params[3]))
}

async fn what_has_no_gradient_is_named(page: &Page) -> Result<()> {
    page.ready().await?;
    for (more, path) in [
        ("{ outputs: ['dQ'], product: { id: 'cosine' } }", "product"),
        ("{ outputs: ['dQ'], dY: { shape: [1], data: [1] } }", "dY.shape"),
        ("{ dY }", "dY"),
        ("{ outputs: ['dM'] }", "outputs[0]"),
    ] {
        let script = format!(
            "{REQUEST} return await api.run(request({more})).then(() => [], (e) => [e.name, ...e.issues.map((i) => i.path)])"
        );
        let said = page.js(&script, vec![]).await?;
        ensure(said == json!(["ExperimentError", path]), || format!("{more} gave {said}, not {path}"))?;
    }
    Ok(())
}

/// What the view says: the heads of its strips, and its table of numbers by name.
const SHOWN: &str = "const card = [...document.querySelectorAll('section.estimate')].find((s) => s.querySelector('h3').textContent.startsWith('Gradients'));
    const rows = Object.fromEntries([...card.querySelectorAll('tr')].map((r) => [r.querySelector('th').textContent, r.querySelector('td').textContent]));
    return [[...card.querySelectorAll('h4')].map((h) => h.textContent), rows, card.querySelectorAll('canvas').length]";

async fn the_page_shows_them_and_follows(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Gradients").await?;
    let there = "[...document.querySelectorAll('section.estimate th')].some((th) => th.textContent === 'scale')";
    page.wait_until(there).await?;
    let shown = page.js(SHOWN, vec![]).await?;
    let strips = shown[0].as_array().map_or(0, Vec::len);
    let named = |at: usize, name: &str| shown[0][at].as_str().is_some_and(|text| text.starts_with(name));
    ensure(strips == 3 && named(0, "dQ") && named(1, "dK") && named(2, "dV"), || format!("strips {}", shown[0]))?;
    ensure(shown[2] == 3, || format!("{} pictures", shown[2]))?;
    // An edit is followed: the softcap has a derivative of its own, and the scale another.
    page.js("await (await attentionPlayground).set({ softcap: 4 })", vec![]).await?;
    let capped = "[...document.querySelectorAll('section.estimate th')].some((th) => th.textContent === 'softcap')";
    page.wait_until(capped).await?;
    let then = page.js(SHOWN, vec![]).await?;
    ensure(then[1]["scale"] != shown[1]["scale"], || format!("the softcap changed nothing: {}", then[1]))
}
