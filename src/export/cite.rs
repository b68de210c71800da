//! An entry for a list of references.

/// A `@misc` entry of BibTeX: what the experiment is called, where it opens, when and by which version it was made.
///
/// `date` is year, month, day. The key has the year and a checksum of the address, so that two experiments have two keys.
pub fn bibtex(title: &str, link: &str, [year, month, day]: [u32; 3]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let sum = link.bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!(
        "@misc{{attention-playground-{year}-{sum:08x},
  title = {{{{{}}}}},
  howpublished = {{Attention Playground}},
  year = {{{year}}},
  url = {{{}}},
  urldate = {{{year}-{month:02}-{day:02}}},
  note = {{Interactive experiment, Attention Playground {version}}},
}}
",
        escaped(title),
        address(link)
    )
}

/// A text without signs that LaTeX reads.
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        match c {
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '{' | '}' | '$' | '&' | '#' | '_' | '%' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// An address inside `\url{}` in an argument: what ends it or the line is written in hexadecimal, percent and hash are escaped.
pub fn address(link: &str) -> String {
    let mut out = String::new();
    for c in link.chars().filter(|c| !c.is_control()) {
        match c {
            '{' | '}' | '\\' | ' ' | '"' => out.push_str(&format!("\\%{:02X}", u32::from(c))),
            '%' | '#' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_balanced_braces_whatever_the_title() {
        let entry = bibtex("Who does “it” see? {50% \\ of_it}", "https://example.org/#e={x}", [2026, 3, 7]);
        let depth = entry.replace("\\{", "").replace("\\}", "").chars().fold(0, |depth: i32, c| match c {
            '{' => depth + 1,
            '}' => depth - 1,
            _ => depth,
        });
        assert_eq!(depth, 0, "{entry}");
        assert!(entry.contains("title = {{Who does “it” see? \\{50\\% \\textbackslash{} of\\_it\\}}},"), "{entry}");
        assert!(entry.contains("url = {https://example.org/\\#e=\\%7Bx\\%7D},\n  urldate = {2026-03-07},"));
        assert_ne!(bibtex("", "a", [2026, 1, 1]), bibtex("", "b", [2026, 1, 1]));
    }
}
