//! How time and memory of the forward pass grow with the number of tokens.

use super::answer::{Answers, Timed};
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Point, Scale, Series, read};
use crate::analysis::statistics::{Fit, Interval, exponent, power_law};
use crate::attention::{Dims, Memory};
use crate::catalogue::{Lang, Paper, Text};
use crate::engine::TILE;
use crate::experiment::{Algorithm, Backend, EngineChoice, Experiment, MaskChoice};
use crate::formula::Sorted;

/// An exponent within so much of 2 is a square.
const NEAR: f64 = 0.3;
/// Places of the axis: the most tokens, and half as many each time.
const PLACES: u32 = 4;
/// Heads that are timed.
const HEADS: usize = 2;
/// Keys of the sliding window.
const WINDOW: f64 = 64.0;

/// A way of computing the output.
struct Way {
    id: &'static str,
    name: Text,
    mask: &'static str,
    algorithm: Algorithm,
}

static WAYS: [Way; 5] = [
    Way {
        id: "streaming",
        name: Text::new("dense, streaming", "稠密，流式"),
        mask: "none",
        algorithm: Algorithm::Streaming,
    },
    Way {
        id: "materialised",
        name: Text::new("dense, materialised", "稠密，物化"),
        mask: "none",
        algorithm: Algorithm::Materialised,
    },
    Way {
        id: "window",
        name: Text::new("sliding window", "滑动窗口"),
        mask: "sliding-window",
        algorithm: Algorithm::Streaming,
    },
    Way {
        id: "longformer",
        name: Text::new("Longformer", "Longformer 模式"),
        mask: "longformer",
        algorithm: Algorithm::Streaming,
    },
    Way {
        id: "bigbird", name: Text::new("BigBird", "BigBird 模式"), mask: "bigbird", algorithm: Algorithm::Streaming
    },
];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "forward-quadratic",
    title: Text::new("Time and memory grow with n²", "时间与内存随 n² 增长"),
    says: Text::new(
        "Time and memory of the forward pass grow with the square of the number of tokens.",
        "前向计算的时间与内存随词元数的平方增长。",
    ),
    essays: &[Essay::E0, Essay::E2],
    setup: Text::new(
        "The output is computed over random tokens at several lengths: dense, streaming and materialised, and under three sparse patterns. A power law is fitted to each way's times and to the bytes that it allocates.",
        "在多个长度的随机词元上计算输出：稠密（流式与物化），以及三种稀疏模式。对每种方式的用时与所分配的字节数分别拟合幂律。",
    ),
    sliders: &[
        Slider::numbers(
            "n",
            Text::new("most tokens", "最多词元数"),
            &[512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0],
            2048.0,
            8192.0,
        ),
        Slider::numbers("d", Text::new("head size", "头维度"), &[32.0, 64.0, 128.0], 64.0, 64.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Who keeps the whole score matrix, as a library without fused kernels does, has its n² bytes for every head. Who streams, or skips what a pattern masks, has not.",
        "若保存整个分数矩阵（没有融合计算核的库就是如此），则每个头需 n² 的内存。流式计算，或跳过模式所屏蔽的部分，则不需要。",
    ),
    limits: Text::new(
        "Times are this machine's. Exponents at small n are lower than at large n, as what does not grow counts more there. How well a pattern replaces dense attention is another claim's.",
        "用时属于本机。n 小时指数偏低，因为不随 n 增长的部分占比更大。某种模式能多好地替代稠密注意力，由另一论断测量。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Names n²·d operations per layer, against n·d² of a recurrent one.",
                "给出每层 n²·d 的运算量，循环层为 n·d²。",
            ),
            paper: Paper {
                title: "Vaswani et al., Attention Is All You Need, table 1",
                year: 2017,
                id: "arXiv:1706.03762",
            },
        },
        Source {
            says: Text::new(
                "Computes exact attention with memory of the order of √n, or n in practice.",
                "以 √n 量级（实际为 n）的内存计算精确注意力。",
            ),
            paper: Paper {
                title: "Rabe and Staats, Self-attention Does Not Need O(n²) Memory",
                year: 2021,
                id: "arXiv:2112.05682",
            },
        },
        Source {
            says: Text::new(
                "Proves that no algorithm computes attention in less than about n² in general, if a common conjecture holds.",
                "证明在常用猜想成立时，一般而言没有算法能以明显低于 n² 的时间计算注意力。",
            ),
            paper: Paper {
                title: "Duman Keles et al., On The Computational Complexity of Self-Attention",
                year: 2022,
                id: "arXiv:2209.04881",
            },
        },
    ],
    measured: true,
};

fn places(settings: &Settings) -> Vec<usize> {
    (0..PLACES).rev().map(|halvings| settings.count("n") >> halvings).collect()
}

fn experiment(settings: &Settings, way: &Way, n: usize) -> Experiment {
    let mut mask = MaskChoice::of(way.mask);
    if way.id == "window" {
        mask.params = Sorted::from([("window".to_owned(), WINDOW)]);
    }
    Experiment {
        mask,
        engine: EngineChoice { backend: Backend::Cpu, algorithm: way.algorithm, ..EngineChoice::default() },
        ..subject(normal(square(HEADS, n, settings.count("d")), settings.seed()))
    }
}

fn rule(lang: Lang) -> String {
    let near = read(NEAR);
    match lang {
        Lang::En => format!(
            "An exponent within {near} of 2 is a square. Supported: dense times and the bytes of every way grow with a square. Refuted: dense times do not, with the whole interval of both. Depends: dense times do, and memory or a pattern does not."
        ),
        Lang::Zh => format!(
            "指数与 2 相差不超过 {near} 即为平方。成立：稠密用时与每种方式的字节数都按平方增长。不成立：两种稠密方式的用时（整个区间）都不按平方增长。视条件而定：稠密用时按平方增长，而内存或某种模式不然。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let of = |(line, way): (usize, &'static Way)| {
        let ask = move |n: usize| Ask::time(format!("{}/{n}", way.id), line, n as f64, experiment(settings, way, n));
        places(settings).into_iter().map(ask).collect::<Vec<Ask>>()
    };
    WAYS.iter().enumerate().flat_map(of).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    let n = settings.count("n").min(1024);
    vec![
        Opening::new(Text::new("dense", "稠密"), experiment(settings, &WAYS[0], n)),
        Opening::new(Text::new("sliding window", "滑动窗口"), experiment(settings, &WAYS[2], n)),
    ]
}

/// Bytes that a way allocates in all, on one worker.
fn bytes(settings: &Settings, way: &Way, n: usize) -> f64 {
    let d = settings.count("d");
    let dims = Dims { batch: 1, q_heads: HEADS, kv_heads: HEADS, n_q: n, n_k: n, d, d_v: d };
    Memory::of(&dims, way.algorithm, TILE).total(1)
}

/// Bytes of the score matrix of every head, where it is kept.
fn kept(n: usize) -> f64 {
    4.0 * (HEADS * n * n) as f64
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let w = |en, zh| word(lang, en, zh);
    let places = places(settings);
    let times: Vec<Vec<Timed>> = WAYS
        .iter()
        .map(|way| places.iter().filter_map(|n| answers.timed(&format!("{}/{n}", way.id)).cloned()).collect())
        .collect();
    let laws: Vec<Option<Fit>> = times
        .iter()
        .map(|times| {
            let samples: Vec<(f64, &[f64])> =
                times.iter().map(|time| (time.x, time.summary.samples.as_slice())).collect();
            if samples.len() > 2 { power_law(&samples, settings.seed()) } else { None }
        })
        .collect();
    let memory = |of: &dyn Fn(usize) -> f64| {
        exponent(&places.iter().map(|&n| (n as f64, of(n))).collect::<Vec<_>>()).unwrap_or_default()
    };
    let room: Vec<f64> = WAYS.iter().map(|way| memory(&|n| bytes(settings, way, n))).collect();
    let mut table = Table::new(
        w("Exponents", "指数"),
        &[
            w("way", "方式"),
            w("time", "时间"),
            w("interval", "区间"),
            w("bytes", "字节"),
            w("at the most tokens, ms", "词元最多时，毫秒"),
        ],
    );
    let none = String::new;
    for ((way, law), (times, bytes)) in WAYS.iter().zip(&laws).zip(times.iter().zip(&room)) {
        let interval = law.and_then(|law| law.interval);
        table.row([
            way.name.get(lang).to_owned(),
            law.map_or_else(none, |law| read(law.exponent)),
            interval.map_or_else(none, |at| format!("{} – {}", read(at.low), read(at.high))),
            read(*bytes),
            times.last().map_or_else(none, |time| read(time.summary.median)),
        ]);
    }
    table.row([
        w("a score matrix that is kept", "保存整个分数矩阵").to_owned(),
        none(),
        none(),
        read(memory(&kept)),
        none(),
    ]);
    let point = |time: &Timed| match time.summary.interval {
        Some(Interval { low, high }) => Point::between(time.x, low, time.summary.median, high),
        None => Point::new(time.x, time.summary.median),
    };
    let line = |(slot, (way, times)): (usize, (&Way, &Vec<Timed>))| {
        Series::new(way.name.get(lang), Kind::Line, slot, times.iter().map(point))
    };
    let tokens = || Axis::new(w("tokens", "词元数"), "", Scale::Log2);
    let charts = vec![
        Chart {
            title: w("Time over tokens", "用时与词元数").to_owned(),
            x: tokens(),
            y: Axis::new(w("time", "用时"), w("ms", "毫秒"), Scale::Log10),
            series: WAYS.iter().zip(&times).enumerate().map(line).collect(),
            ..Chart::default()
        },
        Chart {
            title: w("Memory over tokens", "内存与词元数").to_owned(),
            x: tokens(),
            y: Axis::new(w("memory", "内存"), "MB", Scale::Log10),
            series: {
                let megabytes = |of: &dyn Fn(usize) -> f64| -> Vec<Point> {
                    places.iter().map(|&n| Point::new(n as f64, of(n) / f64::from(1 << 20))).collect()
                };
                vec![
                    Series::new(w("streaming", "流式"), Kind::Line, 0, megabytes(&|n| bytes(settings, &WAYS[0], n))),
                    Series::new(
                        w("materialised, a band at a time", "物化，逐条带"),
                        Kind::Line,
                        1,
                        megabytes(&|n| bytes(settings, &WAYS[1], n)),
                    ),
                    Series::new(
                        w("a score matrix that is kept", "保存整个分数矩阵"),
                        Kind::Theory,
                        2,
                        megabytes(&kept),
                    ),
                ]
            },
            ..Chart::default()
        },
    ];
    let fits: Vec<Fit> = laws.iter().copied().flatten().collect();
    let (verdict, because, margin) =
        if fits.len() == WAYS.len() { verdict(&fits, &room, lang) } else { Default::default() };
    Finding { verdict, because, margin, tables: vec![table], charts }
}

fn verdict(fits: &[Fit], room: &[f64], lang: Lang) -> (Verdict, String, String) {
    let square = |exponent: f64| (exponent - 2.0).abs() <= NEAR;
    let (dense, patterns) = fits.split_at(2);
    let outside = |fit: &Fit| fit.interval.is_some_and(|at| at.low > 2.0 + NEAR || at.high < 2.0 - NEAR);
    let verdict = if dense.iter().all(outside) {
        Verdict::Refuted
    } else if !dense.iter().all(|fit| square(fit.exponent)) {
        Verdict::NotSettled
    } else if room.iter().all(|of| square(*of)) && patterns.iter().all(|fit| square(fit.exponent)) {
        Verdict::Supported
    } else {
        Verdict::Depends
    };
    let told: Vec<String> = fits.iter().map(|fit| read(fit.exponent)).collect();
    let bytes = read(room.iter().copied().fold(0.0, f64::max));
    let because = match (verdict, lang) {
        (Verdict::Depends, Lang::En) => format!(
            "It depends on how it is computed. Dense times grow with powers {} and {}, patterns with {}, {} and {}; memory grows with {bytes} at most, unless the score matrix is kept (2).",
            told[0], told[1], told[2], told[3], told[4]
        ),
        (Verdict::Depends, Lang::Zh) => format!(
            "取决于计算方式。稠密用时的指数为 {} 与 {}，各模式为 {}、{} 与 {}；内存的指数至多为 {bytes}，除非保存整个分数矩阵（2）。",
            told[0], told[1], told[2], told[3], told[4]
        ),
        (_, Lang::En) => {
            format!("Dense times grow with powers {} and {}, memory with {bytes} at most.", told[0], told[1])
        }
        (_, Lang::Zh) => format!("稠密用时的指数为 {} 与 {}，内存至多为 {bytes}。", told[0], told[1]),
    };
    let far = read(dense.iter().map(|fit| (fit.exponent - 2.0).abs()).fold(0.0, f64::max));
    let near = read(NEAR);
    let margin = match lang {
        Lang::En => format!("Dense exponents are {far} from 2 at most, against a bound of {near}."),
        Lang::Zh => format!("稠密指数与 2 至多相差 {far}，界限为 {near}。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Case, grows};
    use super::*;

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("dense squares, linear patterns", Verdict::Depends, |_, answers| {
                grows(answers, "", 2.0);
                ["window/", "longformer/", "bigbird/"].iter().for_each(|way| grows(answers, way, 1.0));
            }),
            Case::doctored("everything linear", Verdict::Refuted, |_, answers| grows(answers, "", 1.0)),
        ]
    }

    #[test]
    fn squares_in_time_and_memory_support_it() {
        let interval = Some(Interval { low: 1.9, high: 2.1 });
        let fits = [Fit { exponent: 2.0, interval, factor: 1.0 }; 5];
        assert_eq!(verdict(&fits, &[2.0; 5], Lang::En).0, Verdict::Supported);
        assert_eq!(verdict(&fits, &[1.0; 5], Lang::En).0, Verdict::Depends);
    }
}
