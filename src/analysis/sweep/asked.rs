//! What a sweep is asked to measure, and how links write it.

use super::ways::{Axis, Setting, Way};
use crate::catalogue::{self, Text};
use crate::experiment::{Issue, Message, message};

/// Largest of the places, and of what does not change.
pub const MOST: usize = 1 << 16;

/// What is set: the axis with its ends, what does not change, and the lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// What changes.
    pub axis: Axis,
    /// First place.
    pub from: usize,
    /// Last place.
    pub to: usize,
    /// What does not change.
    pub setting: Setting,
    /// The lines, in the order in which they were switched on.
    pub ways: Vec<Way>,
}

impl Axis {
    /// First and last place to begin with, on a machine of so many workers.
    pub fn ends(self, workers: usize) -> (usize, usize) {
        match self {
            Self::Tokens => (128, 2048),
            Self::Workers => (1, workers),
            Self::Window => (16, 1024),
            Self::Density => (1, 64),
            Self::Heads => (1, 16),
            Self::Group => (1, 4),
            Self::Size => (16, 256),
        }
    }

    /// The largest number that can be chosen.
    pub fn most(self, workers: usize) -> usize {
        match self {
            Self::Tokens | Self::Window => MOST,
            Self::Workers => workers,
            Self::Density => 100,
            Self::Heads | Self::Group => 64,
            Self::Size => 256,
        }
    }

    fn of(setting: &Setting, axis: Self) -> usize {
        match axis {
            Self::Tokens => setting.tokens,
            Self::Workers => setting.workers,
            Self::Window => setting.window,
            Self::Density => setting.density,
            Self::Heads => setting.heads,
            Self::Group => setting.group,
            Self::Size => setting.size,
        }
    }
}

/// Names of the ways that have a switch of their own.
const NAMES: [(Way, &str); 6] = [
    (Way::Dense, "dense"),
    (Way::Materialised, "materialised"),
    (Way::Causal, "causal"),
    (Way::Window, "window"),
    (Way::Gpu, "gpu"),
    (Way::Own, "own"),
];
const MASK: &str = "mask:";
const ESTIMATOR: &str = "estimator:";

impl Way {
    /// Its name in links.
    pub fn id(self) -> String {
        match self {
            Self::Mask(id) => format!("{MASK}{id}"),
            Self::Estimator(id) => format!("{ESTIMATOR}{id}"),
            other => NAMES.iter().find(|(way, _)| *way == other).map_or("", |(_, name)| name).to_owned(),
        }
    }

    /// The way of this name, if there is one.
    pub fn of(id: &str) -> Option<Self> {
        if let Some(id) = id.strip_prefix(MASK) {
            return catalogue::mask(id).map(|entry| Self::Mask(entry.id));
        }
        if let Some(id) = id.strip_prefix(ESTIMATOR) {
            return catalogue::estimator(id).map(|entry| Self::Estimator(entry.id));
        }
        NAMES.iter().find(|(_, name)| *name == id).map(|(way, _)| *way)
    }
}

impl Asked {
    /// Dense, causal and windowed attention over some hundred tokens, on a machine of so many workers.
    pub fn new(workers: usize) -> Self {
        let setting =
            Setting { tokens: 1024, heads: 4, group: 1, size: 64, window: 128, density: 25, workers, backward: false };
        let ways = vec![Way::Dense, Way::Causal, Way::Window];
        Self { axis: Axis::Tokens, from: 0, to: 0, setting, ways }.along(Axis::Tokens, workers)
    }

    /// The same over another axis, with places that suit it, and a line that follows it.
    #[must_use]
    pub fn along(mut self, axis: Axis, workers: usize) -> Self {
        let (from, to) = axis.ends(workers);
        if axis == Axis::Density && !self.ways.iter().any(|way| way.has_density()) {
            self.ways.push(Way::Mask("random-blocks"));
        }
        Self { axis, from, to, ..self }
    }

    /// What is not as it begins, as a link writes it.
    pub fn pairs(&self, workers: usize) -> Vec<(String, String)> {
        let first = Self::new(workers).along(self.axis, workers);
        let mut pairs = Vec::new();
        let mut add = |name: &str, differs: bool, value: String| {
            if differs {
                pairs.push((name.to_owned(), value));
            }
        };
        add("over", self.axis != Axis::Tokens, self.axis.id().to_owned());
        add("from", self.from != first.from, self.from.to_string());
        add("to", self.to != first.to, self.to.to_string());
        for axis in Axis::ALL {
            let (now, then) = (Axis::of(&self.setting, axis), Axis::of(&first.setting, axis));
            add(axis.id(), now != then, now.to_string());
        }
        add("pass", self.setting.backward, "backward".to_owned());
        let ways: Vec<String> = self.ways.iter().map(|way| way.id()).collect();
        add("ways", self.ways != first.ways, ways.join(","));
        pairs
    }

    /// What a link asks for on a machine of so many workers; what can't be used is named and stays as it begins.
    pub fn read(pairs: &[(String, String)], workers: usize) -> (Self, Vec<Issue>) {
        let (mut asked, mut problems) = (Self::new(workers), Vec::new());
        let get = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        // The axis first: its ends begin where they suit it.
        if let Some(value) = get("over") {
            match Axis::ALL.into_iter().find(|axis| axis.id() == value) {
                Some(axis) => asked = asked.along(axis, workers),
                None => problems.push(Issue::new("lab.over", none_of(&Axis::ALL.map(Axis::id)))),
            }
        }
        let axis = asked.axis;
        for (name, value) in pairs {
            let mut number = |most: usize, place: &mut usize| match value.parse::<usize>() {
                Ok(number) if (1..=most).contains(&number) => *place = number,
                _ => {
                    let message = message!("must be a whole number from 1 to {most}", "应为 1 至 {most} 的整数");
                    problems.push(Issue::new(format!("lab.{name}"), message));
                }
            };
            match name.as_str() {
                "over" => {}
                "from" => number(axis.most(workers), &mut asked.from),
                "to" => number(axis.most(workers), &mut asked.to),
                "pass" => match value.as_str() {
                    "forward" | "backward" => asked.setting.backward = value == "backward",
                    _ => problems.push(Issue::new("lab.pass", none_of(&["forward", "backward"]))),
                },
                "ways" => {
                    asked.ways.clear();
                    for id in value.split(',').filter(|id| !id.is_empty()) {
                        match Way::of(id) {
                            Some(way) if !asked.ways.contains(&way) => asked.ways.push(way),
                            Some(_) => {}
                            None => problems.push(Issue::new("lab.ways", none_of(&NAMES.map(|(_, name)| name)))),
                        }
                    }
                }
                other => match Axis::ALL.into_iter().find(|axis| axis.id() == other) {
                    Some(of) => {
                        let mut now = Axis::of(&asked.setting, of);
                        number(of.most(workers), &mut now);
                        asked.setting = asked.setting.at(of, now);
                    }
                    None => {
                        let text = Text::new("is no setting of this laboratory", "不是此实验室的设置");
                        problems.push(Issue::new(format!("lab.{other}"), text));
                    }
                },
            }
        }
        (asked, problems)
    }
}

fn none_of(known: &[&str]) -> Message {
    let known = known.join(", ");
    message!("must be one of {known}", "应为以下之一：{known}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_as_it_begins_is_not_written() {
        assert!(Asked::new(8).pairs(8).is_empty());
        assert_eq!(Asked::read(&[], 8), (Asked::new(8), Vec::new()));
        for axis in Axis::ALL {
            let asked = Asked::new(8).along(axis, 8);
            assert_eq!(Asked::read(&asked.pairs(8), 8), (asked, Vec::new()));
        }
    }

    #[test]
    fn every_setting_comes_back() {
        let setting =
            Setting { tokens: 512, heads: 8, group: 2, size: 32, window: 64, density: 10, workers: 3, backward: true };
        let ways = vec![Way::Gpu, Way::Mask("dilated"), Way::Estimator("performer"), Way::Own];
        let asked = Asked { axis: Axis::Heads, from: 2, to: 8, setting, ways };
        let written = asked.pairs(8);
        let names: Vec<&str> = written.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["over", "from", "to", "tokens", "workers", "window", "density", "heads", "group", "size", "pass", "ways"]
        );
        assert_eq!(written.last().map(|(_, ways)| ways.as_str()), Some("gpu,mask:dilated,estimator:performer,own"));
        assert_eq!(Asked::read(&written, 8), (asked, Vec::new()));
    }

    #[test]
    fn what_cant_be_used_is_named_and_stays_as_it_begins() {
        let hostile = pairs(&[
            ("over", "colour"),
            ("from", "-1"),
            ("to", "99999999999999999999"),
            ("workers", "64"),
            ("size", "0"),
            ("pass", "sideways"),
            ("ways", "dense,,mask:nothing,dense"),
            ("speed", "9"),
        ]);
        let (asked, problems) = Asked::read(&hostile, 8);
        assert_eq!(asked, Asked { ways: vec![Way::Dense], ..Asked::new(8) });
        let paths: Vec<&str> = problems.iter().map(|issue| issue.path.as_str()).collect();
        assert_eq!(
            paths,
            ["lab.over", "lab.from", "lab.to", "lab.workers", "lab.size", "lab.pass", "lab.ways", "lab.speed"]
        );
    }
}
