// A rectangle of one stage of the score matrix, 64 by 64 cells a workgroup, 4 by 4 a thread. Masked cells are -LARGEST from stage 4 (masked)
// on, in weights too: whoever reads decides.
//
// Workgroup memory: 2 * 64 * 5 * 16 = 10 240 bytes.

const SIDE = 64u;
const PITCH = 5u;

var<workgroup> left: array<vec4<f32>, 320>;
var<workgroup> right: array<vec4<f32>, 320>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let unit = job.unit + group.z;
    let row0 = group.y * SIDE;
    let col0 = group.x * SIDE;
    let ty = thread / 16u;
    let tx = thread % 16u;
    let queries_at = query_start(unit);
    let keys_at = key_start(unit);

    var s: array<vec4<f32>, 4>;
    for (var r = 0u; r < 4u; r++) {
        s[r] = vec4<f32>(0.0);
    }
    for (var part = 0u; part < job.d4; part += 4u) {
        workgroupBarrier();
        let row = thread / 4u;
        let at = part + thread % 4u;
        var x = vec4<f32>(0.0);
        var y = vec4<f32>(0.0);
        if (at < job.d4) {
            if (row0 + row < job.rows) {
                x = queries[queries_at + (job.q + row0 + row) * job.d4 + at];
            }
            if (col0 + row < job.keys) {
                y = keys[keys_at + (job.k + col0 + row) * job.d4 + at];
            }
        }
        left[row * PITCH + thread % 4u] = x;
        right[row * PITCH + thread % 4u] = y;
        workgroupBarrier();
        for (var i = 0u; i < 4u; i++) {
            // Keys tx, tx + 16, ...: neighbours write neighbours.
            let a = right[tx * PITCH + i];
            let b = right[(tx + 16u) * PITCH + i];
            let c = right[(tx + 32u) * PITCH + i];
            let d = right[(tx + 48u) * PITCH + i];
            for (var r = 0u; r < 4u; r++) {
                let q = left[(ty * 4u + r) * PITCH + i];
                s[r] += vec4<f32>(dot(q, a), dot(q, b), dot(q, c), dot(q, d));
            }
        }
    }
    for (var r = 0u; r < 4u; r++) {
        let row = row0 + ty * 4u + r;
        if (row >= job.rows) {
            continue;
        }
        let at = at_row(unit, job.q + row);
        let line = group.z * job.rows + row;
        for (var c = 0u; c < 4u; c++) {
            let col = col0 + tx + c * 16u;
            if (col < job.keys) {
                cells[line * job.stride + col] = staged(s[r][c], line, at, i32(job.k + col));
            }
        }
    }
}

fn staged(raw: f32, line: u32, at: At, k: i32) -> f32 {
    if (job.stage == 0u) {
        return raw;
    }
    let s = raw * job.scale;
    if (job.stage == 1u) {
        return s;
    }
    if (job.stage == 2u) {
        return bounded(capped(s, at, k));
    }
    let x = biased(s, at, k);
    if (job.stage == 3u) {
        return x;
    }
    if (x <= NOTHING || (MASKED && !allowed(line, at, k))) {
        return -LARGEST;
    }
    if (job.stage == 4u) {
        return x;
    }
    return weight(x, statistics[job.lines + line].x, at, k);
}
