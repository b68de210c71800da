//! The pages, each in one language with the other a link away.

use std::fmt::Write;

use super::words::{self, Lang};
use super::{Entry, Names, PICTURE, POLICY, place};
use crate::html::escape;

/// The page of one experiment.
pub fn page(entry: &Entry, names: &Names, lang: Lang, [before, after]: [Option<&Entry>; 2]) -> String {
    let slug = &entry.slug;
    let (title, about) = (entry.title(lang), entry.about(lang));
    let up = up(lang, true);
    let asked = lang.of("", "?lang=zh-CN");
    let address = |link: &str| escape(&format!("{up}{asked}#{link}"));
    let open = address(&entry.link);
    let absolute = names.base.map(|base| {
        let own = escape(&format!("{base}{}", place(lang, slug)));
        format!(
            "{}<meta property=\"og:image:alt\" content=\"{}\">\n<meta name=\"twitter:card\" content=\"summary_large_image\">\n\
             <link rel=\"alternate\" type=\"application/json+oembed\" href=\"{own}oembed.json\" title=\"{}\">\n",
            preview(base, names, lang, slug, Some(slug)),
            escape(about),
            escape(title)
        )
    });
    let mut html = head(title, about, names, lang, slug, &absolute.unwrap_or_default());
    let other = entry
        .beside
        .as_ref()
        .map(|link| format!(" <a href=\"{}\">{}</a>", address(link), words::OPEN_BESIDE.get(lang)));
    let [width, height] = PICTURE;
    let _ = write!(
        html,
        "<main>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n\
         <attention-playground src=\"{}\" view=\"{}\" lang=\"{}\" loading=\"click\">\n\
         <a href=\"{open}\"><img src=\"{up}{}/{slug}.png\" width=\"{width}\" height=\"{height}\" alt=\"{}\"></a>\n</attention-playground>\n\
         <p class=\"actions\"><a class=\"primary\" href=\"{open}\">{}</a>{}</p>\n\
         <section>\n<h2>{}</h2>\n<p>{}</p>\n</section>\n",
        escape(title),
        escape(about),
        escape(&format!("#{}", entry.link)),
        escape(entry.view()),
        lang.tag(),
        names.pictures,
        escape(&format!("{}{about}", words::MAPS.get(lang))),
        words::OPEN.get(lang),
        other.unwrap_or_default(),
        words::LOOK.get(lang),
        escape(&entry.story(lang)),
    );
    let _ = writeln!(html, "<nav class=\"around\" aria-label=\"{}\">", words::GALLERY.get(lang));
    for (other, rel) in [(before, "prev"), (after, "next")] {
        if let Some(other) = other {
            let _ = writeln!(html, "<a rel=\"{rel}\" href=\"../{}/\">{}</a>", other.slug, escape(other.title(lang)));
        }
    }
    html.push_str("</nav>\n</main>\n</body>\n</html>\n");
    html
}

/// The page of all experiments.
pub fn overview(entries: &[Entry], names: &Names, lang: Lang) -> String {
    let (title, about) = (words::GALLERY.get(lang), words::ABOUT.get(lang));
    let first = entries.first().map(|entry| entry.slug.as_str());
    let absolute = names.base.map(|base| preview(base, names, lang, "", first));
    let mut html = head(title, about, names, lang, "", &absolute.unwrap_or_default());
    let _ = write!(html, "<main>\n<h1>{title}</h1>\n<p class=\"lead\">{about}</p>\n<ul class=\"cards\">\n");
    let [width, height] = PICTURE;
    for entry in entries {
        let slug = &entry.slug;
        let _ = write!(
            html,
            "<li><a href=\"{slug}/\"><img src=\"{}{}/{slug}.png\" width=\"{width}\" height=\"{height}\" alt=\"\" loading=\"lazy\">\
             <b>{}</b></a>\n<p>{}</p></li>\n",
            up(lang, false),
            names.pictures,
            escape(entry.title(lang)),
            escape(entry.about(lang)),
        );
    }
    html.push_str("</ul>\n</main>\n</body>\n</html>\n");
    html
}

/// The way to the root of the site from a page of the gallery, or of one experiment in it.
fn up(lang: Lang, experiment: bool) -> String {
    "../".repeat(1 + usize::from(!lang.folder().is_empty()) + usize::from(experiment))
}

/// What link previews want whole addresses for: the page's own, and a picture.
fn preview(base: &str, names: &Names, lang: Lang, slug: &str, picture: Option<&str>) -> String {
    let own = escape(&format!("{base}{}", place(lang, slug)));
    let mut tags = format!("<link rel=\"canonical\" href=\"{own}\">\n<meta property=\"og:url\" content=\"{own}\">\n");
    if let Some(picture) = picture {
        let picture = escape(&format!("{base}{}/{picture}.png", names.pictures));
        let [width, height] = PICTURE;
        let _ = write!(
            tags,
            "<meta property=\"og:image\" content=\"{picture}\">\n<meta property=\"og:image:width\" content=\"{width}\">\n\
             <meta property=\"og:image:height\" content=\"{height}\">\n"
        );
    }
    tags
}

/// Everything up to the content, of the page at `slug`.
fn head(title: &str, about: &str, names: &Names, lang: Lang, slug: &str, absolute: &str) -> String {
    let (title, about, site) = (escape(title), escape(about), words::SITE.get(lang));
    let up = up(lang, !slug.is_empty());
    let script =
        if slug.is_empty() { String::new() } else { format!("<script defer src=\"{up}embed.js\"></script>\n") };
    // Each language names both; who speaks neither gets English.
    let start = names.base.unwrap_or(&up);
    let version = |hreflang: &str, lang: Lang| {
        format!(
            "<link rel=\"alternate\" hreflang=\"{hreflang}\" href=\"{}\">\n",
            escape(&format!("{start}{}", place(lang, slug)))
        )
    };
    let versions: String = Lang::ALL.into_iter().map(|lang| version(lang.tag(), lang)).collect();
    let (other, asked) = (lang.other(), lang.of("", "?lang=zh-CN"));
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{title} · {site}</title>\n<meta name=\"description\" content=\"{about}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta property=\"og:type\" content=\"article\">\n<meta property=\"og:site_name\" content=\"{site}\">\n\
         <meta property=\"og:locale\" content=\"{}\">\n<meta property=\"og:locale:alternate\" content=\"{}\">\n\
         <meta property=\"og:title\" content=\"{title}\">\n<meta property=\"og:description\" content=\"{about}\">\n{absolute}\
         {versions}{}\
         <link rel=\"icon\" href=\"{up}{}\" type=\"image/svg+xml\">\n<link rel=\"stylesheet\" href=\"{up}{}\">\n{script}\
         </head>\n<body>\n<header class=\"bar\"><a href=\"{up}{asked}\"><b>{site}</b></a>\n\
         <nav aria-label=\"{}\"><a href=\"{up}{}\">{}</a> <a href=\"{up}api/{asked}\">API</a> \
         <a href=\"{up}{}\" lang=\"{tag}\" hreflang=\"{tag}\">{}</a></nav></header>\n",
        lang.tag(),
        lang.locale(),
        other.locale(),
        version("x-default", Lang::En),
        escape(names.icon),
        escape(names.sheet),
        words::PARTS.get(lang),
        place(lang, ""),
        words::GALLERY.get(lang),
        place(other, slug),
        other.name(),
        tag = other.tag(),
    )
}
