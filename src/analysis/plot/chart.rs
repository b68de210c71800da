//! What a chart shows. Words are already in the reader's language.

use super::scale::Scale;

/// Most bars of a row: of more each would be thinner than a line.
const BARS: usize = 128;

/// A chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// What it shows, in a few words: heading of an exported picture, name for those who hear the page.
    pub title: String,
    /// A line below an exported picture: where and how the numbers were measured; may be empty.
    pub caption: String,
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
    /// What is drawn, each under a slot of its own.
    pub series: Vec<Series>,
    /// Places on the axes that have a name.
    pub marks: Vec<Mark>,
}

/// One axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What is measured: "time", "tokens".
    pub name: String,
    /// In what: "ms"; empty for counts and shares.
    pub unit: String,
    /// How values become places.
    pub scale: Scale,
    /// First and last value; nothing: as far as the points reach, and to 0 where the scale is linear and the axis is the upright one.
    pub ends: Option<[f64; 2]>,
    /// Names of the places 0, 1, 2, … where values are indices (tokens); empty: values are numbers.
    pub names: Vec<String>,
}

impl Axis {
    /// An axis from its first to its last point.
    pub fn new(name: impl Into<String>, unit: impl Into<String>, scale: Scale) -> Self {
        Self { name: name.into(), unit: unit.into(), scale, ..Self::default() }
    }

    /// The same with equal ways for equal differences.
    pub fn linear(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self::new(name, unit, Scale::Linear)
    }

    /// An axis of places 0, 1, 2, … with names.
    pub fn named(name: impl Into<String>, names: Vec<String>) -> Self {
        Self { names, ..Self::linear(name, "") }
    }

    /// Name with unit: `time (ms)`.
    pub fn title(&self) -> String {
        if self.unit.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.unit) }
    }
}

/// How the points of a series are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Joined by straight lines; broken where a value is missing. A point alone is a dot.
    #[default]
    Line,
    /// Bars from 0 (on logarithmic scales from the bottom). Bars of several series stand side by side.
    Bars,
    /// Dots alone.
    Dots,
    /// A thin broken line without dots that does not widen the axes: what theory says, what was before.
    Theory,
}

/// A row of points with a name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// How it is drawn.
    pub kind: Kind,
    /// Its place in the order of colours, dashes and markers. No two series of a chart have the same; it stays when others come and go.
    pub slot: usize,
    /// From left to right.
    pub points: Vec<Point>,
}

impl Series {
    /// A series of numbers by place.
    pub fn new(name: impl Into<String>, kind: Kind, slot: usize, points: impl IntoIterator<Item = Point>) -> Self {
        Self { name: name.into(), kind, slot, points: points.into_iter().collect() }
    }
}

/// One reading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Where.
    pub x: f64,
    /// The value. What is no finite number, or cannot stand on a logarithmic scale, leaves a gap and is listed among what was left out.
    pub y: f64,
    /// Lower and upper end of what the value is known to.
    pub interval: Option<[f64; 2]>,
    /// Other readings at the same place that do not count in the value: outliers. Drawn hollow.
    pub others: Vec<f64>,
    /// A word for the table and the tooltip: why there is no value, what was special.
    pub note: String,
}

impl Point {
    /// A value.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, ..Self::default() }
    }

    /// A value between two others.
    pub fn between(x: f64, low: f64, y: f64, high: f64) -> Self {
        Self { interval: Some([low, high]), ..Self::new(x, y) }
    }

    /// No value, and why. It is drawn as a cross at the foot of the chart.
    pub fn failed(x: f64, why: impl Into<String>) -> Self {
        Self { note: why.into(), ..Self::new(x, f64::NAN) }
    }

    /// With a word on it.
    #[must_use]
    pub fn noted(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

/// A line across the chart with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Upright at a place of the axis `x`; else level at a value of the axis `y`.
    pub upright: bool,
    /// Where.
    pub at: f64,
    /// Its name; may be empty.
    pub name: String,
    /// Whether what lies beyond it is shaded.
    pub beyond: bool,
}

impl Mark {
    /// An upright line.
    pub fn upright(at: f64, name: impl Into<String>) -> Self {
        Self { upright: true, at, name: name.into(), beyond: false }
    }

    /// A level line.
    pub fn level(at: f64, name: impl Into<String>) -> Self {
        Self { upright: false, at, name: name.into(), beyond: false }
    }
}

impl Chart {
    /// A number for each of a row of places 0, 1, 2, …: bars while each has room for one, a line where they are too many.
    pub fn of_row(title: impl Into<String>, x: Axis, y: Axis, values: &[f64]) -> Self {
        let kind = if values.len() <= BARS { Kind::Bars } else { Kind::Line };
        let points = values.iter().enumerate().map(|(i, value)| Point::new(i as f64, *value));
        let series = vec![Series::new(y.name.clone(), kind, 0, points)];
        Self { title: title.into(), x, y, series, ..Self::default() }
    }

    /// The chart without the series that `hidden` names by slot. Axes become those of what is left.
    #[must_use]
    pub fn without(&self, hidden: &[usize]) -> Self {
        let series = self.series.iter().filter(|one| !hidden.contains(&one.slot)).cloned().collect();
        Self { series, ..self.clone() }
    }

    /// The axis of places, over every point.
    pub fn across(&self) -> super::Ruler {
        let places = self.series.iter().flat_map(|one| one.points.iter().map(|point| point.x));
        super::Ruler::of(&self.x, places, false)
    }

    /// The axis of values: over values, intervals and outliers. Theory counts only where there is nothing else.
    pub fn upright(&self) -> super::Ruler {
        let theory_only = self.series.iter().all(|one| one.kind == Kind::Theory);
        let counted = self.series.iter().filter(|one| theory_only || one.kind != Kind::Theory);
        let values = counted.flat_map(|one| &one.points).flat_map(|point| {
            std::iter::once(point.y).chain(point.interval.into_iter().flatten()).chain(point.others.iter().copied())
        });
        super::Ruler::of(&self.y, values, true)
    }
}
