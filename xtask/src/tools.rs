//! The pinned tools: where each is looked for, and how it is installed into `.tools/` of the project when it is missing.
//! Nothing outside the project is changed, except by `rustup` (the wasm target) and, as root on Debian, by `apt-get`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::{Result, browser, python, refuse_rest, root, shell};

/// One program that is called by name.
struct Tool {
    /// Name of the program.
    name: &'static str,
    /// What `name --version` must contain as a whole word.
    version: &'static str,
    /// Where it comes from.
    from: From,
    /// About how long its installation takes on two cores.
    takes: &'static str,
}

/// Where a tool comes from.
enum From {
    /// A crate, compiled here at this level of optimisation, with these arguments besides.
    Crate(&'static str, &'static str, &'static [&'static str]),
    /// A package of npm, in the folder of this name. Each has one of its own: `npm install --no-save` takes away what it did not install itself.
    Npm { package: &'static str, folder: &'static str },
}

/// Without what it fetches and serves over TLS with: everything is here when it is called.
const TRUNK: Tool = Tool {
    name: "trunk",
    version: "0.21.14",
    from: From::Crate("trunk", "0", &["--no-default-features"]),
    takes: "about 3 minutes",
};

/// Must equal the version of the crate in Cargo.lock.
const WASM_BINDGEN: Tool = Tool {
    name: "wasm-bindgen",
    version: "0.2.130",
    from: From::Crate("wasm-bindgen-cli", "2", &["--no-default-features", "--bin", "wasm-bindgen"]),
    takes: "about 2 minutes",
};

/// Binaryen: Debian's 108 and the crate's 116 are too old for what this compiler emits.
const WASM_OPT: Tool = Tool {
    name: "wasm-opt",
    version: "132",
    from: From::Npm { package: "binaryen@132.0.0", folder: "npm" },
    takes: "about 20 seconds",
};

/// Writes scripts shorter.
const ESBUILD: Tool = Tool {
    name: "esbuild",
    version: "0.28.2",
    from: From::Npm { package: "esbuild@0.28.2", folder: "esbuild" },
    takes: "about 10 seconds",
};

/// Speaks WebDriver for Firefox.
const GECKODRIVER: Tool = Tool {
    name: "geckodriver",
    version: "0.37.1",
    from: From::Crate("geckodriver", "0", &[]),
    takes: "about 2 minutes",
};

/// Judges a page as its readers meet it. The newest that runs on Debian's Node.js.
const LIGHTHOUSE: Tool = Tool {
    name: "lighthouse",
    version: "12.8.2",
    from: From::Npm { package: "lighthouse@12.8.2", folder: "lighthouse" },
    takes: "about 20 seconds",
};

/// Reads the types of the JavaScript API.
const TYPESCRIPT: Tool = Tool {
    name: "tsc",
    version: "7.0.2",
    from: From::Npm { package: "typescript@7.0.2", folder: "typescript" },
    takes: "about 5 seconds",
};

/// Firefox's driver, found or installed.
///
/// # Errors
/// When it can't be compiled here.
pub fn geckodriver() -> Result<PathBuf> {
    program(&GECKODRIVER)
}

/// Lighthouse, found or installed.
///
/// # Errors
/// When npm is missing or can't fetch it.
pub fn lighthouse() -> Result<PathBuf> {
    program(&LIGHTHOUSE)
}

/// The compiler of TypeScript, found or installed.
///
/// # Errors
/// When npm is missing or can't fetch it.
pub fn typescript() -> Result<PathBuf> {
    program(&TYPESCRIPT)
}

/// The bundler of scripts, found or installed.
///
/// # Errors
/// When npm is missing or can't fetch it.
pub fn esbuild() -> Result<PathBuf> {
    program(&ESBUILD)
}

/// Looks for what keeps people out of a page: the script of axe-core, found or installed.
///
/// # Errors
/// When npm is missing or can't fetch it.
pub fn axe() -> Result<PathBuf> {
    const VERSION: &str = "4.14.1";
    let script = root().join(".tools/axe/node_modules/axe-core/axe.min.js");
    // Its first line names the version.
    let is_there = || {
        std::fs::read_to_string(&script)
            .is_ok_and(|text| text.lines().next().is_some_and(|line| says(line, &format!("v{VERSION}"))))
    };
    if !is_there() {
        println!("axe-core {VERSION} is missing: installing it into .tools/ (about 5 seconds)");
        npm_install(&format!("axe-core@{VERSION}"), "axe")?;
    }
    if is_there() { Ok(script) } else { Err(format!("{} is not version {VERSION}", script.display()).into()) }
}

/// Finds or installs what `trunk build` needs; the answer is the PATH to run it with.
///
/// # Errors
/// With the exact command to run, when something is missing and cannot be installed from here.
pub fn for_building() -> Result<OsString> {
    wasm_target()?;
    let mut folders = vec![ensure(&TRUNK)?, ensure(&WASM_BINDGEN)?];
    for tool in [&WASM_OPT, &ESBUILD] {
        folders.push(ensure(tool)?);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path)))?)
}

/// `cargo xtask tools`.
pub fn command(args: &[String]) -> Result<bool> {
    refuse_rest(args)?;
    for_building()?;
    browser::find_or_install()?;
    let python = python::for_exports()?;
    python.missing.iter().for_each(|(module, why)| println!("  {module} is not there: {why}"));
    Ok(true)
}

/// The folder that holds a tool of the right version, installing it when there is none.
fn ensure(tool: &Tool) -> Result<PathBuf> {
    if let Some(folder) = find(tool) {
        println!("  {} {} in {}", tool.name, tool.version, folder.display());
        return Ok(folder);
    }
    println!("{} {} is missing: installing it into .tools/ ({})", tool.name, tool.version, tool.takes);
    match tool.from {
        From::Crate(name, optimised, more) => compile(name, tool.version, more, optimised),
        From::Npm { package, folder } => node().and_then(|()| npm_install(package, folder)),
    }
    .map_err(|e| format!("{e}\ninstall {} {} by hand and put it on PATH", tool.name, tool.version))?;
    find(tool).ok_or_else(|| format!("{} was installed but does not say that it is {}", tool.name, tool.version).into())
}

/// The program itself, installing it when there is none.
fn program(tool: &Tool) -> Result<PathBuf> {
    Ok(ensure(tool)?.join(tool.name))
}

/// `cargo install` into `.tools/`. These programs wait for others or work for seconds: with little optimisation they are there in half the time.
fn compile(name: &str, version: &str, more: &[&str], optimised: &str) -> Result<()> {
    let install = |locked: &[&str]| {
        let what = [&["install", "--root", ".tools", name, "--version", version], more, locked].concat();
        let mut command = shell::command("cargo", &what);
        command.envs([
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", optimised),
            ("CARGO_PROFILE_RELEASE_LTO", "off"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
        ]);
        shell::run(command)
    };
    // A lock file that an old release shipped may name what a registry no longer serves.
    install(&["--locked"]).or_else(|_| install(&[]))
}

fn npm_install(package: &str, folder: &str) -> Result<()> {
    let prefix = format!(".tools/{folder}");
    shell::run(shell::command(
        "npm",
        &["install", "--no-save", "--no-audit", "--no-fund", "--prefix", &prefix, package],
    ))
}

fn find(tool: &Tool) -> Option<PathBuf> {
    let bin = match tool.from {
        From::Crate(..) => "bin".to_owned(),
        From::Npm { folder, .. } => format!("{folder}/node_modules/.bin"),
    };
    let own = root().join(".tools").join(bin);
    std::iter::once(own).chain(path_folders()).find(|folder| is_version(&folder.join(tool.name), tool.version))
}

/// The folders of PATH.
pub fn path_folders() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

fn is_version(program: &Path, version: &str) -> bool {
    program.is_file() && shell::read(shell::command(program, &["--version"])).is_some_and(|text| says(&text, version))
}

fn says(text: &str, version: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || "(),_".contains(c)).any(|word| word == version)
}

/// What the static checks run: rustup's components, and the target that the page's lints compile for. Where rustup is told to install nothing by itself, its toolchain
/// file alone brings neither.
///
/// # Errors
/// What could not be installed, and how a person does it.
pub fn for_checking() -> Result<()> {
    for (component, program) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if shell::read(shell::command("cargo", &[program, "--version"])).is_none() {
            println!("the toolchain's component {component} is missing: adding it");
            shell::run(shell::command("rustup", &["component", "add", component]))
                .map_err(|e| format!("{e}\nadd {component} to your Rust toolchain, then try again"))?;
        }
    }
    wasm_target()
}

fn wasm_target() -> Result<()> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let sysroot =
        shell::read(shell::command("rustc", &["--print", "sysroot"])).ok_or("rustc does not run: install rustup")?;
    let library = PathBuf::from(sysroot.trim()).join("lib/rustlib").join(TARGET);
    if library.is_dir() {
        println!("  target {TARGET}");
        return Ok(());
    }
    println!("the compiler's target {TARGET} is missing: adding it");
    shell::run(shell::command("rustup", &["target", "add", TARGET]))
        .map_err(|e| format!("{e}\nadd the standard library of {TARGET} to your Rust toolchain, then try again").into())
}

/// npm, which brings wasm-opt and the benchmark's peers.
pub fn node() -> Result<()> {
    let has = |name: &str| shell::read(shell::command(name, &["--version"])).is_some();
    if has("node") && has("npm") {
        return Ok(());
    }
    apt_install(
        &["nodejs", "npm"],
        "Node.js with npm is missing (it brings wasm-opt). Install it:\n\
         \x20 Debian, Ubuntu  sudo apt-get install nodejs npm\n\
         \x20 Fedora          sudo dnf install nodejs npm\n\
         \x20 macOS           brew install node\n\
         or put a `wasm-opt` of version 132 on PATH",
    )
}

/// A Vulkan driver for the native checks of the gpu engine; a software one will do. They can run without, and then say aloud that they do not.
pub fn for_gpu_tests() {
    let drivers = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let any = drivers.iter().any(|folder| std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()));
    if any || !cfg!(target_os = "linux") {
        return;
    }
    let advice = "no Vulkan driver is installed: the native checks of the gpu engine will not run. On Debian: \
                  sudo apt-get install mesa-vulkan-drivers";
    if let Err(error) = apt_install(&["mesa-vulkan-drivers"], advice) {
        println!("{error}");
    }
}

/// Installs Debian packages when that can be done without asking anybody, that is as root; otherwise says `advice`.
pub fn apt_install(packages: &[&str], advice: &str) -> Result<()> {
    let root_user = shell::read(shell::command("id", &["-u"])).is_some_and(|id| id.trim() == "0");
    let apt = shell::read(shell::command("apt-get", &["--version"])).is_some();
    if !(root_user && apt) {
        return Err(advice.into());
    }
    println!("missing: {}. Installing with apt-get", packages.join(", "));
    shell::run(shell::command("apt-get", &["update", "-qq"]))?;
    let mut install = shell::command("apt-get", &["install", "-y", "--no-install-recommends"]);
    install.args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    shell::run(install).map_err(|e| format!("{e}\n{advice}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_whole_words() {
        assert!(says("wasm-opt version 132 (version_132)", "132"));
        assert!(says("trunk 0.21.14\n", "0.21.14"));
        assert!(!says("trunk 0.21.140", "0.21.14"));
        assert!(!says("wasm-opt version 1320", "132"));
    }

    #[test]
    fn the_bindgen_tool_is_the_crate_of_the_lock_file() {
        let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap_or_default();
        let wanted = format!("name = \"wasm-bindgen\"\nversion = \"{}\"", WASM_BINDGEN.version);
        assert!(lock.contains(&wanted), "Cargo.lock holds another wasm-bindgen than {}", WASM_BINDGEN.version);
    }

    #[test]
    fn trunk_is_told_the_same_versions() {
        let trunk = std::fs::read_to_string(root().join("Trunk.toml")).unwrap_or_default();
        assert!(trunk.contains(&format!("wasm_bindgen = \"{}\"", WASM_BINDGEN.version)));
        assert!(trunk.contains(&format!("wasm_opt = \"version_{}\"", WASM_OPT.version)));
    }
}
