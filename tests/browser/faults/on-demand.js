// Workers that break when they are told to: the test's script posts `{ fault }` to one of them, in the middle of its work or before it.
const memories = [];
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = async (...args) => {
  const made = await instantiate.apply(WebAssembly, args);
  const { memory } = (made.instance ?? made).exports;
  if (memory) memories.push(memory);
  return made;
};
// (module (func (export "trap") unreachable)): what a panic comes to.
const TRAP = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0, 0, 11);
addEventListener("message", (event) => {
  const fault = event.data?.fault;
  if (fault === undefined) return;
  event.stopImmediatePropagation();
  if (fault === "trap") new WebAssembly.Instance(new WebAssembly.Module(TRAP)).exports.trap();
  if (fault === "hang") for (;;);
  // Whoever asks for more memory from now on gets none.
  if (fault === "full") {
    for (const memory of memories) for (let pages = 32768; pages > 0; pages >>= 1) try { for (;;) memory.grow(pages) } catch {}
  }
});
