//! `cargo xtask finish`: what trunk does not do to its own output. Trunk calls it as a hook after each build.
//!
//! 1. The program is cut into pieces, bound and optimised ([`program`]); the page's tags, written by trunk for the uncut program, name it.
//! 2. The style sheets become two files, one for the first view and one for the rest, so that the source can be in many.
//! 3. The meta tags by which workers are started are written; the engine's pool reads them.
//! 4. Absolute addresses for link previews, where the build was told its address.
//! 5. Pages beside the playground: the gallery's and that of the JavaScript API, with a style sheet made of the playground's colours.
//! 6. The Content-Security-Policy, with the hash of each inline script: it depends on everything before.
//! 7. The list of files that the service worker keeps ([`offline`]).

use std::fs;
use std::path::{Path, PathBuf};

use crate::gallery::{self, GALLERY, Names};
use crate::program::Program;
use crate::{Result, build::BASE_VARIABLE, digest, html, offline, program, root, shell, tools};

/// The program of the worker that owns the GPU.
const GPU: &str = "gpu";

/// The script that starts a worker.
const LOADER: &str = "worker-loader";

/// The folder of styles that the first view does not need.
const LATER: &str = "later";

/// The style sheet of the pages beside the playground.
const PAGE: &str = "page";

/// The folder of the page about the JavaScript API, and its script.
const API: &str = "api";
const CONSOLE: &str = "console";
/// The folder of the page that says how each number is measured.
const MEASURING: &str = "measuring";
/// The script by which the pages beside the playground show one of their languages.
const LANGUAGE: &str = "language";

/// The folder of captured heads.
const CAPTURES: &str = "captures";

/// Works on the folder that trunk names in `TRUNK_STAGING_DIR`.
pub fn command(args: &[String]) -> Result<bool> {
    crate::refuse_rest(args)?;
    let folder = std::env::var_os("TRUNK_STAGING_DIR").ok_or("TRUNK_STAGING_DIR is not set: trunk calls this")?;
    let folder = Path::new(&folder);
    let release = std::env::var("TRUNK_PROFILE").is_ok_and(|profile| profile != "debug");
    let compiled = target_folder()?.join("wasm32-unknown-unknown").join(if release { "page" } else { "debug" });
    let (program, gpu) = program::make(&compiled.join("app.wasm"), folder, GPU, release)?;
    if release {
        program::minify(&folder.join(format!("{LOADER}.js")), &tools::for_building()?)?;
    }
    finish(folder, &program, &gpu, std::env::var(BASE_VARIABLE).ok().as_deref())?;
    if release {
        let tools = tools::for_building()?;
        for file in fs::read_dir(folder)? {
            let file = file?.path();
            if file.extension().is_some_and(|extension| extension == "css") {
                program::minify(&file, &tools)?;
            }
        }
    }
    offline::write(folder)?;
    Ok(true)
}

/// Where cargo compiles to.
fn target_folder() -> Result<PathBuf> {
    let metadata = shell::command("cargo", &["metadata", "--format-version=1", "--no-deps", "--offline"]);
    let metadata = shell::read(metadata).ok_or("`cargo metadata` fails")?;
    let folder = metadata.split("\"target_directory\":\"").nth(1).and_then(|rest| rest.split('"').next());
    Ok(folder.map_or_else(|| root().join("target"), PathBuf::from))
}

fn finish(folder: &Path, program: &Program, gpu: &str, base: Option<&str>) -> Result<()> {
    let index = folder.join("index.html");
    let mut page = name_program(folder, &read(&index)?, program)?;
    page = html::set_meta(&page, "program", &program.script)?;
    page = html::set_meta(&page, GPU, gpu)?;
    page = html::set_meta(&page, LOADER, &hash_name(folder, LOADER, "js")?)?;
    join_lines(&folder.join(CAPTURES).join("index.json"))?;
    page = html::set_meta(&page, CAPTURES, &hash_folder(folder, CAPTURES)?)?;
    let pictures = hash_folder(folder, GALLERY)?;
    page = html::set_meta(&page, GALLERY, &pictures)?;
    let sheet = page_sheet(folder)?;
    let icon = html::tags(&page, "link").find(|(_, tag)| html::attribute(tag, "rel") == Some("icon"));
    let icon = icon.and_then(|(_, tag)| html::attribute(tag, "href")).ok_or("index.html has no icon")?;
    let names = Names { pictures: &pictures, sheet: &sheet, icon: icon.trim_start_matches("./"), base };
    gallery::write(folder, &names)?;
    let language = hash_name(folder, LANGUAGE, "js")?;
    let language = (format!("\"../{LANGUAGE}.js\""), format!("\"../{language}\""));
    let console = hash_name(&folder.join(API), CONSOLE, "js")?;
    let console = (format!("\"{CONSOLE}.js\""), format!("\"{console}\""));
    page_beside(&folder.join(API), API, &names, &[language.clone(), console])?;
    page_beside(&folder.join(MEASURING), MEASURING, &names, &[language])?;
    page = join_styles(folder, &page)?;
    page = html::set_meta(&page, LATER, &join_folder(folder, LATER)?)?;
    page = page.replace("<!-- base -->", &base.map(|base| absolute(base, &pictures)).unwrap_or_default());
    page = short_scripts(&without_notes(&page));
    page = html::set_meta(&page, "Content-Security-Policy", &policy(&page))?;
    fs::write(&index, page)?;
    Ok(())
}

/// Puts the program in the place of the uncut one, which trunk has bound: in the page's text, and on disk. What its script imports is asked for with it, and not when
/// the script has come.
fn name_program(folder: &Path, page: &str, program: &Program) -> Result<String> {
    let preload = html::tags(page, "link").find(|(_, tag)| html::attribute(tag, "rel") == Some("modulepreload"));
    let (at, preload) = preload.ok_or("index.html preloads no module: has trunk changed its output?")?;
    let script = html::attribute(preload, "href").unwrap_or_default().trim_start_matches("./");
    let module = script.replace(".js", "_bg.wasm");
    let mut new = page.to_owned();
    new.insert_str(at, &preload.replace(script, &program.split));
    for (old, name) in [(script, &program.script), (&module, &program.module)] {
        if !page.contains(old) {
            return Err(format!("index.html does not name {old}: has trunk changed its output?").into());
        }
        new = new.replace(old, name);
        fs::remove_file(folder.join(old))?;
    }
    Ok(new)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()).into())
}

/// Renames `name.extension` to `name-<hash of its bytes>.extension`; returns the new name.
fn hash_name(folder: &Path, name: &str, extension: &str) -> Result<String> {
    let old = folder.join(format!("{name}.{extension}"));
    let bytes = fs::read(&old).map_err(|e| format!("{}: {e}", old.display()))?;
    let new = format!("{name}-{}.{extension}", digest::short(&bytes));
    fs::rename(&old, folder.join(&new))?;
    Ok(new)
}

/// Takes the indentation out of a JSON file. No string of JSON's reaches over the end of a line.
fn join_lines(file: &Path) -> Result<()> {
    fs::write(file, read(file)?.lines().map(str::trim).collect::<String>())?;
    Ok(())
}

/// Renames the folder `name` to `name-<hash of what is in it>`; returns the new name. Its files keep theirs: an index names them.
fn hash_folder(folder: &Path, name: &str) -> Result<String> {
    let old = folder.join(name);
    let mut files = fs::read_dir(&old)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    let mut all = String::new();
    for file in files {
        all += &format!(
            "{} {}\n",
            file.file_name().unwrap_or_default().to_string_lossy(),
            digest::short(&fs::read(&file)?)
        );
    }
    let new = format!("{name}-{}", digest::short(all.as_bytes()));
    fs::rename(old, folder.join(&new))?;
    Ok(new)
}

/// Replaces the page's style sheets by one with all their text, in order, in the place of the first.
fn join_styles(folder: &Path, page: &str) -> Result<String> {
    let links: Vec<(usize, &str)> =
        html::tags(page, "link").filter(|(_, tag)| html::attribute(tag, "rel") == Some("stylesheet")).collect();
    let Some(&(first, _)) = links.first() else { return Err("index.html links no style sheet".into()) };
    let mut sheet = String::new();
    let mut rest = page.to_owned();
    for &(at, tag) in links.iter().rev() {
        rest.replace_range(at..at + tag.len(), "");
    }
    for (_, tag) in &links {
        let name = html::attribute(tag, "href").unwrap_or_default().trim_start_matches("./");
        let path = folder.join(name);
        sheet.push_str(&without_comments(&read(&path)?));
        fs::remove_file(path)?;
    }
    let name = format!("style-{}.css", digest::short(sheet.as_bytes()));
    fs::write(folder.join(&name), sheet)?;
    rest.insert_str(first, &format!("<link rel=\"stylesheet\" href=\"./{name}\">"));
    Ok(rest)
}

/// Replaces the folder `name` of style sheets by one with all their text, in the order of their names; returns the new name.
fn join_folder(folder: &Path, name: &str) -> Result<String> {
    let old = folder.join(name);
    let mut files = fs::read_dir(&old)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    let mut sheet = String::new();
    for file in files {
        sheet.push_str(&without_comments(&read(&file)?));
    }
    fs::remove_dir_all(old)?;
    let new = format!("{name}-{}.css", digest::short(sheet.as_bytes()));
    fs::write(folder.join(&new), sheet)?;
    Ok(new)
}

/// A style sheet without comments and indentation. Our sheets have neither in strings.
fn without_comments(sheet: &str) -> String {
    let mut rest = sheet;
    let mut kept = String::new();
    while let Some((before, comment)) = rest.split_once("/*") {
        kept.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n") + "\n"
}

/// A page whose inline scripts have neither comments nor indentation. Ours have no text of several lines.
fn short_scripts(page: &str) -> String {
    html::inline_scripts(page).into_iter().fold(page.to_owned(), |page, script| {
        let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
        page.replacen(script, &lines.collect::<Vec<_>>().join("\n"), 1)
    })
}

/// A page without comments. Our inline scripts have none of these.
fn without_notes(page: &str) -> String {
    let mut rest = page;
    let mut kept = String::new();
    while let Some((before, note)) = rest.split_once("<!--") {
        kept.push_str(before);
        rest = note.split_once("-->").map_or("", |(_, after)| after.trim_start_matches('\n'));
    }
    kept + rest
}

/// Tags that need the page's own address; `build` has checked that it needs no escaping.
fn absolute(base: &str, pictures: &str) -> String {
    format!(
        "<link rel=\"canonical\" href=\"{base}\"><meta property=\"og:url\" content=\"{base}\">\
         <meta property=\"og:image\" content=\"{base}{pictures}/pronoun.png\">"
    )
}

/// The style sheet of the pages beside the playground: its colours, dark where the system is, since these pages remember no choice; and their own rules.
fn page_sheet(folder: &Path) -> Result<String> {
    const DARK: &str = ":root[data-theme=\"dark\"] {";
    let tokens = read(&root().join("style/tokens.css"))?;
    let (light, rest) = tokens.split_once(DARK).ok_or("style/tokens.css has no dark theme")?;
    let (dark, rest) = rest.split_once('}').ok_or("the dark theme of style/tokens.css has no end")?;
    let tokens = format!("{light}@media (prefers-color-scheme: dark) {{ :root {{{dark}}} }}{rest}");
    let own = folder.join(format!("{PAGE}.css"));
    fs::write(&own, without_comments(&(tokens + &read(&own)?)))?;
    hash_name(folder, PAGE, "css")
}

/// A page beside the playground, in a folder of its own that addresses call `path`: the names of its files (its scripts', as they stand in it and as they
/// are now), and its policy.
fn page_beside(own: &Path, path: &str, names: &Names, scripts: &[(String, String)]) -> Result<()> {
    let index = own.join("index.html");
    let mut page = read(&index)?;
    let shared = [
        (format!("\"../{PAGE}.css\""), format!("\"../{}\"", names.sheet)),
        ("\"../icon.svg\"".to_owned(), format!("\"../{}\"", names.icon)),
    ];
    for (name, new) in scripts.iter().chain(&shared) {
        if !page.contains(name) {
            return Err(format!("{} does not name {name}", index.display()).into());
        }
        page = page.replace(name, new);
    }
    let absolute = names.base.map(|base| {
        format!("<link rel=\"canonical\" href=\"{base}{path}/\"><meta property=\"og:url\" content=\"{base}{path}/\">")
    });
    page = page.replace("<!-- base -->", &absolute.unwrap_or_default());
    page = html::set_meta(&without_notes(&page), "Content-Security-Policy", gallery::POLICY)?;
    fs::write(&index, page)?;
    Ok(())
}

/// Everything from this folder's host and nothing else; wasm may be compiled; the inline scripts only with these very bytes.
///
/// `trunk serve` adds a script that reloads the page and that it completes while serving, so its hash cannot be known here:
/// such a page, which is never published, allows inline scripts.
fn policy(page: &str) -> String {
    let inline = html::inline_scripts(page);
    let scripts = if inline.iter().any(|script| script.contains("{{__TRUNK_")) {
        " 'unsafe-inline'".to_owned()
    } else {
        inline.into_iter().map(|script| format!(" {}", digest::policy(script))).collect()
    };
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{scripts}; style-src 'self'; img-src 'self' data: blob:; \
         connect-src 'self'; worker-src 'self'; frame-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const PAGE: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"\"><meta name=\"program\" content=\"\"><meta name=\"gpu\" content=\"\"><meta name=\"captures\" content=\"\"><meta name=\"later\" content=\"\"><meta name=\"gallery\" content=\"\">\
        <meta name=\"worker-loader\" content=\"\"><!-- base --><!-- a note\n over lines -->\n<link rel=\"stylesheet\" href=\"./a.css\"><link rel=\"icon\" href=\"./i.svg\">\
        <link rel=\"stylesheet\" href=\"./b.css\"><script type=\"module\">import './app-1.js'; './app-1_bg.wasm'</script>\
        <link rel=\"modulepreload\" href=\"./app-1.js\"><link rel=\"preload\" href=\"./app-1_bg.wasm\">";

    fn staging(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-finish-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in [
            ("index.html", PAGE),
            ("app-1.js", "uncut"),
            ("app-1_bg.wasm", "uncut"),
            ("worker-loader.js", "3"),
            ("a.css", "a{}"),
            ("b.css", "b{}"),
            ("page.css", ".p{}"),
            ("language.js", "5"),
        ] {
            fs::write(folder.join(file), text).unwrap();
        }
        fs::create_dir(folder.join("gallery")).unwrap();
        fs::write(folder.join("gallery/index.json"), "[]").unwrap();
        fs::create_dir(folder.join("api")).unwrap();
        fs::write(folder.join("api/console.js"), "4").unwrap();
        fs::create_dir(folder.join("measuring")).unwrap();
        let beside = |script: &str| {
            format!(
                "<meta http-equiv=\"Content-Security-Policy\" content=\"\"><!-- base -->{script}<script src=\"../language.js\"></script>\
                 <link rel=\"stylesheet\" href=\"../page.css\"><link rel=\"icon\" href=\"../icon.svg\">"
            )
        };
        fs::write(folder.join("api/index.html"), beside("<script src=\"console.js\"></script>")).unwrap();
        fs::write(folder.join("measuring/index.html"), beside("")).unwrap();
        fs::create_dir(folder.join("later")).unwrap();
        fs::write(folder.join("later/d.css"), "d{}").unwrap();
        fs::write(folder.join("later/c.css"), "/* c */\nc{}").unwrap();
        fs::create_dir(folder.join("captures")).unwrap();
        fs::write(folder.join("captures/index.json"), "{\n  \"a\": [\n    \" b \"\n  ]\n}\n").unwrap();
        folder
    }

    #[test]
    fn every_name_in_the_page_is_a_file_that_holds_what_it_should() {
        let folder = staging("names");
        let program = Program { script: "app-2.js".into(), split: "split-2.js".into(), module: "app-3.wasm".into() };
        finish(&folder, &program, "gpu-4.js", Some("https://example.org/a/")).unwrap();
        let page = fs::read_to_string(folder.join("index.html")).unwrap();
        let meta = |name: &str| {
            let (_, tag) =
                html::tags(&page, "meta").find(|(_, tag)| html::attribute(tag, "name") == Some(name)).unwrap();
            html::attribute(tag, "content").unwrap().to_owned()
        };
        assert_eq!(meta("program"), "app-2.js");
        assert_eq!(meta("gpu"), "gpu-4.js");
        assert_eq!(fs::read_to_string(folder.join(meta("captures")).join("index.json")).unwrap(), "{\"a\": [\" b \"]}");
        assert_eq!(fs::read_to_string(folder.join(meta("worker-loader"))).unwrap(), "3");
        let early = html::tags(&page, "link").filter(|(_, tag)| html::attribute(tag, "rel") == Some("modulepreload"));
        let early: Vec<_> = early.filter_map(|(_, tag)| html::attribute(tag, "href")).collect();
        assert_eq!(early, ["./split-2.js", "./app-2.js"]);
        assert!(!page.contains("app-1") && page.contains("import './app-2.js'; './app-3.wasm'"));
        assert!(!folder.join("app-1.js").exists() && !folder.join("app-1_bg.wasm").exists());
        let sheets: Vec<_> =
            html::tags(&page, "link").filter(|(_, tag)| html::attribute(tag, "rel") == Some("stylesheet")).collect();
        assert_eq!(sheets.len(), 1);
        assert!(!page.contains("<!--"));
        let sheet = html::attribute(sheets[0].1, "href").unwrap();
        assert_eq!(fs::read_to_string(folder.join(sheet)).unwrap(), "a{}\nb{}\n");
        assert_eq!(fs::read_to_string(folder.join(meta("later"))).unwrap(), "c{}\nd{}\n");
        assert!(!folder.join("later").exists());
        assert_eq!(fs::read_to_string(folder.join(meta("gallery")).join("index.json")).unwrap(), "[]");
        assert!(page.contains(&format!("https://example.org/a/{}/pronoun.png", meta("gallery"))));
        let api = fs::read_to_string(folder.join("api/index.html")).unwrap();
        let sheet = html::tags(&api, "link").find(|(_, tag)| html::attribute(tag, "rel") == Some("stylesheet"));
        let sheet = html::attribute(sheet.unwrap().1, "href").unwrap();
        let sheet = fs::read_to_string(folder.join("api").join(sheet)).unwrap();
        assert!(sheet.ends_with(".p{}\n") && sheet.contains("@media (prefers-color-scheme: dark) { :root {"));
        assert!(sheet.contains("--paper:") && !sheet.contains("data-theme") && api.contains("../i.svg"));
        let script = api.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!(fs::read_to_string(folder.join("api").join(script)).unwrap(), "4");
        assert!(api.contains(gallery::POLICY) && api.contains("https://example.org/a/api/"));
        let measuring = fs::read_to_string(folder.join("measuring/index.html")).unwrap();
        let script = measuring.split("src=\"../").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!(fs::read_to_string(folder.join(script)).unwrap(), "5");
        assert!(measuring.contains(gallery::POLICY) && measuring.contains("https://example.org/a/measuring/"));
        assert!(folder.join("gallery/index.html").exists());
        assert!(page.contains(&digest::policy("import './app-2.js'; './app-3.wasm'")) && page.contains("canonical"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn inline_scripts_lose_what_is_only_for_readers() {
        let page = "<script>\n{\n  // why\n  a(); // how\n\n}\n</script>  // stays <script src=\"b\"> c </script>";
        let short = "<script>{\na(); // how\n}</script>  // stays <script src=\"b\"> c </script>";
        assert_eq!(short_scripts(page), short);
    }

    #[test]
    fn only_a_page_of_trunk_serve_allows_inline_scripts() {
        assert!(!policy(PAGE).contains("unsafe-inline"));
        let served = PAGE.to_owned() + "<script>connect('{{__TRUNK_ADDRESS__}}')</script>";
        assert!(policy(&served).contains("'unsafe-inline'") && !policy(&served).contains("sha256"));
    }

    /// Every file in the folders of style sheets.
    fn sheets() -> Vec<PathBuf> {
        let files = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let style = crate::root().join("style");
        files(style.clone()).chain(files(style.join("later"))).filter(|path| path.is_file()).collect()
    }

    #[test]
    fn every_style_sheet_is_linked() {
        let page = fs::read_to_string(crate::root().join("index.html")).unwrap();
        assert!(page.contains("href=\"style/later\""));
        for path in sheets().into_iter().filter(|path| path.parent().is_some_and(|folder| folder.ends_with("style"))) {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(page.contains(&format!("href=\"style/{name}\"")), "index.html does not link style/{name}");
        }
    }

    /// Two sheets that style the same bare class style each other's parts of the page.
    #[test]
    fn no_class_is_styled_by_two_sheets() {
        let mut owners = std::collections::BTreeMap::<String, String>::new();
        for path in sheets() {
            for line in without_comments(&fs::read_to_string(&path).unwrap()).lines() {
                let Some((selector, _)) = line.split_once(" {").filter(|(s, _)| s.starts_with('.')) else { continue };
                if selector.contains([' ', ',', ':', '[', '>']) || selector[1..].contains('.') {
                    continue;
                }
                let owner = owners.entry(selector.to_owned()).or_insert_with(|| path.display().to_string());
                assert_eq!(*owner, path.display().to_string(), "{selector}");
            }
        }
        assert!(owners.len() > 50, "{}", owners.len());
    }

    #[test]
    fn a_page_of_another_trunk_is_refused() {
        let folder = staging("refused");
        fs::write(folder.join("index.html"), PAGE.replace("./app-1_bg.wasm", "./app.wasm")).unwrap();
        let program = Program { script: "app-2.js".into(), split: "split-2.js".into(), module: "app-3.wasm".into() };
        assert!(finish(&folder, &program, "gpu-4.js", None).unwrap_err().to_string().contains("app-1_bg.wasm"));
        fs::remove_dir_all(folder).unwrap();
    }
}
