//! The limits of everything that is read, in one place. What an experiment can hold beside them is in `experiment::limits`.

/// Bytes of a file; the page does not even ask the browser for a larger one.
pub const FILE: usize = 256 << 20;
/// Bytes of pasted text or of a file of text: 4 MiB hold at most 2 Mi numbers.
pub const TEXT: usize = 4 << 20;
/// Rows of one pasted matrix, and of all matrices of a paste together.
pub const ROWS: usize = 1 << 16;
/// Numbers in a pasted row.
pub const COLUMNS: usize = 1 << 14;
/// Bytes of a `.npy` header: that of a plain array has about a hundred.
pub const NPY_HEADER: usize = 1 << 16;
/// Bytes of a safetensors header: 1 MiB names several thousand tensors, and the parser takes several times that in memory.
pub const SAFETENSORS_HEADER: usize = 1 << 20;
/// Tensors of a file.
pub const TENSORS: usize = 4096;
/// Extents of a tensor that can be looked at.
pub const RANK: usize = 8;
/// Bytes that one entry of a `.npz` may have once it is inflated.
pub const INFLATED: usize = 128 << 20;
/// Bytes of memory taken for each byte of a plain file, beside the file itself: a byte becomes a number of four.
pub const GROWTH: usize = 4;
/// Bytes of memory taken for each byte of text, at the worst: two characters become a number, its bytes, and the room that a growing list leaves.
pub const TEXT_GROWTH: usize = 24;
/// Bytes of memory taken for buffers, whatever the file.
pub const BUFFERS: usize = 1 << 20;
