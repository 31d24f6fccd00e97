//! Bar charts in SVG.

use std::fmt::Write as _;

/// Pixels, of the picture, of a bar with its gap, and of the column of labels: they fit a README.
const WIDTH: f64 = 900.0;
const ROW: f64 = 22.0;
const LABELS: f64 = 260.0;

/// Draws charts one below the other, each from a title and labelled bars.
#[must_use]
pub fn bars(charts: &[(String, Vec<(String, f64)>)]) -> String {
    let rows: usize = charts.iter().map(|(_, bars)| bars.len()).sum();
    let height = rows as f64 * ROW + charts.len() as f64 * 56.0 + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let mut top = 10.0;
    for (title, bars) in charts {
        let largest = bars.iter().map(|(_, value)| *value).fold(1.0, f64::max);
        top += 30.0;
        let _ =
            writeln!(svg, "<text x=\"10\" y=\"{top}\" font-size=\"16\" font-weight=\"bold\">{title}</text>");
        top += 12.0;
        for (name, value) in bars {
            let (is_own, name) = (name.contains("bitnpz"), name.replace(['*', '`'], ""));
            let length = (WIDTH - LABELS - 80.0) * value / largest;
            let color = if is_own { "#1565c0" } else { "#b0bec5" };
            let (label, end, text) = (LABELS - 8.0, LABELS + length + 6.0, top + 14.0);
            let _ = writeln!(
                svg,
                "<text x=\"{label}\" y=\"{text}\" text-anchor=\"end\">{name}</text>\
                 <rect x=\"{LABELS}\" y=\"{top}\" width=\"{length:.1}\" height=\"16\" fill=\"{color}\"/>\
                 <text x=\"{end:.1}\" y=\"{text}\">{value:.1}</text>"
            );
            top += ROW;
        }
        top += 14.0;
    }
    svg.push_str("</svg>\n");
    svg
}
