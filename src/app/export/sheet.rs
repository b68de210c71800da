//! The dialog and its tabs.

use leptos::prelude::*;

use super::code::Code;
use super::files::Files;
use super::picture::Picture;
use super::table::Table;
use super::taken::Taken;
use crate::app::controls::{Choices, Item, Look, modal, words};
use crate::app::i18n::t;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::{handler, view};

/// A tab.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Code,
    Table,
    Picture,
    Files,
}

impl Tab {
    const ALL: [(Self, &'static str, &'static str, &'static str); 4] = [
        (Self::Code, "code", "Code", "代码"),
        (Self::Table, "table", "Table", "表格"),
        (Self::Picture, "picture", "Picture", "图片"),
        (Self::Files, "files", "Files", "文件"),
    ];
}

/// The sheet. What it shows follows the experiment, the language and the theme.
#[component]
pub fn Sheet() -> impl IntoView {
    let lab = lab();
    let (dialog, close) = modal();
    let tab = RwSignal::new(Tab::Code);
    let taken = Signal::memo(move || Taken::of(lab));
    // Tabs live on while the result changes: what was chosen in them stays.
    let there = Signal::memo(move || taken.with(Option::is_some));
    let id = move |tab: Tab| Tab::ALL.iter().find(|(other, ..)| *other == tab).map_or("code", |(_, id, ..)| id);
    let choose = move |id: String| {
        if let Some((tab_of, ..)) = Tab::ALL.iter().find(|(_, other, ..)| *other == id) {
            tab.set(*tab_of);
        }
    };
    view! {
        <dialog node_ref=dialog class="compare export" aria-labelledby="export-title">
            <h2 id="export-title">{t("Export", "导出")}</h2>
            <Choices
                label=words("What to export", "导出内容")
                items=Tab::ALL.map(|(_, id, en, zh)| Item::new(id, words(en, zh))).to_vec()
                chosen=Signal::derive(move || id(tab.get()).to_owned())
                on_choose=Callback::new(choose)
                look=Look::Segments
            />
            <div class="export__body">
                {move || match (there.get(), tab.get()) {
                    (false, _) => view! {
                        <p class="note" role="status">{t("There is no input yet; wait for the first result.", "尚无输入，请等待首个结果。")}</p>
                    },
                    (true, Tab::Code) => view! { <Code taken=taken /> },
                    (true, Tab::Table) => view! { <Table taken=taken /> },
                    (true, Tab::Picture) => view! { <Picture taken=taken /> },
                    (true, Tab::Files) => view! { <Files taken=taken /> },
                }}
            </div>
            <div class="dialog__foot">
                <button type="button" class="primary" on:click=handler(move |_| close())>{t("Close", "关闭")}</button>
            </div>
        </dialog>
    }
}
