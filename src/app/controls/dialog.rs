//! Dialogs, which the browser keeps over the page with the focus inside.

use leptos::html::Dialog;

use crate::app::element::NodeRef;
use crate::app::reactive::{RwSignal, effect};

/// A dialog that opens as soon as its view is there: its element, and what closes it.
pub fn modal() -> (NodeRef<Dialog>, impl Fn() + Copy + Send + Sync + 'static) {
    let dialog = NodeRef::<Dialog>::new();
    effect(move || {
        if let Some(dialog) = dialog.get() {
            show(&dialog);
        }
    });
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    (dialog, close)
}

/// A dialog that is open while `open` says so.
pub fn modal_while(open: RwSignal<bool>) -> NodeRef<Dialog> {
    let dialog = NodeRef::<Dialog>::new();
    effect(move || {
        let Some(dialog) = dialog.get() else { return };
        if open.get() {
            show(&dialog);
        } else {
            dialog.close();
        }
    });
    dialog
}

fn show(dialog: &web_sys::HtmlDialogElement) {
    if !dialog.open() {
        // Fails only where it is open already.
        let _ = dialog.show_modal();
    }
}

/// Whether `open` was ever true: what is fetched with the first opening stays.
pub fn ever(open: RwSignal<bool>) -> RwSignal<bool> {
    let asked = RwSignal::new(false);
    effect(move || {
        if open.get() && !asked.get_untracked() {
            asked.set(true);
        }
    });
    asked
}
