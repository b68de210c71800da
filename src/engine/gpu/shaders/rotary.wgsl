// Rotary embedding: each thread turns one pair. What is not turned is in the outputs already. Put in front: HEADS, LENGTH, SIZE, HALF (the
// pairs of a vector), INTERLEAVED.

struct Pairs {
    // All of them, and those in a row of workgroups.
    count: u32,
    width: u32,
    spare: vec2<u32>,
}

@group(0) @binding(0) var<uniform> pairs: Pairs;
@group(0) @binding(1) var<storage, read> vectors: array<f32>;
@group(0) @binding(2) var<storage, read> cosines: array<f32>;
@group(0) @binding(3) var<storage, read> sines: array<f32>;
@group(0) @binding(6) var<storage, read_write> outputs: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pair = id.y * pairs.width + id.x;
    if pair >= pairs.count {
        return;
    }
    let row = pair / HALF;
    let i = pair % HALF;
    // Rows go by sequence, head and position; angles by sequence and position.
    let angle = (row / (HEADS * LENGTH) * LENGTH + row % LENGTH) * HALF + i;
    let at_a = row * SIZE + select(i, 2u * i, INTERLEAVED);
    let at_b = row * SIZE + select(HALF + i, 2u * i + 1u, INTERLEAVED);
    let a = vectors[at_a];
    let b = vectors[at_b];
    outputs[at_a] = a * cosines[angle] - b * sines[angle];
    outputs[at_b] = a * sines[angle] + b * cosines[angle];
}
