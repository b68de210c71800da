//! What a script may pass to the page on purpose or by accident: requests whose tensors lie, throw or never end, and messages that are none.

use serde_json::{Value, json};

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("hostile"; requests_are_refused_by_their_field, numbers_taken_away_meanwhile_are_right_or_refused, messages_are_answered_or_ignored,
        messages_that_no_clone_would_let_through_are_ignored)
}

/// The page is there and computes.
async fn still_works(page: &Page) -> Result<()> {
    let run = "const T = { shape: [1, 2, 4, 8], data: new Float32Array(64).fill(0.5) }, { outputs } = await (await attentionPlayground).run({ Q: T, K: T, V: T });
        return [document.getElementById('crash').hidden, outputs.Y.data.every((y) => Math.abs(y - 0.5) < 1e-6)]";
    let works = page.js(run, vec![]).await?;
    ensure(works == json!([true, true]), || format!("afterwards, overlay hidden and numbers right: {works}"))
}

/// Each with the field that is to be named: shapes that are none, arrays that lie about their length or have lost their numbers, values that throw when they are
/// read, that hold themselves, that JSON can't say.
const REQUESTS: &str = r#"
const p = await attentionPlayground, before = JSON.stringify(p.get()), ones = (n = 64) => new Float32Array(n).fill(1), T = () => ({ shape: [1, 2, 4, 8], data: ones() });
const good = () => ({ Q: T(), K: T(), V: T() }), shape = (shape, data = ones()) => ({ ...good(), Q: { shape, data } }), data = (data) => ({ ...good(), Q: { shape: [1, 2, 4, 8], data } });
const gone = (array) => (structuredClone(array, { transfer: [array.buffer] }), array), lies = (array, length) => Object.defineProperty(array, 'length', { value: length });
const thrower = (of, name) => Object.defineProperty(of, name, { enumerable: true, get() { throw new Error('no') } }), trap = (of, traps) => new Proxy(of, traps);
const fail = () => { throw new Error('no') }, revoked = (of) => { const { proxy, revoke } = Proxy.revocable(of, {}); revoke(); return proxy };
const ring = [1]; ring.push(ring); const loop = {}; loop.loop = loop;
const big = new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer;
const cases = [
  ['Q', shape([1.5, 2, 4, 8])], ['Q', shape([-1, 2, 4, 8])], ['Q', shape([NaN, 2, 4, 8])], ['Q', shape([2 ** 53, 2, 4, 8])], ['Q', shape([Infinity, 2, 4, 8])], ['Q', shape([1, 2, 4, 1n << 70n])],
  ['Q', shape([2 ** 32, 2 ** 32, 1, 1], [])], ['Q', shape([2 ** 31, 2, 2 ** 31, 8], [])], ['Q', shape([])], ['Q', shape([64])], ['Q', shape([1, 1, 1, 2, 4, 8])], ['Q', shape(['1', 2, 4, 8])], ['Q', shape(new Array(4))],
  ['Q', shape('abcd')], ['Q', shape({ length: 4 })], ['Q', shape(ring)], ['Q', shape(revoked([1]))], ['Q', shape(trap([1, 2, 4, 8], { get: fail }))], ['Q', shape([1, 2, 4, Symbol('8')])],
  ['Q.data', data(null)], ['Q.data', data('1'.repeat(64))], ['Q.data', data({ length: 64 })], ['Q.data', data(64)], ['Q.data', data(new ArrayBuffer(256))], ['Q.data', data(new DataView(new ArrayBuffer(256)))],
  ['Q.data', data(new BigInt64Array(64))], ['Q.data', data(new Array(64).fill(1n))], ['Q.data', data(new Array(64))], ['Q.data', data(ring)], ['Q.data', data(Array.from(ones(), (x, i) => i === 9 ? 'x' : x))],
  ['Q.data', data(Array.from(ones(), (x, i) => i === 9 ? true : x))], ['Q.data', data(revoked([]))], ['Q.data', data(trap(Array.from(ones()), { get: fail }))], ['Q.data', data(thrower(Array.from(ones()), 9))],
  ['Q.data', data(lies(ones(), 1e15))], ['Q.data', data(lies(ones(), 65))], ['Q', data(lies(ones(), 0))], ['Q.data', data(lies(ones(), 63))], ['Q', data(trap(Array.from(ones()), { get: (of, key) => key === 'length' ? 1e9 : of[key] }))],
  ['Q', data(trap(Array.from(ones()), { get: (of, key) => key === 'length' ? -1 : of[key] }))], ['Q', data(gone(ones()))], ['Q', data(gone(new Float64Array(64)))], ['Q', data(ones(63))], ['Q', data(new Float32Array(big, 0, 65))],
  ['Q.loop', { ...good(), Q: loop }], ['Q', { ...good(), Q: () => T() }], ['Q', thrower(good(), 'Q')], ['Q.shape', { ...good(), Q: thrower({ data: ones() }, 'shape') }], ['Q.data', { ...good(), Q: thrower({ shape: [1, 2, 4, 8] }, 'data') }],
  ['Q', Object.create(good())], ['', trap(good(), { ownKeys: fail })], ['signal', revoked({})], ['', 'Q'], ['', Symbol('Q')], ['', []], ['op', thrower(good(), 'op')], ['signal', { ...good(), signal: { aborted: false } }],
  ['scale', { ...good(), scale: NaN }], ['scale', { ...good(), scale: 1n << 80n }], ['mask', { ...good(), mask: loop }], ['mask', { ...good(), mask: fail }], ['data', { ...good(), data: { doc: ring } }], ['outputs', { ...good(), outputs: [Symbol('Y')] }],
  ['sink_logit', { ...good(), sink_logit: trap([1, 1], { get: fail }) }], ['attn_mask', { ...good(), attn_mask: { shape: [1, 2, 2 ** 40, 2 ** 40], data: [] } }], ['past_key', { ...good(), past_key: { shape: [0, 2, 4, 8], data: new BigUint64Array(1) } }],
  ['V', { ...good(), V: { shape: [1, 2, 4, 8], data: ones(), more: 1 } }],
];
const seen = [];
for (const [at, [path, request]] of cases.entries()) {
  // One that is never answered would be a fault of its own.
  const late = new Promise((_, give) => setTimeout(() => give(new Error('no answer')), 5000));
  try { await Promise.race([p.run(request), late]); seen.push(`${at}: ${path} was computed`) }
  catch (error) {
    const named = error.name === 'ExperimentError' && error.issues?.length > 0 && error.issues.every((i) => typeof i.path === 'string' && typeof i.message === 'string' && i.message.length > 3);
    if (!named || !error.issues.some((i) => i.path === path || i.path.startsWith(`${path}.`) || i.path.startsWith(`${path}[`))) seen.push(`${at}: ${path} is answered ${error.name} ${error.message} ${JSON.stringify(error.issues)}`)
  }
}
if (JSON.stringify(p.get()) !== before) seen.push('the experiment changed');
return seen;
"#;

async fn requests_are_refused_by_their_field(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let seen = page.js(REQUESTS, vec![]).await?;
    ensure(seen == json!([]), || format!("{seen}"))?;
    still_works(page).await
}

/// Numbers that another thread may write, that belong to another frame, and that are transferred away as soon as `run` was called.
async fn numbers_taken_away_meanwhile_are_right_or_refused(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let script = "const p = await attentionPlayground, T = (data = new Float32Array(64)) => ({ shape: [1, 2, 4, 8], data: data.fill(0.5) });
        const shared = (kind) => new kind(new WebAssembly.Memory({ shared: true, initial: 1, maximum: 1 }).buffer, 0, 64);
        const frame = document.body.appendChild(document.createElement('iframe')), theirs = new frame.contentWindow.Float32Array(64);
        const requests = { shared: { Q: T(shared(Float32Array)), K: T(shared(Float64Array)), V: T(shared(Float32Array)) }, theirs: { Q: T(theirs), K: T(), V: T() }, list: { Q: T(), K: T(), V: T(new Array(64)) } };
        const outcome = async (run) => { try { return (await run).outputs.Y.data.every((y) => Math.abs(y - 0.5) < 1e-6) ? 'right' : 'wrong' } catch ({ name, issues }) { return name === 'ExperimentError' && issues.length > 0 ? 'refused' : name } };
        const got = {};
        for (const [name, request] of Object.entries(requests)) got[name] = await outcome(p.run(request));
        const request = { Q: T(), K: T(), V: T() }, late = p.run(request);
        structuredClone(0, { transfer: [request.Q.data.buffer, request.V.data.buffer] }); got.late = await outcome(late); frame.remove();
        return got";
    let got = page.js(script, vec![]).await?;
    ensure(got["theirs"] == "right" && got["list"] == "right", || format!("{got}"))?;
    ensure(["shared", "late"].iter().all(|name| got[name] == "right" || got[name] == "refused"), || format!("{got}"))?;
    still_works(page).await
}

/// Posts to the frame, one after the other, and gathers what was answered: to each id an array of what came.
const POST: &str = r#"
const frame = document.getElementById('plain').contentWindow, ours = { type: 'attention-playground', version: 1 };
const loop = {}; loop.loop = loop; const ring = [1]; ring.push(ring); const deep = (n) => Array.from({ length: n }).reduce((inner) => ({ mask: inner }), {});
const buffer = new ArrayBuffer(64), { port1 } = new MessageChannel();
const answers = new Map(), hear = ({ source, data }) => { if (source === frame && data && typeof data === 'object' && 'id' in data) answers.set(data.id, [...(answers.get(data.id) ?? []), data]) };
addEventListener('message', hear);
"#;

/// What is no message is not answered; what is one, and asks for what cannot be, is an error with its fields.
async fn messages_are_answered_or_ignored(page: &Page) -> Result<()> {
    let host = std::env::var("HOST_URL").map_err(|_| "HOST_URL is not set")?;
    page.visit(&format!("{host}/plain.html")).await?;
    page.wait_until("said.some(({ from, data }) => from === 'plain' && data?.method === 'ready')").await?;
    let before = page.js("return await ask('plain', 'get')", vec![]).await?;
    let script = format!(
        "{POST} const to = (data, transfer = []) => frame.postMessage(data, '*', transfer);
        const get = {{ ...ours, method: 'get' }}, ignored = [undefined, null, true, 7, NaN, 1n, '', 'x'.repeat(1 << 20), JSON.stringify({{ ...get, id: 'text' }}), [], [{{ ...get, id: 'inner' }}], new Date(), /x/, new Error('x'),
          new Map(Object.entries({{ ...get, id: 'map' }})), new Set([1]), new ArrayBuffer(8), new Uint8Array(4), new Blob(['x']), {{}}, loop, ring, new Array(1e6), {{ data: {{ ...get, id: 'inner' }} }},
          {{ type: ours.type }}, {{ ...ours }}, {{ ...ours, id: 'no method' }}, get, {{ ...get, id: undefined }}, {{ ...get, id: 'a', version: 2 }}, {{ ...get, id: 'b', version: '1' }}, {{ ...get, id: 'c', version: 1n }},
          {{ ...get, id: 'd', version: [1] }}, {{ ...get, id: 'e', version: 1.5 }}, {{ ...get, id: 'f', version: NaN }}, {{ ...get, id: 'g', version: null }}, {{ method: 'get', type: ours.type, id: 'h' }}, {{ ...get, id: 'i', type: 'Attention-Playground' }},
          {{ ...get, id: 'j', type: [ours.type] }}, {{ ...get, id: 'k', type: 1 }}, {{ ...get, id: 'l', type: ours.type + '\\0' }}, {{ ...ours, id: 'm', method: 'constructor' }}, {{ ...ours, id: 'n', method: '__proto__' }}, {{ ...ours, id: 'o', method: 'catalogue' }},
          {{ ...ours, id: 'p', method: 'on' }}, {{ ...ours, id: 'q', method: ['get'] }}, {{ ...ours, id: 'r', method: 'GET' }}, {{ ...ours, id: 's', method: 'get '.repeat(1 << 16) }}, {{ ...ours, id: 't', method: loop }}, {{ ...ours, id: 'u', method: 'ready' }}, {{ ...ours, id: 'v', result: {{}} }}];
        for (const data of ignored) to(data);
        to({{ ...ours, buffer, id: 'w' }}, [buffer]); to({{ ...ours, port1, id: 'x' }}, [port1]);
        const refused = [['set', null], ['set', undefined], ['set', 5], ['set', 'x'.repeat(1 << 20)], ['set', [1]], ['set', {{ nonsense: 1 }}], ['set', {{ temperature: 'hot' }}], ['set', {{ temperature: NaN }}], ['set', {{ temperature: 1n << 80n }}], ['set', {{ mask: {{ id: 'causall' }} }}],
          ['set', {{ mask: deep(200) }}], ['set', {{ mask: loop }}], ['set', {{ edits: ring }}], ['set', {{ edits: new Array(1e5) }}], ['set', {{ paint: 'all' }}], ['set', {{ input: {{ kind: 'numbers', q: [[1, 2], [3]], k: [[1]], v: [[1]] }} }}],
          ['set', {{ input: {{ kind: 'generated', recipe: 'normal', seed: -1, size: {{ n_q: 1e9 }} }} }}], ['set', {{ view: {{ head: 1e99 }} }}], ['run', undefined], ['run', null], ['run', 'Q'], ['run', []], ['run', {{}}], ['run', new Map([['Q', 1]])], ['run', {{ Q: loop, K: loop, V: loop }}], ['run', {{ Q: {{ shape: [1, 1, 1, 1e12], data: [] }} }}],
          ['run', {{ Q: {{ shape: [1, 2, 4, 8], data: new Float32Array(3) }}, K: 1, V: 2 }}], ['run', {{ Q: {{ shape: [2], data: new BigInt64Array(2) }} }}], ['link', 5], ['link', {{ temperature: 'hot' }}], ['link', {{ mask: loop }}], ['link', {{ input: {{ kind: 'numbers', q: ring }} }}]];
        for (const [at, [method, params]] of refused.entries()) to({{ ...ours, id: at, method, params }});
        // Any id is handed back as it is.
        to({{ ...get, id: null }}); to({{ ...get, id: 1n }}); to({{ ...get, id: '' }}); to({{ ...get, id: '__proto__' }});
        const end = performance.now() + 15000; while (answers.size < refused.length + 4 && performance.now() < end) await new Promise((go) => setTimeout(go, 20));
        await new Promise((go) => setTimeout(go, 300)); removeEventListener('message', hear);
        const wrong = refused.flatMap(([method], at) => {{ const all = answers.get(at) ?? [], error = all[0]?.error;
          const right = all.length === 1 && !('result' in all[0]) && error.name === 'ExperimentError' && error.issues.length > 0 && error.issues.every((i) => typeof i.path === 'string' && typeof i.message === 'string' && i.message.length > 3);
          return right ? [] : [[at, method, JSON.stringify(all).slice(0, 300)]] }});
        const due = new Set([...refused.keys(), null, 1n, '', '__proto__']);
        return {{ wrong, unasked: [...answers.keys()].filter((id) => !due.has(id)).map(String), ids: [null, 1n, '', '__proto__'].map((id) => answers.get(id)?.length === 1 && answers.get(id)[0].result.mask.id === 'sliding-window') }}"
    );
    let got: Value = page.js(&script, vec![]).await?;
    ensure(got == json!({ "wrong": [], "unasked": [], "ids": [true, true, true, true] }), || format!("{got}"))?;
    let run = "const T = { shape: [1, 2, 4], data: new Float32Array(8).fill(1) }, { outputs } = await ask('plain', 'run', { Q: T, K: T, V: T }); return [outputs.Y.data.every((y) => y === 1), await ask('plain', 'get')]";
    let after = page.js(run, vec![]).await?;
    ensure(after[0] == json!(true) && after[1] == before, || format!("afterwards: {after}, before: {before}"))
}

/// Values that can't be posted reach a page only by a script of its own: getters that throw, proxies, functions in the place of a name.
async fn messages_that_no_clone_would_let_through_are_ignored(page: &Page) -> Result<()> {
    page.open_framed().await?;
    let script = "const inner = document.getElementById('f').contentWindow, api = await inner.attentionPlayground, before = JSON.stringify(api.get());
        const heard = []; addEventListener('message', ({ source, data }) => { if (source === inner && data && typeof data === 'object' && 'id' in data) heard.push(data) });
        const fail = () => { throw new Error('no') }, ours = { type: 'attention-playground', version: 1, id: 'x', method: 'get' }, thrower = (name) => Object.defineProperty({ ...ours }, name, { get: fail });
        const { proxy: revoked, revoke } = Proxy.revocable({}, {}); revoke(); let times = 0;
        const all = [...['type', 'version', 'id', 'method', 'params'].map(thrower), new Proxy(ours, { get: fail }), revoked, Object.assign(() => {}, ours), { ...ours, type: { toString: fail } }, { ...ours, version: { valueOf: fail } },
          { ...ours, method: { toString: () => 'get' } }, { ...ours, id: undefined }, { ...ours, method: Symbol('get') }, Symbol('x'),
          // Answers that can't be posted are lost; nothing else is.
          { ...ours, id: fail }, { ...ours, id: Symbol('x') }, { ...ours, id: new Proxy({}, {}) }, { ...ours, id: 1, method: new Proxy([], {}) }];
        for (const data of all) inner.dispatchEvent(new inner.MessageEvent('message', { data, source: self, origin: location.origin }));
        // Without a window to answer to, nobody asked.
        inner.dispatchEvent(new inner.MessageEvent('message', { data: ours, source: null, origin: location.origin }));
        // An answer to what throws while its fields are read names the field.
        const params = Object.defineProperty({}, 'temperature', { enumerable: true, get: fail });
        for (const [id, method] of [['set', 'set'], ['run', 'run']]) inner.dispatchEvent(new inner.MessageEvent('message', { data: { ...ours, id, method, params }, source: self, origin: location.origin }));
        const end = performance.now() + 10000; while (heard.length < 2 && performance.now() < end) await new Promise((go) => setTimeout(go, 20));
        await new Promise((go) => setTimeout(go, 300));
        const T = { shape: [1, 2, 4], data: new Float32Array(8).fill(1) }, { outputs } = await api.run({ Q: T, K: T, V: T });
        return [heard.map(({ id, error }) => [id, error?.issues.some((i) => i.path === 'temperature')]).sort(), JSON.stringify(api.get()) === before, outputs.Y.data.every((y) => y === 1)]";
    let got = page.js(script, vec![]).await?;
    ensure(got == json!([[["run", true], ["set", true]], true, true]), || format!("{got}"))
}
