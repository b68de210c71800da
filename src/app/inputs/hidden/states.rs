//! Where X comes from: rows, a generator, words, a picture, or two of these one after the other.

use leptos::prelude::*;

use super::join::Joined;
use super::picture::Picture;
use super::{change, hidden, states};
use crate::app::controls::{Choices, Item, Look, Slider, Span, at_fault, unique, words, words_of};
use crate::app::i18n::t;
use crate::app::inputs::generated::{Tuning, tuned};
use crate::app::inputs::numbers::{Part, Rows, RowsField};
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::{self, Text};
use crate::experiment::{Hidden, limits};
use crate::formula::Sorted;

/// Most rows and columns that are taken over when X becomes rows.
const FILL: usize = 32;

/// The kinds of X, in the order of the page.
const KINDS: [(&str, Text); 6] = [
    ("image", Text::new("Picture", "图画")),
    ("texts", Text::new("Two texts", "两段文本")),
    ("text_image", Text::new("Text and picture", "文本与图画")),
    ("text", Text::new("Text", "文本")),
    ("generated", Text::new("Generated", "生成")),
    ("rows", Text::new("Rows", "数值")),
];

fn kind_of(x: &Hidden) -> &'static str {
    match x {
        Hidden::Rows { .. } => "rows",
        Hidden::Generated { .. } => "generated",
        Hidden::Text { .. } => "text",
        Hidden::Image { .. } => "image",
        Hidden::Texts { .. } => "texts",
        Hidden::TextImage { .. } => "text_image",
    }
}

/// What a kind starts from: words and pictures that are there are kept.
fn first_of(kind: &str, now: &Hidden, rows: Rows) -> Option<Hidden> {
    let text = match now {
        Hidden::Text { text } | Hidden::TextImage { text, .. } | Hidden::Texts { a: text, .. } => text.clone(),
        _ => Hidden::WORDS.to_owned(),
    };
    let (width, cells) = match now {
        Hidden::Image { width, cells } | Hidden::TextImage { width, cells, .. } => (*width, cells.clone()),
        _ => (4, (0..16).map(|at| f32::from(u8::from(at % 5 == 0))).collect()),
    };
    Some(match kind {
        "rows" => Hidden::Rows { rows },
        "generated" => {
            let recipe = catalogue::recipes().first().map_or("", |r| r.id);
            Hidden::generated(recipe, 16, 32, 0)
        }
        "text" => Hidden::Text { text },
        "image" => Hidden::Image { width, cells },
        "texts" => Hidden::beside(&text),
        "text_image" => Hidden::TextImage { text, width, cells },
        _ => return None,
    })
}

/// The kind of X and what belongs to it.
#[component]
pub fn Source() -> impl IntoView {
    let lab = lab();
    let (x, now) = (hidden(lab), states(lab));
    let kind = Signal::memo(move || x.with(|x| x.as_ref().map_or("", kind_of)));
    let choose = Callback::new(move |id: String| {
        // As many places as a text field shows with ease, rounded to be read.
        let rows = now.with_untracked(|now| {
            let round = |x: &f32| (x * 1000.0).round() / 1000.0;
            let rows = now.iter().flat_map(|s| s.data.chunks(s.width.max(1)).take(FILL));
            rows.map(|row| row.iter().take(FILL).map(round).collect()).collect()
        });
        if let Some(next) = x.with_untracked(|x| x.as_ref().and_then(|x| first_of(&id, x, rows))) {
            change(lab, "input.x.kind", |x, _, _| *x = next);
        }
    });
    let items = KINDS.map(|(id, name)| Item::new(id, words_of(name))).to_vec();
    view! {
        <Choices label=words("X", "X") items=items chosen=Signal::derive(move || kind.get().to_owned()) on_choose=choose look=Look::Chips />
        {move || match kind.get() {
            "rows" => view! { <TypedRows /> },
            "generated" => view! { <Generator /> },
            "text" => view! { <Words field=Field::Text /> },
            "image" => view! { <Picture /> },
            "texts" => view! { <Words field=Field::A /> <Words field=Field::B /> <Joined /> },
            "text_image" => view! { <Words field=Field::Text /> <Picture /> <Joined /> },
            _ => ().into_any(),
        }}
    }
}

#[component]
fn TypedRows() -> impl IntoView {
    let lab = lab();
    let x = hidden(lab);
    let rows = Signal::memo(move || match x.get() {
        Some(Hidden::Rows { rows }) => Part::one(rows),
        _ => Part::default(),
    });
    let on_rows = Callback::new(move |part: Part| {
        change(lab, "input.x.rows", |x, _, _| *x = Hidden::Rows { rows: part.rows.into() });
    });
    view! { <RowsField name="X" colour="x" rows=rows typed=rows on_rows=on_rows /> }
}

#[component]
fn Generator() -> impl IntoView {
    let lab = lab();
    let x = hidden(lab);
    // Recipe, rows, width, seed.
    let now = Signal::memo(move || match x.get() {
        Some(Hidden::Generated { recipe, rows, width, seed, .. }) => (recipe, rows, width, seed),
        _ => (String::new(), 1, 1, 0),
    });
    let set = move |key: &'static str, apply: fn(&mut usize, &mut usize, &mut u64, f64)| {
        Callback::new(move |value: f64| {
            change(lab, key, |x, _, _| {
                if let Hidden::Generated { rows, width, seed, .. } = x {
                    apply(rows, width, seed, value);
                }
            });
        })
    };
    let choose = Callback::new(move |id: String| {
        change(lab, "input.x.recipe", |x, _, _| {
            if let Hidden::Generated { recipe, params, .. } = x {
                *recipe = id;
                params.clear();
            }
        });
    });
    let given = Signal::memo(move || match x.get() {
        Some(Hidden::Generated { params, .. }) => params,
        _ => Sorted::new(),
    });
    let tune = Callback::new(move |(name, value): (&'static str, Option<f64>)| {
        change(lab, &format!("input.x.params.{name}"), |x, _, _| {
            if let Hidden::Generated { params, .. } = x {
                tuned(params, name, value);
            }
        });
    });
    let items = catalogue::recipes().iter().map(|r| Item::new(r.id, words_of(r.name)).hint(words_of(r.about)));
    view! {
        <Choices label=words("Generator of X", "X 的生成器") items=items.collect() chosen=Signal::derive(move || now.get().0) on_choose=choose look=Look::Chips />
        <Tuning recipe=Signal::derive(move || now.get().0) given=given path="input.x.params" on_tune=tune />
        <Slider label=words("tokens", "词元数") value=Signal::derive(move || now.get().1 as f64) span=Span::whole(1, 128).up_to(limits::TOKENS as f64) path="input.x.rows" on_change=set("input.x.rows", |rows, _, _, x| *rows = x.max(1.0) as usize) />
        <Slider label=words("width of X", "X 的宽度") value=Signal::derive(move || now.get().2 as f64) span=Span::whole(1, limits::SIZE) path="input.x.width" on_change=set("input.x.width", |_, width, _, x| *width = x.max(1.0) as usize) />
        <Slider label=words("seed of X", "X 的种子") value=Signal::derive(move || now.get().3 as f64) span=Span::whole(0, 100).up_to(limits::SEED as f64) path="input.x.seed" on_change=set("input.x.seed", |_, _, seed, x| *seed = x.max(0.0) as u64) />
    }
}

/// Which text of X.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Text,
    A,
    B,
}

impl Field {
    fn of(self, x: &mut Hidden) -> Option<&mut String> {
        match (self, x) {
            (Self::Text, Hidden::Text { text } | Hidden::TextImage { text, .. }) => Some(text),
            (Self::A, Hidden::Texts { a, .. }) => Some(a),
            (Self::B, Hidden::Texts { b, .. }) => Some(b),
            _ => None,
        }
    }
}

#[component]
fn Words(
    /// Which text.
    field: Field,
) -> impl IntoView {
    let lab = lab();
    let (id, x) = (unique("words"), hidden(lab));
    let text = Signal::memo(move || x.get().and_then(|mut x| field.of(&mut x).cloned()).unwrap_or_default());
    let (key, label) = match field {
        Field::Text => ("input.x.text", t("Text", "文本")),
        Field::A => ("input.x.a", t("Stream A", "流 A")),
        Field::B => ("input.x.b", t("Stream B", "流 B")),
    };
    let invalid = at_fault(key);
    let on_input = move |event| {
        change(lab, key, |x, _, _| {
            if let Some(text) = field.of(x) {
                *text = event_target_value(&event);
            }
        });
    };
    view! {
        <label class="above" for=id.clone()>{label}</label>
        <textarea id=id rows="2" spellcheck="false" prop:value=move || text.get() aria-invalid=move || invalid.get().then_some("true") on:input=handler(on_input)></textarea>
    }
}
