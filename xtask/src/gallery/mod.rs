//! Pages of the gallery: in each language one for each experiment and one for all, plain HTML that reads without scripts and that link previews understand. They need no
//! program: a story, a picture, the link; with scripts the experiment itself, in a frame.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | the list, where its pages lie, what oEmbed answers |
//! | `page` | the pages |
//! | `words` | what the pages themselves say |

mod page;
mod words;

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use crate::Result;
use crate::html::escape;
use page::{overview, page};
use words::Lang;

/// The folder of the pages, and of the list before its name gets a hash.
pub const GALLERY: &str = "gallery";

/// Size of the pictures, which is what link previews show whole.
const PICTURE: [u32; 2] = [1200, 630];

/// Size of the frame that oEmbed gives.
const FRAME: [u32; 2] = [800, 640];

/// Everything from this folder's host; no inline script, no inline style.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'";

/// One experiment, as `public/gallery/index.json` has it.
#[derive(Deserialize)]
struct Entry {
    slug: String,
    link: String,
    beside: Option<String>,
    title: Words,
    about: Words,
    story: Story,
    view: Option<String>,
}

#[derive(Deserialize)]
struct Words {
    en: String,
    zh: String,
}

#[derive(Deserialize)]
struct Story {
    en: Vec<String>,
    zh: Vec<String>,
}

impl Entry {
    fn title(&self, lang: Lang) -> &str {
        lang.of(&self.title.en, &self.title.zh)
    }

    fn about(&self, lang: Lang) -> &str {
        lang.of(&self.about.en, &self.about.zh)
    }

    /// Its sentences in one line; Chinese has no space between them.
    fn story(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.story.en.join(" "),
            Lang::Zh => self.story.zh.concat(),
        }
    }

    fn view(&self) -> &str {
        self.view.as_deref().unwrap_or("map")
    }
}

/// What the pages refer to, relative to the root of the site.
pub struct Names<'a> {
    /// The folder of the list and the pictures.
    pub pictures: &'a str,
    /// The style sheet.
    pub sheet: &'a str,
    /// The icon.
    pub icon: &'a str,
    /// The address of the site, if the build was told it.
    pub base: Option<&'a str>,
}

/// Writes `gallery/index.html` and `gallery/<slug>/index.html`, in Chinese under `gallery/zh/`; with an address also `oembed.json` beside each experiment's page.
///
/// # Errors
/// A list that can't be read, or a name that is no folder's or a language's.
pub fn write(folder: &Path, names: &Names) -> Result<()> {
    let list = folder.join(names.pictures).join("index.json");
    let entries: Vec<Entry> =
        serde_json::from_str(&fs::read_to_string(&list)?).map_err(|e| format!("{}: {e}", list.display()))?;
    let plain = |slug: &str| slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let taken = |slug: &str| Lang::ALL.iter().any(|lang| lang.folder().trim_end_matches('/') == slug);
    for Entry { slug, .. } in &entries {
        if !plain(slug) || taken(slug) {
            return Err(format!("{slug:?} in {} is no name for a page", list.display()).into());
        }
    }
    for lang in Lang::ALL {
        let pages = folder.join(GALLERY).join(lang.folder());
        fs::create_dir_all(&pages)?;
        for (at, entry) in entries.iter().enumerate() {
            let own = pages.join(&entry.slug);
            fs::create_dir_all(&own)?;
            let around = [at.checked_sub(1).map(|at| &entries[at]), entries.get(at + 1)];
            fs::write(own.join("index.html"), page(entry, names, lang, around))?;
            if let Some(base) = names.base {
                fs::write(own.join("oembed.json"), oembed(entry, names, lang, base))?;
            }
        }
        fs::write(pages.join("index.html"), overview(&entries, names, lang))?;
    }
    Ok(())
}

/// Where the page of a language lies, relative to the root of the site; that of all experiments without a `slug`.
fn place(lang: Lang, slug: &str) -> String {
    let slash = if slug.is_empty() { "" } else { "/" };
    format!("{GALLERY}/{}{slug}{slash}", lang.folder())
}

/// What an oEmbed consumer gets: a frame with the experiment.
fn oembed(entry: &Entry, names: &Names, lang: Lang, base: &str) -> String {
    let [width, height] = FRAME;
    let asked = lang.of("", "&lang=zh-CN");
    let address = escape(&format!("{base}?embed&view={}{asked}#{}", entry.view(), entry.link));
    let title = escape(entry.title(lang));
    let frame = format!(
        "<iframe src=\"{address}\" title=\"{title}\" width=\"{width}\" height=\"{height}\" loading=\"lazy\" \
         allow=\"fullscreen; clipboard-write\"></iframe>"
    );
    let answer = json!({
        "version": "1.0",
        "type": "rich",
        "title": entry.title(lang),
        "provider_name": words::SITE.get(lang),
        "provider_url": base,
        "html": frame,
        "width": width,
        "height": height,
        "thumbnail_url": format!("{base}{}/{}.png", names.pictures, entry.slug),
        "thumbnail_width": PICTURE[0],
        "thumbnail_height": PICTURE[1],
    });
    answer.to_string() + "\n"
}

#[cfg(test)]
mod tests;
