//! End-to-end tests of the built page in a real browser. `cargo xtask browser [filter]` starts a server for `dist/` and runs
//! this program with BASE_URL, CHROME and CHROMEDRIVER set; SHOTS=folder keeps the screenshots that tests take (and one of
//! each failure).
//!
//! BROWSER says which browser: `chromium` unless it says `firefox` or `webkit` (`kind.rs` has their variables, `differences.rs` what they leave out).
//!
//! A test is an `async fn(&Page) -> Result<()>` in one of the files of `cases/`, listed in that file's table. They share
//! browser sessions (`queue.rs`), unless a test asks for its own; one that leaves a severe message in the console has failed. Tests on the GPU need a WebGPU
//! adapter, be it one in software; where the browser has none they are not run, which is said before the tally.

mod bench;
mod cases;
mod common;
mod deploy;
mod differences;
mod driver;
mod expression;
mod kind;
mod page;
mod peers;
mod queue;
mod workers;

use std::process::ExitCode;
use std::time::Duration;

use cases::Case;
use page::Page;

/// What went wrong, in words.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// A result with such words.
pub type Result<T> = std::result::Result<T, Error>;

fn main() -> ExitCode {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(run(&filter))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("browser tests cannot run: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(filter: &str) -> Result<bool> {
    let full = std::env::var_os("FULL").is_some();
    let cases: Vec<Case> = cases::all()?.into_iter().filter(|case| case.name.contains(filter)).collect();
    // A name that is asked for is run, however long it takes.
    let (cases, long): (Vec<Case>, Vec<Case>) =
        cases.into_iter().partition(|case| full || !case.needs.long || (!filter.is_empty() && case.name == filter));
    let driver = driver::Driver::start(kind::Kind::wanted()?, 0)?;
    if filter == "--bench" {
        let page = driver.page().await?;
        let done = bench::run(&page).await;
        page.quit().await;
        return done.map(|()| true);
    }
    if filter == "--peers" {
        let mut rest = std::env::args().skip(2);
        let (config, result) = rest.next().zip(rest.next()).ok_or("--peers wants two files")?;
        let page = driver.page().await?;
        let done = peers::run(&page, &config, &result).await;
        page.quit().await;
        return done.map(|()| true);
    }
    if filter == "--first-view" {
        let page = driver.page().await?;
        let done = first_view(&page).await;
        page.quit().await;
        return done.map(|()| true);
    }
    let page = driver.page().await?;
    let able = differences::Able {
        kind: driver.kind(),
        adapter: !cases.iter().any(|case| case.needs.adapter) || page.has_adapter().await?,
        axe: std::env::var_os("AXE").is_some(),
    };
    let mut left_out = Vec::new();
    let mut wanted = Vec::new();
    for case in cases {
        match differences::left_out(&case, able) {
            Some(why) => left_out.push((case.name, why)),
            None => wanted.push(case),
        }
    }
    let queue::Ended { passed, failed } = queue::run(&driver, page, wanted).await?;
    for name in &failed {
        println!("failed: {name}");
    }
    // Each is said with its reason, and counted by who reads this as a test that was not run.
    for (name, why) in &left_out {
        println!("NOT RUN {} {name}: {why}", able.kind);
    }
    if !long.is_empty() {
        println!("left to --full: {} long tests", long.len());
    }
    println!("browser tests: {passed} passed, {} failed", failed.len());
    Ok(failed.is_empty())
}

/// Opens the page as a newcomer would and looks on until it has shown a result, and a little longer: whatever else it fetches by itself counts.
async fn first_view(page: &Page) -> Result<()> {
    page.open("/").await?;
    page.wait_until("document.querySelector('.steps .strong td')").await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    Ok(())
}
