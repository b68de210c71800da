//! The table of problems that every engine must agree on, computed by the browser's own workers and judged by the f64 oracle.

use attention_playground::engine::protocol::{FromWorker, Given, ToWorker, Work, strip_tables};
use attention_playground::engine::{Merge, Outcome, Rows, RowsOut, Want};
use attention_playground::experiment::{Algorithm, Backend, Tiers};
use attention_playground::formula::DataValues;

use super::{Case as Test, Needs};
use crate::Result;
use crate::common::judge::{self, CPU_PRECISION, GPU_PRECISION, Judge, REFERENCE_PRECISION, Worst};
use crate::common::table::{Case, cases as problems};
use crate::page::{Page, ensure};
use crate::workers::{Parcel, Program, Worker};

/// Largest error of [`every_size`], absolute.
const SIZES_OFF: f64 = 2e-6;

/// Largest error of [`whole_tiles`], absolute: values and gradients lie within about 10.
const TILES_OFF: f64 = 2e-5;

/// An engine under test.
#[derive(Clone, Copy)]
struct Engine {
    name: &'static str,
    backend: Backend,
    algorithm: Algorithm,
    precision: f64,
}

/// This file's tests: one for each engine and algorithm.
pub fn cases() -> Vec<Test> {
    let engines = [
        ("reference", Backend::Reference, REFERENCE_PRECISION),
        ("cpu", Backend::Cpu, CPU_PRECISION),
        ("webgpu", Backend::Webgpu, GPU_PRECISION),
    ];
    let algorithms = [("materialised", Algorithm::Materialised), ("streaming", Algorithm::Streaming)];
    let pairs = engines.into_iter().flat_map(|engine| algorithms.map(|algorithm| (engine, algorithm)));
    let test = |((name, backend, precision), (how, algorithm))| Test {
        name: format!("table: {name}, {how}"),
        // Either takes a software adapter a minute of both cores; both at a time would come near the limit of a test.
        needs: match (backend, algorithm) {
            (Backend::Webgpu, Algorithm::Streaming) => Needs { alone: true, ..Needs::ADAPTER },
            (Backend::Webgpu, _) => Needs::ADAPTER,
            _ => Needs::default(),
        },
        run: Box::new(move |page: &Page| Box::pin(agrees(page, Engine { name, backend, algorithm, precision }))),
    };
    let sizes = Test {
        name: "table: cpu, every size of group, head and panel".to_owned(),
        needs: Needs::default(),
        run: Box::new(|page: &Page| Box::pin(every_size(page))),
    };
    let whole = Test {
        name: "table: cpu, rules and gradients over whole tiles".to_owned(),
        needs: Needs::default(),
        run: Box::new(|page: &Page| Box::pin(whole_tiles(page))),
    };
    pairs.map(test).chain([sizes, whole]).collect()
}

/// The inner loops are written out for each number of rows and go by eights along heads and keys: each rest is tried, against the f64 reference.
async fn every_size(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let script = "const p = await attentionPlayground;
        let x = 1; const next = () => (x = (x * 48271) % 2147483647) / 1073741823.5 - 1;
        const T = (rows, size) => ({ shape: [1, 1, rows, size], data: Float32Array.from({ length: rows * size }, next) });
        const sizes = [];
        for (const d of [...Array(18).keys()].map((i) => i + 1).concat([63, 64, 65, 127, 256])) sizes.push([7, 21, d, 9]);
        for (const d_v of [...Array(18).keys()].map((i) => i + 1).concat([63, 64, 65, 127, 256])) sizes.push([7, 21, 5, d_v]);
        for (let n = 1; n <= 14; n++) sizes.push([n, 65, 12, 12], [n + 43, 11, 12, 12]);
        for (let n = 1; n <= 18; n++) sizes.push([5, n, 8, 8], [6, n + 55, 8, 8]);
        for (const n of [127, 128, 129, 192]) sizes.push([7, n, 64, 64], [7, n, 9, 20]);
        let worst = [0]; const kernels = new Set();
        for (const [n_q, n_k, d, d_v] of sizes) {
          const request = { Q: T(n_q, d), K: T(n_k, d), V: T(n_k, d_v) };
          const want = (await p.run({ ...request, backend: 'reference' })).outputs.Y.data;
          for (const algorithm of ['streaming', 'materialised']) {
            const { kernel, outputs } = await p.run({ ...request, backend: 'cpu', algorithm });
            kernels.add(kernel);
            outputs.Y.data.forEach((y, i) => { const off = Math.abs(y - want[i]); if (!(off <= worst[0])) worst = [off, algorithm, n_q, n_k, d, d_v] });
          }
        }
        return [worst, [...kernels]]";
    let seen = page.js(script, vec![]).await?;
    // Values lie between -1 and 1: sums of a few hundred products in single precision.
    ensure(seen[0][0].as_f64().is_some_and(|worst| worst < SIZES_OFF), || format!("off by {}", seen[0]))?;
    let kernels = seen[1].as_array().map(Vec::len);
    ensure(kernels == Some(2), || format!("computed by {}", seen[1]))
}

/// What goes along with products (a softcap, biases from tables, masks from tables) and what gradients settle, over whole groups of rows and whole tiles of keys and over
/// their rests, by the code with relaxed SIMD and by that without, against the f64 reference.
async fn whole_tiles(page: &Page) -> Result<()> {
    let script = "const p = await attentionPlayground, kernels = new Set();
        let x = 1; const next = () => (x = (x * 48271) % 2147483647) / 1073741823.5 - 1;
        const T = (rows, size) => ({ shape: [1, 2, rows, size], data: Float32Array.from({ length: 2 * rows * size }, () => 2 * next()) });
        const base = { Q: T(101, 20), K: T(203, 20), V: T(203, 13), algorithm: 'streaming' }, alibi = { position: { id: 'alibi' } }, window = { is_causal: true, left_window_size: 70 };
        // And formulas that are no tables: they are compiled while the worker runs.
        const formulas = ['s * (1.0 + 0.1 * h)', 'where(s > 0.0, s, 0.1 * s)', '0.1 * max(s, 0.0) * max(s, 0.0)', 's + sin(0.1 * q * k) * exp(-abs(s))', 's / (1.0 + 0.01 * abs(q - k)) + log(2.0 + abs(s))', 's * (hash(q, k) % 3) - (k // 7) % 2', 'sigmoid(s) + cos(s) - sqrt(1.0 + s * s)', 's ** 3.0 * 0.1 + clamp(s, -1.0, 1.0)'].map((score) => ({ score }));
        const masks = [{ mask: 'hash(q, k, 3) % 2 == 0' }, { mask: '(q * k) % 5 < 3 and k <= q + 40', score: 's * 1.5' }, { prob: 'p * p + 0.001 * p' }];
        const first = { softcap: 2, score: '2.0 * tanh((s - 0.01 * abs(q - k)) / 2.0)' }, own = { score: 's + 0.01 * q' };
        let worst = [0];
        for (const rules of [{}, { softcap: 2 }, alibi, { softcap: 2, ...alibi }, window, { softcap: 2, ...alibi, ...window }, first, own, { is_causal: true, ...own }, ...formulas, ...masks])
          for (const outputs of [['Y'], ['Y', 'dQ', 'dK', 'dV']]) {
            const [want, got] = [await p.run({ ...base, ...rules, outputs, backend: 'reference' }), await p.run({ ...base, ...rules, outputs, backend: 'cpu' })];
            kernels.add(got.kernel);
            for (const name of outputs) got.outputs[name].data.forEach((y, i) => { const off = Math.abs(y - want.outputs[name].data[i]); if (!(off <= worst[0])) worst = [off, name, JSON.stringify(rules)] });
          }
        return [worst, [...kernels]]";
    for path in ["/", "/fault/no-relaxed-simd/"] {
        page.open_ready(path).await?;
        let seen = page.js(script, vec![]).await?;
        ensure(seen[0][0].as_f64().is_some_and(|worst| worst < TILES_OFF), || format!("{path}: off by {}", seen[0]))?;
        let kernels = seen[1].to_string();
        ensure(path == "/" || !kernels.contains("relaxed"), || format!("{path}: computed by {kernels}"))?;
        page.say(&format!("{path}: off by at most {} ({kernels})", seen[0]));
    }
    Ok(())
}

async fn agrees(page: &Page, engine: Engine) -> Result<()> {
    page.open_ready("/").await?;
    let program = if engine.backend == Backend::Webgpu { Program::Gpu } else { Program::Page };
    let worker = Worker::start(page, program).await?;
    let (mut worst, mut declined) = (Worst::default(), 0);
    let all = problems();
    for (session, case) in all.iter().enumerate() {
        let told = open(&worker, engine, session as u64, case).await?;
        if engine.backend == Backend::Webgpu && !case.inputs.finite() {
            let why = "the input holds NaN or infinities";
            ensure(
                matches!(&told, FromWorker::Unavailable { message, lasting: false, .. } if message.en.contains(why)),
                || format!("{}: not declined by name: {told:?}", case.name),
            )?;
            declined += 1;
            continue;
        }
        ensure(matches!(&told, FromWorker::Opened { kernel, .. } if !kernel.is_empty()), || {
            format!("{}: not opened but {told:?}", case.name)
        })?;
        let outcome = compute(&worker, engine, session as u64, case).await?;
        worst.add(case, Judge::of(case)?.run(&outcome, engine.precision)?);
    }
    let computed = all.len() - declined;
    page.say(&format!("{}, {:?}: {computed} problems, {declined} declined   {worst}", engine.name, engine.algorithm));
    worker.end().await
}

/// Opens a case as the pool does; what the worker answers.
async fn open(worker: &Worker<'_>, engine: Engine, session: u64, case: &Case) -> Result<FromWorker> {
    let (problem, tables) = strip_tables(&case.problem);
    // Three tensors of this case; those of the case before are forgotten.
    let tensors = [3 * session + 1, 3 * session + 2, 3 * session + 3];
    let numbers = [&case.inputs.q, &case.inputs.k, &case.inputs.v];
    let mut parcel = Parcel::of(&ToWorker::Open {
        session,
        job: session,
        problem: Box::new(problem),
        tables: tables.iter().map(|table| table.values.len()).collect(),
        tensors,
        sent: tensors.iter().zip(numbers).map(|(key, tensor)| (*key, tensor.len())).collect(),
        later: Vec::new(),
        forget: tensors.map(|key| key.saturating_sub(3)).to_vec(),
        backend: engine.backend,
        algorithm: engine.algorithm,
        tiers: Tiers::default(),
        cost: true,
    });
    numbers.iter().for_each(|tensor| parcel.floats(tensor));
    for table in &tables {
        match &table.values {
            DataValues::Bool(values) => parcel.bytes(values),
            DataValues::Int(values) => parcel.integers(values),
            DataValues::Float(values) => parcel.floats(values),
        }
    }
    let (told, _) = worker.ask(&[parcel], 1).await?.remove(0);
    Ok(told)
}

/// Computes an open case in items of uneven size, then closes it.
async fn compute(worker: &Worker<'_>, engine: Engine, session: u64, case: &Case) -> Result<Outcome> {
    let want = Want { stats: true, matrix: None };
    let items = judge::items(&case.problem);
    let item = |(part, rows): (usize, &Rows)| {
        let work = vec![Work::Rows(rows.clone())];
        Parcel::of(&ToWorker::Item { session, job: session, part, work, want, repeat: 1 })
    };
    let mut messages: Vec<Parcel> = items.iter().enumerate().map(item).collect();
    messages.push(Parcel::of(&ToWorker::Close { session }));
    let mut merge = Merge::new(case.problem.dims, true, None, 0);
    for (at, (told, mut bulk)) in worker.ask(&messages, items.len()).await?.into_iter().enumerate() {
        let name = &case.name;
        let FromWorker::Done { job, part, given, .. } = &told else {
            return Err(format!("{name}: not computed but {told:?}").into());
        };
        let [Given::Rows { lengths, peak_at, empty_rows, times }] = &given[..] else {
            return Err(format!("{name}: rows were asked, and {given:?} came").into());
        };
        ensure((*job, *part) == (session, at), || format!("{name}: part {part} of job {job} instead of {at}"))?;
        let [y, lse, entropy, peak, matrix] = lengths.map(|length| bulk.take_floats(length));
        let (peak_at, empty_rows, times) = (bulk.take_indices(*peak_at), *empty_rows, *times);
        merge.rows(&items[at], &RowsOut { y, lse, entropy, peak, peak_at, matrix, empty_rows, times });
    }
    Ok(judge::outcome(merge, engine.backend, engine.algorithm))
}
