//! A matrix with the names of its rows and columns, as CSV and as a table of LaTeX.

use super::cite::escaped;
use crate::experiment::{Issue, Issues, message};

/// Most columns of a table that is to be printed.
const PRINTED: usize = 32;

/// A matrix, row-major.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// Names of the rows.
    pub rows: &'a [String],
    /// Names of the columns.
    pub columns: &'a [String],
    /// The numbers.
    pub values: &'a [f32],
}

/// As RFC 4180 has it, a line of names first: every number as the shortest that is this one in single precision.
pub fn csv(matrix: &Matrix) -> String {
    let mut lines: Vec<Vec<String>> =
        vec![std::iter::once("").chain(matrix.columns.iter().map(String::as_str)).map(str::to_owned).collect()];
    for (name, row) in matrix.rows.iter().zip(matrix.values.chunks(matrix.columns.len().max(1))) {
        lines.push(std::iter::once(name.clone()).chain(row.iter().map(f32::to_string)).collect());
    }
    csv_lines(lines)
}

/// Lines of fields as RFC 4180 has them.
pub fn csv_lines<L: AsRef<[String]>>(lines: impl IntoIterator<Item = L>) -> String {
    let field = |text: &String| match text.contains([',', '"', '\n', '\r']) || text.trim() != text {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.clone(),
    };
    let line = |fields: L| fields.as_ref().iter().map(field).collect::<Vec<_>>().join(",") + "\r\n";
    lines.into_iter().map(line).collect()
}

/// What the legend under a printed table says.
#[derive(Clone, Copy, Debug)]
pub struct Legend<'a> {
    /// What the numbers are.
    pub unit: &'a str,
    /// What has no number.
    pub masked: &'a str,
}

/// Most that a cell is coloured, in percent: the number on it stays legible.
const DEEPEST: f32 = 70.0;
/// Boxes of the legend.
const BOXES: usize = 5;

/// The colours of a table: linear from 0 to the largest number, in two colours where some are negative.
struct Shades {
    largest: f32,
    signed: bool,
}

impl Shades {
    fn of(values: &[f32]) -> Self {
        let finite = || values.iter().copied().filter(|x| x.is_finite());
        Self { largest: finite().fold(0.0, |top, x| top.max(x.abs())), signed: finite().any(|x| x < 0.0) }
    }

    /// A colour in the notation of xcolor, a part of one of the two mixed with white.
    fn colour(&self, x: f32) -> String {
        let share = if self.largest > 0.0 { x.abs() / self.largest } else { 0.0 };
        let name = if x < 0.0 { "attentionlow" } else { "attentionhigh" };
        format!("{name}!{:.0}", DEEPEST * share)
    }

    /// Boxes with their numbers, from the least to the largest.
    fn legend(&self, legend: &Legend, masked: bool) -> String {
        let least = if self.signed { -self.largest } else { 0.0 };
        let mut text = format!("{}:", escaped(legend.unit));
        for i in 0..BOXES {
            let x = least + (self.largest - least) * i as f32 / (BOXES - 1) as f32;
            text.push_str(&format!(" \\colorbox{{{}}}{{{x:.3}}}", self.colour(x)));
        }
        if masked {
            text.push_str(&format!(" -- {}", escaped(legend.masked)));
        }
        text
    }
}

/// A table with the lines of booktabs, three digits after the point, each cell coloured by its number, a legend of the colours, and a caption that ends with the address.
///
/// # Errors
/// More columns than a page can hold.
pub fn latex(matrix: &Matrix, caption: &str, legend: &Legend, link: &str) -> Result<String, Issues> {
    let count = matrix.columns.len();
    if count > PRINTED {
        let message = message!(
            "a printed table holds at most {PRINTED} columns, and there are {count}; CSV holds all",
            "可打印的表最多 {PRINTED} 列，现有 {count} 列；CSV 没有此限制"
        );
        return Err(Issue::new("table", message).into());
    }
    let shades = Shades::of(matrix.values);
    let names: String =
        matrix.columns.iter().map(|name| format!(" & \\rotatebox{{90}}{{{}}}", escaped(name))).collect();
    let mut out = format!(
        "% needs \\usepackage{{booktabs, graphicx, hyperref}} and \\usepackage[table]{{xcolor}}
\\begin{{table}}
  \\centering
  \\definecolor{{attentionhigh}}{{HTML}}{{5B62E8}}
  \\definecolor{{attentionlow}}{{HTML}}{{E8863C}}
  \\begin{{tabular}}{{l*{{{count}}}{{r}}}}
    \\toprule
    {names} \\\\
    \\midrule
"
    );
    let mut masked = false;
    for (name, row) in matrix.rows.iter().zip(matrix.values.chunks(count.max(1))) {
        let mut cells = String::new();
        for x in row {
            masked |= !x.is_finite();
            cells.push_str(&match x.is_finite() {
                true => format!(" & \\cellcolor{{{}}}{x:.3}", shades.colour(*x)),
                false => " & --".to_owned(),
            });
        }
        // In braces: after a rule or the end of a row, `[CLS]` would be read as an option and `*` as part of the command.
        out.push_str(&format!("    {{{}}}{cells} \\\\\n", escaped(name)));
    }
    let address = if link.is_empty() { String::new() } else { format!(" \\url{{{}}}", super::cite::address(link)) };
    out.push_str(&format!(
        "    \\bottomrule
  \\end{{tabular}}

  \\smallskip
  {{\\footnotesize {}\\par}}
  \\caption{{{}{address}}}
\\end{{table}}
",
        shades.legend(legend, masked),
        escaped(caption)
    ));
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn names_with_signs_of_the_format_stay_names() {
        let rows = ["it".to_owned(), "a\"b".to_owned()];
        let columns = [",".to_owned(), "50%_{x}".to_owned()];
        let matrix = Matrix { rows: &rows, columns: &columns, values: &[0.1, 1.0, f32::NEG_INFINITY, 0.25] };
        assert_eq!(csv(&matrix), ",\",\",50%_{x}\r\nit,0.1,1\r\n\"a\"\"b\",-inf,0.25\r\n");
        let legend = Legend { unit: "score_1", masked: "masked" };
        let text = latex(&matrix, "Weights & more", &legend, "https://example.org/#e=a_b%20c").unwrap();
        assert!(text.contains("\\rotatebox{90}{50\\%\\_\\{x\\}}"), "{text}");
        assert!(text.contains("    {a\"b} & -- & \\cellcolor{attentionhigh!18}0.250 \\\\\n"), "{text}");
        let boxes = "{\\footnotesize score\\_1: \\colorbox{attentionhigh!0}{0.000} \\colorbox{attentionhigh!18}{0.250} \\colorbox{attentionhigh!35}{0.500} \
                     \\colorbox{attentionhigh!52}{0.750} \\colorbox{attentionhigh!70}{1.000} -- masked\\par}";
        assert!(text.contains(boxes), "{text}");
        let signed = latex(&Matrix { values: &[-2.0, 1.0, 0.0, 0.5], ..matrix }, "", &legend, "").unwrap();
        assert!(signed.contains("\\colorbox{attentionlow!70}{-2.000} \\colorbox{attentionlow!35}{-1.000}"), "{signed}");
        assert!(signed.contains("\\colorbox{attentionhigh!70}{2.000}\\par}"), "nothing is masked: {signed}");
        assert!(text.contains("\\caption{Weights \\& more \\url{https://example.org/\\#e=a_b\\%20c}}"), "{text}");
        let many: Vec<String> = (0..40).map(|i| i.to_string()).collect();
        assert!(latex(&Matrix { columns: &many, ..matrix }, "", &legend, "").is_err());
    }
}
