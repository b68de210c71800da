//! The languages of the pages, and what the pages themselves say.

/// A language that the pages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English, at the root of the gallery.
    En,
    /// Simplified Chinese.
    Zh,
}

impl Lang {
    /// Both.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The one of two texts that is in it.
    pub fn of<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }

    /// Its name in HTML.
    pub fn tag(self) -> &'static str {
        self.of("en", "zh-CN")
    }

    /// Its name in OpenGraph.
    pub fn locale(self) -> &'static str {
        self.of("en_US", "zh_CN")
    }

    /// Where its pages lie in the gallery's folder.
    pub fn folder(self) -> &'static str {
        self.of("", "zh/")
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::En => Self::Zh,
            Self::Zh => Self::En,
        }
    }

    /// What it calls itself.
    pub fn name(self) -> &'static str {
        self.of("English", "中文")
    }
}

/// A text in both languages.
pub struct Text(&'static str, &'static str);

impl Text {
    pub fn get(&self, lang: Lang) -> &'static str {
        lang.of(self.0, self.1)
    }
}

pub const SITE: Text = Text("Attention Playground", "注意力实验场");
pub const GALLERY: Text = Text("Gallery", "图集");
pub const ABOUT: Text = Text(
    "Attention mechanisms, one story each: what to look at, what to change, and the experiment itself.",
    "注意力机制，各有一个故事：看什么、改什么，以及实验本身。",
);
pub const OPEN: Text = Text("Open in the playground", "在实验场中打开");
pub const OPEN_BESIDE: Text = Text("Open the right-hand side", "打开右侧");
pub const LOOK: Text = Text("What to look at", "看什么");
pub const MAPS: Text = Text("Attention maps: ", "注意力图：");
pub const PARTS: Text = Text("Site", "网站");
