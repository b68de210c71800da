//! Where the field of a chart lies, and which place in it a value has.

use super::chart::{Axis, Chart, Kind};
use super::digits;
use super::labels::{self, LINE};
use super::layout::Paper;
use super::scale::Ruler;
use super::scene::Area;

/// Width that a bar and the gap beside it share.
pub const BAR: f64 = 0.82;
/// Points of a line that stand nearer than this are not marked one by one.
pub const NEAR: f64 = 12.0;
/// Room for half a marker at the ends of a line.
const HALF: f64 = 8.0;
/// Most of the width that names at the lines' ends take.
const NAMES: f64 = 0.3;
/// Least width of a scene that has such names.
const WIDE: f64 = 480.0;

/// The field and its two rulers.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Where points are drawn.
    pub field: Area,
    /// From left to right.
    pub across: Ruler,
    /// From bottom to top.
    pub upright: Ruler,
    /// The part of the field's width that one place has, where there are bars.
    pub band: f64,
    /// Room at both ends of the field, within which nothing has a place.
    pad: f64,
    /// Whether names stand at the lines' ends.
    pub names: bool,
    /// Lines of names below the field beyond the first.
    pub rows: usize,
    /// Whether nothing stands around the field.
    pub bare: bool,
}

impl Frame {
    /// The frame of a chart on paper whose first lines down to `top` and last lines from `foot` are taken.
    pub fn of(chart: &Chart, paper: Paper, top: f64, foot: f64) -> Self {
        let upright = chart.upright();
        let (top, foot) = (
            top + if chart.y.name.is_empty() { 6.0 } else { LINE + 4.0 },
            foot - if chart.x.name.is_empty() { 1.3 } else { 2.4 } * LINE,
        );
        let height = (foot - top).max(20.0);
        let widest = named(&chart.y, upright, y_count(height), 0.0)
            .iter()
            .flat_map(|(_, lines)| lines.iter().map(|line| labels::width(line)))
            .fold(0.0, f64::max);
        let left = widest.min(paper.width * 0.3) + 10.0;
        let lines = || chart.series.iter().filter(|one| one.kind != Kind::Bars);
        let names = paper.width >= WIDE
            && (2..=(height / LINE) as usize).contains(&lines().count())
            && lines().count() == chart.series.len();
        let right = if names {
            let widest = lines().map(|one| labels::width(&one.name)).fold(0.0, f64::max);
            (widest + 26.0).min(paper.width * NAMES)
        } else {
            // Half of the last name across.
            20.0
        };
        let width = (paper.width - left - right).max(20.0);
        // Names of places may take several lines.
        let all = named(&chart.x, chart.across(), x_count(width), width);
        let rows = all.iter().map(|(_, lines)| lines.len()).max().unwrap_or(1).max(1) - 1;
        let height = (height - rows as f64 * LINE).max(20.0);
        Self { rows, ..Self::filling(chart, Area { x: left, y: top, width, height }, names) }
    }

    /// A frame whose field is all there is.
    pub fn bare(chart: &Chart, paper: Paper) -> Self {
        let field = Area { x: 0.0, y: 2.0, width: paper.width, height: (paper.height - 4.0).max(1.0) };
        Self { bare: true, ..Self::filling(chart, field, false) }
    }

    fn filling(chart: &Chart, field: Area, names: bool) -> Self {
        let (across, upright) = (chart.across(), chart.upright());
        let bars = chart.series.iter().any(|one| one.kind == Kind::Bars);
        let (width, closest) = (field.width, closest(chart, across));
        let (band, pad) = if bars {
            // So wide that the nearest two stand side by side, and half of one beyond the first and the last.
            let band = width * closest / (1.0 + closest);
            (band, band / 2.0)
        } else {
            (0.0, if closest * width < NEAR { 0.0 } else { HALF.min(width / 4.0) })
        };
        Self { field, across, upright, band, pad, names, rows: 0, bare: false }
    }

    /// Where a value of the axis `x` stands; nothing for what has no place.
    pub fn x(&self, value: f64) -> Option<f64> {
        let share = self.across.share(value)?;
        Some(self.field.x + self.pad + share * (self.field.width - 2.0 * self.pad))
    }

    /// Where a value of the axis `y` stands.
    pub fn y(&self, value: f64) -> Option<f64> {
        Some(self.field.foot() - self.upright.share(value)? * self.field.height)
    }

    /// Whether a place lies in the field.
    pub fn holds(&self, [x, y]: [f64; 2]) -> bool {
        let field = self.field;
        (field.x - 0.5..=field.right() + 0.5).contains(&x) && (field.y - 0.5..=field.foot() + 0.5).contains(&y)
    }

    /// Values that are named across, with the lines of their names: no two nearer than they are wide.
    pub fn x_ticks(&self, axis: &Axis) -> Vec<(f64, Vec<String>)> {
        let wanted = named(axis, self.across, x_count(self.field.width), self.field.width);
        let mut last = f64::NEG_INFINITY;
        let clear = |(value, lines): (f64, Vec<String>)| {
            let widest = lines.iter().map(|line| labels::width(line)).fold(0.0, f64::max);
            let (x, half) = (self.x(value)?, widest / 2.0);
            let clear = x - half > last && self.holds([x, self.field.y]);
            if clear {
                last = x + half + 5.0;
            }
            clear.then_some((x, lines))
        };
        wanted.into_iter().filter_map(clear).collect()
    }

    /// Values that are named upright, with their names.
    pub fn y_ticks(&self, axis: &Axis) -> Vec<(f64, String)> {
        let all = named(axis, self.upright, y_count(self.field.height), 0.0);
        all.into_iter().filter_map(|(value, lines)| Some((self.y(value)?, lines.concat()))).collect()
    }
}

/// How many values are named on so much height.
fn y_count(height: f64) -> usize {
    ((height / 36.0) as usize).clamp(3, 8)
}

/// How many values are named on so much width.
fn x_count(width: f64) -> usize {
    (width / 56.0) as usize
}

/// Room that every name of a place has, and lines.
const NAME: f64 = 54.0;
const LINES: usize = 3;

/// Values that are named on an axis that has so much `room` for all names together; 0 upright.
fn named(axis: &Axis, ruler: Ruler, count: usize, room: f64) -> Vec<(f64, Vec<String>)> {
    if axis.names.is_empty() {
        return ruler.ticks(count).into_iter().map(|tick| (tick, vec![digits::tick(tick)])).collect();
    }
    let upright = room <= 0.0;
    let each = axis.names.len().div_ceil(count.max(1)).max(1);
    // A name is broken, and at last cut, to the way to the next one; the last, half of which lies beyond the field, to what is left beside it.
    let last = (axis.names.len() - 1) / each * each;
    let room = |i: usize| if i == last { NAME } else { NAME.max(room / (last / each + 1) as f64 - 8.0) };
    axis.names
        .iter()
        .enumerate()
        .step_by(each)
        .map(|(i, name)| {
            (i as f64, if upright { vec![labels::cut(name, room(i))] } else { labels::lines(name, room(i), LINES) })
        })
        .collect()
}

/// The least way between two neighbouring places, as a share of the axis; 1 where there are no two.
fn closest(chart: &Chart, across: Ruler) -> f64 {
    let places = super::cursor::places(chart, None);
    let shares: Vec<f64> = places.into_iter().filter_map(|x| across.share(x)).collect();
    shares.windows(2).map(|pair| pair[1] - pair[0]).filter(|way| *way > 0.0).fold(1.0, f64::min)
}
