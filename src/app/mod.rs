//! The page: leptos views over one context ([`state::Lab`]). It only draws; kernels run in workers, and no view knows a kernel.
//!
//! | file | what it holds |
//! |---|---|
//! | `state`, `clock`, `i18n`, `palette` | the context, the page's clock, words in both languages, data colours |
//! | `reactive`, `view`, `element` | Leptos' signals, views and node references without their types: one copy of the code for all |
//! | `runner` | experiment -> pool -> outcome |
//! | `url`, `link` | the address, and what it holds |
//! | `laboratory` | what laboratories keep in the address |
//! | `whole` | the part of the catalogue that the first view does not show |
//! | `piece` | views whose code is fetched when they are first shown |
//! | `shell` | header, columns, help, notices, theme, keyboard |
//! | `controls` | sliders, chips, switches, cards that the columns share |
//! | `inputs` | where Q, K, V come from; matrices that can be edited |
//! | `rules` | masks, formulas, sliders, position, normaliser, conventions |
//! | `browse` | the catalogue as a sheet: search, details, choice |
//! | `gallery` | experiments that tell a story |
//! | `gradients` | the gradients of the result, by token and by number |
//! | `zoom` | parts of the map: zoom, lines, table |
//! | `map` | stages, the large map, all heads, legend, colours |
//! | `chart` | charts with keys, tooltip, legend, table and files |
//! | `compare` | the CPU and the GPU side by side |
//! | `pair` | two settings, one beside the other |
//! | `measures` | measures of the weights |
//! | `positions` | position schemes over distance |
//! | `walk` | attention step by step: tiles, a ring, a cache |
//! | `player` | a step forward and back, or one after the other |
//! | `embed` | the page in a frame of somebody else's |
//! | `share` | links, frames, elements to carry away |
//! | `estimators` | something else in attention's place, with its error |
//! | `exact` | the error of what stands for exact attention, beside the result |
//! | `export` | out of the page: code, tables, pictures, files |
//! | `sweep` | times over sizes, workers and ways of computing |
//! | `claims` | what four essays say of self-attention, measured here |
//! | `result` | why this cell, the row, the output, timing |

mod browse;
mod chart;
mod claims;
pub mod clock;
mod compare;
pub mod controls;
pub mod element;
mod embed;
mod estimators;
mod exact;
mod export;
mod gallery;
mod gradients;
pub mod i18n;
pub mod inputs;
mod laboratory;
mod link;
pub mod map;
mod measures;
mod pair;
pub mod palette;
mod piece;
mod player;
mod positions;
pub mod reactive;
pub mod result;
pub mod rules;
pub mod runner;
mod share;
pub mod shell;
pub mod state;
mod sweep;
pub mod url;
mod view;
mod walk;
pub mod whole;
mod zoom;

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::engine::pool::Pool;
use crate::experiment::Opened;

/// Mounts the page in the browser's next task: in this one it has just finished compiling the program.
pub fn start() {
    clock::after_effects(open);
}

/// Mounts the page, with what its address opens.
fn open() {
    let (raw, embedded) = (url::fragment(), url::embedded());
    if raw.is_empty() && !embedded {
        mount(None);
    } else {
        spawn_local(async move {
            let opened = if raw.is_empty() { None } else { Some(link::read(raw).await) };
            // Where the frame's layout does not arrive, the whole page in a frame is better than nothing.
            if !embedded || embed::start(opened.clone()).await.is_err() {
                mount(opened);
            }
        });
    }
}

/// Starts the first worker, since that takes longest, then the page's state, then the page, each in a task of its own.
fn mount(opened: Option<Opened>) {
    let pool = Pool::start();
    // The state is mounted too, as a view of nothing: that readies effects, and lets it live for as long as the page.
    clock::after_effects(move || {
        mount_to_body(move || {
            let lab = shell::start(opened, pool);
            let owner = Owner::current().unwrap_or_default();
            clock::after_effects(move || owner.with(|| mount_to_body(move || shell::app(lab))));
        });
    });
}
