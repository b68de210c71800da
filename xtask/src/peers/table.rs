//! What was measured, as Markdown between two marks of docs/benchmarks.md.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use super::{Config, OURS};
use crate::Result;

/// Between this line, of an engine, and the next one like [`END`] the file is the tool's.
fn begin(engine: &str) -> String {
    let option = if engine == "cpu" { String::new() } else { format!(" --engine {engine}") };
    format!("<!-- written by `cargo xtask bench peers{option}` from here -->")
}
const END: &str = "<!-- to here -->";

/// Heads and their size (`problem.js`).
const HEADS: f64 = 8.0;
const SIZE: f64 = 64.0;

/// What the page that measures says.
#[derive(Debug, Deserialize)]
pub struct Measured {
    /// When it was done, in ISO 8601.
    pub date: String,
    /// Whether threads were allowed.
    pub isolated: bool,
    /// What the browser says of its GPU, where that computed.
    #[serde(default)]
    pub adapter: Option<String>,
    pub peak: Peak,
    /// The part of the peak at which a sample counts.
    pub undisturbed: f64,
    pub cases: Vec<Case>,
}

/// The best that one core did in the loop of multiply-adds.
#[derive(Debug, Deserialize)]
pub struct Peak {
    pub gflops: f64,
    /// Whether each was one instruction.
    pub fused: bool,
    /// How many times that so many threads did together, in a measurement of its own.
    #[serde(default)]
    pub gains: BTreeMap<u32, f64>,
}

/// One peer in one form on one problem.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Case {
    pub peer: String,
    pub form: String,
    pub threads: u32,
    pub n: u32,
    pub mask: String,
    /// Milliseconds: median and quartiles.
    pub ms: f64,
    pub low: f64,
    pub high: f64,
    /// The part in kernels, where it is told.
    pub kernel_ms: Option<f64>,
    /// The largest absolute error against double precision.
    pub error: f64,
    /// Too few samples were taken while the machine was at its peak.
    pub noisy: bool,
    /// Why there are no figures.
    pub failure: Option<String>,
}

/// Where it was measured.
pub struct About {
    pub machine: String,
    pub browser: String,
    pub versions: Vec<String>,
    /// Average load of the minute before the first and before the last sample.
    pub load: [Option<f64>; 2],
}

/// The text that goes between the marks.
pub fn write(config: &Config, measured: &Measured, about: &About) -> String {
    let mut text = heading(config, measured, about);
    for mask in &config.masks {
        for &threads in &config.threads {
            let title = if mask == "none" { "No mask" } else { "Causal" };
            let on = match (&measured.adapter, threads) {
                (Some(_), _) => "WebGPU".to_owned(),
                (None, 1) => "1 thread".to_owned(),
                (None, _) => format!("{threads} threads"),
            };
            let _ = write!(text, "\n### {title}, {on}\n\n");
            text.push_str(&one_table(config, measured, mask, threads));
        }
    }
    let cases = |filter: fn(&Case) -> bool| measured.cases.iter().filter(move |case| filter(case));
    if cases(|case| case.noisy).next().is_some() {
        text.push_str("\n\\* fewer than three samples were undisturbed: figures of a busy machine.\n");
    }
    let mut failures: Vec<String> = Vec::new();
    for case in cases(|case| case.failure.is_some()) {
        let why = case.failure.as_deref().unwrap_or_default().replace(['|', '<', '`'], " ");
        let (n, mask, threads) = (case.n, &case.mask, case.threads);
        let threads = if measured.adapter.is_some() { String::new() } else { format!(", threads {threads}") };
        failures.push(format!(
            "- {}, {}, n = {n}, mask {mask}{threads}: {why}\n",
            named(config, &case.peer),
            case.form
        ));
    }
    if !failures.is_empty() {
        let _ = write!(text, "\nWithout a result:\n\n{}", failures.concat());
    }
    text
}

fn heading(config: &Config, measured: &Measured, about: &About) -> String {
    let day = measured.date.split('T').next().unwrap_or_default();
    let load = about.load.map(|load| load.map_or_else(|| "unknown".to_owned(), |load| format!("{load:.1}")));
    let kind = if measured.peak.fused { "fused multiply-adds" } else { "multiplications and additions" };
    let worst = measured.cases.iter().map(|case| case.error).fold(0.0, f64::max);
    let part = 100.0 * measured.undisturbed;
    let (on, adapter) = match &measured.adapter {
        Some(name) => (" on WebGPU", format!(" WebGPU adapter: {name}.")),
        None => ("", String::new()),
    };
    let share = if measured.adapter.is_some() { "" } else { "the peak is one core's times the threads; " };
    format!(
        "## This page beside other libraries{on}, {day}\n\n\
         {}. {}. {}.{adapter} Load average before {}, after {}. Seed {}. One core's peak, the best of {kind} in registers in this run: \
         {:.1} GFLOP/s.\n\n\
         8 heads of 64, float32. One visit of one page, every library in a frame of its own, cases in an order thrown anew for \
         each round; {} samples of each, fewer of slow ones. Times are of a whole call, typed arrays to typed array, copies \
         included: median of the samples [quartiles] in ms; behind it the library's time divided by this page's. A sample counts \
         when one core did at least {part:.0} % of its peak just before and just after it. Every output was compared with \
         attention in double precision; the largest error of those listed is {worst:.0e}. GFLOP/s are as if dense \
         (4·H·n²·D), {share}\
         the time in kernels is that of the slowest worker.\n",
        about.machine,
        about.browser,
        about.versions.join(", "),
        load[0],
        load[1],
        config.seed,
        measured.peak.gflops,
        config.samples,
    )
}

fn named<'a>(config: &'a Config, id: &'a str) -> &'a str {
    config.peers.iter().find(|peer| peer.id == id).map_or(id, |peer| &peer.name)
}

/// Rows of peers, columns of sizes.
fn one_table(config: &Config, measured: &Measured, mask: &str, threads: u32) -> String {
    let find = |peer: &str, form: &str, n: u32| {
        let here = measured.cases.iter().filter(|case| case.mask == mask && case.threads == threads && case.n == n);
        here.into_iter().find(|case| case.peer == peer && case.form == form)
    };
    let figures = |peer: &str, form: &str, n: u32| find(peer, form, n).filter(|case| case.failure.is_none());
    let own_form = config.peers.iter().find(|peer| peer.id == OURS).and_then(|peer| peer.forms.first());
    let own = |n: u32| figures(OURS, own_form?, n);

    let mut text = String::from("| |");
    config.n.iter().for_each(|n| text.push_str(&format!(" n = {n} |")));
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(config.n.len()));
    text.push('\n');
    for peer in &config.peers {
        for form in &peer.forms {
            row(&mut text, &format!("{}, {form}", peer.name), &config.n, |n| {
                let Some(case) = figures(&peer.id, form, n) else { return "no result".to_owned() };
                let ratio = own(n).filter(|_| peer.id != OURS).map(|own| format!(" **{:.2}×**", case.ms / own.ms));
                format!("{}{}", times(case), ratio.unwrap_or_default())
            });
        }
    }
    let absent = || "–".to_owned();
    row(&mut text, "this page, in kernels", &config.n, |n| {
        own(n).and_then(|case| case.kernel_ms).map_or_else(absent, digits)
    });
    row(&mut text, "this page, GFLOP/s", &config.n, |n| own(n).map_or_else(absent, |case| speed(case, measured, mask)));
    if let Some(bare) = measured.peak.gains.get(&threads).filter(|_| threads > 1 && measured.adapter.is_none()) {
        let alone = |n: u32| {
            let mut here = measured.cases.iter().filter(|case| case.mask == mask && case.threads == 1 && case.n == n);
            here.find(|case| case.peer == OURS && case.failure.is_none())
        };
        row(&mut text, &format!("this page, times 1 thread (the bare loop {bare:.2})"), &config.n, |n| {
            let gain = own(n).zip(alone(n)).map(|(own, alone)| alone.ms / own.ms);
            gain.map_or_else(absent, |gain| format!("{gain:.2} (**{:.2}** of the loop's)", gain / bare))
        });
    }
    text
}

fn row(text: &mut String, name: &str, sizes: &[u32], cell: impl Fn(u32) -> String) {
    let cells: Vec<String> = sizes.iter().map(|n| cell(*n)).collect();
    let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
}

fn times(case: &Case) -> String {
    let mark = if case.noisy { "\\*" } else { "" };
    format!("{}{mark} [{}, {}]", digits(case.ms), digits(case.low), digits(case.high))
}

/// Three digits, or as many as stand before the point.
fn digits(value: f64) -> String {
    let after = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.after$}")
}

/// As if dense; where nothing can be left out, also as a part of what the cores can do at most.
fn speed(case: &Case, measured: &Measured, mask: &str) -> String {
    let n = f64::from(case.n);
    let gflops = 4.0 * HEADS * n * n * SIZE / case.ms / 1e6;
    let part = 100.0 * gflops / (measured.peak.gflops * f64::from(case.threads));
    if mask == "none" && measured.adapter.is_none() {
        format!("{gflops:.1} ({part:.0} % of the peak)")
    } else {
        format!("{gflops:.1}")
    }
}

/// Puts the text between an engine's marks of a file.
///
/// # Errors
/// When the file lacks a mark.
pub fn insert(file: &str, engine: &str, text: &str) -> Result<String> {
    let begin = begin(engine);
    let parts = file.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("docs/benchmarks.md lacks the lines {begin:?} and {END:?}"))?;
    Ok(format!("{before}{begin}\n\n{}\n\n{END}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::Peer;
    use super::*;

    fn peer(id: &str, name: &str, form: &str) -> Peer {
        Peer { id: id.into(), engine: "cpu".into(), name: name.into(), package: None, forms: vec![form.into()] }
    }

    fn example() -> (Config, Measured) {
        let peers = vec![peer(OURS, "this page", "streaming"), peer("slow", "Slow", "loop"), peer("bad", "Bad", "x")];
        let (n, masks, threads) = (vec![512], vec!["none".to_owned()], vec![2]);
        let config = Config { engine: "cpu".into(), peers, n, masks, threads, samples: 9, seed: 1 };
        let case = |peer: &str, form: &str, ms: f64| Case {
            peer: peer.into(),
            form: form.into(),
            threads: 2,
            n: 512,
            mask: "none".into(),
            ms,
            low: ms,
            high: ms,
            ..Case::default()
        };
        let failed = Case { failure: Some("wrong output: off by 3.2".into()), ..case("bad", "x", 0.0) };
        let cases = vec![
            Case { kernel_ms: Some(12.0), ..case(OURS, "streaming", 13.4217728) },
            case("slow", "loop", 40.2653184),
            failed,
        ];
        let peak = Peak { gflops: 50.0, fused: true, gains: [(1, 1.0), (2, 1.9)].into() };
        (
            config,
            Measured {
                date: "2026-11-21T22:00:00Z".into(),
                isolated: true,
                adapter: None,
                peak,
                undisturbed: 0.85,
                cases,
            },
        )
    }

    fn written() -> String {
        let (config, measured) = example();
        let load = [Some(0.5), None];
        write(
            &config,
            &measured,
            &About { machine: "M".into(), browser: "B 1".into(), versions: vec!["s 2".into()], load },
        )
    }

    #[test]
    fn ratios_and_shares_follow_from_the_times() {
        let text = written();
        assert!(text.contains("| this page, streaming | 13.4 [13.4, 13.4] |\n"), "{text}");
        assert!(text.contains("| Slow, loop | 40.3 [40.3, 40.3] **3.00×** |\n"), "{text}");
        assert!(text.contains("| this page, in kernels | 12.0 |\n"), "{text}");
        // 4·8·512²·64 operations in 13.4 ms are 40 GFLOP/s, of twice 50.
        assert!(text.contains("| this page, GFLOP/s | 40.0 (40 % of the peak) |\n"), "{text}");
        assert!(text.contains("Load average before 0.5, after unknown") && text.contains("2026-11-21\n"), "{text}");
        assert!(text.contains("at least 85 % of its peak"), "{text}");
    }

    #[test]
    fn what_threads_gain_is_told_beside_what_the_bare_loop_gains() {
        let (config, mut measured) = example();
        measured.cases.push(Case {
            peer: OURS.into(),
            form: "streaming".into(),
            threads: 1,
            n: 512,
            mask: "none".into(),
            ms: 24.0,
            ..Case::default()
        });
        let about = About { machine: "M".into(), browser: "B 1".into(), versions: vec![], load: [None; 2] };
        let text = write(&config, &measured, &about);
        // 24 ms with one, 13.4 with two.
        assert!(
            text.contains("| this page, times 1 thread (the bare loop 1.90) | 1.79 (**0.94** of the loop's) |\n"),
            "{text}"
        );
    }

    #[test]
    fn on_a_gpu_there_are_no_threads_and_no_peak_of_cores() {
        let (config, mut measured) = example();
        measured.adapter = Some("Maker, model".into());
        let about = About { machine: "M".into(), browser: "B 1".into(), versions: vec![], load: [None; 2] };
        let text = write(&config, &measured, &about);
        assert!(text.contains("### No mask, WebGPU\n") && text.contains("adapter: Maker, model."), "{text}");
        assert!(text.contains("| this page, GFLOP/s | 40.0 |\n") && !text.contains("thread"), "{text}");
    }

    #[test]
    fn what_failed_is_in_the_table_and_says_why() {
        let text = written();
        assert!(text.contains("| Bad, x | no result |"), "{text}");
        assert!(text.contains("- Bad, x, n = 512, mask none, threads 2: wrong output: off by 3.2\n"), "{text}");
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let (cpu, gpu) = (begin("cpu"), begin("webgpu"));
        let rest = format!("after\n{gpu}\nother\n{END}\n");
        let file = format!("before\n{cpu}\nold\n{END}\n{rest}");
        let once = insert(&file, "cpu", "new\n").unwrap();
        assert_eq!(once, format!("before\n{cpu}\n\nnew\n\n{END}\n{rest}"));
        assert_eq!(insert(&once, "cpu", "new").unwrap(), once);
        let both = insert(&once, "webgpu", "newer").unwrap();
        assert_eq!(both, format!("before\n{cpu}\n\nnew\n\n{END}\nafter\n{gpu}\n\nnewer\n\n{END}\n"));
        assert!(insert("nothing", "cpu", "new").is_err());
        let docs = std::fs::read_to_string(crate::root().join("docs/benchmarks.md")).unwrap();
        assert!(insert(&docs, "cpu", "new").is_ok() && insert(&docs, "webgpu", "new").is_ok());
    }
}
