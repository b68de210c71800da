//! Files that mean harm, or are merely broken, and the sentence that is due for each; files that NumPy, PyTorch and safetensors wrote, and the
//! numbers in them. The files are made by `tests/hostile/make.py`, `tests/independent/npz.py` and `tests/independent/snippet.py`.

use crate::native::common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;

use attention_playground::interchange::limits::{BUFFERS, TEXT_GROWTH};
use attention_playground::interchange::pace::{Straight, straight};
use attention_playground::interchange::select::{Axis, Extents, Most, Part, View};
use attention_playground::interchange::{Bundle, InterchangeError, shown};
use proptest::prelude::*;

const MOST: Most = Most { heads: 32, tokens: 4096, size: 256, numbers: 1 << 19 };
const ALL: Part = Part { batch: 0, heads: [0, 32], tokens: [0, 4096] };

/// The system's allocator, counting what each thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that is ending has no counters any more.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: the system's allocator does the work; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is done, and the most memory that was held on the way to it.
pub fn holding<T>(act: impl FnOnce() -> T) -> (T, usize) {
    HELD.set(0);
    PEAK.set(0);
    let done = act();
    (done, PEAK.get().cast_unsigned())
}

fn measured(name: &str, bytes: Vec<u8>) -> (String, usize) {
    holding(|| outcome(name, bytes))
}

/// What becomes of a file: why it was refused, or each array's rows, or why that one was.
fn outcome(name: &str, bytes: Vec<u8>) -> String {
    let mut bundle = match straight(Bundle::open(name, bytes, &Straight)) {
        Ok(bundle) => bundle,
        Err(error) => return said(&error),
    };
    let each = (0..bundle.entries.len()).map(|index| {
        let name = shown(&bundle.entries[index].name);
        if let Err(error) = straight(bundle.prepare(index, &Straight)) {
            return format!("{name}: {}", said(&error));
        }
        let array = bundle.array(index).unwrap();
        let view = View::guess(array.shape(), &MOST);
        match straight(view.take(&array, &ALL, &Straight)) {
            Ok(rows) => format!("{name}: {rows:?}"),
            Err(error) => format!("{name}: {}", said(&error)),
        }
    });
    each.collect::<Vec<_>>().join("; ")
}

/// The sentence, which is there in both languages, on one line, and not longer than can be read.
fn said(error: &InterchangeError) -> String {
    let words = error.words();
    assert!(words.zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{words:?}");
    for text in [&words.en, &words.zh] {
        assert!(
            text.chars().count() < 300 && shown(text).starts_with(&text.chars().take(40).collect::<String>()),
            "{text:?}"
        );
    }
    words.en
}

/// File, and what becomes of it.
const DUE: [(&str, &str); 65] = [
    ("big-endian.npy", "big-endian: [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]"),
    ("bomb-after-the-array.npz", "q: tensor \"q.npy\": it inflates to more than the 152 bytes given"),
    ("bomb.npz", "q: tensor \"q\": 76 bytes follow the header; [1048576, 4] numbers of 4 bytes take 16777216"),
    ("complex.npy", "header: numbers of type \"<c8\"; f2, f4, f8, i1 to i8, u1 to u8 and b1 are read"),
    ("count-lies.npz", "file: its zip directory is damaged"),
    ("damaged-deflate.npz", "q: tensor \"q.npy\": its deflated bytes are damaged or cut off"),
    ("deep.json", "line 1, column 5: brackets deeper than [batch][head][row][column]"),
    (
        "deep.safetensors",
        "header: not a safetensors file (invalid JSON in header: invalid type: sequence, expected str…)",
    ),
    ("directory-outside.npz", "file: its zip directory lies outside the file"),
    (
        "eight-bits.safetensors",
        "k: [[1.0, -2.0]]; q: tensor \"q\": F8_E4M3 numbers; F16, BF16, F32, F64, integers and BOOL are read",
    ),
    (
        "elided.txt",
        "line 1, column 19: the numbers were cut short with …; print all of them, for NumPy with np.set_printoptions(threshold=sys.maxsize), for PyTorch with torch.set_printoptions(threshold=sys.maxsize)",
    ),
    ("empty.npy", "file: not a file of numpy.save: it does not begin as one"),
    ("empty.npz", "file: there are no arrays in it"),
    ("encrypted.npz", "tensor \"q.npy\": it is encrypted"),
    (
        "formula.csv",
        "line 1, column 3: \"=cmd|' /C calc'!A0\" is not one number: write decimal points, and one kind of separator",
    ),
    ("fortran.npy", "fortran: [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]"),
    ("half-utf-16.csv", "file: neither .npz, .npy nor .safetensors, nor text with numbers"),
    ("header-length-lies.npy", "file: is cut off within its header"),
    ("header-length-lies.safetensors", "header: 1099511627776 bytes, the limit is 1048576"),
    ("header-of-4-GiB.npy", "header: 4294967295 bytes, the limit is 65536"),
    ("header-past-the-end.safetensors", "header: not a safetensors file (invalid header length)"),
    ("hole.safetensors", "header: not a safetensors file (invalid offset for tensor `k`)"),
    ("huge-shape.npy", "file: 0 bytes follow the header; [65536, 65536] numbers of 8 bytes take 34359738368"),
    ("image.png", "file: neither .npz, .npy nor .safetensors, nor text with numbers"),
    ("infinite.npy", "infinite: file: head 1, row 2, column 1 is inf: numbers must be finite"),
    ("lzma.npz", "tensor \"q.npy\": compressed by method 14; stored and deflated are read"),
    ("magic-only.npy", "file: is cut off within its header"),
    (
        "names.npz",
        "__proto__: [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]; ../../etc/passwd: [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]; a\\u{202e}gnp.yek: [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]; <img src=x onerror=alert(1)>: [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]",
    ),
    ("nan.csv", "line 2, column 3: row 2, column 2 is NaN: numbers must be finite"),
    ("nan.npy", "nan: file: head 1, row 1, column 2 is NaN: numbers must be finite"),
    ("nan.safetensors", "q: file: head 1, row 1, column 2 is NaN: numbers must be finite"),
    ("negative.npy", "header: the shape holds something that is no whole number"),
    (
        "negative.safetensors",
        "header: not a safetensors file (invalid JSON in header: invalid value: integer `-2`, expecte…)",
    ),
    ("nested-dictionary.npy", "header: a key is not in quotes"),
    ("nine-extents.npy", "file: 9 extents; at most 8 are read"),
    ("no-directory.npz", "file: not a .npz: no zip directory at its end"),
    (
        "not-an-array.npz",
        "readme.txt: file: not a file of numpy.save: it does not begin as one; q: [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]",
    ),
    ("not-utf8.npy", "header: is not text"),
    ("null.json", "line 1, column 6: \"null\" is not a number"),
    ("offset-outside.safetensors", "header: not a safetensors file (incomplete metadata, file not fully covered)"),
    ("open.json", "line 1, column 15: the text ends before the closing bracket"),
    (
        "overflow.npy",
        "file: 0 bytes follow the header; [4294967296, 4294967296, 4] numbers of 4 bytes take more than there can be",
    ),
    (
        "overflow.safetensors",
        "header: not a safetensors file (overflow computing buffer size from shape and/or element typ…)",
    ),
    ("overlap.safetensors", "header: not a safetensors file (invalid offset for tensor `k`)"),
    ("overlapping.npz", "file: entries of the archive share bytes, as those of zip bombs do"),
    ("past-64-bits.npy", "header: the shape holds something that is no whole number"),
    (
        "pickle.npy",
        "header: Python objects, which only Python's pickle can read, and opening a pickle runs what is in it; save numbers: np.asarray(x, dtype=np.float32)",
    ),
    ("prototype.json", "__proto__: [[1.0, 2.0]]; constructor: [[3.0, 4.0]]"),
    ("quote.csv", "line 1, column 3: a quote that nothing closes"),
    ("ragged.csv", "line 3, column 1: row 2 has length 1, those before it have length 2"),
    ("ragged.json", "line 1, column 12: row 2 has length 1, those before it have length 2"),
    ("records.npy", "header: records; arrays of plain numbers are read"),
    ("shape-lies.safetensors", "header: not a safetensors file (invalid shape, data type, or offset for tensor)"),
    ("shorter-than-said.npz", "q: tensor \"q.npy\": it inflates to 148 bytes, and its size is given as 152"),
    ("size-of-3-GiB.npz", "tensor \"q.npy\": 3221225472 bytes, the limit is 134217728"),
    ("trailing.npy", "file: 25 bytes follow the header; [2, 3] numbers of 4 bytes take 24"),
    ("truncated.npy", "file: 19 bytes follow the header; [2, 3] numbers of 4 bytes take 24"),
    ("twice.json", "line 1, column 19: \"q\" comes twice"),
    ("twice.npz", "file: there are two arrays \"q\""),
    ("unicode-header.npy", "header: has the unknown key \"Größe\\u{202e}\""),
    ("utf-16.csv", "utf-16: [[1.0, 2.0], [3.0, 4.0]]"),
    ("version-9.npy", "file: version 9 of the format; versions 1 to 3 are read"),
    ("wrong-crc.npz", "q: tensor \"q.npy\": its bytes do not have the sum (CRC-32) they were stored with"),
    ("zero.npy", "zero: file: an extent is 0: there are no numbers in it"),
    ("zip64.npz", "file: a 64-bit zip archive (over 4 GiB, or more than 65534 entries); save the arrays apart"),
];

#[test]
fn each_file_is_refused_or_read_as_it_is_due() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut names: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "make.py");
    names.sort();
    let found: Vec<(String, String)> = names
        .into_iter()
        .map(|name| {
            let bytes = fs::read(folder.join(&name)).unwrap();
            let most = TEXT_GROWTH * bytes.len() + BUFFERS;
            let (outcome, peak) = measured(&name, bytes);
            assert!(peak <= most, "{name}: {peak} bytes were held");
            (name, outcome)
        })
        .collect();
    let mut due: Vec<(String, String)> =
        DUE.iter().map(|(name, due)| ((*name).to_owned(), (*due).to_owned())).collect();
    due.sort();
    for (found, due) in found.iter().zip(&due) {
        assert_eq!(found, due);
    }
    assert_eq!(found.len(), due.len(), "{found:#?}");
}

#[test]
fn what_numpy_packed_comes_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent");
    let due: serde_json::Value = serde_json::from_str(&fs::read_to_string(folder.join("npz.json")).unwrap()).unwrap();
    for name in ["npz.stored.npz", "npz.deflated.npz"] {
        let mut bundle = straight(Bundle::open(name, fs::read(folder.join(name)).unwrap(), &Straight)).unwrap();
        assert_eq!(bundle.entries.len(), due.as_object().unwrap().len());
        for index in 0..bundle.entries.len() {
            assert!(bundle.array(index).is_none(), "not inflated before it is asked for");
            straight(bundle.prepare(index, &Straight)).unwrap();
            let tensor = bundle.array(index).unwrap().tensor();
            let due = &due[&bundle.entries[index].name];
            let bits: Vec<u32> = tensor.data.iter().map(|x| x.to_bits()).collect();
            assert_eq!(serde_json::json!({ "shape": tensor.shape, "bits": bits }), *due, "{name}");
            // The first array as Q would be taken: [batch, heads, length, size].
            if bundle.entries[index].name == "key" {
                let array = bundle.array(index).unwrap();
                let view = View::guess(array.shape(), &MOST);
                assert_eq!(view.axes, [Axis::Batch, Axis::Head, Axis::Length, Axis::Size]);
                assert_eq!(view.extents(array.shape()), Ok(Extents { batch: 2, heads: 3, length: 6, size: 4 }));
                let rows = straight(view.take(&array, &Part { batch: 1, ..ALL }, &Straight)).unwrap();
                assert_eq!(rows.concat(), tensor.data[72..]);
            }
        }
        bundle.keep_only(&[0]);
        assert!(bundle.array(0).is_some() && bundle.array(1).is_none());
    }
}

#[test]
fn what_the_program_for_transformers_saves_is_the_same_in_both_formats() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent");
    let read = |name: &str| {
        let mut bundle = straight(Bundle::open(name, fs::read(folder.join(name)).unwrap(), &Straight)).unwrap();
        let mut all: Vec<_> = (0..bundle.entries.len())
            .map(|index| {
                straight(bundle.prepare(index, &Straight)).unwrap();
                let tensor = bundle.array(index).unwrap().tensor();
                (bundle.entries[index].name.clone(), tensor.shape, tensor.data)
            })
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    let all = read("snippet.npz");
    assert_eq!(all.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["k", "q", "v"]);
    assert!(all.iter().all(|(_, shape, data)| *shape == [4, 7, 8] && data.iter().any(|x| *x != 0.0)));
    assert_eq!(all, read("snippet.safetensors"));
}

#[test]
fn memory_follows_what_is_there() {
    let texts = [
        ("long.csv", "1,2\n".repeat(32_768)),
        ("wide.csv", "1 ".repeat(16_384)),
        ("deep.json", format!("[{}[1]]", "[1],".repeat(60_000))),
        ("quotes.csv", "\"1\";\"2\"\n".repeat(20_000)),
        ("names.json", format!("{{{}\"z\":[1]}}", (0..4000).map(|i| format!("\"{i}\":[1],")).collect::<String>())),
    ];
    for (name, text) in texts {
        let most = TEXT_GROWTH * text.len() + BUFFERS;
        HELD.set(0);
        PEAK.set(0);
        straight(Bundle::open(name, text.into_bytes(), &Straight)).unwrap();
        let held = PEAK.get().cast_unsigned();
        assert!(held <= most, "{name}: {held} bytes were held, {most} may be");
    }
}

proptest! {
    #![proptest_config(common::cases(400))]

    /// A file that NumPy wrote, some of its bytes changed and its end cut off.
    #[test]
    fn damaged_archives_are_refused_or_read(
        which in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let name = ["npz.stored.npz", "npz.deflated.npz", "snippet.safetensors"][which];
        let mut bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent").join(name)).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        let most = TEXT_GROWTH * bytes.len() + BUFFERS;
        let (_, peak) = measured(name, bytes);
        prop_assert!(peak <= most, "{} bytes were held", peak);
    }
}
