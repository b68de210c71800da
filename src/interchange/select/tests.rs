#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::super::pace::{Straight, straight};
use super::super::{Layout, Number, Place};
use super::Axis::{Batch, Head, Length, Merged, Size};
use super::*;

const MOST: Most = Most { heads: 32, tokens: 4096, size: 256, numbers: 1 << 19 };

/// Numbers counted from 0, in the order of the file.
fn counted(shape: &[usize], fortran: bool) -> (Layout, Vec<u8>) {
    let layout = Layout { shape: shape.to_vec(), number: Number::Float(4), swapped: false, fortran };
    let count: usize = shape.iter().product();
    (layout, (0..count).flat_map(|i| (i as f32).to_le_bytes()).collect())
}

fn taken(shape: &[usize], axes: &[Axis], split: usize, part: Part) -> Vec<Vec<f32>> {
    let (layout, bytes) = counted(shape, false);
    let array = Array::new(&layout, &bytes, || Place::File).unwrap();
    straight(View { axes: axes.to_vec(), split }.take(&array, &part, &Straight)).unwrap()
}

const ALL: Part = Part { batch: 0, heads: [0, 99], tokens: [0, 99] };

#[test]
fn axes_in_any_order_give_heads_of_rows() {
    // One array [2 heads, 3 tokens, 2 numbers], and what it looks like with its axes elsewhere.
    let expected = [[0., 1.], [2., 3.], [4., 5.], [6., 7.], [8., 9.], [10., 11.]];
    assert_eq!(taken(&[2, 3, 2], &[Head, Length, Size], 1, ALL), expected);
    assert_eq!(taken(&[1, 2, 3, 2], &[Batch, Head, Length, Size], 1, ALL), expected);
    assert_eq!(taken(&[6, 2], &[Length, Size], 1, ALL), expected);
    // Keys as some libraries keep them: [heads, size, length].
    assert_eq!(taken(&[1, 2, 3], &[Head, Size, Length], 1, ALL), [[0., 3.], [1., 4.], [2., 5.]]);
    // [length, heads, size]: a token's heads lie together.
    assert_eq!(taken(&[2, 2, 1], &[Length, Head, Size], 1, ALL), [[0.], [2.], [1.], [3.]]);
    // A projection [batch, length, heads · size].
    assert_eq!(taken(&[1, 2, 4], &[Batch, Length, Merged], 2, ALL), [[0., 1.], [4., 5.], [2., 3.], [6., 7.]]);
    // The second sequence; the second head; from the second token.
    assert_eq!(
        taken(&[2, 2, 2, 1], &[Batch, Head, Length, Size], 1, Part { batch: 1, heads: [1, 2], tokens: [1, 2] }),
        [[7.]]
    );
}

#[test]
fn columns_first_is_the_same_array() {
    let (layout, bytes) = counted(&[2, 3], true);
    let array = Array::new(&layout, &bytes, || Place::File).unwrap();
    let view = View { axes: vec![Length, Size], split: 1 };
    assert_eq!(straight(view.take(&array, &ALL, &Straight)).unwrap(), [[0., 2., 4.], [1., 3., 5.]]);
    assert_eq!(array.tensor().data, [0., 2., 4., 1., 3., 5.]);
}

#[test]
fn axes_are_guessed_from_the_extents() {
    let guess = |shape: &[usize]| {
        let view = View::guess(shape, &MOST);
        (view.axes, view.split)
    };
    assert_eq!(guess(&[16, 64]), (vec![Length, Size], 1));
    assert_eq!(guess(&[16, 768]), (vec![Length, Merged], 12));
    assert_eq!(guess(&[1, 16, 4096]), (vec![Batch, Length, Merged], 32));
    assert_eq!(guess(&[1, 16, 32]), (vec![Batch, Length, Size], 1));
    assert_eq!(guess(&[12, 128, 64]), (vec![Head, Length, Size], 1));
    assert_eq!(guess(&[128, 12, 64]), (vec![Length, Head, Size], 1));
    assert_eq!(guess(&[1, 12, 128, 64]), (vec![Batch, Head, Length, Size], 1));
    assert_eq!(guess(&[2, 128, 12, 64]), (vec![Batch, Length, Head, Size], 1));
    // What can't be taken is no reason to stop.
    assert!(View::guess(&[3], &MOST).extents(&[3]).is_err());
    assert!(View::guess(&[], &MOST).extents(&[]).is_err());
    assert!(View::guess(&[1; 6], &MOST).extents(&[1; 6]).is_err());
}

#[test]
fn axes_that_say_nothing_are_refused() {
    let said = |axes: &[Axis], split, shape: &[usize]| {
        View { axes: axes.to_vec(), split }.extents(shape).map_err(|words| {
            assert!(!words.zh.is_empty());
            words.en
        })
    };
    assert_eq!(said(&[Length, Length], 1, &[2, 2]).unwrap_err(), "two axes are “length”");
    assert_eq!(said(&[Batch, Size], 1, &[2, 2]).unwrap_err(), "no axis is the length");
    assert_eq!(said(&[Length, Head], 1, &[2, 2]).unwrap_err(), "no axis is the size of a head");
    assert_eq!(said(&[Length, Merged], 0, &[2, 6]).unwrap_err(), "6 numbers can't be split into 0 heads");
    assert_eq!(said(&[Length, Merged], 4, &[2, 6]).unwrap_err(), "6 numbers can't be split into 4 heads");
    assert_eq!(
        said(&[Head, Length, Merged], 2, &[2, 2, 6]).unwrap_err(),
        "“heads*size” holds heads and size: no other axis can be either"
    );
    assert_eq!(said(&[Length, Size], 1, &[0, 6]).unwrap_err(), "an extent is 0: there are no numbers in it");
    assert_eq!(said(&[Length, Merged], 3, &[2, 6]), Ok(Extents { batch: 1, heads: 3, length: 2, size: 2 }));
}

fn extents(heads: usize, length: usize, size: usize) -> Extents {
    Extents { batch: 1, heads, length, size }
}

#[test]
fn every_limit_names_its_control() {
    let (q, k, v) = (extents(8, 10, 64), extents(2, 12, 64), extents(2, 12, 32));
    let whole = Slice::guess(&q, &k, &v, &MOST);
    assert_eq!(whole, Slice { batch: 0, heads: [0, 2], queries: [0, 10], keys: [0, 12] });
    assert_eq!(whole.part_of_q(4).heads, [0, 8]);
    let fields = |q: &Extents, k: &Extents, v: &Extents, slice: &Slice| {
        faults(q, k, v, slice, &MOST).into_iter().map(|(field, _)| field).collect::<Vec<_>>()
    };
    assert_eq!(fields(&q, &k, &v, &whole), []);
    assert_eq!(fields(&extents(8, 10, 32), &k, &v, &whole), [Field::K]);
    assert_eq!(fields(&q, &k, &extents(2, 11, 32), &whole), [Field::V, Field::Keys]);
    assert_eq!(fields(&q, &k, &extents(1, 12, 32), &whole), [Field::V]);
    assert_eq!(fields(&extents(7, 10, 64), &k, &v, &whole), [Field::K]);
    assert_eq!(fields(&extents(8, 10, 512), &extents(2, 12, 512), &v, &whole), [Field::Q]);
    assert_eq!(fields(&q, &k, &v, &Slice { batch: 1, ..whole }), [Field::Batch]);
    assert_eq!(fields(&q, &k, &v, &Slice { queries: [4, 4], ..whole }), [Field::Queries]);
    assert_eq!(fields(&q, &k, &v, &Slice { keys: [0, 13], ..whole }), [Field::Keys]);
    assert_eq!(fields(&q, &k, &v, &Slice { heads: [0, 3], ..whole }), [Field::Heads]);
    let long = extents(40, 5000, 256);
    let all = Slice { batch: 0, heads: [0, 40], queries: [0, 5000], keys: [0, 5000] };
    assert_eq!(fields(&long, &long, &long, &all), [Field::Heads, Field::Queries, Field::Keys]);
    let many = Slice { heads: [0, 32], queries: [0, 64], keys: [0, 64], ..all };
    assert_eq!(fields(&long, &long, &long, &many), [Field::Queries]);
}

#[test]
fn as_much_as_fits_is_offered() {
    for (q, k) in [
        (extents(32, 4096, 256), extents(32, 4096, 256)),
        (extents(64, 9000, 128), extents(8, 9000, 128)),
        (extents(1, 1, 8), extents(1, 70000, 8)),
    ] {
        let slice = Slice::guess(&q, &k, &k, &MOST);
        assert_eq!(faults(&q, &k, &k, &slice, &MOST), [], "{slice:?}");
    }
}

#[test]
fn names_say_which_is_which() {
    let guess = |names: &[&str]| guess_names(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
    assert_eq!(guess(&["K", "Q", "V"]), [Some(1), Some(0), Some(2)]);
    assert_eq!(guess(&["key", "value", "query"]), [Some(2), Some(0), Some(1)]);
    assert_eq!(guess(&["layers.0.k_proj", "layers.0.q_proj", "layers.0.v_proj"]), [Some(1), Some(0), Some(2)]);
    assert_eq!(guess(&["attn.key_states", "attn.query_states", "attn.value_states"]), [Some(1), Some(0), Some(2)]);
    // Words that merely hold the letter are none.
    assert_eq!(guess(&["mask", "keys", "queries", "values"]), [Some(2), Some(1), Some(3)]);
    assert_eq!(guess(&["arr_0", "arr_1", "arr_2"]), [Some(0), Some(1), Some(2)]);
    assert_eq!(guess(&["x"]), [Some(0), Some(0), Some(0)]);
    assert_eq!(guess(&["q", "k"]), [Some(0), Some(1), Some(1)]);
    assert_eq!(guess(&[]), [None, None, None]);
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    let layout = Layout { shape: vec![1, 2, 2], number: Number::Float(4), swapped: false, fortran: false };
    let bytes: Vec<u8> = [0.0, 1.0, 2.0, f32::NAN].iter().flat_map(|x| x.to_le_bytes()).collect();
    let array = Array::new(&layout, &bytes, || Place::File).unwrap();
    let view = View { axes: vec![Head, Length, Size], split: 1 };
    let error = straight(view.take(&array, &ALL, &Straight)).unwrap_err();
    assert_eq!(error.to_string(), "file: head 1, row 2, column 2 is NaN: numbers must be finite");
    assert!(!error.words().zh.is_empty());
}
