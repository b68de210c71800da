//! What entries without a formula of their own do, written in the same notation, for reading.
//!
//! | file | what it holds |
//! |---|---|
//! | `content` | changes of Q, K and V, and tables computed from them |
//! | `rotary` | rotations of Q and K |

mod content;
mod rotary;

use super::entry::{NormaliserKind, Slot, Text};
use super::inputs::RecipeEntry;
use super::layouts::End;
use super::streams::StreamEntry;

/// What the letters of the lines mean, where a line does not define them.
pub const NOTATION: Text = Text::new(
    "A line with = defines; any other is what takes the place of its row, score or output. x is a row of Q and of K alike, z one of K or of V, p its position, d its size; s are the scores so far, factor and scale are that on q · k, A the weights, B what the second branch gives, I the identity, h a head, tokens the keys as they are given, group the query heads that share keys. sum, mean and product go over the letter named or over what a condition leaves, else over the keys that the mask allows; allowed[q, k] is that mask. normal(m, v) has mean m and variance v. turn(x, a) turns pair i of the places that turn by the angle a. Other capitals are seeded: vectors are normal numbers, matrices normal numbers over the root of their columns, those of recurrent and convolutional baselines uniform as PyTorch begins.",
    "含 = 的行是定义，其余的行取代其行、分数或输出。x 同时指 Q 与 K 的一行，z 指 K 或 V 的一行，p 为其位置，d 为其维数；s 是目前的分数，factor 与 scale 是 q · k 的系数，A 是权重，B 是第二分支的结果，I 是单位矩阵，h 是头，tokens 是原有的键数，group 是共用键的查询头数。sum、mean 与 product 遍历所注明的字母或条件留下的项，未注明时遍历掩码允许的键；allowed[q, k] 即该掩码。normal(m, v) 的均值为 m、方差为 v。turn(x, a) 将第 i 对参与旋转的维度旋转角度 a。其他大写字母由种子生成：向量为正态数，矩阵为除以列数平方根的正态数，循环与卷积基线的则按 PyTorch 的初始化均匀分布。",
);

/// Lines as texts of their own.
pub(super) fn lines(lines: impl IntoIterator<Item = &'static str>) -> Vec<String> {
    lines.into_iter().map(str::to_owned).collect()
}

impl Slot {
    /// What it does to Q and K, line by line; the formula that runs where it is one.
    pub(super) fn written(&self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Score { formula, .. } => lines([*formula]),
            Self::Sinusoidal => lines([
                "x[p, 2 * i] + gain * sin(p / base ** (2 * i / d))",
                "x[p, 2 * i + 1] + gain * cos(p / base ** (2 * i / d))",
            ]),
            Self::Learned => lines([
                "r[p] == (min(p, trained - 1) if beyond == 0 else (p % trained if beyond == 1 else p * min(1, (trained - 1) / (n - 1))))",
                "t[p] == r[p] - floor(r[p])",
                "x[p] + gain * ((1 - t[p]) * T[floor(r[p])] + t[p] * T[floor(r[p]) + 1])",
            ]),
            Self::Rotary(kind) => lines(kind.written().iter().copied()),
            Self::Content(content) => content.written(),
        }
    }
}

impl NormaliserKind {
    /// The weight of key k, from the scores of its row, of which what is done by content has been done.
    pub(super) fn written(self) -> impl Iterator<Item = &'static str> {
        let lines: &[&str] = match self {
            Self::Softmax | Self::TopK => &["exp(s[k]) / sum(exp(s))"],
            Self::OffByOne => &["exp(s[k]) / (1 + sum(exp(s)))"],
            Self::Sigmoid => &["1 / (1 + exp(-(s[k] - log(n_k))))"],
            Self::Sparsemax => &["sum(max(0, s - tau)) == 1", "max(0, s[k] - tau)"],
            Self::Entmax => &["sum(max(0, s / 2 - tau) ** 2) == 1", "max(0, s[k] / 2 - tau) ** 2"],
            Self::SquaredRelu => &["max(0, s[k]) ** 2 / n_k"],
            Self::Sink => &["exp(s[k]) / (exp(sink_logit[h]) + sum(exp(s)))"],
            Self::Inverted => &["exp(s[k]) / sum(exp(s)) if rows else exp(s[k])"],
        };
        lines.iter().copied()
    }
}

impl End {
    /// What it does to the output `y`, where the changes that go with it do not say so already.
    pub(super) fn written(self) -> impl Iterator<Item = &'static str> {
        let lines: &[&str] = match self {
            Self::Nothing | Self::Talking | Self::Difference => &[],
            Self::Gains => &["y[h] * head_gain[h]"],
            Self::Prune => &["0 if h == head else y[h]"],
            Self::Gate => &["y[q, i] * gate[q, i]"],
            Self::Hold => &["t == q - (q_pos - phase[h]) % period[h]", "y[t] if t >= 0 else y[q]"],
        };
        lines.iter().copied()
    }
}

impl RecipeEntry {
    /// The numbers it makes: rows of Q, K and V are `x` where all are made alike, and what it says nothing of is normal.
    pub(super) fn written(&self) -> &'static [&'static str] {
        match self.id {
            "normal" => &["x[p, i] == normal(0, 1)"],
            "uniform" => &["x[p, i] == uniform(-1, 1)"],
            "one_hot" => &[
                "q[p, i] == (sqrt(d) if i == p % d else 0)",
                "k[p, i] == (sqrt(d) if i == p % d else 0)",
                "v[p, i] == (1 if i == p % d_v else 0)",
            ],
            "orthogonal" => {
                &["norm(k[p]) == sqrt(d)", "dot(k[i], k[j]) * (i // d == j // d) == 0 * (i != j)", "q[p] == k[p % n_k]"]
            }
            "needle" => &[
                "m == min(floor(place * n_k), n_k - 1)",
                "u[i] == normal(0, 1)",
                "e == u / norm(u)",
                "q[p] == sqrt(d) * e",
                "g[p, i] == normal(0, 1)",
                "k[p] == (margin * e if p == m else g[p] - dot(g[p], e) * e)",
                "v[p, 0] == (1 if p == m else 0)",
            ],
            "periodic" => &["t[p, i] == normal(0, 1)", "x[p] == t[p % period]"],
            "reversed" => &["q[p, i] == normal(0, 1)", "k[p] == q[n_q - 1 - p % n_q]"],
            "smooth" => &[
                "f[i] == waves * normal(0, 1)",
                "a[i] == uniform(0, 1)",
                "x[p, i] == sqrt(2) * cos(2 * pi * (f[i] * p / n + a[i]))",
            ],
            "noise" => &["k[p, i] == normal(0, 1)", "q[p, i] == k[p % n_k, i] + noise * normal(0, 1)"],
            _ => &[],
        }
    }
}

impl StreamEntry {
    /// The matrices of each stream, then the pairs.
    pub(super) fn written(&self) -> impl Iterator<Item = &'static str> {
        let rows: &[&str] = if self.shared {
            &["q[p] == W * x[p]", "k[p] == U * x[p]", "v[p] == M * x[p]"]
        } else {
            &[
                "q[p] == (W_A if p < first else W_B) * x[p]",
                "k[p] == (U_A if p < first else U_B) * x[p]",
                "v[p] == (M_A if p < first else M_B) * x[p]",
            ]
        };
        rows.iter().copied().chain([self.formula])
    }
}

/// The gate of a hybrid and its sum; without a second branch the output as it is.
pub(super) fn hybrid(mixes: bool) -> Vec<String> {
    match mixes {
        true => lines([
            "g[q] == (sigmoid(log(gate / (1 - gate)) + dot(q[q], W[h]) / sqrt(d)) if by_query else gate)",
            "g[q] * A[q] * v + (1 - g[q]) * B[q]",
        ]),
        false => lines(["A[q] * v"]),
    }
}
