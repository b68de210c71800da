//! The GPU for tests: natively through Vulkan, where there is an adapter (the software one will do). Where there is none, the run says so.

use std::cell::RefCell;
use std::future::Future;
use std::io::Write;
use std::pin::pin;
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use attention_playground::attention::{Inputs, Plan, Problem};
use attention_playground::engine::gpu::{Gpu, GpuError, GpuHost, GpuSession};
use attention_playground::experiment::Algorithm;

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

/// This thread's device, if there is an adapter. Whatever else goes wrong fails the test.
pub fn gpu() -> Option<Rc<Gpu>> {
    HOST.with(|host| match block_on(host.borrow_mut().gpu()) {
        Ok(gpu) => Some(gpu),
        Err(GpuError::Unavailable(why)) => {
            static SAID: OnceLock<()> = OnceLock::new();
            // Past the test harness, which swallows what tests print.
            SAID.get_or_init(|| {
                drop(writeln!(std::io::stderr(), "NO GPU: {}. The checks of the gpu engine are NOT RUN.", why.en))
            });
            None
        }
        Err(error) => panic!("{error}"),
    })
}

pub fn session(problem: &Problem, inputs: &Inputs, algorithm: Algorithm) -> GpuSession {
    let plan = Plan::compile(problem).unwrap();
    block_on(GpuSession::new(gpu().unwrap(), plan, inputs, algorithm, clock)).unwrap()
}

/// Parses and validates a text as a browser would, without the extensions of native WGSL; the validated module's workgroup memory in bytes.
pub fn validate(name: &str, source: &str) -> u32 {
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};
    use wgpu::naga::{AddressSpace, front::wgsl};
    let module = wgsl::parse_str(source).unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(source)));
    Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(source)));
    let workgroup = module.global_variables.iter().filter(|(_, v)| v.space == AddressSpace::WorkGroup);
    workgroup.map(|(_, v)| module.types[v.ty].inner.size(module.to_ctx())).sum()
}
