//! Lowering: what depends on the contents of Q and K is computed before a problem is opened, and what remains is an ordinary problem of
//! formulas over tables, which every engine runs as it is.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | what is to be done: changes, tables, and what is done to the output; doing it |
//! | `step` | one change or table with its parameters |
//! | `code` | what the page fetches when it is first needed |
//! | `arrange` | layouts of heads: their steps and what they do to the output |
//! | `gather` | entries of the catalogue turned into steps |
//! | `branches`, `hybrid` | several attentions as one; a second branch beside the experiment's own |
//! | `frame` | tensors and sizes on their way |
//! | `change` | changes of Q, K and V |
//! | `columns` | which tokens the keys stand for afterwards |
//! | `measure` | tables computed from Q and K, and what their weights add to the output |
//! | `numbers` | rows in double precision, seeded weights |
//! | `finish` | what is done to the output |

mod arrange;
mod branches;
mod change;
mod code;
mod columns;
mod finish;
mod frame;
mod gather;
mod hybrid;
mod measure;
mod numbers;
mod step;

use std::sync::Arc;

use super::dims::{Dims, Inputs};
use super::plan::{self, Plan};
use super::problem::{Encoding, Normaliser, Problem, Term};
use super::rotation::Rotation;
use crate::catalogue::{Content, End, LayoutEntry, Text};
use crate::experiment::{Issue, Issues, message};
use crate::formula::{Data, DataValues};

pub use crate::catalogue::{Change, Measure};
pub use change::{round, table as page_table};
#[cfg(feature = "app")]
pub use code::install;
pub(super) use code::{Making, second};
pub use columns::Columns;
pub use finish::Finish;
pub use frame::Frame;
pub(super) use gather::seal;
pub(super) use hybrid::hybrid;
pub use step::{Derived, Step};

/// The most bytes of one computed table.
pub const MAX_TABLE_BYTES: usize = 256 << 20;

/// What is done before a problem is opened, and after it was run.
#[derive(Clone, Debug, PartialEq)]
pub struct Lowering {
    /// Sizes of the tensors as they are given; the problem's own are those after the changes.
    pub dims: Dims,
    /// Changes of Q, K and V, in this order.
    pub transforms: Vec<Transform>,
    /// Tables computed from the changed Q and K, in this order; a table may depend on those before it through the scores.
    pub tables: Vec<Derived>,
    /// What is done to the output, in this order.
    pub finish: Vec<Finish>,
    /// Whether transforms and tables are done: the problem's tensors are the changed ones and its terms have their tables.
    pub done: bool,
}

/// A change of the tensors.
#[derive(Clone, Debug, PartialEq)]
pub enum Transform {
    /// Encodings added to Q and K, which would have been the problem's own.
    Encode(Encoding),
    /// Q and K turned, which would have been the problem's own rotation.
    Rotate(Rotation),
    /// A change of the catalogue.
    Change(Step<Change>),
}

/// What a lowering gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Lowered {
    /// The tensors; those that did not change are shared.
    pub inputs: Inputs,
    /// The tables, in the order of [`Lowering::tables`].
    pub tables: Vec<Data>,
}

impl Lowering {
    /// Nothing, over tensors of these sizes.
    pub fn new(dims: Dims) -> Self {
        Self { dims, transforms: Vec::new(), tables: Vec::new(), finish: Vec::new(), done: false }
    }

    /// Whether there is nothing to be done, before or after.
    pub fn is_empty(&self) -> bool {
        self.transforms.is_empty() && self.tables.is_empty() && self.finish.is_empty()
    }

    /// Puts the tables that read weights last: weights are known when everything else is.
    fn order(&mut self) {
        self.tables.sort_by_key(Derived::reads_weights);
    }

    /// Operations, estimated from above, of tensors that end with the sizes `dims`.
    pub fn flops(&self, dims: &Dims) -> f64 {
        let cells = dims.rows() as f64 * dims.n_k as f64;
        let tensors = (self.dims.q_len() + self.dims.k_len()) as f64;
        let change = |transform: &Transform| match transform {
            // A small network for every token, or for several that come before it.
            Transform::Change(step) => (24 * self.dims.d * step.count("reach", 1)) as f64,
            Transform::Encode(_) | Transform::Rotate(_) => 20.0,
        };
        let table = |table: &Derived| match table.step.kind {
            // Of every token, not of every pair; as often as a step is repeated.
            Measure::ShawValues | Measure::TiSasRecValues => cells * (2 * dims.d + 2 * dims.d_v + 100) as f64,
            Measure::ClusterOfQuery | Measure::ClusterOfKey => {
                tensors * (table.step.count("clusters", 1) * (table.step.count("steps", 0) + 2)) as f64
            }
            _ => cells * (20 * dims.d + 100) as f64,
        };
        self.transforms.iter().map(|transform| tensors * change(transform)).sum::<f64>()
            + self.tables.iter().map(table).sum::<f64>()
    }
}

impl Problem {
    /// Whether something must be computed from Q and K before it can be opened.
    pub fn waits(&self) -> bool {
        self.lowering.as_ref().is_some_and(|lowering| !lowering.done)
    }

    /// The problem of which a lowering that gives the same is the same: nothing is kept that none of its steps reads. With the same tensors,
    /// what one of them gave is what the other gives.
    pub fn lowering_key(&self) -> Problem {
        let mut key = Problem::plain(self.dims);
        key.lowering.clone_from(&self.lowering);
        if let Some(lowering) = &mut key.lowering {
            lowering.finish.clear();
            if lowering.tables.iter().any(Derived::reads_scores) {
                // Distances are wired by weights as the normaliser gives them.
                let wired = |table: &Derived| table.reads_weights() || table.step.kind == Measure::Hebbian;
                let weights = lowering.tables.iter().any(wired);
                let (plain, lowering) = (key.normaliser, key.lowering.take());
                key = Problem { lowering, ..self.clone() };
                if !weights {
                    (key.normaliser, key.sink, key.probability) = (plain, None, None);
                }
            }
        }
        key
    }
}

/// Adds what an entry of the catalogue does by content.
pub(super) fn gather(problem: &mut Problem, content: &Content, making: &mut Making) {
    if let Some(gather) = code::gather().filter(|_| !content.is_nothing()) {
        gather(problem, content, making);
    }
}

/// Adds what a layout of heads does. With `rooted`, the problem's scale has the root of the size of a head in it, and follows that size.
pub(super) fn arrange(problem: &mut Problem, entry: &LayoutEntry, making: &mut Making, rooted: bool) {
    if let Some(arrange) = code::arrange().filter(|_| !(entry.content.is_nothing() && entry.end == End::Nothing)) {
        arrange(problem, entry, making, rooted);
    }
}

/// Everything wrong with the sizes of a problem's lowering.
pub(super) fn check(problem: &Problem) -> Vec<Issue> {
    match (&problem.lowering, code::check()) {
        (Some(lowering), Some(check)) => check(lowering, &problem.dims),
        // Without its code there is none.
        _ => Vec::new(),
    }
}

/// Everything wrong with a lowering that ends with the sizes `dims`.
fn faults(lowering: &Lowering, dims: &Dims) -> Vec<Issue> {
    let mut issues = Vec::new();
    for table in &lowering.tables {
        let bytes =
            table.shape(dims).into_iter().try_fold(table.width(), |bytes: usize, extent| bytes.checked_mul(extent));
        if bytes.is_none_or(|bytes| bytes > MAX_TABLE_BYTES) {
            let (name, most) = (&table.name, MAX_TABLE_BYTES >> 20);
            let message = message!(
                "the table `{name}` of these sizes would take more than {most} MiB; fewer tokens or heads are needed",
                "在这样的尺寸下，表 `{name}` 将超过 {most} MiB，请减少词元或头"
            );
            issues.push(Issue::new(table.step.path.clone(), message));
        }
    }
    for table in lowering.tables.iter().filter(|table| !table.branches.is_empty()) {
        let sums = |of: &Problem| matches!(of.normaliser, Normaliser::Softmax | Normaliser::OffByOne);
        let fits = |branch: &Problem| table.step.kind == Measure::Beside || sums(branch);
        if !table.branches.iter().all(fits) {
            let text = Text::new(
                "branches are added where weights come from a softmax, with or without a sink",
                "只有当权重来自 Softmax（可带汇点）时，才能把各分支相加",
            );
            issues.push(Issue::new(format!("{}.id", table.step.path), text));
        }
    }
    let joined = lowering.tables.iter().position(|table| table.step.kind == Measure::Branches);
    for table in joined.into_iter().flat_map(|at| &lowering.tables[at + 1..]) {
        if table.reads_scores() && !table.reads_weights() {
            let text = Text::new(
                "chooses among the scores of one attention, and the selection adds up several",
                "要在一个注意力的分数中取舍，而所选的选择方式把几个注意力相加",
            );
            issues.push(Issue::new(format!("{}.id", table.step.path), text));
        }
    }
    for finish in &lowering.finish {
        issues.extend(finish.check(dims));
    }
    issues
}

/// Computes what a problem waits for. `inputs` are the tensors as given, of the sizes [`Lowering::dims`].
///
/// # Errors
/// Tensors or a problem whose sizes don't fit, tables beyond [`MAX_TABLE_BYTES`], and what a step can't do with these sizes.
pub fn compute(problem: &Problem, inputs: &Inputs) -> Result<Lowered, Issues> {
    let Some(lowering) = problem.lowering.as_deref().filter(|lowering| !lowering.done) else {
        return Ok(Lowered { inputs: inputs.clone(), tables: Vec::new() });
    };
    let mut issues = plan::check_dims(&lowering.dims);
    issues.extend(plan::check(problem));
    if !issues.is_empty() {
        return Err(Issues(issues));
    }
    let mut frame = Frame::new(lowering.dims, &problem.offset, inputs.clone())?;
    for transform in &lowering.transforms {
        match transform {
            Transform::Encode(encoding) => frame.encode(encoding),
            Transform::Rotate(rotation) => frame.rotate(rotation),
            Transform::Change(step) => change::apply(step, &mut frame)?,
        }
    }
    if frame.dims != problem.dims {
        let text = Text::new("its changes of Q and K give other sizes", "对 Q、K 的变换得到了不同的尺寸");
        return Err(Issue::new("dims", text).into());
    }
    let mut rest = Problem { lowering: None, ..problem.clone() };
    let mut later = lowering.tables.clone();
    let mut tables = Vec::with_capacity(lowering.tables.len());
    while !later.is_empty() {
        let table = later.remove(0);
        // Of several branches, the scores and masks of the one that reads it.
        let of_branch = later.iter().flat_map(|later| &later.branches).find(|branch| awaits(branch, &table.name));
        let source = of_branch.unwrap_or(&rest);
        let plan = match (table.reads_weights(), table.reads_scores()) {
            // Every other table is there by now.
            (true, _) => Some(Plan::compile(&rest)?),
            (_, true) => Some(Plan::compile(&ready(source))?),
            _ => None,
        };
        let data = measure::compute(&table, &frame, (&lowering.dims, inputs), plan.as_ref())?;
        let shared = Arc::new(data.clone());
        put(&mut rest, &table.name, &shared);
        later.iter_mut().flat_map(|later| &mut later.branches).for_each(|branch| put(branch, &table.name, &shared));
        tables.push(data);
    }
    Ok(Lowered { inputs: frame.inputs, tables })
}

/// Lowers a problem: afterwards it waits for nothing, and `inputs` are its tensors.
///
/// # Errors
/// As [`compute`].
pub fn lower(problem: &mut Problem, inputs: &mut Inputs) -> Result<(), Issues> {
    let lowered = compute(problem, inputs)?;
    settle(problem, lowered.tables);
    *inputs = lowered.inputs;
    Ok(())
}

/// Puts the tables of a [`Lowered`] into the terms that wait for them.
pub fn settle(problem: &mut Problem, tables: Vec<Data>) {
    let Some(mut lowering) = problem.lowering.take() else { return };
    for (derived, data) in lowering.tables.iter().zip(tables) {
        let kind = derived.step.kind;
        if let DataValues::Float(computed) = &data.values {
            let waiting = lowering.finish.iter_mut().find_map(|finish| match finish {
                Finish::Gate { values } if kind == Measure::Gate && values.is_empty() => Some(values),
                Finish::Add { values } if kind.is_addend() && values.is_empty() => Some(values),
                Finish::Blend { values } if kind == Measure::Blend && values.is_empty() => Some(values),
                _ => None,
            });
            waiting.into_iter().for_each(|values| values.clone_from(computed));
        }
        put(problem, &derived.name, &Arc::new(data));
    }
    // They are in the problem now.
    lowering.tables.iter_mut().for_each(|table| table.branches.clear());
    lowering.done = true;
    problem.lowering = Some(lowering);
}

/// Changes the output of a run, `[batch, q_heads, n_q, d_v]`, as the problem's lowering says.
pub fn finish(problem: &Problem, y: &mut Vec<f32>) {
    for step in problem.lowering.iter().flat_map(|lowering| &lowering.finish) {
        step.apply(&problem.dims, y);
    }
}

/// A table that is computed later: it has no shape yet.
fn waiting(values: DataValues) -> Data {
    Data { shape: Vec::new(), values, clamp: false }
}

/// Puts a table where one of its name is waited for.
fn put(problem: &mut Problem, name: &str, data: &Arc<Data>) {
    for term in terms_mut(problem) {
        if let Some(place) = term.data.get_mut(name).filter(|place| place.shape.is_empty()) {
            *place = data.clone();
        }
    }
}

/// Whether a formula of a problem waits for a table of this name.
fn awaits(problem: &Problem, name: &str) -> bool {
    let Problem { bias_before_cap, bias, masks, probability, .. } = problem;
    let mut terms = bias_before_cap.iter().chain(bias).chain(masks).chain(probability);
    // What a term holds for its siblings is not read by it.
    terms.any(|term| term.data.get(name).is_some_and(|data| data.shape.is_empty()) && term.text.contains(name))
}

/// The problem without the formulas that still wait for a table: what a selection is made from.
fn ready(problem: &Problem) -> Problem {
    let mut problem = problem.clone();
    let here = |term: &Term| term.data.values().all(|data| !data.shape.is_empty());
    problem.bias_before_cap.retain(here);
    problem.bias.retain(here);
    problem.masks.retain(here);
    problem.probability = None;
    problem
}

/// Every formula of a problem.
fn terms_mut(problem: &mut Problem) -> impl Iterator<Item = &mut Term> {
    let Problem { bias_before_cap, bias, masks, probability, .. } = problem;
    bias_before_cap.iter_mut().chain(bias).chain(masks).chain(probability)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests;
