//! What becomes of learned positions past the length that they were learned on: every scheme is fitted to the same pattern, then asked for more tokens.

use std::sync::Arc;

use super::answer::Answers;
use super::ask::{Alter, Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{apart, normal, said, with, word};
use crate::analysis::fit::{Fit, Learned, Learns};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::attention::{Beyond, Inputs, Loaded};
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Choice, CustomFormula, Experiment, MaskChoice};
use crate::formula::Sorted;

/// Size of queries, keys and values.
const SIZE: usize = 32;
/// A pattern counts as learned where the output is no farther than this from the one that is wanted, and as lost where it is at least that far, as parts of its length.
const LEARNED: f64 = 0.25;
const LOST: f64 = 0.5;
/// How many times the trained length is asked for.
const LONGER: [usize; 4] = [1, 2, 4, 8];

/// A scheme, and how it is fitted.
struct Scheme {
    /// In keys.
    id: &'static str,
    name: Text,
    /// Steps, and the length of the first.
    steps: usize,
    rate: f64,
    /// In charts.
    slot: usize,
}

const TABLE: Scheme =
    Scheme { id: "table", name: Text::new("learned table", "可学习位置表"), steps: 150, rate: 0.05, slot: 0 };
const SINUSOIDS: Scheme =
    Scheme { id: "sinusoids", name: Text::new("sinusoids", "正弦编码"), steps: 150, rate: 0.02, slot: 1 };
const ROPE: Scheme = Scheme { id: "rope", name: Text::new("RoPE", "RoPE"), steps: 150, rate: 0.1, slot: 2 };
const ALIBI: Scheme = Scheme { id: "alibi", name: Text::new("ALiBi", "ALiBi"), steps: 100, rate: 0.004, slot: 3 };
const T5: Scheme = Scheme { id: "t5", name: Text::new("T5 buckets", "T5 分桶偏置"), steps: 40, rate: 0.5, slot: 4 };
const SCHEMES: [&Scheme; 5] = [&TABLE, &SINUSOIDS, &ROPE, &ALIBI, &T5];
/// Those that are compared with the table.
const OTHERS: [&Scheme; 4] = [&SINUSOIDS, &ROPE, &ALIBI, &T5];

/// What positions past the end of the table take.
const WAYS: [(&str, Beyond, Text); 3] = [
    ("last", Beyond::Clamp, Text::new("its last row", "最后一行")),
    ("anew", Beyond::Wrap, Text::new("its rows anew", "从头循环")),
    ("squeezed", Beyond::Interpolate, Text::new("squeezed into it", "压缩进表内")),
];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "learned-beyond-training",
    title: Text::new("Learned positions fail past their length", "可学习位置超出训练长度即失效"),
    says: Text::new(
        "Tables of learned positions fail past the length that they were trained on, 512 tokens as a rule.",
        "可学习的位置表在超出训练长度（通常为 512 个词元）后失效。",
    ),
    essays: &[Essay::E2],
    setup: Text::new(
        "Tokens have no content: what attention does comes from positions alone. Each scheme is fitted by gradient descent (Adam, seeded, through the engines' own gradients) until the output is that of a chosen pattern over distance, on sequences of the trained length. Then longer ones are run: a learned table takes its last row, begins anew or is squeezed; sinusoids, RoPE, ALiBi and T5 keep what was fitted. The distance from the wanted output is that of the rows past half of the sequence, other values than those of the fit.",
        "词元没有内容，注意力只由位置决定。用梯度下降（Adam，带种子，经引擎自身的梯度）在训练长度的序列上拟合每个方案，使输出等于所选的距离模式。随后运行更长的序列：可学习位置表取最后一行、从头循环或压缩；正弦、RoPE、ALiBi 与 T5 保持拟合所得。误差取序列后半部分各行与目标输出的距离，所用的值与拟合时不同。",
    ),
    sliders: &[
        Slider::choice(
            "pattern",
            Text::new("pattern", "模式"),
            &[0.0, 1.0, 2.0],
            &[
                Text::new("fades with distance", "随距离衰减"),
                Text::new("looks 24 tokens back", "回看 24 个词元"),
                Text::new("power of distance", "距离的幂"),
            ],
        ),
        Slider::numbers("trained", Text::new("trained length", "训练长度"), &[64.0, 128.0, 256.0, 512.0], 256.0, 512.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "A pattern that repeats with the table's length, or needs no order, survives beginning anew; training on squeezed positions, or with random offsets into a longer table, changes which rows are ever learned.",
        "若模式以表长为周期，或不依赖次序，从头循环仍然有效；若训练时就用压缩的位置，或在更长的表中随机平移，学到的行就会不同。",
    ),
    limits: Text::new(
        "One head, one layer, one pattern over distance, fitted to outputs. A language model learns many patterns at once from data, and may lean on its contents where positions fail; that takes training on text.",
        "仅一个头、一层、一种距离模式，且按输出拟合。语言模型从数据中同时学习许多模式，在位置失效处也可能依靠内容；这需要在文本上训练才能知道。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Trained models with learned or sinusoidal positions fail past the trained length; a bias that falls with distance does not.",
                "使用可学习或正弦位置的模型超出训练长度后失效，随距离下降的偏置则不会。",
            ),
            paper: Paper {
                title: "Press et al., Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation",
                year: 2021,
                id: "arXiv:2108.12409",
            },
        },
        Source {
            says: Text::new(
                "Learns a vector for each of 512 positions; longer texts have none.",
                "为 512 个位置各学一个向量，更长的文本没有对应的向量。",
            ),
            paper: Paper {
                title: "Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
                year: 2018,
                id: "arXiv:1810.04805",
            },
        },
        Source {
            says: Text::new(
                "Squeezing positions into the trained range, with little further training, reaches far longer texts.",
                "将位置压缩到训练范围内，再稍加训练，即可用于长得多的文本。",
            ),
            paper: Paper {
                title: "Chen et al., Extending Context Window of Large Language Models via Positional Interpolation",
                year: 2023,
                id: "arXiv:2306.15595",
            },
        },
        Source {
            says: Text::new(
                "Models without any positions, and relative schemes, generalise to longer inputs better than absolute ones on tasks of reasoning.",
                "在推理任务上，不用位置编码的模型与相对位置方案比绝对位置更能泛化到更长输入。",
            ),
            paper: Paper {
                title: "Kazemnejad et al., The Impact of Positional Encoding on Length Generalization in Transformers",
                year: 2023,
                id: "arXiv:2305.19466",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let (learned, lost) = (read(LEARNED), read(LOST));
    match lang {
        Lang::En => format!(
            "Distances from the wanted output are parts of its length; where nothing is kept they are about 1. Not settled: the table itself does not learn the pattern (above {learned} at the trained length). Supported: at twice the trained length each of the table's three ways has lost it (at least {lost}), while some other scheme still has it (at most {learned}). Refuted: one of the ways still has it at eight times (at most {learned}). Depends: anything between, as where one way keeps it for a while, or where every scheme loses it."
        ),
        Lang::Zh => format!(
            "误差为与目标输出之差占其长度的比例，什么都没保留时约为 1。无法判定：位置表本身没有学会该模式（训练长度处高于 {learned}）。成立：在两倍训练长度处，位置表的三种做法都已丢失模式（至少 {lost}），而另有方案仍保持（至多 {learned}）。不成立：有一种做法在八倍处仍保持（至多 {learned}）。视条件而定：介于其间，例如某种做法能保持一段，或所有方案都丢失。"
        ),
    }
}

/// Attention of one head that looks back, its tokens without content; `seed` is that of the values.
fn plain(tokens: usize, seed: u64) -> Experiment {
    Experiment { mask: MaskChoice::of("causal"), ..subject(normal(square(1, tokens, SIZE), seed)) }
}

/// Queries and keys of nothing.
fn blank() -> Alter {
    Alter::new(|loaded| {
        let nothing = |numbers: &[f32]| Arc::new(vec![0.0; numbers.len()]);
        let Inputs { q, k, v } = &loaded.inputs;
        let inputs = Inputs { q: nothing(q), k: nothing(k), v: v.clone() };
        Loaded { inputs, ..loaded.clone() }
    })
}

/// The pattern that is wanted, as scores.
fn wanted(settings: &Settings, tokens: usize, seed: u64) -> Experiment {
    let text = match settings.count("pattern") {
        0 => "-float(abs(q - k)) / 16.0",
        1 => "-pow((float(q - k) - 24.0) / 8.0, 2.0) / 2.0",
        _ => "-1.5 * log(1.0 + float(abs(q - k)))",
    };
    let score = CustomFormula { text: text.to_owned(), params: Vec::new() };
    Experiment { score: Some(score), ..plain(tokens, seed) }
}

/// A scheme without what it is to learn.
fn scheme(id: &str, tokens: usize, seed: u64) -> Experiment {
    let position = match id {
        "t5" => with(id, "causal", 1.0),
        "rope" | "alibi" => Choice::of(id),
        _ => Choice::of("none"),
    };
    Experiment { position, ..plain(tokens, seed) }
}

fn learns(id: &str, trained: usize) -> Learns {
    match id {
        "table" => Learns::Rows(trained),
        "sinusoids" => Learns::Waves,
        "rope" => Learns::Vectors,
        "alibi" => Learns::Table("slope", 1),
        _ => Learns::Table("bias", 32),
    }
}

/// Values of the fit, and others for what is run after it.
fn seeds(settings: &Settings) -> [u64; 2] {
    [settings.seed(), settings.seed() + 100]
}

fn asks(settings: &Settings, answers: &Answers) -> Vec<Ask> {
    let (trained, [seed, other]) = (settings.count("trained"), seeds(settings));
    let fit = |of: &&Scheme| {
        let learned = Learned::new(learns(of.id, trained), SIZE, seed);
        let fit = Fit::new(learned, of.steps, of.rate, seed);
        let (from, to) = (scheme(of.id, trained, seed), wanted(settings, trained, seed));
        Ask::fit(format!("{}/fit", of.id), from, to, fit).altered(blank())
    };
    let mut asks: Vec<Ask> = SCHEMES.iter().map(fit).collect();
    for tokens in LONGER.map(|times| times * trained) {
        asks.push(Ask::run(format!("wanted/{tokens}"), wanted(settings, tokens, other)).altered(blank()));
        for of in SCHEMES {
            let Some(fit) = answers.fitted(&format!("{}/fit", of.id)) else { continue };
            let ways: &[_] = if of.id == TABLE.id { &WAYS } else { &[("", Beyond::Clamp, TABLE.name)] };
            for (way, beyond, _) in ways {
                let (learned, beyond) = (fit.learned.clone(), *beyond);
                let mut experiment = scheme(of.id, tokens, other);
                learned.hold(&mut experiment);
                let place = Alter::new(move |loaded| learned.tensors(loaded, beyond));
                asks.push(Ask::run(format!("{}{way}/{tokens}", of.id), experiment).altered(place));
            }
        }
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    let (trained, [_, seed]) = (settings.count("trained"), seeds(settings));
    let tokens = (2 * trained).min(1024);
    let learned = |beyond: f64| Choice {
        id: "learned".to_owned(),
        params: Sorted::from([("beyond".to_owned(), beyond), ("trained".to_owned(), tokens as f64 / 2.0)]),
    };
    vec![
        Opening::new(Text::new("the wanted pattern", "目标模式"), wanted(settings, tokens, seed)),
        Opening::new(
            Text::new("a table that repeats its last row", "重复最后一行的位置表"),
            Experiment { position: learned(0.0), ..plain(tokens, seed) },
        ),
        Opening::new(
            Text::new("a table that begins anew", "从头循环的位置表"),
            Experiment { position: learned(1.0), ..plain(tokens, seed) },
        ),
    ]
}

/// How far the rows past half of a sequence are from what is wanted; of the trained length, all rows.
fn off(settings: &Settings, answers: &Answers, key: &str, tokens: usize) -> Option<f64> {
    let [got, wanted] = [key, "wanted"].map(|key| answers.ran(&format!("{key}/{tokens}")));
    let (got, wanted) = (&got?.outcome.y, &wanted?.outcome.y);
    let from = if tokens == settings.count("trained") { 0 } else { wanted.len() / 2 };
    apart(got.get(from..)?, wanted.get(from..)?)
}

fn key(way: usize) -> String {
    format!("{}{}", TABLE.id, WAYS[way].0)
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let lengths = LONGER.map(|times| times * settings.count("trained"));
    let of_table = word(lang, "table, ", "位置表，");
    let lines: Vec<(String, String, usize)> = WAYS
        .iter()
        .enumerate()
        .map(|(way, (_, _, name))| (key(way), format!("{of_table}{}", name.get(lang)), way))
        .chain(OTHERS.iter().map(|of| (of.id.to_owned(), of.name.get(lang).to_owned(), of.slot - 1)))
        .collect();
    let mut head = vec![word(lang, "scheme", "方案").to_owned()];
    head.extend(lengths.iter().map(|tokens| match lang {
        Lang::En => format!("{tokens} tokens"),
        Lang::Zh => format!("{tokens} 词元"),
    }));
    head.push(word(lang, "numbers learned", "学习的参数量").to_owned());
    let mut table = Table {
        title: word(lang, "Distance from the wanted output", "与目标输出的距离").to_owned(),
        head,
        rows: Vec::new(),
    };
    let curve = |key: &str| lengths.map(|tokens| off(settings, answers, key, tokens));
    for (key, name, _) in &lines {
        let id = if key.starts_with(TABLE.id) { TABLE.id } else { key };
        let told = |off: Option<f64>| off.map_or_else(String::new, read);
        let count = learns(id, settings.count("trained")).count(SIZE).to_string();
        table.row([name.clone()].into_iter().chain(curve(key).map(told)).chain([count]));
    }
    let chart = |title: &str, lines: &[(String, String, usize)]| {
        let series = lines.iter().map(|(key, name, slot)| {
            let points = lengths.iter().zip(curve(key)).filter_map(|(&x, y)| Some(Point::new(x as f64, y?)));
            Series::new(name.as_str(), Kind::Line, *slot, points)
        });
        Chart {
            title: title.to_owned(),
            x: Axis::new(word(lang, "tokens", "词元数"), "", Scale::Log2),
            y: Axis::new(word(lang, "distance from the wanted output", "与目标输出的距离"), "", Scale::Linear),
            series: series.collect(),
            marks: vec![
                Mark::level(LOST, word(lang, "lost above", "高于此值为丢失")),
                Mark::level(LEARNED, word(lang, "learned below", "低于此值为学会")),
            ],
            ..Chart::default()
        }
    };
    let (ways, others) = lines.split_at(WAYS.len());
    let losses = SCHEMES.iter().filter_map(|of| {
        let fit = answers.fitted(&format!("{}/fit", of.id))?;
        let points = fit.losses.iter().enumerate().map(|(step, loss)| Point::new((step + 1) as f64, *loss));
        Some(Series::new(of.name.get(lang), Kind::Line, of.slot, points))
    });
    let fits = Chart {
        title: word(lang, "Loss of the fits, step by step", "拟合的损失，逐步").to_owned(),
        x: Axis::linear(word(lang, "step", "步"), ""),
        y: Axis::new(word(lang, "squared distance", "距离的平方"), "", Scale::Log10),
        series: losses.collect(),
        ..Chart::default()
    };
    let charts = vec![
        chart(word(lang, "A learned table, past its length", "可学习位置表，超出训练长度"), ways),
        chart(word(lang, "The other schemes, fitted alike", "同样拟合的其他方案"), others),
        fits,
    ];
    let (verdict, because, margin) = verdict(settings, answers, lang).unwrap_or_default();
    Finding { verdict, because, margin, tables: vec![table], charts }
}

fn verdict(settings: &Settings, answers: &Answers, lang: Lang) -> Option<(Verdict, String, String)> {
    let [trained, twice, _, most] = LONGER.map(|times| times * settings.count("trained"));
    let of = |key: &str, tokens: usize| off(settings, answers, key, tokens);
    // The best of several, once all are there.
    let best = |offs: Vec<(Text, Option<f64>)>| {
        let offs: Option<Vec<(Text, f64)>> = offs.into_iter().map(|(name, off)| Some((name, off?))).collect();
        offs?.into_iter().min_by(|a, b| a.1.total_cmp(&b.1))
    };
    let ways = |tokens: usize| {
        best(WAYS.iter().enumerate().map(|(way, (_, _, name))| (*name, of(&key(way), tokens))).collect())
    };
    let own = of(&key(0), trained)?;
    let ((way, soon), (_, late)) = (ways(twice)?, ways(most)?);
    let (winner, other) = best(OTHERS.iter().map(|other| (other.name, of(other.id, twice))).collect())?;
    let (way, winner) = (way.get(lang), winner.get(lang));
    let verdict = match () {
        () if own > LEARNED => Verdict::NotSettled,
        () if late <= LEARNED => Verdict::Refuted,
        () if soon >= LOST && other <= LEARNED => Verdict::Supported,
        () => Verdict::Depends,
    };
    let [own_told, soon_told, late_told, other_told] = [own, soon, late, other].map(read);
    let because = said(
        lang,
        format!(
            "The table is {own_told} from the wanted output at its {trained} tokens, at best {soon_told} at {twice} ({way}) and {late_told} at {most}. The best of the other schemes ({winner}) is at {other_told} at {twice}."
        ),
        format!(
            "位置表在其 {trained} 个词元处与目标输出相距 {own_told}，在 {twice} 处最好为 {soon_told}（{way}），在 {most} 处为 {late_told}；其他方案中最好的（{winner}）在 {twice} 处为 {other_told}。"
        ),
    );
    let (away, bound) = match verdict {
        Verdict::NotSettled => (own - LEARNED, LEARNED),
        Verdict::Refuted => (LEARNED - late, LEARNED),
        Verdict::Supported => (soon - LOST, LOST),
        _ if other > LEARNED => (other - LEARNED, LEARNED),
        _ => (LOST - soon, LOST),
    };
    let (away, bound) = (read(away.abs()), read(bound));
    let margin = said(
        lang,
        format!("What decides is {away} from the bound of {bound}."),
        format!("起决定作用的数与界限 {bound} 相差 {away}。"),
    );
    Some((verdict, because, margin))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// Puts the wanted output, times a factor, in place of what a scheme gives at a length: off by `|factor − 1|`.
    fn set(settings: &Settings, answers: &mut Answers, key: &str, times: usize, factor: f32) {
        let tokens = times * settings.count("trained");
        let y = answers.ran(&format!("wanted/{tokens}")).map(|ran| ran.outcome.y.clone()).unwrap_or_default();
        if let Some(Answer::Ran(ran)) = answers.get_mut(&format!("{key}/{tokens}")) {
            ran.outcome.y = y.into_iter().map(|x| factor * x).collect();
        }
    }

    /// The table's three ways at the trained length, twice it and eight times it, and the others at twice.
    fn doctor(settings: &Settings, answers: &mut Answers, table: [f32; 3], others: f32) {
        for way in 0..WAYS.len() {
            for (times, factor) in [1, 2, 8].into_iter().zip(table) {
                set(settings, answers, &key(way), times, factor);
            }
        }
        OTHERS.iter().for_each(|of| set(settings, answers, of.id, 2, others));
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("lost at once", Verdict::Supported, |s, answers| doctor(s, answers, [0.9, 0.1, 0.1], 0.9)),
            Case::doctored("kept to the end", Verdict::Refuted, |s, answers| doctor(s, answers, [0.9, 0.9, 0.9], 0.9)),
            Case::doctored("kept for a while", Verdict::Depends, |s, answers| doctor(s, answers, [0.9, 0.7, 0.1], 0.9)),
            Case::doctored("lost by all", Verdict::Depends, |s, answers| doctor(s, answers, [0.9, 0.1, 0.1], 0.1)),
            Case::doctored("never learned", Verdict::NotSettled, |s, answers| {
                doctor(s, answers, [0.5, 0.1, 0.1], 0.9);
            }),
        ]
    }
}
