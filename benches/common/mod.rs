//! Shared by the benchmarks: the clock, seeded numbers, and times that other programs on the machine disturb little.
#![allow(dead_code, reason = "each benchmark uses its part")]

use std::sync::{Arc, OnceLock};

use attention_playground::attention::{Dims, Inputs};

/// Milliseconds from the first call on.
pub fn clock() -> f64 {
    static START: OnceLock<std::time::Instant> = OnceLock::new();
    #[allow(clippy::disallowed_methods, reason = "benches are native; the ban is for WebAssembly")]
    let start = START.get_or_init(std::time::Instant::now);
    start.elapsed().as_secs_f64() * 1e3
}

/// Seeded numbers, near normal with deviation 1.5.
pub fn numbers(len: usize, seed: u32) -> Arc<Vec<f32>> {
    let mut x = seed;
    let mut uniform = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 8) as f32 / 8_388_608.0 - 1.0
    };
    Arc::new((0..len).map(|_| 1.3 * (uniform() + uniform() + uniform() + uniform())).collect())
}

/// Q, K and V.
pub fn inputs(dims: &Dims) -> Inputs {
    Inputs { q: numbers(dims.q_len(), 1), k: numbers(dims.k_len(), 2), v: numbers(dims.v_len(), 3) }
}

/// Shortest times of several things, in turns, so that what else the machine does meets all of them alike; at least five turns and `least` milliseconds.
pub fn shortest(least: f64, runs: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut best = vec![f64::INFINITY; runs.len()];
    let (begin, mut turns) = (clock(), 0);
    while turns < 5 || clock() - begin < least {
        for (run, best) in runs.iter_mut().zip(&mut best) {
            let start = clock();
            run();
            *best = best.min(clock() - start);
        }
        turns += 1;
    }
    best
}
