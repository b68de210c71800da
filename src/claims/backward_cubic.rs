//! How the time of the backward pass grows with the number of tokens.

use std::sync::Arc;

use super::answer::{Answers, Timed};
use super::ask::{Alter, Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{dot, length, normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Point, Scale, Series, read};
use crate::analysis::statistics::{Fit, Interval, power_law};
use crate::attention::inputs::Rng;
use crate::attention::{Inputs, Loaded};
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Algorithm, Backend, EngineChoice, Experiment};

/// Half way between a square and a cube.
const BETWEEN: f64 = 2.5;
/// Places of the axis: the most tokens, and half as many each time.
const PLACES: u32 = 4;
/// Heads that are timed.
const HEADS: usize = 2;
/// Tokens that the gradients are checked over, and their step.
const CHECKED: usize = 96;
const STEP: f64 = 0.02;
/// How far a slope may be from its finite difference, of the gradient's length.
const NEAR: f64 = 0.01;
const SEED_OF_LOSS: u64 = 77;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "backward-cubic",
    title: Text::new("Backward pass grows with n³", "反向传播随 n³ 增长"),
    says: Text::new(
        "The backward pass of attention takes time that grows with the cube of the number of tokens.",
        "注意力的反向传播用时随词元数的三次方增长。",
    ),
    essays: &[Essay::E2],
    setup: Text::new(
        "The gradients by Q, K and V are computed over random tokens at several lengths, by the kernel that the playground uses, and a power law is fitted to the times. Before that the same kernel's gradients are compared with finite differences of the forward pass in double precision.",
        "在多个长度的随机词元上，用本页实际使用的计算核计算对 Q、K、V 的梯度，并对用时拟合幂律。此前先把同一计算核的梯度与双精度前向计算的有限差分比较。",
    ),
    sliders: &[
        Slider::numbers(
            "n",
            Text::new("most tokens", "最多词元数"),
            &[256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0],
            1024.0,
            4096.0,
        ),
        Slider::numbers("d", Text::new("head size", "头维度"), &[32.0, 64.0, 128.0], 64.0, 64.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "A backward pass that formed the n × n weights anew for each of n tokens would have the exponent 3. The chain rule needs each weight once: five matrix products where the forward pass has two.",
        "若反向传播为 n 个词元中的每一个都重新计算 n × n 个权重，指数才会是 3。链式法则对每个权重只需一次：前向有两次矩阵乘，反向有五次。",
    ),
    limits: Text::new(
        "Times are those of this machine and of one kernel. The count of operations (2.5 times the forward pass, whatever n) is exact; a machine that runs out of cache or memory could grow faster than it counts.",
        "用时属于本机与这一个计算核。运算次数（前向的 2.5 倍，与 n 无关）是精确的；缓存或内存不足的机器用时可能增长得比运算次数更快。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Gives a backward pass with O(n²d) operations and memory that is linear in n.",
                "给出运算量为 O(n²d)、内存随 n 线性增长的反向传播。",
            ),
            paper: Paper {
                title: "Dao et al., FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness",
                year: 2022,
                id: "arXiv:2205.14135",
            },
        },
        Source {
            says: Text::new(
                "Proves that all partial derivatives of a function cost at most a constant times the function, whatever it is: no forward pass with n² operations has a gradient of n³.",
                "证明任一函数的全部偏导数的计算量至多为函数本身的常数倍：运算量为 n² 的前向计算不可能有 n³ 的梯度。",
            ),
            paper: Paper {
                title: "Baur and Strassen, The complexity of partial derivatives",
                year: 1983,
                id: "doi:10.1016/0304-3975(83)90110-X",
            },
        },
    ],
    measured: true,
};

fn places(settings: &Settings) -> Vec<usize> {
    (0..PLACES).rev().map(|halvings| settings.count("n") >> halvings).collect()
}

fn experiment(settings: &Settings, heads: usize, tokens: usize) -> Experiment {
    let input = normal(square(heads, tokens, settings.count("d")), settings.seed());
    let engine = EngineChoice { backend: Backend::Cpu, algorithm: Algorithm::Streaming, ..EngineChoice::default() };
    Experiment { engine, ..subject(input) }
}

fn rule(lang: Lang) -> String {
    let (between, near) = (read(BETWEEN), read(100.0 * NEAR));
    match lang {
        Lang::En => format!(
            "The exponent of the power law through the medians, with its interval (95 of 100, by bootstrap over sizes and samples). Supported: the whole interval lies above {between}. Refuted: all of it lies below. In between, or where a gradient is more than {near} % of its length from the finite difference: not settled."
        ),
        Lang::Zh => format!(
            "取各长度用时中位数的幂律指数及其区间（95%，对长度与样本自助抽样）。成立：整个区间高于 {between}。不成立：整个区间低于它。跨越该值，或梯度与有限差分之差超过其长度的 {near}%：无法判定。"
        ),
    }
}

fn asks(settings: &Settings, answers: &Answers) -> Vec<Ask> {
    let checked = experiment(settings, 1, CHECKED);
    let mut rng = Rng::new(SEED_OF_LOSS);
    let loss: Vec<f32> = rng.normals(CHECKED * settings.count("d")).into_iter().map(|x| x as f32).collect();
    let mut asks = vec![Ask::gradients("check", checked.clone()).of_loss(loss)];
    // Along the gradient itself, a step either way, once it is known.
    if let Some(graded) = answers.graded("check") {
        let engine =
            EngineChoice { backend: Backend::Reference, algorithm: Algorithm::Auto, ..EngineChoice::default() };
        for (which, gradient) in graded.qkv.iter().enumerate() {
            for sign in [1.0, -1.0] {
                let exact = Experiment { engine, ..checked.clone() };
                let along = along(which, gradient, sign * STEP);
                asks.push(Ask::run(step_key(which, sign), exact).altered(along));
            }
        }
    }
    for n in places(settings) {
        let timed = experiment(settings, HEADS, n);
        asks.push(Ask::time(format!("backward/{n}"), 0, n as f64, timed.clone()).backwards());
        asks.push(Ask::time(format!("forward/{n}"), 1, n as f64, timed));
    }
    asks
}

fn step_key(which: usize, sign: f64) -> String {
    format!("check/{}{}", ["Q", "K", "V"][which], if sign > 0.0 { '+' } else { '-' })
}

/// A step of length `by` along a direction in one of the tensors.
fn along(which: usize, direction: &[f32], by: f64) -> Alter {
    let (direction, scale) = (direction.to_vec(), by / length(direction).max(f64::MIN_POSITIVE));
    Alter::new(move |loaded| {
        let Inputs { q, k, v } = &loaded.inputs;
        let mut all = [q.clone(), k.clone(), v.clone()];
        let moved = all[which].iter().zip(&direction).map(|(x, by)| (f64::from(*x) + scale * f64::from(*by)) as f32);
        all[which] = Arc::new(moved.collect());
        let [q, k, v] = all;
        Loaded { inputs: Inputs { q, k, v }, ..loaded.clone() }
    })
}

/// Of Q, K and V: the slope of the loss along the gradient by finite difference, and by the gradient.
fn checks(settings: &Settings, answers: &Answers) -> Vec<(f64, f64)> {
    let Some(graded) = answers.graded("check") else { return Vec::new() };
    let mut rng = Rng::new(SEED_OF_LOSS);
    let loss: Vec<f32> = rng.normals(CHECKED * settings.count("d")).into_iter().map(|x| x as f32).collect();
    let at = |which: usize, sign: f64| Some(dot(&answers.ran(&step_key(which, sign))?.outcome.y, &loss));
    let slope = |(which, gradient): (usize, &Vec<f32>)| {
        Some(((at(which, 1.0)? - at(which, -1.0)?) / (2.0 * STEP), length(gradient)))
    };
    graded.qkv.iter().enumerate().filter_map(slope).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    let shown = experiment(settings, HEADS, settings.count("n").min(512));
    vec![Opening::new(Text::new("the input at 512 tokens at most", "至多 512 个词元的输入"), shown)]
}

fn law(settings: &Settings, answers: &Answers, line: &str) -> (Vec<Timed>, Option<Fit>) {
    let times: Vec<Timed> =
        places(settings).iter().filter_map(|n| answers.timed(&format!("{line}/{n}")).cloned()).collect();
    let samples: Vec<(f64, &[f64])> = times.iter().map(|time| (time.x, time.summary.samples.as_slice())).collect();
    let fit = if samples.len() > 2 { power_law(&samples, settings.seed()) } else { None };
    (times, fit)
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let (backward, back) = law(settings, answers, "backward");
    let (forward, forth) = law(settings, answers, "forward");
    let checks = checks(settings, answers);
    let right = checks.len() == 3 && checks.iter().all(|(slope, wanted)| (slope - wanted).abs() <= NEAR * wanted);
    let mut times = Table::new(
        word(lang, "Times", "用时"),
        &[
            word(lang, "tokens", "词元数"),
            word(lang, "backward, ms", "反向，毫秒"),
            word(lang, "forward, ms", "前向，毫秒"),
            word(lang, "backward / forward", "反向／前向"),
        ],
    );
    for time in &backward {
        let other = forward.iter().find(|other| other.x == time.x).map(|other| other.summary.median);
        let ratio = other.map(|other| read(time.summary.median / other));
        times.row([
            read(time.x),
            read(time.summary.median),
            other.map_or_else(String::new, read),
            ratio.unwrap_or_default(),
        ]);
    }
    let mut gradients = Table::new(
        word(lang, "Gradients against finite differences", "梯度与有限差分"),
        &["", word(lang, "slope, finite difference", "斜率，有限差分"), word(lang, "slope, gradient", "斜率，梯度")],
    );
    for (name, (slope, wanted)) in ["dQ", "dK", "dV"].iter().zip(&checks) {
        gradients.row([(*name).to_owned(), read(*slope), read(*wanted)]);
    }
    let charts = vec![chart(&backward, &forward, lang)];
    let tables = vec![times, gradients];
    let (verdict, because, margin) = match (back, checks.len()) {
        (Some(fit), 3) => verdict(fit, forth, right, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables, charts }
}

fn chart(backward: &[Timed], forward: &[Timed], lang: Lang) -> Chart {
    let points = |times: &[Timed]| -> Vec<Point> {
        let point = |time: &Timed| match time.interval() {
            Some(Interval { low, high }) => Point::between(time.x, low, time.summary.median, high),
            None => Point::new(time.x, time.summary.median),
        };
        times.iter().map(point).collect()
    };
    // Through the first place, so that lines part to the right.
    let power = |exponent: i32| -> Vec<Point> {
        let first = backward.first().map(|time| (time.x, time.summary.median));
        let at = |time: &Timed| first.map(|(x, y)| Point::new(time.x, y * (time.x / x).powi(exponent)));
        backward.iter().filter_map(at).collect()
    };
    Chart {
        title: word(lang, "Time over tokens", "用时与词元数").to_owned(),
        x: Axis::new(word(lang, "tokens", "词元数"), "", Scale::Log2),
        y: Axis::new(word(lang, "time", "用时"), word(lang, "ms", "毫秒"), Scale::Log10),
        series: vec![
            Series::new(word(lang, "backward", "反向"), Kind::Line, 0, points(backward)),
            Series::new(word(lang, "forward", "前向"), Kind::Line, 1, points(forward)),
            Series::new(word(lang, "n²", "n²"), Kind::Theory, 2, power(2)),
            Series::new(word(lang, "n³", "n³"), Kind::Theory, 3, power(3)),
        ],
        ..Chart::default()
    }
}

fn verdict(fit: Fit, forth: Option<Fit>, right: bool, lang: Lang) -> (Verdict, String, String) {
    let Some(Interval { low, high }) = fit.interval else { return (Verdict::NotSettled, String::new(), String::new()) };
    let (exponent, low_told, high_told) = (read(fit.exponent), read(low), read(high));
    let forward = forth.map_or_else(String::new, |fit| read(fit.exponent));
    let (verdict, margin) = match () {
        () if !right => (Verdict::NotSettled, 0.0),
        () if low > BETWEEN => (Verdict::Supported, low - BETWEEN),
        () if high < BETWEEN => (Verdict::Refuted, BETWEEN - high),
        () => (Verdict::NotSettled, 0.0),
    };
    let because = match lang {
        Lang::En if !right => {
            "The gradients are not those of finite differences: what was timed is not a backward pass.".to_owned()
        }
        Lang::Zh if !right => "梯度与有限差分不符：所计时的并非反向传播。".to_owned(),
        Lang::En => format!(
            "The backward pass grows with n to the power {exponent} ({low_told} to {high_told}), the forward pass with {forward}."
        ),
        Lang::Zh => {
            format!("反向传播随 n 的 {exponent} 次方增长（{low_told} 至 {high_told}），前向为 {forward} 次方。")
        }
    };
    let (margin, between) = (read(margin), read(BETWEEN));
    let margin = match lang {
        Lang::En => format!("The nearer end of the interval is {margin} from {between}."),
        Lang::Zh => format!("区间较近的一端距 {between} 为 {margin}。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::{Case, grows};
    use super::*;

    pub fn cases() -> Vec<Case> {
        let wrong = |_: &Settings, answers: &mut Answers| {
            grows(answers, "backward/", 2.0);
            if let Some(Answer::Graded(graded)) = answers.get_mut("check") {
                graded.qkv[1].iter_mut().for_each(|x| *x *= 1.1);
            }
        };
        vec![
            Case::doctored("times of a square", Verdict::Refuted, |_, answers| grows(answers, "backward/", 2.0)),
            Case::doctored("times of a cube", Verdict::Supported, |_, answers| grows(answers, "backward/", 3.0)),
            Case::doctored("gradients that are wrong", Verdict::NotSettled, wrong),
        ]
    }
}
