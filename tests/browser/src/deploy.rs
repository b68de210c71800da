//! Versions of the page at one address, one after the other, as a host gets them: the files of the older are gone when those of the newer are there.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::page::Page;
use crate::{Error, Result};

/// The path of the folder that versions are deployed to.
pub const PATH: &str = "/deployed/";

/// The page's files at [`PATH`], which one test at a time may have.
pub struct Deployed {
    built: PathBuf,
    folder: PathBuf,
}

impl Deployed {
    /// Deploys the page as it was built, over whatever was there.
    ///
    /// # Errors
    /// When a variable is missing, or a file can't be copied.
    pub fn first() -> Result<Self> {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).ok_or(format!("{name} is not set"));
        let deployed = Self { built: variable("DIST")?, folder: variable("DEPLOYED")? };
        deployed.fill()?;
        Ok(deployed)
    }

    fn fill(&self) -> Result<()> {
        let _ = fs::remove_dir_all(&self.folder);
        copy(&self.built, &self.folder)
    }

    /// Deploys another version: its scripts and every piece of its program have other names, its document says `<meta name="deployed">`. Returns the names
    /// that are gone.
    ///
    /// # Errors
    /// When a file can't be read or written, or the document has no script of its own.
    pub async fn second(&self, page: &Page) -> Result<Vec<String>> {
        let names = fs::read_dir(&self.folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let renamed: Vec<(String, String)> =
            names.filter_map(|name| Some((name.clone(), other_name(&name)?))).collect();
        for (old, new) in &renamed {
            fs::rename(self.folder.join(old), self.folder.join(new))?;
        }
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "js" || extension == "html") {
                let text = fs::read_to_string(&path)?;
                fs::write(&path, renamed.iter().fold(text, |text, (old, new)| text.replace(old, new)))?;
            }
        }
        self.change("index.html", |text| {
            Ok(text.replacen("<title>", "<meta name=\"deployed\" content=\"2\"><title>", 1))
        })?;
        self.allow_its_script(page).await?;
        self.change("service-worker.js", |text| {
            let (before, version) = text.split_once("const VERSION = \"").ok_or("the worker has no version")?;
            Ok(format!("{before}const VERSION = \"2{version}"))
        })?;
        Ok(renamed.into_iter().map(|(old, _)| old).collect())
    }

    /// Takes away the files whose names begin so, or brings them back.
    ///
    /// # Errors
    /// When there are none, or one can't be copied.
    pub fn there(&self, stem: &str, there: bool) -> Result<()> {
        let names = fs::read_dir(&self.built)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let names: Vec<String> = names.filter(|name| name.starts_with(stem)).collect();
        for name in &names {
            let path = self.folder.join(name);
            if there {
                fs::copy(self.built.join(name), path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
        if names.is_empty() { Err(format!("no file begins with {stem:?}").into()) } else { Ok(()) }
    }

    fn change(&self, name: &str, how: impl FnOnce(&str) -> Result<String>) -> Result<()> {
        let path = self.folder.join(name);
        Ok(fs::write(&path, how(&fs::read_to_string(&path)?)?)?)
    }

    /// Names in the document's own script have changed, and so its hash in the policy.
    async fn allow_its_script(&self, page: &Page) -> Result<()> {
        let script = |folder: &Path| -> Result<String> {
            let text = fs::read_to_string(folder.join("index.html"))?;
            let script = text.split("<script type=\"module\">").nth(1).and_then(|rest| rest.split("</script>").next());
            Ok(script.ok_or("the document has no script of its own")?.to_owned())
        };
        let hashes = "return Promise.all(args.map(async (text) => btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))))))";
        let hashes = page.js(hashes, vec![json!(script(&self.built)?), json!(script(&self.folder)?)]).await?;
        let [old, new] = [&hashes[0], &hashes[1]].map(|hash| hash.as_str().unwrap_or_default().to_owned());
        self.change("index.html", |text| match text.contains(&old) {
            true => Ok(text.replace(&old, &new)),
            false => Err(Error::from("the policy does not name the document's script")),
        })
    }
}

/// The name that a script or a piece of the program has in the other version: its hash backwards. Scripts of the pages beside the playground keep theirs.
fn other_name(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.').filter(|(_, extension)| matches!(*extension, "js" | "wasm"))?;
    let (stem, hash) = stem.rsplit_once('-').filter(|(stem, hash)| *stem != "language" && hash.len() == 16)?;
    let hash: String = hash.chars().rev().collect();
    Some(format!("{stem}-{hash}.{extension}"))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_hash_in_its_name_gets_another() {
        assert_eq!(other_name("later-75b2da30adce4910.wasm").as_deref(), Some("later-0194ecda03ad2b57.wasm"));
        assert_eq!(
            other_name("worker-loader-0123456789abcdef.js").as_deref(),
            Some("worker-loader-fedcba9876543210.js")
        );
        for name in ["language-b2550e80bc4355a4.js", "service-worker.js", "style-e7081bd662577ed1.css", "index.html"] {
            assert_eq!(other_name(name), None, "{name}");
        }
    }
}
