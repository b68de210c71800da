//! Every mask against its definition: written here once more from the paper, pair by pair, by listing or walking, never by the entry's formula.

mod distances;
mod structures;

use attention_playground::catalogue::{MaskEntry, Setting, masks};
use attention_playground::formula::{DataValues, Sorted};

use super::{Place, SQUARE, grid, mask};

/// One pattern with its values, and where it is looked at.
pub struct Case<'a> {
    place: Place,
    params: Sorted<String, f64>,
    entry: &'a MaskEntry,
}

impl Case<'_> {
    fn int(&self, name: &str) -> i64 {
        self.params.get(name).map_or_else(|| panic!("no parameter {name}"), |value| *value as i64)
    }

    fn on(&self, name: &str) -> bool {
        self.int(name) != 0
    }

    fn n_k(&self) -> i64 {
        self.place.n_k as i64
    }

    /// The longer side.
    fn tokens(&self) -> i64 {
        self.place.n_q.max(self.place.n_k) as i64
    }

    /// A table that is input, not rule: documents, padding, drawn lines.
    fn input(&self, name: &str) -> Vec<i64> {
        let table = self.entry.tables.iter().find(|table| table.name == name).unwrap();
        let Place { n_q, n_k, heads, seed, .. } = self.place;
        match (table.make)(&Setting { n_q, n_k, heads, params: &self.params, seed }).values {
            DataValues::Bool(values) => values.into_iter().map(i64::from).collect(),
            DataValues::Int(values) => values.into_iter().map(i64::from).collect(),
            DataValues::Float(_) => panic!("{name} holds strengths"),
        }
    }
}

/// A rule: whether head `h` may look from position `i` at key `j`.
pub type Rule = Box<dyn Fn(i64, i64, i64) -> bool>;

/// BigBird draws blocks; what they must fulfil stands in a test of its own.
const DRAWN: [&str; 1] = ["bigbird"];

fn check(entry: &MaskEntry, place: Place, changed: &[(&str, f64)]) {
    let mut params: Sorted<String, f64> = entry.params.iter().map(|p| (p.name.to_owned(), p.default)).collect();
    for (name, value) in changed {
        params.insert((*name).to_owned(), *value);
    }
    let case = Case { place, params, entry };
    let rule = distances::rule(&case).or_else(|| structures::rule(&case));
    let rule = rule.unwrap_or_else(|| panic!("{} has no definition here", entry.id));
    let bound = mask(entry.id, place, changed, &[]);
    for h in 0..place.heads {
        for (q, row) in grid(&bound, place, h).iter().enumerate() {
            for (k, &found) in row.iter().enumerate() {
                let position = q as i64 + i64::from(place.offset);
                let wanted = rule(h as i64, position, k as i64);
                assert_eq!(found, wanted, "{} {changed:?}: head {h}, position {position}, key {k}", entry.id);
            }
        }
    }
}

#[test]
fn masks_are_what_their_papers_define() {
    let places = [
        SQUARE,
        Place { n_q: 37, n_k: 37, heads: 5, seed: 9, ..SQUARE },
        // A cache: the last queries of a longer sequence.
        Place { n_q: 7, n_k: 53, offset: 46, heads: 2, ..SQUARE },
        // Queries of one sequence, keys of another, either way.
        Place { n_q: 23, n_k: 41, ..SQUARE },
        Place { n_q: 41, n_k: 23, ..SQUARE },
        Place { n_q: 1, n_k: 1, ..SQUARE },
        Place { n_q: 2, n_k: 2, heads: 2, ..SQUARE },
    ];
    for entry in masks().iter().filter(|entry| !DRAWN.contains(&entry.id)) {
        for place in places {
            check(entry, place, &[]);
            for param in entry.params {
                for value in [param.min, param.min + param.step, param.max, param.hard_max] {
                    check(entry, place, &[(param.name, value)]);
                }
            }
        }
    }
}

/// Parameters that meet: several away from their defaults at once, none a divisor of anything.
#[test]
fn parameters_together() {
    let place = Place { n_q: 59, n_k: 59, heads: 6, seed: 4, ..SQUARE };
    let known: [(&str, &[(&str, f64)]); 19] = [
        ("log-sparse", &[("window", 4.0), ("restart", 19.0)]),
        ("fibonacci", &[("window", 3.0), ("spacing", 1.35)]),
        ("longnet", &[("segment", 5.0), ("rate", 3.0)]),
        ("axial", &[("height", 5.0), ("width", 7.0), ("alternate", 1.0)]),
        ("swin", &[("height", 7.0), ("width", 5.0), ("window", 3.0), ("shifted", 1.0)]),
        ("swin", &[("height", 6.0), ("width", 9.0), ("window", 4.0), ("shifted", 1.0)]),
        ("natten-2d", &[("height", 5.0), ("width", 6.0), ("kernel", 5.0)]),
        ("natten-2d", &[("height", 3.0), ("width", 4.0), ("kernel", 7.0)]),
        ("tree", &[("prefix", 11.0), ("branches", 3.0)]),
        ("block-diffusion", &[("block", 5.0)]),
        ("cross-modal", &[("first", 13.0), ("aa", 1.0), ("ba", 0.0)]),
        ("image-interval", &[("visual", 9.0)]),
        ("vertical-slash", &[("columns", 7.0), ("diagonals", 3.0)]),
        ("synaptic", &[("preset", 2.0), ("spread", 0.7), ("wrap", 1.0)]),
        ("kronecker", &[("base", 2.0), ("g01", 1.0), ("g00", 0.0)]),
        ("kronecker", &[("g11", 0.0), ("g02", 1.0), ("previous", 0.0)]),
        ("clock", &[("fastest", 3.0), ("relative", 1.0), ("previous", 0.0)]),
        ("clock-hold", &[("fastest", 5.0), ("previous", 0.0)]),
        ("fixed", &[("stride", 7.0), ("columns", 3.0), ("alternate", 1.0)]),
    ];
    for (id, changed) in known {
        check(masks().iter().find(|entry| entry.id == id).unwrap(), place, changed);
    }
}
