//! How much of the time the softmax takes.

use super::answer::{Answers, Timed};
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::catalogue::{Lang, Paper, Text};
use crate::engine::TimedStage;
use crate::experiment::{Algorithm, Backend, EngineChoice, Experiment};

/// From such a share of the time on the softmax makes the cost worse; below the other it does not.
const LARGE: f64 = 0.25;
const SMALL: f64 = 0.10;
/// Head sizes.
const SIZES: [usize; 3] = [16, 64, 256];
/// Places of the axis: the most tokens, and half as many each time.
const PLACES: u32 = 3;
/// Heads that are timed.
const HEADS: usize = 2;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "softmax-share",
    title: Text::new("The softmax makes it worse", "Softmax 使代价更高"),
    says: Text::new("The softmax makes the cost of attention worse still.", "Softmax 进一步加重了注意力的计算代价。"),
    essays: &[Essay::E2],
    setup: Text::new(
        "Materialised attention is run over random tokens at several lengths and head sizes; its stages are timed apart, and the normaliser's time is divided by that of all stages. Streaming kernels, in which products and softmax happen together, are timed beside it as a whole.",
        "在多个长度与头维度的随机词元上运行物化注意力，分别为各阶段计时，取归一化用时占全部阶段的比例。流式计算核中乘积与 Softmax 同时进行，故仅在旁给出其总用时。",
    ),
    sliders: &[
        Slider::numbers(
            "n",
            Text::new("most tokens", "最多词元数"),
            &[256.0, 512.0, 1024.0, 2048.0, 4096.0],
            1024.0,
            2048.0,
        ),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "The share falls with the head size: the products do 4·d operations for each score, the softmax one exponential and a few more. Slow exponentials, as of scalar code, raise it.",
        "该比例随头维度下降：每个分数的乘积需 4·d 次运算，Softmax 只需一次指数及少量其他运算。较慢的指数函数（如标量代码）会提高它。",
    ),
    limits: Text::new(
        "What the softmax takes within a streaming kernel can't be read off a clock; the materialised kernel passes over the scores once more than it must, so its share is an upper bound of what fused code needs.",
        "流式计算核内部 Softmax 的用时无法用时钟读出；物化计算核对分数多遍历一次，故其占比是融合代码所需的上界。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Computes the softmax online, in one pass less over the numbers.",
                "在线计算 Softmax，少一次遍历。",
            ),
            paper: Paper {
                title: "Milakov and Gimelshein, Online normalizer calculation for softmax",
                year: 2018,
                id: "arXiv:1805.02867",
            },
        },
        Source {
            says: Text::new(
                "Counts that a GPU's exponentials are so much slower than its matrix products that at head size 128 they take half as long, and overlaps the two.",
                "指出 GPU 的指数运算远慢于矩阵乘，头维度 128 时用时可达后者一半，并使两者重叠。",
            ),
            paper: Paper {
                title: "Shah et al., FlashAttention-3: Fast and Accurate Attention with Asynchrony and Low-precision",
                year: 2024,
                id: "arXiv:2407.08608",
            },
        },
    ],
    measured: true,
};

fn places(settings: &Settings) -> Vec<usize> {
    (0..PLACES).rev().map(|halvings| settings.count("n") >> halvings).collect()
}

fn experiment(settings: &Settings, size: usize, n: usize, algorithm: Algorithm) -> Experiment {
    let engine = EngineChoice { backend: Backend::Cpu, algorithm, ..EngineChoice::default() };
    Experiment { engine, ..subject(normal(square(HEADS, n, size), settings.seed())) }
}

fn rule(lang: Lang) -> String {
    let (large, small) = (read(100.0 * LARGE), read(100.0 * SMALL));
    match lang {
        Lang::En => format!(
            "Supported: the softmax takes {large} % of the time or more at every length and head size. Refuted: at most {small} % at all of them. Depends: anything else."
        ),
        Lang::Zh => format!(
            "成立：在每个长度与头维度上，Softmax 都占用时的 {large}% 或更多。不成立：在所有情形下至多占 {small}%。其余：视条件而定。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let mut asks = Vec::new();
    for (line, size) in SIZES.into_iter().enumerate() {
        for n in places(settings) {
            let ask = |name: &str, line, algorithm| {
                Ask::time(format!("{name}/{size}/{n}"), line, n as f64, experiment(settings, size, n, algorithm))
            };
            asks.push(ask("stages", line, Algorithm::Materialised));
            asks.push(ask("streaming", SIZES.len() + line, Algorithm::Streaming));
        }
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    let shown = experiment(settings, 64, settings.count("n").min(512), Algorithm::Materialised);
    vec![Opening::new(Text::new("head size 64, its stages timed", "头维度 64，各阶段计时"), shown)]
}

/// The share of the stages' time that the normaliser takes.
fn share(time: &Timed) -> Option<f64> {
    let all: f64 = TimedStage::ALL.iter().map(|&stage| time.stages.of(stage)).sum();
    (all > 0.0).then(|| time.stages.of(TimedStage::Normalise) / all)
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let w = |en, zh| word(lang, en, zh);
    let mut table = Table::new(
        w("Share of the softmax", "Softmax 占比"),
        &[
            w("head size, tokens", "头维度，词元数"),
            w("softmax, % of the time", "Softmax 占用时，%"),
            w("materialised, ms", "物化，毫秒"),
            w("streaming, ms", "流式，毫秒"),
        ],
    );
    let (mut shares, mut series) = (Vec::new(), Vec::new());
    for (slot, size) in SIZES.into_iter().enumerate() {
        let mut points = Vec::new();
        for n in places(settings) {
            let Some(time) = answers.timed(&format!("stages/{size}/{n}")) else { continue };
            let Some(share) = share(time) else { continue };
            shares.push((size, n, share));
            points.push(Point::new(n as f64, 100.0 * share));
            let streaming = answers.timed(&format!("streaming/{size}/{n}")).map(|time| read(time.summary.median));
            table.row([
                format!("{size}, {n}"),
                read(100.0 * share),
                read(time.summary.median),
                streaming.unwrap_or_default(),
            ]);
        }
        let name = match lang {
            Lang::En => format!("head size {size}"),
            Lang::Zh => format!("头维度 {size}"),
        };
        series.push(Series::new(name, Kind::Line, slot, points));
    }
    let chart = Chart {
        title: w("Share of the softmax over tokens", "Softmax 占比与词元数").to_owned(),
        x: Axis::new(w("tokens", "词元数"), "", Scale::Log2),
        y: Axis::linear(w("share of the time", "用时占比"), "%"),
        series,
        marks: vec![
            Mark::level(100.0 * LARGE, w("large above", "高于此值为大")),
            Mark::level(100.0 * SMALL, w("small below", "低于此值为小")),
        ],
        ..Chart::default()
    };
    let whole = shares.len() == SIZES.len() * PLACES as usize;
    let (verdict, because, margin) = if whole { verdict(&shares, lang) } else { Default::default() };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

/// Of head sizes and lengths with the softmax's share.
fn verdict(shares: &[(usize, usize, f64)], lang: Lang) -> (Verdict, String, String) {
    let by_share = |a: &&(usize, usize, f64), b: &&(usize, usize, f64)| a.2.total_cmp(&b.2);
    let (Some(least), Some(most)) = (shares.iter().min_by(by_share), shares.iter().max_by(by_share)) else {
        return Default::default();
    };
    let verdict = match () {
        () if least.2 >= LARGE => Verdict::Supported,
        () if most.2 <= SMALL => Verdict::Refuted,
        () => Verdict::Depends,
    };
    let (low, high) = (read(100.0 * least.2), read(100.0 * most.2));
    let (d, n, big_d, big_n) = (most.0, most.1, least.0, least.1);
    let because = match (verdict, lang) {
        (Verdict::Depends, Lang::En) => format!(
            "It depends on the head size: the softmax takes {high} % of the time at head size {d} ({n} tokens), {low} % at {big_d} ({big_n} tokens)."
        ),
        (Verdict::Depends, Lang::Zh) => format!(
            "取决于头维度：头维度 {d}（{n} 个词元）时 Softmax 占 {high}%，头维度 {big_d}（{big_n} 个词元）时占 {low}%。"
        ),
        (_, Lang::En) => format!("The softmax takes {low} % to {high} % of the time."),
        (_, Lang::Zh) => format!("Softmax 占用时的 {low}% 至 {high}%。"),
    };
    let (large, small) = (read(100.0 * LARGE), read(100.0 * SMALL));
    let margin = match lang {
        Lang::En => format!("{low} % to {high} %, against bounds of {small} % and {large} %."),
        Lang::Zh => format!("{low}% 至 {high}%，界限为 {small}% 与 {large}%。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;
    use crate::engine::StageTimes;

    /// Gives the softmax another share, told the head size.
    fn stages(answers: &mut Answers, of: impl Fn(usize) -> f64) {
        for (key, answer) in answers.iter_mut() {
            let size = key.strip_prefix("stages/").and_then(|rest| rest.split_once('/')?.0.parse().ok());
            if let (Some(size), Answer::Timed(timed)) = (size, answer) {
                timed.stages = StageTimes::default();
                timed.stages.add(TimedStage::Normalise, of(size));
                timed.stages.add(TimedStage::Scores, 1.0 - of(size));
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("half of the time", Verdict::Supported, |_, answers| stages(answers, |_| 0.5)),
            Case::doctored("a hundredth of it", Verdict::Refuted, |_, answers| stages(answers, |_| 0.01)),
            Case::doctored("less for larger heads", Verdict::Depends, |_, answers| {
                stages(answers, |size| 4.0 / size as f64)
            }),
        ]
    }
}
