//! Whether attention without position encodings knows the order of its tokens.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{apart, normal, permuted, reordered, shuffled, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::catalogue::{Lang, Paper, Text, mask, position};
use crate::experiment::{Choice, Experiment, MaskChoice};

/// Outputs that differ by no more than so much of their length are the same: what is left are sums of singles in another order.
const SAME: f64 = 1e-5;
/// Outputs that differ by more are different.
const OTHER: f64 = 1e-2;
/// Heads and their size.
const HEADS: [usize; 2] = [2, 32];

/// What is compared: id, mask, position scheme.
const WAYS: [(&str, &str, &str); 7] = [
    ("none", "none", "none"),
    ("causal", "causal", "none"),
    ("sinusoidal", "none", "sinusoidal"),
    ("learned", "none", "learned"),
    ("rope", "none", "rope"),
    ("alibi", "none", "alibi"),
    ("t5", "none", "t5"),
];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "order-blind",
    title: Text::new("Blind to order without positions", "无位置编码则不辨顺序"),
    says: Text::new(
        "Without position encodings attention can't see the order of its tokens.",
        "没有位置编码时，注意力无法感知词元的顺序。",
    ),
    essays: &[Essay::E0, Essay::E2],
    setup: Text::new(
        "Queries, keys and values of random tokens are computed once as they are and once with the tokens in another order. Where the order is invisible, the outputs are the same rows in that other order. The distance of the two, relative to the output, is measured without positions, with a causal mask alone, and with position schemes.",
        "随机词元的查询、键与值先按原顺序计算一次，再打乱词元顺序计算一次。若顺序不可见，两次输出应是同样的行、只是次序随之改变。在无位置编码、仅有因果掩码、以及各种位置方案下，测量两者之差相对于输出的大小。",
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
        "A mask that is not symmetric, such as the causal one, lets the order through without any encoding; so the verdict is another for decoders than for encoders.",
        "不对称的掩码（如因果掩码）即使没有任何编码也会透出顺序，因此对解码器与编码器的结论不同。",
    ),
    limits: Text::new(
        "One attention layer is measured. Whether a trained stack of causal layers makes good use of the order that its mask lets through takes training.",
        "这里只测一层注意力。经过训练的多层因果模型能否善用掩码透出的顺序，需要训练才能知道。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Adds encodings because the model has no recurrence and no convolution to tell the order by.",
                "因模型既无循环也无卷积来体现顺序，故加入位置编码。",
            ),
            paper: Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" },
        },
        Source {
            says: Text::new(
                "Proves that Transformers without encodings commute with permutations of their tokens.",
                "证明无位置编码的 Transformer 与词元置换可交换（置换等变）。",
            ),
            paper: Paper {
                title: "Yun et al., Are Transformers universal approximators of sequence-to-sequence functions?",
                year: 2020,
                id: "arXiv:1912.10077",
            },
        },
        Source {
            says: Text::new(
                "Causal language models without any encoding learn positions nevertheless.",
                "没有任何位置编码的因果语言模型仍能学到位置信息。",
            ),
            paper: Paper {
                title: "Haviv et al., Transformer Language Models without Positional Encodings Still Learn Positional Information",
                year: 2022,
                id: "arXiv:2203.16634",
            },
        },
    ],
    measured: true,
};

fn experiment(settings: &Settings, mask: &str, position: &str) -> Experiment {
    let [heads, size] = HEADS;
    let input = normal(square(heads, settings.count("n"), size), settings.seed());
    Experiment { mask: MaskChoice::of(mask), position: Choice::of(position), ..subject(input) }
}

fn rule(lang: Lang) -> String {
    let (same, other) = (read(SAME), read(OTHER));
    match lang {
        Lang::En => format!(
            "The order is invisible where the outputs differ by at most {same} of their length, and visible above {other}. Supported: invisible without positions, with and without a causal mask. Depends: invisible without a mask, visible through the causal mask alone. Refuted: visible with neither mask nor positions."
        ),
        Lang::Zh => format!(
            "输出之差不超过其长度的 {same} 视为顺序不可见，超过 {other} 视为可见。成立：无位置编码时，有无因果掩码均不可见。视条件而定：无掩码时不可见，仅凭因果掩码即可见。不成立：既无掩码也无位置编码时仍可见。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let both = |(id, mask, position): (&str, &str, &str)| {
        let experiment = experiment(settings, mask, position);
        let other = Ask::run(format!("{id}/permuted"), experiment.clone()).altered(permuted(settings.seed()));
        [Ask::run(id, experiment), other]
    };
    WAYS.into_iter().flat_map(both).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(Text::new("no mask, no positions", "无掩码、无位置编码"), experiment(settings, "none", "none")),
        Opening::new(Text::new("causal mask alone", "仅因果掩码"), experiment(settings, "causal", "none")),
        Opening::new(Text::new("rotary positions", "旋转位置编码"), experiment(settings, "none", "rope")),
    ]
}

/// How far the outputs are from being the same rows in another order.
fn moved(settings: &Settings, answers: &Answers, id: &str) -> Option<f64> {
    let (plain, other) = (answers.ran(id)?, answers.ran(&format!("{id}/permuted"))?);
    let dims = plain.outcome.dims;
    let order = shuffled(dims.n_q, settings.seed());
    apart(&other.outcome.y, &reordered(&plain.outcome.y, dims.q_heads, dims.d_v, &order))
}

/// What a way is called.
fn name(id: &str, lang: Lang) -> String {
    let found = match id {
        "none" => return word(lang, "nothing", "无").to_owned(),
        "causal" => mask(id).map(|entry| entry.name),
        _ => position(id).map(|entry| entry.name),
    };
    found.map_or_else(|| id.to_owned(), |name| name.get(lang).to_owned())
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let measured: Vec<Option<f64>> = WAYS.iter().map(|(id, ..)| moved(settings, answers, id)).collect();
    let title = word(lang, "How much the outputs tell of the order", "输出透露了多少顺序信息");
    let mut table = Table::new(
        title,
        &[word(lang, "what tells the order", "顺序信息来源"), word(lang, "difference of outputs", "输出之差"), ""],
    );
    for ((id, ..), moved) in WAYS.iter().zip(&measured) {
        let seen = match moved {
            Some(moved) if *moved <= SAME => word(lang, "invisible", "不可见"),
            Some(moved) if *moved > OTHER => word(lang, "visible", "可见"),
            Some(_) => word(lang, "between", "介于两者之间"),
            None => "",
        };
        table.row([name(id, lang), moved.map_or_else(String::new, read), seen.to_owned()]);
    }
    let points = measured.iter().enumerate().map(|(at, moved)| Point::new(at as f64, moved.unwrap_or(f64::NAN)));
    let across = WAYS.iter().map(|(id, ..)| name(id, lang)).collect();
    let chart = Chart {
        title: title.to_owned(),
        x: Axis::named(word(lang, "what tells the order", "顺序信息来源"), across),
        y: Axis::new(word(lang, "difference of outputs", "输出之差"), "", Scale::Log10),
        series: vec![Series::new(word(lang, "difference", "差"), Kind::Dots, 0, points)],
        marks: vec![
            Mark::level(SAME, word(lang, "invisible below", "低于此值不可见")),
            Mark::level(OTHER, word(lang, "visible above", "高于此值可见")),
        ],
        ..Chart::default()
    };
    let (verdict, because, margin) = match (measured[0], measured[1]) {
        (Some(plain), Some(causal)) => verdict(plain, causal, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(plain: f64, causal: f64, lang: Lang) -> (Verdict, String, String) {
    let (p, c) = (read(plain), read(causal));
    let (verdict, because) = match (plain, causal) {
        _ if plain > OTHER => (
            Verdict::Refuted,
            match lang {
                Lang::En => format!("With neither mask nor positions the outputs still differ by {p}."),
                Lang::Zh => format!("既无掩码也无位置编码时，输出之差仍为 {p}。"),
            },
        ),
        _ if plain <= SAME && causal > OTHER => (
            Verdict::Depends,
            match lang {
                Lang::En => format!(
                    "It depends on the mask. Without one the outputs are the same rows in another order (difference {p}); a causal mask alone lets the order through ({c})."
                ),
                Lang::Zh => format!(
                    "取决于掩码。无掩码时输出只是同样的行换了次序（差 {p}）；仅有因果掩码即透出顺序（差 {c}）。"
                ),
            },
        ),
        _ if plain <= SAME && causal <= SAME => (
            Verdict::Supported,
            match lang {
                Lang::En => format!("With and without a causal mask the outputs do not tell the order ({c}, {p})."),
                Lang::Zh => format!("无论有无因果掩码，输出都不透露顺序（{c}，{p}）。"),
            },
        ),
        _ => (
            Verdict::NotSettled,
            match lang {
                Lang::En => {
                    format!("The differences ({p} without, {c} with a causal mask) lie between the two bounds.")
                }
                Lang::Zh => format!("差值（无掩码 {p}，因果掩码 {c}）介于两个界限之间。"),
            },
        ),
    };
    let (below, above) = (read(SAME / plain.max(f64::MIN_POSITIVE)), read(causal / OTHER));
    let margin = match lang {
        Lang::En => {
            format!("Without a mask {below} times below the bound; with a causal mask {above} times the other.")
        }
        Lang::Zh => format!("无掩码时低于界限 {below} 倍；因果掩码时为另一界限的 {above} 倍。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// Makes the second run of a way the first one's rows in their new order: what blind attention gives.
    fn blind(settings: &Settings, answers: &mut Answers, id: &str) {
        let plain = answers.ran(id).map(|ran| (ran.outcome.y.clone(), ran.outcome.dims));
        if let (Some((y, dims)), Some(Answer::Ran(other))) = (plain, answers.get_mut(&format!("{id}/permuted"))) {
            other.outcome.y = reordered(&y, dims.q_heads, dims.d_v, &shuffled(dims.n_q, settings.seed()));
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::plain(Verdict::Depends),
            Case::doctored("the causal mask hides the order", Verdict::Supported, |settings, answers| {
                blind(settings, answers, "causal");
            }),
            Case::doctored("a kernel that adds its row's number", Verdict::Refuted, |_, answers| {
                for (_, answer) in answers.iter_mut() {
                    if let Answer::Ran(ran) = answer {
                        let width = ran.outcome.dims.d_v;
                        ran.outcome.y.iter_mut().enumerate().for_each(|(i, y)| *y += (i / width) as f32);
                    }
                }
            }),
        ]
    }
}
