//! `cargo xtask build`: the pinned tools, then `trunk build`. The rest happens in `finish`, which trunk calls.

use std::path::PathBuf;

use crate::{Result, refuse_rest, root, shell, take_flag, take_value, tools};

/// Carries `--base` to `finish`, through trunk.
pub const BASE_VARIABLE: &str = "ATTENTION_PLAYGROUND_BASE";

/// What to build.
#[derive(Default)]
pub struct Options {
    /// The address the page will live at, for link previews.
    pub base: Option<String>,
    /// Unoptimised, for a quick look.
    pub debug: bool,
}

/// `cargo xtask build [--base URL] [--debug]`.
pub fn command(args: &[String]) -> Result<bool> {
    let mut args = args.to_vec();
    let options = Options { base: take_value(&mut args, "--base")?, debug: take_flag(&mut args, "--debug") };
    refuse_rest(&args)?;
    let folder = build(&options)?;
    println!("The page is in {}: copy that folder to any place of any static host.", folder.display());
    Ok(true)
}

/// Builds the page into `dist/` and returns that folder.
///
/// # Errors
/// When a tool is missing, the flags are overridden, or trunk fails.
pub fn build(options: &Options) -> Result<PathBuf> {
    refuse_rustflags(|name| std::env::var(name).ok())?;
    if let Some(base) = &options.base {
        check_base(base)?;
    }
    println!("Tools");
    let path = tools::for_building()?;
    println!("Dependencies (Cargo.lock)");
    shell::run(shell::command("cargo", &["fetch", "--locked"]))?;
    println!("Page");
    // Everything is here by now, so a download from inside trunk would be a mistake: --offline makes it one.
    let mut trunk = shell::command("trunk", &["build", "--offline"]);
    if !options.debug {
        trunk.arg("--release");
    }
    trunk.env("PATH", path).env_remove("NO_COLOR");
    if let Some(base) = &options.base {
        trunk.env(BASE_VARIABLE, base);
    }
    shell::run(trunk)?;
    Ok(root().join("dist"))
}

/// Flags in the environment replace those of .cargo/config.toml, without which the kernels have no SIMD.
fn refuse_rustflags(variable: impl Fn(&str) -> Option<String>) -> Result<()> {
    const NAMES: [&str; 4] = [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
    ];
    match NAMES.iter().find(|name| variable(name).is_some_and(|value| !value.contains("+simd128"))) {
        None => Ok(()),
        Some(name) => Err(format!(
            "{name} is set in the environment. Cargo then ignores the `+simd128` of .cargo/config.toml and the kernels \
             would be compiled without SIMD. Unset it (`unset {name}`), or add `-C target-feature=+simd128` to it."
        )
        .into()),
    }
}

fn check_base(base: &str) -> Result<()> {
    let rest = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    let plain = base.chars().all(|c| c.is_ascii_graphic() && !"\"'<>&\\?#".contains(c));
    match rest {
        Some(rest) if plain && !rest.is_empty() && base.ends_with('/') => Ok(()),
        _ => {
            Err(format!("--base wants the address of a folder, such as https://example.org/attention/ , not {base:?}")
                .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_would_drop_simd_are_refused() {
        assert!(refuse_rustflags(|_| None).is_ok());
        assert!(refuse_rustflags(|name| (name == "RUSTFLAGS").then(|| "-D warnings".into())).is_err());
        assert!(refuse_rustflags(|name| (name == "RUSTFLAGS").then(|| "-C target-feature=+simd128".into())).is_ok());
    }

    #[test]
    fn a_base_is_the_address_of_a_folder() {
        assert!(check_base("https://example.org/attention/").is_ok());
        for bad in [
            "example.org/",
            "https://example.org/a",
            "https://",
            "https://e.org/?q=/",
            "https://e.org/\"/",
            "ftp://e.org/",
        ] {
            assert!(check_base(bad).is_err(), "{bad}");
        }
    }
}
