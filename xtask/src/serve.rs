//! `cargo xtask serve`: a static file server for `dist/`, as plain as the hosts the page is meant for.
//!
//! It serves the release build byte for byte, security policy included, which `trunk serve` would not: that one adds its
//! reload script. For work on the sources with rebuilding on change, `trunk serve` is the command.
//!
//! For tests it also serves the page with a fault: under `/fault/<name>/` everything is as usual but for the script that starts workers,
//! which comes with a script of that name in front of it, one that breaks something in the worker. For benchmarks it can lay other folders
//! beside, and isolate the page, as the threads of other libraries want it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::{Result, build, refuse_rest, shell, take_value};

/// `cargo xtask serve [--port N]`.
pub fn command(args: &[String]) -> Result<bool> {
    let mut args = args.to_vec();
    let port = take_value(&mut args, "--port")?.unwrap_or_else(|| "8080".into());
    let port: u16 = port.parse().map_err(|_| format!("--port wants a number up to 65535, not {port:?}"))?;
    refuse_rest(&args)?;
    // Bind first: finding the port taken after minutes of building would be rude.
    let listener = bind(port)?;
    let folder = build::build(&build::Options::default())?;
    println!("\nAttention Playground: http://{}/   (stop with Ctrl+C)", listener.local_addr()?);
    accept(&listener, &Arc::new(Site { folder, prefixes: &["/"], ..Site::default() }), &Sent::default());
    Ok(true)
}

/// The files that were sent so far.
pub type Sent = Arc<Mutex<BTreeSet<PathBuf>>>;

/// What is served.
#[derive(Default)]
pub struct Site {
    /// The folder of the page.
    pub folder: PathBuf,
    /// Where it lies: `/`, `/some/sub/path/`.
    pub prefixes: &'static [&'static str],
    /// Scripts that break workers, each for the page under `/fault/<its name>/`.
    pub faults: Option<PathBuf>,
    /// What stands where a page says [`STAND_IN`]: the address of another site.
    pub other: Option<String>,
    /// Other folders, each with the path where it lies.
    pub beside: Vec<(&'static str, PathBuf)>,
    /// Whether documents are cross-origin isolated, and so may share memory between threads.
    pub isolated: bool,
    /// Files that are sent compressed with brotli to who takes that: the page as a good host sends it.
    pub encoded: Arc<BTreeMap<PathBuf, Vec<u8>>>,
}

/// The address that pages of tests give to the playground.
pub const STAND_IN: &str = "https://playground.example";

/// A file to send, and what comes in front of it.
#[derive(Debug, PartialEq)]
struct Answer {
    file: PathBuf,
    fault: Option<PathBuf>,
}

/// Serves a site in a thread, on a free port; returns the address, and what is sent.
pub fn start(site: Site) -> Result<(SocketAddr, Sent)> {
    let listener = bind(0)?;
    let address = listener.local_addr()?;
    let sent = Sent::default();
    let record = sent.clone();
    shell::thread(move || accept(&listener, &Arc::new(site), &record));
    Ok((address, sent))
}

fn bind(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|e| format!("port {port} of 127.0.0.1: {e}. Choose another with --port").into())
}

fn accept(listener: &TcpListener, site: &Arc<Site>, sent: &Sent) {
    for stream in listener.incoming().flatten() {
        let (site, sent) = (site.clone(), sent.clone());
        // A browser that hangs up in the middle is not our error.
        shell::thread(move || answer(stream, &site, &sent).ok());
    }
}

fn answer(mut stream: TcpStream, site: &Site, sent: &Sent) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut head = BufReader::new(stream.try_clone()?.take(16 * 1024));
    let mut line = String::new();
    head.read_line(&mut line)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut header = String::new();
    let mut takes_brotli = false;
    while head.read_line(&mut header)? > 2 {
        let (name, value) = header.split_once(':').unwrap_or_default();
        takes_brotli |=
            name.eq_ignore_ascii_case("accept-encoding") && value.split(',').any(|word| word.trim() == "br");
        header.clear();
    }
    if !matches!(method, "GET" | "HEAD") {
        return respond(&mut stream, "405 Method Not Allowed", "text/plain", "", b"GET or HEAD\n", true);
    }
    let Some(found) = site.resolve(target) else {
        return respond(&mut stream, "404 Not Found", "text/plain", "", b"not found\n", true);
    };
    if let Some(body) = site.encoded.get(&found.file).filter(|_| takes_brotli) {
        let extra = "Content-Encoding: br\r\nVary: Accept-Encoding\r\n";
        return respond(&mut stream, "200 OK", media_type(&found.file), extra, body, method == "GET");
    }
    let bytes = found.fault.iter().chain([&found.file]).map(std::fs::read).collect::<io::Result<Vec<_>>>();
    match bytes {
        Ok(bytes) => {
            sent.lock().unwrap_or_else(PoisonError::into_inner).insert(found.file.clone());
            let mut body = bytes.concat();
            if let (Some(other), Ok(text)) = (&site.other, std::str::from_utf8(&body)) {
                body = text.replace(STAND_IN, other).into_bytes();
            }
            let extra = if site.isolated { ISOLATED } else { "" };
            respond(&mut stream, "200 OK", media_type(&found.file), extra, &body, method == "GET")
        }
        Err(_) => respond(&mut stream, "404 Not Found", "text/plain", "", b"not found\n", true),
    }
}

/// What isolates a document; its workers and frames need the same.
const ISOLATED: &str = "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp\r\n\
                        Cross-Origin-Resource-Policy: same-origin\r\n";

fn respond(
    stream: &mut TcpStream,
    status: &str,
    media: &str,
    extra: &str,
    body: &[u8],
    with_body: bool,
) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n{extra}\r\n",
        body.len()
    )?;
    if with_body {
        stream.write_all(body)?;
    }
    stream.flush()
}

impl Site {
    /// What a request names, or none when it points out of the folder or under no prefix.
    fn resolve(&self, target: &str) -> Option<Answer> {
        let path = decode(target.split(['?', '#']).next()?)?;
        if let Some((name, rest)) = path.strip_prefix("/fault/").and_then(|rest| rest.split_once('/')) {
            let plain = !name.is_empty() && name.bytes().all(|b| b == b'-' || b.is_ascii_lowercase());
            let script = self.faults.as_ref().filter(|_| plain)?.join(format!("{name}.js"));
            let fault = (rest.starts_with("worker-loader-") && rest.ends_with(".js")).then_some(script);
            return Some(Answer { file: inside(&self.folder, rest)?, fault });
        }
        // The longest prefix wins, so that "/" does not swallow the others.
        let own = self.prefixes.iter().map(|prefix| (*prefix, &self.folder));
        let beside = self.beside.iter().map(|(prefix, folder)| (*prefix, folder));
        let lies = own.chain(beside).filter_map(|(prefix, folder)| Some((path.strip_prefix(prefix)?, folder)));
        let (rest, folder) = lies.min_by_key(|(rest, _)| rest.len())?;
        Some(Answer { file: inside(folder, rest)?, fault: None })
    }
}

/// The file at a path inside a folder.
fn inside(folder: &Path, rest: &str) -> Option<PathBuf> {
    let relative = Path::new(rest);
    if rest.contains(['\\', '\0']) || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let file = folder.join(relative);
    Some(if rest.is_empty() || rest.ends_with('/') { file.join("index.html") } else { file })
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |d: u8| (d as char).to_digit(16);
                (digit(rest.next()?)? * 16 + digit(rest.next()?)?) as u8
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn site(folder: &str) -> Site {
        Site { folder: folder.into(), prefixes: &["/", "/some/sub/path/"], faults: Some("f".into()), ..Site::default() }
    }

    #[test]
    fn requests_name_files_under_each_prefix() {
        let at = |target| site("d").resolve(target).map(|found| found.file);
        assert_eq!(at("/"), Some("d/index.html".into()));
        assert_eq!(at("/a%20b.js?m=1"), Some("d/a b.js".into()));
        assert_eq!(at("/some/sub/path/"), Some("d/index.html".into()));
        assert_eq!(at("/some/sub/path/captures/x.safetensors"), Some("d/captures/x.safetensors".into()));
    }

    #[test]
    fn nothing_outside_the_folder_can_be_named() {
        for target in
            ["/../secret", "/%2e%2e/secret", "//etc/passwd", "/a/../../b", "/a%5c..%5cb", "/%00", "/%zz", "", "x"]
        {
            assert_eq!(site("d").resolve(target), None, "{target}");
        }
    }

    #[test]
    fn a_fault_comes_in_front_of_the_loader_alone() {
        let at = |target| site("d").resolve(target).map(|found| (found.file, found.fault));
        let loader = "d/worker-loader-1a.js".into();
        assert_eq!(at("/fault/no-gpu/worker-loader-1a.js?m=gpu-2b.js"), Some((loader, Some("f/no-gpu.js".into()))));
        assert_eq!(at("/fault/no-gpu/"), Some(("d/index.html".into(), None)));
        assert_eq!(at("/fault/no-gpu/captures/x"), Some(("d/captures/x".into(), None)));
        for target in ["/fault/../x.js", "/fault/%2e%2e/x.js", "/fault//x.js", "/fault/No/x.js", "/fault/a/../b"] {
            assert_eq!(at(target), None, "{target}");
        }
        let plain = Site { faults: None, ..site("d") };
        assert_eq!(plain.resolve("/fault/no-gpu/worker-loader-1a.js"), None);
    }

    #[test]
    fn folders_beside_have_paths_of_their_own_and_no_way_out() {
        let site = Site { beside: vec![("/dist/", "x".into())], ..site("d") };
        let at = |target| site.resolve(target).map(|found| found.file);
        assert_eq!(at("/dist/"), Some("x/index.html".into()));
        assert_eq!(at("/dist/a.js"), Some("x/a.js".into()));
        assert_eq!(at("/a.js"), Some("d/a.js".into()));
        assert_eq!(at("/dist/../secret"), None);
    }

    #[test]
    fn an_isolated_site_says_so_and_another_does_not() {
        let folder = std::env::temp_dir().join(format!("xtask-isolated-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.mjs"), "0").unwrap();
        for isolated in [true, false] {
            let site = Site { folder: folder.clone(), prefixes: &["/"], isolated, ..Site::default() };
            let (address, _) = start(site).unwrap();
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /a.mjs HTTP/1.1\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert!(text.contains("text/javascript") && text.ends_with("\r\n\r\n0"));
            assert_eq!(text.contains("\r\nCross-Origin-Embedder-Policy: require-corp\r\n"), isolated);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn brotli_goes_to_who_takes_it() {
        let folder = std::env::temp_dir().join(format!("xtask-encoded-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.js"), "plain").unwrap();
        let encoded = Arc::new(BTreeMap::from([(folder.join("a.js"), b"short".to_vec())]));
        let (address, _) =
            start(Site { folder: folder.clone(), prefixes: &["/"], encoded, ..Site::default() }).unwrap();
        let ask = |accepts: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(format!("GET /a.js HTTP/1.1\r\nAccept-Encoding: {accepts}\r\n\r\n").as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        };
        let short = ask("gzip, deflate, br, zstd");
        assert!(short.contains("Content-Encoding: br\r\n") && short.ends_with("\r\n\r\nshort"));
        let plain = ask("gzip");
        assert!(!plain.contains("Content-Encoding") && plain.ends_with("\r\n\r\nplain"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn wasm_has_the_type_that_streaming_compilation_wants() {
        assert_eq!(media_type(Path::new("a.wasm")), "application/wasm");
        assert!(media_type(Path::new("a.js")).starts_with("text/javascript"));
    }

    #[test]
    fn a_running_server_answers_and_refuses() {
        let folder = std::env::temp_dir().join(format!("xtask-serve-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.wasm"), "four").unwrap();
        let (address, sent) = start(Site { folder: folder.clone(), prefixes: &["/"], ..Site::default() }).unwrap();
        let ask = |request: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        };
        let found = ask("GET /a.wasm HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(found.starts_with("HTTP/1.1 200") && found.contains("application/wasm") && found.ends_with("four"));
        assert!(ask("HEAD /a.wasm HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
        assert!(ask("GET /b HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask("POST /a.wasm HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        let sent: Vec<_> = sent.lock().unwrap().iter().cloned().collect();
        assert_eq!(sent, [folder.join("a.wasm")]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
