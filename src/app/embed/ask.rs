//! What a frame's address asks for: `?embed&view=map&controls=mask,heads&lock=mask&lazy`; a claim: `view=claim:order-blind,n=256`.

use super::parts::{CLAIM, Control, Layout};

/// What is shown and how it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The part of the page.
    pub layout: Layout,
    /// The claim that is shown, with its sliders; empty for all of them.
    pub claim: String,
    /// Controls beside it, in the order of the page.
    pub controls: Vec<Control>,
    /// Those of them that are shown but can't be used.
    pub locked: Vec<Control>,
    /// Whether it waits for a click; otherwise it starts when it is seen.
    pub lazy: bool,
    /// Names that mean nothing, with the parameter they stand in.
    pub unknown: Vec<(&'static str, String)>,
}

impl Asked {
    /// Reads the query of an address. What is not understood is kept to be said.
    pub fn read(search: &str) -> Self {
        let query = web_sys::UrlSearchParams::new_with_str(search).ok();
        let get = |key: &str| query.as_ref().and_then(|query| query.get(key));
        let mut unknown = Vec::new();
        let claim = get("view").and_then(|name| name.strip_prefix(CLAIM).map(str::to_owned)).unwrap_or_default();
        let layout = match get("view").filter(|name| !name.is_empty()) {
            None => Layout::default(),
            Some(name) => Layout::named(&name).unwrap_or_else(|| {
                unknown.push(("view", name));
                Layout::default()
            }),
        };
        let mut names = |key: &'static str| -> Option<Vec<Control>> {
            let text = get(key)?;
            let mut found = Vec::new();
            for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                match Control::named(name) {
                    Some(control) => found.push(control),
                    None => unknown.push((key, name.to_owned())),
                }
            }
            Some(found)
        };
        let (controls, locked) = (names("controls"), names("lock").unwrap_or_default());
        let wanted = controls.unwrap_or_else(|| layout.controls().to_vec());
        let controls = Control::ALL.into_iter().filter(|c| wanted.contains(c) || locked.contains(c)).collect();
        let lazy = get("lazy");
        if let Some(name) = lazy.clone().filter(|name| !["", "0", "1", "true", "false"].contains(&name.as_str())) {
            unknown.push(("lazy", name));
        }
        let lazy = lazy.is_some_and(|lazy| !matches!(lazy.as_str(), "0" | "false"));
        Self { layout, claim, controls, locked, lazy, unknown }
    }
}
