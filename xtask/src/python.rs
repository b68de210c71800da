//! A Python of the project's own, with the pinned libraries that exported scripts are run with and peers' models are made with: found or
//! made in `.tools/python`.

use std::path::{Path, PathBuf};

use crate::{Result, root, shell, tools};

/// A library by the name of its module, with the packages that bring it.
type Library = (&'static str, &'static [&'static str]);

/// What exported scripts are run with.
const LIBRARIES: [Library; 3] = [("numpy", &["numpy"]), ("jax", &["jax", "jaxlib"]), ("onnx", &["onnx"])];

/// What writes the models of the benchmark's peers.
const MODELS: [Library; 4] = [
    ("numpy", &["numpy"]),
    ("onnx", &["onnx"]),
    ("flatbuffers", &["flatbuffers"]),
    ("ai_edge_litert", &["ai-edge-litert"]),
];

/// Where their versions are pinned.
const PINS: [&str; 2] = ["tests/exports/requirements.txt", "benches/peers/requirements.txt"];

/// The oldest Python that the pinned libraries run on.
const OLDEST: (u32, u32) = (3, 11);

/// A Python and what it has.
pub struct Python {
    /// The program.
    pub program: PathBuf,
    /// Wanted modules that it lacks, each with the reason.
    pub missing: Vec<(&'static str, String)>,
}

/// Finds the project's Python, or makes it and installs what it lacks for exported scripts.
///
/// # Errors
/// Where there is no Python, or none of its own can be made, with what to install.
pub fn for_exports() -> Result<Python> {
    with(&LIBRARIES)
}

/// The same for the models of the benchmark's peers, which want all of it.
///
/// # Errors
/// As for exports, and where a library can't be installed.
pub fn for_models() -> Result<PathBuf> {
    let Python { program, missing } = with(&MODELS)?;
    match missing.first() {
        Some((module, why)) => Err(format!("the models want Python's {module}: {why}").into()),
        None => Ok(program),
    }
}

/// The lines of every file of pins.
fn pins() -> Result<String> {
    let files = PINS.iter().map(|file| std::fs::read_to_string(root().join(file)));
    Ok(files.collect::<std::io::Result<Vec<_>>>()?.join("\n"))
}

fn with(libraries: &[Library]) -> Result<Python> {
    let folder = root().join(".tools/python");
    let program = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !runs(&program) {
        make(&folder)?;
    }
    let pins = pins()?;
    let mut missing = Vec::new();
    for &(module, packages) in libraries {
        let wanted: Vec<String> = packages.iter().filter_map(|package| pin(&pins, package)).collect();
        if wanted.len() != packages.len() {
            return Err(format!("{} do not pin what `{module}` needs", PINS.join(" and ")).into());
        }
        if !has(&program, module, &wanted[0]) {
            println!("{} is missing: installing it into .tools/python (seconds to a minute)", wanted.join(" "));
            let mut install =
                shell::command(&program, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            install.args(&wanted);
            let done = shell::run(install);
            if !has(&program, module, &wanted[0]) {
                let why = done.err().map_or_else(|| "it does not import".to_owned(), |error| error.to_string());
                missing.push((module, why));
                continue;
            }
        }
        println!("  {} in {}", wanted.join(" "), folder.display());
    }
    Ok(Python { program, missing })
}

fn runs(program: &Path) -> bool {
    program.is_file() && shell::read(shell::command(program, &["-m", "pip", "--version"])).is_some()
}

/// Makes the environment.
fn make(folder: &Path) -> Result<()> {
    let advice = format!(
        "Python {}.{} or newer with its module venv is missing. Install it:\n\
         \x20 Debian, Ubuntu  sudo apt-get install python3 python3-venv\n\
         \x20 Fedora          sudo dnf install python3\n\
         \x20 macOS           brew install python",
        OLDEST.0, OLDEST.1
    );
    let python = ["python3", "python"].into_iter().find(|name| version(name).is_some_and(|found| found >= OLDEST));
    let build = |python: &str| {
        let place = folder.to_string_lossy();
        shell::run(shell::command(python, &["-m", "venv", "--clear", &place]))
    };
    println!("there is no Python in .tools/python: making one (seconds)");
    // Debian has `venv` in a package of its own; without it the command fails halfway.
    if python.is_none_or(|python| build(python).is_err()) {
        tools::apt_install(&["python3", "python3-venv"], &advice)?;
        build("python3").map_err(|error| format!("{error}\n{advice}"))?;
    }
    Ok(())
}

/// Major and minor version.
fn version(program: &str) -> Option<(u32, u32)> {
    let script = "import sys; print(*sys.version_info[:2])";
    let text = shell::read(shell::command(program, &["-c", script]))?;
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// Whether a module is there in the version of its pin.
fn has(program: &Path, module: &str, pin: &str) -> bool {
    let script = format!("import {module}; print({module}.__version__)");
    let found = shell::read(shell::command(program, &["-c", &script]));
    found.is_some_and(|found| pin.split("==").nth(1) == Some(found.trim()))
}

/// The line of a package.
fn pin(pins: &str, package: &str) -> Option<String> {
    pins.lines().map(str::trim).find(|line| line.split("==").next() == Some(package)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_is_pinned() {
        let pins = pins().unwrap_or_default();
        for package in LIBRARIES.iter().chain(&MODELS).flat_map(|(_, packages)| *packages) {
            assert!(pin(&pins, package).is_some_and(|line| line.contains("==")), "{package}");
        }
        assert_eq!(pin("jaxlib==1\njax==2", "jax").as_deref(), Some("jax==2"));
    }
}
