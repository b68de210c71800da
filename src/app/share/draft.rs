//! What is shared and how: the choices of the dialog, and the texts that they make.

use std::fmt::Write;

use crate::app::embed::{Control, Layout};
use crate::app::state::Theme;
use crate::catalogue::Lang;

/// Ways to carry an experiment into another page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The address of the full page.
    Link,
    /// An `iframe`.
    Frame,
    /// The custom element.
    Element,
    /// A linked picture in Markdown.
    Markdown,
    /// A picture that stands still.
    Picture,
}

/// What is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The part that a frame shows.
    pub layout: Layout,
    /// Controls beside it; `None` for those that the part has by itself.
    pub controls: Vec<Control>,
    /// Those of them that can't be used.
    pub locked: Vec<Control>,
    /// The frame's theme.
    pub theme: Theme,
    /// The frame's language.
    pub lang: Lang,
    /// Whether it waits for a click.
    pub lazy: bool,
}

impl Draft {
    /// The query of a frame's address: what differs from what a frame does by itself.
    pub fn query(&self) -> String {
        let mut query = "embed".to_owned();
        let names = |all: &[Control]| all.iter().map(|control| control.name()).collect::<Vec<_>>().join(",");
        for (key, value) in self.settings(names) {
            // Writing to a string cannot fail.
            let _ = write!(query, "&{key}={value}");
        }
        if self.lazy {
            query += "&lazy";
        }
        query
    }

    fn settings(&self, names: impl Fn(&[Control]) -> String) -> Vec<(&'static str, String)> {
        let mut all = vec![("view", self.layout.name().to_owned())];
        if self.controls != self.layout.controls() {
            all.push(("controls", names(&self.controls)));
        }
        if !self.locked.is_empty() {
            all.push(("lock", names(&self.locked)));
        }
        match self.theme {
            Theme::Auto => {}
            Theme::Light => all.push(("theme", "light".to_owned())),
            Theme::Dark => all.push(("theme", "dark".to_owned())),
        }
        all.push(("lang", if self.lang == Lang::Zh { "zh-CN" } else { "en" }.to_owned()));
        all
    }

    /// The text to paste. `base` is the folder of the page, with its slash; `link` the experiment's fragment without `#`; `title` what the
    /// experiment is called.
    pub fn text(&self, form: Form, base: &str, link: &str, title: &str) -> String {
        let page = format!("{base}#{link}");
        let (title, shown) = (escaped(title), escaped(&page));
        match form {
            Form::Link | Form::Picture => page,
            Form::Frame => {
                let src = escaped(&format!("{base}?{}#{link}", self.query()));
                format!(
                    "<iframe src=\"{src}\" title=\"{title}\" width=\"100%\" height=\"560\" loading=\"lazy\" style=\"border:0\" allow=\"clipboard-write; fullscreen\"></iframe>"
                )
            }
            Form::Element => {
                let names = |all: &[Control]| all.iter().map(|control| control.name()).collect::<Vec<_>>().join(",");
                let mut attributes = String::new();
                for (key, value) in self.settings(names) {
                    // Writing to a string cannot fail.
                    let _ = write!(attributes, " {key}=\"{value}\"");
                }
                let loading = if self.lazy { "click" } else { "lazy" };
                format!(
                    "<script defer src=\"{}embed.js\"></script>\n<attention-playground src=\"#{}\"{attributes} loading=\"{loading}\">\n  <a href=\"{shown}\"><img src=\"attention.png\" alt=\"{title}\"></a>\n</attention-playground>",
                    escaped(base),
                    escaped(link),
                )
            }
            Form::Markdown => {
                // Brackets end a text, and backslashes would join what follows.
                let plain: String = title.chars().filter(|c| !matches!(c, '[' | ']' | '\\' | '`')).collect();
                format!("[![{plain}](attention.png)]({page})")
            }
        }
    }
}

/// Text as it stands in HTML, in an attribute too.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
