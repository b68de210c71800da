//! What is set in the laboratory, and what came back from the workers.

use std::sync::Arc;

use crate::analysis::curves::Curves;
use crate::analysis::positions::{Bench, Effect, timed};
use crate::app::chart::Reading;
use crate::app::laboratory;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::Lab;
use crate::catalogue::{PositionEntry, PositionLine, Slot, position_line, position_lines};
use crate::engine::Map;
use crate::experiment::{Experiment, Issue, LaboratoryId, Message};

/// Schemes that are shown to begin with, beside the experiment's own.
const FIRST: [&str; 5] = ["rope", "rope-pi", "rope-yarn", "alibi", "kerple-log"];

/// What a scheme's curve holds at distance 0, 1, 2, …, or why there is none.
pub type Curve = Result<Arc<Vec<f32>>, Message>;

/// One scheme, closely.
#[derive(Clone, Debug, PartialEq)]
pub struct Close {
    /// The id of its line.
    pub id: &'static str,
    /// Its scores, every query against every key, read as its [`Effect`] says.
    pub square: Map,
    /// Its curve at the trained length.
    pub trained: Arc<Vec<f32>>,
}

/// The laboratory. `Copy`: signals only.
#[derive(Clone, Copy)]
pub struct Desk {
    /// The page.
    pub lab: Lab,
    /// Tokens.
    pub length: RwSignal<usize>,
    /// Tokens that the schemes were trained on.
    pub trained: RwSignal<usize>,
    /// Whether distances are even in ratio.
    pub log: RwSignal<bool>,
    /// Whether each line is divided by its largest magnitude.
    pub normal: RwSignal<bool>,
    /// Ids of the lines that are switched on, in the order of their colours.
    pub on: RwSignal<Vec<&'static str>>,
    /// The scheme that is shown closely.
    pub picked: RwSignal<&'static str>,
    /// What is looked at in the chart; a line's slot is its place in `on`.
    pub reading: Reading,
    /// Every line's curve, in the order of the catalogue; empty until the first answers are in.
    pub curves: RwSignal<Vec<(&'static str, Curve)>>,
    /// The picked scheme, or why it is not there.
    pub close: RwSignal<Option<Result<Arc<Close>, Message>>>,
}

impl Desk {
    /// A laboratory that begins with the experiment's own scheme, or as a link says: with how it would begin without one, and what of the link can't be
    /// used.
    pub fn new(lab: Lab) -> (Self, Curves, Vec<Issue>) {
        let experiment = lab.experiment.get_untracked();
        let position = &experiment.position;
        let own = position_lines().find(|line| line.is(&position.id, &position.params)).map_or("none", |line| line.id);
        let trained = experiment.position.params.get("trained").map_or(64, |&trained| trained as usize).clamp(8, 512);
        let mut on: Vec<&'static str> = if own == "none" { Vec::new() } else { vec![own] };
        on.extend(FIRST.into_iter().filter(|id| *id != own));
        let first = Curves { length: 2 * trained, trained, log: false, normal: true, picked: on[0], on };
        let (set, problems) = Curves::read(&laboratory::settings(lab, LaboratoryId::Positions), first.clone());
        let Curves { length, trained, log, normal, on, picked } = set;
        let desk = Self {
            lab,
            length: RwSignal::new(length),
            trained: RwSignal::new(trained),
            log: RwSignal::new(log),
            normal: RwSignal::new(normal),
            picked: RwSignal::new(picked),
            on: RwSignal::new(on),
            reading: Reading::new(),
            curves: RwSignal::new(Vec::new()),
            close: RwSignal::new(None),
        };
        (desk, first, problems)
    }

    /// What it is set to.
    pub fn set_to(self) -> Curves {
        Curves {
            length: self.length.get(),
            trained: self.trained.get(),
            log: self.log.get(),
            normal: self.normal.get(),
            on: self.on.get(),
            picked: self.picked.get(),
        }
    }

    /// The distance where the trained length ends, if it lies within.
    pub fn marker(self) -> Option<f64> {
        let (trained, length) = (self.trained.get(), self.length.get());
        (trained < length).then_some(trained as f64)
    }

    /// Lights the line of a scheme in the chart while it is on.
    pub fn light(self, id: Option<&'static str>) {
        let slot = id.and_then(|id| self.on.with_untracked(|on| on.iter().position(|other| *other == id)));
        self.reading.lit.set(slot);
    }

    /// Switches a line on or off; what is switched on is shown closely.
    pub fn toggle(self, id: &'static str) {
        let was = self.on.with_untracked(|on| on.contains(&id));
        self.on.update(|on| if was { on.retain(|other| *other != id) } else { on.push(id) });
        if !was {
            self.picked.set(id);
        }
    }

    /// Switches on the lines that `wanted` names, and no others; the first of them is shown closely.
    pub fn only(self, wanted: impl Fn(&PositionLine) -> bool) {
        let on: Vec<_> = position_lines().filter(wanted).map(|line| line.id).collect();
        if let Some(first) = on.first() {
            self.picked.set(first);
        }
        self.on.set(on);
    }

    /// A line's curve, once it is there.
    pub fn curve(self, id: &str) -> Option<Curve> {
        self.curves.with(|all| all.iter().find(|(of, _)| *of == id).map(|(_, curve)| curve.clone()))
    }

    /// The sizes that curves are measured with; nothing until the page has an input.
    pub fn bench(self) -> Option<Bench> {
        let dims = self.lab.loaded.with(|loaded| loaded.as_ref().map(|loaded| loaded.dims))?;
        Some(Bench { length: self.length.get(), trained: self.trained.get(), heads: dims.q_heads, d: dims.d })
    }

    /// The sizes of the picked scheme's square: schemes of time are shown over the experiment's own tokens, which have the times.
    pub fn close_bench(self) -> Option<Bench> {
        let bench = self.bench()?;
        let own = position_line(self.picked.get()).is_some_and(|line| timed(line.entry));
        Some(if own { Bench { length: self.tokens(), ..bench } } else { bench })
    }

    /// Tokens of the experiment.
    pub fn tokens(self) -> usize {
        self.lab.loaded.with(|l| l.as_ref().map_or(1, |l| l.dims.n_q.max(l.dims.n_k)))
    }

    /// The head that is shown.
    pub fn head(self) -> Signal<usize> {
        let lab = self.lab;
        Signal::memo(move || lab.experiment.with(|e| e.view.head))
    }
}

/// What of an experiment reaches a probe: the rest may change without anything being measured again.
pub fn relevant(experiment: &Experiment) -> Experiment {
    Experiment {
        position: experiment.position.clone(),
        conventions: experiment.conventions,
        data: experiment.data.clone(),
        seed: experiment.seed,
        ..Experiment::default()
    }
}

/// What the numbers of a scheme are, in a word for the axis.
pub fn unit(entry: &PositionEntry) -> (&'static str, &'static str) {
    match Effect::of(entry) {
        Effect::Turns => ("what is left of a score of 1", "分数 1 剩余的部分"),
        Effect::Adds => ("added to a score of 1", "给分数 1 增加的值"),
        Effect::Encodes => ("score of the encodings alone", "仅由编码得到的分数"),
    }
}

/// Whether the scheme differs from head to head.
pub fn by_head(entry: &PositionEntry) -> bool {
    matches!(entry.slot, Slot::Score { formula, .. } if formula.contains("[h") || formula.contains("(h +"))
}
