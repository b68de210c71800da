//! `cargo xtask`: builds, serves and tests the page, and fetches the pinned tools that this needs.
//!
//! | file | what it holds |
//! |---|---|
//! | `shell` | runs a command, says what it runs and how long it took |
//! | `tools`, `browser`, `python` | every pinned tool: how to find it, how to install it |
//! | `build`, `finish`, `html`, `digest` | `trunk build`, and what happens to its output afterwards |
//! | `gallery` | pages of the gallery, for link previews and readers without scripts |
//! | `offline` | the list of files that the service worker keeps |
//! | `program`, `pack` | the compiled program cut into pieces, bound, optimised; small pieces in one file |
//! | `serve` | a static file server |
//! | `checks`, `test` | the test command and its count |
//! | `size`, `audit` | what the first view downloads; what Lighthouse says of it |
//! | `peers` | the benchmark beside other libraries, and its table |

mod audit;
mod browser;
mod build;
mod checks;
mod digest;
mod finish;
mod gallery;
mod html;
mod offline;
mod pack;
mod peers;
mod program;
mod python;
mod serve;
mod shell;
mod size;
mod test;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

/// What went wrong, in words for the person at the terminal.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// A result with such words.
pub type Result<T> = std::result::Result<T, Error>;

const HELP: &str = "\
cargo xtask serve [--port 8080]           build the page and serve it on 127.0.0.1
cargo xtask build [--base URL] [--debug]  write dist/: static files that work from any folder of any host;
                                          --base also writes the absolute addresses that link previews want
cargo xtask test [--full] [filter]        every check: format, lints, types, native tests, exported
                                          scripts, page, browser, size;
                                          --full adds the long tests, and Firefox and WebKit; a filter keeps the tests whose name contains it
cargo xtask browser [--full] [--in chromium|firefox|webkit] [filter]
                                          only the browser tests, on the dist/ that is there
cargo xtask exports                       only the exported scripts, run by a Python of the project's own
cargo xtask bench                         measure in the browser, on the dist/ that is there: edit to paint, kernels
cargo xtask bench peers [--n 512,1024,2048] [--masks none,causal] [--threads 1,2] [--peers ort,litert]
    [--engine cpu|webgpu] [--samples 9] [--seed 1] [--dist PATH] [--print]
                                          measure this page beside other libraries in one visit of one page, and write the table of
                                          docs/benchmarks.md; --print leaves the file alone
cargo xtask audit                         Lighthouse over the dist/ that is there, served compressed: scores, long tasks, layout shift
cargo xtask size                          only the size report, on the dist/ that is there
cargo xtask tools                         find or install what the above need, and say what was found
cargo xtask finish                        (called by trunk) cut the program into pieces, name files by content, write the policy";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.first().map(String::as_str) {
        Some("serve") => serve::command(&args[1..]),
        Some("build") => build::command(&args[1..]),
        Some("test") => test::command(&args[1..]),
        Some("browser") => test::browser_command(&args[1..]),
        Some("exports") => test::exports_command(&args[1..]),
        Some("bench") => test::bench_command(&args[1..]),
        Some("audit") => audit::command(&args[1..]),
        Some("size") => size::command(&args[1..]),
        Some("tools") => tools::command(&args[1..]),
        Some("finish") => finish::command(&args[1..]),
        Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            Ok(true)
        }
        other => {
            Err(format!("{}\n\n{HELP}", other.map_or("say what to do".into(), |o| format!("no command {o:?}"))).into())
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace. Cargo says it when it runs this program; what it said when it compiled it may be another copy of
/// the project, where two share a target folder.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = PathBuf::from(here);
    here.parent().map_or(here.clone(), PathBuf::from)
}

/// Takes `--name value` out of the arguments.
pub fn take_value(args: &mut Vec<String>, name: &str) -> Result<Option<String>> {
    let Some(at) = args.iter().position(|arg| arg == name) else { return Ok(None) };
    if at + 1 >= args.len() {
        return Err(format!("{name} wants a value").into());
    }
    args.remove(at);
    Ok(Some(args.remove(at)))
}

/// Takes `--name` out of the arguments.
pub fn take_flag(args: &mut Vec<String>, name: &str) -> bool {
    let before = args.len();
    args.retain(|arg| arg != name);
    args.len() < before
}

/// Refuses what no option took.
pub fn refuse_rest(args: &[String]) -> Result<()> {
    match args.first() {
        Some(arg) => Err(format!("unknown argument {arg:?}\n\n{HELP}").into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| w.to_string()).collect()
    }

    #[test]
    fn options_are_taken_out_and_the_rest_refused() {
        let mut given = args(&["--port", "80", "--debug", "left"]);
        assert_eq!(take_value(&mut given, "--port").ok().flatten().as_deref(), Some("80"));
        assert!(take_flag(&mut given, "--debug"));
        assert!(!take_flag(&mut given, "--debug"));
        assert_eq!(given, args(&["left"]));
        assert!(refuse_rest(&given).is_err());
        assert!(take_value(&mut args(&["--port"]), "--port").is_err());
    }
}
