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

/// A table with the lines of booktabs, three digits after the point, and a caption that ends with the address.
///
/// # Errors
/// More columns than a page can hold.
pub fn latex(matrix: &Matrix, caption: &str, link: &str) -> Result<String, Issues> {
    let count = matrix.columns.len();
    if count > PRINTED {
        let message = message!(
            "a printed table holds at most {PRINTED} columns, and there are {count}; CSV holds all",
            "可打印的表最多 {PRINTED} 列，现有 {count} 列；CSV 没有此限制"
        );
        return Err(Issue::new("table", message).into());
    }
    let names: String =
        matrix.columns.iter().map(|name| format!(" & \\rotatebox{{90}}{{{}}}", escaped(name))).collect();
    let mut out = format!(
        "% needs \\usepackage{{booktabs, graphicx, hyperref}}\n\\begin{{table}}\n  \\centering\n  \\begin{{tabular}}{{l*{{{count}}}{{r}}}}\n    \\toprule\n    {names} \\\\\n    \\midrule\n"
    );
    for (name, row) in matrix.rows.iter().zip(matrix.values.chunks(count.max(1))) {
        let cells: String =
            row.iter().map(|x| if x.is_finite() { format!(" & {x:.3}") } else { " & --".to_owned() }).collect();
        out.push_str(&format!("    {}{cells} \\\\\n", escaped(name)));
    }
    let address = if link.is_empty() { String::new() } else { format!(" \\url{{{}}}", super::cite::address(link)) };
    out.push_str(&format!(
        "    \\bottomrule\n  \\end{{tabular}}\n  \\caption{{{}{address}}}\n\\end{{table}}\n",
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
        let text = latex(&matrix, "Weights & more", "https://example.org/#e=a_b%20c").unwrap();
        assert!(text.contains("\\rotatebox{90}{50\\%\\_\\{x\\}}"), "{text}");
        assert!(text.contains("    a\"b & -- & 0.250 \\\\\n"));
        assert!(text.contains("\\caption{Weights \\& more \\url{https://example.org/\\#e=a_b\\%20c}}"), "{text}");
        let many: Vec<String> = (0..40).map(|i| i.to_string()).collect();
        assert!(latex(&Matrix { columns: &many, ..matrix }, "", "").is_err());
    }
}
