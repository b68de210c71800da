//! Rows in double precision, and seeded weights.

use super::super::inputs::Rng;
use super::step::Step;

impl<Kind> Step<Kind> {
    /// Seeded normal numbers times `factor`: in NumPy those of `default_rng((seed + (stream << 53)) % 2**64)`, made as
    /// [`Rng::normals`] says. Seeds of experiments stay below 2^53, so streams are distinct.
    pub fn normals(&self, stream: u64, count: usize, factor: f64) -> Vec<f64> {
        self.rng(stream).normals(count).into_iter().map(|x| factor * x).collect()
    }

    /// Rows of `size` seeded normal numbers times `factor`, drawn one after the other: more of them begin with the same ones.
    pub fn rows(&self, stream: u64, count: usize, size: usize, factor: f64) -> Vec<Vec<f64>> {
        let mut rng = self.rng(stream);
        (0..count).map(|_| rng.normals(size).into_iter().map(|x| factor * x).collect()).collect()
    }

    /// The generator of a stream.
    pub fn rng(&self, stream: u64) -> Rng {
        Rng::new(self.seed.wrapping_add(stream << 53))
    }
}

/// The product of two rows.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// A row in double precision.
pub fn wide(row: &[f32]) -> Vec<f64> {
    row.iter().map(|&x| f64::from(x)).collect()
}

/// Rows of `d` numbers.
pub fn rows(tensor: &[f32], d: usize) -> std::slice::ChunksExact<'_, f32> {
    tensor.chunks_exact(d)
}

/// A matrix of rows as long as `x`, times `x`.
pub fn times(matrix: &[f64], x: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(x.len()).map(|row| dot(row, x)).collect()
}

/// `1 / (1 + e^(-x))`.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Sinusoids of a position: sines in the first half of the row, cosines in the second, frequencies `10000^(-2i/d)`.
pub fn sinusoids(position: f64, d: usize) -> Vec<f64> {
    let half = d.div_ceil(2);
    let angle = |i: usize| position * 10_000_f64.powf(-2.0 * i as f64 / d as f64);
    (0..d).map(|i| if i < half { angle(i).sin() } else { angle(i - half).cos() }).collect()
}
