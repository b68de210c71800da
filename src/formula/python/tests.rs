#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::formula::{DataDecl, DataValues, Kind, Scalar, Scope, Sizes, Sorted, Ty, Values, compile};

fn bound(text: &str, kind: Kind) -> Bound {
    let scope = Scope {
        params: vec![("window".into(), Ty::Int), ("gain".into(), Ty::Float), ("lambda".into(), Ty::Bool)],
        data: vec![DataDecl { name: "doc".into(), ty: Ty::Int, dims: 1 }],
    };
    let doc = Data { shape: vec![8], values: DataValues::Int((0..8).map(|i| i / 3).collect()), clamp: true };
    let values = Values {
        sizes: Sizes { batch: 1, heads: 2, n_q: 8, n_k: 8, offset: vec![] },
        params: Sorted::from([
            ("window".into(), Scalar::Int(4)),
            ("gain".into(), Scalar::Float(0.5)),
            ("lambda".into(), Scalar::Bool(true)),
        ]),
        data: Sorted::from([("doc".into(), Arc::new(doc))]),
    };
    compile(text, kind, &scope).unwrap().bind(&values).unwrap()
}

fn returned(text: &str, kind: Kind, arrays: Arrays) -> String {
    let all = bound(text, kind).python("f", arrays).text;
    all.lines().last().unwrap().trim().strip_prefix("return ").unwrap().to_owned()
}

#[test]
fn the_text_reads_as_somebody_would_write_it() {
    let text = bound("k <= q_pos and q_pos - k < window", Kind::Mask).python("mask", Arrays::Numpy).text;
    let want = "# k <= q_pos and q_pos - k < window\ndef mask(b, h, q, k):\n    window = 4\n    return (k <= q) & (q - k < window)\n";
    assert_eq!(text, want);
    for (formula, want) in [
        ("doc[q] == doc[k] and k <= q", "(f_doc[q] == f_doc[k]) & (k <= q)"),
        ("doc[q + 1] == 0", "f_doc[np.clip(q + 1, 0, 7)] == 0"),
        ("lambda and k < 3 or q // window == k // window", "(lambda_ & (k < 3)) | (q // window == k // window)"),
        ("not (k in {1, 2})", "~((k == 1) | (k == 2))"),
        ("q // (k - 3) == 0", "_floor_div(q, (k - 3)) == 0"),
        ("2 * 3 + 1 < k", "7 < k"),
    ] {
        assert_eq!(returned(formula, Kind::Mask, Arrays::Numpy), want, "{formula}");
    }
}

#[test]
fn flex_attention_gets_tensors_only() {
    for (formula, want) in [
        ("s - gain * abs(q - k)", "s - gain * abs(q - k).to(torch.float32)"),
        ("s * sqrt(gain)", "s * math.sqrt(gain)"),
        ("s + min(float(k), 2.0)", "s + _minimum(k.to(torch.float32), 2.0)"),
        ("1.5", "torch.where(k >= 0, 1.5, s)"),
    ] {
        assert_eq!(returned(formula, Kind::Score, Arrays::Torch), want, "{formula}");
    }
    assert_eq!(returned("true", Kind::Mask, Arrays::Torch), "(k >= 0) & (True)");
}

#[test]
fn what_only_adds_is_known() {
    for (formula, adds) in [
        ("s - gain * abs(q - k)", true),
        ("s + 1.0 + gain", true),
        ("gain + s", true),
        ("where(k < 3, s + 1, s)", true),
        ("s * 2", false),
        ("1.0 - s", false),
        ("s + s", false),
        ("where(s > 0, s, s + 1)", false),
        ("0.5", false),
    ] {
        assert_eq!(bound(formula, Kind::Score).formula().adds(), adds, "{formula}");
    }
}

#[test]
fn long_parts_that_are_used_twice_are_computed_once() {
    let text = bound("0 < (q * 7 + k * 13 + window * 5 + h) % 30 < 20", Kind::Mask).python("f", Arrays::Numpy).text;
    assert_eq!(text.matches("k * 13").count(), 2, "once in the comment and once as a part:\n{text}");
    assert!(text.ends_with("    return (0 < t1) & (t1 < 20)\n"), "{text}");
}
