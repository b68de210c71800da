//! Derivatives of the operations, in double precision.
//!
//! Where an operation has none, at a kink or a step, it gets the one of the side that evaluation takes: `min`, `max` and `clamp` pass the operand
//! that they give (of equal ones the first), `where` the branch taken, and `abs` and `sign` have 0 at 0. Whole numbers and booleans do not change by a little, so everything that
//! gives one, or that only reads some, has derivative 0; so has `//`, and `%` has that of a line between its steps. `pow` of a negative number changes with the base alone:
//! there are no other powers of it near by, and the derivative by the exponent is NaN, as it is where the function itself is not defined.

use super::{LANES, Register};

/// What an operation's result changes by with its operands.
#[derive(Clone, Copy)]
pub enum Slope {
    /// By nothing but steps; the result is that of [`super::Row::plain`].
    Step,
    /// The result, and its derivative by each operand; 0 by a boolean.
    Smooth(fn([f64; 3]) -> (f64, [f64; 3])),
}

/// From the operands of every lane and what the result of each changes the sum by, what each operand changes it by; of a [`Slope::Step`] nothing is written. The slopes
/// are those of [`Slope::Smooth`], in double precision; what is 0 on either side gives 0, so that a branch not taken brings no NaN.
pub type SlopeLanes = fn(&[&Register], &[f32; LANES], &mut [[f32; LANES]; 3]);

/// Operands with zeros after them.
#[inline(always)]
pub fn three<const N: usize>(given: [f64; N]) -> [f64; 3] {
    let mut all = [0.0; 3];
    for (all, x) in all.iter_mut().zip(given) {
        *all = x;
    }
    all
}

/// A register of [`SlopeLanes`].
#[inline(always)]
pub fn slopes_of(
    operands: impl Fn(usize) -> [f64; 3],
    smooth: impl Fn([f64; 3]) -> (f64, [f64; 3]),
    adjoint: &[f32; LANES],
    [first, second, third]: &mut [[f32; LANES]; 3],
) {
    let of = |by: f32, slope: f64| {
        let slope = slope as f32;
        if by == 0.0 || slope == 0.0 { 0.0 } else { by * slope }
    };
    for lane in 0..LANES {
        let by = adjoint[lane];
        let (_, [a, b, c]) = smooth(operands(lane));
        first[lane] = of(by, a);
        second[lane] = of(by, b);
        third[lane] = of(by, c);
    }
}

/// `a - b * floor(a / b)`; 0 where the divisor is 0.
pub fn floor_mod_slope([a, b, _]: [f64; 3]) -> (f64, [f64; 3]) {
    if b == 0.0 {
        return (0.0, [0.0; 3]);
    }
    let quotient = (a / b).floor();
    (a - b * quotient, [1.0, -quotient, 0.0])
}

/// `a ** b`. A power of 0 that does not explode does not change with its exponent.
pub fn power_slope([a, b, _]: [f64; 3]) -> (f64, [f64; 3]) {
    let power = a.powf(b);
    let by_base = if b == 0.0 { 0.0 } else { b * a.powf(b - 1.0) };
    let by_exponent = if a == 0.0 && b >= 0.0 { 0.0 } else { power * a.ln() };
    (power, [by_base, by_exponent, 0.0])
}

/// `min(max(a, low), high)`.
pub fn clamp_slope([a, low, high]: [f64; 3]) -> (f64, [f64; 3]) {
    let (raised, slope) = if low > a { (low, [0.0, 1.0, 0.0]) } else { (a, [1.0, 0.0, 0.0]) };
    if high < raised { (high, [0.0, 0.0, 1.0]) } else { (raised, slope) }
}

/// `1 / (1 + exp(-a))`.
pub fn sigmoid_slope([a, ..]: [f64; 3]) -> (f64, [f64; 3]) {
    let value = 1.0 / (1.0 + (-a).exp());
    (value, [value * (1.0 - value), 0.0, 0.0])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::formula::table::{ROWS, SLOPES};
    use crate::formula::values::Ty;

    /// Away from 0 and from each other, so that no kink and no step lies within [`NEAR`] of any pair.
    const POINTS: [f32; 6] = [-2.3, -0.7, 0.45, 1.25, 1.9, 3.1];
    const NEAR: f64 = 1e-5;
    /// Of a central difference over `NEAR`: its own error is about `NEAR²`, rounding adds `1e-16 / NEAR`.
    const TOLERANCE: f64 = 1e-8;

    #[test]
    fn every_row_of_floats_is_derived_or_flat() {
        for (row, slope) in ROWS.iter().zip(&SLOPES) {
            let smooth = matches!(slope, Slope::Smooth(_));
            assert!(!smooth || row.result == Ty::Float, "{} gives no float and has a slope", row.name);
            if smooth || !row.operands.contains(&Ty::Float) {
                continue;
            }
            // What is called flat is the same a little to either side.
            let count = row.operands.len();
            for at in 0..POINTS.len().pow(count as u32) {
                let operands: Vec<f32> =
                    (0..count).map(|i| POINTS[at / POINTS.len().pow(i as u32) % POINTS.len()]).collect();
                let bits = |moved: Option<(usize, f32)>| -> u32 {
                    let of = |(i, &x): (usize, &f32)| moved.map_or(x, |(m, by)| if m == i { x + by } else { x });
                    (row.plain)(&operands.iter().enumerate().map(of).map(f32::to_bits).collect::<Vec<_>>())
                };
                let distinct = operands.iter().enumerate().all(|(i, x)| !operands[..i].contains(x));
                for i in (0..count).filter(|_| distinct) {
                    let here = bits(None);
                    assert!(
                        bits(Some((i, 1e-5))) == here && bits(Some((i, -1e-5))) == here,
                        "{} is not flat at {operands:?}",
                        row.name
                    );
                }
            }
        }
    }

    #[test]
    fn slopes_are_central_differences_and_values_those_of_the_row() {
        for (row, slope) in ROWS.iter().zip(&SLOPES) {
            let Slope::Smooth(smooth) = slope else { continue };
            let count = row.operands.len();
            let mut compared = 0;
            for at in 0..POINTS.len().pow(count as u32) {
                let mut point = [0.0; 3];
                for (i, ty) in row.operands.iter().enumerate() {
                    let chosen = at / POINTS.len().pow(i as u32) % POINTS.len();
                    point[i] = if *ty == Ty::Bool { (chosen % 2) as f64 } else { f64::from(POINTS[chosen]) };
                }
                let (value, slopes) = smooth(point);
                let pack = |(i, ty): (usize, &Ty)| match ty {
                    Ty::Bool => point[i] as u32,
                    _ => (point[i] as f32).to_bits(),
                };
                let plain = f32::from_bits((row.plain)(&row.operands.iter().enumerate().map(pack).collect::<Vec<_>>()));
                let same = (value - f64::from(plain)).abs() <= 1e-6 * value.abs().max(1.0);
                assert!(same || value.is_nan() && plain.is_nan(), "{} of {point:?}: {value}, {plain}", row.name);
                for i in 0..count {
                    if row.operands[i] == Ty::Bool {
                        assert_eq!(slopes[i], 0.0, "{}", row.name);
                        continue;
                    }
                    let moved = |by: f64| {
                        let mut point = point;
                        point[i] += by;
                        smooth(point).0
                    };
                    // Two of the same are at the kink of `min`, `max` and `clamp`, and at the step of `%`.
                    let tie = (0..count).any(|j| j != i && point[j] == point[i] && row.operands[j] == Ty::Float);
                    let found = (moved(NEAR) - moved(-NEAR)) / (2.0 * NEAR);
                    if !tie && found.is_finite() {
                        let near = (slopes[i] - found).abs() <= TOLERANCE * found.abs().max(1.0);
                        assert!(near, "{} of {point:?} by operand {i}: {}, not {found}", row.name, slopes[i]);
                        compared += 1;
                    }
                }
            }
            assert!(compared > 0, "{} was compared nowhere", row.name);
        }
    }

    #[test]
    fn kinks_have_the_slopes_that_are_stated() {
        let of = |name: &str, operands: &[Ty], point: [f64; 3]| {
            let row = ROWS.iter().position(|row| row.name == name && row.operands == operands).unwrap();
            let Slope::Smooth(smooth) = SLOPES[row] else { panic!("{name} is a step") };
            smooth(point).1
        };
        use Ty::{Bool, Float};
        assert_eq!(of("abs", &[Float], [0.0; 3]), [0.0; 3]);
        assert_eq!(of("min", &[Float, Float], [1.0, 1.0, 0.0]), [1.0, 0.0, 0.0]);
        assert_eq!(of("max", &[Float, Float], [1.0, 1.0, 0.0]), [1.0, 0.0, 0.0]);
        assert_eq!(of("clamp", &[Float, Float, Float], [1.0, 1.0, 1.0]), [1.0, 0.0, 0.0]);
        assert_eq!(of("where", &[Bool, Float, Float], [1.0, f64::NAN, 2.0]), [0.0, 1.0, 0.0]);
        assert_eq!(of("%", &[Float, Float], [3.0, 0.0, 0.0]), [0.0; 3]);
        assert_eq!(of("pow", &[Float, Float], [0.0, 2.0, 0.0]), [0.0; 3]);
        assert!(of("pow", &[Float, Float], [-2.0, 2.0, 0.0])[1].is_nan());
    }
}
