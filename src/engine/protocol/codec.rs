//! The bytes of a message's head: values one after another in the order of their fields, no names.
//!
//! Both sides are cut from one program, so nothing in the bytes describes them. Every number is a word of eight bytes, little-endian (a float:
//! its bits, NaN and infinities as they are); a switch and the place of a variant are one byte; a list is its length and its entries. One
//! function writes all numbers and one reads them, which keeps this small: a page loads half of it, a worker the other half.
//!
//! Reading can't fail on the way: past the end every byte is 0. [`decode`] asks once, afterwards, whether there were as many bytes as were read.

use std::ops::Range;
use std::sync::Arc;

use crate::formula::Sorted;

/// Bytes being written.
#[derive(Default)]
pub struct Writer(Vec<u8>);

/// Bytes being read.
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Something did not fit: what was read since is worth nothing.
    spoilt: bool,
}

/// What has a form in bytes.
pub trait Codec: Sized {
    /// Writes the value.
    fn put(&self, to: &mut Writer);

    /// Reads a value; any value, where the bytes are those of none.
    fn take(from: &mut Reader) -> Self;
}

/// The bytes of `value`.
pub fn encode(value: &impl Codec) -> Vec<u8> {
    let mut writer = Writer::default();
    value.put(&mut writer);
    writer.0
}

/// The value whose bytes these are, all of them; `None` where they are those of no value.
pub fn decode<T: Codec>(bytes: &[u8]) -> Option<T> {
    let mut reader = Reader { rest: bytes, spoilt: false };
    let value = T::take(&mut reader);
    (!reader.spoilt && reader.rest.is_empty()).then_some(value)
}

impl Writer {
    /// A switch, or a variant's place.
    pub fn byte(&mut self, byte: u8) {
        self.bytes(&[byte]);
    }

    fn word(&mut self, word: u64) {
        self.bytes(&word.to_le_bytes());
    }

    #[inline(never)]
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl Reader<'_> {
    /// A switch, or a variant's place.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// These bytes are those of no value: everything read from now on is 0.
    pub fn spoil(&mut self) {
        (self.rest, self.spoilt) = (&[], true);
    }

    #[inline(never)]
    fn word(&mut self) -> u64 {
        self.bytes(8).try_into().map_or(0, u64::from_le_bytes)
    }

    fn bytes(&mut self, length: usize) -> &[u8] {
        match self.rest.split_at_checked(length) {
            Some((bytes, rest)) => {
                self.rest = rest;
                bytes
            }
            None => {
                self.spoil();
                &[]
            }
        }
    }

    /// Number of entries, each of which has at least a byte: a damaged length asks for no more memory than there are bytes.
    #[inline(never)]
    fn length(&mut self) -> usize {
        let length = usize::take(self);
        if length > self.rest.len() {
            self.spoil();
            return 0;
        }
        length
    }
}

macro_rules! numbers {
    ($($type:ty: $put:expr, $take:expr;)+) => {$(
        impl Codec for $type {
            fn put(&self, to: &mut Writer) {
                let word: fn(Self) -> u64 = $put;
                to.word(word(*self));
            }

            fn take(from: &mut Reader) -> Self {
                let number: fn(u64) -> Self = $take;
                number(from.word())
            }
        }
    )+};
}

numbers! {
    u32: |x| x.into(), |word| word as u32;
    u64: |x| x, |word| word;
    usize: |x| x as u64, |word| word as usize;
    i32: |x| x as u64, |word| word as i32;
    f32: |x| x.to_bits().into(), |word| f32::from_bits(word as u32);
    f64: |x| x.to_bits(), f64::from_bits;
}

impl Codec for u8 {
    fn put(&self, to: &mut Writer) {
        to.byte(*self);
    }

    fn take(from: &mut Reader) -> Self {
        from.byte()
    }
}

impl Codec for bool {
    fn put(&self, to: &mut Writer) {
        to.byte((*self).into());
    }

    fn take(from: &mut Reader) -> Self {
        from.byte() != 0
    }
}

impl Codec for String {
    #[inline(never)]
    fn put(&self, to: &mut Writer) {
        self.len().put(to);
        to.bytes(self.as_bytes());
    }

    #[inline(never)]
    fn take(from: &mut Reader) -> Self {
        let length = from.length();
        match str::from_utf8(from.bytes(length)) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                from.spoil();
                Self::new()
            }
        }
    }
}

impl<T: Codec> Codec for Option<T> {
    fn put(&self, to: &mut Writer) {
        to.byte(self.is_some().into());
        if let Some(value) = self {
            value.put(to);
        }
    }

    fn take(from: &mut Reader) -> Self {
        bool::take(from).then(|| T::take(from))
    }
}

impl<T: Codec> Codec for Vec<T> {
    fn put(&self, to: &mut Writer) {
        self.len().put(to);
        for entry in self {
            entry.put(to);
        }
    }

    fn take(from: &mut Reader) -> Self {
        (0..from.length()).map(|_| T::take(from)).collect()
    }
}

impl<T: Codec, const N: usize> Codec for [T; N] {
    fn put(&self, to: &mut Writer) {
        for entry in self {
            entry.put(to);
        }
    }

    fn take(from: &mut Reader) -> Self {
        std::array::from_fn(|_| T::take(from))
    }
}

impl<K: Codec + Ord, T: Codec> Codec for Sorted<K, T> {
    fn put(&self, to: &mut Writer) {
        self.len().put(to);
        for (key, value) in self {
            key.put(to);
            value.put(to);
        }
    }

    fn take(from: &mut Reader) -> Self {
        let mut map = Self::new();
        for _ in 0..from.length() {
            let key = K::take(from);
            map.insert(key, T::take(from));
        }
        map
    }
}

impl<A: Codec, B: Codec> Codec for (A, B) {
    fn put(&self, to: &mut Writer) {
        self.0.put(to);
        self.1.put(to);
    }

    fn take(from: &mut Reader) -> Self {
        (A::take(from), B::take(from))
    }
}

impl<T: Codec> Codec for Range<T> {
    fn put(&self, to: &mut Writer) {
        self.start.put(to);
        self.end.put(to);
    }

    fn take(from: &mut Reader) -> Self {
        T::take(from)..T::take(from)
    }
}

impl<T: Codec> Codec for Box<T> {
    fn put(&self, to: &mut Writer) {
        T::put(self, to);
    }

    fn take(from: &mut Reader) -> Self {
        Self::new(T::take(from))
    }
}

impl<T: Codec> Codec for Arc<T> {
    fn put(&self, to: &mut Writer) {
        T::put(self, to);
    }

    fn take(from: &mut Reader) -> Self {
        Self::new(T::take(from))
    }
}
