//! Positions that change Q and K before the product.

use super::super::frame::Frame;
use super::super::numbers::{dot, sinusoids, times};
use super::super::step::Step;
use crate::catalogue::Change;

/// Sinusoids times `gain / √d` added to Q and K: sines in the first half of a row, cosines in the second.
pub fn scaled_sinusoid(step: &Step<Change>, frame: &mut Frame) {
    let d = frame.dims.d;
    let scale = step.param("gain") / (d as f64).sqrt();
    add(frame, |position| sinusoids(position as f64, d).into_iter().map(|x| scale * x).collect());
}

/// Positions that flow: `p(t + Δ) = p(t) + ∫ h(τ, p(τ)) dτ` with `h(τ, p) = tanh(W p + τ w + b)`, one step of the classical Runge-Kutta method for a
/// token; `p` times the gain is added to Q and K, and with the switch `values`, projected, to V (Liu et al. 2020, section 3). `p(0)`, `W`, `w` and `b` are
/// seeded.
pub fn flow(step: &Step<Change>, frame: &mut Frame) {
    let d = frame.dims.d;
    let (gain, delta) = (step.param("gain"), step.param("delta"));
    let start = step.normals(0, d, 1.0);
    let matrix = step.normals(1, d * d, 1.0 / (d as f64).sqrt());
    let (speed, bias) = (step.normals(2, d, 1.0), step.normals(3, d, 1.0));
    let slope = |time: f64, p: &[f64]| -> Vec<f64> {
        let rows = matrix.chunks_exact(d).zip(&speed).zip(&bias);
        rows.map(|((row, w), b)| (dot(row, p) + time * w + b).tanh()).collect()
    };
    let moved =
        |p: &[f64], by: &[f64], h: f64| -> Vec<f64> { p.iter().zip(by).map(|(p, x)| p + h * x).collect::<Vec<_>>() };
    let mut places = vec![start];
    for token in 0..positions(frame).saturating_sub(1) {
        let (time, p) = (token as f64 * delta, &places[token]);
        let k1 = slope(time, p);
        let k2 = slope(time + delta / 2.0, &moved(p, &k1, delta / 2.0));
        let k3 = slope(time + delta / 2.0, &moved(p, &k2, delta / 2.0));
        let k4 = slope(time + delta, &moved(p, &k3, delta));
        let next = (0..d).map(|i| p[i] + delta / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])).collect();
        places.push(next);
    }
    let last = places.len() - 1;
    let at = |position: i64| &places[(position.max(0) as usize).min(last)];
    add(frame, |position| at(position).iter().map(|x| gain * x).collect());
    add_to_values(step, frame, 4, |position| at(position).iter().map(|x| gain * x).collect());
}

/// Places that any query or key stands at.
pub fn positions(frame: &Frame) -> usize {
    let last = frame.offsets.iter().map(|&offset| i64::from(offset) + frame.dims.n_q as i64).max().unwrap_or(0);
    last.max(frame.dims.n_k as i64).max(1) as usize
}

/// Adds a row for each position to Q and K.
pub fn add(frame: &mut Frame, row: impl Fn(i64) -> Vec<f64>) {
    let (d, offsets) = (frame.dims.d, frame.offsets.clone());
    let add = |head: &mut [f32], offset: i64| {
        for (i, out) in head.chunks_exact_mut(d).enumerate() {
            out.iter_mut().zip(row(i as i64 + offset)).for_each(|(x, e)| *x = (f64::from(*x) + e) as f32);
        }
    };
    frame.each_q(|batch, head| add(head, offsets.get(batch % offsets.len()).copied().unwrap_or(0).into()));
    frame.each_k(|head| add(head, 0));
}

/// With the switch `values`, adds a row for each position to V too: projected by seeded numbers over `√d`, drawn from `stream`, since a value may have
/// another size.
pub fn add_to_values(step: &Step<Change>, frame: &mut Frame, stream: u64, row: impl Fn(i64) -> Vec<f64>) {
    if !step.switch("values") {
        return;
    }
    let (d, d_v) = (frame.dims.d, frame.dims.d_v);
    let project = step.normals(stream, d_v * d, 1.0 / (d as f64).sqrt());
    frame.each_v(|head| {
        for (i, out) in head.chunks_exact_mut(d_v).enumerate() {
            out.iter_mut().zip(times(&project, &row(i as i64))).for_each(|(x, e)| *x = (f64::from(*x) + e) as f32);
        }
    });
}

/// `softplus(x) · (cos, sin)(p θ_c)`: what a place holds is a length and where the token stands an angle (Gopalakrishnan et al. 2025, section 3), with
/// `θ_c = base^(−c/d)`. Keys have a seeded phase for each place, between 0 and `−2π` times the parameter `phase`.
pub fn polar(step: &Step<Change>, frame: &mut Frame) {
    let (d, n_q, n_k, heads) = (frame.dims.d, frame.dims.n_q, frame.dims.n_k, frame.dims.q_heads);
    let (base, offsets) = (step.param("base"), frame.offsets.clone());
    let turn = -std::f64::consts::TAU * step.param("phase");
    let phases: Vec<f64> = step.rng(0).uniforms(d).into_iter().map(|u| turn * u).collect();
    frame.widen(2 * d, |is_key, row, from, out| {
        let batch = row / (n_q * heads);
        let offset = |batch: usize| i64::from(offsets.get(batch % offsets.len()).copied().unwrap_or(0));
        let position = if is_key { (row % n_k) as i64 } else { (row % n_q) as i64 + offset(batch) };
        for (c, &x) in from.iter().enumerate() {
            let phase = if is_key { phases[c] } else { 0.0 };
            let angle = position as f64 * base.powf(-(c as f64) / d as f64) + phase;
            let x = f64::from(x);
            // ln(1 + e^x), without overflow.
            let length = x.max(0.0) + (-x.abs()).exp().ln_1p();
            (out[c], out[d + c]) = ((length * angle.cos()) as f32, (length * angle.sin()) as f32);
        }
    });
}
