// Slots of the pipeline over a matrix of cells in place, one cell a thread: from the stage that it holds to the one that it is to hold.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let col = id.x;
    if (col >= job.keys) {
        return;
    }
    // Grid-stride over the rows: a dimension of a dispatch ends at 65 535.
    for (var row = id.y; row < job.rows; row += ROW_STEP) {
        let line = id.z * job.rows + row;
        let at = at_row(job.unit + id.z, job.q + row);
        let k = i32(job.k + col);
        var x = cells[line * job.stride + col];
        if (job.stage_from < 1u && job.stage >= 1u) {
            x *= job.scale;
        }
        if (job.stage_from < 2u && job.stage >= 2u) {
            x = capped(x, at, k);
        }
        if (job.stage_from < 3u && job.stage >= 3u) {
            x = bounded(score_after(x, at, k));
        }
        if (job.stage >= 4u) {
            if (x <= NOTHING || (MASKED && !allowed(line, at, k))) {
                x = -LARGEST;
            }
        }
        cells[line * job.stride + col] = x;
    }
}
