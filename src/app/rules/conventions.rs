//! Switches where libraries differ, with the names of those that stand on each side.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::app::controls::{Choices, Fold, IssueLine, Item, Look, words, words_of};
use crate::app::i18n::{t, tr};
use crate::app::piece::piece;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::view;
use crate::catalogue::Text;
use crate::experiment::{CONVENTIONS, Convention, Conventions, Experiment};

/// The card of the conventions, folded until it is needed.
#[component]
pub fn ConventionsCard() -> impl IntoView {
    let lab = lab();
    let changed = Signal::derive(move || {
        let usual = Conventions::default();
        let differs = lab.experiment.with(|e| {
            let now = e.conventions;
            [
                now.causal != usual.causal,
                now.window != usual.window,
                said(e, "two_sided"),
                now.softcap != usual.softcap,
                now.rope != usual.rope,
                said(e, "signed"),
            ]
        });
        match differs.into_iter().filter(|&d| d).count() {
            0 => String::new(),
            n => format!("{n} {}", t("changed", "项已改")()),
        }
    });
    view! {
        <Fold title=words("Conventions", "约定") aside=changed body=|| piece(|| Box::pin(switches()), |switches| switches()) />
    }
}

/// Whether a switch is on: what the mask or the position scheme says by its parameter, else the convention.
fn said(e: &Experiment, param: &str) -> bool {
    let given = e.mask.params.get(param).or_else(|| e.position.params.get(param));
    given.map_or(e.conventions.switches_on(param), |&on| on != 0.0)
}

#[wasm_split(later, fallible)]
fn switches() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <Switches /> })
}

#[component]
fn Switches() -> impl IntoView {
    view! {
        <p class="note">{t("Where libraries differ. Each switch is part of the link.", "各库做法不同之处；每个开关都包含在链接中。")}</p>
        {CONVENTIONS.iter().map(|one| view! { <Two one=one /> }).collect_view()}
        <IssueLine path="conventions" />
    }
}

/// A choice between two sides, each with who stands on it.
#[component]
fn Two(
    /// The switch.
    one: &'static Convention,
) -> impl IntoView {
    let lab = lab();
    let Convention { field, label, sides, param, second, choose } = *one;
    let second = Signal::memo(move || {
        lab.experiment.with(|e| param.map_or_else(|| second(&e.conventions), |param| said(e, param)))
    });
    let on_choose = Callback::new(move |id: String| {
        lab.edit(&format!("conventions.{field}"), |e| {
            if let Some(param) = param {
                // What was said of one entry alone would hide the convention.
                e.mask.params.remove(param);
                e.position.params.remove(param);
                e.combine.iter_mut().for_each(|layer| _ = layer.params.remove(param));
            }
            choose(&mut e.conventions, id == "1");
        });
    });
    let item = |(at, (name, who)): (usize, (Text, &'static str))| {
        Item::new(at.to_string(), words_of(name)).hint(Signal::stored(who.to_owned()))
    };
    let items: Vec<Item> = sides.into_iter().enumerate().map(item).collect();
    view! {
        <div class="convention">
            <p class="above">{tr(label)}</p>
            <Choices
                label=words_of(label)
                items=items
                chosen=Signal::derive(move || usize::from(second.get()).to_string())
                on_choose=on_choose
                look=Look::Segments
            />
            <p class="note convention__who">
                {[0, 1].map(|at| view! { <span class:convention__chosen=move || { usize::from(second.get()) == at }>{sides[at].1}</span> })}
            </p>
        </div>
    }
}
