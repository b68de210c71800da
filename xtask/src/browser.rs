//! Browsers and their drivers: from variables, from PATH, from the usual places, or from Debian's packages and the registry of crates.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, shell, tools};

/// A program that tests in a browser want.
struct Program {
    /// The variable that names it, for people and for the tests.
    variable: &'static str,
    /// Its names on PATH.
    names: &'static [&'static str],
    /// Where else it may lie.
    places: &'static [&'static str],
}

/// A browser that the tests run in.
pub struct Kind {
    /// Its name for the tests' variable BROWSER and for the command line.
    pub name: &'static str,
    /// The browser first, then its driver, then what else it wants.
    programs: &'static [Program],
    /// Debian's packages.
    packages: &'static [&'static str],
    /// What to do where nothing can be installed from here.
    advice: &'static str,
}

/// The browser that every test runs in.
pub const CHROMIUM: Kind = Kind {
    name: "chromium",
    programs: &[
        Program {
            variable: "CHROME",
            names: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"],
            places: &[
                "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
                "/Applications/Chromium.app/Contents/MacOS/Chromium",
                "/snap/bin/chromium",
            ],
        },
        Program { variable: "CHROMEDRIVER", names: &["chromedriver", "chromium.chromedriver"], places: &[] },
    ],
    packages: &["chromium", "chromium-driver"],
    advice: "\
Chromium (or Chrome) and a chromedriver of the same version are needed for the browser tests. Install them:
  Debian          sudo apt-get install chromium chromium-driver
  Ubuntu          sudo snap install chromium   (brings chromium.chromedriver)
  Fedora          sudo dnf install chromium chromedriver
  macOS           brew install --cask google-chrome chromedriver
or point CHROME and CHROMEDRIVER at them.",
};

/// Its driver is a pinned tool (`tools::geckodriver`).
pub const FIREFOX: Kind = Kind {
    name: "firefox",
    programs: &[Program {
        variable: "FIREFOX",
        names: &["firefox-esr", "firefox"],
        places: &["/Applications/Firefox.app/Contents/MacOS/firefox"],
    }],
    packages: &["firefox-esr"],
    advice: "\
Firefox is needed for its part of the browser tests. Install it:
  Debian          sudo apt-get install firefox-esr
  Fedora          sudo dnf install firefox
  macOS           brew install --cask firefox
or point FIREFOX at it (its own program, not the script of a snap).",
};

/// WebKit's small browser, its driver, and an X server without a screen for it.
pub const WEBKIT: Kind = Kind {
    name: "webkit",
    programs: &[
        Program {
            variable: "WEBKIT",
            names: &["MiniBrowser"],
            places: &[
                "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
                "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
                "/usr/libexec/webkit2gtk-4.1/MiniBrowser",
            ],
        },
        Program { variable: "WEBKITDRIVER", names: &["WebKitWebDriver"], places: &[] },
        Program { variable: "XVFB", names: &["Xvfb"], places: &[] },
    ],
    packages: &["webkit2gtk-driver", "xvfb"],
    advice: "\
WebKitGTK's MiniBrowser, its WebKitWebDriver and Xvfb are needed for WebKit's part of the browser tests. Install them:
  Debian, Ubuntu  sudo apt-get install webkit2gtk-driver xvfb
  Fedora          sudo dnf install webkit2gtk4.1 xorg-x11-server-Xvfb
or point WEBKIT, WEBKITDRIVER and XVFB at them. There are none for macOS and Windows.",
};

/// All of them, the one that every test runs in first.
pub const KINDS: [&Kind; 3] = [&CHROMIUM, &FIREFOX, &WEBKIT];

/// A browser and what drives it.
pub struct Browser {
    kind: &'static Kind,
    programs: Vec<(&'static str, PathBuf)>,
    /// What the browser calls itself, with its version.
    pub version: String,
}

impl Browser {
    /// The program that drives the browser over a site; its arguments are still to come.
    pub fn program(&self, site: SocketAddr) -> Command {
        let mut command = shell::command("cargo", &["run", "--quiet", "--locked", "--package", "browser-tests", "--"]);
        command.env("BASE_URL", format!("http://{site}")).env("BROWSER", self.kind.name);
        command.envs(self.programs.iter().map(|(variable, path)| (variable, path)));
        command
    }

    /// The browser's own program.
    pub fn path(&self) -> &Path {
        self.programs.first().map_or(Path::new(""), |(_, path)| path)
    }
}

/// Finds Chromium and its driver, or installs them where that needs no questions.
///
/// # Errors
/// With what to install, by system.
pub fn find_or_install() -> Result<Browser> {
    CHROMIUM.find_or_install()
}

impl Kind {
    /// Finds all of its programs, or installs them where that needs no questions.
    ///
    /// # Errors
    /// With what to install, by system.
    pub fn find_or_install(&'static self) -> Result<Browser> {
        if let Some(found) = self.find()? {
            return Ok(found);
        }
        tools::apt_install(self.packages, self.advice)?;
        self.find()?.ok_or_else(|| self.advice.into())
    }

    fn find(&'static self) -> Result<Option<Browser>> {
        let mut programs = Vec::new();
        for program in self.programs {
            let Some(path) = locate(program)? else { return Ok(None) };
            programs.push((program.variable, path));
        }
        if self.name == FIREFOX.name {
            programs.push(("GECKODRIVER", tools::geckodriver()?));
        }
        let mut versions = programs.iter().map(|(variable, path)| self.version(variable, path));
        let version = versions.next().unwrap_or_else(|| Err(self.advice.into()))?;
        versions.try_for_each(|version| version.map(drop))?;
        drop(versions);
        Ok(Some(Browser { kind: self, programs, version }))
    }

    /// What a program calls itself, said aloud.
    fn version(&self, variable: &str, program: &Path) -> Result<String> {
        // WebKit's browser answers nobody without a display; its driver and the X server know no such question.
        if matches!(variable, "WEBKIT" | "WEBKITDRIVER" | "XVFB") {
            println!("  {}", program.display());
            return Ok(String::new());
        }
        let version = shell::read(shell::command(program, &["--version"]))
            .and_then(|text| Some(text.trim().lines().next()?.to_owned()))
            .ok_or_else(|| format!("{} does not run\n{}", program.display(), self.advice))?;
        println!("  {version} ({})", program.display());
        Ok(version)
    }
}

fn locate(program: &Program) -> Result<Option<PathBuf>> {
    let variable = program.variable;
    if let Some(path) = std::env::var_os(variable).map(PathBuf::from) {
        return if path.is_file() {
            Ok(Some(path))
        } else {
            Err(format!("{variable} names no file: {}", path.display()).into())
        };
    }
    let folders = tools::path_folders();
    let on_path = program.names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    Ok(on_path.chain(program.places.iter().map(PathBuf::from)).find(|path| path.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_and_a_missing_one_is_not() {
        let program = |names| Program { variable: "XTASK_NO_SUCH_VARIABLE", names, places: &[] };
        assert!(matches!(locate(&program(&["sh"])), Ok(Some(_))));
        assert!(matches!(locate(&program(&["no-such-program-here"])), Ok(None)));
    }
}
