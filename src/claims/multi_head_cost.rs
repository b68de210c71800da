//! Whether splitting one width into more heads computes less.

use super::answer::{Answers, Timed};
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::{normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::analysis::statistics::{Interval, of_ratio};
use crate::attention::{Dims, Memory};
use crate::catalogue::{Lang, Paper, Text};
use crate::engine::TILE;
use crate::experiment::{Algorithm, Backend, EngineChoice, Experiment};

/// Numbers of heads.
const HEADS: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// Operations or times that are within so much of one head's are the same.
const SAME: f64 = 0.05;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "multi-head-cost",
    title: Text::new("More heads compute less", "多头降低总计算量"),
    says: Text::new(
        "Splitting attention into several heads lowers its total computation.",
        "把注意力拆分成多个头会降低总计算量。",
    ),
    essays: &[Essay::E3],
    setup: Text::new(
        "One width is split into 1 to 32 heads over the same number of tokens. Counted are the operations of both matrix products, and separately the exponentials; measured are times; memory is counted from the tensors and buffers of the engine.",
        "在词元数不变时，把同一总宽度拆成 1 到 32 个头。统计两次矩阵乘的运算次数，并单独统计指数运算次数；测量用时；内存按引擎的张量与缓冲区计算。",
    ),
    sliders: &[
        Slider::numbers("n", Text::new("tokens", "词元数"), &[64.0, 256.0, 512.0, 1024.0, 2048.0], 512.0, 2048.0),
        Slider::numbers(
            "width",
            Text::new("width of all heads", "所有头的总宽度"),
            &[64.0, 128.0, 256.0],
            256.0,
            256.0,
        ),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Heads that are narrower than width / heads, or that share their keys and values (grouped queries, which save memory and projections), would compute less. Splitting alone does not.",
        "若每个头比“总宽度／头数”更窄，或多个头共用键和值（分组查询，节省内存与投影），才会减少计算。单纯拆分不会。",
    ),
    limits: Text::new(
        "The projections to Q, K, V and out of the heads are left out: their matrices have the same size however they are split. Times are this machine's and this kernel's, which prefers some head sizes to others.",
        "未计入 Q、K、V 及输出的投影：无论如何拆分，其矩阵大小相同。用时属于本机与这一计算核，它对不同头维度的效率不同。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Says of its own design that the total cost of all heads is similar to that of one head of full size.",
                "设计者自己的说法：所有头的总计算量与一个全维度的头相近。",
            ),
            paper: Paper {
                title: "Vaswani et al., Attention Is All You Need, section 3.2.2",
                year: 2017,
                id: "arXiv:1706.03762",
            },
        },
        Source {
            says: Text::new(
                "Finds that narrow heads cost expressiveness: below a width of n a head can't have any weights it likes.",
                "发现窄头会损失表达能力：头的维度小于 n 时无法表示任意权重。",
            ),
            paper: Paper {
                title: "Bhojanapalli et al., Low-Rank Bottleneck in Multi-head Attention Models",
                year: 2020,
                id: "arXiv:2002.07028",
            },
        },
    ],
    measured: true,
};

fn experiment(settings: &Settings, heads: usize) -> Experiment {
    let size = settings.count("width") / heads;
    let engine = EngineChoice { backend: Backend::Cpu, algorithm: Algorithm::Streaming, ..EngineChoice::default() };
    Experiment { engine, ..subject(normal(square(heads, settings.count("n"), size), settings.seed())) }
}

fn rule(lang: Lang) -> String {
    let same = read(100.0 * SAME);
    match lang {
        Lang::En => format!(
            "Operations and times of every number of heads over those of one head. Refuted: no number of heads needs fewer operations by {same} %, and none is faster by {same} % with its whole interval. Depends: not fewer operations, but some are faster. Supported: fewer operations by {same} % or more."
        ),
        Lang::Zh => format!(
            "以单头为基准，比较各头数的运算次数与用时。不成立：没有任何头数的运算减少 {same}% 以上，也没有任何头数的用时（整个区间）快 {same}% 以上。视条件而定：运算并未减少，但有些头数更快。成立：运算减少 {same}% 或更多。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let ask = |(line, &heads): (usize, &usize)| {
        Ask::time(format!("heads={heads}"), line, heads as f64, experiment(settings, heads))
    };
    HEADS.iter().enumerate().map(ask).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    let shown = settings.clone().with("n", settings.get("n").min(256.0));
    vec![
        Opening::new(Text::new("one head", "一个头"), experiment(&shown, 1)),
        Opening::new(Text::new("sixteen heads", "十六个头"), experiment(&shown, 16)),
    ]
}

/// A number of heads beside one.
struct Line {
    heads: usize,
    time: Timed,
    /// Operations of the products.
    flops: f64,
    /// Time over that of one head.
    ratio: Option<(f64, Option<Interval>)>,
}

fn lines(settings: &Settings, answers: &Answers) -> Vec<Line> {
    let timed = |heads: usize| answers.timed(&format!("heads={heads}"));
    let one = timed(1);
    let line = |&heads: &usize| {
        let time = timed(heads)?.clone();
        let flops = time.cost?.flops;
        let ratio = one.and_then(|one| of_ratio(&time.summary.samples, &one.summary.samples, settings.seed()));
        Some(Line { heads, time, flops, ratio })
    };
    HEADS.iter().filter_map(line).collect()
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let lines = lines(settings, answers);
    let w = |en, zh| word(lang, en, zh);
    let mut table = Table::new(
        w("One width, more heads", "同一宽度，更多的头"),
        &[
            w("heads", "头数"),
            w("head size", "头维度"),
            w("Mflop", "百万次运算"),
            w("exponentials", "指数运算次数"),
            w("time, ms", "用时，毫秒"),
            w("time over one head's", "与单头用时之比"),
            w("memory, MB", "内存，MB"),
        ],
    );
    let (n, width) = (settings.count("n"), settings.count("width"));
    for line in &lines {
        let size = width / line.heads;
        let dims = Dims { batch: 1, q_heads: line.heads, kv_heads: line.heads, n_q: n, n_k: n, d: size, d_v: size };
        let memory = Memory::of(&dims, Algorithm::Streaming, TILE).total(1) / f64::from(1 << 20);
        table.row([
            line.heads.to_string(),
            size.to_string(),
            read(line.flops / 1e6),
            read((line.heads * n * n) as f64),
            read(line.time.summary.median),
            line.ratio.map_or_else(String::new, |(ratio, _)| read(ratio)),
            read(memory),
        ]);
    }
    let base = lines.first().filter(|line| line.heads == 1).map(|line| line.flops);
    let time = |line: &Line| {
        let (ratio, interval) = line.ratio?;
        let x = line.heads as f64;
        Some(interval.map_or_else(|| Point::new(x, ratio), |at| Point::between(x, at.low, ratio, at.high)))
    };
    let flops = |line: &Line| Some(Point::new(line.heads as f64, line.flops / base?));
    let chart = Chart {
        title: w("Cost over the number of heads, of one head's", "计算代价与头数（相对于单头）").to_owned(),
        x: Axis::new(w("heads", "头数"), "", Scale::Log2),
        y: Axis::linear(w("of one head's", "与单头之比"), ""),
        series: vec![
            Series::new(w("time", "用时"), Kind::Line, 0, lines.iter().filter_map(time)),
            Series::new(w("operations", "运算次数"), Kind::Line, 1, lines.iter().filter_map(flops)),
        ],
        marks: vec![Mark::level(1.0, w("one head", "单头"))],
        ..Chart::default()
    };
    let (verdict, because, margin) = match (lines.len() == HEADS.len(), base) {
        (true, Some(base)) => verdict(&lines, base, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(lines: &[Line], base: f64, lang: Lang) -> (Verdict, String, String) {
    let fewest = lines.iter().map(|line| line.flops / base).fold(f64::INFINITY, f64::min);
    let rest = lines.iter().filter(|line| line.heads > 1);
    let fastest = rest.filter_map(|line| Some((line.heads, line.ratio?))).min_by(|a, b| a.1.0.total_cmp(&b.1.0));
    let Some((heads, (ratio, interval))) = fastest else { return Default::default() };
    let high = interval.map_or(ratio, |interval| interval.high);
    let last = lines.last().and_then(|line| Some((line.heads, line.ratio?.0)));
    let (most, slowest) = last.unwrap_or((heads, ratio));
    let (f, r, h, s) = (read(fewest), read(ratio), read(high), read(slowest));
    if fewest < 1.0 - SAME {
        return (
            Verdict::Supported,
            match lang {
                Lang::En => format!("Some number of heads needs {f} of the operations of one head."),
                Lang::Zh => format!("有的头数只需单头运算次数的 {f}。"),
            },
            match lang {
                Lang::En => format!("{f} against a bound of {}.", read(1.0 - SAME)),
                Lang::Zh => format!("{f}，界限为 {}。", read(1.0 - SAME)),
            },
        );
    }
    let faster = high < 1.0 - SAME;
    let verdict = if faster { Verdict::Depends } else { Verdict::Refuted };
    let because = match (lang, faster) {
        (Lang::En, false) => format!(
            "Operations stay the same (at least {f} of one head's), and no number of heads is faster: the best, {heads}, takes {r} of one head's time, {most} heads take {s}."
        ),
        (Lang::Zh, false) => format!(
            "运算次数不变（至少为单头的 {f}），也没有任何头数更快：最快的 {heads} 个头用时为单头的 {r}，{most} 个头为 {s}。"
        ),
        (Lang::En, true) => format!(
            "It depends on what is counted: operations stay the same (at least {f} of one head's), but {heads} heads take {r} of one head's time here, as this kernel prefers that head size; {most} heads take {s}."
        ),
        (Lang::Zh, true) => format!(
            "取决于统计的是什么：运算次数不变（至少为单头的 {f}），但此处 {heads} 个头用时为单头的 {r}，因为该计算核更适合这一头维度；{most} 个头为 {s}。"
        ),
    };
    let margin = match lang {
        Lang::En => format!(
            "Operations {f} against a bound of {0}; upper end of the fastest's interval {h} against {0}.",
            read(1.0 - SAME)
        ),
        Lang::Zh => format!("运算次数之比 {f}，最快者区间上端 {h}，界限均为 {}。", read(1.0 - SAME)),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::{Case, times};
    use super::*;

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("every head costs a little", Verdict::Refuted, |_, answers| {
                times(answers, "heads=", |heads| 10.0 + heads);
            }),
            Case::doctored("the same operations in less time", Verdict::Depends, |_, answers| {
                times(answers, "heads=", |heads| 10.0 / heads);
            }),
            Case::doctored("operations that fall with the heads", Verdict::Supported, |_, answers| {
                for (_, answer) in answers.iter_mut() {
                    if let Answer::Timed(Timed { x, cost: Some(cost), .. }) = answer {
                        cost.flops /= *x;
                    }
                }
            }),
        ]
    }
}
