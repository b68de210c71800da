//! How much of a mask bounds decide without looking at its cells.

use std::sync::Arc;

use attention_playground::formula::{
    Coverage, Data, DataDecl, DataValues, Kind, Lanes, Scalar, Scope, Sizes, Sorted, Ty, Values, compile,
};

/// Bounds are useful: of the tiles of 64 x 64 that are truly empty or full, this share is recognised.
#[test]
fn most_empty_and_full_tiles_are_recognised() {
    const N: i32 = 1024;
    const TILE: i32 = 64;
    let decl = |name: &str, ty| DataDecl { name: name.into(), ty, dims: 1 };
    let params = [
        ("window", 100),
        ("prefix", 200),
        ("globals", 3),
        ("dilation", 2),
        ("stride", 32),
        ("block", 64),
        ("chunk", 128),
    ];
    let scope = Scope {
        params: params.iter().map(|p| (p.0.into(), Ty::Int)).collect(),
        data: vec![decl("doc", Ty::Int), decl("period", Ty::Int), decl("valid", Ty::Bool)],
    };
    let table = |values: DataValues| Arc::new(Data { shape: vec![values.len()], values, clamp: false });
    let values = Values {
        sizes: Sizes { batch: 1, heads: 4, n_q: N, n_k: N, offset: vec![0] },
        params: params.iter().map(|p| (p.0.into(), Scalar::Int(p.1))).collect(),
        data: Sorted::from([
            ("doc".into(), table(DataValues::Int((0..N).map(|i| (i * i) >> 17).collect()))),
            ("period".into(), table(DataValues::Int(vec![2, 4, 128, 256]))),
            ("valid".into(), table(DataValues::Bool((0..N).map(|i| u8::from(i < 900)).collect()))),
        ]),
    };
    // The floor is in percent of the tiles that are truly empty or full.
    for (name, text, floor) in [
        ("none", "true", 100),
        ("causal", "k <= q_pos", 100),
        ("window", "0 <= q_pos - k < window", 100),
        ("two-sided window", "abs(q - k) <= window", 100),
        ("dilated", "abs(q - k) <= window * dilation and (q - k) % dilation == 0", 100),
        ("prefix", "k <= q_pos or k < prefix", 100),
        ("document", "doc[q] == doc[k] and k <= q", 100),
        ("padding", "valid[k] and k <= q", 100),
        ("chunked", "q // chunk == k // chunk and k <= q", 100),
        ("block", "q // block == k // block", 100),
        ("sinks", "k <= q_pos and (q_pos - k < window or k < globals)", 100),
        ("longformer", "abs(q - k) < window or q < globals or k < globals", 100),
        ("strided", "k <= q and (q - k < stride or (q - k) % stride == 0)", 100),
        ("fixed", "k <= q and (q // stride == k // stride or k % stride >= stride - 4)", 100),
        (
            "bigbird",
            "abs(q // block - k // block) <= 1 or k < block or q < block or hash(q // block, k // block, 7) < 3355443",
            100,
        ),
        ("sierpinski", "(k & ~q) == 0 or q - k == 1", 100),
        ("synaptic", "(q - k) in {0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987}", 100),
        ("clock", "k <= q and (k % period[h] == 0 or q - k <= 1)", 100),
        ("random blocks", "hash(q // block, k // block, h) < 5033165", 100),
    ] {
        let bound = compile(text, Kind::Mask, &scope).unwrap().bind(&values).unwrap();
        let heads = if bound.uniform_over_heads() { 1 } else { 4 };
        let (mut certain, mut recognised) = (0, 0);
        let mut lanes = Lanes::new(&bound);
        for h in 0..heads {
            for q0 in (0..N).step_by(TILE as usize) {
                let mut allowed = [0u32; (N / TILE) as usize];
                let mut row = vec![0u8; N as usize];
                for q in q0..q0 + TILE {
                    lanes.begin_row(0, h, q);
                    lanes.mask_row(0, &mut row);
                    for (count, cells) in allowed.iter_mut().zip(row.chunks(TILE as usize)) {
                        *count += cells.iter().map(|&c| u32::from(c)).sum::<u32>();
                    }
                }
                for (i, &count) in allowed.iter().enumerate() {
                    let k0 = i as i32 * TILE;
                    let truth = match count {
                        0 => Coverage::Empty,
                        4096 => Coverage::Full,
                        _ => continue,
                    };
                    certain += 1;
                    recognised += u32::from(bound.coverage(0, h, q0..q0 + TILE, k0..k0 + TILE) == truth);
                }
            }
        }
        println!("{name:>18}: {recognised} of {certain}");
        assert!(recognised * 100 >= certain * floor, "{name}: {recognised} of {certain} recognised, {floor} % wanted");
    }
}
