//! What fixed sinusoids make of reversed and periodic sequences, and of distance.

use std::sync::Arc;

use super::answer::{Answers, Ran};
use super::ask::{Alter, Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::heads::WEIGHTS;
use super::tools::{apart, made, normal, reordered, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Series, read};
use crate::analysis::positions::Effect;
use crate::analysis::spans::falling;
use crate::attention::{Dims, Inputs, Loaded};
use crate::catalogue::{Lang, Paper, Text, position};
use crate::engine::Want;
use crate::experiment::{Choice, Experiment, Input, Stage};

/// Outputs that differ by more than this tell a sequence from its mirror image.
const OTHER: f64 = 1e-2;
/// So many of the queries must weigh their own token above its copies.
const FOUND: f64 = 0.99;
/// A copy counts as weighed less where its weight is below that of the own token by a thousandth.
const LESS: f64 = 0.999;
/// So many pairs of distances must be in order, the nearer one with the higher score.
const ORDERED: f64 = 0.9;
const SIZE: usize = 64;

const SCHEMES: [&str; 6] = ["sinusoidal", "none", "learned", "rope", "alibi", "t5"];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "sinusoid-limits",
    title: Text::new("Sinusoids cope badly", "正弦编码的局限"),
    says: Text::new(
        "Fixed sinusoidal encodings cope badly with reversed and periodic sequences and with distances of any kind.",
        "固定的正弦位置编码难以应对逆序、周期性序列以及灵活的距离。",
    ),
    essays: &[Essay::E0, Essay::E2],
    setup: Text::new(
        "Three tests, each with sinusoids, nothing, a table of seeded numbers, RoPE, ALiBi and T5. Reversed: the same random tokens forwards and backwards; does the output tell them apart? Periodic: tokens repeat with a period; does each query weigh its own token above its copies? Distance: all tokens alike, so that only positions speak; does the score fall with distance, and how high does it come back far away?",
        "三项测试，分别使用正弦编码、无编码、带种子的位置表、RoPE、ALiBi 与 T5。逆序：同样的随机词元正着与倒着排列，输出能否区分？周期：词元按周期重复，每个查询给自己的权重是否高于给各副本的？距离：所有词元相同，只剩位置起作用；分数是否随距离下降，在远处又回升到多高？",
    ),
    sliders: &[
        Slider::numbers("n", Text::new("tokens", "词元数"), &[64.0, 128.0, 256.0, 512.0], 128.0, 512.0),
        Slider::numbers("period", Text::new("period", "周期"), &[2.0, 4.0, 6.0, 8.0, 16.0, 32.0], 6.0, 6.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Encodings are added to what tokens say, so their part of the score can be drowned by contents or made as strong as one likes: a trained projection may turn, scale or ignore the waves, which fixed scores can't show.",
        "编码与词元内容相加，其在分数中的作用可被内容淹没，也可任意放大：训练出的投影可以旋转、缩放或忽略这些波，固定的分数无法体现。",
    ),
    limits: Text::new(
        "One attention layer without trained projections. Whether a trained model handles reversed or periodic text takes training. The learned table is not trained: its numbers are seeded.",
        "仅一层注意力，没有训练过的投影。训练后的模型能否处理逆序或周期性文本，需要训练才能知道。“可学习位置表”未经训练，其数值由种子生成。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Chose sinusoids since shifts are linear maps of them, and found learned tables to do as well.",
                "选择正弦编码，因为平移是其线性变换；并发现可学习的位置表效果相当。",
            ),
            paper: Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" },
        },
        Source {
            says: Text::new(
                "Products of sinusoids know distance but not direction, and projections lose the distance too.",
                "正弦编码的内积只含距离而不含方向，经投影后距离也会丢失。",
            ),
            paper: Paper {
                title: "Yan et al., TENER: Adapting Transformer Encoder for Named Entity Recognition",
                year: 2019,
                id: "arXiv:1911.04474",
            },
        },
        Source {
            says: Text::new(
                "Trained models with sinusoids fail soon past the trained length; a bias that falls with distance does not.",
                "使用正弦编码的模型超出训练长度后很快失效，随距离下降的偏置则不会。",
            ),
            paper: Paper {
                title: "Press et al., Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation",
                year: 2021,
                id: "arXiv:2108.12409",
            },
        },
    ],
    measured: true,
};

fn experiment(settings: &Settings, scheme: &str, input: Input) -> Experiment {
    let mut choice = Choice::of(scheme);
    if scheme == "learned" {
        choice.params.insert("trained".to_owned(), settings.get("n"));
    }
    Experiment { position: choice, ..subject(input) }
}

fn random(settings: &Settings) -> Input {
    normal(square(1, settings.count("n"), SIZE), settings.seed())
}

fn periodic(settings: &Settings) -> Input {
    let size = square(1, settings.count("n"), SIZE);
    made("periodic", size, settings.seed(), &[("period", settings.get("period"))])
}

fn rule(lang: Lang) -> String {
    let (other, found, ordered) = (read(100.0 * OTHER), read(100.0 * FOUND), read(100.0 * ORDERED));
    match lang {
        Lang::En => format!(
            "Sinusoids fail at reversed sequences where the outputs forwards and backwards differ by at most {other} % of their length, at periodic ones where fewer than {found} % of the queries weigh their own token above every copy, and at distance where fewer than {ordered} % of all pairs of distances are in order, the nearer with the higher score. Supported: they fail at all three. Refuted: at none. Depends: at some."
        ),
        Lang::Zh => format!(
            "逆序失败：正序与逆序输出之差不超过其长度的 {other}%；周期失败：给自己的权重高于每个副本的查询少于 {found}%；距离失败：按“近者分数更高”排列的距离对少于 {ordered}%。成立：正弦编码三项皆失败。不成立：无一失败。视条件而定：部分失败。"
        ),
    }
}

/// The order from end to start.
fn backwards(count: usize) -> Vec<usize> {
    (0..count).rev().collect()
}

/// Queries, keys and values from end to start.
fn mirrored() -> Alter {
    Alter::new(|loaded| {
        let Dims { q_heads, kv_heads, n_q, n_k, d, d_v, .. } = loaded.dims;
        let Inputs { q, k, v } = &loaded.inputs;
        let inputs = Inputs {
            q: Arc::new(reordered(q, q_heads, d, &backwards(n_q))),
            k: Arc::new(reordered(k, kv_heads, d, &backwards(n_k))),
            v: Arc::new(reordered(v, kv_heads, d_v, &backwards(n_k))),
        };
        Loaded { inputs, ..loaded.clone() }
    })
}

/// All tokens alike: with a score of 1 before positions, or of 0 where encodings are added, as the probes of the position laboratory.
fn alike(scheme: &str) -> Alter {
    let adds = position(scheme).is_some_and(|entry| Effect::of(entry) == Effect::Encodes);
    Alter::new(move |loaded| {
        let place = if adds { 0.0 } else { (loaded.dims.d as f32).powf(-0.25) };
        let all = |count: usize| Arc::new(vec![place; count]);
        let inputs = Inputs { q: all(loaded.inputs.q.len()), k: all(loaded.inputs.k.len()), ..loaded.inputs.clone() };
        Loaded { inputs, ..loaded.clone() }
    })
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let scores = Want { stats: false, matrix: Some(Stage::Biased) };
    let of_scheme = |scheme: &&str| {
        let over = |input: Input| experiment(settings, scheme, input);
        [
            Ask::run(format!("{scheme}/forwards"), over(random(settings))),
            Ask::run(format!("{scheme}/backwards"), over(random(settings))).altered(mirrored()),
            Ask::run(format!("{scheme}/periodic"), over(periodic(settings))).wanting(WEIGHTS),
            Ask::run(format!("{scheme}/distance"), over(random(settings))).wanting(scores).altered(alike(scheme)),
        ]
    };
    SCHEMES.iter().flat_map(of_scheme).collect()
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(
            Text::new("periodic tokens with sinusoids", "周期词元，正弦编码"),
            experiment(settings, "sinusoidal", periodic(settings)),
        ),
        Opening::new(
            Text::new("periodic tokens with RoPE", "周期词元，RoPE"),
            experiment(settings, "rope", periodic(settings)),
        ),
        Opening::new(
            Text::new("random tokens with sinusoids", "随机词元，正弦编码"),
            experiment(settings, "sinusoidal", random(settings)),
        ),
    ]
}

/// How far outputs forwards and backwards are from being each other's mirror image.
fn told_apart(answers: &Answers, scheme: &str) -> Option<f64> {
    let (forwards, other) = (answers.ran(&format!("{scheme}/forwards"))?, answers.ran(&format!("{scheme}/backwards"))?);
    let dims = forwards.outcome.dims;
    apart(&other.outcome.y, &reordered(&forwards.outcome.y, dims.q_heads, dims.d_v, &backwards(dims.n_q)))
}

/// The share of queries that weigh their own token above every copy of it.
fn own_found(settings: &Settings, answers: &Answers, scheme: &str) -> Option<f64> {
    let ran = answers.ran(&format!("{scheme}/periodic"))?;
    let (n, period) = (ran.outcome.dims.n_k, settings.count("period").max(1));
    let (_, cells) = ran.outcome.matrix.as_ref()?;
    let finds = |(query, row): &(usize, &[f32])| {
        let own = f64::from(row[*query]);
        let copies = (query % period..n).step_by(period).filter(|copy| copy != query);
        copies.map(|copy| f64::from(row[copy])).all(|weight| weight < LESS * own)
    };
    let rows: Vec<(usize, &[f32])> = cells.chunks_exact(n).take(n).enumerate().collect();
    Some(rows.iter().filter(|row| finds(row)).count() as f64 / rows.len().max(1) as f64)
}

/// Scores of the last query over distance.
fn curve(ran: &Ran) -> Vec<f64> {
    let dims = ran.outcome.dims;
    let cells = ran.outcome.matrix.as_ref().map_or(&[][..], |(_, cells)| cells);
    let last = cells.get((dims.n_q - 1) * dims.n_k..dims.n_q * dims.n_k).unwrap_or_default();
    last.iter().rev().map(|&score| f64::from(score)).collect()
}

/// The highest score beyond half the length, above the mean, as a share of that of the own token: 1 for a perfect echo; nothing of a level curve.
fn echo(curve: &[f64]) -> Option<f64> {
    let mean = super::tools::mean(curve)?;
    let far = curve.get(curve.len() / 2..)?.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let own = curve.first()? - mean;
    (own > 1e-6).then(|| (far - mean) / own)
}

fn judge(settings: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let mut table = Table::new(
        word(lang, "Three tests of position schemes", "位置方案的三项测试"),
        &[
            word(lang, "scheme", "方案"),
            word(lang, "reversed: difference", "逆序：输出之差"),
            word(lang, "periodic: own token found", "周期：找到自己的比例"),
            word(lang, "distance: pairs in order", "距离：次序正确的比例"),
            word(lang, "echo far away", "远处回升"),
        ],
    );
    let mut series = Vec::new();
    let mut of_sinusoids = None;
    for (slot, scheme) in SCHEMES.iter().enumerate() {
        let name = match (*scheme, position(scheme)) {
            ("none", _) | (_, None) => word(lang, "nothing", "无").to_owned(),
            (_, Some(entry)) => entry.name.get(lang).to_owned(),
        };
        let curve = answers.ran(&format!("{scheme}/distance")).map(curve);
        let tests = (told_apart(answers, scheme), own_found(settings, answers, scheme), curve.as_deref().map(falling));
        if let (0, (Some(reversed), Some(periodic), Some(distance))) = (slot, tests) {
            of_sinusoids = Some([reversed, periodic, distance]);
        }
        let percent = |share: Option<f64>| share.map_or_else(String::new, |share| format!("{} %", read(100.0 * share)));
        let echo = curve.as_deref().and_then(echo).map_or_else(String::new, read);
        table.row([name.clone(), tests.0.map_or_else(String::new, read), percent(tests.1), percent(tests.2), echo]);
        let curve = curve.unwrap_or_default();
        // Each between its own ends, since one scheme's scores are hundreds and another's fractions.
        let low = curve.iter().copied().fold(f64::INFINITY, f64::min);
        let high = curve.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let height = if high - low > 1e-6 { high - low } else { f64::NAN };
        let points = curve.iter().enumerate().map(|(at, score)| Point::new(at as f64, (score - low) / height));
        series.push(Series::new(name, Kind::Line, slot, points));
    }
    series.retain(|one| one.points.iter().any(|point| point.y.is_finite()) || one.slot == 0);
    let chart = Chart {
        title: word(lang, "Score over distance, of tokens that are alike", "相同词元的分数与距离").to_owned(),
        x: Axis::linear(word(lang, "distance", "距离"), word(lang, "tokens", "词元")),
        y: Axis::linear(word(lang, "score, from lowest to highest", "分数，自最低至最高"), ""),
        series,
        marks: vec![Mark::upright(settings.get("period"), word(lang, "period", "周期"))],
        ..Chart::default()
    };
    let (verdict, because, margin) = of_sinusoids.map_or_else(Default::default, |tests| verdict(tests, lang));
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict([reversed, periodic, distance]: [f64; 3], lang: Lang) -> (Verdict, String, String) {
    let fails = [reversed <= OTHER, periodic < FOUND, distance < ORDERED];
    let verdict = match fails.iter().filter(|fails| **fails).count() {
        0 => Verdict::Refuted,
        3 => Verdict::Supported,
        _ => Verdict::Depends,
    };
    let said = |failed: bool| if failed { word(lang, "fail", "失败") } else { word(lang, "pass", "通过") };
    let [first, second, third] = fails.map(said);
    let (r, p, d) = (read(reversed), read(100.0 * periodic), read(100.0 * distance));
    let because = match lang {
        Lang::En => {
            let start = if verdict == Verdict::Depends { "It depends on the test. " } else { "" };
            format!(
                "{start}Reversed: {first} (outputs differ by {r}). Periodic: {second} ({p} % of the queries find their own token). Distance: {third} ({d} % of the pairs of distances are in order)."
            )
        }
        Lang::Zh => {
            let start = if verdict == Verdict::Depends { "取决于具体测试。" } else { "" };
            format!(
                "{start}逆序：{first}（输出之差 {r}）。周期：{second}（{p}% 的查询找到自己）。距离：{third}（{d}% 的距离对次序正确）。"
            )
        }
    };
    let (a, b, c) = (read(reversed / OTHER), read(100.0 * (periodic - FOUND)), read(100.0 * (distance - ORDERED)));
    let margin = match lang {
        Lang::En => format!("{a} times the bound; {b} points and {c} points from the other two."),
        Lang::Zh => format!("逆序为界限的 {a} 倍；另两项距界限 {b} 与 {c} 个百分点。"),
    };
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::super::tools::doctor;
    use super::*;

    fn falls(answers: &mut Answers, way: f32) {
        doctor::runs(
            answers,
            |key| key == "sinusoidal/distance",
            |ran| {
                doctor::weights(ran, |q, k| way * q.abs_diff(k) as f32);
            },
        );
    }

    fn own(answers: &mut Answers, own: f32) {
        doctor::runs(
            answers,
            |key| key == "sinusoidal/periodic",
            |ran| {
                doctor::weights(ran, |q, k| if q == k { own } else { 0.1 });
            },
        );
    }

    fn mirror(answers: &mut Answers, off: f32) {
        let plain = answers.ran("sinusoidal/forwards").map(|ran| (ran.outcome.y.clone(), ran.outcome.dims));
        if let (Some((y, dims)), Some(Answer::Ran(other))) = (plain, answers.get_mut("sinusoidal/backwards")) {
            other.outcome.y = reordered(&y, dims.q_heads, dims.d_v, &backwards(dims.n_q));
            other.outcome.y.iter_mut().for_each(|y| *y *= 1.0 + off);
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("all three pass", Verdict::Refuted, |_, answers| {
                falls(answers, -1.0);
                own(answers, 0.5);
                mirror(answers, 0.5);
            }),
            Case::doctored("none passes", Verdict::Supported, |_, answers| {
                falls(answers, 1.0);
                own(answers, 0.1);
                mirror(answers, 0.0);
            }),
            Case::doctored("distance alone fails", Verdict::Depends, |_, answers| {
                falls(answers, 1.0);
                own(answers, 0.5);
                mirror(answers, 0.5);
            }),
        ]
    }
}
