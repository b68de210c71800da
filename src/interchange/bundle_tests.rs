#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;

use super::super::pace::{Straight, straight};
use super::*;

fn open(name: &str, bytes: &[u8]) -> Result<Bundle, InterchangeError> {
    straight(Bundle::open(name, bytes.to_vec(), &Straight))
}

fn numbers(bundle: &mut Bundle, index: usize) -> Result<(Vec<usize>, Vec<f32>), InterchangeError> {
    straight(bundle.prepare(index, &Straight))?;
    let tensor = bundle.array(index).unwrap().tensor();
    Ok((tensor.shape, tensor.data))
}

#[test]
fn text_is_one_array_or_several_with_names() {
    let mut bundle = open("rows.csv", b"a,b\n1,2\n3,4").unwrap();
    assert_eq!((bundle.entries[0].name.as_str(), bundle.notes.len()), ("rows", 1));
    assert_eq!(numbers(&mut bundle, 0).unwrap(), (vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]));
    let mut bundle = open("qkv.json", br#"{"q": [[1, 2]], "__proto__": [[[[5]]], [[[6]]]], "k\u0021": [7]}"#).unwrap();
    let names: Vec<_> = bundle.entries.iter().map(|entry| entry.name.clone()).collect();
    assert_eq!(names, ["q", "__proto__", "k!"]);
    assert_eq!(numbers(&mut bundle, 1).unwrap(), (vec![2, 1, 1, 1], vec![5.0, 6.0]));
    let said = |text: &str| open("x.json", text.as_bytes()).unwrap_err().to_string();
    assert_eq!(said(r#"{"q": [1], "q": [2]}"#), "line 1, column 17: \"q\" comes twice");
    assert_eq!(said(r#"{"q": {"a": 1}}"#), "line 1, column 7: \"q\" is not followed by a list of numbers");
    assert_eq!(said(r#"{q: [1]}"#), "line 1, column 2: expected the name of an array in quotes");
    assert_eq!(said(r#"{"q": [1]"#), "line 1, column 10: expected , or } here");
    assert_eq!(said(r#"{"q": [1]} x"#), "line 1, column 12: \"x\" is not a number");
}

#[test]
fn names_are_shown_so_that_they_can_t_rewrite_a_sentence() {
    assert_eq!(shown("a\u{202e}b\n\u{200b}"), "a\\u{202e}b\\u{a}\\u{200b}");
    assert_eq!(shown(&"x".repeat(99)).chars().count(), 61);
}

proptest! {
    #[test]
    fn any_bytes_are_opened_or_refused(kind in 0..5_usize, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (name, start): (&str, &[u8]) =
            [("a.npy", b"\x93NUMPY\x01\0" as &[u8]), ("a.npz", b"PK"), ("a.safetensors", b""), ("a.csv", b""), ("a.npy", b"")][kind];
        let bytes = [start, &bytes].concat();
        let room = bytes.len();
        if let Ok(mut bundle) = open(name, &bytes) {
            for index in 0..bundle.entries.len() {
                if let Ok((shape, data)) = numbers(&mut bundle, index) {
                    prop_assert_eq!(shape.iter().product::<usize>(), data.len());
                    prop_assert!(data.len() <= room);
                }
            }
        }
    }
}
