//! `cargo xtask audit`: Lighthouse over the page as a host sends it, compressed, on a phone's screen and on a desk's. What it measures is printed; times differ from machine to
//! machine and are asserted nowhere. What is no time (accessibility, best practices) has to keep to its mark.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::{Result, browser, refuse_rest, root, serve, shell, size, tools};

/// What each category should have at least, and whether it depends on the machine.
const CATEGORIES: [(&str, bool); 3] = [("performance", true), ("accessibility", false), ("best-practices", false)];
const MARK: f64 = 0.95;

/// The screens that Lighthouse knows: its own arguments.
const SCREENS: [(&str, &[&str]); 2] = [("phone, slowed down", &[]), ("desk", &["--preset=desktop"])];

/// Numbers that are printed.
const FIGURES: [&str; 6] = [
    "first-contentful-paint",
    "largest-contentful-paint",
    "speed-index",
    "total-blocking-time",
    "max-potential-fid",
    "cumulative-layout-shift",
];

/// A task of the page's thread that is longer than this, milliseconds, is one that a person may notice.
const LONG_MS: f64 = 50.0;

/// `cargo xtask audit`.
pub fn command(args: &[String]) -> Result<bool> {
    refuse_rest(args)?;
    let dist = root().join("dist");
    if !dist.join("index.html").is_file() {
        return Err("there is no dist/: run cargo xtask build".into());
    }
    let browser = browser::find_or_install()?;
    let program = tools::lighthouse()?;
    println!("  compressing what is sent");
    let encoded = Arc::new(compressed(&dist)?);
    let (address, _) = serve::start(serve::Site { folder: dist, prefixes: &["/"], encoded, ..serve::Site::default() })?;
    let mut good = true;
    for (screen, options) in SCREENS {
        let report = std::env::temp_dir().join(format!("attention-audit-{}.json", std::process::id()));
        let mut command = std::process::Command::new(&program);
        command.arg(format!("http://{address}/")).args(["--quiet", "--output=json"]).args(options);
        command.arg(format!("--output-path={}", report.display())).env("CHROME_PATH", browser.path());
        command.arg("--only-categories=performance,accessibility,best-practices");
        command.arg("--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage").current_dir(root());
        shell::run(command)?;
        let read: Value = serde_json::from_slice(&std::fs::read(&report)?)?;
        std::fs::remove_file(&report)?;
        println!("\n== {screen}");
        let (lines, kept) = told(&read);
        lines.iter().for_each(|line| println!("{line}"));
        good &= kept;
    }
    Ok(good)
}

/// Files of the page with brotli, as hosts send them: not those of captures, whose type hosts take for compressed.
fn compressed(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.append(&mut compressed(&path)?);
            continue;
        }
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        if matches!(kind, "html" | "js" | "css" | "wasm" | "json" | "svg" | "webmanifest") {
            let bytes = size::brotli(&std::fs::read(&path)?, 9)?;
            all.insert(path, bytes);
        }
    }
    Ok(all)
}

/// What a report says, and whether the categories that no machine makes slow are good enough.
fn told(report: &Value) -> (Vec<String>, bool) {
    let mut lines = Vec::new();
    let mut kept = true;
    for (name, by_machine) in CATEGORIES {
        let score = report["categories"][name]["score"].as_f64().unwrap_or(f64::NAN);
        // A score that is missing is not good enough either.
        let good = score >= MARK;
        kept &= good || by_machine;
        lines.push(format!("{name:<28}{:>6.0}{}", score * 100.0, if good { "" } else { "   below 95" }));
        lines.extend(lost(report, name));
    }
    for name in FIGURES {
        let text = report["audits"][name]["displayValue"].as_str().unwrap_or("not measured");
        lines.push(format!("{name:<28}{text:>12}"));
    }
    let tasks = &report["audits"]["long-tasks"]["details"]["items"];
    let long = |task: &Value| task["duration"].as_f64().is_some_and(|ms| ms > LONG_MS);
    let long: Vec<&Value> = tasks.as_array().into_iter().flatten().filter(|task| long(task)).collect();
    lines.push(format!("tasks above {LONG_MS:.0} ms           {:>5}", long.len()));
    for task in long {
        let number = |name: &str| task[name].as_f64().unwrap_or(f64::NAN);
        let source = task["url"].as_str().unwrap_or("unknown");
        lines.push(format!("    {:>6.0} ms at {:>6.0} ms: {source}", number("duration"), number("startTime")));
    }
    let shifts = &report["audits"]["layout-shifts"]["details"]["items"];
    for shift in shifts.as_array().into_iter().flatten() {
        let what = shift["node"]["selector"].as_str().unwrap_or("the whole page");
        lines.push(format!("    moved by {:.3}: {what}", shift["score"].as_f64().unwrap_or(f64::NAN)));
    }
    (lines, kept)
}

/// The audits that cost a category points.
fn lost(report: &Value, category: &str) -> Vec<String> {
    let audits = report["categories"][category]["auditRefs"].as_array().into_iter().flatten();
    let of = |audit: &Value| {
        let found = &report["audits"][audit["id"].as_str()?];
        let counts = audit["weight"].as_f64() > Some(0.0) && found["score"].as_f64() < Some(MARK);
        let title = found["title"].as_str().filter(|_| counts && found["score"].is_number())?;
        Some(format!("    {title} ({:.0})", found["score"].as_f64()? * 100.0))
    };
    audits.filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(accessibility: f64) -> Value {
        json!({
            "categories": {
                "performance": { "score": 0.5, "auditRefs": [{ "id": "slow", "weight": 10 }, { "id": "fast", "weight": 10 }, { "id": "told", "weight": 0 }] },
                "accessibility": { "score": accessibility, "auditRefs": [] },
                "best-practices": { "score": 1, "auditRefs": [] },
            },
            "audits": {
                "slow": { "score": 0.4, "title": "It is slow" }, "fast": { "score": 1, "title": "It is fast" }, "told": { "score": 0, "title": "It is told" },
                "total-blocking-time": { "displayValue": "30 ms" },
                "long-tasks": { "details": { "items": [{ "url": "a.js", "duration": 80.0, "startTime": 100.0 }, { "url": "b.js", "duration": 40.0, "startTime": 1.0 }] } },
            },
        })
    }

    #[test]
    fn times_are_told_and_the_rest_has_to_be_good() {
        let (lines, good) = told(&report(0.95));
        assert!(good, "performance is the machine's");
        let text = lines.join("\n");
        for part in ["below 95", "It is slow (40)", "30 ms", "80 ms at    100 ms: a.js", "not measured"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("b.js") && !text.contains("It is fast") && !text.contains("It is told"));
        assert!(!told(&report(0.9)).1 && !told(&json!({})).1);
    }
}
