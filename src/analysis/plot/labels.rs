//! Labels: how wide they are, where there is room for them.

use super::scene::Area;

/// Height of a line of text.
pub const LINE: f64 = 15.0;
/// Room for the dots of a text that was cut.
const DOTS: f64 = 11.0;

/// About how wide a text of 12 units is. Fonts differ, and nothing here can measure them: these are the widths of the widest among those that systems
/// have for their own words.
pub fn width(text: &str) -> f64 {
    text.chars().map(letter).sum()
}

fn letter(c: char) -> f64 {
    match c {
        c if "mwMW@%…−→∝∞×".contains(c) => 11.0,
        c if "fijlrtI |.,:;'!/-()[]".contains(c) => 4.8,
        '0'..='9' => 7.7,
        c if c.is_uppercase() => 8.6,
        // Scripts that fill a square.
        '\u{1100}'.. => 12.0,
        _ => 7.4,
    }
}

/// As many bytes of a text's beginning as there is room for.
fn fitting(text: &str, mut room: f64) -> usize {
    let over = text.char_indices().find(|(_, c)| {
        room -= letter(*c);
        room < -1e-9
    });
    over.map_or(text.len(), |(at, _)| at)
}

/// The text, or as much of its beginning as there is room for, with dots.
pub fn cut(text: &str, room: f64) -> String {
    match fitting(text, room) {
        all if all == text.len() => text.to_owned(),
        _ => format!("{}…", text[..fitting(text, room - DOTS)].trim_end()),
    }
}

/// A text in lines of at most `room`, broken between words, or anywhere where there are none.
pub fn wrapped(text: &str, room: f64) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_inclusive([' ', '，', '。', '；', '、']) {
        if !line.is_empty() && width(&line) + width(word.trim_end()) > room {
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(word);
        while width(line.trim_end()) > room {
            let first = line.chars().next().map_or(1, char::len_utf8);
            let rest = line.split_off(fitting(&line, room).max(first));
            lines.push(std::mem::replace(&mut line, rest));
        }
    }
    lines.push(line);
    lines.into_iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// A text in at most so many lines of at most `room`; what is left over at the end of the last is cut.
pub fn lines(text: &str, room: f64, most: usize) -> Vec<String> {
    let mut lines = wrapped(text, room);
    if lines.len() > most {
        let rest = lines.split_off(most.max(1) - 1).join(" ");
        lines.push(cut(&rest, room));
    }
    lines
}

/// Places that are taken.
#[derive(Clone, Debug, Default)]
pub struct Taken(Vec<Area>);

impl Taken {
    /// Takes the first of these areas that nothing else has; nothing if all are taken.
    pub fn first_free(&mut self, areas: impl IntoIterator<Item = Area>) -> Option<Area> {
        let free = areas.into_iter().find(|area| !self.0.iter().any(|other| other.meets(area)))?;
        self.0.push(free);
        Some(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_ends_with_dots() {
        assert_eq!(cut("time", 100.0), "time");
        let short = cut("position interpolation", 60.0);
        assert!(short.ends_with('…') && width(&short) <= 60.0 + 1e-9 && short.starts_with("posit"), "{short}");
        assert!(width("掩码") > width("ab"));
    }

    #[test]
    fn lines_are_no_wider_than_the_room() {
        for text in [
            "Measured in this browser, with eight workers.",
            "在此浏览器中测得，八个工作线程。",
            "abcdefghijklmnopqrstuvwxyz",
        ] {
            let lines = wrapped(text, 80.0);
            assert!(lines.len() > 1 && lines.iter().all(|line| width(line) <= 80.0), "{lines:?}");
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(text));
        }
        assert!(wrapped("", 80.0).is_empty());
        let few = lines("random, size 16, temperature 1, causal", 60.0, 2);
        assert!(few.len() == 2 && few[1].ends_with('…') && few.iter().all(|line| width(line) <= 60.0), "{few:?}");
        assert_eq!(lines("head size", 80.0, 3), ["head size"]);
    }

    #[test]
    fn a_taken_place_is_not_given_again() {
        let mut taken = Taken::default();
        let area = |x: f64| Area { x, y: 0.0, width: 10.0, height: 10.0 };
        assert_eq!(taken.first_free([area(0.0)]), Some(area(0.0)));
        assert_eq!(taken.first_free([area(5.0), area(10.0)]), Some(area(10.0)));
        assert_eq!(taken.first_free([area(3.0)]), None);
    }
}
