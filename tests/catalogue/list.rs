//! The list itself: ids, texts, papers, parameters, tables.

use std::collections::BTreeSet;

use attention_playground::catalogue::{
    self, Computed, List, MaskEntry, Param, Setting, Slot, Summary, Table, Text, editable_tables, estimators,
    every_entry, hybrids, layouts, masks, mixes, normalisers, positions, probabilities, products, selections,
};
use attention_playground::formula::{DataDecl, Kind, Scope, Sorted, Ty, compile};

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// Names of models and of functions that Chinese texts leave in Latin letters.
const LATIN: [&str; 16] = [
    "Longformer",
    "BigBird",
    "LongNet",
    "Softmax",
    "Sigmoid",
    "Sparsemax",
    "Entmax 1.5",
    "Retention",
    "Performer",
    "Linformer",
    "Nyströmformer",
    "H-Transformer-1D",
    "GRU",
    "LSTM",
    "ViLBERT",
    "LXMERT",
];

pub fn bilingual(id: &str, text: Text, name: bool) {
    assert!(!text.en.trim().is_empty() && !text.en.contains("  "), "{id}: {}", text.en);
    assert!(!text.en.chars().any(is_han), "{id}: {}", text.en);
    assert!(text.zh.chars().any(is_han) || name && LATIN.contains(&text.zh), "{id}: {}", text.zh);
    // Half-width punctuation after a Chinese character is a typing mistake.
    let mut before = ' ';
    for c in text.zh.chars() {
        assert!(!(is_han(before) && ",.;:!?()".contains(c)), "{id}: {}", text.zh);
        before = c;
    }
    assert!(
        name || text.en.ends_with(['.', '?']) && text.zh.ends_with(['。', '？']),
        "{id}: a sentence ends with a stop"
    );
}

fn label(id: &str, text: Text) {
    assert!(!text.en.is_empty() && text.zh.chars().any(is_han), "{id}: {} {}", text.en, text.zh);
}

fn check_params(id: &str, params: &[Param], uses: &str) {
    let words: BTreeSet<&str> = uses.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let names: BTreeSet<&str> = params.iter().map(|p| p.name).collect();
    assert_eq!(names.len(), params.len(), "{id}: a parameter twice");
    for p in params {
        label(id, p.label);
        assert!(uses.is_empty() || words.contains(p.name), "{id}: {} is not used", p.name);
        assert!(p.min <= p.default && p.default <= p.max && p.max <= p.hard_max, "{id}: range of {}", p.name);
        assert!(p.min < p.max && p.step > 0.0 && p.step <= p.max - p.min, "{id}: step of {}", p.name);
        if p.ty != Ty::Float {
            assert!([p.min, p.max, p.hard_max, p.step, p.default].iter().all(|x| x.fract() == 0.0), "{id}: {}", p.name);
        }
    }
}

/// Tables of every size have the declared type and rank, as many numbers as their shape says, and clamp.
fn check_tables(id: &str, params: &[Param], tables: &[Table]) {
    let params: Sorted<String, f64> = params.iter().map(|p| (p.name.to_owned(), p.default)).collect();
    for table in tables {
        label(id, table.label);
        for (n_q, n_k, heads) in [(1, 1, 1), (3, 8, 2), (17, 5, 12), (64, 64, 7)] {
            let data = (table.make)(&Setting { n_q, n_k, heads, params: &params, seed: 5 });
            assert_eq!(
                (data.shape.len(), data.values.ty(), data.clamp),
                (table.rank, table.ty, true),
                "{id}: {}",
                table.name
            );
            assert_eq!(data.shape.iter().product::<usize>(), data.values.len(), "{id}: {}", table.name);
            assert!(!data.values.is_empty());
        }
    }
}

#[test]
fn ids_and_texts() {
    let mut seen = BTreeSet::new();
    let mut entry = |room: &str, id: &'static str, name: Text, about: Text| {
        assert!(seen.insert(format!("{room} {id}")), "{room} {id} twice");
        assert!(id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c)), "{id}");
        bilingual(id, name, true);
        bilingual(id, about, false);
        let stops = |text: &str, stops: &[char]| text.matches(stops).count();
        let inside = about.en.matches(". ").count() + about.en.matches("? ").count();
        assert_eq!((inside, stops(about.zh, &['。', '？'])), (0, 1), "{id}: one sentence in each language");
    };
    every_entry().for_each(|e| entry(e.list.id(), e.id, e.name, e.about));
    let by_content = || products().iter().chain(selections()).chain(hybrids());
    for paper in every_entry().filter(|e| e.list != List::Estimator).filter_map(|e| e.paper) {
        assert!((2014..=2026).contains(&paper.year) && paper.title.contains(", ") && !paper.id.is_empty(), "{paper:?}");
        if let Some(number) = paper.id.strip_prefix("arXiv:") {
            // The number begins with the year and month of the first version; it had four more digits until 2014, five since.
            let year: u16 = number[..2].parse().unwrap();
            let digits = if year < 15 { 4 } else { 5 };
            assert!(number.len() == 5 + digits && number.as_bytes()[4] == b'.', "{paper:?}");
            assert_eq!(2000 + year, paper.year, "{paper:?}");
        }
    }
    // Tables of content are filled by name, so a name stands for one table.
    let mut tables = BTreeSet::new();
    let of_positions = positions().iter().filter_map(|e| if let Slot::Content(c) = e.slot { Some(c) } else { None });
    let contents = by_content().map(|e| e.content).chain(of_positions).chain(normalisers().iter().map(|e| e.content));
    for content in contents {
        content.tables.iter().for_each(|t| assert!(tables.insert(t.name), "{} twice", t.name));
        let branches = content.branches.iter().map(|branch| branch.mask);
        let own = [content.score, content.mask, content.last].into_iter().flatten();
        let formulas = own.chain(branches).collect::<Vec<_>>().join(" ");
        // What is added to the output no formula reads.
        let read = |t: &Computed| t.kind.is_addend() || formulas.contains(&format!("{}[", t.name));
        content.tables.iter().for_each(|t| assert!(read(t), "{}", t.name));
    }
    for entry in by_content() {
        entry.ours.into_iter().for_each(|ours| bilingual(entry.id, ours, false));
        assert!(entry.scale.is_none_or(|scale| entry.params.iter().any(|p| p.name == scale)), "{}", entry.id);
        check_params(entry.id, entry.params, "");
    }
    for entry in masks() {
        assert!(entry.paper.is_some() || entry.ours.is_some(), "{}: where does it come from?", entry.id);
        entry.ours.into_iter().for_each(|ours| bilingual(entry.id, ours, false));
        assert!(catalogue::mask(entry.id).is_some() && entry.id != "custom");
    }
}

#[test]
fn estimators_say_where_they_come_from() {
    for e in estimators() {
        check_params(e.id, e.params, "");
        assert!(e.paper.is_some() || e.ours.is_some(), "{}: where does it come from?", e.id);
        e.ours.into_iter().for_each(|ours| bilingual(e.id, ours, false));
        // Recurrent networks and convolutions are older than the archive.
        assert!(
            e.paper.is_none_or(|paper| (1989..=2026).contains(&paper.year) && paper.title.contains(", ")),
            "{}",
            e.id
        );
        if let Some(number) = e.paper.and_then(|paper| paper.id.strip_prefix("arXiv:")) {
            assert_eq!(
                e.paper.map(|paper| paper.year),
                number[..2].parse().ok().map(|year: u16| 2000 + year),
                "{}",
                e.id
            );
        }
        if let Some((name, words)) = e.words {
            let param = e.params.iter().find(|param| param.name == name).unwrap();
            assert_eq!((param.min, param.max), (0.0, words.len() as f64 - 1.0), "{}: a word for each number", e.id);
        }
        assert!(catalogue::estimator(e.id).is_some() && e.id != "none");
    }
}

#[test]
fn parameters_and_tables() {
    let with_tables = |e: &MaskEntry| e.tables.iter().map(|t| t.name).collect::<Vec<_>>().join(" ");
    for e in masks() {
        // Parameters of a pattern that is all table are used by the table; the next test sees that they matter.
        let made = if e.tables.is_empty() {
            String::new()
        } else {
            e.params.iter().map(|p| p.name).collect::<Vec<_>>().join(" ")
        };
        check_params(
            e.id,
            e.params,
            &format!("{} {} {made} {}", e.formula, e.score.unwrap_or_default(), with_tables(e)),
        );
        check_tables(e.id, e.params, e.tables);
    }
    for e in positions() {
        match e.slot {
            Slot::Score { formula, tables } => {
                let made: Vec<_> = e.params.iter().filter(|_| !tables.is_empty()).map(|p| p.name).collect();
                check_params(e.id, e.params, &format!("{formula} {}", made.join(" ")));
                check_tables(e.id, e.params, tables);
            }
            _ => check_params(e.id, e.params, ""),
        }
    }
    for e in normalisers() {
        let read = [Some(e.formula), e.content.last].map(Option::unwrap_or_default).join(" ");
        check_params(e.id, e.params, "");
        check_tables(e.id, e.params, e.tables);
        assert!(e.tables.iter().all(|t| read.contains(t.name)), "{}", e.id);
        e.ours.into_iter().for_each(|ours| bilingual(e.id, ours, false));
    }
    for e in layouts() {
        check_params(e.id, e.params, "");
        check_tables(e.id, e.params, e.tables);
        e.ours.into_iter().for_each(|ours| bilingual(e.id, ours, false));
        assert!(catalogue::layout(e.id).is_some(), "{}", e.id);
    }
    for e in mixes() {
        check_params(e.id, e.params, "");
        assert!(e.paper.is_some() && e.id != "same" && catalogue::mix(e.id).is_some(), "{}", e.id);
    }
    for e in probabilities() {
        check_params(e.id, e.params, e.formula);
        assert!((e.paper.is_some() || e.ours.is_some()) && e.id != "custom" && e.id != "none", "{}", e.id);
        e.ours.into_iter().for_each(|ours| bilingual(e.id, ours, false));
    }
    // A name means the same wherever it stands, so that an edited table fits every entry that reads it.
    let of_positions = positions().iter().flat_map(|e| match e.slot {
        Slot::Score { tables, .. } => tables,
        _ => &[],
    });
    let of_layouts = layouts().iter().flat_map(|e| e.tables);
    for table in masks().iter().flat_map(|e| e.tables).chain(of_positions).chain(of_layouts) {
        let named = catalogue::table(table.name).unwrap();
        assert_eq!(
            (named.ty, named.rank, named.label, named.editable),
            (table.ty, table.rank, table.label, table.editable),
            "{}",
            table.name
        );
    }
    assert!(editable_tables().count() >= 8);
}

/// What lines may name without defining it: functions, what belongs to every head or run, and names that formulas know.
const NOTATION: &str = "sum mean product count dot norm exp log sin cos tanh sigmoid sqrt min max floor ceil abs argmax concat outer transpose turn normal \
    uniform clamp hash where round largest least nearest divisors orthonormal rows size first all derivative elu position float16 bfloat16 and or not if else in \
    true false inf pi q_pos n_q n_k d_v heads kv_heads tokens group factor scale causal allowed time seed";

/// Every line says what it names: parameters, tables, what an earlier or later line defines; and every parameter moves something that is written. What is
/// the formula that runs is compiled by other tests.
#[test]
fn lines_name_what_is_defined() {
    let words = |text: &str| {
        let split = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        split.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let known = words(NOTATION);
    let runs = |e: &Summary| {
        [List::Mask, List::Probability].contains(&e.list) || e.written.iter().map(String::as_str).eq(e.formula)
    };
    let mut loose = Vec::new();
    for e in every_entry().filter(|e| !runs(e)) {
        let defined: BTreeSet<String> =
            e.written.iter().filter_map(|line| Some(words(line.split_once(" == ")?.0))).flatten().collect();
        let named = |word: &str| {
            e.params.iter().any(|p| p.name == word)
                || e.data.iter().any(|table| table.name == word)
                || word.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase())
                || word.len() == 1
        };
        let used: BTreeSet<String> = e.written.iter().flat_map(|line| words(line)).collect();
        let undefined = used.iter().filter(|w| !(named(w) || defined.contains(*w) || known.contains(*w)));
        loose.extend(undefined.map(|word| format!("{} {}: {word} is not defined", e.list.id(), e.id)));
        // A slider of a table moves what the table holds; `d` is the share of places that turn; seeds move what is seeded.
        for p in e.params.iter().filter(|p| e.data.is_empty() && !["fraction", "seed"].contains(&p.name)) {
            if !used.contains(p.name) {
                loose.push(format!("{} {}: {} is not written", e.list.id(), e.id, p.name));
            }
        }
    }
    assert!(loose.is_empty(), "{loose:#?}");
}

/// Every table says how formulas read it: with as many indices as it has, of names that formulas know.
#[test]
fn tables_are_read_as_they_say() {
    let tables = catalogue::masks().iter().flat_map(|entry| entry.tables);
    let tables = tables.chain(catalogue::positions().iter().flat_map(|entry| match entry.slot {
        catalogue::Slot::Score { tables, .. } => tables,
        _ => &[],
    }));
    for table in tables {
        let scope = Scope {
            params: vec![("block".to_owned(), Ty::Int)],
            data: vec![DataDecl { name: table.name.to_owned(), ty: table.ty, dims: table.rank }],
        };
        let value = format!("{}[{}]", table.name, table.index);
        let text = if table.ty == Ty::Bool { format!("where({value}, s, 0.0)") } else { format!("s + {value}") };
        compile(&text, Kind::Score, &scope).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    assert_eq!((catalogue::index_of("slope"), catalogue::index_of("doc")), (Some("h"), Some("k")));
    // Formulas of one's own read what entries read, whether it can be edited or not: any entry's formula can become one's own.
    assert_eq!(catalogue::index_of("bucket"), Some("abs(q_pos - k)"));
}

/// What the tables would otherwise round or raise in silence is no valid parameter.
#[test]
fn tables_take_parameters_as_they_are() {
    let bigbird = catalogue::mask("bigbird").unwrap();
    let blocks = bigbird.params.iter().find(|param| param.name == "window_blocks").unwrap();
    assert!(blocks.on_step(1.0) && blocks.on_step(63.0) && !blocks.on_step(4.0));
    let t5 = catalogue::position("t5").unwrap();
    let given = |buckets: f64, causal: f64, distance: f64| {
        let all = [("buckets", buckets), ("causal", causal), ("max_distance", distance)];
        t5.too_small(&all.map(|(name, value)| (name.to_owned(), value)).into())
    };
    assert_eq!(t5.too_small(&Sorted::new()), None);
    assert_eq!(given(64.0, 0.0, 17.0), None);
    assert_eq!(given(64.0, 0.0, 16.0), Some(("max_distance", 17.0)));
    assert_eq!(given(64.0, 1.0, 17.0), Some(("max_distance", 33.0)));
    for entry in catalogue::positions() {
        assert_eq!(entry.too_small(&Sorted::new()), None, "{}", entry.id);
    }
}
