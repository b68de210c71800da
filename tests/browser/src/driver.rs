//! Starts chromedriver on a port of its choice, and browser sessions through it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};

use crate::{Result, page::Page};

/// A running driver; it and the browser's profile go when this goes.
pub struct Driver {
    child: Child,
    address: String,
    base: String,
    chrome: String,
    profile: PathBuf,
}

impl Driver {
    /// Starts the program named by CHROMEDRIVER.
    ///
    /// # Errors
    /// When a variable is missing or the driver does not say its port.
    pub fn start() -> Result<Self> {
        let variable =
            |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set: run `cargo xtask browser`"));
        let (base, chrome, program) = (variable("BASE_URL")?, variable("CHROME")?, variable("CHROMEDRIVER")?);
        let mut child = Command::new(&program)
            .args(["--port=0", "--log-level=SEVERE"])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cannot run {program}: {e}"))?;
        let pipe = child.stdout.take().ok_or("the driver has no output")?;
        let mut port = None;
        for line in BufReader::new(pipe).lines() {
            let line = line?;
            port = line
                .strip_suffix('.')
                .and_then(|l| l.rsplit_once("on port "))
                .and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_some() {
                break;
            }
        }
        let profile = std::env::temp_dir().join(format!("attention-playground-tests-{}", std::process::id()));
        let port = port.ok_or_else(|| format!("{program} did not say which port it listens on"))?;
        Ok(Self { child, address: format!("http://127.0.0.1:{port}"), base, chrome, profile })
    }

    /// A new session: headless, with an empty profile and nothing that phones home.
    ///
    /// # Errors
    /// When the browser does not start, or is of another version than the driver.
    pub async fn page(&self) -> Result<Page> {
        let _ = std::fs::remove_dir_all(&self.profile);
        let mut wanted = DesiredCapabilities::chrome();
        wanted.set_binary(&self.chrome)?;
        for flag in [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-default-browser-check",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-quic",
            "--lang=en-US",
            // Headless browsers refuse the software adapter otherwise, and where there is no GPU it is the only one.
            "--enable-unsafe-webgpu",
            "--window-size=1366,900",
        ] {
            wanted.add_arg(flag)?;
        }
        wanted.add_arg(&format!("--user-data-dir={}", self.profile.display()))?;
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        let driver = WebDriver::new(&self.address, wanted).await?;
        driver.set_script_timeout(Duration::from_secs(50)).await?;
        let page = Page::new(driver, self.base.clone());
        page.hide_service_workers().await?;
        Ok(page)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Sessions have been closed; these can only fail when there is nothing left to end or remove.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
