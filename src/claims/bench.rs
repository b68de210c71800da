//! The course of a claim's measurement: what is next, what came, how far it is. Runs come in the order in which they were asked; times after them, in rounds.

use super::answer::{Answer, Answers, Timed};
use super::ask::{Ask, Work};
use super::claim::Claim;
use super::settings::Settings;
use crate::analysis::sweep::{Cell, Planned, Sample, Setting, State, Sweep};
use crate::attention::{Cost, dims_of};
use crate::engine::StageTimes;
use crate::experiment::Message;

/// Orders are drawn from it, and intervals.
const SEED: u64 = 11;

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Step {
    /// Compute this; tell [`Bench::came`].
    Compute(Ask),
    /// Run this so many times in a row; tell [`Bench::took`] or [`Bench::failed`].
    Time(Ask, usize),
}

/// Beside the times of a cell.
#[derive(Clone, Debug, Default)]
struct Known {
    stages: StageTimes,
    kernel: String,
    cost: Option<Cost>,
}

/// Times on their way.
struct Timing {
    sweep: Sweep,
    /// By cell: the ask's key and what is known of it.
    cells: Vec<(Cell, String, Known)>,
}

/// What a batch told beside its time.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// By stage, of all repetitions together.
    pub stages: StageTimes,
    /// The kernel that ran.
    pub kernel: String,
    /// Work counted from the plan.
    pub cost: Option<Cost>,
}

/// A claim that is being measured.
pub struct Bench {
    claim: &'static Claim,
    settings: Settings,
    answers: Answers,
    timing: Option<Timing>,
    /// The step of the clock, milliseconds.
    step: f64,
    done: bool,
}

impl Bench {
    /// A claim with its sliders, by a clock of steps of `step` milliseconds.
    pub fn new(claim: &'static Claim, settings: Settings, step: f64) -> Self {
        let mut answers = Answers::none();
        answers.add((claim.asks)(&settings, &Answers::none()));
        Self { claim, settings, answers, timing: None, step, done: false }
    }

    /// What came so far.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Whether everything is measured.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// What is to be done next; nothing when everything is measured.
    pub fn next_step(&mut self) -> Option<Step> {
        while !self.done {
            let open = self.answers.iter().filter(|(_, answer)| answer.is_none()).map(|(ask, _)| ask.clone());
            let (times, others): (Vec<Ask>, Vec<Ask>) = open.partition(|ask| matches!(ask.work, Work::Time { .. }));
            if let Some(ask) = others.into_iter().next() {
                return Some(Step::Compute(ask));
            }
            if self.timing.is_none() {
                self.timing = timing(times, self.step);
            }
            if let Some(timing) = &mut self.timing {
                if let Some(asked) = timing.sweep.ask() {
                    let key =
                        timing.cells.iter().find(|(cell, ..)| *cell == asked.cell).map(|(_, key, _)| key.as_str());
                    let ask = self.answers.iter().map(|(ask, _)| ask).find(|ask| Some(ask.key.as_str()) == key);
                    if let Some(ask) = ask {
                        return Some(Step::Time(ask.clone(), asked.batch));
                    }
                }
                self.settle();
                self.timing = None;
            }
            self.done = self.answers.add((self.claim.asks)(&self.settings, &self.answers)) == 0;
        }
        None
    }

    /// Takes what came of an ask.
    pub fn came(&mut self, key: &str, answer: Answer) {
        self.answers.put(key, answer);
    }

    /// Takes what the batch that was asked for took.
    pub fn took(&mut self, sample: Sample, told: Told) {
        let Some(timing) = &mut self.timing else { return };
        let Some(asked) = timing.sweep.ask() else { return };
        let counts = timing.sweep.done(sample);
        let Some((cell, key, known)) = timing.cells.iter_mut().find(|(cell, ..)| *cell == asked.cell) else { return };
        if counts {
            known.stages.merge(&told.stages);
        }
        (known.kernel, known.cost) = (told.kernel, told.cost);
        if let Some(answer) = answer(&timing.sweep, *cell, known) {
            self.answers.put(key, answer);
        }
    }

    /// The batch that was asked for gave nothing.
    pub fn failed(&mut self, why: Message) {
        if let Some(timing) = &mut self.timing {
            timing.sweep.failed(why);
        }
    }

    /// The share of everything known so far that is done, 0 to 1.
    pub fn share(&self) -> f64 {
        let all = self.answers.iter().count();
        let cells = self.timing.iter().flat_map(|timing| &timing.cells);
        let timed: Vec<&str> = cells.map(|(_, key, _)| key.as_str()).collect();
        let there = |(ask, answer): &(&Ask, Option<&Answer>)| answer.is_some() && !timed.contains(&ask.key.as_str());
        let there = self.answers.iter().filter(there).count() as f64;
        let share = self.timing.as_ref().map_or(0.0, |timing| timing.sweep.share());
        if all == 0 { 1.0 } else { (there + share * timed.len() as f64) / all as f64 }
    }

    /// Puts what became of every cell among the answers.
    fn settle(&mut self) {
        let Some(timing) = &self.timing else { return };
        for (cell, key, known) in &timing.cells {
            let answer = match timing.sweep.state(*cell) {
                Some(State::Failed(why)) => Some(Answer::Failed(why.clone())),
                _ => answer(&timing.sweep, *cell, known),
            };
            // A cell that was neither sampled nor failed is the fault of this code.
            self.answers.put(key, answer.unwrap_or_else(|| Answer::Failed("was not sampled".into())));
        }
    }
}

/// What is known of a cell; nothing before its first sample.
fn answer(sweep: &Sweep, cell: Cell, known: &Known) -> Option<Answer> {
    let Known { stages, kernel, cost } = known.clone();
    let x = sweep.places().get(cell.place).copied()?;
    Some(Answer::Timed(Timed { x, summary: sweep.summary(cell)?, stages, kernel, cost }))
}

/// A sweep of the times that are asked for; nothing of none.
fn timing(asks: Vec<Ask>, step: f64) -> Option<Timing> {
    let mut places: Vec<f64> = asks.iter().filter_map(|ask| Some(place(ask)?.1)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let (mut planned, mut cells) = (Vec::new(), Vec::new());
    for ask in asks {
        let Some((line, x)) = place(&ask) else { continue };
        let cell = Cell { line, place: places.iter().position(|at| *at == x).unwrap_or_default() };
        planned.push(Planned { cell, work: flops(&ask), refused: None });
        cells.push((cell, ask.key, Known::default()));
    }
    (!cells.is_empty()).then(|| Timing { sweep: Sweep::new(places, planned, step, SEED), cells })
}

fn place(ask: &Ask) -> Option<(usize, f64)> {
    match ask.work {
        Work::Time { line, x, .. } => Some((line, x)),
        _ => None,
    }
}

/// Operations, from sizes alone.
fn flops(ask: &Ask) -> f64 {
    let Work::Time { work, input, backward, workers, .. } = &ask.work else { return 0.0 };
    // A captured input is small.
    let Some(dims) = dims_of(input) else { return 1.0 };
    let setting = Setting {
        tokens: dims.n_q.max(dims.n_k),
        heads: dims.q_heads,
        group: dims.q_heads / dims.kv_heads.max(1),
        size: dims.d,
        window: dims.n_k,
        density: 100,
        workers: *workers,
        backward: *backward,
    };
    work.flops(&setting)
}
