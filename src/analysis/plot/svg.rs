//! A scene as SVG.

use std::fmt::Write;

use super::scene::{Anchor, Draw, Scene, Shape, Tone};

/// Opacity of the series that are not lit.
const DIM: f64 = 0.22;

/// The picture as a file: its own ground, its name for those who hear it, no style sheet needed. `colour` gives what a token of the style sheet stands for.
pub fn document(scene: &Scene, name: &str, colour: &dyn Fn(&'static str) -> String) -> String {
    let [width, height] = scene.size;
    let name = escaped(name);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{name}\">\n<title>{name}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n{}</svg>\n",
        colour(Tone::Ground.token()),
        body(scene, None, colour)
    )
}

/// The shapes alone. While a series is lit the others step back.
pub fn body(scene: &Scene, lit: Option<usize>, colour: &dyn Fn(&'static str) -> String) -> String {
    let mut out = String::from("<g font-family=\"system-ui, sans-serif\" font-size=\"12\">\n");
    let field = scene.field;
    let mut cut = false;
    for shape in &scene.shapes {
        if shape.cut != cut {
            cut = shape.cut;
            // An inner picture cuts off at its edges without a name that another picture on the page might have.
            let open = format!(
                "<svg x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" viewBox=\"{x:.1} {y:.1} {w:.1} {h:.1}\" overflow=\"hidden\">\n",
                x = field.x,
                y = field.y,
                w = field.width.max(0.1),
                h = field.height.max(0.1)
            );
            out.push_str(if cut { &open } else { "</svg>\n" });
        }
        element(&mut out, shape, lit, colour);
    }
    out.push_str(if cut { "</svg>\n</g>\n" } else { "</g>\n" });
    out
}

fn element(out: &mut String, shape: &Shape, lit: Option<usize>, colour: &dyn Fn(&'static str) -> String) {
    let ink = colour(shape.tone.token());
    let dim = lit.is_some() && shape.slot.is_some() && shape.slot != lit;
    let shown = if dim { DIM } else { 1.0 };
    let lit = lit.is_some() && shape.slot == lit;
    // Writing to a string cannot fail.
    let _ = match &shape.draw {
        Draw::Stroke { d, width, dash } => {
            let width = if lit { width * 1.6 } else { *width };
            let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
            let shown = if dim { format!(" opacity=\"{shown}\"") } else { String::new() };
            writeln!(
                out,
                "<path d=\"{d}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}{shown}/>"
            )
        }
        Draw::Fill { d, opacity } => {
            let shown = opacity * shown;
            let shown = if shown < 1.0 { format!(" opacity=\"{shown:.2}\"") } else { String::new() };
            writeln!(out, "<path d=\"{d}\" fill=\"{ink}\"{shown}/>")
        }
        Draw::Text { at: [x, y], anchor, text, strong } => {
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let weight = if *strong { " font-weight=\"600\"" } else { "" };
            let shown = if dim { format!(" opacity=\"{shown}\"") } else { String::new() };
            writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{ink}\" stroke=\"{}\" stroke-width=\"3\" paint-order=\"stroke\"{anchor}{weight}{shown}>{}</text>",
                colour(Tone::Ground.token()),
                escaped(text)
            )
        }
    };
}

/// A text without signs of XML, and without characters that it forbids.
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}
