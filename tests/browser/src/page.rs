//! The page as a test sees it: open an address, find a control by its label, use it, ask the page, wait, look.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::{TypingData, WebDriver, WebElement};

use crate::driver::Said;
use crate::kind::Kind;
use crate::{Error, Result};

/// Runs in the page around a test's own code: awaits it, and makes its value plain JSON. Typed arrays become arrays, numbers
/// that JSON lacks become "NaN", "Infinity" and "-Infinity"; an error keeps its name, message and issues.
const WRAP: &str = r#"
const done = arguments[arguments.length - 1];
const plain = (key, value) => ArrayBuffer.isView(value) ? Array.from(value)
  : typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
(async (...args) => { BODY })(...Array.prototype.slice.call(arguments, 0, -1)).then(
  (value) => done(JSON.stringify({ value: value ?? null }, plain)),
  (error) => done(JSON.stringify({ error: `${error?.name}: ${error?.message ?? error}`, issues: error?.issues ?? null })));
"#;

/// Elements whose accessible name is the wanted one, visible ones first: aria-label, aria-labelledby, <label>, own text, title.
const BY_LABEL: &str = r#"
const wanted = arguments[0], squeeze = (text) => (text ?? "").replace(/\s+/g, " ").trim();
// Of a text in two languages only one is shown.
const shown = (n) => !n.checkVisibility || n.checkVisibility() || !n.parentElement.checkVisibility();
const name = (e) => {
  const by = e.getAttribute("aria-labelledby");
  if (by) return squeeze(by.split(/\s+/).map((id) => document.getElementById(id)?.textContent).join(" "));
  if (e.hasAttribute("aria-label")) return squeeze(e.getAttribute("aria-label"));
  if (e.labels?.length) return squeeze([...e.labels[0].childNodes].filter((n) => !n.contains?.(e) && n.nodeName !== "OUTPUT" && shown(n)).map((n) => n.textContent).join(" "));
  return squeeze([...e.childNodes].filter(shown).map((n) => n.textContent).join("")) || squeeze(e.title);
};
const kinds = "button, a[href], input, select, textarea, summary, canvas, [role], [tabindex], [aria-label]";
const found = [...document.querySelectorAll(kinds)].filter((e) => name(e) === wanted);
return found.find((e) => e.checkVisibility()) ?? found[0] ?? null;
"#;

/// How long a control is waited for: so many times so long.
const WAITS: u32 = 100;
const WAIT: Duration = Duration::from_millis(50);

/// Width and height of the window.
pub const WINDOW: (u32, u32) = (1366, 900);

/// One browser session.
pub struct Page {
    driver: WebDriver,
    base: String,
    kind: Kind,
    /// What the browser says on its own output.
    said: Said,
    /// Severe console messages that were read while looking for something else.
    kept: RefCell<Vec<String>>,
    /// The script that hides service workers from pages.
    hiding: RefCell<Option<Value>>,
    /// What a test puts in front of the pages' own scripts.
    before: RefCell<Vec<Value>>,
    /// What the test wants printed.
    told: RefCell<Vec<String>>,
    /// Whether a test has resized the window.
    resized: Cell<bool>,
    /// Whether the page is open as [`Page::ready`] opened it.
    plain: Cell<bool>,
}

#[allow(dead_code, reason = "a vocabulary for tests; not each word is in use at each moment")]
impl Page {
    /// Wraps a session that tests will use on this server.
    pub fn new(driver: WebDriver, base: String, kind: Kind, said: Said) -> Self {
        Self {
            driver,
            base,
            kind,
            said,
            kept: RefCell::default(),
            hiding: RefCell::default(),
            before: RefCell::default(),
            told: RefCell::default(),
            resized: Cell::default(),
            plain: Cell::default(),
        }
    }

    /// Which browser this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The session, for what this vocabulary lacks.
    pub fn driver(&self) -> &WebDriver {
        &self.driver
    }

    /// Runs a script inside the frame that a selector names, and comes back.
    pub async fn inside(&self, frame: &str, script: &str) -> Result<Value> {
        self.driver.find(thirtyfour::By::Css(frame)).await?.enter_frame().await?;
        let value = self.driver.execute(script, vec![]).await.map(|value| value.json().clone());
        self.driver.enter_default_frame().await?;
        Ok(value?)
    }

    /// Has a line printed under the test's name when it has ended: other browsers print meanwhile.
    pub fn say(&self, line: &str) {
        self.told.borrow_mut().push(format!("\n        {line}"));
    }

    /// Takes what the test has said.
    pub fn take_said(&self) -> String {
        self.told.take().concat()
    }

    /// Takes the severe messages of pages that are not ours.
    pub async fn forget_severe(&self) -> Result<()> {
        self.severe_messages().await.map(drop)
    }

    /// The server's address, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Opens a path with its query and fragment, such as `/#v=1`, as a fresh document; returns when it has loaded.
    pub async fn open(&self, path: &str) -> Result<()> {
        self.visit(&format!("{}{path}", self.base)).await
    }

    /// The same with a whole address, of any server.
    pub async fn visit(&self, address: &str) -> Result<()> {
        self.plain.set(false);
        if self.kind == Kind::Firefox {
            self.leave().await;
        }
        // Between two addresses that differ in the fragment only, the browser would not load anything.
        self.driver.goto("about:blank").await?;
        Ok(self.driver.goto(address).await?)
    }

    /// Leaves the page as a link does. When the way out comes from outside the page, Firefox ends the script that runs at that moment in its very midst, and goes on calling
    /// the program that stood there until the page has gone. A page that can't be left so is left anyhow.
    async fn leave(&self) {
        let _ = self.driver.execute("location.replace('about:blank')", vec![]).await;
        let gone = "return document.URL === 'about:blank'";
        for _ in 0..WAITS {
            if self.driver.execute(gone, vec![]).await.is_ok_and(|gone| *gone.json() == Value::Bool(true)) {
                return;
            }
            tokio::time::sleep(WAIT / 5).await;
        }
    }

    /// Opens a path and waits until the page can compute.
    pub async fn open_ready(&self, path: &str) -> Result<()> {
        self.open(path).await?;
        // The document has loaded when its module begins to start, not when it has.
        self.wait_until("globalThis.attentionPlayground").await?;
        self.js("await attentionPlayground", vec![]).await?;
        // Until the first result the static first paint covers it.
        self.wait_until("!document.getElementById('shell')").await
    }

    /// Opens a page of the same origin that holds the playground in the frame `#f`, and waits until it is there.
    pub async fn open_framed(&self) -> Result<()> {
        self.open("/gallery/").await?;
        let frame =
            "const f = document.createElement('iframe'); f.src = '../?embed'; f.id = 'f'; document.body.append(f)";
        self.js(frame, vec![]).await?;
        self.wait_until("document.getElementById('f').contentWindow.attentionPlayground").await
    }

    /// Opens the page unless it is open as this left it: for tests that leave it so too, and may come after any other.
    pub async fn ready(&self) -> Result<()> {
        if !self.plain.get() {
            self.open_ready("/").await?;
            self.plain.set(true);
        }
        Ok(())
    }

    /// Whether pages of this browser are given a WebGPU adapter, be it one in software.
    pub async fn has_adapter(&self) -> Result<bool> {
        self.open("/").await?;
        Ok(self.js("return !!(await navigator.gpu?.requestAdapter())", vec![]).await? == json!(true))
    }

    /// Runs the body of an async function in the page and returns what it returns; `args` is its array of arguments.
    ///
    /// # Errors
    /// With the error's name, message and issues, when it throws.
    pub async fn js(&self, body: &str, args: Vec<Value>) -> Result<Value> {
        // Firefox runs scripts in a room of their own, whose globalThis is not the window; `self` is in every browser.
        let body = body.replace("globalThis", "self");
        let answer = self.driver.execute_async(WRAP.replace("BODY", &body), args).await?;
        let text = answer.json().as_str().ok_or("the script gave no answer")?;
        let mut answer: Value = serde_json::from_str(text)?;
        match answer.get("error").and_then(Value::as_str) {
            None => Ok(answer["value"].take()),
            Some(error) if answer["issues"].is_null() => Err(error.into()),
            Some(error) => Err(format!("{error} {}", answer["issues"]).into()),
        }
    }

    /// Waits until an expression is true in the page.
    ///
    /// # Errors
    /// After 15 seconds.
    pub async fn wait_until(&self, condition: &str) -> Result<()> {
        let body = format!(
            "const end = performance.now() + 15000; while (!({condition})) {{ if (performance.now() > end) return false; \
             await new Promise((next) => setTimeout(next, 20)); }} return true;"
        );
        // Where the page goes elsewhere meanwhile, Chromium mostly lets the question follow, and calls it a script's timeout where it does not; other browsers drop it.
        let mut tries = 20;
        let mut answer = self.js(&body, vec![]).await;
        while answer.is_err() && tries > 0 {
            tokio::time::sleep(WAIT).await;
            tries -= 1;
            answer = self.js(&body, vec![]).await;
        }
        match answer? {
            Value::Bool(true) => Ok(()),
            _ => Err(format!("never came true: {condition}").into()),
        }
    }

    /// The control with this accessible name.
    pub async fn control(&self, label: &str) -> Result<WebElement> {
        // What stands on the page may come with a piece of the program that is still on its way.
        for _ in 0..WAITS {
            let found = self.driver.execute(BY_LABEL, vec![json!(label)]).await?;
            if let Ok(element) = found.element() {
                return Ok(element);
            }
            tokio::time::sleep(WAIT).await;
        }
        Err(format!("no control is labelled {label:?}").into())
    }

    /// Clicks the control with this label.
    pub async fn click(&self, label: &str) -> Result<()> {
        Ok(self.control(label).await?.click().await?)
    }

    /// Replaces what a text field holds.
    pub async fn fill(&self, label: &str, text: &str) -> Result<()> {
        let field = self.control(label).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Moves a slider, or chooses in a list, as a person does: sets the value and says so with `input` and `change`.
    pub async fn set(&self, label: &str, value: &str) -> Result<()> {
        let field = self.control(label).await?.to_json()?;
        let script = "arguments[0].value = arguments[1]; for (const kind of ['input', 'change']) \
                      arguments[0].dispatchEvent(new Event(kind, { bubbles: true }));";
        self.driver.execute(script, vec![field, json!(value)]).await?;
        Ok(())
    }

    /// Chooses an entry of a list by its text.
    pub async fn choose(&self, label: &str, entry: &str) -> Result<()> {
        let field = self.control(label).await?.to_json()?;
        let script =
            "return [...arguments[0].options].find((o) => o.textContent.trim() === arguments[1])?.value ?? null";
        let value = self.driver.execute(script, vec![field, json!(entry)]).await?;
        let value = value.json().as_str().ok_or_else(|| format!("{label:?} has no entry {entry:?}"))?.to_owned();
        self.set(label, &value).await
    }

    /// Sends keys to whatever has the focus: a text, a `thirtyfour::Key`, or a sum of them such as `"7" + Key::Enter`.
    pub async fn keys(&self, keys: impl Into<TypingData>) -> Result<()> {
        Ok(self.driver.active_element().await?.send_keys(keys).await?)
    }

    /// Sends a command of the browser's own debugging protocol, for faults that WebDriver cannot make.
    pub async fn cdp(&self, command: &str, parameters: Value) -> Result<Value> {
        Ok(self.driver.cdp().send_raw(command, parameters).await?)
    }

    /// Hides service workers from the pages that are opened from now on: one that keeps the page's files would answer where a test takes them away.
    pub async fn hide_service_workers(&self) -> Result<()> {
        let source = json!({ "source": "delete Navigator.prototype.serviceWorker" });
        let hiding = self.cdp("Page.addScriptToEvaluateOnNewDocument", source).await?;
        *self.hiding.borrow_mut() = Some(hiding["identifier"].clone());
        Ok(())
    }

    /// Undoes it.
    pub async fn keep_service_workers(&self) -> Result<()> {
        let hiding = self.hiding.borrow_mut().take();
        match hiding {
            Some(hiding) => {
                self.cdp("Page.removeScriptToEvaluateOnNewDocument", json!({ "identifier": hiding })).await.map(drop)
            }
            None => Ok(()),
        }
    }

    /// Runs a script in front of the own scripts of the pages that this test opens from now on: for a browser that lacks something, or refuses it.
    pub async fn before_load(&self, source: &str) -> Result<()> {
        let script = self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await?;
        self.before.borrow_mut().push(script["identifier"].clone());
        Ok(())
    }

    /// Takes back what the test put in front of pages.
    pub async fn tidy(&self) -> Result<()> {
        let scripts = std::mem::take(&mut *self.before.borrow_mut());
        for script in scripts {
            self.cdp("Page.removeScriptToEvaluateOnNewDocument", json!({ "identifier": script })).await?;
        }
        // The next test counts on a window in which everything is side by side.
        if self.resized.take() {
            self.driver.set_window_rect(0, 0, WINDOW.0, WINDOW.1).await?;
        }
        Ok(())
    }

    /// Resizes the window, until the test is over.
    pub async fn size(&self, width: u32, height: u32) -> Result<()> {
        self.resized.set(true);
        Ok(self.driver.set_window_rect(0, 0, width, height).await?)
    }

    /// Takes and empties the console's severe messages: errors, uncaught exceptions, in Chromium also what the policy refused and what did not load.
    /// WebKit's driver tells none.
    pub async fn severe_messages(&self) -> Result<Vec<String>> {
        let mut messages = std::mem::take(&mut *self.kept.borrow_mut());
        match self.kind {
            Kind::Chromium => {
                let log = self.driver.browser_log().await?;
                messages.extend(log.into_iter().filter(|entry| entry.level == "SEVERE").map(|entry| entry.message));
            }
            Kind::Firefox => messages.append(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner)),
            Kind::Webkit => {}
        }
        Ok(messages)
    }

    /// Takes the severe messages that a test provoked on purpose: those that contain `part` go, at least one must.
    pub async fn expect_severe(&self, part: &str) -> Result<()> {
        let (wanted, rest): (Vec<_>, Vec<_>) =
            self.severe_messages().await?.into_iter().partition(|m| m.contains(part));
        self.kept.borrow_mut().extend(rest);
        if wanted.is_empty() { Err(format!("the console never said {part:?}").into()) } else { Ok(()) }
    }

    /// Writes a picture of the window into the folder that SHOTS names, if it does.
    pub async fn screenshot(&self, name: &str) -> Result<()> {
        let Some(folder) = std::env::var_os("SHOTS").map(PathBuf::from) else { return Ok(()) };
        std::fs::create_dir_all(&folder)?;
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        Ok(self.driver.screenshot(&folder.join(format!("{name}.png"))).await?)
    }

    /// Ends the session; a browser that is gone already is fine.
    pub async fn quit(self) {
        let _ = self.driver.quit().await;
    }
}

/// Fails a test with these words unless the condition holds.
pub fn ensure(condition: bool, words: impl FnOnce() -> String) -> Result<()> {
    if condition { Ok(()) } else { Err(Error::from(words())) }
}
