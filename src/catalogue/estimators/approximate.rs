//! Approximations of the matrix of softmax weights.

use super::super::entry::{CostClass, Paper, Param, Text};
use super::{Direction, EstimatorEntry, Family, SEED};

pub(super) const ENTRIES: &[EstimatorEntry] = &[
    EstimatorEntry {
        id: "performer",
        name: Text::new("Performer", "Performer"),
        about: Text::new(
            "Random features whose products are, on average, the exponentials of softmax: the more of them, the closer.",
            "随机特征的内积平均而言等于 Softmax 的指数：特征越多越接近。",
        ),
        family: Family::Approximate,
        formula: "φ(x) = exp(ωᵀx - |x|²/2)",
        written: &[
            "dot(omega[i], omega[j]) * (i // d == j // d) == 0 * (i != j)",
            "norm(omega[i]) == norm(normal(0, I))",
            "phi(x, i) == exp(sqrt(scale) * dot(omega[i], x) - scale * norm(x) ** 2 / 2)",
            "w[q, k] == sum(phi(q[q], i) * phi(k[k], i), i < features)",
            "y[q] == sum(w[q, k] * v[k], k) / sum(w[q, k], k)",
        ],
        params: &[Param::int("features", [1, 256], 1024, 64, Text::new("features", "特征数")), SEED],
        words: None,
        paper: Some(Paper {
            title: "Choromanski et al., Rethinking Attention with Performers",
            year: 2020,
            id: "arXiv:2009.14794",
        }),
        ours: None,
        cost: CostClass::Linear,
        direction: Direction::Both,
        state: true,
        square: false,
    },
    EstimatorEntry {
        id: "linformer",
        name: Text::new("Linformer", "Linformer"),
        about: Text::new(
            "Keys and values are projected to a few rows, and queries attend to those.",
            "键和值投影为少数几行，查询只关注这些行。",
        ),
        family: Family::Approximate,
        formula: "softmax(scale · q (E K)ᵀ) E V",
        written: &[
            "r == min(rank, n_k)",
            "m[j] == (j + 1) * n_k // r - j * n_k // r",
            "e[j, i] == ((j * n_k // r <= i < (j + 1) * n_k // r) / m[j] if pooled else normal(0, 1 / r))",
            "w[q, j] == exp(scale * dot(q[q], sum(e[j, i] * k[i], i)))",
            "y[q] == sum(w[q, j] / sum(w[q, i], i) * sum(e[j, i] * v[i], i), j)",
        ],
        params: &[
            Param::int("rank", [1, 128], 4096, 16, Text::new("rows", "行数")),
            Param::switch(
                "pooled",
                false,
                Text::new("means of neighbours in place of random rows", "以相邻均值代替随机行"),
            ),
            SEED,
        ],
        words: None,
        paper: Some(Paper { title: "Wang et al., Linformer", year: 2020, id: "arXiv:2006.04768" }),
        ours: Some(Text::new(
            "A model learns the projection; here it is the random one of the paper's theorem, or means of neighbours. With as many rows as keys the means are exact.",
            "模型会学习投影；此处为论文定理中的随机投影，或相邻元素的均值。行数等于键数时，均值投影是精确的。",
        )),
        cost: CostClass::Linear,
        direction: Direction::Bidirectional,
        state: false,
        square: false,
    },
    EstimatorEntry {
        id: "nystrom",
        name: Text::new("Nyströmformer", "Nyströmformer"),
        about: Text::new(
            "Queries and keys meet through landmarks, the means of segments of the text.",
            "查询与键通过地标相遇，地标是文本各段的均值。",
        ),
        family: Family::Approximate,
        formula: "softmax(Q K̃ᵀ) pinv(softmax(Q̃ K̃ᵀ)) softmax(Q̃ Kᵀ) V",
        written: &[
            "m == min(landmarks, n_q, n_k)",
            "a[j] == mean(q[i], j * n_q // m <= i < (j + 1) * n_q // m)",
            "b[j] == mean(k[i], j * n_k // m <= i < (j + 1) * n_k // m)",
            "softmax(x, i) == exp(x[i]) / sum(exp(x[j]), j)",
            "c[i, j] == softmax(scale * dot(a[i], b), j)",
            "z[0] == transpose(c) / (largest(sum(c[i, j], j), i) * largest(sum(c[i, j], i), j))",
            "z[i + 1] == z[i] * (13 * I - c * z[i] * (15 * I - c * z[i] * (7 * I - c * z[i]))) / 4",
            "y[q] == softmax(scale * dot(q[q], b)) * z[iterations] * softmax(scale * dot(a, k)) * v",
        ],
        params: &[
            Param::int("landmarks", [1, 64], 512, 16, Text::new("landmarks", "地标数")),
            Param::int("iterations", [1, 30], 100, 6, Text::new("steps of the inverse", "求逆步数")),
        ],
        words: None,
        paper: Some(Paper { title: "Xiong et al., Nyströmformer", year: 2021, id: "arXiv:2102.03902" }),
        ours: None,
        cost: CostClass::Linear,
        direction: Direction::Bidirectional,
        state: false,
        square: false,
    },
];
