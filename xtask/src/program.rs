//! From the file that cargo compiled to what the page loads: cut into pieces, bound to JavaScript, optimised, named by content.
//!
//! | file | what it is |
//! |---|---|
//! | `app-….js`, `app-….wasm` | the page, and what page and workers share |
//! | `split-….js` | fetches the other pieces when they are first needed |
//! | `later-….wasm`, … | a piece of that name (`#[wasm_split(later)]`) |
//! | `chunk…-….wasm` | what several pieces share and the page does not need |
//! | `workers-….wasm` | the piece `cpu` and what else of some size every worker needs (`pack`) |
//! | `shared-….wasm` | the small ones of what workers need, which the page may need too, and all that is too small for a file of its own |
//! | `gpu-….js`, `gpu-….wasm` | the worker that owns the GPU: a program of its own, bound by trunk and not cut |

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wasm_encoder::{EntityType, ExportSection, ImportSection, Module, RawSection, TableSection};
use wasm_split_cli_support::{Options, transform};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::{Result, digest, pack, shell, tools};

/// What `wasm-opt` may use beyond the first version of WebAssembly: the features that the compiler was allowed, and no more.
const FEATURES: [&str; 8] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
    "--enable-extended-const",
];

/// The one piece that may hold instructions of relaxed SIMD.
const RELAXED: &str = "fused";

/// The piece that every CPU worker loads.
const WORKERS: &str = "cpu";

/// Modules of fewer bytes than this are no files: a request costs more than their neighbours' bytes.
const TINY: usize = 2048;

/// Of what workers load, modules of more bytes than this lie in a file of their own: a page in a frame that computes nothing yet needs the others only.
const SMALL: usize = 8192;

/// The name by which wasm-bindgen's output and the cutter's know each other.
const SPLIT: &str = "__wasm_split.js";

/// File names of the finished program.
pub struct Program {
    /// The script to import.
    pub script: String,
    /// The script that it imports.
    pub split: String,
    /// The module it instantiates.
    pub module: String,
}

/// Makes the program from `compiled` in `folder`, and of what trunk has bound as `whole` there one that is not cut, whose script's new name is returned
/// beside it. Without `release` nothing is optimised.
///
/// # Errors
/// When a tool fails, or relaxed SIMD is found where it must not be.
pub fn make(compiled: &Path, folder: &Path, whole: &str, release: bool) -> Result<(Program, String)> {
    let work = folder.join(".program");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    let Cut { pieces, together } = cut(compiled, &work)?;
    let tools = tools::for_building()?;
    let mut bind = shell::command(
        "wasm-bindgen",
        &["--target", "web", "--no-typescript", "--keep-lld-exports", "--out-name", "app"],
    );
    bind.arg("--out-dir").arg(&work).arg(work.join("main.wasm")).env("PATH", &tools);
    if release {
        bind.args(["--remove-name-section", "--remove-producers-section"]);
    }
    shell::run(bind)?;
    let main = work.join("app_bg.wasm");
    mend(&work, &main)?;
    if release {
        shorten_imports(&work.join("app.js"), "./app_bg.js", &main)?;
    }
    let other = folder.join(format!("{whole}_bg.wasm"));
    // The page is to be small; what only workers load is to be fast. The longest come first.
    let small = [(&main, "-Oz"), (&other, "-Oz")];
    let modules: Vec<_> = small.into_iter().chain(pieces.iter().map(|path| (path, "-O3"))).collect();
    let is_relaxed = |path: &Path| path.file_stem().is_some_and(|name| name.to_string_lossy().ends_with(RELAXED));
    if release {
        let optimised = |&(path, level): &(&PathBuf, &str)| optimised(path, level, is_relaxed(path), &tools);
        shell::run_all(modules.iter().map(optimised).collect())?;
    }
    for (path, _) in modules {
        check_relaxed(path, is_relaxed(path))?;
    }
    let other = name_whole(folder, whole, release)?;
    let program = name(&work, folder, &main, &pieces, &together)?;
    if release {
        minify(&folder.join(&program.script), &tools)?;
        minify(&folder.join(&program.split), &tools)?;
    }
    fs::remove_dir_all(&work)?;
    Ok((program, other))
}

fn optimised(path: &Path, level: &str, relaxed: bool, tools: &OsStr) -> Command {
    // What tools say of themselves: no browser reads it, and each of many small files would carry it.
    let mut optimise =
        shell::command("wasm-opt", &[level, "--strip-debug", "--strip-producers", "--strip-target-features"]);
    // The first kilobyte is the far end of the stack, which nothing addresses.
    optimise.args(["--low-memory-unused", "--converge"]);
    optimise.args(FEATURES).args(relaxed.then_some("--enable-relaxed-simd"));
    optimise.arg(path).arg("-o").arg(path).env("PATH", tools);
    optimise
}

/// Writes a script or a style sheet shorter, in its place.
///
/// # Errors
/// When it is none, or the tool fails.
pub fn minify(file: &Path, tools: &OsStr) -> Result<()> {
    // wasm-bindgen names a module of imports once for each of them; that is no fault here.
    let mut minify =
        shell::command("esbuild", &["--minify", "--target=es2022", "--log-level=error", "--allow-overwrite"]);
    let mut out = std::ffi::OsString::from("--outfile=");
    out.push(file);
    minify.arg(file).arg(out).env("PATH", tools);
    shell::run(minify)
}

/// Names a program that trunk has bound as `name.js` and `name_bg.wasm` by its content. Returns the script's new name.
fn name_whole(folder: &Path, name: &str, release: bool) -> Result<String> {
    let (script, module) = (folder.join(format!("{name}.js")), folder.join(format!("{name}_bg.wasm")));
    let module = place(&module, folder, name)?;
    if release {
        minify(&script, &tools::for_building()?)?;
    }
    let mut text = fs::read_to_string(&script).map_err(|e| format!("{}: {e}", script.display()))?;
    swap(&mut text, &format!("{name}_bg.wasm"), &module)?;
    let new = format!("{name}-{}.js", digest::short(text.as_bytes()));
    fs::write(folder.join(&new), text)?;
    fs::remove_file(script)?;
    Ok(new)
}

/// What the cutter made.
struct Cut {
    pieces: Vec<PathBuf>,
    /// Which of them workers load, by file name without its extension. What makes the inner loops fast is one of two pieces, and not among them; what both need is.
    together: BTreeSet<String>,
}

/// Cuts the compiled file into `work/main.wasm` and the pieces.
fn cut(compiled: &Path, work: &Path) -> Result<Cut> {
    let bytes = fs::read(compiled).map_err(|e| format!("{}: {e}", compiled.display()))?;
    let main = work.join("main.wasm");
    let link = format!("./{SPLIT}");
    let mut options = Options::new(&bytes);
    options.output_dir = work;
    options.main_out_path = &main;
    options.link_name = &link;
    options.main_module = "./app.js";
    let cut = transform(options).map_err(|e| format!("cutting {}: {e:#}", compiled.display()))?;
    let needed = |piece: &str| cut.prefetch_map.get(piece).ok_or_else(|| format!("there is no piece {piece:?}"));
    let (own, loops) = (needed(WORKERS)?, needed(RELAXED)?);
    let together = own.iter().chain(loops.iter().filter(|name| name.starts_with("chunk"))).cloned().collect();
    let mut pieces = cut.split_modules;
    pieces.sort();
    Ok(Cut { pieces, together })
}

/// Leptos' server functions export classes for streams of bytes, which nobody here calls. Without the exports `wasm-opt` drops what is behind them.
/// The splitter limits the table of functions to what it puts there; workers add the generated inner loops to it (`src/engine/cpu/ordered.rs`).
fn mend(work: &Path, main: &Path) -> Result<()> {
    let bytes = fs::read(main)?;
    let unwanted = |name: &str| name.contains("intounderlying");
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(&bytes) {
        let payload = payload.map_err(|e| format!("{}: {e}", main.display()))?;
        if let Payload::ExportSection(exports) = &payload {
            let mut kept = ExportSection::new();
            for export in exports.clone() {
                let export = export.map_err(|e| format!("{}: {e}", main.display()))?;
                if !unwanted(export.name) {
                    kept.export(export.name, export.kind.into(), export.index);
                }
            }
            module.section(&kept);
        } else if let Payload::TableSection(tables) = &payload {
            let mut section = TableSection::new();
            for table in tables.clone() {
                let mut ty = table.map_err(|e| format!("{}: {e}", main.display()))?.ty;
                ty.maximum = None;
                section.table(ty.try_into().map_err(|e| format!("a table of {}: {e:?}", main.display()))?);
            }
            module.section(&section);
        } else if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection { id, data: &bytes[range.start as usize..range.end as usize] });
        }
    }
    fs::write(main, module.finish())?;
    let script = work.join("app.js");
    let text = without_streams(&fs::read_to_string(&script)?);
    if text.contains("IntoUnderlying") {
        return Err("app.js still names the classes of streams: has wasm-bindgen changed its output?".into());
    }
    Ok(fs::write(script, text)?)
}

/// Gives short names to what the module imports from its script. wasm-bindgen's end in a hash, which no compression helps against, in both files.
fn shorten_imports(script: &Path, from: &str, module: &Path) -> Result<()> {
    let bytes = fs::read(module)?;
    let mut text = fs::read_to_string(script)?;
    let mut new = Module::new();
    let mut count = 0;
    for payload in Parser::new(0).parse_all(&bytes) {
        let payload = payload.map_err(|e| format!("{}: {e}", module.display()))?;
        if let Payload::ImportSection(imports) = &payload {
            let mut section = ImportSection::new();
            for import in imports.clone().into_imports() {
                let import = import.map_err(|e| format!("{}: {e}", module.display()))?;
                let kind = EntityType::try_from(import.ty).map_err(|e| format!("{}: {e:?}", import.name))?;
                if import.module == from {
                    let short = format!("_{count}");
                    count += 1;
                    swap(&mut text, &format!("\n{}: ", import.name), &format!("\n{short}: "))?;
                    section.import(from, &short, kind);
                } else {
                    section.import(import.module, import.name, kind);
                }
            }
            new.section(&section);
        } else if let Some((id, range)) = payload.as_section() {
            new.section(&RawSection { id, data: &bytes[range.start as usize..range.end as usize] });
        }
    }
    if count == 0 {
        return Err(
            format!("{} imports nothing from {from}: has wasm-bindgen changed its output?", module.display()).into()
        );
    }
    fs::write(module, new.finish())?;
    Ok(fs::write(script, text)?)
}

/// The script without those classes, comments and indentation, none of which wasm-bindgen writes in the middle of a line or a string.
fn without_streams(script: &str) -> String {
    let mut kept = String::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        let end: fn(&str) -> bool = match line.trim_start() {
            start if start.starts_with("/**") => |line| line.ends_with("*/"),
            start if start.starts_with("export class IntoUnderlying") => |line| line == "}",
            start if start.starts_with("const IntoUnderlying") => |line| line.ends_with(';'),
            start if start.is_empty() || start.starts_with("if (Symbol.dispose) IntoUnderlying") => continue,
            start => {
                kept.push_str(start);
                kept.push('\n');
                continue;
            }
        };
        if !end(line) {
            lines.by_ref().find(|line| end(line));
        }
    }
    kept
}

/// A browser without relaxed SIMD refuses a whole module for one of its instructions.
fn check_relaxed(path: &Path, wanted: bool) -> Result<()> {
    let bytes = fs::read(path)?;
    let plain = WasmFeatures::all() - WasmFeatures::RELAXED_SIMD;
    Validator::new_with_features(WasmFeatures::all())
        .validate_all(&bytes)
        .map_err(|e| format!("{}: not a valid module: {e}", path.display()))?;
    let found = Validator::new_with_features(plain).validate_all(&bytes).is_err();
    match (found, wanted) {
        (true, false) => Err(format!("{} holds instructions of relaxed SIMD", path.display()).into()),
        (false, true) => Err(format!("{} holds no instruction of relaxed SIMD", path.display()).into()),
        _ => Ok(()),
    }
}

/// Moves everything into `folder` under names with hashes. The two scripts import each other, so that they share one.
fn name(work: &Path, folder: &Path, main: &Path, pieces: &[PathBuf], together: &BTreeSet<String>) -> Result<Program> {
    let read = |name: &str| fs::read_to_string(work.join(name)).map_err(|e| format!("{name}: {e}"));
    let (mut script, mut split) = (read("app.js")?, read(SPLIT)?);
    let (mut workers, mut shared) = (Vec::new(), Vec::new());
    for piece in pieces {
        let old = file_name(piece);
        let stem = old.trim_end_matches(".wasm");
        let bytes = fs::read(piece)?;
        if together.contains(stem) || bytes.len() < TINY {
            let pack = if bytes.len() < SMALL { &mut shared } else { &mut workers };
            pack.push((stem.to_owned(), bytes));
            continue;
        }
        let stem = old.trim_end_matches(".wasm").trim_start_matches("split_").replace('_', "");
        let new = place(piece, folder, &stem)?;
        swap(&mut split, &format!("./{old}"), &format!("./{new}"))?;
    }
    let mut packs = Vec::new();
    for (stem, packed) in [("workers", &workers), ("shared", &shared)] {
        let file = work.join(format!("{stem}.wasm"));
        fs::write(&file, pack::module(packed))?;
        packs.push((packed.iter().map(|(name, _)| name.as_str()).collect(), place(&file, folder, stem)?));
    }
    split = pack::link(&split, &packs)?;
    let module = place(main, folder, "app")?;
    swap(&mut script, "app_bg.wasm", &module)?;
    let id = digest::short(format!("{script}{split}").as_bytes());
    let (script_name, split_name) = (format!("app-{id}.js"), format!("split-{id}.js"));
    swap(&mut script, &format!("./{SPLIT}\"\n"), &format!("./{split_name}\"\n"))?;
    swap(&mut split, "./app.js", &format!("./{script_name}"))?;
    fs::write(folder.join(&script_name), script)?;
    fs::write(folder.join(&split_name), split)?;
    Ok(Program { script: script_name, split: split_name, module })
}

/// Moves a module to `folder/stem-<hash>.wasm`; returns that name.
fn place(path: &Path, folder: &Path, stem: &str) -> Result<String> {
    let new = format!("{stem}-{}.wasm", digest::short(&fs::read(path)?));
    fs::rename(path, folder.join(&new))?;
    Ok(new)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Replaces what must be there: output that has changed its form is refused, not passed on.
fn swap(text: &mut String, old: &str, new: &str) -> Result<()> {
    if !text.contains(old) {
        return Err(format!("the program's scripts do not name {old:?}: has a tool changed its output?").into());
    }
    *text = text.replace(old, new);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// `(module (func (result v128) (<op> (v128.const 0) (v128.const 0) (v128.const 0))))` with relaxed_madd, and one of nothing.
    const MADD: [u8; 40] = [
        0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, 0x03, 0x02, 0x01,
        0x00, 0x0a, 0x13, 0x01, 0x11, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f,
        0xfd, 0x85, 0x02, 0x0b,
    ];

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-program-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("work")).unwrap();
        folder
    }

    #[test]
    fn relaxed_simd_is_found_where_it_is() {
        let folder = folder("relaxed");
        let (with, without) = (folder.join("with.wasm"), folder.join("without.wasm"));
        fs::write(&with, MADD).unwrap();
        fs::write(&without, &MADD[..8]).unwrap();
        assert!(check_relaxed(&with, true).is_ok() && check_relaxed(&without, false).is_ok());
        assert!(check_relaxed(&with, false).is_err() && check_relaxed(&without, true).is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn classes_that_nobody_calls_leave_the_script() {
        let script = "export class IntoUnderlyingSink {\n    free() {\n    }\n}\nif (Symbol.dispose) IntoUnderlyingSink.prototype.x = 1;\n\n/**\n * Kept.\n \
                      */\nexport function compute() {\n    return 1;\n}\nconst IntoUnderlyingSinkFinalization = (a)\n    ? b\n    : c;\n/** one line */\nend";
        assert_eq!(without_streams(script), "export function compute() {\nreturn 1;\n}\nend\n");
    }

    #[test]
    fn scripts_name_the_files_that_are_there() {
        let folder = folder("names");
        let work = folder.join("work");
        let write = |name: &str, text: &str| fs::write(work.join(name), text).unwrap();
        write(
            "app.js",
            "import * as import1 from \"./__wasm_split.js\"\nnew URL('app_bg.wasm', import.meta.url)\n\"./__wasm_split.js\": import1,",
        );
        let large = "2".repeat(SMALL);
        let pieces = ["split_later", "split_cpu", "chunk_3"];
        let fetches: String = pieces.iter().map(|name| pack::fetched(name)).collect();
        write(SPLIT, &format!("import {{ initSync }} from \"./app.js\";\n{fetches}"));
        write("app_bg.wasm", "1");
        // One is a file; one is too small for that; one lies in the workers' file.
        write("split_later.wasm", &large);
        write("split_cpu.wasm", &large);
        write("chunk_3.wasm", "3");
        let paths = pieces.map(|name| work.join(format!("{name}.wasm")));
        let together = BTreeSet::from(["split_cpu".to_owned()]);
        let program = name(&work, &folder, &work.join("app_bg.wasm"), &paths, &together).unwrap();
        let script = fs::read_to_string(folder.join(&program.script)).unwrap();
        assert!(script.contains(&format!("from \"./{}\"", program.split)) && script.contains(&program.module));
        // The key under which the module finds its imports is no file name.
        assert!(script.contains("\"./__wasm_split.js\": import1"));
        let split = fs::read_to_string(folder.join(&program.split)).unwrap();
        assert!(split.contains(&program.script));
        let file =
            |stem: &str| split.split("\"./").find(|rest| rest.starts_with(stem)).unwrap().split('"').next().unwrap();
        assert_eq!(fs::read_to_string(folder.join(file("later-"))).unwrap(), large);
        let packed = |name: &str, bytes: &[u8]| pack::module(&[(name.to_owned(), bytes.to_vec())]);
        assert_eq!(fs::read(folder.join(file("workers-"))).unwrap(), packed("split_cpu", large.as_bytes()));
        assert_eq!(fs::read(folder.join(file("shared-"))).unwrap(), packed("chunk_3", b"3"));
        fs::remove_dir_all(folder).unwrap();
    }
}
