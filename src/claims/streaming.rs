//! Whether attention must be computed anew at each step of a stream.

use std::sync::Arc;

use super::answer::Answers;
use super::ask::{Alter, Ask, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::heads::part;
use super::tools::laws::{doublings, law, line, points};
use super::tools::texts::{LAYER, text};
use super::tools::{apart, normal, said, with, word};
use crate::analysis::plot::{Axis, Chart, Kind, Point, Scale, Series, read};
use crate::analysis::statistics::of_ratio;
use crate::attention::estimators::alone;
use crate::attention::{Dims, Estimator, Inputs, Loaded};
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Algorithm, Backend, EngineChoice, Experiment, MaskChoice, Size};

/// The German clause among the captured texts, and its tokens.
const GERMAN: usize = 3;
const TOKENS: usize = 12;
/// Outputs this near are the same but for the order of sums.
const SAME: f64 = 1e-5;
/// The cache pays where a step with it takes less than this of one without.
const PAYS: f64 = 0.5;
/// Keys of the windowed cache, when timed and over the clause.
const WINDOW: usize = 64;
const SHORT: usize = 4;
/// Heads and their size, when timed; places of the axis.
const HEADS: [usize; 2] = [2, 64];
const PLACES: u32 = 4;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "streaming",
    title: Text::new("A stream must be recomputed", "流式处理须反复重算"),
    says: Text::new(
        "On a stream attention has to be recomputed over everything at each step; a recurrent network only carries its state on.",
        "处理数据流时，注意力每一步都要对全部内容重新计算，而循环网络只需传递状态。",
    ),
    essays: &[Essay::E2],
    setup: Text::new(
        "The captured German clause is decoded token by token: at each step the one new query meets the keys and values kept from before, and its output is compared with the same row of causal attention over the whole clause. A second cache keeps the last four keys only. Then the time of one more token after n others is measured: everything recomputed, with a cache, with a cache of 64 keys, and by one step of an LSTM as wide as the heads together.",
        "逐词元解码采集的德语从句：每一步只用一个新查询与此前保留的键和值计算，其输出与对整句做因果注意力的同一行相比较；另一个缓存只保留最近四个键。然后测量在 n 个词元之后再处理一个词元的用时：全部重算、使用缓存、使用 64 个键的缓存，以及与各头总宽度相同的 LSTM 走一步。",
    ),
    sliders: &[
        LAYER,
        Slider::numbers(
            "n",
            Text::new("most tokens", "最多词元数"),
            &[256.0, 512.0, 1024.0, 2048.0, 4096.0],
            1024.0,
            4096.0,
        ),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Keys and values of earlier tokens stay the same only under a causal mask. Without one every earlier row changes with each new token, and a stack of layers has to be recomputed indeed.",
        "只有在因果掩码下，先前词元的键和值才保持不变。若无掩码，每来一个新词元，之前各行都会改变，多层堆叠时确实需要重算。",
    ),
    limits: Text::new(
        "One layer is measured, of an encoder that was trained without a mask; the causal mask is ours. What is in a state or a window is enough or not only for a task. The cache still grows with each token, and so does the time of a step; the state of a recurrent network does not.",
        "这里测的是一层，来自一个无掩码训练的编码器，因果掩码是我们加上的。状态或窗口中的信息是否够用，要有任务才能判断。缓存仍随词元增多，每步用时也随之增长；循环网络的状态则不会。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Decodes step by step with keys and values kept from before, and shares them between heads to read fewer.",
                "逐步解码时保留先前的键和值，并让各头共用以减少读取量。",
            ),
            paper: Paper {
                title: "Shazeer, Fast Transformer Decoding: One Write-Head is All You Need",
                year: 2019,
                id: "arXiv:1911.02150",
            },
        },
        Source {
            says: Text::new(
                "A window of recent keys and a few first ones decode streams of millions of tokens with a cache of constant size.",
                "最近的一窗键加上最初的几个键，即可用固定大小的缓存解码数百万词元的流。",
            ),
            paper: Paper {
                title: "Xiao et al., Efficient Streaming Language Models with Attention Sinks",
                year: 2023,
                id: "arXiv:2309.17453",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let (same, pays) = (read(SAME), read(100.0 * PAYS));
    said(
        lang,
        format!(
            "Supported: a step with the cache gives another output than recomputing (by more than {same} of its length). Where it gives the same: refuted if it takes less than {pays} % of the time at the largest n (the whole interval of the ratio), not settled where the interval holds that bound, depends if it takes more."
        ),
        format!(
            "成立：带缓存的一步与重算的输出不同（相差超过其长度的 {same}）。若相同：在最大的 n 处用时低于重算的 {pays}%（比值的整个区间）则不成立；区间跨越该界限则无法判定；高于则视条件而定。"
        ),
    )
}

fn clause(settings: &Settings, mask: MaskChoice) -> Experiment {
    Experiment { mask, ..subject(text(GERMAN, settings.count("layer"))) }
}

fn window(keys: usize) -> MaskChoice {
    let choice = with("sliding-window", "window", keys as f64);
    MaskChoice { id: choice.id, params: choice.params, custom: None }
}

/// What a step of decoding has: the query of token `at`, keys and values up to it.
fn step(at: usize, keys: usize) -> Alter {
    Alter::new(move |loaded| {
        let Dims { q_heads, kv_heads, n_q, n_k, d, d_v, .. } = loaded.dims;
        let rows = |numbers: &[f32], heads: usize, n: usize, width: usize, from: usize| {
            let of = |head| {
                let from = (head * n + from.min(at)) * width;
                numbers.get(from..(head * n + at + 1) * width).unwrap_or_default()
            };
            Arc::new((0..heads).flat_map(of).copied().collect::<Vec<f32>>())
        };
        let first = (at + 1).saturating_sub(keys);
        let Inputs { q, k, v } = &loaded.inputs;
        let inputs = Inputs {
            q: rows(q, q_heads, n_q, d, at),
            k: rows(k, kv_heads, n_k, d, first),
            v: rows(v, kv_heads, n_k, d_v, first),
        };
        Loaded {
            dims: Dims { n_q: 1, n_k: at + 1 - first, ..loaded.dims },
            inputs,
            tokens_q: loaded.tokens_q.get(at..=at).unwrap_or_default().to_vec(),
            tokens_k: loaded.tokens_k.get(first..=at).unwrap_or_default().to_vec(),
            note: loaded.note.clone(),
        }
    })
}

fn size(queries: usize, keys: usize) -> Size {
    let [heads, size] = HEADS;
    Size { q_heads: heads, kv_heads: heads, n_q: queries, n_k: keys, d: size, d_v: size }
}

fn timed(settings: &Settings, queries: usize, keys: usize) -> Experiment {
    let engine = EngineChoice { backend: Backend::Cpu, algorithm: Algorithm::Streaming, ..EngineChoice::default() };
    let mask = MaskChoice::of(if queries > 1 { "causal" } else { "none" });
    Experiment { engine, mask, ..subject(normal(size(queries, keys), settings.seed())) }
}

/// One step of an LSTM as wide as the heads together.
fn recurrent() -> Option<(Estimator, Size)> {
    let width = HEADS[0] * HEADS[1];
    let size = Size { q_heads: 1, kv_heads: 1, n_q: 1, n_k: 1, d: width, d_v: width };
    let dims = Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: 1, n_k: 1, d: width, d_v: width };
    Some((alone(&with("lstm", "hidden", width as f64), dims, true, 1.0, "estimator").ok()?, size))
}

const LINES: [&str; 4] = ["recomputed", "cache", "window", "lstm"];

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let mut asks = vec![Ask::run("whole", clause(settings, MaskChoice::of("causal")))];
    for at in 0..TOKENS {
        let none = || clause(settings, MaskChoice::of("none"));
        asks.push(Ask::run(format!("step/{at}"), none()).altered(step(at, TOKENS)));
        asks.push(Ask::run(format!("short/{at}"), none()).altered(step(at, SHORT)));
    }
    for n in doublings(settings.count("n"), PLACES) {
        let x = n as f64;
        asks.push(Ask::time(format!("recomputed/{n}"), 0, x, timed(settings, n, n)));
        asks.push(Ask::time(format!("cache/{n}"), 1, x, timed(settings, 1, n)));
        // As many keys wherever the stream stands.
        asks.push(Ask::time(format!("window/{n}"), 2, x, timed(settings, 1, WINDOW.min(n))));
        if let Some((estimator, size)) = recurrent() {
            asks.push(Ask::time_of(format!("lstm/{n}"), 3, x, estimator, normal(size, settings.seed())));
        }
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    let causal = || MaskChoice::of("causal");
    let mut windowed = clause(settings, causal());
    windowed.mask = window(SHORT);
    vec![
        Opening::new(Text::new("the German clause, causal", "德语从句，因果掩码"), clause(settings, causal())),
        Opening::new(Text::new("a window of four keys", "四个键的窗口"), windowed),
        Opening::new(Text::new("one query, many keys", "一个查询、多个键"), timed(settings, 1, settings.count("n"))),
    ]
}

/// How far a step's output is from the same row of the whole, over all heads.
fn off(answers: &Answers, way: &str, at: usize) -> Option<f64> {
    let (whole, one) = (answers.ran("whole")?, answers.ran(&format!("{way}/{at}"))?);
    let dims = whole.outcome.dims;
    let row = |head| {
        let all = part(&whole.outcome.y, dims.q_heads, head);
        all.get(at * dims.d_v..(at + 1) * dims.d_v).unwrap_or_default()
    };
    apart(&one.outcome.y, &(0..dims.q_heads).flat_map(row).copied().collect::<Vec<f32>>())
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let places = doublings(settings.count("n"), PLACES);
    let times = LINES.map(|key| line(answers, key, &places));
    let steps = ["step", "short"].map(|way| (0..TOKENS).map(|at| off(answers, way, at)).collect::<Vec<_>>());
    let names = [
        word(lang, "recomputed", "全部重算"),
        word(lang, "cache", "缓存"),
        word(lang, "cache of 64 keys", "64 个键的缓存"),
        word(lang, "LSTM", "LSTM"),
    ];
    let mut table = Table::new(
        word(lang, "Milliseconds for one more token", "再处理一个词元的毫秒数"),
        &[word(lang, "tokens before", "此前词元数"), names[0], names[1], names[2], names[3]],
    );
    let told = |number: Option<f64>| number.map_or_else(String::new, read);
    for &n in &places {
        let median = |key: &str| told(answers.timed(&format!("{key}/{n}")).map(|time| time.summary.median));
        table.row(std::iter::once(n.to_string()).chain(LINES.map(median)));
    }
    let exponents = times.each_ref().map(|times| told(law(times).map(|fit| fit.exponent)));
    table.row(std::iter::once(word(lang, "exponent", "指数").to_owned()).chain(exponents));
    let width = HEADS[0] * HEADS[1];
    let kept = [0, 2 * width * settings.count("n"), 2 * width * WINDOW, 2 * width].map(|count| count.to_string());
    table.row(std::iter::once(word(lang, "numbers kept, at the end", "最终保留的数").to_owned()).chain(kept));
    let mut error = Table::new(
        word(lang, "Output of a step against recomputing, German clause", "一步的输出与重算之差（德语从句）"),
        &[
            word(lang, "token", "词元"),
            word(lang, "whole cache", "完整缓存"),
            word(lang, "last four keys", "最近四个键"),
        ],
    );
    for at in 0..TOKENS {
        error.row([(at + 1).to_string(), told(steps[0][at]), told(steps[1][at])]);
    }
    let series = (0..4).map(|slot| Series::new(names[slot], Kind::Line, slot, points(&times[slot]))).collect();
    let speed = Chart {
        title: word(lang, "Time of one more token", "再处理一个词元的用时").to_owned(),
        x: Axis::new(word(lang, "tokens before", "此前词元数"), "", Scale::Log2),
        y: Axis::new(word(lang, "time", "用时"), word(lang, "ms", "毫秒"), Scale::Log10),
        series,
        ..Chart::default()
    };
    let lost = |slot: usize, name: &str| {
        let points = steps[slot].iter().enumerate();
        let points = points.map(|(at, off)| Point::new(at as f64 + 1.0, off.unwrap_or(f64::NAN)));
        Series::new(name, Kind::Line, slot, points)
    };
    let kept = Chart {
        title: word(lang, "What each cache loses", "各缓存的损失").to_owned(),
        x: Axis::linear(word(lang, "token", "词元"), ""),
        y: Axis::linear(word(lang, "difference of the output", "输出之差"), ""),
        series: vec![lost(0, names[1]), lost(1, word(lang, "last four keys", "最近四个键"))],
        ..Chart::default()
    };
    let worst = steps[0].iter().copied().try_fold(0.0, |worst: f64, off| Some(worst.max(off?)));
    let ratio = times[1].last().zip(times[0].last()).and_then(|(cache, all)| {
        let (ratio, interval) = of_ratio(&cache.summary.samples, &all.summary.samples, 3)?;
        Some((ratio, interval.map_or([ratio; 2], |interval| [interval.low, interval.high])))
    });
    let (verdict, because, margin) = match (worst, ratio) {
        (Some(worst), Some((ratio, ends))) => verdict(worst, ratio, ends, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table, error], charts: vec![speed, kept] }
}

fn verdict(worst: f64, ratio: f64, [low, high]: [f64; 2], lang: Lang) -> (Verdict, String, String) {
    let verdict = match () {
        () if worst > SAME => Verdict::Supported,
        () if high < PAYS => Verdict::Refuted,
        () if low > PAYS => Verdict::Depends,
        () => Verdict::NotSettled,
    };
    let [worst_told, percent, low, high] = [worst, 100.0 * ratio, 100.0 * low, 100.0 * high].map(read);
    let because = said(
        lang,
        format!(
            "Step by step with a cache the outputs differ from those of recomputing by at most {worst_told}, and at the largest n a step takes {percent} % of the time ({low} to {high})."
        ),
        format!(
            "使用缓存逐步计算，输出与重算至多相差 {worst_told}；在最大的 n 处，一步用时为重算的 {percent}%（{low} 至 {high}）。"
        ),
    );
    let (times, half) = (read(worst / SAME), read(PAYS / ratio));
    let margin = said(
        lang,
        format!("The difference is {times} times its bound; a step is {half} times faster than the bound asks."),
        format!("输出之差为界限的 {times} 倍；一步比界限所要求的快 {half} 倍。"),
    );
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::{Case, times};
    use super::*;

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("a cache that pays", Verdict::Refuted, |_, answers| {
                times(answers, "cache/", |x| 1e-3 * x);
                times(answers, "recomputed/", |x| 1e-3 * x * x);
            }),
            Case::doctored("a cache that is no faster", Verdict::Depends, |_, answers| {
                times(answers, "cache/", |x| 1e-3 * x);
                times(answers, "recomputed/", |x| 1e-3 * x);
            }),
            Case::doctored("a cache that forgets", Verdict::Supported, |_, answers| {
                times(answers, "cache/", |x| 1e-3 * x);
                times(answers, "recomputed/", |x| 1e-3 * x * x);
                if let Some(Answer::Ran(ran)) = answers.get_mut("step/7") {
                    ran.outcome.y.iter_mut().for_each(|y| *y *= 0.99);
                }
            }),
        ]
    }
}
