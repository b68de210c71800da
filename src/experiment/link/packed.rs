//! A whole link as deflated bytes in base64url: what a long one is written as.
//!
//! The bytes are the same keys as in a readable link, each followed by its value, then nothing.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use serde_json::Value;

use super::base64;
use super::bytes::{self, Reader};

/// Bytes that a link may inflate to. Deflate makes up to a thousand of one; numbers that fill a link of [`super::limits::LINK`] are not even twice it.
const MOST_BYTES: usize = 256 << 10;
/// Most pairs: an experiment has some sixty fields, and tables.
const MOST_PAIRS: usize = 256;

/// miniz's most thorough: a link is written once and read often.
const LEVEL: u8 = 9;

/// Keys and values as text.
pub(super) fn write<'a>(pairs: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let mut plain = Vec::new();
    for (key, value) in pairs {
        bytes::text(key, &mut plain);
        bytes::write(value, &mut plain);
    }
    base64::encode(&compress_to_vec(&plain, LEVEL))
}

/// The keys and values of `text`, at most [`MOST_PAIRS`]; `None` for anything that `write` could not have written.
pub(super) fn read(text: &str) -> Option<Vec<(String, Value)>> {
    let plain = decompress_to_vec_with_limit(&base64::decode(text)?, MOST_BYTES).ok()?;
    let mut reader = Reader::new(&plain);
    let mut pairs = Vec::new();
    while !reader.is_empty() {
        if pairs.len() == MOST_PAIRS {
            return None;
        }
        let key = reader.key()?;
        // Nothing is said twice: each time the whole field would be read again.
        if pairs.iter().any(|(known, _)| known == key) {
            return None;
        }
        pairs.push((key.to_owned(), reader.value()?));
    }
    Some(pairs)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pairs_come_back_in_their_order() {
        let pairs = [("mask", json!("causal")), ("edits", json!([{"row": 1}])), ("softcap", json!(0.5))];
        let text = write(pairs.iter().map(|(key, value)| (*key, value)));
        let back = read(&text).unwrap();
        assert!(
            back.iter().map(|(key, value)| (key.as_str(), value)).eq(pairs.iter().map(|(key, value)| (*key, value)))
        );
        assert_eq!(read(""), None, "not even an empty stream");
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        let bomb = base64::encode(&compress_to_vec(&vec![0; 64 << 20], LEVEL));
        assert!(bomb.len() < 128 << 10);
        assert_eq!(read(&bomb), None);
        let pack = |plain: &[u8]| base64::encode(&compress_to_vec(plain, LEVEL));
        let named = |i: usize| vec![2, b'a' + (i / 26) as u8, b'a' + (i % 26) as u8, 0];
        let many = |count: usize| pack(&(0..count).flat_map(named).collect::<Vec<u8>>());
        assert!(read(&many(MOST_PAIRS)).is_some());
        assert_eq!(read(&many(MOST_PAIRS + 1)), None, "more pairs than any experiment has");
        assert_eq!(read(&pack(&[named(0), named(0)].concat())), None, "the same twice");
    }
}
