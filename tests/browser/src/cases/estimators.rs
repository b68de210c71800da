//! Estimators in the browser: every entry by the API and on the page gives what the native reference gives.

use attention_playground::attention::estimators::{direction_of, fits};
use attention_playground::attention::{Dims, Estimate, Estimator, load};
use attention_playground::catalogue;
use attention_playground::experiment::{Choice, Experiment};
use attention_playground::interchange::SerdeJson;
use serde_json::{Value, json};

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("estimators";
        the_api_gives_what_the_reference_gives, a_request_that_cant_be_respected_is_refused, every_estimator_is_picked_on_the_page,
        a_ring_goes_round, a_state_grows, the_card_opens_with_a_link_and_closes)
}

/// Of the largest number: what single precision loses (most in the iterated inverse), and the same program in double precision on another machine.
const TOLERANCES: [(&str, f64); 2] = [("cpu", 2e-4), ("reference", 1e-6)];
/// Of an error shown with three digits.
const SHOWN: f64 = 6e-3;

const DIMS: Dims = Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q: 20, n_k: 20, d: 6, d_v: 4 };

fn numbers(count: usize, step: f32) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * step).sin()).collect()
}

async fn the_api_gives_what_the_reference_gives(page: &Page) -> Result<()> {
    page.ready().await?;
    let ids = page.js("return (await attentionPlayground).catalogue().estimators.map((e) => e.id)", vec![]).await?;
    let known: Vec<&str> = catalogue::estimators().iter().map(|entry| entry.id).collect();
    ensure(ids == json!(known), || format!("the page lists {ids}"))?;
    let [q, k, v] = [numbers(DIMS.q_len(), 0.7), numbers(DIMS.k_len(), 1.3), numbers(DIMS.v_len(), 2.9)];
    for id in known {
        let choice = Choice::of(id);
        let causal = direction_of(&choice, true).unwrap_or(true);
        let estimator = fits(&choice, DIMS, causal, 0.4, "estimator")?;
        let wanted: Estimate = estimator.compute::<f64>(&q, &k, &v);
        let script = "const [id, is_causal, scale, tensors] = args, [Q, K, V] = tensors.map(([shape, data]) => ({ shape, data }));
            const outputs = ['Y', 'exact', 'error', 'total_error', 'trace', 'states'], given = {};
            for (const backend of ['cpu', 'reference'])
              given[backend] = (await (await attentionPlayground).run({ Q, K, V, is_causal, scale, backend, outputs, estimator: { id } })).outputs;
            return given";
        let tensors = json!([[[2, 20, 6], q], [[1, 20, 6], k], [[1, 20, 4], v]]);
        let given = page.js(script, vec![json!(id), json!(causal), json!(0.4_f32), tensors]).await?;
        for (backend, tolerance) in TOLERANCES {
            let lists = [
                ("Y", &wanted.y),
                ("exact", &wanted.exact),
                ("error", &wanted.error),
                ("total_error", &wanted.total),
                ("trace", &wanted.trace),
                ("states", &wanted.states),
            ];
            // Of an exact method the errors are rounding, in which the two need not agree.
            let exact = wanted.total.iter().all(|&x| x < 1e-12);
            for (name, wanted) in
                lists.iter().filter(|(name, _)| !(exact && ["error", "total_error", "trace"].contains(name)))
            {
                let off = apart(&given[backend][name]["data"], wanted)?;
                ensure(off <= tolerance, || format!("{id} on {backend}: {name} is off by {off:.1e}"))?;
            }
        }
    }
    Ok(())
}

/// How far an array is from a list, over the largest of the list.
fn apart(found: &Value, wanted: &[f32]) -> Result<f64> {
    let found = found.as_array().ok_or("there is no such output")?;
    ensure(found.len() == wanted.len(), || format!("{} numbers, not {}", found.len(), wanted.len()))?;
    let largest = wanted.iter().fold(f64::MIN_POSITIVE, |top, &x| top.max(f64::from(x).abs()));
    let off = |(a, &b): (&Value, &f32)| (a.as_f64().unwrap_or(f64::INFINITY) - f64::from(b)).abs();
    Ok(found.iter().zip(wanted).map(off).fold(0.0, f64::max) / largest)
}

async fn a_request_that_cant_be_respected_is_refused(page: &Page) -> Result<()> {
    page.ready().await?;
    for (more, path) in [
        ("estimator: { id: 'perfromer' }", "estimator.id"),
        ("estimator: { id: 'performer', params: { features: 0 } }", "estimator.params.features"),
        ("estimator: { id: 'gated' }", "is_causal"),
        ("estimator: { id: 'linear' }, softcap: 5", "softcap"),
        ("estimator: { id: 'linear' }, mask: 'k <= q'", "mask"),
        ("estimator: { id: 'linear' }, backend: 'webgpu'", "backend"),
    ] {
        let script = format!(
            "const rows = {{ shape: [1, 3, 2], data: [1, 2, 3, 4, 5, 6] }};
             return await (await attentionPlayground).run({{ Q: rows, K: rows, V: rows, {more} }}).then(() => [], (e) => [e.name, ...e.issues.map((i) => i.path)])"
        );
        let said = page.js(&script, vec![]).await?;
        ensure(said == json!(["ExperimentError", path]), || format!("{more} gave {said}"))?;
    }
    Ok(())
}

/// The page's opener as the native code has it: its inputs, and the estimator of a choice over them.
fn opener(choice: &Choice) -> Result<(Estimator, [Vec<f32>; 3])> {
    let experiment = Experiment::default();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../public/captures/animal-L3.safetensors");
    let loaded = load::<SerdeJson>(&experiment.input, Some(&std::fs::read(file)?))?;
    let causal = direction_of(choice, true).unwrap_or(true);
    let scale = 1.0 / (loaded.dims.d as f32).sqrt();
    let inputs = loaded.inputs;
    Ok((
        fits(choice, loaded.dims, causal, scale, "estimator")?,
        [inputs.q.to_vec(), inputs.k.to_vec(), inputs.v.to_vec()],
    ))
}

const OPEN: &str = "Estimators and baselines";

async fn every_estimator_is_picked_on_the_page(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click(OPEN).await?;
    for entry in catalogue::estimators() {
        page.set("in attention's place", entry.id).await?;
        let (estimator, [q, k, v]) = opener(&Choice::of(entry.id))?;
        let head = Experiment::default().view.head;
        let wanted = f64::from(estimator.compute::<f32>(&q, &k, &v).total[head]);
        // What is shown is the newest answer once nothing is on its way and the picture has its name.
        page.wait_until(&format!(
            "document.querySelector('.estimate')?.getAttribute('aria-busy') === 'false' && \
             document.querySelectorAll('.estimate__pair figcaption')[1]?.textContent === {:?}",
            entry.name.en
        ))
        .await?;
        let text = page.js("return document.querySelector('#estimate-total').textContent", vec![]).await?;
        let shown: f64 = text.as_str().unwrap_or_default().trim_end_matches(" %").parse()?;
        let right = if wanted < 1e-5 { shown < 1e-3 } else { (shown / 100.0 / wanted - 1.0).abs() <= SHOWN };
        ensure(right, || format!("{}: the page shows {shown} %, the reference has {wanted}", entry.id))?;
        page.screenshot(&format!("estimator {}", entry.id)).await?;
    }
    Ok(())
}

async fn a_ring_goes_round(page: &Page) -> Result<()> {
    page.open_ready("/#v1&estimator=ring&estimator.devices=5&mask=none").await?;
    page.wait_until("document.querySelectorAll('.ring > div > i').length === 25").await?;
    let tiles =
        "[...document.querySelectorAll('.ring > div > i')].flatMap((e, i) => e.className === 'ring__now' ? [i] : [])";
    for step in 0..5_usize {
        page.set(&format!("step {}", step.max(1)), &step.to_string()).await?;
        // Device r has block (r − t) mod P.
        let wanted: Vec<usize> = (0..5).map(|device| device * 5 + (device + 5 - step) % 5).collect();
        page.wait_until(&format!("JSON.stringify({tiles}) === {:?}", json!(wanted).to_string())).await?;
    }
    let errors = page
        .js("return [...document.querySelectorAll('.ring output')].map((e) => parseFloat(e.textContent))", vec![])
        .await?;
    let all_small =
        errors.as_array().is_some_and(|all| all.len() == 5 && all.iter().all(|e| e.as_f64().is_some_and(|e| e < 1e-3)));
    ensure(all_small, || format!("after the last step the errors are {errors} %"))
}

async fn a_state_grows(page: &Page) -> Result<()> {
    page.open_ready("/#v1&estimator=gated").await?;
    page.wait_until("document.querySelector('.player output')?.textContent === '16 / 16'").await?;
    let norm = "document.querySelector('.estimate > h4 small').textContent";
    let last = page.js(&format!("return {norm}"), vec![]).await?;
    page.js("const slider = document.querySelector('.player input'); slider.value = '0'; slider.dispatchEvent(new Event('input', { bubbles: true }))", vec![]).await?;
    page.wait_until(&format!("{norm} !== {last} && document.querySelector('.player output').textContent === '1 / 16'"))
        .await?;
    // Played, it ends at the last key by itself.
    page.click("Play").await?;
    page.wait_until(&format!("{norm} === {last}")).await
}

async fn the_card_opens_with_a_link_and_closes(page: &Page) -> Result<()> {
    page.open_ready("/#v1&estimator=linformer&estimator.rank=3").await?;
    page.wait_until("document.querySelector('#estimate-total')?.textContent.endsWith('%')").await?;
    page.click("Close").await?;
    page.wait_until("!document.querySelector('.estimate')").await?;
    let experiment = page.js("return (await attentionPlayground).get()", vec![]).await?;
    ensure(experiment["estimator"]["id"] == "none", || format!("{}", experiment["estimator"]))
}
