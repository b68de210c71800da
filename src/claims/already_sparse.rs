//! Whether the weights of attention are sparse by themselves.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{ROWS, middle, normal, some_rows, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::catalogue::{Lang, Paper, Text};
use crate::engine::{Outcome, Want};
use crate::experiment::{Experiment, Input, Stage};

/// A row is sparse when so much of its weight lies on few keys.
const HELD: f64 = 0.9;
/// What counts as few, of all keys.
const FEW: f64 = 0.1;
/// A group is sparse when so many of its heads are, and is not when at most the rest to 1 are.
const MOST: f64 = 0.9;
/// Below which, of an even share, a weight counts as nearly 0: a tenth, a hundredth, a thousandth of 1/n.
const BELOW: [f64; 3] = [0.1, 0.01, 0.001];
/// The longest captured text: 500 tokens.
const TEXT: &str = "lock";
/// Layers of it.
const LAYERS: [u32; 3] = [1, 3, 6];
/// Random heads, and their size.
const HEADS: [usize; 2] = [4, 64];
/// Temperatures of the random heads.
const TEMPERATURES: [f64; 4] = [2.0, 1.0, 0.5, 0.25];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "already-sparse",
    title: Text::new("The weights are sparse already", "权重矩阵本身高度稀疏"),
    says: Text::new(
        "The matrix of attention weights is highly sparse by itself.",
        "注意力权重矩阵本身就是高度稀疏的。",
    ),
    essays: &[Essay::E0],
    setup: Text::new(
        "For each row of weights: the smallest number of keys that hold 90 % of it, as a share of all keys; and the share of weights below a tenth, a hundredth and a thousandth of an even share. Once for random heads at several temperatures, once for captured heads of a trained sentence encoder.",
        "对每行权重：持有 90% 权重所需的最少键数占全部键的比例；以及低于均匀份额十分之一、百分之一、千分之一的权重所占比例。分别对若干温度下的随机头，以及一个训练好的句子编码器的采集头测量。",
    ),
    sliders: &[
        Slider::numbers(
            "n",
            Text::new("tokens of the random heads", "随机头的词元数"),
            &[32.0, 64.0, 128.0, 256.0, 512.0, 1024.0],
            256.0,
            1024.0,
        ),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Scores that spread more: training, a lower temperature, larger heads without their scale. Random heads at a quarter of the temperature are sparse, at the usual one they are not.",
        "分数分布更分散即可改变结论：训练、更低的温度、去掉尺度因子的更大的头。温度降为四分之一的随机头是稀疏的，通常温度下则不是。",
    ),
    limits: Text::new(
        "One trained model is captured here, a small sentence encoder over one text of 500 tokens. How sparse heads of large models are over longer texts is for their captures to say.",
        "此处只采集了一个训练好的模型：一个小型句子编码器，文本为 500 个词元。大模型的头在更长文本上有多稀疏，需要采集它们才能知道。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Finds a few recurring patterns in trained heads, many of them on very few tokens.",
                "发现训练好的头只有少数几种反复出现的模式，许多集中在极少数词元上。",
            ),
            paper: Paper {
                title: "Kovaleva et al., Revealing the Dark Secrets of BERT",
                year: 2019,
                id: "arXiv:1908.08593",
            },
        },
        Source {
            says: Text::new(
                "Learns for each head how sparse to be, and finds that heads differ: some stay dense.",
                "让每个头自行学习稀疏程度，发现各头不同：有些头仍是稠密的。",
            ),
            paper: Paper {
                title: "Correia et al., Adaptively Sparse Transformers",
                year: 2019,
                id: "arXiv:1909.00015",
            },
        },
        Source {
            says: Text::new(
                "Reports that in large language models more than 95 % of the weights are near 0 at inference.",
                "报告大语言模型推理时 95% 以上的权重接近 0。",
            ),
            paper: Paper {
                title: "Zhang et al., H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language Models",
                year: 2023,
                id: "arXiv:2306.14048",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let [held, few, most, rest] = [HELD, FEW, MOST, 1.0 - MOST].map(|share| read(100.0 * share));
    match lang {
        Lang::En => format!(
            "A head is highly sparse when in its middle row (of {ROWS} evenly spaced ones at most) {held} % of the weight lies on at most {few} % of the keys. Supported: that holds of {most} % of the random heads at the usual temperature and of the captured heads. Refuted: of at most {rest} % of both. Depends: anything else."
        ),
        Lang::Zh => format!(
            "若某头各行（至多取等距的 {ROWS} 行）的中位数满足：{held}% 的权重集中在至多 {few}% 的键上，则该头高度稀疏。成立：常用温度下的随机头与采集头均有 {most}% 以上如此。不成立：两者均至多 {rest}% 如此。其余情况：视条件而定。"
        ),
    }
}

/// What is measured: the key and the experiment; first the random heads by temperature, then the captured ones by layer.
fn runs(settings: &Settings) -> Vec<(String, Experiment)> {
    let [heads, size] = HEADS;
    let random = normal(square(heads, settings.count("n"), size), settings.seed());
    let warm = TEMPERATURES
        .map(|temperature| (format!("random/{temperature}"), Experiment { temperature, ..subject(random.clone()) }));
    let captured =
        LAYERS.map(|layer| (format!("captured/{layer}"), subject(Input::Capture { id: TEXT.to_owned(), layer })));
    warm.into_iter().chain(captured).collect()
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let want = Want { stats: false, matrix: Some(Stage::Weights) };
    runs(settings).into_iter().map(|(key, experiment)| Ask::run(key, experiment).wanting(want)).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    let names = [Text::new("random heads", "随机头"), Text::new("captured heads, layer 3", "采集头，第 3 层")];
    let mut shown = runs(&settings.clone().with("n", settings.get("n").min(256.0)));
    let (captured, random) = (shown.remove(TEMPERATURES.len() + 1).1, shown.remove(1).1);
    names.into_iter().zip([random, captured]).map(|(name, experiment)| Opening::new(name, experiment)).collect()
}

/// A head's rows in the middle.
struct Head {
    /// The share of the keys that hold [`HELD`] of a row.
    share: f64,
    /// Shares of weights below each of [`BELOW`] times an even share.
    below: [f64; 3],
}

/// The smallest number of weights that hold a share of their sum.
fn holders(row: &[f32]) -> usize {
    let mut sorted: Vec<f64> = row.iter().map(|&weight| f64::from(weight)).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let due = HELD * sorted.iter().sum::<f64>();
    let mut sum = 0.0;
    sorted
        .iter()
        .position(|weight| {
            sum += weight;
            sum >= due
        })
        .map_or(row.len(), |at| at + 1)
}

fn heads(outcome: &Outcome) -> Vec<Head> {
    let Some((_, weights)) = &outcome.matrix else { return Vec::new() };
    let (n_q, n_k) = (outcome.dims.n_q, outcome.dims.n_k);
    if n_q * n_k == 0 {
        return Vec::new();
    }
    let head = |weights: &[f32]| {
        let rows: Vec<&[f32]> = some_rows(n_q).filter_map(|row| weights.get(row * n_k..(row + 1) * n_k)).collect();
        let share = middle(rows.iter().map(|row| holders(row) as f64 / n_k as f64))?;
        let count = |bound: f64| {
            let bound = (bound / n_k as f64) as f32;
            let below: usize = rows.iter().map(|row| row.iter().filter(|weight| **weight < bound).count()).sum();
            below as f64 / (rows.len() * n_k) as f64
        };
        Some(Head { share, below: BELOW.map(count) })
    };
    weights.chunks_exact(n_q * n_k).filter_map(head).collect()
}

/// The share of heads that are sparse.
fn sparse(heads: &[Head]) -> Option<f64> {
    let few = heads.iter().filter(|head| head.share <= FEW).count();
    (!heads.is_empty()).then(|| few as f64 / heads.len() as f64)
}

fn name(key: &str, lang: Lang) -> String {
    match (key.split_once('/'), lang) {
        (Some(("random", t)), Lang::En) => format!("random, temperature {t}"),
        (Some(("random", t)), Lang::Zh) => format!("随机，温度 {t}"),
        (Some((_, layer)), Lang::En) => format!("captured, layer {layer}"),
        (Some((_, layer)), Lang::Zh) => format!("采集，第 {layer} 层"),
        _ => key.to_owned(),
    }
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let w = |en, zh| word(lang, en, zh);
    let groups: Vec<(String, Vec<Head>)> = runs(settings)
        .into_iter()
        .map(|(key, _)| {
            let heads = answers.ran(&key).map(|ran| heads(&ran.outcome)).unwrap_or_default();
            (key, heads)
        })
        .collect();
    let mut table = Table::new(
        w("How few keys hold the weight", "多少个键持有权重"),
        &[
            w("heads", "头"),
            w("keys for 90 %, of all, median head", "持有 90% 的键占比，中位头"),
            w("sparse heads", "稀疏头占比"),
            w("weights below 0.1/n", "低于 0.1/n 的权重"),
            w("below 0.01/n", "低于 0.01/n"),
            w("below 0.001/n", "低于 0.001/n"),
        ],
    );
    let percent = |share: Option<f64>| share.map_or_else(String::new, |share| format!("{} %", read(100.0 * share)));
    for (key, heads) in &groups {
        let below = |at: usize| percent(middle(heads.iter().map(|head| head.below[at])));
        table.row([
            name(key, lang),
            percent(middle(heads.iter().map(|head| head.share))),
            percent(sparse(heads)),
            below(0),
            below(1),
            below(2),
        ]);
    }
    // Every head is a dot above its group.
    let dots = |captured: bool| {
        let of = move |(at, (key, heads)): (usize, &(String, Vec<Head>))| -> Vec<Point> {
            let here = key.starts_with("captured") == captured;
            heads.iter().filter(|_| here).map(|head| Point::new(at as f64, 100.0 * head.share)).collect()
        };
        groups.iter().enumerate().flat_map(of).collect::<Vec<Point>>()
    };
    let chart = Chart {
        title: w("Keys that hold 90 % of the weight, each head", "各头持有 90% 权重的键").to_owned(),
        x: Axis::named("", groups.iter().map(|(key, _)| name(key, lang)).collect()),
        y: Axis::new(w("share of the keys", "占全部键的比例"), "%", Scale::Linear),
        series: vec![
            Series::new(w("random heads", "随机头"), Kind::Dots, 0, dots(false)),
            Series::new(w("captured heads", "采集头"), Kind::Dots, 1, dots(true)),
        ],
        marks: vec![Mark::level(100.0 * FEW, w("highly sparse below", "低于此值为高度稀疏"))],
        ..Chart::default()
    };
    let usual = groups.iter().find(|(key, _)| key == "random/1").and_then(|(_, heads)| sparse(heads));
    let captured: Vec<&[Head]> =
        groups.iter().filter(|(key, _)| key.starts_with("captured")).map(|(_, heads)| heads.as_slice()).collect();
    let counted: usize = captured.iter().map(|heads| heads.len()).sum();
    let few: usize = captured.iter().flat_map(|heads| heads.iter()).filter(|head| head.share <= FEW).count();
    let whole = captured.iter().all(|heads| !heads.is_empty());
    let (verdict, because, margin) = match usual {
        Some(random) if whole => verdict(random, few as f64 / counted as f64, counted, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(random: f64, captured: f64, counted: usize, lang: Lang) -> (Verdict, String, String) {
    let both = [random, captured];
    let verdict = match () {
        () if both.iter().all(|share| *share >= MOST) => Verdict::Supported,
        () if both.iter().all(|share| *share <= 1.0 - MOST + 1e-9) => Verdict::Refuted,
        () => Verdict::Depends,
    };
    let [r, c] = both.map(|share| read(100.0 * share));
    let [few, most, rest] = [FEW, MOST, 1.0 - MOST].map(|share| read(100.0 * share));
    let because = match (verdict, lang) {
        (Verdict::Depends, Lang::En) => format!(
            "It depends on the head: of the random heads {r} % are highly sparse, of the {counted} captured ones {c} %."
        ),
        (Verdict::Depends, Lang::Zh) => format!("取决于头：随机头中 {r}% 高度稀疏，{counted} 个采集头中为 {c}%。"),
        (_, Lang::En) => {
            format!("Of the random heads {r} % need at most {few} % of the keys, of the {counted} captured ones {c} %.")
        }
        (_, Lang::Zh) => format!("只需至多 {few}% 的键的头：随机头占 {r}%，{counted} 个采集头中占 {c}%。"),
    };
    let margin = match lang {
        Lang::En => format!("{r} % and {c} %, against {most} % for the one verdict and {rest} % for the other."),
        Lang::Zh => format!("{r}% 与 {c}%；两种结论的界限分别为 {most}% 与 {rest}%。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// Gives every row the same weights.
    fn rows(answers: &mut Answers, of: impl Fn(usize, usize) -> f32) {
        for (_, answer) in answers.iter_mut() {
            if let Answer::Ran(ran) = answer
                && let Some((_, weights)) = &mut ran.outcome.matrix
            {
                let n_k = ran.outcome.dims.n_k;
                weights.iter_mut().enumerate().for_each(|(i, weight)| *weight = of(i % n_k, n_k));
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("every query looks at one key", Verdict::Supported, |_, answers| {
                rows(answers, |key, _| if key == 0 { 1.0 } else { 0.0 });
            }),
            Case::doctored("every query looks at all keys", Verdict::Refuted, |_, answers| {
                rows(answers, |_, n_k| 1.0 / n_k as f32);
            }),
            Case::doctored("captured heads alone are sparse", Verdict::Depends, |_, answers| {
                rows(answers, |_, n_k| 1.0 / n_k as f32);
                for (key, answer) in answers.iter_mut().filter(|(key, _)| key.starts_with("captured")) {
                    if let Answer::Ran(ran) = answer
                        && let Some((_, weights)) = &mut ran.outcome.matrix
                    {
                        let n_k = ran.outcome.dims.n_k;
                        assert!(n_k > 10, "{key}");
                        weights
                            .iter_mut()
                            .enumerate()
                            .for_each(|(i, weight)| *weight = f32::from(u8::from(i % n_k == 0)));
                    }
                }
            }),
        ]
    }

    #[test]
    fn holders_are_the_fewest_keys() {
        assert_eq!(holders(&[0.05, 0.8, 0.1, 0.05]), 2);
        assert_eq!(holders(&[0.25; 4]), 4);
        assert_eq!(holders(&[1.0, 0.0]), 1);
    }
}
