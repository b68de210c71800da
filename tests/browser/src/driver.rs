//! Starts a browser's WebDriver on a free port, and browser sessions through it.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::{Capabilities, WebDriver};

use crate::Result;
use crate::kind::Kind;
use crate::page::{Page, WINDOW};

/// How often, and how long apart, a driver is asked whether it listens.
const LISTENS: (u32, Duration) = (100, Duration::from_millis(100));

/// What a browser says of its pages on its own output: lines that stand for a severe message of the console.
pub type Said = Arc<Mutex<Vec<String>>>;

/// A running driver; it and the browser's profile go when this goes.
pub struct Driver {
    kind: Kind,
    children: Vec<Child>,
    address: String,
    base: String,
    program: String,
    profile: PathBuf,
    said: Said,
}

impl Driver {
    /// Starts the driver of a browser; the variables that name the programs are in [`Kind::variables`]. Those that run at a time have numbers, by which
    /// each has a profile of its own.
    ///
    /// # Errors
    /// When a variable is missing or the driver does not say its port.
    pub fn start(kind: Kind, number: usize) -> Result<Self> {
        let (program, driver) = kind.variables();
        let (base, program, driver) = (variable("BASE_URL")?, variable(program)?, variable(driver)?);
        let profile = format!("attention-playground-tests-{}-{number}", std::process::id());
        let profile = std::env::temp_dir().join(profile);
        let mut started =
            Self { kind, children: Vec::new(), address: String::new(), base, program, profile, said: Said::default() };
        let port = match kind {
            Kind::Chromium => started.chromedriver(&driver)?,
            Kind::Firefox => started.geckodriver(&driver)?,
            Kind::Webkit => started.webkitdriver(&driver)?,
        };
        started.address = format!("http://127.0.0.1:{port}");
        Ok(started)
    }

    /// Which browser it drives.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    fn chromedriver(&mut self, driver: &str) -> Result<u16> {
        let mut child = spawn(Command::new(driver).args(["--port=0", "--log-level=SEVERE"]).stdout(Stdio::piped()))?;
        let pipe = child.stdout.take();
        self.children.push(child);
        port(driver, pipe, |line| line.strip_suffix('.')?.rsplit_once("on port ").map(|(_, port)| port))
    }

    /// Firefox's drivers have no log of the console: pages' messages come by the browser's own output, which the driver hands through.
    fn geckodriver(&mut self, driver: &str) -> Result<u16> {
        let mut command = Command::new(driver);
        command.args(["--port", "0", "--log", "info"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(&mut command)?;
        let (out, err) = (child.stdout.take().ok_or("the driver has no output")?, child.stderr.take());
        self.children.push(child);
        let mut lines = BufReader::new(out);
        let port = port(driver, Some(&mut lines), |line| {
            line.contains("Listening on").then(|| line.rsplit_once(':').map(|(_, port)| port)).flatten()
        })?;
        listen(lines, &self.said);
        err.into_iter().for_each(|err| listen(BufReader::new(err), &self.said));
        Ok(port)
    }

    /// WebKit's browser wants a display: an X server without a screen.
    fn webkitdriver(&mut self, driver: &str) -> Result<u16> {
        let xvfb = variable("XVFB")?;
        let mut command = Command::new(&xvfb);
        command.args(["-displayfd", "1", "-screen", "0", "1366x900x24", "-nolisten", "tcp"]);
        let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::null()))?;
        let pipe = child.stdout.take().ok_or("the display has no output")?;
        self.children.push(child);
        let mut display = String::new();
        BufReader::new(pipe).read_line(&mut display)?;
        // The driver does not say which port it took: one that is free a moment before will do.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = Command::new(driver);
        command.arg(format!("--port={port}")).env("DISPLAY", format!(":{}", display.trim()));
        // In software: there is no GPU that could compose its pages.
        command.env("WEBKIT_DISABLE_COMPOSITING_MODE", "1").env("GDK_BACKEND", "x11");
        self.children.push(spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))?);
        for _ in 0..LISTENS.0 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
            std::thread::sleep(LISTENS.1);
        }
        Err(format!("{driver} does not listen").into())
    }

    /// A new session: without a window, with an empty profile and nothing that phones home.
    ///
    /// # Errors
    /// When the browser does not start, or is of another version than the driver.
    pub async fn page(&self) -> Result<Page> {
        let _ = std::fs::remove_dir_all(&self.profile);
        let wanted = match self.kind {
            Kind::Chromium => chromium(&self.program, &self.profile),
            Kind::Firefox => firefox(&self.program),
            Kind::Webkit => webkit(&self.program),
        };
        let Value::Object(wanted) = wanted else { return Err("capabilities are an object".into()) };
        let driver = WebDriver::new(&self.address, Capabilities::from(wanted)).await?;
        driver.set_script_timeout(Duration::from_secs(50)).await?;
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let page = Page::new(driver, self.base.clone(), self.kind, self.said.clone());
        match self.kind {
            Kind::Chromium => page.hide_service_workers().await?,
            // By a setting of its profile; WebKit's smoke tests end before a page registers one.
            Kind::Firefox => page.size(WINDOW.0, WINDOW.1).await?,
            Kind::Webkit => {}
        }
        Ok(page)
    }
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).map_err(|_| format!("{name} is not set: run `cargo xtask browser`").into())
}

fn spawn(command: &mut Command) -> Result<Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().map_err(|e| format!("cannot run {program}: {e}").into())
}

/// Reads a driver's output until it says its port.
fn port(driver: &str, pipe: Option<impl Read>, find: impl Fn(&str) -> Option<&str>) -> Result<u16> {
    let mut pipe = pipe.ok_or("the driver has no output")?;
    let (mut line, mut byte) = (Vec::new(), [0]);
    // Byte by byte: what comes after that line is somebody else's.
    while pipe.read(&mut byte)? == 1 {
        if byte[0] != b'\n' {
            line.push(byte[0]);
            continue;
        }
        let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
        if let Some(port) = find(text.trim_end()).and_then(|port| port.trim().parse().ok()) {
            return Ok(port);
        }
    }
    Err(format!("{driver} did not say which port it listens on").into())
}

/// Keeps the lines that stand for a severe message.
#[allow(clippy::disallowed_methods, reason = "this program is native")]
fn listen(lines: BufReader<impl Read + Send + 'static>, said: &Said) {
    let said = said.clone();
    std::thread::spawn(move || {
        // What the console said last: a panic's words come there, before the trap that ends it.
        let mut before = None;
        for line in lines.split(b'\n').map_while(std::result::Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if std::env::var_os("FIREFOX_SAYS").is_some() {
                println!("firefox: {line}");
            }
            // Errors of the browser's own parts come from resource: and chrome:. What a page writes with console.error looks like what those write.
            if line.starts_with("JavaScript error: http") {
                let line = before.take().map_or(line.clone(), |before| format!("{line} (after {before})"));
                said.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            } else if line.starts_with("console.error:") {
                before = Some(line);
            }
        }
    });
}

fn chromium(program: &str, profile: &std::path::Path) -> Value {
    let profile = format!("--user-data-dir={}", profile.display());
    let window = format!("--window-size={},{}", WINDOW.0, WINDOW.1);
    json!({ "browserName": "chrome", "goog:loggingPrefs": { "browser": "ALL" }, "goog:chromeOptions": { "binary": program, "args": [
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic", "--lang=en-US",
        // Headless browsers refuse the software adapter otherwise, and where there is no GPU it is the only one.
        "--enable-unsafe-webgpu", window, profile,
    ] } })
}

fn firefox(program: &str) -> Value {
    json!({ "browserName": "firefox", "moz:firefoxOptions": { "binary": program, "args": ["-headless"], "prefs": {
        // A worker that keeps the page's files would answer where a test takes them away.
        "dom.serviceWorkers.enabled": false,
        "dom.webgpu.enabled": true,
        "browser.dom.window.dump.enabled": true,
        "devtools.console.stdout.content": true,
        "intl.accept_languages": "en-US, en",
        "ui.systemUsesDarkTheme": 0,
    } } })
}

fn webkit(program: &str) -> Value {
    json!({ "browserName": "MiniBrowser", "webkitgtk:browserOptions": { "binary": program, "args": ["--automation"] } })
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Sessions have been closed; these can only fail when there is nothing left to end or remove.
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
