//! `cargo xtask bench peers`: this page beside other libraries that compute attention in a browser, in one visit of one page.
//!
//! | where | what it holds |
//! |---|---|
//! | `benches/peers/` | the page that measures, one file for each peer, their pinned packages and models; no part of the product |
//! | `peers` | brings what that needs, serves it, has the browser run it |
//! | `build/peak` | the loops that tell the machine's multiply-add peak |
//! | `peers/machine` | which machine this is, and how busy |
//! | `peers/table` | the table of docs/benchmarks.md |

mod machine;
#[path = "../../../build/peak.rs"]
mod peak;
mod table;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Result, browser, python, refuse_rest, root, serve, shell, take_flag, take_value, tools};

/// A row of `benches/peers/peers.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Peer {
    /// Name of its file in `benches/peers/peers/`, and of the option `--peers`.
    id: String,
    /// On what it computes here: `cpu` or `webgpu`.
    engine: String,
    /// What the table calls it.
    name: String,
    /// Its npm package; this page has none.
    package: Option<String>,
    /// The ways of computing attention with it that are measured.
    forms: Vec<String>,
}

/// The peer that all others are compared with; it is always measured.
const OURS: &str = "ours";

/// What the page that measures is told (`runner.js`).
#[derive(Debug, Serialize)]
struct Config {
    /// `cpu` or `webgpu`: the peers are those of one of them.
    engine: String,
    peers: Vec<Peer>,
    /// Tokens.
    n: Vec<u32>,
    masks: Vec<String>,
    /// Workers of this page, threads of the others.
    threads: Vec<u32>,
    /// Undisturbed samples wanted of each case.
    samples: u32,
    /// Of the inputs and of the order of measuring.
    seed: u32,
}

/// `cargo xtask bench peers [options]`.
pub fn command(args: &[String]) -> Result<bool> {
    let mut args = args.to_vec();
    let dist = take_value(&mut args, "--dist")?.map_or_else(|| root().join("dist"), PathBuf::from);
    let print = take_flag(&mut args, "--print");
    let config = config(&mut args)?;
    refuse_rest(&args)?;
    if !dist.join("index.html").is_file() {
        return Err(format!("there is no page in {}: run cargo xtask build", dist.display()).into());
    }
    let load = machine::load();
    let browser = browser::find_or_install()?;
    let built = prepare(&config)?;
    let result = measure(&config, &browser, dist, &built)?;
    let measured: table::Measured = serde_json::from_str(&result)?;
    if !measured.isolated {
        return Err("the page is not cross-origin isolated: the peers have had no threads".into());
    }
    let about = table::About {
        machine: machine::name(),
        browser: browser.version,
        versions: versions(&config.peers)?,
        load: [load, machine::load()],
    };
    let text = table::write(&config, &measured, &about);
    println!("\n{text}");
    if !print {
        let file = root().join("docs/benchmarks.md");
        std::fs::write(&file, table::insert(&std::fs::read_to_string(&file)?, &config.engine, &text)?)?;
        println!("written into {}", file.display());
    }
    // Something measured beside nothing is no comparison; a peer's failure is a fact for the table.
    Ok(measured.cases.iter().any(|case| case.peer == OURS && case.failure.is_none()))
}

fn config(args: &mut Vec<String>) -> Result<Config> {
    let text = std::fs::read_to_string(root().join("benches/peers/peers.json"))?;
    let mut peers: Vec<Peer> = serde_json::from_str(&text)?;
    let engine = take_value(args, "--engine")?.unwrap_or_else(|| "cpu".into());
    peers.retain(|peer| peer.engine == engine);
    if peers.is_empty() {
        return Err(format!("--engine knows cpu and webgpu, not {engine:?}").into());
    }
    if let Some(wanted) = take_value(args, "--peers")? {
        let wanted: Vec<&str> = wanted.split(',').collect();
        if let Some(unknown) = wanted.iter().find(|id| !peers.iter().any(|peer| peer.id == **id)) {
            let known: Vec<&str> = peers.iter().map(|peer| peer.id.as_str()).collect();
            return Err(format!("--peers knows {}, not {unknown:?}", known.join(", ")).into());
        }
        peers.retain(|peer| peer.id == OURS || wanted.contains(&peer.id.as_str()));
    }
    let masks = take_value(args, "--masks")?.unwrap_or_else(|| "none,causal".into());
    let masks: Vec<String> = masks.split(',').map(str::to_owned).collect();
    if let Some(unknown) = masks.iter().find(|mask| !["none", "causal"].contains(&mask.as_str())) {
        return Err(format!("--masks knows none and causal, not {unknown:?}").into());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // This page starts at most eight workers.
    let most = cores.min(8);
    let threads = if most == 1 || engine == "webgpu" { "1".to_owned() } else { format!("1,{most}") };
    let config = Config {
        engine,
        peers,
        n: numbers(args, "--n", "512,1024,2048")?,
        masks,
        threads: numbers(args, "--threads", &threads)?,
        samples: number(args, "--samples", "9")?,
        seed: number(args, "--seed", "1")?,
    };
    if config.samples < 3 {
        return Err("--samples wants at least three: fewer have no spread".into());
    }
    match config.threads.iter().find(|threads| **threads > 8) {
        Some(threads) => Err(format!("--threads {threads}: this page starts at most eight workers").into()),
        None => Ok(config),
    }
}

/// A list of positive numbers.
fn numbers(args: &mut Vec<String>, name: &str, default: &str) -> Result<Vec<u32>> {
    let text = take_value(args, name)?.unwrap_or_else(|| default.into());
    let numbers: Option<Vec<u32>> =
        text.split(',').map(|word| word.parse().ok().filter(|number| *number > 0)).collect();
    numbers.ok_or_else(|| format!("{name} wants positive numbers with commas between, not {text:?}").into())
}

fn number(args: &mut Vec<String>, name: &str, default: &str) -> Result<u32> {
    match numbers(args, name, default)?[..] {
        [number] => Ok(number),
        _ => Err(format!("{name} wants one number").into()),
    }
}

/// Where the packages, the page and the sources of this benchmark are.
fn folder() -> PathBuf {
    root().join("benches/peers")
}

/// Installs the peers' packages, bundles their files, writes their models and the peak's modules; the folder of what was made.
fn prepare(config: &Config) -> Result<PathBuf> {
    let made = root().join(".tools/peers");
    let (built, models) = (made.join("built"), made.join("models"));
    install()?;
    std::fs::create_dir_all(&built)?;
    for (name, fused) in peak::KINDS {
        std::fs::write(built.join(format!("peak-{name}.wasm")), peak::module(fused))?;
    }
    let files = config.peers.iter().map(|peer| folder().join(format!("peers/{}.js", peer.id)));
    let mut bundle = shell::command(tools::esbuild()?, &["--bundle", "--minify", "--format=esm", "--platform=browser"]);
    // TensorFlow.js asks for Node's modules where it runs in Node. What lies under an address is fetched from there, beside the
    // WebAssembly that it looks for.
    bundle
        .args(["--log-level=warning", "--define:global=globalThis", "--external:/node_modules/*"])
        .args(
            ["fs", "path", "os", "util", "crypto", "perf_hooks", "worker_threads"].map(|it| format!("--external:{it}")),
        )
        .arg(format!("--outdir={}", built.display()))
        .args(files);
    shell::run(bundle)?;
    let mut write = shell::command(python::for_models()?, &[]);
    write.arg(folder().join("models.py")).arg(models).args(config.n.iter().map(u32::to_string));
    shell::run(write)?;
    Ok(made)
}

/// The packages of the lock file, unless they are there.
fn install() -> Result<()> {
    let place = folder();
    let lock = place.join("package-lock.json");
    // npm keeps a copy of what it installed; it is as new as the last installation.
    let stamp = place.join("node_modules/.package-lock.json");
    let changed = |file: &Path| file.metadata().and_then(|data| data.modified()).ok();
    if changed(&stamp).is_some_and(|at| changed(&lock).is_some_and(|lock| lock <= at)) {
        println!("  peers' packages in {}", place.join("node_modules").display());
        return Ok(());
    }
    tools::node()?;
    println!("the peers' packages are missing or old: installing them (about a minute, 250 MB)");
    let mut install = shell::command("npm", &["ci", "--no-audit", "--no-fund", "--prefix"]);
    install.arg(&place);
    shell::run(install)
}

/// Serves page, peers and the built page, isolated, and has the browser run it; what it measured, as JSON.
fn measure(config: &Config, browser: &browser::Browser, dist: PathBuf, made: &Path) -> Result<String> {
    let beside = vec![("/dist/", dist), ("/built/", made.join("built")), ("/models/", made.join("models"))];
    let site = serve::Site { folder: folder(), prefixes: &["/"], beside, isolated: true, ..serve::Site::default() };
    let (address, _) = serve::start(site)?;
    let (told, result) = (made.join("config.json"), made.join("result.json"));
    std::fs::write(&told, serde_json::to_string(config)?)?;
    // What an earlier run left must not pass for this one's.
    if result.exists() {
        std::fs::remove_file(&result)?;
    }
    let mut program = browser.program(address);
    program.arg("--peers").args([&told, &result]);
    shell::run(program)?;
    Ok(std::fs::read_to_string(result)?)
}

/// The peers' installed versions.
fn versions(peers: &[Peer]) -> Result<Vec<String>> {
    let installed = |package: &String| -> Result<String> {
        let file = folder().join("node_modules").join(package).join("package.json");
        let about: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
        Ok(format!("{package} {}", about["version"].as_str().ok_or("a package without a version")?))
    };
    peers.iter().filter_map(|peer| peer.package.as_ref()).map(installed).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn of(words: &[&str]) -> Result<Config> {
        config(&mut words.iter().map(|word| word.to_string()).collect())
    }

    #[test]
    fn options_choose_sizes_masks_and_peers_and_this_page_stays() {
        let chosen = of(&["--n", "128,256", "--peers", "jax", "--masks", "causal", "--threads", "2"]).unwrap();
        assert_eq!((chosen.n, chosen.threads, chosen.masks), (vec![128, 256], vec![2], vec!["causal".to_owned()]));
        let ids: Vec<String> = chosen.peers.into_iter().map(|peer| peer.id).collect();
        assert_eq!(ids, [OURS, "jax"]);
    }

    #[test]
    fn each_engine_has_its_peers() {
        let ids = |words: &[&str]| of(words).unwrap().peers.into_iter().map(|peer| peer.id).collect::<Vec<_>>();
        assert_eq!(ids(&["--engine", "webgpu"]), [OURS, "ort", "tfjs-webgpu"]);
        assert_eq!(ids(&[]), [OURS, "litert", "ort", "tfjs", "jax"]);
        assert_eq!(of(&["--engine", "webgpu"]).unwrap().threads, [1], "threads are the CPU's matter");
        assert!(of(&["--engine", "webgpu", "--peers", "litert"]).is_err(), "it is none of WebGPU's");
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for bad in [
            ["--engine", "webgl"],
            ["--n", "0"],
            ["--n", "12,x"],
            ["--samples", "2"],
            ["--samples", "3,4"],
            ["--peers", "torch"],
            ["--masks", "window"],
            ["--threads", "9"],
        ] {
            assert!(of(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_peer_has_a_file_and_an_exact_version() {
        let package = std::fs::read_to_string(folder().join("package.json")).unwrap();
        let package: serde_json::Value = serde_json::from_str(&package).unwrap();
        let engines = ["cpu", "webgpu"].map(|engine| of(&["--engine", engine]).unwrap());
        for peer in engines.into_iter().flat_map(|config| config.peers) {
            assert!(folder().join(format!("peers/{}.js", peer.id)).is_file(), "{}", peer.id);
            let Some(name) = peer.package else { continue };
            let version = package["dependencies"][&name].as_str().unwrap();
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{name} {version}");
        }
    }
}
