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
        "Parameter containing:\ntensor([[1., 2.],\n        [3., 4.]], requires_grad=True)",
        "[[1, 2], \\\n [3, 4]]",
        "\"1\",\"2\"\n3,\" 4\"",
        "1,2,\n3,4,",
        "\t1,\t2\n\t3,\t4",
        "1,0;2,0\n3,0;4",
        "1,0\t2\n3\t4,0",
        "a;b\n1;2\n3;4",
        "the,\"sat, on\"\n1,2\n3,4",
        "cat\t1\t2\nsat\t3\t4",
        ",0,1\n0,1.0,2.0\n1,3.0,4.0",
        "token\tx\ty\ncat\t1\t2\nsat\t3\t4\n",
        ",,\n1,2,\n3,4,\n,,",
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
fn what_is_left_out_is_said() {
    let notes = |text: &str| Numbers::parse(text).unwrap().notes.into_iter().map(|note| note.en).collect::<Vec<_>>();
    let header = "The first row was taken for a header and left out.";
    let labels = "The first column was taken for labels and left out.";
    let decimal = "Commas were read as decimal points.";
    assert!(notes("1,2\n3,4").is_empty());
    assert_eq!(notes("a;b\n1,5;2"), [header, decimal]);
    assert_eq!(notes("token,x\ncat,1\nsat,2"), [header, labels]);
    // As pandas writes a frame: an empty corner, and numbers for names.
    assert_eq!(notes(",0,1\n0,1.5,2\n1,3,4"), [header, labels]);
    assert_eq!(notes("cat 1 2\nsat 3 4"), [labels]);
    assert!(Numbers::parse("a;b\n1,5;2").unwrap().notes.iter().all(|note| !note.zh.is_empty()));
}

#[test]
fn numbers_at_the_edges_of_single_precision() {
    let (_, data) = read("\u{2212}1.5 1e-45 -0 3.4028235e38");
    assert_eq!(data[..2], [-1.5, f32::from_bits(1)]);
    assert!(data[2] == 0.0 && data[2].is_sign_negative());
    assert_eq!(data[3], f32::MAX);
}

#[test]
fn errors_name_line_and_column() {
    let cases = [
        ("", "text: no numbers"),
        (" \n# only words\n", "text: no numbers"),
        ("1,2\n3,x", "line 2, column 3: \"x\" is not a number"),
        ("a,b", "line 1, column 1: \"a\" is not a number"),
        ("a,b\nc,d\n1,2", "line 2, column 1: \"c\" is not a number"),
        ("cat,1\n2,x", "line 2, column 3: \"x\" is not a number"),
        ("1,2\n3", "line 2, column 1: row 2 has length 1, those before it have length 2"),
        ("1,2\n3,4,5\n", "line 2, column 5: row 2 has length 3, those before it have length 2"),
        ("1 2\n3 4\n\n5 6\n", "text: 1 rows here, 2 in those before"),
        ("1,,2", "line 1, column 3: row 1, column 2 is empty"),
        ("1,2\n3,4,", "line 2, column 5: row 2, column 3 is empty"),
        (",1", "line 1, column 1: row 1, column 1 is empty"),
        (
            "1.000,5;2",
            "line 1, column 1: \"1.000,5\" has a comma and a point: write one decimal mark, and no marks for thousands",
        ),
        ("1,5 2,5", "line 1, column 3: \"5 2\" is not one number: write decimal points, and one kind of separator"),
        ("1 2]\n", "line 1, column 3: \"2]\" is not a number"),
        ("1 2\n3 nan", "line 2, column 3: row 2, column 2 is NaN: numbers must be finite"),
        ("[[1, 2], [Infinity, 4]]", "line 1, column 11: row 2, column 1 is inf: numbers must be finite"),
        ("[[[1]],[[-inf]]]", "line 1, column 10: row 1, column 1 is -inf: numbers must be finite"),
        ("1,\"2\n3,4", "line 1, column 3: a quote that nothing closes"),
        ("{\"q\": [[1]]}", "text: several named arrays; open them as a .json file, or paste the list of one"),
        ("1 数", "line 1, column 3: \"数\" is not a number"),
        ("1 1e39", "line 1, column 3: 1e39 is beyond the range of float32 (3.4e38)"),
        ("1 (2)", "line 1, column 3: \"(2)\" is not a number"),
        ("[[1,2],[3]]", "line 1, column 10: row 2 has length 1, those before it have length 2"),
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
        ("[1 2; 3]", "line 1, column 8: row 2 has length 1, those before it have length 2"),
        ("[1 2; ]", "line 1, column 7: an empty bracket"),
        ("[[[[[1]]]]]", "line 1, column 5: brackets deeper than [batch][head][row][column]"),
        ("[[[[1]]],[[[2]]]]", "text: extents [2, 1, 1, 1]: of four, the first (batch) must be 1"),
        ("[[1, null]]", "line 1, column 6: \"null\" is not a number"),
        ("array([1, 2]", "line 1, column 13: expected ) here"),
    ];
    for (text, expected) in cases {
        assert_eq!(error(text), expected, "{text:?}");
    }
    assert!(error("[[1. 2. ... 3.]]").starts_with("line 1, column 9: the numbers were cut short"));
}

#[test]
fn every_limit_is_held() {
    assert_eq!(read(&"1 ".repeat(COLUMNS)).0, [1, 1, COLUMNS]);
    assert_eq!(read(&"1\n".repeat(ROWS)).0, [1, ROWS, 1]);
    let of = |text: String| {
        let InterchangeError::TooLarge { size, limit, unit, .. } = Numbers::parse(&text).unwrap_err() else {
            unreachable!("over a limit")
        };
        (size as usize, limit as usize, unit)
    };
    assert_eq!(of("1 ".repeat(COLUMNS + 1)), (COLUMNS + 1, COLUMNS, "columns"));
    assert_eq!(of(format!("[{}]", "1,".repeat(COLUMNS + 1))), (COLUMNS + 1, COLUMNS, "columns"));
    assert_eq!(of("1\n".repeat(ROWS + 1)), (ROWS + 1, ROWS, "rows"));
    assert_eq!(of(format!("[{}", "[1],".repeat(ROWS + 1))), (ROWS + 1, ROWS, "rows"));
    assert_eq!(of(" ".repeat(TEXT + 1)), (TEXT + 1, TEXT, "bytes"));
}

proptest! {
    #[test]
    fn printed_matrices_come_back(heads in 1usize..4, rows in 1usize..5, cols in 1usize..5, bits in prop::collection::vec(any::<u32>(), 64)) {
        let data: Vec<f32> = bits.iter().take(heads * rows * cols).map(|&b| f32::from_bits(b)).collect();
        let finite: Vec<f32> = data.iter().map(|x| if x.is_finite() { *x } else { 0.5 }).collect();
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
    fn any_table_is_read_or_refused(text in "[\"',;\t\n 0-9.a#-]{0,60}") {
        if let Ok(numbers) = Numbers::parse(&text) {
            prop_assert!(numbers.heads * numbers.rows * numbers.cols == numbers.data.len() && !numbers.data.is_empty());
        }
        let _ = straight(Stack::named(&text, &Straight));
    }

    #[test]
    fn any_object_is_read_or_refused(text in "\\{[\\{\\}\\[\\]\":\\\\,q\n 0-9.u]{0,60}") {
        let _ = straight(Stack::named(&text, &Straight));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Numbers::parse(&String::from_utf8_lossy(&bytes));
    }
}
