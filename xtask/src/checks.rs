//! Counts checks that really ran.

use std::collections::BTreeSet;

use crate::{Result, shell};

/// The count so far, and what failed.
#[derive(Default)]
pub struct Checks {
    passed: usize,
    failed: Vec<String>,
    not_run: Vec<String>,
}

impl Checks {
    /// Notes aloud a check that cannot be made here, and why.
    pub fn not_run(&mut self, name: &str, why: &str) {
        println!("\n== {name}: NOT RUN\n{why}");
        self.not_run.push(name.to_owned());
    }

    /// Notes tests that their program has already told of: they are counted, and listed at the end.
    pub fn all_not_run(&mut self, names: impl IntoIterator<Item = String>) {
        self.not_run.extend(names);
    }

    /// Announces a step, runs it, counts it as one check.
    pub fn step(&mut self, name: &str, body: impl FnOnce() -> Result<bool>) -> bool {
        let (ok, _) = self.timed(name, || body().map(|ok| (ok, ())));
        self.count(name, ok);
        ok
    }

    /// A step that contains tests of its own: each is counted. It fails as a whole when it broke off without naming a failed
    /// test, or ran fewer than `at_least`.
    pub fn tests(&mut self, name: &str, at_least: usize, body: impl FnOnce() -> Result<(bool, Tally)>) -> bool {
        let (ok, tally) = self.timed(name, body);
        let tally = tally.unwrap_or_default();
        self.passed += tally.passed;
        self.failed.extend((0..tally.failed).map(|_| format!("a test of: {name}")));
        let enough = tally.passed + tally.failed >= at_least;
        if tally.failed == 0 && !(ok && enough) {
            let why = if ok { "ran too few tests to mean anything" } else { "did not finish" };
            self.failed.push(format!("{name}: {why}"));
        }
        ok && tally.failed == 0 && enough
    }

    /// How many checks have been counted.
    pub fn total(&self) -> usize {
        self.passed + self.failed.len()
    }

    fn timed<T>(&self, name: &str, body: impl FnOnce() -> Result<(bool, T)>) -> (bool, Option<T>) {
        println!("\n== {name}");
        let start = shell::now();
        let outcome = body();
        let took = shell::human(start.elapsed());
        match outcome {
            Ok((ok, value)) => {
                println!("== {name}: {} in {took}", if ok { "ok" } else { "FAILED" });
                (ok, Some(value))
            }
            Err(error) => {
                println!("{error}\n== {name}: FAILED in {took}");
                (false, None)
            }
        }
    }

    fn count(&mut self, name: &str, ok: bool) {
        if ok {
            self.passed += 1;
        } else {
            self.failed.push(name.to_owned());
        }
    }

    /// Prints what failed and, last, the count; true when nothing failed.
    pub fn finish(self) -> bool {
        println!();
        for name in &self.failed {
            println!("FAILED  {name}");
        }
        for name in &self.not_run {
            println!("NOT RUN {name}");
        }
        let not_run = match self.not_run.len() {
            0 => String::new(),
            count => format!(", {count} not run"),
        };
        println!("{} passed, {} failed{not_run}", self.passed, self.failed.len());
        self.failed.is_empty()
    }
}

/// Tests that ended well without their GPU, by what each says on a line of its own (`tests/common/gpu.rs`).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Silent {
    /// Those that checked nothing.
    pub whole: BTreeSet<String>,
    /// Those that checked the other engines.
    pub part: BTreeSet<String>,
    /// Why.
    why: String,
}

/// Reads `NOT RUN name: why` and `PARTLY NOT RUN name: why`.
pub fn silent(lines: &str) -> Silent {
    let mut all = Silent::default();
    for line in lines.lines() {
        let (into, rest) = match (line.strip_prefix("PARTLY NOT RUN "), line.strip_prefix("NOT RUN ")) {
            (Some(rest), _) => (&mut all.part, rest),
            (None, Some(rest)) => (&mut all.whole, rest),
            (None, None) => continue,
        };
        if let Some((name, why)) = rest.split_once(": ") {
            into.insert(name.to_owned());
            why.clone_into(&mut all.why);
        }
    }
    all
}

impl Silent {
    /// Counts them among what was not run.
    pub fn tell(&self, checks: &mut Checks) {
        self.whole.iter().for_each(|name| checks.not_run(name, &self.why));
        let parts: Vec<&str> = self.part.iter().map(String::as_str).collect();
        if !parts.is_empty() {
            let name = format!("the GPU engine in {} tests that ran on the others", parts.len());
            checks.not_run(&name, &format!("{}\n{}", self.why, parts.join("\n")));
        }
    }
}

/// Tests that a browser left out, by the lines `NOT RUN <browser> <test>: <why>` of the program that drives it: those of one reason are one line of the count's list, and
/// each is counted.
pub fn left_out(output: &str) -> Vec<(String, String)> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("NOT RUN "));
    // The reason is behind the last colon but for those that a name has: names are `file: what it shows`.
    let parts = lines.filter_map(|line| {
        let mut parts = line.splitn(3, ": ");
        Some((format!("{}: {}", parts.next()?, parts.next()?), parts.next()?.to_owned()))
    });
    parts.collect()
}

/// How many tests a test program ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that failed.
    pub failed: usize,
}

/// Adds up every `N passed` and `N failed` of the summary lines that libtest, cargo-nextest and the browser tests print.
pub fn tally(output: &str) -> Tally {
    let mut sum = Tally::default();
    for line in output.lines() {
        // Nextest indents what a failed test said, which holds libtest's own summary of that one test.
        let nested = line.starts_with("    test result: ");
        let line = strip_colours(line);
        let line = line.trim_start();
        let summary = (line.starts_with("test result: ") && !nested)
            || (line.starts_with("Summary [") && line.contains(" run: "))
            || line.starts_with("browser tests: ");
        if summary {
            sum.passed += before(line, "passed");
            // nextest tells apart tests that failed, timed out, and failed to start.
            sum.failed += before(line, "failed") + before(line, "timed out") + before(line, "exec failed");
        }
    }
    sum
}

/// The number before a word: 12 of `12 passed`.
fn before(line: &str, word: &str) -> usize {
    let numbers = line
        .match_indices(word)
        .filter_map(|(at, _)| line[..at].strip_suffix(' ')?.rsplit([' ', ':', '(']).next()?.parse::<usize>().ok());
    numbers.sum()
}

fn strip_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_three_programs_are_read() {
        let libtest = "test a ... ok\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\ntest result: FAILED. 1 passed; 2 failed; 0 ignored";
        assert_eq!(tally(libtest), Tally { passed: 4, failed: 2 });
        let nextest = "     Summary [   0.1s] 12 tests run: 10 passed (1 slow), 1 failed, 1 timed out, 4 skipped";
        assert_eq!(tally(nextest), Tally { passed: 10, failed: 2 });
        assert_eq!(
            tally("\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] 2 tests run: \u{1b}[1m2\u{1b}[0m passed"),
            Tally { passed: 2, failed: 0 }
        );
        let nested =
            "    test result: FAILED. 0 passed; 1 failed\n     Summary [   0.1s] 2 tests run: 1 passed, 1 failed";
        assert_eq!(tally(nested), Tally { passed: 1, failed: 1 });
        assert_eq!(tally("browser tests: 7 passed, 1 failed"), Tally { passed: 7, failed: 1 });
        assert_eq!(tally("a log line: 9 passed"), Tally::default());
    }

    #[test]
    fn tests_without_their_gpu_are_not_run() {
        let why = "no adapter: none at all";
        let lines = format!("NOT RUN a::b: {why}\nsomething else\nPARTLY NOT RUN c: {why}\nNOT RUN a::b: {why}\n");
        let found = silent(&lines);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(found, Silent { whole: names(&["a::b"]), part: names(&["c"]), why: why.to_owned() });
        let mut checks = Checks::default();
        found.tell(&mut checks);
        assert_eq!((checks.not_run.len(), checks.total()), (2, 0));
        Silent::default().tell(&mut checks);
        assert_eq!(checks.not_run.len(), 2);
    }

    #[test]
    fn what_a_browser_left_out_is_read_with_its_reason() {
        let output = "ok      boot: opens (3 ms)\nNOT RUN Firefox offline: opens: it needs this: and that\nbrowser tests: 1 passed, 0 failed";
        let wanted = [("Firefox offline: opens".to_owned(), "it needs this: and that".to_owned())];
        assert_eq!(left_out(output), wanted);
    }

    #[test]
    fn a_step_that_ran_nothing_or_broke_off_has_failed() {
        let mut checks = Checks::default();
        assert!(!checks.tests("empty", 1, || Ok((true, Tally::default()))));
        assert!(!checks.tests("broke off", 1, || Ok((false, Tally { passed: 3, failed: 0 }))));
        assert!(!checks.tests("error", 0, || Err("no".into())));
        assert!(checks.tests("good", 1, || Ok((true, Tally { passed: 2, failed: 0 }))));
        assert!(checks.step("step", || Ok(true)));
        assert!(!checks.step("step", || Err("no".into())));
        assert_eq!((checks.passed, checks.failed.len()), (6, 4));
        checks.not_run("elsewhere", "there is no such machine");
        assert_eq!((checks.passed, checks.failed.len()), (6, 4), "what was not run has neither passed nor failed");
        assert!(!checks.finish());
    }
}
