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
        let folder = std::env::temp_dir().join(format!("attention-audit-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let report = folder.join("report.json");
        let mut command = std::process::Command::new(&program);
        command.arg(format!("http://{address}/")).args(["--quiet", "--output=json"]).args(options);
        command.arg(format!("--output-path={}", report.display())).env("CHROME_PATH", browser.path());
        // Assets are the trace, beside the report.
        command.args(["--save-assets", "--only-categories=performance,accessibility,best-practices"]);
        command.arg("--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage").current_dir(root());
        shell::run(command)?;
        let read = |path: PathBuf| -> Result<Value> { Ok(serde_json::from_slice(&std::fs::read(path)?)?) };
        let (report, trace) = (read(report)?, read(folder.join("report-0.trace.json"))?);
        std::fs::remove_dir_all(&folder)?;
        println!("\n== {screen}");
        let (lines, kept) = told(&report);
        lines.iter().for_each(|line| println!("{line}"));
        println!("{}", worked(&trace, &report));
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

/// How long the page's thread itself worked in its longest task, on the machine that the report speaks of. A task's length counts what the thread waited for a core too,
/// and this browser has as many threads as the machine has cores, and more.
fn worked(trace: &Value, report: &Value) -> String {
    let slower = report["configSettings"]["throttling"]["cpuSlowdownMultiplier"].as_f64().unwrap_or(1.0);
    let events: Vec<&Value> = trace["traceEvents"].as_array().into_iter().flatten().collect();
    let thread = |event: &Value| Some((event["pid"].as_i64()?, event["tid"].as_i64()?));
    // Threads that read a page's text: of an empty page before this one too, which has less to do.
    let mut pages: BTreeMap<(i64, i64), Vec<f64>> = events
        .iter()
        .filter(|event| event["name"] == "ParseHTML")
        .filter_map(|e| Some((thread(e)?, Vec::new())))
        .collect();
    for task in events.iter().filter(|event| event["name"] == "RunTask") {
        if let Some((of, ms)) = thread(task).and_then(|at| pages.get_mut(&at)).zip(task["tdur"].as_f64()) {
            of.push(ms / 1000.0 * slower);
        }
    }
    let worked = pages.into_values().max_by_key(Vec::len).unwrap_or_default();
    let longest = worked.iter().fold(f64::NAN, |longest, ms| longest.max(*ms));
    let above = worked.iter().filter(|ms| **ms > LONG_MS).count();
    format!(
        "    of the thread's own work above {LONG_MS:.0} ms: {above} (the longest {longest:.0} ms of {} tasks)",
        worked.len()
    )
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

    #[test]
    fn work_is_the_page_s_thread_s_and_as_slow_as_the_machine_of_the_report() {
        let event = |name: &str, tid: i64, tdur: f64| json!({ "name": name, "pid": 7, "tid": tid, "tdur": tdur });
        let trace = json!({ "traceEvents": [
            event("RunTask", 2, 90_000.0), event("ParseHTML", 3, 1.0), event("RunTask", 3, 99_000.0), event("ParseHTML", 1, 1.0), event("RunTask", 1, 13_000.0), event("RunTask", 1, 5_000.0),
        ] });
        let report = |slower: f64| json!({ "configSettings": { "throttling": { "cpuSlowdownMultiplier": slower } } });
        assert!(worked(&trace, &report(4.0)).ends_with("50 ms: 1 (the longest 52 ms of 2 tasks)"));
        assert!(worked(&trace, &report(1.0)).ends_with("50 ms: 0 (the longest 13 ms of 2 tasks)"));
        assert!(worked(&json!({}), &json!({})).ends_with("0 (the longest NaN ms of 0 tasks)"));
    }
}
