//! Rotations of Q and K, as they are written. Pair i of d turning places.

use super::super::entry::Rotary;

impl Rotary {
    /// Frequencies first, where they are not those of the first paper; then the turn. Pair i of d turning places.
    pub(super) fn written(self) -> &'static [&'static str] {
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
                "m == ceil(d / 4)",
                "turn(x[p, i], p // width * base ** (-i / m) if i < m else p % width * base ** ((m - i) / (d / 2 - m)))",
            ],
            Self::Frames => &[
                PLAIN,
                "a == d // 8",
                "b == a + (d // 2 - a) // 2",
                "turn(x[p, i], f[i] * (p // (height * width) if i < a else (p // width % height if i < b else p % width)))",
            ],
        }
    }
}
