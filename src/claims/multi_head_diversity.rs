//! Whether heads look at different things, and whether losing one of them hurts less than losing as much of a single wide head.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::heads::{moved, part, weights, without};
use super::tools::texts::{LAYER, TEXT, captured};
use super::tools::{apart, middle, normal, said, with, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Series, read};
use crate::catalogue::{Lang, Paper, Text};
use crate::engine::Want;
use crate::experiment::{Choice, Experiment, Stage};

/// Heads of the captured model, tokens and head size of the random comparison.
const HEADS: usize = 12;
const RANDOM: [usize; 2] = [16, 32];
/// Weights of two heads that are further apart than this look at different things.
const DIFFERENT: f64 = 0.25;
/// Losses differ where one is less than so much of the other.
const LESS: f64 = 0.9;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "multi-head-diversity",
    title: Text::new("Heads differ, and losing one hurts less", "各头不同，少一个损失也小"),
    says: Text::new(
        "Several heads look at different things, and losing one of them hurts less than it would hurt a single head.",
        "多个头关注不同的内容；失去其中一个，比单头失去同样的部分损失更小。",
    ),
    essays: &[Essay::E3],
    setup: Text::new(
        "The twelve heads of a captured layer are run as they are, and joined to one head of equal width. The distance of two heads is half the sum of the differences of their weights, the mean over queries. Each head is pruned in turn; of the single head the same twelfth of its queries, keys and values is taken away. The change is the distance of the outputs relative to the output.",
        "把采集层的十二个头原样运行，再合并为一个等宽的头运行。两个头的距离为其权重之差的绝对值之和的一半，对查询取平均。依次剪除每个头；单头则去掉其查询、键、值中相应的十二分之一。变化量为输出之差相对于输出的大小。",
    ),
    sliders: &[TEXT, LAYER, Slider::SEED],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Heads that have learned the same thing would be near one another; redundant heads are common in large trained models, where many can be pruned.",
        "若各头学到相同的东西，它们的距离就会很小；大型训练模型中常见冗余的头，许多可以剪除。",
    ),
    limits: Text::new(
        "The output is the heads side by side, before the output matrix, which the captures do not hold; and a loss of accuracy needs the whole model and a task. Heads of random numbers differ as well, as the table shows: being different alone is not being useful.",
        "输出指各头并列、尚未经过输出矩阵的结果（采集数据不含该矩阵）；准确率的损失须有完整模型与任务才能测得。表中可见，随机数的头彼此也不同：不同并不等于有用。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Most heads of a trained model can be removed at test time without a significant loss.",
                "训练好的模型在测试时可去掉大部分头而无显著损失。",
            ),
            paper: Paper {
                title: "Michel, Levy and Neubig, Are Sixteen Heads Really Better than One?",
                year: 2019,
                id: "arXiv:1905.10650",
            },
        },
        Source {
            says: Text::new(
                "A few heads have roles of their own and matter most; the rest can be pruned.",
                "少数头有各自的作用且最为重要，其余可以剪除。",
            ),
            paper: Paper {
                title: "Voita et al., Analyzing Multi-Head Self-Attention: Specialized Heads Do the Heavy Lifting, the Rest Can Be Pruned",
                year: 2019,
                id: "arXiv:1905.09418",
            },
        },
    ],
    measured: true,
};

fn experiment(settings: &Settings, layout: Choice) -> Experiment {
    Experiment { layout, ..subject(captured(settings)) }
}

fn rule(lang: Lang) -> String {
    let (different, less) = (read(DIFFERENT), read(100.0 * LESS));
    said(
        lang,
        format!(
            "Different: the median distance of two heads is above {different}. Hurts less: the median change by pruning a head is below {less} % of the median change of the single head. Supported: both. Depends: one of the two. Refuted: neither."
        ),
        format!(
            "“不同”：两头距离的中位数大于 {different}。“损失更小”：剪除一个头的变化量中位数低于单头相应变化量中位数的 {less}%。成立：两者皆是。视条件而定：只满足其一。不成立：皆不满足。"
        ),
    )
}

fn asks(settings: &Settings, _: &Answers) -> Vec<Ask> {
    let want = Want { stats: false, matrix: Some(Stage::Weights) };
    let single = || experiment(settings, Choice::of("single-head"));
    let random = subject(normal(square(HEADS, RANDOM[0], RANDOM[1]), settings.seed()));
    let mut asks = vec![
        Ask::run("heads", experiment(settings, Choice::of("plain"))).wanting(want),
        Ask::run("random", random).wanting(want),
        Ask::run("single", single()),
    ];
    for head in 0..HEADS {
        asks.push(Ask::run(format!("heads/{head}"), experiment(settings, with("prune", "head", head as f64))));
        asks.push(Ask::run(format!("single/{head}"), single()).altered(without(head)));
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![
        Opening::new(Text::new("the heads as they are", "原样的各头"), experiment(settings, Choice::of("plain"))),
        Opening::new(
            Text::new("the first head pruned", "剪除第一个头"),
            experiment(settings, with("prune", "head", 0.0)),
        ),
        Opening::new(Text::new("one head of equal width", "等宽单头"), experiment(settings, Choice::of("single-head"))),
    ]
}

/// Of each head the distance to every other one.
fn distances(answers: &Answers, key: &str) -> Option<Vec<Vec<f64>>> {
    let ran = answers.ran(key)?;
    let (all, dims) = (weights(ran)?, ran.outcome.dims);
    let of = |head| part(all, dims.q_heads, head);
    let others = |a: usize| {
        let others = (0..dims.q_heads).filter(|b| *b != a);
        others.map(|b| moved(of(a), of(b), dims.n_k)).collect()
    };
    Some((0..dims.q_heads).map(others).collect())
}

fn judge(_: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let (real, random) = (distances(answers, "heads"), distances(answers, "random"));
    let median = |all: &Option<Vec<Vec<f64>>>| middle(all.iter().flatten().flatten().copied());
    let change =
        |way: &str, head: usize| apart(&answers.ran(&format!("{way}/{head}"))?.outcome.y, &answers.ran(way)?.outcome.y);
    let changes = ["heads", "single"].map(|way| (0..HEADS).map(|head| change(way, head)).collect::<Vec<_>>());
    let [pruned, taken] = &changes;
    let titles = [
        word(lang, "How far each head is from the others", "每个头与其余各头的距离"),
        word(lang, "Change of the output without each part", "去掉各部分后输出的变化"),
    ];
    let told = |number: Option<f64>| number.map_or_else(String::new, read);
    let mut table = Table::new(
        titles[1],
        &[
            word(lang, "head", "头"),
            word(lang, "median distance to others", "与其余各头的距离中位数"),
            word(lang, "change, head pruned", "剪除该头的变化"),
            word(lang, "change, as much of one head", "单头去掉同样部分的变化"),
        ],
    );
    let own: Vec<Option<f64>> =
        (0..HEADS).map(|head| real.as_ref().and_then(|all| middle(all.get(head)?.iter().copied()))).collect();
    for head in 0..HEADS {
        table.row([(head + 1).to_string(), told(own[head]), told(pruned[head]), told(taken[head])]);
    }
    let medians = changes.each_ref().map(|all| middle(all.iter().flatten().copied()));
    let middle_name = word(lang, "median", "中位数").to_owned();
    table.row([middle_name, told(median(&real)), told(medians[0]), told(medians[1])]);
    table.row([word(lang, "random numbers", "随机数").to_owned(), told(median(&random))]);
    let points = |all: &[Option<f64>]| -> Vec<Point> {
        all.iter().enumerate().map(|(at, y)| Point::new(at as f64 + 1.0, y.unwrap_or(f64::NAN))).collect()
    };
    let heads = || Axis::linear(word(lang, "head", "头"), "");
    let distance = Chart {
        title: titles[0].to_owned(),
        x: heads(),
        y: Axis { ends: Some([0.0, 1.0]), ..Axis::linear(word(lang, "distance of weights", "权重距离"), "") },
        series: vec![Series::new(word(lang, "captured", "采集"), Kind::Bars, 0, points(&own))],
        marks: vec![Mark::level(DIFFERENT, word(lang, "different above", "高于此值为不同"))],
        ..Chart::default()
    };
    let lost = Chart {
        title: titles[1].to_owned(),
        x: heads(),
        y: Axis::linear(word(lang, "change of the output", "输出的变化"), ""),
        series: vec![
            Series::new(word(lang, "head pruned", "剪除一个头"), Kind::Dots, 0, points(pruned)),
            Series::new(word(lang, "as much of one head", "单头去掉同样部分"), Kind::Dots, 1, points(taken)),
        ],
        ..Chart::default()
    };
    let (verdict, because, margin) = match (median(&real), medians) {
        (Some(real), [Some(pruned), Some(taken)]) => verdict(real, pruned, taken, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![distance, lost] }
}

fn verdict(distance: f64, pruned: f64, taken: f64, lang: Lang) -> (Verdict, String, String) {
    let verdict = match (distance > DIFFERENT, pruned < LESS * taken) {
        (true, true) => Verdict::Supported,
        (false, false) => Verdict::Refuted,
        _ => Verdict::Depends,
    };
    let (d, p, t) = (read(distance), read(pruned), read(taken));
    let because = said(
        lang,
        format!(
            "Two heads differ in {d} of their weight; without one of them the output changes by {p}, and without as much of the single head by {t}."
        ),
        format!("两个头的权重相差 {d}；去掉一个头输出变化 {p}，单头去掉同样部分变化 {t}。"),
    );
    let (far, ratio) = (read(distance / DIFFERENT), read(pruned / taken.max(f64::MIN_POSITIVE)));
    let (least, less) = (read(DIFFERENT), read(LESS));
    let margin = said(
        lang,
        format!(
            "The distance is {far} times the bound of {least}; the changes are as {ratio} to 1, with the bound at {less}."
        ),
        format!("距离为界限 {least} 的 {far} 倍；两种变化之比为 {ratio}，界限为 {less}。"),
    );
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// All heads look alike.
    fn alike(answers: &mut Answers) {
        if let Some(Answer::Ran(ran)) = answers.get_mut("heads")
            && let Some((_, all)) = &mut ran.outcome.matrix
        {
            let first = part(all, HEADS, 0).to_vec();
            all.iter_mut().zip(first.iter().cycle()).for_each(|(x, same)| *x = *same);
        }
    }

    /// The part that is lost takes so much of the rest with it.
    fn scaled(answers: &mut Answers, way: &str, left: f32) {
        let Some(whole) = answers.ran(way).map(|ran| ran.outcome.y.clone()) else { return };
        for head in 0..HEADS {
            if let Some(Answer::Ran(ran)) = answers.get_mut(&format!("{way}/{head}")) {
                ran.outcome.y = whole.iter().map(|y| y * left).collect();
            }
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::doctored("one head loses half its output", Verdict::Supported, |_, answers| {
                scaled(answers, "heads", 0.9);
                scaled(answers, "single", 0.5);
            }),
            Case::doctored("heads that are all alike", Verdict::Depends, |_, answers| {
                alike(answers);
                scaled(answers, "heads", 0.9);
                scaled(answers, "single", 0.5);
            }),
            Case::doctored("alike, and one loses as much", Verdict::Refuted, |_, answers| {
                alike(answers);
                scaled(answers, "heads", 0.5);
                scaled(answers, "single", 0.5);
            }),
        ]
    }
}
