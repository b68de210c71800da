//! What entries without a formula of their own do, written in the same notation, for reading: `x[p, i]` is place i of the row at position p, `turn(x, a)`
//! a pair of places turned by the angle a.

use super::content::{Change, Content, Measure};
use super::entry::{NormaliserKind, Rotary, Slot};
use super::inputs::RecipeEntry;
use super::layouts::End;

impl Slot {
    /// What it does to Q and K, line by line; the formula that runs where it is one.
    pub fn written(&self) -> Vec<&'static str> {
        match self {
            Self::Nothing | Self::Score { .. } => Vec::new(),
            Self::Sinusoidal => vec![
                "x[p, 2 * i] + gain * sin(p / base ** (2 * i / d))",
                "x[p, 2 * i + 1] + gain * cos(p / base ** (2 * i / d))",
            ],
            Self::Learned => vec![
                "x[p] + gain * table[min(p, trained - 1) if beyond == 0 else (p % trained if beyond == 1 else p * (trained - 1) / (n - 1))]",
            ],
            Self::Rotary(kind) => kind.written().to_vec(),
            Self::Content(content) => content.written(),
        }
    }
}

impl Content {
    /// What it changes, the tables it computes, and the formulas that read them. Rows of Q and K are `x` where both change alike; capitals are seeded.
    pub fn written(&self) -> Vec<&'static str> {
        let changes = self.changes.iter().flat_map(|change| change.written());
        let tables = self.tables.iter().flat_map(|table| table.kind.written());
        changes
            .chain(tables)
            .copied()
            .chain(self.score)
            .chain(self.mask)
            .chain(self.last)
            .chain(self.branches.iter().map(|branch| branch.mask))
            .collect()
    }
}

impl Change {
    fn written(self) -> &'static [&'static str] {
        match self {
            Self::Cosine => &["x[p] / norm(x[p])"],
            Self::RmsNorm => &["gain * x[p] / rms(x[p])"],
            Self::SquaredDistance => &["-norm(q[p] - k[p]) ** 2"],
            Self::ScaledSinusoid => &[
                "x[p, i] + gain / sqrt(d) * sin(p / 10000 ** (2 * i / d))",
                "x[p, i + d / 2] + gain / sqrt(d) * cos(p / 10000 ** (2 * i / d))",
            ],
            Self::Flow => &[
                "f[t + delta] == f[t] + integral(tanh(W * f[t] + t * w + B))",
                "x[p] + gain * f[p * delta]",
                "v[p] + values * gain * O * f[p * delta]",
            ],
            Self::Polar => &[
                "a[p, i] == p * base ** (-i / d)",
                "turn(log(1 + exp(q[p, i])), a[p, i])",
                "turn(log(1 + exp(k[p, i])), a[p, i] - 2 * pi * phase * U[i])",
            ],
            Self::Lstm => &[
                "h[p] == lstm(x[p] if content else 1, h[p - 1])",
                "x[p] + gain * W * h[p]",
                "v[p] + values * gain * O * h[p]",
            ],
            Self::LocalRnn => {
                &["h[p] == rnn(x[p - reach + 1], x[p])", "x[p] + gain * h[p]", "v[p] + values * gain * h[p]"]
            }
            Self::SharedQk => &["q[p] / norm(q[p]) if shared else k[p]"],
            Self::TalkingHeads => &[
                "before[g, h] == identity * (g == h) + noise * P[g, h]",
                "dot(sum(before[g, h] * q[h]), k[h])",
                "sum(after[h, g] * A[g] * v[h])",
            ],
            Self::OneHead => &["sum(dot(q[h], k[h]))"],
            Self::Pairs => &["A[2 * h] * v[h] - lambda * A[2 * h + 1] * v[h]"],
            Self::GroupHeads => &["mean(k[h * kv_heads // heads])"],
            Self::Latent => &["c[p, rank] == x[p] * D[rank]", "c[p] * U[rank]"],
            Self::Quantise => &["dequantise(quantise(x[p], format))"],
            Self::GlobalProjections => &[
                "q[p] * A if p < globals else q[p]",
                "k[p] * B if p >= tokens else k[p]",
                "v[p] * C if p >= tokens else v[p]",
            ],
            Self::Truncate => &["k[p + n - keep if last else p]"],
            Self::Page => &["pool[table[p // page], p % page] == k[p]"],
            Self::AppendBlocks => &["c[j] == mean(k[j * block], k[(j + 1) * block - 1])"],
            Self::PoolKeys => &["k[(p + 1) * factor - 1] if strided else mean(k[p * factor], k[(p + 1) * factor - 1])"],
        }
    }
}

impl Measure {
    pub(super) fn written(self) -> &'static [&'static str] {
        match self {
            Self::Additive => &["additive[q, k] == dot(W, tanh(q[q] + k[k]))"],
            Self::Shaw => &["shaw[q, r] == gain * dot(q[q], A[r - reach])"],
            Self::TransformerXl => &["xl[q, k] == gain * (dot(q[q] + V, W * R[q - k]) + dot(U, k[k]))"],
            Self::ContentToPlace => &["c2p[q, r] == gain * dot(q[q], K[r])"],
            Self::PlaceToContent => &["p2c[k, r] == gain * dot(k[k], Q[r])"],
            Self::Tupe => &["tupe[q, k] == gain * dot(U * P[q], W * P[k])"],
            Self::TiSasRec => &[
                "r[q, k] == min(reach, abs(time[q] - time[k]) // gap)",
                "tisasrec[q, k] == gain * dot(q[q], P[k] + R[r[q, k]])",
            ],
            Self::Forget => &["forget[k] == forget[k - 1] + log(sigmoid(dot(W, k[k]) / sqrt(d) + bias))"],
            Self::Cope => {
                &["p[q, k] == min(reach, p[q, k + 1] + sigmoid(s[q, k]))", "cope[q, k] == gain * dot(q[q], E[p[q, k]])"]
            }
            Self::Path => &["path[q, k] == dot(k[k], H[k + 1] * H[q] * q[q])"],
            Self::TopKeys => &["top[q, k] == rank(s[q, k]) <= keep"],
            Self::TopBlocks => &["top[q, j] == rank(dot(q[q], mean(k[j * block], k[(j + 1) * block - 1]))) <= keep"],
            Self::NativeBlocks => &["top[q, j] == rank(sum(softmax(dot(q[q], c[j])))) <= keep"],
            Self::Hebbian => &["hebb[d] == mean(A[q, q - d])"],
            Self::WholeBlocks => &["whole[q, j] == min(allowed[q, j * block], allowed[q, (j + 1) * block - 1])"],
            Self::Branches => &["sum(gate[q] * softmax(s[q]) * v)"],
            Self::Beside => &["gate[q] * A[q, k] + (1 - gate[q]) * B[q, k]"],
            Self::Blend => &["gate[q] * A[q] * v + (1 - gate[q]) * B[q]"],
            Self::Indexed => &["top[q, k] == rank(sum(W[heads] * max(0, dot(I[q, size], J[k, size])))) <= keep"],
            Self::HashOfQuery => &["hash_q[rounds, q] == argmax(q[q] * R[buckets / 2], -q[q] * R[buckets / 2])"],
            Self::HashOfKey => &["hash_k[rounds, k] == argmax(k[k] * R[buckets / 2], -k[k] * R[buckets / 2])"],
            Self::Gate => &["sigmoid(q[q] * W[elementwise] + bias)"],
            Self::ColumnSums => &["column[k] == log(sum(exp(s[q, k])))"],
            Self::ShawValues => &["y[q] + values * gain * sum(p[q, k] * B[clamp(k - q, -reach, reach)])"],
            Self::TiSasRecValues => &["y[q] + values * gain * sum(p[q, k] * (O[k] + S[r[q, k]]))"],
            Self::ClusterOfQuery => &["cluster_q[q] == nearest(centroid[clusters, steps], q[q])"],
            Self::ClusterOfKey => &["cluster_k[k] == nearest(centroid[clusters, steps], k[k])"],
        }
    }
}

impl Rotary {
    /// Frequencies first, where they are not those of the first paper; then the turn. Pair i of d turning places.
    fn written(self) -> &'static [&'static str] {
        const TURN: &str = "turn(x[p, i], p * f[i])";
        const PLAIN: &str = "f[i] == base ** (-2 * i / d)";
        // Of a pair that made so many turns in training.
        const TURNS: &str = "r[i] == trained * base ** (-2 * i / d) / (2 * pi)";
        const SHARE: &str = "g[i] == clamp((r[i] - slow) / (fast - slow), 0, 1)";
        const BANDS: &str = "f[i] == base ** (-2 * i / d) * (g[i] + (1 - g[i]) / factor)";
        match self {
            Self::Plain => &[PLAIN, TURN],
            Self::Linear => &["f[i] == base ** (-2 * i / d) / factor", TURN],
            Self::Ntk => &["f[i] == (base * factor ** (d / (d - 2))) ** (-2 * i / d)", TURN],
            Self::DynamicNtk => &[
                "m == factor * max(n, trained) / trained - (factor - 1)",
                "f[i] == (base * m ** (d / (d - 2))) ** (-2 * i / d)",
                TURN,
            ],
            Self::Yarn => &[TURNS, SHARE, BANDS, "(0.1 * log(factor) + 1) * turn(x[p, i], p * f[i])"],
            Self::Llama3 => &[TURNS, SHARE, BANDS, TURN],
            Self::Xpos => &[
                PLAIN,
                "z[i] == (2 * i / d + gamma) / (1 + gamma)",
                "z[i] ** (p / scale) * turn(q[p, i], p * f[i])",
                "z[i] ** (-p / scale) * turn(k[p, i], p * f[i])",
            ],
            Self::Grid => &[
                "f[i] == base ** (-4 * i / d)",
                "turn(x[p, i], p // width * f[i])",
                "turn(x[p, i + d / 4], p % width * f[i])",
            ],
            Self::Frames => &[
                PLAIN,
                "turn(x[p, i], p // (height * width) * f[i]) if i < d / 8 else \
                 (turn(x[p, i], p // width % height * f[i]) if i < 5 * d / 16 else turn(x[p, i], p % width * f[i]))",
            ],
        }
    }
}

impl NormaliserKind {
    /// The weight of key k, from the scores of its row; `sum` is over the keys that the mask allows, and `tau` makes the row sum to one.
    pub fn written(self) -> &'static str {
        match self {
            Self::Softmax => "exp(s[k]) / sum(exp(s))",
            Self::OffByOne => "exp(s[k]) / (1 + sum(exp(s)))",
            Self::Sigmoid => "1 / (1 + exp(-(s[k] - log(n_k))))",
            Self::Sparsemax => "max(0, s[k] - tau)",
            Self::Entmax => "max(0, s[k] / 2 - tau) ** 2",
            Self::SquaredRelu => "max(0, s[k]) ** 2 / n_k",
            Self::Sink => "exp(s[k]) / (exp(sink_logit[h]) + sum(exp(s)))",
            Self::TopK => "exp(s[k]) * (rank(s[k]) <= keep) / sum(exp(s) * (rank(s) <= keep))",
            Self::Inverted => {
                "exp(s[q, k] - column[k]) / sum(exp(s[q] - column)) if rows else exp(s[q, k] - column[k])"
            }
        }
    }
}

impl End {
    /// What it does to the output `y`, where the changes that go with it do not say so already.
    pub(super) fn written(self) -> &'static [&'static str] {
        match self {
            Self::Nothing | Self::Talking | Self::Difference => &[],
            Self::Gains => &["y[h] * head_gain[h]"],
            Self::Prune => &["0 if h == head else y[h]"],
            Self::Gate => &["y[q] * gate[q]"],
            Self::Hold => &["t == q - (q - phase[h]) % period[h]", "y[t] if t >= 0 else y[q]"],
        }
    }
}

impl RecipeEntry {
    /// The numbers it makes: rows of Q, K and V are `x` where all are made alike, and what it says nothing of is normal.
    pub fn written(&self) -> &'static [&'static str] {
        match self.id {
            "normal" => &["x[p, i] == normal(0, 1)"],
            "uniform" => &["x[p, i] == uniform(-1, 1)"],
            "one_hot" => &[
                "q[p, i] == (sqrt(d) if i == p % d else 0)",
                "k[p, i] == q[p, i]",
                "v[p, i] == (1 if i == p % d_v else 0)",
            ],
            "orthogonal" => &["dot(k[i], k[j]) == (d if i == j else 0)", "q[p] == k[p % n_k]"],
            "needle" => &["q[p] == sqrt(d) * u", "k[p] == (margin * u if p == needle else z[p] - dot(z[p], u) * u)"],
            "periodic" => &["x[p] == table[p % period]"],
            "reversed" => &["k[p] == q[n_q - 1 - p % n_q]"],
            "smooth" => &["x[p, i] == sqrt(2) * cos(2 * pi * (f[i] * p / n + phase[i]))"],
            "noise" => &["q[p] == k[p % n_k] + noise * normal(0, 1)"],
            _ => &[],
        }
    }
}
