//! The recipes with a structure of their own; [`super::Recipe`] defines each.

use super::recipe::{Generated, normal};
use super::rng::Rng;
use crate::attention::dims::Dims;

/// Batch and key head pairs, in the order they are stored.
fn groups(dims: &Dims) -> usize {
    dims.batch * dims.kv_heads
}

/// Query heads that read one key head.
fn group_size(dims: &Dims) -> usize {
    dims.q_heads / dims.kv_heads.max(1)
}

/// `rows` rows, each copied from the row of `table` that `pick` names.
fn gather(out: &mut Vec<f32>, table: &[f32], width: usize, rows: usize, pick: impl Fn(usize) -> usize) {
    for row in 0..rows {
        out.extend_from_slice(&table[pick(row) * width..][..width]);
    }
}

/// Rows of Q for every query head of a group.
fn gather_q(dims: &Dims, out: &mut Vec<f32>, table: &[f32], pick: impl Fn(usize) -> usize) {
    for _ in 0..group_size(dims) {
        gather(out, table, dims.d, dims.n_q, &pick);
    }
}

fn unit_rows(rows: usize, width: usize, length: f32) -> Vec<f32> {
    let mut out = vec![0.0; rows * width];
    for (row, numbers) in out.chunks_mut(width.max(1)).enumerate() {
        numbers[row % width.max(1)] = length;
    }
    out
}

pub(super) fn one_hot(dims: &Dims) -> Generated {
    let length = (dims.d as f32).sqrt();
    Generated {
        q: unit_rows(dims.n_q, dims.d, length).repeat(dims.batch * dims.q_heads),
        k: unit_rows(dims.n_k, dims.d, length).repeat(groups(dims)),
        v: unit_rows(dims.n_k, dims.d_v, 1.0).repeat(groups(dims)),
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Takes from `row` its part along the unit vector `unit`.
fn remove(row: &mut [f64], unit: &[f64]) {
    let along = dot(row, unit);
    row.iter_mut().zip(unit).for_each(|(x, u)| *x -= along * u);
}

/// Makes a row one long. A zero row, which no seed has been seen to give, becomes the first unit vector.
fn normalise(row: &mut [f64]) {
    let length = dot(row, row).sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|x| *x /= length);
    } else if let Some(first) = row.first_mut() {
        *first = 1.0;
    }
}

/// `rows` unit rows, orthogonal within each block of `width`.
pub(super) fn orthonormal(rng: &mut Rng, rows: usize, width: usize) -> Vec<f64> {
    let mut table = rng.normals(rows * width);
    for row in 0..rows {
        let (before, rest) = table.split_at_mut(row * width);
        let numbers = &mut rest[..width];
        // Twice is enough (Giraud et al. 2005): one pass loses orthogonality when the last rows of a block have little of their own left.
        for _ in 0..2 {
            for other in row - row % width.max(1)..row {
                remove(numbers, &before[other * width..][..width]);
            }
        }
        normalise(numbers);
    }
    table
}

pub(super) fn orthogonal(dims: &Dims, rng: &mut Rng) -> Generated {
    let (mut q, mut k) = (Vec::with_capacity(dims.q_len()), Vec::with_capacity(dims.k_len()));
    let length = (dims.d as f64).sqrt();
    for _ in 0..groups(dims) {
        let rows: Vec<f32> = orthonormal(rng, dims.n_k, dims.d).iter().map(|x| (length * x) as f32).collect();
        if dims.n_k > 0 {
            gather_q(dims, &mut q, &rows, |row| row % dims.n_k);
        }
        k.extend(rows);
    }
    q.resize(dims.q_len(), 0.0);
    Generated { q, k, v: normal(rng, dims.v_len()) }
}

pub(super) fn needle(dims: &Dims, rng: &mut Rng, margin: f64, place: f64) -> Generated {
    let (mut q, mut k) = (Vec::with_capacity(dims.q_len()), Vec::with_capacity(dims.k_len()));
    let place = ((place * dims.n_k as f64) as usize).min(dims.n_k.saturating_sub(1));
    let length = (dims.d as f64).sqrt();
    for _ in 0..groups(dims) {
        let unit = orthonormal(rng, 1, dims.d);
        let query: Vec<f32> = unit.iter().map(|x| (length * x) as f32).collect();
        gather_q(dims, &mut q, &query, |_| 0);
        let mut keys = rng.normals(dims.n_k * dims.d);
        for (row, key) in keys.chunks_mut(dims.d.max(1)).enumerate() {
            if row == place {
                key.iter_mut().zip(&unit).for_each(|(x, u)| *x = margin * u);
            } else {
                remove(key, &unit);
            }
        }
        k.extend(keys.into_iter().map(|x| x as f32));
    }
    let mut v = normal(rng, dims.v_len());
    for (row, numbers) in v.chunks_mut(dims.d_v.max(1)).enumerate() {
        numbers[0] = if row % dims.n_k == place { 1.0 } else { 0.0 };
    }
    Generated { q, k, v }
}

pub(super) fn periodic(dims: &Dims, rng: &mut Rng, period: usize) -> Generated {
    // Rows past the sequence are never read, so a huge period takes no more memory than the sequence.
    let period = period.clamp(1, dims.n_q.max(dims.n_k).max(1));
    let mut out = Generated { q: Vec::new(), k: Vec::new(), v: Vec::new() };
    for _ in 0..groups(dims) {
        let table = normal(rng, period * dims.d);
        gather_q(dims, &mut out.q, &table, |row| row % period);
        gather(&mut out.k, &table, dims.d, dims.n_k, |row| row % period);
        let table = normal(rng, period * dims.d_v);
        gather(&mut out.v, &table, dims.d_v, dims.n_k, |row| row % period);
    }
    out
}

pub(super) fn reversed(dims: &Dims, rng: &mut Rng) -> Generated {
    let (mut q, mut k) = (Vec::with_capacity(dims.q_len()), Vec::with_capacity(dims.k_len()));
    for _ in 0..groups(dims) {
        let table = normal(rng, dims.n_q * dims.d);
        gather_q(dims, &mut q, &table, |row| row);
        if dims.n_q > 0 {
            gather(&mut k, &table, dims.d, dims.n_k, |row| dims.n_q - 1 - row % dims.n_q);
        }
    }
    k.resize(dims.k_len(), 0.0);
    Generated { q, k, v: normal(rng, dims.v_len()) }
}

pub(super) fn noisy(dims: &Dims, rng: &mut Rng, noise: f32) -> Generated {
    let k = normal(rng, dims.k_len());
    let mut q = Vec::with_capacity(dims.q_len());
    if dims.n_k > 0 {
        for table in k.chunks(dims.n_k * dims.d.max(1)) {
            gather_q(dims, &mut q, table, |row| row % dims.n_k);
        }
    }
    q.resize(dims.q_len(), 0.0);
    q.iter_mut().zip(normal(rng, dims.q_len())).for_each(|(q, n)| *q += noise * n);
    Generated { q, k, v: normal(rng, dims.v_len()) }
}

/// One wave per column.
struct Waves {
    frequency: Vec<f64>,
    phase: Vec<f64>,
}

impl Waves {
    fn new(rng: &mut Rng, width: usize, spread: f64) -> Self {
        let frequency = rng.normals(width).into_iter().map(|x| spread * x).collect();
        Self { frequency, phase: rng.uniforms(width) }
    }

    /// Row `row` of a sequence of `rows`.
    fn row(&self, row: usize, rows: usize) -> impl Iterator<Item = f32> {
        let t = row as f64 / rows as f64;
        let wave =
            move |(f, phase): (&f64, &f64)| std::f64::consts::SQRT_2 * (std::f64::consts::TAU * (f * t + phase)).cos();
        self.frequency.iter().zip(&self.phase).map(move |pair| wave(pair) as f32)
    }
}

pub(super) fn smooth(dims: &Dims, rng: &mut Rng, waves: f64) -> Generated {
    let mut out = Generated { q: Vec::new(), k: Vec::new(), v: Vec::new() };
    for _ in 0..groups(dims) {
        let shared = Waves::new(rng, dims.d, waves);
        for _ in 0..group_size(dims) {
            out.q.extend((0..dims.n_q).flat_map(|row| shared.row(row, dims.n_q)));
        }
        out.k.extend((0..dims.n_k).flat_map(|row| shared.row(row, dims.n_k)));
        let own = Waves::new(rng, dims.d_v, waves);
        out.v.extend((0..dims.n_k).flat_map(|row| own.row(row, dims.n_k)));
    }
    out
}
