//! An entry is known by its list and its id: which ids several lists have, and that no field that takes an id could mean two of them.

use std::collections::{BTreeMap, BTreeSet};

use attention_playground::catalogue::{self, List, every_entry, summaries};
use attention_playground::experiment::check;

use super::walk::{places, small};

#[test]
fn a_list_and_an_id_are_one_entry() {
    let mut lists = BTreeMap::<&str, Vec<List>>::new();
    every_entry().for_each(|e| lists.entry(e.id).or_default().push(e.list));
    for (id, of) in &lists {
        assert!(of.iter().enumerate().all(|(i, list)| !of[..i].contains(list)), "{id} twice in one of {of:?}");
    }
    // Where a word means the same in several lists it is the same id, since links hold it; no other word may join them unseen.
    let several: Vec<_> = lists.into_iter().filter(|(_, of)| of.len() > 1).collect();
    let none = vec![List::Mask, List::Position, List::Selection, List::Hybrid];
    let wanted = [
        ("gated", vec![List::Hybrid, List::Layout, List::Estimator]),
        ("none", none),
        ("top-k", vec![List::Selection, List::Normaliser]),
    ];
    assert_eq!(several, wanted);
    // What stands for no entry, or for a formula of the user's own, is none.
    let has = |list: List, id: &str| summaries(list).iter().any(|e| e.id == id);
    assert!(List::ALL.into_iter().all(|list| !has(list, "custom") && !has(list, "")));
    assert!(!has(List::Estimator, "none") && !has(List::Probability, "none") && !has(List::Mix, "same"));
}

#[test]
fn a_field_takes_the_ids_of_its_lists_and_no_others() {
    let mut rooms = BTreeMap::<&str, BTreeSet<&str>>::new();
    places().iter().for_each(|place| _ = rooms.entry(place.room).or_default().insert(place.id));
    let all: BTreeSet<&str> = rooms.values().flatten().copied().collect();
    for mut place in places() {
        // One place of each room stands for the field.
        if rooms.get(place.room).is_none_or(|own| own.first() != Some(&place.id)) || place.room == super::walk::STREAMS
        {
            continue;
        }
        let field = match place.room {
            "input" => "input.recipe".to_owned(),
            room => format!("{room}.id"),
        };
        for id in all.difference(&rooms[place.room]) {
            // Fields that say that there is nothing say so by these words.
            if ["none", "same"].contains(id) {
                continue;
            }
            place.id = id;
            let issues = check(&place.experiment(small(), &[])).err().unwrap_or_default().0;
            assert!(issues.iter().any(|issue| issue.path == field), "{} {id}: {issues:?}", place.room);
        }
    }
    // The one field of two lists.
    let ids: Vec<&str> = catalogue::branches().collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}
