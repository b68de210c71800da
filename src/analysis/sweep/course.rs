//! What is next, what was measured, and how long the rest will take.

use super::clock::{LONGEST_BATCH, batch};
use crate::analysis::statistics::Summary;
use crate::attention::inputs::Rng;
use crate::experiment::{Message, message};

/// Counted samples of a cell.
pub const ROUNDS: usize = 7;
/// Samples that even a slow cell has, and milliseconds after which a cell is not sampled more often than that.
const FEWEST: usize = 3;
const PATIENCE_MS: f64 = 8_000.0;
/// A first run that took less may have spent most of it on what is done only once, milliseconds.
const COLD_MS: f64 = 500.0;

/// A line at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which line.
    pub line: usize,
    /// Which place.
    pub place: usize,
}

/// A cell before it is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Which.
    pub cell: Cell,
    /// How much work it is, in any unit that is the same for all cells: for the estimate, and to know what is larger.
    pub work: f64,
    /// Why it is not even tried.
    pub refused: Option<Message>,
}

/// To be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What.
    pub cell: Cell,
    /// Repetitions, one right after the other.
    pub batch: usize,
}

/// What a run of a batch took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// What is measured, of all repetitions together, milliseconds.
    pub ms: f64,
    /// All that the run took, milliseconds: for the estimate.
    pub wall_ms: f64,
}

/// How far a cell is.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Not run yet, or on the way to a batch that is long enough.
    Warming,
    /// Its samples, each milliseconds of one repetition; repetitions of a sample; samples that it will have.
    Sampled {
        /// In the order in which they were taken.
        samples: Vec<f64>,
        /// Repetitions of each.
        batch: usize,
        /// How many there will be.
        due: usize,
    },
    /// It gave nothing, and why.
    Failed(Message),
}

#[derive(Clone)]
struct Entry {
    planned: Planned,
    state: State,
    batch: usize,
    /// Of its last run.
    wall_ms: Option<f64>,
}

/// A sweep on its way.
#[derive(Clone)]
pub struct Sweep {
    places: Vec<f64>,
    entries: Vec<Entry>,
    step: f64,
    seed: u64,
    rng: Rng,
    /// Cells of this round that are still to be run, the next one last.
    round: Vec<usize>,
    /// Which cell was asked for.
    asked: Option<usize>,
}

impl Sweep {
    /// A sweep over `places` of an axis by a clock of steps of `step` milliseconds. Orders are drawn from `seed`.
    pub fn new(places: Vec<f64>, cells: Vec<Planned>, step: f64, seed: u64) -> Self {
        let entry = |planned: Planned| {
            let state = planned.refused.clone().map_or(State::Warming, State::Failed);
            Entry { planned, state, batch: 1, wall_ms: None }
        };
        let entries: Vec<Entry> = cells.into_iter().map(entry).collect();
        // Warming goes from little work to much: results come early, and what is too large is met once.
        let mut round: Vec<usize> = (0..entries.len()).collect();
        round.sort_by(|a, b| entries[*b].planned.work.total_cmp(&entries[*a].planned.work));
        Self { places, entries, step, seed, rng: Rng::new(seed), round, asked: None }
    }

    /// The places of the axis.
    pub fn places(&self) -> &[f64] {
        &self.places
    }

    /// The step of the clock, milliseconds.
    pub fn step(&self) -> f64 {
        self.step
    }

    /// What to run now; nothing when all is done. A second call before [`Sweep::done`] or [`Sweep::failed`] says the same.
    pub fn ask(&mut self) -> Option<Ask> {
        loop {
            if let Some(at) = self.asked {
                let entry = &self.entries[at];
                return Some(Ask { cell: entry.planned.cell, batch: entry.batch });
            }
            if let Some(at) = self.round.pop() {
                self.asked = (self.entries[at].left() > 0).then_some(at);
            } else {
                self.round = self.shuffled();
                if self.round.is_empty() {
                    return None;
                }
            }
        }
    }

    /// The cells that want another sample, in an order drawn anew (Fisher and Yates).
    fn shuffled(&mut self) -> Vec<usize> {
        let mut open: Vec<usize> = (0..self.entries.len()).filter(|&at| self.entries[at].left() > 0).collect();
        for end in (1..open.len()).rev() {
            open.swap(end, (self.rng.random() * (end + 1) as f64) as usize);
        }
        open
    }

    /// Takes what came of the run that was asked for. Whether it was a sample; else it warmed the cell up, or its batch was too short, and it is asked for again.
    pub fn done(&mut self, sample: Sample) -> bool {
        let Some(at) = self.asked.take() else { return false };
        let (step, entry) = (self.step, &mut self.entries[at]);
        let first = entry.wall_ms.replace(sample.wall_ms).is_none();
        match &mut entry.state {
            // It may have compiled something: by such a time a batch would be chosen that is far too short once the code is warm.
            State::Warming if first && sample.wall_ms < COLD_MS => {
                self.asked = Some(at);
                false
            }
            State::Warming => {
                let longer = batch(entry.batch, sample.ms, step);
                if longer > entry.batch && entry.batch < LONGEST_BATCH {
                    entry.batch = longer;
                    self.asked = Some(at);
                } else {
                    let due = ((PATIENCE_MS / sample.wall_ms.max(1.0)) as usize).clamp(FEWEST, ROUNDS);
                    entry.state = State::Sampled { samples: Vec::new(), batch: entry.batch, due };
                }
                false
            }
            State::Sampled { samples, batch, .. } => {
                samples.push(sample.ms / *batch as f64);
                true
            }
            State::Failed(_) => false,
        }
    }

    /// The run that was asked for gave nothing. More work on the same line is not tried.
    pub fn failed(&mut self, why: Message) {
        let Some(at) = self.asked.take() else { return };
        let Planned { cell, work, .. } = self.entries[at].planned.clone();
        let (en, zh) = (why.en.clone(), why.zh.clone());
        for entry in &mut self.entries {
            if entry.planned.cell.line == cell.line && entry.planned.work > work && entry.state == State::Warming {
                entry.state =
                    State::Failed(message!("not tried, as less work failed: {en}", "未尝试，较小的规模已失败：{zh}"));
            }
        }
        self.entries[at].state = State::Failed(why);
    }

    /// How far a cell is.
    pub fn state(&self, cell: Cell) -> Option<&State> {
        self.entry(cell).map(|entry| &entry.state)
    }

    /// What is known of a cell's time; nothing before its first sample.
    pub fn summary(&self, cell: Cell) -> Option<Summary> {
        match self.state(cell)? {
            State::Sampled { samples, batch, .. } => {
                Summary::of(samples, self.step / *batch as f64, self.seed_of(cell))
            }
            State::Warming | State::Failed(_) => None,
        }
    }

    /// A seed for what is drawn about a cell.
    pub(super) fn seed_of(&self, cell: Cell) -> u64 {
        self.seed.wrapping_mul(31).wrapping_add((cell.line * self.places.len() + cell.place) as u64)
    }

    fn entry(&self, cell: Cell) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.planned.cell == cell)
    }

    /// Milliseconds that the rest is expected to take; nothing before anything has run.
    pub fn left_ms(&self) -> Option<f64> {
        // Of small runs most is not work, so the largest tells best what a unit of work takes.
        let known = self.entries.iter().filter_map(|entry| Some((entry.planned.work, entry.wall_ms?, entry.batch)));
        let (work, wall_ms, batch) = known.max_by(|a, b| a.0.total_cmp(&b.0))?;
        let unit = wall_ms / batch as f64 / work.max(1.0);
        let of = |entry: &Entry| {
            let each = entry.wall_ms.unwrap_or_else(|| (unit * entry.planned.work).max(self.step));
            each * entry.left() as f64
        };
        Some(self.entries.iter().map(of).sum())
    }

    /// The share of all runs that is done, 0 to 1.
    pub fn share(&self) -> f64 {
        let all: usize = self.entries.iter().map(Entry::all).sum();
        let left: usize = self.entries.iter().map(Entry::left).sum();
        if all == 0 { 1.0 } else { 1.0 - left as f64 / all as f64 }
    }
}

impl Entry {
    /// Runs that it takes from beginning to end, as far as that is known.
    fn all(&self) -> usize {
        match &self.state {
            State::Warming => 1 + ROUNDS,
            State::Sampled { due, .. } => 1 + due,
            State::Failed(_) => 1,
        }
    }

    /// Of which are still to come.
    fn left(&self) -> usize {
        match &self.state {
            State::Warming => 1 + ROUNDS,
            State::Sampled { samples, due, .. } => due.saturating_sub(samples.len()),
            State::Failed(_) => 0,
        }
    }
}
