//! Series as shapes: lines with gaps, bars, dots, intervals, and what has no value.

use super::chart::{Chart, Kind, Point, Series};
use super::frame::{BAR, Frame, NEAR};
use super::layout::{Sheet, dash};
use super::scene::{DASHES, Draw, SLOTS, Spot, Tone, marker};

/// Radius of a marker.
const R: f64 = 3.5;
/// Dashes of theory.
const BROKEN: &str = "2 3";

/// Draws every series; says where its points stand.
pub fn draw(sheet: &mut Sheet, chart: &Chart, frame: &Frame) -> Vec<Spot> {
    let bars: Vec<usize> = chart.series.iter().filter(|one| one.kind == Kind::Bars).map(|one| one.slot).collect();
    let mut spots = Vec::new();
    for series in &chart.series {
        let shift = bars.iter().position(|slot| *slot == series.slot).map(|place| Share { place, of: bars.len() });
        let placed = Placed { series, frame, share: shift.unwrap_or(Share { place: 0, of: 1 }) };
        match series.kind {
            Kind::Bars => placed.bars(sheet),
            Kind::Line | Kind::Dots | Kind::Theory => placed.line(sheet),
        }
        placed.missing(sheet);
        if series.kind != Kind::Theory {
            let spot = |point: &Point| Some(Spot { slot: series.slot, x: point.x, at: placed.at(point)? });
            spots.extend(series.points.iter().filter_map(spot).filter(|spot| frame.holds(spot.at)));
        }
    }
    spots
}

/// The line of a series.
pub fn stroke(d: String, series: &Series) -> Draw {
    if series.kind == Kind::Theory {
        Draw::Stroke { d, width: 1.25, dash: BROKEN }
    } else {
        Draw::Stroke { d, width: 1.75, dash: dash(series.slot) }
    }
}

/// A series' own marker: full for the first six, hollow for the next.
pub fn dot(sheet: &mut Sheet, slot: usize, at: [f64; 2]) {
    let d = marker(slot, at, R);
    if (slot / SLOTS.len()).is_multiple_of(DASHES.len()) {
        sheet.over(Draw::Fill { d, opacity: 1.0 }, Tone::Slot(slot), slot);
    } else {
        hollow(sheet, slot, d);
    }
}

fn hollow(sheet: &mut Sheet, slot: usize, d: String) {
    sheet.over(Draw::Fill { d: d.clone(), opacity: 1.0 }, Tone::Ground, slot);
    sheet.over(Draw::Stroke { d, width: 1.25, dash: "" }, Tone::Slot(slot), slot);
}

/// Which of the bars at a place.
#[derive(Clone, Copy)]
struct Share {
    place: usize,
    of: usize,
}

/// A series with its places.
struct Placed<'a> {
    series: &'a Series,
    frame: &'a Frame,
    share: Share,
}

impl Placed<'_> {
    /// Where a place is: of bars the middle of this series' own bar.
    fn x(&self, x: f64) -> Option<f64> {
        let Share { place, of } = self.share;
        let own = if self.series.kind == Kind::Bars { (place as f64 + 0.5) / of as f64 - 0.5 } else { 0.0 };
        Some(self.frame.x(x)? + own * BAR * self.frame.band)
    }

    fn at(&self, point: &Point) -> Option<[f64; 2]> {
        Some([self.x(point.x)?, self.frame.y(point.y)?])
    }

    /// Whether points stand so near that they are not marked one by one.
    fn near(&self) -> bool {
        let places: Vec<f64> = self.series.points.iter().filter_map(|point| self.x(point.x)).collect();
        let ends = places.first().zip(places.last()).map_or(0.0, |(first, last)| last - first);
        places.len() > 2 && ends / (places.len() - 1) as f64 <= NEAR
    }

    fn bars(&self, sheet: &mut Sheet) {
        let (series, field) = (self.series, self.frame.field);
        let half = BAR * self.frame.band / self.share.of as f64 / 2.0;
        let base = self.frame.y(0.0).unwrap_or(field.foot()).clamp(field.y, field.foot());
        let mut d = String::new();
        for [x, y] in series.points.iter().filter_map(|point| self.at(point)) {
            d.push_str(&format!("M{:.2} {base:.1}V{y:.1}H{:.2}V{base:.1}z", x - half, x + half));
        }
        sheet.cut(Draw::Fill { d, opacity: 1.0 }, series.slot);
        self.whiskers(sheet);
        self.others(sheet);
        // Several bars at a place are told apart by more than colour where there is room.
        if self.share.of > 1 && half > R {
            series
                .points
                .iter()
                .filter_map(|point| self.at(point))
                .for_each(|[x, y]| dot(sheet, series.slot, [x, y - 2.0 * R]));
        }
    }

    fn line(&self, sheet: &mut Sheet) {
        let (series, near) = (self.series, self.near());
        // Runs of points without a gap.
        let places: Vec<Option<[f64; 2]>> = series.points.iter().map(|point| self.at(point)).collect();
        let joined = series.kind != Kind::Dots;
        let mut d = String::new();
        let mut alone = Vec::new();
        let mut at = 0;
        for run in places.split(Option::is_none) {
            let first = at;
            at += run.len() + 1;
            let run: Vec<[f64; 2]> = run.iter().copied().flatten().collect();
            if near && joined && series.kind == Kind::Line {
                self.band(sheet, &series.points[first..first + run.len()]);
            }
            if run.len() == 1 {
                alone.extend(run);
            } else if joined {
                for (i, [x, y]) in thinned(run).into_iter().enumerate() {
                    d.push_str(&format!("{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" }));
                }
            }
        }
        if !d.is_empty() {
            sheet.cut(stroke(d, series), series.slot);
        }
        if series.kind == Kind::Theory {
            return;
        }
        if !(near && joined) {
            self.whiskers(sheet);
        }
        self.others(sheet);
        let all = places.into_iter().flatten();
        let marked: Vec<[f64; 2]> = match near && joined {
            _ if self.frame.bare && joined => alone,
            true => alone.into_iter().chain(self.sparse(all)).collect(),
            false => all.collect(),
        };
        marked.into_iter().filter(|at| self.frame.holds(*at)).for_each(|at| dot(sheet, series.slot, at));
    }

    /// A few of many places, each slot's at others, so that lines can be told apart by their markers.
    fn sparse(&self, all: impl Iterator<Item = [f64; 2]>) -> Vec<[f64; 2]> {
        let field = self.frame.field;
        let way = (field.width / 4.0).max(60.0);
        let mut next = field.x + way * (0.2 + 0.13 * (self.series.slot % SLOTS.len()) as f64);
        let chosen = |at: &[f64; 2]| {
            let chosen = at[0] >= next;
            if chosen {
                next += way;
            }
            chosen
        };
        all.filter(chosen).collect()
    }

    /// Intervals one by one.
    fn whiskers(&self, sheet: &mut Sheet) {
        let mut d = String::new();
        for point in &self.series.points {
            let Some((x, low, high)) = self.interval(point) else { continue };
            d.push_str(&format!("M{x:.1} {low:.1}V{high:.1}M{a:.1} {low:.1}h6M{a:.1} {high:.1}h6", a = x - 3.0));
        }
        if !d.is_empty() {
            // On a bar the colour of the bar would not be seen.
            let tone = if self.series.kind == Kind::Bars { Tone::Ink } else { Tone::Slot(self.series.slot) };
            sheet.over(Draw::Stroke { d, width: 1.25, dash: "" }, tone, self.series.slot);
        }
    }

    /// Intervals of neighbours as one surface.
    fn band(&self, sheet: &mut Sheet, points: &[Point]) {
        let all: Vec<(f64, f64, f64)> = points.iter().filter_map(|point| self.interval(point)).collect();
        if all.len() < 2 {
            return;
        }
        let over = all.iter().map(|(x, _, high)| (x, high));
        let back = all.iter().rev().map(|(x, low, _)| (x, low));
        let corner = |(i, (x, y)): (usize, (&f64, &f64))| format!("{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" });
        let d = over.chain(back).enumerate().map(corner).collect::<String>() + "z";
        sheet.cut(Draw::Fill { d, opacity: 0.18 }, self.series.slot);
    }

    /// Place, lower and upper end of a point's interval; of an end that has no place the field's.
    fn interval(&self, point: &Point) -> Option<(f64, f64, f64)> {
        let ([low, high], field) = (point.interval?, self.frame.field);
        let [x, _] = self.at(point)?;
        let inside = |y: Option<f64>, or: f64| y.unwrap_or(or).clamp(field.y, field.foot());
        (!low.is_nan() && !high.is_nan())
            .then(|| (x, inside(self.frame.y(low), field.foot()), inside(self.frame.y(high), field.y)))
    }

    /// Readings that do not count.
    fn others(&self, sheet: &mut Sheet) {
        for point in &self.series.points {
            let Some(x) = self.x(point.x) else { continue };
            let places = point.others.iter().filter_map(|y| self.frame.y(*y)).map(|y| [x, y]);
            for at in places.filter(|at| self.frame.holds(*at)) {
                hollow(sheet, self.series.slot, marker(0, at, 2.2));
            }
        }
    }

    /// What has no value: a cross at the foot, an arrow where it left the chart.
    fn missing(&self, sheet: &mut Sheet) {
        let (series, field) = (self.series, self.frame.field);
        let gone = series.points.iter().filter(|point| self.frame.y(point.y).is_none() && series.kind != Kind::Theory);
        for (x, y) in gone.filter_map(|point| Some((self.x(point.x)?, point.y))) {
            let (foot, top) = (field.foot() - 6.0, field.y + 6.0);
            let d = if y == f64::INFINITY {
                format!("M{:.1} {:.1}l4 -5l4 5m-4 -5v9", x - 4.0, top)
            } else if y == f64::NEG_INFINITY {
                format!("M{:.1} {:.1}l4 5l4 -5m-4 5v-9", x - 4.0, foot)
            } else {
                format!("M{a:.1} {:.1}l7 7M{a:.1} {:.1}l7 -7", foot - 3.5, foot + 3.5, a = x - 3.5)
            };
            sheet.over(Draw::Stroke { d, width: 1.75, dash: "" }, Tone::Bad, series.slot);
        }
    }
}

/// Of the places above one pixel those where a line enters and leaves, and its lowest and highest: it looks the same, however many there are.
fn thinned(run: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let mut kept = Vec::new();
    for column in run.chunk_by(|a, b| a[0].floor() == b[0].floor()) {
        if column.len() <= 4 {
            kept.extend_from_slice(column);
            continue;
        }
        let places = || column.iter().map(|at| at[1]).enumerate();
        let lowest = places().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(i, _)| i);
        let highest = places().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(i, _)| i);
        let mut chosen = vec![0, lowest.min(highest), lowest.max(highest), column.len() - 1];
        chosen.dedup();
        kept.extend(chosen.into_iter().map(|i| column[i]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_places_above_a_pixel_keep_its_ends_and_extremes() {
        let run: Vec<[f64; 2]> = (0..1000).map(|i| [i as f64 / 100.0, ((i * 37) % 100) as f64]).collect();
        let kept = thinned(run.clone());
        assert!(kept.len() <= 40 && kept.first() == run.first() && kept.last() == run.last());
        for column in 0..10 {
            let of = |all: &[[f64; 2]]| {
                let ys = all.iter().filter(|at| at[0].floor() == f64::from(column)).map(|at| at[1]);
                ys.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)))
            };
            assert_eq!(of(&kept), of(&run));
        }
        assert_eq!(thinned(run[..3].to_vec()), run[..3]);
    }
}
