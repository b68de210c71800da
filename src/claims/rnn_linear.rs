//! Whether recurrent networks grow linearly, and what they keep of the first token.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::laws::{doublings, law, line, points};
use super::tools::{changed, length, normal, normals, said, with, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::analysis::statistics::{Fit, Interval};
use crate::attention::Dims;
use crate::attention::estimators::alone;
use crate::catalogue::{Lang, Paper, Text, estimator};
use crate::experiment::{Algorithm, Backend, Choice, EngineChoice, Experiment, MaskChoice};

/// The cells, by their id in the catalogue.
const CELLS: [&str; 3] = ["rnn", "gru", "lstm"];
const ATTENTION: &str = "attention";
/// Half way between a line and a square.
const BETWEEN: f64 = 1.5;
/// What is left of the first token's influence where it is kept: at least this, of what it was at its own step.
const KEPT: f64 = 1e-3;
/// Numbers of a token, and of the state.
const WIDTH: usize = 64;
const PLACES: u32 = 4;
const SEED: u64 = 901;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "rnn-linear",
    title: Text::new("Recurrent networks are linear and reach far", "循环网络线性增长且能处理长序列"),
    says: Text::new(
        "A recurrent network's cost grows linearly with the sequence, and it copes with tens of thousands of steps.",
        "循环网络的开销随序列长度线性增长，可处理上万步的序列。",
    ),
    essays: &[Essay::E2],
    setup: Text::new(
        "A simple recurrent network, a GRU and an LSTM with 64 state numbers and causal attention of the same width are timed over random tokens of growing number, and a power law is fitted to each. Then the first token is replaced by another, and it is measured how far the outputs at every later step move, relative to the first step.",
        "在越来越长的随机词元上，为状态 64 维的简单循环网络、GRU、LSTM 以及同宽的因果注意力计时，并各自拟合幂律。然后替换第一个词元，测量此后每一步输出的移动量与第一步之比。",
    ),
    sliders: &[
        Slider::numbers(
            "n",
            Text::new("most tokens, timed", "计时的最多词元数"),
            &[512.0, 1024.0, 2048.0, 4096.0, 8192.0],
            1024.0,
            4096.0,
        ),
        Slider::numbers(
            "steps",
            Text::new("steps after the first token", "第一个词元之后的步数"),
            &[128.0, 256.0, 512.0, 1024.0, 2048.0],
            512.0,
            2048.0,
        ),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Weights that make a gate stay open, or a state that is rotated and not squashed, keep the first token for longer; training an LSTM with a large forget bias does the former.",
        "若权重使门保持打开，或状态只被旋转而不被压缩，第一个词元就能保留更久；以较大的遗忘门偏置训练 LSTM 即属前者。",
    ),
    limits: Text::new(
        "The networks are untrained, with the weights that PyTorch's layers begin with: trained ones can keep more. Attention runs on tuned kernels and can use all workers, the networks one, since a step waits for the step before; so the crossover is this program's. Influence is no accuracy.",
        "这些网络未经训练，权重取 PyTorch 各层的初始分布；训练后可保留更多。注意力使用优化过的计算核并可用全部工作线程，循环网络因每步须等上一步而只用一个，故交叉点仅适用于本程序。影响大小不等于准确率。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Gives the cost of a layer: n·d² for recurrent ones, n²·d for self-attention, with n steps that wait for one another and one.",
                "给出每层的开销：循环层为 n·d²，自注意力为 n²·d；须依次进行的操作分别为 n 步与 1 步。",
            ),
            paper: Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" },
        },
        Source {
            says: Text::new(
                "Explains why gradients of recurrent networks vanish or explode over many steps.",
                "解释循环网络的梯度为何在多步之后消失或爆炸。",
            ),
            paper: Paper {
                title: "Pascanu, Mikolov and Bengio, On the difficulty of training Recurrent Neural Networks",
                year: 2012,
                id: "arXiv:1211.5063",
            },
        },
        Source {
            says: Text::new(
                "Trained LSTM language models use about 200 tokens of context, and only the nearest 50 in their order.",
                "训练好的 LSTM 语言模型约利用 200 个词元的上下文，且只对最近约 50 个敏感于次序。",
            ),
            paper: Paper {
                title: "Khandelwal et al., Sharp Nearby, Fuzzy Far Away: How Neural Language Models Use Context",
                year: 2018,
                id: "arXiv:1805.04623",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let (between, kept) = (read(BETWEEN), read(KEPT));
    said(
        lang,
        format!(
            "Linear: the whole interval of each cell's exponent (95 of 100, by bootstrap) lies below {between}. Far: with some cell at least {kept} of the first token's influence is left at the last step. Supported: both. Depends: linear, and nothing is left. Refuted: an exponent whose interval lies above {between}. Else not settled."
        ),
        format!(
            "“线性”：每种单元指数的整个区间（95%，自助抽样）低于 {between}。“长程”：至少一种单元在最后一步仍留有第一个词元影响的 {kept}。成立：两者皆是。视条件而定：线性，但影响已消失。不成立：某一指数的区间高于 {between}。其余无法判定。"
        ),
    )
}

fn cell(id: &str) -> Choice {
    with(id, "hidden", WIDTH as f64)
}

fn attention(settings: &Settings, tokens: usize) -> Experiment {
    let engine = EngineChoice { backend: Backend::Cpu, algorithm: Algorithm::Streaming, ..EngineChoice::default() };
    let input = normal(square(1, tokens, WIDTH), settings.seed());
    Experiment { engine, mask: MaskChoice::of("causal"), ..subject(input) }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let mut asks = Vec::new();
    let steps = settings.count("steps");
    for id in CELLS {
        let ask = |key: String| Ask::estimate(key, attention(settings, steps), cell(id), true);
        asks.push(ask(format!("influence/{id}")));
        asks.push(ask(format!("influence/{id}/other")).altered(changed(|_, qkv| {
            for (numbers, seed) in qkv.into_iter().zip(SEED..) {
                numbers.iter_mut().zip(normals(seed, WIDTH)).for_each(|(x, other)| *x = other);
            }
        })));
    }
    for n in doublings(settings.count("n"), PLACES) {
        asks.push(Ask::time(format!("{ATTENTION}/{n}"), 0, n as f64, attention(settings, n)));
        let dims = Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: n, n_k: n, d: WIDTH, d_v: WIDTH };
        for (slot, id) in CELLS.iter().enumerate() {
            if let Ok(estimator) = alone(&cell(id), dims, true, 1.0, "estimator") {
                let input = normal(square(1, n, WIDTH), settings.seed());
                asks.push(Ask::time_of(format!("{id}/{n}"), slot + 1, n as f64, estimator, input));
            }
        }
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    let beside = |id| Experiment { estimator: cell(id), ..attention(settings, settings.count("steps")) };
    vec![
        Opening::new(Text::new("LSTM beside attention", "LSTM 与注意力对照"), beside("lstm")),
        Opening::new(Text::new("simple recurrent network", "简单循环网络"), beside("rnn")),
    ]
}

/// How far each step's output moves when the first token is another, relative to the first step: of the cell, and of attention.
fn influence(answers: &Answers, id: &str, attention: bool) -> Option<Vec<f64>> {
    let (one, other) =
        (answers.estimated(&format!("influence/{id}"))?, answers.estimated(&format!("influence/{id}/other"))?);
    let (a, b) = if attention { (&one.exact, &other.exact) } else { (&one.y, &other.y) };
    let rows = a.chunks_exact(WIDTH).zip(b.chunks_exact(WIDTH));
    let moved: Vec<f64> =
        rows.map(|(a, b)| length(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f32>>())).collect();
    let first = *moved.first().filter(|first| **first > 0.0)?;
    Some(moved.into_iter().map(|moved| moved / first).collect())
}

fn name(id: &str, lang: Lang) -> String {
    estimator(id).map_or_else(|| word(lang, "attention", "注意力").to_owned(), |entry| entry.name.get(lang).to_owned())
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let places = doublings(settings.count("n"), PLACES);
    let lines = [ATTENTION, CELLS[0], CELLS[1], CELLS[2]];
    let times = lines.map(|id| line(answers, id, &places));
    let laws = times.each_ref().map(|times| law(times));
    let kept: Vec<Option<Vec<f64>>> = lines
        .iter()
        .map(|id| influence(answers, if *id == ATTENTION { CELLS[0] } else { id }, *id == ATTENTION))
        .collect();
    let left: Vec<Option<f64>> = kept.iter().map(|all| all.as_ref().and_then(|all| all.last().copied())).collect();
    let told = |number: Option<f64>| number.map_or_else(String::new, read);
    let mut table = Table::new(
        word(lang, "Growth, crossover and what is left", "增长、交叉点与残留影响"),
        &[
            "",
            word(lang, "exponent", "指数"),
            word(lang, "its interval", "区间"),
            word(lang, "cheaper than attention from n", "比注意力快的起点 n"),
            word(lang, "influence left at the last step", "最后一步残留的影响"),
        ],
    );
    for (at, id) in lines.iter().enumerate() {
        let interval = laws[at].and_then(|fit| fit.interval);
        let interval =
            interval.map_or_else(String::new, |Interval { low, high }| format!("{} – {}", read(low), read(high)));
        let cross = if at == 0 { None } else { laws[0].zip(laws[at]).and_then(|(all, cell)| crossover(all, cell)) };
        table.row([name(id, lang), told(laws[at].map(|fit| fit.exponent)), interval, told(cross), told(left[at])]);
    }
    let speed = Chart {
        title: word(lang, "Time over tokens", "用时与词元数").to_owned(),
        x: Axis::new(word(lang, "tokens", "词元数"), "", Scale::Log2),
        y: Axis::new(word(lang, "time", "用时"), word(lang, "ms", "毫秒"), Scale::Log10),
        series: (0..4).map(|at| Series::new(name(lines[at], lang), Kind::Line, at, points(&times[at]))).collect(),
        ..Chart::default()
    };
    let fading = |at: usize| {
        let all = kept[at].iter().flatten().enumerate();
        // What is exactly 0 has no place on the scale.
        let points = all.filter(|(_, y)| **y > 0.0).map(|(t, y)| Point::new(t as f64 + 1.0, *y));
        Series::new(name(lines[at], lang), Kind::Line, at, points)
    };
    let memory = Chart {
        title: word(lang, "Influence of the first token", "第一个词元的影响").to_owned(),
        x: Axis::new(word(lang, "step", "步"), "", Scale::Log2),
        y: Axis::new(word(lang, "of the first step's", "与第一步之比"), "", Scale::Log10),
        series: (0..4).map(fading).collect(),
        marks: vec![Mark::level(KEPT, word(lang, "kept above", "高于此值为保留"))],
        ..Chart::default()
    };
    let ends: Option<Vec<Interval>> = laws[1..].iter().map(|fit| fit.and_then(|fit| fit.interval)).collect();
    let most = left[1..].iter().copied().try_fold(0.0, |most: f64, left| Some(most.max(left?)));
    let (verdict, because, margin) = match (ends, most) {
        (Some(ends), Some(most)) => verdict(&ends, most, left[0].unwrap_or(f64::NAN), settings.count("steps"), lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![speed, memory] }
}

/// Where the laws of attention and of a cell meet; nothing where the cell grows as fast.
fn crossover(attention: Fit, cell: Fit) -> Option<f64> {
    let steeper = attention.exponent - cell.exponent;
    (steeper > 0.1).then(|| (cell.at(1.0) / attention.at(1.0)).powf(1.0 / steeper).max(1.0))
}

fn verdict(ends: &[Interval], left: f64, attention: f64, steps: usize, lang: Lang) -> (Verdict, String, String) {
    let high = ends.iter().map(|end| end.high).fold(f64::NEG_INFINITY, f64::max);
    let low = ends.iter().map(|end| end.low).fold(f64::NEG_INFINITY, f64::max);
    let verdict = match () {
        () if low > BETWEEN => Verdict::Refuted,
        () if high >= BETWEEN => Verdict::NotSettled,
        () if left >= KEPT => Verdict::Supported,
        () => Verdict::Depends,
    };
    let [high, left_told, attention, between, kept] = [high, left, attention, BETWEEN, KEPT].map(read);
    let because = said(
        lang,
        format!(
            "The exponents reach {high} at most. After {steps} steps at most {left_told} of the first token's influence is left in a cell, and {attention} in attention. It depends on what the weights keep: growing slowly is not reaching far."
        ),
        format!(
            "指数至多达 {high}。{steps} 步之后，循环单元中第一个词元的影响至多残留 {left_told}，注意力中为 {attention}。开销增长慢不等于记得远，后者取决于权重。"
        ),
    );
    let margin = said(
        lang,
        format!(
            "The highest end of an interval is {high}, with the bound at {between}; {left_told} is left, with the bound at {kept}."
        ),
        format!("区间的最高端为 {high}，界限 {between}；残留 {left_told}，界限 {kept}。"),
    );
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::{Case, grows};
    use super::*;

    fn cells(answers: &mut Answers, exponent: f64) {
        CELLS.iter().for_each(|id| grows(answers, &format!("{id}/"), exponent));
    }

    /// As if an LSTM moved as far at every step as at the first, or not at all any more.
    fn remembers(answers: &mut Answers, left: f32) {
        for id in CELLS {
            let Some(one) = answers.estimated(&format!("influence/{id}")).map(|one| one.y.clone()) else { return };
            if let Some(Answer::Estimated(other)) = answers.get_mut(&format!("influence/{id}/other")) {
                let at_first = |at: usize| if at < WIDTH { 1.0 } else { left };
                other.y = one.iter().enumerate().map(|(at, y)| y + at_first(at)).collect();
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("linear, and it forgets", Verdict::Depends, |_, answers| {
                cells(answers, 1.0);
                remembers(answers, 0.0);
            }),
            Case::doctored("linear, and it remembers", Verdict::Supported, |_, answers| {
                cells(answers, 1.0);
                remembers(answers, 1.0);
            }),
            Case::doctored("times of a square", Verdict::Refuted, |_, answers| cells(answers, 2.0)),
        ]
    }
}
