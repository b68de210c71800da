//! "Did you mean": the known name closest to a mistyped one.

/// The name nearest to `name` by edit distance, if it is near at all (a third of its letters at most).
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distances are quadratic in length, and nobody mistypes a name this long.
    if name.len() > 64 {
        return None;
    }
    let name = name.to_lowercase();
    let close = |known: &str| distance(&name, known) <= (known.chars().count() / 3).max(1);
    known.into_iter().filter(|&k| close(k)).min_by_key(|&k| distance(&name, k))
}

/// ` Did you mean …?` or nothing, to append to a message.
pub(crate) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// `name` as shown in messages: never longer than a line.
pub(crate) fn shown(name: &str) -> String {
    let mut short: String = name.chars().take(40).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_far_off() {
        let known = ["sliding-window", "causal", "fractal", "clock"];
        assert_eq!(nearest("sliding_window", known), Some("sliding-window"));
        assert_eq!(nearest("Casual", known), Some("causal"));
        assert_eq!(nearest("clocks", known), Some("clock"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest(&"x".repeat(1000), known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
