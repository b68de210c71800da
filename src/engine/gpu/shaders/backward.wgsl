// Gradients without the score matrix: weights are computed again from the rows' log-sum-exp (FlashAttention-2; Dao 2023, algorithm 2).
//
// A workgroup owns ROWS rows of one side and takes the live tiles of 64 rows of the other side:
//
//   by queries   owns queries: dQ = dS K
//   by keys      owns keys: dK = dSᵀ Q and dV = Pᵀ dY, summed over the query heads that read them, one head after the other
//   TOTALS       owns queries: of each row the mean of dP that dS is measured against, where it is not dY · Y
//
// Nobody else adds to what a workgroup owns, so nothing is atomic; the price is that scores are formed once for each side. The second side's sums
// go on from what is among the outputs, so that heads and queries may be divided over dispatches.
//
// A thread holds R own rows by 4 others of the scores and of dP = dY Vᵀ, and R rows by COLUMNS vec4s of the sums. Both products are one text,
// 16 numbers of their length at a time. What happens to one score is written once, and its loop counts through workgroup memory: so compilers
// do not unroll the formulas (see streaming.wgsl).
//
// Constants: BY_KEYS, TOTALS; CENTRED (dS is measured against a mean of its row), UNIT_SUM (weights sum to one, a sink among them: the mean
// needs no division); R (8 or 1), COLUMNS, SUMS_S and SUMS_P (vec4s of the two sums), KINDS (of sums), QUADS (of own rows of a thread);
// WHOLE (lengths are multiples of 16).
//
// Workgroup memory as in streaming.wgsl: 10 240 or 5760 bytes.

@group(0) @binding(8) var<storage, read_write> gradient: array<vec4<f32>>;

const ROWS = 8u * R;
// Own rows of a thread whose scores and dP are in workgroup memory at a time.
const PACK = min(R, 2u);
const PACKS = R / PACK;
const TILE = 64u;
const PITCH = 5u;
// The other side's rows; before them own rows, then weights of four positions, each the others of one tx.
const RIGHT = ROWS * PITCH;
// Positions that one stage of the other side's rows serves.
const STAGE = 4u / COLUMNS;
const PLANE = PACK * 128u;
const TOLD = 8u * 17u * QUADS;

var<workgroup> pool: array<vec4<f32>, (ROWS + TILE) * PITCH>;

struct Tile { other: u32, full: bool }

fn tile_count(row_start: u32) -> u32 {
    if (!MASKED) {
        return (select(job.n_k, job.n_q, BY_KEYS) + TILE - 1u) / TILE;
    }
    return tiles[row_start + 1u] - tiles[row_start];
}

fn tile(row_start: u32, i: u32) -> Tile {
    if (!MASKED) {
        return Tile(i * TILE, true);
    }
    let word = tiles[tiles[row_start] + i];
    return Tile((word >> 1u) * TILE, (word & 1u) != 0u);
}

// Four numbers of a row of Q, or of dY for the second product.
fn query_side(second: bool, unit: u32, row: u32, at: u32) -> vec4<f32> {
    let width = select(job.d4, job.v4, second);
    if (row >= job.n_q || at >= width) {
        return vec4<f32>(0.0);
    }
    let place = ((unit - job.bound_unit) * job.n_q + row) * width + at;
    if (second) {
        return gradient[place];
    }
    return queries[place];
}

// Four numbers of a row of K, or of V.
fn key_side(second: bool, unit: u32, row: u32, at: u32) -> vec4<f32> {
    if (row >= job.n_k || at >= select(job.d4, job.v4, second)) {
        return vec4<f32>(0.0);
    }
    if (second) {
        return values[value_start(unit) + row * job.v4 + at];
    }
    return keys[key_start(unit) + row * job.d4 + at];
}

fn own_side(second: bool, unit: u32, row: u32, at: u32) -> vec4<f32> {
    if (BY_KEYS) {
        return key_side(second, unit, row, at);
    }
    return query_side(second, unit, row, at);
}

fn other_side(second: bool, unit: u32, row: u32, at: u32) -> vec4<f32> {
    if (BY_KEYS) {
        return query_side(second, unit, row, at);
    }
    return key_side(second, unit, row, at);
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let own0 = (select(job.q, job.k, BY_KEYS) / ROWS + group.x) * ROWS;
    let ty = thread / 16u;
    let tx = thread % 16u;
    let first_column = group.z * 16u * COLUMNS;

    // Sums with dS, and by keys with P.
    var sum_s: array<vec4<f32>, SUMS_S>;
    var sum_p: array<vec4<f32>, SUMS_P>;
    for (var i = 0u; i < SUMS_S; i++) {
        sum_s[i] = vec4<f32>(0.0);
    }
    for (var i = 0u; i < SUMS_P; i++) {
        sum_p[i] = vec4<f32>(0.0);
    }
    // Of own rows, what the mean is made of.
    var parts: array<vec4<f32>, QUADS>;
    var shares: array<vec4<f32>, QUADS>;
    for (var i = 0u; i < QUADS; i++) {
        parts[i] = vec4<f32>(0.0);
        shares[i] = vec4<f32>(0.0);
    }

    for (var head = 0u; head < job.heads; head++) {
        let unit = job.unit + group.y * job.heads + head;
        let row_start = tiles[unit - job.bound_unit] + own0 / TILE;
        let count = tile_count(row_start);
        for (var t = 0u; t < count; t++) {
            let live = tile(row_start, t);
            let other0 = live.other;
            if (BY_KEYS && (other0 < job.q || other0 >= job.q + job.rows)) {
                continue;
            }

            // Scores, then dP.
            var s: array<vec4<f32>, R>;
            var dp: array<vec4<f32>, R>;
            for (var r = 0u; r < R; r++) {
                s[r] = vec4<f32>(0.0);
                dp[r] = vec4<f32>(0.0);
            }
            for (var product = 0u; product < 2u; product++) {
                let second = product == 1u;
                let length = select(job.d4, job.v4, second);
                for (var r = 0u; r < R; r++) {
                    s[r] = dp[r];
                    dp[r] = vec4<f32>(0.0);
                }
                for (var part = 0u; part < length; part += 4u) {
                    workgroupBarrier();
                    for (var i = thread; i < ROWS * 4u; i += 128u) {
                        pool[(i / 4u) * PITCH + i % 4u] = own_side(second, unit, own0 + i / 4u, part + i % 4u);
                    }
                    for (var i = thread; i < TILE * 4u; i += 128u) {
                        pool[RIGHT + (i / 4u) * PITCH + i % 4u] = other_side(second, unit, other0 + i / 4u, part + i % 4u);
                    }
                    workgroupBarrier();
                    let width = select(min(4u, length - part), 4u, WHOLE);
                    for (var i = 0u; i < width; i++) {
                        let a = pool[RIGHT + tx * PITCH + i];
                        let b = pool[RIGHT + (tx + 16u) * PITCH + i];
                        let c = pool[RIGHT + (tx + 32u) * PITCH + i];
                        let d = pool[RIGHT + (tx + 48u) * PITCH + i];
                        for (var r = 0u; r < R; r++) {
                            let x = pool[(ty + r * 8u) * PITCH + i];
                            dp[r] += vec4<f32>(dot(x, a), dot(x, b), dot(x, c), dot(x, d));
                        }
                    }
                }
            }

            // Through the slots and back.
            workgroupBarrier();
            for (var i = 0u; i < PACKS; i++) {
                for (var j = 0u; j < PACK; j++) {
                    pool[j * 128u + thread] = s[i * PACK + j];
                    pool[PLANE + j * 128u + thread] = dp[i * PACK + j];
                }
                back_pack(unit, own0 + ty + i * PACK * 8u, other0 + tx, live.full, thread);
                for (var j = 0u; j < PACK; j++) {
                    let r = i * PACK + j;
                    s[r] = pool[j * 128u + thread];
                    dp[r] = pool[PLANE + j * 128u + thread];
                }
            }

            if (TOTALS) {
                for (var r = 0u; r < R; r++) {
                    shares[r / 4u][r % 4u] += s[r].x + s[r].y + s[r].z + s[r].w;
                    parts[r / 4u][r % 4u] += dp[r].x + dp[r].y + dp[r].z + dp[r].w;
                }
                continue;
            }
            for (var kind = 0u; kind < KINDS; kind++) {
                let second = kind == 1u;
                for (var position = 0u; position < 16u; position += STAGE) {
                    workgroupBarrier();
                    if (position % 4u == 0u && tx / 4u == position / 4u) {
                        for (var r = 0u; r < R; r++) {
                            pool[(ty + r * 8u) * PITCH + tx % 4u] = select(dp[r], s[r], second);
                        }
                    }
                    // Position i stands for the others i, i + 16, i + 32 and i + 48, as the scores of one thread do.
                    for (var i = thread; i < 256u; i += 128u) {
                        let line = i / (16u * COLUMNS);
                        let row = other0 + position + line % STAGE + 16u * (line / STAGE);
                        pool[RIGHT + i] = other_side(second, unit, row, first_column + i % (16u * COLUMNS));
                    }
                    workgroupBarrier();
                    for (var i = 0u; i < STAGE; i++) {
                        for (var c = 0u; c < COLUMNS; c++) {
                            let at = RIGHT + i * 16u * COLUMNS + c * 16u + tx;
                            let v0 = pool[at];
                            let v1 = pool[at + 64u];
                            let v2 = pool[at + 128u];
                            let v3 = pool[at + 192u];
                            if (BY_KEYS && second) {
                                for (var r = 0u; r < R; r++) {
                                    let p = pool[(ty + r * 8u) * PITCH + (position + i) % 4u];
                                    sum_p[(r * COLUMNS + c) % SUMS_P] += p.x * v0 + p.y * v1 + p.z * v2 + p.w * v3;
                                }
                            } else {
                                for (var r = 0u; r < R; r++) {
                                    let p = pool[(ty + r * 8u) * PITCH + (position + i) % 4u];
                                    sum_s[r * COLUMNS + c] += p.x * v0 + p.y * v1 + p.z * v2 + p.w * v3;
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    if (TOTALS) {
        workgroupBarrier();
        for (var i = 0u; i < QUADS; i++) {
            pool[(i * 8u + ty) * 17u + tx] = shares[i];
            pool[TOLD + (i * 8u + ty) * 17u + tx] = parts[i];
        }
        workgroupBarrier();
        if (thread < ROWS && mine(own0 + thread)) {
            // Four rows lie 8 apart in a vec4.
            let at = (thread / 32u * 8u + thread % 8u) * 17u;
            let j = thread / 8u % 4u;
            var share = 0.0;
            var part = 0.0;
            for (var x = 0u; x < 16u; x++) {
                share += pool[at + x][j];
                part += pool[TOLD + at + x][j];
            }
            if (!UNIT_SUM) {
                part = select(part / share, 0.0, share == 0.0);
            }
            statistics[(job.unit + group.y - job.bound_unit) * job.n_q + own0 + thread].y = part;
        }
        return;
    }
    for (var r = 0u; r < R; r++) {
        let own = own0 + ty + r * 8u;
        if (!mine(own)) {
            continue;
        }
        var row = group.y * job.rows + own - job.q;
        if (BY_KEYS) {
            row = group.y * job.keys + own - job.k;
        }
        for (var c = 0u; c < COLUMNS; c++) {
            let column = first_column + c * 16u + tx;
            if (column < job.d4) {
                let at = row * job.d4 + column;
                if (BY_KEYS) {
                    outputs[at] += job.scale * sum_s[r * COLUMNS + c];
                } else {
                    outputs[at] = job.scale * sum_s[r * COLUMNS + c];
                }
            }
            if (BY_KEYS && column < job.v4) {
                outputs[job.dv + row * job.v4 + column] += sum_p[(r * COLUMNS + c) % SUMS_P];
            }
        }
    }
}

// Whether an own row is one of the work.
fn mine(own: u32) -> bool {
    if (BY_KEYS) {
        return own >= job.k && own < job.k + job.keys;
    }
    return own >= job.q && own < job.q + job.rows;
}

// Turns this thread's products of PACK own rows, 8 apart from the first, with four others, 16 apart, and their dP into weights and dS; for
// TOTALS into what each adds to its row's mean.
fn back_pack(unit: u32, first_own: u32, first_other: u32, full: bool, thread: u32) {
    for (var i = 0u; i < 4u * PACK; i++) {
        let slot = i / 4u * 128u + thread;
        let own = first_own + i / 4u * 8u;
        let other = first_other + i % 4u * 16u;
        let q = select(own, other, BY_KEYS);
        let k = select(other, own, BY_KEYS);
        let cell = back(pool[slot][i % 4u], pool[PLANE + slot][i % 4u], unit, q, k, full);
        pool[slot][i % 4u] = cell.x;
        pool[PLANE + slot][i % 4u] = cell.y;
    }
}

// The weight of a cell and the derivative by its product, from the product and the derivative by the weight; 0 where it is masked.
fn back(product: f32, by_weight: f32, unit: u32, q: u32, k: u32, full: bool) -> vec2<f32> {
    if (q >= job.n_q || k >= job.n_k) {
        return vec2<f32>(0.0);
    }
    let at = at_row(unit, q);
    if (MASKED && !full) {
        let line = (unit - job.unit) * job.rows + clamp(q, job.q, job.q + job.rows - 1u) - job.q;
        if (!allowed(line, at, i32(k))) {
            return vec2<f32>(0.0);
        }
    }
    let known = statistics[(unit - job.bound_unit) * job.n_q + q];
    var x = job.scale * product;
    var slope = 1.0;
    if (!PLAIN) {
        let before = score_before_slope(x, at, i32(k));
        x = before.x;
        slope = before.y;
        if (SOFTCAP) {
            let t = soft_tanh(x / job.softcap);
            x = job.softcap * t;
            slope = f_by(1.0 - t * t, slope);
        }
        let after = score_after_slope(x, at, i32(k));
        x = bounded(after.x);
        slope = f_by(after.y, slope);
    }
    if (x <= NOTHING) {
        return vec2<f32>(0.0);
    }
    let p = normalised(x, known.x);
    var weight = p;
    var dp = by_weight;
    if (PROBABILITY) {
        let f = formula_probability_slope(p, at, i32(k));
        weight = f.x;
        dp = f_by(f.y, by_weight);
    }
    // What a weight changes by with its score, beside what the whole row does.
    var share = p;
    if (SIGMOID) {
        share = p * (1.0 - p);
    } else if (SPARSEMAX) {
        share = select(0.0, 1.0, p > 0.0);
    } else if (ENTMAX) {
        share = sqrt(p);
    } else if (SQUARED_RELU) {
        share = 2.0 * positive(x) / f32(job.n_k);
    }
    if (TOTALS) {
        return vec2<f32>(share, f_by(share, dp));
    }
    if (CENTRED) {
        dp -= known.y;
    }
    return vec2<f32>(weight, f_by(slope, f_by(share, dp)));
}
