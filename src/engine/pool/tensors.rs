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

    /// The numbers of the tensors that are still there.
    pub fn living(&mut self) -> Vec<u64> {
        self.known.retain(|(_, weak)| weak.strong_count() > 0);
        self.known.iter().map(|(key, _)| *key).collect()
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
    /// forgotten. What is not in `living` will never be used again: its memory, which caches still hold, serves what comes.
    pub fn use_keys(&mut self, keys: &[u64], open: &[u64], living: &[u64]) -> Moves {
        let (mut send, mut forget) = (Vec::new(), Vec::new());
        for key in keys {
            let at = self.0.iter().position(|(held, _)| held == key);
            let held = at.map(|at| self.0.remove(at)).unwrap_or_else(|| {
                send.push(*key);
                (*key, Vec::new())
            });
            self.0.push(held);
        }
        let used = |key: &u64| open.contains(key) || keys.contains(key);
        let lives = |key: &u64| used(key) || living.contains(key);
        let mut surplus = self.0.iter().filter(|(key, _)| lives(key)).count().saturating_sub(KEPT);
        self.0.retain(|(key, _)| {
            let old = surplus > 0 && lives(key) && !used(key);
            surplus -= usize::from(old);
            let stays = lives(key) && !old;
            if !stays {
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
        let (mut held, all) = (Held::default(), Vec::from_iter(0..100));
        assert_eq!(held.use_keys(&[1, 2, 3], &[], &all), Moves { send: vec![1, 2, 3], forget: vec![] });
        assert_eq!(held.use_keys(&[4, 2, 3], &[], &all), Moves { send: vec![4], forget: vec![] });
        assert_eq!(held.use_keys(&[5, 5, 5], &[], &all), Moves { send: vec![5], forget: vec![] });
        for key in 10..100 {
            let moves = held.use_keys(&[key], &[], &all);
            assert_eq!(moves.send, vec![key]);
            assert!(!moves.forget.contains(&key));
            assert!(held.0.len() <= KEPT);
        }
    }

    #[test]
    fn what_no_one_has_any_more_is_forgotten_first_and_at_once() {
        let mut held = Held::default();
        held.use_keys(&[1, 2, 3], &[], &[1, 2, 3]);
        // 2 is gone, and would not be the oldest.
        assert_eq!(held.use_keys(&[4], &[], &[1, 3, 4]), Moves { send: vec![4], forget: vec![2] });
        let living = Vec::from_iter((3..20).filter(|key| *key != 5));
        held.use_keys(&[5, 6, 7, 8, 9, 10], &[], &[1, 3, 4, 5, 6, 7, 8, 9, 10]);
        // Nine are held, 1 and 5 are gone, and one comes: nothing that lives has to go.
        assert_eq!(held.use_keys(&[11], &[], &living), Moves { send: vec![11], forget: vec![1, 5] });
        // What a session uses stays, whoever else has forgotten it.
        assert_eq!(held.use_keys(&[12], &[11], &[12]).forget, vec![3, 4, 6, 7, 8, 9, 10]);
        assert!(!held.use_keys(&[11], &[], &[]).send.contains(&11));
    }

    #[test]
    fn what_an_open_session_uses_is_kept_however_old_it_is() {
        let (mut held, all) = (Held::default(), Vec::from_iter(0..300));
        held.use_keys(&[1, 2, 3], &[1, 2, 3], &all);
        for key in 10..100 {
            let moves = held.use_keys(&[key], &[1, 2, 3, key], &all);
            assert!(moves.forget.iter().all(|gone| *gone >= 10 && *gone != key));
            assert!(held.0.len() <= KEPT);
        }
        assert!(held.use_keys(&[1], &[], &all).send.is_empty());
        // More are in use than are kept otherwise.
        let many: Vec<u64> = (200..230).collect();
        held.use_keys(&many, &many, &all);
        assert_eq!(many.iter().filter(|key| held.lacks(**key, 0..1)).count(), many.len());
    }

    #[test]
    fn heads_are_sent_once_and_again_to_who_forgot_them() {
        let (mut held, all) = (Held::default(), Vec::from_iter(0..100));
        held.use_keys(&[1], &[], &all);
        assert!(held.lacks(1, 0..10) && held.lacks(1, 20..30));
        assert!(!held.lacks(1, 0..10) && !held.lacks(1, 22..30));
        assert!(held.lacks(1, 5..15), "half of it is not there");
        assert!(held.lacks(1, 0..30) && !held.lacks(1, 3..27));
        assert!(!held.lacks(2, 0..1), "it is not one that the worker keeps");
        for key in 10..10 + KEPT as u64 {
            held.use_keys(&[key], &[], &all);
        }
        assert_eq!(held.use_keys(&[1], &[], &all).send, vec![1]);
        assert!(held.lacks(1, 0..10));
    }
}
