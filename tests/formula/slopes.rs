//! Derivatives of random formulas against central differences.

use std::sync::Arc;

use attention_playground::formula::{Data, DataValues, Kind, Scalar, Slopes, Sorted, Values, compile};

use crate::native::random::{Dice, random_text, scope, values};

/// Half the width of a difference, and the widest by which differences of this width and of a half of it may differ where the function is smooth.
const NEAR: f64 = 1e-4;
/// Beside the larger of the derivative and 1: the error of a difference falls with the square of its width, and rounding adds about `1e-16 · |f| / NEAR`.
const TOLERANCE: f64 = 1e-6;

/// Floats that stand away from the kinks of the other floats in a formula.
fn smooth_values(dice: &mut Dice) -> Values {
    let mut values = values(dice);
    let floats = [0.37, -0.83, 1.41].map(|x: f32| x + 0.001 * dice.roll(100) as f32);
    values.params.insert("rate".into(), Scalar::Float(0.61 + 0.001 * dice.roll(100) as f32));
    let slope = Data { shape: vec![3], values: DataValues::Float(floats.to_vec()), clamp: true };
    values.data.insert("slope".into(), Arc::new(slope));
    values
}

/// What of a formula is moved.
#[derive(Clone, Copy, Debug)]
enum Moved {
    X,
    Rate,
    Slope(usize),
}

/// Compares one random formula at a few cells; how many differences were compared.
pub fn compare(seed: u64, depth: usize, kind: Kind) -> usize {
    let mut dice = Dice(seed);
    let Some((text, formula)) = random_text(&mut dice, depth, kind) else { return 0 };
    let base = smooth_values(&mut dice);
    let bind = |values: &Values| formula.bind(values).unwrap_or_else(|error| panic!("{text}\n{error}"));
    let (params, data) = (formula.params_used().to_vec(), formula.data_used().to_vec());
    let mut compared = 0;
    for _ in 0..6 {
        let sizes = &base.sizes;
        let cell = [sizes.batch, sizes.heads, sizes.n_q, sizes.n_k].map(|n| dice.roll(n as usize) as i32);
        // Single precision decides steps and doubles all else: what is moved must be a single.
        let x = -1.5 + 0.0173 * dice.roll(200) as f64;
        let at = |moved: Moved, by: f64| {
            let mut values = base.clone();
            let mut x = f64::from(x as f32);
            let real = match moved {
                Moved::X => {
                    x += by;
                    by
                }
                Moved::Rate => {
                    let Some(Scalar::Float(rate)) = base.params.get("rate") else { panic!("rate is a float") };
                    let new = (f64::from(*rate) + by) as f32;
                    values.params.insert("rate".into(), Scalar::Float(new));
                    f64::from(new) - f64::from(*rate)
                }
                Moved::Slope(i) => {
                    let table = base.data.get("slope").unwrap();
                    let DataValues::Float(old) = &table.values else { panic!("slope has floats") };
                    let mut new = old.clone();
                    new[i] = (f64::from(old[i]) + by) as f32;
                    let real = f64::from(new[i]) - f64::from(old[i]);
                    let table = Data { values: DataValues::Float(new), ..table.as_ref().clone() };
                    values.data.insert("slope".into(), Arc::new(table));
                    real
                }
            };
            let [b, h, q, k] = cell;
            (Slopes::new(&bind(&values)).value(x, b, h, q, k), real)
        };
        let mut slopes = Slopes::new(&bind(&base));
        let [b, h, q, k] = cell;
        let here = slopes.value(f64::from(x as f32), b, h, q, k);
        let by_x = slopes.back(1.0);
        if !slopes.finite() {
            continue;
        }
        let by_rate = params.iter().position(|(name, _)| name == "rate").map(|i| slopes.params[i]);
        let by_slope = data.iter().position(|table| table.name == "slope").map(|i| slopes.data[i].clone());
        let mut list = vec![(Moved::X, by_x)];
        list.extend(by_rate.map(|d| (Moved::Rate, d)));
        list.extend(by_slope.iter().flatten().enumerate().map(|(i, &d)| (Moved::Slope(i), d)));
        for (moved, found) in list {
            let difference = |near: f64| {
                let ((up, a), (down, b)) = (at(moved, near), at(moved, -near));
                let one_sided = [(up - here) / a, (here - down) / -b];
                ((up - down) / (a - b), one_sided)
            };
            let ((wide, sides), (narrow, _)) = (difference(NEAR), difference(NEAR / 2.0));
            let scale = narrow.abs().max(here.abs()).max(1.0);
            // A kink or a step within reach, or numbers so large or so curved that a difference says nothing.
            let kink = (sides[0] - sides[1]).abs() > 1e-2 * scale || (wide - narrow).abs() > 0.2 * TOLERANCE * scale;
            if kink || !narrow.is_finite() || scale > 1e6 {
                continue;
            }
            // A hash has up to 24 bits: what is added to it is rounded, and a difference sees the rounding where the derivative does not.
            let rounding = if text.contains("hash(") { 2f64.powi(24) * f64::EPSILON / (NEAR / 2.0) } else { 0.0 };
            assert!(
                (found - narrow).abs() <= TOLERANCE * scale + rounding,
                "{text}\nby {moved:?} at {cell:?}, x {x}: {found}, not {narrow} (or {wide})"
            );
            compared += 1;
        }
    }
    compared
}

#[test]
fn derivatives_of_formulas_in_use_by_hand() {
    let values = Values { params: Sorted::from([("rate".into(), Scalar::Float(0.5))]), ..values(&mut Dice(3)) };
    let of = |text: &str, x: f64, k: i32| {
        let bound = compile(text, Kind::Score, &scope()).unwrap().bind(&values).unwrap();
        let mut slopes = Slopes::new(&bound);
        let value = slopes.value(x, 0, 0, 0, k);
        (value, slopes.back(2.0), slopes.params.first().copied())
    };
    // 30 tanh(s / 30): 1 − tanh².
    let tanh = (0.1_f64).tanh();
    let (value, by_s, _) = of("30 * tanh(s / 30)", 3.0, 0);
    assert!((value - 30.0 * tanh).abs() < 1e-12 && (by_s - 2.0 * (1.0 - tanh * tanh)).abs() < 1e-12);
    assert_eq!(of("s - rate * abs(q - k)", 1.0, 0), (1.0, 2.0, Some(0.0)));
    // The cell's distance is 0: ALiBi does not see its slope there. Elsewhere it sees the distance.
    assert_eq!(of("s - rate * float(3)", 1.0, 0), (-0.5, 2.0, Some(-6.0)));
    // The branch taken, although the other one is infinite.
    assert_eq!(of("where(k < 0, log(s - s), s * rate)", 4.0, 0), (2.0, 1.0, Some(8.0)));
    assert_eq!(of("s if s > rate else 0 * s", 0.25, 0).1, 0.0);
    assert_eq!(of("float(floor(s * 4)) + sign(s)", 0.3, 0).1, 0.0);
}
