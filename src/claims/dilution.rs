//! Whether a far token's weight shrinks because it is far, or because there are many.

use super::answer::Answers;
use super::ask::{Ask, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{made, word};
use crate::analysis::plot::{Axis, Chart, Kind, Point, Scale, Series, read};
use crate::catalogue::{Lang, Paper, Text, normaliser, position};
use crate::engine::Want;
use crate::experiment::{self, Choice, Experiment, Size, Stage};

/// Lengths: the most tokens, and a quarter as many each time.
const LENGTHS: usize = 4;
/// Places of the needle: distances 1, 4, 16, … up to the most tokens.
const STEP: usize = 4;
/// A weight is diluted when it falls to less than so much.
const LOST: f64 = 0.5;
/// How far a measured weight may be from the closed form.
const NEAR: f64 = 1e-3;
/// Size of the head.
const SIZE: usize = 64;

/// A way of making weights: id, position scheme, normaliser, whether scores are multiplied by ln n.
type Way = (&'static str, &'static str, &'static str, bool);

/// Those that are compared.
const WAYS: [Way; 6] = [
    ("plain", "none", "softmax", false),
    ("log-n", "none", "softmax", true),
    ("sparsemax", "none", "sparsemax", false),
    ("entmax", "none", "entmax", false),
    ("alibi", "alibi", "softmax", false),
    ("rope", "rope", "softmax", false),
];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "dilution",
    title: Text::new("Far information is diluted", "远处信息被稀释"),
    says: Text::new("As a sequence grows, information from far away is diluted.", "序列越长，来自远处的信息越被稀释。"),
    essays: &[Essay::E0, Essay::E1],
    setup: Text::new(
        "One key, the needle, scores higher than all others by a margin g; every other key scores 0. The last query's weight on the needle is measured twice: with the needle at distance 1 while the number of keys n grows, and with n fixed while the needle moves away. Without positions the closed form is 1 / (1 + (n − 1) e^(−g)). The same with scores multiplied by ln n, with sparsemax and entmax, with ALiBi and RoPE.",
        "有一个键（“针”）的分数比其他所有键高出幅度 g，其余键分数为 0。测量最后一个查询对针的权重：一是针固定在距离 1 处，键数 n 增大；二是 n 固定，针逐渐移远。无位置编码时闭式解为 1 / (1 + (n − 1) e^(−g))。另在分数乘以 ln n、sparsemax、entmax、ALiBi、RoPE 下重复。",
    ),
    sliders: &[
        Slider::numbers(
            "n",
            Text::new("most tokens", "最多词元数"),
            &[256.0, 1024.0, 4096.0, 16384.0],
            4096.0,
            16384.0,
        ),
        Slider::numbers(
            "margin",
            Text::new("margin of the needle", "针的分数幅度"),
            &[1.0, 2.0, 4.0, 6.0, 8.0, 12.0],
            4.0,
            4.0,
        ),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "A margin that grows like ln n keeps the weight: a score scale of ln n does that, and so does a model that learns larger scores. Sparse normalisers give keys far below the needle exactly 0, however many they are. Schemes that fade with distance, as ALiBi does by design, make the claim true of distance as well.",
        "若幅度随 ln n 增大，权重便不会下降：把分数乘以 ln n 可以做到，学到更大分数的模型也可以。稀疏归一化使远低于针的键权重恰为 0，无论有多少。按设计随距离衰减的方案（如 ALiBi）会使该论断对距离也成立。",
    ),
    limits: Text::new(
        "The margin is set, not learned. Which margins a trained model reaches at which length, and whether it needs one far token at all, is not measured.",
        "幅度是设定的，不是学到的。训练好的模型在各长度能达到多大幅度、是否需要某个远处词元，此处未测。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Proves that with bounded scores one token's influence falls as 1/n.",
                "证明当分数有界时，单个词元的影响按 1/n 下降。",
            ),
            paper: Paper {
                title: "Hahn, Theoretical Limitations of Self-Attention in Neural Sequence Models",
                year: 2020,
                id: "arXiv:1906.06755",
            },
        },
        Source {
            says: Text::new("Shows that a scale of ln n removes that limit.", "说明乘以 ln n 即可消除这一限制。"),
            paper: Paper {
                title: "Chiang and Cholak, Overcoming a Theoretical Limitation of Self-Attention",
                year: 2022,
                id: "arXiv:2202.12172",
            },
        },
        Source {
            says: Text::new(
                "Trains with that scale and finds that long contexts lose less.",
                "以该尺度训练，发现长上下文的损失更小。",
            ),
            paper: Paper {
                title: "Nakanishi, Scalable-Softmax Is Superior for Attention",
                year: 2025,
                id: "arXiv:2501.19399",
            },
        },
    ],
    measured: true,
};

fn lengths(settings: &Settings) -> Vec<usize> {
    let most = settings.count("n");
    (0..LENGTHS).rev().map(|quarters| (most >> (2 * quarters)).max(2)).collect()
}

fn distances(settings: &Settings) -> Vec<usize> {
    let most = settings.count("n");
    std::iter::successors(Some(1), |at| Some(at * STEP)).take_while(|at| *at < most).collect()
}

/// One query, the last of `n` tokens, and a needle `distance` keys before it.
fn experiment(settings: &Settings, way: Way, n: usize, distance: usize) -> Experiment {
    let size = Size { q_heads: 1, kv_heads: 1, n_q: 1, n_k: n, d: SIZE, d_v: SIZE };
    let place = (n - 1 - distance.min(n - 1)) as f64;
    // In the middle of its share, so that rounding finds the same key.
    let params = [("margin", settings.get("margin")), ("place", (place + 0.5) / n as f64)];
    let (_, scheme, normaliser, log) = way;
    Experiment {
        position: Choice::of(scheme),
        normaliser: Choice::of(normaliser),
        scale: if log { experiment::Scale::LogN } else { experiment::Scale::InverseSqrt },
        conventions: experiment::Conventions {
            causal: experiment::CausalAlignment::BottomRight,
            ..experiment::Conventions::default()
        },
        ..subject(made("needle", size, settings.seed(), &params))
    }
}

fn rule(lang: Lang) -> String {
    let (lost, near) = (read(100.0 * LOST), read(NEAR));
    match lang {
        Lang::En => format!(
            "A weight is diluted when it falls below {lost} % of what it was. Supported: plain attention loses the needle both as n grows and, at one n, as it moves away. Depends: only as n grows. Refuted: not even then. A plain weight that is further than {near} from the closed form settles nothing."
        ),
        Lang::Zh => format!(
            "权重降到原来的 {lost}% 以下即为被稀释。成立：普通注意力在 n 增大时、以及 n 固定而针移远时都会丢失针。视条件而定：仅在 n 增大时丢失。不成立：n 增大时也不丢失。若普通权重与闭式解相差超过 {near}，则无法判定。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let want = Want { stats: false, matrix: Some(Stage::Weights) };
    let most = settings.count("n");
    let mut asks = Vec::new();
    for way in WAYS {
        let id = way.0;
        for n in lengths(settings) {
            asks.push(Ask::run(format!("{id}/n={n}"), experiment(settings, way, n, 1)).wanting(want));
        }
        for t in distances(settings) {
            asks.push(Ask::run(format!("{id}/t={t}"), experiment(settings, way, most, t)).wanting(want));
        }
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    let most = settings.count("n").min(1024);
    let of = |way, distance| experiment(settings, way, most, distance);
    vec![
        Opening::new(Text::new("the needle at distance 1", "针在距离 1 处"), of(WAYS[0], 1)),
        Opening::new(Text::new("the needle at half the length", "针在一半长度处"), of(WAYS[0], most / 2)),
        Opening::new(Text::new("scores multiplied by ln n", "分数乘以 ln n"), of(WAYS[1], 1)),
    ]
}

/// The weight of the needle.
fn weight(answers: &Answers, key: &str, n: usize, distance: usize) -> Option<f64> {
    let (_, weights) = answers.ran(key)?.outcome.matrix.as_ref()?;
    weights.get(n - 1 - distance.min(n - 1)).map(|weight| f64::from(*weight))
}

fn name(way: Way, lang: Lang) -> String {
    let found = match way {
        (_, "none", "softmax", false) => Some(Text::new("plain softmax", "普通 Softmax")),
        (_, "none", "softmax", true) => Some(Text::new("scores times ln n", "分数乘以 ln n")),
        (_, "none", id, _) => normaliser(id).map(|entry| entry.name),
        (_, id, ..) => position(id).map(|entry| entry.name),
    };
    found.map_or_else(|| way.0.to_owned(), |name| name.get(lang).to_owned())
}

/// The needle's weight among `n` keys by softmax, without positions.
fn closed(settings: &Settings, n: usize) -> f64 {
    1.0 / (1.0 + (n as f64 - 1.0) * (-settings.get("margin")).exp())
}

/// A way's weights over n, and over the distance.
struct Curves {
    over_n: Vec<(usize, f64)>,
    over_t: Vec<(usize, f64)>,
}

impl Curves {
    fn of(settings: &Settings, answers: &Answers, id: &str) -> Self {
        let most = settings.count("n");
        let at_n = |n: usize| Some((n, weight(answers, &format!("{id}/n={n}"), n, 1)?));
        let at_t = |t: usize| Some((t, weight(answers, &format!("{id}/t={t}"), most, t)?));
        Self {
            over_n: lengths(settings).into_iter().filter_map(at_n).collect(),
            over_t: distances(settings).into_iter().filter_map(at_t).collect(),
        }
    }

    /// What is left at the end of what was at the beginning.
    fn left(points: &[(usize, f64)]) -> Option<f64> {
        let (first, last) = (points.first()?.1, points.last()?.1);
        (points.len() > 1 && first > 0.0).then(|| last / first)
    }
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let w = |en, zh| word(lang, en, zh);
    let all: Vec<Curves> = WAYS.iter().map(|(id, ..)| Curves::of(settings, answers, id)).collect();
    let mut table = Table::new(
        w("The needle's weight", "针的权重"),
        &[
            w("weights", "权重方式"),
            w("few keys", "键少时"),
            w("many keys", "键多时"),
            w("left as n grew", "n 增大后剩余"),
            w("near", "近处"),
            w("far", "远处"),
            w("left as it moved away", "移远后剩余"),
        ],
    );
    let cell = |value: Option<f64>| value.map_or_else(String::new, read);
    for (way, curves) in WAYS.iter().zip(&all) {
        let ends = |points: &[(usize, f64)]| [points.first().map(|at| at.1), points.last().map(|at| at.1)];
        let ([few, many], [close, far]) = (ends(&curves.over_n), ends(&curves.over_t));
        table.row([
            name(*way, lang),
            cell(few),
            cell(many),
            cell(Curves::left(&curves.over_n)),
            cell(close),
            cell(far),
            cell(Curves::left(&curves.over_t)),
        ]);
    }
    let series = |of: fn(&Curves) -> &Vec<(usize, f64)>| -> Vec<Series> {
        let lines = WAYS.iter().zip(&all).enumerate().map(|(slot, (way, curves))| {
            let points = of(curves).iter().map(|(x, y)| Point::new(*x as f64, *y));
            Series::new(name(*way, lang), Kind::Line, slot, points)
        });
        lines.collect()
    };
    let mut over_n = series(|curves| &curves.over_n);
    let points = lengths(settings).into_iter().map(|n| Point::new(n as f64, closed(settings, n)));
    over_n.push(Series::new(w("closed form", "闭式解"), Kind::Theory, WAYS.len(), points));
    let chart = |title: &str, x: &str, series: Vec<Series>| Chart {
        title: title.to_owned(),
        x: Axis::new(x, "", Scale::Log2),
        y: Axis { ends: Some([0.0, 1.0]), ..Axis::linear(w("weight of the needle", "针的权重"), "") },
        series,
        ..Chart::default()
    };
    let charts = vec![
        chart(w("Weight over the number of keys", "权重与键数"), w("keys", "键数"), over_n),
        chart(
            w("Weight over the distance, at the most keys", "权重与距离（键数最多时）"),
            w("distance", "距离"),
            series(|curves| &curves.over_t),
        ),
    ];
    let plain = &all[0];
    let off = plain.over_n.iter().map(|(n, weight)| (weight - closed(settings, *n)).abs()).fold(0.0, f64::max);
    let (verdict, because, margin) = match (Curves::left(&plain.over_n), Curves::left(&plain.over_t)) {
        (Some(grown), Some(moved)) => verdict(grown, moved, off, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts }
}

fn verdict(grown: f64, moved: f64, off: f64, lang: Lang) -> (Verdict, String, String) {
    let (g, m, o) = (read(100.0 * grown), read(100.0 * moved), read(off));
    let (verdict, because) = if off > NEAR {
        (
            Verdict::NotSettled,
            match lang {
                Lang::En => format!("The plain weight is {o} off the closed form: what was measured is not softmax."),
                Lang::Zh => format!("普通权重与闭式解相差 {o}：测得的不是 Softmax。"),
            },
        )
    } else if grown >= LOST {
        (
            Verdict::Refuted,
            match lang {
                Lang::En => format!(
                    "As n grew the needle kept {g} % of its weight: its margin is large enough for every length measured."
                ),
                Lang::Zh => format!("n 增大后针仍保有 {g}% 的权重：其幅度对所测的各长度都足够大。"),
            },
        )
    } else if moved >= LOST {
        (
            Verdict::Depends,
            match lang {
                Lang::En => format!(
                    "It depends on how many keys there are, not on how far one is: as n grew {g} % of the weight was left, as the needle moved away {m} %."
                ),
                Lang::Zh => format!("取决于键的数目，而非距离：n 增大后权重剩余 {g}%，针移远后剩余 {m}%。"),
            },
        )
    } else {
        (
            Verdict::Supported,
            match lang {
                Lang::En => format!(
                    "The needle is lost both ways: {g} % of its weight is left as n grew, {m} % as it moved away."
                ),
                Lang::Zh => format!("两种情形下都会丢失针：n 增大后剩余 {g}%，移远后剩余 {m}%。"),
            },
        )
    };
    let lost = read(100.0 * LOST);
    let margin = match lang {
        Lang::En => format!("{g} % and {m} % against a bound of {lost} %; off the closed form by {o} at most."),
        Lang::Zh => format!("{g}% 与 {m}%，界限为 {lost}%；与闭式解最多相差 {o}。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// Puts other weights in the place of the plain ones: told key count and distance.
    fn weigh(settings: &Settings, answers: &mut Answers, of: impl Fn(usize, usize) -> f64) {
        let most = settings.count("n");
        for (key, answer) in answers.iter_mut() {
            let (n, t) = match key.strip_prefix("plain/").and_then(|rest| rest.split_once('=')) {
                Some(("n", n)) => (n.parse().unwrap_or(most), 1),
                Some((_, t)) => (most, t.parse().unwrap_or(1)),
                None => continue,
            };
            if let Answer::Ran(ran) = answer
                && let Some((_, weights)) = &mut ran.outcome.matrix
            {
                weights[n - 1 - t] = of(n, t) as f32;
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::plain(Verdict::Depends),
            Case::doctored("a kernel in which weights fade with distance", Verdict::Supported, |settings, answers| {
                weigh(settings, answers, |n, t| closed(settings, n) / t as f64);
            }),
            Case::doctored("a kernel that is no softmax", Verdict::NotSettled, |settings, answers| {
                weigh(settings, answers, |_, _| 0.9);
            }),
        ]
    }

    #[test]
    fn a_large_margin_refutes_it() {
        let (verdict, ..) = verdict(0.9, 1.0, 0.0, Lang::En);
        assert_eq!(verdict, Verdict::Refuted);
    }
}
