//! Any bytes as what a packed link inflates to: text alone hardly ever gets through base64 and deflate, so `link` does not reach the reader of bytes.
#![no_main]

use attention_playground::experiment::{check, decode, encode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|plain: &[u8]| {
    let link = format!("v1~{}", URL_SAFE_NO_PAD.encode(miniz_oxide::deflate::compress_to_vec(plain, 1)));
    let opened = decode(&link);
    assert_eq!(check(&opened.experiment), Ok(()));
    let again = decode(&encode(&opened.experiment));
    assert!(again.problems.is_empty());
    assert_eq!(again.experiment, opened.experiment);
});
