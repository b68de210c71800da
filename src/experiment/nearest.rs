//! "Did you mean": what is said of a name that nobody knows.

use super::Message;
use super::issue::message;
use crate::catalogue::Text;
use crate::formula::near;

/// There is no `what` called `name`: the known one that was probably meant, or all that there are.
pub(crate) fn unknown<'a>(what: Text, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Message {
    said(what, name, &known.collect::<Vec<_>>())
}

/// One copy of the sentences for every kind of list.
fn said(what: Text, name: &str, all: &[&str]) -> Message {
    let (Text { en, zh }, short) = (what, shown(name));
    match near(name, all.iter().copied()) {
        Some(near) => {
            message!(
                "there is no {en} `{short}`; did you mean `{near}`?",
                "没有名为 `{short}` 的{zh}，是否想写 `{near}`？"
            )
        }
        None if all.is_empty() => message!("there is no {en} `{short}` here", "此处没有名为 `{short}` 的{zh}"),
        None => {
            let all = all.join(", ");
            message!("there is no {en} `{short}`; there are {all}", "没有名为 `{short}` 的{zh}，可用的有 {all}")
        }
    }
}

/// `name` as shown in messages: never longer than a line, and nothing in it turns the rest of the line around.
pub(crate) fn shown(name: &str) -> String {
    let mut short: String = name.chars().take(40).map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect();
    if name.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

/// Controls, and the invisible characters that order, join or reverse text (Unicode TR 9 and TR 36).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_offered_and_otherwise_all_are() {
        let known = ["sliding-window", "causal", "clock"];
        let said = |name: &str| unknown(Text::new("mask", "掩码"), name, known.into_iter());
        assert_eq!(said("sliding_window").en, "there is no mask `sliding_window`; did you mean `sliding-window`?");
        assert_eq!(said("Casual").zh, "没有名为 `Casual` 的掩码，是否想写 `causal`？");
        assert_eq!(said("banana").en, "there is no mask `banana`; there are sliding-window, causal, clock");
        assert!(said(&"x".repeat(1000)).en.len() < 200);
        assert_eq!(shown("a\u{202e}b\u{7}c\u{feff}"), "a\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(unknown(Text::new("parameter", "参数"), "w", [].into_iter()).en, "there is no parameter `w` here");
    }
}
