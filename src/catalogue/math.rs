//! What entries without a formula of their own do, written in the same notation, for reading: `x[p, i]` is place i of the row at position p, `turn(x, a)`
//! a pair of places turned by the angle a.

use super::entry::{NormaliserKind, Rotary, Slot};

impl Slot {
    /// What it does to Q and K, line by line; the formula that runs where it is one.
    pub fn written(&self) -> &[&'static str] {
        match self {
            Self::Nothing => &[],
            Self::Score { .. } => &[],
            Self::Sinusoidal => &[
                "x[p, 2 * i] + gain * sin(p / base ** (2 * i / d))",
                "x[p, 2 * i + 1] + gain * cos(p / base ** (2 * i / d))",
            ],
            Self::Learned => &[
                "x[p] + gain * table[min(p, trained - 1) if beyond == 0 else (p % trained if beyond == 1 else p * (trained - 1) / (n - 1))]",
            ],
            Self::Content(content) => content.score.as_slice(),
            Self::Rotary(kind) => kind.written(),
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
        }
    }
}
