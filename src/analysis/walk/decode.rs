//! Token by token, over a cache of keys and values.

use super::part::{Part, Refused};
use super::state::State;

/// A token that is decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Keys in the cache, this token's own among them.
    pub cached: usize,
    /// Keys that were added for it: its own, and before the first token those of what came before.
    pub added: usize,
    /// Keys of the cache that its query looks at.
    pub pairs: usize,
    /// Keys of the cache that it or a later query looks at; the others could be dropped.
    pub needed: usize,
    /// Pairs of a query and a key so far, with the cache.
    pub with: usize,
    /// Pairs so far, if every token before were computed again each time.
    pub without: usize,
    /// Keys and values made so far, with the cache: each once.
    pub made_with: usize,
    /// Keys and values made so far, if all were made again each time.
    pub made_without: usize,
    /// Its row.
    pub state: State,
}

/// Autoregressive decoding: one query a step, its key and value appended to those that are kept (Shazeer 2019, "Fast Transformer Decoding", section 2.4).
#[derive(Clone, Debug, PartialEq)]
pub struct Decode {
    /// Token by token.
    pub tokens: Vec<Token>,
}

impl Decode {
    /// Every query of the part in turn. `ahead` is where the first query of the part stands among its keys.
    ///
    /// # Errors
    /// A query that looks at a key which is not there yet.
    pub fn of(part: &Part, ahead: i64) -> Result<Self, Refused> {
        let (n_q, n_k) = (part.queries.len(), part.keys.len());
        let cached = |row: usize| (row as i64 + ahead + 1).clamp(0, n_k as i64) as usize;
        let allowed = |row: usize, key: usize| part.row(row)[key] != f64::NEG_INFINITY;
        for row in 0..n_q {
            if let Some(key) = (cached(row)..n_k).find(|key| allowed(row, *key)) {
                return Err(Refused::Ahead { query: part.queries.start + row, key: part.keys.start + key });
            }
        }
        // The last query that looks at each key.
        let last: Vec<Option<usize>> = (0..n_k).map(|key| (0..n_q).rev().find(|row| allowed(*row, key))).collect();
        let (mut tokens, mut with, mut without, mut made_without) = (Vec::with_capacity(n_q), 0, 0, 0);
        let mut before = 0;
        for row in 0..n_q {
            let now = cached(row);
            let mut state = part.start();
            part.feed(&mut state, row, 0..now);
            let pairs = state.keys;
            with += pairs;
            // Without what is kept, the rows of all tokens so far are computed again.
            without += part.pairs(0..row + 1, 0..now);
            made_without += now;
            tokens.push(Token {
                cached: now,
                added: now - before,
                pairs,
                needed: last[..now].iter().filter(|last| last.is_some_and(|last| last >= row)).count(),
                with,
                without,
                made_with: now,
                made_without,
                state,
            });
            before = now;
        }
        Ok(Self { tokens })
    }
}
