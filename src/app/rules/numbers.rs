//! A list of numbers as text: typed or pasted at once, and what is wrong with it. Part of views that are fetched when they are shown.

use leptos::prelude::*;

use crate::app::controls::{number, typed};
use crate::app::i18n::tr;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Text;
use crate::experiment::{Message, retyped};

/// As many numbers as there are, in a row, a column, or rows of equal length. What is wrong stays in the field until it is put right.
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
        let found = retyped(&before, &event_target_value(&event), least, rounded);
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
