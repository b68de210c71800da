#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::formula::{Scalar, Scope, Sizes, Sorted, Values, compile};

fn bound(text: &str, kind: Kind, window: i32, n: i32) -> Bound {
    let scope = Scope { params: vec![("window".into(), Ty::Int), ("rate".into(), Ty::Float)], data: vec![] };
    let params = Sorted::from([("window".into(), Scalar::Int(window)), ("rate".into(), Scalar::Float(0.1))]);
    let sizes = Sizes { batch: 2, heads: 2, n_q: n, n_k: n, offset: vec![3, 5] };
    compile(text, kind, &scope).unwrap().bind(&Values { sizes, params, data: Sorted::new() }).unwrap()
}

fn module(bound: &Bound) -> (String, Vec<u32>) {
    let mut module = Module::default();
    module.add("f", bound);
    (module.text(), module.words())
}

#[test]
fn sliders_and_sizes_change_words_and_not_the_text() {
    for text in ["(q ^ k) < window", "k <= q_pos and q_pos - k < window", "hash(q, k, window) % n_k == 7"] {
        let (a, b) = (bound(text, Kind::Mask, 4, 20), bound(text, Kind::Mask, 9, 33));
        assert_eq!(module(&a).0, module(&b).0, "{text}");
        assert_ne!(module(&a).1, module(&b).1, "{text}");
    }
}

#[test]
fn helpers_come_once_and_only_where_they_are_used() {
    let mut both = Module::default();
    both.add("f", &bound("hash(q, k) < hash(k, q)", Kind::Mask, 1, 9));
    both.add("g", &bound("hash(q, k, h) < 9", Kind::Mask, 1, 9));
    assert_eq!(both.text().matches("fn f_mix(").count(), 1);
    assert!(!both.text().contains("f_floor_div"));
}

#[test]
fn a_formula_stands_above_its_function_and_can_t_leave_its_comment() {
    assert!(
        module(&bound("k <= q  and (q<window)", Kind::Mask, 4, 20)).0.starts_with("// k <= q  and (q<window)\nfn f(")
    );
    for end in ['\n', '\u{b}', '\u{c}', '\r', '\u{85}', '\u{2028}', '\u{2029}', '\0'] {
        // In the formula it is part of a comment, or white space.
        let text = comment(&format!("k <= q # or{end}fn g() {{}}"));
        assert_eq!(text, "// k <= q # or\n// fn g() {}\n", "{end:?}");
    }
    assert_eq!(comment("\r\n"), "");
}

#[test]
fn masks_with_rounded_floats_are_not_exact() {
    let exact = |text| bound(text, Kind::Mask, 4, 20).exact_in_wgsl();
    for text in
        ["(q ^ k) < window", "k * 0.3 < q", "sin(q - k) < 0.5", "float(q * k) < rate", "max(q * 0.7, k * 0.3) < 2"]
    {
        assert!(exact(text), "{text}");
    }
    for text in ["k * 0.3 + q * 0.7 < h", "float(q * k * 100000) < rate", "(k - q * q) / 3 < rate", "q * k < inf"] {
        assert!(!exact(text), "{text}");
    }
}
