//! A file with numbers, dropped on no place that takes one: the sheet in which one chooses of it opens over the page.

use std::any::Any;
use std::cell::RefCell;

use leptos::mount::mount_to;
use leptos::prelude::*;
use web_sys::File;

use super::change::set_input;
use super::choose::Chooser;
use super::drop::{Opened, of_file, opened, said};
use crate::app::reactive::{RwSignal, effect};
use crate::app::state::{Lab, Notice};
use crate::app::view::view;
use crate::experiment::Input;
use crate::interchange::{Words, shown};

thread_local! {
    /// The last sheet, which lies outside the page's own view: the next one takes its place.
    static SHEET: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// Opens the file's arrays for choosing, or says in a notice why not.
pub async fn choose_dropped(lab: Lab, file: File) {
    let name = shown(&file.name());
    let tell = move |words: &Words| {
        let text = said(lab.lang.get_untracked(), words);
        lab.notices.update(|all| all.push(Notice { text, keep: None }));
    };
    let bundle = match opened(&file).await {
        Ok(bundle) => bundle,
        Err(words) => return tell(&of_file(&name, &words)),
    };
    let Some(body) = document().body() else { return };
    let sheet = mount_to(body, move || {
        provide_context(lab);
        // What no array of it can be used for is said where every other message is.
        let problem = RwSignal::new(None::<Words>);
        effect(move || problem.with(|words| words.iter().for_each(&tell)));
        let on_use = Callback::new(move |input: Input| set_input(lab, "input.file", input));
        let opened = Opened { bundle, file: name, problem };
        view! { <Chooser file=opened on_use=on_use /> }
    });
    SHEET.with_borrow_mut(|last| *last = Some(Box::new(sheet)));
}
