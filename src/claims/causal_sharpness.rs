//! Whether the minus infinity of a causal mask makes gradients rough.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{changed, length, middle, normal, normals, said, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Series, read};
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{CustomFormula, Experiment, MaskChoice};

/// Slopes of the soft mask: what a key loses for each place that it lies ahead.
const SLOPES: [f64; 4] = [0.25, 1.0, 4.0, 16.0];
/// Directions that are stepped in, and the step's length for each number.
const WAYS: u64 = 3;
const STEP: f32 = 0.01;
/// One is rougher than another from this ratio on.
const ROUGHER: f64 = 1.5;
/// Heads and their size.
const HEADS: [usize; 2] = [2, 32];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "causal-sharpness",
    title: Text::new("The causal mask makes gradients rough", "因果掩码使梯度不平滑"),
    says: Text::new(
        "The minus infinity that a causal mask writes makes gradients change abruptly.",
        "因果掩码写入的负无穷使梯度变化剧烈、不平滑。",
    ),
    essays: &[Essay::E2],
    setup: Text::new(
        "Gradients of a random loss by Q, K and V are computed over random tokens with the causal mask, with soft ones that take β from a score for each place a key lies ahead, and with none. Then Q and K move by a small random step, and the gradients are computed again: how far they change, relative to their length and to the step's, is the roughness (a finite difference of the second derivative). With a loss of the first half of the queries alone the gradients of the keys and values behind it are looked at: the mask hides those cells.",
        "在随机词元上计算随机损失对 Q、K、V 的梯度：分别用因果掩码、软掩码（键每超前一位，分数减 β）和无掩码。再令 Q、K 移动一小步随机量并重算梯度：梯度的相对变化除以步长的相对大小，即粗糙度（二阶导数的有限差分）。另用只含前一半查询的损失，查看其后的键和值所得的梯度：这些单元被掩码遮住。",
    ),
    sliders: &[
        Slider::numbers("n", Text::new("tokens", "词元数"), &[32.0, 64.0, 128.0, 256.0, 512.0], 64.0, 256.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "A mask that moved with the numbers would be a step, and its gradient would jump where a key comes or goes. The causal mask is the same whatever Q and K are, so each row is an ordinary softmax over fewer keys.",
        "若掩码随数值变化，它就是一个阶跃函数，键进出时梯度会跳变。因果掩码与 Q、K 的取值无关，因此每一行只是对较少键的普通 softmax。",
    ),
    limits: Text::new(
        "One layer of random numbers is measured around one point. Whether training as a whole goes more smoothly with another mask, or ends in another minimum, takes training.",
        "这里在一点附近测量一层随机数。换一种掩码后整个训练是否更平稳、是否停在别的极小值，须经训练才能知道。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Sets the scores of illegal connections to minus infinity inside the softmax's input, which hides later tokens from earlier ones.",
                "在 softmax 的输入中把不合法连接的分数设为负无穷，使前面的词元看不到后面的词元。",
            ),
            paper: Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" },
        },
        Source {
            says: Text::new(
                "Bounds how fast attention changes with its input: dot-product attention is not Lipschitz on unbounded input, masked or not.",
                "讨论注意力随输入变化的快慢：在无界输入上，点积注意力无论有无掩码都不是利普希茨连续的。",
            ),
            paper: Paper {
                title: "Kim, Papamakarios and Mnih, The Lipschitz Constant of Self-Attention",
                year: 2021,
                id: "arXiv:2006.04710",
            },
        },
    ],
    measured: true,
};

/// A mask, by what it takes from a score for each place ahead; infinite for the causal one, 0 for none.
fn experiment(settings: &Settings, slope: f64) -> Experiment {
    let [heads, size] = HEADS;
    let base = subject(normal(square(heads, settings.count("n"), size), settings.seed()));
    match slope {
        _ if slope.is_infinite() => Experiment { mask: MaskChoice::of("causal"), ..base },
        0.0 => base,
        _ => {
            let text = format!("s - {slope:?} * max(k - q_pos, 0)");
            Experiment { score: Some(CustomFormula { text, params: Vec::new() }), ..base }
        }
    }
}

fn slopes() -> Vec<f64> {
    [&[0.0][..], &SLOPES, &[f64::INFINITY]].concat()
}

/// What a slope is called in keys.
fn id(slope: f64) -> String {
    match slope {
        _ if slope.is_infinite() => "hard".to_owned(),
        0.0 => "none".to_owned(),
        _ => format!("soft-{slope}"),
    }
}

fn rule(lang: Lang) -> String {
    let rougher = read(ROUGHER);
    said(
        lang,
        format!(
            "Supported: the causal mask is more than {rougher} times as rough as the roughest soft mask, or a hidden cell has a gradient, or a gradient is no number. Refuted: it is at most {rougher} times as rough as no mask. Depends: rougher than no mask but not than a soft one, which has no minus infinity either: then it comes of fewer keys in a row."
        ),
        format!(
            "成立：因果掩码的粗糙度超过最粗糙的软掩码的 {rougher} 倍，或被遮住的单元有梯度，或梯度不是有限数。不成立：不超过无掩码的 {rougher} 倍。视条件而定：比无掩码粗糙、但不比没有负无穷的软掩码粗糙，即源于每行可见的键较少。"
        ),
    )
}

/// Derivatives of the loss by the output; of the first half of the queries alone where so wanted.
fn loss(settings: &Settings, first_half: bool) -> Vec<f32> {
    let ([heads, size], n) = (HEADS, settings.count("n"));
    let mut all = normals(1000 + settings.seed(), heads * n * size);
    if first_half {
        all.iter_mut().enumerate().filter(|(at, _)| at / size % n >= n / 2).for_each(|(_, x)| *x = 0.0);
    }
    all
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let mut asks = Vec::new();
    for slope in slopes() {
        let ask = |key: String| Ask::gradients(key, experiment(settings, slope)).of_loss(loss(settings, false));
        asks.push(ask(id(slope)));
        for way in 0..WAYS {
            let step = changed(move |_, [q, k, _]| {
                for (numbers, seed) in [(q, 2 * way), (k, 2 * way + 1)] {
                    let by = normals(500 + seed, numbers.len());
                    numbers.iter_mut().zip(by).for_each(|(x, by)| *x += STEP * by);
                }
            });
            asks.push(ask(format!("{}/{way}", id(slope))).altered(step));
        }
    }
    asks.push(Ask::gradients("hidden", experiment(settings, f64::INFINITY)).of_loss(loss(settings, true)));
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(Text::new("causal mask", "因果掩码"), experiment(settings, f64::INFINITY)),
        Opening::new(Text::new("soft mask of slope 1", "斜率为 1 的软掩码"), experiment(settings, 1.0)),
        Opening::new(Text::new("no mask", "无掩码"), experiment(settings, 0.0)),
    ]
}

/// Relative change of the gradients over the relative length of the step, the median over directions.
fn roughness(answers: &Answers, slope: f64) -> Option<f64> {
    let base = answers.graded(&id(slope))?;
    let here = base.qkv.concat();
    let inputs = &base.loaded.inputs;
    let size = length(&[inputs.q.as_slice(), inputs.k.as_slice()].concat());
    // Each number of Q and K moves by a normal number.
    let step = f64::from(STEP) * ((inputs.q.len() + inputs.k.len()) as f64).sqrt();
    let change = |way: u64| {
        let there = answers.graded(&format!("{}/{way}", id(slope)))?.qkv.concat();
        let off: Vec<f32> = there.iter().zip(&here).map(|(a, b)| a - b).collect();
        Some(length(&off) / length(&here) / (step / size))
    };
    middle((0..WAYS).map(change).collect::<Option<Vec<_>>>()?)
}

/// The largest gradient of a key or value that no query of the loss may see.
fn leak(answers: &Answers) -> Option<f64> {
    let graded = answers.graded("hidden")?;
    let dims = graded.loaded.dims;
    let behind = |numbers: &[f32], width: usize| {
        let ahead = numbers.iter().enumerate().filter(|(at, _)| at / width % dims.n_k >= dims.n_k / 2);
        ahead.map(|(_, x)| f64::from(x.abs())).fold(0.0, f64::max)
    };
    Some(behind(&graded.qkv[1], dims.d).max(behind(&graded.qkv[2], dims.d_v)))
}

/// Length of the gradient by each query, over all heads.
fn by_query(answers: &Answers, slope: f64) -> Option<Vec<f64>> {
    let graded = answers.graded(&id(slope))?;
    let dims = graded.loaded.dims;
    let mut all = vec![0.0; dims.n_q];
    for (row, numbers) in graded.qkv[0].chunks_exact(dims.d).enumerate() {
        all[row % dims.n_q] += length(numbers).powi(2);
    }
    Some(all.into_iter().map(f64::sqrt).collect())
}

fn name(slope: f64, lang: Lang) -> String {
    match slope {
        _ if slope.is_infinite() => word(lang, "causal mask", "因果掩码").to_owned(),
        0.0 => word(lang, "no mask", "无掩码").to_owned(),
        _ => format!("β = {slope}"),
    }
}

fn judge(_: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let found: Vec<(f64, Option<f64>)> = slopes().into_iter().map(|slope| (slope, roughness(answers, slope))).collect();
    let title = word(lang, "How fast the gradient changes", "梯度变化的快慢");
    let rough = word(lang, "roughness", "粗糙度");
    let mut table = Table::new(
        title,
        &[word(lang, "mask", "掩码"), rough, word(lang, "length of the gradient by Q", "对 Q 的梯度的长度")],
    );
    for (slope, roughness) in &found {
        let graded = answers.graded(&id(*slope)).map(|graded| read(length(&graded.qkv[0])));
        table.row([name(*slope, lang), roughness.map_or_else(String::new, read), graded.unwrap_or_default()]);
    }
    let hidden = leak(answers);
    let hidden_name = word(lang, "largest gradient of a hidden cell", "被遮单元的最大梯度").to_owned();
    table.row([hidden_name, String::new(), hidden.map_or_else(String::new, read)]);
    let at = |slope: f64| found.iter().find(|(one, _)| *one == slope).and_then(|(_, found)| *found);
    let points = found.iter().enumerate().map(|(at, (_, y))| Point::new(at as f64, y.unwrap_or(f64::NAN)));
    let mut chart = Chart {
        title: title.to_owned(),
        x: Axis::named(word(lang, "mask", "掩码"), slopes().into_iter().map(|slope| name(slope, lang)).collect()),
        y: Axis::linear(rough, ""),
        series: vec![Series::new(rough, Kind::Dots, 0, points)],
        ..Chart::default()
    };
    if let Some(none) = at(0.0) {
        chart.marks.push(Mark::level(ROUGHER * none, word(lang, "rougher above", "高于此值为更粗糙")));
    }
    let line = |slope: f64, slot| {
        let by = by_query(answers, slope).unwrap_or_default();
        let points = by.into_iter().enumerate().map(|(at, y)| Point::new(at as f64 + 1.0, y));
        Series::new(name(slope, lang), Kind::Line, slot, points)
    };
    let lengths = Chart {
        title: word(lang, "Gradient by each query", "每个查询的梯度").to_owned(),
        x: Axis::linear(word(lang, "query", "查询"), ""),
        y: Axis::linear(word(lang, "length of the gradient", "梯度长度"), ""),
        series: vec![line(f64::INFINITY, 0), line(0.0, 1)],
        ..Chart::default()
    };
    let soft = SLOPES.iter().filter_map(|slope| at(*slope)).fold(f64::NAN, f64::max);
    let (verdict, because, margin) = match (at(f64::INFINITY), at(0.0), hidden) {
        (Some(hard), Some(none), Some(hidden)) => verdict(hard, none, soft, hidden, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart, lengths] }
}

fn verdict(hard: f64, none: f64, soft: f64, hidden: f64, lang: Lang) -> (Verdict, String, String) {
    let (over_none, over_soft) = (hard / none, hard / soft);
    let verdict = match () {
        () if hidden != 0.0 || !hard.is_finite() || over_soft > ROUGHER => Verdict::Supported,
        () if over_none <= ROUGHER => Verdict::Refuted,
        () => Verdict::Depends,
    };
    let [hard, none, soft, hidden] = [hard, none, soft, hidden].map(read);
    let because = said(
        lang,
        format!(
            "The roughness is {hard} with the causal mask, {none} without a mask and at most {soft} with a soft one; the largest gradient of a hidden cell is {hidden}."
        ),
        format!("粗糙度：因果掩码 {hard}，无掩码 {none}，软掩码至多 {soft}；被遮单元的最大梯度为 {hidden}。"),
    );
    let [none, soft, bound] = [over_none, over_soft, ROUGHER].map(read);
    let margin = said(
        lang,
        format!("{none} times as rough as no mask and {soft} times as the roughest soft one; the bound is {bound}."),
        format!("为无掩码的 {none} 倍、最粗糙软掩码的 {soft} 倍；界限为 {bound} 倍。"),
    );
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// Makes the gradients after each step of a mask differ from those before by so many parts.
    fn rough(answers: &mut Answers, slope: f64, parts: f32) {
        let Some(base) = answers.graded(&id(slope)).cloned() else { return };
        for way in 0..WAYS {
            if let Some(Answer::Graded(graded)) = answers.get_mut(&format!("{}/{way}", id(slope))) {
                graded.qkv = base.qkv.clone().map(|all| all.into_iter().map(|x| x * (1.0 + parts)).collect());
            }
        }
    }

    fn set(answers: &mut Answers, hard: f32, soft: f32, none: f32) {
        rough(answers, f64::INFINITY, hard);
        SLOPES.iter().for_each(|slope| rough(answers, *slope, soft));
        rough(answers, 0.0, none);
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("rougher than any soft mask", Verdict::Supported, |_, a| set(a, 0.1, 0.02, 0.01)),
            Case::doctored("as rough as a soft mask", Verdict::Depends, |_, a| set(a, 0.1, 0.1, 0.01)),
            Case::doctored("as rough as no mask", Verdict::Refuted, |_, a| set(a, 0.01, 0.01, 0.01)),
            Case::doctored("a hidden cell with a gradient", Verdict::Supported, |_, answers| {
                set(answers, 0.01, 0.01, 0.01);
                if let Some(Answer::Graded(graded)) = answers.get_mut("hidden")
                    && let Some(last) = graded.qkv[2].last_mut()
                {
                    *last = 1e-6;
                }
            }),
        ]
    }
}
