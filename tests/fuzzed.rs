//! Everything that comes from outside, by what is kept in `fuzz/corpus/` and thousands of small changes of it, always the same ones. The fuzz targets, which want another
//! compiler and hours, run the same properties.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::engine::protocol::{codec, tests as messages};
use crate::native::hostile;

#[path = "../fuzz/properties.rs"]
mod properties;

/// Changes of each kept text.
const CHANGES: usize = 400;

/// A generator of Marsaglia's (xorshift): the changes are to be the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }
}

/// A byte set, a bit flipped, a run left out, doubled, or taken from another text.
fn changed(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + dice.roll(3) {
        let at = dice.roll(bytes.len() + 1).min(bytes.len());
        let end = (at + 1 + dice.roll(9)).min(bytes.len());
        match dice.roll(6) {
            0 if at < bytes.len() => bytes[at] = dice.roll(256) as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let run = bytes[at..end].to_vec();
                bytes.splice(at..at, run);
            }
            4 => {
                let from = dice.roll(other.len());
                let run = other[from..(from + 12).min(other.len())].to_vec();
                bytes.splice(at..end, run);
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

/// The texts of a target's corpus.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 3, "{target}");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn survives(target: &str, kept: &[Vec<u8>], property: fn(&[u8])) {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let tried = |bytes: &[u8]| {
        if catch_unwind(AssertUnwindSafe(|| property(bytes))).is_err() {
            panic!("{target} does not hold for {:?}", String::from_utf8_lossy(bytes));
        }
    };
    for bytes in kept {
        tried(bytes);
        for _ in 0..CHANGES {
            let other = &kept[dice.roll(kept.len())];
            tried(&changed(bytes, other, &mut dice));
        }
    }
}

macro_rules! targets {
    ($($target:ident),+) => {$(
        #[test]
        fn $target() {
            let target = stringify!($target);
            survives(target, &kept(target), properties::$target);
        }
    )+};
}

targets!(link, packed, formula, file, numbers, json);

/// Every kind of message of today's version, behind the byte that says which way it goes.
fn of_today() -> Vec<Vec<u8>> {
    fn behind<Head: codec::Codec>(way: u8, heads: &[Head]) -> Vec<Vec<u8>> {
        heads.iter().map(|head| [&[way], codec::encode(head).as_slice()].concat()).collect()
    }
    [behind(0, &messages::to_worker()), behind(1, &messages::from_worker()), behind(2, &messages::asked())].concat()
}

/// Most bytes that are held to read a message, for each byte of it: a list may be announced as long as there are bytes left, and room for it is made at once.
const ROOM: usize = 1 << 12;

/// What is kept is of the version of its day, so that messages of today's are tried beside it.
#[test]
fn message() {
    let today = of_today();
    if std::env::var_os("KEEP").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/message");
        fs::create_dir_all(&folder).unwrap();
        // One in three has every kind: those that differ in a setting stand beside each other.
        for (at, bytes) in today.iter().step_by(3).enumerate() {
            fs::write(folder.join(at.to_string()), bytes).unwrap();
        }
    }
    survives("message", &[kept("message"), today].concat(), |bytes| {
        let ((), held) = hostile::holding(|| properties::message(bytes));
        assert!(held <= ROOM * bytes.len(), "{held} bytes for {}", bytes.len());
    });
}

#[test]
fn every_target_is_tested() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let named = ["file", "formula", "json", "link", "message", "numbers", "packed"];
    let mut found: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, named);
}
