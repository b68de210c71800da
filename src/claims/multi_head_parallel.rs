//! Whether several heads run in parallel, and so faster, where one head of equal width does not.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::laws::{doublings, line, points};
use super::tools::{normal, said, word};
use crate::analysis::plot::{Axis, Chart, Kind, Point, Scale, Series, read};
use crate::analysis::statistics::of_ratio;
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Algorithm, Backend, EngineChoice, Experiment};

/// The same width as eight heads and as one.
const WAYS: [(&str, usize, usize); 2] = [("heads", 8, 32), ("single", 1, 256)];
/// A speed-up, or a lead, that counts.
const FASTER: f64 = 1.25;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "multi-head-parallel",
    title: Text::new("Heads run in parallel", "多头可并行而更快"),
    says: Text::new(
        "Heads are computed in parallel, which makes multi-head attention faster than a single head.",
        "各头可并行计算，因此多头注意力比单头更快。",
    ),
    essays: &[Essay::E3],
    setup: Text::new(
        "Eight heads of size 32 and one head of size 256 are timed over the same number of random tokens, by one worker and by more. The pool cuts a run into blocks of query rows: those of eight heads may go to different workers, and those of one head as well.",
        "在同样多的随机词元上，为 8 个 32 维的头和 1 个 256 维的头计时，使用一个及更多工作线程。线程池按查询行的块切分任务：八个头的块可分给不同线程，单个头的块同样可以。",
    ),
    sliders: &[
        Slider::numbers("n", Text::new("tokens", "词元数"), &[256.0, 512.0, 1024.0, 2048.0, 4096.0], 1024.0, 2048.0),
        Slider::numbers("workers", Text::new("most workers", "最多工作线程数"), &[2.0, 4.0, 8.0, 16.0], 2.0, 8.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "A program that gave each worker a whole head, and had nothing else to give, would run one head on one worker; so would a machine with fewer rows than workers.",
        "若程序只按整个头分配任务，单头就只能用一个线程；行数少于线程数时也是如此。",
    ),
    limits: Text::new(
        "Times are those of this machine and of this program's workers. More workers than cores take turns. A GPU splits heads and rows in the same way but has other limits.",
        "用时属于本机与本程序的工作线程。线程多于核心时只能轮流运行。GPU 同样按头与按行切分，但受其他因素限制。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Heads of reduced size together cost about as much as one head of full size.",
                "多个降维的头合计开销与一个全维的头相近。",
            ),
            paper: Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" },
        },
        Source {
            says: Text::new(
                "Splits attention over blocks of queries beside batch and heads, to keep a GPU busy where heads are few.",
                "除批次与头之外，还按查询块切分注意力，使头很少时 GPU 也能满负荷。",
            ),
            paper: Paper {
                title: "Dao, FlashAttention-2: Faster Attention with Better Parallelism and Work Partitioning",
                year: 2023,
                id: "arXiv:2307.08691",
            },
        },
    ],
    measured: true,
};

fn rule(lang: Lang) -> String {
    let faster = read(FASTER);
    said(
        lang,
        format!(
            "A speed-up counts where its whole interval lies above {faster}. Where neither way gains from the most workers: not settled, the machine has no second core to give. Supported: the heads gain, and with the most workers one head takes more than {faster} times as long. Refuted: one head gains too and takes at most {faster} times as long (whole interval). Else depends."
        ),
        format!(
            "整个区间高于 {faster} 的加速才算数。若两者都不因线程增多而变快：无法判定，说明机器没有空闲的第二个核心。成立：多头获得加速，且线程最多时单头用时超过多头的 {faster} 倍。不成立：单头同样获得加速，且用时不超过 {faster} 倍（整个区间）。其余视条件而定。"
        ),
    )
}

fn experiment(settings: &Settings, heads: usize, size: usize) -> Experiment {
    let engine = EngineChoice { backend: Backend::Cpu, algorithm: Algorithm::Streaming, ..EngineChoice::default() };
    Experiment { engine, ..subject(normal(square(heads, settings.count("n"), size), settings.seed())) }
}

/// 1, 2, 4 … workers.
fn places(settings: &Settings) -> Vec<usize> {
    let most = settings.count("workers").max(1);
    doublings(most, most.ilog2() + 1)
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let of = |workers: usize| {
        WAYS.into_iter().enumerate().map(move |(slot, (id, heads, size))| {
            let key = format!("{id}/{workers}");
            Ask::time(key, slot, workers as f64, experiment(settings, heads, size)).on(workers)
        })
    };
    places(settings).into_iter().flat_map(of).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    let [(_, heads, size), (_, one, wide)] = WAYS;
    vec![
        Opening::new(Text::new("eight heads of 32", "8 个 32 维的头"), experiment(settings, heads, size)),
        Opening::new(Text::new("one head of 256", "1 个 256 维的头"), experiment(settings, one, wide)),
    ]
}

/// A ratio of medians with the ends of its interval.
type Ratio = (f64, [f64; 2]);

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let places = places(settings);
    let times = WAYS.map(|(id, ..)| line(answers, id, &places));
    let ratio = |over: Option<&[f64]>, under: Option<&[f64]>| -> Option<Ratio> {
        let (ratio, interval) = of_ratio(over?, under?, 7)?;
        Some((ratio, interval.map_or([ratio; 2], |interval| [interval.low, interval.high])))
    };
    let samples = |way: usize, workers: usize| {
        let timed = times[way].iter().find(|time| time.x == workers as f64);
        timed.map(|time| time.summary.samples.as_slice())
    };
    let speed_up = |way: usize, workers: usize| ratio(samples(way, 1), samples(way, workers));
    let names = [word(lang, "eight heads", "八个头"), word(lang, "one head", "单个头")];
    let title = word(lang, "Speed-up by workers", "线程数带来的加速");
    let mut table = Table::new(
        title,
        &[
            word(lang, "workers", "工作线程数"),
            word(lang, "eight heads, ms", "八个头，毫秒"),
            word(lang, "one head, ms", "单个头，毫秒"),
            word(lang, "speed-up, eight heads", "八个头的加速"),
            word(lang, "speed-up, one head", "单个头的加速"),
        ],
    );
    for &workers in &places {
        let median = |way: usize| {
            let timed = times[way].iter().find(|time| time.x == workers as f64);
            timed.map_or_else(String::new, |time| read(time.summary.median))
        };
        let gain = |way: usize| speed_up(way, workers).map_or_else(String::new, |(ratio, _)| read(ratio));
        table.row([workers.to_string(), median(0), median(1), gain(0), gain(1)]);
    }
    let gains = |way: usize| {
        let points = places.iter().filter_map(|&workers| {
            let (ratio, [low, high]) = speed_up(way, workers)?;
            Some(Point::between(workers as f64, low, ratio, high))
        });
        Series::new(names[way], Kind::Line, way, points)
    };
    let workers = || Axis::new(word(lang, "workers", "工作线程数"), "", Scale::Log2);
    let ideal = places.iter().map(|&workers| Point::new(workers as f64, workers as f64));
    let speed = Chart {
        title: title.to_owned(),
        x: workers(),
        y: Axis::linear(word(lang, "speed-up", "加速比"), ""),
        series: vec![gains(0), gains(1), Series::new(word(lang, "ideal", "理想"), Kind::Theory, 2, ideal)],
        ..Chart::default()
    };
    let both = (0..2).map(|way| Series::new(names[way], Kind::Line, way, points(&times[way]))).collect();
    let time = Chart {
        title: word(lang, "Time by workers", "用时与线程数").to_owned(),
        x: workers(),
        y: Axis::new(word(lang, "time", "用时"), word(lang, "ms", "毫秒"), Scale::Log10),
        series: both,
        ..Chart::default()
    };
    let most = settings.count("workers");
    let lead = ratio(samples(1, most), samples(0, most));
    let (verdict, because, margin) = match (speed_up(0, most), speed_up(1, most), lead) {
        (Some(heads), Some(single), Some(lead)) => verdict(heads, single, lead, most, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![speed, time] }
}

fn verdict(heads: Ratio, single: Ratio, lead: Ratio, most: usize, lang: Lang) -> (Verdict, String, String) {
    let gains = |(_, [low, _]): Ratio| low > FASTER;
    let verdict = match () {
        () if !gains(heads) && !gains(single) => Verdict::NotSettled,
        () if gains(heads) && lead.1[0] > FASTER => Verdict::Supported,
        () if gains(single) && lead.1[1] <= FASTER => Verdict::Refuted,
        () => Verdict::Depends,
    };
    let [eight, one, of, low, high] = [heads.0, single.0, lead.0, lead.1[0], lead.1[1]].map(read);
    let because = said(
        lang,
        format!(
            "With {most} workers eight heads are {eight} times faster than with one, and one head is {one} times; one head takes {of} times ({low} to {high}) the time of eight."
        ),
        format!(
            "{most} 个线程时，八个头比单线程快 {eight} 倍，单个头快 {one} 倍；单个头的用时为八个头的 {of} 倍（{low} 至 {high}）。"
        ),
    );
    let bound = read(FASTER);
    let margin = said(
        lang,
        format!("The three ratios are {eight}, {one} and {of}; the bound of each is {bound}."),
        format!("三个比值为 {eight}、{one} 与 {of}，界限均为 {bound}。"),
    );
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Case, times};
    use super::*;

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("both are split by rows", Verdict::Refuted, |_, answers| {
                times(answers, "heads/", |workers| 8.0 / workers);
                times(answers, "single/", |workers| 8.0 / workers);
            }),
            Case::doctored("only heads are split", Verdict::Supported, |_, answers| {
                times(answers, "heads/", |workers| 8.0 / workers);
                times(answers, "single/", |_| 8.0);
            }),
            Case::doctored(
                "only heads are split, and one head is quicker all the same",
                Verdict::Depends,
                |_, answers| {
                    times(answers, "heads/", |workers| 8.0 / workers);
                    times(answers, "single/", |_| 2.0);
                },
            ),
            Case::doctored("a machine of one core", Verdict::NotSettled, |_, answers| times(answers, "", |_| 8.0)),
        ]
    }
}
