//! How much of a small change of one token reaches the output.

use std::sync::Arc;

use super::answer::{Answers, Ran};
use super::ask::{Alter, Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::patterns::pattern;
use super::tools::{apart, length, normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::attention::inputs::Rng;
use crate::attention::{Dims, Inputs, Loaded};
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Choice, Experiment, Input};

/// An output that changes, as a share of itself, by more than so many times what the input changed by, changes a lot.
const MUCH: f64 = 3.0;
/// Steps of the search for the worst direction.
const STEPS: usize = 2;

/// What is disturbed: id and name.
const WAYS: [(&str, Text); 7] = [
    ("heads", Text::new("4 heads", "4 个头")),
    ("one", Text::new("1 head of equal width", "1 个等宽的头")),
    ("window", Text::new("window of 9", "窗口 9")),
    ("sparsemax", Text::new("sparsemax", "Sparsemax 归一化")),
    ("sigmoid", Text::new("sigmoid", "Sigmoid 归一化")),
    ("sharp", Text::new("scores four times as large", "分数放大四倍")),
    ("captured", Text::new("captured heads", "采集的头")),
];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "noise",
    title: Text::new("A small noise changes much", "微小扰动引起很大变化"),
    says: Text::new(
        "A small local perturbation of the input changes attention's output a lot.",
        "输入的微小局部扰动会使注意力的输出发生很大变化。",
    ),
    essays: &[Essay::E0, Essay::E1],
    setup: Text::new(
        "The query, key and value of one token are changed by a small share of their length, in a random direction and in the worst one, which is sought by gradients of the real backward kernel (power iteration). The gain is the relative change of the whole output over the relative change of the whole input. It is measured for the first token and for one in the middle: with many heads and with one, with a window, with other normalisers, with larger scores, and on captured heads.",
        "把一个词元的查询、键与值改变其长度的一小部分：一次取随机方向，一次取最坏方向，后者由真实反向计算核的梯度求得（幂迭代）。增益等于整个输出的相对变化除以整个输入的相对变化。对首个词元与中间的词元测量：多头与单头、窗口、其他归一化、更大的分数，以及采集的头。",
    ),
    sliders: &[
        Slider::numbers(
            "share",
            Text::new("change of the token, %", "词元的改变，%"),
            &[0.1, 1.0, 10.0, 50.0],
            1.0,
            1.0,
        ),
        Slider::numbers("n", Text::new("random tokens", "随机词元数"), &[16.0, 32.0, 64.0, 128.0], 64.0, 128.0),
        Slider::numbers("layer", Text::new("captured layer", "采集的层"), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3.0, 3.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Larger scores: the sharper the weights, the more a change of a key or query decides. Values only pass through averages, which never amplify.",
        "更大的分数：权重越尖锐，键或查询的改变影响越大。值只经过加权平均，平均不会放大。",
    ),
    limits: Text::new(
        "One layer, from Q, K and V on: projections, feed-forward parts and depth multiply gains of their own. Power iteration finds a bad direction, not provably the worst. What a change of the output does to a task is not settled by this measurement.",
        "仅一层，从 Q、K、V 开始：投影、前馈部分与层数会各自带来增益。幂迭代找到的是很坏的方向，不保证最坏。输出的变化对任务有何影响，此测量无法判定。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Dot-product attention over unbounded inputs is not Lipschitz: there are inputs with any gain.",
                "输入无界时，点积注意力不是利普希茨的：存在增益任意大的输入。",
            ),
            paper: Paper {
                title: "Kim et al., The Lipschitz Constant of Self-Attention",
                year: 2020,
                id: "arXiv:2006.04710",
            },
        },
        Source {
            says: Text::new(
                "Bounds how the local constant grows with length and with the size of the inputs.",
                "给出局部常数随长度与输入大小增长的界。",
            ),
            paper: Paper { title: "Castin et al., How Smooth Is Attention?", year: 2023, id: "arXiv:2312.14820" },
        },
    ],
    measured: true,
};

fn experiment(settings: &Settings, way: &str) -> Experiment {
    let tokens = settings.count("n");
    let heads = |heads: usize| subject(normal(square(heads, tokens, 64 / heads), settings.seed()));
    match way {
        "one" => heads(1),
        "window" => Experiment { mask: pattern("sliding-window", &[("window", 5.0), ("two_sided", 1.0)]), ..heads(4) },
        "sparsemax" | "sigmoid" => Experiment { normaliser: Choice::of(way), ..heads(4) },
        "sharp" => Experiment { temperature: 0.25, ..heads(4) },
        "captured" => subject(Input::Capture { id: "animal".to_owned(), layer: settings.count("layer") as u32 }),
        _ => heads(4),
    }
}

fn rule(lang: Lang) -> String {
    let much = read(MUCH);
    match lang {
        Lang::En => format!(
            "A gain above {much} is a large change. Supported: even the random direction has it, in every setting (the larger of the two tokens). Refuted: not even the worst direction has it, in any setting. Depends: otherwise."
        ),
        Lang::Zh => format!(
            "增益大于 {much} 视为变化很大。成立：每种设置下，即使随机方向也如此（取两个词元中较大者）。不成立：任何设置下，连最坏方向也不如此。其余：视条件而定。"
        ),
    }
}

/// The tokens that are disturbed, by name.
fn places(settings: &Settings, way: &str) -> [(&'static str, usize); 2] {
    // The captured sentence has 16.
    let tokens = if way == "captured" { 16 } else { settings.count("n") };
    [("first", 0), ("middle", tokens / 2)]
}

fn asks(settings: &Settings, answers: &Answers) -> Vec<Ask> {
    let (share, seed) = (settings.get("share") / 100.0, settings.seed());
    let mut asks = Vec::new();
    for (way, _) in WAYS {
        let one = experiment(settings, way);
        asks.push(Ask::run(way, one.clone()));
        for (place, token) in places(settings, way) {
            let random = Alter::new(move |loaded| disturbed(loaded, &drawn(&loaded.dims, seed), token, share));
            asks.push(Ask::run(format!("{way}/{place}/0"), one.clone()).altered(random));
            // Each step goes where the last change of the output grows fastest, once it is known.
            for step in 0..STEPS {
                let last = format!("{way}/{place}/{step}");
                let (Some(base), Some(moved)) = (answers.ran(way), answers.ran(&last)) else { break };
                let change: Vec<f32> = moved.outcome.y.iter().zip(&base.outcome.y).map(|(a, b)| a - b).collect();
                let unit = length(&change).max(f64::MIN_POSITIVE);
                let loss = change.iter().map(|x| (f64::from(*x) / unit) as f32).collect();
                let key = format!("{last}/gradient");
                asks.push(Ask::gradients(key.as_str(), one.clone()).of_loss(loss));
                let Some(graded) = answers.graded(&key) else { break };
                let direction = graded.qkv.clone();
                let worst = Alter::new(move |loaded| disturbed(loaded, &direction, token, share));
                asks.push(Ask::run(format!("{way}/{place}/{}", step + 1), one.clone()).altered(worst));
            }
        }
    }
    asks
}

/// A direction of normal numbers.
fn drawn(dims: &Dims, seed: u64) -> [Vec<f32>; 3] {
    let mut rng = Rng::new(seed);
    [dims.q_len(), dims.k_len(), dims.v_len()].map(|count| rng.normals(count).into_iter().map(|x| x as f32).collect())
}

/// The tensors with one token's query, key and value moved along a direction, of which the other tokens' parts count nothing, by a share of their length.
fn disturbed(loaded: &Loaded, direction: &[Vec<f32>; 3], token: usize, share: f64) -> Loaded {
    let Dims { n_q, n_k, d, d_v, .. } = loaded.dims;
    let Inputs { q, k, v } = &loaded.inputs;
    let sizes = [(n_q, d), (n_k, d), (n_k, d_v)];
    let part = |numbers: &[f32], (tokens, size): (usize, usize)| -> f64 {
        let own =
            numbers.chunks_exact((tokens * size).max(1)).filter_map(|head| head.get(token * size..(token + 1) * size));
        own.map(|row| length(row).powi(2)).sum()
    };
    let tensors = [q, k, v];
    let own: f64 = tensors.iter().zip(sizes).map(|(tensor, size)| part(tensor, size)).sum();
    let along: f64 = direction.iter().zip(sizes).map(|(tensor, size)| part(tensor, size)).sum();
    let factor = share * (own / along.max(f64::MIN_POSITIVE)).sqrt();
    let moved = |which: usize| {
        let (tokens, size) = sizes[which];
        let mut numbers = tensors[which].to_vec();
        for (at, (number, by)) in numbers.iter_mut().zip(&direction[which]).enumerate() {
            if at / size % tokens == token {
                *number = (f64::from(*number) + factor * f64::from(*by)) as f32;
            }
        }
        Arc::new(numbers)
    };
    Loaded { inputs: Inputs { q: moved(0), k: moved(1), v: moved(2) }, ..loaded.clone() }
}

/// Relative change of the output over relative change of the input.
fn gain(base: &Ran, moved: &Ran) -> Option<f64> {
    let all = |ran: &Ran| {
        let Inputs { q, k, v } = &ran.loaded.inputs;
        [q.as_slice(), k, v].concat()
    };
    let input = apart(&all(moved), &all(base))?;
    let output = apart(&moved.outcome.y, &base.outcome.y)?;
    (input > 0.0).then(|| output / input)
}

/// Of a way: the largest gain over the tokens, in a random direction and in the worst that was found.
fn gains(settings: &Settings, answers: &Answers, way: &str) -> Option<[f64; 2]> {
    let base = answers.ran(way)?;
    let mut most = [0.0_f64; 2];
    for (place, _) in places(settings, way) {
        for step in 0..=STEPS {
            let gain = gain(base, answers.ran(&format!("{way}/{place}/{step}"))?)?;
            most[1] = most[1].max(gain);
            if step == 0 {
                most[0] = most[0].max(gain);
            }
        }
    }
    Some(most)
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(Text::new("4 heads over random tokens", "随机词元，4 个头"), experiment(settings, "heads")),
        Opening::new(Text::new("scores four times as large", "分数放大四倍"), experiment(settings, "sharp")),
        Opening::new(Text::new("captured heads", "采集的头"), experiment(settings, "captured")),
    ]
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let all: Vec<(Text, Option<[f64; 2]>)> =
        WAYS.iter().map(|(way, name)| (*name, gains(settings, answers, way))).collect();
    let (random, worst) = (word(lang, "random direction", "随机方向"), word(lang, "worst direction", "最坏方向"));
    let title = word(lang, "Gain from input to output", "从输入到输出的增益");
    let mut table = Table::new(title, &[word(lang, "setting", "设置"), random, worst]);
    for (name, gains) in &all {
        let told = |at: usize| gains.map_or_else(String::new, |gains| read(gains[at]));
        table.row([name.get(lang).to_owned(), told(0), told(1)]);
    }
    let points = |which: usize| {
        let point = move |(at, (_, gains)): (usize, &(Text, Option<[f64; 2]>))| {
            Point::new(at as f64, gains.map_or(f64::NAN, |gains| gains[which]))
        };
        all.iter().enumerate().map(point).collect::<Vec<_>>()
    };
    let chart = Chart {
        title: title.to_owned(),
        x: Axis::named(word(lang, "setting", "设置"), all.iter().map(|(name, _)| name.get(lang).to_owned()).collect()),
        y: Axis::new(word(lang, "gain", "增益"), "", Scale::Log10),
        series: vec![Series::new(random, Kind::Dots, 0, points(0)), Series::new(worst, Kind::Dots, 1, points(1))],
        marks: vec![
            Mark::level(1.0, word(lang, "as much as the input", "与输入相同")),
            Mark::level(MUCH, word(lang, "much", "很大")),
        ],
        ..Chart::default()
    };
    let whole: Vec<(Text, [f64; 2])> = all.iter().filter_map(|(name, gains)| Some((*name, (*gains)?))).collect();
    let (verdict, because, margin) = if whole.len() == WAYS.len() { verdict(&whole, lang) } else { Default::default() };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(all: &[(Text, [f64; 2])], lang: Lang) -> (Verdict, String, String) {
    let ends = |which: usize| {
        let gains = all.iter().map(|(_, gains)| gains[which]);
        gains.fold((f64::INFINITY, 0.0_f64), |(least, most), gain| (least.min(gain), most.max(gain)))
    };
    let ((least, random), (_, worst)) = (ends(0), ends(1));
    let verdict = match () {
        () if least > MUCH => Verdict::Supported,
        () if worst <= MUCH => Verdict::Refuted,
        () => Verdict::Depends,
    };
    let listed = |which: usize| -> String {
        let names: Vec<&str> =
            all.iter().filter(|(_, gains)| gains[which] > MUCH).map(|(name, _)| name.get(lang)).collect();
        if names.is_empty() { word(lang, "none", "无").to_owned() } else { names.join(word(lang, ", ", "、")) }
    };
    let because = match (lang, verdict) {
        (Lang::En, Verdict::Depends) => format!(
            "It depends on the direction and on the setting. The gain exceeds {} in a random direction for: {}; in the worst direction for: {}.",
            read(MUCH),
            listed(0),
            listed(1)
        ),
        (Lang::Zh, Verdict::Depends) => format!(
            "取决于方向与设置。随机方向上增益超过 {} 的有：{}；最坏方向上超过的有：{}。",
            read(MUCH),
            listed(0),
            listed(1)
        ),
        (Lang::En, _) => format!(
            "Gains in a random direction lie between {} and {}; the largest in a worst direction is {}.",
            read(least),
            read(random),
            read(worst)
        ),
        (Lang::Zh, _) => {
            format!("随机方向的增益在 {} 与 {} 之间；最坏方向的最大增益为 {}。", read(least), read(random), read(worst))
        }
    };
    let (low, high) = (read(least / MUCH), read(worst / MUCH));
    let margin = match lang {
        Lang::En => format!("The least random gain is {low} times the bound, the largest of all {high} times."),
        Lang::Zh => format!("最小的随机增益是界限的 {low} 倍，全部之中最大的是 {high} 倍。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;
    use crate::experiment::{Normals, Size};

    /// Gives disturbed runs the gain that `of` says of their key.
    fn gained(answers: &mut Answers, of: fn(&str) -> f64) {
        let bases: Vec<(String, Ran)> =
            WAYS.iter().filter_map(|(way, _)| Some(((*way).to_owned(), answers.ran(way)?.clone()))).collect();
        for (key, answer) in answers.iter_mut() {
            let base = bases.iter().find(|(way, _)| key.starts_with(&format!("{way}/")));
            if let (Some((_, base)), Answer::Ran(ran)) = (base, answer) {
                ran.outcome.y.clone_from(&base.outcome.y);
                let inputs = |ran: &Ran| {
                    [&ran.loaded.inputs.q, &ran.loaded.inputs.k, &ran.loaded.inputs.v].map(|t| t.to_vec()).concat()
                };
                let input = apart(&inputs(ran), &inputs(base)).unwrap();
                ran.outcome.y.iter_mut().for_each(|y| *y *= (1.0 + of(key) * input) as f32);
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("everything is amplified", Verdict::Supported, |_, answers| gained(answers, |_| 9.0)),
            Case::doctored("nothing is amplified", Verdict::Refuted, |_, answers| gained(answers, |_| 0.5)),
            Case::doctored("only a worst direction is", Verdict::Depends, |_, answers| {
                gained(answers, |key| if key == "sharp/middle/2" { 9.0 } else { 0.5 });
            }),
        ]
    }

    #[test]
    fn a_disturbance_is_that_share_of_one_token() {
        let size = Size { q_heads: 2, kv_heads: 2, n_q: 4, n_k: 4, d: 8, d_v: 8 };
        let input = Input::Generated {
            recipe: "normal".to_owned(),
            size,
            seed: 1,
            normals: Normals::Rounded,
            params: Default::default(),
        };
        let loaded = crate::attention::load::<crate::interchange::SerdeJson>(&input, None).unwrap();
        let moved = disturbed(&loaded, &drawn(&loaded.dims, 3), 2, 0.1);
        let (mut change, mut own) = (0.0, 0.0);
        let pairs = [
            (&loaded.inputs.q, &moved.inputs.q),
            (&loaded.inputs.k, &moved.inputs.k),
            (&loaded.inputs.v, &moved.inputs.v),
        ];
        for (before, after) in pairs {
            for (at, (a, b)) in before.iter().zip(after.iter()).enumerate() {
                assert!(at / 8 % 4 == 2 || a == b);
                change += f64::from(a - b).powi(2);
                own += if at / 8 % 4 == 2 { f64::from(*a).powi(2) } else { 0.0 };
            }
        }
        assert!(((change / own).sqrt() - 0.1).abs() < 1e-5);
    }
}
