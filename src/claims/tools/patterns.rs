//! What claims measure of a sparse pattern: what it costs, how far it reaches over layers, and what is lost of captured heads' outputs.

use std::sync::Arc;

use super::super::answer::{Answers, Ran};
use super::super::ask::{Alter, Ask, square, subject};
use super::super::settings::{Settings, Slider};
use super::heads::{WEIGHTS, errors};
use super::texts::{layers, on, on_layers, plain};
use super::{middle, normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Point, Scale, Series};
use crate::analysis::reach::{Bits, Walk};
use crate::analysis::statistics::exponent;
use crate::attention::{Inputs, Loaded};
use crate::catalogue::{Lang, Text, mask};
use crate::experiment::{Algorithm, Backend, EngineChoice, Experiment, MaskChoice, View};

/// Heads that pairs are counted over, and their size, which changes no count.
const HEADS: [usize; 2] = [4, 8];
/// Tokens that reach is followed over.
pub const REACH: usize = 256;
/// Places of the axis: the most tokens, and half as many each time.
const PLACES: u32 = 4;

/// Most tokens.
pub const MOST: Slider = Slider::numbers(
    "n",
    Text::new("most tokens", "最多词元数"),
    &[512.0, 1024.0, 2048.0, 4096.0, 8192.0],
    2048.0,
    8192.0,
);

/// A pattern that is measured.
pub struct Pattern {
    /// Id in the catalogue.
    pub id: &'static str,
    /// Its parameters.
    pub params: &'static [(&'static str, f64)],
    /// Whether it looks back only; dense attention beside it does the same then.
    pub causal: bool,
}

impl Pattern {
    /// The mask.
    pub fn mask(&self) -> MaskChoice {
        pattern(self.id, self.params)
    }

    /// Dense attention of the same direction.
    pub fn dense(&self) -> &'static str {
        if self.causal { "causal" } else { "none" }
    }
}

/// What came of one.
pub struct Found {
    /// Tokens, pairs kept and operations of the kernel.
    pub counts: Vec<[f64; 3]>,
    /// Exponents of pairs and of operations.
    pub exponents: [f64; 2],
    /// At the most tokens: pairs and operations, of those of dense attention in the same direction.
    pub shares: [f64; 2],
    /// Share of the permitted pairs reached after 1, 2, … layers.
    pub reached: Vec<f64>,
    /// Distance from the output of dense attention, median of the captured heads.
    pub error: f64,
}

/// The numbers of tokens.
pub fn places(settings: &Settings) -> Vec<usize> {
    (0..PLACES).rev().map(|halvings| settings.count("n") >> halvings).collect()
}

/// A mask over random tokens.
pub fn random(settings: &Settings, heads: usize, tokens: usize, mask: MaskChoice) -> Experiment {
    let engine = EngineChoice { backend: Backend::Cpu, algorithm: Algorithm::Streaming, ..EngineChoice::default() };
    let input = normal(square(heads, tokens, HEADS[1]), settings.seed());
    Experiment { mask, engine, seed: settings.seed(), ..subject(input) }
}

/// A mask over a captured layer.
pub fn real(settings: &Settings, layer: u32, mask: MaskChoice) -> Experiment {
    Experiment {
        mask,
        seed: settings.seed(),
        view: View { head: 0, query: 0, key: 0, ..View::default() },
        ..plain(settings, layer)
    }
}

/// Everything that [`found`] needs.
pub fn asks(settings: &Settings, patterns: &[Pattern]) -> Vec<Ask> {
    let mut asks = Vec::new();
    let mut dense: Vec<&str> = patterns.iter().map(Pattern::dense).collect();
    dense.sort_unstable();
    dense.dedup();
    for (id, mask) in
        patterns.iter().map(|one| (one.id, one.mask())).chain(dense.iter().map(|id| (*id, MaskChoice::of(id))))
    {
        for n in places(settings) {
            let counted = random(settings, HEADS[0], n, mask.clone());
            asks.push(Ask::run(format!("count/{id}/{n}"), counted).altered(counting()));
        }
        for &layer in layers(settings) {
            asks.push(Ask::run(on(layer, id), real(settings, layer, mask.clone())));
        }
    }
    for one in patterns {
        asks.push(Ask::run(format!("reach/{}", one.id), random(settings, 1, REACH, one.mask())).wanting(WEIGHTS));
    }
    asks
}

fn counts(settings: &Settings, answers: &Answers, id: &str) -> Option<Vec<[f64; 3]>> {
    let at = |n: usize| {
        let ran = answers.ran(&format!("count/{id}/{n}"))?;
        Some([n as f64, pairs(ran), ran.outcome.report.cost.flops])
    };
    places(settings).into_iter().map(at).collect()
}

/// What came of a pattern; nothing before all of it is there.
pub fn found(settings: &Settings, answers: &Answers, of: &Pattern) -> Option<Found> {
    let counts = counts(settings, answers, of.id)?;
    let dense = self::counts(settings, answers, of.dense())?;
    let grows = |column: usize| exponent(&counts.iter().map(|row| (row[0], row[column])).collect::<Vec<_>>());
    let share = |column: usize| Some(counts.last()?[column] / dense.last()?[column]);
    let reached = reached(answers.ran(&format!("reach/{}", of.id))?, of.causal);
    let runs = on_layers(settings, answers, of.id);
    let exact = on_layers(settings, answers, of.dense());
    if runs.len() < layers(settings).len() || exact.len() < runs.len() {
        return None;
    }
    let error = middle(runs.iter().zip(&exact).flat_map(|((_, run), (_, exact))| errors(run, exact)))?;
    let (exponents, shares) = ([grows(1)?, grows(2)?], [share(1)?, share(2)?]);
    Some(Found { exponents, shares, counts, reached, error })
}

/// Operations of each pattern over tokens, with the square.
pub fn costs(of: &[(&Pattern, Option<Found>)], lang: Lang) -> Chart {
    let points = |found: &Option<Found>| -> Vec<Point> {
        found.iter().flat_map(|found| &found.counts).map(|[n, _, flops]| Point::new(*n, *flops)).collect()
    };
    let mut series: Vec<Series> = of
        .iter()
        .enumerate()
        .map(|(slot, (pattern, found))| Series::new(name(pattern.id, lang), Kind::Line, slot, points(found)))
        .collect();
    let first = of.iter().find_map(|(_, found)| found.as_ref()?.counts.first().copied());
    let square = of.iter().find_map(|(_, found)| found.as_ref()).map_or(&[][..], |found| &found.counts);
    let square = square.iter().filter_map(|[n, ..]| Some(Point::new(*n, first?[2] * (n / first?[0]).powi(2))));
    series.push(Series::new("n²", Kind::Theory, of.len(), square));
    Chart {
        title: word(lang, "Operations over tokens", "运算次数与词元数").to_owned(),
        x: Axis::new(word(lang, "tokens", "词元数"), "", Scale::Log2),
        y: Axis::new(word(lang, "operations", "运算次数"), "", Scale::Log10),
        series,
        ..Chart::default()
    }
}

/// The share of pairs reached over layers.
pub fn reaches(of: &[(&Pattern, Option<Found>)], lang: Lang) -> Chart {
    let points = |found: &Option<Found>| -> Vec<Point> {
        let shares = found.iter().flat_map(|found| &found.reached);
        shares.enumerate().map(|(layer, share)| Point::new((layer + 1) as f64, *share)).collect()
    };
    let series = of.iter().enumerate();
    let series =
        series.map(|(slot, (pattern, found))| Series::new(name(pattern.id, lang), Kind::Line, slot, points(found)));
    Chart {
        title: word(lang, "Reach over layers", "可达范围与层数").to_owned(),
        x: Axis::new(word(lang, "layers", "层数"), "", Scale::Log2),
        y: Axis::linear(word(lang, "pairs reached", "可达的位置对"), ""),
        series: series.collect(),
        ..Chart::default()
    }
}

/// A mask of the catalogue with parameters.
pub fn pattern(id: &str, params: &[(&str, f64)]) -> MaskChoice {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    MaskChoice { params, ..MaskChoice::of(id) }
}

/// What a mask is called.
pub fn name(id: &str, lang: Lang) -> String {
    mask(id).map_or_else(|| id.to_owned(), |entry| entry.name.get(lang).to_owned())
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
