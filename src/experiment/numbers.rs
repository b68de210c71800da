//! Lists of numbers as text.

use super::{Message, message};
use crate::interchange::Numbers;

/// As many numbers of a text as there are in `before`, in their place: a row, a column, or rows of equal length. One that reads as the old one is `shown` stays what
/// it was, since a text has fewer digits.
///
/// # Errors
/// What is no number, with its line and column; where there are more or fewer; the first one below `least`.
pub fn retyped(before: &[f64], text: &str, least: f64, shown: impl Fn(f64) -> f64) -> Result<Vec<f64>, Message> {
    let numbers = Numbers::parse(text).map_err(|error| {
        let words = error.words();
        Message { en: words.en, zh: words.zh }
    })?;
    let (count, needed) = (numbers.data.len(), before.len());
    if count != needed {
        return Err(message!("{count} numbers; {needed} are needed", "有 {count} 个数，需要 {needed} 个"));
    }
    if let Some(at) = numbers.data.iter().position(|&x| f64::from(x) < least) {
        let (place, x) = (at + 1, numbers.data[at]);
        return Err(message!(
            "number {place} is {x}; it must be at least {least}",
            "第 {place} 个数为 {x}，不得小于 {least}"
        ));
    }
    let same = |old: f64, x: f32| old as f32 == x || shown(old) as f32 == x;
    Ok(before
        .iter()
        .zip(numbers.data)
        .map(|(&old, x)| if same(old, x) { old } else { shortest(f64::from(x)) })
        .collect())
}

/// A number with decimals as it was typed: the shortest that 32 bits hold as the same.
pub fn shortest(value: f64) -> f64 {
    [1e2, 1e4, 1e6, 1e8]
        .into_iter()
        .map(|places| (value * places).round() / places)
        .find(|short| *short as f32 == value as f32)
        .unwrap_or(value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::catalogue::Lang;

    /// Five digits.
    fn shown(x: f64) -> f64 {
        let scale = 10_f64.powi(4 - x.abs().log10().floor() as i32);
        (x * scale).round() / scale
    }

    #[test]
    fn what_was_not_changed_keeps_its_digits() {
        let before = [123_456.75, 2.0, 0.1];
        assert_eq!(retyped(&before, "123460\n2.5\n0.1", 0.0, shown).unwrap(), [123_456.75, 2.5, 0.1]);
        // As it was typed, not as 32 bits hold it.
        assert_eq!(retyped(&before, "1.15 2 0.3", 0.0, shown).unwrap(), [1.15, 2.0, 0.3]);
    }

    #[test]
    fn what_is_wrong_is_said_in_both_languages() {
        let said = |text: &str| {
            let why = retyped(&[0.0, 1.0], text, 0.0, |x| x).unwrap_err();
            [Lang::En, Lang::Zh].map(|lang| why.get(lang).to_owned())
        };
        assert_eq!(said("1 2 3"), ["3 numbers; 2 are needed", "有 3 个数，需要 2 个"]);
        assert_eq!(said("1 -2"), ["number 2 is -2; it must be at least 0", "第 2 个数为 -2，不得小于 0"]);
        let [en, zh] = said("1 two");
        assert!(en.contains("column 3") && zh.contains("第 3 个字符"), "{en} {zh}");
        let [en, zh] = said("");
        assert!(!en.is_empty() && en != zh, "{en} {zh}");
    }
}
