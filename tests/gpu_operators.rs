//! Linear attention and rotary embedding on the GPU: their texts, what they say beside double precision on sizes that the ONNX vectors don't have, and what
//! they refuse. The vectors themselves are in `onnx_vectors.rs`.
#![cfg(feature = "gpu")]

use crate::native::common;

use attention_playground::attention::Operator;
use attention_playground::attention::operators::{LinearAttention, RotaryEmbedding, UpdateRule};
use attention_playground::engine::gpu::{GpuError, operate, operator_source};
use common::gpu::{block_on, clock, needs_gpu, validate};

/// Of the largest output: thousands of steps of single precision, with the exponentials of WGSL.
const RECURRENCE: f64 = 2e-5;
/// Of a pair's length: two products and a sum in single precision.
const TURN: f64 = 3e-7;

const RULES: [UpdateRule; 4] = [UpdateRule::Linear, UpdateRule::Gated, UpdateRule::Delta, UpdateRule::GatedDelta];

/// A rule with its decay and rate laid out in one of the ways that there are.
fn linear(rule: UpdateRule, decay_size: usize, shared_rate: bool, past: bool, length: usize) -> LinearAttention {
    let (kv_heads, d_k) = (2, 24);
    LinearAttention {
        batch: 2,
        length,
        q_heads: 4,
        kv_heads,
        d_k,
        // Not a whole number of workgroups.
        d_v: 70,
        rule,
        decay_size: if rule.fades() { decay_size.min(d_k) } else { 0 },
        beta_heads: if !rule.replaces() {
            0
        } else if shared_rate {
            1
        } else {
            kv_heads
        },
        past,
        scale: 0.25,
    }
}

/// Every rule in every layout.
fn all(length: usize) -> Vec<LinearAttention> {
    let layouts = [(1, false, false), (24, true, true), (1, true, false), (24, false, true)];
    RULES.iter().flat_map(|&rule| layouts.map(|(decay, rate, past)| linear(rule, decay, rate, past, length))).collect()
}

/// Numbers between -1 and 1, by a multiplicative generator.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Tensors that a trained model could have: keys of length one at most, logarithms of decays below 0, rates between 0 and 1.
fn tensors(operator: &Operator) -> Vec<Vec<f32>> {
    let d_k = match operator {
        Operator::LinearAttention(linear) => linear.d_k,
        Operator::RotaryEmbedding(_) | Operator::Estimator(_) => 1,
    };
    let short = 1.0 / (d_k as f32).sqrt();
    let shape = |(at, length): (usize, usize)| {
        let raw = numbers(length, at as u64 + 1);
        raw.into_iter()
            .map(|x| match at {
                1 if d_k > 1 => x * short,
                3 => 0.1 * (x - 1.0),
                4 => 0.5 * (x + 1.0),
                _ => x,
            })
            .collect()
    };
    operator.inputs().into_iter().enumerate().map(shape).collect()
}

fn rotary(heads: usize, length: usize, size: usize, rotated: usize, interleaved: bool) -> Operator {
    Operator::RotaryEmbedding(RotaryEmbedding { batch: 2, heads, length, size, rotated, interleaved })
}

#[test]
fn every_text_is_valid_and_takes_no_workgroup_memory() {
    let linear = all(7).into_iter().map(Operator::LinearAttention);
    let turns = [rotary(2, 3, 8, 8, false), rotary(2, 3, 9, 4, true), rotary(1, 1, 4, 0, false)];
    for operator in linear.chain(turns) {
        assert_eq!(validate(&format!("{operator:?}"), &operator_source(&operator).unwrap()), 0);
    }
}

#[test]
fn every_rule_agrees_with_double_precision_over_several_submissions() {
    let Some(gpu) = needs_gpu() else { return };
    // More steps than one submission takes: 2^18 / (24 * 4) = 2730.
    for linear in all(40).into_iter().chain([linear(UpdateRule::GatedDelta, 24, false, true, 6000)]) {
        let operator = Operator::LinearAttention(linear);
        let tensors = tensors(&operator);
        let wanted = operator.compute::<f64>(&tensors);
        let found = block_on(operate(&gpu, &operator, &tensors, 1, clock)).unwrap().outputs;
        for (name, (found, wanted)) in ["Y", "present_state"].iter().zip(found.iter().zip(&wanted)) {
            assert_eq!(found.len(), wanted.len());
            let top = wanted.iter().fold(0.0_f32, |top, x| top.max(x.abs()));
            let worst = found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
            let share = f64::from(worst) / f64::from(top);
            assert!(top > 0.0 && share <= RECURRENCE, "{name} of {linear:?}: off by {share:.1e} of the largest");
        }
    }
}

#[test]
fn pairs_turn_as_in_double_precision_and_the_rest_passes_through() {
    let Some(gpu) = needs_gpu() else { return };
    // The last has more pairs than one row of workgroups holds.
    for operator in [
        rotary(2, 3, 8, 8, false),
        rotary(3, 5, 9, 4, true),
        rotary(1, 4, 5, 0, false),
        rotary(16, 2100, 64, 64, false),
    ] {
        let tensors = tensors(&operator);
        let wanted = operator.compute::<f64>(&tensors);
        let found = block_on(operate(&gpu, &operator, &tensors, 1, clock)).unwrap().outputs;
        assert_eq!(found[0].len(), wanted[0].len());
        for (i, (a, b)) in found[0].iter().zip(&wanted[0]).enumerate() {
            // Numbers, cosines and sines are at most 1: a pair is at most 2 long.
            assert!(f64::from((a - b).abs()) <= 2.0 * TURN, "{operator:?}: {i} is {a}, not {b}");
        }
    }
}

#[test]
fn what_is_not_finite_or_too_much_is_declined_with_a_reason() {
    let Some(gpu) = needs_gpu() else { return };
    let operator = rotary(1, 2, 4, 4, false);
    let mut bad = tensors(&operator);
    bad[0][3] = f32::NAN;
    let said = |operator: &Operator, tensors: &[Vec<f32>]| match block_on(operate(&gpu, operator, tensors, 1, clock)) {
        Err(GpuError::Unavailable(message)) => message.en.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(said(&operator, &bad).contains("NaN or infinities"));
    let many = LinearAttention {
        batch: 70_000,
        q_heads: 1,
        kv_heads: 1,
        d_k: 1,
        d_v: 1,
        ..linear(UpdateRule::Linear, 0, false, false, 1)
    };
    let many = Operator::LinearAttention(many);
    assert!(said(&many, &tensors(&many)).contains("too many for the GPU"));
}
