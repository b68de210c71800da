// The parts of a row whose keys several workgroups shared, put together by their largest scores and sums: one row a workgroup, vec4s of the
// output a thread.

// How much a part counts: its sum is one under its own maximum.
fn weight_of(largest: f32, top: f32) -> f32 {
    return select(1.0, exp(max(largest - top, -200.0)), ONLINE);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.y * job.rows + group.x;
    var all = Row(-LARGEST, 0.0, 0.0, select(0.0, -LARGEST, ONLINE), LARGEST);
    for (var split = 0u; split < job.splits; split++) {
        all.largest = max(all.largest, cells[part_start(row, split)]);
    }
    for (var split = 0u; split < job.splits; split++) {
        let one = get_row(part_start(row, split));
        if (one.largest <= NOTHING) {
            continue;
        }
        let moved = max(one.largest - all.largest, -200.0);
        let share = weight_of(one.largest, all.largest);
        all.sum += share * one.sum;
        // Every term e^x x under the part's maximum becomes e^(x + moved) (x + moved).
        all.moment += share * (one.moment + select(0.0, moved * one.sum, ONLINE));
        // Parts come in the order of their keys: the first of equals stays.
        if (one.best > all.best) {
            all.best = one.best;
            all.best_at = one.best_at;
        }
    }
    // Read by the thread that writes it: the others do without.
    var known = 0.0;
    if (thread == 0u && !ONLINE && SUMS) {
        known = statistics[row].x;
    }
    let end = ended(all, known, i32((job.unit + group.y) % job.q_heads));
    if (VALUES) {
        for (var column = thread; column < job.v4; column += 64u) {
            var y = vec4<f32>(0.0);
            for (var split = 0u; split < job.splits; split++) {
                let at = part_start(row, split);
                let largest = cells[at];
                if (!(largest <= NOTHING)) {
                    y += weight_of(largest, all.largest) * get_column(at, column);
                }
            }
            outputs[row * job.v4 + column] = end.factor * y;
        }
    }
    if (thread == 0u) {
        statistics[row] = end.statistics;
    }
}
