//! What claims read off heads: captured ones, their weights, the pairs that a pattern keeps.

use std::sync::Arc;

use super::answer::{Answers, Ran};
use super::ask::Alter;
use super::settings::{Settings, Slider};
use super::tools::apart;
use crate::analysis::reach::{Bits, Walk};
use crate::analysis::spans::Head;
use crate::attention::{Inputs, Loaded};
use crate::catalogue::{Lang, Text, mask};
use crate::engine::Want;
use crate::experiment::{Experiment, Input, MaskChoice, Stage};

/// Captured texts, and which of their layers are looked at; of the long one few, since each is a megabyte.
const TEXTS: [(&str, &[u32]); 3] =
    [("animal", &[1, 2, 3, 4, 5, 6]), ("code", &[1, 2, 3, 4, 5, 6]), ("lock", &[1, 3, 6])];

const TEXT_NAMES: [Text; 3] = [
    Text::new("a sentence, 16 tokens", "一个句子，16 个词元"),
    Text::new("a line of code, 26 tokens", "一行代码，26 个词元"),
    Text::new("a long text, 500 tokens", "一篇长文，500 个词元"),
];

/// Which captured text, as a slider that stands on `usual`.
pub const fn text(usual: f64) -> Slider {
    Slider {
        id: "text",
        name: Text::new("captured text", "采集的文本"),
        stops: &[0.0, 1.0, 2.0],
        names: &TEXT_NAMES,
        usual,
        deeper: 2.0,
    }
}

/// The layers of the chosen text.
pub fn layers(settings: &Settings) -> &'static [u32] {
    TEXTS.get(settings.count("text")).map_or(&[], |(_, layers)| layers)
}

/// A layer of the chosen text.
pub fn captured(settings: &Settings, layer: u32) -> Input {
    let id = TEXTS.get(settings.count("text")).map_or("animal", |(id, _)| id);
    Input::Capture { id: id.to_owned(), layer }
}

/// The matrix of weights beside the output.
pub const WEIGHTS: Want = Want { stats: false, matrix: Some(Stage::Weights) };

/// A mask of the catalogue with parameters.
pub fn pattern(id: &str, params: &[(&str, f64)]) -> MaskChoice {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    MaskChoice { params, ..MaskChoice::of(id) }
}

/// What a mask is called.
pub fn name(id: &str, lang: Lang) -> String {
    mask(id).map_or_else(|| id.to_owned(), |entry| entry.name.get(lang).to_owned())
}

/// The weights of every head; none where the matrix was not wanted.
pub fn heads(ran: &Ran) -> Vec<Head<'_>> {
    let dims = ran.outcome.dims;
    let Some((_, cells)) = &ran.outcome.matrix else { return Vec::new() };
    cells.chunks_exact((dims.n_q * dims.n_k).max(1)).map(|cells| Head::new(cells, dims.n_k)).collect()
}

/// `‖a − b‖ / ‖b‖` of each head's output; empty where they are not as many.
pub fn errors(a: &Ran, b: &Ran) -> Vec<f64> {
    let (a, b) = (&a.outcome, &b.outcome);
    let size = (b.dims.n_q * b.dims.d_v).max(1);
    if a.y.len() != b.y.len() {
        return Vec::new();
    }
    a.y.chunks_exact(size).zip(b.y.chunks_exact(size)).filter_map(|(a, b)| apart(a, b)).collect()
}

/// Queries of zeros: every allowed key scores 0, so the exponential of a row's log-sum-exp is their number.
pub fn counting() -> Alter {
    Alter::new(|loaded| {
        let q = Arc::new(vec![0.0; loaded.inputs.q.len()]);
        Loaded { inputs: Inputs { q, ..loaded.inputs.clone() }, ..loaded.clone() }
    })
}

/// Pairs that a pattern keeps, over all heads: of a run over [`counting`] queries without biases.
pub fn pairs(ran: &Ran) -> f64 {
    ran.outcome.lse.iter().map(|&lse| f64::from(lse).exp()).sum()
}

/// The share of the permitted pairs of head 0 that are reached after 1, 2, … layers, until nothing is added; permitted are all pairs, or with `causal`
/// those up to the query's own place.
pub fn reached(ran: &Ran, causal: bool) -> Vec<f64> {
    let dims = ran.outcome.dims;
    let Some((_, cells)) = &ran.outcome.matrix else { return Vec::new() };
    let seen = |q: usize, k: usize| cells.get(q * dims.n_k + k).is_some_and(|&w| w > 0.0);
    let permitted = Bits::of(dims.n_q, dims.n_k, |q, k| !causal || k <= q);
    let mut walk = Walk::new(vec![Bits::of(dims.n_q, dims.n_k, seen)], vec![0], permitted);
    let mut shares = Vec::new();
    loop {
        let so_far = walk.so_far();
        shares.push(so_far.reached as f64 / so_far.permitted.max(1) as f64);
        let Some(end) = walk.advance(dims.n_q) else { continue };
        if end.reached > so_far.reached {
            shares.push(end.reached as f64 / end.permitted.max(1) as f64);
        }
        return shares;
    }
}

/// Layers after which everything permitted is reached; nothing where that never happens.
pub fn full(shares: &[f64]) -> Option<usize> {
    shares.iter().position(|&share| share >= 1.0).map(|at| at + 1)
}

/// The runs of `what` on every layer that the slider chooses, as far as they are there.
pub fn on_layers<'a>(settings: &Settings, answers: &'a Answers, what: &str) -> Vec<(u32, &'a Ran)> {
    let run = |&layer: &u32| Some((layer, answers.ran(&format!("L{layer}/{what}"))?));
    layers(settings).iter().filter_map(run).collect()
}

/// The key of a run on a captured layer.
pub fn on(layer: u32, what: &str) -> String {
    format!("L{layer}/{what}")
}

/// Attention over a captured layer as it was captured.
pub fn plain(settings: &Settings, layer: u32) -> Experiment {
    super::ask::subject(captured(settings, layer))
}

#[cfg(test)]
pub mod doctor {
    //! Changes of measured answers that several claims are tested by.

    use super::super::answer::{Answer, Answers};

    /// Replaces the matrices and outputs of runs whose key `is` says.
    pub fn runs(answers: &mut Answers, is: impl Fn(&str) -> bool, change: impl Fn(&mut super::Ran)) {
        for (key, answer) in answers.iter_mut() {
            if let (true, Answer::Ran(ran)) = (is(key), answer) {
                change(ran);
            }
        }
    }

    /// Gives every row the weights that `of(query, key)` says.
    pub fn weights(ran: &mut super::Ran, of: impl Fn(usize, usize) -> f32) {
        let dims = ran.outcome.dims;
        if let Some((_, cells)) = &mut ran.outcome.matrix {
            for (at, cell) in cells.iter_mut().enumerate() {
                *cell = of(at / dims.n_k % dims.n_q, at % dims.n_k);
            }
        }
    }

    /// The output of one run in place of another's, a share `off` of it beside.
    pub fn output(answers: &mut Answers, of: &str, from: &str, off: f32) {
        let y: Option<Vec<f32>> = answers.ran(from).map(|ran| ran.outcome.y.iter().map(|y| y * (1.0 + off)).collect());
        if let (Some(y), Some(Answer::Ran(ran))) = (y, answers.get_mut(of)) {
            ran.outcome.y = y;
        }
    }
}
