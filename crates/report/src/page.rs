//! The page: one file with data, style, script, and a Content-Security-Policy that allows no other
//! source.

use crate::comments::without_comments;
use crate::{EXAMPLE, Form, Report, Result, form};
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The style sheet.
pub(crate) static STYLE: LazyLock<String> = LazyLock::new(|| without_comments(STYLES));

const STYLES: &str = concat!(
    include_str!("../page/style.css"),
    include_str!("../page/story.css"),
    include_str!("../page/overlay.css")
);

/// The script: classic files in one scope.
pub(crate) static SCRIPT: LazyLock<String> = LazyLock::new(|| without_comments(SOURCE));

const SOURCE: &str = concat!(
    "'use strict';\n",
    include_str!("../page/data.js"),
    include_str!("../page/text.js"),
    include_str!("../page/store.js"),
    include_str!("../page/story.js"),
    include_str!("../page/colour.js"),
    include_str!("../page/labels.js"),
    include_str!("../page/pen.js"),
    include_str!("../page/exports.js"),
    include_str!("../page/panel.js"),
    include_str!("../page/curves.js"),
    include_str!("../page/line.js"),
    include_str!("../page/strip.js"),
    include_str!("../page/cells.js"),
    include_str!("../page/shades.js"),
    include_str!("../page/media.js"),
    include_str!("../page/patches.js"),
    include_str!("../page/frames.js"),
    include_str!("../page/overlay.js"),
    include_str!("../page/contexts.js"),
    include_str!("../page/journey.js"),
    include_str!("../page/map.js"),
    include_str!("../page/both.js"),
    include_str!("../page/ribbon.js"),
    include_str!("../page/similarity.js"),
    include_str!("../page/token.js"),
    include_str!("../page/charts.js"),
    include_str!("../page/matrix.js"),
    include_str!("../page/attention.js"),
    include_str!("../page/difference.js"),
    include_str!("../page/about.js"),
    include_str!("../page/words.js"),
    include_str!("../page/tour.js"),
    include_str!("../page/main.js"),
);

/// The significant digits of numbers on the page; the JSON beside it has all digits.
const DIGITS: usize = 5;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    policy: String,
    style: &'a str,
    script: &'a str,
    data: Option<String>,
    form: Option<&'a Form>,
    form_style: &'a str,
    form_script: &'a str,
    example: &'a str,
}

impl Report {
    /// The page as one file that loads no other file. Its numbers are rounded to 5 significant digits.
    ///
    /// # Errors
    /// As [`Report::check`].
    pub fn html(&self) -> Result<String> {
        render(Some(self), None)
    }

    /// The data, escaped for a script element.
    fn for_page(&self) -> Result<String> {
        self.check()?;
        let mut data = serde_json::to_value(self)?;
        round(&mut data);
        Ok(for_script(&serde_json::to_string(&data)?))
    }
}

impl Form {
    /// The page of a report with the form above it; without a report, the form and some examples.
    ///
    /// # Errors
    /// As [`Report::check`].
    pub fn html(&self, report: Option<&Report>) -> Result<String> {
        render(report, Some(self))
    }
}

/// The page of a report with a form above it, or the form alone.
pub(crate) fn render(report: Option<&Report>, form: Option<&Form>) -> Result<String> {
    let page = Page {
        title: report.map_or("Stratoscope", |report| &report.title),
        policy: policy(form.is_some()),
        style: &STYLE,
        script: &SCRIPT,
        data: report.map(Report::for_page).transpose()?,
        form,
        form_style: &form::STYLE,
        form_script: &form::SCRIPT,
        example: EXAMPLE,
    };
    Ok(page.render()?)
}

/// The policy: the page may run its own script, use its own style, show pictures that it creates,
/// and send its form to its own server.
fn policy(with_form: bool) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let (mut script, mut style, mut action) = (hash(&SCRIPT), hash(&STYLE), "'none'");
    if with_form {
        script = format!("{script} {}", hash(&form::SCRIPT));
        style = format!("{style} {}", hash(&form::STYLE));
        action = "'self'";
    }
    format!(
        "default-src 'none'; script-src {script}; style-src {style}; img-src data: blob:; \
         base-uri 'none'; form-action {action}"
    )
}

/// JSON in which an HTML parser finds no end of a script or comment, and a script no line end.
fn for_script(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 64);
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            _ => out.push(c),
        }
    }
    out
}

/// Rounds every number that is not whole to [`DIGITS`] significant digits.
fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().and_then(|v| format!("{v:.*e}", DIGITS - 1).parse().ok());
            let short = rounded.and_then(|v: f64| {
                // `1.0` and `-0.0` are written shorter.
                let whole = v.fract() == 0.0 && v.abs() < 1e9;
                if whole { Some(Number::from(v as i64)) } else { Number::from_f64(v) }
            });
            if let Some(short) = short {
                *number = short;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_template_goes_over_a_line_end() {
        for line in SOURCE.lines() {
            assert!(line.matches('`').count().is_multiple_of(2), "{line}");
        }
    }

    #[test]
    fn numbers_keep_five_digits_and_no_more() {
        let mut value = serde_json::json!([0.123456789, -1234.5678, 1.0, 3, -0.0, 1e-9, 1.5e300]);
        round(&mut value);
        assert_eq!(value.to_string(), "[0.12346,-1234.6,1,3,0,1e-9,1.5e+300]");
    }

    #[test]
    fn the_data_ends_no_script() {
        let hostile = "</script><!--<script>&amp;\u{2028}\u{2029}";
        let json = serde_json::to_string(hostile).unwrap();
        let escaped = for_script(&json);
        assert!(!escaped.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{escaped}");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), hostile);
    }
}
