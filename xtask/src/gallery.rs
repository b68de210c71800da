//! Pages of the gallery: one for each experiment and one for all, plain HTML that reads without scripts and that link previews understand. They need no
//! program: a story, a picture, the link; with scripts the experiment itself, in a frame.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use crate::Result;
use crate::html::escape;

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

/// Writes `gallery/index.html` and `gallery/<slug>/index.html`; with an address also `gallery/<slug>/oembed.json`.
///
/// # Errors
/// A list that can't be read, or a name that is no folder's.
pub fn write(folder: &Path, names: &Names) -> Result<()> {
    let list = folder.join(names.pictures).join("index.json");
    let entries: Vec<Entry> =
        serde_json::from_str(&fs::read_to_string(&list)?).map_err(|e| format!("{}: {e}", list.display()))?;
    let pages = folder.join(GALLERY);
    fs::create_dir_all(&pages)?;
    for (at, entry) in entries.iter().enumerate() {
        if entry.slug.is_empty()
            || !entry.slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            return Err(format!("{:?} in {} is no name for a page", entry.slug, list.display()).into());
        }
        let own = pages.join(&entry.slug);
        fs::create_dir_all(&own)?;
        fs::write(
            own.join("index.html"),
            page(entry, names, [at.checked_sub(1).map(|at| &entries[at]), entries.get(at + 1)]),
        )?;
        if let Some(base) = names.base {
            fs::write(own.join("oembed.json"), oembed(entry, names, base))?;
        }
    }
    fs::write(pages.join("index.html"), overview(&entries, names))?;
    Ok(())
}

/// The page of one experiment.
fn page(entry: &Entry, names: &Names, [before, after]: [Option<&Entry>; 2]) -> String {
    let Entry { slug, title, about, story, .. } = entry;
    let (picture, open) = (format!("../../{}/{slug}.png", names.pictures), format!("../../#{}", entry.link));
    let absolute = names.base.map(|base| {
        let own = escape(&format!("{base}{GALLERY}/{slug}/"));
        let picture = escape(&format!("{base}{}/{slug}.png", names.pictures));
        let [width, height] = PICTURE;
        format!(
            "<link rel=\"canonical\" href=\"{own}\">\n<meta property=\"og:url\" content=\"{own}\">\n\
             <meta property=\"og:image\" content=\"{picture}\">\n<meta property=\"og:image:width\" content=\"{width}\">\n\
             <meta property=\"og:image:height\" content=\"{height}\">\n<meta property=\"og:image:alt\" content=\"{}\">\n\
             <meta name=\"twitter:card\" content=\"summary_large_image\">\n\
             <link rel=\"alternate\" type=\"application/json+oembed\" href=\"{own}oembed.json\" title=\"{}\">\n",
            escape(&about.en),
            escape(&title.en)
        )
    });
    let mut html = head(&title.en, &about.en, "../../", names, &absolute.unwrap_or_default(), true);
    let other = entry.beside.as_ref().map(|link| {
        format!(
            " <a href=\"{}\">Open the right-hand side <span lang=\"zh-CN\">打开右侧</span></a>",
            escape(&format!("../../#{link}"))
        )
    });
    let view = entry.view.as_deref().unwrap_or("map");
    let [width, height] = PICTURE;
    let _ = write!(
        html,
        "<main>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n\
         <attention-playground src=\"{}\" view=\"{}\" loading=\"click\">\n\
         <a href=\"{}\"><img src=\"{}\" width=\"{width}\" height=\"{height}\" alt=\"{}\"></a>\n</attention-playground>\n\
         <p class=\"actions\"><a class=\"primary\" href=\"{}\">Open in the playground <span lang=\"zh-CN\">在实验场中打开</span></a>{}</p>\n\
         <section>\n<h2>What to look at</h2>\n<p>{}</p>\n</section>\n\
         <section lang=\"zh-CN\">\n<h2>{}</h2>\n<p class=\"lead\">{}</p>\n<p>{}</p>\n</section>\n",
        escape(&title.en),
        escape(&about.en),
        escape(&format!("#{}", entry.link)),
        escape(view),
        escape(&open),
        escape(&picture),
        escape(&format!("Attention maps: {}", about.en)),
        escape(&open),
        other.unwrap_or_default(),
        escape(&story.en.join(" ")),
        escape(&title.zh),
        escape(&about.zh),
        escape(&story.zh.concat()),
    );
    html.push_str("<nav class=\"around\" aria-label=\"Gallery\">\n");
    for (other, rel) in [(before, "prev"), (after, "next")] {
        if let Some(other) = other {
            let _ = writeln!(html, "<a rel=\"{rel}\" href=\"../{}/\">{}</a>", other.slug, escape(&other.title.en));
        }
    }
    html.push_str("</nav>\n</main>\n</body>\n</html>\n");
    html
}

/// The page of all experiments.
fn overview(entries: &[Entry], names: &Names) -> String {
    const ABOUT: &str =
        "Attention mechanisms, one story each: what to look at, what to change, and the experiment itself.";
    let absolute = names.base.map(|base| {
        let own = escape(&format!("{base}{GALLERY}/"));
        let first = entries.first().map(|entry| escape(&format!("{base}{}/{}.png", names.pictures, entry.slug)));
        let picture = first.map(|picture| format!("<meta property=\"og:image\" content=\"{picture}\">\n"));
        format!(
            "<link rel=\"canonical\" href=\"{own}\">\n<meta property=\"og:url\" content=\"{own}\">\n{}",
            picture.unwrap_or_default()
        )
    });
    let mut html = head("Gallery", ABOUT, "../", names, &absolute.unwrap_or_default(), false);
    let _ = write!(
        html,
        "<main>\n<h1>Gallery <span lang=\"zh-CN\">图集</span></h1>\n<p class=\"lead\">{ABOUT}</p>\n<ul class=\"cards\">\n"
    );
    let [width, height] = PICTURE;
    for Entry { slug, title, about, .. } in entries {
        let _ = write!(
            html,
            "<li><a href=\"{slug}/\"><img src=\"../{}/{slug}.png\" width=\"{width}\" height=\"{height}\" alt=\"\" loading=\"lazy\">\
             <b>{}</b> <b lang=\"zh-CN\">{}</b></a>\n<p>{}</p>\n<p lang=\"zh-CN\">{}</p></li>\n",
            names.pictures,
            escape(&title.en),
            escape(&title.zh),
            escape(&about.en),
            escape(&about.zh),
        );
    }
    html.push_str("</ul>\n</main>\n</body>\n</html>\n");
    html
}

/// Everything up to the content. `up` leads to the root of the site.
fn head(title: &str, about: &str, up: &str, names: &Names, absolute: &str, framed: bool) -> String {
    let (title, about) = (escape(title), escape(about));
    let script = if framed { format!("<script defer src=\"{up}embed.js\"></script>\n") } else { String::new() };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{title} · Attention Playground</title>\n<meta name=\"description\" content=\"{about}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta property=\"og:type\" content=\"article\">\n<meta property=\"og:site_name\" content=\"Attention Playground\">\n\
         <meta property=\"og:title\" content=\"{title}\">\n<meta property=\"og:description\" content=\"{about}\">\n{absolute}\
         <link rel=\"icon\" href=\"{up}{}\" type=\"image/svg+xml\">\n<link rel=\"stylesheet\" href=\"{up}{}\">\n{script}\
         </head>\n<body>\n<header class=\"bar\"><a href=\"{up}\"><b>Attention Playground</b></a>\n\
         <nav aria-label=\"Site\"><a href=\"{up}{GALLERY}/\">Gallery <span lang=\"zh-CN\">图集</span></a> <a href=\"{up}api/\">API</a></nav></header>\n",
        escape(names.icon),
        escape(names.sheet),
    )
}

/// What an oEmbed consumer gets: a frame with the experiment.
fn oembed(entry: &Entry, names: &Names, base: &str) -> String {
    let view = entry.view.as_deref().unwrap_or("map");
    let [width, height] = FRAME;
    let address = escape(&format!("{base}?embed&view={view}#{}", entry.link));
    let title = escape(&entry.title.en);
    let frame = format!(
        "<iframe src=\"{address}\" title=\"{title}\" width=\"{width}\" height=\"{height}\" loading=\"lazy\" \
         allow=\"fullscreen; clipboard-write\"></iframe>"
    );
    let answer = json!({
        "version": "1.0",
        "type": "rich",
        "title": entry.title.en,
        "provider_name": "Attention Playground",
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
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::path::PathBuf;

    const LIST: &str = r#"[
        {"slug": "a-b", "link": "v1&mask=none&q=%22", "beside": "v1", "title": {"en": "<b> & \"c\"", "zh": "标题"},
         "about": {"en": "About 'it' <x>", "zh": "说明"}, "story": {"en": ["One.", "Two & <three>."], "zh": ["一。", "二。"]}},
        {"slug": "last", "link": "v1", "title": {"en": "Last", "zh": "末"}, "about": {"en": "L", "zh": "末"},
         "story": {"en": ["Only."], "zh": ["仅此。"]}, "view": "output"}
    ]"#;

    fn site(name: &str, base: Option<&str>) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-gallery-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("gallery-1")).unwrap();
        fs::write(folder.join("gallery-1/index.json"), LIST).unwrap();
        write(&folder, &Names { pictures: "gallery-1", sheet: "page-2.css", icon: "icon-3.svg", base }).unwrap();
        folder
    }

    fn read(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn words_are_escaped_wherever_they_stand() {
        let folder = site("escape", Some("https://example.org/a/"));
        let page = read(&folder, "gallery/a-b/index.html");
        for raw in ["<b> &", "<x>", "<three>", "\"c\"", "mask=none&q"] {
            assert!(!page.contains(raw), "{raw}");
        }
        assert!(page.contains("<h1>&lt;b&gt; &amp; &quot;c&quot;</h1>"));
        assert!(page.contains("src=\"#v1&amp;mask=none&amp;q=%22\""));
        assert!(page.contains("href=\"../../#v1&amp;mask=none&amp;q=%22\""));
        assert!(page.contains("<p>One. Two &amp; &lt;three&gt;.</p>") && page.contains("<p>一。二。</p>"));
        // Inside JSON the frame's own attributes are escaped for HTML, and its quotes for JSON.
        let answer: serde_json::Value = serde_json::from_str(&read(&folder, "gallery/a-b/oembed.json")).unwrap();
        let html = answer["html"].as_str().unwrap();
        assert!(
            html.contains("src=\"https://example.org/a/?embed&amp;view=map#v1&amp;mask=none&amp;q=%22\""),
            "{html}"
        );
        assert!(html.contains("title=\"&lt;b&gt; &amp; &quot;c&quot;\"") && answer["title"] == "<b> & \"c\"");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn absolute_addresses_are_there_only_when_the_build_was_told_its_own() {
        let folder = site("without", None);
        let page = read(&folder, "gallery/a-b/index.html") + &read(&folder, "gallery/index.html");
        for tag in ["og:image", "og:url", "canonical", "oembed", "http://", "https://"] {
            assert!(!page.contains(tag), "{tag}");
        }
        assert!(page.contains("og:title") && page.contains("og:description") && page.contains("og:type"));
        assert!(!folder.join("gallery/a-b/oembed.json").exists());
        fs::remove_dir_all(folder).unwrap();

        let folder = site("with", Some("https://example.org/a/"));
        let page = read(&folder, "gallery/last/index.html");
        for tag in [
            "<link rel=\"canonical\" href=\"https://example.org/a/gallery/last/\">",
            "<meta property=\"og:url\" content=\"https://example.org/a/gallery/last/\">",
            "<meta property=\"og:image\" content=\"https://example.org/a/gallery-1/last.png\">",
            "type=\"application/json+oembed\" href=\"https://example.org/a/gallery/last/oembed.json\"",
        ] {
            assert!(page.contains(tag), "{tag}");
        }
        let answer: serde_json::Value = serde_json::from_str(&read(&folder, "gallery/last/oembed.json")).unwrap();
        assert_eq!((&answer["type"], &answer["version"]), (&json!("rich"), &json!("1.0")));
        assert!(answer["html"].as_str().unwrap().contains("view=output"));
        assert!(answer["width"].is_u64() && answer["height"].is_u64() && answer["thumbnail_url"].is_string());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn pages_hold_no_script_or_style_of_their_own_and_name_what_is_there() {
        let folder = site("strict", None);
        for (name, up) in [("gallery/index.html", "../"), ("gallery/a-b/index.html", "../../")] {
            let page = read(&folder, name);
            assert!(
                crate::html::inline_scripts(&page).is_empty() && !page.contains("style=") && !page.contains("<style")
            );
            assert!(page.contains(POLICY) && page.contains(&format!("href=\"{up}page-2.css\"")));
            assert!(
                page.contains(&format!("{up}gallery-1/a-b.png")) && page.contains(&format!("href=\"{up}icon-3.svg\""))
            );
            // Both languages, each marked.
            assert!(page.contains("lang=\"zh-CN\"") && page.contains("标题"));
        }
        let page = read(&folder, "gallery/a-b/index.html");
        assert!(
            page.contains("<script defer src=\"../../embed.js\"></script>")
                && page.contains("rel=\"next\" href=\"../last/\"")
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let folder = site("names", None);
        fs::write(folder.join("gallery-1/index.json"), LIST.replace("a-b", "../a")).unwrap();
        let names = Names { pictures: "gallery-1", sheet: "s", icon: "i", base: None };
        assert!(write(&folder, &names).unwrap_err().to_string().contains("no name"));
        fs::remove_dir_all(folder).unwrap();
    }
}
