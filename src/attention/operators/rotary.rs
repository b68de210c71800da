//! Rotary position embedding (Su et al. 2021, "RoFormer") with angles that the caller gives, as in ONNX's RotaryEmbedding.

use super::Real;

/// Sizes, and which numbers of a vector are a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RotaryEmbedding {
    /// Sequences.
    pub batch: usize,
    /// Heads; all are rotated alike.
    pub heads: usize,
    /// Positions.
    pub length: usize,
    /// Size of a vector.
    pub size: usize,
    /// Numbers of each vector that are rotated, the first ones: even, at most `size`. The others pass through.
    pub rotated: usize,
    /// Whether a pair is two neighbours; otherwise the numbers at `i` and `rotated/2 + i`.
    pub interleaved: bool,
}

impl RotaryEmbedding {
    /// Length of the vectors.
    pub(super) fn x_len(&self) -> usize {
        self.batch * self.heads * self.length * self.size
    }

    /// Lengths of the vectors, the cosines and the sines.
    pub(super) fn inputs(&self) -> [usize; 3] {
        let angles = self.batch * self.length * (self.rotated / 2);
        [self.x_len(), angles, angles]
    }

    /// Four multiplications and two additions for each pair.
    pub(super) fn flops(&self) -> f64 {
        6.0 * (self.batch * self.heads * self.length * (self.rotated / 2)) as f64
    }

    /// `[batch, heads, length, size]`, of `x` in the same shape and the angles' `cos` and `sin` `[batch, length, rotated/2]`. A pair `(a, b)` becomes
    /// `(a cos − b sin, a sin + b cos)`.
    pub fn compute<R: Real>(&self, x: &[f32], cos: &[f32], sin: &[f32]) -> Vec<f32> {
        let half = self.rotated / 2;
        let mut y = x.to_vec();
        for (row, vector) in y.chunks_exact_mut(self.size).enumerate() {
            // Rows go by sequence, head and position; angles by sequence and position.
            let (batch, t) = (row / (self.heads * self.length), row % self.length);
            let angles = (batch * self.length + t) * half;
            for i in 0..half {
                let (at_a, at_b) = if self.interleaved { (2 * i, 2 * i + 1) } else { (i, half + i) };
                let (a, b) = (R::of(vector[at_a]), R::of(vector[at_b]));
                let (c, s) = (R::of(cos[angles + i]), R::of(sin[angles + i]));
                (vector[at_a], vector[at_b]) = ((a * c - b * s).single(), (a * s + b * c).single());
            }
        }
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_halves_or_neighbours_and_the_rest_passes_through() {
        let halves = RotaryEmbedding { batch: 1, heads: 2, length: 1, size: 5, rotated: 4, interleaved: false };
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, -1.0, -2.0, -3.0, -4.0, -5.0];
        // A quarter turn of the first pair, a half turn of the second.
        let (cos, sin) = ([0.0, -1.0], [1.0, 0.0]);
        assert_eq!(halves.compute::<f32>(&x, &cos, &sin), [-3.0, -2.0, 1.0, -4.0, 5.0, 3.0, 2.0, -1.0, 4.0, -5.0]);
        let neighbours = RotaryEmbedding { interleaved: true, ..halves };
        assert_eq!(neighbours.compute::<f64>(&x, &cos, &sin), [-2.0, 1.0, -3.0, -4.0, 5.0, 2.0, -1.0, 3.0, 4.0, -5.0]);
    }

    #[test]
    fn each_sequence_and_position_has_its_own_angle() {
        let rotary = RotaryEmbedding { batch: 2, heads: 2, length: 2, size: 2, rotated: 2, interleaved: false };
        let x = [1.0, 0.0].repeat(8);
        let (cos, sin) = ([1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0]);
        let (one, two) = ([1.0, 0.0, 0.0, 1.0], [-1.0, 0.0, 0.0, -1.0]);
        assert_eq!(rotary.compute::<f32>(&x, &cos, &sin), [one, one, two, two].concat());
    }
}
