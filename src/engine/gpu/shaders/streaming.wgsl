// Attention without the score matrix: a workgroup takes ROWS query rows of one head through the live tiles of 64 keys (Dao et al. 2022).
//
// A thread holds R rows by 4 keys of the scores and R rows by COLUMNS vec4s of the outputs in registers. Queries and keys pass through
// workgroup memory 16 numbers of their length at a time, values 16 / COLUMNS keys at a time; the weights go back through the memory of
// the queries, in four turns. Rescaled once for each tile, divided once in the end.
//
// With SPLIT each workgroup takes a run of the live tiles only and leaves what `merge.wgsl` puts together.
//
// Constants: R (rows a thread, 8 or 1); ONLINE (running maximum and sum) or final weights from a known log-sum-exp; VALUES (outputs too, or
// row statistics only); STATS; SPLIT; COLUMNS and BLOCKS (of columns, each a workgroup of its own); WHOLE (lengths are multiples of 16);
// PLAIN (no score formulas); MASKED.
//
// Compilers unroll what counts through registers: R rows by 4 keys make 32 copies. So whatever is long is written for one row or one
// score, and its loop counts through workgroup memory: formulas, what the threads of a row tell each other, the end of a row.
//
// Workgroup memory: (ROWS + 64) * 5 * 16 = 10 240 or 5760 bytes. Browsers set it to zero first, and some compilers write that out number
// by number. An odd pitch keeps the vec4s that neighbours read in banks of their own; so do rows and keys of one thread that lie 8 and 16
// apart.

const ROWS = 8u * R;
// Numbers of four rows are kept together.
const PACK = min(R, 4u);
const PACKS = R / PACK;
const TILE = 64u;
const KEYS = 64u;
const PITCH = 5u;
// Keys, then values; before them queries, then weights of four positions, each the keys of one tx.
const RIGHT = ROWS * PITCH;
// Positions that one stage of values serves.
const STAGE = 4u / COLUMNS;
// Two numbers that the threads of a row tell (four rows a vec4, threads of a row 17 apart for the banks), and what came of them.
const TOLD = 8u * 17u * PACKS;
const OWNERS = 8u * PACKS;
const FOUND = 2u * TOLD;

var<workgroup> pool: array<vec4<f32>, (ROWS + KEYS) * PITCH>;

struct Tile { col: u32, full: bool }

fn tile_count(row_start: u32) -> u32 {
    if (!MASKED) {
        return (job.n_k + KEYS - 1u) / KEYS;
    }
    return tiles[row_start + 1u] - tiles[row_start];
}

fn tile(row_start: u32, i: u32) -> Tile {
    if (!MASKED) {
        return Tile(i, true);
    }
    let word = tiles[tiles[row_start] + i];
    return Tile(word >> 1u, (word & 1u) != 0u);
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let unit = job.unit + group.y;
    let q0 = (job.q / ROWS + group.x) * ROWS;
    let head = at_row(unit, 0u);
    let ty = thread / 16u;
    let tx = thread % 16u;
    let queries_at = query_start(unit);
    let keys_at = key_start(unit);
    let values_at = value_start(unit);
    let first_column = (group.z % BLOCKS) * 16u * COLUMNS;
    let split = group.z / BLOCKS;
    let row_start = tiles[unit - job.bound_unit] + q0 / TILE;

    var out: array<vec4<f32>, OUTPUTS>;
    for (var i = 0u; i < OUTPUTS; i++) {
        out[i] = vec4<f32>(0.0);
    }
    // Per row: largest score; of this thread's own keys the sum of weights, moment, best and its key; log-sum-exp where it is known.
    var largest: array<vec4<f32>, PACKS>;
    var sum: array<vec4<f32>, PACKS>;
    var moment: array<vec4<f32>, PACKS>;
    var best: array<vec4<f32>, PACKS>;
    var best_at: array<vec4<f32>, PACKS>;
    var known: array<vec4<f32>, PACKS>;
    for (var i = 0u; i < PACKS; i++) {
        largest[i] = vec4<f32>(-LARGEST);
        sum[i] = vec4<f32>(0.0);
        moment[i] = vec4<f32>(0.0);
        best[i] = vec4<f32>(select(0.0, -LARGEST, ONLINE));
        best_at[i] = vec4<f32>(LARGEST);
        known[i] = vec4<f32>(0.0);
    }
    if (!ONLINE && SUMS) {
        for (var r = 0u; r < R; r++) {
            known[r / 4u][r % 4u] = known_of(group.y, q0 + ty + r * 8u);
        }
    }

    var from_tile = 0u;
    var end_tile = tile_count(row_start);
    if (SPLIT) {
        let count = end_tile;
        from_tile = count * split / job.splits;
        end_tile = count * (split + 1u) / job.splits;
    }
    for (var t = from_tile; t < end_tile; t++) {
        let live = tile(row_start, t);
        let k0 = live.col * KEYS;

        var s: array<vec4<f32>, R>;
        for (var r = 0u; r < R; r++) {
            s[r] = vec4<f32>(0.0);
        }
        for (var part = 0u; part < job.d4; part += 4u) {
            workgroupBarrier();
            for (var i = thread; i < ROWS * 4u; i += 128u) {
                let q = q0 + i / 4u;
                let at = part + i % 4u;
                var x = vec4<f32>(0.0);
                if (q < job.n_q && at < job.d4) {
                    x = queries[queries_at + q * job.d4 + at];
                }
                pool[(i / 4u) * PITCH + i % 4u] = x;
            }
            for (var i = thread; i < KEYS * 4u; i += 128u) {
                let k = k0 + i / 4u;
                let at = part + i % 4u;
                var x = vec4<f32>(0.0);
                if (k < job.n_k && at < job.d4) {
                    x = keys[keys_at + k * job.d4 + at];
                }
                pool[RIGHT + (i / 4u) * PITCH + i % 4u] = x;
            }
            workgroupBarrier();
            let width = select(min(4u, job.d4 - part), 4u, WHOLE);
            for (var i = 0u; i < width; i++) {
                let a = pool[RIGHT + tx * PITCH + i];
                let b = pool[RIGHT + (tx + 16u) * PITCH + i];
                let c = pool[RIGHT + (tx + 32u) * PITCH + i];
                let d = pool[RIGHT + (tx + 48u) * PITCH + i];
                for (var r = 0u; r < R; r++) {
                    let x = pool[(ty + r * 8u) * PITCH + i];
                    s[r] += vec4<f32>(dot(x, a), dot(x, b), dot(x, c), dot(x, d));
                }
            }
        }

        // Slots up to the mask. Rows past the last query compute something and are not written.
        let whole = live.full && k0 + KEYS <= job.n_k;
        for (var r = 0u; r < R; r++) {
            s[r] *= job.scale;
        }
        if (!PLAIN || !whole) {
            workgroupBarrier();
            for (var i = 0u; i < PACKS; i++) {
                for (var j = 0u; j < PACK; j++) {
                    pool[j * 128u + thread] = s[i * 4u + j];
                }
                mask_pack(head, group.y, q0 + ty + i * 32u, k0 + tx, whole, live.full, thread);
                for (var j = 0u; j < PACK; j++) {
                    s[i * 4u + j] = pool[j * 128u + thread];
                }
            }
        }

        if (ONLINE) {
            var top = largest;
            for (var r = 0u; r < R; r++) {
                top[r / 4u][r % 4u] = largest_of(s[r]);
                if (STATS && top[r / 4u][r % 4u] > best[r / 4u][r % 4u]) {
                    best[r / 4u][r % 4u] = top[r / 4u][r % 4u];
                    best_at[r / 4u][r % 4u] = f32(k0 + tx + first_of(s[r], top[r / 4u][r % 4u]));
                }
            }
            workgroupBarrier();
            tell(0u, top, thread);
            workgroupBarrier();
            if (thread < OWNERS) {
                var most = told(0u, 0u, thread);
                for (var j = 1u; j < 16u; j++) {
                    most = max(most, told(0u, j, thread));
                }
                pool[FOUND + thread] = most;
            }
            workgroupBarrier();
            for (var i = 0u; i < PACKS; i++) {
                top[i] = max(largest[i], pool[FOUND + i * 8u + ty]);
                let moved = max(largest[i] - top[i], vec4<f32>(-200.0));
                let keep = exp(moved);
                if (STATS) {
                    // Every term e^x x under the old maximum becomes e^(x + moved) (x + moved).
                    moment[i] = keep * (moment[i] + moved * sum[i]);
                }
                sum[i] *= keep;
                largest[i] = top[i];
                // Borrowed for the outputs below.
                top[i] = keep;
            }
            if (VALUES) {
                for (var r = 0u; r < R; r++) {
                    for (var c = 0u; c < COLUMNS; c++) {
                        out[r * COLUMNS + c] *= top[r / 4u][r % 4u];
                    }
                }
            }
            for (var r = 0u; r < R; r++) {
                let hidden = s[r] <= vec4<f32>(NOTHING);
                let below = select(s[r] - largest[r / 4u][r % 4u], vec4<f32>(0.0), hidden);
                let p = select(exp(below), vec4<f32>(0.0), hidden);
                if (STATS) {
                    moment[r / 4u][r % 4u] += dot(p, below);
                }
                sum[r / 4u][r % 4u] += p.x + p.y + p.z + p.w;
                s[r] = p;
            }
        } else {
            workgroupBarrier();
            for (var i = 0u; i < PACKS; i++) {
                for (var j = 0u; j < PACK; j++) {
                    let x = s[i * 4u + j];
                    largest[i][j] = max(largest[i][j], largest_of(x));
                    pool[j * 128u + thread] = x;
                }
                weigh_pack(head, known[i], q0 + ty + i * 32u, k0 + tx, thread);
                for (var j = 0u; j < PACK; j++) {
                    let p = pool[j * 128u + thread];
                    if (STATS) {
                        // x log x is 0 at 0.
                        let positive = p > vec4<f32>(0.0);
                        moment[i][j] += dot(select(vec4<f32>(0.0), p, positive), log(select(vec4<f32>(1.0), p, positive)));
                        let most = largest_of(p);
                        if (most > best[i][j]) {
                            best[i][j] = most;
                            best_at[i][j] = f32(k0 + tx + first_of(p, most));
                        }
                    }
                    sum[i][j] += p.x + p.y + p.z + p.w;
                    s[i * 4u + j] = p;
                }
            }
        }
        if (VALUES) {
            for (var position = 0u; position < 16u; position += STAGE) {
                workgroupBarrier();
                if (position % 4u == 0u && tx / 4u == position / 4u) {
                    for (var r = 0u; r < R; r++) {
                        pool[(ty + r * 8u) * PITCH + tx % 4u] = s[r];
                    }
                }
                // Position i stands for the keys i, i + 16, i + 32 and i + 48, as the weights of one thread do. Past the last key the
                // weights are 0, past the last column nothing is written.
                for (var i = thread; i < 256u; i += 128u) {
                    let line = i / (16u * COLUMNS);
                    let k = k0 + position + line % STAGE + 16u * (line / STAGE);
                    let column = first_column + i % (16u * COLUMNS);
                    pool[RIGHT + i] = values[values_at + min(k, job.n_k - 1u) * job.v4 + min(column, job.v4 - 1u)];
                }
                workgroupBarrier();
                for (var i = 0u; i < STAGE; i++) {
                    for (var c = 0u; c < COLUMNS; c++) {
                        let at = RIGHT + i * 16u * COLUMNS + c * 16u + tx;
                        let v0 = pool[at];
                        let v1 = pool[at + 64u];
                        let v2 = pool[at + 128u];
                        let v3 = pool[at + 192u];
                        for (var r = 0u; r < R; r++) {
                            let p = pool[(ty + r * 8u) * PITCH + (position + i) % 4u];
                            out[r * COLUMNS + c] += p.x * v0 + p.y * v1 + p.z * v2 + p.w * v3;
                        }
                    }
                }
            }
        }
    }

    // What the sixteen threads of a row know, together: two numbers at a time, by one thread for four rows.
    workgroupBarrier();
    tell(0u, largest, thread);
    tell(1u, sum, thread);
    workgroupBarrier();
    if (thread < OWNERS) {
        var most = told(0u, 0u, thread);
        var total = told(1u, 0u, thread);
        for (var j = 1u; j < 16u; j++) {
            most = max(most, told(0u, j, thread));
            total += told(1u, j, thread);
        }
        pool[FOUND + thread] = most;
        pool[FOUND + OWNERS + thread] = total;
    }
    if (STATS) {
        workgroupBarrier();
        tell(0u, best, thread);
        tell(1u, best_at, thread);
        workgroupBarrier();
        if (thread < OWNERS) {
            var most = told(0u, 0u, thread);
            var key = told(1u, 0u, thread);
            for (var j = 1u; j < 16u; j++) {
                let next = told(0u, j, thread);
                let next_key = told(1u, j, thread);
                // The first of the keys with the largest weight.
                key = select(key, next_key, (next > most) | ((next == most) & (next_key < key)));
                most = max(most, next);
            }
            pool[FOUND + 2u * OWNERS + thread] = most;
            pool[FOUND + 3u * OWNERS + thread] = key;
        }
        workgroupBarrier();
        tell(0u, moment, thread);
        workgroupBarrier();
        if (thread < OWNERS) {
            var total = told(0u, 0u, thread);
            for (var j = 1u; j < 16u; j++) {
                total += told(0u, j, thread);
            }
            pool[FOUND + 4u * OWNERS + thread] = total;
        }
    }
    workgroupBarrier();
    if (thread < ROWS && here(q0 + thread)) {
        // Four rows lie 8 apart in a vec4.
        let at = FOUND + thread / 32u * 8u + thread % 8u;
        let j = thread / 8u % 4u;
        var found = Row(pool[at][j], pool[at + OWNERS][j], 0.0, 0.0, LARGEST);
        if (STATS) {
            found.best = pool[at + 2u * OWNERS][j];
            found.best_at = pool[at + 3u * OWNERS][j];
            found.moment = pool[at + 4u * OWNERS][j];
        }
        let row = group.y * job.rows + q0 + thread - job.q;
        if (SPLIT) {
            if (group.z % BLOCKS == 0u) {
                put_row(part_start(row, split), found);
            }
        } else {
            var lse = 0.0;
            if (!ONLINE && SUMS) {
                lse = statistics[row].x;
            }
            let end = ended(found, lse, head.h);
            pool[thread] = vec4<f32>(end.factor);
            if (group.z % BLOCKS == 0u) {
                statistics[row] = end.statistics;
            }
        }
    }
    if (!VALUES) {
        return;
    }
    workgroupBarrier();
    for (var r = 0u; r < R; r++) {
        let q = q0 + ty + r * 8u;
        if (!here(q)) {
            continue;
        }
        let row = group.y * job.rows + q - job.q;
        for (var c = 0u; c < COLUMNS; c++) {
            let column = first_column + c * 16u + tx;
            if (column < job.v4) {
                if (SPLIT) {
                    put_column(part_start(row, split), column, out[r * COLUMNS + c]);
                } else {
                    outputs[row * job.v4 + column] = pool[ty + r * 8u].x * out[r * COLUMNS + c];
                }
            }
        }
    }
}

fn largest_of(x: vec4<f32>) -> f32 {
    return max(max(x.x, x.y), max(x.z, x.w));
}

// How far the first key that has it lies from the first one.
fn first_of(x: vec4<f32>, value: f32) -> u32 {
    return select(select(select(48u, 32u, x.z == value), 16u, x.y == value), 0u, x.x == value);
}

// Whether a query is one of the work.
fn here(q: u32) -> bool {
    return q >= job.q && q < job.q + job.rows;
}

fn known_of(unit: u32, q: u32) -> f32 {
    if (!here(q)) {
        return 0.0;
    }
    return statistics[unit * job.rows + q - job.q].x;
}

// Takes this thread's scores of four rows, 8 apart from the first, by four keys, 16 apart, through the slots up to the mask.
fn mask_pack(head: At, line: u32, first_q: u32, first_k: u32, whole: bool, full: bool, thread: u32) {
    for (var i = 0u; i < 4u * PACK; i++) {
        let slot = i / 4u * 128u + thread;
        let q = min(first_q + i / 4u * 8u, job.n_q - 1u);
        let k = first_k + i % 4u * 16u;
        let at = At(head.b, head.h, i32(q));
        var x = pool[slot][i % 4u];
        if (!PLAIN) {
            x = biased(x, at, i32(k));
        }
        if (!whole) {
            let row = line * job.rows + clamp(q, job.q, job.q + job.rows - 1u) - job.q;
            if (k >= job.n_k || (!full && !allowed(row, at, i32(k)))) {
                x = -LARGEST;
            }
        }
        pool[slot][i % 4u] = x;
    }
}

// Makes weights of them, by what is known of their rows.
fn weigh_pack(head: At, known: vec4<f32>, first_q: u32, first_k: u32, thread: u32) {
    for (var i = 0u; i < 4u * PACK; i++) {
        let slot = i / 4u * 128u + thread;
        let q = min(first_q + i / 4u * 8u, job.n_q - 1u);
        let x = pool[slot][i % 4u];
        var p = 0.0;
        if (!(x <= NOTHING)) {
            p = weight(x, known[i / 4u], At(head.b, head.h, i32(q)), i32(first_k + i % 4u * 16u));
        }
        pool[slot][i % 4u] = p;
    }
}

// One of two numbers that each thread knows of its rows.
fn tell(which: u32, own: array<vec4<f32>, PACKS>, thread: u32) {
    let numbers = own;
    for (var i = 0u; i < PACKS; i++) {
        pool[which * TOLD + (i * 8u + thread / 16u) * 17u + thread % 16u] = numbers[i];
    }
}

// What thread j of the sixteen told, for four rows of which `owner` is in charge.
fn told(which: u32, j: u32, owner: u32) -> vec4<f32> {
    return pool[which * TOLD + owner * 17u + j];
}
