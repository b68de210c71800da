//! What memory gives at most: a sum of two streams that goes into a third.

use super::lane::F32x4;

/// Bytes that a number of the triad moves: two read, one written. What a cache reads before it is written does not count, as in STREAM.
pub const BYTES: f64 = 12.0;

/// Three arrays of the same size: `a = b + s · c`. McCalpin 1995, "Memory Bandwidth and Machine Balance in Current High Performance Computers" (STREAM's
/// triad), in single precision.
pub struct Triad {
    a: Vec<[f32; 4]>,
    b: Vec<[f32; 4]>,
    c: Vec<[f32; 4]>,
}

impl Triad {
    /// Arrays of about `count` numbers each, at least four.
    pub fn new(count: usize) -> Self {
        let groups = (count / 4).max(1);
        // Of different numbers: a page of zeros may be one page for all.
        let made = |from: f32| (0..groups).map(|i| [from, from + 1.0, i as f32, 0.5]).collect();
        Self { a: made(0.0), b: made(1.0), c: made(2.0) }
    }

    /// Bytes that one pass moves.
    pub fn bytes(&self) -> f64 {
        BYTES * 4.0 * self.a.len() as f64
    }

    /// One pass. The factor differs from pass to pass, so that none can be left out.
    pub fn pass(&mut self, factor: f32) {
        let factor = F32x4::splat(factor);
        for ((a, b), c) in self.a.iter_mut().zip(&self.b).zip(&self.c) {
            F32x4::load(b).add(factor.mul(F32x4::load(c))).store(a);
        }
    }

    /// A number of the result: whoever reads it keeps the passes.
    pub fn probe(&self) -> f32 {
        self.a.last().map_or(0.0, |last| last[2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_computed() {
        let mut triad = Triad::new(1000);
        assert_eq!(triad.bytes(), 12_000.0);
        triad.pass(3.0);
        for (i, a) in triad.a.iter().enumerate() {
            assert_eq!(*a, [7.0, 11.0, 4.0 * i as f32, 2.0]);
        }
        assert_eq!(triad.probe(), 996.0);
        assert_eq!((Triad::new(0).bytes(), Triad::new(0).probe()), (48.0, 0.0));
    }
}
