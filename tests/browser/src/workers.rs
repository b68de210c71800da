//! The page's own workers, spoken to directly in their own messages: any problem can be asked, on any engine, without the page in between.

use attention_playground::engine::protocol::codec::{self, Codec};
use attention_playground::engine::protocol::{FromWorker, PROTOCOL, ToWorker};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::page::{Page, ensure};

/// A message as the page's script passes it on: the bytes of the head and of each kind of number beside it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Parcel {
    head: Vec<u8>,
    f32: Vec<u8>,
    i32: Vec<u8>,
    u32: Vec<u8>,
    u8: Vec<u8>,
    /// What the loader, or the browser, says when the worker is no more.
    failed: Option<String>,
}

impl Parcel {
    /// A head without numbers.
    pub fn of(head: &ToWorker) -> Self {
        Self { head: codec::encode(head), ..Self::default() }
    }

    /// Puts floats behind those that are there.
    pub fn floats(&mut self, numbers: &[f32]) {
        self.f32.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
    }

    /// Puts integers behind those that are there.
    pub fn integers(&mut self, numbers: &[i32]) {
        self.i32.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
    }

    /// Puts bytes behind those that are there.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.u8.extend(bytes);
    }

    /// Takes the first `length` floats out.
    pub fn take_floats(&mut self, length: usize) -> Vec<f32> {
        words(&mut self.f32, length).map(f32::from_le_bytes).collect()
    }

    /// Takes the first `length` indices out.
    pub fn take_indices(&mut self, length: usize) -> Vec<u32> {
        words(&mut self.u32, length).map(u32::from_le_bytes).collect()
    }
}

fn words(bytes: &mut Vec<u8>, length: usize) -> impl Iterator<Item = [u8; 4]> {
    let taken: Vec<u8> = bytes.drain(..(4 * length).min(bytes.len())).collect();
    taken.as_chunks::<4>().0.to_vec().into_iter()
}

/// Which program a worker runs: the name of the `<meta>` that says its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The CPU engines.
    Page,
    /// The GPU's.
    Gpu,
}

/// A worker of the open page that is spoken to by nobody else.
pub struct Worker<'a>(&'a Page);

/// Starts the worker as the page does, and keeps what it answers.
const START: &str = r#"
const meta = (name) => document.querySelector(`meta[name="${name}"]`).content;
const file = performance.getEntriesByType("resource").map((e) => e.name).find((name) => /\/app-[^/]*\.wasm$/.test(name));
const module = args[0] === "gpu" ? undefined : await WebAssembly.compileStreaming(fetch(file));
const inbox = self.inbox = [], worker = self.worker = new Worker(`${meta("worker-loader")}?m=${meta(args[0])}`, { type: "module" });
const fail = (failed) => { inbox.push({ failed }); self.arrived?.() };
worker.onmessage = ({ data }) => { inbox.push(data.kind === "failed" ? { failed: data.message } : data); self.arrived?.() };
worker.onmessageerror = () => fail("a message that cannot be read");
worker.onerror = (event) => { event.preventDefault(); fail(event.message) };
worker.postMessage({ module });
"#;

/// Posts messages and waits for so many answers.
const ASK: &str = r#"
const [messages, answers] = args, kinds = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, u8: Uint8Array };
for (const { head, ...numbers } of messages) {
  const message = { head: Uint8Array.from(head) };
  for (const [key, kind] of Object.entries(kinds)) if (numbers[key].length) message[key] = new kind(Uint8Array.from(numbers[key]).buffer);
  self.worker.postMessage(message, Object.values(message).map((array) => array.buffer));
}
while (self.inbox.length < answers && !self.inbox.some((m) => m.failed)) await new Promise((next) => { self.arrived = next });
const bytes = (array) => array ? new Uint8Array(array.buffer, array.byteOffset, array.byteLength) : [];
return self.inbox.splice(0).map(({ failed = null, head, f32, i32, u32, u8 }) => ({ failed, head: bytes(head), f32: bytes(f32), i32: bytes(i32), u32: bytes(u32), u8: bytes(u8) }));
"#;

impl<'a> Worker<'a> {
    /// Starts one on the page that is open and ready.
    ///
    /// # Errors
    /// When it does not say that it is ready, or speaks another version of the messages than this program.
    pub async fn start(page: &'a Page, program: Program) -> Result<Self> {
        let name = if program == Program::Gpu { "gpu" } else { "program" };
        page.js(START, vec![name.into()]).await?;
        let worker = Self(page);
        match worker.ask(&[], 1).await?.pop() {
            Some((FromWorker::Ready { protocol: PROTOCOL, .. }, _)) => Ok(worker),
            other => Err(format!("the worker is not ready but says {other:?}").into()),
        }
    }

    /// Sends messages and waits for `answers` of them.
    ///
    /// # Errors
    /// When the worker ends, or says what is no answer.
    pub async fn ask(&self, messages: &[Parcel], answers: usize) -> Result<Vec<(FromWorker, Parcel)>> {
        let came = self.0.js(ASK, vec![serde_json::to_value(messages)?, answers.into()]).await?;
        let parcels: Vec<Parcel> = serde_json::from_value(came)?;
        let read = |parcel: Parcel| match &parcel.failed {
            Some(why) => Err(format!("the worker ended: {why}")),
            None => Ok((decoded(&parcel.head)?, parcel)),
        };
        let all = parcels.into_iter().map(read).collect::<std::result::Result<Vec<_>, String>>()?;
        ensure(all.len() == answers, || format!("{} answers instead of {answers}", all.len()))?;
        Ok(all)
    }

    /// Ends it.
    pub async fn end(self) -> Result<()> {
        self.0.js("self.worker.terminate()", vec![]).await.map(drop)
    }
}

fn decoded<T: Codec>(head: &[u8]) -> std::result::Result<T, String> {
    codec::decode(head).ok_or_else(|| "the worker's message is none that this program knows".to_owned())
}
