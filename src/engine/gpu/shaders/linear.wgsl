// Linear attention as a recurrence. Columns of a state do not meet in any rule, so each thread has one column of one state and goes over the tokens
// with nobody to wait for; a workgroup has 64 columns. Put in front: SIZES (LENGTH, KV_HEADS, GROUP, D_K, D_V), the rule (FADES, REPLACES), and how
// the decay and the rate are laid out (DECAYS of a token and head, at least 1; SHARED_RATE, one for all heads).

struct Steps {
    // Tokens of this pass.
    start: u32,
    end: u32,
    // On the output.
    scale: f32,
    spare: f32,
}

@group(0) @binding(0) var<uniform> steps: Steps;
@group(0) @binding(1) var<storage, read> queries: array<f32>;
@group(0) @binding(2) var<storage, read> keys: array<f32>;
@group(0) @binding(3) var<storage, read> values: array<f32>;
// Logarithms.
@group(0) @binding(4) var<storage, read> decays: array<f32>;
@group(0) @binding(5) var<storage, read> rates: array<f32>;
@group(0) @binding(6) var<storage, read_write> outputs: array<f32>;
// In: before this pass. Out: after it.
@group(0) @binding(7) var<storage, read_write> states: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let column = id.x;
    if column >= D_V {
        return;
    }
    let head = id.z * KV_HEADS + id.y;
    let state = head * D_K * D_V + column;
    let rate_row = select(head, id.z, SHARED_RATE) * LENGTH;
    for (var t = steps.start; t < steps.end; t++) {
        let row = head * LENGTH + t;
        // What the state has for the key, faded first.
        var found = 0.0;
        if FADES || REPLACES {
            for (var i = 0u; i < D_K; i++) {
                let at = state + i * D_V;
                var s = states[at];
                if FADES {
                    s *= exp(decays[row * DECAYS + i % DECAYS]);
                    states[at] = s;
                }
                found += s * keys[row * D_K + i];
            }
        }
        var change = values[row * D_V + column];
        if REPLACES {
            change = rates[rate_row + t] * (change - found);
        }
        for (var i = 0u; i < D_K; i++) {
            states[state + i * D_V] += keys[row * D_K + i] * change;
        }
        for (var g = 0u; g < GROUP; g++) {
            let query_row = (head * GROUP + g) * LENGTH + t;
            var sum = 0.0;
            for (var i = 0u; i < D_K; i++) {
                sum += states[state + i * D_V] * queries[query_row * D_K + i];
            }
            outputs[query_row * D_V + column] = steps.scale * sum;
        }
    }
}
