//! What the first view downloads, file by file, as it is on disk and as a host with brotli sends it: a browser opens the page, and what it
//! asked for until the first result is shown is counted.

use std::fs;
use std::path::Path;

use crate::{Result, refuse_rest, root, test};

/// What the first view may download at most, brotli 11, in bytes.
const LIMIT: usize = 400 * 1000;

/// The size of one file.
struct Entry {
    name: String,
    raw: usize,
    brotli: usize,
}

/// `cargo xtask size`.
pub fn command(args: &[String]) -> Result<bool> {
    refuse_rest(args)?;
    report(&root().join("dist"))
}

/// Prints the table; says whether the total is within the limit.
///
/// # Errors
/// When the page does not come to its first result.
pub fn report(dist: &Path) -> Result<bool> {
    let mut entries = Vec::new();
    for path in test::first_view()? {
        let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = path.strip_prefix(dist).unwrap_or(&path).display().to_string();
        entries.push(Entry { name, raw: bytes.len(), brotli: brotli(&bytes, 11)?.len() });
    }
    let (raw, compressed) = entries.iter().fold((0, 0), |sum, e| (sum.0 + e.raw, sum.1 + e.brotli));
    entries.push(Entry { name: "first view".into(), raw, brotli: compressed });
    println!("{:<44}{:>12}{:>12}", "file", "bytes", "brotli 11");
    for entry in &entries {
        println!("{:<44}{:>12}{:>12}", entry.name, entry.raw, entry.brotli);
    }
    println!("limit of the first view, brotli: {LIMIT}");
    Ok(compressed < LIMIT)
}

/// Bytes as a host with brotli sends them.
///
/// # Errors
/// None that memory does not make.
pub fn brotli(bytes: &[u8], quality: i32) -> Result<Vec<u8>> {
    let parameters =
        brotli::enc::BrotliEncoderParams { quality, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut out, &parameters)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn repetition_compresses() {
        assert!(brotli(&[7; 10_000], 11).unwrap().len() < 50);
    }
}
