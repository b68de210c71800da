//! Which point is read: moved by keys, or found under a pointer.

use super::chart::{Chart, Kind, Point, Series};
use super::scene::Scene;

/// How near a pointer must come to a point to read its series.
const REACH: f64 = 18.0;

/// What is read: every series at a place, or one of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    /// The place.
    pub x: f64,
    /// The series.
    pub slot: Option<usize>,
}

/// The places where something is, rising; of one series, or of all. Theory has no readings.
pub fn places(chart: &Chart, slot: Option<usize>) -> Vec<f64> {
    let all = || chart.series.iter().filter(|one| slot.is_none_or(|slot| one.slot == slot));
    let measured = all().any(|one| one.kind != Kind::Theory);
    let counted = all().filter(|one| !measured || one.kind != Kind::Theory);
    let mut places: Vec<f64> =
        counted.flat_map(|one| one.points.iter().map(|point| point.x)).filter(|x| chart.x.scale.holds(*x)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    places
}

/// What is read at a place: series with their points there.
pub fn readings(chart: &Chart, x: f64) -> Vec<(&Series, &Point)> {
    let at = |one: &'_ Series| one.points.iter().position(|point| point.x == x);
    chart.series.iter().filter_map(|one| Some((one, one.points.get(at(one)?)?))).collect()
}

/// Where a key leads: left and right through the places of what is read, up and down through the series. Nothing for keys that do not move.
pub fn step(chart: &Chart, now: Option<Cursor>, key: &str) -> Option<Cursor> {
    let slot = now.and_then(|now| now.slot).filter(|slot| chart.series.iter().any(|one| one.slot == *slot));
    let places = places(chart, slot);
    let last = places.len().checked_sub(1)?;
    let at = now.map_or(0, |now| nearest_place(&places, now.x));
    let here = now.map_or(0.0, |now| now.x);
    let moved = |at: usize| Some(Cursor { x: places[at], slot });
    match key {
        "ArrowRight" if now.is_none() => moved(0),
        "ArrowRight" => moved(if places[at] > here { at } else { at + 1 }.min(last)),
        "ArrowLeft" => moved(if places[at] < here { at } else { at.saturating_sub(1) }),
        "PageUp" => moved((at + 10).min(last)),
        "PageDown" => moved(at.saturating_sub(10)),
        "Home" => moved(0),
        "End" => moved(last),
        "ArrowUp" | "ArrowDown" => {
            // All together are one more member of the round.
            let place = slot.and_then(|slot| chart.series.iter().position(|one| one.slot == slot));
            let count = chart.series.len() + 1;
            let round = place.map_or(0, |place| place + 1) + if key == "ArrowDown" { 1 } else { count - 1 };
            let next = (round % count).checked_sub(1).and_then(|i| chart.series.get(i)).map(|one| one.slot);
            let own = self::places(chart, next);
            let x = own.get(nearest_place(&own, now.map_or(places[0], |now| now.x))).copied().unwrap_or(places[at]);
            Some(Cursor { x, slot: next })
        }
        _ => None,
    }
}

fn nearest_place(places: &[f64], x: f64) -> usize {
    let by_way = |(_, a): &(usize, &f64), (_, b): &(usize, &f64)| (*a - x).abs().total_cmp(&(*b - x).abs());
    places.iter().enumerate().min_by(by_way).map_or(0, |(i, _)| i)
}

/// What lies under a pointer: the nearest place, and the series whose point is near enough to be meant.
pub fn under(scene: &Scene, [x, y]: [f64; 2]) -> Option<Cursor> {
    let place = scene.spots.iter().min_by(|a, b| (a.at[0] - x).abs().total_cmp(&(b.at[0] - x).abs()))?;
    let near = scene.spots.iter().filter(|spot| spot.x == place.x);
    let meant = near.min_by(|a, b| (a.at[1] - y).abs().total_cmp(&(b.at[1] - y).abs()));
    let slot = meant.filter(|spot| (spot.at[1] - y).hypot(spot.at[0] - x) <= REACH).map(|spot| spot.slot);
    Some(Cursor { x: place.x, slot })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::super::{Paper, layout};
    use super::*;

    fn chart() -> Chart {
        let row = |slot: usize, xs: &[f64]| {
            Series::new(format!("s{slot}"), Kind::Line, slot, xs.iter().map(|&x| Point::new(x, x + slot as f64)))
        };
        Chart { series: vec![row(3, &[1.0, 2.0, 4.0]), row(5, &[2.0, 3.0])], ..Chart::default() }
    }

    fn at(x: f64, slot: Option<usize>) -> Option<Cursor> {
        Some(Cursor { x, slot })
    }

    #[test]
    fn keys_walk_through_places_and_series() {
        let chart = chart();
        assert_eq!(step(&chart, None, "ArrowRight"), at(1.0, None));
        assert_eq!(step(&chart, at(2.0, None), "ArrowRight"), at(3.0, None));
        assert_eq!(step(&chart, at(4.0, None), "ArrowRight"), at(4.0, None));
        assert_eq!(step(&chart, at(1.0, None), "ArrowLeft"), at(1.0, None));
        assert_eq!(step(&chart, at(3.0, None), "ArrowDown"), at(2.0, Some(3)));
        assert_eq!(step(&chart, at(2.0, Some(3)), "ArrowRight"), at(4.0, Some(3)));
        assert_eq!(step(&chart, at(4.0, Some(3)), "ArrowDown"), at(3.0, Some(5)));
        assert_eq!(step(&chart, at(3.0, Some(5)), "ArrowDown"), at(3.0, None));
        assert_eq!(step(&chart, at(3.0, None), "ArrowUp"), at(3.0, Some(5)));
        assert_eq!(step(&chart, at(3.0, Some(5)), "Home"), at(2.0, Some(5)));
        assert_eq!(step(&chart, at(3.0, None), "a"), None);
        assert_eq!(step(&Chart::default(), None, "Home"), None);
        // A cursor between places, after what it stood on went away.
        assert_eq!(step(&chart, at(2.4, None), "ArrowRight"), at(3.0, None));
        assert_eq!(step(&chart, at(2.4, Some(9)), "ArrowLeft"), at(2.0, None));
    }

    #[test]
    fn a_pointer_reads_the_nearest_place_and_only_a_near_series() {
        let chart = chart();
        let scene = layout(&chart, Paper::screen(400.0, 300.0));
        let spot = scene.spots.iter().find(|spot| spot.slot == 5 && spot.x == 3.0).unwrap();
        assert_eq!(under(&scene, spot.at), at(3.0, Some(5)));
        assert_eq!(under(&scene, [spot.at[0] + 2.0, scene.field.foot()]), at(3.0, None));
        let values: Vec<f64> = readings(&chart, 2.0).into_iter().map(|(_, point)| point.y).collect();
        assert_eq!(values, [5.0, 7.0]);
        assert_eq!(under(&layout(&Chart::default(), Paper::screen(400.0, 300.0)), [9.0, 9.0]), None);
    }
}
