//! The source of the page without its comments.

/// A file of the page without indentation, empty lines, and the comments that begin a line. A
/// comment after code stays, so that nothing has to be known of strings. (No template of the page
/// goes over a line end, which a test checks.)
pub(crate) fn without_comments(source: &str) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut inside = false;
    for line in source.lines() {
        let mut code = line.trim();
        loop {
            if !inside {
                let Some(comment) = code.strip_prefix("/*") else { break };
                (inside, code) = (true, comment);
            }
            let Some((_, after)) = code.split_once("*/") else { break };
            (inside, code) = (false, after.trim_start());
        }
        if !inside && !code.is_empty() && !code.starts_with("//") {
            kept.push_str(code);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_that_begin_a_line_go_and_nothing_else() {
        let source = "// A.\n/** @type {x} */\nlet a = /** @type {y} */ (1); // b\n  /* c\n d */\n\n  \
                      f('// e', '/*');\n/* z */ /* y */ g('*/');\n/* h\n i */ j;\n";
        assert_eq!(
            without_comments(source),
            "let a = /** @type {y} */ (1); // b\nf('// e', '/*');\ng('*/');\nj;\n"
        );
    }
}
