//! Truncated and pooled keys against a window at the same cost.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::heads::errors;
use super::tools::patterns::{counting, pairs, pattern};
use super::tools::texts::{at_layer, layered, layers};
use super::tools::{made, middle, normal, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Series, read};
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Choice, Experiment, Input};

/// A remedy holds up where its error is at most so many times a window's.
const NO_WORSE: f64 = 1.1;
/// Of the dense pairs divided by the factor, it keeps at most so many times as many.
const AS_CHEAP: f64 = 1.25;

/// What is tried: id and name. The first two are judged, the window is what they are held against.
const WAYS: [(&str, Text); 5] = [
    ("truncate", Text::new("first keys kept", "保留开头的键")),
    ("pool", Text::new("keys averaged in groups", "键分组取均值")),
    ("window", Text::new("window", "窗口")),
    ("truncate-last", Text::new("last keys kept", "保留结尾的键")),
    ("stride", Text::new("last key of each group", "每组只留最后一个键")),
];
const JUDGED: [usize; 2] = [0, 1];
const WINDOW: usize = 2;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "pooling-remedies",
    title: Text::new("Truncation and downsampling suffice", "截断与下采样即可"),
    says: Text::new(
        "Truncating or downsampling long text keeps attention efficient and its results usable.",
        "对长文本截断或下采样，可保持注意力的效率而结果仍可用。",
    ),
    essays: &[Essay::E0],
    setup: Text::new(
        "All keep the same share of the keys: only the first tokens, the mean of each group of neighbours, or a window around each query. Pairs are counted by the kernel; the error is the distance of a head's output from dense attention. Three inputs: captured layers of a real text, tokens that change slowly along the sequence, and independent random tokens.",
        "各方法保留的键的份额相同：仅开头的词元、每组相邻词元的均值、或每个查询周围的窗口。位置对由计算核计数；误差是头的输出与稠密注意力的距离。三种输入：真实文本的若干采集层、沿序列缓慢变化的词元、相互独立的随机词元。",
    ),
    sliders: &[
        layered(2.0),
        Slider::numbers("factor", Text::new("keys divided by", "键数除以"), &[2.0, 4.0, 8.0, 16.0], 4.0, 4.0),
        Slider::numbers("n", Text::new("made tokens", "生成的词元数"), &[64.0, 128.0, 256.0, 512.0], 256.0, 512.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Where neighbours are alike their mean says as much as they do, and pooling loses little; where what matters stands at the start, truncation keeps it. Text whose weight lies near by favours windows.",
        "若相邻词元彼此相似，其均值几乎等同于它们自身，池化损失很小；若重要内容在开头，截断能保留它。权重落在邻近处的文本则利于窗口。",
    ),
    limits: Text::new(
        "Heads trained with dense attention, remedies put on them afterwards, without learned pooling. Costs are counted pairs; what a task needs of a long text is not settled by this measurement.",
        "这些头在稠密注意力下训练，方法事后加上，且没有可学习的池化。成本按位置对计数；任务需要长文本中的哪些内容，此测量无法判定。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Compresses keys and values by a strided convolution to attend over long articles.",
                "用带步长的卷积压缩键与值，以处理长文章。",
            ),
            paper: Paper {
                title: "Liu et al., Generating Wikipedia by Summarizing Long Sequences",
                year: 2018,
                id: "arXiv:1801.10198",
            },
        },
        Source {
            says: Text::new(
                "Pools the sequence layer by layer and trains with it at lower cost and little loss.",
                "逐层池化序列并以此训练，成本更低而损失很小。",
            ),
            paper: Paper {
                title: "Dai et al., Funnel-Transformer: Filtering out Sequential Redundancy for Efficient Language Processing",
                year: 2020,
                id: "arXiv:2006.03236",
            },
        },
        Source {
            says: Text::new(
                "Windows with global tokens beat truncation on tasks over long documents.",
                "在长文档任务上，窗口加全局词元优于截断。",
            ),
            paper: Paper {
                title: "Beltagy et al., Longformer: The Long-Document Transformer",
                year: 2020,
                id: "arXiv:2004.05150",
            },
        },
    ],
    measured: true,
};

/// Keys and values, how they came about.
fn inputs(settings: &Settings) -> Vec<(String, Input, usize)> {
    let tokens = [16, 26, 500].get(settings.count("text")).copied().unwrap_or(16);
    let (n, seed) = (settings.count("n"), settings.seed());
    let real = layers(settings).iter().map(|&layer| (format!("L{layer}"), at_layer(settings, layer), tokens));
    let smooth = made("smooth", square(4, n, 32), seed, &[]);
    real.chain([("smooth".to_owned(), smooth, n), ("random".to_owned(), normal(square(4, n, 32), seed), n)]).collect()
}

/// Groups of inputs that are judged together.
const GROUPS: [(&str, Text); 3] = [
    ("L", Text::new("captured text", "采集的文本")),
    ("smooth", Text::new("tokens that change slowly", "缓慢变化的词元")),
    ("random", Text::new("random tokens", "随机词元")),
];

fn experiment(settings: &Settings, way: &str, input: Input, tokens: usize) -> Experiment {
    let plain = subject(input);
    let factor = settings.count("factor").max(1);
    let keep = tokens.div_ceil(factor);
    let selection = |id: &str, params: &[(&str, f64)]| Choice {
        params: params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        ..Choice::of(id)
    };
    match way {
        "truncate" => Experiment { selection: selection("truncate", &[("keep", keep as f64)]), ..plain },
        "truncate-last" => {
            Experiment { selection: selection("truncate", &[("keep", keep as f64), ("last", 1.0)]), ..plain }
        }
        "pool" => Experiment { selection: selection("pool-keys", &[("factor", factor as f64)]), ..plain },
        "stride" => {
            Experiment { selection: selection("pool-keys", &[("factor", factor as f64), ("strided", 1.0)]), ..plain }
        }
        "window" => {
            let window = keep.div_ceil(2) as f64;
            Experiment { mask: pattern("sliding-window", &[("window", window), ("two_sided", 1.0)]), ..plain }
        }
        _ => plain,
    }
}

fn rule(lang: Lang) -> String {
    let (worse, cheap) = (read(NO_WORSE), read(AS_CHEAP));
    match lang {
        Lang::En => format!(
            "A remedy holds up on an input where its median error over heads is at most {worse} times that of the window, and the pairs that it keeps are at most {cheap} times the dense ones divided by the factor. Supported: keeping the first keys and averaging groups both hold up on all three inputs. Refuted: neither does on any. Depends: otherwise."
        ),
        Lang::Zh => format!(
            "若一种方法在某输入上的误差中位数（取各头）不超过窗口的 {worse} 倍，且保留的位置对不超过稠密数除以因子的 {cheap} 倍，则视为站得住。成立：保留开头的键与分组取均值在三种输入上都站得住。不成立：两者在任何输入上都站不住。其余：视条件而定。"
        ),
    }
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let mut asks = Vec::new();
    for (name, input, tokens) in inputs(settings) {
        asks.push(Ask::run(format!("{name}/dense"), subject(input.clone())));
        for (way, _) in WAYS {
            let one = experiment(settings, way, input.clone(), tokens);
            asks.push(Ask::run(format!("{name}/{way}/count"), one.clone()).altered(counting()));
            asks.push(Ask::run(format!("{name}/{way}"), one));
        }
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    let all = inputs(settings);
    let names =
        [Text::new("keys truncated", "截断的键"), Text::new("keys pooled", "池化的键"), Text::new("a window", "窗口")];
    let first = all.first().cloned();
    let open = |(name, (way, _)): (Text, &(&str, Text))| {
        let (_, input, tokens) = first.clone()?;
        Some(Opening::new(name, experiment(settings, way, input, tokens)))
    };
    names.into_iter().zip(&WAYS).filter_map(open).collect()
}

/// Median error over the heads of a group, and the share of dense pairs that is kept.
fn found(settings: &Settings, answers: &Answers, group: &str, way: &str) -> Option<[f64; 2]> {
    let (mut all, mut kept) = (Vec::new(), Vec::new());
    for (name, ..) in inputs(settings).iter().filter(|(name, ..)| name.starts_with(group)) {
        let dense = answers.ran(&format!("{name}/dense"))?;
        all.extend(errors(answers.ran(&format!("{name}/{way}"))?, dense));
        let dims = dense.outcome.dims;
        kept.push(pairs(answers.ran(&format!("{name}/{way}/count"))?) / (dims.rows() * dims.n_k) as f64);
    }
    Some([middle(all)?, middle(kept)?])
}

type Found = Vec<Vec<Option<[f64; 2]>>>;

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let all: Found = GROUPS
        .iter()
        .map(|(group, _)| WAYS.iter().map(|(way, _)| found(settings, answers, group, way)).collect())
        .collect();
    let mut table = Table::new(
        word(lang, "Error and cost", "误差与成本"),
        &[
            word(lang, "input", "输入"),
            word(lang, "method", "方法"),
            word(lang, "pairs kept", "保留的位置对"),
            word(lang, "error, median of heads", "误差，各头中位数"),
            word(lang, "of the window's", "与窗口之比"),
        ],
    );
    for ((_, group), row) in GROUPS.iter().zip(&all) {
        for ((_, way), found) in WAYS.iter().zip(row) {
            let Some([error, kept]) = found else { continue };
            let ratio = row[WINDOW].map_or_else(String::new, |[window, _]| read(error / window));
            let names = [group, way].map(|name| name.get(lang).to_owned());
            table.row(names.into_iter().chain([format!("{} %", read(100.0 * kept)), read(*error), ratio]));
        }
    }
    let points = |way: usize| {
        let point = move |(at, row): (usize, &Vec<Option<[f64; 2]>>)| {
            Point::new(at as f64, row[way].map_or(f64::NAN, |[error, _]| error))
        };
        all.iter().enumerate().map(point).collect::<Vec<_>>()
    };
    let chart = Chart {
        title: word(lang, "Error at the same cost", "相同成本下的误差").to_owned(),
        x: Axis::named(word(lang, "input", "输入"), GROUPS.iter().map(|(_, name)| name.get(lang).to_owned()).collect()),
        y: Axis::linear(word(lang, "error", "误差"), ""),
        series: (0..WAYS.len()).map(|way| Series::new(WAYS[way].1.get(lang), Kind::Bars, way, points(way))).collect(),
        marks: vec![Mark::level(1.0, word(lang, "as large as the output", "与输出同大"))],
        ..Chart::default()
    };
    let factor = settings.get("factor");
    let whole = all.iter().flatten().all(Option::is_some);
    let (verdict, because, margin) = if whole { verdict(&all, factor, lang) } else { Default::default() };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(all: &Found, factor: f64, lang: Lang) -> (Verdict, String, String) {
    let (mut holds, mut fails, mut nearest) = (Vec::new(), Vec::new(), f64::INFINITY);
    for ((_, group), row) in GROUPS.iter().zip(all) {
        for way in JUDGED {
            let (Some([error, kept]), Some([window, _])) = (row[way], row[WINDOW]) else { continue };
            let up = error <= NO_WORSE * window && kept <= AS_CHEAP / factor;
            nearest = nearest.min((error / window - NO_WORSE).abs());
            let told = match lang {
                Lang::En => format!("{} ({})", WAYS[way].1.en, group.en),
                Lang::Zh => format!("{}（{}）", WAYS[way].1.zh, group.zh),
            };
            if up { holds.push(told) } else { fails.push(told) }
        }
    }
    let verdict = match (holds.len(), fails.len()) {
        (_, 0) => Verdict::Supported,
        (0, _) => Verdict::Refuted,
        _ => Verdict::Depends,
    };
    let told = |names: &[String]| {
        if names.is_empty() { word(lang, "none", "无").to_owned() } else { names.join(word(lang, ", ", "、")) }
    };
    let (holds, fails) = (told(&holds), told(&fails));
    let because = match lang {
        Lang::En => {
            let start = if verdict == Verdict::Depends { "It depends on the input and on the method. " } else { "" };
            format!("{start}As good as a window of the same cost: {holds}. Worse: {fails}.")
        }
        Lang::Zh => {
            let start = if verdict == Verdict::Depends { "取决于输入与方法。" } else { "" };
            format!("{start}与同等成本的窗口相当：{holds}。更差：{fails}。")
        }
    };
    let (nearest, bound) = (read(nearest), read(NO_WORSE));
    let margin = match lang {
        Lang::En => format!("The nearest error is {nearest} from {bound} times the window's."),
        Lang::Zh => format!("最接近的误差与窗口误差之比距 {bound} 为 {nearest}。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::Case;
    use super::super::tools::doctor::output;
    use super::*;

    fn off(settings: &Settings, answers: &mut Answers, is: fn(&str) -> bool, remedies: f32) {
        for (name, ..) in inputs(settings) {
            let dense = format!("{name}/dense");
            output(answers, &format!("{name}/window"), &dense, 0.2);
            let off = if is(&name) { remedies } else { 0.9 };
            for way in JUDGED {
                output(answers, &format!("{name}/{}", WAYS[way].0), &dense, off);
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("both nearer than the window", Verdict::Supported, |settings, answers| {
                off(settings, answers, |_| true, 0.1);
            }),
            Case::doctored("both further than the window", Verdict::Refuted, |settings, answers| {
                off(settings, answers, |_| true, 0.9);
            }),
            Case::doctored("nearer on smooth tokens alone", Verdict::Depends, |settings, answers| {
                off(settings, answers, |name| name == "smooth", 0.1);
            }),
        ]
    }
}
