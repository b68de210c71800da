//! What came of a claim's asks.

use std::sync::Arc;

use super::ask::Ask;
use crate::analysis::fit::Fit;
use crate::analysis::statistics::{Interval, Summary};
use crate::attention::{Cost, Estimate, Loaded};
use crate::engine::{Outcome, StageTimes};
use crate::experiment::Message;

/// A run.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The tensors that it was computed from, changed as was asked.
    pub loaded: Arc<Loaded>,
    /// What it gave.
    pub outcome: Box<Outcome>,
}

/// Gradients.
#[derive(Clone, Debug)]
pub struct Graded {
    /// The tensors that they were computed from.
    pub loaded: Arc<Loaded>,
    /// By Q, K and V.
    pub qkv: [Vec<f32>; 3],
    /// The kernel that computed them.
    pub kernel: &'static str,
}

/// Times of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// Its place on the axis.
    pub x: f64,
    /// Milliseconds of one repetition, median and spread.
    pub summary: Summary,
    /// Milliseconds by stage, added over the workers and over every repetition of the samples; nothing of gradients and estimates.
    pub stages: StageTimes,
    /// The kernel that ran.
    pub kernel: String,
    /// Work counted from the plan; of gradients it is not.
    pub cost: Option<Cost>,
}

impl Timed {
    /// The median and the interval, for a chart.
    pub fn interval(&self) -> Option<Interval> {
        self.summary.interval
    }
}

/// What came of one ask.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Of a run.
    Ran(Ran),
    /// Of gradients.
    Graded(Graded),
    /// Of an estimate.
    Estimated(Estimate),
    /// Of a fit: what was learned, and the losses on the way.
    Fitted(Fit),
    /// Of a time.
    Timed(Timed),
    /// Nothing, and why.
    Failed(Message),
}

/// Everything that was asked, and what came of it so far.
#[derive(Clone, Debug, Default)]
pub struct Answers(Vec<(Ask, Option<Answer>)>);

impl Answers {
    /// Nothing yet.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds asks that were not made before; how many those were.
    pub(super) fn add(&mut self, asks: Vec<Ask>) -> usize {
        let before = self.0.len();
        for ask in asks {
            if !self.0.iter().any(|(known, _)| known.key == ask.key) {
                self.0.push((ask, None));
            }
        }
        self.0.len() - before
    }

    /// Every ask with what came of it, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Ask, Option<&Answer>)> {
        self.0.iter().map(|(ask, answer)| (ask, answer.as_ref()))
    }

    /// Says what came of an ask.
    pub fn put(&mut self, key: &str, answer: Answer) {
        if let Some((_, place)) = self.0.iter_mut().find(|(ask, _)| ask.key == key) {
            *place = Some(answer);
        }
    }

    /// What came of an ask.
    pub fn get(&self, key: &str) -> Option<&Answer> {
        self.0.iter().find(|(ask, _)| ask.key == key).and_then(|(_, answer)| answer.as_ref())
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Answer> {
        self.0.iter_mut().find(|(ask, _)| ask.key == key).and_then(|(_, answer)| answer.as_mut())
    }

    /// Every answer with its key, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Answer)> {
        self.0.iter_mut().filter_map(|(ask, answer)| Some((ask.key.as_str(), answer.as_mut()?)))
    }

    /// A run, if it is done.
    pub fn ran(&self, key: &str) -> Option<&Ran> {
        match self.get(key)? {
            Answer::Ran(ran) => Some(ran),
            _ => None,
        }
    }

    /// Gradients, if they are there.
    pub fn graded(&self, key: &str) -> Option<&Graded> {
        match self.get(key)? {
            Answer::Graded(graded) => Some(graded),
            _ => None,
        }
    }

    /// An estimate, if it is there.
    pub fn estimated(&self, key: &str) -> Option<&Estimate> {
        match self.get(key)? {
            Answer::Estimated(estimate) => Some(estimate),
            _ => None,
        }
    }

    /// A fit, if it is done.
    pub fn fitted(&self, key: &str) -> Option<&Fit> {
        match self.get(key)? {
            Answer::Fitted(fit) => Some(fit),
            _ => None,
        }
    }

    /// A time, if it has been sampled.
    pub fn timed(&self, key: &str) -> Option<&Timed> {
        match self.get(key)? {
            Answer::Timed(timed) => Some(timed),
            _ => None,
        }
    }

    /// The first ask that the verdict needs and that gave nothing, and why.
    pub fn refused(&self) -> Option<(&str, &Message)> {
        self.0.iter().find_map(|(ask, answer)| match answer {
            Some(Answer::Failed(why)) if !ask.optional => Some((ask.key.as_str(), why)),
            _ => None,
        })
    }
}
