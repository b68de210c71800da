//! The story of the experiment that is open: a strip over the map until it is dismissed.

use leptos::prelude::*;

use super::sheet::Told;
use crate::app::i18n::t;
use crate::app::state::lab;
use crate::app::view::{handler, view};

/// The strip.
#[component]
pub fn Story(
    /// What is told.
    told: Told,
    /// Opens another side, or another entry.
    on_tell: Callback<Told>,
    /// Opens the sheet.
    on_all: Callback<()>,
    /// Dismisses the strip.
    on_close: Callback<()>,
) -> impl IntoView {
    let lab = lab();
    let Some(entry) = told.entry().cloned() else { return ().into_any() };
    let picture = entry.picture();
    let (title, story) = (entry.title, entry.story);
    let step = |at: usize| Told { all: told.all.clone(), at, beside: false };
    let [before, after] = [told.at.checked_sub(1).map(step), (told.at + 1 < told.all.len()).then(|| step(told.at + 1))];
    let other = entry.beside.is_some().then(|| Told { beside: !told.beside, ..told.clone() });
    let on_the_right = told.beside;
    view! {
        <aside class="tale" aria-labelledby="tale-title" aria-live="polite">
            <div class="tale__head">
                <h3 id="tale-title">{move || title.of(lab.lang.get()).clone()}</h3>
                <button type="button" aria-label=t("Dismiss the story", "关闭说明") on:click=handler(move |_| on_close.run(()))>"×"</button>
            </div>
            // Stories speak of its left and right side.
            <img src=picture alt="" width="1200" height="630" />
            <ul>{move || story.of(lab.lang.get()).iter().map(|line| view! { <li>{line.clone()}</li> }).collect_view()}</ul>
            <div class="tale__foot">
                {other.map(|other| view! {
                    <button type="button" class="quiet-button" on:click=handler(move |_| on_tell.run(other.clone()))>
                        {if on_the_right { t("Open the left side", "打开左侧") } else { t("Open the right side", "打开右侧") }}
                    </button>
                })}
                {before.map(|before| view! {
                    <button type="button" class="quiet-button" aria-label=t("Previous story", "上一个") on:click=handler(move |_| on_tell.run(before.clone()))>"←"</button>
                })}
                <button type="button" class="quiet-button" on:click=handler(move |_| on_all.run(()))>{t("Gallery", "图集")}</button>
                {after.map(|after| view! {
                    <button type="button" class="quiet-button" aria-label=t("Next story", "下一个") on:click=handler(move |_| on_tell.run(after.clone()))>"→"</button>
                })}
            </div>
        </aside>
    }
}
