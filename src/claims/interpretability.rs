//! Whether a key's weight says how much the output changes when the key is left out.

use super::answer::Answers;
use super::ask::{Ask, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::Settings;
use super::tools::heads::{part, weights};
use super::tools::texts::{LAYER, TEXT, captured};
use super::tools::{length, mean, middle, said, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Series, read};
use crate::analysis::statistics::rank_correlation;
use crate::catalogue::{Lang, Paper, Text};
use crate::engine::Want;
use crate::experiment::{Experiment, Patch, Stage};

/// A head's weights explain its output where the median rank correlation is at least this, and do not where it is below the other.
const EXPLAINS: f64 = 0.8;
const NOT: f64 = 0.5;
/// The heads that the verdict wants.
const MOST: f64 = 0.75;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "interpretability",
    title: Text::new("Weights explain the output", "权重可解释输出"),
    says: Text::new(
        "The weights of a head show which tokens its decision rests on.",
        "头的注意力权重显示出决策依据了哪些词元。",
    ),
    essays: &[Essay::E3],
    setup: Text::new(
        "A captured layer is run once as it is, and once more for each key with that key masked for every query. For each query and head the weights are compared with how far the output moved when each key was left out: by Spearman's rank correlation over the keys, and by whether the key with the largest weight is also the one whose loss moves the output most.",
        "采集层先原样运行一次，再对每个键各运行一次、令所有查询看不到它。对每个查询与头，把权重与去掉各键后输出移动的距离相比较：一是对各键求斯皮尔曼秩相关，二是看权重最大的键是否也是去掉后输出变化最大的键。",
    ),
    sliders: &[TEXT, LAYER],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Leaving out key j moves the output by a/(1 − a) times the distance from its value to the output. Where the values of the heavy keys lie near the output, or near zero as those of attention sinks do, the weight says little.",
        "去掉键 j 使输出移动 a/(1 − a) 乘以其值与输出的距离。若权重大的键其值接近输出，或如注意力汇聚点那样接近零，权重就说明不了多少。",
    ),
    limits: Text::new(
        "This is the output of one head in one layer. What the whole model decides goes through other heads, layers and residual paths, and what people take for an explanation is no number; a key also holds what earlier layers have mixed into it.",
        "这里只是一层中一个头的输出。整个模型的决策还经过其他头、其他层与残差通路；人们所说的“解释”也不是一个数字；况且每个键中已混入前面各层的信息。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Weights often do not agree with gradients and with leaving inputs out, and other weights give the same prediction.",
                "权重常与梯度及去除输入的结果不一致，换一组权重也能得到同样的预测。",
            ),
            paper: Paper {
                title: "Jain and Wallace, Attention is not Explanation",
                year: 2019,
                id: "arXiv:1902.10186",
            },
        },
        Source {
            says: Text::new(
                "Disputes that: whether weights explain depends on what an explanation is asked to be.",
                "对上文提出异议：权重能否作为解释，取决于对“解释”的要求。",
            ),
            paper: Paper {
                title: "Wiegreffe and Pinter, Attention is not not Explanation",
                year: 2019,
                id: "arXiv:1908.04626",
            },
        },
        Source {
            says: Text::new(
                "The norm of the weighted value tells more than the weight alone.",
                "加权后的值向量的范数比单独的权重更能说明问题。",
            ),
            paper: Paper {
                title: "Kobayashi et al., Attention is Not Only a Weight: Analyzing Transformers with Vector Norms",
                year: 2020,
                id: "arXiv:2004.10102",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let (explains, not, most) = (read(EXPLAINS), read(NOT), read(100.0 * MOST));
    said(
        lang,
        format!(
            "A head's weights explain its output where the median over queries of the rank correlation is at least {explains}; they do not where it is below {not}. Supported: they explain in at least {most} % of the heads, and in as many of all rows the largest weight is also the largest loss. Refuted: in at least {most} % of the heads they do not explain. Depends: everything between."
        ),
        format!(
            "某头秩相关（对查询取中位数）不低于 {explains} 视为可解释其输出，低于 {not} 视为不可解释。成立：至少 {most}% 的头可解释，且至少同样比例的行中权重最大的键也是损失最大的键。不成立：至少 {most}% 的头不可解释。视条件而定：介于两者之间。"
        ),
    )
}

fn experiment(settings: &Settings, key: Option<(usize, usize)>) -> Experiment {
    let paint = key.map(|(key, queries)| Patch { head: None, q: [0, queries], k: [key, key + 1], allow: false });
    Experiment { paint: paint.into_iter().collect(), ..subject(captured(settings)) }
}

fn asks(settings: &Settings, answers: &Answers) -> Vec<Ask> {
    let want = Want { stats: false, matrix: Some(Stage::Weights) };
    let mut asks = vec![Ask::run("whole", experiment(settings, None)).wanting(want)];
    // How many keys there are is known once the text is there.
    if let Some(whole) = answers.ran("whole") {
        let dims = whole.outcome.dims;
        let without = |key| Ask::run(format!("without/{key}"), experiment(settings, Some((key, dims.n_q))));
        asks.extend((0..dims.n_k).map(without));
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(Text::new("the layer as it is", "原样的一层"), experiment(settings, None)),
        Opening::new(Text::new("without the first token", "去掉第一个词元"), experiment(settings, Some((0, 1)))),
    ]
}

/// Of one head, row by row.
struct Head {
    /// Rank correlation with the weight.
    weight: Vec<f64>,
    /// The same with the weight times the length of the value.
    with_value: Vec<f64>,
    /// Whether the largest weight is the largest loss.
    first: Vec<f64>,
}

fn heads(answers: &Answers) -> Option<Vec<Head>> {
    let whole = answers.ran("whole")?;
    let (all, dims) = (weights(whole)?, whole.outcome.dims);
    let without: Vec<&[f32]> = (0..dims.n_k)
        .map(|key| Some(answers.ran(&format!("without/{key}"))?.outcome.y.as_slice()))
        .collect::<Option<_>>()?;
    let head = |h: usize| {
        let mut found = Head { weight: Vec::new(), with_value: Vec::new(), first: Vec::new() };
        let values = part(&whole.loaded.inputs.v, dims.kv_heads, dims.kv_head(h));
        for q in 0..dims.n_q {
            let row = h * dims.n_q + q;
            let at = row * dims.d_v;
            let kept: Vec<f64> = all.get(row * dims.n_k..)?.iter().take(dims.n_k).map(|a| f64::from(*a)).collect();
            let y = whole.outcome.y.get(at..at + dims.d_v)?;
            let loss = |other: &&[f32]| {
                let off: Vec<f32> = other.get(at..at + dims.d_v)?.iter().zip(y).map(|(a, b)| a - b).collect();
                Some(length(&off))
            };
            let lost: Vec<f64> = without.iter().map(loss).collect::<Option<_>>()?;
            let norm = |(a, value): (&f64, &[f32])| a * length(value);
            let valued: Vec<f64> = kept.iter().zip(values.chunks_exact(dims.d_v)).map(norm).collect();
            found.weight.extend(rank_correlation(&kept, &lost));
            found.with_value.extend(rank_correlation(&valued, &lost));
            found.first.push(f64::from(u8::from(largest(&kept) == largest(&lost))));
        }
        Some(found)
    };
    (0..dims.q_heads).map(head).collect()
}

fn largest(numbers: &[f64]) -> Option<usize> {
    (0..numbers.len()).max_by(|&a, &b| numbers[a].total_cmp(&numbers[b]))
}

fn judge(_: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let heads = heads(answers).unwrap_or_default();
    let of = |pick: fn(&Head) -> &Vec<f64>| -> Vec<f64> {
        heads.iter().map(|head| middle(pick(head).iter().copied()).unwrap_or(f64::NAN)).collect()
    };
    let (weight, with_value) = (of(|head| &head.weight), of(|head| &head.with_value));
    let first: Vec<f64> = heads.iter().filter_map(|head| mean(&head.first)).collect();
    let title = word(lang, "Does the weight say what a key is worth?", "权重能否说明键的作用？");
    let mut table = Table::new(
        title,
        &[
            word(lang, "head", "头"),
            word(lang, "rank correlation", "秩相关"),
            word(lang, "of weight times value", "权重乘值范数的秩相关"),
            word(lang, "largest weight is largest loss, of rows", "最大权重即最大损失的行占比"),
        ],
    );
    for head in 0..heads.len() {
        let share = first.get(head).map_or_else(String::new, |share| read(*share));
        table.row([(head + 1).to_string(), read(weight[head]), read(with_value[head]), share]);
    }
    if heads.is_empty() {
        table.row(["…".to_owned()]);
    }
    let points =
        |all: &[f64]| -> Vec<Point> { all.iter().enumerate().map(|(at, y)| Point::new(at as f64 + 1.0, *y)).collect() };
    let chart = Chart {
        title: title.to_owned(),
        x: Axis::linear(word(lang, "head", "头"), ""),
        y: Axis { ends: Some([-1.0, 1.0]), ..Axis::linear(word(lang, "rank correlation", "秩相关"), "") },
        series: vec![
            Series::new(word(lang, "weight", "权重"), Kind::Dots, 0, points(&weight)),
            Series::new(word(lang, "weight times value", "权重乘值范数"), Kind::Dots, 1, points(&with_value)),
        ],
        marks: vec![
            Mark::level(EXPLAINS, word(lang, "explains above", "高于此值可解释")),
            Mark::level(NOT, word(lang, "does not below", "低于此值不可解释")),
        ],
        ..Chart::default()
    };
    let (verdict, because, margin) = mean(&first).map_or_else(Default::default, |first| verdict(&weight, first, lang));
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(weight: &[f64], first: f64, lang: Lang) -> (Verdict, String, String) {
    let share = |test: &dyn Fn(f64) -> bool| {
        weight.iter().filter(|rho| test(**rho)).count() as f64 / weight.len().max(1) as f64
    };
    let (yes, no) = (share(&|rho| rho >= EXPLAINS), share(&|rho| rho < NOT));
    let verdict = match () {
        () if yes >= MOST && first >= MOST => Verdict::Supported,
        () if no >= MOST => Verdict::Refuted,
        () => Verdict::Depends,
    };
    let [yes, no, first, most] = [yes, no, first, MOST].map(|share| read(100.0 * share));
    let because = said(
        lang,
        format!(
            "The weights explain {yes} % of the heads and fail in {no} %; in {first} % of the rows the largest weight is also the largest loss. It depends on the head where these differ."
        ),
        format!(
            "{yes}% 的头其权重可解释输出，{no}% 不可；{first}% 的行中最大权重即最大损失。三者不一致时，结论取决于具体的头。"
        ),
    );
    let lowest = weight.iter().copied().fold(f64::INFINITY, f64::min);
    let lowest = read(lowest);
    let margin = said(
        lang,
        format!("{yes} % and {first} % against a bound of {most} %; the lowest head has {lowest}."),
        format!("{yes}% 与 {first}%，界限为 {most}%；最低的头为 {lowest}。"),
    );
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// Makes every key's loss what is told of its head and weight.
    fn losses(answers: &mut Answers, of: impl Fn(usize, f32) -> f32) {
        let Some(whole) = answers.ran("whole").cloned() else { return };
        let (dims, Some(all)) = (whole.outcome.dims, weights(&whole)) else { return };
        for key in 0..dims.n_k {
            if let Some(Answer::Ran(ran)) = answers.get_mut(&format!("without/{key}")) {
                for (at, y) in ran.outcome.y.iter_mut().enumerate() {
                    let row = at / dims.d_v;
                    *y = whole.outcome.y[at] + of(row / dims.n_q, all[row * dims.n_k + key]);
                }
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("a loss as large as the weight", Verdict::Supported, |_, answers| {
                losses(answers, |_, weight| 10.0 * weight);
            }),
            Case::doctored("the lighter the key, the larger the loss", Verdict::Refuted, |_, answers| {
                losses(answers, |_, weight| 10.0 * (1.0 - weight));
            }),
            Case::doctored("one in half of the heads, the other in the rest", Verdict::Depends, |_, answers| {
                losses(answers, |head, weight| 10.0 * if head < 6 { weight } else { 1.0 - weight });
            }),
        ]
    }
}
