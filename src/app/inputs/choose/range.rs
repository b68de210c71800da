//! Which sequence, heads and tokens are taken.

use leptos::prelude::*;

use super::Fault;
use super::desk::Desk;
use crate::app::i18n::{self, t};
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Text;
use crate::interchange::Words;
use crate::interchange::select::{Field, Slice};

/// A range of the slice.
type Of = fn(&mut Slice) -> &mut [usize; 2];

/// The controls of the slice.
#[component]
pub fn Ranges(
    /// What is chosen.
    desk: Desk,
    /// What is wrong.
    faults: Signal<Vec<(Field, Words)>>,
) -> impl IntoView {
    let lab = lab();
    // How many there are of each; 0 while the axes say nothing.
    let counts = Signal::memo(move || match desk.extents() {
        [Ok(q), Ok(k), Ok(v)] => [q.batch.min(k.batch).min(v.batch), k.heads, q.length, k.length],
        _ => [0; 4],
    });
    let batch = Signal::memo(move || desk.slice.with(|slice| slice.batch));
    let on_batch = move |event| {
        if let Ok(batch) = event_target_value(&event).trim().parse() {
            desk.slice.update(|slice| slice.batch = batch);
        }
    };
    view! {
        <fieldset class="choose__ranges">
            <legend>{t("The part that is taken", "取用的部分")}</legend>
            <label hidden=move || counts.get()[0] < 2>
                <span>{t("sequence", "序列")}</span>
                <input type="number" min="0" aria-label=t("sequence", "序列") prop:value=move || batch.get().to_string() on:change=handler(on_batch) />
                <small>{move || format!("{} {}", i18n::now(lab.lang.get(), "of", "共"), counts.get()[0])}</small>
            </label>
            <Fault field=Field::Batch faults=faults />
            <Range desk=desk name=Text::new("heads (of K and V)", "头（K 与 V）") of=|slice| &mut slice.heads count=Signal::derive(move || counts.get()[1]) />
            <Fault field=Field::Heads faults=faults />
            <Range desk=desk name=Text::new("queries", "查询") of=|slice| &mut slice.queries count=Signal::derive(move || counts.get()[2]) />
            <Fault field=Field::Queries faults=faults />
            <Range desk=desk name=Text::new("keys", "键") of=|slice| &mut slice.keys count=Signal::derive(move || counts.get()[3]) />
            <Fault field=Field::Keys faults=faults />
        </fieldset>
    }
}

/// From and to, of so many.
#[component]
fn Range(
    /// What is chosen.
    desk: Desk,
    /// What it is a range of.
    name: Text,
    /// Where it stands.
    of: Of,
    /// How many there are.
    count: Signal<usize>,
) -> impl IntoView {
    let lab = lab();
    let now = Signal::memo(move || *of(&mut desk.slice.get()));
    let end = move |at: usize, en: &'static str, zh: &'static str| {
        let on_change = move |event| {
            // An empty field is 0, which is refused with a word where it can't be.
            let place = event_target_value(&event).trim().parse().unwrap_or(0);
            desk.slice.update(|slice| of(slice)[at] = place);
        };
        view! {
            <input
                type="number"
                min="0"
                aria-label=move || format!("{}: {}", name.get(lab.lang.get()), i18n::now(lab.lang.get(), en, zh))
                prop:value=move || now.get()[at].to_string()
                on:change=handler(on_change)
            />
        }
    };
    view! {
        <div class="choose__range">
            <span>{move || name.get(lab.lang.get())}</span>
            {end(0, "from", "起")}
            <span aria-hidden="true">"–"</span>
            {end(1, "to", "止")}
            <small>{move || format!("{} {}", i18n::now(lab.lang.get(), "of", "共"), count.get())}</small>
        </div>
    }
}
