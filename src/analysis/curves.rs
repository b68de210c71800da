//! What the position laboratory is set to, and how links write it.

use crate::catalogue::{Text, position_line};
use crate::experiment::{Issue, message};

/// Shortest and longest text that can be set.
pub const LENGTHS: [usize; 2] = [16, 2048];

/// What is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// Tokens.
    pub length: usize,
    /// Tokens that the schemes were trained on.
    pub trained: usize,
    /// Whether distances are even in ratio.
    pub log: bool,
    /// Whether each line is divided by its largest magnitude.
    pub normal: bool,
    /// Ids of the lines that are switched on, in the order of their colours.
    pub on: Vec<&'static str>,
    /// The scheme that is shown closely.
    pub picked: &'static str,
}

impl Curves {
    /// What is not as in `first`, as a link writes it.
    pub fn pairs(&self, first: &Self) -> Vec<(String, String)> {
        let word = |on: bool, yes: &str, no: &str| if on { yes.to_owned() } else { no.to_owned() };
        [
            ("length", self.length != first.length, self.length.to_string()),
            ("trained", self.trained != first.trained, self.trained.to_string()),
            ("distances", self.log != first.log, word(self.log, "log", "linear")),
            ("values", self.normal != first.normal, word(self.normal, "peak", "own")),
            ("on", self.on != first.on, self.on.join(",")),
            ("picked", self.picked != first.picked, self.picked.to_owned()),
        ]
        .into_iter()
        .filter(|(_, differs, _)| *differs)
        .map(|(name, _, value)| (name.to_owned(), value))
        .collect()
    }

    /// What a link asks for over `first`; what can't be used is named and stays as it begins.
    pub fn read(pairs: &[(String, String)], first: Self) -> (Self, Vec<Issue>) {
        let (mut curves, mut problems) = (first, Vec::new());
        let [least, most] = LENGTHS;
        let line = |id: &str| position_line(id).map(|line| line.id);
        let no_line = || Text::new("there is no position scheme of this name", "没有该名称的位置方案");
        for (name, value) in pairs {
            let mut refuse =
                |message: crate::experiment::Message| problems.push(Issue::new(format!("lab.{name}"), message));
            let length = value.parse::<usize>().ok().filter(|length| (least..=most).contains(length));
            let wrong = || message!("must be a whole number from {least} to {most}", "应为 {least} 至 {most} 的整数");
            match (name.as_str(), value.as_str()) {
                ("length", _) => length.map_or_else(|| refuse(wrong()), |length| curves.length = length),
                ("trained", _) => length.map_or_else(|| refuse(wrong()), |length| curves.trained = length),
                ("distances", "log" | "linear") => curves.log = value == "log",
                ("values", "peak" | "own") => curves.normal = value == "peak",
                ("on", _) => {
                    curves.on.clear();
                    for id in value.split(',').filter(|id| !id.is_empty()) {
                        match line(id) {
                            Some(id) if !curves.on.contains(&id) => curves.on.push(id),
                            Some(_) => {}
                            None => refuse(no_line().into()),
                        }
                    }
                }
                ("picked", id) => match line(id) {
                    Some(id) => curves.picked = id,
                    None => refuse(no_line().into()),
                },
                ("distances", _) => refuse(message!("must be `log` or `linear`", "应为 `log` 或 `linear`")),
                ("values", _) => refuse(message!("must be `peak` or `own`", "应为 `peak` 或 `own`")),
                _ => refuse(Text::new("is no setting of this laboratory", "不是此实验室的设置").into()),
            }
        }
        (curves, problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> Curves {
        Curves { length: 128, trained: 64, log: false, normal: true, on: vec!["rope", "alibi"], picked: "rope" }
    }

    #[test]
    fn every_setting_comes_back() {
        assert!(first().pairs(&first()).is_empty());
        let other = Curves { length: 512, trained: 32, log: true, normal: false, on: vec!["alibi"], picked: "alibi" };
        let written = other.pairs(&first());
        assert_eq!(written.len(), 6);
        assert_eq!(Curves::read(&written, first()), (other, Vec::new()));
    }

    #[test]
    fn what_cant_be_used_is_named_and_stays() {
        let said = [
            ("length", "15"),
            ("trained", "x"),
            ("distances", "odd"),
            ("values", ""),
            ("picked", "?"),
            ("no", "1"),
            ("on", "alibi,?"),
        ];
        let pairs: Vec<_> = said.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let (curves, problems) = Curves::read(&pairs, first());
        assert_eq!(curves, Curves { on: vec!["alibi"], ..first() });
        let paths: Vec<String> = problems.iter().map(|issue| issue.path.clone()).collect();
        assert_eq!(paths, said.map(|(name, _)| format!("lab.{name}")));
    }
}
