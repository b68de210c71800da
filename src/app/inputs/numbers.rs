//! Matrices as text: one under the other where there are several heads; and a place to drop a file on.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::drop::{Drop, Opened, said};
use super::frames::Frames;
use crate::app::controls::unique;
use crate::app::i18n;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::experiment::Matrix;
use crate::interchange::{Numbers, Words};

/// Rows of numbers.
pub type Rows = Vec<Vec<f32>>;

/// Most numbers that are written into a field: browsers lay out no more text with ease.
const SHOWN: usize = 1 << 14;

/// Rows of one tensor, those of one head after those of the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The rows.
    pub rows: Matrix,
    /// Heads.
    pub heads: usize,
}

impl Default for Part {
    fn default() -> Self {
        Self { rows: Matrix::default(), heads: 1 }
    }
}

impl Part {
    /// One head.
    pub fn one(rows: Rows) -> Self {
        Self { rows: rows.into(), heads: 1 }
    }

    /// Numbers of a row.
    pub fn width(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    /// Rows of a head.
    pub fn length(&self) -> usize {
        self.rows.len() / self.heads.max(1)
    }

    fn count(&self) -> usize {
        self.rows.len().saturating_mul(self.width())
    }

    /// As text, one row a line and an empty line between heads.
    fn write(&self) -> String {
        let line = |row: &Vec<f32>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let head = |rows: &[Vec<f32>]| rows.iter().map(line).collect::<Vec<_>>().join("\n");
        self.rows.chunks(self.length().max(1)).map(head).collect::<Vec<_>>().join("\n\n")
    }
}

/// One tensor as text. The text stays as typed; it is written anew only when the numbers change elsewhere (undo, a dropped file).
#[component]
pub fn RowsField(
    /// Its name; a dropped file with several arrays gives the one of this name.
    name: &'static str,
    /// Whose colour it has: q, k, v or x.
    colour: &'static str,
    /// The rows of the experiment.
    rows: Signal<Part>,
    /// What is typed, which may wait for other fields to fit.
    typed: Signal<Part>,
    /// Called with rows that could be read.
    on_rows: Callback<Part>,
    /// Takes files with several arrays. Where there is none, several heads are refused as well.
    #[prop(optional)]
    several: Option<Callback<Opened>>,
) -> impl IntoView {
    let lab = lab();
    let (id, note) = (unique("numbers"), unique("numbers-issue"));
    let text = RwSignal::new(String::new());
    // What the text says, as far as it was read.
    let read = StoredValue::new(None::<Part>);
    let turn = StoredValue::new(0_u32);
    let problem = RwSignal::new(None::<Words>);
    let notes = RwSignal::new(Vec::<Words>::new());
    let show = move |now: Part| {
        text.set(if now.count() > SHOWN { String::new() } else { now.write() });
        problem.set(None);
        notes.set(Vec::new());
        turn.update_value(|turn| *turn += 1);
        read.set_value(Some(now));
    };
    effect(move || {
        let now = rows.get();
        if read.with_value(|read| read.as_ref() != Some(&now)) {
            show(now);
        }
    });
    let on_input = move |event| {
        let now = event_target_value(&event);
        text.set(now.clone());
        turn.update_value(|turn| *turn += 1);
        let mine = turn.get_value();
        spawn_local(async move {
            let found = Numbers::read(&now, &Frames::new()).await.and_then(|numbers| {
                if several.is_none() {
                    numbers.matrix()?;
                }
                Ok(numbers)
            });
            // Typed on in the meantime, or gone.
            if turn.try_get_value() != Some(mine) {
                return;
            }
            match found {
                Ok(numbers) => {
                    problem.set(None);
                    notes.set(numbers.notes.clone());
                    let part = Part { rows: numbers.rows().into(), heads: numbers.heads };
                    read.set_value(Some(part.clone()));
                    on_rows.run(part);
                }
                Err(error) => {
                    notes.set(Vec::new());
                    problem.set(Some(error.words()));
                }
            }
        });
    };
    let size = Signal::derive(move || {
        typed.with(|part| {
            let heads = if part.heads > 1 { format!("{} × ", part.heads) } else { String::new() };
            format!("{heads}{} × {}", part.length(), part.width())
        })
    });
    let large = Signal::derive(move || {
        let count = typed.with(Part::count);
        (count > SHOWN).then(|| match lab.lang.get() {
            Lang::En => {
                format!("{count} numbers: too many to be shown as text. Paste others, or open a file, to replace them.")
            }
            Lang::Zh => format!("{count} 个数：过多，无法以文本显示。可粘贴其他数值或打开文件来替换。"),
        })
    });
    let on_dropped = Callback::new(move |part: Part| {
        show(part.clone());
        on_rows.run(part);
    });
    let field = view! {
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
                placeholder=move || large.get()
                prop:value=move || text.get()
                on:input=handler(on_input)
            ></textarea>
            <div class="issue" id=note role="alert" hidden=move || problem.with(Option::is_none)>
                <p>{move || problem.with(|p| p.as_ref().map(|words| said(lab.lang.get(), words)))}</p>
            </div>
            <p class="note" role="status" hidden=move || notes.with(Vec::is_empty)>
                {move || notes.with(|notes| notes.iter().map(|words| said(lab.lang.get(), words)).collect::<Vec<_>>().join(" "))}
            </p>
        </div>
    };
    match several {
        Some(several) => view! { <Drop name=name on_rows=on_dropped several=several>{field}</Drop> },
        None => view! { <Drop name=name on_rows=on_dropped>{field}</Drop> },
    }
}
