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
    if let Some(alias) = alias.filter(|to| names.clone().any(|n| n == *to)) {
        return Some(alias.into());
    }
    let allowed = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    let length = |text: &str| text.chars().count();
    names
        .map(|name| (distance(word, name), name))
        // A one-letter name is a typing error away from every short word: it must share a letter.
        .filter(|&(d, name)| d <= allowed && d < length(word).max(length(name)))
        .min_by_key(|&(d, _)| d)
        .map(|(_, name)| name.to_owned())
}

/// Insertions, deletions, substitutions and swaps of neighbours; letter case counts for nothing.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().take(64).flat_map(char::to_lowercase).collect();
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
        let names = ["q", "k", "q_pos", "window", "n_k", "sigmoid", "log"];
        for (word, want) in [
            ("windw", Some("window")),
            ("widnow", Some("window")),
            ("qpos", Some("q_pos")),
            ("Window", Some("window")),
            ("kv_idx", Some("k")),
            ("ln", Some("log")),
            ("sigmiod", Some("sigmoid")),
            ("x", None),
            ("elephant", None),
        ] {
            assert_eq!(nearest(word, names.into_iter()).as_deref(), want, "{word}");
        }
    }
}
