//! The name someone probably meant.

/// What other notations call things, and what they are called here.
const ALIASES: [(&str, &str); 27] = [
    ("batch", "b"),
    ("b_idx", "b"),
    ("head", "h"),
    ("h_idx", "h"),
    ("i", "q"),
    ("row", "q"),
    ("query", "q"),
    ("q_idx", "q"),
    ("q_index", "q"),
    ("j", "k"),
    ("col", "k"),
    ("column", "k"),
    ("key", "k"),
    ("kv", "k"),
    ("kv_idx", "k"),
    ("k_idx", "k"),
    ("score", "s"),
    ("prob", "p"),
    ("weight", "p"),
    ("n", "n_k"),
    ("L", "n_k"),
    ("seq_len", "n_k"),
    ("heads", "n_h"),
    ("ln", "log"),
    ("minimum", "min"),
    ("maximum", "max"),
    ("infinity", "inf"),
];

/// The nearest of `names` to `word`: an alias, else the name with the fewest typing errors, if they are few.
pub fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    let alias = ALIASES.iter().find(|(from, _)| *from == word).map(|&(_, to)| to);
    match alias.filter(|to| names.clone().any(|n| n == *to)) {
        Some(alias) => Some(alias.to_owned()),
        None => near(word, names).map(str::to_owned),
    }
}

/// The name that differs from `word` in the fewest typing errors, if they are at most a third of the longer one's letters: one in a word of
/// three to five, none in a shorter one, which is near to everything.
pub fn near<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = |text: &str| text.chars().count();
    let letters = length(word);
    // Nobody mistypes a name this long, and distances are quadratic in length.
    if letters > LONGEST {
        return None;
    }
    names
        .map(|name| (distance(word, name), name))
        .filter(|&(errors, name)| errors <= letters.max(length(name)) / 3)
        .min_by_key(|&(errors, _)| errors)
        .map(|(_, name)| name)
}

/// Letters of the longest word that is compared.
const LONGEST: usize = 64;

/// Insertions, deletions, substitutions and swaps of neighbours (Damerau and Levenshtein, each place changed once); letter case counts for
/// nothing.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let differs = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + differs);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let names = ["q", "k", "q_pos", "window", "n_k", "sigmoid", "log", "doc", "slope", "bias", "seed", "dilation"];
        for (word, want) in [
            ("windw", "window"),
            ("widnow", "window"),
            ("windows", "window"),
            ("qpos", "q_pos"),
            ("nk", "n_k"),
            ("Window", "window"),
            ("kv_idx", "k"),
            ("ln", "log"),
            ("sigmiod", "sigmoid"),
            ("dok", "doc"),
            ("slopes", "slope"),
            ("dilatoin", "dilation"),
        ] {
            assert_eq!(nearest(word, names.into_iter()).as_deref(), Some(want), "{word}");
        }
    }

    #[test]
    fn a_word_of_ones_own_is_no_typing_error() {
        let names =
            ["q", "k", "h", "b", "q_pos", "n_q", "n_k", "doc", "slope", "bias", "seed", "gain", "phase", "time"];
        for word in [
            "x", "w", "qq", "step", "base", "size", "scale", "side", "reach", "period", "rate", "span", "shape",
            "elephant",
        ] {
            assert_eq!(nearest(word, names.into_iter()), None, "{word}");
        }
    }

    #[test]
    fn errors_are_counted_as_people_make_them() {
        for (a, b, errors) in [("kitten", "sitting", 3), ("casual", "causal", 1), ("", "abc", 3), ("Q", "q", 0)] {
            assert_eq!(distance(a, b), errors, "{a} {b}");
        }
        assert_eq!(near(&"x".repeat(1000), ["x"].into_iter()), None);
    }
}
