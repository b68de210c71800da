// A browser without relaxed SIMD: a module with one of its instructions (0xfd, then 0x100 or more, which is 0x80 to 0xff, 0x02) is not valid.
const relaxed = (bytes) => {
  const code = new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength);
  return code.some((byte, at) => byte === 0xfd && code[at + 1] >= 0x80 && code[at + 2] === 0x02);
};
const validate = WebAssembly.validate;
WebAssembly.validate = (bytes) => !relaxed(bytes) && validate.call(WebAssembly, bytes);
