//! Whether the gradients of one head depend on the other heads: through the output matrix and the loss.

use super::answer::Answers;
use super::ask::{Ask, square, subject};
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::{Settings, Slider};
use super::tools::heads::part;
use super::tools::{apart, changed, normal, normals, said, word};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Scale, Series, read};
use crate::attention::Dims;
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::Experiment;

/// Heads and their size, and the step of the first head's queries, keys and values.
const HEADS: [usize; 2] = [4, 16];
const STEP: f32 = 0.3;
/// Gradients that change by no more than the first are independent, by more than the second coupled.
const SAME: f64 = 1e-4;
const OTHER: f64 = 1e-2;
/// Where a change of exactly nothing stands in the chart.
const FLOOR: f64 = 1e-9;

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "heads-independent",
    title: Text::new("Heads are updated independently", "各头的更新相互独立"),
    says: Text::new(
        "The updates of the heads are independent of one another, which makes training easier.",
        "各头的参数更新相互独立，因而更易优化。",
    ),
    essays: &[Essay::E3],
    setup: Text::new(
        "Four heads over random tokens are joined by an output matrix, and the loss is half the squared distance from a random target. The gradients by Q, K and V are computed; then the first head's Q, K and V make a step, and they are computed again. It is measured how far the gradients of the other three change: with an output matrix of normal numbers, with an orthogonal one, and with a loss that is linear in the output, where nothing can couple them.",
        "四个头在随机词元上的输出经输出矩阵合并，损失为与随机目标之差的平方的一半。先计算对 Q、K、V 的梯度；再让第一个头的 Q、K、V 走一步并重新计算，测量其余三个头的梯度改变多少：分别用正态随机的输出矩阵、正交的输出矩阵，以及对输出为线性的损失（此时不可能有耦合）。",
    ),
    sliders: &[
        Slider::numbers("n", Text::new("tokens", "词元数"), &[16.0, 32.0, 64.0, 128.0], 32.0, 128.0),
        Slider::SEED,
    ],
    rule,
    asks,
    judge,
    open,
    changes: Text::new(
        "Rows of the output matrix that belong to different heads and lie at right angles keep a squared loss from coupling them. A matrix that mixes them, a cross-entropy over words, and the layers above couple them again.",
        "若输出矩阵中属于不同头的行相互正交，平方损失就不会使各头耦合。混合各头的矩阵、词表上的交叉熵以及后面的层都会重新带来耦合。",
    ),
    limits: Text::new(
        "One layer, one step, one loss. Whether coupling makes training harder or easier is another question, which takes training.",
        "仅一层、一步、一种损失。耦合使训练更难还是更易是另一个问题，须经训练才能回答。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Joins the heads by one output matrix, so that the loss sees their weighted sum.",
                "用一个输出矩阵合并各头，损失看到的是它们的加权和。",
            ),
            paper: Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" },
        },
        Source {
            says: Text::new(
                "Adds a term to the loss that keeps heads apart, since nothing else makes them differ.",
                "在损失中加入使各头相异的项，因为除此之外没有什么促使它们不同。",
            ),
            paper: Paper {
                title: "Li et al., Multi-Head Attention with Disagreement Regularization",
                year: 2018,
                id: "arXiv:1810.10183",
            },
        },
    ],
    measured: true,
};

/// What stands between the heads and the loss.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Normal,
    Orthogonal,
    Linear,
}

const WAYS: [(Way, &str); 3] = [(Way::Normal, "normal"), (Way::Orthogonal, "orthogonal"), (Way::Linear, "linear")];

fn rule(lang: Lang) -> String {
    let (same, other) = (read(SAME), read(OTHER));
    said(
        lang,
        format!(
            "Gradients of the other heads that change by at most {same} of their length are independent, by more than {other} coupled; the largest of the three heads counts. Supported: independent with a normal output matrix. Depends: coupled with it, independent with an orthogonal one. Refuted: coupled with both. Between the bounds, or where the linear loss couples them: not settled."
        ),
        format!(
            "其余各头梯度的改变不超过其长度的 {same} 为独立，超过 {other} 为耦合；取三个头中最大者。成立：正态输出矩阵下独立。视条件而定：正态下耦合，正交下独立。不成立：两者皆耦合。介于界限之间，或线性损失下也耦合：无法判定。"
        ),
    )
}

fn experiment(settings: &Settings) -> Experiment {
    let [heads, size] = HEADS;
    subject(normal(square(heads, settings.count("n"), size), settings.seed()))
}

/// The output matrix `[heads · size, heads · size]`, rows first.
fn matrix(way: Way, seed: u64) -> Vec<f64> {
    let width = HEADS[0] * HEADS[1];
    let scale = 1.0 / (width as f64).sqrt();
    let mut rows: Vec<Vec<f64>> = normals(40 + seed, width * width)
        .chunks_exact(width)
        .map(|row| row.iter().map(|x| f64::from(*x) * scale).collect())
        .collect();
    if way == Way::Orthogonal {
        // Gram and Schmidt, each row twice, which is enough for what rounding leaves.
        for at in 0..width {
            for _ in 0..2 {
                let (before, rest) = rows.split_at_mut(at);
                let Some(row) = rest.first_mut() else { continue };
                for other in before.iter() {
                    let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                    row.iter_mut().zip(other).for_each(|(x, b)| *x -= along * b);
                }
                let size = row.iter().map(|x| x * x).sum::<f64>().sqrt();
                row.iter_mut().for_each(|x| *x /= size);
            }
        }
    }
    rows.concat()
}

/// Derivatives of the loss by the heads' outputs `y` `[heads, n, size]`: `(Y W − T) Wᵀ`, Y with the heads side by side; of the linear loss a constant.
fn by_output(way: Way, seed: u64, dims: &Dims, y: &[f32]) -> Vec<f32> {
    if way == Way::Linear {
        return normals(60 + seed, y.len());
    }
    let (n, size, width) = (dims.n_q, dims.d_v, dims.q_heads * dims.d_v);
    let (w, target) = (matrix(way, seed), normals(50 + seed, n * width));
    let mut dy = vec![0.0; y.len()];
    for token in 0..n {
        let place = |column: usize| (column / size * n + token) * size + column % size;
        let mut off: Vec<f64> = target[token * width..(token + 1) * width].iter().map(|t| -f64::from(*t)).collect();
        for (column, row) in w.chunks_exact(width).enumerate() {
            let y = f64::from(y[place(column)]);
            off.iter_mut().zip(row).for_each(|(off, w)| *off += y * w);
        }
        for (column, row) in w.chunks_exact(width).enumerate() {
            dy[place(column)] = off.iter().zip(row).map(|(off, w)| off * w).sum::<f64>() as f32;
        }
    }
    dy
}

fn asks(settings: &Settings, answers: &Answers) -> Vec<Ask> {
    let step = || {
        changed(|_, qkv| {
            for (numbers, seed) in qkv.into_iter().zip(80..) {
                let size = numbers.len() / HEADS[0];
                numbers.iter_mut().zip(normals(seed, size)).for_each(|(x, by)| *x += STEP * by);
            }
        })
    };
    let mut asks =
        vec![Ask::run("before", experiment(settings)), Ask::run("after", experiment(settings)).altered(step())];
    // The loss follows from the outputs, which have to be there.
    for when in ["before", "after"] {
        let Some(ran) = answers.ran(when) else { continue };
        for (way, name) in WAYS {
            let dy = by_output(way, settings.seed(), &ran.outcome.dims, &ran.outcome.y);
            let ask = Ask::gradients(format!("{name}/{when}"), experiment(settings)).of_loss(dy);
            asks.push(if when == "after" { ask.altered(step()) } else { ask });
        }
    }
    asks
}

fn open(settings: &Settings) -> Vec<Opening> {
    vec![Opening::new(Text::new("the four heads", "这四个头"), experiment(settings))]
}

/// How far each of the other heads' gradients changes.
fn change(answers: &Answers, name: &str) -> Option<Vec<f64>> {
    let (before, after) = (answers.graded(&format!("{name}/before"))?, answers.graded(&format!("{name}/after"))?);
    let of = |qkv: &[Vec<f32>; 3], head: usize| -> Vec<f32> {
        qkv.iter().flat_map(|all| part(all, HEADS[0], head)).copied().collect()
    };
    (1..HEADS[0]).map(|head| apart(&of(&after.qkv, head), &of(&before.qkv, head))).collect()
}

fn judge(_: &Settings, answers: &Answers, lang: Lang) -> Finding {
    let names = [
        word(lang, "normal output matrix", "正态输出矩阵"),
        word(lang, "orthogonal output matrix", "正交输出矩阵"),
        word(lang, "linear loss", "线性损失"),
    ];
    let found = WAYS.map(|(_, name)| change(answers, name));
    let title = word(lang, "Change of the other heads' gradients", "其余各头梯度的改变");
    let mut table = Table::new(title, &[word(lang, "head", "头"), names[0], names[1], names[2]]);
    for head in 1..HEADS[0] {
        let of = |all: &Option<Vec<f64>>| all.as_ref().map_or_else(String::new, |all| read(all[head - 1]));
        table.row(std::iter::once((head + 1).to_string()).chain(found.iter().map(of)));
    }
    let series = found.iter().enumerate().map(|(slot, all)| {
        let all = all.iter().flatten().enumerate();
        Series::new(names[slot], Kind::Dots, slot, all.map(|(at, y)| Point::new(at as f64 + 2.0, y.max(FLOOR))))
    });
    let chart = Chart {
        title: title.to_owned(),
        caption: word(lang, "No change at all stands at 10⁻⁹.", "完全不变者画在 10⁻⁹ 处。").to_owned(),
        x: Axis::linear(word(lang, "head", "头"), ""),
        y: Axis::new(word(lang, "relative change", "相对改变"), "", Scale::Log10),
        series: series.collect(),
        marks: vec![
            Mark::level(SAME, word(lang, "independent below", "低于此值为独立")),
            Mark::level(OTHER, word(lang, "coupled above", "高于此值为耦合")),
        ],
    };
    let most = found.map(|all| all.map(|all| all.into_iter().fold(0.0, f64::max)));
    let (verdict, because, margin) = match most {
        [Some(normal), Some(orthogonal), Some(linear)] => verdict(normal, orthogonal, linear, lang),
        _ => Default::default(),
    };
    Finding { verdict, because, margin, tables: vec![table], charts: vec![chart] }
}

fn verdict(normal: f64, orthogonal: f64, linear: f64, lang: Lang) -> (Verdict, String, String) {
    let verdict = match () {
        () if linear > SAME => Verdict::NotSettled,
        () if normal <= SAME => Verdict::Supported,
        () if normal > OTHER && orthogonal <= SAME => Verdict::Depends,
        () if normal > OTHER && orthogonal > OTHER => Verdict::Refuted,
        () => Verdict::NotSettled,
    };
    let [n, o, l] = [normal, orthogonal, linear].map(read);
    let because = said(
        lang,
        format!(
            "A step of the first head changes the gradients of the others by up to {n} with a normal output matrix, {o} with an orthogonal one and {l} with a linear loss."
        ),
        format!("第一个头走一步，使其余各头的梯度至多改变：正态输出矩阵 {n}，正交输出矩阵 {o}，线性损失 {l}。"),
    );
    let (above, below) = (read(normal / OTHER), read(SAME / orthogonal.max(FLOOR)));
    let margin = said(
        lang,
        format!(
            "The normal matrix is at {above} times the bound for coupled; the orthogonal one {below} times below that for independent."
        ),
        format!("正态矩阵为“耦合”界限的 {above} 倍；正交矩阵比“独立”界限低 {below} 倍。"),
    );
    (verdict, because, margin)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::answer::Answer;
    use super::super::tests::Case;
    use super::*;

    /// As if the other heads' gradients had changed by so many parts.
    fn set(answers: &mut Answers, name: &str, parts: f32) {
        let Some(before) = answers.graded(&format!("{name}/before")).map(|graded| graded.qkv.clone()) else { return };
        if let Some(Answer::Graded(graded)) = answers.get_mut(&format!("{name}/after")) {
            graded.qkv = before.map(|all| all.into_iter().map(|x| x * (1.0 + parts)).collect());
        }
    }

    pub fn cases() -> Vec<Case> {
        vec![
            Case::plain(Verdict::Depends),
            Case::doctored("no head moves another", Verdict::Supported, |_, answers| set(answers, "normal", 0.0)),
            Case::doctored("an orthogonal matrix couples too", Verdict::Refuted, |_, answers| {
                set(answers, "orthogonal", 0.1);
            }),
            Case::doctored("a kernel that mixes heads", Verdict::NotSettled, |_, answers| set(answers, "linear", 0.1)),
        ]
    }

    #[test]
    fn the_loss_has_the_derivatives_that_finite_differences_give() {
        let dims = Dims { batch: 1, q_heads: HEADS[0], kv_heads: HEADS[0], n_q: 2, n_k: 2, d: HEADS[1], d_v: HEADS[1] };
        let width = HEADS[0] * HEADS[1];
        let y = normals(1, dims.y_len());
        for way in [Way::Normal, Way::Orthogonal] {
            let (w, target) = (matrix(way, 1), normals(51, 2 * width));
            let loss = |y: &[f32]| -> f64 {
                let at = |token: usize, column: usize| {
                    let out: f64 = (0..width)
                        .map(|row| {
                            let place = (row / dims.d_v * 2 + token) * dims.d_v + row % dims.d_v;
                            f64::from(y[place]) * w[row * width + column]
                        })
                        .sum();
                    (out - f64::from(target[token * width + column])).powi(2) / 2.0
                };
                (0..2 * width).map(|at_| at(at_ / width, at_ % width)).sum()
            };
            let dy = by_output(way, 1, &dims, &y);
            for place in [0, 17, 100] {
                let moved = |by: f32| {
                    let mut y = y.clone();
                    y[place] += by;
                    loss(&y)
                };
                let slope = (moved(0.01) - moved(-0.01)) / 0.02;
                assert!((slope - f64::from(dy[place])).abs() < 1e-3 * slope.abs().max(1.0), "{slope} {}", dy[place]);
            }
        }
    }
}
