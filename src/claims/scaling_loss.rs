//! Whether dividing scores by the root of the head size weakens far associations.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{ROWS, length, mean, middle, normal, some_rows, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale as Ruler, Series, read};
use crate::catalogue::{Lang, Paper, Text};
use crate::engine::{Outcome, Want};
use crate::experiment::{Experiment, Scale, Stage};

/// Head sizes.
const SIZES: [usize; 5] = [8, 16, 32, 64, 128];
/// Heads, over which means are taken.
const HEADS: usize = 4;
/// A weight has changed when it is off by so much.
const CHANGED: f64 = 0.05;
/// Standard errors that a mean over rows is given.
const ERRORS: f64 = 2.0;
/// A row is saturated when one key has so much of it.
const SATURATED: f32 = 0.99;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "scaling-loss",
    title: Text::new("Dividing by √d weakens far associations", "除以 √d 削弱远距离关联"),
    says: Text::new(
        "Dividing the scores by √d weakens associations with far tokens.",
        "将分数除以 √d 会削弱与远处词元的关联。",
    ),
    essays: &[Essay::E2],
    setup: Text::new(
        "Random heads of several sizes with the scale 1/√d and without it. Measured are the weight that goes to the far half of the tokens, the weight of a weak far key (the median key of the far half), that of the strongest far key, entropy, how many rows one key has all to itself, and the length of the gradient by Q.",
        "多种维度的随机头，分别使用与不使用尺度 1/√d。测量：分给远处一半词元的权重、弱的远处键（远半部分的中位键）的权重、最强的远处键的权重、熵、被单个键独占的行数，以及对 Q 的梯度长度。",
    ),
    sliders: &[
        Slider::numbers("n", Text::new("tokens", "词元数"), &[32.0, 64.0, 128.0, 256.0, 512.0], 128.0, 512.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "The scale knows nothing of distance, so only a position scheme could make it act on far tokens in particular. It does flatten the strongest weights, near and far alike.",
        "尺度因子与距离无关，只有位置方案才可能使它专门作用于远处词元。它确实会压低最强的权重，远近皆然。",
    ),
    limits: Text::new(
        "Queries and keys are random. A trained model can learn larger queries and keys and undo any fixed scale; whether it learns more slowly then takes training.",
        "查询与键是随机的。训练中的模型可以学到更大的查询与键，从而抵消任何固定尺度；这是否会使学习变慢，需要训练才能知道。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Introduces the scale: products of d random numbers have the variance d, which pushes the softmax where its gradients are very small.",
                "引入该尺度：d 个随机数的点积方差为 d，会把 Softmax 推到梯度极小的区域。",
            ),
            paper: Paper {
                title: "Vaswani et al., Attention Is All You Need, section 3.2.1",
                year: 2017,
                id: "arXiv:1706.03762",
            },
        },
        Source {
            says: Text::new(
                "Finds that training breaks down where entropy collapses, which larger scores bring about.",
                "发现熵坍缩（由过大的分数引起）会使训练失稳。",
            ),
            paper: Paper {
                title: "Zhai et al., Stabilizing Transformer Training by Preventing Attention Entropy Collapse",
                year: 2023,
                id: "arXiv:2303.06296",
            },
        },
    ],
    measured: true,
};

fn experiment(settings: &Settings, size: usize, scale: Scale) -> Experiment {
    Experiment { scale, ..subject(normal(square(HEADS, settings.count("n"), size), settings.seed())) }
}

fn ways() -> [(&'static str, Scale); 2] {
    [("scaled", Scale::InverseSqrt), ("raw", Scale::None)]
}

fn rule(lang: Lang) -> String {
    let changed = read(100.0 * CHANGED);
    match lang {
        Lang::En => format!(
            "With the scale over without it, at every head size, over at most {ROWS} evenly spaced rows of each head. Supported: the far half has less weight by {changed} % at every size, two standard errors allowed for, or the weak far key has. Refuted: neither has less by {changed} % at any size. Depends: at some sizes."
        ),
        Lang::Zh => format!(
            "在每个头维度上，取有尺度与无尺度之比（每个头至多取等距的 {ROWS} 行）。成立：远半部分的权重在每个维度上都减少 {changed}% 以上（计入两倍标准误），或弱远键如此。不成立：在任何维度上两者都未减少 {changed}%。视条件而定：仅在某些维度上减少。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let want = Want { stats: true, matrix: Some(Stage::Weights) };
    let both = |size: usize| {
        ways().into_iter().flat_map(move |(way, scale)| {
            let of = experiment(settings, size, scale);
            [Ask::run(format!("{way}/{size}"), of.clone()).wanting(want), Ask::gradients(format!("{way}/{size}/d"), of)]
        })
    };
    SIZES.into_iter().flat_map(both).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    let [(_, scaled), (_, raw)] = ways();
    vec![
        Opening::new(Text::new("with the scale, head size 64", "有尺度，头维度 64"), experiment(settings, 64, scaled)),
        Opening::new(Text::new("without it, head size 64", "无尺度，头维度 64"), experiment(settings, 64, raw)),
    ]
}

/// What is measured of a run.
struct Seen {
    /// Weight of the far half, mean over rows.
    far: f64,
    /// Standard error of that mean, of itself.
    unsure: f64,
    /// Weight of the median key of the far half, median over rows.
    weak: f64,
    /// Weight of the strongest key of the far half, mean over rows.
    strong: f64,
    /// Mean entropy, nats.
    entropy: f64,
    /// Share of rows that one key has to itself.
    saturated: f64,
    /// Length of dQ.
    gradient: f64,
}

/// Queries that are looked at, each with the farther half of its keys.
fn far_halves(n: usize) -> Vec<(usize, Vec<usize>)> {
    let half = |query: usize| {
        let mut keys: Vec<usize> = (0..n).collect();
        keys.sort_by_key(|key| std::cmp::Reverse(key.abs_diff(query)));
        keys.truncate(n / 2);
        (query, keys)
    };
    some_rows(n).map(half).collect()
}

/// Of every head and query that is looked at, the weights of the farther half.
fn far_weights(outcome: &Outcome, halves: &[(usize, Vec<usize>)]) -> Option<Vec<Vec<f64>>> {
    let (_, weights) = outcome.matrix.as_ref()?;
    let (n_q, n_k) = (outcome.dims.n_q, outcome.dims.n_k);
    let row = |head: &[f32], query: usize, keys: &[usize]| -> Vec<f64> {
        keys.iter().filter_map(|key| head.get(query * n_k + key)).map(|&weight| f64::from(weight)).collect()
    };
    let heads = weights.chunks_exact((n_q * n_k).max(1));
    Some(heads.flat_map(|head| halves.iter().map(move |(query, keys)| row(head, *query, keys))).collect())
}

fn seen(answers: &Answers, halves: &[(usize, Vec<usize>)], way: &str, size: usize) -> Option<Seen> {
    let outcome = &answers.ran(&format!("{way}/{size}"))?.outcome;
    let gradient = length(&answers.graded(&format!("{way}/{size}/d"))?.qkv[0]);
    let rows = far_weights(outcome, halves)?;
    let each = |of: fn(&[f64]) -> f64| rows.iter().map(|row| of(row)).collect::<Vec<f64>>();
    let peaks = outcome.peak.iter().filter(|peak| **peak > SATURATED).count();
    let entropy: Vec<f64> = outcome.entropy.iter().map(|&nats| f64::from(nats)).collect();
    let far = each(|row| row.iter().sum());
    let mass = mean(&far)?;
    let spread = mean(&far.iter().map(|x| (x - mass).powi(2)).collect::<Vec<_>>())?;
    Some(Seen {
        far: mass,
        unsure: (spread / far.len() as f64).sqrt() / mass.max(f64::MIN_POSITIVE),
        weak: middle(each(|row| middle(row.iter().copied()).unwrap_or_default()))?,
        strong: mean(&each(|row| row.iter().copied().fold(0.0, f64::max)))?,
        entropy: mean(&entropy)?,
        saturated: peaks as f64 / outcome.peak.len().max(1) as f64,
        gradient,
    })
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let halves = far_halves(settings.count("n"));
    let w = |en, zh| word(lang, en, zh);
    let all: Vec<(usize, Seen, Seen)> = SIZES
        .iter()
        .filter_map(|&size| Some((size, seen(answers, &halves, "scaled", size)?, seen(answers, &halves, "raw", size)?)))
        .collect();
    let mut table = Table::new(
        w("With the scale / without it", "有尺度／无尺度"),
        &[
            w("head size", "头维度"),
            w("weight of the far half", "远半部分权重"),
            w("weak far key", "弱远键"),
            w("strongest far key", "最强远键"),
            w("entropy, nats", "熵，纳特"),
            w("saturated rows, %", "饱和行，%"),
            w("length of dQ", "dQ 的长度"),
        ],
    );
    for (size, scaled, raw) in &all {
        let pair = |of: fn(&Seen) -> f64| format!("{} / {}", read(of(scaled)), read(of(raw)));
        table.row([
            size.to_string(),
            pair(|seen| seen.far),
            pair(|seen| seen.weak),
            pair(|seen| seen.strong),
            pair(|seen| seen.entropy),
            pair(|seen| 100.0 * seen.saturated),
            pair(|seen| seen.gradient),
        ]);
    }
    let ratio = |of: fn(&Seen) -> f64| -> Vec<Point> {
        all.iter().map(|(size, scaled, raw)| Point::new(*size as f64, of(scaled) / of(raw))).collect()
    };
    let chart = Chart {
        title: w("With the scale over without it", "有尺度与无尺度之比").to_owned(),
        x: Axis::new(w("head size", "头维度"), "", Ruler::Log2),
        y: Axis::new(w("ratio", "比值"), "", Ruler::Log10),
        series: vec![
            Series::new(w("far half", "远半部分"), Kind::Line, 0, ratio(|seen| seen.far)),
            Series::new(w("weak far key", "弱远键"), Kind::Line, 1, ratio(|seen| seen.weak)),
            Series::new(w("strongest far key", "最强远键"), Kind::Line, 2, ratio(|seen| seen.strong)),
        ],
        marks: vec![Mark::level(1.0, w("unchanged", "不变"))],
        ..Chart::default()
    };
    let line = |of: fn(&Seen) -> f64, scaled: bool| -> Vec<Point> {
        all.iter().map(|(size, a, b)| Point::new(*size as f64, of(if scaled { a } else { b }))).collect()
    };
    let entropy = Chart {
        title: w("Entropy of the rows", "各行的熵").to_owned(),
        x: Axis::new(w("head size", "头维度"), "", Ruler::Log2),
        y: Axis::linear(w("entropy", "熵"), w("nats", "纳特")),
        series: vec![
            Series::new(w("with the scale", "有尺度"), Kind::Line, 0, line(|seen| seen.entropy, true)),
            Series::new(w("without it", "无尺度"), Kind::Line, 1, line(|seen| seen.entropy, false)),
        ],
        ..Chart::default()
    };
    let ratios: Vec<Ratios> = all
        .iter()
        .map(|(_, a, b)| Ratios {
            of: [a.far / b.far, a.weak / b.weak.max(f64::MIN_POSITIVE), a.strong / b.strong],
            far_at_most: a.far / b.far * (1.0 + ERRORS * a.unsure.hypot(b.unsure)),
        })
        .collect();
    let (verdict, because, margin) =
        if ratios.len() == SIZES.len() { verdict(&ratios, lang) } else { Default::default() };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart, entropy] }
}

/// With the scale over without it, at a size.
struct Ratios {
    /// Of the far half, a weak and the strongest far key.
    of: [f64; 3],
    /// The first, as large as its error lets it be.
    far_at_most: f64,
}

fn verdict(ratios: &[Ratios], lang: Lang) -> (Verdict, String, String) {
    let bound = 1.0 - CHANGED;
    let far = ratios.iter().filter(|at| at.far_at_most < bound).count();
    let weak = ratios.iter().filter(|at| at.of[1] < bound).count();
    let verdict = match (far, weak) {
        (0, 0) => Verdict::Refuted,
        (far, weak) if far == ratios.len() || weak == ratios.len() => Verdict::Supported,
        _ => Verdict::Depends,
    };
    let least = |which: usize| ratios.iter().map(|at| at.of[which]).fold(f64::INFINITY, f64::min);
    let most = |which: usize| ratios.iter().map(|at| at.of[which]).fold(0.0, f64::max);
    let [far, weak, strong] = [least(0), least(1), least(2)].map(read);
    let (far_most, weak_most) = (read(most(0)), read(most(1)));
    let because = match (verdict, lang) {
        (Verdict::Refuted, Lang::En) => format!(
            "The far half keeps its weight ({far} to {far_most} times that without the scale) and a weak far key gains ({weak} to {weak_most} times); what shrinks is the strongest weight ({strong} at the least), near and far alike."
        ),
        (Verdict::Refuted, Lang::Zh) => format!(
            "远半部分的权重不变（为无尺度时的 {far} 至 {far_most} 倍），弱远键的权重反而增大（{weak} 至 {weak_most} 倍）；减小的是最强的权重（最低为 {strong} 倍），远近皆然。"
        ),
        (Verdict::Supported, Lang::En) => format!(
            "Far tokens lose weight at every head size: the far half down to {far}, a weak far key down to {weak}."
        ),
        (Verdict::Supported, Lang::Zh) => {
            format!("在每个头维度上远处词元都损失权重：远半部分低至 {far}，弱远键低至 {weak}。")
        }
        (_, Lang::En) => format!(
            "It depends on the head size: the far half has {far} to {far_most} of its weight, a weak far key {weak} to {weak_most}."
        ),
        (_, Lang::Zh) => format!("取决于头维度：远半部分为 {far} 至 {far_most}，弱远键为 {weak} 至 {weak_most}。"),
    };
    let bound = read(bound);
    let margin = match lang {
        Lang::En => format!("Lowest ratios {far} (far half) and {weak} (weak far key), against a bound of {bound}."),
        Lang::Zh => format!("最低比值 {far}（远半部分）与 {weak}（弱远键），界限为 {bound}。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// Multiplies the weights of far keys in the runs whose key is named.
    fn weaken(answers: &mut Answers, named: impl Fn(&str) -> bool) {
        for (key, answer) in answers.iter_mut() {
            if let (true, Answer::Ran(ran)) = (named(key), answer)
                && let Some((_, weights)) = &mut ran.outcome.matrix
            {
                let (n_q, n_k) = (ran.outcome.dims.n_q, ran.outcome.dims.n_k);
                for (i, weight) in weights.iter_mut().enumerate() {
                    if (i / n_k % n_q).abs_diff(i % n_k) >= n_k / 4 {
                        *weight *= 1e-3;
                    }
                }
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::plain(Verdict::Refuted),
            Case::doctored("a scale that starves far keys", Verdict::Supported, |_, answers| {
                weaken(answers, |key| key.starts_with("scaled"));
            }),
            Case::doctored("one that does at one size", Verdict::Depends, |_, answers| {
                weaken(answers, |key| key == "scaled/32");
            }),
        ]
    }
}
