//! A heat map as SVG: cells, the names of rows and columns, a legend with its unit, a caption with the address.

use std::fmt::Write;

use crate::analysis::plot::escaped;

/// A colour, 0 to 255 each.
type Rgb = [u8; 3];

/// Colours from nothing to the strongest.
#[derive(Clone, Debug, PartialEq)]
pub struct Ramp {
    /// The colours, evenly spaced.
    pub stops: Vec<Rgb>,
    /// The ground.
    pub paper: Rgb,
    /// Text and lines.
    pub ink: Rgb,
}

impl Ramp {
    /// The colour of a share, 0 to 1.
    fn at(&self, share: f32) -> Rgb {
        let last = self.stops.len().saturating_sub(1);
        let x = share.clamp(0.0, 1.0) * last as f32;
        let i = (x as usize).min(last.saturating_sub(1));
        let (Some(a), Some(b)) = (self.stops.get(i), self.stops.get(i + 1).or(self.stops.get(i))) else {
            return self.ink;
        };
        let part = x - i as f32;
        std::array::from_fn(|c| (f32::from(a[c]) + (f32::from(b[c]) - f32::from(a[c])) * part).round() as u8)
    }
}

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Heat<'a> {
    /// Names of the rows; empty where there are too many cells to name.
    pub rows: &'a [String],
    /// Names of the columns; as `rows`.
    pub columns: &'a [String],
    /// Rows and columns of the picture.
    pub size: [usize; 2],
    /// Values, row-major; what is not finite is left empty. Colours go from 0, or from the least value where that is negative, to the largest.
    pub values: &'a [f32],
    /// What the rows are.
    pub row_title: &'a str,
    /// What the columns are.
    pub column_title: &'a str,
    /// What the numbers are.
    pub unit: &'a str,
    /// Below the picture.
    pub caption: &'a str,
    /// The address that opens the experiment; may be empty.
    pub link: &'a str,
}

/// Width of a letter of 11 units, with room to spare.
const LETTER: f64 = 6.6;
const FONT: &str = "font-family=\"system-ui, sans-serif\" font-size=\"11\"";

/// The picture.
pub fn svg(heat: &Heat, ramp: &Ramp) -> String {
    let [rows, columns] = heat.size;
    let cell = (560.0 / columns.max(rows).max(1) as f64).clamp(3.0, 26.0);
    let longest = |names: &[String]| names.iter().map(|name| name.chars().count()).max().unwrap_or(0) as f64 * LETTER;
    let (left, top) = (longest(heat.rows).min(160.0) + 34.0, longest(heat.columns).min(160.0) + 34.0);
    let (width, height) = (columns as f64 * cell, rows as f64 * cell);
    let finite = || heat.values.iter().copied().filter(|v| v.is_finite());
    let (least, largest) = (finite().fold(0.0_f32, f32::min), finite().fold(0.0_f32, f32::max));
    let whole = [left + width.max(260.0) + 24.0, top + height + 96.0];
    let (ink, paper) = (hex(ramp.ink), hex(ramp.paper));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w:.0}\" height=\"{h:.0}\" viewBox=\"0 0 {w:.0} {h:.0}\" role=\"img\" aria-label=\"{}\">\n<rect width=\"100%\" height=\"100%\" fill=\"{paper}\"/>\n<g {FONT} fill=\"{ink}\">\n",
        escaped(heat.caption),
        w = whole[0],
        h = whole[1]
    );
    let mut line = |words: std::fmt::Arguments| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{words}");
    };
    line(format_args!(
        "<text x=\"{:.1}\" y=\"14\" text-anchor=\"middle\">{}</text>",
        left + width / 2.0,
        escaped(heat.column_title)
    ));
    let middle = top + height / 2.0;
    line(format_args!(
        "<text x=\"12\" y=\"{middle:.1}\" transform=\"rotate(-90 12 {middle:.1})\" text-anchor=\"middle\">{}</text>",
        escaped(heat.row_title)
    ));
    for (i, name) in heat.columns.iter().enumerate().take(columns) {
        let x = left + (i as f64 + 0.5) * cell + 4.0;
        line(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" transform=\"rotate(-90 {x:.1} {y:.1})\">{}</text>",
            escaped(name),
            y = top - 4.0
        ));
    }
    for (i, name) in heat.rows.iter().enumerate().take(rows) {
        let y = top + (i as f64 + 0.5) * cell + 4.0;
        line(format_args!("<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>", left - 4.0, escaped(name)));
    }
    line(format_args!("</g>\n<g shape-rendering=\"crispEdges\">"));
    for (at, &value) in heat.values.iter().enumerate().take(rows * columns) {
        // The least is the ground of the picture itself.
        if value.is_finite() && value > least {
            let (x, y) = (left + (at % columns) as f64 * cell, top + (at / columns) as f64 * cell);
            let colour = hex(ramp.at((value - least) / (largest - least)));
            line(format_args!(
                "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{cell:.2}\" height=\"{cell:.2}\" fill=\"{colour}\"/>"
            ));
        }
    }
    line(format_args!(
        "</g>\n<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"0.5\"/>"
    ));
    legend(&mut line, heat, ramp, [left, top + height + 16.0], [least, largest]);
    let caption = top + height + 72.0;
    line(format_args!(
        "<g {FONT} fill=\"{ink}\"><text x=\"{left:.1}\" y=\"{caption:.1}\">{}</text>",
        escaped(heat.caption)
    ));
    if heat.link.starts_with("http") {
        line(format_args!(
            "<a href=\"{link}\"><text x=\"{left:.1}\" y=\"{:.1}\" text-decoration=\"underline\">{}</text></a>",
            caption + 16.0,
            escaped(&shortened(heat.link)),
            link = escaped(heat.link)
        ));
    }
    line(format_args!("</g>\n</svg>"));
    out
}

/// A bar of all colours from the least to the largest value.
fn legend(
    line: &mut impl FnMut(std::fmt::Arguments),
    heat: &Heat,
    ramp: &Ramp,
    [x, y]: [f64; 2],
    [least, largest]: [f32; 2],
) {
    const STEPS: usize = 32;
    for i in 0..STEPS {
        let colour = hex(ramp.at(i as f32 / (STEPS - 1) as f32));
        line(format_args!(
            "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"5.2\" height=\"10\" fill=\"{colour}\"/>",
            x + 5.0 * i as f64
        ));
    }
    let ink = hex(ramp.ink);
    let least = if least < 0.0 { format!("{least:.3}") } else { "0".to_owned() };
    line(format_args!("<g {FONT} fill=\"{ink}\"><text x=\"{x:.1}\" y=\"{:.1}\">{least}</text>", y + 23.0));
    line(format_args!("<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{largest:.3}</text>", x + 160.0, y + 23.0));
    line(format_args!("<text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>", x + 170.0, y + 9.0, escaped(heat.unit)));
}

/// The beginning of an address: all of it is behind the link.
fn shortened(link: &str) -> String {
    let short: String = link.chars().take(64).collect();
    if short.len() < link.len() { format!("{short}…") } else { short }
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Ramp {
        Ramp { stops: vec![[255; 3], [0, 0, 255]], paper: [255; 3], ink: [0; 3] }
    }

    #[test]
    fn negative_weights_have_a_colour_and_the_legend_says_from_where_it_goes() {
        let heat = Heat {
            rows: &[],
            columns: &[],
            size: [1, 3],
            values: &[-1.0, 0.0, 1.0],
            row_title: "",
            column_title: "",
            unit: "",
            caption: "",
            link: "",
        };
        let text = svg(&heat, &ramp());
        let cells: Vec<&str> = text.lines().filter(|line| line.contains("width=\"26.00\"")).collect();
        assert!(cells.len() == 2 && cells[0].contains("#8080ff") && cells[1].contains("#0000ff"), "{cells:?}");
        assert!(text.contains(">-1.000</text>") && text.contains(">1.000</text>"), "{text}");
    }

    #[test]
    fn cells_have_the_colour_of_their_share_and_names_are_escaped() {
        let names = ["a<b".to_owned(), "\u{1}&".to_owned()];
        let heat = Heat {
            rows: &names,
            columns: &names,
            size: [2, 2],
            values: &[1.0, 0.0, 0.5, f32::NEG_INFINITY],
            row_title: "query",
            column_title: "key",
            unit: "weight",
            caption: "Head 1 \"x\"",
            link: "https://example.org/#a&b",
        };
        let text = svg(&heat, &ramp());
        let cells = text.split("crispEdges").nth(1).and_then(|rest| rest.split("</g>").next()).unwrap_or_default();
        assert_eq!(cells.matches("<rect").count(), 2, "nothing and masked cells are the ground");
        assert!(cells.contains("fill=\"#0000ff\"") && cells.contains("fill=\"#8080ff\""));
        assert!(
            text.contains(">a&lt;b</text>") && text.contains(">&amp;</text>") && text.contains("Head 1 &quot;x&quot;")
        );
        assert!(text.contains("href=\"https://example.org/#a&amp;b\""));
        assert_eq!(text.matches("<g").count(), text.matches("</g>").count());
    }
}
