//! The experiment as a program.

use leptos::prelude::*;

use super::parts::{Refused, Save, Text};
use super::taken::Taken;
use crate::app::controls::{Choices, Item, Look, words, words_of};
use crate::app::i18n::t;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::view::view;
use crate::export::{self, Target};

/// The tab.
#[component]
pub fn Code(
    /// What is exported.
    taken: Signal<Option<Taken>>,
) -> impl IntoView {
    let target = RwSignal::new(Target::Numpy);
    let choose = move |id: String| {
        if let Some(found) = Target::ALL.into_iter().find(|target| target.id() == id) {
            target.set(found);
        }
    };
    view! {
        <Choices
            label=words("Language or library", "语言或库")
            items=Target::ALL.map(|target| Item::new(target.id(), words_of(target.name()))).to_vec()
            chosen=Signal::derive(move || target.get().id().to_owned())
            on_choose=Callback::new(choose)
            look=Look::Chips
        />
        {move || {
            let target = target.get();
            match taken.with(|taken| taken.as_ref().map(|taken| export::code(&taken.subject(), target))) {
                None => ().into_any(),
                Some(Err(issues)) => view! { <Refused issues=issues /> },
                Some(Ok(code)) => {
                    let file = format!("attention-{}.{}", target.id(), target.extension());
                    view! {
                        <Text text=code.text label=words("The program", "程序") file=file />
                        {code.file.map(|file| view! { <Inputs taken=taken file=file /> })}
                    }
                }
            }
        }}
    }
}

/// The file that a program reads.
#[component]
fn Inputs(taken: Signal<Option<Taken>>, file: &'static str) -> impl IntoView {
    let make = move |()| {
        let make = |taken: &Taken| match file {
            export::INPUTS_JSON => export::inputs_json(&taken.subject()).map(String::into_bytes),
            _ => export::inputs_file(&taken.subject()),
        };
        taken.with_untracked(|taken| taken.as_ref().map_or(Ok(Vec::new()), make))
    };
    view! {
        <p class="note">
            {t("Q, K and V are too many numbers for a text: the program reads them from ", "Q、K、V 数量过多，程序从以下文件读取：")} <code>{file}</code>
        </p>
        <div class="export__buttons">
            <Save en="Download Q, K and V" zh="下载 Q、K、V" file=file.to_owned() kind="application/octet-stream" make=Callback::new(make) />
        </div>
    }
}
