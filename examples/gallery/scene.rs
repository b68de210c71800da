//! What a link shows, computed by the reference engine: the weights of every head, the large picture, the output.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use attention_playground::attention::estimators::fits;
use attention_playground::attention::{Dims, Estimate, Plan, assemble, load, lowering, scale};
use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::{Map, MapRequest, Pool, Rows, Session, Want};
use attention_playground::experiment::{Algorithm, Backend, Experiment, Input, Stage, check, decode};
use attention_playground::interchange::SerdeJson;

/// A computed experiment.
pub struct Scene {
    /// What the link opens.
    pub experiment: Experiment,
    /// What the queries are called.
    pub tokens_q: Vec<String>,
    /// What the keys are called; fewer names than keys where keys are made.
    pub tokens_k: Vec<String>,
    /// Sizes of what was computed.
    pub dims: Dims,
    /// The stage and head that the link shows.
    pub shown: Map,
    /// Computes a head when it is asked for: a story may tell of one of twelve.
    session: RefCell<Session>,
    heads: RefCell<BTreeMap<usize, Rc<Head>>>,
}

/// One computed head.
pub struct Head {
    /// Weights, `n_q × n_k`; NaN where the mask allows nothing.
    pub weights: Map,
    /// Output, `[n_q, d_v]`.
    pub y: Vec<f32>,
    /// Queries without an allowed key.
    pub empty_rows: u32,
}

type Error = Box<dyn std::error::Error>;

impl Scene {
    /// Opens and computes a link.
    ///
    /// # Errors
    /// A link that can't be used as it is, or a problem that can't be computed.
    pub fn open(link: &str) -> Result<Self, Error> {
        let opened = decode(link);
        if let Some(problem) = opened.problems.first() {
            return Err(format!("{link}: {problem:?}").into());
        }
        let experiment = opened.experiment;
        check(&experiment).map_err(|issues| format!("{link}: {issues:?}"))?;
        let loaded = load::<SerdeJson>(&experiment.input, capture(&experiment.input)?.as_deref())
            .map_err(|issues| format!("{link}: {issues:?}"))?;
        let (mut problem, mut inputs) =
            assemble(&experiment, &loaded).map_err(|issues| format!("{link}: {issues:?}"))?;
        lowering::lower(&mut problem, &mut inputs).map_err(|issues| format!("{link}: {issues:?}"))?;
        let plan = Plan::compile(&problem).map_err(|issues| format!("{link}: {issues:?}"))?;
        let dims = plan.dims;
        let mut session =
            Session::new(plan, inputs, Backend::Reference, Algorithm::Materialised, &Kernels::SEPARATE, || 0.0);
        let view = experiment.view;
        let shown = session.map(&whole(&dims, view.stage, view.head)).0;
        let (session, heads) = (RefCell::new(session), RefCell::default());
        Ok(Self { experiment, tokens_q: loaded.tokens_q, tokens_k: loaded.tokens_k, dims, shown, session, heads })
    }

    /// A head, computed once.
    pub fn head(&self, head: usize) -> Rc<Head> {
        if let Some(known) = self.heads.borrow().get(&head) {
            return known.clone();
        }
        let mut session = self.session.borrow_mut();
        let rows = Rows { batch: 0, head, q: 0..self.dims.n_q };
        let out = session.rows(&rows, Want { stats: false, matrix: None });
        let weights = session.map(&whole(&self.dims, Stage::Weights, head)).0;
        let computed = Rc::new(Head { weights, y: out.y, empty_rows: out.empty_rows });
        self.heads.borrow_mut().insert(head, computed.clone());
        computed
    }

    /// A weight; 0 where the mask allows nothing.
    pub fn weight(&self, head: usize, q: usize, k: usize) -> f32 {
        let weight = self.head(head).weights.values[q * self.dims.n_k + k];
        if weight.is_nan() { 0.0 } else { weight }
    }

    /// A row of weights; 0 where the mask allows nothing.
    pub fn row(&self, head: usize, q: usize) -> Vec<f32> {
        (0..self.dims.n_k).map(|k| self.weight(head, q, k)).collect()
    }

    /// Which keys the mask allows a query, of which some weight is known.
    pub fn allowed(&self, head: usize, q: usize) -> Vec<usize> {
        let n_k = self.dims.n_k;
        let weights = &self.head(head).weights.values;
        (0..n_k).filter(|k| !weights[q * n_k + k].is_nan()).collect()
    }
}

/// What the link's estimator gives beside exact attention, both without a mask or both causal, as the link's mask says.
///
/// # Errors
/// As [`Scene::open`].
pub fn estimate(link: &str) -> Result<Estimate, Error> {
    let experiment = decode(link).experiment;
    let loaded = load::<SerdeJson>(&experiment.input, capture(&experiment.input)?.as_deref())
        .map_err(|issues| format!("{link}: {issues:?}"))?;
    let factor = scale(&experiment, &loaded.dims, &mut Vec::new());
    let causal = experiment.mask.id == "causal";
    let estimator = fits(&experiment.estimator, loaded.dims, causal, factor, "estimator")
        .map_err(|issues| format!("{link}: {issues:?}"))?;
    let [q, k, v] = [&loaded.inputs.q, &loaded.inputs.k, &loaded.inputs.v];
    Ok(estimator.compute::<f64>(q, k, v))
}

fn whole(dims: &Dims, stage: Stage, head: usize) -> MapRequest {
    let (width, height) = (dims.n_k, dims.n_q);
    MapRequest { stage, batch: 0, head, q: 0..height, k: 0..width, width, height, pool: Pool::Max }
}

/// The file of a captured layer.
fn capture(input: &Input) -> Result<Option<Vec<u8>>, Error> {
    let Input::Capture { id, layer } = input else { return Ok(None) };
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("public/captures");
    Ok(Some(std::fs::read(folder.join(format!("{id}-L{layer}.safetensors")))?))
}
