//! `cargo xtask test`: every check there is, counted; the last line is `N passed, M failed`, and how many could not be run here if there are any.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use crate::checks::{self, Checks, Silent, Tally, silent, tally};
use crate::python::{self, Python};
use crate::{Result, browser, peers, root, serve, shell, size, take_flag, take_value, tools};

/// The page is also served from here, to show that it does not care where it lies.
const PREFIXES: &[&str] = &["/", "/some/sub/path/"];

/// `cargo xtask test [--full] [filter]`.
pub fn command(args: &[String]) -> Result<bool> {
    let mut args = args.to_vec();
    let full = take_flag(&mut args, "--full");
    let filter = filter(args)?;
    let start = shell::now();
    let mut checks = Checks::default();
    let page = beside();
    if filter.is_none() {
        static_checks(&mut checks);
    }
    if filter.is_none() {
        types(&mut checks);
    }
    tools::for_gpu_tests();
    // With a filter either kind of test may have none that match, but not both.
    let some = usize::from(filter.is_none());
    let said = std::env::temp_dir().join(format!("attention-not-run-{}", std::process::id()));
    let mut without_gpu = Silent::default();
    checks.tests("native tests", some, || {
        let (ok, ran) = native(filter.as_deref(), full, &said)?;
        without_gpu = silent(&std::fs::read_to_string(&said).unwrap_or_default());
        // They ended well, and checked nothing.
        Ok((ok, Tally { passed: ran.passed.saturating_sub(without_gpu.whole.len()), ..ran }))
    });
    drop(std::fs::remove_file(&said));
    without_gpu.tell(&mut checks);
    if filter.is_none() {
        checks.tests("documentation tests", 0, documentation);
    }
    exports(&mut checks, filter.as_deref());
    let built = checks.step("build the page", || page?.wait().map(|()| true));
    if built {
        in_browsers(&mut checks, filter.as_deref(), full, some);
    } else {
        checks.step("browser tests", || Err("cannot run: there is no page to test".into()));
    }
    if filter.is_none() {
        checks.step("size of the first view", || match built {
            true => size::report(&root().join("dist")),
            false => Err("cannot run: there is no page to measure".into()),
        });
    }
    if let (Some(word), 1) = (&filter, checks.total()) {
        checks.step("filter", || Err(format!("no test's name contains {word:?}").into()));
    }
    println!("\nall of it took {}", shell::human(start.elapsed()));
    Ok(checks.finish())
}

/// Begins to build the page: the linker works on it for minutes, on one core, while the checks that need no page run on the others. What it needs is installed
/// before, since two that install at once are in each other's way.
fn beside() -> Result<shell::Beside> {
    println!("Tools");
    tools::for_building()?;
    println!("The page is being built beside the first checks; what that prints comes after them.");
    Ok(shell::beside(shell::command(std::env::current_exe()?, &["build"])))
}

/// `cargo xtask browser [--full] [--in chromium|firefox|webkit] [filter]`.
pub fn browser_command(args: &[String]) -> Result<bool> {
    let mut args = args.to_vec();
    let full = take_flag(&mut args, "--full");
    let wanted = take_value(&mut args, "--in")?.unwrap_or_else(|| "chromium".to_owned());
    let kind = browser::KINDS.into_iter().find(|kind| kind.name == wanted);
    let kind = kind.ok_or_else(|| format!("--in wants chromium, firefox or webkit, not {wanted:?}"))?;
    let filter = filter(args)?;
    Ok(drive(kind, filter.as_deref(), full)?.ok)
}

/// The end-to-end tests: in Chromium, and with `--full` in the other browsers too. One that is not there and can't be installed is not run, and that is said.
fn in_browsers(checks: &mut Checks, filter: Option<&str>, full: bool, some: usize) {
    for (at, kind) in browser::KINDS.into_iter().enumerate().take(if full { browser::KINDS.len() } else { 1 }) {
        let name = format!("browser tests in {}", kind.name);
        if at > 0
            && let Err(error) = kind.find_or_install()
        {
            checks.not_run(&name, &error.to_string());
            continue;
        }
        let mut left_out = Vec::new();
        // With a filter WebKit's few may be none of those that match.
        checks.tests(&name, if at == 0 { some } else { 0 }, || {
            let drove = drive(kind, filter, full)?;
            left_out = checks::left_out(&drove.output);
            Ok((drove.ok, tally(&drove.output)))
        });
        checks.all_not_run(left_out.into_iter().map(|(name, _)| name));
    }
}

/// `cargo xtask exports`.
pub fn exports_command(args: &[String]) -> Result<bool> {
    crate::refuse_rest(args)?;
    let mut checks = Checks::default();
    exports(&mut checks, None);
    Ok(checks.finish())
}

/// `cargo xtask bench` and `cargo xtask bench peers`.
pub fn bench_command(args: &[String]) -> Result<bool> {
    if let [first, rest @ ..] = args
        && first == "peers"
    {
        return peers::command(rest);
    }
    crate::refuse_rest(args)?;
    Ok(drive(&browser::CHROMIUM, Some("--bench"), false)?.ok)
}

fn filter(mut args: Vec<String>) -> Result<Option<String>> {
    let filter = if args.is_empty() { None } else { Some(args.remove(0)) };
    crate::refuse_rest(&args)?;
    Ok(filter.filter(|word| !word.starts_with('-')))
}

fn static_checks(checks: &mut Checks) {
    // The checks below fail by themselves without them.
    if let Err(error) = tools::for_checking() {
        println!("{error}");
    }
    checks.step("format", || ok(&["fmt", "--all", "--check"]));
    checks.step("lints, native", || {
        ok(&["clippy", "--workspace", "--all-targets", "--features", "gpu", "--locked", "--", "-D", "warnings"])
    });
    checks.step("lints, page and workers", || {
        let what = ["clippy", "--locked", "--lib", "--bin", "app", "--features", "app"];
        ok(&[&what[..], &["--target", "wasm32-unknown-unknown", "--", "-D", "warnings"]].concat())
    });
    checks.step("lints, the GPU's worker", || {
        let what = ["clippy", "--locked", "--lib", "--bin", "gpu", "--features", "gpu,web"];
        ok(&[&what[..], &["--target", "wasm32-unknown-unknown", "--", "-D", "warnings"]].concat())
    });
}

/// The published types of the JavaScript API, by a program that uses all of them. Without a compiler this is not checked, and said.
fn types(checks: &mut Checks) {
    match tools::typescript() {
        Ok(compiler) => {
            let project = root().join("tests/types");
            checks.step("types of the JavaScript API", || {
                let mut compile = std::process::Command::new(compiler);
                compile.arg("--project").arg(project);
                shell::run(compile).map(|()| true)
            });
        }
        Err(error) => println!("\n== types of the JavaScript API: NOT CHECKED, there is no TypeScript here: {error}"),
    }
}

fn ok(args: &[&str]) -> Result<bool> {
    shell::run(shell::command("cargo", args)).map(|()| true)
}

/// The packages, tested apart: together, cargo would turn on the features that any of them asks of a shared dependency. The page's package would be tested
/// with another serde_json than the page has; and the two programs here, which are also run, each by itself, would have everything compiled once for that and
/// once for their tests. What else is in a package (an example, benches) is compiled by the lints: here it would want the library a second time.
const PACKAGES: [&[&str]; 3] = [
    &["-p", "attention-playground", "--features", "gpu", "--lib"],
    &["-p", "xtask", "--bins"],
    &["-p", "browser-tests", "--bins"],
];

/// Every native test of the workspace; `--full` adds the ignored ones and lets the property tests try more cases. Tests that find no GPU write
/// that into the file `said`.
fn native(filter: Option<&str>, full: bool, said: &Path) -> Result<(bool, Tally)> {
    let nextest = shell::read(shell::command("cargo", &["nextest", "--version"])).is_some();
    let (mut all_ok, mut sum) = (true, Tally::default());
    for packages in PACKAGES {
        let mut command = if nextest {
            // A filter may well leave a package without tests; that some ran is checked over all.
            shell::command("cargo", &["nextest", "run", "--status-level", "slow", "--no-tests", "pass"])
        } else {
            shell::command("cargo", &["test"])
        };
        command.args(["--locked", "--no-fail-fast"]).args(packages).args(filter).env("ATTENTION_NOT_RUN", said);
        if full {
            command.env("PROPTEST_CASES", "20000");
            // Those that need a Python are a step of their own; PyTorch is not installed here.
            command.args(match nextest {
                true => &["--run-ignored", "all", "-E", "not test(/^native::exports::(python|torch)_/)"][..],
                false => &["--", "--include-ignored", "--skip", "python_", "--skip", "torch_"],
            });
        }
        let (ok, output) = shell::run_and_read(command)?;
        let ran = tally(&output);
        all_ok &= ok;
        sum = Tally { passed: sum.passed + ran.passed, failed: sum.failed + ran.failed };
    }
    Ok((all_ok, sum))
}

/// Exported scripts, run by a Python of the project's own; what cannot be run is said and counted as that.
fn exports(checks: &mut Checks, filter: Option<&str>) {
    // The tests that a filter keeps are asked for by their whole names.
    let wanted = |name: &str| filter.is_none_or(|word| name.contains(word));
    let tests = [
        ("numpy", "native::exports::python_numpy_computes_what_the_page_does"),
        ("numpy", "native::exports::python_numpy_makes_the_same_bits"),
        ("jax", "native::exports::python_jax_computes_what_the_page_does"),
        ("onnx", "native::exports::python_onnx_computes_what_the_page_does"),
    ];
    let mut left: Vec<(&str, &str)> = tests.into_iter().filter(|(_, test)| wanted(test)).collect();
    if left.is_empty() {
        return;
    }
    let Python { program, missing } = match python::for_exports() {
        Ok(python) => python,
        Err(error) => {
            return left.iter().for_each(|(module, _)| {
                checks.not_run(&format!("exported scripts with {module}"), &error.to_string());
            });
        }
    };
    for (module, why) in missing {
        // Every script begins with NumPy.
        let (gone, rest) = left.into_iter().partition(|(other, _)| module == "numpy" || *other == module);
        left = rest;
        let gone: Vec<(&str, &str)> = gone;
        gone.iter().for_each(|(module, _)| checks.not_run(&format!("exported scripts with {module}"), &why));
    }
    if left.is_empty() {
        return;
    }
    checks.tests("exported scripts", left.len(), || {
        let what = ["test", "--locked", "-p", "attention-playground", "--features", "gpu", "--lib", "--"];
        let mut command = shell::command("cargo", &[&what[..], &["--ignored", "--exact", "--nocapture"]].concat());
        command.args(left.iter().map(|(_, test)| test)).env("ATTENTION_PYTHON", &program);
        let (ok, output) = shell::run_and_read(command)?;
        Ok((ok, tally(&output)))
    });
}

/// The examples in doc comments, which nextest does not run. The library is compiled anew for them, so only where there are some.
fn documentation() -> Result<(bool, Tally)> {
    if !sources(&root().join("src"))?.iter().any(|text| has_example(text)) {
        println!("no doc comment has an example");
        return Ok((true, Tally::default()));
    }
    let (ok, output) = shell::run_and_read(shell::command("cargo", &["test", "--doc", "--locked"]))?;
    Ok((ok, tally(&output)))
}

/// Whether a doc comment of a source holds Rust to be run; blocks of `text` and of other languages are for reading.
fn has_example(source: &str) -> bool {
    let mut inside = false;
    source.lines().any(|line| {
        let text = line.trim_start();
        let Some(tag) = text.strip_prefix("/// ```").or_else(|| text.strip_prefix("//! ```")) else { return false };
        inside = !inside;
        inside && matches!(tag.trim(), "" | "rust" | "no_run" | "should_panic" | "compile_fail")
    })
}

/// The texts of all sources under a folder.
fn sources(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            texts.extend(sources(&path)?);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            texts.push(std::fs::read_to_string(&path)?);
        }
    }
    Ok(texts)
}

/// The files that a newcomer's browser fetches until the page shows its first result, and a little longer.
///
/// # Errors
/// When the page does not come so far.
pub fn first_view() -> Result<Vec<PathBuf>> {
    let drove = drive(&browser::CHROMIUM, Some("--first-view"), false)?;
    if drove.ok { Ok(drove.files) } else { Err("the page did not show its first result".into()) }
}

/// How a run of the browser program ended.
struct Drove {
    ok: bool,
    /// What it printed.
    output: String,
    /// Which files the page fetched.
    files: Vec<PathBuf>,
}

/// The end-to-end tests: a server for `dist/`, a browser, and the program in tests/browser that drives it.
fn drive(kind: &'static browser::Kind, filter: Option<&str>, full: bool) -> Result<Drove> {
    let dist = root().join("dist");
    if !dist.join("index.html").is_file() {
        return Err("there is no dist/: run cargo xtask build".into());
    }
    let browser = kind.find_or_install()?;
    let faults = Some(root().join("tests/browser/faults"));
    // Where a test puts versions of the page, one after the other.
    let deployed = std::env::temp_dir().join(format!("attention-playground-deployed-{}", std::process::id()));
    let beside = vec![("/deployed/", deployed.clone())];
    let site = serve::Site { folder: dist.clone(), prefixes: PREFIXES, faults, beside, ..serve::Site::default() };
    let (address, sent) = serve::start(site)?;
    // Pages of another origin, which embed the page.
    let (folder, other) = (root().join("tests/embed"), Some(format!("http://{address}")));
    let (host, _) = serve::start(serve::Site { folder, prefixes: &["/"], other, ..serve::Site::default() })?;
    let mut command = browser.program(address);
    command.args(filter).env("HOST_URL", format!("http://{host}")).env("DIST", &dist).env("DEPLOYED", &deployed);
    // Without it the tests that need it are not run, which is said before the tally.
    match tools::axe() {
        Ok(script) => drop(command.env("AXE", script)),
        Err(error) => println!("axe-core can't be had: {error}"),
    }
    if full {
        command.env("FULL", "1");
    }
    let ran = shell::run_and_read(command);
    // There is none where no test has deployed anything.
    let _ = std::fs::remove_dir_all(&deployed);
    let (ok, output) = ran?;
    let files = sent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
    Ok(Drove { ok, output, files })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_rust_in_a_doc_comment() {
        assert!(has_example("/// Adds.\n/// ```\n/// assert!(true);\n/// ```\nfn f() {}"));
        assert!(has_example("/// ```text\n/// a\n/// ```\n    //! ```no_run\n    //! x\n    //! ```"));
        assert!(!has_example("/// ```python\n/// a\n/// ```\nlet s = \"```\";"));
    }
}
