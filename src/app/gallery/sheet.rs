//! The sheet: pictures with a title and a line each. Choosing one opens it, as a step of undo, and the sheet closes.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::list::{self, Entry};
use super::story::Story;
use crate::app::controls::modal_while;
use crate::app::i18n::t;
use crate::app::link;
use crate::app::reactive::RwSignal;
use crate::app::state::{Lab, Notice, lab};
use crate::app::view::{handler, view};

/// The list on its way, here, or missing.
#[derive(Clone, Debug, PartialEq)]
enum Listed {
    Coming,
    Here(Arc<Vec<Entry>>),
    Missing,
}

/// What is told over the map.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The whole list.
    pub all: Arc<Vec<Entry>>,
    /// Its place in the list.
    pub at: usize,
    /// Whether its other side is open.
    pub beside: bool,
}

impl Told {
    /// The entry.
    pub fn entry(&self) -> Option<&Entry> {
        self.all.get(self.at)
    }
}

/// The sheet, and the story of what was chosen last.
#[component]
pub fn Sheet(
    /// Whether it is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    let lab = lab();
    let dialog = modal_while(open);
    let listed = RwSignal::new(Listed::Coming);
    let told = RwSignal::new(None::<Told>);
    let fetch = move || {
        listed.set(Listed::Coming);
        spawn_local(async move {
            let got = list::fetch().await.map_or(Listed::Missing, Listed::Here);
            listed.try_set(got);
        });
    };
    fetch();
    let choose = Callback::new(move |next: Told| {
        open.set(false);
        tell(lab, told, next);
    });
    view! {
        <dialog node_ref=dialog class="gallery" aria-labelledby="gallery-title" on:close=handler(move |_| open.set(false))>
            <h2 id="gallery-title">{t("Gallery", "图集")}</h2>
            <p class="note">{t(
                "Each picture is an experiment with a story. Choosing one opens it here; undo brings back what you had.",
                "每幅图都是一个有故事的实验。选中即在此打开；撤销可恢复原来的内容。",
            )}</p>
            {move || match listed.get() {
                Listed::Coming => view! { <p class="note" aria-busy="true">{t("One moment…", "请稍候…")}</p> },
                Listed::Missing => view! {
                    <div class="issue" role="alert">
                        <p>{t("The list did not arrive.", "列表未能加载。")}</p>
                        <button type="button" on:click=handler(move |_| fetch())>{t("Try again", "重试")}</button>
                    </div>
                },
                Listed::Here(all) => view! {
                    <ul class="gallery__cards">
                        {(0..all.len()).map(|at| view! { <Card all=all.clone() at=at told=told on_choose=choose /> }).collect_view()}
                    </ul>
                },
            }}
            <div class="dialog__foot">
                <button type="button" class="primary" on:click=handler(move |_| open.set(false))>{t("Close", "关闭")}</button>
            </div>
        </dialog>
        {move || told.get().map(|now| view! {
            <Story
                told=now
                on_tell=choose
                on_all=Callback::new(move |()| open.set(true))
                on_close=Callback::new(move |()| told.set(None))
            />
        })}
    }
}

/// One picture.
#[component]
fn Card(all: Arc<Vec<Entry>>, at: usize, told: RwSignal<Option<Told>>, on_choose: Callback<Told>) -> impl IntoView {
    let lab = lab();
    let Some(entry) = all.get(at).cloned() else { return ().into_any() };
    let picture = entry.picture();
    let title = entry.title.clone();
    let about = entry.about.clone();
    view! {
        <li>
            <button
                type="button"
                aria-current=move || told.with(|told| told.as_ref().is_some_and(|told| told.at == at)).then_some("true")
                on:click=handler(move |_| on_choose.run(Told { all: all.clone(), at, beside: false }))
            >
                <img src=picture alt="" width="1200" height="630" loading="lazy" />
                <b>{move || title.of(lab.lang.get()).clone()}</b>
                <span>{move || about.of(lab.lang.get()).clone()}</span>
            </button>
        </li>
    }
}

/// Opens an entry, then tells of it.
fn tell(lab: Lab, told: RwSignal<Option<Told>>, next: Told) {
    let Some(entry) = next.entry() else { return };
    let fragment = if next.beside { entry.beside.as_ref() } else { None }.unwrap_or(&entry.link).clone();
    spawn_local(async move {
        let opened = link::read(fragment).await;
        if let Some(problem) = opened.problems.first() {
            let text = problem.line(lab.lang.get_untracked());
            lab.notices.update(|all| all.push(Notice { text, keep: Some(opened.raw.clone()) }));
            return;
        }
        lab.replace(&format!("gallery.{}.{}", next.at, next.beside), opened.experiment);
        told.try_set(Some(next));
    });
}
