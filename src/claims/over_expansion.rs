//! Whether a few positions make up most of what a head puts out.

use super::answer::{Answers, Ran};
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::heads::{WEIGHTS, heads};
use super::tools::texts::{layered, layers, on, on_layers, plain};
use super::tools::{length, middle, normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Series, read};
use crate::analysis::spans::largest_share;
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Experiment, Stage, View};

/// So much of the whole is dominance.
const DOMINANT: f64 = 0.5;
/// So many of the heads dominated: the claim holds; no more than so many: it does not.
const MANY: f64 = 0.5;
const FEW: f64 = 0.1;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "over-expansion",
    title: Text::new("A few positions dominate", "少数位置过度膨胀"),
    says: Text::new(
        "The representations of a few positions swell and dominate the others.",
        "少数位置的表示过度膨胀，压制其他位置。",
    ),
    essays: &[Essay::E1],
    setup: Text::new(
        "A head's output is a sum of terms, weight times value. For every head of several captured layers of a trained encoder, the lengths of these terms are added up for each key over all queries: which share do the chosen few keys hold of all of it? Beside it the same share of the weights alone, how long the longest value is against the median, and heads of random tokens.",
        "一个头的输出是“权重 × 值”各项之和。对训练好的编码器若干层的每个头，把每个键在全部查询上的各项长度相加：所选的少数键占总量的多大份额？旁边列出仅按权重计的份额、最长的值与中位数之比，以及随机词元的头。",
    ),
    sliders: &[
        layered(1.0),
        Slider::numbers(
            "few",
            Text::new("few: % of the keys", "“少数”：占键的 %"),
            &[2.0, 5.0, 10.0, 20.0],
            10.0,
            10.0,
        ),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "What counts as few, and whether weights or terms are counted: keys that draw much weight (separators, first tokens) often have short values, so that their terms weigh less than their weights.",
        "取决于“少数”的界定，以及统计的是权重还是各项：吸引大量权重的键（分隔符、首词元）的值往往很短，其各项的分量小于其权重。",
    ),
    limits: Text::new(
        "One small encoder, from Q, K and V on. Terms can cancel, so a share of lengths is not a share of the sum. Whether dominance harms a task takes training and a task.",
        "仅一个小型编码器，从 Q、K、V 开始。各项可能相互抵消，因此长度份额不等于和的份额。支配是否损害任务，需要训练与任务才能知道。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Weights overstate special tokens: their values are short, so the weighted values tell another story.",
                "仅看权重会高估特殊词元：它们的值很短，加权后的值另有结论。",
            ),
            paper: Paper {
                title: "Kobayashi et al., Attention is Not Only a Weight: Analyzing Transformers with Vector Norms",
                year: 2020,
                id: "arXiv:2004.10102",
            },
        },
        Source {
            says: Text::new(
                "First tokens become sinks that draw weight without being needed for their content.",
                "开头的词元成为注意力汇：吸引权重，却并非因其内容重要。",
            ),
            paper: Paper {
                title: "Xiao et al., Efficient Streaming Language Models with Attention Sinks",
                year: 2023,
                id: "arXiv:2309.17453",
            },
        },
        Source {
            says: Text::new(
                "Very few activations are orders of magnitude larger than the rest, and attention gathers at their tokens.",
                "极少数激活值比其余大若干个数量级，注意力集中在这些词元上。",
            ),
            paper: Paper {
                title: "Sun et al., Massive Activations in Large Language Models",
                year: 2024,
                id: "arXiv:2402.17762",
            },
        },
    ],
    measured: true,
};

fn random(settings: &Settings) -> Experiment {
    subject(normal(square(12, 26, 32), settings.seed()))
}

fn rule(lang: Lang) -> String {
    let (dominant, many, few) = (read(100.0 * DOMINANT), read(100.0 * MANY), read(100.0 * FEW));
    match lang {
        Lang::En => format!(
            "A head is dominated where the chosen few keys hold more than {dominant} % of the lengths of its terms. Supported: at least {many} % of the captured heads are. Refuted: at most {few} %. Depends: in between."
        ),
        Lang::Zh => format!(
            "若所选的少数键占某个头各项长度的 {dominant}% 以上，则该头被支配。成立：至少 {many}% 的采集的头如此。不成立：至多 {few}%。视条件而定：介于两者之间。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let of_layer = |&layer: &u32| Ask::run(on(layer, "heads"), plain(settings, layer)).wanting(WEIGHTS);
    let random = Ask::run("random", random(settings)).wanting(WEIGHTS);
    layers(settings).iter().map(of_layer).chain([random]).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    let layer = layers(settings).last().copied().unwrap_or(1);
    let view = View { stage: Stage::Weights, head: 0, query: 0, key: 0, ..View::default() };
    vec![
        Opening::new(
            Text::new("the last captured layer", "采集的最后一层"),
            Experiment { view, ..plain(settings, layer) },
        ),
        Opening::new(Text::new("random tokens", "随机词元"), random(settings)),
    ]
}

/// Of every head: the share that the few keys hold of the terms and of the weights, and the longest value over the median one.
fn shares(ran: &Ran, few: f64) -> Vec<[f64; 3]> {
    let dims = ran.loaded.dims;
    let count = ((few / 100.0 * dims.n_k as f64).round() as usize).max(1);
    let of_head = |(head, weights): (usize, crate::analysis::spans::Head<'_>)| {
        let values: Vec<f64> =
            ran.loaded.inputs.v_head(&dims, 0, head).chunks_exact(dims.d_v.max(1)).map(length).collect();
        let mut drawn = vec![0.0; dims.n_k];
        for row in weights.rows() {
            drawn.iter_mut().zip(row).for_each(|(sum, &w)| *sum += f64::from(w));
        }
        let terms: Vec<f64> = drawn.iter().zip(&values).map(|(weight, value)| weight * value).collect();
        let longest = values.iter().copied().fold(0.0, f64::max);
        let usual = middle(values.iter().copied()).unwrap_or_default().max(f64::MIN_POSITIVE);
        [largest_share(&terms, count), largest_share(&drawn, count), longest / usual]
    };
    heads(ran).into_iter().enumerate().map(of_head).collect()
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let few = settings.get("few");
    let mut table = Table::new(
        word(lang, "What the few keys hold", "少数键所占的份额"),
        &[
            "",
            word(lang, "of the terms, median of heads", "占各项，各头中位数"),
            word(lang, "of the weights, median of heads", "占权重，各头中位数"),
            word(lang, "longest value / median", "最长的值／中位数"),
            word(lang, "dominated heads", "被支配的头"),
        ],
    );
    let mut row = |name: String, shares: &[[f64; 3]]| {
        let median = |at: usize| middle(shares.iter().map(|share| share[at])).map_or_else(String::new, read);
        let dominated = shares.iter().filter(|share| share[0] > DOMINANT).count();
        table.row([name, median(0), median(1), median(2), format!("{dominated} / {}", shares.len())]);
    };
    let (mut all, mut terms, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for (layer, ran) in on_layers(settings, answers, "heads") {
        let shares = shares(ran, few);
        let called = match lang {
            Lang::En => format!("layer {layer}"),
            Lang::Zh => format!("第 {layer} 层"),
        };
        row(called, &shares);
        // Heads of a layer stand side by side within it.
        let place = |head: usize| f64::from(layer) + (head as f64 / shares.len().max(1) as f64 - 0.5) * 0.8;
        terms.extend(shares.iter().enumerate().map(|(head, share)| Point::new(place(head), share[0])));
        weights.extend(shares.iter().enumerate().map(|(head, share)| Point::new(place(head), share[1])));
        all.extend(shares);
    }
    let complete = on_layers(settings, answers, "heads").len() == layers(settings).len();
    let control = answers.ran("random").map(|ran| shares(ran, few));
    if let Some(shares) = &control {
        row(word(lang, "random tokens", "随机词元").to_owned(), shares);
    }
    let chart = Chart {
        title: word(lang, "Share of the few keys, head by head", "少数键的份额，逐头").to_owned(),
        x: Axis::linear(word(lang, "layer", "层"), ""),
        y: Axis::linear(word(lang, "share", "份额"), ""),
        series: vec![
            Series::new(word(lang, "of the terms", "占各项"), Kind::Dots, 0, terms),
            Series::new(word(lang, "of the weights", "占权重"), Kind::Dots, 1, weights),
        ],
        marks: vec![Mark::level(DOMINANT, word(lang, "dominated above", "高于此值为被支配"))],
        ..Chart::default()
    };
    let (verdict, because, margin) = match control {
        Some(control) if complete && !all.is_empty() => verdict(&all, &control, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(all: &[[f64; 3]], control: &[[f64; 3]], lang: Lang) -> (Verdict, String, String) {
    let dominated = |shares: &[[f64; 3]], at: usize| {
        shares.iter().filter(|share| share[at] > DOMINANT).count() as f64 / shares.len().max(1) as f64
    };
    let share = dominated(all, 0);
    let verdict = match () {
        () if share >= MANY => Verdict::Supported,
        () if share <= FEW => Verdict::Refuted,
        () => Verdict::Depends,
    };
    let percent = |share: f64| read(100.0 * share);
    let (terms, weights, random) = (percent(share), percent(dominated(all, 1)), percent(dominated(control, 0)));
    let because = match lang {
        Lang::En => {
            let start = if verdict == Verdict::Depends { "It depends on the head. " } else { "" };
            format!(
                "{start}A few keys dominate the terms of {terms} % of the captured heads, and the weights of {weights} %; of heads over random tokens {random} %."
            )
        }
        Lang::Zh => {
            let start = if verdict == Verdict::Depends { "取决于具体的头。" } else { "" };
            format!("{start}少数键支配了 {terms}% 的采集的头的各项，按权重计为 {weights}%；随机词元的头为 {random}%。")
        }
    };
    let off = percent((share - MANY).abs().min((share - FEW).abs()));
    let margin = match lang {
        Lang::En => format!("{off} points from the nearer bound."),
        Lang::Zh => format!("距较近的界限 {off} 个百分点。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::Case;
    use super::super::tools::doctor;
    use super::*;

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("every head looks at the first key", Verdict::Supported, |_, answers| {
                let first = |_: usize, k: usize| if k == 0 { 1.0 } else { 0.0 };
                doctor::runs(answers, |key| key.starts_with('L'), |ran| doctor::weights(ran, first));
            }),
            Case::doctored("every head looks at itself", Verdict::Refuted, |_, answers| {
                let own = |q: usize, k: usize| if q == k { 1.0 } else { 0.0 };
                doctor::runs(answers, |key| key.starts_with('L'), |ran| doctor::weights(ran, own));
            }),
            Case::doctored("a third of the layers look at the first key", Verdict::Depends, |_, answers| {
                let own = |q: usize, k: usize| if q == k { 1.0 } else { 0.0 };
                let first = |_: usize, k: usize| if k == 0 { 1.0 } else { 0.0 };
                doctor::runs(answers, |key| key.starts_with('L'), |ran| doctor::weights(ran, own));
                doctor::runs(
                    answers,
                    |key| key.starts_with("L1/") || key.starts_with("L3/"),
                    |ran| doctor::weights(ran, first),
                );
            }),
        ]
    }
}
