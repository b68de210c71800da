//! From a chart to its picture: axes, grid, marks, names.

use super::chart::{Chart, Kind, Mark, Series};
use super::frame::Frame;
use super::labels::{self, LINE, Taken};
use super::lines;
use super::scale::spread;
use super::scene::{Anchor, Area, DASHES, Draw, Scene, Shape, Tone};

/// Side of a series' sample in a legend.
pub const SAMPLE: [f64; 2] = [24.0, 12.0];
/// Margin of a picture that stands by itself.
const MARGIN: f64 = 16.0;

/// What stands around the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// Nothing: a picture so small that its shape is all that can be read. Lines have no markers, marks no names.
    Nothing,
    /// Axes.
    Axes,
    /// Axes, title, legend and caption: on the page those are text around the picture.
    Words,
}

/// What a chart is drawn on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paper {
    /// CSS pixels.
    pub width: f64,
    /// CSS pixels.
    pub height: f64,
    /// How much stands around the field.
    pub around: Around,
}

impl Paper {
    /// A picture on the page.
    pub fn screen(width: f64, height: f64) -> Self {
        Self { width, height, around: Around::Axes }
    }

    /// A small picture without words.
    pub fn bare(width: f64, height: f64) -> Self {
        Self { width, height, around: Around::Nothing }
    }

    /// A picture that stands by itself.
    pub fn file() -> Self {
        Self { width: 760.0, height: 460.0, around: Around::Words }
    }
}

/// Collects shapes: what is cut off at the field's edges lies behind what is not.
#[derive(Default)]
pub struct Sheet {
    behind: Vec<Shape>,
    cut: Vec<Shape>,
    over: Vec<Shape>,
}

impl Sheet {
    fn behind(&mut self, draw: Draw, tone: Tone) {
        if matches!(&draw, Draw::Stroke { d, .. } if d.is_empty()) {
            return;
        }
        self.behind.push(Shape { draw, tone, slot: None, cut: false });
    }

    /// A part of a series that ends where the field ends.
    pub fn cut(&mut self, draw: Draw, slot: usize) {
        self.cut.push(Shape { draw, tone: Tone::Slot(slot), slot: Some(slot), cut: true });
    }

    /// A part of a series that is seen whole.
    pub fn over(&mut self, draw: Draw, tone: Tone, slot: usize) {
        self.over.push(Shape { draw, tone, slot: Some(slot), cut: false });
    }

    fn text(&mut self, at: [f64; 2], anchor: Anchor, text: &str, tone: Tone, strong: bool) {
        self.over.push(Shape {
            draw: Draw::Text { at, anchor, text: text.to_owned(), strong },
            tone,
            slot: None,
            cut: false,
        });
    }
}

/// The picture of a chart.
pub fn layout(chart: &Chart, paper: Paper) -> Scene {
    let mut sheet = Sheet::default();
    let (mut top, mut foot, mut inner) = (2.0, paper.height - 2.0, paper);
    let (mut left, mut caption, mut rows) = (0.0, Vec::new(), Vec::new());
    let words = paper.around == Around::Words;
    if words {
        (left, top, foot) = (MARGIN, MARGIN, paper.height - MARGIN);
        inner.width -= 2.0 * MARGIN;
        caption = labels::wrapped(&chart.caption, inner.width);
        rows = if chart.series.len() > 1 { legend(&chart.series, inner.width) } else { Vec::new() };
        foot -= LINE * (caption.len() + rows.len()) as f64 + if caption.len() + rows.len() > 0 { 6.0 } else { 0.0 };
    }
    let titles = if words { labels::wrapped(&chart.title, inner.width) } else { Vec::new() };
    for title in &titles {
        sheet.text([left, top + 11.0], Anchor::Start, title, Tone::Ink, true);
        top += LINE + 3.0;
    }
    let mut frame = match paper.around {
        Around::Nothing => Frame::bare(chart, paper),
        Around::Axes | Around::Words => Frame::of(chart, inner, top, foot),
    };
    frame.field.x += left;
    lines_across(&mut sheet, chart, &frame);
    if !frame.bare {
        named_places(&mut sheet, chart, &frame, left, top);
    }
    marks(&mut sheet, &chart.marks, &frame);
    let spots = lines::draw(&mut sheet, chart, &frame);
    if frame.names {
        names(&mut sheet, chart, &frame, left + inner.width);
    }
    let mut y = foot + 6.0 + 10.0;
    for row in rows {
        for (x, series) in row {
            sample(&mut sheet, series, [left + x, y - 4.0 - SAMPLE[1] / 2.0]);
            sheet.text(
                [left + x + SAMPLE[0] + 5.0, y],
                Anchor::Start,
                &labels::cut(&series.name, inner.width - 40.0),
                Tone::Ink,
                false,
            );
        }
        y += LINE;
    }
    for line in caption {
        sheet.text([left, y], Anchor::Start, &line, Tone::Soft, false);
        y += LINE;
    }
    let shapes = sheet.behind.into_iter().chain(sheet.cut).chain(sheet.over).collect();
    Scene { size: [paper.width, paper.height], field: frame.field, shapes, spots }
}

/// The sample of a series for a legend, a picture of its own.
pub fn legend_sample(series: &Series) -> Scene {
    let mut sheet = Sheet::default();
    sample(&mut sheet, series, [0.0, 0.0]);
    let [width, height] = SAMPLE;
    let field = Area { x: 0.0, y: 0.0, width, height };
    Scene { size: SAMPLE, field, shapes: sheet.over, spots: Vec::new() }
}

fn sample(sheet: &mut Sheet, series: &Series, [x, y]: [f64; 2]) {
    let ([width, height], slot) = (SAMPLE, series.slot);
    let middle = y + height / 2.0;
    if series.kind == Kind::Bars {
        let d = format!("M{:.1} {:.1}h{:.1}v-{height:.1}h-{:.1}z", x + 4.0, y + height, width - 8.0, width - 8.0);
        return sheet.over(Draw::Fill { d, opacity: 1.0 }, Tone::Slot(slot), slot);
    }
    if series.kind != Kind::Dots {
        sheet.over(lines::stroke(format!("M{x:.1} {middle:.1}h{width:.1}"), series), Tone::Slot(slot), slot);
    }
    if series.kind != Kind::Theory {
        lines::dot(sheet, slot, [x + width / 2.0, middle]);
    }
}

/// Series in rows of a legend, each with its place from the left.
fn legend(series: &[Series], room: f64) -> Vec<Vec<(f64, &Series)>> {
    let (mut rows, mut x) = (vec![Vec::new()], 0.0);
    for one in series {
        let width = SAMPLE[0] + 5.0 + labels::width(&one.name).min(room - 40.0);
        if x > 0.0 && x + width > room {
            rows.push(Vec::new());
            x = 0.0;
        }
        if let Some(row) = rows.last_mut() {
            row.push((x, one));
        }
        x += width + 18.0;
    }
    rows
}

/// The grid, the axes, and 0 where it is neither.
fn lines_across(sheet: &mut Sheet, chart: &Chart, frame: &Frame) {
    let (field, mut grid) = (frame.field, String::new());
    let bars = frame.band > 0.0;
    for (x, _) in frame.x_ticks(&chart.x).iter().filter(|_| !bars) {
        grid.push_str(&format!("M{x:.1} {:.1}V{:.1}", field.y, field.foot()));
    }
    for (y, _) in frame.y_ticks(&chart.y) {
        grid.push_str(&format!("M{:.1} {y:.1}H{:.1}", field.x, field.right()));
    }
    let mut lines = format!("M{:.1} {:.1}V{:.1}H{:.1}", field.x, field.y, field.foot(), field.right());
    if frame.bare {
        (grid, lines) = (String::new(), String::new());
    }
    if let Some(y) = frame.y(0.0).filter(|y| *y > field.y && *y < field.foot() - 1.0) {
        lines.push_str(&format!("M{:.1} {y:.1}H{:.1}", field.x, field.right()));
    }
    sheet.behind(Draw::Stroke { d: grid, width: 0.6, dash: "" }, Tone::Hair);
    sheet.behind(Draw::Stroke { d: lines, width: 1.0, dash: "" }, Tone::Line);
}

/// Names of values and of the axes.
fn named_places(sheet: &mut Sheet, chart: &Chart, frame: &Frame, left: f64, top: f64) {
    let field = frame.field;
    for (x, lines) in frame.x_ticks(&chart.x) {
        for (row, line) in lines.iter().enumerate() {
            sheet.text([x, field.foot() + (row + 1) as f64 * LINE + 2.0], Anchor::Middle, line, Tone::Soft, false);
        }
    }
    for (y, name) in frame.y_ticks(&chart.y) {
        sheet.text([field.x - 6.0, y + 4.0], Anchor::End, &name, Tone::Soft, false);
    }
    let room = field.right() - left;
    if !chart.y.name.is_empty() {
        let title = labels::cut(&chart.y.title(), room);
        sheet.text([left, top + 11.0], Anchor::Start, &title, Tone::Ink, false);
    }
    if !chart.x.name.is_empty() {
        let title = labels::cut(&chart.x.title(), room);
        let y = field.foot() + (frame.rows + 2) as f64 * LINE + 4.0;
        sheet.text([field.right(), y], Anchor::End, &title, Tone::Ink, false);
    }
}

fn marks(sheet: &mut Sheet, marks: &[Mark], frame: &Frame) {
    let field = frame.field;
    let mut taken = Taken::default();
    for mark in marks {
        let Some(at) = (if mark.upright { frame.x(mark.at) } else { frame.y(mark.at) }) else { continue };
        if !frame.holds(if mark.upright { [at, field.y] } else { [field.x, at] }) {
            continue;
        }
        let ([x, y], wide) = ([field.x, field.y], labels::width(&mark.name) + 8.0);
        if mark.beyond {
            let d = if mark.upright {
                format!("M{at:.1} {y:.1}H{:.1}V{:.1}H{at:.1}z", field.right(), field.foot())
            } else {
                format!("M{x:.1} {y:.1}H{:.1}V{at:.1}H{x:.1}z", field.right())
            };
            sheet.behind(Draw::Fill { d, opacity: 0.8 }, Tone::Shade);
        }
        let d = if mark.upright {
            format!("M{at:.1} {y:.1}V{:.1}", field.foot())
        } else {
            format!("M{x:.1} {at:.1}H{:.1}", field.right())
        };
        sheet.behind(Draw::Stroke { d, width: 1.0, dash: "4 3" }, Tone::Soft);
        if mark.name.is_empty() || frame.bare {
            continue;
        }
        // Beside the line where there is room, a line of text lower for each name that is there already.
        let place = |(x, y): (f64, f64)| Area { x, y, width: wide, height: LINE };
        let fits =
            |area: &Area| area.x >= field.x - 0.5 && area.right() <= field.right() + 0.5 && area.foot() <= field.foot();
        let rows = (0..(field.height / LINE) as usize).map(|row| row as f64 * LINE);
        let places: Vec<Area> = if mark.upright {
            rows.flat_map(|row| [(at, y + row), (at - wide, y + row)]).map(place).filter(fits).collect()
        } else {
            let ends = [field.right() - wide, x];
            ends.into_iter()
                .flat_map(|x| [(x, at - LINE), (x, at)])
                .map(place)
                .filter(|area| fits(area) && area.y >= y)
                .collect()
        };
        if let Some(area) = taken.first_free(places) {
            sheet.text([area.x + 4.0, area.y + 11.0], Anchor::Start, &mark.name, Tone::Soft, false);
        }
    }
}

/// Names at the lines' ends, moved apart.
fn names(sheet: &mut Sheet, chart: &Chart, frame: &Frame, end: f64) {
    let field = frame.field;
    let end_of = |one: &Series| one.points.iter().rev().find_map(|point| frame.y(point.y));
    let all: Vec<(&Series, f64)> = chart.series.iter().filter_map(|one| Some((one, end_of(one)?))).collect();
    let wanted: Vec<f64> = all.iter().map(|(_, y)| ((y - field.y) / field.height).clamp(0.0, 1.0)).collect();
    for ((series, _), place) in all.iter().zip(spread(&wanted, LINE / field.height)) {
        let (x, y) = (field.right() + 10.0, field.y + place * field.height);
        if series.kind != Kind::Theory {
            lines::dot(sheet, series.slot, [x, y]);
        }
        let text = labels::cut(&series.name, end - x - 8.0);
        let draw = Draw::Text { at: [x + 8.0, y + 4.0], anchor: Anchor::Start, text, strong: false };
        sheet.over(draw, Tone::Slot(series.slot), series.slot);
    }
}

/// The dashes of a slot.
pub fn dash(slot: usize) -> &'static str {
    DASHES[slot / super::scene::SLOTS.len() % DASHES.len()]
}
