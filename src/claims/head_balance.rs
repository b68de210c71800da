//! Whether heads are balanced, and whether their shares follow the input: with a fixed output matrix, and with a gate.

use super::answer::Answers;
use super::ask::{Ask, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::Settings;
use super::tools::heads::part;
use super::tools::texts::{LAYER, TEXT, text};
use super::tools::{mean, middle, normals, said, word};
use crate::analysis::plot::{Axis, Chart, Kind, Point, Series, read};
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Choice, Experiment};

/// Heads of the captured model, and the seed of the output matrix.
const HEADS: usize = 12;
const SEED: u64 = 23;
/// Shares are balanced where their entropy is at least this part of the largest.
const BALANCED: f64 = 0.95;
/// Shares follow the input where they spread over inputs by at least this part of their mean.
const FOLLOWS: f64 = 0.1;

const WAYS: [(&str, &str); 2] = [("fixed", "plain"), ("gate", "gated")];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "head-balance",
    title: Text::new("Heads are balanced by the input", "各头按输入自适应均衡"),
    says: Text::new(
        "The contributions of the heads are balanced adaptively, as the input needs.",
        "各头的贡献会依输入自适应地均衡。",
    ),
    essays: &[Essay::E3],
    setup: Text::new(
        "Six captured texts go through one layer. The share of a head is the mean length, over queries, of what it adds to the output behind a fixed output matrix, over that of all heads. It is measured how even the shares are (their entropy over the largest possible) and how much a head's share spreads from text to text (standard deviation over mean), without a gate and with a gate that reads the query.",
        "六段采集的文本通过同一层。某头的份额，是它经固定输出矩阵后对输出的贡献长度（对查询取平均）占各头总和的比例。测量份额是否均匀（熵与最大可能值之比），以及同一头的份额随文本变化多少（标准差与均值之比）；分别不加门控与加上由查询决定的门控。",
    ),
    sliders: &[LAYER],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "The output matrix is the same for every input, so a share can only change because the head's own output does. A learned gate could change it on purpose; the gate here is seeded.",
        "输出矩阵对所有输入都相同，份额只能因该头自身输出的变化而变化。学得的门控可以有意改变它；这里的门控由种子生成。",
    ),
    limits: Text::new(
        "The captures do not hold the model's output matrix; a seeded normal one stands for it, which treats all heads alike, so unevenness that the trained one adds or removes is not seen. A share of the length is no share of the decision. Some of the six texts are in languages that the model was not trained for.",
        "采集数据不含模型的输出矩阵，以种子正态矩阵代替，它对各头一视同仁，因此看不到训练所得矩阵带来或消除的不均。长度的份额不等于决策的份额。六段文本中有几段的语言并非该模型所训练。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "A small part of the heads does most of the work; which ones is fixed after training.",
                "少部分头承担了大部分工作，且训练之后由哪些头承担便固定下来。",
            ),
            paper: Paper {
                title: "Voita et al., Analyzing Multi-Head Self-Attention: Specialized Heads Do the Heavy Lifting, the Rest Can Be Pruned",
                year: 2019,
                id: "arXiv:1905.09418",
            },
        },
        Source {
            says: Text::new(
                "Gates the output of each head by the input, which changes what trained models do with their heads.",
                "按输入对每个头的输出加门控，改变了训练所得模型使用各头的方式。",
            ),
            paper: Paper {
                title: "Qiu et al., Gated Attention for Large Language Models: Non-linearity, Sparsity, and Attention-Sink-Free",
                year: 2025,
                id: "arXiv:2505.06708",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let (balanced, follows) = (read(BALANCED), read(FOLLOWS));
    said(
        lang,
        format!(
            "Balanced: in every text the entropy of the shares is at least {balanced} of the largest. Adaptive: the median head's share spreads by at least {follows} of its mean. Without a gate: supported where balanced and adaptive, refuted where neither, depends where only one. The gate is shown beside it and does not enter."
        ),
        format!(
            "“均衡”：每段文本中份额的熵不低于最大值的 {balanced}。“自适应”：各头份额的离散（取中位数）不低于均值的 {follows}。不加门控时：两者皆是为成立，皆非为不成立，仅其一为视条件而定。门控的结果仅作对照，不参与判定。"
        ),
    )
}

fn experiment(settings: &Settings, number: usize, layout: &str) -> Experiment {
    Experiment { layout: Choice::of(layout), ..subject(text(number, settings.count("layer"))) }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let of = |number: usize| {
        WAYS.map(|(way, layout)| Ask::run(format!("{way}/{number}"), experiment(settings, number, layout)))
    };
    (0..TEXT.stops.len()).flat_map(of).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(Text::new("the heads as they are", "原样的各头"), experiment(settings, 0, "plain")),
        Opening::new(Text::new("gated output", "输出门控"), experiment(settings, 0, "gated")),
    ]
}

/// The share of each head in a text.
fn shares(answers: &Answers, way: &str, number: usize, matrix: &[f32]) -> Option<Vec<f64>> {
    let ran = answers.ran(&format!("{way}/{number}"))?;
    let dims = ran.outcome.dims;
    let width = dims.q_heads * dims.d_v;
    let added = |head: usize| {
        let own = matrix.get(head * dims.d_v * width..(head + 1) * dims.d_v * width).unwrap_or_default();
        let length = |y: &[f32]| {
            let mut out = vec![0.0_f64; width];
            for (y, row) in y.iter().zip(own.chunks_exact(width)) {
                out.iter_mut().zip(row).for_each(|(out, w)| *out += f64::from(*y) * f64::from(*w));
            }
            out.iter().map(|x| x * x).sum::<f64>().sqrt()
        };
        let rows: Vec<f64> = part(&ran.outcome.y, dims.q_heads, head).chunks_exact(dims.d_v).map(length).collect();
        mean(&rows)
    };
    let added: Vec<f64> = (0..dims.q_heads).map(added).collect::<Option<_>>()?;
    let sum: f64 = added.iter().sum();
    (sum > 0.0).then(|| added.into_iter().map(|one| one / sum).collect())
}

/// Entropy over the largest that so many shares can have.
fn evenness(shares: &[f64]) -> f64 {
    let entropy: f64 = shares.iter().filter(|share| **share > 0.0).map(|share| -share * share.ln()).sum();
    entropy / (shares.len() as f64).ln()
}

/// Standard deviation over mean.
fn spread(numbers: &[f64]) -> Option<f64> {
    let middle = mean(numbers)?;
    let squares: Vec<f64> = numbers.iter().map(|x| (x - middle).powi(2)).collect();
    Some(mean(&squares)?.sqrt() / middle)
}

/// Shares by text, the least evenness, and the spread of each head.
struct Way {
    shares: Vec<Vec<f64>>,
    even: f64,
    spreads: Vec<f64>,
}

fn way(answers: &Answers, id: &str, matrix: &[f32]) -> Option<Way> {
    let shares: Vec<Vec<f64>> =
        (0..TEXT.stops.len()).map(|number| shares(answers, id, number, matrix)).collect::<Option<_>>()?;
    let even = shares.iter().map(|shares| evenness(shares)).fold(f64::INFINITY, f64::min);
    let of = |head: usize| spread(&shares.iter().filter_map(|all| all.get(head).copied()).collect::<Vec<_>>());
    let spreads = (0..HEADS).map(of).collect::<Option<_>>()?;
    Some(Way { shares, even, spreads })
}

fn judge(_: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let found = match answers.ran("fixed/0") {
        Some(ran) => {
            let width = ran.outcome.dims.q_heads * ran.outcome.dims.d_v;
            let matrix = normals(SEED, width * width);
            WAYS.map(|(id, _)| way(answers, id, &matrix))
        }
        None => [None, None],
    };
    let names = [word(lang, "no gate", "无门控"), word(lang, "with a gate", "有门控")];
    let title = word(lang, "Share of each head", "各头的份额");
    let mut table = Table::new(
        title,
        &[
            word(lang, "head", "头"),
            word(lang, "mean share", "平均份额"),
            word(lang, "spread over texts", "随文本的离散"),
            word(lang, "mean share, gate", "平均份额，门控"),
            word(lang, "spread over texts, gate", "随文本的离散，门控"),
        ],
    );
    let average = |way: &Way, head: usize| mean(&way.shares.iter().map(|all| all[head]).collect::<Vec<_>>());
    for head in 0..HEADS {
        let both = found.iter().flat_map(|way| match way {
            Some(way) => [average(way, head).map_or_else(String::new, read), read(way.spreads[head])],
            None => Default::default(),
        });
        table.row(std::iter::once((head + 1).to_string()).chain(both));
    }
    let both = found.iter().flat_map(|way| match way {
        Some(way) => [read(way.even), middle(way.spreads.iter().copied()).map_or_else(String::new, read)],
        None => Default::default(),
    });
    let last = word(lang, "least evenness, median spread", "最低均匀度，离散中位数").to_owned();
    table.row(std::iter::once(last).chain(both));
    let line = |slot: usize| {
        let points = (0..HEADS).map(|head| {
            let Some(way) = &found[slot] else { return Point::new(head as f64 + 1.0, f64::NAN) };
            let all = way.shares.iter().map(|all| all[head]);
            let (low, high) = all.fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(x), high.max(x)));
            Point::between(head as f64 + 1.0, low, average(way, head).unwrap_or(f64::NAN), high)
        });
        Series::new(names[slot], Kind::Dots, slot, points)
    };
    let chart = Chart {
        title: title.to_owned(),
        caption: word(
            lang,
            "Mean over the texts, with the least and the largest.",
            "各文本的平均值，以及最小与最大值。",
        )
        .to_owned(),
        x: Axis::linear(word(lang, "head", "头"), ""),
        y: Axis::linear(word(lang, "share", "份额"), ""),
        series: vec![line(0), line(1)],
        ..Chart::default()
    };
    let measured = |way: &Option<Way>| Some([way.as_ref()?.even, middle(way.as_ref()?.spreads.iter().copied())?]);
    let (verdict, because, margin) = match (measured(&found[0]), measured(&found[1])) {
        (Some(fixed), Some(gate)) => verdict(fixed, gate, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict([even, spread]: [f64; 2], gate: [f64; 2], lang: Lang) -> (Verdict, String, String) {
    let verdict = match (even >= BALANCED, spread >= FOLLOWS) {
        (true, true) => Verdict::Supported,
        (false, false) => Verdict::Refuted,
        _ => Verdict::Depends,
    };
    let [e, s] = [even, spread].map(read);
    let [gate_even, gate_spread] = gate.map(read);
    let because = said(
        lang,
        format!(
            "The shares are even to {e} of what is possible and spread by {s} of their mean from text to text; with a gate {gate_even} and {gate_spread}."
        ),
        format!(
            "份额的均匀度至少为最大可能的 {e}，随文本的离散为均值的 {s}；加门控后为 {gate_even} 与 {gate_spread}。"
        ),
    );
    let [balanced, follows] = [BALANCED, FOLLOWS].map(read);
    let margin =
        said(lang, format!("The bounds are {balanced} and {follows}."), format!("界限为 {balanced} 与 {follows}。"));
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// Makes the outputs of every head in every text as large as is told, in one place each.
    fn set(answers: &mut Answers, size: impl Fn(usize, usize) -> f32) {
        for number in 0..TEXT.stops.len() {
            if let Some(Answer::Ran(ran)) = answers.get_mut(&format!("fixed/{number}")) {
                let dims = ran.outcome.dims;
                for (at, y) in ran.outcome.y.iter_mut().enumerate() {
                    *y = size(number, at / (dims.n_q * dims.d_v));
                }
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("all alike, whatever the text", Verdict::Depends, |_, answers| set(answers, |_, _| 1.0)),
            Case::doctored("nearly alike, and by the text", Verdict::Supported, |_, answers| {
                set(answers, |number, head| if (number + head) % 2 == 0 { 1.0 } else { 1.4 });
            }),
            Case::doctored("one head does all, whatever the text", Verdict::Refuted, |_, answers| {
                set(answers, |_, head| if head == 0 { 1.0 } else { 0.01 });
            }),
        ]
    }

    #[test]
    fn even_shares_are_one_and_a_single_one_is_nothing() {
        assert!((evenness(&[0.25; 4]) - 1.0).abs() < 1e-12);
        assert_eq!(evenness(&[1.0, 0.0]), 0.0);
        assert_eq!((spread(&[2.0, 2.0]), spread(&[])), (Some(0.0), None));
    }
}
