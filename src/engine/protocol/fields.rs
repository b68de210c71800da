//! What of each type crosses: its fields, its variants and their places, in the order in which they are written. The compiler refuses a list
//! in which one is missing.

use super::codec::{Codec, Reader, Writer};
use super::{Asked, FromWorker, Given, ToWorker, Work};
use crate::attention::estimators::{Cell, Feature, Kernel, Method};
use crate::attention::lowering::{Change, Derived, Finish, Lowering, Measure, Step, Transform};
use crate::attention::operators::{LinearAttention, RotaryEmbedding, UpdateRule};
use crate::attention::{
    Axes, Beyond, Cost, Decay, Dims, Encoding, Estimator, Normaliser, Operator, Problem, Rotation, Stretch, Term,
    TileCounts,
};
use crate::engine::backward::{Derive, Kernel as Gradient};
use crate::engine::{Adapter, KernelText, MapRequest, Pool, Rows, StageTimes, Want};
use crate::experiment::{
    Algorithm, Backend, Hidden, Input, Issue, Matrix, Message, Normals, Patch, Size, Stage, Tiers, Weights,
};
use crate::formula::{Data, DataValues, Scalar, Ty};

macro_rules! fields {
    ($($name:ident { $($field:ident),+ })+) => {$(
        impl Codec for $name {
            fn put(&self, to: &mut Writer) {
                let Self { $($field),+ } = self;
                $($field.put(to);)+
            }

            fn take(from: &mut Reader) -> Self {
                Self { $($field: Codec::take(from)),+ }
            }
        }
    )+};
}

/// Every enum has a place 0: that is what is read where there is nothing more to read.
macro_rules! variants {
    ($($name:ident { $($place:literal: $variant:ident $({ $($field:ident),+ })? $(($value:ident))?),+ })+) => {$(
        impl Codec for $name {
            fn put(&self, to: &mut Writer) {
                match self {
                    $(Self::$variant $({ $($field),+ })? $(($value))? => {
                        to.byte($place);
                        $($($field.put(to);)+)?
                        $($value.put(to);)?
                    })+
                }
            }

            fn take(from: &mut Reader) -> Self {
                match from.byte() {
                    $($place => Self::$variant $({ $($field: Codec::take(from)),+ })? $(({
                        let $value = Codec::take(from);
                        $value
                    }))?,)+
                    _ => {
                        from.spoil();
                        Self::take(from)
                    }
                }
            }
        }
    )+};
}

impl Codec for Matrix {
    fn put(&self, to: &mut Writer) {
        Vec::put(self, to);
    }

    fn take(from: &mut Reader) -> Self {
        Vec::take(from).into()
    }
}

fields! {
    Tiers { subgroups, f16 }
    Dims { batch, q_heads, kv_heads, n_q, n_k, d, d_v }
    Size { q_heads, kv_heads, n_q, n_k, d, d_v }
    Problem {
        dims, lowering, offset, encoding, rotation, scale, bias_before_cap, softcap, bias, masks, paint, sink, normaliser, probability
    }
    Lowering { dims, transforms, tables, finish, done }
    Derived { name, ty, step, data, branches, estimators }
    Term { text, params, data, path }
    Data { shape, values, clamp }
    Rotation { base, dims, interleaved, stretch, magnitude, axes, decay }
    Decay { gamma, scale }
    Patch { head, q, k, allow }
    Rows { batch, head, q }
    Want { stats, matrix }
    MapRequest { stage, batch, head, q, k, width, height, pool }
    Cost { flops, bytes, tiles }
    LinearAttention { batch, length, q_heads, kv_heads, d_k, d_v, rule, decay_size, beta_heads, past, scale }
    RotaryEmbedding { batch, heads, length, size, rotated, interleaved }
    Estimator { dims, method, causal, scale }
    Kernel { rows, columns, width }
    Derive { problem, kernel, share, params }
    TileCounts { total, skipped, full, partial }
    Issue { path, message }
    Message { en, zh }
    Adapter { name, software, timestamps }
    KernelText { name, text, formulas }
}

variants! {
    // A worker that speaks another version must still be understood when it says so: `Ready` stays as it is, and at place 0.
    FromWorker {
        0: Ready { protocol, tier },
        1: Loaded { job, dims, tokens_q, tokens_k, note },
        2: Opened { session, job, cost, order, kernel, adapter, prepare_ms, copy_ms },
        3: Done { job, part, given, runs_ms, work_ms, copy_ms, memory, texts, notes },
        4: Failed { job, issues },
        5: Panicked { message },
        6: Unavailable { job, message, lasting },
        7: Operated { job, lengths, runs_ms, copy_ms, memory, adapter, notes },
        8: Lowered { job, lengths, ms, copy_ms }
    }
    ToWorker {
        0: Close { session },
        1: Load { job, input, bytes },
        2: Open { session, job, problem, tables, tensors, sent, later, forget, backend, algorithm, tiers, cost },
        3: Item { session, job, part, work, want, repeat },
        4: Operate { job, operator, exact, repeat },
        5: Lower { job, problem, tables, y },
        6: Keep { numbers }
    }
    Asked { 0: Operator(operator), 1: Derive(derive), 2: Estimate(estimator), 3: Peak, 4: Bandwidth { count } }
    Gradient { 0: Reference, 1: Cpu, 2: Gpu }
    Work { 0: Rows(rows), 1: Map { index, request } }
    Given { 0: Rows { lengths, peak_at, empty_rows, times }, 1: Map { length, times } }
    Input {
        0: Capture { id, layer },
        1: Generated { recipe, size, seed, normals, params },
        2: Text { text, size, seed, normals },
        3: Numbers { q, k, v, q_heads, kv_heads, rounded },
        4: Projected { x, weights, weights_b, size, seed, normals, rounded }
    }
    Operator { 0: LinearAttention(linear), 1: RotaryEmbedding(rotary), 2: Estimator(estimator) }
    Method {
        0: Retention,
        1: Linear { feature, normalised },
        2: Gated { decay },
        3: Delta { rate },
        4: GatedDelta { decay, rate },
        5: Kda { fast, slow, rate },
        6: LogLinear { lambda },
        7: Performer { features, seed },
        8: Linformer { rank, pooled, seed },
        9: Nystrom { landmarks, iterations },
        10: HTransformer { block },
        11: BlockSummary { block },
        12: Hierarchical { block, seed },
        13: Ring { devices },
        14: Recurrent { cell, hidden, seed },
        15: Conv1d { width, seed },
        16: Conv2d { kernel, seed }
    }
    Feature { 0: Elu, 1: Relu, 2: Identity }
    Cell { 0: Rnn, 1: Gru, 2: Lstm }
    Hidden {
        0: Rows { rows },
        1: Generated { recipe, rows, width, seed, params },
        2: Text { text },
        3: Image { width, cells },
        4: Texts { a, b },
        5: TextImage { text, width, cells }
    }
    Normals { 0: Unrounded, 1: Rounded }
    Weights { 0: Normal, 1: Identity, 2: Orthogonal, 3: Rows { q, k, v } }
    UpdateRule { 0: Linear, 1: Gated, 2: Delta, 3: GatedDelta }
    Transform { 0: Encode(encoding), 1: Rotate(rotation), 2: Change(step) }
    Finish { 0: MixHeads { mix }, 1: MixBlocks { mix, blocks, size }, 2: Gate { values }, 3: Add { values }, 4: Blend { values }, 5: Hold { from } }
    Ty { 0: Bool, 1: Int, 2: Float }
    Encoding { 0: Sinusoidal { base, gain }, 1: Learned { trained, seed, gain, beyond } }
    Beyond { 0: Clamp, 1: Wrap, 2: Interpolate }
    Stretch {
        0: None,
        1: Linear { factor },
        2: Ntk { factor },
        3: DynamicNtk { factor, trained },
        4: Bands { factor, trained, slow, fast }
    }
    Axes { 0: Line, 1: Grid { width }, 2: Frames { height, width } }
    Scalar { 0: Bool(value), 1: Int(value), 2: Float(value) }
    DataValues { 0: Bool(values), 1: Int(values), 2: Float(values) }
    Normaliser { 0: Softmax, 1: OffByOne, 2: Sigmoid, 3: Sparsemax, 4: Entmax, 5: SquaredRelu, 6: Exponential }
    Backend { 0: Auto, 1: Cpu, 2: Webgpu, 3: Reference }
    Algorithm { 0: Auto, 1: Materialised, 2: Streaming }
    Stage { 0: Raw, 1: Scaled, 2: Capped, 3: Biased, 4: Masked, 5: Weights }
    Pool { 0: Max, 1: Mean, 2: SampledMax, 3: SampledMean }
}

/// The place of a variant is its place in the list of all.
macro_rules! closed {
    ($($name:ident)+) => {$(
        impl Codec for $name {
            fn put(&self, to: &mut Writer) {
                to.byte(*self as u8);
            }

            fn take(from: &mut Reader) -> Self {
                let place = from.byte();
                Self::ALL.get(usize::from(place)).copied().unwrap_or_else(|| {
                    from.spoil();
                    Self::ALL[0]
                })
            }
        }
    )+};
}

closed! { Change Measure }

impl<Kind: Codec> Codec for Step<Kind> {
    fn put(&self, to: &mut Writer) {
        let Self { kind, params, seed, path } = self;
        kind.put(to);
        params.put(to);
        seed.put(to);
        path.put(to);
    }

    fn take(from: &mut Reader) -> Self {
        Self { kind: Codec::take(from), params: Codec::take(from), seed: Codec::take(from), path: Codec::take(from) }
    }
}

impl Codec for StageTimes {
    fn put(&self, to: &mut Writer) {
        self.0.put(to);
    }

    fn take(from: &mut Reader) -> Self {
        Self(Codec::take(from))
    }
}
