//! Chromium and its driver: from CHROME and CHROMEDRIVER, from PATH, from the usual places, or from Debian's packages.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, shell, tools};

/// A browser and the driver that speaks WebDriver for it.
pub struct Browser {
    /// The browser's program.
    pub chrome: PathBuf,
    /// The driver's program.
    pub driver: PathBuf,
    /// What the browser calls itself, with its version.
    pub version: String,
}

impl Browser {
    /// The program that drives the browser over a site; its arguments are still to come.
    pub fn program(&self, site: SocketAddr) -> Command {
        let mut command = shell::command("cargo", &["run", "--quiet", "--locked", "--package", "browser-tests", "--"]);
        command.env("BASE_URL", format!("http://{site}")).env("CHROME", &self.chrome).env("CHROMEDRIVER", &self.driver);
        command
    }
}

const CHROMES: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const PLACES: [&str; 3] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/snap/bin/chromium",
];
const DRIVERS: [&str; 2] = ["chromedriver", "chromium.chromedriver"];

const ADVICE: &str = "\
Chromium (or Chrome) and a chromedriver of the same version are needed for the browser tests. Install them:
  Debian          sudo apt-get install chromium chromium-driver
  Ubuntu          sudo snap install chromium   (brings chromium.chromedriver)
  Fedora          sudo dnf install chromium chromedriver
  macOS           brew install --cask google-chrome chromedriver
or point CHROME and CHROMEDRIVER at them.";

/// Finds both programs, or installs them where that needs no questions.
///
/// # Errors
/// With what to install, by system.
pub fn find_or_install() -> Result<Browser> {
    if let Some(found) = find()? {
        return Ok(found);
    }
    tools::apt_install(&["chromium", "chromium-driver"], ADVICE)?;
    find()?.ok_or_else(|| ADVICE.into())
}

fn find() -> Result<Option<Browser>> {
    let (Some(chrome), Some(driver)) = (locate("CHROME", &CHROMES, &PLACES)?, locate("CHROMEDRIVER", &DRIVERS, &[])?)
    else {
        return Ok(None);
    };
    let version = version("browser", &chrome)?;
    self::version("driver", &driver)?;
    Ok(Some(Browser { chrome, driver, version }))
}

fn version(what: &str, program: &Path) -> Result<String> {
    let version = shell::read(shell::command(program, &["--version"]))
        .ok_or_else(|| format!("the {what} {} does not run\n{ADVICE}", program.display()))?;
    println!("  {what}: {} ({})", version.trim(), program.display());
    Ok(version.trim().to_owned())
}

fn locate(variable: &str, names: &[&str], places: &[&str]) -> Result<Option<PathBuf>> {
    if let Some(path) = std::env::var_os(variable).map(PathBuf::from) {
        return if path.is_file() {
            Ok(Some(path))
        } else {
            Err(format!("{variable} names no file: {}", path.display()).into())
        };
    }
    let folders = tools::path_folders();
    let on_path = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    Ok(on_path.chain(places.iter().map(PathBuf::from)).find(|path| path.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_and_a_missing_one_is_not() {
        assert!(matches!(locate("XTASK_NO_SUCH_VARIABLE", &["sh"], &[]), Ok(Some(_))));
        assert!(matches!(locate("XTASK_NO_SUCH_VARIABLE", &["no-such-program-here"], &[]), Ok(None)));
    }
}
