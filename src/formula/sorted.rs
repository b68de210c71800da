//! A small map in the order of its keys.

use std::borrow::Borrow;
use std::fmt;
use std::iter::Zip;
use std::marker::PhantomData;
use std::{mem, slice, vec};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// A map for a handful of entries, such as parameters by name: keys in order, and the values in the same order beside them. It does what a
/// [`BTreeMap`](std::collections::BTreeMap) does, of which each pair of types brings tree code of its own to the page; here all maps by name
/// share their search, and nearly everything else is [`Vec`]'s.
///
/// A look-up takes O(log n) comparisons; inserting or removing before other entries moves those: O(n).
#[derive(Clone, PartialEq)]
pub struct Sorted<K, V> {
    /// Ascending, each once.
    keys: Vec<K>,
    /// As many as `keys`: the value of `keys[i]` is `values[i]`.
    values: Vec<V>,
}

/// Where a key is, or where it would go. One copy for all maps with keys of this type, whatever their values.
#[inline(never)]
fn place<K: Borrow<Q>, Q: Ord + ?Sized>(keys: &[K], key: &Q) -> Result<usize, usize> {
    keys.binary_search_by(|other| other.borrow().cmp(key))
}

impl<K, V> Sorted<K, V> {
    /// No entries.
    pub const fn new() -> Self {
        Self { keys: Vec::new(), values: Vec::new() }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Removes every entry.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The keys, ascending.
    pub fn keys(&self) -> slice::Iter<'_, K> {
        self.keys.iter()
    }

    /// The values, in the order of the keys.
    pub fn values(&self) -> slice::Iter<'_, V> {
        self.values.iter()
    }

    /// The values, to be changed, in the order of the keys.
    pub fn values_mut(&mut self) -> slice::IterMut<'_, V> {
        self.values.iter_mut()
    }

    /// Keys and values, in the order of the keys.
    pub fn iter(&self) -> Zip<slice::Iter<'_, K>, slice::Iter<'_, V>> {
        self.keys.iter().zip(&self.values)
    }

    /// Keys and values, to be changed, in the order of the keys.
    pub fn iter_mut(&mut self) -> Zip<slice::Iter<'_, K>, slice::IterMut<'_, V>> {
        self.keys.iter().zip(&mut self.values)
    }
}

impl<K: Ord, V> Sorted<K, V> {
    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.values.get(place(&self.keys, key).ok()?)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.values.get_mut(place(&self.keys, key).ok()?)
    }

    /// Whether the key is there.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        place(&self.keys, key).is_ok()
    }

    /// Sets the value of a key; gives the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match place::<K, K>(&self.keys, &key) {
            Ok(at) => Some(mem::replace(&mut self.values[at], value)),
            Err(at) => {
                self.keys.insert(at, key);
                self.values.insert(at, value);
                None
            }
        }
    }

    /// The value of a key, made first if there is none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let at = place::<K, K>(&self.keys, &key).unwrap_or_else(|at| {
            self.values.insert(at, make());
            self.keys.insert(at, key);
            at
        });
        &mut self.values[at]
    }

    /// Removes a key; gives its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = place(&self.keys, key).ok()?;
        self.keys.remove(at);
        Some(self.values.remove(at))
    }
}

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Sorted<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Of values of one key the last stays.
impl<K: Ord, V> Extend<(K, V)> for Sorted<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        pairs.into_iter().for_each(|(key, value)| {
            self.insert(key, value);
        });
    }
}

/// Of values of one key the last stays.
impl<K: Ord, V> FromIterator<(K, V)> for Sorted<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut all = Self::new();
        all.extend(pairs);
        all
    }
}

/// Of values of one key the last stays.
impl<K: Ord, V, const N: usize> From<[(K, V); N]> for Sorted<K, V> {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K, V> IntoIterator for Sorted<K, V> {
    type Item = (K, V);
    type IntoIter = Zip<vec::IntoIter<K>, vec::IntoIter<V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.keys.into_iter().zip(self.values)
    }
}

impl<'a, K, V> IntoIterator for &'a Sorted<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Zip<slice::Iter<'a, K>, slice::Iter<'a, V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Serialize, V: Serialize> Serialize for Sorted<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Sorted<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads a map, entry by entry.
struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
    type Value = Sorted<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Sorted::new();
        while let Some((key, value)) = map.next_entry()? {
            all.insert(key, value);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Names = Sorted<String, u32>;
    type Tree = BTreeMap<String, u32>;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(String, u32),
        Remove(String),
        Change(String, u32),
        Make(String, u32),
        Clear,
    }

    /// Few names, so that they meet again; one is the start of another.
    fn name() -> impl Strategy<Value = String> {
        "[ab]{0,3}"
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (name(), any::<u32>()).prop_map(|(name, x)| Step::Insert(name, x)),
            4 => name().prop_map(Step::Remove),
            4 => (name(), any::<u32>()).prop_map(|(name, x)| Step::Change(name, x)),
            4 => (name(), any::<u32>()).prop_map(|(name, x)| Step::Make(name, x)),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn does_what_a_tree_does(steps in prop::collection::vec(step(), 0..60), asked in name()) {
            let (mut map, mut tree) = (Names::new(), Tree::new());
            for step in steps {
                match step {
                    Step::Insert(name, x) => prop_assert_eq!(map.insert(name.clone(), x), tree.insert(name, x)),
                    Step::Remove(name) => prop_assert_eq!(map.remove(name.as_str()), tree.remove(name.as_str())),
                    Step::Change(name, x) => {
                        let [one, other] = [map.get_mut(&name), tree.get_mut(&name)];
                        prop_assert_eq!(&one, &other);
                        one.into_iter().chain(other).for_each(|value| *value = x);
                    }
                    Step::Make(name, x) => {
                        let made = *map.get_or_insert_with(name.clone(), || x);
                        prop_assert_eq!(made, *tree.entry(name).or_insert(x));
                    }
                    Step::Clear => {
                        map.clear();
                        tree.clear();
                    }
                }
                prop_assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
                prop_assert!(map.iter().eq(tree.iter()));
            }
            prop_assert_eq!(map.get(asked.as_str()), tree.get(asked.as_str()));
            prop_assert_eq!(map.contains_key(asked.as_str()), tree.contains_key(asked.as_str()));
            prop_assert!(map.keys().eq(tree.keys()) && map.values().eq(tree.values()));
            prop_assert!(map.values_mut().eq(tree.values_mut()) && map.iter_mut().eq(tree.iter_mut()));
            prop_assert_eq!(format!("{map:?}"), format!("{tree:?}"));
            prop_assert!(map.clone().into_iter().eq(tree));
        }

        #[test]
        fn is_made_of_pairs_as_a_tree_is(pairs in prop::collection::vec((name(), any::<u32>()), 0..30)) {
            let map: Names = pairs.iter().cloned().collect();
            let tree: Tree = pairs.iter().cloned().collect();
            prop_assert!(map.iter().eq(tree.iter()));
            let mut longer = Names::from([("ab".to_owned(), 1), ("a".to_owned(), 2), ("ab".to_owned(), 3)]);
            prop_assert!(longer.iter().eq([(&"a".to_owned(), &2), (&"ab".to_owned(), &3)]));
            longer.extend(pairs.iter().cloned());
            prop_assert!(map.iter().all(|(name, x)| longer.get(name) == Some(x)));
            prop_assert_eq!(longer == map, map.contains_key("a") && map.contains_key("ab"));
        }

        #[test]
        fn its_json_is_a_trees(pairs in prop::collection::vec((name(), any::<u32>()), 0..12)) {
            // Names that come twice, in any order, as a user may write them.
            let written = pairs.iter().map(|(name, x)| format!("{name:?}:{x}")).collect::<Vec<_>>().join(",");
            let written = format!("{{{written}}}");
            let map: Names = serde_json::from_str(&written).unwrap();
            let tree: Tree = serde_json::from_str(&written).unwrap();
            prop_assert!(map.iter().eq(tree.iter()));
            prop_assert_eq!(serde_json::to_string(&map).unwrap(), serde_json::to_string(&tree).unwrap());
        }
    }

    #[test]
    fn what_is_no_map_is_refused_in_the_same_words() {
        for text in ["[]", "3", "null", r#"{"a":"b"}"#, r#"{"a":1"#] {
            let error = serde_json::from_str::<Names>(text).unwrap_err().to_string();
            assert_eq!(error, serde_json::from_str::<Tree>(text).unwrap_err().to_string());
        }
    }
}
