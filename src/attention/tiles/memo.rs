//! Keys that were met before, with what was found for them.

/// No key.
const NONE: u32 = u32::MAX;

/// A hash table from lists of integers to ids, for as many keys as pay for themselves.
pub(super) struct Memo {
    /// Keys one after the other.
    words: Vec<i64>,
    /// Where each key begins and ends, and its id.
    entries: Vec<(u32, u32, u32)>,
    /// By hash, places in `entries`; open addressing, a power of two, at most half full.
    slots: Vec<u32>,
}

impl Memo {
    /// Past this many keys no more are kept: a mask with so many kinds of squares does not repeat itself, and the table would outgrow the map.
    const MOST: usize = 1 << 16;

    pub fn new() -> Self {
        Self { words: Vec::new(), entries: Vec::new(), slots: vec![NONE; 64] }
    }

    /// The id of a key, or what `make` makes for it.
    pub fn get_or(&mut self, key: &[i64], make: impl FnOnce() -> u32) -> u32 {
        let slot = self.slot(key);
        if let Some(&(.., id)) = self.entries.get(self.slots[slot] as usize) {
            return id;
        }
        let id = make();
        if self.entries.len() < Self::MOST {
            let start = self.words.len() as u32;
            self.words.extend_from_slice(key);
            self.slots[slot] = self.entries.len() as u32;
            self.entries.push((start, self.words.len() as u32, id));
            if self.entries.len() * 2 > self.slots.len() {
                self.grow();
            }
        }
        id
    }

    /// The slot that holds a key, or the free one where it belongs.
    fn slot(&self, key: &[i64]) -> usize {
        let mut at = hash(key) as usize;
        loop {
            at &= self.slots.len() - 1;
            match self.entries.get(self.slots[at] as usize) {
                Some(&(start, end, _)) if self.words[start as usize..end as usize] != *key => at += 1,
                _ => return at,
            }
        }
    }

    fn grow(&mut self) {
        self.slots = vec![NONE; self.slots.len() * 2];
        for i in 0..self.entries.len() {
            let (start, end, _) = self.entries[i];
            let slot = self.slot(&self.words[start as usize..end as usize]);
            self.slots[slot] = i as u32;
        }
    }
}

/// Multiplied and folded, so that every bit of a key moves the low bits.
fn hash(key: &[i64]) -> u64 {
    key.iter().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, &word| {
        let mixed = (hash ^ word as u64).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ mixed >> 32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_ids_and_new_ones_get_their_own() {
        let mut memo = Memo::new();
        for round in 0..2 {
            for i in 0..1000_i64 {
                let key = [i % 37, i / 37, -i][..1 + i as usize % 3].to_vec();
                let first = (0..=i).find(|&j| [j % 37, j / 37, -j][..1 + j as usize % 3] == key);
                let id = memo.get_or(&key, || if round == 0 { i as u32 } else { NONE - 1 });
                assert_eq!(Some(i64::from(id)), first);
            }
        }
    }

    #[test]
    fn beyond_the_most_nothing_is_kept_and_nothing_is_wrong() {
        let mut memo = Memo::new();
        for i in 0..Memo::MOST as i64 + 10 {
            memo.get_or(&[i], || i as u32);
        }
        assert_eq!(memo.get_or(&[5], || 0), 5);
        assert_eq!(memo.get_or(&[Memo::MOST as i64 + 5], || 7), 7);
        assert_eq!(memo.entries.len(), Memo::MOST);
    }
}
