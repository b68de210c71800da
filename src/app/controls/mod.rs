//! Small widgets that the columns share. A control never owns its value: the value comes in as a signal, a change goes out as a callback.
//!
//! | file | what it holds |
//! |---|---|
//! | `card` | cards and cards that fold |
//! | `choice` | one of several: segments and chips, with roving focus |
//! | `dialog` | dialogs that open themselves, or while a signal says so |
//! | `slider`, `span` | a number between two ends, by drag or typed |
//! | `switch` | on or off |
//! | `issue` | what is wrong with a field, at the field |
//! | `digits`, `field` | numbers as text, written by the browser; what a field holds, read as a number |
//! | `pixels` | one pixel a cell into a canvas |
//! | `show` | a part of a view that comes and goes |
//! | `roving` | arrow keys inside a group of which one is in the tab order |

mod card;
mod choice;
mod dialog;
mod digits;
mod field;
mod issue;
mod pixels;
mod roving;
mod show;
mod slider;
mod span;
mod switch;

use std::sync::atomic::{AtomicU32, Ordering};

pub use card::{Card, Fold};
pub use choice::{Choices, Item, Look};
pub use dialog::{ever, modal, modal_while};
pub use digits::{exponential, fixed, percent, plain, signed};
pub use field::typed;
pub use issue::{IssueLine, at_fault};
pub use pixels::paint;
pub use roving::rove;
pub use show::Show;
pub use slider::Slider;
pub use span::{Span, number};
pub use switch::Switch;

use super::i18n::t;
use crate::app::reactive::Signal;
use crate::catalogue::Text;

/// A label in the page's language, for the props of controls.
pub fn words(en: &'static str, zh: &'static str) -> Signal<String> {
    let text = t(en, zh);
    Signal::derive(move || text().to_owned())
}

/// The same for a text of the catalogue.
pub fn words_of(text: Text) -> Signal<String> {
    words(text.en, text.zh)
}

/// An id for the document that no other element has.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
