//! Arrow keys inside a group of which one member is in the tab order (the pattern of radio groups and tool bars).

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

/// Where an arrow key leads from member `now` of `count` when `columns` stand side by side; `None` for keys that do not move.
/// Left and right wrap around; up and down stay in their column and stop at the ends.
fn step(key: &str, now: usize, count: usize, columns: usize) -> Option<usize> {
    let columns = columns.max(1);
    Some(match key {
        "ArrowRight" => (now + 1) % count,
        "ArrowLeft" => (now + count - 1) % count,
        "ArrowDown" if columns == 1 => (now + 1) % count,
        "ArrowUp" if columns == 1 => (now + count - 1) % count,
        "ArrowDown" => {
            if now + columns < count {
                now + columns
            } else {
                now
            }
        }
        "ArrowUp" => now.checked_sub(columns).unwrap_or(now),
        "Home" => 0,
        "End" => count - 1,
        _ => return None,
    })
}

/// Moves the focus among the members with `role` inside the element that listens, and says which one has it now.
/// Columns are read from the layout: members of equal top stand side by side.
pub fn rove(event: &KeyboardEvent, role: &str) -> Option<usize> {
    if event.alt_key() || event.ctrl_key() || event.meta_key() {
        return None;
    }
    let group = event.current_target()?.dyn_into::<Element>().ok()?;
    let members = group.query_selector_all(&format!("[role={role}]")).ok()?;
    let members: Vec<HtmlElement> = (0..members.length()).filter_map(|i| members.item(i)?.dyn_into().ok()).collect();
    let focused = document().active_element()?;
    let now = members.iter().position(|m| m.is_same_node(Some(&focused)))?;
    let top = members.first()?.offset_top();
    let columns = members.iter().take_while(|m| m.offset_top() == top).count();
    // All in one line: up and down do what left and right do.
    let columns = if columns == members.len() { 1 } else { columns };
    let next = step(&event.key(), now, members.len(), columns)?;
    event.prevent_default();
    event.stop_propagation();
    // Focus fails only for an element that has just been taken away.
    let _ = members.get(next)?.focus();
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn rows_wrap_and_columns_stop() {
        assert_eq!(step("ArrowRight", 4, 5, 3), Some(0));
        assert_eq!(step("ArrowLeft", 0, 5, 3), Some(4));
        assert_eq!(step("ArrowDown", 1, 5, 3), Some(4));
        assert_eq!(step("ArrowDown", 2, 5, 3), Some(2));
        assert_eq!(step("ArrowUp", 1, 5, 3), Some(1));
        assert_eq!(step("ArrowUp", 0, 5, 1), Some(4));
        assert_eq!(step("End", 0, 5, 1), Some(4));
        assert_eq!(step("a", 0, 5, 1), None);
    }
}
