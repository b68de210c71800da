//! Whether attention weights reach a neighbourhood only.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::heads::{WEIGHTS, heads};
use super::tools::texts::{at_layer, layered, layers, on, on_layers, plain};
use super::tools::{mean, middle, normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::catalogue::{Lang, Paper, Text, position};
use crate::experiment::{Choice, Experiment, Stage, View};

/// A head with more of its weight near by sees a neighbourhood only.
const LOCAL: f64 = 0.9;
/// With no more than so many times the share that even weights would have near by, nothing draws a head to its neighbours.
const EVEN: f64 = 1.5;
/// So many of the captured heads are enough to say that it depends.
const SOME: f64 = 0.05;
/// Heads of random tokens and their size.
const HEADS: [usize; 2] = [4, 32];
const SCHEMES: [&str; 4] = ["none", "sinusoidal", "rope", "alibi"];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "local-only",
    title: Text::new("Only a local neighbourhood", "只看到局部邻域"),
    says: Text::new(
        "Attention weights only capture what stands near by; what is far away is out of their reach.",
        "注意力权重只能捕捉邻近的内容，远处的内容无法触及。",
    ),
    essays: &[Essay::E0, Essay::E1],
    setup: Text::new(
        "The weights of random tokens without mask and without positions, and those of every head of several captured layers of a trained encoder: which share of each row lies within the chosen distance, and how the mean weight falls with distance. Position schemes over the same random tokens stand beside them.",
        "取无掩码、无位置编码的随机词元的权重，以及一个训练好的编码器若干层中每个头的权重：每行有多大份额落在所选距离之内，平均权重随距离如何下降。旁边列出同样的随机词元加上各种位置方案的结果。",
    ),
    sliders: &[
        layered(2.0),
        Slider::numbers(
            "near",
            Text::new("near: at most so far", "“邻近”的最大距离"),
            &[2.0, 4.0, 8.0, 16.0],
            8.0,
            8.0,
        ),
        Slider::numbers(
            "n",
            Text::new("random tokens", "随机词元数"),
            &[32.0, 64.0, 128.0, 256.0, 512.0],
            256.0,
            512.0,
        ),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "A window, or a bias that falls with distance, makes heads local by construction; training makes some heads local and leaves others global. Nothing in the softmax of products does.",
        "窗口或随距离下降的偏置会从构造上使头变为局部；训练使部分头局部化，其余仍是全局的。内积的 Softmax 本身并不会如此。",
    ),
    limits: Text::new(
        "The captured heads are those of one small sentence encoder. Whether far weights carry what a task needs is not measured, only where they lie.",
        "采集的头来自一个小型句子编码器。这里只测权重落在何处，不测远处的权重是否携带任务所需的信息。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "One layer joins any two positions by a path of length 1.",
                "一层即可用长度为 1 的路径连接任意两个位置。",
            ),
            paper: Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" },
        },
        Source {
            says: Text::new(
                "In BERT some heads look at neighbouring tokens, others at separators or across the sentence.",
                "BERT 中有的头看相邻词元，有的看分隔符或跨越整句。",
            ),
            paper: Paper {
                title: "Clark et al., What Does BERT Look At? An Analysis of BERT's Attention",
                year: 2019,
                id: "arXiv:1906.04341",
            },
        },
    ],
    measured: true,
};

fn random(settings: &Settings, scheme: &str) -> Experiment {
    let input = normal(square(HEADS[0], settings.count("n"), HEADS[1]), settings.seed());
    Experiment { position: Choice::of(scheme), ..subject(input) }
}

fn rule(lang: Lang) -> String {
    let (local, even, some) = (read(100.0 * LOCAL), read(EVEN), read(100.0 * SOME));
    match lang {
        Lang::En => format!(
            "A head is local where at least {local} % of its weight lies within the chosen distance. Supported: random tokens with neither mask nor positions are local (median of the heads). If they have there at most {even} times the share of even weights, nothing in attention itself makes it local, and the captured heads decide. Depends: at least {some} % of them are local. Refuted: fewer. Else not settled."
        ),
        Lang::Zh => format!(
            "若一个头至少 {local}% 的权重落在所选距离之内，则视为局部。成立：无掩码、无位置编码的随机词元（取各头中位数）即为局部。若其邻近份额不超过均匀权重的 {even} 倍，则注意力本身并不导致局部，由采集的头决定。视条件而定：其中至少 {some}% 是局部的。不成立：更少。其余情形无法判定。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let schemes = SCHEMES.iter().map(|scheme| Ask::run(*scheme, random(settings, scheme)).wanting(WEIGHTS));
    let texts =
        layers(settings).iter().map(|&layer| Ask::run(on(layer, "heads"), plain(settings, layer)).wanting(WEIGHTS));
    schemes.chain(texts).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    let view = View { stage: Stage::Weights, head: 0, query: 0, key: 0, ..View::default() };
    let layer = layers(settings).first().copied().unwrap_or(1);
    let real = Experiment { view, ..subject(at_layer(settings, layer)) };
    vec![
        Opening::new(Text::new("random tokens, no positions", "随机词元，无位置编码"), random(settings, "none")),
        Opening::new(Text::new("random tokens with ALiBi", "随机词元，ALiBi"), random(settings, "alibi")),
        Opening::new(Text::new("a captured layer", "采集的一层"), real),
    ]
}

/// The share of the keys that are near, mean over the queries: what even weights would have there.
fn even(tokens: usize, near: usize) -> f64 {
    let keys = |query: usize| (query + near + 1).min(tokens) - query.saturating_sub(near);
    (0..tokens).map(keys).sum::<usize>() as f64 / (tokens * tokens).max(1) as f64
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let near = settings.count("near");
    let mut table = Table::new(
        word(lang, "Weight near by", "邻近的权重"),
        &[
            "",
            word(lang, "near share, median of heads", "邻近份额，各头中位数"),
            word(lang, "of even weights", "均匀权重时"),
            word(lang, "local heads", "局部头"),
            word(lang, "pairs with weight above 0", "权重大于 0 的位置对"),
        ],
    );
    let mut series = Vec::new();
    let mut of_random = None;
    let (mut local, mut all) = (0_usize, 0_usize);
    let mut curve = |slot: usize, name: String, curves: &[Vec<f64>]| {
        let longest = curves.first().map_or(0, Vec::len);
        let at =
            |distance: usize| mean(&curves.iter().filter_map(|curve| curve.get(distance).copied()).collect::<Vec<_>>());
        // Distance 0 has no place on a logarithmic axis: places are distances plus 1.
        let points = (0..longest).filter_map(|distance| Some(Point::new(distance as f64 + 1.0, at(distance)?)));
        series.push(Series::new(name, Kind::Line, slot, points));
    };
    let mut row = |name: String, ran: &super::answer::Ran| -> (Option<f64>, Vec<f64>) {
        let shares: Vec<f64> = heads(ran).iter().map(|head| head.near(near)).collect();
        let locals = shares.iter().filter(|share| **share >= LOCAL).count();
        let dims = ran.outcome.dims;
        let cells = ran.outcome.matrix.as_ref().map_or(&[][..], |(_, cells)| cells);
        let reached = cells.iter().filter(|w| **w > 0.0).count() as f64 / cells.len().max(1) as f64;
        let median = middle(shares.iter().copied());
        let even = read(even(dims.n_k, near));
        table.row([
            name,
            median.map_or_else(String::new, read),
            even,
            format!("{locals} / {}", shares.len()),
            format!("{} %", read(100.0 * reached)),
        ]);
        (median, shares)
    };
    for (slot, scheme) in SCHEMES.iter().enumerate() {
        let Some(ran) = answers.ran(scheme) else { continue };
        let called = match (*scheme, position(scheme)) {
            ("none", _) | (_, None) => word(lang, "random, nothing", "随机，无位置编码").to_owned(),
            (_, Some(entry)) => format!("{}{}", word(lang, "random, ", "随机，"), entry.name.get(lang)),
        };
        let (median, _) = row(called.clone(), ran);
        of_random = of_random.or(median.filter(|_| *scheme == "none"));
        curve(slot, called, &heads(ran).iter().map(|head| head.by_distance()).collect::<Vec<_>>());
    }
    let mut curves = Vec::new();
    for (layer, ran) in on_layers(settings, answers, "heads") {
        let called = match lang {
            Lang::En => format!("captured, layer {layer}"),
            Lang::Zh => format!("采集，第 {layer} 层"),
        };
        let (_, shares) = row(called, ran);
        local += shares.iter().filter(|share| **share >= LOCAL).count();
        all += shares.len();
        curves.extend(heads(ran).iter().map(|head| head.by_distance()));
    }
    curve(SCHEMES.len(), word(lang, "captured heads", "采集的头").to_owned(), &curves);
    let chart = Chart {
        title: word(lang, "Mean weight over distance", "平均权重与距离").to_owned(),
        x: Axis::new(word(lang, "distance + 1", "距离 + 1"), word(lang, "tokens", "词元"), Scale::Log2),
        y: Axis::new(word(lang, "mean weight × keys", "平均权重 × 键数"), "", Scale::Log10),
        series,
        marks: vec![Mark::level(1.0, word(lang, "even weights", "均匀权重"))],
        ..Chart::default()
    };
    let expected = even(settings.count("n"), near);
    let (verdict, because, margin) = match of_random {
        Some(share) if all > 0 => verdict(share, expected, local as f64 / all as f64, all, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(share: f64, expected: f64, local: f64, all: usize, lang: Lang) -> (Verdict, String, String) {
    let verdict = match () {
        () if share >= LOCAL => Verdict::Supported,
        () if share > EVEN * expected => Verdict::NotSettled,
        () if local >= SOME => Verdict::Depends,
        () => Verdict::Refuted,
    };
    let (told, even, part) = (read(100.0 * share), read(100.0 * expected), read(100.0 * local));
    let because = match lang {
        Lang::En => {
            let end = if verdict == Verdict::Depends { " It depends on the head." } else { "" };
            format!(
                "With neither mask nor positions {told} % of the weight lies near by, where even weights would have {even} %; of {all} captured heads {part} % are local.{end}"
            )
        }
        Lang::Zh => {
            let end = if verdict == Verdict::Depends { "取决于具体的头。" } else { "" };
            format!(
                "无掩码、无位置编码时，{told}% 的权重落在邻近处，均匀权重为 {even}%；{all} 个采集的头中有 {part}% 是局部的。{end}"
            )
        }
    };
    let (ratio, off) = (read(share / expected), read(100.0 * (local - SOME).abs()));
    let margin = match lang {
        Lang::En => format!(
            "{ratio} times even weights, against {} at most; the share of local heads is {off} points from the bound.",
            read(EVEN)
        ),
        Lang::Zh => format!("为均匀权重的 {ratio} 倍，界限为 {} 倍；局部头的比例距界限 {off} 个百分点。", read(EVEN)),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::Case;
    use super::super::tools::doctor;
    use super::*;

    fn diagonal(q: usize, k: usize) -> f32 {
        if q == k { 1.0 } else { 0.0 }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("heads of random tokens that see themselves only", Verdict::Supported, |_, answers| {
                doctor::runs(answers, |key| key == "none", |ran| doctor::weights(ran, diagonal));
            }),
            Case::doctored("captured heads that see themselves only", Verdict::Depends, |_, answers| {
                doctor::runs(answers, |key| key.starts_with('L'), |ran| doctor::weights(ran, diagonal));
            }),
            Case::doctored("captured heads that see everything alike", Verdict::Refuted, |_, answers| {
                doctor::runs(answers, |key| key.starts_with('L'), |ran| doctor::weights(ran, |_, _| 0.05));
            }),
        ]
    }

    #[test]
    fn even_weights_are_counted_at_both_ends() {
        assert_eq!((even(4, 0), even(4, 1), even(4, 9)), (0.25, 10.0 / 16.0, 1.0));
    }
}
