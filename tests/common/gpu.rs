//! The GPU for tests: natively through Vulkan, where there is an adapter (the software one will do). Where there is none, the run says so.

use std::cell::{Cell, RefCell};
use std::fs::OpenOptions;
use std::future::Future;
use std::io::Write;
use std::pin::pin;
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use attention_playground::attention::{Inputs, Plan, Problem};
use attention_playground::engine::gpu::{Gpu, GpuError, GpuHost, GpuSession, Offers};
use attention_playground::experiment::Algorithm;
use wgpu::naga::valid::Capabilities;

/// Milliseconds from the first call on.
pub fn clock() -> f64 {
    static START: OnceLock<std::time::Instant> = OnceLock::new();
    #[allow(clippy::disallowed_methods, reason = "tests are native; the ban is for WebAssembly")]
    let start = START.get_or_init(std::time::Instant::now);
    start.elapsed().as_secs_f64() * 1e3
}

/// Runs a future to its end. Natively whatever the engine waits for has polled the device by then.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
        std::thread::yield_now();
    }
}

thread_local! {
    // Never dropped: wgpu has thread-locals of its own, which are gone by then.
    static HOST: &'static RefCell<GpuHost> = Box::leak(Box::new(RefCell::new(GpuHost::new(clock))));
}

/// This thread's device for the part of a test that needs one. Where there is no adapter, that part is said not to have run. Whatever else goes wrong
/// fails the test.
pub fn gpu() -> Option<Rc<Gpu>> {
    device("PARTLY NOT RUN")
}

/// This thread's device for a test that checks nothing without one, and is said not to have run then.
pub fn needs_gpu() -> Option<Rc<Gpu>> {
    device("NOT RUN")
}

fn device(unless: &str) -> Option<Rc<Gpu>> {
    HOST.with(|host| match block_on(host.borrow_mut().gpu()) {
        Ok(gpu) => Some(gpu),
        Err(GpuError::Unavailable(why)) => {
            say(unless, &why.en);
            None
        }
        Err(error) => panic!("{error}"),
    })
}

/// The same for a test of what not every device offers.
pub fn needs_offer(what: &str, holds: impl Fn(Offers) -> bool) -> Option<Rc<Gpu>> {
    let gpu = needs_gpu()?;
    if holds(gpu.offers()) {
        return Some(gpu);
    }
    say("NOT RUN", &format!("{} offers no {what}", gpu.facts().name));
    None
}

/// Names the test on standard error, past the harness, which swallows what tests print; and in the file that `cargo xtask test` reads, since
/// nextest keeps to itself what a passing test says. Once for each test: libtest gives each a thread of its own, and nextest a process.
fn say(what: &str, why: &str) {
    thread_local! {
        static SAID: Cell<bool> = const { Cell::new(false) };
    }
    if SAID.replace(true) {
        return;
    }
    let thread = std::thread::current();
    // With one test at a time libtest stays on its first thread; nextest names the test among the arguments.
    let named = thread.name().filter(|name| *name != "main").map(str::to_owned);
    let name = named.or_else(|| std::env::args().skip(1).find(|word| !word.starts_with('-'))).unwrap_or_default();
    let line = format!("{what} {}::{name}: {why}\n", env!("CARGO_CRATE_NAME"));
    drop(std::io::stderr().write_all(line.as_bytes()));
    if let Some(path) = std::env::var_os("ATTENTION_NOT_RUN") {
        let file = OpenOptions::new().create(true).append(true).open(&path);
        // Otherwise the count of `cargo xtask test` would say that everything ran.
        file.and_then(|mut file| file.write_all(line.as_bytes())).unwrap();
    }
}

pub fn session(problem: &Problem, inputs: &Inputs, algorithm: Algorithm) -> GpuSession {
    let plan = Plan::compile(problem).unwrap();
    block_on(GpuSession::new(gpu().unwrap(), plan, inputs, algorithm, clock)).unwrap()
}

/// Parses and validates a text as a browser would, without the extensions of native WGSL; the validated module's workgroup memory in bytes.
pub fn validate(name: &str, source: &str) -> u32 {
    validate_with(name, source, Capabilities::empty())
}

/// The same of a text that uses what these allow.
pub fn validate_with(name: &str, source: &str, allowed: Capabilities) -> u32 {
    use wgpu::naga::valid::{ValidationFlags, Validator};
    use wgpu::naga::{AddressSpace, front::wgsl};
    let module = wgsl::parse_str(source).unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(source)));
    Validator::new(ValidationFlags::all(), allowed)
        .validate(&module)
        .unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(source)));
    let workgroup = module.global_variables.iter().filter(|(_, v)| v.space == AddressSpace::WorkGroup);
    workgroup.map(|(_, v)| module.types[v.ty].inner.size(module.to_ctx())).sum()
}
