//! What tokens that repeat do to the output.

use std::sync::Arc;

use super::answer::Answers;
use super::ask::{Alter, Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{apart, middle, normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::attention::{Dims, Inputs, Loaded};
use crate::catalogue::{Lang, Paper, Text};
use crate::engine::Want;
use crate::experiment::{CustomFormula, Experiment, Stage};

/// How often the token stands there.
const COPIES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// The copies at which the verdict is read.
const JUDGED: usize = 8;
/// An output has moved when it is off by so much of its length in the middle row, and has not when by at most the other.
const MOVED: f64 = 0.10;
const STILL: f64 = 0.01;
/// How far a mass may be from the closed form.
const NEAR: f64 = 1e-4;
const HEADS: [usize; 2] = [4, 32];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "redundancy",
    title: Text::new("Redundant features disturb", "冗余特征造成干扰"),
    says: Text::new("Redundant features disturb attention.", "冗余特征会干扰注意力。"),
    essays: &[Essay::E1],
    setup: Text::new(
        "Among random tokens one is repeated m times, as keys and values; the queries stay as they are. Measured are the weight on all its copies together and how far the outputs move from those without copies. The closed form of the weight is m·p / (1 + (m − 1)·p), where p was the weight of one. The same once more with ln m taken off the copies' scores.",
        "在随机词元中把一个词元作为键和值重复 m 次，查询不变。测量其所有副本的总权重，以及输出相对于无重复时移动了多少。权重的闭式解为 m·p / (1 + (m − 1)·p)，p 为只有一份时的权重。另将副本的分数减去 ln m 后再测一次。",
    ),
    sliders: &[
        Slider::numbers("n", Text::new("tokens", "词元数"), &[16.0, 32.0, 64.0, 128.0, 256.0, 512.0], 64.0, 512.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Taking ln m off the scores of m copies undoes them exactly, as merging them into one does. The more other tokens there are, the less each copy moves.",
        "从 m 个副本的分数中减去 ln m 可完全抵消其影响，等同于将其合并。其他词元越多，每个副本的影响越小。",
    ),
    limits: Text::new(
        "Copies are exact, and random tokens have no meaning. Whether a repeated word should count more is a question of what is asked of the model, and takes a task.",
        "副本是完全相同的，随机词元没有含义。重复的词是否应当更受重视，取决于任务，需要有任务才能判断。",
    ),
    literature: &[Source {
        says: Text::new(
            "Merges similar tokens and adds the logarithm of their number to the scores, so that the merged token weighs as much as its parts did.",
            "合并相似词元，并在分数中加上其数目的对数，使合并后的词元与原来各部分权重相同。",
        ),
        paper: Paper { title: "Bolya et al., Token Merging: Your ViT But Faster", year: 2023, id: "arXiv:2210.09461" },
    }],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let (moved, still, near) = (read(100.0 * MOVED), read(100.0 * STILL), read(NEAR));
    match lang {
        Lang::En => format!(
            "With {JUDGED} copies, in the middle row: supported where the output moves by {moved} % of its length or more; refuted where by at most {still} %; in between it depends on the number of copies. A weight further than {near} from the closed form settles nothing."
        ),
        Lang::Zh => format!(
            "取 {JUDGED} 个副本、各行的中位数：输出移动达其长度的 {moved}% 或更多为成立；至多 {still}% 为不成立；介于其间则视副本数而定。若权重与闭式解相差超过 {near}，则无法判定。"
        ),
    }
}

fn experiment(settings: &Settings) -> Experiment {
    let [heads, size] = HEADS;
    subject(normal(square(heads, settings.count("n"), size), settings.seed()))
}

/// Adds copies of the last token to the keys and values, until there are so many of it.
fn copies(count: usize) -> Alter {
    Alter::new(move |loaded| {
        let Dims { kv_heads, n_k, d, d_v, .. } = loaded.dims;
        let repeated = |numbers: &[f32], width: usize| -> Arc<Vec<f32>> {
            let mut out = Vec::with_capacity(kv_heads * (n_k + count - 1) * width);
            for head in numbers.chunks_exact((n_k * width).max(1)) {
                out.extend_from_slice(head);
                let last = head.get((n_k - 1) * width..).unwrap_or_default();
                (1..count).for_each(|_| out.extend_from_slice(last));
            }
            Arc::new(out)
        };
        let Inputs { q, k, v } = &loaded.inputs;
        let inputs = Inputs { q: q.clone(), k: repeated(k, d), v: repeated(v, d_v) };
        let mut tokens_k = loaded.tokens_k.clone();
        let name = tokens_k.last().cloned().unwrap_or_default();
        tokens_k.resize(tokens_k.len() + count - 1, name);
        Loaded { dims: Dims { n_k: n_k + count - 1, ..loaded.dims }, inputs, tokens_k, ..loaded.clone() }
    })
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let want = Want { stats: false, matrix: Some(Stage::Weights) };
    let n = settings.count("n");
    let mut asks = Vec::new();
    for m in COPIES {
        asks.push(Ask::run(format!("copies={m}"), experiment(settings)).altered(copies(m)).wanting(want));
        let text = format!("s - float(k >= {}) * {:.9}", n - 1, (m as f64).ln());
        let score = Some(CustomFormula { text, params: Vec::new() });
        let merged = Experiment { score, ..experiment(settings) };
        asks.push(Ask::run(format!("corrected={m}"), merged).altered(copies(m)).wanting(want));
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![Opening::new(Text::new("the tokens without copies", "无副本的词元"), experiment(settings))]
}

/// Of a run: the weight on all copies, row by row.
fn masses(settings: &Settings, answers: &Answers, key: &str) -> Option<Vec<f64>> {
    let outcome = &answers.ran(key)?.outcome;
    let (_, weights) = outcome.matrix.as_ref()?;
    let first = settings.count("n") - 1;
    let mass = |row: &[f32]| row.iter().skip(first).map(|&weight| f64::from(weight)).sum();
    Some(weights.chunks_exact(outcome.dims.n_k.max(1)).map(mass).collect())
}

/// How far the middle row of a run's output is from that without copies.
fn moved(answers: &Answers, key: &str) -> Option<f64> {
    let (one, many) = (&answers.ran("copies=1")?.outcome, &answers.ran(key)?.outcome);
    let width = one.dims.d_v.max(1);
    middle(many.y.chunks_exact(width).zip(one.y.chunks_exact(width)).filter_map(|(many, one)| apart(many, one)))
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let w = |en, zh| word(lang, en, zh);
    let mut table = Table::new(
        w("Copies of one token", "一个词元的副本"),
        &[
            w("copies", "副本数"),
            w("weight on all of them", "总权重"),
            w("closed form", "闭式解"),
            w("outputs move by", "输出移动"),
            w("with ln m taken off", "减去 ln m 后"),
        ],
    );
    let one = masses(settings, answers, "copies=1");
    let (mut weight, mut plain, mut merged, mut off) = (Vec::new(), Vec::new(), Vec::new(), 0.0_f64);
    for m in COPIES {
        let rows = masses(settings, answers, &format!("copies={m}"));
        let form = |p: f64| m as f64 * p / (1.0 + (m as f64 - 1.0) * p);
        let wanted: Option<Vec<f64>> = one.as_ref().map(|one| one.iter().map(|&p| form(p)).collect());
        if let (Some(rows), Some(wanted)) = (&rows, &wanted) {
            off = rows.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(off, f64::max);
        }
        let [mass, closed] = [rows, wanted].map(|rows| rows.and_then(middle));
        let [by, after] = ["copies", "corrected"].map(|way| moved(answers, &format!("{way}={m}")));
        let cell = |x: Option<f64>| x.map_or_else(String::new, read);
        table.row([m.to_string(), cell(mass), cell(closed), cell(by), cell(after)]);
        let x = m as f64;
        weight.extend(mass.map(|y| Point::new(x, y)));
        plain.extend(by.map(|y| Point::new(x, y)));
        merged.extend(after.map(|y| Point::new(x, y)));
    }
    let chart = Chart {
        title: w("One token repeated", "重复一个词元").to_owned(),
        x: Axis::new(w("copies", "副本数"), "", Scale::Log2),
        y: Axis::linear(w("share", "比例"), ""),
        series: vec![
            Series::new(w("outputs move by", "输出移动"), Kind::Line, 0, plain),
            Series::new(w("weight on the copies", "副本的权重"), Kind::Line, 1, weight),
            Series::new(w("with ln m taken off", "减去 ln m 后"), Kind::Line, 2, merged),
        ],
        marks: vec![Mark::level(MOVED, w("moved above", "高于此值为已移动"))],
        ..Chart::default()
    };
    let by = moved(answers, &format!("copies={JUDGED}"));
    let after = moved(answers, &format!("corrected={JUDGED}"));
    let (verdict, because, margin) = match (by, after) {
        (Some(by), Some(after)) => verdict(by, after, off, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(by: f64, after: f64, off: f64, lang: Lang) -> (Verdict, String, String) {
    let verdict = match () {
        () if off > NEAR => Verdict::NotSettled,
        () if by >= MOVED => Verdict::Supported,
        () if by <= STILL => Verdict::Refuted,
        () => Verdict::Depends,
    };
    let [b, a] = [by, after].map(|x| read(100.0 * x));
    let o = read(off);
    let because = match (verdict, lang) {
        (Verdict::NotSettled, Lang::En) => {
            format!("The copies' weight is {o} off the closed form: what was measured is not softmax.")
        }
        (Verdict::NotSettled, Lang::Zh) => format!("副本的权重与闭式解相差 {o}：测得的不是 Softmax。"),
        (_, Lang::En) => format!(
            "{JUDGED} copies of one token move the output by {b} % of its length; with ln {JUDGED} taken off their scores by {a} %."
        ),
        (_, Lang::Zh) => {
            format!("一个词元的 {JUDGED} 个副本使输出移动其长度的 {b}%；将其分数减去 ln {JUDGED} 后为 {a}%。")
        }
    };
    let (moved, still) = (read(100.0 * MOVED), read(100.0 * STILL));
    let margin = match lang {
        Lang::En => format!("{b} %, against bounds of {still} % and {moved} %; off the closed form by {o} at most."),
        Lang::Zh => format!("{b}%，界限为 {still}% 与 {moved}%；与闭式解至多相差 {o}。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// Leaves so much of the way by which copies move the outputs.
    fn hold(answers: &mut Answers, share: f32) {
        let Some(one) = answers.ran("copies=1").map(|ran| ran.outcome.y.clone()) else { return };
        for (key, answer) in answers.iter_mut() {
            if let (true, Answer::Ran(ran)) = (key.starts_with("copies="), answer) {
                ran.outcome.y.iter_mut().zip(&one).for_each(|(y, one)| *y = one + share * (*y - one));
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::plain(Verdict::Supported),
            Case::doctored("a kernel that merges copies", Verdict::Refuted, |_, answers| hold(answers, 0.0)),
            Case::doctored("weights that are not softmax's", Verdict::NotSettled, |_, answers| {
                if let Some(Answer::Ran(ran)) = answers.get_mut("copies=8")
                    && let Some((_, weights)) = &mut ran.outcome.matrix
                {
                    weights.iter_mut().for_each(|weight| *weight *= 0.5);
                }
            }),
        ]
    }
}
