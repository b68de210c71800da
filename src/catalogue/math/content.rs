//! What is done by the contents of Q and K, as it is written.

use super::super::content::{Branch, Change, Computed, Content, Measure};
use super::lines;

impl Content {
    /// What it changes, the tables it computes, and the formulas that read them.
    pub(in crate::catalogue) fn written(&self) -> Vec<String> {
        let changes = self.changes.iter().flat_map(|change| lines(change.written().iter().copied()));
        let tables = self.tables.iter().flat_map(Computed::written);
        let formulas = self.score.into_iter().chain(self.mask).chain(self.last).map(str::to_owned);
        changes.chain(tables).chain(formulas).chain(self.joined()).collect()
    }

    /// The branches with their gates, and their sum.
    fn joined(&self) -> Vec<String> {
        if self.branches.is_empty() {
            return Vec::new();
        }
        let one = |(i, branch): (usize, &Branch)| {
            [format!("gate[{i}] == {}", branch.gate), format!("mask[{i}] == ({})", branch.mask)]
        };
        let branches = self.branches.iter().enumerate().flat_map(one);
        branches.chain(lines(Measure::Branches.written().iter().copied())).collect()
    }
}

impl Computed {
    /// How it is computed, under its own name.
    fn written(&self) -> Vec<String> {
        self.kind.written().iter().map(|line| line.replace("table[", &format!("{}[", self.name))).collect()
    }
}

impl Change {
    fn written(self) -> &'static [&'static str] {
        match self {
            Self::Cosine => &["x[p] / norm(x[p])"],
            Self::RmsNorm => &["gain * x[p] / sqrt(mean(x[p, i] ** 2, i) + 0.000001)"],
            Self::SquaredDistance => &["-norm(q[q] - k[k]) ** 2"],
            Self::ScaledSinusoid => &[
                "m == ceil(d / 2)",
                "a[p, i] == p / 10000 ** (2 * i / d)",
                "x[p, i] + gain / sqrt(d) * (sin(a[p, i]) if i < m else cos(a[p, i - m]))",
            ],
            Self::Flow => &[
                "f[0] == F",
                "derivative(f[t], t) == tanh(W * f[t] + t * C + D)",
                "x[p] + gain * f[p * delta]",
                "v[p] + values * gain * O * f[p * delta]",
            ],
            Self::Polar => &[
                "a[p, i] == p * base ** (-i / d)",
                "b[p, i] == a[p, i] - 2 * pi * phase * uniform(0, 1)",
                "concat(log(1 + exp(q[p, i])) * cos(a[p, i]), log(1 + exp(q[p, i])) * sin(a[p, i]))",
                "concat(log(1 + exp(k[p, i])) * cos(b[p, i]), log(1 + exp(k[p, i])) * sin(b[p, i]))",
            ],
            Self::Lstm => &[
                "e[x, p] == (x[p] if content else 1)",
                "concat(i[x, p], f[x, p], g[x, p], o[x, p]) == W[x] * e[x, p] + U[x] * h[x, p - 1]",
                "c[x, p] == sigmoid(f[x, p] + 1) * c[x, p - 1] + sigmoid(i[x, p]) * tanh(g[x, p])",
                "h[x, p] == sigmoid(o[x, p]) * tanh(c[x, p])",
                "x[p] + gain * P * h[x, p]",
                "v[p] + values * gain * O * (h[v, p] if content else h[x, p])",
            ],
            Self::LocalRnn => &[
                "h[x, p, i] == (tanh(W[x] * x[p - reach + i] + U[x] * h[x, p, i - 1]) if i > max(0, reach - 1 - p) else 0)",
                "x[p] + gain * h[x, p, reach]",
                "v[p] + values * gain * h[v, p, reach]",
            ],
            Self::SharedQk => &["i == j * heads // kv_heads", "q[i, p] / norm(q[i, p]) if shared else k[j, p]"],
            Self::TalkingHeads => &[
                "m[h, g] == (identity * (h == g) + noise / sqrt(heads) * normal(0, 1) if before else h == g)",
                "n[h, g] == (identity * (h == g) + noise / sqrt(heads) * normal(0, 1) if after else h == g)",
                "sum(m[h, g] * dot(q[g, q], k[g, k]), g)",
                "sum(n[h, g] * A[g], g) * v[h]",
            ],
            Self::OneHead => &["sum(dot(q[i, q], k[i, k]), i)"],
            Self::Pairs => &["i == h - h % 2", "(A[i] - lambda * A[i + 1] if i + 1 < heads else A[i]) * v[h]"],
            Self::GroupHeads => &[
                "n == nearest(kv_heads, divisors(heads))",
                "m == heads / n",
                "k[j] == mean(k[i], j * m <= i < (j + 1) * m)",
                "v[j] == mean(v[i], j * m <= i < (j + 1) * m)",
            ],
            Self::Latent => &[
                "z[p] == concat(k[h, p], v[h, p], h)",
                "c[0] == orthonormal(z * R[rank])",
                "c[i + 1] == orthonormal(z * transpose(z) * c[i])",
                "c[2] * transpose(c[2]) * z",
            ],
            Self::Quantise => &[
                "r == largest(abs(z[p, i]), i if format == 2 else p * d + i) / 127",
                "float16(z[p]) if format == 0 else (bfloat16(z[p]) if format == 1 else r * round(z[p] / r))",
            ],
            Self::GlobalProjections => &[
                "q[p] * W_Q[h] if p < globals else q[p]",
                "k[p - tokens] * W_K[h] if p >= tokens else k[p]",
                "v[p - tokens] * W_V[h] if p >= tokens else v[p]",
            ],
            Self::Truncate => &["m == min(keep, n_k)", "z[p + n_k - m if last else p] * (p < m)"],
            Self::Page => &["pool[table[p // page], p % page] == z[p]", "pool[table[p // page], p % page]"],
            Self::AppendBlocks => &[
                "c[j] == mean(k[i], j * block <= i < (j + 1) * block)",
                "u[j] == mean(v[i], j * block <= i < (j + 1) * block)",
                "k[p] if p < tokens else c[p - tokens]",
                "v[p] if p < tokens else u[p - tokens]",
            ],
            Self::PoolKeys => {
                &["z[min((p + 1) * factor, n_k) - 1] if strided else mean(z[i], p * factor <= i < (p + 1) * factor)"]
            }
        }
    }
}

impl Measure {
    /// Lines that compute it; `table` is what its entry calls it.
    fn written(self) -> &'static [&'static str] {
        match self {
            Self::Additive => &["table[h, q, k] == dot(W[h], tanh(q[q] + k[k]))"],
            Self::Shaw => &["table[q, r] == gain * dot(q[q], R[r])"],
            Self::TransformerXl => &[
                "m == ceil(d / 2)",
                "r[t, i] == (sin(t / 10000 ** (2 * i / d)) if i < m else cos(t / 10000 ** (2 * (i - m) / d)))",
                "table[h, q, k] == dot(q[q] + gain * V[h], gain * W[h] * r[q_pos - k]) + gain * dot(U[h], k[k])",
            ],
            Self::ContentToPlace => &["table[h, q, r] == gain * dot(q[q], C[h, r])"],
            Self::PlaceToContent => &["table[h, k, r] == gain * dot(k[k], P[h, r])"],
            // Positions have the gain on both sides.
            Self::Tupe => &["table[h, q, k] == gain ** 2 * dot(U[h] * P[q_pos], W[h] * P[k])"],
            Self::TiSasRec => &[
                "gap == least(abs(time[i] - time[j]), time[i] != time[j])",
                "r[q, k] == min(reach, abs(time[q_pos] - time[k]) // gap)",
                "table[q, k] == gain * dot(q[q], P[k] + R[r[q, k]])",
            ],
            Self::Forget => &["table[h, k] == sum(log(sigmoid(dot(W[h], k[i]) / sqrt(d) + bias)), i <= k)"],
            Self::Cope => &[
                "p[q, k] == min(reach, sum(sigmoid(s[q, i]), i >= k))",
                "t[q, k] == p[q, k] - floor(p[q, k])",
                "c[q, r] == gain * dot(q[q], E[r]) / sqrt(d)",
                "table[q, k] == (1 - t[q, k]) * c[q, floor(p[q, k])] + t[q, k] * c[q, ceil(p[q, k])]",
            ],
            Self::Path => &[
                "w[t] == W[h] * k[t] / norm(W[h] * k[t])",
                "beta[t] == 2 * sigmoid(dot(U[h], k[t]) / sqrt(d))",
                "m[t] == I - beta[t] * outer(w[t], w[t])",
                "table[q, k] == dot(k[k], product(m[t], k < t <= q_pos) * q[q])",
            ],
            Self::TopKeys => {
                &["rank(s[q, k]) == 1 + count(s[q, i] > s[q, k], i)", "table[q, k] == (rank(s[q, k]) <= keep)"]
            }
            Self::TopBlocks => &[
                "g[q, j] == (inf if j == q_pos // block else dot(q[q], mean(k[i], i // block == j and allowed[q, i])))",
                "rank(g[q, j]) == 1 + count(g[q, i] > g[q, j], i)",
                "table[q, j] == (rank(g[q, j]) <= keep)",
            ],
            Self::NativeBlocks => &[
                "a[h, q, j] == exp(s[h, q, tokens + j]) / sum(exp(s[h, q, tokens + i]), whole_blocks[q, i])",
                "b[q, j] == sum(a[i, q, j], i // group == h // group)",
                "g[q, j] == (inf if j in {0, q_pos // block, q_pos // block - 1} else b[q, j])",
                "rank(g[q, j]) == 1 + count(g[q, i] > g[q, j], i)",
                "table[q, j] == (rank(g[q, j]) <= keep)",
            ],
            Self::Hebbian => &["table[r] == mean(A[q, k], abs(q_pos - k) == r)"],
            Self::WholeBlocks => &["table[q, j] == all(allowed[q, i], i // block == j)"],
            Self::Branches => &[
                "g[q, i] == (sigmoid(log(gate[i] / (1 - gate[i])) + dot(q[q], W[h, i]) / sqrt(d)) if by_query else gate[i])",
                "y[q] == sum(g[q, i] * sum(exp(s[q, k]) * v[k], mask[i]) / sum(exp(s[q, k]), mask[i]), i)",
            ],
            Self::Beside => &["table[q, k] == (1 - g[q]) * B[q, k]"],
            Self::Blend => &["table[q] == (1 - g[q]) * B[q]"],
            Self::Indexed => &[
                "rows(M[i]) == size",
                "a[q] == concat(q[h, q], h)",
                "b[k] == concat(k[h, k], h)",
                "t[q, k] == sum(dot(W[i], a[q]) * max(0, dot(M[i] * a[q], J * b[k])), i < heads)",
                "rank(t[q, k]) == 1 + count(t[q, i] > t[q, k] or t[q, i] == t[q, k] and i < k, i)",
                "table[q, k] == (rank(t[q, k]) <= keep)",
            ],
            Self::HashOfQuery => {
                &["rows(R[r]) == buckets / 2", "table[r, q] == argmax(concat(R[r] * q[q], -(R[r] * q[q])))"]
            }
            Self::HashOfKey => &["table[r, k] == argmax(concat(R[r] * k[k], -(R[r] * k[k])))"],
            Self::Gate => &["table[h, q, i] == sigmoid(dot(W[h, i if elementwise else 0], q[q]) / sqrt(d) + bias)"],
            Self::ColumnSums => &["table[k] == log(sum(exp(s[q, k]), q))"],
            Self::ShawValues => {
                &["y[q] + values * gain * sum(A[q, k] * S[clamp(k - q_pos, -reach, reach) + reach], k)"]
            }
            Self::TiSasRecValues => &["y[q] + values * gain * sum(A[q, k] * (O[k] + S[r[q, k]]), k)"],
            Self::ClusterOfQuery => &[
                "u(x) == (x - mean(x)) / norm(x - mean(x))",
                "c[0, j] == u(k[floor(uniform(0, 1) * n_k)])",
                "e[t, j] == sum(u(x[i]), argmax(dot(c[t], u(x[i]))) == j)",
                "c[t + 1, j] == (e[t, j] / norm(e[t, j]) if norm(e[t, j]) > 0 else c[t, j])",
                "table[q] == argmax(dot(c[steps, j], u(q[q])), j < clusters)",
            ],
            Self::ClusterOfKey => &["table[k] == argmax(dot(c[steps, j], u(k[k])), j < clusters)"],
        }
    }
}
