//! The address carries the experiment; theme and language come from the address, else from what was chosen here before.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_split_helpers::SplitLoaderError;

use super::export::copy;
use super::reactive::effect;
use super::state::{Lab, Notice, Theme};
use super::{i18n, link};
use crate::catalogue::Lang;
use crate::experiment::{Experiment, Opened};

/// Most problems of a link that are said.
const SAID: usize = 12;

/// Quiet time before the address follows: browsers refuse more than a few hundred changes a minute.
const QUIET: Duration = Duration::from_millis(300);

/// Opens what the address held, and lets the address follow the experiment from then on.
pub fn start(lab: Lab, opened: Option<Opened>) {
    settings(lab);
    let raw = fragment();
    if let Some(opened) = opened {
        tell(lab, &opened);
        lab.pinned.set(opened.pinned.map(Arc::new));
        lab.laboratory.set(opened.laboratory.map(Arc::new));
        lab.open(opened.experiment);
    }
    let written = Rc::new(RefCell::new(raw));
    follow(lab, written.clone());
    let listener = window_event_listener(leptos::ev::hashchange, move |_| {
        let raw = fragment();
        // Our own writing does not raise this event; going back to what was just written changes nothing either.
        if *written.borrow() == raw {
            return;
        }
        written.replace(raw.clone());
        spawn_local(async move {
            let opened = link::read(raw).await;
            tell(lab, &opened);
            lab.pinned.set(opened.pinned.map(Arc::new));
            lab.laboratory.set(opened.laboratory.map(Arc::new));
            lab.replace("link", opened.experiment);
        });
    });
    // The listener lives as long as the page.
    std::mem::forget(listener);
    for event in ["pointerdown", "keydown"] {
        let once = web_sys::AddEventListenerOptions::new();
        once.set_once(true);
        let begun = Closure::once_into_js(move || spawn_local(link::prepare(lab)));
        // Listening to an event that exists cannot fail.
        let _ = window().add_event_listener_with_callback_and_add_event_listener_options(
            event,
            begun.unchecked_ref(),
            &once,
        );
    }
}

/// Chooses a theme and remembers it.
pub fn set_theme(lab: Lab, theme: Theme) {
    lab.theme.set(theme);
    store(
        "theme",
        match theme {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        },
    );
}

/// Chooses a language and remembers it.
pub fn set_lang(lab: Lab, lang: Lang) {
    lab.lang.set(lang);
    store(
        "lang",
        match lang {
            Lang::En => "en",
            Lang::Zh => "zh-CN",
        },
    );
}

/// The address that opens `experiment`; `None` where it holds more numbers than an address carries.
pub fn link(experiment: &Experiment) -> Option<String> {
    link::written(experiment).map(|fragment| address(&fragment))
}

/// The address that opens what the page shows, and the setting that it is compared with; `None` as with [`link`].
pub fn whole_link(lab: Lab) -> Option<String> {
    let pinned = lab.pinned.get_untracked();
    let experiment = lab.experiment.get_untracked();
    match &pinned {
        None => link(&experiment),
        Some(_) => link::written_beside(&experiment, pinned.as_deref()).map(|fragment| address(&fragment)),
    }
}

/// The address of the page as it is now, with everything that stands beside the experiment.
///
/// # Errors
/// When the piece that writes links does not arrive.
pub async fn present(lab: Lab) -> Result<String, SplitLoaderError> {
    link::write(lab.experiment.get_untracked(), link::Beside::now(lab)).await.map(|written| address(&written.fragment))
}

/// The folder that the page is served from, with its slash.
pub fn folder() -> String {
    let location = window().location();
    let part = |part: Result<String, JsValue>| part.unwrap_or_default();
    let path = part(location.pathname());
    let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
    format!("{}{folder}", part(location.origin()))
}

/// The query of the page's address, with its question mark.
pub fn search() -> String {
    window().location().search().unwrap_or_default()
}

/// The full page's address with a fragment, in the language and theme of this one: what a frame's way out leads to.
pub fn full_page(lab: Lab, fragment: &str) -> String {
    let location = window().location();
    let part = |part: Result<String, JsValue>| part.unwrap_or_default();
    let lang = if lab.lang.get_untracked() == Lang::Zh { "zh-CN" } else { "en" };
    let theme = match lab.theme.get_untracked() {
        Theme::Auto => "",
        Theme::Light => "&theme=light",
        Theme::Dark => "&theme=dark",
    };
    format!("{}{}?lang={lang}{theme}#{fragment}", part(location.origin()), part(location.pathname()))
}

/// The page's address with another fragment.
fn address(fragment: &str) -> String {
    let location = window().location();
    let part = |part: Result<String, JsValue>| part.unwrap_or_default();
    // A link opens the page, whatever part of it this is.
    let search = if embedded() { String::new() } else { part(location.search()) };
    format!("{}{}{search}#{fragment}", part(location.origin()), part(location.pathname()))
}

/// Copies the experiment's address. Where the browser does not let us, it is shown to be copied by hand.
pub fn copy_link(lab: Lab) {
    spawn_local(async move {
        let Ok(written) = link::write(lab.experiment.get_untracked(), link::Beside::now(lab)).await else {
            let text = i18n::now(
                lab.lang.get_untracked(),
                "The part of the page that writes links did not arrive. Try again.",
                "页面中生成链接的部分未能加载，请重试。",
            );
            lab.notices.update(|all| all.push(Notice { text: text.to_owned(), keep: None }));
            return;
        };
        if !written.whole {
            too_large(lab);
        }
        let link = address(&written.fragment);
        if !copy(&link).await {
            let text = i18n::now(lab.lang.get_untracked(), "Copy this link:", "请复制此链接：").to_owned();
            lab.notices.update(|all| all.push(Notice { text, keep: Some(link) }));
        }
    });
}

/// Says that an address does not hold everything, unless that is being said.
fn too_large(lab: Lab) {
    let (en, zh) = (
        "These numbers are too many for an address: a link and a reload open everything but the input, its edits, long tables and many painted cells. Save a file from Share.",
        "这些数值过多，地址无法容纳：链接与刷新会打开除输入、其编辑、长表格和大量涂画之外的一切。请在“分享”中存为文件。",
    );
    // In whichever language.
    if !lab.notices.with_untracked(|all| all.iter().any(|notice| [en, zh].contains(&notice.text.as_str()))) {
        let text = i18n::now(lab.lang.get_untracked(), en, zh);
        lab.notices.update(|all| all.push(Notice { text: text.to_owned(), keep: None }));
    }
}

/// The address's fragment, without `#`.
pub fn fragment() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.strip_prefix('#').unwrap_or(&hash).to_owned()
}

/// Says what of a link could not be used, and keeps the link.
fn tell(lab: Lab, opened: &Opened) {
    if opened.problems.is_empty() {
        return;
    }
    let lang = lab.lang.get_untracked();
    let mut problems: Vec<String> = opened.problems.iter().take(SAID).map(|problem| problem.line(lang)).collect();
    if opened.problems.len() > SAID {
        problems.push("…".to_owned());
    }
    let start = i18n::now(
        lang,
        "Not everything in this link could be used; the rest is open. ",
        "该链接中有部分内容无法使用，其余已打开。",
    );
    let text = format!("{start}{}", problems.join("; "));
    lab.notices.update(|all| all.push(Notice { text, keep: Some(opened.raw.clone()) }));
}

/// Writes the experiment into the address when it has been left alone for a moment.
fn follow(lab: Lab, written: Rc<RefCell<String>>) {
    if framed() {
        return;
    }
    let latest = Rc::new(std::cell::Cell::new(0_u32));
    let mut opened = false;
    effect(move || {
        let (experiment, beside) = (lab.experiment.get(), link::Beside::of(lab));
        // What the page was opened with stays as it was written, damaged or not, until something is changed.
        if !std::mem::replace(&mut opened, true) {
            return;
        }
        let turn = latest.get().wrapping_add(1);
        latest.set(turn);
        let (latest, written) = (latest.clone(), written.clone());
        set_timeout(
            move || {
                if latest.get() == turn {
                    spawn_local(keep(lab, experiment, beside, written));
                }
            },
            QUIET,
        );
    });
}

/// Writes an experiment into the address.
async fn keep(lab: Lab, experiment: Arc<Experiment>, beside: link::Beside, written: Rc<RefCell<String>>) {
    // Should the piece not arrive, the address stays and the next edit tries again.
    let Ok(link::Written { fragment: hash, whole }) = link::write(experiment, beside).await else { return };
    if !whole {
        too_large(lab);
    }
    let location = window().location();
    let base = location.pathname().unwrap_or_default() + &location.search().unwrap_or_default();
    let address = if hash.is_empty() { base } else { format!("{base}#{hash}") };
    // Browsers that refuse (too many changes, a frame without history) keep the old address; the link button still works.
    let done = window().history().and_then(|h| h.replace_state_with_url(&JsValue::NULL, "", Some(&address)));
    if done.is_ok() {
        written.replace(hash);
    }
}

/// Whether the address asks for the layout of a frame.
pub fn embedded() -> bool {
    web_sys::UrlSearchParams::new_with_str(&search()).is_ok_and(|asked| asked.has("embed"))
}

/// Whether the page lies in a frame, whose address is the host's business.
pub fn framed() -> bool {
    let window = window();
    let top = window.top().ok().flatten();
    top.is_some_and(|top| !js_sys::Object::is(&top, &window))
}

fn settings(lab: Lab) {
    let search = window().location().search().unwrap_or_default();
    let asked = web_sys::UrlSearchParams::new_with_str(&search).ok();
    let choice = |key: &str| asked.as_ref().and_then(|q| q.get(key)).or_else(|| stored(key));
    let lang = choice("lang").or_else(|| window().navigator().language()).unwrap_or_default();
    lab.lang.set(if lang.to_ascii_lowercase().starts_with("zh") { Lang::Zh } else { Lang::En });
    let theme = choice("theme");
    lab.theme.set(match theme.as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::Auto,
    });
    let asked = |key: &str, known: &[&str]| {
        let name = asked.as_ref().and_then(|q| q.get(key));
        if let Some(name) = name.filter(|name| !known.contains(&name.as_str())) {
            say_unknown(lab, key, &name);
        }
    };
    asked("theme", &["auto", "light", "dark"]);
    if !["en", "zh"].iter().any(|known| lang.to_ascii_lowercase().starts_with(known)) {
        asked("lang", &[]);
    }
}

/// A name in the address's query that means nothing is said, not passed over.
pub fn say_unknown(lab: Lab, key: &str, name: &str) {
    let name: String = name.chars().take(40).filter(char::is_ascii_graphic).collect();
    let words =
        i18n::now(lab.lang.get_untracked(), "The address names something that there is not: ", "地址中有未知名称：");
    lab.notices.update(|all| all.push(Notice { text: format!("{words}{key}={name}"), keep: None }));
}

fn storage() -> Option<web_sys::Storage> {
    // Throws in frames without their own origin and where the user forbids it.
    window().local_storage().ok().flatten()
}

fn stored(key: &str) -> Option<String> {
    storage()?.get_item(&format!("attention-playground.{key}")).ok().flatten()
}

fn store(key: &str, value: &str) {
    if let Some(storage) = storage() {
        // A full storage loses the choice at the next visit, nothing else.
        let _ = storage.set_item(&format!("attention-playground.{key}"), value);
    }
}
