//! Sliders of a claim, and where they stand.

use crate::catalogue::{Lang, Text};

/// A number of a claim's set-up that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slider {
    /// Name in links.
    pub id: &'static str,
    /// What it is.
    pub name: Text,
    /// Where it can stand, ascending.
    pub stops: &'static [f64],
    /// What the stops are called, where they are no numbers; else empty.
    pub names: &'static [Text],
    /// Where it stands at first: done within seconds.
    pub usual: f64,
    /// Where "go deeper" puts it.
    pub deeper: f64,
}

impl Slider {
    /// A slider of numbers.
    pub const fn numbers(id: &'static str, name: Text, stops: &'static [f64], usual: f64, deeper: f64) -> Self {
        Self { id, name, stops, names: &[], usual, deeper }
    }

    /// One of several things with names, the first as usual.
    pub const fn choice(id: &'static str, name: Text, stops: &'static [f64], names: &'static [Text]) -> Self {
        Self { id, name, stops, names, usual: stops[0], deeper: stops[0] }
    }

    /// The seed of random numbers.
    pub const SEED: Self =
        Self::numbers("seed", Text::new("seed", "种子"), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 1.0, 1.0);

    /// What a value is called.
    pub fn told(&self, value: f64, lang: Lang) -> String {
        let at = self.stops.iter().position(|stop| *stop == value);
        match at.and_then(|at| self.names.get(at)) {
            Some(name) => name.get(lang).to_owned(),
            None => format!("{value}"),
        }
    }
}

/// Where the sliders of a claim stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings(Vec<(&'static str, f64)>);

impl Settings {
    /// As at first.
    pub fn usual(sliders: &[Slider]) -> Self {
        Self(sliders.iter().map(|slider| (slider.id, slider.usual)).collect())
    }

    /// For a longer look.
    pub fn deeper(sliders: &[Slider]) -> Self {
        Self(sliders.iter().map(|slider| (slider.id, slider.deeper)).collect())
    }

    /// Every slider at its lowest stop.
    pub fn least(sliders: &[Slider]) -> Self {
        Self(sliders.iter().map(|slider| (slider.id, slider.stops.first().copied().unwrap_or_default())).collect())
    }

    /// The value of a slider; 0 of one that is not there.
    pub fn get(&self, id: &str) -> f64 {
        self.0.iter().find(|(name, _)| *name == id).map_or(0.0, |(_, value)| *value)
    }

    /// The same as a count.
    pub fn count(&self, id: &str) -> usize {
        self.get(id).max(0.0) as usize
    }

    /// The same as a seed.
    pub fn seed(&self) -> u64 {
        self.count("seed") as u64
    }

    /// Moves a slider.
    pub fn set(&mut self, id: &str, value: f64) {
        if let Some(place) = self.0.iter_mut().find(|(name, _)| *name == id) {
            place.1 = value;
        }
    }

    /// With a slider moved.
    #[must_use]
    pub fn with(mut self, id: &str, value: f64) -> Self {
        self.set(id, value);
        self
    }

    /// What differs from the usual, as an address carries it: `n=256,seed=3`.
    pub fn written(&self, sliders: &[Slider]) -> String {
        let moved = sliders.iter().filter(|slider| self.get(slider.id) != slider.usual);
        moved.map(|slider| format!("{}={}", slider.id, self.get(slider.id))).collect::<Vec<_>>().join(",")
    }

    /// Reads what [`Settings::written`] writes; what is no stop of a slider is left as usual and told.
    pub fn read(sliders: &[Slider], text: &str) -> (Self, Vec<String>) {
        let (mut settings, mut unknown) = (Self::usual(sliders), Vec::new());
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let value = part.split_once('=').and_then(|(id, value)| {
                let slider = sliders.iter().find(|slider| slider.id == id)?;
                let value: f64 = value.parse().ok()?;
                slider.stops.contains(&value).then_some((slider.id, value))
            });
            match value {
                Some((id, value)) => settings.set(id, value),
                None => unknown.push(part.to_owned()),
            }
        }
        (settings, unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLIDERS: [Slider; 2] =
        [Slider::numbers("n", Text::new("tokens", "词元数"), &[16.0, 64.0, 256.0], 64.0, 256.0), Slider::SEED];

    #[test]
    fn an_address_carries_what_differs_and_nothing_else() {
        let usual = Settings::usual(&SLIDERS);
        assert_eq!(usual.written(&SLIDERS), "");
        let moved = usual.clone().with("n", 256.0).with("seed", 3.0);
        assert_eq!(moved.written(&SLIDERS), "n=256,seed=3");
        assert_eq!(Settings::read(&SLIDERS, "n=256,seed=3"), (moved, Vec::new()));
        let (read, unknown) = Settings::read(&SLIDERS, "n=17,x=1,seed=2,n");
        assert_eq!(read, usual.with("seed", 2.0));
        assert_eq!(unknown, ["n=17", "x=1", "n"]);
    }

    #[test]
    fn sliders_stand_on_stops() {
        assert_eq!(Settings::least(&SLIDERS).count("n"), 16);
        assert_eq!(Settings::deeper(&SLIDERS).count("n"), 256);
        assert_eq!(SLIDERS[0].told(64.0, Lang::En), "64");
    }
}
