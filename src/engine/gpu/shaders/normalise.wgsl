// Masked scores to weights in place, one row a workgroup: largest score, sum, weights with their statistics.

const WIDTH = 128u;

var<workgroup> shared_row: array<f32, 128>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    let line = group.y * job.rows + row;
    let unit = job.unit + group.y;
    let at = at_row(unit, job.q + row);
    let start = line * job.stride;

    var largest = -LARGEST;
    for (var k = thread; k < job.keys; k += WIDTH) {
        largest = max(largest, cells[start + k]);
    }
    largest = across_max(largest, thread);
    let nothing = largest <= NOTHING;
    var lse = 0.0;
    var total = 0.0;
    var moment = 0.0;
    var best = 0.0;
    var best_at = LARGEST;
    if (THRESHOLD) {
        lse = threshold(start, largest, thread);
    } else if (SUMS) {
        for (var k = thread; k < job.keys; k += WIDTH) {
            let s = cells[start + k];
            if (!(s <= NOTHING)) {
                let below = s - largest;
                let p = exp(below);
                total += p;
                if (STATS && !REWEIGHS) {
                    moment += p * below;
                    if (s == largest && best_at == LARGEST) {
                        best_at = f32(k);
                    }
                }
            }
        }
        total = across_sum(total, thread);
        let end = with_sink(largest, total, at.h);
        lse = end.x;
        best = select(end.y, 0.0, nothing);
    }
    if (REWEIGHS) {
        total = 0.0;
        best = 0.0;
    }
    for (var k = thread; k < job.keys; k += WIDTH) {
        let s = cells[start + k];
        var p = 0.0;
        if (!(s <= NOTHING)) {
            p = weight(s, lse, at, i32(k));
        }
        cells[start + k] = p;
        if (STATS && REWEIGHS) {
            total += p;
            if (p > 0.0) {
                moment += p * log(p);
            }
            if (p > best) {
                best = p;
                best_at = f32(k);
            }
        }
    }
    // Numbers between the last key and the next row are read with the values: they weigh nothing.
    for (var k = job.keys + thread; k < job.stride; k += WIDTH) {
        cells[start + k] = 0.0;
    }
    // Where weights are e^(score - largest) over a sum, their statistics come from that, as tiny weights are flushed to 0.
    if (STATS) {
        if (REWEIGHS) {
            total = across_sum(total, thread);
        }
        moment = across_sum(moment, thread);
        let own = best;
        best = across_max(best, thread);
        best_at = -across_max(-select(LARGEST, best_at, own == best), thread);
    }
    if (thread == 0u) {
        var entropy = 0.0;
        if (STATS && total != 0.0) {
            entropy = log(total) - moment / total;
        }
        statistics[line] = vec4<f32>(select(lse, -LARGEST, nothing), entropy, best, select(best_at, -1.0, best_at >= LARGEST));
    }
}

// What the scores of a row are measured against so that their weights sum to one, by Newton's method from below (attention/threshold.rs).
fn threshold(start: u32, largest: f32, thread: u32) -> f32 {
    let factor = select(1.0, 0.5, ENTMAX);
    var tau = factor * largest - 1.0;
    // A handful of steps is enough; how many cannot depend on the row, since all threads must meet at the barriers.
    for (var step = 0u; step < 24u; step++) {
        var count = 0.0;
        var sum = 0.0;
        var squares = 0.0;
        for (var k = thread; k < job.keys; k += WIDTH) {
            let above = factor * cells[start + k] - tau;
            if (!(above <= 0.0)) {
                count += 1.0;
                sum += above;
                squares += above * above;
            }
        }
        sum = across_sum(sum, thread);
        if (ENTMAX) {
            squares = across_sum(squares, thread);
            tau += select((squares - 1.0) / (2.0 * sum), 0.0, sum == 0.0);
        } else {
            count = across_sum(count, thread);
            tau += select((sum - 1.0) / count, 0.0, count == 0.0);
        }
    }
    return tau;
}

fn across_sum(own: f32, thread: u32) -> f32 {
    workgroupBarrier();
    shared_row[thread] = own;
    for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            shared_row[thread] += shared_row[thread + half];
        }
    }
    workgroupBarrier();
    return shared_row[0];
}

fn across_max(own: f32, thread: u32) -> f32 {
    workgroupBarrier();
    shared_row[thread] = own;
    for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            shared_row[thread] = max(shared_row[thread], shared_row[thread + half]);
        }
    }
    workgroupBarrier();
    return shared_row[0];
}
