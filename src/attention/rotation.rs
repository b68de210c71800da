//! Rotary position embedding and what grew from it, as plain data.

/// Rotary position embedding (Su et al. 2021): pairs of places of Q and K turn by `position · frequency`, with frequencies
/// `base^(-2i/dims)` unless `stretch` or `axes` says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotation {
    /// 10 000 in the paper.
    pub base: f64,
    /// How many leading places of a head turn; even, at most `d`. The rest passes through.
    pub dims: usize,
    /// Pairs are (0,1), (2,3), … instead of (i, i + dims/2).
    pub interleaved: bool,
    /// How the frequencies reach beyond the trained length.
    pub stretch: Stretch,
    /// Factor on the turned places of Q and of K, so that their part of a score gets its square; 1 in the paper, `0.1 · ln factor + 1` with YaRN.
    pub magnitude: f64,
    /// What a token's place is.
    pub axes: Axes,
    /// Growth and decay with position.
    pub decay: Option<Decay>,
}

impl Rotation {
    /// The rotation of the paper.
    pub fn new(base: f64, dims: usize, interleaved: bool) -> Self {
        Self { base, dims, interleaved, stretch: Stretch::None, magnitude: 1.0, axes: Axes::Line, decay: None }
    }
}

/// How the frequencies `f` of a model trained on `trained` tokens are changed for longer texts. Factors are at least 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Stretch {
    /// They stay.
    None,
    /// `f / factor`: position interpolation (Chen et al. 2023).
    Linear {
        /// Longer by so much.
        factor: f64,
    },
    /// The base becomes `base · factor^(dims / (dims - 2))`: the fastest pair stays, the slowest is interpolated ("NTK-aware", in Peng et al.
    /// 2023).
    Ntk {
        /// Longer by so much.
        factor: f64,
    },
    /// As [`Stretch::Ntk`] with `factor · n / trained - (factor - 1)`, where `n` is one more than the last position, and at least `trained`; at
    /// factor 1 that is `n / trained`. The form of the code that models use; Peng et al. 2023 have factor 1.
    DynamicNtk {
        /// How fast the base grows past the trained length.
        factor: f64,
        /// Tokens.
        trained: usize,
    },
    /// By the number of turns `trained · f / 2π` that a pair made in training: `f` from `fast` on, `f / factor` up to `slow`, and between them in
    /// proportion. "NTK-by-parts" in Peng et al. 2023, with α for `slow` and β for `fast`; Llama 3.1 with 1 and 4. (The released code of YaRN
    /// moves the two bounds outwards to whole pairs and is linear in the pair's index; the paper, and this, in the number of turns.)
    Bands {
        /// Longer by so much.
        factor: f64,
        /// Tokens.
        trained: usize,
        /// Turns up to which a pair is interpolated.
        slow: f64,
        /// Turns from which a pair stays.
        fast: f64,
    },
}

/// What the place of token `i` is, and which pairs turn with which part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// `i`.
    Line,
    /// Row and column `(i / width, i % width)`: the first half of the pairs turns with the row, the second with the column, each half with frequencies
    /// from 1 down of its own (axial, as in Heo et al. 2024). Of an odd number of pairs the row has one more.
    Grid {
        /// Columns.
        width: usize,
    },
    /// Frame, row and column of a video: the fastest quarter of the pairs turns with the frame, the next three eighths with the row, the slowest with
    /// the column, out of one ladder of frequencies (M-RoPE of Wang et al. 2024, whose models have 16, 24 and 24 pairs).
    Frames {
        /// Rows of a frame.
        height: usize,
        /// Columns of a frame.
        width: usize,
    },
}

/// Pair `i` of a query at `p` is multiplied by `ζ^((p - c) / scale)` and of a key by its inverse, `ζ = (2i / dims + gamma) / (1 + gamma)` (xPos;
/// Sun et al. 2022). Only differences of positions reach a score, so `c`, the middle of the keys, changes none; it keeps both factors in range.
#[derive(Clone, Debug, PartialEq)]
pub struct Decay {
    /// 0.4 in the paper.
    pub gamma: f64,
    /// Tokens for one power of ζ; 512 in the authors' code.
    pub scale: f64,
}

impl Decay {
    /// `-ln ζ` of pair `i` for one token.
    pub fn rate(&self, i: usize, dims: usize) -> f64 {
        -((2.0 * i as f64 / dims as f64 + self.gamma) / (1.0 + self.gamma)).ln() / self.scale
    }
}
