// What a streaming pass knows of a row when it has seen its keys, and what becomes of that: statistics and the factor of its outputs. Where
// several workgroups share a row's keys, each leaves its part among the cells for `merge.wgsl`.

// Largest score; sum of weights, for a running sum under that maximum; moment of the weights; largest weight (under a running sum its score)
// and its key, LARGEST for none.
struct Row { largest: f32, sum: f32, moment: f32, best: f32, best_at: f32 }

struct End { statistics: vec4<f32>, factor: f32 }

fn ended(row: Row, known: f32, h: i32) -> End {
    let nothing = row.largest <= NOTHING;
    var factor = 1.0;
    var lse = known;
    if (ONLINE) {
        let end = with_sink(row.largest, row.sum, h);
        lse = select(end.x, -LARGEST, nothing);
        factor = select(end.y, 0.0, nothing);
    } else if (nothing) {
        lse = -LARGEST;
    }
    var entropy = 0.0;
    if (STATS && !nothing && row.sum != 0.0) {
        entropy = log(row.sum) - row.moment / row.sum;
    }
    let peak = select(row.best, factor, ONLINE);
    let key = select(row.best_at, -1.0, nothing || row.best_at >= LARGEST);
    return End(vec4<f32>(lse, entropy, select(peak, 0.0, nothing), key), factor);
}

// Where a part of a row begins among the cells: eight numbers for the row, then its outputs.
fn part_start(row: u32, split: u32) -> u32 {
    return (row * job.splits + split) * (8u + select(0u, 4u * job.v4, VALUES));
}

fn put_row(at: u32, row: Row) {
    cells[at] = row.largest;
    cells[at + 1u] = row.sum;
    cells[at + 2u] = row.moment;
    cells[at + 3u] = row.best;
    cells[at + 4u] = row.best_at;
}

fn get_row(at: u32) -> Row {
    return Row(cells[at], cells[at + 1u], cells[at + 2u], cells[at + 3u], cells[at + 4u]);
}

fn put_column(at: u32, column: u32, y: vec4<f32>) {
    let start = at + 8u + 4u * column;
    cells[start] = y.x;
    cells[start + 1u] = y.y;
    cells[start + 2u] = y.z;
    cells[start + 3u] = y.w;
}

fn get_column(at: u32, column: u32) -> vec4<f32> {
    let start = at + 8u + 4u * column;
    return vec4<f32>(cells[start], cells[start + 1u], cells[start + 2u], cells[start + 3u]);
}
