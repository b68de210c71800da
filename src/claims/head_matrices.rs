//! Whether more heads mean smaller weight matrices.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Point, Scale, Series, read};
use crate::catalogue::{Lang, Paper, Text};
use crate::engine::Want;
use crate::experiment::{Algorithm, Backend, EngineChoice, Experiment, Stage};

/// Numbers of heads.
const HEADS: [usize; 5] = [1, 2, 4, 8, 16];
/// Width of all heads.
const WIDTH: usize = 128;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "head-matrices",
    title: Text::new("Heads shrink the weight matrices", "多头缩小权重矩阵"),
    says: Text::new(
        "Splitting attention into heads makes its weight matrices smaller.",
        "把注意力拆成多个头会使权重矩阵变小。",
    ),
    essays: &[Essay::E3],
    setup: Text::new(
        "One width is split into 1 to 16 heads over the same tokens. The weights of every head are computed, and their numbers counted: of one head, of all heads, and of the projections that make Q, K, V and the output.",
        "在词元数不变时，把同一宽度拆成 1 到 16 个头。计算每个头的权重，并统计其数目：单头、所有头，以及生成 Q、K、V 与输出的投影矩阵。",
    ),
    sliders: &[
        Slider::numbers("n", Text::new("tokens", "词元数"), &[32.0, 64.0, 128.0, 256.0, 512.0], 128.0, 512.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Streaming kernels never hold the n × n matrices at all, whatever the number of heads. Then what is left to shrink are keys and values, which grouped queries share.",
        "流式计算核从不保存 n × n 矩阵，与头数无关。此时可缩小的只剩键与值，分组查询会共享它们。",
    ),
    limits: Text::new(
        "Counted are numbers, not what a machine keeps of them at one time: a kernel may compute one head after the other and reuse the room.",
        "统计的是数的个数，而非机器同时保存的量：计算核可以逐头计算并复用空间。",
    ),
    literature: &[Source {
        says: Text::new(
            "Gives every head projections of width / heads columns, so that their sizes together stay the same, and every head weights of its own.",
            "每个头的投影有“宽度／头数”列，总大小不变；而每个头各有自己的权重矩阵。",
        ),
        paper: Paper {
            title: "Vaswani et al., Attention Is All You Need, section 3.2.2",
            year: 2017,
            id: "arXiv:1706.03762",
        },
    }],
    measured: true,
};

fn experiment(settings: &Settings, heads: usize) -> Experiment {
    let engine = EngineChoice { backend: Backend::Cpu, algorithm: Algorithm::Materialised, ..EngineChoice::default() };
    Experiment { engine, ..subject(normal(square(heads, settings.count("n"), WIDTH / heads), settings.seed())) }
}

fn rule(lang: Lang) -> String {
    match lang {
        Lang::En => "The attention weights of all heads together, over those of one head. Supported: fewer at the most heads. Refuted: as many or more. Depends: fewer at some numbers of heads.".to_owned(),
        Lang::Zh => "所有头的注意力权重数目之和与单头之比。成立：头数最多时更少。不成立：同样多或更多。视条件而定：仅在某些头数下更少。".to_owned(),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let want = Want { stats: false, matrix: Some(Stage::Weights) };
    let ask = |&heads: &usize| Ask::run(format!("heads={heads}"), experiment(settings, heads)).wanting(want);
    HEADS.iter().map(ask).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(Text::new("one head", "一个头"), experiment(settings, 1)),
        Opening::new(Text::new("eight heads", "八个头"), experiment(settings, 8)),
    ]
}

fn judge(_: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let w = |en, zh| word(lang, en, zh);
    let mut table = Table::new(
        w("Numbers that are kept", "数的个数"),
        &[
            w("heads", "头数"),
            w("one head's weights", "单头权重"),
            w("all heads' weights", "所有头的权重"),
            w("bytes", "字节"),
            w("projections", "投影矩阵"),
        ],
    );
    let mut counts: Vec<(usize, f64)> = Vec::new();
    for heads in HEADS {
        let Some(outcome) = answers.ran(&format!("heads={heads}")).map(|ran| &ran.outcome) else { continue };
        let count = outcome.matrix.as_ref().map_or(0, |(_, weights)| weights.len()) as f64;
        counts.push((heads, count));
        table.row([
            heads.to_string(),
            read(count / heads as f64),
            read(count),
            read(4.0 * count),
            // Q, K, V and the output, whatever the heads.
            read(4.0 * (WIDTH * WIDTH) as f64),
        ]);
    }
    let points = counts.iter().map(|(heads, count)| Point::new(*heads as f64, *count));
    let each = counts.iter().map(|(heads, count)| Point::new(*heads as f64, count / *heads as f64));
    let projections = counts.iter().map(|(heads, _)| Point::new(*heads as f64, 4.0 * (WIDTH * WIDTH) as f64));
    let chart = Chart {
        title: w("Numbers over the number of heads", "数的个数与头数").to_owned(),
        x: Axis::new(w("heads", "头数"), "", Scale::Log2),
        y: Axis::new(w("numbers", "个数"), "", Scale::Log10),
        series: vec![
            Series::new(w("weights of all heads", "所有头的权重"), Kind::Line, 0, points),
            Series::new(w("weights of one head", "单头权重"), Kind::Line, 1, each),
            Series::new(w("projections", "投影矩阵"), Kind::Line, 2, projections),
        ],
        ..Chart::default()
    };
    let (verdict, because, margin) =
        if counts.len() == HEADS.len() { verdict(&counts, lang) } else { Default::default() };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(counts: &[(usize, f64)], lang: Lang) -> (Verdict, String, String) {
    let (Some(one), Some(most)) = (counts.first(), counts.last()) else { return Default::default() };
    let ratio = most.1 / one.1.max(1.0);
    let fewer = counts.iter().filter(|(_, count)| *count < one.1).count();
    let verdict = match (ratio < 1.0, fewer) {
        (true, _) => Verdict::Supported,
        (false, 0) => Verdict::Refuted,
        (false, _) => Verdict::Depends,
    };
    let (heads, r) = (most.0, read(ratio));
    let because = match lang {
        Lang::En => format!(
            "{heads} heads have {r} times the weights of one: a matrix of the same n × n for every head. Their projections stay the same size."
        ),
        Lang::Zh => {
            format!("{heads} 个头的权重总数是单头的 {r} 倍：每个头都有一个同样的 n × n 矩阵。投影矩阵的总大小不变。")
        }
    };
    let margin = match lang {
        Lang::En => format!("{r} against a bound of 1."),
        Lang::Zh => format!("{r}，界限为 1。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    fn kept(answers: &mut Answers, named: &str, share: f64) {
        for (key, answer) in answers.iter_mut() {
            if let (true, Answer::Ran(ran)) = (key.ends_with(named), answer)
                && let Some((_, weights)) = &mut ran.outcome.matrix
            {
                weights.truncate((weights.len() as f64 * share) as usize);
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::plain(Verdict::Refuted),
            Case::doctored("sixteen heads with a few weights", Verdict::Supported, |_, answers| {
                kept(answers, "=16", 0.05)
            }),
            Case::doctored("two heads with a few weights", Verdict::Depends, |_, answers| kept(answers, "=2", 0.4)),
        ]
    }
}
