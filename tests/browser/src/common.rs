//! What the native tests of the engines use too: the table of problems, and who judges what is made of them.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared with programs that use other parts of it"
)]

#[path = "../../common/judge.rs"]
pub mod judge;
#[path = "../../common/table.rs"]
pub mod table;
