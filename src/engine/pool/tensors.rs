//! Names for shared tensors, so that a worker is sent each of them once: an edit of Q sends Q, and K and V stay where they are. Of long ones it is sent the
//! heads that it computes, when it is to compute them.

use std::ops::Range;
use std::sync::{Arc, Weak};

/// How many tensors a worker keeps, should open sessions not use more.
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

/// The tensors that one worker has, oldest first, and which numbers of each. The page decides what the worker keeps, so that both always agree.
#[derive(Debug, Default)]
pub struct Held(Vec<(u64, Vec<Range<usize>>)>);

/// What to tell a worker before it opens a session.
#[derive(Debug, PartialEq, Eq)]
pub struct Moves {
    /// Tensors of which it has nothing, each once.
    pub send: Vec<u64>,
    /// Tensors it should forget.
    pub forget: Vec<u64>,
}

impl Held {
    /// Notes that the worker is about to use `keys`. Those in `open` are of sessions that are open, and of which more numbers may have to come: they are not
    /// forgotten.
    pub fn use_keys(&mut self, keys: &[u64], open: &[u64]) -> Moves {
        let (mut send, mut forget) = (Vec::new(), Vec::new());
        for key in keys {
            let at = self.0.iter().position(|(held, _)| held == key);
            let held = at.map(|at| self.0.remove(at)).unwrap_or_else(|| {
                send.push(*key);
                (*key, Vec::new())
            });
            self.0.push(held);
        }
        let mut surplus = self.0.len().saturating_sub(KEPT);
        self.0.retain(|(key, _)| {
            let stays = surplus == 0 || open.contains(key);
            if !stays {
                surplus -= 1;
                forget.push(*key);
            }
            stays
        });
        Moves { send, forget }
    }

    /// Whether the worker lacks some of these numbers of a tensor that it keeps. It is sent all of them then, and has them from now on.
    pub fn lacks(&mut self, key: u64, numbers: Range<usize>) -> bool {
        let Some((_, had)) = self.0.iter_mut().find(|(held, _)| *held == key) else { return false };
        let lacks = !had.iter().any(|had| had.start <= numbers.start && numbers.end <= had.end);
        if lacks {
            had.push(numbers);
        }
        lacks
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
        assert_eq!(held.use_keys(&[1, 2, 3], &[]), Moves { send: vec![1, 2, 3], forget: vec![] });
        assert_eq!(held.use_keys(&[4, 2, 3], &[]), Moves { send: vec![4], forget: vec![] });
        assert_eq!(held.use_keys(&[5, 5, 5], &[]), Moves { send: vec![5], forget: vec![] });
        for key in 10..100 {
            let moves = held.use_keys(&[key], &[]);
            assert_eq!(moves.send, vec![key]);
            assert!(!moves.forget.contains(&key));
            assert!(held.0.len() <= KEPT);
        }
    }

    #[test]
    fn what_an_open_session_uses_is_kept_however_old_it_is() {
        let mut held = Held::default();
        held.use_keys(&[1, 2, 3], &[1, 2, 3]);
        for key in 10..100 {
            let moves = held.use_keys(&[key], &[1, 2, 3, key]);
            assert!(moves.forget.iter().all(|gone| *gone >= 10 && *gone != key));
            assert!(held.0.len() <= KEPT);
        }
        assert!(held.use_keys(&[1], &[]).send.is_empty());
        // More are in use than are kept otherwise.
        let many: Vec<u64> = (200..230).collect();
        held.use_keys(&many, &many);
        assert_eq!(many.iter().filter(|key| held.lacks(**key, 0..1)).count(), many.len());
    }

    #[test]
    fn heads_are_sent_once_and_again_to_who_forgot_them() {
        let mut held = Held::default();
        held.use_keys(&[1], &[]);
        assert!(held.lacks(1, 0..10) && held.lacks(1, 20..30));
        assert!(!held.lacks(1, 0..10) && !held.lacks(1, 22..30));
        assert!(held.lacks(1, 5..15), "half of it is not there");
        assert!(held.lacks(1, 0..30) && !held.lacks(1, 3..27));
        assert!(!held.lacks(2, 0..1), "it is not one that the worker keeps");
        for key in 10..10 + KEPT as u64 {
            held.use_keys(&[key], &[]);
        }
        assert_eq!(held.use_keys(&[1], &[]).send, vec![1]);
        assert!(held.lacks(1, 0..10));
    }
}
