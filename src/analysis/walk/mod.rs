//! Attention step by step, over the scores and values of one head: tiles that stream by, blocks that go round a ring, tokens that are decoded one after
//! the other. Every step is computed here in double precision, and every walk ends at the head's output.
//!
//! | file | what it holds |
//! |---|---|
//! | `part` | what is walked over: scores after the mask, and values; what can't be |
//! | `state` | what a row keeps: maximum, sum and output so far |
//! | `stream` | tiles of keys, one after the other, for a block of queries |
//! | `ring` | blocks of keys that go round among devices |
//! | `decode` | token by token, over a cache |

mod decode;
mod part;
mod ring;
mod state;
mod stream;
#[cfg(test)]
mod tests;

pub use decode::{Decode, Token};
pub use part::{MOST, Part, Refused, refused, window};
pub use ring::{Ring, Turn};
pub use state::State;
pub use stream::{Row, Step, Stream};
