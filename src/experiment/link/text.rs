//! The text of one value, and percent signs.

use serde_json::Value;

use super::base64;
use crate::catalogue::Text;

const DAMAGED: Text = Text::new("the packed text is damaged", "打包的文本已损坏");
const UNKNOWN: Text = Text::new("it is packed in a way that this page does not know", "打包方式不为本页面所知");

/// A scalar or a list of numbers as text that `read` reads back.
pub(super) fn write(value: &Value) -> String {
    match value {
        Value::String(text) if matches!(read(text), Ok(Value::String(same)) if same == *text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(write).collect();
            // A comma makes it a list.
            if items.len() == 1 { format!("{},", items[0]) } else { items.join(",") }
        }
        Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
        }
        other => other.to_string(),
    }
}

/// JSON in base64url.
pub(super) fn pack(json: &str) -> String {
    format!("~j{}", base64::encode(json.as_bytes()))
}

/// The value that `text` stands for.
///
/// # Errors
/// In plain words, for packed or quoted text that is damaged.
pub(super) fn read(text: &str) -> Result<Value, Text> {
    match text {
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        "null" => return Ok(Value::Null),
        _ => {}
    }
    if text.starts_with('"') {
        return match serde_json::from_str(text) {
            Ok(Value::String(quoted)) => Ok(Value::String(quoted)),
            _ => Err(Text::new("the quoted text is damaged", "引号中的文本已损坏")),
        };
    }
    if let Some(packed) = text.strip_prefix('~') {
        let packed = packed.strip_prefix('j').ok_or(UNKNOWN)?;
        let bytes = base64::decode(packed).ok_or(DAMAGED)?;
        return serde_json::from_slice(&bytes).map_err(|_| DAMAGED);
    }
    if let Some(number) = number(text) {
        return Ok(number);
    }
    if text.contains(',')
        && let Some(items) = text.strip_suffix(',').unwrap_or(text).split(',').map(number).collect()
    {
        return Ok(Value::Array(items));
    }
    Ok(Value::String(text.to_owned()))
}

/// A finite number; not the words `inf` and `nan` that Rust would read as well.
fn number(text: &str) -> Option<Value> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) {
        return None;
    }
    // The negative zero is no integer.
    let negative_zero = text.parse::<f64>().is_ok_and(|x| x == 0.0 && x.is_sign_negative());
    if let Some(zero) = negative_zero.then(|| serde_json::Number::from_f64(-0.0)).flatten() {
        return Some(Value::Number(zero));
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    text.parse().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
}

/// Appends `text`; everything but letters, digits and `-._~,:/=` becomes percent signs. Brackets and quotes are legal in a fragment, but
/// chat programs and Markdown end a link at them.
pub(super) fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,:/=".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
}

/// The text behind percent signs; `None` for a broken sign or what is not UTF-8.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            (digit()? * 16 + digit()?) as u8
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails may panic")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_value_comes_back() {
        let strings =
            ["", "causal", "1", "-1.5e3", "true", "null", "1,2", "~jx", "\"q\"", "k <= q & 3", "它累了", ",", "1,a"];
        let lists = [json!([1, 2, 3]), json!([0.5]), json!([-1, 1e300])];
        let scalars = [json!(true), json!(null), json!(9), json!(0.1), json!(u64::MAX), json!(-3), json!(1e-9)];
        for value in strings.map(Value::from).into_iter().chain(lists).chain(scalars) {
            let mut encoded = String::new();
            percent_encode(&write(&value), &mut encoded);
            assert_eq!(read(&percent_decode(&encoded).unwrap()).unwrap(), value, "{encoded}");
        }
        assert_eq!(write(&json!(9.0)), "9");
        let zero = read(&write(&json!(-0.0))).unwrap();
        assert_eq!(zero.as_f64().map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert_eq!(read(&pack("{\"a\":[1,2]}")).unwrap(), json!({"a": [1, 2]}));
    }

    #[test]
    fn damage_is_noticed() {
        for text in ["~", "~j!", "~jZm9v", "~zAAAA", "\"open", "\"a\"b"] {
            assert!(read(text).is_err(), "{text}");
        }
        for text in ["%", "%4", "%zz", "%ff", "%é"] {
            assert_eq!(percent_decode(text), None, "{text}");
        }
        for text in ["inf", "nan", "infinity", "1e999", "+", "-", "e"] {
            assert!(read(text).unwrap().is_string(), "{text}");
        }
    }
}
