//! Commands that README.md shows, read from the code blocks marked for it.
//!
//! A comment line `<!-- ci: NAME -->` marks the fenced code block that follows it. What the README
//! tells people to run is then what `cargo xtask ci` runs, word for word.

/// The content of the code block marked NAME, or `None` where the README has none.
///
/// Lines that start with `$ ` lose that prompt.
pub(crate) fn marked_block(readme: &str, name: &str) -> Option<String> {
    let marker = format!("<!-- ci: {name} -->");
    let mut lines = readme.lines().skip_while(|line| line.trim() != marker).skip(1);
    let opening = lines.find(|line| !line.trim().is_empty())?.trim();
    let fence_len = opening.chars().take_while(|&c| c == '`').count();
    if fence_len < 3 {
        return None;
    }
    let fence = "`".repeat(fence_len);
    let mut block = String::new();
    for line in lines {
        if line.trim_end() == fence {
            return Some(block);
        }
        block.push_str(line.strip_prefix("$ ").unwrap_or(line));
        block.push('\n');
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_by_their_mark_alone() {
        let check = |readme: &str, expected: Option<&str>| {
            assert_eq!(marked_block(readme, "test").as_deref(), expected, "in {readme:?}");
        };
        check(
            "# T\n<!-- ci: test -->\n```sh\ncargo test --workspace\n```\n",
            Some("cargo test --workspace\n"),
        );
        check("<!-- ci: test -->\n\n```\n$ cargo a\n$ cargo b\n```", Some("cargo a\ncargo b\n"));
        // The first fence is another block's; the mark decides.
        check("```\nno\n```\n<!-- ci: test -->\n```\nyes\n```\n", Some("yes\n"));
        check("<!-- ci: test -->\n````\n```\n````\n", Some("```\n"));
        check("```sh\ncargo test\n```\n", None);
        check("<!-- ci: other -->\n```\nx\n```\n", None);
        check("<!-- ci: test -->\nprose\n```\nx\n```\n", None);
        check("<!-- ci: test -->\n```\nnever closed\n", None);
        check("<!-- ci: test -->", None);
    }
}
