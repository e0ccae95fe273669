//! Reads commands from marked code blocks of README.md.
//!
//! A comment line `<!-- ci: NAME -->` marks the fenced code block after it, so that `cargo xtask
//! ci` runs exactly the commands in the README.

/// The content of the code block with the mark NAME; `None` if the README has no such block.
///
/// The prompt `$ ` is removed from the start of lines.
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
    fn blocks_are_found_by_their_mark() {
        let check = |readme: &str, expected: Option<&str>| {
            assert_eq!(marked_block(readme, "test").as_deref(), expected, "in {readme:?}");
        };
        check(
            "# T\n<!-- ci: test -->\n```sh\ncargo test --workspace\n```\n",
            Some("cargo test --workspace\n"),
        );
        check("<!-- ci: test -->\n\n```\n$ cargo a\n$ cargo b\n```", Some("cargo a\ncargo b\n"));
        // The first block has no mark.
        check("```\nno\n```\n<!-- ci: test -->\n```\nyes\n```\n", Some("yes\n"));
        check("<!-- ci: test -->\n````\n```\n````\n", Some("```\n"));
        check("```sh\ncargo test\n```\n", None);
        check("<!-- ci: other -->\n```\nx\n```\n", None);
        check("<!-- ci: test -->\nprose\n```\nx\n```\n", None);
        check("<!-- ci: test -->\n```\nnever closed\n", None);
        check("<!-- ci: test -->", None);
    }
}
