// What every kernel reads and writes. One layout for all, so that one bind group serves a whole run; eight storage buffers, as many as the
// default limits give.
//
// "Units" are query heads counted over all sequences: unit = b * q_heads + h.

struct Job {
    // Sizes. d4 and v4 count vec4s of a padded row of Q or K, and of V.
    n_q: u32, n_k: u32, d4: u32, v4: u32,
    q_heads: u32, group: u32,
    // First unit of the tensors bound, and first unit and first query of the work.
    bound_unit: u32, unit: u32,
    q: u32, rows: u32,
    // Keys of the cells buffer: first, count, and numbers from one row to the next.
    k: u32, keys: u32, stride: u32,
    // Where bits of masks lie among the tile words, and words of one row.
    bits: u32, bit_row: u32,
    // Where the sinks lie among the words of the formulas.
    sinks: u32,
    scale: f32, softcap: f32, sigmoid_bias: f32,
    // Pictures: pixels, the whole range of queries that they show, and which queries came before this band.
    width: u32, height: u32, shown: u32, before: u32,
    // Stages of the pipeline by their number, 0 raw, 1 scaled, 2 capped, 3 biased, 4 masked, 5 weights: what a matrix holds and is to hold.
    stage_from: u32, stage: u32,
    // First pixels among the outputs, and first line of the work among the statistics.
    pixels: u32, lines: u32,
    // Workgroups that share the keys of a row.
    splits: u32,
    // The key that the first bit of a row of mask bits is of.
    bits_from: u32,
    // Gradients: query heads that one workgroup visits, and where dV begins among the outputs.
    heads: u32, dv: u32,
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> keys: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> values: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> words: array<u32>;
@group(0) @binding(5) var<storage, read> tiles: array<u32>;
@group(0) @binding(6) var<storage, read_write> outputs: array<vec4<f32>>;
// Per row: log-sum-exp, entropy, largest weight, its key (-1 for none).
@group(0) @binding(7) var<storage, read_write> statistics: array<vec4<f32>>;
// Binding 8 is what each kind of kernel makes of it: cells of the score matrix, or derivatives by the output.

// WGSL promises nothing about infinities: LARGEST stands for them, and whatever lies below NOTHING is masked.
const LARGEST = 3.0e38f;
const NOTHING = -1.0e38f;

// Where a cell stands: sequence, query head, query. The key comes beside it.
struct At { b: i32, h: i32, q: i32 }

fn at_row(unit: u32, q: u32) -> At {
    return At(i32(unit / job.q_heads), i32(unit % job.q_heads), i32(q));
}

// First vec4 of a unit's queries, keys and values in the tensors that are bound.
fn query_start(unit: u32) -> u32 {
    return (unit - job.bound_unit) * job.n_q * job.d4;
}

fn key_start(unit: u32) -> u32 {
    return (unit / job.group - job.bound_unit / job.group) * job.n_k * job.d4;
}

fn value_start(unit: u32) -> u32 {
    return (unit / job.group - job.bound_unit / job.group) * job.n_k * job.v4;
}
