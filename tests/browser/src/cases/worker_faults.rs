//! Workers that trap, hang, get no memory, are of another version, or lack instructions: the numbers are right afterwards, and what happened is told.
//!
//! A fault is a script of `tests/browser/faults/` in front of what starts the workers; the one called `on-demand` waits for a message.

use serde_json::{Value, json};

use super::gpu_faults::PROBLEM;
use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all =
        cases!("worker faults", Needs::CDP; a_trap_is_mended_and_told, a_worker_without_module_scripts_is_told);
    // A browser and the machine of its own: whoever takes all that a memory may address should not meet other tests.
    let alone = Needs { alone: true, ..Needs::CDP_OF_ITS_OWN };
    all.extend(cases!("worker faults", alone; memory_that_runs_out_is_mended_and_told));
    // A deadline must pass of one worker, not of those that are slow.
    all.extend(cases!("worker faults", Needs { long: true, alone: true, ..Needs::CDP }; one_that_hangs_is_replaced));
    all.extend(cases!("worker faults"; a_stale_one_is_told, without_relaxed_simd_the_numbers_are_the_same));
    all
}

/// Before the page's own scripts: whoever starts a worker is noted, so that a test can speak to it.
pub const MADE: &str = "{ const made = self.made = [], Plain = Worker;
    self.Worker = class extends Plain { constructor(...a) { super(...a); made.push(this) } terminate() { super.terminate(); this.gone = true } } }";

/// Opens the page with workers that break on demand, and keeps the problem, with a mask or without, and its right answer.
async fn opened(page: &Page, masked: bool) -> Result<()> {
    page.before_load(MADE).await?;
    page.open_ready("/fault/on-demand/").await?;
    let script =
        format!("{PROBLEM} self.asked = {{ ...problem('cpu'), is_causal: args[0] }}; self.first = await p.run(asked)");
    page.js(&script, vec![json!(masked)]).await.map(drop)
}

/// Breaks one worker, has the page compute at once, and asks what came of it: who computed, how far from the right numbers, how many workers live.
async fn broken(page: &Page, fault: &str) -> Result<Value> {
    let script = format!(
        "{PROBLEM} const living = () => made.filter((w) => !w.gone).length, before = living();
         made.find((w) => !w.gone).postMessage({{ fault: args[0] }});
         const r = await p.run(asked); const again = await p.run(asked);
         return {{ told: told(r), apart: [apart(r, first), apart(again, first)], living: [before, living()], notes: again.notes ?? [] }}"
    );
    page.js(&script, vec![json!(fault)]).await
}

/// The numbers are right, the notes say why it took longer, the worker was replaced by one.
fn mended(got: &Value, why: &str) -> Result<()> {
    ensure(got["apart"] == json!([0, 0]), || format!("the numbers are off: {got}"))?;
    let notes = got["told"]["notes"].to_string();
    ensure(
        notes.contains("A worker stopped (") && notes.contains("its part was computed again") && notes.contains(why),
        || format!("what happened is not told with {why:?}: {got}"),
    )?;
    ensure(got["notes"] == json!([]), || format!("the next run tells of it again: {got}"))?;
    ensure(got["living"][0] == got["living"][1], || format!("workers before and after: {got}"))
}

async fn a_trap_is_mended_and_told(page: &Page) -> Result<()> {
    opened(page, true).await?;
    mended(&broken(page, "trap").await?, "unreachable")
}

async fn memory_that_runs_out_is_mended_and_told(page: &Page) -> Result<()> {
    opened(page, true).await?;
    mended(&broken(page, "full").await?, "")
}

/// After the deadline of its part, which is twenty seconds and more. Without a mask it is sent a part at once; with one it would only be asked what the run
/// costs, which the other worker says.
async fn one_that_hangs_is_replaced(page: &Page) -> Result<()> {
    opened(page, false).await?;
    mended(&broken(page, "hang").await?, "it did not answer in time")
}

/// Every worker is of another version: reloading is what helps, and the page says so.
async fn a_stale_one_is_told(page: &Page) -> Result<()> {
    page.open("/fault/stale/?lang=en#v1&mask=causal").await?;
    page.wait_until(
        "/the browser kept an old worker .*reload the page/.test(document.querySelector('.notices')?.textContent)",
    )
    .await?;
    page.screenshot("stale worker").await?;
    let kept = page.js("return [document.getElementById('crash').hidden, location.hash]", vec![]).await?;
    ensure(kept == json!([true, "#v1&mask=causal"]), || format!("overlay hidden, address: {kept}"))
}

/// Browsers of before 2023 start no worker from a module.
async fn a_worker_without_module_scripts_is_told(page: &Page) -> Result<()> {
    page.before_load(
        "{ const Plain = Worker; self.Worker = class extends Plain { constructor(address, options) {
             if (options?.type === 'module') throw new TypeError('Module scripts are not supported on DedicatedWorker yet.');
             super(address, options) } } }",
    )
    .await?;
    page.open("/?lang=en#v1&mask=causal").await?;
    let said = "document.querySelector('.notices')?.textContent ?? ''";
    page.wait_until(&format!("({said}).includes('no worker could be started: ')")).await?;
    page.screenshot("no module workers").await?;
    let kept =
        page.js(&format!("return [{said}, document.getElementById('crash').hidden, location.hash]"), vec![]).await?;
    let whole = kept[0].as_str().is_some_and(|said| said.contains("Module scripts are not supported"));
    ensure(whole && kept[1] == json!(true) && kept[2] == json!("#v1&mask=causal"), || format!("{kept}"))
}

/// The slower kernels, within what single precision allows; the page names them.
async fn without_relaxed_simd_the_numbers_are_the_same(page: &Page) -> Result<()> {
    let run = format!(
        "{PROBLEM} const r = await p.run(problem('cpu')); return [r.kernel, Array.from(r.outputs.Y.data.subarray(0, 4096))]"
    );
    page.open_ready("/").await?;
    let usual = page.js(&run, vec![]).await?;
    page.open_ready("/fault/no-relaxed-simd/").await?;
    let without = page.js(&run, vec![]).await?;
    let numbers = |of: &Value| of[1].as_array().into_iter().flatten().filter_map(Value::as_f64).collect::<Vec<f64>>();
    let apart = numbers(&usual).iter().zip(numbers(&without)).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()));
    ensure(numbers(&without).len() == 4096 && apart < 1e-4, || format!("off by {apart}"))?;
    let kernel = |of: &Value| of[0].as_str().unwrap_or_default().to_owned();
    // A browser that has none anyway has shown nothing new, but nothing wrong either.
    ensure(!kernel(&without).contains("relaxed"), || format!("{} and {}", kernel(&usual), kernel(&without)))
}
