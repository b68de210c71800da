// Attention without the score matrix: a workgroup takes 64 query rows of one head through the live tiles of 32 keys (Dao et al. 2022).
//
// A thread holds 4 rows by 4 keys of the scores and 4 rows by COLUMNS vec4s of the outputs in registers. Queries and keys pass through
// workgroup memory 32 numbers of their length at a time; the weights go back through the memory of the queries. Rescaled once for each
// tile, divided once in the end.
//
// Constants: ONLINE (running maximum and sum) or final weights from a known log-sum-exp; VALUES (outputs too, or row statistics only);
// STATS; COLUMNS; PLAIN (no score formulas); MASKED.
//
// Workgroup memory: 64 * 9 * 16 + 32 * 9 * 16 + 64 * 8 * 4 = 15 872 of 16 384 bytes. The ninth vec4 of a row keeps banks apart.

const ROWS = 64u;
const KEYS = 32u;
const PITCH = 9u;

var<workgroup> left: array<vec4<f32>, 576>;
var<workgroup> right: array<vec4<f32>, 288>;
var<workgroup> shared_row: array<f32, 512>;

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
    let tile_row = job.q / ROWS + group.x;
    let q0 = tile_row * ROWS;
    let ty = thread / 8u;
    let tx = thread % 8u;
    let queries_at = query_start(unit);
    let keys_at = key_start(unit);
    let values_at = value_start(unit);
    let first_column = group.z * 8u * COLUMNS + tx;
    let row_start = tiles[unit - job.bound_unit] + tile_row;

    var out: array<vec4<f32>, OUTPUTS>;
    for (var i = 0u; i < OUTPUTS; i++) {
        out[i] = vec4<f32>(0.0);
    }
    // Per row: largest score, sum of weights, moment, best of this thread's own keys and its key; log-sum-exp where it is known.
    var largest = vec4<f32>(-LARGEST);
    var sum = vec4<f32>(0.0);
    var moment = vec4<f32>(0.0);
    var best = vec4<f32>(select(0.0, -LARGEST, ONLINE));
    var best_at = vec4<f32>(-1.0);
    var known = vec4<f32>(0.0);
    if (!ONLINE && SUMS) {
        for (var r = 0u; r < 4u; r++) {
            let q = q0 + ty * 4u + r;
            if (q >= job.q && q < job.q + job.rows) {
                known[r] = statistics[group.y * job.rows + q - job.q].x;
            }
        }
    }

    let count = tile_count(row_start);
    for (var t = 0u; t < count; t++) {
        let live = tile(row_start, t);
        let k0 = live.col * KEYS;

        var s: array<vec4<f32>, 4>;
        for (var r = 0u; r < 4u; r++) {
            s[r] = vec4<f32>(0.0);
        }
        for (var part = 0u; part < job.d4; part += 8u) {
            workgroupBarrier();
            for (var i = thread; i < ROWS * 8u; i += 128u) {
                let q = q0 + i / 8u;
                let at = part + i % 8u;
                var x = vec4<f32>(0.0);
                if (q < job.n_q && at < job.d4) {
                    x = queries[queries_at + q * job.d4 + at];
                }
                left[(i / 8u) * PITCH + i % 8u] = x;
            }
            for (var i = thread; i < KEYS * 8u; i += 128u) {
                let k = k0 + i / 8u;
                let at = part + i % 8u;
                var x = vec4<f32>(0.0);
                if (k < job.n_k && at < job.d4) {
                    x = keys[keys_at + k * job.d4 + at];
                }
                right[(i / 8u) * PITCH + i % 8u] = x;
            }
            workgroupBarrier();
            for (var i = 0u; i < min(8u, job.d4 - part); i++) {
                let a = right[(tx * 4u) * PITCH + i];
                let b = right[(tx * 4u + 1u) * PITCH + i];
                let c = right[(tx * 4u + 2u) * PITCH + i];
                let d = right[(tx * 4u + 3u) * PITCH + i];
                for (var r = 0u; r < 4u; r++) {
                    let x = left[(ty * 4u + r) * PITCH + i];
                    s[r] += vec4<f32>(dot(x, a), dot(x, b), dot(x, c), dot(x, d));
                }
            }
        }

        // Slots up to the mask. Rows past the last query compute something and are not written.
        let whole = live.full && k0 + KEYS <= job.n_k;
        for (var r = 0u; r < 4u; r++) {
            s[r] *= job.scale;
            if (!PLAIN || !whole) {
                let q = min(q0 + ty * 4u + r, job.n_q - 1u);
                let at = at_row(unit, q);
                let row = group.y * job.rows + clamp(q, job.q, job.q + job.rows - 1u) - job.q;
                for (var c = 0u; c < 4u; c++) {
                    let k = k0 + tx * 4u + c;
                    var x = s[r][c];
                    if (!PLAIN) {
                        x = biased(x, at, i32(k));
                    }
                    if (!whole) {
                        if (k >= job.n_k) {
                            x = -LARGEST;
                        } else if (!live.full && !allowed(row, at, i32(k))) {
                            x = -LARGEST;
                        }
                    }
                    s[r][c] = x;
                }
            }
        }

        var keep = vec4<f32>(1.0);
        if (ONLINE) {
            for (var r = 0u; r < 4u; r++) {
                shared_row[(ty * 4u + r) * 8u + tx] = max(max(s[r].x, s[r].y), max(s[r].z, s[r].w));
            }
            workgroupBarrier();
            for (var r = 0u; r < 4u; r++) {
                var m = largest[r];
                for (var i = 0u; i < 8u; i++) {
                    m = max(m, shared_row[(ty * 4u + r) * 8u + i]);
                }
                let moved = max(largest[r] - m, -200.0);
                keep[r] = exp(moved);
                if (STATS) {
                    // Every term e^x x under the old maximum becomes e^(x + moved) (x + moved).
                    moment[r] = keep[r] * (moment[r] + moved * sum[r]);
                }
                sum[r] *= keep[r];
                largest[r] = m;
            }
        } else if (VALUES) {
            // Everyone is done with the queries before weights take their place.
            workgroupBarrier();
        }
        for (var r = 0u; r < 4u; r++) {
            let q = min(q0 + ty * 4u + r, job.n_q - 1u);
            let at = at_row(unit, q);
            var p = vec4<f32>(0.0);
            for (var c = 0u; c < 4u; c++) {
                let x = s[r][c];
                if (!(x <= NOTHING)) {
                    let k = k0 + tx * 4u + c;
                    if (ONLINE) {
                        let below = x - largest[r];
                        p[c] = exp(below);
                        if (STATS) {
                            moment[r] += p[c] * below;
                            if (x > best[r]) {
                                best[r] = x;
                                best_at[r] = f32(k);
                            }
                        }
                    } else {
                        largest[r] = max(largest[r], x);
                        p[c] = weight(x, known[r], at, i32(k));
                        if (STATS) {
                            if (p[c] > 0.0) {
                                moment[r] += p[c] * log(p[c]);
                            }
                            if (p[c] > best[r]) {
                                best[r] = p[c];
                                best_at[r] = f32(k);
                            }
                        }
                    }
                }
            }
            sum[r] += p.x + p.y + p.z + p.w;
            if (VALUES) {
                left[(ty * 4u + r) * PITCH + tx] = p;
            }
        }
        if (VALUES) {
            for (var i = 0u; i < OUTPUTS; i++) {
                out[i] *= keep[i / COLUMNS];
            }
            workgroupBarrier();
            for (var i = 0u; i < 8u; i++) {
                for (var c = 0u; c < COLUMNS; c++) {
                    // Past the last key the weights are 0, past the last column nothing is written.
                    let column = values_at + min(first_column + c * 8u, job.v4 - 1u);
                    let k = k0 + i * 4u;
                    let last = job.n_k - 1u;
                    let v0 = values[column + min(k, last) * job.v4];
                    let v1 = values[column + min(k + 1u, last) * job.v4];
                    let v2 = values[column + min(k + 2u, last) * job.v4];
                    let v3 = values[column + min(k + 3u, last) * job.v4];
                    for (var r = 0u; r < 4u; r++) {
                        let p = left[(ty * 4u + r) * PITCH + i];
                        out[r * COLUMNS + c] += p.x * v0 + p.y * v1 + p.z * v2 + p.w * v3;
                    }
                }
            }
        }
    }

    // What the eight threads of a row know, together.
    sum = across_sum(sum, ty, tx);
    if (!ONLINE) {
        largest = across_max(largest, ty, tx);
    }
    if (STATS) {
        moment = across_sum(moment, ty, tx);
        let own = best;
        best = across_max(best, ty, tx);
        // The first of the keys with the largest weight.
        var at = vec4<f32>(LARGEST);
        for (var r = 0u; r < 4u; r++) {
            if (own[r] == best[r] && best_at[r] >= 0.0) {
                at[r] = best_at[r];
            }
        }
        best_at = -across_max(-at, ty, tx);
    }
    for (var r = 0u; r < 4u; r++) {
        let q = q0 + ty * 4u + r;
        if (q < job.q || q >= job.q + job.rows) {
            continue;
        }
        let row = group.y * job.rows + q - job.q;
        let nothing = largest[r] <= NOTHING;
        var factor = 1.0;
        var lse = known[r];
        if (ONLINE) {
            let end = with_sink(largest[r], sum[r], i32(unit % job.q_heads));
            lse = select(end.x, -LARGEST, nothing);
            factor = select(end.y, 0.0, nothing);
        } else if (nothing) {
            lse = -LARGEST;
        }
        if (VALUES) {
            for (var c = 0u; c < COLUMNS; c++) {
                if (first_column + c * 8u < job.v4) {
                    outputs[row * job.v4 + first_column + c * 8u] = factor * out[r * COLUMNS + c];
                }
            }
        }
        if (tx == 0u && group.z == 0u) {
            var entropy = 0.0;
            if (STATS && !nothing && sum[r] != 0.0) {
                entropy = log(sum[r]) - moment[r] / sum[r];
            }
            let peak = select(best[r], factor, ONLINE);
            let key = select(best_at[r], -1.0, nothing || best_at[r] >= LARGEST);
            statistics[row] = vec4<f32>(lse, entropy, select(peak, 0.0, nothing), key);
        }
    }
}

fn across_sum(own: vec4<f32>, ty: u32, tx: u32) -> vec4<f32> {
    workgroupBarrier();
    for (var r = 0u; r < 4u; r++) {
        shared_row[(ty * 4u + r) * 8u + tx] = own[r];
    }
    workgroupBarrier();
    var all = vec4<f32>(0.0);
    for (var r = 0u; r < 4u; r++) {
        for (var i = 0u; i < 8u; i++) {
            all[r] += shared_row[(ty * 4u + r) * 8u + i];
        }
    }
    return all;
}

fn across_max(own: vec4<f32>, ty: u32, tx: u32) -> vec4<f32> {
    workgroupBarrier();
    for (var r = 0u; r < 4u; r++) {
        shared_row[(ty * 4u + r) * 8u + tx] = own[r];
    }
    workgroupBarrier();
    var all = own;
    for (var r = 0u; r < 4u; r++) {
        for (var i = 0u; i < 8u; i++) {
            all[r] = max(all[r], shared_row[(ty * 4u + r) * 8u + i]);
        }
    }
    return all;
}
