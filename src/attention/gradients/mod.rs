//! Derivatives of an attention problem in double precision: by Q, K and V, and by every number that the problem declares. The judge of faster kernels.
//!
//! The problem is taken backwards slot by slot, with each row's weights computed again. Formulas are derived by [`crate::formula::Slopes`], which
//! says what happens at kinks. What chooses among keys is a step: a mask, the keys of the highest scores, buckets and clusters. Where it chooses, it does not change by a little,
//! so the derivative is that of attention among the keys that were chosen.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | tensors forwards and backwards; what is refused |
//! | `head` | one head, row by row |
//! | `row` | normalisers |
//! | `named` | derivatives by parameters and tables, by their names |

mod head;
mod named;
mod row;

use super::dims::{Dims, Inputs};
use super::lowering::{Finish, Measure, Transform};
use super::plan::{Encodings, Plan, Turns};
use super::problem::Problem;
use crate::catalogue::Text;
use crate::experiment::{Issue, Issues, message};
use crate::formula::Ty;
use head::{Back, Head};

pub use head::Sums;
pub use named::{Named, named, shapes};
pub use row::by_sink;

/// Q, K and V in double precision, or what a derivative by them is. Laid out as [`Inputs`].
#[derive(Clone, Debug, PartialEq)]
pub struct Tensors {
    /// Queries `[batch, q_heads, n_q, d]`.
    pub q: Vec<f64>,
    /// Keys `[batch, kv_heads, n_k, d]`.
    pub k: Vec<f64>,
    /// Values `[batch, kv_heads, n_k, d_v]`.
    pub v: Vec<f64>,
}

impl From<&Inputs> for Tensors {
    fn from(inputs: &Inputs) -> Self {
        let wide = |tensor: &[f32]| tensor.iter().map(|&x| f64::from(x)).collect();
        Self { q: wide(&inputs.q), k: wide(&inputs.k), v: wide(&inputs.v) }
    }
}

/// Query heads that share keys and values, in one sequence: what is derived at a time. Its rows of dQ, dK and dV are nobody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Sequence.
    pub batch: usize,
    /// Head of keys and values.
    pub kv_head: usize,
}

impl Group {
    /// Every one, in the order of the tensors.
    pub fn all(dims: &Dims) -> impl Iterator<Item = Self> + use<> {
        let Dims { batch, kv_heads, .. } = *dims;
        (0..batch).flat_map(move |batch| (0..kv_heads).map(move |kv_head| Self { batch, kv_head }))
    }
}

/// What a problem can't be derived by, with the field at fault. A problem that is refused nothing may be derived.
pub fn check(problem: &Problem) -> Vec<Issue> {
    let Some(lowering) = &problem.lowering else { return Vec::new() };
    let mut issues: Vec<Issue> = Vec::new();
    let mut refuse = |path: &str| {
        if issues.iter().all(|issue| issue.path != path) {
            let text = Text::new(
                "has no gradients here: it computes numbers from Q and K that they would have to go through",
                "此处没有梯度：它由 Q、K 计算出一些数，而梯度须经过它们",
            );
            issues.push(Issue::new(path.to_owned(), text));
        }
    };
    for transform in &lowering.transforms {
        if let Transform::Change(step) = transform {
            refuse(&step.path);
        }
    }
    for table in &lowering.tables {
        // Tables of booleans and whole numbers are steps.
        if table.ty == Ty::Float && table.step.kind != Measure::ColumnSums || !table.branches.is_empty() {
            refuse(&table.step.path);
        }
    }
    for finish in &lowering.finish {
        match finish {
            Finish::MixHeads { .. } | Finish::Hold { .. } => {}
            Finish::Gate { .. } | Finish::MixBlocks { .. } | Finish::Add { .. } | Finish::Blend { .. } => {
                if issues.is_empty() {
                    let text = Text::new("has no gradients here", "此处没有梯度");
                    issues.push(Issue::new("layout.id", text));
                }
            }
        }
    }
    issues
}

/// A problem to be derived, whose tables are computed, with what turns and encodes its Q and K.
pub struct Gradients<'a> {
    problem: &'a Problem,
    plan: &'a Plan,
    steps: Vec<Step>,
    by_column: bool,
}

/// A change of Q and K whose derivative does not depend on them.
enum Step {
    Add(Encodings),
    Turn(Turns),
}

impl<'a> Gradients<'a> {
    /// Of a problem and its plan.
    ///
    /// # Errors
    /// What [`check`] says.
    pub fn new(problem: &'a Problem, plan: &'a Plan) -> Result<Self, Issues> {
        let issues = check(problem);
        if !issues.is_empty() {
            return Err(Issues(issues));
        }
        let dims = plan.dims;
        let offsets = if problem.offset.is_empty() { vec![0] } else { problem.offset.clone() };
        let lowering = problem.lowering.as_deref();
        let mut steps = Vec::new();
        for transform in lowering.iter().flat_map(|lowering| &lowering.transforms) {
            match transform {
                Transform::Encode(encoding) => steps.push(Step::Add(Encodings::new(encoding, &dims, &offsets))),
                Transform::Rotate(rotation) => steps.push(Step::Turn(Turns::new(rotation, &dims, &offsets))),
                // Refused above.
                Transform::Change(_) => {}
            }
        }
        steps.extend(plan.encoding.clone().map(Step::Add));
        steps.extend(plan.rotation.clone().map(Step::Turn));
        let column = lowering.and_then(|all| all.tables.iter().find(|t| t.step.kind == Measure::ColumnSums));
        let by_column =
            column.is_some_and(|column| problem.bias.last().is_some_and(|term| term.data.contains_key(&column.name)));
        if column.is_some() && !by_column {
            let text =
                Text::new("its sums over queries are not the last score formula", "其对查询的和不是最后一个分数公式");
            return Err(Issue::new("normaliser.id", text).into());
        }
        Ok(Self { problem, plan, steps, by_column })
    }

    /// The output `[batch, q_heads, n_q, d_v]` of tensors as they are given: that of [`super::reference`], with formulas, encodings and rotations in double precision too.
    pub fn forward(&self, tensors: &Tensors) -> Vec<f64> {
        let dims = self.plan.dims;
        let mut sums = Sums::new(self.plan);
        let mut y = Vec::with_capacity(dims.y_len());
        for batch in 0..dims.batch {
            for head in 0..dims.q_heads {
                let (q, k) = self.prepared(tensors, batch, head);
                y.extend(self.head(batch, head, &q, &k, self.values(tensors, batch, head)).forward(&mut sums));
            }
        }
        self.finish(&mut y, false);
        y
    }

    /// Derivatives by Q, K and V of all heads, from those by the output, `[batch, q_heads, n_q, d_v]`.
    pub fn all(&self, tensors: &Tensors, dy: &[f64]) -> (Tensors, Sums) {
        let (mut q, mut k, mut v) = (Vec::new(), Vec::new(), Vec::new());
        let mut sums = Sums::new(self.plan);
        let dy = self.unfinished(dy);
        for group in Group::all(&self.plan.dims) {
            let part = self.group(tensors, &dy, group, &mut sums);
            q.extend(part.q);
            k.extend(part.k);
            v.extend(part.v);
        }
        (Tensors { q, k, v }, sums)
    }

    /// The derivatives by what the kernels give, from those by the output after what is done to it.
    pub fn unfinished(&self, dy: &[f64]) -> Vec<f64> {
        let mut dy = dy.to_vec();
        self.finish(&mut dy, true);
        dy
    }

    /// Derivatives by the tensors of one group: the rows of its query heads, and of its head of keys and values. `dy` is of all heads, as
    /// [`Gradients::unfinished`] gives it.
    pub fn group(&self, tensors: &Tensors, dy: &[f64], group: Group, sums: &mut Sums) -> Tensors {
        let dims = self.plan.dims;
        let Dims { n_q, n_k, d, d_v, .. } = dims;
        let Group { batch, kv_head } = group;
        let mut out = Tensors { q: Vec::new(), k: vec![0.0; n_k * d], v: vec![0.0; n_k * d_v] };
        for head in (0..dims.q_heads).filter(|&head| dims.kv_head(head) == kv_head) {
            let (q, k) = self.prepared(tensors, batch, head);
            let start = (batch * dims.q_heads + head) * n_q * d_v;
            let mut dq = vec![0.0; n_q * d];
            let back = Back { dy: &dy[start..start + n_q * d_v], dq: &mut dq, dk: &mut out.k, dv: &mut out.v };
            self.head(batch, head, &q, &k, self.values(tensors, batch, head)).back(back, sums);
            out.q.extend(dq);
        }
        for turns in
            self.steps.iter().rev().filter_map(|step| if let Step::Turn(turns) = step { Some(turns) } else { None })
        {
            out.q.chunks_exact_mut((n_q * d).max(1)).for_each(|dq| turns.turn_q_back(batch, 0..n_q, d, dq));
            turns.turn_k_back(0..n_k, d, &mut out.k);
        }
        out
    }

    fn head<'b>(&'b self, batch: usize, head: usize, q: &'b [f64], k: &'b [f64], v: &'b [f64]) -> Head<'b> {
        Head { plan: self.plan, batch, head, q, k, v, by_column: self.by_column }
    }

    /// Queries and keys of a head as its scores see them.
    fn prepared(&self, tensors: &Tensors, batch: usize, head: usize) -> (Vec<f64>, Vec<f64>) {
        let Dims { q_heads, kv_heads, n_q, n_k, d, .. } = self.plan.dims;
        let kv = batch * kv_heads + self.plan.dims.kv_head(head);
        let mut q = tensors.q[(batch * q_heads + head) * n_q * d..][..n_q * d].to_vec();
        let mut k = tensors.k[kv * n_k * d..][..n_k * d].to_vec();
        for step in &self.steps {
            match step {
                Step::Add(encodings) => {
                    encodings.add_q(batch, 0..n_q, &mut q);
                    encodings.add_k(0..n_k, &mut k);
                }
                Step::Turn(turns) => {
                    turns.turn_q(batch, 0..n_q, d, &mut q);
                    turns.turn_k(0..n_k, d, &mut k);
                }
            }
        }
        (q, k)
    }

    fn values<'b>(&self, tensors: &'b Tensors, batch: usize, head: usize) -> &'b [f64] {
        let Dims { kv_heads, n_k, d_v, .. } = self.plan.dims;
        &tensors.v[(batch * kv_heads + self.plan.dims.kv_head(head)) * n_k * d_v..][..n_k * d_v]
    }

    /// What is done to the output, or the transpose of it.
    fn finish(&self, y: &mut Vec<f64>, back: bool) {
        let mut steps: Vec<&Finish> = self.problem.lowering.iter().flat_map(|lowering| &lowering.finish).collect();
        if back {
            steps.reverse();
        }
        for step in steps {
            step.apply_wide(&self.plan.dims, y, back);
        }
    }
}

/// What is wrong with derivatives by an output of these sizes that are `length` numbers.
pub fn check_dy(length: usize, dims: &Dims) -> Option<Issue> {
    let wanted = dims.y_len();
    (length != wanted).then(|| {
        let message =
            message!("has {length} numbers; the output has {wanted}", "有 {length} 个数，而输出有 {wanted} 个");
        Issue::new("dY", message)
    })
}
