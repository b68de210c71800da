//! What learned positions cost beside fixed ones: numbers to be learned, bytes, time.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::laws::{line, points};
use super::tools::{normal, said, with, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::analysis::statistics::of_ratio;
use crate::catalogue::{Lang, Paper, Text, position};
use crate::experiment::{Algorithm, Backend, Choice, EngineChoice, Experiment};

/// Heads and their size.
const HEADS: [usize; 2] = [4, 64];
/// Buckets of T5's biases, and the farthest distance of the relative table.
const BUCKETS: usize = 32;
const REACH: usize = 16;
/// More time that counts, as a ratio.
const MORE: f64 = 1.05;

/// Schemes that are timed: the fixed ones, then those with numbers to be learned.
const FIXED: [&str; 4] = ["none", "sinusoidal", "rope", "alibi"];
const LEARNED: [&str; 3] = ["learned", "t5", "relative"];
/// What a learned table is compared with: it is added in the same way.
const PLAIN: &str = "sinusoidal";
const TABLE: &str = "learned";

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "learned-cost",
    title: Text::new("Learned positions cost extra", "可学习位置有额外开销"),
    says: Text::new(
        "Positions that are learned cost extra parameters and extra time.",
        "可学习的位置编码带来额外的参数与计算开销。",
    ),
    essays: &[Essay::E2],
    setup: Text::new(
        "Attention over random tokens is timed with position schemes that are fixed (none, sinusoids, rotary, ALiBi) and with such that hold numbers to be learned (a vector for each position, T5's biases, a table of distances). The numbers are counted from the same settings, four bytes each; the trained length is the number of tokens.",
        "在随机词元上为注意力计时：固定方案（无、正弦、旋转、ALiBi）与含可学习参数的方案（每个位置一个向量、T5 偏置、距离表）。参数量按同样的设置计数，每个数四字节；训练长度取词元数。",
    ),
    sliders: &[
        Slider::numbers("n", Text::new("tokens", "词元数"), &[256.0, 512.0, 1024.0, 2048.0, 4096.0], 512.0, 2048.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "A scheme that looks up a vector for every pair, as relative vectors do, does more work than a table that is added once for each token.",
        "若每一对词元都要查一个向量（如相对位置向量），工作量就大于每个词元只加一次的表。",
    ),
    limits: Text::new(
        "What is timed is the forward pass with the tables made. Learning them takes gradients and an optimiser's state, some three times their bytes, and data, which no run here shows.",
        "计时的是表已就绪的前向计算。学习这些表还需要梯度与优化器状态（约为其字节数的三倍）以及数据，这里的运行都不涉及。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Found learned and sinusoidal positions to give nearly the same results and took sinusoids, which may reach longer sequences.",
                "发现可学习位置与正弦位置结果几乎相同，并选用可能外推到更长序列的正弦位置。",
            ),
            paper: Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" },
        },
        Source {
            says: Text::new(
                "Learns one vector for each of 512 positions, which is some 0.4 of 110 million parameters in the smaller model.",
                "为 512 个位置各学一个向量，在较小的模型中约占 1.1 亿参数中的 40 万。",
            ),
            paper: Paper {
                title: "Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
                year: 2018,
                id: "arXiv:1810.04805",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let more = read(MORE);
    said(
        lang,
        format!(
            "The table of a vector for each position is compared with sinusoids, which are added in the same way. Supported: it has numbers to be learned, and takes more than {more} times as long (whole interval of the ratio of medians). Depends: it has them, and the whole interval lies at or below {more}: it costs memory, not time. Not settled: the interval holds {more}."
        ),
        format!(
            "把“每个位置一个向量”的表与以同样方式相加的正弦位置比较。成立：它含可学习参数，且用时超过 {more} 倍（中位数之比的整个区间）。视条件而定：含可学习参数，但整个区间不超过 {more}，即耗内存而不耗时间。无法判定：区间跨越 {more}。"
        ),
    )
}

fn experiment(settings: &Settings, id: &str) -> Experiment {
    let [heads, size] = HEADS;
    let position = match id {
        TABLE => with(id, "trained", settings.get("n")),
        "t5" => with(id, "buckets", BUCKETS as f64),
        "relative" => with(id, "reach", REACH as f64),
        _ => Choice::of(id),
    };
    let engine = EngineChoice { backend: Backend::Cpu, algorithm: Algorithm::Streaming, ..EngineChoice::default() };
    Experiment { position, engine, ..subject(normal(square(heads, settings.count("n"), size), settings.seed())) }
}

/// Numbers to be learned.
fn numbers(settings: &Settings, id: &str) -> usize {
    let [heads, size] = HEADS;
    match id {
        // One table, which every head's queries and keys share.
        TABLE => settings.count("n") * size,
        "t5" => heads * BUCKETS,
        "relative" => heads * (2 * REACH + 1),
        _ => 0,
    }
}

fn schemes() -> impl Iterator<Item = &'static str> {
    FIXED.into_iter().chain(LEARNED)
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let n = settings.count("n");
    let of = |(slot, id): (usize, &str)| Ask::time(format!("{id}/{n}"), slot, n as f64, experiment(settings, id));
    schemes().enumerate().map(of).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(Text::new("a vector for each position", "每个位置一个向量"), experiment(settings, TABLE)),
        Opening::new(Text::new("sinusoids", "正弦位置"), experiment(settings, PLAIN)),
    ]
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let n = settings.count("n");
    let time = |id: &str| answers.timed(&format!("{id}/{n}"));
    let against = |id: &str, other: &str| {
        let (ratio, interval) = of_ratio(&time(id)?.summary.samples, &time(other)?.summary.samples, 13)?;
        Some((ratio, interval.map_or([ratio; 2], |interval| [interval.low, interval.high])))
    };
    let name = |id: &str| match id {
        "none" => word(lang, "none", "无").to_owned(),
        _ => position(id).map_or_else(|| id.to_owned(), |entry| entry.name.get(lang).to_owned()),
    };
    let mut table = Table::new(
        word(lang, "What each scheme costs", "各方案的开销"),
        &[
            word(lang, "scheme", "方案"),
            word(lang, "numbers to be learned", "可学习参数"),
            word(lang, "bytes", "字节"),
            word(lang, "time, ms", "用时，毫秒"),
            word(lang, "of the time without", "与无位置时之比"),
        ],
    );
    for id in schemes() {
        let count = numbers(settings, id);
        let median = time(id).map_or_else(String::new, |time| read(time.summary.median));
        let ratio = against(id, "none").map_or_else(String::new, |(ratio, _)| read(ratio));
        table.row([name(id), count.to_string(), (4 * count).to_string(), median, ratio]);
    }
    let across = || Axis::named(word(lang, "scheme", "方案"), schemes().map(name).collect());
    let spread = schemes().enumerate().flat_map(|(at, id)| {
        let one = points(&line(answers, id, &[n]));
        one.into_iter().map(move |point| Point { x: at as f64, ..point })
    });
    let ms = word(lang, "ms", "毫秒");
    let mut speed = Chart {
        title: word(lang, "Time of each scheme", "各方案的用时").to_owned(),
        x: across(),
        y: Axis::linear(word(lang, "time", "用时"), ms),
        series: vec![Series::new(word(lang, "time", "用时"), Kind::Dots, 0, spread)],
        ..Chart::default()
    };
    if let Some(plain) = time(PLAIN) {
        let bound = word(lang, "more than sinusoids above", "高于此值即比正弦更慢");
        speed.marks.push(Mark::level(MORE * plain.summary.median, bound));
    }
    let counts = schemes().enumerate().map(|(at, id)| Point::new(at as f64, numbers(settings, id) as f64));
    let learned = word(lang, "numbers to be learned", "可学习参数");
    let held = Chart {
        title: learned.to_owned(),
        x: across(),
        y: Axis::new(learned, "", Scale::Linear),
        series: vec![Series::new(learned, Kind::Bars, 0, counts)],
        ..Chart::default()
    };
    let found = against(TABLE, PLAIN).map(|ratio| verdict(numbers(settings, TABLE), ratio, lang));
    let (verdict, because, margin) = found.unwrap_or_default();
    Finding { verdict, because, margin, tables: vec![table], charts: vec![speed, held] }
}

fn verdict(count: usize, (ratio, [low, high]): (f64, [f64; 2]), lang: Lang) -> (Verdict, String, String) {
    let verdict = match () {
        () if low > MORE => Verdict::Supported,
        () if high <= MORE => Verdict::Depends,
        () => Verdict::NotSettled,
    };
    let [ratio_told, low, high, more] = [ratio, low, high, MORE].map(read);
    let because = said(
        lang,
        format!(
            "A vector for each position is {count} numbers to be learned, and takes {ratio_told} times as long as sinusoids ({low} to {high}). It depends on which cost is meant."
        ),
        format!(
            "每个位置一个向量共有 {count} 个可学习参数，用时为正弦位置的 {ratio_told} 倍（{low} 至 {high}）。结论取决于所指的是哪种开销。"
        ),
    );
    let away = read((ratio - MORE).abs());
    let margin = said(
        lang,
        format!("The ratio of times is {away} from the bound of {more}."),
        format!("用时之比与界限 {more} 相差 {away}。"),
    );
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Case, times};
    use super::*;

    fn set(answers: &mut Answers, learned: f64) {
        times(answers, "sinusoidal/", |_| 10.0);
        times(answers, "learned/", |_| learned);
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("as quick as sinusoids", Verdict::Depends, |_, answers| set(answers, 10.0)),
            Case::doctored("half as quick", Verdict::Supported, |_, answers| set(answers, 20.0)),
            Case::doctored("on the bound", Verdict::NotSettled, |_, answers| set(answers, 10.0 * MORE)),
        ]
    }
}
