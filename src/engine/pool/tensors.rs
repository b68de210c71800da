//! Names for shared tensors, so that a worker is sent each of them once: an edit of Q sends Q, and K and V stay where they are.

use std::sync::{Arc, Weak};

/// How many tensors a worker keeps beside those of its open sessions.
const KEPT: usize = 9;

/// Gives each live tensor a number that is never used again.
#[derive(Debug, Default)]
pub struct TensorKeys {
    next: u64,
    // A weak pointer keeps the address from being used again, so equal addresses mean the same tensor.
    known: Vec<(u64, Weak<Vec<f32>>)>,
}

impl TensorKeys {
    /// The tensor's number.
    pub fn key(&mut self, tensor: &Arc<Vec<f32>>) -> u64 {
        self.known.retain(|(_, weak)| weak.strong_count() > 0);
        let address = Arc::as_ptr(tensor);
        if let Some((key, _)) = self.known.iter().find(|(_, weak)| std::ptr::eq(weak.as_ptr(), address)) {
            return *key;
        }
        self.next += 1;
        self.known.push((self.next, Arc::downgrade(tensor)));
        self.next
    }
}

/// The tensors that one worker has, oldest first. The page decides what the worker keeps, so that both always agree.
#[derive(Debug, Default)]
pub struct Held(Vec<u64>);

/// What to tell a worker before it opens a session.
#[derive(Debug, PartialEq, Eq)]
pub struct Moves {
    /// Tensors it lacks, each once.
    pub send: Vec<u64>,
    /// Tensors it should forget.
    pub forget: Vec<u64>,
}

impl Held {
    /// Notes that the worker is about to use `keys`.
    pub fn use_keys(&mut self, keys: &[u64]) -> Moves {
        let mut send = Vec::new();
        for key in keys {
            match self.0.iter().position(|held| held == key) {
                Some(at) => {
                    self.0.remove(at);
                }
                None => send.push(*key),
            }
            self.0.push(*key);
        }
        let surplus = self.0.len().saturating_sub(KEPT);
        Moves { send, forget: self.0.drain(..surplus).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_keeps_its_key_and_a_new_one_never_gets_an_old_key() {
        let mut keys = TensorKeys::default();
        let a = Arc::new(vec![1.0]);
        let first = keys.key(&a);
        assert_eq!(keys.key(&a.clone()), first);
        drop(a);
        for _ in 0..100 {
            assert_ne!(keys.key(&Arc::new(vec![1.0])), first);
        }
    }

    #[test]
    fn only_what_the_worker_lacks_is_sent() {
        let mut held = Held::default();
        assert_eq!(held.use_keys(&[1, 2, 3]), Moves { send: vec![1, 2, 3], forget: vec![] });
        assert_eq!(held.use_keys(&[4, 2, 3]), Moves { send: vec![4], forget: vec![] });
        assert_eq!(held.use_keys(&[5, 5, 5]), Moves { send: vec![5], forget: vec![] });
        for key in 10..100 {
            let moves = held.use_keys(&[key]);
            assert_eq!(moves.send, vec![key]);
            assert!(!moves.forget.contains(&key));
            assert!(held.0.len() <= KEPT);
        }
    }
}
