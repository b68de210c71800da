//! Selections: which of the allowed keys a query looks at, by what they hold.

use super::content::{Content, ContentEntry};
use super::entry::Text;

/// What the page opens with.
const ENTRIES: &[ContentEntry] = &[ContentEntry {
    id: "none",
    name: Text::new("Every allowed key", "全部允许的键"),
    about: Text::new("Nothing is selected: the mask alone decides.", "不做选择，只由掩码决定。"),
    formula: "true",
    content: Content::NONE,
    params: &[],
    scale: None,
    paper: None,
    ours: None,
}];

/// What it fetches when somebody looks for more.
const MORE: &[ContentEntry] = &[];

/// What the page opens with.
pub(super) fn first() -> &'static [ContentEntry] {
    ENTRIES
}

/// Every selection.
pub(super) fn whole() -> Vec<ContentEntry> {
    [ENTRIES, MORE].concat()
}
