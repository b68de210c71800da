// The slots of the pipeline between Q·K and the values, built on the functions spliced in above: score_before, score_after,
// formula_allows and formula_probability. `x != x` may be assumed false, so NaN is told by its bits.

fn is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// Tanh by exponentials: WGSL's own may be off by 1e-5.
fn soft_tanh(a: f32) -> f32 {
    let e = exp(-2.0 * abs(a));
    let x = a * a;
    let large = (1.0 - e) / (1.0 + e);
    let small = abs(a) * (1.0 - x * (0.33333334 - x * (0.13333334 - x * 0.053968254)));
    return select(1.0, -1.0, a < 0.0) * select(large, small, x < 0.01);
}

// A score that does not reach infinity. NaN, a formula's own doing, stays and spoils its row.
fn bounded(x: f32) -> f32 {
    return select(max(x, -LARGEST), x, is_nan(x));
}

fn capped(scaled: f32, at: At, k: i32) -> f32 {
    let s = score_before(scaled, at, k);
    if (SOFTCAP) {
        return job.softcap * soft_tanh(s / job.softcap);
    }
    return s;
}

fn biased(scaled: f32, at: At, k: i32) -> f32 {
    return bounded(score_after(capped(scaled, at, k), at, k));
}

// `row` counts rows of the work, units first.
fn allowed(row: u32, at: At, k: i32) -> bool {
    if (MASK_BITS) {
        let word = tiles[job.bits + row * job.bit_row + ((u32(k) - job.bits_from) >> 5u)];
        return ((word >> (u32(k) & 31u)) & 1u) != 0u;
    }
    return formula_allows(at, k);
}

// Zero or more; NaN, a formula's own doing, stays.
fn positive(x: f32) -> f32 {
    return select(x, 0.0, x < 0.0);
}

// The weight of a score that is not masked, from its row's log-sum-exp or threshold, before the probability formula.
fn normalised(s: f32, lse: f32) -> f32 {
    var p = 0.0;
    if (SIGMOID) {
        let x = s + job.sigmoid_bias;
        let e = exp(-abs(x));
        p = select(e, 1.0, x >= 0.0) / (1.0 + e);
    } else if (SPARSEMAX) {
        p = positive(s - lse);
    } else if (ENTMAX) {
        let x = positive(0.5 * s - lse);
        p = x * x;
    } else if (SQUARED_RELU) {
        let x = positive(s);
        p = x * x / f32(job.n_k);
    } else if (EXPONENTIAL) {
        p = exp(s);
    } else {
        p = exp(s - lse);
    }
    return p;
}

fn weight(s: f32, lse: f32, at: At, k: i32) -> f32 {
    return formula_probability(normalised(s, lse), at, k);
}
