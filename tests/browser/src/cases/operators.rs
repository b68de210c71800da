//! `run` with an operator beside attention: what it says of itself, what it refuses, and that it can be stopped. ONNX's vectors are in `conformance`.

use serde_json::json;

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("operators"; auto_says_why_the_cpu_computes, faults_are_named_by_field, a_run_can_be_stopped,
        attention_tells_its_time_by_stage, two_matrices_of_one_run)
}

/// Sizes of the requests below: one sequence of `length` steps, one head.
const REQUEST: &str = "const api = await attentionPlayground;
    const rows = (length, size) => ({ shape: [1, 1, length, size], data: new Float32Array(length * size).fill(0.5) });
    const request = (length, more) =>
      ({ op: 'linear_attention', update_rule: 'linear', Q: rows(length, 4), K: rows(length, 4), V: rows(length, 4), ...more });";

async fn auto_says_why_the_cpu_computes(page: &Page) -> Result<()> {
    page.ready().await?;
    let script =
        format!("{REQUEST} return await api.run(request(3, {{ outputs: ['Y', 'present_state'], repeat: 2 }}))");
    let result = page.js(&script, vec![]).await?;
    let said = [&result["backend"], &result["algorithm"], &result["kernel"]];
    ensure(said == ["cpu", "recurrent", "cpu-linear-recurrent-f32"], || format!("computed by {said:?}"))?;
    let why = result["fallback"].as_str().unwrap_or_default();
    ensure(why.contains("webgpu is taken where it is named"), || format!("the fallback is {why:?}"))?;
    // Each step adds 1/4 to every number of the state; a query reads four of them, halves each and the sum.
    let y = [0.25, 0.5, 0.75].map(|x| [x; 4]).concat();
    for (name, shape, wanted) in [("Y", [1, 1, 3, 4], y), ("present_state", [1, 1, 4, 4], vec![0.75; 16])] {
        let found = &result["outputs"][name];
        let data = found["data"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64);
        let right = found["shape"] == json!(shape) && data.collect::<Vec<_>>() == wanted;
        ensure(right, || format!("{name} is {found}"))?;
    }
    let runs = result["timing"]["runs_ms"].as_array().map(Vec::len);
    ensure(runs == Some(2), || format!("{runs:?} repetitions were timed, not 2"))?;
    // Three steps of a state of 16: two passes to add, two to read.
    ensure(result["cost"]["flops"].as_f64() == Some(192.0), || format!("the cost is {}", result["cost"]))
}

async fn faults_are_named_by_field(page: &Page) -> Result<()> {
    page.ready().await?;
    for (more, path) in [
        ("{ backend: 'gpu' }", "backend"),
        ("{ K: rows(4, 4) }", "K.shape"),
        ("{ decay: rows(3, 1) }", "decay"),
        ("{ update_rule: 'delta' }", "beta"),
        ("{ past_state: { shape: [1], data: [NaN, 1] } }", "past_state.data"),
        ("{ is_causal: true }", "is_causal"),
        ("{ op: 'rotary_embeding' }", "op"),
    ] {
        let script = format!(
            "{REQUEST} return await api.run(request(3, {more})).then(() => [], (e) => [e.name, ...e.issues.map((i) => i.path)])"
        );
        let said = page.js(&script, vec![]).await?;
        // An operator that is none is read as attention, which names the fields of others too.
        let paths = said.as_array().map_or(&[][..], |all| &all[1..]);
        ensure(said[0] == "ExperimentError" && paths.iter().any(|found| found == path), || {
            format!("{more} gave {said}, not {path}")
        })?;
    }
    Ok(())
}

async fn a_run_can_be_stopped(page: &Page) -> Result<()> {
    page.ready().await?;
    let script = format!(
        "{REQUEST} const stop = new AbortController(), run = api.run(request(4096, {{ repeat: 1000, signal: stop.signal }}));
        setTimeout(() => stop.abort('enough'), 50);
        const reason = await run.then(() => 'done', (e) => e);
        return [reason, (await api.run(request(1))).outputs.Y.shape]"
    );
    let said = page.js(&script, vec![]).await?;
    ensure(said == json!(["enough", [1, 1, 1, 4]]), || format!("stopping gave {said}"))
}

async fn attention_tells_its_time_by_stage(page: &Page) -> Result<()> {
    page.ready().await?;
    let script = "const p = await attentionPlayground, T = { shape: [1, 2, 64, 16], data: new Float32Array(2048).fill(0.5) };
        const names = async (algorithm) => (await p.run({ Q: T, K: T, V: T, backend: 'cpu', algorithm })).timing.stages.map((s) => s.name);
        return [await names('streaming'), await names('materialised')]";
    let wanted = json!([
        ["prepare", "transfer", "kernel", "merge", "transfer"],
        ["prepare", "transfer", "scores", "bias", "mask", "normalise", "values", "merge", "transfer"]
    ]);
    let names = page.js(script, vec![]).await?;
    ensure(names == wanted, || format!("the stages are {names}"))
}

/// Masked scores and weights together: every score of these inputs is 1, so each row shares its weight equally.
async fn two_matrices_of_one_run(page: &Page) -> Result<()> {
    page.ready().await?;
    let script = "const p = await attentionPlayground, T = { shape: [1, 1, 4, 16], data: new Float32Array(64).fill(0.5) };
        const { outputs } = await p.run({ Q: T, K: T, V: T, is_causal: true, qk_matmul_output_mode: 2, outputs: ['qk_matmul_output', 'weights'] });
        const right = (of, allowed, masked) => Array.from(of.data).every((x, i) => Math.abs(x - (i % 4 <= (i >> 2) ? allowed(i >> 2) : masked)) < 1e-6 || x === masked);
        return [Object.keys(outputs).sort(), right(outputs.qk_matmul_output, () => 1, -Infinity), right(outputs.weights, (q) => 1 / (q + 1), 0)]";
    let seen = page.js(script, vec![]).await?;
    ensure(seen == json!([["qk_matmul_output", "weights"], true, true]), || format!("two matrices: {seen}"))
}
