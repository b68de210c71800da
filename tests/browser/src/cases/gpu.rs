//! The GPU as a person meets it: side by side with the CPU, and chosen by what was measured once.

use serde_json::{Value, json};

use super::gpu_faults::PROBLEM;
use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all = cases!("gpu engine", Needs::ADAPTER; cpu_and_gpu_are_compared, tiers_are_used_or_said_to_be_missing);
    // It measures how fast the CPU and the GPU are.
    let alone = Needs { alone: true, ..Needs::ADAPTER_OF_ITS_OWN };
    all.extend(cases!("gpu engine", alone; auto_measures_once));
    all
}

async fn cpu_and_gpu_are_compared(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Compare CPU and GPU").await?;
    page.wait_until("document.querySelector('dialog.compare[open]')").await?;
    page.wait_until("document.querySelectorAll('.compare__side .figure').length === 2").await?;
    let script = "const dialog = document.querySelector('dialog.compare'), all = (what) => [...dialog.querySelectorAll(what)].map((e) => e.textContent);
        return { engines: all('.compare__side h3'), times: all('.compare__side .figure'), kernels: all('.compare__side dd code'), failed: all('[role=alert]'), said: dialog.textContent }";
    let shown = page.js(script, vec![]).await?;
    ensure(shown["engines"] == json!(["CPU", "GPU"]) && shown["failed"] == json!([]), || format!("{shown}"))?;
    let times: Vec<&str> = shown["times"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_time = |text: &&str| text.contains(|c: char| c.is_ascii_digit()) && text.trim_end().ends_with('s');
    ensure(times.len() == 2 && times.iter().all(is_time), || format!("no times but {times:?}"))?;
    let kernels = &shown["kernels"];
    ensure(
        kernels[0].as_str().is_some_and(|name| name.starts_with("cpu-"))
            && kernels[1].as_str().is_some_and(|name| name.starts_with("gpu-")),
        || format!("kernels {kernels}"),
    )?;
    let said = shown["said"].as_str().unwrap_or_default();
    let verdict = ["The outputs are equal to the last bit.", "That is rounding: they add up in another order."];
    ensure(verdict.iter().any(|words| said.contains(words)), || format!("no verdict, or a bad one: {said}"))?;
    page.js("document.querySelector('dialog.compare details.kernel summary').click()", vec![]).await?;
    let marked = "[...document.querySelectorAll('dialog.compare details.kernel[open] mark')].find((e) => e.checkVisibility() && e.textContent.trim())";
    page.wait_until(marked).await?;
    page.js(&format!("{marked}.scrollIntoView({{ block: 'center' }})"), vec![]).await?;
    page.screenshot("cpu and gpu").await?;
    page.click("Close").await?;
    page.wait_until("!document.querySelector('dialog.compare[open]')").await
}

/// 16-bit numbers and subgroups, asked for by a call, by a link and by the page's own switch: what the device offers is used and named, what it lacks is said.
async fn tiers_are_used_or_said_to_be_missing(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let script = format!(
        "{PROBLEM} const ask = async (tiers) => {{
            const {{ kernel, outputs, notes = [] }} = await p.run({{ ...problem('webgpu'), algorithm: 'streaming', tiers }});
            return {{ kernel, y: outputs.Y.data, notes: notes.join(' ') }};
        }};
        const plain = await ask([]), found = {{ plain: plain.kernel }};
        for (const tiers of [['subgroups'], ['f16'], ['f16', 'subgroups']]) {{
            const {{ kernel, y, notes }} = await ask(tiers);
            found[tiers.join('+')] = [kernel, y.reduce((most, x, i) => Math.max(most, Math.abs(x - plain.y[i])), 0), notes];
        }}
        return found"
    );
    let found = page.js(&script, vec![]).await?;
    println!("  tiers {found}");
    let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    ensure(name(&found["plain"]).starts_with("gpu-streaming-f32-"), || format!("{found}"))?;
    for (tiers, off) in [("subgroups", 1e-4), ("f16", 2e-2), ("f16+subgroups", 2e-2)] {
        let (kernel, by) = (name(&found[tiers][0]), found[tiers][1].as_f64());
        let off = if kernel.contains("f16") { off } else { 1e-4 };
        ensure(by.is_some_and(|by| by <= off) && kernel.starts_with("gpu-streaming-f"), || {
            format!("{tiers}: {found}")
        })?;
        let notes = name(&found[tiers][2]);
        for (tier, missing) in [("subgroups", "offers no subgroups"), ("f16", "offers no 16-bit floats")] {
            // Exactly one of the two, where it was asked for.
            let told = kernel.contains(tier) != notes.contains(missing);
            ensure(told || !tiers.contains(tier), || format!("{tiers}: {found}"))?;
        }
    }
    page.open_ready("/#v1&engine.backend=webgpu&engine.algorithm=streaming").await?;
    let switch = "[...document.querySelectorAll('label.switch')].find((e) => e.textContent.includes('16-bit numbers'))";
    page.wait_until(switch).await?;
    page.js(&format!("{switch}.querySelector('input').click()"), vec![]).await?;
    page.wait_until("location.hash.includes('engine.tiers')").await?;
    let said = "[...document.querySelectorAll('p.note')].find((e) => e.textContent.includes('16-bit floats'))";
    page.wait_until(said).await?;
    let script = format!("return [document.querySelector('.facts code').textContent, {said}.textContent]");
    let shown = page.js(&script, vec![]).await?;
    let used = name(&shown[0]).starts_with("gpu-streaming-f16");
    let words = if used { "computed with 16-bit floats" } else { "offers no 16-bit floats" };
    ensure(name(&shown[1]).contains(words), || format!("{shown}"))?;
    page.js(&format!("{said}.scrollIntoView({{ block: 'center' }})"), vec![]).await?;
    page.screenshot("tiers").await
}

/// Runs on `auto` in a page where it would not be small; who computed and why, and whether the worker for the GPU was started.
async fn auto(page: &Page) -> Result<Value> {
    let script = format!(
        "{PROBLEM} const {{ backend, fallback }} = await p.run({{ ...problem('auto'), repeat: args[0] }});
         return {{ backend, fallback, started: performance.getEntriesByType('resource').some((e) => e.name.includes('?m=gpu-')) }}"
    );
    // A worker that is known to be fast makes a run small: hence several.
    page.js(&script, vec![json!(10)]).await
}

/// The first run that is worth it has the GPU measured behind its back; later ones know, also after the page was opened again.
async fn auto_measures_once(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let memory =
        "localStorage.getItem('attention-playground-payoff-' + document.querySelector('meta[name=gpu]').content)";
    let before = page.js(&format!("return {memory}"), vec![]).await?;
    ensure(before.is_null(), || format!("a new profile remembers {before}"))?;
    let says = |answer: &Value, words: &str| answer["fallback"].as_str().is_some_and(|why| why.contains(words));
    let first = page.js(&format!("{PROBLEM} return told(await p.run(problem('auto')))"), vec![]).await?;
    ensure(first["backend"] == "cpu" && says(&first, "being measured"), || format!("first {first}"))?;
    page.wait_until(memory).await?;
    let kept = page.js(&format!("return {memory}"), vec![]).await?;
    let (numbers, name) = kept.as_str().and_then(|text| text.split_once('\n')).unwrap_or_default();
    ensure(!name.is_empty(), || format!("remembers {kept}"))?;
    // An adapter in software is not even compared; of another the numbers decide.
    let words = if numbers.is_empty() { "is imitated on the CPU" } else { "as measured here" };
    let then = auto(page).await?;
    ensure(then["started"] == json!(true), || format!("measured without a worker: {then}"))?;
    page.open_ready("/").await?;
    let later = auto(page).await?;
    for answer in [&then, &later] {
        let by_gpu = !numbers.is_empty() && answer["backend"] == "webgpu";
        ensure(by_gpu || answer["backend"] == "cpu" && says(answer, words), || format!("{kept} gave {answer}"))?;
    }
    ensure(later["started"] == json!(later["backend"] == "webgpu"), || format!("measured again: {later}"))?;
    let still = page.js(&format!("return {memory}"), vec![]).await?;
    ensure(still == kept, || format!("{kept} became {still}"))
}
