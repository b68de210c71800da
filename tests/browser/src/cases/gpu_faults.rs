//! GPUs that are not there, refuse, lie, run out of memory or crash. Whoever asks for the GPU by name is told why there is none; `auto` takes
//! the CPU and says why; the page keeps what it shows.
//!
//! A fault is a script of `tests/browser/faults/`, which the server puts in front of what starts the workers of a page under `/fault/<name>/`.

use serde_json::{Value, json};

use super::soak::HELD;
use super::worker_faults::MADE;
use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// What breaks, and what is said then.
#[derive(Clone, Copy)]
struct Fault {
    name: &'static str,
    /// Part of the sentence for the user.
    says: &'static str,
    /// Whether it breaks something of an adapter, which must be there then.
    of_adapter: bool,
}

const FAULTS: [Fault; 6] = [
    Fault { name: "no-webgpu", says: "this browser gives pages no access to the GPU (no WebGPU)", of_adapter: false },
    Fault { name: "no-adapter", says: "no usable GPU was found", of_adapter: false },
    Fault { name: "refused", says: "the GPU could not be opened", of_adapter: true },
    Fault {
        name: "wrong-numbers",
        says: "gave wrong numbers for a small test problem, so it is not used",
        of_adapter: true,
    },
    Fault { name: "out-of-memory", says: "the GPU ran out of memory (", of_adapter: true },
    Fault { name: "range-error", says: "The computation stopped twice: ", of_adapter: true },
];

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let case = |fault: Fault| Case {
        name: format!("gpu faults: {}", fault.name.replace('-', " ")),
        needs: Needs { adapter: fault.of_adapter, ..Needs::default() },
        run: Box::new(move |page| Box::pin(a_gpu_with_a_fault(page, fault))),
    };
    let mut all: Vec<Case> = FAULTS.into_iter().map(case).collect();
    all.extend(cases!("gpu faults", Needs::ADAPTER; a_tensor_above_the_limit_is_refused, runs_leave_no_buffers_behind));
    // How much is submitted follows from how long it took.
    let alone = Needs { alone: true, ..Needs::ADAPTER };
    all.extend(cases!("gpu faults", alone; a_weak_gpu_gets_little_at_a_time));
    // More than a minute with an adapter in software, a deadline of a worker among it.
    all.extend(cases!("gpu faults", Needs { long: true, ..alone }; a_device_that_is_taken_away_is_opened_again));
    all.extend(cases!("gpu faults", Needs::CRASHES; 
        a_crash_between_two_runs_costs_no_result, a_crash_during_a_run_is_mended_and_told, two_crashes_in_a_row_end_it));
    all
}

/// A problem of 4 heads, 1400 rows and 64 columns: `auto` leaves smaller ones to the CPU unasked, and its tensors are above a MiB.
pub const PROBLEM: &str = "
const p = await attentionPlayground;
const tensor = (step) => ({ shape: [1, 4, 1400, 64], data: Float32Array.from({ length: 4 * 1400 * 64 }, (_, i) => ((i * step) % 199) / 99 - 1) });
const problem = (backend) => ({ Q: tensor(37), K: tensor(53), V: tensor(71), is_causal: true, backend });
const apart = (a, b) => a.outputs.Y.data.reduce((most, x, i) => Math.max(most, Math.abs(x - b.outputs.Y.data[i]) || 0), a.outputs.Y.data.length === b.outputs.Y.data.length ? 0 : Infinity);
const told = ({ backend, fallback, notes, adapter }) => ({ backend, fallback, notes, adapter });
";

/// A measurement as the browser remembers it: by it, anything is faster on the GPU.
const MEMORY: &str = "localStorage.setItem('attention-playground-payoff-' + document.querySelector('meta[name=gpu]').content, '1 1 0 1e12\\nthe GPU');";

async fn a_gpu_with_a_fault(page: &Page, fault: Fault) -> Result<()> {
    page.open_ready(&format!("/fault/{}/", fault.name)).await?;
    let outcome = async {
        auto_takes_the_cpu(page, fault.says).await?;
        the_name_is_refused(page, fault.says).await?;
        the_page_keeps_its_result(page, fault.says).await
    }
    .await;
    page.js("localStorage.clear()", vec![]).await?;
    outcome
}

/// `auto` expects much of the GPU, and when that gives nothing has the right numbers from the CPU. Asked again it starts no other worker in vain.
async fn auto_takes_the_cpu(page: &Page, says: &str) -> Result<()> {
    let script = format!(
        "{MEMORY}{PROBLEM} const started = () => performance.getEntriesByType('resource').filter((e) => e.name.includes('?m=gpu-')).length;
         const auto = await p.run(problem('auto')), cpu = await p.run(problem('cpu')), before = started();
         const again = await p.run({{ ...problem('auto'), repeat: 10 }});
         return {{ auto: [told(auto), told(again)], apart: apart(auto, cpu), started: [before, started()] }}"
    );
    let got = page.js(&script, vec![]).await?;
    for auto in [&got["auto"][0], &got["auto"][1]] {
        let why = auto["fallback"].as_str().unwrap_or_default();
        ensure(auto["backend"] == "cpu" && why.contains(says), || format!("auto does not say {says:?}: {auto}"))?;
    }
    ensure(got["apart"].as_f64() == Some(0.0), || format!("auto is off by {}", got["apart"]))?;
    let started = &got["started"];
    ensure(started[0].as_u64() > Some(0) && started[0] == started[1], || format!("workers for the GPU: {started}"))
}

/// Asked for by name, the GPU is an error and nothing else.
async fn the_name_is_refused(page: &Page, says: &str) -> Result<()> {
    let script = format!(
        "{PROBLEM} try {{ return told(await p.run(problem('webgpu'))) }} catch ({{ name, issues }}) {{ return {{ name, issues }} }}"
    );
    // The second time it must be no other.
    for _ in 0..2 {
        let refused = page.js(&script, vec![]).await?;
        let issue = &refused["issues"][0];
        ensure(refused["name"] == "ExperimentError" && issue["path"] == "backend", || format!("answered {refused}"))?;
        ensure(issue["message"].as_str().is_some_and(|why| why.contains(says)), || {
            format!("does not say {says:?}: {refused}")
        })?;
    }
    Ok(())
}

/// The engine chosen in the timing card: the page says why it can't, shows what it showed, and computes again with another.
async fn the_page_keeps_its_result(page: &Page, says: &str) -> Result<()> {
    let set = "const p = await attentionPlayground; const ran = new Promise((done) => { const off = p.on('result', (r) => { off(); done(r.backend) }) });
        await p.set(args[0]); return await ran";
    let size = json!({ "q_heads": 4, "kv_heads": 4, "n_q": 1400, "n_k": 1400, "d": 64, "d_v": 64 });
    let large = json!({ "input": { "kind": "generated", "recipe": "normal", "size": size, "seed": 1 } });
    let ran = page.js(set, vec![large]).await?;
    ensure(ran == json!("cpu"), || format!("computed by {ran}"))?;
    let shown = "return document.querySelector('.steps .strong td')?.textContent";
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    let before = page.js(shown, vec![]).await?;
    page.choose("engine", "GPU, WebGPU").await?;
    page.wait_until(&format!("document.querySelector('.notices')?.textContent.includes({says:?})")).await?;
    page.wait_until("/Not computed/.test(document.body.textContent)").await?;
    let after = page.js(shown, vec![]).await?;
    ensure(before == after, || format!("the page showed {before}, and now {after}"))?;
    page.screenshot(&format!("gpu {}", says.trim_end_matches([' ', '(', ':']))).await?;
    page.choose("engine", "auto").await?;
    page.wait_until("!document.querySelector('.notices [role=alert]')").await?;
    let ran = page.js(set, vec![json!({ "temperature": 0.5 })]).await?;
    ensure(ran == json!("cpu"), || format!("afterwards computed by {ran}"))
}

/// Runs of several sizes, each with new numbers, gradients, masks, score formulas and positions among them, beside edits of the page's own experiment; three
/// times over: what is kept on purpose is there after the first time.
async fn runs_leave_no_buffers_behind(page: &Page) -> Result<()> {
    page.before_load(MADE).await?;
    page.open_ready("/fault/held/").await?;
    let script = format!(
        "const p = await attentionPlayground; let x = 1; const next = () => (x = (x * 48271) % 2147483647) / 1073741823.5 - 1;
         const T = (n) => ({{ shape: [1, 2, n, 16], data: Float32Array.from({{ length: 2 * n * 16 }}, next) }});
         const rules = [{{}}, {{ mask: {{ id: 'sliding-window' }} }}, {{ softcap: 20, position: {{ id: 'alibi' }} }}, {{}}, {{}}];
         const ran = (patch) => new Promise((done, fail) => {{ const off = p.on('result', () => {{ off(); done() }}); p.set(patch).catch(fail) }});
         {HELD} const counts = [];
         for (let time = 0; time < 3; time++) {{
           for (const [at, n] of [16, 96, 40, 96, 16].entries()) for (const algorithm of ['streaming', 'materialised'])
             await p.run({{ ...rules[at], Q: T(n), K: T(n), V: T(n), backend: 'webgpu', algorithm, outputs: algorithm === 'streaming' ? ['Y', 'dQ'] : ['Y'] }});
           await ran({{ engine: {{ backend: 'webgpu' }}, temperature: 1 + time }});
           await ran({{ engine: {{ backend: 'cpu' }}, temperature: 0.5 + time }});
           counts.push(await held());
         }}
         return counts"
    );
    let counts = page.js(&script, vec![]).await?;
    let of = |time: usize, what: usize| counts[time][what].as_u64().unwrap_or_default();
    ensure(of(2, 0) > of(1, 0) && of(1, 0) > of(0, 0), || format!("no buffers were made: {counts}"))?;
    ensure(of(0, 1) > 0 && of(2, 1) <= of(1, 1), || format!("buffers made and held after each time: {counts}"))
}

/// What is submitted at once is cut by how long it took before: a weak GPU gets little, so that no watchdog takes it away, and a strong one much.
async fn a_weak_gpu_gets_little_at_a_time(page: &Page) -> Result<()> {
    page.before_load(MADE).await?;
    page.open_ready("/fault/paced/").await?;
    let script = format!(
        "{PROBLEM} const cpu = await p.run(problem('cpu')), runs = [];
         const ask = (pace) => (worker) => new Promise((done) => {{ const {{ port1, port2 }} = new MessageChannel(); port1.onmessage = ({{ data }}) => done(data); worker.postMessage({{ pace, held: port2 }}, [port2]) }});
         const count = async (pace) => (await Promise.all(made.filter((w) => !w.gone).map(ask(pace)))).reduce((a, b) => a + b);
         await p.run(problem('webgpu'));
         for (const pace of [1, 1000, 1]) {{
           const before = await count(pace), request = problem('webgpu');
           const r = await p.run(request);
           runs.push([told(r), apart(r, cpu), (await count(pace)) - before]);
         }}
         return runs"
    );
    let got = page.js(&script, vec![]).await?;
    let runs = got.as_array().ok_or("no runs")?;
    let right = |run: &Value| run[0]["backend"] == "webgpu" && run[1].as_f64().is_some_and(|apart| apart < 1e-4);
    ensure(runs.len() == 3 && runs.iter().all(right), || format!("{got}"))?;
    let of = |run: usize| runs[run][2].as_u64().unwrap_or_default();
    ensure(of(0) > 0 && of(1) >= 8 * of(0) && of(2) < of(1), || {
        format!("submissions where each takes a millisecond, a second, a millisecond: {}, {}, {}", of(0), of(1), of(2))
    })
}

/// One tensor above what a binding takes in any browser: whoever names the GPU is told, and `auto` computes it.
async fn a_tensor_above_the_limit_is_refused(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let script = "const p = await attentionPlayground, n = 131136, d = 256;
        const K = { shape: [1, 1, n, d], data: new Float32Array(n * d).map((_, i) => (i % 7) / 7) };
        const request = (backend) => ({ Q: { shape: [1, 1, 1, d], data: new Float32Array(d) }, K, V: { shape: [1, 1, n, 1], data: new Float32Array(n).map((_, i) => i % 2) }, backend });
        const refused = await p.run(request('webgpu')).then(() => 'computed', ({ issues }) => issues[0].message);
        const { backend, outputs } = await p.run(request('auto'));
        return [refused, backend, outputs.Y.data[0]]";
    let got = page.js(script, vec![]).await?;
    let says = "a tensor of this problem takes 129 MiB, and a browser's GPU takes 128 MiB at once";
    ensure(got[0].as_str().is_some_and(|why| why.contains(says)), || format!("does not say {says:?}: {got}"))?;
    // Equal scores: the mean of as many zeros as ones.
    let right = got[2].as_f64().is_some_and(|y| (y - 0.5).abs() < 1e-3);
    ensure(got[1] == "cpu" && right, || format!("auto gave {got}"))
}

/// As a driver that is updated, or a browser that takes the memory of a tab that nobody looks at.
async fn a_device_that_is_taken_away_is_opened_again(page: &Page) -> Result<()> {
    page.open_ready("/fault/destroyed/").await?;
    let script = format!(
        "{PROBLEM} self.all = []; (async () => {{ const cpu = await p.run(problem('cpu'));
         for (let i = 0; i < 2; i++) {{ const r = await p.run({{ ...problem('webgpu') }}); all.push([told(r), apart(r, cpu)]) }}
         }})().catch((error) => all.push(String(error))).finally(() => (self.done = true))"
    );
    page.js(&script, vec![]).await?;
    // A device that is lost may first have to be found out by the deadline of its worker.
    for _ in 0..5 {
        if page.wait_until("self.done").await.is_ok() {
            break;
        }
    }
    let got = page.js("return [...all, ...(self.done ? [] : ['not done'])]", vec![]).await?;
    let runs = got.as_array().ok_or("no runs")?;
    let right =
        runs.iter().all(|run| run[0]["backend"] == "webgpu" && run[1].as_f64().is_some_and(|apart| apart < 1e-4));
    ensure(right, || format!("{got}"))?;
    let notes = json!(["The GPU was lost and opened again; what it held was computed again."]);
    ensure(runs.iter().filter(|run| run[0]["notes"] == notes).count() == 1, || format!("it is not told once: {got}"))
}

/// Ends the process of the browser that talks to the GPU, as a driver's fault would.
async fn crash(page: &Page) -> Result<()> {
    page.cdp("Browser.crashGpuProcess", json!({})).await.map(drop)
}

/// Runs the problem on the GPU by name: who computed it, how far it is from the first time, and how long it took, milliseconds.
async fn on_the_gpu(page: &Page) -> Result<Value> {
    let script = format!(
        "{PROBLEM} const r = await p.run(problem('webgpu')); self.first ??= r; return [told(r), apart(r, self.first), r.timing.total_ms]"
    );
    page.js(&script, vec![]).await
}

fn same_from_the_gpu(got: &Value) -> Result<()> {
    ensure(got[0]["backend"] == "webgpu" && got[1].as_f64() == Some(0.0), || format!("not the same numbers: {got}"))
}

/// Nothing was on its way, so nothing is told: the next run opens the GPU again.
async fn a_crash_between_two_runs_costs_no_result(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    same_from_the_gpu(&on_the_gpu(page).await?)?;
    crash(page).await?;
    same_from_the_gpu(&on_the_gpu(page).await?)
}

async fn a_crash_during_a_run_is_mended_and_told(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    on_the_gpu(page).await?;
    // What is compiled is kept: this is how long the next ones take.
    let once = on_the_gpu(page).await?[2].as_f64().unwrap_or_default();
    let long = json!((6000.0 / once.max(6.0)).ceil());
    let start = format!(
        "{PROBLEM} self.late = p.run({{ ...problem('webgpu'), repeat: args[0] }}); self.late.finally(() => (self.done = true)).catch(() => {{}});
         await new Promise((go) => setTimeout(go, 1500)); return !self.done"
    );
    let running = page.js(&start, vec![long]).await?;
    ensure(running == json!(true), || format!("the run was over before it could be disturbed; once takes {once} ms"))?;
    crash(page).await?;
    let end = format!("{PROBLEM} const r = await self.late; return [told(r), apart(r, self.first)]");
    let got = page.js(&end, vec![]).await?;
    same_from_the_gpu(&got)?;
    ensure(got[0]["notes"] == json!(["The GPU was lost and opened again; what it held was computed again."]), || {
        format!("what happened is not told: {got}")
    })
}

/// Chromium gives no adapter any more after the second one.
async fn two_crashes_in_a_row_end_it(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    same_from_the_gpu(&on_the_gpu(page).await?)?;
    crash(page).await?;
    same_from_the_gpu(&on_the_gpu(page).await?)?;
    crash(page).await?;
    let lost = "the GPU stopped working and lost its data (";
    the_name_is_refused(page, lost).await?;
    auto_takes_the_cpu(page, lost).await?;
    the_page_keeps_its_result(page, lost).await
}
