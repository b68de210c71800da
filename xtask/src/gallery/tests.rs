//! The pages, written into a folder and read again.
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
    assert!(page.contains("<p>One. Two &amp; &lt;three&gt;.</p>"));
    // Inside JSON the frame's own attributes are escaped for HTML, and its quotes for JSON.
    let answer: serde_json::Value = serde_json::from_str(&read(&folder, "gallery/a-b/oembed.json")).unwrap();
    let html = answer["html"].as_str().unwrap();
    assert!(html.contains("src=\"https://example.org/a/?embed&amp;view=map#v1&amp;mask=none&amp;q=%22\""), "{html}");
    assert!(html.contains("title=\"&lt;b&gt; &amp; &quot;c&quot;\"") && answer["title"] == "<b> & \"c\"");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn absolute_addresses_are_there_only_when_the_build_was_told_its_own() {
    let folder = site("without", None);
    let page = read(&folder, "gallery/a-b/index.html")
        + &read(&folder, "gallery/index.html")
        + &read(&folder, "gallery/zh/last/index.html");
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
    for (name, up) in [
        ("gallery/index.html", "../"),
        ("gallery/a-b/index.html", "../../"),
        ("gallery/zh/index.html", "../../"),
        ("gallery/zh/a-b/index.html", "../../../"),
    ] {
        let page = read(&folder, name);
        assert!(crate::html::inline_scripts(&page).is_empty() && !page.contains("style=") && !page.contains("<style"));
        assert!(page.contains(POLICY) && page.contains(&format!("href=\"{up}page-2.css\"")));
        assert!(page.contains(&format!("{up}gallery-1/a-b.png")) && page.contains(&format!("href=\"{up}icon-3.svg\"")));
    }
    let page = read(&folder, "gallery/a-b/index.html");
    assert!(
        page.contains("<script defer src=\"../../embed.js\"></script>")
            && page.contains("rel=\"next\" href=\"../last/\"")
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn each_language_has_its_page_and_names_the_other() {
    let folder = site("languages", Some("https://example.org/a/"));
    let (en, zh) = (read(&folder, "gallery/a-b/index.html"), read(&folder, "gallery/zh/a-b/index.html"));
    let own = |page: &str, lang: &str, place: &str| {
        page.contains(&format!("<html lang=\"{lang}\">"))
            && page.contains(&format!("<link rel=\"canonical\" href=\"https://example.org/a/gallery/{place}a-b/\">"))
            && page.contains(&format!("href=\"https://example.org/a/gallery/{place}a-b/oembed.json\""))
    };
    assert!(own(&en, "en", "") && own(&zh, "zh-CN", "zh/"));
    // Of one language each, but for the name of the other.
    assert!(!en.contains("标题") && !en.contains("说明") && !en.contains("图集"));
    assert!(!zh.contains("About ") && !zh.contains("Open in") && !zh.contains("Two"));
    for tag in [
        "<title>标题 · 注意力实验场</title>",
        "<meta name=\"description\" content=\"说明\">",
        "<meta property=\"og:title\" content=\"标题\">",
        "<meta property=\"og:description\" content=\"说明\">",
        "<meta property=\"og:locale\" content=\"zh_CN\">",
        "<meta property=\"og:image:alt\" content=\"说明\">",
        "<a class=\"primary\" href=\"../../../?lang=zh-CN#v1&amp;mask=none&amp;q=%22\">",
        "<p>一。二。</p>",
        "<a href=\"../../../gallery/a-b/\" lang=\"en\" hreflang=\"en\">English</a>",
    ] {
        assert!(zh.contains(tag), "{tag}");
    }
    assert!(en.contains("<a href=\"../../gallery/zh/a-b/\" lang=\"zh-CN\" hreflang=\"zh-CN\">中文</a>"));
    let versions = [("en", ""), ("zh-CN", "zh/"), ("x-default", "")].map(|(lang, place)| {
        format!("<link rel=\"alternate\" hreflang=\"{lang}\" href=\"https://example.org/a/gallery/{place}a-b/\">")
    });
    assert!(versions.iter().all(|version| en.contains(version) && zh.contains(version)));
    let answer: serde_json::Value = serde_json::from_str(&read(&folder, "gallery/zh/a-b/oembed.json")).unwrap();
    assert_eq!(answer["title"], "标题");
    assert!(answer["html"].as_str().unwrap().contains("?embed&amp;view=map&amp;lang=zh-CN#v1&amp;"));
    // What a page names beside itself is there, seen from where it lies.
    let all = read(&folder, "gallery/zh/index.html");
    assert!(all.contains("<li><a href=\"a-b/\"><img src=\"../../gallery-1/a-b.png\"") && all.contains("<h1>图集</h1>"));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let folder = site("names", None);
    for slug in ["../a", "zh", ""] {
        fs::write(folder.join("gallery-1/index.json"), LIST.replace("a-b", slug)).unwrap();
        let names = Names { pictures: "gallery-1", sheet: "s", icon: "i", base: None };
        assert!(write(&folder, &names).unwrap_err().to_string().contains("no name"), "{slug:?}");
    }
    fs::remove_dir_all(folder).unwrap();
}
