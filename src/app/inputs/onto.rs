//! Numbers from the clipboard onto a matrix: they take the places of cells from the chosen one on, as in a spreadsheet.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use wasm_bindgen_futures::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::ClipboardEvent;

use super::block::Block;
use super::cell::{self, Place};
use super::drop::said;
use super::frames::Frames;
use crate::app::state::{Lab, Notice};
use crate::experiment::limits;
use crate::interchange::{Numbers, Words, words};

/// Takes the text of an event; what becomes of it is a piece of the program that is fetched then.
pub fn paste(lab: Lab, event: &ClipboardEvent, place: Option<Place>) {
    let text = event.clipboard_data().and_then(|data| data.get_data("text").ok());
    if let (Some(text), Some(place)) = (text, place) {
        event.prevent_default();
        // Should the piece not arrive, nothing is changed, and pasting again tries again.
        spawn_local(async move { drop(put(lab, place, text).await) });
    }
}

#[wasm_split(later, fallible)]
fn put(lab: Lab, place: Place, text: String) -> Result<(), SplitLoaderError> {
    spawn_local(async move {
        if let Err(words) = cells(lab, place, &text).await {
            let text = said(lab.lang.get_untracked(), &words);
            lab.notices.update(|all| all.push(Notice { text, keep: None }));
        }
    });
    Ok(())
}

async fn cells(lab: Lab, from: Place, text: &str) -> Result<(), Words> {
    let numbers = Numbers::read(text, &Frames::new()).await.map_err(|error| error.words())?;
    let Some(block) = Block::original(lab, from.tensor) else { return Ok(()) };
    let Numbers { heads, rows, cols, data, .. } = numbers;
    if heads > 1 {
        return Err(words!("{heads} matrices were pasted; one goes here", "粘贴了 {heads} 个矩阵，此处只能放一个"));
    }
    let (room_rows, room_cols) = (block.rows.saturating_sub(from.row), block.cols.saturating_sub(from.col));
    if rows > room_rows || cols > room_cols {
        return Err(words!(
            "{rows} × {cols} numbers were pasted, and from the chosen cell on there is room for {room_rows} × {room_cols}. Choose another cell, or paste under “Paste”.",
            "粘贴了 {rows} × {cols} 个数，而从所选单元格起只能放 {room_rows} × {room_cols} 个。请选择其他单元格，或在“粘贴”中粘贴。"
        ));
    }
    let most = limits::EDITS;
    let too_many = |count: usize| {
        words!(
            "{count} cells would be changed by hand, at most {most} can be: paste under “Paste” instead.",
            "将有 {count} 个单元格被手动修改，最多 {most} 个：请改在“粘贴”中粘贴。"
        )
    };
    if data.len() > most {
        return Err(too_many(data.len()));
    }
    let mut edits = lab.experiment.with_untracked(|e| e.edits.clone());
    for (at, value) in data.into_iter().enumerate() {
        let place = Place { row: from.row + at / cols, col: from.col + at % cols, ..from };
        cell::put(&mut edits, place, value, block.get(place.row, place.col));
    }
    if edits.len() > most {
        return Err(too_many(edits.len()));
    }
    lab.edit("edits.paste", |e| e.edits = edits);
    Ok(())
}
