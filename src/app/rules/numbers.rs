//! A list of numbers as text: typed or pasted at once, and what is wrong with it. Part of views that are fetched when they are shown.

use leptos::prelude::*;

use crate::app::controls::{number, typed};
use crate::app::i18n::tr;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::attention::values::shortest;
use crate::catalogue::Text;
use crate::experiment::{Message, message};
use crate::interchange::Numbers;

/// As many numbers as there are, separated by spaces, commas or lines. What is wrong stays in the field until it is put right.
#[component]
pub fn NumberList(
    /// What they are.
    label: Text,
    /// The numbers.
    numbers: Signal<Vec<f64>>,
    /// Called with as many new ones.
    on_numbers: Callback<Vec<f64>>,
    /// The least that one may be.
    #[prop(default = f64::NEG_INFINITY)]
    least: f64,
) -> impl IntoView {
    let lang = lab().lang;
    let problem = RwSignal::new(None::<Message>);
    let text = move || numbers.with(|all| all.iter().map(|&x| number(x)).collect::<Vec<_>>().join(" "));
    let change = move |event| {
        let before = numbers.get_untracked();
        let found = read(&event_target_value(&event)).and_then(|new| merged(&before, &new, least, rounded));
        match found {
            Ok(numbers) => {
                problem.set(None);
                on_numbers.run(numbers);
            }
            Err(why) => problem.set(Some(why)),
        }
    };
    view! {
        <textarea
            rows="3"
            spellcheck="false"
            aria-label=tr(label)
            aria-invalid=move || problem.with(|p| p.is_some().then_some("true"))
            prop:value=text
            on:change=handler(change)
        ></textarea>
        <div class="issue" role="alert" hidden=move || problem.with(Option::is_none)><p>{move || problem.get().map(|why| why.get(lang.get()).to_owned())}</p></div>
    }
}

/// A number as it is read from the text that it is shown as.
fn rounded(x: f64) -> f64 {
    typed(&number(x)).unwrap_or(x)
}

/// The numbers of a text, as they come.
fn read(text: &str) -> Result<Vec<f32>, Message> {
    let numbers = Numbers::parse(text).map_err(|error| {
        let words = error.words();
        let (en, zh) = (words.en, if words.zh.is_empty() { "无法读取为数字".to_owned() } else { words.zh });
        message!("{en}", "{zh}")
    })?;
    Ok(numbers.data)
}

/// New numbers in the place of those before. One that reads as the old one is shown stays what it was: a text has fewer digits.
///
/// # Errors
/// Where there are more or fewer, and where one is below `least`.
fn merged(before: &[f64], new: &[f32], least: f64, shown: impl Fn(f64) -> f64) -> Result<Vec<f64>, Message> {
    let (count, needed) = (new.len(), before.len());
    if count != needed {
        return Err(message!("{count} numbers; {needed} are needed", "有 {count} 个数，需要 {needed} 个"));
    }
    if let Some(at) = new.iter().position(|&x| f64::from(x) < least) {
        let (place, x) = (at + 1, new[at]);
        return Err(message!(
            "number {place} is {x}; it must be at least {least}",
            "第 {place} 个数为 {x}，不得小于 {least}"
        ));
    }
    let same = |old: f64, x: f32| old as f32 == x || shown(old) as f32 == x;
    Ok(before.iter().zip(new).map(|(&old, &x)| if same(old, x) { old } else { shortest(f64::from(x)) }).collect())
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
        let new = read("123460, 2.5\n0.1").unwrap();
        assert_eq!(merged(&before, &new, 0.0, shown).unwrap(), [123_456.75, 2.5, 0.1]);
        // As it was typed, not as 32 bits hold it.
        assert_eq!(merged(&before, &read("1.15 2 0.3").unwrap(), 0.0, shown).unwrap(), [1.15, 2.0, 0.3]);
    }

    #[test]
    fn what_is_wrong_is_said_in_both_languages() {
        let said = |text: &str| {
            let why = read(text).and_then(|new| merged(&[0.0, 1.0], &new, 0.0, |x| x)).unwrap_err();
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
