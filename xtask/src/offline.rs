//! The list of files that the page's service worker keeps, and the version that it names them by.

use std::fs;
use std::path::Path;

use crate::{Result, digest};

/// The service worker; it keeps its name, since browsers look there for a newer one.
const WORKER: &str = "service-worker.js";

/// What hosts read and no page asks for.
const NEVER: [&str; 2] = [WORKER, "_headers"];

/// Writes into the service worker of `folder` which files there are, and a hash of all their names and bytes. Last of all: every other file has to be there.
///
/// # Errors
/// A folder or file that can't be read, or a worker that has no place for them.
pub fn write(folder: &Path) -> Result<()> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    // The page itself first, then its program: what is there when the download breaks off is of use to the next try.
    files.sort_by_key(|name| (name != "index.html", name.contains('/'), name.clone()));
    let mut all = String::new();
    for name in &files {
        all += &format!("{name} {}\n", digest::short(&fs::read(folder.join(name))?));
    }
    let path = folder.join(WORKER);
    let script = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let list: Vec<String> = files.iter().map(|name| format!("{name:?}")).collect();
    let script =
        filled(&script, "const VERSION = \"\";", &format!("const VERSION = {:?};", digest::short(all.as_bytes())))?;
    let script = filled(&script, "const FILES = [];", &format!("const FILES = [{}];", list.join(", ")))?;
    fs::write(&path, script)?;
    Ok(())
}

fn filled(script: &str, place: &str, text: &str) -> Result<String> {
    if script.matches(place).count() != 1 {
        return Err(format!("{WORKER} has no place `{place}`").into());
    }
    Ok(script.replace(place, text))
}

/// Names of all files below, with `/` between folders.
fn collect(folder: &Path, prefix: &str, into: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), into)?;
        } else if !NEVER.contains(&name.as_str()) {
            into.push(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_file_is_listed_and_any_change_is_another_version() {
        let folder = std::env::temp_dir().join(format!("xtask-offline-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("gallery/zh")).unwrap();
        let source = include_str!("../../public/service-worker.js");
        let written = |text: &str| {
            for (name, text) in
                [("index.html", text), ("a-1.js", "1"), ("gallery/zh/index.html", "2"), ("_headers", "3")]
            {
                fs::write(folder.join(name), text).unwrap();
            }
            fs::write(folder.join(WORKER), source).unwrap();
            write(&folder).unwrap();
            fs::read_to_string(folder.join(WORKER)).unwrap()
        };
        let first = written("0");
        assert!(first.contains("const FILES = [\"index.html\", \"a-1.js\", \"gallery/zh/index.html\"];"), "{first}");
        assert!(!first.contains("const VERSION = \"\""));
        assert_eq!(first, written("0"));
        assert_ne!(first, written("00"));
        // Written already: no place is left.
        assert!(write(&folder).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
