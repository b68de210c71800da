#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;

use super::*;

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    file: String,
    shape: Vec<usize>,
    bits: Vec<u32>,
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn what_numpy_saves_is_read_to_the_bit() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/independent/npy.json")).unwrap();
    assert_eq!(cases.len(), 14 * 3 * 2);
    for Case { name, file, shape, bits } in cases {
        let tensor = read(&hex(&file)).unwrap();
        assert_eq!(tensor.shape, shape, "{name}");
        assert_eq!(tensor.data.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), bits, "{name}");
    }
}

/// A file of version 1 with this header.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn said(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn faults_are_named() {
    let whole = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1)}";
    assert_eq!(read(&file(whole, &[7, 9])).unwrap(), Tensor { shape: vec![2, 1], data: vec![7.0, 9.0] });
    assert!(said(b"PK\x03\x04").contains("does not begin as one"));
    assert!(said(b"\x93NUMPY\x01").contains("cut off"));
    assert!(said(&file(whole, &[])[..20]).contains("cut off"));
    assert!(said(b"\x93NUMPY\x09\x00\x00\x00").contains("version 9"));
    assert_eq!(said(&file(whole, &[7])), "file: 1 bytes follow the header; [2, 1] numbers of 1 bytes take 2");
    assert!(said(&file(whole, &[7, 8, 9])).starts_with("file: 3 bytes"));
    let with = |from: &str, to: &str| said(&file(&whole.replace(from, to), &[7, 9]));
    assert!(with("'|u1'", "'<c8'").contains("\"<c8\""));
    assert!(with("'|u1'", "[('a', '<f4')]").contains("records"));
    assert!(with("(2, 1)", "(2,)").contains("1 extents (2)"));
    assert!(with("(2, 1)", "(1, 1, 1, 1, 2)").contains("5 extents"));
    assert!(with("(2, 1)", "(2, -1)").contains("no whole number"));
    assert!(with("(2, 1)", "(9999999999, 9999999999)").contains("more than there can be"));
    assert!(with("'shape'", "'form'").contains("\"form\""));
    assert!(with("False", "Maybe").contains("neither"));
    assert!(with("'descr': '|u1', ", "").contains("lacks descr"));
    assert!(with("{", "").contains("not a dictionary"));
    assert!(said(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").contains("limit"));
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
        let _ = read(&bytes);
        let mut begun = MAGIC.to_vec();
        begun.extend([1, 0]);
        begun.extend(&bytes);
        let _ = read(&begun);
        let _ = read(&file(&text, &bytes));
        let _ = read(&file(&format!("{{'descr': '<f4', {text} 'shape': (2, 2)}}"), &bytes));
    }
}
