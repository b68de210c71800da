//! The benchmark beside other libraries: has a page (`benches/peers/`) measure, and keeps what it measured.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;
use crate::page::Page;

/// A library, and the page itself, start as many threads as the browser names cores. A frame named `cores=2` is told two.
const CORES: &str = "const cores = /^cores=(\\d+)$/.exec(window.name)?.[1];
if (cores) Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => Number(cores), configurable: true });";

/// How often the page is asked; each time is a moment's work for it.
const LOOK: Duration = Duration::from_secs(2);

/// Runs with the configuration in a file (JSON, see `runner.js`) and writes the result, JSON too, to another.
///
/// # Errors
/// When the page can't measure at all; that one library can't is in the result.
pub async fn run(page: &Page, config: &str, result: &str) -> Result<()> {
    page.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": CORES })).await?;
    page.open("/").await?;
    page.wait_until("globalThis.benchmark").await?;
    let config: Value = serde_json::from_slice(&std::fs::read(config)?)?;
    page.js("benchmark.start(args[0])", vec![config]).await?;
    loop {
        tokio::time::sleep(LOOK).await;
        let taken = page.js("return benchmark.take()", vec![]).await?;
        for line in taken["lines"].as_array().into_iter().flatten() {
            println!("{}", line.as_str().unwrap_or_default());
        }
        if let Some(failure) = taken["failure"].as_str() {
            return Err(failure.into());
        }
        if taken["result"].is_object() {
            return Ok(std::fs::write(result, taken["result"].to_string())?);
        }
    }
}
