//! Asking the workers, one run at a time: while something is measured, nothing else is computed.

use std::sync::Arc;

use js_sys::Reflect;

use super::batch::{batch, painted, step};
use super::desk::{Conditions, Desk, Status, Taken};
use crate::analysis::sweep::{self, Ask, Axis, Facts, Planned, Report, Sample, Setting, Sweep, Work};
use crate::app::clock;
use crate::attention::Loaded;
use crate::engine::pool::{Cancel, Pool, RunError, quiet};
use crate::experiment::{Backend, Experiment, Message, message};

/// Milliseconds between drawings of what was measured: drawing takes the machine from nobody, as nothing is measured meanwhile, but it takes time.
const DRAW_MS: f64 = 700.0;
/// Milliseconds between words on how far it is.
const TELL_MS: f64 = 200.0;
/// Orders are drawn from it, and intervals.
const SEED: u64 = 7;

/// Measures what the desk is set to; `own` is the page's experiment.
pub async fn sweep(desk: Desk, pool: Pool, own: Arc<Experiment>, cancel: Cancel) {
    let status = match begin(desk, &pool, &own, &cancel).await {
        Ok(mut bench) => {
            let ended = bench.measure(desk).await;
            bench.pools.iter().for_each(|(_, pool)| pool.rest());
            ended
        }
        Err(RunError::Cancelled) => Status::Stopped,
        Err(error) => Status::Failed(error.message()),
    };
    desk.status.try_set(status);
}

/// A sweep and what it is measured with.
struct Bench {
    pool: Pool,
    /// Pools of other sizes, by their number of workers.
    pools: Vec<(usize, Pool)>,
    /// Inputs by setting: workers and window make no difference to them.
    inputs: Vec<(Setting, Arc<Loaded>)>,
    works: Vec<Vec<Option<Work>>>,
    report: Report,
    conditions: Conditions,
    cancel: Cancel,
}

/// The sweep that the desk is set to, on a page that is quiet.
///
/// # Errors
/// Where there is nothing to measure.
async fn begin(desk: Desk, pool: &Pool, own: &Experiment, cancel: &Cancel) -> Result<Bench, RunError> {
    let axis = desk.axis.get_untracked();
    let (setting, ways) = (desk.setting.get_untracked(), desk.ways.get_untracked());
    let places = axis.places(desk.from.get_untracked(), desk.to.get_untracked());
    if places.is_empty() || ways.is_empty() {
        let text = message!("choose at least one way and one size", "请至少选择一种方法和一个规模");
        return Err(RunError::Failed(text));
    }
    quiet(pool).await;
    let step = step().await;
    let (mut works, mut facts, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    for (line, way) in ways.iter().enumerate() {
        let (mut of_line, mut known) = (Vec::new(), Vec::new());
        for (place, &x) in places.iter().enumerate() {
            let at = setting.at(axis, x);
            let (work, refused) = match way.work(own, &at) {
                Ok(work) => (Some(work), None),
                Err(issues) => (None, Some(issues.message())),
            };
            let flops = work.as_ref().map_or(0.0, |work| work.flops(&at));
            let memory = work.as_ref().and_then(|work| work.memory(&at));
            // Of fewer workers each has more to do.
            let work_of_cell = flops / at.workers.max(1) as f64;
            cells.push(Planned { cell: sweep::Cell { line, place }, work: work_of_cell, refused });
            known.push(Facts { memory, ..Facts::default() });
            of_line.push(work);
        }
        works.push(of_line);
        facts.push(known);
    }
    let sweep = Sweep::new(places.iter().map(|&x| x as f64).collect(), cells, step, SEED);
    let report = Report { sweep, axis, setting, ways, facts, peak: None, bandwidth: None };
    let conditions = Conditions { isolated: isolated(), adapter: None };
    let (pools, inputs) = Default::default();
    Ok(Bench { pool: pool.clone(), pools, inputs, works, report, conditions, cancel: cancel.clone() })
}

impl Bench {
    async fn measure(&mut self, desk: Desk) -> Status {
        // With other numbers of workers there would be other peaks.
        if self.report.axis != Axis::Workers {
            let pool = self.pool_of(self.report.setting.workers);
            match pool.peak(self.cancel.clone()).await {
                Ok(peak) => self.report.peak = Some(peak),
                Err(RunError::Cancelled) => return Status::Stopped,
                // Charts do without it.
                Err(_) => {}
            }
            // Workers of their own: memory that was once needed is kept, and counts in what is measured afterwards.
            let own = Pool::of(self.report.setting.workers);
            let moved = own.bandwidth(self.cancel.clone()).await;
            own.rest();
            match moved {
                Ok(moved) => self.report.bandwidth = Some(moved).filter(|moved| *moved > 0.0),
                Err(RunError::Cancelled) => return Status::Stopped,
                Err(_) => {}
            }
        }
        let (mut drawn, mut told) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        while let Some(ask) = self.report.sweep.ask() {
            if clock::now() - told > TELL_MS {
                let (share, left) = (self.report.sweep.share(), self.report.sweep.left_ms());
                desk.status.try_set(Status::Running(share, left));
                told = clock::now();
            }
            match self.sample(ask).await {
                Ok(sample) => {
                    self.report.sweep.done(sample);
                }
                Err(RunError::Cancelled) => {
                    self.show(desk);
                    return Status::Stopped;
                }
                Err(error) => self.report.sweep.failed(error.message()),
            }
            if clock::now() - drawn > DRAW_MS {
                self.show(desk);
                painted().await;
                drawn = clock::now();
            }
        }
        self.show(desk);
        Status::Done
    }

    fn show(&self, desk: Desk) {
        let taken = Taken { report: Arc::new(self.report.clone()), conditions: self.conditions.clone() };
        desk.taken.try_set(Some(taken));
    }

    /// Runs a batch of a cell.
    async fn sample(&mut self, Ask { cell, batch: times }: Ask) -> Result<Sample, RunError> {
        let at = self.report.sweep.places().get(cell.place).copied().unwrap_or_default() as usize;
        let setting = self.report.setting.at(self.report.axis, at);
        let work = self.works.get(cell.line).and_then(|line| line.get(cell.place)).cloned().flatten();
        let loaded = self.inputs(setting).await?;
        let Some(work) = work else {
            let text: Message = message!("there is nothing to compute", "没有可计算的内容");
            return Err(RunError::Failed(text));
        };
        // The GPU has one worker, and it is the page's.
        let on_gpu = matches!(&work, Work::Attention(of) if of.engine.backend == Backend::Webgpu);
        let pool = if on_gpu { self.pool.clone() } else { self.pool_of(setting.workers) };
        let told = batch([&self.pool, &pool], &work, &loaded, setting.backward, times, &self.cancel).await?;
        if told.adapter.is_some() {
            self.conditions.adapter = told.adapter;
        }
        if let Some(facts) = self.report.facts.get_mut(cell.line).and_then(|line| line.get_mut(cell.place)) {
            (facts.kernel, facts.cost) = (told.kernel, told.cost);
            // Memory never shrinks: what the cell needed is told by its first run, when only cells of less work were before it.
            facts.held = facts.held.or(told.memory);
        }
        Ok(told.sample)
    }

    /// The tensors of a setting, made once.
    async fn inputs(&mut self, setting: Setting) -> Result<Arc<Loaded>, RunError> {
        if let Some((_, loaded)) = self.inputs.iter().find(|(of, _)| of.dims() == setting.dims()) {
            return Ok(loaded.clone());
        }
        let loaded = Arc::new(self.pool.load(&setting.input(), None).await?);
        self.inputs.push((setting, loaded.clone()));
        Ok(loaded)
    }

    /// The page's pool, or one of another size.
    fn pool_of(&mut self, workers: usize) -> Pool {
        if workers == self.pool.size() {
            return self.pool.clone();
        }
        if let Some((_, pool)) = self.pools.iter().find(|(size, _)| *size == workers) {
            return pool.clone();
        }
        let pool = Pool::of(workers);
        self.pools.push((workers, pool.clone()));
        pool
    }
}

/// Whether browsers take the page for isolated.
fn isolated() -> bool {
    Reflect::get(&js_sys::global(), &"crossOriginIsolated".into()).is_ok_and(|flag| flag.is_truthy())
}
