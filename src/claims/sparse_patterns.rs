//! What sparse patterns save, and what of the output is left.

use super::answer::Answers;
use super::ask::Ask;
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::patterns::{Found, MOST, Pattern, REACH, asks as all_asks, costs, found, full, name, reaches, real};
use super::tools::texts::{layered, layers};
use super::tools::word;
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::catalogue::{Lang, Paper, Text};

/// A pattern cuts the cost where its kernel does at most so much of the dense work.
const CUT: f64 = 0.5;

const PATTERNS: [Pattern; 6] = [
    Pattern { id: "longformer", params: &[("window", 16.0), ("globals", 2.0)], causal: false },
    Pattern { id: "bigbird", params: &[("block", 16.0)], causal: false },
    Pattern { id: "block-sparse", params: &[("block", 16.0)], causal: false },
    Pattern { id: "synaptic", params: &[], causal: true },
    Pattern { id: "fractal", params: &[], causal: true },
    Pattern { id: "clock", params: &[], causal: true },
];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "sparse-patterns",
    title: Text::new("Sparse patterns keep the ability", "稀疏模式保持能力"),
    says: Text::new(
        "Longformer, BigBird, block-sparse, synaptic, fractal and clock patterns cut the cost and keep what the model can do.",
        "Longformer、BigBird、块稀疏、突触、分形与时钟等模式能降低成本并保持模型的能力。",
    ),
    essays: &[Essay::E0, Essay::E2],
    setup: Text::new(
        "Three numbers for each pattern. Cost: pairs that are kept, counted by the kernel, and operations that it does, over several lengths. Loss: the distance of a captured head's output from dense attention of the same direction (patterns that look back only are held against the causal mask). Reach: how many layers it takes until every token has reached every other.",
        "每种模式测三个量。成本：在多个长度上由计算核数出的保留位置对，以及实际运算次数。损失：采集的头的输出与同方向稠密注意力的距离（只向前看的模式与因果掩码相比）。可达：需要多少层才能使每个词元到达其他所有词元。",
    ),
    sliders: &[
        layered(2.0),
        MOST,
        Slider::numbers("error", Text::new("loss still allowed", "允许的损失"), &[0.05, 0.1, 0.2, 0.5, 1.0], 0.1, 0.1),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "A larger tolerance, or heads whose weight lies where a pattern looks. The kernel saves whole tiles only: single distances far apart keep few pairs and still touch nearly every tile.",
        "放宽容许的损失，或换成权重恰好落在模式之内的头。计算核只能跳过整块：分散的单个距离保留的位置对虽少，却几乎触及每个分块。",
    ),
    limits: Text::new(
        "The heads were trained with dense attention, and a pattern is put on them afterwards; a model that is trained with the pattern can adapt, and its ability at a task is not settled by this measurement. Synaptic, fractal and clock patterns have no paper: their definitions are ours. Over a short text a window or a few blocks hold nearly everything, and the loss says little: take the long one.",
        "这些头是在稠密注意力下训练的，模式事后才加上；用该模式训练的模型可以适应，它在任务上的能力无法由此测量判定。突触、分形与时钟模式没有论文定义，此处采用本站的定义。文本很短时，窗口或少数几块已几乎包含全部，损失说明不了什么：请选长文。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "A trained model with window and global tokens matches or beats dense ones on long documents.",
                "窗口加全局词元的模型经训练后，在长文档上与稠密模型相当或更好。",
            ),
            paper: Paper {
                title: "Beltagy et al., Longformer: The Long-Document Transformer",
                year: 2020,
                id: "arXiv:2004.05150",
            },
        },
        Source {
            says: Text::new(
                "Window, global and random blocks make a universal approximator; some tasks need more layers than dense attention.",
                "窗口、全局与随机块可构成通用逼近器；某些任务比稠密注意力需要更多层。",
            ),
            paper: Paper {
                title: "Zaheer et al., Big Bird: Transformers for Longer Sequences",
                year: 2020,
                id: "arXiv:2007.14062",
            },
        },
        Source {
            says: Text::new(
                "Compares efficient models on long inputs: which is best depends on the task.",
                "在长输入上比较各种高效模型：优劣取决于任务。",
            ),
            paper: Paper {
                title: "Tay et al., Long Range Arena: A Benchmark for Efficient Transformers",
                year: 2020,
                id: "arXiv:2011.04006",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let cut = read(100.0 * CUT);
    match lang {
        Lang::En => format!(
            "A pattern keeps the promise where its kernel does at most {cut} % of the operations of dense attention in the same direction, at the most tokens, and the median loss of the captured heads is at most what the slider allows. Supported: all of them do. Depends: some do. Refuted: none does."
        ),
        Lang::Zh => format!(
            "若在最多词元数处，计算核的运算次数不超过同方向稠密注意力的 {cut}%，且采集的头的损失中位数不超过滑块允许的值，则该模式兑现承诺。成立：全部兑现。视条件而定：部分兑现。不成立：无一兑现。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    all_asks(settings, &PATTERNS)
}

fn open(settings: &Settings) -> Vec<Opening> {
    let layer = layers(settings).first().copied().unwrap_or(1);
    vec![
        Opening::new(
            Text::new("Longformer over a captured layer", "采集的一层，Longformer"),
            real(settings, layer, PATTERNS[0].mask()),
        ),
        Opening::new(
            Text::new("BigBird over a captured layer", "采集的一层，BigBird"),
            real(settings, layer, PATTERNS[1].mask()),
        ),
        Opening::new(
            Text::new("synaptic over a captured layer", "采集的一层，突触注意力"),
            real(settings, layer, PATTERNS[3].mask()),
        ),
    ]
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let all: Vec<(&Pattern, Option<Found>)> =
        PATTERNS.iter().map(|pattern| (pattern, found(settings, answers, pattern))).collect();
    let full_reach = match lang {
        Lang::En => format!("layers to full reach, {REACH} tokens"),
        Lang::Zh => format!("{REACH} 个词元完全可达的层数"),
    };
    let mut table = Table::new(
        word(lang, "Cost, loss and reach", "成本、损失与可达"),
        &[
            word(lang, "pattern", "模式"),
            word(lang, "exponent of pairs", "位置对的指数"),
            word(lang, "exponent of operations", "运算次数的指数"),
            word(lang, "pairs, of dense", "位置对／稠密"),
            word(lang, "operations, of dense", "运算次数／稠密"),
            word(lang, "loss, median of heads", "损失，各头中位数"),
            full_reach.as_str(),
        ],
    );
    for (pattern, found) in &all {
        let Some(found) = found else { continue };
        let percent = |share: f64| format!("{} %", read(100.0 * share));
        let [pairs, operations] = found.exponents;
        table.row([
            name(pattern.id, lang),
            read(pairs),
            read(operations),
            percent(found.shares[0]),
            percent(found.shares[1]),
            read(found.error),
            full(&found.reached).map_or_else(|| word(lang, "never", "永不").to_owned(), |layers| layers.to_string()),
        ]);
    }
    let allowed = settings.get("error");
    let place = |(at, (pattern, found)): (usize, &(&Pattern, Option<Found>))| {
        let points = found.iter().map(|found| Point::new(found.shares[1], found.error));
        Series::new(name(pattern.id, lang), Kind::Dots, at, points)
    };
    let losses = Chart {
        title: word(lang, "Loss over cost", "损失与成本").to_owned(),
        x: Axis::new(word(lang, "operations, of dense", "运算次数／稠密"), "", Scale::Log2),
        y: Axis::linear(word(lang, "loss", "损失"), ""),
        series: all.iter().enumerate().map(place).collect(),
        marks: vec![
            Mark::level(allowed, word(lang, "allowed", "允许")),
            Mark::upright(CUT, word(lang, "half the work", "一半的工作")),
        ],
        ..Chart::default()
    };
    let charts = vec![losses, costs(&all, lang), reaches(&all, lang)];
    let whole: Vec<(&str, &Found)> =
        all.iter().filter_map(|(pattern, found)| Some((pattern.id, found.as_ref()?))).collect();
    let (verdict, because, margin) =
        if whole.len() == PATTERNS.len() { verdict(&whole, allowed, lang) } else { Default::default() };
    Finding { verdict, because, margin, tables: vec![table], charts }
}

fn verdict(all: &[(&str, &Found)], allowed: f64, lang: Lang) -> (Verdict, String, String) {
    let cuts = |found: &Found| found.shares[1] <= CUT;
    let kept: Vec<String> =
        all.iter().filter(|(_, found)| cuts(found) && found.error <= allowed).map(|(id, _)| name(id, lang)).collect();
    let cut = all.iter().filter(|(_, found)| cuts(found)).count();
    let near = all.iter().filter(|(_, found)| found.error <= allowed).count();
    let verdict = match kept.len() {
        0 => Verdict::Refuted,
        count if count == all.len() => Verdict::Supported,
        _ => Verdict::Depends,
    };
    let (count, listed) = (all.len(), kept.join(word(lang, ", ", "、")));
    let because = match (lang, verdict) {
        (Lang::En, Verdict::Depends) => format!(
            "It depends on the pattern. Both hold for {listed}; {cut} of {count} cut the cost, {near} keep the output."
        ),
        (Lang::Zh, Verdict::Depends) => {
            format!("取决于模式。两者兼得的有：{listed}；{count} 种中有 {cut} 种降低成本，{near} 种保持输出。")
        }
        (Lang::En, _) => format!(
            "Of {count} patterns {cut} cut the cost, {near} keep the output of captured heads, {} do both.",
            kept.len()
        ),
        (Lang::Zh, _) => {
            format!("{count} 种模式中有 {cut} 种降低成本，{near} 种保持采集的头的输出，{} 种两者兼得。", kept.len())
        }
    };
    let least = all.iter().filter(|(_, found)| cuts(found)).map(|(_, found)| found.error).fold(f64::INFINITY, f64::min);
    let margin = match (lang, least.is_finite()) {
        (Lang::En, true) => format!(
            "The least loss of a pattern that cuts the cost is {}, against {} allowed.",
            read(least),
            read(allowed)
        ),
        (Lang::Zh, true) => format!("降低成本的模式中最小的损失为 {}，允许 {}。", read(least), read(allowed)),
        (Lang::En, false) => "No pattern cuts the cost to half.".to_owned(),
        (Lang::Zh, false) => "没有模式能把成本降到一半。".to_owned(),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::Case;
    use super::super::tools;
    use super::*;

    /// A pattern whose work is small, and whose outputs are a share `off` from the dense ones.
    fn made(settings: &Settings, answers: &mut Answers, pattern: &Pattern, off: f32) {
        tools::doctor::cost(answers, pattern.id, 1.0, 1.0);
        for layer in layers(settings) {
            let key = |id: &str| tools::texts::on(*layer, id);
            tools::doctor::output(answers, &key(pattern.id), &key(pattern.dense()), off);
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("all cheap and near", Verdict::Supported, |settings, answers| {
                PATTERNS.iter().for_each(|pattern| made(settings, answers, pattern, 0.01));
            }),
            Case::doctored("all cheap and far", Verdict::Refuted, |settings, answers| {
                PATTERNS.iter().for_each(|pattern| made(settings, answers, pattern, 0.6));
            }),
            Case::doctored("one cheap and near", Verdict::Depends, |settings, answers| {
                PATTERNS.iter().for_each(|pattern| made(settings, answers, pattern, 0.6));
                made(settings, answers, &PATTERNS[0], 0.01);
            }),
        ]
    }
}
