//! The plan: a problem with every formula compiled and every table made. A closed set of inputs for kernels, which never learn a name.

mod position;
mod reals;
mod sizes;
mod turns;

use std::ops::Range;

use super::dims::Dims;
use super::late;
use super::problem::{Normaliser, Problem, Term};
use super::rules::RowRules;
use super::tiles::TileMap;
use crate::catalogue::{self, Text};
use crate::experiment::{Issue, Issues, Patch};
use crate::formula::{self, Bound, DataDecl, Kind, Scope, Sizes, Values};

pub use position::Encodings;
pub use reals::check as check_reals;
pub use sizes::{MAX_BYTES, check, check_dims};
pub use turns::Turns;

/// A problem, compiled: what engines read.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Sizes.
    pub dims: Dims,
    /// Whether tensors were changed, tables computed, and the output is changed afterwards: told in [`Plan::order`].
    pub lowered: [bool; 3],
    /// `q_pos = q + offset[b % len]`; empty means 0.
    pub offset: Vec<i32>,
    /// Rows added to Q and K.
    pub encoding: Option<Encodings>,
    /// Rotation of Q and K, after the encodings.
    pub rotation: Option<Turns>,
    /// Factor on Q·K.
    pub scale: f32,
    /// Score formulas before the softcap.
    pub bias_before_cap: Vec<Bound>,
    /// `c · tanh(s / c)`.
    pub softcap: Option<f32>,
    /// Score formulas after the softcap.
    pub bias: Vec<Bound>,
    /// Mask formulas, and-ed.
    pub masks: Vec<Bound>,
    /// Rectangles over the masks; the last one that holds a cell decides it.
    pub paint: Vec<Patch>,
    /// One logit per head in the softmax without a value.
    pub sink: Option<Vec<f32>>,
    /// Scores to weights.
    pub normaliser: Normaliser,
    /// Formula over the weights.
    pub probability: Option<Bound>,
}

impl Plan {
    /// Compiles a problem.
    ///
    /// # Errors
    /// Every size that does not fit (`dims.…`), every number that makes no sense (`scale`, `softcap`, `sink`, `rotation`, …) and every formula
    /// that does not compile or that reads outside a table, each with the path of its field. Nothing panics, whatever the problem holds.
    pub fn compile(problem: &Problem) -> Result<Plan, Issues> {
        let mut issues = sizes::check(problem);
        if problem.waits() {
            let text = Text::new(
                "what depends on the contents of Q and K was not computed yet",
                "依赖 Q、K 内容的部分尚未计算",
            );
            issues.push(Issue::new("", text));
        }
        if !issues.is_empty() {
            // Formulas and tables are made for the sizes; with wrong sizes their errors would only confuse.
            return Err(Issues(issues));
        }
        let dims = problem.dims;
        let sizes = sizes_of(problem);
        let mut all = |terms: &[Term], kind: Kind| -> Vec<Bound> {
            let mut bounds = Vec::with_capacity(terms.len());
            for term in terms {
                match bind(term, kind, &sizes) {
                    Ok(bound) => bounds.push(bound),
                    Err(issue) => issues.push(issue),
                }
            }
            bounds
        };
        let bias_before_cap = all(&problem.bias_before_cap, Kind::Score);
        let bias = all(&problem.bias, Kind::Score);
        let masks = all(&problem.masks, Kind::Mask);
        let probability = all(problem.probability.as_slice(), Kind::Probability).pop();
        if !issues.is_empty() {
            return Err(Issues(issues));
        }
        let offsets = distinct_offsets(problem);
        Ok(Plan {
            dims,
            lowered: problem.lowering.as_ref().map_or([false; 3], |lowering| {
                [!lowering.transforms.is_empty(), !lowering.tables.is_empty(), !lowering.finish.is_empty()]
            }),
            offset: problem.offset.clone(),
            encoding: problem
                .encoding
                .as_ref()
                .zip(late::encodings())
                .map(|(encoding, make)| make(encoding, &dims, &offsets)),
            rotation: problem
                .rotation
                .as_ref()
                .zip(late::turns())
                .map(|(rotation, make)| make(rotation, &dims, &offsets)),
            scale: problem.scale,
            bias_before_cap,
            softcap: problem.softcap,
            bias,
            masks,
            paint: problem.paint.clone(),
            sink: problem.sink.clone(),
            normaliser: problem.normaliser,
            probability,
        })
    }

    /// `q_pos − q` in sequence `batch`.
    pub fn offset_of(&self, batch: usize) -> i32 {
        if self.offset.is_empty() { 0 } else { self.offset[batch % self.offset.len()] }
    }

    /// Rows `rows` of one head's queries (`q_head`, `[n_q, d]`) as the scores see them: encodings added, then rotated. `out` is
    /// `[rows.len(), d]`.
    pub fn prepare_q(&self, batch: usize, rows: Range<usize>, q_head: &[f32], out: &mut [f32]) {
        let d = self.dims.d;
        out.copy_from_slice(&q_head[rows.start * d..rows.end * d]);
        if let Some(encoding) = &self.encoding {
            encoding.add_q(batch, rows.clone(), out);
        }
        if let Some(turns) = &self.rotation {
            turns.turn_q(batch, rows, d, out);
        }
    }

    /// Rows `rows` of one head's keys (`k_head`, `[n_k, d]`) as the scores see them; as [`Plan::prepare_q`].
    pub fn prepare_k(&self, rows: Range<usize>, k_head: &[f32], out: &mut [f32]) {
        let d = self.dims.d;
        out.copy_from_slice(&k_head[rows.start * d..rows.end * d]);
        if let Some(encoding) = &self.encoding {
            encoding.add_k(rows.clone(), out);
        }
        if let Some(turns) = &self.rotation {
            turns.turn_k(rows, d, out);
        }
    }

    /// Whether Q and K change before the product; otherwise kernels read them as they are.
    pub fn transforms(&self) -> bool {
        self.encoding.is_some() || self.rotation.is_some()
    }

    /// Whether the scores are `scale · Q·K` and nothing else.
    pub fn scores_plain(&self) -> bool {
        self.bias_before_cap.is_empty() && self.softcap.is_none() && self.bias.is_empty()
    }

    /// The same plan with formulas that can be derived by their parameters and tables: see [`Bound::kept`].
    #[must_use]
    pub fn kept(&self) -> Self {
        let kept = |bounds: &[Bound]| bounds.iter().map(Bound::kept).collect();
        Self {
            bias_before_cap: kept(&self.bias_before_cap),
            bias: kept(&self.bias),
            probability: self.probability.as_ref().map(Bound::kept),
            ..self.clone()
        }
    }

    /// Whether any key may be masked.
    pub fn masked(&self) -> bool {
        !self.masks.is_empty() || !self.paint.is_empty()
    }

    /// Whether a weight needs a number of its whole row, known as the row's log-sum-exp: that, or the threshold of sparsemax and entmax. A sigmoid
    /// does not: its rows need no maximum and no second pass.
    pub fn sums(&self) -> bool {
        !matches!(self.normaliser, Normaliser::Sigmoid | Normaliser::SquaredRelu | Normaliser::Exponential)
    }

    /// Whether one pass is enough, with weights that are scaled when the sum is known.
    pub fn online(&self) -> bool {
        self.exponential() && self.probability.is_none()
    }

    /// Whether weights are exponentials over the sum of their row, so that a sink can take part in it.
    pub fn exponential(&self) -> bool {
        exponential(self.normaliser)
    }

    /// The logit without a value that takes part in the softmax of `head`: the sink, 0 for off-by-one, nothing else.
    /// With both, they add: `ln(1 + e^sink)`.
    pub fn sink_of(&self, head: usize) -> Option<f32> {
        self.normaliser.sink(self.sink.as_ref().map(|sink| sink[head]))
    }

    /// Added to every score inside the sigmoid normaliser: `−ln n_k` (Ramapuram et al. 2024, section 3.1).
    pub fn sigmoid_bias(&self) -> f32 {
        -(self.dims.n_k.max(1) as f32).ln()
    }

    /// The `(batch, head)` whose mask stands for this one's: maps are equal where the keys are. Heads share where no mask reads `h` and no
    /// rectangle names a head; batch entries where no mask reads `b` and the offsets agree or are not read.
    pub fn mask_key(&self, batch: usize, head: usize) -> (usize, usize) {
        let same_heads =
            self.masks.iter().all(Bound::uniform_over_heads) && self.paint.iter().all(|p| p.head.is_none());
        let same_batch = self.masks.iter().all(Bound::uniform_over_batch);
        (if same_batch { 0 } else { batch }, if same_heads { 0 } else { head })
    }

    /// The map of live tiles of `rows × cols` cells. Kernels cache it by [`Plan::mask_key`].
    pub fn tiles(&self, batch: usize, head: usize, rows: usize, cols: usize) -> TileMap {
        TileMap::new(self, &mut RowRules::new(self, cols), batch, head, rows, cols)
    }

    /// Names of the slots that do something, in the order of the pipeline.
    pub fn order(&self) -> Vec<&'static str> {
        let [transformed, derived, finished] = self.lowered;
        let slots = [
            ("transform", transformed),
            ("derive", derived),
            ("encoding", self.encoding.is_some()),
            ("rotation", self.rotation.is_some()),
            ("product", true),
            ("scale", self.scale != 1.0),
            ("bias_before_cap", !self.bias_before_cap.is_empty()),
            ("softcap", self.softcap.is_some()),
            ("bias", !self.bias.is_empty()),
            ("mask", !self.masks.is_empty()),
            ("paint", !self.paint.is_empty()),
            ("sink", self.sink.is_some()),
            ("normaliser", true),
            ("probability", self.probability.is_some()),
            ("values", true),
            ("finish", finished),
        ];
        slots.into_iter().filter_map(|(name, used)| used.then_some(name)).collect()
    }
}

/// Whether weights are exponentials over their sum.
fn exponential(normaliser: Normaliser) -> bool {
    matches!(normaliser, Normaliser::Softmax | Normaliser::OffByOne)
}

/// The offsets that tables are made for: one a batch entry, or one that all share.
fn distinct_offsets(problem: &Problem) -> Vec<i32> {
    match problem.offset.as_slice() {
        [] => vec![0],
        all => {
            let used = &all[..all.len().min(problem.dims.batch.max(1))];
            if used.iter().all(|&o| o == used[0]) { vec![used[0]] } else { all.to_vec() }
        }
    }
}

/// The sizes that formulas see.
pub(super) fn sizes_of(problem: &Problem) -> Sizes {
    let Dims { batch, q_heads, n_q, n_k, .. } = problem.dims;
    Sizes {
        batch: batch as i32,
        heads: q_heads as i32,
        n_q: n_q as i32,
        n_k: n_k as i32,
        offset: problem.offset.clone(),
    }
}

/// The names that a formula's own values declare.
pub fn scope(term: &Term) -> Scope {
    Scope {
        params: term.params.iter().map(|(name, value)| (name.clone(), value.ty())).collect(),
        data: term
            .data
            .iter()
            .map(|(name, data)| DataDecl { name: name.clone(), ty: data.values.ty(), dims: data.shape.len() })
            .collect(),
    }
}

/// Compiles one formula against the names its own values declare.
pub(super) fn bind(term: &Term, kind: Kind, sizes: &Sizes) -> Result<Bound, Issue> {
    let issue =
        |error: formula::FormulaError| Issue::new(term.path.clone(), error.with_index(catalogue::index_of).to_string());
    let values = Values { sizes: sizes.clone(), params: term.params.clone(), data: term.data.clone() };
    formula::compile(&term.text, kind, &scope(term)).map_err(issue)?.bind(&values).map_err(issue)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::{Axes, Beyond, Decay, Encoding, Rotation, Stretch};

    fn plain() -> Problem {
        Problem::plain(Dims { batch: 1, q_heads: 4, kv_heads: 2, n_q: 8, n_k: 8, d: 4, d_v: 4 })
    }

    fn paths(change: impl Fn(&mut Problem)) -> Vec<String> {
        let mut problem = plain();
        change(&mut problem);
        Plan::compile(&problem).err().map_or_else(Vec::new, |issues| issues.0.into_iter().map(|i| i.path).collect())
    }

    #[test]
    fn every_wrong_number_is_named() {
        assert!(paths(|_| {}).is_empty());
        assert_eq!(paths(|p| p.dims.kv_heads = 3), ["dims.kv_heads"]);
        assert_eq!(paths(|p| (p.dims.d, p.dims.n_k) = (0, 0)), ["dims.n_k", "dims.d"]);
        assert_eq!(paths(|p| p.dims.n_q = usize::MAX), ["dims.n_q", "dims"]);
        assert_eq!(paths(|p| (p.dims.n_k, p.dims.d) = (1 << 20, 1 << 10)), ["dims"]);
        assert_eq!(paths(|p| p.offset = vec![0, i32::MIN]), ["offset[1]"]);
        assert_eq!(paths(|p| p.scale = f32::INFINITY), ["scale"]);
        assert_eq!(paths(|p| p.softcap = Some(0.0)), ["softcap"]);
        assert_eq!(paths(|p| p.sink = Some(vec![0.0; 3])), ["sink_logit"]);
        assert_eq!(paths(|p| p.sink = Some(vec![f32::NAN; 4])), ["sink_logit"]);
        assert_eq!(paths(|p| p.rotation = Some(Rotation::new(0.0, 3, false))).len(), 2);
        let rotation = Rotation {
            stretch: Stretch::Bands { factor: f64::NAN, trained: 0, slow: 4.0, fast: 4.0 },
            magnitude: f64::INFINITY,
            axes: Axes::Frames { height: 0, width: usize::MAX },
            decay: Some(Decay { gamma: 0.0, scale: f64::NAN }),
            ..Rotation::new(1e4, 4, false)
        };
        let named = ["", ".factor", ".trained", ".fast", ".width", ".height", ".gamma", ".scale"];
        let named =
            named.map(|name| if name.is_empty() { "position".to_owned() } else { format!("position.params{name}") });
        assert_eq!(paths(|p| p.rotation = Some(rotation.clone())), named);
        assert_eq!(
            paths(
                |p| p.encoding = Some(Encoding::Learned { trained: 0, seed: 0, gain: f32::NAN, beyond: Beyond::Wrap })
            )
            .len(),
            2
        );
        assert_eq!(paths(|p| p.paint.push(Patch { head: Some(4), q: [3, 3], k: [0, 9], allow: true })).len(), 3);
    }

    #[test]
    fn every_wrong_formula_is_named() {
        let found = paths(|p| {
            p.masks.push(Term::new("mask.custom.text", "k <= windw"));
            p.bias.push(Term::new("score.text", "s +"));
            p.probability = Some(Term::new("prob", "p * 2"));
        });
        let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, ["mask.custom.text", "score.text"]);
    }

    #[test]
    fn the_order_names_what_is_used() {
        let mut problem = plain();
        problem.softcap = Some(2.0);
        problem.bias_before_cap.push(Term::new("score", "s + 1.0"));
        problem.masks.push(Term::new("mask", "k <= q_pos"));
        let plan = Plan::compile(&problem).unwrap();
        let order = ["product", "scale", "bias_before_cap", "softcap", "mask", "normaliser", "values"];
        assert_eq!(plan.order(), order);
        assert!(plan.masked() && !plan.scores_plain() && !plan.transforms());
    }

    #[test]
    fn masks_that_differ_by_head_or_sequence_have_keys_of_their_own() {
        let key = |mask: &str, offset: Vec<i32>, head: Option<usize>| {
            let mut problem = plain();
            problem.dims.batch = 2;
            problem.offset = offset;
            problem.masks.push(Term::new("mask", mask));
            problem.paint.push(Patch { head, q: [0, 1], k: [0, 1], allow: true });
            Plan::compile(&problem).unwrap().mask_key(1, 3)
        };
        assert_eq!(key("k <= q_pos", vec![], None), (0, 0));
        assert_eq!(key("k <= q_pos", vec![2, 2], None), (0, 0));
        assert_eq!(key("k <= q_pos", vec![2, 3], None), (1, 0));
        assert_eq!(key("k <= q", vec![2, 3], Some(1)), (0, 3));
        assert_eq!(key("k <= h + b", vec![], None), (1, 3));
    }

    #[test]
    fn a_sink_and_off_by_one_add_up() {
        let mut problem = plain();
        problem.normaliser = Normaliser::OffByOne;
        problem.sink = Some(vec![-50.0, 0.0, 2.0, 80.0]);
        let plan = Plan::compile(&problem).unwrap();
        for (head, sink) in [-50.0_f64, 0.0, 2.0, 80.0].into_iter().enumerate() {
            let both = f64::from(plan.sink_of(head).unwrap());
            assert!((both - (1.0 + sink.exp()).ln()).abs() < 1e-5 * (1.0 + sink.abs()), "{both} {sink}");
        }
    }
}
