//! The little reading and rewriting of HTML that `finish` needs. The page it reads is our own index.html after trunk,
//! so attributes are in double quotes and tags are not nested in strange places; anything else is refused, not guessed.

use crate::Result;

/// The contents of every inline `<script>` (one without `src`), exactly as a browser hashes them.
pub fn inline_scripts(page: &str) -> Vec<&str> {
    elements(page, "script").filter(|(tag, _)| attribute(tag, "src").is_none()).map(|(_, body)| body).collect()
}

/// Each `<name …>body</name>` as (opening tag, body).
fn elements<'a>(page: &'a str, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut rest = page;
    std::iter::from_fn(move || {
        loop {
            let from = &rest[rest.find(&open)?..];
            let head = from.find('>')? + 1;
            let next = from[open.len()..].chars().next();
            if !matches!(next, Some('>' | '/')) && !next.is_some_and(char::is_whitespace) {
                rest = &from[open.len()..];
                continue;
            }
            let tail = head + from[head..].find(&close)?;
            rest = &from[tail + close.len()..];
            return Some((&from[..head], &from[head..tail]));
        }
    })
}

/// Text as it stands in HTML, between tags or in an attribute's double quotes.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The value of an attribute of one tag.
pub fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    loop {
        let at = rest.find(name)?;
        let bounded = rest[..at].ends_with(char::is_whitespace);
        rest = &rest[at + name.len()..];
        if let (true, Some(value)) = (bounded, rest.strip_prefix("=\"")) {
            return value.split('"').next();
        }
    }
}

/// Writes the `content` of `<meta name="…">` or `<meta http-equiv="…">`.
///
/// # Errors
/// When the page has no such tag, more than one, or one without a `content`.
pub fn set_meta(page: &str, name: &str, content: &str) -> Result<String> {
    if content.contains(['"', '<', '>', '&']) {
        return Err(format!("the content of {name:?} would need escaping: {content}").into());
    }
    let spans: Vec<_> = tags(page, "meta")
        .filter(|(_, tag)| attribute(tag, "name") == Some(name) || attribute(tag, "http-equiv") == Some(name))
        .collect();
    let [(at, tag)] = spans[..] else {
        return Err(format!("index.html has {} <meta name=\"{name}\">, not one", spans.len()).into());
    };
    let old = attribute(tag, "content").ok_or_else(|| format!("<meta name=\"{name}\"> has no content"))?;
    let value = at + tag.find("content=\"").unwrap_or_default() + "content=\"".len();
    Ok(format!("{}{content}{}", &page[..value], &page[value + old.len()..]))
}

/// Each tag of a kind as (offset, tag).
pub fn tags<'a>(page: &'a str, name: &str) -> impl Iterator<Item = (usize, &'a str)> {
    let open = format!("<{name} ");
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + page[from..].find(&open)?;
        let end = at + page[at..].find('>')? + 1;
        from = end;
        Some((at, &page[at..end]))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_inline_scripts_are_found_and_byte_for_byte() {
        let page = "<script src=\"a.js\" defer></script><scripted>no</scripted><script type=\"module\">\nimport 'x';\n</script><script>1</script>";
        assert_eq!(inline_scripts(page), ["\nimport 'x';\n", "1"]);
    }

    #[test]
    fn text_can_end_neither_a_tag_nor_an_attribute() {
        assert_eq!(escape("a<b> & \"c\" &amp;"), "a&lt;b&gt; &amp; &quot;c&quot; &amp;amp;");
    }

    #[test]
    fn attributes_are_whole_words() {
        assert_eq!(attribute("<link data-href=\"no\" href=\"yes\">", "href"), Some("yes"));
        assert_eq!(attribute("<link data-href=\"no\">", "href"), None);
    }

    #[test]
    fn meta_is_written_once_or_refused() {
        let page = "<meta name=\"worker-wasm\" content=\"old\"><meta content=\"\" name=\"worker\">";
        assert_eq!(
            set_meta(page, "worker", "w-1.js").unwrap(),
            "<meta name=\"worker-wasm\" content=\"old\"><meta content=\"w-1.js\" name=\"worker\">"
        );
        assert!(set_meta(page, "missing", "x").is_err());
        assert!(set_meta(&page.repeat(2), "worker", "x").is_err());
        assert!(set_meta(page, "worker", "\"").is_err());
    }
}
