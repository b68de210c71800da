//! JavaScript values as plain data, checked while they are read: cycles, getters that throw, proxies, numbers that JSON cannot say.

use js_sys::{Array, ArrayBuffer, BigInt, Float32Array, Function, Object, Reflect, Symbol, Uint8Array};
use serde_json::{Map, Number, Value};
use wasm_bindgen::{JsCast, JsValue};

use super::expected;
use crate::attention::request::Tensor;
use crate::experiment::Issue;

/// Deepest nesting that is read; an experiment has five levels.
const DEPTH: usize = 12;
/// Most values that are read as plain data.
const VALUES: usize = 1 << 22;
/// Most numbers in the tensors of one request: 256 MB, beside what the workers need.
pub const NUMBERS: usize = 1 << 26;

/// Plain data: objects, arrays (typed ones too), text, numbers, booleans, null. Absent and `undefined` are the same.
///
/// # Errors
/// The path of what is none of these.
pub fn json(value: &JsValue, path: &str) -> Result<Value, Issue> {
    let mut left = VALUES;
    walk(value, path, DEPTH, &mut left)
}

fn walk(value: &JsValue, path: &str, depth: usize, left: &mut usize) -> Result<Value, Issue> {
    if depth == 0 || *left == 0 {
        return Err(Issue::new(path, "is nested too deeply or too large"));
    }
    *left -= 1;
    if value.is_null() || value.is_undefined() {
        return Ok(Value::Null);
    }
    if let Some(flag) = value.as_bool() {
        return Ok(Value::Bool(flag));
    }
    if let Some(text) = value.as_string() {
        return Ok(Value::String(text));
    }
    if let Some(x) = value.as_f64() {
        return number(x).ok_or_else(|| expected(path, "a finite number"));
    }
    if value.is_bigint() {
        let whole = i64::try_from(value.clone()).ok().map(Number::from);
        let whole = whole.or_else(|| u64::try_from(BigInt::unchecked_from_js(value.clone())).ok().map(Number::from));
        return whole.map(Value::Number).ok_or_else(|| expected(path, "a whole number of at most 64 bits"));
    }
    if !value.is_object() {
        return Err(expected(path, "plain data, not a function or a symbol"));
    }
    if let Some(length) = length(value) {
        if length > *left {
            return Err(Issue::new(path, "is too large"));
        }
        let item = |i: usize| walk(&element(value, i, path)?, &format!("{path}[{i}]"), depth - 1, left);
        return (0..length).map(item).collect::<Result<_, _>>().map(Value::Array);
    }
    let keys = Reflect::own_keys(value).map_err(|_| Issue::new(path, "can't be read"))?;
    let mut fields = Map::new();
    for key in keys.iter() {
        let Some(name) = key.as_string() else { continue };
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let field = Reflect::get(value, &key).map_err(|_| Issue::new(&inner, "can't be read"))?;
        if !field.is_undefined() {
            fields.insert(name, walk(&field, &inner, depth - 1, left)?);
        }
    }
    Ok(Value::Object(fields))
}

/// Whole numbers stay whole, so that `3` fits where a count is needed.
fn number(x: f64) -> Option<Value> {
    let whole = x.fract() == 0.0 && x.abs() <= 9_007_199_254_740_991.0;
    if whole { Some(Value::from(x as i64)) } else { Number::from_f64(x).map(Value::Number) }
}

/// The length of an array or of a typed array.
pub fn length(value: &JsValue) -> Option<usize> {
    // Asked first: of a revoked proxy `isArray` would throw, and a view without a length is a DataView.
    let length = Reflect::get(value, &"length".into()).ok()?.as_f64()?;
    (Array::is_array(value) || ArrayBuffer::is_view(value)).then_some(length as usize)
}

fn element(value: &JsValue, at: usize, path: &str) -> Result<JsValue, Issue> {
    Reflect::get_u32(value, at as u32).map_err(|_| Issue::new(format!("{path}[{at}]"), "can't be read"))
}

/// The field of an object; `None` where it is absent, null or undefined.
///
/// # Errors
/// A getter that throws.
pub fn field(object: &JsValue, name: &str) -> Result<Option<JsValue>, Issue> {
    let value = Reflect::get(object, &name.into()).map_err(|_| Issue::new(name, "can't be read"))?;
    Ok((!value.is_undefined() && !value.is_null()).then_some(value))
}

/// A tensor `{ shape, data }`. Boolean where `data` is a `Uint8Array` or holds booleans.
///
/// # Errors
/// The path of what is wrong; whether shape and data agree is checked with everything else.
pub fn tensor(value: &JsValue, path: &str, left: &mut usize) -> Result<Tensor, Issue> {
    if !value.is_object() {
        return Err(expected(path, "{ shape, data }"));
    }
    let keys = Reflect::own_keys(value).map_err(|_| Issue::new(path, "can't be read"))?;
    for key in keys.iter().filter_map(|k| k.as_string()) {
        if !["shape", "data"].contains(&key.as_str()) {
            return Err(Issue::new(format!("{path}.{key}"), "is not part of a tensor; it has shape and data"));
        }
    }
    let at = |name: &str| format!("{path}.{name}");
    let inner = |name: &str| match Reflect::get(value, &name.into()) {
        Ok(found) if found.is_object() => Ok(found),
        _ => Err(expected(
            &at(name),
            if name == "shape" { "a list of whole numbers" } else { "a Float32Array, a Uint8Array or a list" },
        )),
    };
    let shape = inner("shape")?;
    let shape = serde_json::from_value(json(&shape, &at("shape"))?)
        .map_err(|_| expected(&at("shape"), "a list of whole numbers"))?;
    let data = inner("data")?;
    let (data, is_bool) = numbers(&data, &at("data"), left)?;
    Ok(Tensor { shape, data: data.into(), is_bool })
}

/// How many numbers a typed array holds, whatever properties of its own it has.
fn held(value: &JsValue) -> Result<usize, JsValue> {
    let of_floats = Object::get_prototype_of(&Float32Array::new_with_length(0));
    let length = Reflect::get_own_property_descriptor(&Object::get_prototype_of(&of_floats), &"length".into())?;
    let get: Function = Reflect::get(&length, &"get".into())?.dyn_into()?;
    get.call0(value)?.as_f64().map(|length| length as usize).ok_or(JsValue::NULL)
}

/// The numbers of a typed array, each copied once, from where they lie into this program's memory.
fn copied(value: &JsValue, count: usize) -> Result<Vec<f32>, JsValue> {
    if held(value)? != count {
        return Err(JsValue::NULL);
    }
    let mut data: Vec<f32> = Vec::new();
    data.try_reserve_exact(count).map_err(|_| JsValue::NULL)?;
    // SAFETY: the memory is `data`'s, which is neither moved nor read while the view is in use; should what `set` calls make this program's memory grow,
    // the view is a view of nothing.
    let view = unsafe { Float32Array::view_mut_raw(data.as_mut_ptr(), count) };
    // Called so, what goes wrong is an error, and no exception that ends the program.
    let set: Function = Reflect::get(&view, &"set".into())?.dyn_into()?;
    Reflect::apply(&set, &view, &Array::of1(value))?;
    if view.length() as usize != count {
        return Err(JsValue::NULL);
    }
    // SAFETY: there is room for `count` numbers, and `set` has written each: the array holds as many.
    unsafe { data.set_len(count) };
    Ok(data)
}

/// Numbers, and whether they are booleans.
///
/// # Errors
/// The path of the first element that is no number.
pub fn numbers(value: &JsValue, path: &str, left: &mut usize) -> Result<(Vec<f32>, bool), Issue> {
    let what = "a Float32Array, a Uint8Array or a list of numbers or booleans";
    let count = length(value).ok_or_else(|| expected(path, what))?;
    *left = left
        .checked_sub(count)
        .ok_or_else(|| Issue::new(path, format!("is too large; a request may hold {NUMBERS} numbers")))?;
    // By name, not by constructor: arrays of another frame have constructors of their own. A detached one has no elements.
    let tag = Reflect::get(value, &Symbol::to_string_tag()).ok().and_then(|tag| tag.as_string()).unwrap_or_default();
    match tag.as_str() {
        _ if count == 0 || !ArrayBuffer::is_view(value) => {}
        "Uint8Array" | "Uint8ClampedArray" => {
            let bytes = Uint8Array::new(value).to_vec();
            return Ok((bytes.into_iter().map(|b| f32::from(u8::from(b != 0))).collect(), true));
        }
        "Float32Array" | "Float64Array" | "Int8Array" | "Int16Array" | "Int32Array" | "Uint16Array" | "Uint32Array" => {
            return copied(value, count).map(|data| (data, false)).map_err(|_| expected(path, what));
        }
        _ => return Err(expected(path, what)),
    }
    let mut data = Vec::new();
    data.try_reserve_exact(count).map_err(|_| Issue::new(path, "does not fit into memory"))?;
    let mut booleans = 0;
    for i in 0..count {
        let element = element(value, i, path)?;
        match (element.as_bool(), element.as_f64()) {
            (Some(flag), _) => {
                booleans += 1;
                data.push(f32::from(u8::from(flag)));
            }
            (None, Some(x)) => data.push(x as f32),
            (None, None) => return Err(expected(&format!("{path}[{i}]"), "a number")),
        }
    }
    if booleans > 0 && booleans < count {
        return Err(Issue::new(path, "mixes booleans and numbers"));
    }
    Ok((data, booleans > 0))
}
