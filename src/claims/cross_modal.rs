//! Whether mixing two streams in attention adds information, and what it does where one of them is noise.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::heads::weights;
use super::tools::{apart, changed, normal, normals, said, word};
use crate::analysis::plot::{Axis, Chart, Kind, Point, Series, read};
use crate::catalogue::{Lang, Paper, Text};
use crate::engine::Want;
use crate::experiment::{Experiment, MaskChoice, Stage};
use crate::formula::Sorted;

/// Numbers of a token.
const WIDTH: usize = 64;
/// How much a query prefers its own token's key, in each stream: the score that they have together.
const MATCH: f32 = 8.0;
/// Noise in stream A's values, in lengths of the target; the same in stream B is chosen along the axis.
const OWN: f32 = 1.0;
const NOISES: [f64; 6] = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0];
/// An error that is so much smaller, or larger, counts.
const COUNTS: f64 = 0.05;

/// Which keys stream A's queries see: names of the runs, and the switches of A at A and A at B.
const WAYS: [(&str, bool, bool); 3] = [("own", true, false), ("both", true, true), ("other", false, true)];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "cross-modal",
    title: Text::new("Mixing modalities adds information", "混合模态增加信息"),
    says: Text::new(
        "Letting attention mix several modalities adds information that one alone does not have.",
        "让注意力混合多种模态，可增加单一模态没有的信息。",
    ),
    essays: &[Essay::E1],
    setup: Text::new(
        "Two streams hold the same things, thing for thing: keys of both carry its code, values its target and noise, which in stream A is as long as the target and in stream B is varied. Stream A's queries look for their code in A alone, in both, and in B alone. The error is the distance of the output from the target, relative to the target; the share of A's weight that goes to B is measured too.",
        "两个流逐一包含同样的事物：两者的键都带有该事物的编码，值为目标加噪声；流 A 的噪声与目标等长，流 B 的噪声可变。流 A 的查询分别只在 A 中、在两者中、只在 B 中寻找自己的编码。误差为输出与目标之差相对于目标的大小；并测量 A 的权重中分给 B 的份额。",
    ),
    sliders: &[
        Slider::numbers(
            "n",
            Text::new("tokens of a stream", "每个流的词元数"),
            &[8.0, 16.0, 32.0, 64.0, 128.0],
            32.0,
            128.0,
        ),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Weights come of queries and keys alone, so they can't fall because values are noise. Were noise to show in the keys of stream B, or had a gate learned to shut it out, mixing would hurt less.",
        "权重只由查询与键决定，不会因为值是噪声而变小。若噪声也体现在流 B 的键上，或有学得的门将其关闭，混合的害处就会减小。",
    ),
    limits: Text::new(
        "The streams are made, and share one code for each thing, which real words and image patches come to share only by training. What a second modality adds to a task is a matter of data.",
        "两个流是构造出来的，且每个事物共用同一编码；真实的文字与图像块要经训练才会有这样的对应。第二种模态对任务有多大帮助，取决于数据。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Joins images and words by attention between two streams, trained on captions.",
                "以两流之间的注意力结合图像与文字，在图像描述上训练。",
            ),
            paper: Paper {
                title: "Lu et al., ViLBERT: Pretraining Task-Agnostic Visiolinguistic Representations for Vision-and-Language Tasks",
                year: 2019,
                id: "arXiv:1908.02265",
            },
        },
        Source {
            says: Text::new(
                "Finds that networks with more modalities often do worse than the best single one, and proposes a cure.",
                "发现使用更多模态的网络常不如最好的单模态网络，并提出对策。",
            ),
            paper: Paper {
                title: "Wang, Tran and Feiszli, What Makes Training Multi-Modal Classification Networks Hard?",
                year: 2019,
                id: "arXiv:1905.12681",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let counts = read(100.0 * COUNTS);
    let worst = read(NOISES[NOISES.len() - 1]);
    said(
        lang,
        format!(
            "Adds: with a clean stream B the error of both is at least {counts} % below that of A alone. Hurts: with a stream B of noise {worst} times the target it is at least {counts} % above. Supported: adds and does not hurt. Depends: adds and hurts. Refuted: does not add."
        ),
        format!(
            "“增加”：流 B 无噪声时，混合的误差比仅用 A 至少低 {counts}%。“有害”：流 B 的噪声为目标的 {worst} 倍时，误差至少高 {counts}%。成立：增加且无害。视条件而定：增加但有害。不成立：并不增加。"
        ),
    )
}

fn experiment(settings: &Settings, [own, other]: [bool; 2]) -> Experiment {
    let n = settings.count("n");
    let switch = |on: bool| f64::from(u8::from(on));
    let params = [("first", n as f64), ("aa", switch(own)), ("ab", switch(other)), ("ba", 1.0), ("bb", 1.0)];
    let mask = MaskChoice {
        id: "cross-modal".to_owned(),
        params: params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Sorted<_, _>>(),
        custom: None,
    };
    Experiment { mask, ..subject(normal(square(1, 2 * n, WIDTH), settings.seed())) }
}

/// The target of each thing, of length 1 in the mean square of its numbers.
fn targets(settings: &Settings) -> Vec<f32> {
    normals(300 + settings.seed(), settings.count("n") * WIDTH)
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let mut asks = Vec::new();
    let (n, seed, targets) = (settings.count("n"), settings.seed(), targets(settings));
    for (way, own, other) in WAYS {
        for noise in NOISES {
            let targets = targets.clone();
            let things = changed(move |_, [q, k, v]| {
                let codes = normals(100 + seed, n * WIDTH);
                // Codes are about √WIDTH long, and scores are divided by √WIDTH.
                let sharp = (MATCH / (WIDTH as f32).sqrt()).sqrt();
                let noises = normals(200 + seed, 2 * n * WIDTH);
                for at in 0..2 * n * WIDTH {
                    let (thing, strength) = if at < n * WIDTH { (at, OWN) } else { (at - n * WIDTH, noise as f32) };
                    (q[at], k[at]) = (sharp * codes[thing], sharp * codes[thing]);
                    v[at] = targets[thing] + strength * noises[at];
                }
            });
            let want = Want { stats: false, matrix: Some(Stage::Weights) };
            let ask = Ask::run(format!("{way}/{noise}"), experiment(settings, [own, other]));
            asks.push(ask.wanting(want).altered(things));
        }
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(Text::new("mask: A looks at both", "掩码：A 看两者"), experiment(settings, [true, true])),
        Opening::new(Text::new("mask: A looks at B alone", "掩码：A 只看 B"), experiment(settings, [false, true])),
    ]
}

/// How far stream A's outputs are from the targets.
fn error(settings: &Settings, answers: &Answers, way: &str, noise: f64) -> Option<f64> {
    let ran = answers.ran(&format!("{way}/{noise}"))?;
    apart(ran.outcome.y.get(..settings.count("n") * WIDTH)?, &targets(settings))
}

/// The share of stream A's weight that goes to stream B.
fn given(settings: &Settings, answers: &Answers, way: &str, noise: f64) -> Option<f64> {
    let (n, all) = (settings.count("n"), weights(answers.ran(&format!("{way}/{noise}"))?)?);
    let of_row = |row: &[f32]| row.iter().skip(n).map(|a| f64::from(*a)).sum::<f64>();
    Some(all.chunks_exact(2 * n).take(n).map(of_row).sum::<f64>() / n as f64)
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let names = [word(lang, "A alone", "仅 A"), word(lang, "both", "两者"), word(lang, "B alone", "仅 B")];
    let errors = WAYS.map(|(way, ..)| NOISES.map(|noise| error(settings, answers, way, noise)));
    let shares = NOISES.map(|noise| given(settings, answers, "both", noise));
    let told = |number: Option<f64>| number.map_or_else(String::new, read);
    let title = word(lang, "Error of stream A's output", "流 A 输出的误差");
    let mut table = Table::new(
        title,
        &[
            word(lang, "noise in stream B", "流 B 的噪声"),
            names[0],
            names[1],
            names[2],
            word(lang, "weight given to B", "分给 B 的权重"),
        ],
    );
    for (at, noise) in NOISES.iter().enumerate() {
        table.row([read(*noise), told(errors[0][at]), told(errors[1][at]), told(errors[2][at]), told(shares[at])]);
    }
    let along = |all: &[Option<f64>]| -> Vec<Point> {
        NOISES.iter().zip(all).map(|(noise, y)| Point::new(*noise, y.unwrap_or(f64::NAN))).collect()
    };
    let noise =
        || Axis::linear(word(lang, "noise in stream B", "流 B 的噪声"), word(lang, "of the target", "目标的倍数"));
    let lines = (0..3).map(|way| Series::new(names[way], Kind::Line, way, along(&errors[way]))).collect();
    let curve = Chart {
        title: title.to_owned(),
        x: noise(),
        y: Axis::linear(word(lang, "error", "误差"), ""),
        series: lines,
        ..Chart::default()
    };
    let share = word(lang, "weight given to B", "分给 B 的权重");
    let mass = Chart {
        title: share.to_owned(),
        x: noise(),
        y: Axis { ends: Some([0.0, 1.0]), ..Axis::linear(share, "") },
        series: vec![Series::new(names[1], Kind::Line, 1, along(&shares))],
        ..Chart::default()
    };
    let last = NOISES.len() - 1;
    let found = errors[0][0].zip(errors[1][0]).zip(errors[0][last].zip(errors[1][last]));
    let (verdict, because, margin) = found.map_or_else(Default::default, |((own, both), (own_last, both_last))| {
        verdict(both / own, both_last / own_last, lang)
    });
    Finding { verdict, because, margin, tables: vec![table], charts: vec![curve, mass] }
}

/// From the ratios of the errors, both over A alone: with a clean stream B, and with a noisy one.
fn verdict(clean: f64, noisy: f64, lang: Lang) -> (Verdict, String, String) {
    let (adds, hurts) = (clean <= 1.0 - COUNTS, noisy >= 1.0 + COUNTS);
    let verdict = match (adds, hurts) {
        (false, _) => Verdict::Refuted,
        (true, false) => Verdict::Supported,
        (true, true) => Verdict::Depends,
    };
    let [clean_told, noisy_told] = [clean, noisy].map(read);
    let because = said(
        lang,
        format!(
            "With a clean second stream the error is {clean_told} times that of one stream, with a noisy one {noisy_told} times. It depends on what the second stream carries."
        ),
        format!(
            "第二个流无噪声时误差为单流的 {clean_told} 倍，噪声大时为 {noisy_told} 倍。结论取决于第二个流所携带的内容。"
        ),
    );
    let [low, high] = [1.0 - COUNTS, 1.0 + COUNTS].map(read);
    let margin = said(
        lang,
        format!("The bounds of the two are {low} and {high}."),
        format!("二者的界限分别为 {low} 与 {high}。"),
    );
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// As if both together gave what A alone gives at the noise, nearer to the target by a factor.
    fn both(settings: &Settings, answers: &mut Answers, at: usize, factor: f32) {
        let noise = NOISES[at];
        let Some(own) = answers.ran(&format!("own/{noise}")).map(|ran| ran.outcome.y.clone()) else { return };
        if let Some(Answer::Ran(ran)) = answers.get_mut(&format!("both/{noise}")) {
            let targets = targets(settings);
            for ((y, own), target) in ran.outcome.y.iter_mut().zip(own).zip(targets) {
                *y = target + factor * (own - target);
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("better, and worse with noise", Verdict::Depends, |settings, answers| {
                both(settings, answers, 0, 0.5);
                both(settings, answers, 5, 2.0);
            }),
            Case::doctored("better, and noise shut out", Verdict::Supported, |settings, answers| {
                both(settings, answers, 0, 0.5);
                both(settings, answers, 5, 1.0);
            }),
            Case::doctored("no better with a clean stream", Verdict::Refuted, |settings, answers| {
                both(settings, answers, 0, 1.0);
            }),
        ]
    }
}
