//! A chart as it is drawn: shapes with places and colours. No shape knows what it means.

/// A rectangle, in units of the scene: CSS pixels on the page.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Area {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// To the right.
    pub width: f64,
    /// Down.
    pub height: f64,
}

impl Area {
    /// Whether two areas share ground.
    pub fn meets(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    /// The right end.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// The lower end.
    pub fn foot(&self) -> f64 {
        self.y + self.height
    }
}

/// A colour, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Words that matter.
    Ink,
    /// Words beside axes.
    Soft,
    /// Axes.
    Line,
    /// The grid.
    Hair,
    /// Ground beyond a mark.
    Shade,
    /// The ground.
    Ground,
    /// What failed.
    Bad,
    /// A series, by its slot.
    Slot(usize),
}

/// Colours of the slots, as tokens of the style sheet; after the last they come again, with other dashes and hollow markers.
pub const SLOTS: [&str; 6] = ["--accent", "--k", "--v", "--t-normalise", "--q", "--soft"];
/// Dashes of the slots: of the first six, the next six and so on.
pub const DASHES: [&str; 3] = ["", "7 3", "2 2.5"];

impl Tone {
    /// The token of the style sheet.
    pub fn token(self) -> &'static str {
        match self {
            Self::Ink => "--ink",
            Self::Soft => "--soft",
            Self::Line => "--faint",
            Self::Hair => "--line",
            Self::Shade => "--hatch-0",
            Self::Ground => "--card",
            Self::Bad => "--bad",
            Self::Slot(slot) => SLOTS[slot % SLOTS.len()],
        }
    }
}

/// Where a text holds on to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// One shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Draw {
    /// A line.
    Stroke {
        /// `d` of the path.
        d: String,
        /// How thick.
        width: f64,
        /// Dashes and gaps; empty for none.
        dash: &'static str,
    },
    /// A surface.
    Fill {
        /// `d` of the path.
        d: String,
        /// How much of what lies below it hides, 0 to 1.
        opacity: f64,
    },
    /// A line of text.
    Text {
        /// Where it holds on, and its base line.
        at: [f64; 2],
        /// How it holds on.
        anchor: Anchor,
        /// The words.
        text: String,
        /// Whether it is a heading.
        strong: bool,
    },
}

/// A shape with its colour.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// What is drawn.
    pub draw: Draw,
    /// In which colour.
    pub tone: Tone,
    /// The series that it is part of: others are dimmed while one is lit.
    pub slot: Option<usize>,
    /// Whether it is cut off at the field's edges.
    pub cut: bool,
}

/// Where a point of a series stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// The series.
    pub slot: usize,
    /// The point's own place on the axis.
    pub x: f64,
    /// Where it is drawn.
    pub at: [f64; 2],
}

/// A picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// Its size.
    pub size: [f64; 2],
    /// Where the points are.
    pub field: Area,
    /// From back to front.
    pub shapes: Vec<Shape>,
    /// Every point that has a place.
    pub spots: Vec<Spot>,
}

/// A marker around a place, as the `d` of a path; each of the first six slots has its own shape.
pub fn marker(slot: usize, [x, y]: [f64; 2], r: f64) -> String {
    let polygon = |corners: &[[f64; 2]]| {
        let corner = |(i, [dx, dy]): (usize, &[f64; 2])| {
            format!("{}{:.1} {:.1}", if i == 0 { "M" } else { "L" }, x + dx * r, y + dy * r)
        };
        corners.iter().enumerate().map(corner).collect::<String>() + "z"
    };
    match slot % SLOTS.len() {
        0 => format!("M{:.1} {y:.1}a{r:.1} {r:.1} 0 1 0 {d:.1} 0a{r:.1} {r:.1} 0 1 0 -{d:.1} 0z", x - r, d = 2.0 * r),
        1 => polygon(&[[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]]),
        2 => polygon(&[[0.0, -1.2], [1.15, 0.9], [-1.15, 0.9]]),
        3 => polygon(&[[0.0, -1.3], [1.3, 0.0], [0.0, 1.3], [-1.3, 0.0]]),
        4 => polygon(&[[-1.15, -0.9], [1.15, -0.9], [0.0, 1.2]]),
        _ => polygon(&[
            [-0.4, -1.2],
            [0.4, -1.2],
            [0.4, -0.4],
            [1.2, -0.4],
            [1.2, 0.4],
            [0.4, 0.4],
            [0.4, 1.2],
            [-0.4, 1.2],
            [-0.4, 0.4],
            [-1.2, 0.4],
            [-1.2, -0.4],
            [-0.4, -0.4],
        ]),
    }
}
