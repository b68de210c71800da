//! Which arrays are Q, K and V, as far as their names say.

/// Which of the arrays are Q, K and V, by their names; where names say nothing, in their order.
pub fn guess_names(names: &[String]) -> [Option<usize>; 3] {
    let mut taken = [None; 3];
    for (tensor, words) in
        [["q", "query", "queries"], ["k", "key", "keys"], ["v", "value", "values"]].iter().enumerate()
    {
        let score = |name: &String| {
            let name = name.to_lowercase();
            let mut parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
            let bare = |part: &str| {
                words.contains(&part)
                    || words
                        .iter()
                        .any(|w| part.strip_suffix("proj") == Some(w) || part.strip_suffix("states") == Some(w))
            };
            if words.contains(&name.as_str()) {
                3
            } else if parts.clone().next_back().is_some_and(bare) {
                2
            } else {
                usize::from(parts.any(bare))
            }
        };
        let best = names.iter().map(score).max().filter(|best| *best > 0);
        taken[tensor] = best.and_then(|best| names.iter().position(|name| score(name) == best));
    }
    if taken.iter().all(Option::is_none) {
        // One array is all three: every token attends by its own numbers.
        let last = names.len().checked_sub(1);
        return [0, 1, 2].map(|at: usize| last.map(|last| at.min(last)));
    }
    // What has no name is what the others leave, or K's.
    for tensor in [2, 0, 1] {
        if taken[tensor].is_none() {
            let free = (0..names.len()).find(|at| !taken.contains(&Some(*at)));
            taken[tensor] = free.or(taken[1]).or(taken[0]).or(taken[2]);
        }
    }
    taken
}
