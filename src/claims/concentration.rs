//! Whether the weights lie on a few positions, and what the proposed remedies change.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{mean, middle, normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Series, read};
use crate::catalogue::{Lang, Paper, Text};
use crate::engine::{Outcome, Want};
use crate::experiment::{Choice, Experiment, Input, MaskChoice};

/// A head is concentrated when its rows spread over so much of the keys or less, and is not from the other on.
const FEW: f64 = 0.10;
/// A group is concentrated when so many of its heads are, and is not when at most the rest to 1 are.
const MOST: f64 = 0.9;
/// The longest captured text, and layers of it.
const TEXT: &str = "lock";
const LAYERS: [u32; 2] = [3, 6];
/// The layer that remedies are tried on.
const TRIED: u32 = 6;
/// Random heads.
const HEADS: usize = 4;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "concentration",
    title: Text::new("Weights lie on a few positions", "权重集中于少数位置"),
    says: Text::new(
        "Attention concentrates on a few positions and ignores the rest.",
        "注意力集中在少数位置，而忽略其余位置。",
    ),
    essays: &[Essay::E1],
    setup: Text::new(
        "For each head, over its rows: entropy, the effective span (e to the entropy, the number of keys that evenly shared weights of that entropy would have) as a share of the keys, and the largest weight. Random heads by size and temperature, captured heads of a trained encoder, and what remedies make of the captured ones: a higher temperature, the softmax off by one, sparsemax, a local window.",
        "对每个头的各行测量：熵、有效跨度（e 的熵次方，即具有同样熵的均匀权重所占的键数）占全部键的比例，以及最大权重。包括不同维度与温度的随机头、训练好的编码器的采集头，以及各种补救对采集头的作用：更高的温度、加一 Softmax、sparsemax、局部窗口。",
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
        "The spread of the scores decides: at half the temperature random heads concentrate, at twice the temperature captured ones spread out. A window and sparsemax concentrate further.",
        "由分数的分散程度决定：温度减半时随机头会集中，温度加倍时采集头会分散。窗口与 sparsemax 则使其更集中。",
    ),
    limits: Text::new(
        "One small encoder is captured. A key with a small weight is not thereby ignored: many of them together may carry the output, and whether it harms to leave them out takes a task.",
        "此处只采集了一个小型编码器。权重小的键并不等于被忽略：许多小权重合起来可能决定输出；舍去它们是否有害，需要任务才能判断。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Finds heads that put most of their weight on separators and on very few tokens.",
                "发现有些头把大部分权重放在分隔符和极少数词元上。",
            ),
            paper: Paper { title: "Clark et al., What Does BERT Look At?", year: 2019, id: "arXiv:1906.04341" },
        },
        Source {
            says: Text::new("Relates the collapse of entropy to unstable training.", "指出熵坍缩与训练不稳定相关。"),
            paper: Paper {
                title: "Zhai et al., Stabilizing Transformer Training by Preventing Attention Entropy Collapse",
                year: 2023,
                id: "arXiv:2303.06296",
            },
        },
    ],
    measured: true,
};

/// Something that is measured.
struct Group {
    key: String,
    name: [String; 2],
    experiment: Experiment,
}

fn groups(settings: &Settings) -> Vec<Group> {
    let mut all = Vec::new();
    let mut add = |key: &str, en: String, zh: String, experiment: Experiment| {
        all.push(Group { key: key.to_owned(), name: [en, zh], experiment });
    };
    for (size, temperature) in [(16, 1.0), (64, 1.0), (64, 0.5)] {
        let input = normal(square(HEADS, settings.count("n"), size), settings.seed());
        let experiment = Experiment { temperature, ..subject(input) };
        let (en, zh) = (
            format!("random, size {size}, temperature {temperature}"),
            format!("随机，维度 {size}，温度 {temperature}"),
        );
        add(&format!("random/{size}/{temperature}"), en, zh, experiment);
    }
    let captured = |layer| subject(Input::Capture { id: TEXT.to_owned(), layer });
    for layer in LAYERS {
        add(
            &format!("captured/{layer}"),
            format!("captured, layer {layer}"),
            format!("采集，第 {layer} 层"),
            captured(layer),
        );
    }
    let remedies = [
        ("temperature", "temperature 2", "温度 2", Experiment { temperature: 2.0, ..captured(TRIED) }),
        (
            "off-by-one",
            "softmax off by one",
            "加一 Softmax",
            Experiment { normaliser: Choice::of("off-by-one"), ..captured(TRIED) },
        ),
        ("sparsemax", "sparsemax", "sparsemax", Experiment { normaliser: Choice::of("sparsemax"), ..captured(TRIED) }),
        (
            "window",
            "sliding window",
            "滑动窗口",
            Experiment { mask: MaskChoice::of("sliding-window"), ..captured(TRIED) },
        ),
    ];
    for (key, en, zh, experiment) in remedies {
        add(&format!("remedy/{key}"), format!("layer {TRIED}, {en}"), format!("第 {TRIED} 层，{zh}"), experiment);
    }
    all
}

fn rule(lang: Lang) -> String {
    let [few, most, rest] = [FEW, MOST, 1.0 - MOST].map(|share| read(100.0 * share));
    match lang {
        Lang::En => format!(
            "A head is concentrated when the effective span of its middle row is at most {few} % of the keys. Supported: that holds of {most} % of the random heads of size 64 and of the captured heads. Refuted: of at most {rest} % of both. Depends: anything else. Remedies are shown and do not count."
        ),
        Lang::Zh => format!(
            "若某头各行有效跨度的中位数至多为键数的 {few}%，则该头是集中的。成立：维度 64 的随机头与采集头均有 {most}% 以上如此。不成立：两者均至多 {rest}% 如此。其余：视条件而定。补救的结果仅供比较，不计入结论。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let want = Want { stats: true, matrix: None };
    groups(settings).into_iter().map(|group| Ask::run(group.key, group.experiment).wanting(want)).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    let shown = settings.clone().with("n", settings.get("n").min(256.0));
    let found = |key: &str| groups(&shown).into_iter().find(|group| group.key == key).map(|group| group.experiment);
    let ways = [
        ("random/64/1", Text::new("random heads", "随机头")),
        ("captured/6", Text::new("captured heads, layer 6", "采集头，第 6 层")),
        ("remedy/temperature", Text::new("the same at temperature 2", "同上，温度 2")),
    ];
    ways.into_iter().filter_map(|(key, name)| Some(Opening::new(name, found(key)?))).collect()
}

/// A head over its rows.
struct Head {
    /// Effective span over the keys, median.
    span: f64,
    /// Entropy in nats, mean.
    entropy: f64,
    /// Largest weight, median.
    peak: f64,
}

fn heads(outcome: &Outcome) -> Vec<Head> {
    let (n_q, n_k) = (outcome.dims.n_q.max(1), outcome.dims.n_k.max(1));
    let rows = outcome.entropy.chunks_exact(n_q).zip(outcome.peak.chunks_exact(n_q));
    let head = |(entropy, peak): (&[f32], &[f32])| {
        let entropy: Vec<f64> = entropy.iter().map(|&nats| f64::from(nats)).collect();
        Some(Head {
            span: middle(entropy.iter().map(|nats| nats.exp() / n_k as f64))?,
            entropy: mean(&entropy)?,
            peak: middle(peak.iter().map(|&peak| f64::from(peak)))?,
        })
    };
    rows.filter_map(head).collect()
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let w = |en, zh| word(lang, en, zh);
    let all: Vec<(Group, Vec<Head>)> = groups(settings)
        .into_iter()
        .map(|group| {
            let heads = answers.ran(&group.key).map(|ran| heads(&ran.outcome)).unwrap_or_default();
            (group, heads)
        })
        .collect();
    let name = |group: &Group| match lang {
        Lang::En => group.name[0].clone(),
        Lang::Zh => group.name[1].clone(),
    };
    let mut table = Table::new(
        w("How far the weights spread", "权重的分散程度"),
        &[
            w("heads", "头"),
            w("effective span, % of the keys", "有效跨度，占键数 %"),
            w("entropy, nats", "熵，纳特"),
            w("largest weight", "最大权重"),
            w("concentrated heads, %", "集中的头，%"),
        ],
    );
    let share = |heads: &[Head]| {
        let few = heads.iter().filter(|head| head.span <= FEW).count();
        (!heads.is_empty()).then(|| few as f64 / heads.len() as f64)
    };
    let cell = |x: Option<f64>| x.map_or_else(String::new, read);
    for (group, heads) in &all {
        table.row([
            name(group),
            cell(middle(heads.iter().map(|head| 100.0 * head.span))),
            cell(middle(heads.iter().map(|head| head.entropy))),
            cell(middle(heads.iter().map(|head| head.peak))),
            cell(share(heads).map(|share| 100.0 * share)),
        ]);
    }
    let dots = |kind: &str| -> Vec<Point> {
        let here = all.iter().enumerate().filter(|(_, (group, _))| group.key.starts_with(kind));
        here.flat_map(|(at, (_, heads))| heads.iter().map(move |head| Point::new(at as f64, 100.0 * head.span)))
            .collect()
    };
    let chart = Chart {
        title: w("Effective span of each head", "各头的有效跨度").to_owned(),
        x: Axis::named("", all.iter().map(|(group, _)| name(group)).collect()),
        y: Axis::linear(w("effective span, of the keys", "有效跨度占键数"), "%"),
        series: vec![
            Series::new(w("random heads", "随机头"), Kind::Dots, 0, dots("random")),
            Series::new(w("captured heads", "采集头"), Kind::Dots, 1, dots("captured")),
            Series::new(w("with a remedy", "采取补救后"), Kind::Dots, 2, dots("remedy")),
        ],
        marks: vec![Mark::level(100.0 * FEW, w("concentrated below", "低于此值为集中"))],
        ..Chart::default()
    };
    let of = |key: &str| all.iter().find(|(group, _)| group.key == key).map(|(_, heads)| heads.as_slice());
    let captured: Vec<&[Head]> = LAYERS.iter().filter_map(|layer| of(&format!("captured/{layer}"))).collect();
    let whole = captured.iter().all(|heads| !heads.is_empty());
    let count: usize = captured.iter().map(|heads| heads.len()).sum();
    let few = captured.iter().flat_map(|heads| heads.iter()).filter(|head| head.span <= FEW).count();
    let (verdict, because, margin) = match of("random/64/1").and_then(share) {
        Some(random) if whole => verdict(random, few as f64 / count.max(1) as f64, count, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(random: f64, captured: f64, count: usize, lang: Lang) -> (Verdict, String, String) {
    let both = [random, captured];
    let verdict = match () {
        () if both.iter().all(|share| *share >= MOST) => Verdict::Supported,
        () if both.iter().all(|share| *share <= 1.0 - MOST + 1e-9) => Verdict::Refuted,
        () => Verdict::Depends,
    };
    let [r, c] = both.map(|share| read(100.0 * share));
    let because = match (verdict, lang) {
        (Verdict::Depends, Lang::En) => {
            format!(
                "It depends on the head: of the random heads {r} % are concentrated, of the {count} captured ones {c} %."
            )
        }
        (Verdict::Depends, Lang::Zh) => format!("取决于头：随机头中 {r}% 是集中的，{count} 个采集头中为 {c}%。"),
        (_, Lang::En) => format!("Of the random heads {r} % are concentrated, of the {count} captured ones {c} %."),
        (_, Lang::Zh) => format!("随机头中 {r}% 是集中的，{count} 个采集头中为 {c}%。"),
    };
    let [most, rest] = [MOST, 1.0 - MOST].map(|share| read(100.0 * share));
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

    /// Gives every row of some groups the same entropy: that of weights shared evenly by such a part of the keys.
    fn spread(answers: &mut Answers, named: &str, share: f64) {
        for (key, answer) in answers.iter_mut() {
            if let (true, Answer::Ran(ran)) = (key.starts_with(named), answer) {
                let entropy = (share * ran.outcome.dims.n_k as f64).max(1.0).ln() as f32;
                ran.outcome.entropy.iter_mut().for_each(|nats| *nats = entropy);
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("every row on a few keys", Verdict::Supported, |_, answers| spread(answers, "", 0.05)),
            Case::doctored("every row on all keys", Verdict::Refuted, |_, answers| spread(answers, "", 1.0)),
            Case::doctored("captured heads alone", Verdict::Depends, |_, answers| {
                spread(answers, "", 1.0);
                spread(answers, "captured", 0.02);
            }),
        ]
    }
}
