//! The changes of lines that make kernels with subgroups and with 16-bit numbers of the one streaming text.

/// Lines of the plain text, and what takes their place.
pub(super) type Edit = (&'static str, &'static str);

/// A text with each of the lines replaced.
pub(super) fn edit(mut text: String, edits: &[Edit]) -> String {
    for (lines, instead) in edits {
        debug_assert_eq!(text.matches(lines).count(), 1, "{lines}");
        text = text.replace(lines, instead);
    }
    text
}

/// What the threads of a row tell each other.
pub(super) const BY_SUBGROUPS: [Edit; 4] = [
    (
        "            workgroupBarrier();
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
",
        "            let tops = row_max(top, thread);
",
    ),
    (
        "                top[i] = max(largest[i], pool[FOUND + i * 8u + ty]);
",
        "                top[i] = max(largest[i], tops[i]);
",
    ),
    (
        "    tell(0u, largest, thread);
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
",
        "    keep(0u, row_max(largest, thread), thread);
    keep(1u, row_sum(sum, thread), thread);
",
    ),
    (
        "        workgroupBarrier();
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
",
        "        // The first of the keys with the largest weight.
        let most = row_max(best, thread);
        for (var i = 0u; i < PACKS; i++) {
            best_at[i] = select(vec4<f32>(LARGEST), best_at[i], best[i] == most[i]);
        }
        keep(2u, most, thread);
        keep(3u, row_min(best_at, thread), thread);
        keep(4u, row_sum(moment, thread), thread);
",
    ),
];

/// What is known of a row by all of its threads goes where the end of the row looks for it.
pub(super) const KEEP: &str = "
fn keep(which: u32, known: array<vec4<f32>, PACKS>, thread: u32) {
    let numbers = known;
    if (thread % 16u == 0u) {
        for (var i = 0u; i < PACKS; i++) {
            pool[FOUND + which * OWNERS + i * 8u + thread / 16u] = numbers[i];
        }
    }
}
";

/// Staging and products.
pub(super) const IN_16_BITS: [Edit; 12] = [
    (
        "var<workgroup> pool: array<vec4<f32>, (ROWS + KEYS) * PITCH>;
",
        "var<workgroup> pool: array<vec4<f32>, (ROWS + KEYS) * PITCH>;
// What is multiplied, in the same order.
var<workgroup> halves: array<vec4<f16>, (ROWS + KEYS) * PITCH>;
// Weights are at most 1.
const OF_WEIGHTS = 8192.0;

// Powers of two: what Q, K and V are multiplied by, then what scores and outputs are.
fn factor(which: u32) -> f32 {
    return bitcast<f32>(words[job.sinks + job.q_heads + which]);
}
",
    ),
    (
        "                pool[(i / 4u) * PITCH + i % 4u] = x;
",
        "                halves[(i / 4u) * PITCH + i % 4u] = vec4<f16>(x * factor(0u));
",
    ),
    (
        "                pool[RIGHT + (i / 4u) * PITCH + i % 4u] = x;
",
        "                halves[RIGHT + (i / 4u) * PITCH + i % 4u] = vec4<f16>(x * factor(1u));
",
    ),
    (
        "                let a = pool[RIGHT + tx * PITCH + i];
                let b = pool[RIGHT + (tx + 16u) * PITCH + i];
                let c = pool[RIGHT + (tx + 32u) * PITCH + i];
                let d = pool[RIGHT + (tx + 48u) * PITCH + i];
",
        "                let a = halves[RIGHT + tx * PITCH + i];
                let b = halves[RIGHT + (tx + 16u) * PITCH + i];
                let c = halves[RIGHT + (tx + 32u) * PITCH + i];
                let d = halves[RIGHT + (tx + 48u) * PITCH + i];
",
    ),
    (
        "                    let x = pool[(ty + r * 8u) * PITCH + i];
                    s[r] += vec4<f32>(dot(x, a), dot(x, b), dot(x, c), dot(x, d));
",
        "                    let x = halves[(ty + r * 8u) * PITCH + i];
                    s[r] += vec4<f32>(vec4<f16>(dot(x, a), dot(x, b), dot(x, c), dot(x, d)));
",
    ),
    (
        "            s[r] *= job.scale;
",
        "            s[r] = s[r] * factor(3u) * job.scale;
",
    ),
    (
        "                        pool[(ty + r * 8u) * PITCH + tx % 4u] = s[r];
",
        "                        halves[(ty + r * 8u) * PITCH + tx % 4u] = vec4<f16>(s[r] * OF_WEIGHTS);
",
    ),
    (
        "                    pool[RIGHT + i] = values[values_at + min(k, job.n_k - 1u) * job.v4 + min(column, job.v4 - 1u)];
",
        "                    let x = values[values_at + min(k, job.n_k - 1u) * job.v4 + min(column, job.v4 - 1u)];
                    halves[RIGHT + i] = vec4<f16>(x * factor(2u));
",
    ),
    (
        "                        let v0 = pool[at];
                        let v1 = pool[at + 64u];
                        let v2 = pool[at + 128u];
                        let v3 = pool[at + 192u];
",
        "                        let v0 = halves[at];
                        let v1 = halves[at + 64u];
                        let v2 = halves[at + 128u];
                        let v3 = halves[at + 192u];
",
    ),
    (
        "                            let p = pool[(ty + r * 8u) * PITCH + (position + i) % 4u];
",
        "                            let p = halves[(ty + r * 8u) * PITCH + (position + i) % 4u];
",
    ),
    (
        "                            out[r * COLUMNS + c] += p.x * v0 + p.y * v1 + p.z * v2 + p.w * v3;
",
        "                            out[r * COLUMNS + c] += vec4<f32>(p.x * v0 + p.y * v1 + p.z * v2 + p.w * v3);
",
    ),
    (
        "    // What the sixteen threads of a row know, together: two numbers at a time, by one thread for four rows.
",
        "    for (var i = 0u; i < OUTPUTS; i++) {
        out[i] *= factor(4u);
    }
    // What the sixteen threads of a row know, together: two numbers at a time, by one thread for four rows.
",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::gpu::Build;

    const PLAIN: &str = include_str!("shaders/streaming.wgsl");

    #[test]
    fn every_change_takes_the_place_of_lines_that_are_there_once() {
        for (lines, instead) in IN_16_BITS.iter().chain(&BY_SUBGROUPS) {
            assert_eq!(PLAIN.matches(lines).count(), 1, "{lines}");
            assert!(lines.ends_with('\n') && instead.ends_with('\n') && lines != instead);
        }
        assert_eq!(Build::default().edited(PLAIN), PLAIN);
        assert_eq!(Build::default().directives(), "");
        for build in [Build { lanes: 16, f16: false }, Build { lanes: 0, f16: true }, Build { lanes: 8, f16: true }] {
            assert_ne!(build.edited(PLAIN), PLAIN);
        }
    }
}
