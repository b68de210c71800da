//! Runs the tests: in as many browsers at a time as [`Kind::at_once`] says, each of which takes the next test from one queue. Most of a test's time passes in
//! waiting for a page to paint, load or compute, so two share a machine well. Those that want the machine for themselves come after the others, one by one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cases::Case;
use crate::driver::Driver;
use crate::kind::Kind;
use crate::page::Page;
use crate::{Error, Result};

/// The longest that one test may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// The longest that one of the long ones may take.
const LONG_PATIENCE: Duration = Duration::from_secs(900);

/// How the tests ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// How many passed.
    pub passed: usize,
    /// The names of the others, in the order of the list, whichever ended first.
    pub failed: Vec<String>,
}

/// Runs these tests, the first of the browsers being the one that is open already.
///
/// # Errors
/// When a browser can't be started. The others then end the test that they are at, and begin none.
pub async fn run(driver: &Driver, page: Page, cases: Vec<Case>) -> Result<Ended> {
    let (alone, shared): (Vec<_>, Vec<_>) = (0..cases.len()).partition(|at| cases[*at].needs.alone);
    let browsers = driver.kind().at_once().min(shared.len().max(1));
    let queue = Arc::new(Queue { cases, left: Mutex::default(), ended: Mutex::default() });
    queue.fill(shared);
    let others: Vec<_> = (1..browsers).map(|number| beside(queue.clone(), driver.kind(), number)).collect();
    let mut own = Browser { driver, page, used: true, spoiled: false };
    own = own.work(&queue).await?;
    // Blocking is fine: in this thread nothing else is on its way.
    for other in others {
        other.join().map_err(|_| Error::from("the thread of a browser has panicked"))??;
    }
    queue.fill(alone);
    own.work(&queue).await?.page.quit().await;
    Ok(queue.ended())
}

/// Another browser with a driver and a thread of its own, which takes tests until none is left.
#[allow(clippy::disallowed_methods, reason = "this program is native")]
fn beside(queue: Arc<Queue>, kind: Kind, number: usize) -> std::thread::JoinHandle<Result<()>> {
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let driver = queue.or_stop(Driver::start(kind, number))?;
            let page = queue.or_stop(driver.page().await)?;
            let browser = Browser { driver: &driver, page, used: false, spoiled: false };
            browser.work(&queue).await?.page.quit().await;
            Ok(())
        })
    };
    std::thread::spawn(work)
}

/// The tests, and which of them no browser has taken yet.
struct Queue {
    cases: Vec<Case>,
    left: Mutex<VecDeque<usize>>,
    /// Which have ended, and whether they passed.
    ended: Mutex<Vec<(usize, bool)>>,
}

impl Queue {
    fn fill(&self, with: Vec<usize>) {
        locked(&self.left).extend(with);
    }

    fn next(&self) -> Option<(usize, &Case)> {
        let at = locked(&self.left).pop_front()?;
        self.cases.get(at).map(|case| (at, case))
    }

    /// Leaves nothing to begin with for the other browsers where this one has failed.
    fn or_stop<T>(&self, outcome: Result<T>) -> Result<T> {
        if outcome.is_err() {
            locked(&self.left).clear();
        }
        outcome
    }

    fn ended(&self) -> Ended {
        let mut all = std::mem::take(&mut *locked(&self.ended));
        all.sort_unstable();
        let failed: Vec<_> =
            all.iter().filter(|(_, passed)| !passed).map(|(at, _)| self.cases[*at].name.clone()).collect();
        Ended { passed: all.len() - failed.len(), failed }
    }
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A browser that takes tests.
struct Browser<'a> {
    driver: &'a Driver,
    page: Page,
    /// Whether anything has been opened in it.
    used: bool,
    /// Whether it must not reach the next test.
    spoiled: bool,
}

impl Browser<'_> {
    /// Takes one test after another until none is left.
    async fn work(mut self, queue: &Queue) -> Result<Self> {
        while let Some((at, case)) = queue.next() {
            if self.spoiled || (case.needs.own_browser && self.used) {
                self.page.quit().await;
                self.page = queue.or_stop(self.driver.page().await)?;
            }
            let start = now();
            let outcome = tried(case, &self.page).await;
            let took = start.elapsed().as_millis();
            let said = self.page.take_said();
            // One call each, so that lines of two browsers do not mix.
            match &outcome {
                Ok(()) => println!("ok      {} ({took} ms){said}", case.name),
                Err(error) => {
                    println!("FAILED  {} ({took} ms)\n        {error}{said}", case.name);
                    let _ = self.page.screenshot(&format!("failed {}", case.name)).await;
                }
            }
            locked(&queue.ended).push((at, outcome.is_ok()));
            self.used = true;
            // Nothing of a failed test, or of one that wanted a browser for itself, may reach the next one.
            self.spoiled = outcome.is_err() || case.needs.own_browser;
        }
        Ok(self)
    }
}

async fn tried(case: &Case, page: &Page) -> Result<()> {
    let patience = if case.needs.long { LONG_PATIENCE } else { PATIENCE };
    tokio::time::timeout(patience, (case.run)(page))
        .await
        .map_err(|_| format!("not done after {} s", patience.as_secs()))??;
    page.tidy().await?;
    let severe = page.severe_messages().await?;
    if severe.is_empty() { Ok(()) } else { Err(format!("the console says: {}", severe.join(" | ")).into()) }
}

#[allow(clippy::disallowed_methods, reason = "this program is native")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::Needs;

    fn queue(names: &[&str]) -> Queue {
        let case = |name: &&str| Case {
            name: (*name).to_owned(),
            needs: Needs::NOTHING,
            run: Box::new(|_| Box::pin(async { Ok(()) })),
        };
        Queue { cases: names.iter().map(case).collect(), left: Mutex::default(), ended: Mutex::default() }
    }

    #[test]
    fn each_test_is_taken_once_and_failures_are_told_in_the_order_of_the_list() {
        let queue = queue(&["a", "b", "c", "d"]);
        queue.fill(vec![0, 1, 3]);
        queue.fill(vec![2]);
        let taken: Vec<_> = std::iter::from_fn(|| queue.next()).map(|(_, case)| case.name.as_str()).collect();
        assert_eq!(taken, ["a", "b", "d", "c"]);
        *locked(&queue.ended) = vec![(1, true), (3, false), (0, false), (2, true)];
        assert_eq!(queue.ended(), Ended { passed: 2, failed: vec!["a".to_owned(), "d".to_owned()] });
    }

    #[test]
    fn a_browser_that_does_not_start_leaves_nothing_to_the_others() {
        let queue = queue(&["a", "b"]);
        queue.fill(vec![0, 1]);
        assert!(queue.or_stop(Ok(())).is_ok() && queue.next().is_some());
        assert!(queue.or_stop::<()>(Err("no".into())).is_err());
        assert!(queue.next().is_none());
    }
}
