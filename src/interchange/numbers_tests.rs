#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> ([usize; 3], Vec<f32>) {
    let numbers = Numbers::parse(text).unwrap_or_else(|error| unreachable!("{text:?}: {error}"));
    ([numbers.heads, numbers.rows, numbers.cols], numbers.data)
}

fn error(text: &str) -> String {
    Numbers::parse(text).unwrap_err().to_string()
}

#[test]
fn the_same_matrix_in_many_forms() {
    let forms = [
        "1,2\n3,4",
        "1, 2\r\n3, 4\r\n",
        "1\t2\n3\t4\n\n\n",
        "1 2\n3 4",
        "  1   2 \n# comment\n 3 4 # more",
        "1;2\n3;4",
        "1，2\n3，4",
        "[[1,2],[3,4]]",
        "[[1, 2],\n [3, 4]]\n",
        "[[ 1.  2.]\n [3. 4.]]",
        "[[1 2] [3 4]]",
        "[1 2; 3 4]",
        "[1, 2; 3, 4]",
        "array([[1., 2.],\n       [3., 4.]], dtype=float32)",
        "np.array([[1, 2], [3, 4]])",
        "tensor([[1., 2.],\n        [3., 4.]], device='cuda:0')\n",
        "[[[1,2],[3,4]]]",
        "[[[[1,2],[3,4]]]]",
        "\u{feff}1,2\n3,4",
        "1e0 +2\n.3e1 4.0E+0",
    ];
    for text in forms {
        assert_eq!(read(text), ([1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]), "{text:?}");
    }
}

#[test]
fn stacks_of_matrices() {
    let expected = ([2, 1, 2], vec![1.0, 2.0, 3.0, 4.0]);
    for text in
        ["1 2\n\n3 4", "\n1 2\n \n\n3 4\n", "[[[1,2]],[[3,4]]]", "[[[1. 2.]]\n\n [[3. 4.]]]", "[[[[1,2]],[[3,4]]]]"]
    {
        assert_eq!(read(text), expected, "{text:?}");
    }
    let error = Numbers::parse("1 2\n\n3 4").unwrap().matrix().unwrap_err();
    assert_eq!(error.to_string(), "text: 2 matrices (empty lines separate them), expected one");
    assert_eq!(Numbers::parse("1 2\n3 4").unwrap().matrix().unwrap(), [[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(read("[1, 2, 3]").0, [1, 1, 3]);
    assert_eq!(read("7").0, [1, 1, 1]);
}

#[test]
fn special_numbers() {
    let (_, data) = read("inf -inf +Infinity NaN \u{2212}1.5 1e-45 -0 3.4028235e38");
    assert_eq!(data[..3], [f32::INFINITY, f32::NEG_INFINITY, f32::INFINITY]);
    assert!(data[3].is_nan());
    assert_eq!(data[4..6], [-1.5, f32::from_bits(1)]);
    assert!(data[6] == 0.0 && data[6].is_sign_negative());
    assert_eq!(data[7], f32::MAX);
}

#[test]
fn errors_name_line_and_column() {
    let cases = [
        ("", "text: no numbers"),
        (" \n# only words\n", "text: no numbers"),
        ("1,2\n3,x", "line 2, column 3: \"x\" is not a number"),
        ("a,b\n1,2", "line 1, column 1: \"a\" is not a number"),
        ("1,2\n3", "line 2, column 2: 1 numbers here, 2 in those before"),
        ("1,2\n3,4,5\n", "line 2, column 6: 3 numbers here, 2 in those before"),
        ("1 2\n3 4\n\n5 6\n", "line 5, column 1: 1 rows here, 2 in those before"),
        ("1,,2", "line 1, column 3: a separator with no number before it"),
        ("1,2,\n3,4,", "line 1, column 4: no number follows this separator"),
        (",1", "line 1, column 1: a separator with no number before it"),
        (
            "1,5;2,5",
            "line 1, column 4: commas and semicolons on one line: write decimal points, and one kind of separator",
        ),
        ("1 2]\n", "line 1, column 4: a bracket among plain numbers"),
        ("数 1", "line 1, column 1: \"数\" is not a number"),
        ("1 1e39", "line 1, column 3: 1e39 is beyond the range of float32 (3.4e38)"),
        ("1 (2)", "line 1, column 3: \"(\" is not a number"),
        ("[[1,2],[3]]", "line 1, column 10: 1 numbers here, 2 in those before"),
        ("[[[1]],[[2],[3]]]", "line 1, column 16: 2 rows here, 1 in those before"),
        ("[[1,2],\n [3,4]", "line 2, column 7: the text ends before the closing bracket"),
        ("[[1,2],[3,,4]]", "line 1, column 10: no number follows this comma"),
        ("[[1,2],]", "line 1, column 7: no number follows this comma"),
        ("[,1]", "line 1, column 2: a comma with no number before it"),
        ("[[1,2],3]", "line 1, column 8: a number where a bracket was expected"),
        ("[1,[2]]", "line 1, column 4: a bracket where a number was expected"),
        ("[]", "line 1, column 2: an empty bracket"),
        ("[[1],[]]", "line 1, column 7: an empty bracket"),
        ("[[1]] [[2]]", "line 1, column 7: something follows the closing bracket; put one outer bracket around all"),
        ("[[1 2]; [3 4]]", "line 1, column 7: a semicolon inside nested brackets"),
        ("[1 2; 3]", "line 1, column 8: 1 numbers here, 2 in those before"),
        ("[1 2; ]", "line 1, column 7: an empty bracket"),
        ("[[[[[1]]]]]", "line 1, column 5: brackets deeper than [batch][head][row][column]"),
        ("[[[[1]]],[[[2]]]]", "line 1, column 17: extents [2, 1, 1, 1]: of four, the first (batch) must be 1"),
        ("[[1, null]]", "line 1, column 6: \"null\" is not a number"),
        ("array([1, 2]", "line 1, column 13: expected ) here"),
    ];
    for (text, expected) in cases {
        assert_eq!(error(text), expected, "{text:?}");
    }
    assert!(error("[[1. 2. ... 3.]]").starts_with("line 1, column 9: the numbers were cut short"));
}

#[test]
fn the_text_has_a_limit() {
    let text = "1 ".repeat(MAX_TEXT / 2);
    assert_eq!(read(&text).0, [1, 1, MAX_TEXT / 2]);
    assert_eq!(error(&format!("{text} ")), "text: 4194305 bytes, the limit is 4194304");
}

proptest! {
    #[test]
    fn printed_matrices_come_back(heads in 1usize..4, rows in 1usize..5, cols in 1usize..5, bits in prop::collection::vec(any::<u32>(), 64)) {
        let data: Vec<f32> = bits.iter().take(heads * rows * cols).map(|&b| f32::from_bits(b)).collect();
        let finite: Vec<f32> = data.iter().map(|x| if x.is_nan() { 0.5 } else { *x }).collect();
        for separator in [",", " ", "\t", ";", ", "] {
            let text = finite.chunks(rows * cols).map(|m| m.chunks(cols)
                .map(|row| row.iter().map(f32::to_string).collect::<Vec<_>>().join(separator)).collect::<Vec<_>>().join("\n"))
                .collect::<Vec<_>>().join("\n\n");
            prop_assert_eq!(read(&text), ([heads, rows, cols], finite.clone()), "{}", text);
        }
        let nested: Vec<Vec<&[f32]>> = finite.chunks(rows * cols).map(|m| m.chunks(cols).collect()).collect();
        prop_assert_eq!(read(&format!("{nested:?}")), ([heads, rows, cols], finite.clone()));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[\\[\\],;\\n\\t 0-9.eE+#()−a-z，-]{0,60}|\\PC{0,60}") {
        if let Ok(numbers) = Numbers::parse(&text) {
            prop_assert!(numbers.heads * numbers.rows * numbers.cols == numbers.data.len() && !numbers.data.is_empty());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Numbers::parse(&String::from_utf8_lossy(&bytes));
    }
}
