
fn row_JOIN(own: array<vec4<f32>, PACKS>, thread: u32) -> array<vec4<f32>, PACKS> {
    var all = own;
    for (var i = 0u; i < PACKS; i++) {
        var x = all[i];
        x = JOIN(x, subgroupShuffleXor(x, 1u));
        x = JOIN(x, subgroupShuffleXor(x, 2u));
        if (LANES > 4u) {
            x = JOIN(x, subgroupShuffleXor(x, 4u));
        }
        if (LANES > 8u) {
            x = JOIN(x, subgroupShuffleXor(x, 8u));
        }
        all[i] = x;
    }
    if (LANES < 16u) {
        workgroupBarrier();
        if (thread % LANES == 0u) {
            for (var i = 0u; i < PACKS; i++) {
                pool[(i * 8u + thread / 16u) * 17u + thread % 16u / LANES] = all[i];
            }
        }
        workgroupBarrier();
        for (var i = 0u; i < PACKS; i++) {
            let at = (i * 8u + thread / 16u) * 17u;
            var x = pool[at];
            for (var j = 1u; j < 16u / LANES; j++) {
                x = JOIN(x, pool[at + j]);
            }
            all[i] = x;
        }
    }
    return all;
}
