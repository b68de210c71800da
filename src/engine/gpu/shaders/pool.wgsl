// Cells of a band of rows merged into the pixels they belong to, two neighbouring pixels a thread. `outputs` holds (value, count) of the
// two and is carried from band to band. HIDES: masked cells are no part of the picture; else they are its minus infinity. MEAN: sum, else
// the cell of largest size.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let column = 2u * id.x;
    let line = id.y;
    if (column >= job.width || line >= job.height) {
        return;
    }
    let at = job.pixels + line * ((job.width + 1u) / 2u) + id.x;
    var pair = outputs[at];
    let left = merged(pair.xy, line, column);
    var right = pair.zw;
    if (column + 1u < job.width) {
        right = merged(right, line, column + 1u);
    }
    outputs[at] = vec4<f32>(left, right);
}

// A pixel with the cells of this band.
fn merged(before: vec2<f32>, line: u32, column: u32) -> vec2<f32> {
    let rows = vec2<u32>(part(job.shown, line, job.height), part_end(job.shown, line, job.height));
    let columns = vec2<u32>(part(job.keys, column, job.width), part_end(job.keys, column, job.width));
    let first = max(rows.x, job.before) - job.before;
    let end = min(max(rows.y, job.before) - job.before, job.rows);
    var pixel = before;
    for (var row = first; row < end; row++) {
        for (var k = columns.x; k < columns.y; k++) {
            let cell = cells[row * job.stride + k];
            let masked = cell <= NOTHING;
            if (HIDES && masked) {
                continue;
            }
            if (MEAN) {
                // Minus infinity stays what it is, whatever is added.
                pixel.x = select(pixel.x + cell, -LARGEST, masked || (pixel.y > 0.0 && pixel.x <= NOTHING));
            } else if (pixel.y == 0.0 || abs(cell) > abs(pixel.x)) {
                pixel.x = cell;
            }
            pixel.y += 1.0;
        }
    }
    return pixel;
}

// floor(i * length / count) without leaving 32 bits.
fn part(length: u32, i: u32, count: u32) -> u32 {
    return i * (length / count) + i * (length % count) / count;
}

// One past the last cell of a part; a part has one cell at least.
fn part_end(length: u32, i: u32, count: u32) -> u32 {
    return min(max(part(length, i + 1u, count), part(length, i, count) + 1u), length);
}
