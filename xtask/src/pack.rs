//! Several modules as one file. The cutter makes a module for every set of pieces that share something, most of them of a few hundred bytes, and a request for each
//! would cost a browser more than what is in it: each CPU worker would make thirty. The file is a module of nothing but custom sections, each of which holds one of
//! them, so that hosts type and compress it and browsers keep it like any other.

use std::borrow::Cow;

use wasm_encoder::{CustomSection, Module};

use crate::Result;

/// Fetches each file once, and again after a failure. What is in it is not asked for before its importers are ready, as with a module of its own.
const LOADER: &str = "
const packs = {};
function part(file, name) {
    const pack = packs[file] ??= WebAssembly.compileStreaming(fetch(new URL(file, import.meta.url)));
    pack.catch(() => { if (packs[file] === pack) delete packs[file]; });
    return async (imports) => WebAssembly.instantiate(WebAssembly.Module.customSections(await pack, name)[0], imports);
}
";

/// One module of those by name that `modules` holds.
pub fn module(modules: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut module = Module::new();
    for (name, bytes) in modules {
        module.section(&CustomSection { name: Cow::Borrowed(name), data: Cow::Borrowed(bytes) });
    }
    module.finish()
}

/// The words in which the cutter's script fetches a module.
pub fn fetched(name: &str) -> String {
    format!(
        "() => {{\n    const src = fetch(new URL(\"./{name}.wasm\", import.meta.url));\n    src.catch(() => {{}});\n    return async (imports) => (WebAssembly.instantiateStreaming(src, imports));\n}}\n"
    )
}

/// The cutter's script `split`, with what it fetches as `name.wasm` taken out of packed files: the names in each, and what the file is called.
///
/// # Errors
/// When the script does not fetch them in the words that are known.
pub fn link(split: &str, files: &[(Vec<&str>, String)]) -> Result<String> {
    let (imports, rest) = split.split_once(";\n").ok_or("the cutter's script imports nothing: has it changed?")?;
    let mut rest = rest.to_owned();
    for (name, file) in files.iter().flat_map(|(names, file)| names.iter().map(move |name| (name, file))) {
        let own = fetched(name);
        if !rest.contains(&own) {
            return Err(format!("the cutter's script does not fetch {name}.wasm as it did: has it changed?").into());
        }
        rest = rest.replace(&own, &format!("() => part(\"./{file}\", \"{name}\")"));
    }
    Ok(format!("{imports};\n{LOADER}{rest}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use wasmparser::{Parser, Payload};

    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let modules = [("chunk_1".to_owned(), b"\0asm\x01\0\0\0".to_vec()), ("split_cpu".to_owned(), vec![7; 300])];
        let packed = module(&modules);
        wasmparser::Validator::new().validate_all(&packed).unwrap();
        let sections = Parser::new(0).parse_all(&packed).filter_map(|payload| match payload.unwrap() {
            Payload::CustomSection(section) => Some((section.name().to_owned(), section.data().to_vec())),
            _ => None,
        });
        assert_eq!(sections.collect::<Vec<_>>(), modules);
    }

    #[test]
    fn only_what_is_packed_is_taken_out_of_the_file() {
        let fetched = |name: &str| format!("const a = makeLoad({}, []);\n", fetched(name));
        let split =
            format!("import {{ initSync }} from \"./app.js\";\n\n{}{}", fetched("chunk_1"), fetched("chunk_10"));
        let of = |name: &'static str| [(vec![name], "workers-1.wasm".to_owned())];
        let linked = link(&split, &of("chunk_1")).unwrap();
        assert!(linked.starts_with("import { initSync } from \"./app.js\";\n\nconst packs = {};\n"), "{linked}");
        assert!(linked.contains("const a = makeLoad(() => part(\"./workers-1.wasm\", \"chunk_1\"), []);"), "{linked}");
        assert!(linked.contains(&fetched("chunk_10")), "{linked}");
        // A script that has changed its words is refused.
        assert!(link(&split, &of("chunk_2")).is_err());
    }
}
