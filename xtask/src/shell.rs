//! Runs a command in the workspace, says which, and says how long it took.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::{Result, root};

/// The wall clock. The kernels' ban on `Instant::now` is about wasm; this program never runs there.
#[allow(clippy::disallowed_methods, reason = "native only")]
pub fn now() -> Instant {
    Instant::now()
}

/// Starts a thread; native only, like [`now`].
#[allow(clippy::disallowed_methods, reason = "native only")]
pub fn thread<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> std::thread::JoinHandle<T> {
    std::thread::spawn(body)
}

/// A duration as people read it: `820 ms`, `12.3 s`, `4 min 05 s`.
pub fn human(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 {
        format!("{} ms", time.as_millis())
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

/// A command that runs in the workspace's folder, without the variables that cargo set for this program
/// (a nested cargo would rebuild crates whose build scripts watch them).
pub fn command(program: impl AsRef<OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO" {
            command.env_remove(&*name);
        }
    }
    command
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|w| w.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs a command with its output on the terminal.
///
/// # Errors
/// When it cannot start or ends with a status other than 0.
pub fn run(mut command: Command) -> Result<()> {
    let line = shown(&command);
    println!("$ {line}");
    let start = now();
    let status = command.status().map_err(|e| format!("cannot run `{line}`: {e}"))?;
    println!("  {} in {}", if status.success() { "done" } else { "FAILED" }, human(start.elapsed()));
    if status.success() { Ok(()) } else { Err(format!("`{line}` ended with {status}").into()) }
}

/// A command that runs beside others, what it prints kept until it is waited for.
pub struct Beside {
    line: String,
    thread: std::thread::JoinHandle<std::result::Result<Output, String>>,
    start: Instant,
}

/// Starts a command beside what comes next.
pub fn beside(mut command: Command) -> Beside {
    let line = shown(&command);
    let said = line.clone();
    let start = now();
    let thread = thread(move || command.output().map_err(|e| format!("cannot run `{said}`: {e}")));
    Beside { line, thread, start }
}

impl Beside {
    /// Waits for its end, then prints what it printed.
    ///
    /// # Errors
    /// As [`run`].
    pub fn wait(self) -> Result<()> {
        let Self { line, thread, start } = self;
        let output = thread.join().map_err(|_| format!("the thread that ran `{line}` has panicked"))?;
        Ok(ended(&line, &output?, start)?)
    }
}

/// Says what a command that has ended printed.
fn ended(line: &str, output: &Output, start: Instant) -> std::result::Result<(), String> {
    let said = [&output.stdout[..], &output.stderr].concat();
    let end = if output.status.success() { "done" } else { "FAILED" };
    println!("$ {line}\n{}  {end} in {}", String::from_utf8_lossy(&said), human(start.elapsed()));
    if output.status.success() { Ok(()) } else { Err(format!("`{line}` ended with {}", output.status)) }
}

/// Runs commands that do not wait for each other, as many at a time as there are cores, in this order; what each printed comes out when it has ended.
///
/// # Errors
/// Of the first that failed, when all that were begun have ended; no more are begun then.
pub fn run_all(commands: Vec<Command>) -> Result<()> {
    let left = Mutex::new(commands.into_iter());
    let failed: Mutex<Option<String>> = Mutex::new(None);
    let next = || {
        let failed = failed.lock().is_ok_and(|failed| failed.is_some());
        if failed { None } else { left.lock().ok()?.next() }
    };
    let work = || {
        while let Some(command) = next() {
            if let Err(error) = run_quietly(command)
                && let Ok(mut failed) = failed.lock()
            {
                failed.get_or_insert(error);
            }
        }
    };
    #[allow(clippy::disallowed_methods, reason = "native only")]
    std::thread::scope(|scope| {
        (0..std::thread::available_parallelism().map_or(1, usize::from)).for_each(|_| drop(scope.spawn(work)));
    });
    match failed.into_inner() {
        Ok(None) => Ok(()),
        Ok(Some(error)) => Err(error.into()),
        Err(_) => Err("a thread that ran commands has panicked".into()),
    }
}

fn run_quietly(mut command: Command) -> std::result::Result<(), String> {
    let line = shown(&command);
    let start = now();
    let output = command.output().map_err(|e| format!("cannot run `{line}`: {e}"))?;
    ended(&line, &output, start)
}

/// Runs a command with its output on the terminal and also in the returned text; says whether it ended well.
///
/// # Errors
/// When it cannot start.
pub fn run_and_read(mut command: Command) -> Result<(bool, String)> {
    let line = shown(&command);
    println!("$ {line}");
    let start = now();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot run `{line}`: {e}"))?;
    let err = child.stderr.take().map(|pipe| thread(move || echo(pipe)));
    let mut text = child.stdout.take().map(echo).unwrap_or_default();
    if let Some(more) = err.and_then(|reader| reader.join().ok()) {
        text.push_str(&more);
    }
    let status = child.wait()?;
    println!("  {} in {}", if status.success() { "done" } else { "FAILED" }, human(start.elapsed()));
    Ok((status.success(), text))
}

fn echo(pipe: impl Read) -> String {
    let mut text = String::new();
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes), Ok(n) if n > 0) {
        let line = String::from_utf8_lossy(&bytes);
        print!("{line}");
        text.push_str(&line);
        bytes.clear();
    }
    text
}

/// What a command prints, or nothing when it cannot run or fails.
pub fn read(mut command: Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(human(Duration::from_millis(820)), "820 ms");
        assert_eq!(human(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(human(Duration::from_secs(245)), "4 min 05 s");
    }

    #[test]
    fn output_and_status_come_back() {
        let (ok, text) =
            run_and_read(command("sh", &["-c", "echo one; echo two >&2; exit 3"])).unwrap_or((true, String::new()));
        assert!(!ok);
        assert!(text.contains("one") && text.contains("two"));
        assert!(run(command("sh", &["-c", "exit 1"])).is_err());
        assert!(run(command("/nonexistent/program", &[])).is_err());
    }

    #[test]
    fn one_failure_among_several_is_told_and_ends_them() {
        let of = |status: &str| command("sh", &["-c", &format!("exit {status}")]);
        assert!(run_all(vec![of("0"), of("0"), of("0")]).is_ok());
        let told = run_all((0..40).map(|i| of(if i == 1 { "7" } else { "0" })).collect());
        assert!(told.is_err_and(|error| error.to_string().contains("exit 7")));
        assert!(run_all(vec![command("/nonexistent/program", &[])]).is_err());
    }

    #[test]
    fn what_ran_beside_tells_how_it_ended() {
        assert!(beside(command("sh", &["-c", "echo one"])).wait().is_ok());
        assert!(
            beside(command("sh", &["-c", "exit 3"])).wait().is_err_and(|error| error.to_string().contains("exit 3"))
        );
        assert!(beside(command("/nonexistent/program", &[])).wait().is_err());
    }
}
