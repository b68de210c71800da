// Slots of the pipeline over a matrix of cells in place, one cell a thread. FROM and TO count stages as in cells.wgsl: the pass takes the
// matrix from stage FROM to stage TO.

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
        if (FROM < 1u && TO >= 1u) {
            x *= job.scale;
        }
        if (FROM < 2u && TO >= 2u) {
            x = capped(x, at, k);
        }
        if (FROM < 3u && TO >= 3u) {
            x = bounded(score_after(x, at, k));
        }
        if (TO >= 4u) {
            if (x <= NOTHING || (MASKED && !allowed(line, at, k))) {
                x = -LARGEST;
            }
        }
        cells[line * job.stride + col] = x;
    }
}
