//! Numbers and words as Python writes them.

/// Widest line of numbers.
const WIDTH: usize = 110;

/// `np.array([...], dtype).reshape(shape)`, over several lines where it is long.
pub fn array(shape: &[usize], numbers: impl Iterator<Item = String>, dtype: &str) -> String {
    let shown = match shape {
        [_] => String::new(),
        _ => format!(".reshape({})", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    let numbers = numbers.map(|number| number.replace("inf", "np.inf").replace("NaN", "np.nan"));
    format!("np.array({}, {dtype}){shown}", list(numbers))
}

/// `[...]`, over several lines where it is long.
pub fn list(items: impl Iterator<Item = String>) -> String {
    let mut lines = vec![String::new()];
    for item in items {
        if let Some(line) = lines.last_mut().filter(|line| line.len() + item.len() + 2 <= WIDTH) {
            if !line.is_empty() {
                line.push_str(", ");
            }
            line.push_str(&item);
        } else {
            lines.push(item);
        }
    }
    match lines.len() {
        1 => format!("[{}]", lines.concat()),
        _ => format!("[\n    {},\n]", lines.join(",\n    ")),
    }
}

/// A text in quotes, as Python and JavaScript read it; nothing in it ends the line or the quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // What breaks lines, can't be seen or turns the direction of what follows.
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_wrapped_and_texts_stay_inside_their_quotes() {
        let few = |dtype| array(&[2], ["1".to_owned(), "-inf".to_owned()].into_iter(), dtype);
        assert_eq!(few("np.float32"), "np.array([1, -np.inf], np.float32)");
        assert_eq!(list([quoted("info")].into_iter()), "[\"info\"]");
        let long = list((0..100).map(|i| i.to_string()));
        assert!(long.lines().all(|line| line.len() <= WIDTH + 6) && long.starts_with("[\n    0, 1"));
        assert_eq!(
            array(&[2, 1], ["1.0".to_owned(), "2.0".to_owned()].into_iter(), "np.float32"),
            "np.array([1.0, 2.0], np.float32).reshape(2, 1)"
        );
        assert_eq!(quoted("a\"b\\\n动\u{2028}"), "\"a\\\"b\\\\\\u000a动\\u2028\"");
    }
}
