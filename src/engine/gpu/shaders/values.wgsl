// Weights times values: 64 rows by 16 vec4s of the output a workgroup, 4 rows by one vec4 a thread.
//
// Workgroup memory: 64 * 5 * 16 + 16 * 16 * 16 = 9 216 bytes.

const PITCH = 5u;

var<workgroup> left: array<vec4<f32>, 320>;
var<workgroup> right: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let unit = job.unit + group.z;
    let row0 = group.y * 64u;
    let ty = thread / 16u;
    let tx = thread % 16u;
    let column = group.x * 16u + tx;
    let values_at = value_start(unit);

    var out: array<vec4<f32>, 4>;
    for (var r = 0u; r < 4u; r++) {
        out[r] = vec4<f32>(0.0);
    }
    for (var part = 0u; part < job.keys; part += 16u) {
        workgroupBarrier();
        let row = row0 + thread / 4u;
        let k = part + (thread % 4u) * 4u;
        var p = vec4<f32>(0.0);
        if (row < job.rows && k < job.stride) {
            let at = (group.z * job.rows + row) * job.stride + k;
            p = vec4<f32>(cells[at], cells[at + 1u], cells[at + 2u], cells[at + 3u]);
        }
        left[(thread / 4u) * PITCH + thread % 4u] = p;
        var v = vec4<f32>(0.0);
        if (part + ty < job.keys && column < job.v4) {
            v = values[values_at + (part + ty) * job.v4 + column];
        }
        right[ty * 16u + tx] = v;
        workgroupBarrier();
        for (var i = 0u; i < 4u; i++) {
            let v0 = right[(i * 4u) * 16u + tx];
            let v1 = right[(i * 4u + 1u) * 16u + tx];
            let v2 = right[(i * 4u + 2u) * 16u + tx];
            let v3 = right[(i * 4u + 3u) * 16u + tx];
            for (var r = 0u; r < 4u; r++) {
                let w = left[(ty * 4u + r) * PITCH + i];
                out[r] += w.x * v0 + w.y * v1 + w.z * v2 + w.w * v3;
            }
        }
    }
    for (var r = 0u; r < 4u; r++) {
        let row = row0 + ty * 4u + r;
        if (row < job.rows && column < job.v4) {
            outputs[(group.z * job.rows + row) * job.v4 + column] = out[r];
        }
    }
}
