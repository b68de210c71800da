//! What a claim states.

use super::answer::Answers;
use super::ask::Ask;
use super::finding::{Finding, Verdict};
use super::settings::{Settings, Slider};
use crate::catalogue::{Lang, Paper, Text};
use crate::experiment::{Experiment, Message};

/// One of the four essays that the claims come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Essay {
    /// On the defects of self-attention.
    E0,
    /// On how to avoid its over-reliance.
    E1,
    /// On five core defects.
    E2,
    /// On the advantages of several heads in text classification.
    E3,
}

impl Essay {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::E0, Self::E1, Self::E2, Self::E3];

    /// As it is cited.
    pub fn name(self) -> &'static str {
        match self {
            Self::E0 => "E0",
            Self::E1 => "E1",
            Self::E2 => "E2",
            Self::E3 => "E3",
        }
    }

    /// Its title; essays are in Chinese.
    pub fn title(self) -> Text {
        match self {
            Self::E0 => Text::new("Defects of self-attention in the Transformer", "transformer中的自注意力的缺陷"),
            Self::E1 => Text::new("How to avoid over-reliance in self-attention", "如何避免自注意力机制的过度依赖问题"),
            Self::E2 => {
                Text::new("On five core defects, from O(n²) to O(n³)", "关于五大核心缺陷的文章（从 O(n²) 到 O(n³)）")
            }
            Self::E3 => Text::new(
                "What multi-head attention has over self-attention in text classification",
                "文本分类中多头注意力机制相比于自注意力机制的优点",
            ),
        }
    }

    /// What is missing of it.
    pub fn missing(self) -> Option<Text> {
        (self == Self::E1).then(|| {
            Text::new(
                "Cut off at a paywall: what it says after that is not known here.",
                "原文在付费墙处中断，其后内容在此未知。",
            )
        })
    }
}

/// What the literature says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source {
    /// What it settles or disputes.
    pub says: Text,
    /// Where.
    pub paper: Paper,
}

/// An experiment of a claim, to be opened in the playground.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Which one.
    pub name: Text,
    /// What is opened.
    pub experiment: Experiment,
}

impl Opening {
    /// An opening with its name.
    pub fn new(name: Text, experiment: Experiment) -> Self {
        Self { name, experiment }
    }
}

/// A claim with its measurement and its rule.
pub struct Claim {
    /// Stable id, in links.
    pub id: &'static str,
    /// A few words.
    pub title: Text,
    /// The claim, in our own words.
    pub says: Text,
    /// Where it comes from.
    pub essays: &'static [Essay],
    /// What is run.
    pub setup: Text,
    /// What can be chosen.
    pub sliders: &'static [Slider],
    /// How the numbers make the verdict, with the tolerances.
    pub rule: fn(Lang) -> String,
    /// What is to be measured, given what came so far: asks that were made before may be repeated, new ones are measured next. Keys are unique.
    pub asks: fn(&Settings, &Answers) -> Vec<Ask>,
    /// What follows from what came so far, in a language. It is asked while things are measured too, so any answer may be missing.
    pub judge: fn(&Settings, &Answers, Lang) -> Finding,
    /// Experiments to be opened in the playground.
    pub open: fn(&Settings) -> Vec<Opening>,
    /// What would change the verdict.
    pub changes: Text,
    /// What the measurement can't settle.
    pub limits: Text,
    /// What the literature says.
    pub literature: &'static [Source],
    /// Whether anything is measured at all; of a claim that nothing here can measure the verdict is [`Verdict::NotSettled`].
    pub measured: bool,
}

impl Claim {
    /// What follows from what came. Without every answer there is no verdict, and none where an answer that the rule needs could not be had.
    pub fn find(&self, settings: &Settings, answers: &Answers, whole: bool, lang: Lang) -> Finding {
        let mut finding = (self.judge)(settings, answers, lang);
        if let Some((key, why)) = answers.refused() {
            let why: &Message = why;
            finding.verdict = Verdict::NotSettled;
            finding.because = match lang {
                Lang::En => format!("A part could not be measured ({key}): {}", why.get(lang)),
                Lang::Zh => format!("有一部分未能测量（{key}）：{}", why.get(lang)),
            };
        } else if !whole {
            finding.verdict = Verdict::Unfinished;
            finding.because = String::new();
            finding.margin = String::new();
        }
        finding
    }

    /// Its name in addresses of frames: `claim:order-blind`, and the sliders that were moved: `claim:order-blind,n=256`.
    pub fn address(&self, settings: &Settings) -> String {
        let moved = settings.written(self.sliders);
        if moved.is_empty() { format!("claim:{}", self.id) } else { format!("claim:{},{moved}", self.id) }
    }
}
