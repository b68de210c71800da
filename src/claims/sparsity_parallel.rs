//! Whether a sparse pattern gives up the machine's efficiency: pairs at random against blocks at random.

use super::answer::{Answers, Timed};
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::patterns::{counting, name, pairs, pattern};
use super::tools::{normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Point, Scale, Series, read};
use crate::analysis::statistics::{Interval, of_ratio};
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Algorithm, Backend, EngineChoice, Experiment, MaskChoice};

/// Densities of the patterns, in parts of one.
const DENSITIES: [f64; 4] = [0.5, 0.25, 0.125, 0.0625];
const HEADS: [usize; 2] = [2, 64];
/// Of the work left out, time follows at least for so much: a pattern that keeps a tenth of the pairs takes at most a fifth of the time.
const KEPT: f64 = 0.5;
const PATTERNS: [&str; 2] = ["random", "random-blocks"];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "sparsity-parallel",
    title: Text::new("Sparse weights run inefficiently", "稀疏权重降低并行效率"),
    says: Text::new(
        "A sparse weight matrix lowers the efficiency of parallel hardware.",
        "稀疏的权重矩阵会降低并行计算的效率。",
    ),
    essays: &[Essay::E0],
    setup: Text::new(
        "Dense attention is timed, and the same with patterns of falling density: pairs drawn at random, and whole blocks drawn at random. The pairs that each keeps are counted by the kernel. Efficiency is the speed-up over dense attention times the share of pairs that is kept: 1 where time falls as the work does. Dense and blocks are also timed on one worker and on all.",
        "对稠密注意力计时，再对密度递减的模式计时：逐对随机抽取，以及整块随机抽取。各自保留的位置对由计算核计数。效率等于相对稠密的加速比乘以保留的位置对份额：用时与工作量同比下降时为 1。稠密与分块模式还分别用一个线程与全部线程计时。",
    ),
    sliders: &[
        Slider::numbers("n", Text::new("tokens", "词元数"), &[384.0, 768.0, 1536.0, 3072.0, 6144.0], 1536.0, 3072.0),
        Slider::numbers("block", Text::new("block", "块大小"), &[16.0, 64.0, 192.0], 192.0, 192.0),
        Slider::choice(
            "engine",
            Text::new("engine", "计算引擎"),
            &[0.0, 1.0],
            &[Text::new("CPU", "CPU 引擎"), Text::new("WebGPU", "WebGPU 引擎")],
        ),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Blocks smaller than a kernel's tile (48 queries by 64 keys on the CPU, 64 by 64 on the GPU) leave few tiles empty and approach pairs at random: move the slider.",
        "块小于计算核的分块（CPU 为 48 个查询 × 64 个键，GPU 为 64 × 64）时，空的分块很少，结果接近逐对随机：可移动滑块查看。",
    ),
    limits: Text::new(
        "Times are of this machine and of these kernels, which skip empty tiles and compute mixed ones whole. Formats of sparse matrices that gather single pairs are another kernel and are not measured.",
        "用时属于本机与这些计算核：它们跳过空的分块，部分保留的分块则整块计算。逐对收集的稀疏矩阵格式属于另一种计算核，这里没有测量。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Chooses sparsity by blocks because hardware wants dense tiles.",
                "以块为单位稀疏，因为硬件适合稠密分块。",
            ),
            paper: Paper {
                title: "Child et al., Generating Long Sequences with Sparse Transformers",
                year: 2019,
                id: "arXiv:1904.10509",
            },
        },
        Source {
            says: Text::new(
                "Its block-sparse kernel takes time in proportion to the blocks that are kept.",
                "其块稀疏计算核的用时与保留的块成正比。",
            ),
            paper: Paper {
                title: "Dao et al., FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness",
                year: 2022,
                id: "arXiv:2205.14135",
            },
        },
    ],
    measured: true,
};

fn experiment(settings: &Settings, id: &str, density: f64) -> Experiment {
    let mask = match id {
        "random" => pattern(id, &[("density", density)]),
        "random-blocks" => pattern(id, &[("density", density), ("block", settings.get("block"))]),
        _ => MaskChoice::of("none"),
    };
    let backend = if settings.count("engine") == 1 { Backend::Webgpu } else { Backend::Cpu };
    let input = normal(square(HEADS[0], settings.count("n"), HEADS[1]), settings.seed());
    let engine = EngineChoice { backend, algorithm: Algorithm::Streaming, ..EngineChoice::default() };
    Experiment { mask, engine, seed: settings.seed(), ..subject(input) }
}

fn rule(lang: Lang) -> String {
    let (kept, least) = (read(KEPT), read(DENSITIES[3]));
    match lang {
        Lang::En => format!(
            "Efficiency at density {least}, with its interval (95 of 100, by bootstrap): below {kept} it is low, above it is kept. Supported: low for pairs and for blocks at random. Depends: low for pairs, kept for blocks. Refuted: kept for both. Where an interval spans {kept}, or pairs are kept and blocks low: not settled."
        ),
        Lang::Zh => format!(
            "取密度 {least} 处的效率及其区间（95%，自助抽样）：低于 {kept} 为低，高于它为保持。成立：逐对随机与分块随机均低。视条件而定：逐对低而分块保持。不成立：两者均保持。区间跨越 {kept}，或逐对保持而分块低：无法判定。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let dense = experiment(settings, "none", 1.0);
    let mut asks = Vec::new();
    for (line, id) in PATTERNS.iter().enumerate() {
        for density in DENSITIES {
            let one = experiment(settings, id, density);
            asks.push(Ask::run(format!("count/{id}/{density}"), one.clone()).altered(counting()));
            asks.push(Ask::time(format!("{id}/{density}"), 1 + line, density, one));
        }
    }
    asks.push(Ask::time("dense", 0, 1.0, dense.clone()));
    let blocks = experiment(settings, "random-blocks", DENSITIES[1]);
    asks.push(Ask::time("one/dense", 3, 1.0, dense).on(1));
    asks.push(Ask::time("one/random-blocks", 4, DENSITIES[1], blocks).on(1));
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(Text::new("pairs at random", "逐对随机"), experiment(settings, "random", DENSITIES[1])),
        Opening::new(Text::new("blocks at random", "分块随机"), experiment(settings, "random-blocks", DENSITIES[1])),
    ]
}

/// Of a pattern at a density.
struct Measured {
    density: f64,
    /// Share of the pairs that are kept.
    share: f64,
    ms: f64,
    speed_up: f64,
    efficiency: [f64; 3],
}

fn measured(settings: &Settings, answers: &Answers, id: &str, density: f64) -> Option<Measured> {
    let counted = answers.ran(&format!("count/{id}/{density}"))?;
    let dims = counted.outcome.dims;
    let share = pairs(counted) / (dims.rows() * dims.n_k) as f64;
    let (dense, sparse) = (answers.timed("dense")?, answers.timed(&format!("{id}/{density}"))?);
    let (ratio, interval) = of_ratio(&dense.summary.samples, &sparse.summary.samples, settings.seed())?;
    let Interval { low, high } = interval.unwrap_or(Interval { low: ratio, high: ratio });
    let efficiency = [low, ratio, high].map(|ratio| ratio * share);
    Some(Measured { density, share, ms: sparse.summary.median, speed_up: ratio, efficiency })
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let all: Vec<(&str, Vec<Measured>)> = PATTERNS
        .iter()
        .map(|id| (*id, DENSITIES.iter().filter_map(|density| measured(settings, answers, id, *density)).collect()))
        .collect();
    let mut table = Table::new(
        word(lang, "Speed-up over dense attention", "相对稠密注意力的加速比"),
        &[
            word(lang, "pattern", "模式"),
            word(lang, "density asked for", "指定密度"),
            word(lang, "pairs kept", "保留的位置对"),
            word(lang, "time, ms", "用时，毫秒"),
            word(lang, "speed-up", "加速比"),
            word(lang, "efficiency", "效率"),
        ],
    );
    let mut series = Vec::new();
    for (slot, (id, measured)) in all.iter().enumerate() {
        for one in measured {
            let kept = format!("{} %", read(100.0 * one.share));
            let numbers = [read(one.ms), read(one.speed_up), read(one.efficiency[1])];
            table.row([name(id, lang), read(one.density), kept].into_iter().chain(numbers));
        }
        let points = measured.iter().map(|one| {
            let [low, at, high] = one.efficiency.map(|efficiency| efficiency / one.share);
            Point::between(one.share, low, at, high)
        });
        series.push(Series::new(name(id, lang), Kind::Line, slot, points));
    }
    let ideal = DENSITIES.iter().map(|density| Point::new(*density, 1.0 / density));
    series.push(Series::new(word(lang, "as the work falls", "与工作量同比"), Kind::Theory, 2, ideal));
    let chart = Chart {
        title: word(lang, "Speed-up over density", "加速比与密度").to_owned(),
        x: Axis::new(word(lang, "pairs kept", "保留的位置对"), "", Scale::Log2),
        y: Axis::new(word(lang, "speed-up", "加速比"), "", Scale::Log2),
        series,
        ..Chart::default()
    };
    let mut workers = Table::new(
        word(lang, "All workers against one", "全部线程与单线程"),
        &[
            "",
            word(lang, "one, ms", "单线程，毫秒"),
            word(lang, "all, ms", "全部，毫秒"),
            word(lang, "speed-up", "加速比"),
        ],
    );
    let both = [
        ("dense", "one/dense".to_owned(), "dense".to_owned()),
        ("random-blocks", "one/random-blocks".to_owned(), format!("random-blocks/{}", DENSITIES[1])),
    ];
    for (id, one, many) in both {
        let ms = |key: &str| answers.timed(key).map(|timed: &Timed| timed.summary.median);
        let (one, many) = (ms(&one), ms(&many));
        let called = if id == "dense" { word(lang, "dense", "稠密").to_owned() } else { name(id, lang) };
        let told = |ms: Option<f64>| ms.map_or_else(String::new, read);
        workers.row([called, told(one), told(many), told(one.zip(many).map(|(one, many)| one / many))]);
    }
    let last =
        |at: usize| all.get(at).and_then(|(_, measured)| measured.get(DENSITIES.len() - 1)).map(|one| one.efficiency);
    let (verdict, because, margin) = match (last(0), last(1)) {
        (Some(element), Some(block)) => verdict(element, block, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table, workers], charts: vec![chart] }
}

fn verdict(element: [f64; 3], block: [f64; 3], lang: Lang) -> (Verdict, String, String) {
    let (low, kept) = (|[_, _, high]: [f64; 3]| high < KEPT, |[low, ..]: [f64; 3]| low > KEPT);
    let verdict = match () {
        () if low(element) && low(block) => Verdict::Supported,
        () if low(element) && kept(block) => Verdict::Depends,
        () if kept(element) && kept(block) => Verdict::Refuted,
        () => Verdict::NotSettled,
    };
    let [e, b] = [element, block].map(|[_, at, _]| read(at));
    let because = match (lang, verdict) {
        (Lang::En, Verdict::Depends) => format!(
            "It depends on where the pairs lie: of the work left out, pairs at random give back little (efficiency {e}), whole blocks much ({b})."
        ),
        (Lang::Zh, Verdict::Depends) => {
            format!("取决于位置对的分布：逐对随机省下的工作几乎换不来时间（效率 {e}），整块则可以（{b}）。")
        }
        (Lang::En, _) => format!("The efficiency is {e} for pairs at random and {b} for blocks."),
        (Lang::Zh, _) => format!("逐对随机的效率为 {e}，分块随机为 {b}。"),
    };
    let off = [element, block].map(|all| all.iter().map(|at| (at - KEPT).abs()).fold(f64::INFINITY, f64::min));
    let off = read(off[0].min(off[1]));
    let margin = match lang {
        Lang::En => format!("The nearest end of an interval is {off} from {}.", read(KEPT)),
        Lang::Zh => format!("最近的区间端点距 {} 为 {off}。", read(KEPT)),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Case, times};
    use super::*;

    pub fn cases() -> Vec<Case> {
        // Counted pairs are a little more than the density that was asked for; diagonals are always kept.
        vec![
            Case::doctored("blocks that skip, pairs that don't", Verdict::Depends, |_, answers| {
                times(answers, "dense", |_| 8.0);
                times(answers, "random/", |_| 8.0);
                times(answers, "random-blocks/", |density| 8.0 * density);
            }),
            Case::doctored("nothing is skipped", Verdict::Supported, |_, answers| {
                times(answers, "dense", |_| 8.0);
                times(answers, "random", |_| 8.0);
            }),
            Case::doctored("time falls as the work", Verdict::Refuted, |_, answers| {
                times(answers, "dense", |_| 8.0);
                times(answers, "random", |density| 8.0 * density);
            }),
        ]
    }
}
