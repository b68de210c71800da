//! Where Q, K and V come from: five kinds, each remembering what it was set to.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::captured::Captured;
use super::change::set_input;
use super::generated::Generated;
use super::hidden::Projected;
use super::paste::{Paste, numbers_of_head};
use super::text::Words;
use super::tokens::Tokens;
use crate::app::controls::{Card, Choices, IssueLine, Item, Look, words};
use crate::app::i18n;
use crate::app::piece::piece;
use crate::app::reactive::Signal;
use crate::app::state::{Lab, Notice, lab};
use crate::app::view::view;
use crate::catalogue;
use crate::experiment::{Hidden, Input, Normals, Size, Weights};
use crate::formula::Sorted;

/// The five kinds of input, in the order of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Capture,
    Generated,
    Text,
    Numbers,
    Projected,
}

impl Kind {
    const ALL: [(Self, &'static str, &'static str, &'static str); 5] = [
        (Self::Capture, "capture", "Captured", "采集"),
        (Self::Generated, "generated", "Generated", "生成"),
        (Self::Text, "text", "Text", "文本"),
        (Self::Numbers, "numbers", "Paste", "粘贴"),
        (Self::Projected, "projected", "X·W", "X·W"),
    ];

    fn of(input: &Input) -> Self {
        match input {
            Input::Capture { .. } => Self::Capture,
            Input::Generated { .. } => Self::Generated,
            Input::Text { .. } => Self::Text,
            Input::Numbers { .. } => Self::Numbers,
            Input::Projected { .. } => Self::Projected,
        }
    }

    fn id(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, id, ..)| id)
    }
}

/// The card that chooses the input.
#[component]
pub fn SourceCard() -> impl IntoView {
    let lab = lab();
    let kind = Signal::memo(move || lab.experiment.with(|e| Kind::of(&e.input)));
    // What each kind was last set to, so that looking at another one loses nothing.
    let drafts = StoredValue::new(Vec::<Input>::new());
    let choose = Callback::new(move |id: String| {
        let Some((wanted, ..)) = Kind::ALL.into_iter().find(|(_, name, ..)| *name == id) else { return };
        let now = lab.experiment.with_untracked(|e| e.input.clone());
        if Kind::of(&now) == wanted {
            return;
        }
        let draft = drafts.with_value(|all| all.iter().find(|d| Kind::of(d) == wanted).cloned());
        spawn_local(async move {
            let next = match draft {
                Some(draft) => draft,
                None => match first_of(lab, wanted, now.clone()).await {
                    Ok(next) => next,
                    Err(_) => {
                        let lang = lab.lang.get_untracked();
                        let text = i18n::now(lang, "This part of the page did not arrive.", "页面的这一部分未能加载。");
                        return lab.notices.update(|all| all.push(Notice { text: text.to_owned(), keep: None }));
                    }
                },
            };
            drafts.update_value(|all| {
                all.retain(|d| Kind::of(d) != Kind::of(&now));
                all.push(now);
            });
            set_input(lab, "input.kind", next);
        });
    });
    let items = Kind::ALL.map(|(_, id, en, zh)| Item::new(id, words(en, zh))).to_vec();
    view! {
        <Card title=words("Source", "来源")>
            <Choices label=words("Source of Q, K and V", "Q、K、V 的来源") items=items chosen=Signal::derive(move || kind.get().id().to_owned()) on_choose=choose look=Look::Segments />
            {move || match kind.get() {
                Kind::Capture => view! { <Captured /> },
                Kind::Generated => piece(|| Box::pin(generated()), |generated| generated()),
                Kind::Text => piece(|| Box::pin(text()), |text| text()),
                Kind::Numbers => view! { <Paste /> },
                Kind::Projected => piece(|| Box::pin(projected()), |projected| projected()),
            }}
            <IssueLine path="input" except="input.size" />
            <Tokens />
        </Card>
    }
}

#[wasm_split(later, fallible)]
fn generated() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <Generated /> })
}

#[wasm_split(later, fallible)]
fn text() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <Words /> })
}

#[wasm_split(later, fallible)]
fn projected() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <Projected /> })
}

/// What a kind starts from when it is chosen for the first time: as close as it comes to what is on the page now.
#[wasm_split(later, fallible)]
fn first_of(lab: Lab, kind: Kind, now: Input) -> Result<Input, SplitLoaderError> {
    Ok(match kind {
        Kind::Capture => Input::default(),
        Kind::Generated => {
            let recipe = catalogue::recipes().first().map_or("", |r| r.id);
            let (recipe, size, params) = (recipe.to_owned(), Size::default(), Sorted::new());
            Input::Generated { recipe, size, seed: 0, normals: Normals::Rounded, params }
        }
        Kind::Text => {
            let text = match now {
                Input::Capture { id, .. } => {
                    lab.captures.with_untracked(|all| all.iter().find(|c| c.id == id).map(|c| c.text.clone()))
                }
                _ => None,
            };
            let text = text
                // The list has no more than the beginning of a long one.
                .filter(|t| !t.ends_with('…'))
                .unwrap_or_else(|| "the cat sat on the mat and the dog lay on the rug".to_owned());
            Input::Text { text, size: Size::default(), seed: 0, normals: Normals::Rounded }
        }
        Kind::Numbers => numbers_of_head(lab),
        Kind::Projected => {
            let x = Hidden::Image { width: 8, cells: (0..64).map(|at| f32::from(u8::from(at % 9 == 0))).collect() };
            let (weights, size) = (Weights::Normal, Size::default());
            Input::Projected { x, weights, weights_b: None, size, seed: 0, normals: Normals::Rounded, rounded: 0.0 }
        }
    })
}
