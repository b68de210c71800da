//! A matrix as text: CSV, JSON or what NumPy prints, and a place to drop a file on.

use leptos::prelude::*;

use super::drop::Drop;
use crate::app::controls::unique;
use crate::app::i18n;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::interchange::{InterchangeError, Numbers};

/// Rows of numbers.
pub type Rows = Vec<Vec<f32>>;

/// Reads rows of equal length.
///
/// # Errors
/// What is wrong, with line and column.
pub fn read(text: &str) -> Result<Rows, InterchangeError> {
    Numbers::parse(text).and_then(|numbers| numbers.matrix())
}

/// Rows as text, one a line.
fn write(rows: &Rows) -> String {
    let line = |row: &Vec<f32>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// One matrix as text. The text stays as typed; it is written anew only when the numbers change elsewhere (undo, a dropped file).
#[component]
pub fn RowsField(
    /// Its name; a dropped file with several tensors gives the one of this name.
    name: &'static str,
    /// Whose colour it has: q, k, v or x.
    colour: &'static str,
    /// The rows of the experiment.
    rows: Signal<Rows>,
    /// What is typed, which may wait for other fields to fit.
    typed: Signal<Rows>,
    /// Called with rows that could be read.
    on_rows: Callback<Rows>,
) -> impl IntoView {
    let lab = lab();
    let (id, note) = (unique("numbers"), unique("numbers-issue"));
    let text = RwSignal::new(String::new());
    effect(move || {
        let now = rows.get();
        if text.with_untracked(|t| read(t).ok().as_ref() != Some(&now)) {
            text.set(write(&now));
        }
    });
    let problem = Signal::memo(move || text.with(|t| read(t).err().map(|e| e.to_string())));
    let on_input = move |event| {
        text.set(event_target_value(&event));
        if let Ok(new) = text.with_untracked(|t| read(t)) {
            on_rows.run(new);
        }
    };
    let size =
        Signal::derive(move || typed.with(|rows| format!("{} × {}", rows.len(), rows.first().map_or(0, Vec::len))));
    let on_dropped = Callback::new(move |rows: Rows| {
        text.set(write(&rows));
        on_rows.run(rows);
    });
    view! {
        <Drop name=name on_rows=on_dropped>
            <div class="field" data-tensor=colour>
                <label for=id.clone()><b>{name}</b>" "<small>{size}</small></label>
                <textarea
                    id=id
                    rows="3"
                    spellcheck="false"
                    wrap="off"
                    aria-label=move || format!("{name}: {}", i18n::now(lab.lang.get(), "numbers", "数值"))
                    aria-describedby=note.clone()
                    aria-invalid=move || problem.with(|p| p.is_some().then_some("true"))
                    prop:value=move || text.get()
                    on:input=handler(on_input)
                ></textarea>
                <div class="issue" id=note role="alert" hidden=move || problem.with(Option::is_none)><p>{move || problem.get()}</p></div>
            </div>
        </Drop>
    }
}
