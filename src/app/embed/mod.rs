//! The page in a frame of somebody else's: a part of it, with the controls that the author chose, that starts when it is seen, lets its workers go
//! when it is not, takes turns with other frames, and speaks with the page around it.
//!
//! | file | what it holds |
//! |---|---|
//! | `ask` | what the address asks for |
//! | `frame` | the layout: poster, controls, the part shown, the way to the full page |
//! | `hand` | the way to the full page, and how the state gets there |
//! | `parts` | which views a name stands for |
//! | `pattern` | the mask's formula and its tiles |
//! | `turn` | two frames of a page compute at a time: a lock that they share |
//! | `sight` | whether the frame is on the screen |
//! | `messages` | the protocol with the page around, and the frame's height |
//!
//! A piece of the program of its own (`embed`).
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod ask;
mod frame;
mod hand;
mod messages;
mod parts;
mod pattern;
mod sight;
mod turn;

pub use parts::{Control, Layout};

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::state::Lab;
use super::{piece, url};
use crate::experiment::Opened;

/// Mounts the frame's layout, with what its address opened.
///
/// # Errors
/// When the piece does not arrive.
pub async fn start(opened: Option<Opened>) -> Result<(), SplitLoaderError> {
    let (mount, ()) = (mount().await?, piece::styles().await);
    mount(opened);
    Ok(())
}

/// Lets the page around a full page in a frame speak with it.
pub async fn speak(lab: Lab) {
    // Without the piece nobody is answered; the page itself is whole.
    if let Ok(listen) = listener().await {
        listen(lab);
    }
}

#[wasm_split(embed, fallible)]
fn mount() -> Result<fn(Option<Opened>), SplitLoaderError> {
    Ok(|opened| mount_to_body(move || frame::frame(ask::Asked::read(&url::search()), opened)))
}

#[wasm_split(embed, fallible)]
fn listener() -> Result<fn(Lab), SplitLoaderError> {
    Ok(|lab| messages::listen(lab, || {}))
}
