//! The browsers that the tests run in, and what each of them can't.

use std::fmt;

use crate::Result;

/// A browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Chromium, or Chrome: everything.
    Chromium,
    /// Firefox: everything that needs no debugging protocol of Chromium's.
    Firefox,
    /// WebKit's own small browser: a few tests that show that the page works there.
    Webkit,
}

impl Kind {
    /// What the variable BROWSER says; Chromium where it says nothing.
    ///
    /// # Errors
    /// On a name that is none of the three.
    pub fn wanted() -> Result<Self> {
        match std::env::var("BROWSER").as_deref().unwrap_or("chromium") {
            "chromium" => Ok(Self::Chromium),
            "firefox" => Ok(Self::Firefox),
            "webkit" => Ok(Self::Webkit),
            other => Err(format!("BROWSER is {other:?}, not chromium, firefox or webkit").into()),
        }
    }

    /// In how many of them tests run at a time: two of Chromium where there are the cores. Firefox says what is severe on one output of its driver, WebKit runs a few.
    pub fn at_once(self) -> usize {
        match self {
            Self::Chromium => std::thread::available_parallelism().map_or(1, usize::from).min(2),
            Self::Firefox | Self::Webkit => 1,
        }
    }

    /// The variables that name its program and its driver.
    pub fn variables(self) -> (&'static str, &'static str) {
        match self {
            Self::Chromium => ("CHROME", "CHROMEDRIVER"),
            Self::Firefox => ("FIREFOX", "GECKODRIVER"),
            Self::Webkit => ("WEBKIT", "WEBKITDRIVER"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
            Self::Webkit => "WebKit",
        })
    }
}
