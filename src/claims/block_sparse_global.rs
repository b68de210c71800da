//! Whether block-sparse attention is linear and nearly global.

use super::answer::Answers;
use super::ask::Ask;
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::patterns::{Found, MOST, Pattern, REACH, asks as all_asks, costs, found, name, random, reaches};
use super::tools::texts::layered;
use super::tools::word;
use crate::analysis::plot::read;
use crate::catalogue::{Lang, Paper, Text};

/// Pairs that grow with an exponent of at most this are linear.
const LINEAR: f64 = 1.2;
/// A pattern that reaches so many of the pairs is nearly global.
const GLOBAL: f64 = 0.99;

const PATTERNS: [Pattern; 4] = [
    Pattern { id: "bigbird", params: &[("block", 16.0)], causal: false },
    Pattern { id: "block-sparse", params: &[("block", 16.0)], causal: false },
    Pattern { id: "random-blocks", params: &[("block", 16.0), ("density", 0.1)], causal: false },
    Pattern { id: "chunked-local", params: &[("chunk", 64.0), ("causal", 0.0)], causal: false },
];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "block-sparse-global",
    title: Text::new("Block-sparse: linear, nearly global", "块稀疏：线性且近乎全局"),
    says: Text::new(
        "Block-sparse attention costs only linear work and still sees nearly everything.",
        "块稀疏注意力只需线性的计算量，却仍能看到近乎全局的内容。",
    ),
    essays: &[Essay::E2],
    setup: Text::new(
        "Four patterns of whole blocks: BigBird (neighbours, a few global and a few random blocks), the butterfly (blocks whose numbers differ in one bit), blocks at random of fixed density, and blocks along the diagonal alone. Measured are the exponents of the pairs that are kept and of the kernel's operations over tokens, the share of pairs that information has reached after a number of layers, and the distance of captured heads' outputs from dense attention.",
        "四种整块模式：BigBird（相邻块、少数全局块与随机块）、蝶形（编号至多相差一个二进制位的块）、固定密度的随机块、以及仅对角线上的块。测量保留的位置对与计算核运算次数随词元数的指数、若干层之后信息到达的位置对份额，以及采集的头的输出与稠密注意力的距离。",
    ),
    sliders: &[
        layered(2.0),
        MOST,
        Slider::numbers("layers", Text::new("layers", "层数"), &[1.0, 2.0, 3.0, 4.0, 6.0, 8.0], 2.0, 2.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "More layers: the butterfly is global after as many as block numbers have bits. A pattern with a fixed number of blocks in a row is linear, one with a fixed share of the blocks is quadratic whatever the share.",
        "增加层数：蝶形在层数等于块编号的二进制位数时即为全局。每行块数固定的模式是线性的；块的份额固定的模式无论份额多小都是平方的。",
    ),
    limits: Text::new(
        "Reach says that a path exists, not that a trained model sends anything along it. The loss is that of heads trained without the pattern; it is shown and does not count in the verdict. Nor do the kernel's operations: its tiles (48 queries by 64 keys) are larger than these blocks of 16, so that over short texts they grow faster than the pairs.",
        "可达只说明存在路径，并不说明训练后的模型会沿它传递信息。损失来自训练时没有该模式的头；仅供参考，不计入结论。计算核的运算次数也不计入：它的分块（48 个查询 × 64 个键）大于这里 16 的块，因此在较短的文本上增长得比位置对更快。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Proves that global tokens keep what dense attention can express at linear cost, and that some tasks then need more layers.",
                "证明全局词元能以线性成本保留稠密注意力的表达能力，但某些任务因此需要更多层。",
            ),
            paper: Paper {
                title: "Zaheer et al., Big Bird: Transformers for Longer Sequences",
                year: 2020,
                id: "arXiv:2007.14062",
            },
        },
        Source {
            says: Text::new(
                "Butterfly patterns of blocks in training: n log n work, every pair after log n factors.",
                "训练中的块蝶形模式：工作量为 n log n，log n 个因子之后覆盖每一对位置。",
            ),
            paper: Paper {
                title: "Dao et al., Pixelated Butterfly: Simple and Efficient Sparse Training for Neural Network Models",
                year: 2021,
                id: "arXiv:2112.00029",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let (linear, global) = (read(LINEAR), read(100.0 * GLOBAL));
    match lang {
        Lang::En => format!(
            "A pattern is linear where the exponent of the pairs that it keeps is at most {linear}, and nearly global where at least {global} % of the pairs are reached after the chosen number of layers (over {REACH} tokens). Supported: every pattern is both. Depends: some are. Refuted: none is."
        ),
        Lang::Zh => format!(
            "保留的位置对的指数不超过 {linear} 视为线性；在所选层数之后（{REACH} 个词元）至少 {global}% 的位置对可达视为近乎全局。成立：每种模式两者兼备。视条件而定：部分兼备。不成立：无一兼备。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    all_asks(settings, &PATTERNS)
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(
            Text::new("BigBird", "BigBird（相邻、全局与随机块）"),
            random(settings, 1, REACH, PATTERNS[0].mask()),
        ),
        Opening::new(Text::new("the butterfly", "蝶形"), random(settings, 1, REACH, PATTERNS[1].mask())),
        Opening::new(Text::new("blocks at random", "随机块"), random(settings, 1, REACH, PATTERNS[2].mask())),
    ]
}

/// The share reached after so many layers; after the last that adds something it stays.
fn after(found: &Found, layers: usize) -> f64 {
    found.reached.get(layers.saturating_sub(1)).or(found.reached.last()).copied().unwrap_or_default()
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let layers = settings.count("layers");
    let all: Vec<(&Pattern, Option<Found>)> =
        PATTERNS.iter().map(|pattern| (pattern, found(settings, answers, pattern))).collect();
    let after_layers = match lang {
        Lang::En => format!("pairs reached, layers: {layers}"),
        Lang::Zh => format!("{layers} 层后可达的位置对"),
    };
    let mut table = Table::new(
        word(lang, "Cost, reach and loss", "成本、可达与损失"),
        &[
            word(lang, "pattern", "模式"),
            word(lang, "exponent of operations", "运算次数的指数"),
            word(lang, "exponent of pairs", "位置对的指数"),
            after_layers.as_str(),
            word(lang, "at last", "最终"),
            word(lang, "loss, median of heads", "损失，各头中位数"),
        ],
    );
    for (pattern, found) in &all {
        let Some(found) = found else { continue };
        let percent = |share: f64| format!("{} %", read(100.0 * share));
        table.row([
            name(pattern.id, lang),
            read(found.exponents[1]),
            read(found.exponents[0]),
            percent(after(found, layers)),
            percent(after(found, usize::MAX)),
            read(found.error),
        ]);
    }
    let whole: Vec<(&str, &Found)> =
        all.iter().filter_map(|(pattern, found)| Some((pattern.id, found.as_ref()?))).collect();
    let (verdict, because, margin) =
        if whole.len() == PATTERNS.len() { verdict(&whole, layers, lang) } else { Default::default() };
    let charts = vec![reaches(&all, lang), costs(&all, lang)];
    Finding { verdict, because, margin, tables: vec![table], charts }
}

fn verdict(all: &[(&str, &Found)], layers: usize, lang: Lang) -> (Verdict, String, String) {
    let linear = |found: &Found| found.exponents[0] <= LINEAR;
    let global = |found: &Found| after(found, layers) >= GLOBAL;
    let listed = |is: &dyn Fn(&Found) -> bool| -> Vec<String> {
        all.iter().filter(|(_, found)| is(found)).map(|(id, _)| name(id, lang)).collect()
    };
    let both = listed(&|found| linear(found) && global(found));
    let verdict = match both.len() {
        0 => Verdict::Refuted,
        count if count == all.len() => Verdict::Supported,
        _ => Verdict::Depends,
    };
    let told = |names: Vec<String>| {
        if names.is_empty() { word(lang, "none", "无").to_owned() } else { names.join(word(lang, ", ", "、")) }
    };
    let (both, lines, globals) = (told(both), told(listed(&linear)), told(listed(&global)));
    let because = match lang {
        Lang::En => format!("Both hold for: {both}. Linear: {lines}. Nearly global (layers: {layers}): {globals}."),
        Lang::Zh => format!("两者兼备：{both}。线性：{lines}。{layers} 层后近乎全局：{globals}。"),
    };
    let nearest = |of: &dyn Fn(&Found) -> f64| all.iter().map(|(_, found)| of(found)).fold(f64::INFINITY, f64::min);
    let exponent = read(nearest(&|found| (found.exponents[0] - LINEAR).abs()));
    let reach = read(100.0 * nearest(&|found| (after(found, layers) - GLOBAL).abs()));
    let margin = match lang {
        Lang::En => format!(
            "The nearest exponent is {exponent} from {}; the nearest reach {reach} points from {} %.",
            read(LINEAR),
            read(100.0 * GLOBAL)
        ),
        Lang::Zh => format!(
            "最接近的指数距 {} 为 {exponent}；最接近的可达份额距 {}% 为 {reach} 个百分点。",
            read(LINEAR),
            read(100.0 * GLOBAL)
        ),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::Case;
    use super::super::tools::doctor;
    use super::super::tools::doctor::cost;
    use super::*;

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("all linear, and everything seen at once", Verdict::Supported, |_, answers| {
                PATTERNS.iter().for_each(|pattern| cost(answers, pattern.id, 100.0, 1.0));
                doctor::runs(answers, |key| key.starts_with("reach/"), |ran| doctor::weights(ran, |_, _| 0.1));
            }),
            Case::doctored("all quadratic", Verdict::Refuted, |_, answers| {
                PATTERNS.iter().for_each(|pattern| cost(answers, pattern.id, 1.0, 2.0));
            }),
            Case::doctored("one linear and seeing everything", Verdict::Depends, |_, answers| {
                PATTERNS.iter().for_each(|pattern| cost(answers, pattern.id, 1.0, 2.0));
                cost(answers, "bigbird", 100.0, 1.0);
                doctor::runs(answers, |key| key == "reach/bigbird", |ran| doctor::weights(ran, |_, _| 0.1));
            }),
        ]
    }
}
