//! Any text as a link: it opens as something valid, its text is kept, and what it opened as comes back from its own link.
#![no_main]

use attention_playground::experiment::{check, decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let opened = decode(text);
    assert_eq!(check(&opened.experiment), Ok(()));
    assert_eq!(opened.raw, text);
    let again = decode(&encode(&opened.experiment));
    assert!(again.problems.is_empty());
    assert_eq!(again.experiment, opened.experiment);
});
