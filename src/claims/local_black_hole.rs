//! What attention costs where a convolution does the same, over a line and over a picture.

use std::sync::Arc;

use super::answer::Answers;
use super::ask::{Alter, Ask, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::heads::part;
use super::tools::laws::{doublings, law, line, points};
use super::tools::{apart, normal, normals, said, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::analysis::statistics::{Fit, of_ratio};
use crate::attention::inputs::Rng;
use crate::attention::{Dims, Inputs, Loaded, estimators};
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Algorithm, Backend, Choice, CustomFormula, EngineChoice, Experiment, MaskChoice, Size};
use crate::formula::Sorted;

/// Numbers of a value; tokens that outputs are compared over, a picture of `SIDE` times `SIDE`.
const WIDTH: usize = 32;
const SIDE: usize = 16;
const TOKENS: usize = SIDE * SIDE;
/// Added to the score of the one key that a head is for.
const SHARP: &str = "60.0";
/// Attention does what the convolution does where they differ by no more.
const SAME: f64 = 1e-4;
/// Half way between a line and a square; and what counts as a waste at the largest n.
const BETWEEN: f64 = 1.5;
const WASTE: f64 = 2.0;
const PLACES: u32 = 4;
/// Of the values, and of the convolution's kernel.
const SEED: u64 = 31;
const KERNEL: u64 = 1;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "local-black-hole",
    title: Text::new("Wasteful for local structure", "对局部结构是浪费"),
    says: Text::new(
        "For local structure attention wastes its effort: a convolution does the same in time that grows linearly.",
        "对于局部结构，注意力白费算力：卷积以线性时间即可完成同样的事。",
    ),
    essays: &[Essay::E2],
    setup: Text::new(
        "A convolution of three taps over a line, and one of three times three over a picture, are computed, and so is the attention that does the same: one head for each tap, with a position bias so sharp that the head copies the one key at its offset, after which each head's output meets the tap's matrix. Both are compared away from the borders, with every key allowed and with a mask of the neighbours alone. Then the three ways are timed over growing lines.",
        "分别计算一维三点卷积与图像上三乘三的卷积，并构造做同样事情的注意力：每个卷积点对应一个头，位置偏置足够尖锐，使该头恰好复制位于其偏移处的那个键，再把各头输出乘以该点的矩阵。在远离边界处比较两者，分别允许所有键、以及只允许邻近的键。然后在越来越长的序列上为三种方式计时。",
    ),
    sliders: &[Slider::numbers(
        "n",
        Text::new("most tokens, timed", "计时的最多词元数"),
        &[512.0, 1024.0, 2048.0, 4096.0, 8192.0],
        512.0,
        2048.0,
    )],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "A mask makes local attention linear as well, since kernels skip what it forbids. What is left is a constant: scores and a softmax for weights that a convolution knows beforehand.",
        "加上掩码后，局部注意力同样是线性的，因为计算核会跳过被禁止的部分。剩下的只是常数倍：为卷积事先已知的权重去计算分数和 softmax。",
    ),
    limits: Text::new(
        "The attention is built by hand, not learned; heads of a trained model need not find it. The matrices of the taps, which both need, are in the time of the convolution and not in that of attention. The bias is a formula that is evaluated for every pair that the mask leaves, which is part of attention's time. The convolution here is a plain loop on one worker, attention a tuned kernel on all of them.",
        "这里的注意力由人工构造而非学得，训练出的头未必如此。两者都需要的各点矩阵计入了卷积的用时，而未计入注意力。偏置是对掩码保留的每一对求值的公式，计入注意力的用时。此处卷积是单线程的普通循环，注意力则是使用全部线程的优化计算核。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Proves that attention with enough heads and relative positions can express any convolution, and finds such heads in trained models.",
                "证明头数足够且带相对位置的注意力可表达任意卷积，并在训练好的模型中找到这样的头。",
            ),
            paper: Paper {
                title: "Cordonnier, Loukas and Jaggi, On the Relationship between Self-Attention and Convolutional Layers",
                year: 2019,
                id: "arXiv:1911.03584",
            },
        },
        Source {
            says: Text::new(
                "Attention within a neighbourhood of an image costs as little as a convolution's growth, with kernels of its own.",
                "图像邻域内的注意力借助专门的计算核，开销的增长与卷积一样为线性。",
            ),
            paper: Paper {
                title: "Hassani et al., Neighborhood Attention Transformer",
                year: 2022,
                id: "arXiv:2204.07143",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let [same, between, waste] = [SAME, BETWEEN, WASTE].map(read);
    said(
        lang,
        format!(
            "Every attention must give what the convolution gives, within {same} of its length, else it is not settled. Refuted: at the largest n dense attention takes at most {waste} times as long as the convolution (whole interval). Depends: it takes longer, and attention with a mask of the neighbours grows with an exponent below {between} (whole interval), as the convolution does. Supported: it takes longer, and so does the masked one grow above {between}. Else not settled."
        ),
        format!(
            "各种注意力须与卷积一致（相差不超过其长度的 {same}），否则无法判定。不成立：在最大的 n 处稠密注意力用时不超过卷积的 {waste} 倍（整个区间）。视条件而定：稠密注意力更慢，而只看邻近键的注意力与卷积一样，指数低于 {between}（整个区间）。成立：稠密更慢，且加掩码后指数仍高于 {between}。其余无法判定。"
        ),
    )
}

/// A line of tokens, or a picture.
#[derive(Clone, Copy, PartialEq)]
enum Space {
    Line,
    Picture,
}

impl Space {
    fn taps(self) -> usize {
        if self == Self::Line { 3 } else { 9 }
    }

    fn convolution(self) -> Choice {
        let of = |id: &str, params: &[(&str, f64)]| Choice {
            id: id.to_owned(),
            params: params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect::<Sorted<_, _>>(),
        };
        let seed = ("seed", KERNEL as f64);
        match self {
            Self::Line => of("conv1d", &[("width", 3.0), seed]),
            Self::Picture => of("conv2d", &[("rows", 3.0), ("columns", 3.0), ("picture", SIDE as f64), seed]),
        }
    }

    /// The one key of each head, as a formula; and all of them.
    fn formulas(self) -> [String; 2] {
        match self {
            Self::Line => ["k - q_pos == h - 1".to_owned(), "abs(q_pos - k) <= 1".to_owned()],
            Self::Picture => [
                format!("k // {SIDE} - q_pos // {SIDE} == h // 3 - 1 and k % {SIDE} - q_pos % {SIDE} == h % 3 - 1"),
                format!("abs(q_pos // {SIDE} - k // {SIDE}) <= 1 and abs(q_pos % {SIDE} - k % {SIDE}) <= 1"),
            ],
        }
    }

    /// Whether a token's neighbours are all there.
    fn inside(self, at: usize) -> bool {
        let between = |at: usize, n: usize| at > 0 && at + 1 < n;
        match self {
            Self::Line => between(at, TOKENS),
            Self::Picture => between(at / SIDE, SIDE) && between(at % SIDE, SIDE),
        }
    }

    fn id(self) -> &'static str {
        if self == Self::Line { "line" } else { "picture" }
    }
}

const SPACES: [Space; 2] = [Space::Line, Space::Picture];

/// Heads of queries over one of keys and values.
fn size(heads: usize, tokens: usize) -> Size {
    Size { q_heads: heads, kv_heads: 1, n_q: tokens, n_k: tokens, d: WIDTH, d_v: WIDTH }
}

fn plain(text: String) -> CustomFormula {
    CustomFormula { text, params: Vec::new() }
}

/// Attention with one head for each tap.
fn attention(space: Space, tokens: usize, neighbours: bool) -> Experiment {
    let [own, near] = space.formulas();
    let mask = MaskChoice { id: "custom".to_owned(), params: Sorted::new(), custom: Some(plain(near)) };
    let engine = EngineChoice { backend: Backend::Cpu, algorithm: Algorithm::Streaming, ..EngineChoice::default() };
    let base = subject(normal(size(space.taps(), tokens), SEED));
    Experiment {
        score: Some(plain(format!("s + ({SHARP} if {own} else 0.0)"))),
        mask: if neighbours { mask } else { base.mask.clone() },
        engine,
        ..base
    }
}

/// The same values, however many heads of queries there are.
fn values() -> Alter {
    Alter::new(|loaded| {
        let v = Arc::new(normals(SEED, loaded.inputs.v.len()));
        Loaded { inputs: Inputs { v, ..loaded.inputs.clone() }, ..loaded.clone() }
    })
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let mut asks = Vec::new();
    for space in SPACES {
        let id = space.id();
        let one = subject(normal(size(1, TOKENS), SEED));
        asks.push(Ask::estimate(format!("convolution/{id}"), one, space.convolution(), false).altered(values()));
        asks.push(Ask::run(format!("all/{id}"), attention(space, TOKENS, false)).altered(values()));
        asks.push(Ask::run(format!("near/{id}"), attention(space, TOKENS, true)).altered(values()));
    }
    for n in doublings(settings.count("n"), PLACES) {
        let (x, line) = (n as f64, Space::Line);
        let dims = Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: n, n_k: n, d: WIDTH, d_v: WIDTH };
        if let Ok(estimator) = estimators::alone(&line.convolution(), dims, false, 1.0, "estimator") {
            asks.push(Ask::time_of(format!("{}/{n}", LINES[0]), 0, x, estimator, normal(size(1, n), SEED)));
        }
        asks.push(Ask::time(format!("{}/{n}", LINES[1]), 1, x, attention(line, n, false)));
        asks.push(Ask::time(format!("{}/{n}", LINES[2]), 2, x, attention(line, n, true)));
    }
    asks
}

/// Keys of the times.
const LINES: [&str; 3] = ["time-convolution", "time-all", "time-near"];

fn open(_: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(Text::new("a line, every key allowed", "一维，允许所有键"), attention(Space::Line, TOKENS, false)),
        Opening::new(
            Text::new("a picture, neighbours alone", "图像，仅允许邻近键"),
            attention(Space::Picture, TOKENS, true),
        ),
    ]
}

/// How far attention followed by the taps' matrices is from the convolution, away from the borders.
fn off(answers: &Answers, way: &str, space: Space) -> Option<f64> {
    let id = space.id();
    let (conv, ran) = (answers.estimated(&format!("convolution/{id}"))?, answers.ran(&format!("{way}/{id}"))?);
    // Drawn as the convolution draws them: tap by tap, uniform between ± 1 / √inputs.
    let (taps, reach) = (space.taps(), 1.0 / ((space.taps() * WIDTH) as f64).sqrt());
    let drawn = Rng::new(KERNEL).uniforms(taps * WIDTH * WIDTH);
    let kernel: Vec<f64> = drawn.into_iter().map(|u| (2.0 * u - 1.0) * reach).collect();
    let (mut made, mut wanted) = (Vec::new(), Vec::new());
    for at in (0..TOKENS).filter(|at| space.inside(*at)) {
        let mut out = [0.0_f64; WIDTH];
        for (head, matrix) in kernel.chunks_exact(WIDTH * WIDTH).enumerate() {
            let row = part(&ran.outcome.y, taps, head).get(at * WIDTH..(at + 1) * WIDTH)?;
            for (out, weights) in out.iter_mut().zip(matrix.chunks_exact(WIDTH)) {
                *out += weights.iter().zip(row).map(|(w, y)| w * f64::from(*y)).sum::<f64>();
            }
        }
        made.extend(out.map(|x| x as f32));
        wanted.extend_from_slice(conv.y.get(at * WIDTH..(at + 1) * WIDTH)?);
    }
    apart(&made, &wanted)
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let places = doublings(settings.count("n"), PLACES);
    let times = LINES.map(|key| line(answers, key, &places));
    let laws = times.each_ref().map(|times| law(times));
    let errors = SPACES.map(|space| ["all", "near"].map(|way| off(answers, way, space)));
    let told = |number: Option<f64>| number.map_or_else(String::new, read);
    let names = [
        word(lang, "convolution", "卷积"),
        word(lang, "attention, every key", "注意力，所有键"),
        word(lang, "attention, neighbours", "注意力，邻近键"),
    ];
    let mut table = Table::new(
        word(lang, "Milliseconds over a line", "一维序列上的毫秒数"),
        &[word(lang, "tokens", "词元数"), names[0], names[1], names[2]],
    );
    for &n in &places {
        let median = |key: &str| told(answers.timed(&format!("{key}/{n}")).map(|time| time.summary.median));
        table.row(std::iter::once(n.to_string()).chain(LINES.map(median)));
    }
    let exponents = laws.map(|fit| told(fit.map(|fit| fit.exponent)));
    table.row(std::iter::once(word(lang, "exponent", "指数").to_owned()).chain(exponents));
    let mut same = Table::new(
        word(lang, "Difference from the convolution", "与卷积之差"),
        &["", word(lang, "every key", "所有键"), word(lang, "neighbours", "邻近键")],
    );
    let spaces = [word(lang, "line", "一维"), word(lang, "picture", "图像")];
    for (space, errors) in spaces.iter().zip(&errors) {
        same.row([(*space).to_owned(), told(errors[0]), told(errors[1])]);
    }
    let speed = Chart {
        title: word(lang, "Time over tokens", "用时与词元数").to_owned(),
        x: Axis::new(word(lang, "tokens", "词元数"), "", Scale::Log2),
        y: Axis::new(word(lang, "time", "用时"), word(lang, "ms", "毫秒"), Scale::Log10),
        series: (0..3).map(|at| Series::new(names[at], Kind::Line, at, points(&times[at]))).collect(),
        ..Chart::default()
    };
    let errors_of = |way: usize| {
        let points = errors.iter().enumerate().map(|(at, both)| Point::new(at as f64, both[way].unwrap_or(f64::NAN)));
        Series::new(names[way + 1], Kind::Dots, way + 1, points)
    };
    let equal = Chart {
        title: same.title.clone(),
        x: Axis::named("", spaces.iter().map(|&space| space.to_owned()).collect()),
        y: Axis::new(word(lang, "difference", "差"), "", Scale::Log10),
        series: vec![errors_of(0), errors_of(1)],
        marks: vec![Mark::level(SAME, word(lang, "the same below", "低于此值为相同"))],
        ..Chart::default()
    };
    let worst = errors.iter().flatten().copied().try_fold(0.0, |worst: f64, off| Some(worst.max(off?)));
    let ratio = times[1].last().zip(times[0].last()).and_then(|(dense, conv)| {
        let (ratio, interval) = of_ratio(&dense.summary.samples, &conv.summary.samples, 9)?;
        Some((ratio, interval.map_or([ratio; 2], |interval| [interval.low, interval.high])))
    });
    let (verdict, because, margin) = match (worst, ratio, laws[2]) {
        (Some(worst), Some(ratio), Some(near)) => verdict(worst, ratio, near, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table, same], charts: vec![speed, equal] }
}

fn verdict(worst: f64, (ratio, [low, high]): (f64, [f64; 2]), near: Fit, lang: Lang) -> (Verdict, String, String) {
    let ends = near.interval.map_or([near.exponent; 2], |interval| [interval.low, interval.high]);
    let verdict = match () {
        () if worst > SAME => Verdict::NotSettled,
        () if high <= WASTE => Verdict::Refuted,
        () if low > WASTE && ends[1] < BETWEEN => Verdict::Depends,
        () if low > WASTE && ends[0] > BETWEEN => Verdict::Supported,
        () => Verdict::NotSettled,
    };
    let [worst, ratio, low, high, near, waste, between] =
        [worst, ratio, low, high, near.exponent, WASTE, BETWEEN].map(read);
    let because = said(
        lang,
        format!(
            "Attention gives the convolution's output within {worst}. Dense, it takes {ratio} times as long at the largest n ({low} to {high}); with a mask of the neighbours its time grows with n to the power {near}."
        ),
        format!(
            "注意力与卷积的输出相差至多 {worst}。稠密注意力在最大的 n 处用时为卷积的 {ratio} 倍（{low} 至 {high}）；加邻近掩码后用时随 n 的 {near} 次方增长。"
        ),
    );
    let margin = said(
        lang,
        format!(
            "The ratio is {ratio}, with the bound at {waste}; the masked exponent {near}, with the bound at {between}."
        ),
        format!("用时之比 {ratio}，界限 {waste}；加掩码的指数 {near}，界限 {between}。"),
    );
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::{Case, grows, times};
    use super::*;

    fn set(answers: &mut Answers, dense: f64, near: f64) {
        grows(answers, LINES[0], 1.0);
        grows(answers, LINES[1], dense);
        times(answers, LINES[2], |x| 1e-2 * x.powf(near));
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("masked attention is linear", Verdict::Depends, |_, answers| set(answers, 2.0, 1.0)),
            Case::doctored("masked attention is square", Verdict::Supported, |_, answers| set(answers, 2.0, 2.0)),
            Case::doctored("dense attention is as quick", Verdict::Refuted, |_, answers| set(answers, 1.0, 1.0)),
            Case::doctored("attention that copies another key", Verdict::NotSettled, |_, answers| {
                set(answers, 2.0, 1.0);
                if let Some(Answer::Ran(ran)) = answers.get_mut("all/line") {
                    ran.outcome.y.rotate_left(WIDTH);
                }
            }),
        ]
    }
}
