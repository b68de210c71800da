//! What a claim wants of the engines.

use std::fmt;
use std::sync::Arc;

use crate::analysis::fit::Fit;
use crate::analysis::sweep;
use crate::attention::{Estimator, Loaded};
use crate::engine::{MapRequest, Want};
use crate::experiment::{Algorithm, Backend, Choice, EngineChoice, Experiment, Input, MaskChoice, Size, View};

/// A change of the tensors before anything is computed from them: tokens permuted, one disturbed, one repeated.
#[derive(Clone)]
pub struct Alter(Arc<dyn Fn(&Loaded) -> Loaded + Send + Sync>);

impl Alter {
    /// A change.
    pub fn new(change: impl Fn(&Loaded) -> Loaded + Send + Sync + 'static) -> Self {
        Self(Arc::new(change))
    }

    /// The changed tensors.
    pub fn of(&self, loaded: &Loaded) -> Loaded {
        (self.0)(loaded)
    }
}

impl fmt::Debug for Alter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alter")
    }
}

/// What is computed.
#[derive(Clone, Debug)]
pub enum Work {
    /// An experiment: the output, and what is wanted beside it.
    Run {
        /// The experiment.
        experiment: Box<Experiment>,
        /// Row statistics, and the matrix of a stage.
        want: Want,
        /// Pictures of it.
        maps: Vec<MapRequest>,
    },
    /// Gradients by Q, K and V.
    Gradients {
        /// The experiment; its engine says which kernel.
        experiment: Box<Experiment>,
        /// Derivatives of the loss by the output `[q_heads, n_q, d_v]`; nothing for the sum of all outputs.
        dy: Option<Arc<Vec<f32>>>,
    },
    /// Something else in attention's place, with exact attention beside it.
    Estimate {
        /// Input, scale and engine are read of it.
        experiment: Box<Experiment>,
        /// What.
        estimator: Choice,
        /// Whether both look back only.
        causal: bool,
    },
    /// What an experiment's positions hold, changed step by step until its output is that of another one over the same values.
    Fit {
        /// The experiment without what it is to learn.
        experiment: Box<Experiment>,
        /// That whose output is wanted.
        wanted: Box<Experiment>,
        /// What is learned, from where, in how many steps.
        fit: Box<Fit>,
    },
    /// How long something takes. All of a claim's times are sampled in rounds of random order.
    Time {
        /// What.
        work: Box<sweep::Work>,
        /// Over what; of a run its own input, which is the same.
        input: Box<Input>,
        /// Whether gradients are computed in place of the output.
        backward: bool,
        /// Workers; 0 for as many as the page has.
        workers: usize,
        /// Lines are lost as a whole: where one size of a line can't be had, larger ones are not tried.
        line: usize,
        /// Its place on the axis.
        x: f64,
    },
}

/// Something to be measured, with a name of its own.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its name, the same in every language: `n=64/rope`.
    pub key: String,
    /// What.
    pub work: Work,
    /// What becomes of the tensors first.
    pub alter: Option<Alter>,
    /// Whether the verdict can do without it, as where a machine has not the memory.
    pub optional: bool,
}

impl Ask {
    /// A run.
    pub fn run(key: impl Into<String>, experiment: Experiment) -> Self {
        let work = Work::Run { experiment: Box::new(experiment), want: Want::default(), maps: Vec::new() };
        Self { key: key.into(), work, alter: None, optional: false }
    }

    /// Gradients of the sum of all outputs.
    pub fn gradients(key: impl Into<String>, experiment: Experiment) -> Self {
        let work = Work::Gradients { experiment: Box::new(experiment), dy: None };
        Self { key: key.into(), work, alter: None, optional: false }
    }

    /// An estimate.
    pub fn estimate(key: impl Into<String>, experiment: Experiment, estimator: Choice, causal: bool) -> Self {
        let work = Work::Estimate { experiment: Box::new(experiment), estimator, causal };
        Self { key: key.into(), work, alter: None, optional: false }
    }

    /// What an experiment of one head has to hold so that its output becomes that of `wanted`.
    pub fn fit(key: impl Into<String>, experiment: Experiment, wanted: Experiment, fit: Fit) -> Self {
        let (experiment, wanted, fit) = (Box::new(experiment), Box::new(wanted), Box::new(fit));
        Self { key: key.into(), work: Work::Fit { experiment, wanted, fit }, alter: None, optional: false }
    }

    /// The time of an experiment at a place of a line.
    pub fn time(key: impl Into<String>, line: usize, x: f64, experiment: Experiment) -> Self {
        let input = Box::new(experiment.input.clone());
        let work = Box::new(sweep::Work::Attention(Box::new(experiment)));
        let work = Work::Time { work, input, backward: false, workers: 0, line, x };
        Self { key: key.into(), work, alter: None, optional: false }
    }

    /// The time of an estimator alone.
    pub fn time_of(key: impl Into<String>, line: usize, x: f64, estimator: Estimator, input: Input) -> Self {
        let work = Box::new(sweep::Work::Estimate(estimator));
        let work = Work::Time { work, input: Box::new(input), backward: false, workers: 0, line, x };
        Self { key: key.into(), work, alter: None, optional: false }
    }

    /// Of a run: with what is wanted beside the output.
    #[must_use]
    pub fn wanting(mut self, wanted: Want) -> Self {
        if let Work::Run { want, .. } = &mut self.work {
            *want = wanted;
        }
        self
    }

    /// Of a run: with pictures.
    #[must_use]
    pub fn pictured(mut self, pictures: Vec<MapRequest>) -> Self {
        if let Work::Run { maps, .. } = &mut self.work {
            *maps = pictures;
        }
        self
    }

    /// Of gradients: those of another loss.
    #[must_use]
    pub fn of_loss(mut self, by_output: Vec<f32>) -> Self {
        if let Work::Gradients { dy, .. } = &mut self.work {
            *dy = Some(Arc::new(by_output));
        }
        self
    }

    /// Of a time: that of the gradients.
    #[must_use]
    pub fn backwards(mut self) -> Self {
        if let Work::Time { backward, .. } = &mut self.work {
            *backward = true;
        }
        self
    }

    /// Of a time: by so many workers.
    #[must_use]
    pub fn on(mut self, count: usize) -> Self {
        if let Work::Time { workers, .. } = &mut self.work {
            *workers = count;
        }
        self
    }

    /// With changed tensors.
    #[must_use]
    pub fn altered(self, alter: Alter) -> Self {
        Self { alter: Some(alter), ..self }
    }

    /// The verdict can do without it.
    #[must_use]
    pub fn if_possible(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Where the tensors come from.
    pub fn input(&self) -> &Input {
        match &self.work {
            Work::Run { experiment, .. }
            | Work::Gradients { experiment, .. }
            | Work::Fit { experiment, .. }
            | Work::Estimate { experiment, .. } => &experiment.input,
            Work::Time { input, .. } => input,
        }
    }
}

/// An experiment with nothing but its input: no mask, no positions, by the CPU's kernels. Claims change what they are about.
pub fn subject(input: Input) -> Experiment {
    Experiment {
        input,
        mask: MaskChoice::of("none"),
        engine: EngineChoice { backend: Backend::Cpu, algorithm: Algorithm::Auto, ..EngineChoice::default() },
        view: View { head: 0, query: 0, key: 0, ..View::default() },
        ..Experiment::default()
    }
}

/// So many heads over so many tokens, every head of the same size.
pub(super) fn square(heads: usize, tokens: usize, size: usize) -> Size {
    Size { q_heads: heads, kv_heads: heads, n_q: tokens, n_k: tokens, d: size, d_v: size }
}
