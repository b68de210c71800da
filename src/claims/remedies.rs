//! Whether the remedies that are proposed against over-reliance spread the weights.

use std::sync::Arc;

use super::answer::Answers;
use super::ask::{Alter, Ask};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::heads::{WEIGHTS, heads};
use super::tools::patterns::pattern;
use super::tools::texts::{layered, layers, on, on_layers, plain};
use super::tools::{mean, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Series, read};
use crate::analysis::spans::Head;
use crate::attention::{Dims, Inputs, Loaded, estimators, scale};
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Choice, Experiment};

/// A remedy relieves where the largest weight of a row falls, and the span grows, by at least this share.
const RELIEF: f64 = 0.1;
/// Heads that an estimator's weights are read off.
const READ: usize = 2;

/// The remedies: id and name.
const REMEDIES: [(&str, Text); 5] = [
    ("multi-head", Text::new("many heads, averaged", "多头，取平均")),
    ("hierarchical", Text::new("hierarchical, two levels", "两级层次")),
    ("blockwise", Text::new("blocks with summaries", "分块加摘要")),
    ("hybrid", Text::new("hybrid, half a window", "混合，一半为窗口")),
    ("cross-modal", Text::new("cross-modal, each half sees the other", "跨模态，两半互看")),
];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "remedies",
    title: Text::new("Remedies for over-reliance", "过度依赖的补救"),
    says: Text::new(
        "Multi-head, hierarchical, blockwise, hybrid and cross-modal attention relieve the over-reliance on a few positions.",
        "多头、层次、分块、混合与跨模态注意力可缓解对少数位置的过度依赖。",
    ),
    essays: &[Essay::E1, Essay::E3],
    setup: Text::new(
        "On captured layers of a trained encoder, the largest weight of a row and its span (the exponential of the entropy: as if so many keys had the same weight), with each remedy and without. Many heads are averaged and held against one head of equal width over the same numbers; every other remedy against the plain heads that it replaces. Mechanisms that show no weights are given values that are all zeros but for a one of each token's own, so that their output is the weights. Work is counted.",
        "在训练好的编码器的若干采集层上，分别测量采用与不采用各补救方法时，一行中最大的权重及其跨度（熵的指数：相当于多少个键权重相同）。多头取平均，与同样数据上等宽的单头相比；其余方法与其所取代的普通头相比。不显示权重的机制则给予单位矩阵作为值，使其输出即为权重。工作量逐一计数。",
    ),
    sliders: &[
        layered(1.0),
        Slider::numbers(
            "cost",
            Text::new("work allowed, of the plain one", "允许的工作量，与普通相比"),
            &[1.1, 1.5, 2.0, 3.0],
            1.5,
            1.1,
        ),
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "The work that is allowed, and the heads: where a plain head is even already, nothing can spread it further. A larger temperature spreads any head at no cost.",
        "取决于允许的工作量与具体的头：本来就均匀的头无法再分散。提高温度可以不增加成本地分散任何头。",
    ),
    limits: Text::new(
        "Spread weights are not better weights; whether a task is served takes training. The remedies are put on trained heads afterwards, the projections of the two levels are seeded, and the two halves of one text stand for two modalities: only the pattern of cross-modal attention is measured.",
        "权重分散并不等于更好；是否有利于任务，需要训练才能知道。这些方法事后加在训练好的头上，两级层次的投影由种子生成，一篇文本的两半代替两种模态：这里只测跨模态注意力的模式。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Gives as the reason for several heads that averaging in one head keeps it from attending to several places at once.",
                "采用多头的理由：单头的平均会妨碍同时关注多处。",
            ),
            paper: Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" },
        },
        Source {
            says: Text::new(
                "Most heads of trained models can be removed at test time with little loss.",
                "训练好的模型在测试时去掉大多数头，损失很小。",
            ),
            paper: Paper {
                title: "Michel et al., Are Sixteen Heads Really Better than One?",
                year: 2019,
                id: "arXiv:1905.10650",
            },
        },
        Source {
            says: Text::new(
                "Attention over sentences of attention over words, trained for documents.",
                "先对词、再对句子做注意力，针对文档训练。",
            ),
            paper: Paper {
                title: "Yang et al., Hierarchical Attention Networks for Document Classification",
                year: 2016,
                id: "aclanthology.org/N16-1174",
            },
        },
    ],
    measured: true,
};

fn tokens(settings: &Settings) -> usize {
    [16, 26, 500].get(settings.count("text")).copied().unwrap_or(16)
}

fn rule(lang: Lang) -> String {
    let relief = read(100.0 * RELIEF);
    match lang {
        Lang::En => format!(
            "A remedy relieves where, on average over rows, heads and layers, the largest weight falls and the span grows by at least {relief} % each, for no more work than the slider allows. Supported: all five relieve. Depends: some do. Refuted: none does."
        ),
        Lang::Zh => format!(
            "若在行、头与层上平均，最大权重下降且跨度增大均不少于 {relief}%，而工作量不超过滑块所允许的，则视为有缓解。成立：五种均有缓解。视条件而定：部分有。不成立：均无。"
        ),
    }
}

/// A token's block, and the reach of the window.
fn block(settings: &Settings) -> f64 {
    if tokens(settings) > 100 { 16.0 } else { 4.0 }
}

fn choice(id: &str, params: &[(&str, f64)]) -> Choice {
    Choice { params: params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(), ..Choice::of(id) }
}

fn estimator(settings: &Settings, id: &str) -> Choice {
    let entry = if id == "hierarchical" { "hierarchical" } else { "blockwise-summary" };
    choice(entry, &[("block", block(settings))])
}

fn experiment(settings: &Settings, layer: u32, id: &str) -> Experiment {
    let plain = plain(settings, layer);
    match id {
        "one" => Experiment { layout: Choice::of("single-head"), ..plain },
        "hybrid" => Experiment {
            hybrid: choice("gated", &[("gate", 0.5)]),
            branch: choice("sliding-window", &[("window", block(settings) / 2.0), ("two_sided", 1.0)]),
            ..plain
        },
        "cross-modal" => {
            let half = (tokens(settings) / 2) as f64;
            let switches = [("first", half), ("aa", 0.0), ("ab", 1.0), ("ba", 1.0), ("bb", 0.0)];
            Experiment { mask: pattern("cross-modal", &switches), ..plain }
        }
        _ => plain,
    }
}

/// The first heads alone, with values that make the output the weights.
fn shown() -> Alter {
    Alter::new(|loaded| {
        let Dims { batch, q_heads, kv_heads, n_q, n_k, d, .. } = loaded.dims;
        let count = READ.min(q_heads);
        if q_heads != kv_heads || batch != 1 {
            return loaded.clone();
        }
        let first =
            |tensor: &[f32], size: usize| Arc::new(tensor.iter().take(count * size).copied().collect::<Vec<_>>());
        let one = |at: usize| if at / n_k % n_k == at % n_k { 1.0 } else { 0.0 };
        let Inputs { q, k, .. } = &loaded.inputs;
        let v = Arc::new((0..count * n_k * n_k).map(one).collect());
        let inputs = Inputs { q: first(q, n_q * d), k: first(k, n_k * d), v };
        let dims = Dims { q_heads: count, kv_heads: count, d_v: n_k, ..loaded.dims };
        Loaded { dims, inputs, ..loaded.clone() }
    })
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let mut asks = Vec::new();
    for &layer in layers(settings) {
        for id in ["plain", "one", "hybrid", "cross-modal"] {
            asks.push(Ask::run(on(layer, id), experiment(settings, layer, id)).wanting(WEIGHTS));
        }
        for id in ["hierarchical", "blockwise"] {
            let estimate = Ask::estimate(on(layer, id), plain(settings, layer), estimator(settings, id), false);
            asks.push(estimate.altered(shown()));
        }
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    let layer = layers(settings).first().copied().unwrap_or(1);
    vec![
        Opening::new(Text::new("one head of equal width", "等宽单头"), experiment(settings, layer, "one")),
        Opening::new(Text::new("half a window", "一半为窗口"), experiment(settings, layer, "hybrid")),
        Opening::new(Text::new("each half sees the other", "两半互看"), experiment(settings, layer, "cross-modal")),
    ]
}

/// The largest weight and the span, mean over rows and heads.
fn measures(heads: &[Head<'_>]) -> Option<[f64; 2]> {
    let over = |of: &dyn Fn(&Head<'_>) -> f64| mean(&heads.iter().map(of).collect::<Vec<_>>());
    Some([over(&|head| head.peak())?, over(&|head| head.span())?])
}

/// What a remedy makes of a layer: largest weight and span before and after, and its work over that of the plain one.
fn layer_of(settings: &Settings, answers: &Answers, layer: u32, id: &str) -> Option<[f64; 5]> {
    let plain = answers.ran(&on(layer, "plain"))?;
    let dims = plain.loaded.dims;
    let of = |before: [f64; 2], after: [f64; 2], work: f64| Some([before[0], before[1], after[0], after[1], work]);
    match id {
        "multi-head" => {
            let one = measures(heads(answers.ran(&on(layer, "one"))?).get(..1)?)?;
            let (_, cells) = plain.outcome.matrix.as_ref()?;
            let size = dims.n_q * dims.n_k;
            let mut mixed = vec![0.0_f32; size];
            for head in cells.chunks_exact(size) {
                mixed.iter_mut().zip(head).for_each(|(sum, w)| *sum += w / dims.q_heads as f32);
            }
            // As many products as the one head: twelve of a twelfth of its width.
            of(one, measures(&[Head::new(&mixed, dims.n_k)])?, 1.0)
        }
        "hierarchical" | "blockwise" => {
            let estimate = answers.estimated(&on(layer, id))?;
            let before = measures(heads(plain).get(..READ.min(dims.q_heads))?)?;
            let size = dims.n_q * dims.n_k;
            let after: Vec<Head<'_>> = estimate.y.chunks_exact(size).map(|cells| Head::new(cells, dims.n_k)).collect();
            let factor = scale(&self::plain(settings, layer), &dims, &mut Vec::new());
            let counted = estimators::fits(&estimator(settings, id), dims, false, factor, "estimator").ok()?;
            of(before, measures(&after)?, counted.cost().flops / counted.exact_cost().flops)
        }
        _ => {
            let ran = answers.ran(&on(layer, id))?;
            of(measures(&heads(plain))?, measures(&heads(ran))?, work(settings, id, dims))
        }
    }
}

/// Pairs that a pattern forms scores for, over those of the plain heads.
fn work(settings: &Settings, id: &str, dims: Dims) -> f64 {
    let n = dims.n_k as f64;
    if id == "cross-modal" {
        let first = (tokens(settings) / 2) as f64;
        return 2.0 * first * (n - first) / (n * n);
    }
    // The window on top of everything; at the ends it has fewer keys.
    let reach = (block(settings) / 2.0) as usize;
    let keys = (0..dims.n_q).map(|q| (q + reach).min(dims.n_k) - (q + 1).saturating_sub(reach)).sum::<usize>();
    1.0 + keys as f64 / (n * n)
}

fn found(settings: &Settings, answers: &Answers, id: &str) -> Option<[f64; 5]> {
    let all: Vec<[f64; 5]> =
        layers(settings).iter().map(|layer| layer_of(settings, answers, *layer, id)).collect::<Option<_>>()?;
    let over = |at: usize| mean(&all.iter().map(|one| one[at]).collect::<Vec<_>>());
    Some([over(0)?, over(1)?, over(2)?, over(3)?, over(4)?])
}

/// By how much the largest weight falls and the span grows, as shares of what they were.
fn relief([peak, span, peak_after, span_after, _]: [f64; 5]) -> [f64; 2] {
    [1.0 - peak_after / peak, span_after / span - 1.0]
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let all: Vec<(Text, Option<[f64; 5]>)> =
        REMEDIES.iter().map(|(id, name)| (*name, found(settings, answers, id))).collect();
    let mut table = Table::new(
        word(lang, "Largest weight and span, without and with", "最大权重与跨度，不用与采用"),
        &[
            word(lang, "remedy", "补救方法"),
            word(lang, "largest weight without", "最大权重，不用"),
            word(lang, "with", "采用"),
            word(lang, "span without, keys", "跨度，不用（键）"),
            word(lang, "with, keys", "采用（键）"),
            word(lang, "work, of the plain one", "工作量，与普通之比"),
        ],
    );
    for (name, found) in &all {
        let Some([peak, span, peak_after, span_after, work]) = *found else { continue };
        let numbers = [peak, peak_after, span, span_after, work].map(read);
        table.row([name.get(lang).to_owned()].into_iter().chain(numbers));
    }
    let runs = on_layers(settings, answers, "plain");
    let mut of_layers = Table::new(
        word(lang, "Plain heads, layer by layer", "普通头，逐层"),
        &[word(lang, "layer", "层"), word(lang, "largest weight", "最大权重"), word(lang, "span, keys", "跨度（键）")],
    );
    for (layer, ran) in runs {
        let measured = measures(&heads(ran)).map(|both| both.map(read)).unwrap_or_default();
        of_layers.row([layer.to_string()].into_iter().chain(measured));
    }
    let points = |which: usize| {
        let point = move |(at, (_, found)): (usize, &(Text, Option<[f64; 5]>))| {
            Point::new(at as f64, found.map_or(f64::NAN, |found| 100.0 * relief(found)[which]))
        };
        all.iter().enumerate().map(point).collect::<Vec<_>>()
    };
    let chart = Chart {
        title: word(lang, "What each remedy changes", "各补救方法的改变").to_owned(),
        x: Axis::named(
            word(lang, "remedy", "补救方法"),
            all.iter().map(|(name, _)| name.get(lang).to_owned()).collect(),
        ),
        y: Axis::linear(word(lang, "change for the better", "改善"), "%"),
        series: vec![
            Series::new(word(lang, "largest weight, fall", "最大权重下降"), Kind::Bars, 0, points(0)),
            Series::new(word(lang, "span, growth", "跨度增大"), Kind::Bars, 1, points(1)),
        ],
        marks: vec![Mark::level(100.0 * RELIEF, word(lang, "relief above", "高于此值为缓解"))],
        ..Chart::default()
    };
    let whole: Vec<(Text, [f64; 5])> = all.iter().filter_map(|(name, found)| Some((*name, (*found)?))).collect();
    let allowed = settings.get("cost");
    let (verdict, because, margin) =
        if whole.len() == REMEDIES.len() { verdict(&whole, allowed, lang) } else { Default::default() };
    Finding { verdict, because, margin, tables: vec![table, of_layers], charts: vec![chart] }
}

fn verdict(all: &[(Text, [f64; 5])], allowed: f64, lang: Lang) -> (Verdict, String, String) {
    let spreads = |found: &[f64; 5]| relief(*found).iter().all(|change| *change >= RELIEF);
    let listed = |is: &dyn Fn(&[f64; 5]) -> bool| -> Vec<&str> {
        all.iter().filter(|(_, found)| is(found)).map(|(name, _)| name.get(lang)).collect()
    };
    let told = |names: Vec<&str>| {
        if names.is_empty() { word(lang, "none", "无").to_owned() } else { names.join(word(lang, "; ", "；")) }
    };
    let good = listed(&|found| spreads(found) && found[4] <= allowed);
    let verdict = match good.len() {
        0 => Verdict::Refuted,
        count if count == all.len() => Verdict::Supported,
        _ => Verdict::Depends,
    };
    let dear = listed(&|found| spreads(found) && found[4] > allowed);
    let rest = listed(&|found| !spreads(found));
    let (good, dear, rest) = (told(good), told(dear), told(rest));
    let because = match lang {
        Lang::En => {
            let start = if verdict == Verdict::Depends { "It depends on the remedy. " } else { "" };
            format!(
                "{start}Spread the weights within the allowed work: {good}. Spread them for more: {dear}. Do not: {rest}."
            )
        }
        Lang::Zh => {
            let start = if verdict == Verdict::Depends { "取决于补救方法。" } else { "" };
            format!("{start}在允许的工作量内分散权重：{good}。工作量更大才分散：{dear}。不分散：{rest}。")
        }
    };
    let off = all.iter().flat_map(|(_, found)| relief(*found)).map(|change| (change - RELIEF).abs());
    let off = read(100.0 * off.fold(f64::INFINITY, f64::min));
    let margin = match lang {
        Lang::En => format!("The nearest change is {off} points from {} %.", read(100.0 * RELIEF)),
        Lang::Zh => format!("最接近的改变距 {}% 为 {off} 个百分点。", read(100.0 * RELIEF)),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::super::tools::doctor;
    use super::*;

    /// Plain heads see one key; a remedy sees all alike where `even` says so of its id, else one key too.
    fn made(answers: &mut Answers, even: fn(&str) -> bool) {
        let weight = |even: bool, q: usize, k: usize, n: usize| match even {
            true => 1.0 / n as f32,
            false => f32::from(u8::from(q == k)),
        };
        for (key, answer) in answers.iter_mut() {
            let id = key.split('/').next_back().unwrap_or_default();
            match answer {
                Answer::Ran(ran) => {
                    let n = ran.outcome.dims.n_k;
                    // Many heads are the plain ones, held against the one.
                    let spread = even(if id == "plain" { "multi-head" } else { id }) && id != "one";
                    doctor::weights(ran, |q, k| weight(spread, q, k, n));
                }
                Answer::Estimated(estimate) => {
                    let n = ((estimate.y.len() / READ) as f64).sqrt() as usize;
                    estimate.y.iter_mut().enumerate().for_each(|(at, y)| *y = weight(even(id), at / n % n, at % n, n));
                }
                _ => {}
            }
        }
    }

    /// Weights of one, two or all keys: plain heads stand between the one head and the remedies.
    fn all_spread(answers: &mut Answers) {
        made(answers, |id| id != "multi-head");
        for (key, answer) in answers.iter_mut() {
            if let (true, Answer::Ran(ran)) = (key.ends_with("/plain"), answer) {
                doctor::weights(ran, |q, k| if k == q || k == q ^ 1 { 0.5 } else { 0.0 });
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("no remedy spreads anything", Verdict::Refuted, |_, answers| made(answers, |_| false)),
            Case::doctored("two levels spread everything, for more work", Verdict::Refuted, |_, answers| {
                made(answers, |id| id == "hierarchical");
            }),
            Case::doctored("the halves spread everything", Verdict::Depends, |_, answers| {
                made(answers, |id| id == "cross-modal");
            }),
            Case::doctored("all spread, and two levels cost more", Verdict::Depends, |_, answers| all_spread(answers)),
        ]
    }
}
