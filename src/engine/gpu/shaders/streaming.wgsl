// Attention without the score matrix: a workgroup takes ROWS query rows of one head through the live tiles of 64 keys (Dao et al. 2022).
//
// A thread holds R rows by 4 keys of the scores and R rows by COLUMNS vec4s of the outputs in registers. Queries and keys pass through
// workgroup memory 16 numbers of their length at a time, values 16 / COLUMNS keys at a time; the weights go back through the memory of
// queries and keys, where they need two turns if there are 64 rows. Rescaled once for each tile, divided once in the end.
//
// With job.splits > 1 each workgroup takes a run of the live tiles only and leaves what `merge.wgsl` puts together.
//
// Constants: R (rows a thread, 8 or 1); ONLINE (running maximum and sum) or final weights from a known log-sum-exp; VALUES (outputs too, or
// row statistics only); STATS; COLUMNS and BLOCKS (of columns, each a workgroup of its own); WHOLE (lengths are multiples of 16); PLAIN (no
// score formulas); MASKED.
//
// Workgroup memory: 2 * 64 * 5 * 16 + 256 * 16 = 14 336 of 16 384 bytes. An odd pitch keeps the vec4s that neighbours read in banks of
// their own; so do rows and keys of one thread that lie 8 and 16 apart.

const ROWS = 8u * R;
// Numbers of four rows are kept together.
const PACK = min(R, 4u);
const PACKS = R / PACK;
const TILE = 64u;
const KEYS = 64u;
const PITCH = 5u;
const RIGHT = 320u;
// Weights: vec4s of a row that one turn holds, each the keys of one tx.
const TURNS = select(1u, 2u, R == 8u);
const POSITIONS = 16u / TURNS;
const WEIGHT_PITCH = POSITIONS + 1u;
// Of these, how many one stage of values serves.
const STAGE = 4u / COLUMNS;

// Queries and keys, then weights.
var<workgroup> pool: array<vec4<f32>, 640>;
// What the threads of a row tell each other, then values.
var<workgroup> aside: array<vec4<f32>, 256>;

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
    // Per row: largest score, sum of weights, moment, best of this thread's own keys and its key; log-sum-exp where it is known.
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
        best_at[i] = vec4<f32>(-1.0);
        known[i] = vec4<f32>(0.0);
    }
    if (!ONLINE && SUMS) {
        for (var r = 0u; r < R; r++) {
            let q = q0 + ty + r * 8u;
            if (q >= job.q && q < job.q + job.rows) {
                known[r / 4u][r % 4u] = statistics[group.y * job.rows + q - job.q].x;
            }
        }
    }

    let count = tile_count(row_start);
    let end_tile = count * (split + 1u) / job.splits;
    for (var t = count * split / job.splits; t < end_tile; t++) {
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
            // Registers can't be counted through, and 32 copies of a long formula take long to compile. So scores go through what is free
            // of workgroup memory, where one loop sees four rows, each thread its own.
            workgroupBarrier();
            for (var i = 0u; i < PACKS; i++) {
                for (var j = 0u; j < PACK; j++) {
                    pool[j * 128u + thread] = s[i * 4u + j];
                }
                for (var j = 0u; j < PACK; j++) {
                    let q = min(q0 + ty + (i * 4u + j) * 8u, job.n_q - 1u);
                    let row = group.y * job.rows + clamp(q, job.q, job.q + job.rows - 1u) - job.q;
                    let x = pool[j * 128u + thread];
                    pool[j * 128u + thread] = masked(x, whole, live.full, row, at_row(unit, q), k0 + tx);
                }
                for (var j = 0u; j < PACK; j++) {
                    s[i * 4u + j] = pool[j * 128u + thread];
                }
            }
        }

        if (ONLINE) {
            var top = largest;
            for (var r = 0u; r < R; r++) {
                top[r / 4u][r % 4u] = max(top[r / 4u][r % 4u], max(max(s[r].x, s[r].y), max(s[r].z, s[r].w)));
            }
            for (var i = 0u; i < PACKS; i++) {
                aside[i * 128u + thread] = top[i];
            }
            workgroupBarrier();
            for (var i = 0u; i < PACKS; i++) {
                for (var j = 0u; j < 16u; j++) {
                    top[i] = max(top[i], aside[i * 128u + ty * 16u + j]);
                }
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
        }
        for (var r = 0u; r < R; r++) {
            var p = vec4<f32>(0.0);
            if (ONLINE) {
                let hidden = s[r] <= vec4<f32>(NOTHING);
                let below = select(s[r] - largest[r / 4u][r % 4u], vec4<f32>(0.0), hidden);
                p = select(exp(below), vec4<f32>(0.0), hidden);
                if (STATS) {
                    moment[r / 4u][r % 4u] += dot(p, below);
                    for (var c = 0u; c < 4u; c++) {
                        if (s[r][c] > best[r / 4u][r % 4u]) {
                            best[r / 4u][r % 4u] = s[r][c];
                            best_at[r / 4u][r % 4u] = f32(k0 + tx + c * 16u);
                        }
                    }
                }
            } else {
                let at = at_row(unit, min(q0 + ty + r * 8u, job.n_q - 1u));
                for (var c = 0u; c < 4u; c++) {
                    let x = s[r][c];
                    if (!(x <= NOTHING)) {
                        let k = k0 + tx + c * 16u;
                        largest[r / 4u][r % 4u] = max(largest[r / 4u][r % 4u], x);
                        p[c] = weight(x, known[r / 4u][r % 4u], at, i32(k));
                        if (STATS) {
                            if (p[c] > 0.0) {
                                moment[r / 4u][r % 4u] += p[c] * log(p[c]);
                            }
                            if (p[c] > best[r / 4u][r % 4u]) {
                                best[r / 4u][r % 4u] = p[c];
                                best_at[r / 4u][r % 4u] = f32(k);
                            }
                        }
                    }
                }
            }
            sum[r / 4u][r % 4u] += p.x + p.y + p.z + p.w;
            s[r] = p;
        }
        if (VALUES) {
            for (var position = 0u; position < 16u; position += STAGE) {
                workgroupBarrier();
                if (position % POSITIONS == 0u && tx / POSITIONS == position / POSITIONS) {
                    for (var r = 0u; r < R; r++) {
                        pool[(ty + r * 8u) * WEIGHT_PITCH + tx % POSITIONS] = s[r];
                    }
                }
                // Position i stands for the keys i, i + 16, i + 32 and i + 48, as the weights of one thread do. Past the last key the
                // weights are 0, past the last column nothing is written.
                for (var i = thread; i < 256u; i += 128u) {
                    let line = i / (16u * COLUMNS);
                    let k = k0 + position + line % STAGE + 16u * (line / STAGE);
                    let column = first_column + i % (16u * COLUMNS);
                    aside[i] = values[values_at + min(k, job.n_k - 1u) * job.v4 + min(column, job.v4 - 1u)];
                }
                workgroupBarrier();
                for (var i = 0u; i < STAGE; i++) {
                    for (var c = 0u; c < COLUMNS; c++) {
                        let at = i * 16u * COLUMNS + c * 16u + tx;
                        let v0 = aside[at];
                        let v1 = aside[at + 64u];
                        let v2 = aside[at + 128u];
                        let v3 = aside[at + 192u];
                        for (var r = 0u; r < R; r++) {
                            let p = pool[(ty + r * 8u) * WEIGHT_PITCH + (position + i) % POSITIONS];
                            out[r * COLUMNS + c] += p.x * v0 + p.y * v1 + p.z * v2 + p.w * v3;
                        }
                    }
                }
            }
        }
    }

    // What the sixteen threads of a row know, together.
    sum = across_sum(sum, thread);
    if (!ONLINE) {
        largest = across_max(largest, thread);
    }
    if (STATS) {
        moment = across_sum(moment, thread);
        let own = best;
        best = across_max(best, thread);
        // The first of the keys with the largest weight.
        for (var i = 0u; i < PACKS; i++) {
            let mine = (own[i] == best[i]) & (best_at[i] >= vec4<f32>(0.0));
            best_at[i] = -select(vec4<f32>(LARGEST), best_at[i], mine);
        }
        best_at = across_max(best_at, thread);
    }
    for (var r = 0u; r < R; r++) {
        let q = q0 + ty + r * 8u;
        if (q < job.q || q >= job.q + job.rows) {
            continue;
        }
        let row = group.y * job.rows + q - job.q;
        let i = r / 4u;
        let j = r % 4u;
        let found = Row(largest[i][j], sum[i][j], moment[i][j], best[i][j], -best_at[i][j]);
        if (job.splits > 1u) {
            let at = part_start(row, split);
            if (tx == 0u && group.z % BLOCKS == 0u) {
                put_row(at, found);
            }
            if (VALUES) {
                for (var c = 0u; c < COLUMNS; c++) {
                    let column = first_column + c * 16u + tx;
                    if (column < job.v4) {
                        put_column(at, column, out[r * COLUMNS + c]);
                    }
                }
            }
            continue;
        }
        let end = ended(found, known[i][j], i32(unit % job.q_heads));
        if (VALUES) {
            for (var c = 0u; c < COLUMNS; c++) {
                let column = first_column + c * 16u + tx;
                if (column < job.v4) {
                    outputs[row * job.v4 + column] = end.factor * out[r * COLUMNS + c];
                }
            }
        }
        if (tx == 0u && group.z % BLOCKS == 0u) {
            statistics[row] = end.statistics;
        }
    }
}

// Scores of four keys, 16 apart, after the slots up to the mask.
fn masked(scaled: vec4<f32>, whole: bool, full: bool, row: u32, at: At, first: u32) -> vec4<f32> {
    var s = scaled;
    for (var c = 0u; c < 4u; c++) {
        let k = first + c * 16u;
        if (!PLAIN) {
            s[c] = biased(s[c], at, i32(k));
        }
        if (!whole && (k >= job.n_k || (!full && !allowed(row, at, i32(k))))) {
            s[c] = -LARGEST;
        }
    }
    return s;
}

fn across_sum(own: array<vec4<f32>, PACKS>, thread: u32) -> array<vec4<f32>, PACKS> {
    var all = own;
    workgroupBarrier();
    for (var i = 0u; i < PACKS; i++) {
        aside[i * 128u + thread] = all[i];
    }
    workgroupBarrier();
    for (var i = 0u; i < PACKS; i++) {
        all[i] = vec4<f32>(0.0);
        for (var j = 0u; j < 16u; j++) {
            all[i] += aside[i * 128u + thread / 16u * 16u + j];
        }
    }
    return all;
}

fn across_max(own: array<vec4<f32>, PACKS>, thread: u32) -> array<vec4<f32>, PACKS> {
    var all = own;
    workgroupBarrier();
    for (var i = 0u; i < PACKS; i++) {
        aside[i * 128u + thread] = all[i];
    }
    workgroupBarrier();
    for (var i = 0u; i < PACKS; i++) {
        for (var j = 0u; j < 16u; j++) {
            all[i] = max(all[i], aside[i * 128u + thread / 16u * 16u + j]);
        }
    }
    return all;
}
