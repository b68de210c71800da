//! Messages as JavaScript objects.

use js_sys::{Array, Float32Array, Int32Array, Object, Reflect, Uint8Array, Uint32Array};
use wasm_bindgen::{JsCast, JsValue};

use super::buffers;
use super::codec::{self, Codec};

/// Borrowed numbers that go beside a head, in this order.
#[derive(Default)]
pub struct Bulk<'a> {
    /// Floats.
    pub f32: Vec<&'a [f32]>,
    /// Integers.
    pub i32: Vec<&'a [i32]>,
    /// Indices.
    pub u32: Vec<&'a [u32]>,
    /// Bytes.
    pub u8: Vec<&'a [u8]>,
}

macro_rules! pack {
    ($message:expr, $transfer:expr, $parts:expr, $key:literal, $new:path) => {
        let length = $parts.iter().map(|part| part.len()).sum::<usize>() as u32;
        if length > 0 {
            let array = $new(length);
            let mut at = 0;
            for part in &$parts {
                let end = at + part.len() as u32;
                array.subarray(at, end).copy_from(part);
                at = end;
            }
            Reflect::set($message, &$key.into(), &array)?;
            $transfer.push(&array.buffer());
        }
    };
}

/// A message and the buffers to transfer with it. Every number is copied once, out of this module's memory. Buffers of floats that came in go back with it.
///
/// # Errors
/// No memory.
pub fn encode(head: &impl Codec, bulk: &Bulk) -> Result<(Object, Array), JsValue> {
    let (message, transfer) = (Object::new(), Array::new());
    let head = Uint8Array::from(codec::encode(head).as_slice());
    Reflect::set(&message, &"head".into(), &head)?;
    transfer.push(&head.buffer());
    pack!(&message, transfer, bulk.f32, "f32", buffers::floats);
    pack!(&message, transfer, bulk.i32, "i32", Int32Array::new_with_length);
    pack!(&message, transfer, bulk.u32, "u32", Uint32Array::new_with_length);
    pack!(&message, transfer, bulk.u8, "u8", Uint8Array::new_with_length);
    buffers::go_back(&message, &transfer)?;
    Ok((message, transfer))
}

/// The bulk of a message that came in. Each `take` copies the next numbers into this module's memory; past the end it gives fewer.
pub struct Unpack {
    f32: (Float32Array, u32),
    i32: (Int32Array, u32),
    u32: (Uint32Array, u32),
    u8: (Uint8Array, u32),
}

/// The next `length` elements of an array of which some were taken.
macro_rules! next {
    ($field:expr, $length:expr) => {{
        let (array, at) = &mut $field;
        let end = at.saturating_add($length as u32).min(array.length());
        let part = array.subarray(*at, end);
        *at = end;
        part
    }};
}

macro_rules! take {
    ($name:ident, $field:ident, $type:ty) => {
        /// The next `length` numbers.
        pub fn $name(&mut self, length: usize) -> Vec<$type> {
            next!(self.$field, length).to_vec()
        }
    };
}

macro_rules! put {
    ($name:ident, $field:ident, $type:ty) => {
        /// Puts the next `length` numbers in their place, if it is one for so many; they are passed over elsewhere.
        pub fn $name(&mut self, length: usize, place: &mut [$type]) {
            let part = next!(self.$field, length);
            if length > 0 && part.length() as usize == place.len() {
                part.copy_to(place);
            }
        }
    };
}

impl Unpack {
    take!(f32, f32, f32);
    take!(i32, i32, i32);
    take!(u32, u32, u32);
    take!(u8, u8, u8);
    put!(f32_into, f32, f32);
    put!(u32_into, u32, u32);
}

impl Drop for Unpack {
    fn drop(&mut self) {
        buffers::used(&self.f32.0);
    }
}

/// Takes a message apart.
///
/// # Errors
/// A sentence when it is none of ours.
pub fn decode<Head: Codec>(message: &JsValue) -> Result<(Head, Unpack), &'static str> {
    let get = |key: &str| Reflect::get(message, &key.into()).unwrap_or(JsValue::UNDEFINED);
    let head = get("head").dyn_into::<Uint8Array>().ok().and_then(|head| codec::decode(&head.to_vec()));
    let head = head.ok_or("unknown message")?;
    buffers::came_back(&get(buffers::FIELD));
    let unpack = Unpack {
        f32: (get("f32").dyn_into().unwrap_or_else(|_| Float32Array::new_with_length(0)), 0),
        i32: (get("i32").dyn_into().unwrap_or_else(|_| Int32Array::new_with_length(0)), 0),
        u32: (get("u32").dyn_into().unwrap_or_else(|_| Uint32Array::new_with_length(0)), 0),
        u8: (get("u8").dyn_into().unwrap_or_else(|_| Uint8Array::new_with_length(0)), 0),
    };
    Ok((head, unpack))
}
