//! Colours of data: from a share of the largest value to a colour. The page reads the ends of its ramps from the style sheet, and so do the programs that draw
//! pictures without a browser.

/// A colour, 0 to 255 each.
pub type Rgb = [u8; 3];

/// The two ramps of a theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramps {
    /// From the ground to the strongest weight.
    pub sequential: [Rgb; 4],
    /// Negative, middle, positive scores.
    pub diverging: [Rgb; 3],
}

impl Ramps {
    /// The ramps that `token` knows, by the names of the style sheet; a missing colour is grey.
    pub fn read(token: impl Fn(&str) -> String) -> Self {
        let rgb = |name: &str| parse(&token(name)).unwrap_or([128; 3]);
        Self {
            sequential: [rgb("--seq-0"), rgb("--seq-1"), rgb("--seq-2"), rgb("--seq-3")],
            diverging: [rgb("--div-neg"), rgb("--div-mid"), rgb("--div-pos")],
        }
    }

    /// 0 is the ground, 1 the strongest.
    pub fn sequential(&self, t: f32) -> Rgb {
        let x = t.clamp(0.0, 1.0) * 3.0;
        let i = (x as usize).min(2);
        mix(self.sequential[i], self.sequential[i + 1], x - i as f32)
    }

    /// −1 to 1 around the middle colour. The power lifts small values off the ground.
    pub fn diverging(&self, t: f32) -> Rgb {
        let t = t.clamp(-1.0, 1.0);
        let end = if t < 0.0 { self.diverging[0] } else { self.diverging[2] };
        mix(self.diverging[1], end, t.abs().powf(0.8))
    }

    /// A weight as a share of the largest: on a square-root scale, so that small weights are seen.
    pub fn weight(&self, share: f32) -> Rgb {
        self.sequential(share.max(0.0).sqrt())
    }
}

/// `t` of the way from `a` to `b`.
pub fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    std::array::from_fn(|i| (f32::from(a[i]) + (f32::from(b[i]) - f32::from(a[i])) * t).round() as u8)
}

/// How bright a colour is, 0 to 1.
pub fn luminance(c: Rgb) -> f32 {
    (0.2126 * f32::from(c[0]) + 0.7152 * f32::from(c[1]) + 0.0722 * f32::from(c[2])) / 255.0
}

/// How far two colours are apart for those who read by brightness, 1 to 21 (WCAG 2.2, contrast ratio): 4.5 is what text needs, 3 what lines need.
pub fn contrast(a: Rgb, b: Rgb) -> f32 {
    let relative = |c: Rgb| {
        let linear = |part: u8| {
            let part = f32::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2])
    };
    let (a, b) = (relative(a), relative(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// `#rrggbb` only: that is how the tokens are written.
pub fn parse(hex: &str) -> Option<Rgb> {
    let digits = hex.strip_prefix('#').filter(|d| d.len() == 6)?;
    let byte = |i: usize| digits.get(i..i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    Some([byte(0)?, byte(2)?, byte(4)?])
}
