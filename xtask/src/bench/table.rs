//! Medians, ratios, and the table of results.

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// The work.
    pub(crate) what: String,
    /// The other tool.
    pub(crate) against: String,
    /// Our median, in seconds.
    pub(crate) ours: f64,
    /// The median of the other tool, in seconds.
    pub(crate) theirs: f64,
    /// A further comparison; Stratoscope comes first.
    pub(crate) note: String,
}

impl Line {
    /// The line as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "what": self.what,
            "against": self.against,
            "stratoscope_seconds": self.ours,
            "other_seconds": self.theirs,
            "ratio": self.theirs / self.ours,
            "note": self.note,
        })
    }
}

/// The median; NaN for an empty list.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (n, half) if n % 2 == 0 => (sorted[half - 1] + sorted[half]) / 2.0,
        (_, half) => sorted[half],
    }
}

/// A Markdown table of comparisons; `note` heads the last column.
pub(crate) fn render(lines: &[Line], note: &str) -> String {
    let mut table = format!(
        "| | other tool | Stratoscope | other | ratio | {note} |\n\
         | --- | --- | ---: | ---: | ---: | --- |\n"
    );
    for line in lines {
        table.push_str(&format!(
            "| {} | {} | {} | {} | {:.1}× | {} |\n",
            cell(&line.what),
            cell(&line.against),
            duration(line.ours),
            duration(line.theirs),
            line.theirs / line.ours,
            cell(&line.note),
        ));
    }
    table
}

/// A duration with three significant digits.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.01 => format!("{:.2} ms", s * 1e3),
        s if s < 0.1 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 10.0 => format!("{s:.2} s"),
        s => format!("{s:.1} s"),
    }
}

/// The text of a cell, with escaped bars.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// An integer with commas between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[7.0]), 7.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_table_is_markdown() {
        let line = |what: &str, ours, theirs, note: &str| Line {
            what: what.to_owned(),
            against: "PyTorch".to_owned(),
            ours,
            theirs,
            note: note.to_owned(),
        };
        let lines = [
            line("states", 4.0, 10.12, "75 % / 30 %"),
            line("one | sentence", 0.004, 0.0099, ""),
            line("fit", 0.1234, 0.05, ""),
        ];
        assert_eq!(
            render(&lines, "share"),
            "| | other tool | Stratoscope | other | ratio | share |\n\
             | --- | --- | ---: | ---: | ---: | --- |\n\
             | states | PyTorch | 4.00 s | 10.1 s | 2.5× | 75 % / 30 % |\n\
             | one \\| sentence | PyTorch | 4.00 ms | 9.90 ms | 2.5× |  |\n\
             | fit | PyTorch | 123 ms | 50.0 ms | 0.4× |  |\n"
        );
        assert_eq!(lines[0].json()["ratio"], 2.53);
    }

    #[test]
    fn large_numbers_have_commas() {
        for (number, text) in [(0, "0"), (999, "999"), (2000, "2,000"), (1234567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
