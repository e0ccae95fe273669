//! The page's files without what only their readers need: comments, indentation, spaces.

/// A style sheet without comments and indentation.
pub(crate) fn slim_style(source: &str) -> String {
    joined(lines(source))
}

/// A script likewise, and without the spaces around its punctuation.
pub(crate) fn slim_script(source: &str) -> String {
    joined(lines(source).map(|line| without_spaces(&line)))
}

/// Lines one after another; what ends a statement or opens something needs no line end.
fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.fold(String::new(), |mut all, line| {
        all.push_str(&line);
        if !line.ends_with([';', '{', ',', '(']) {
            all.push('\n');
        }
        all
    })
}

/// The lines without `/* … */`, without lines that are a comment, and without indentation. It knows
/// no strings: the page's own hold no `/*`, and none begins a line with `//`.
fn lines(source: &str) -> impl Iterator<Item = String> {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("/*") {
        code.push_str(&rest[..start]);
        let comment = &rest[start..];
        rest = comment.find("*/").map_or("", |end| &comment[end + 2..]);
    }
    code.push_str(rest);
    let lines: Vec<String> = code.lines().map(|line| line.trim().to_owned()).collect();
    lines.into_iter().filter(|l| !l.is_empty() && !l.starts_with("//"))
}

/// Drops spaces beside punctuation that never needs them, outside strings and templates. A line
/// with a regular expression, which may hold quotes, stays as it is.
fn without_spaces(line: &str) -> String {
    if line.contains("/g") || line.contains("/u") || line.contains("(/") || line.contains(" /") {
        return line.to_owned();
    }
    let apart = |c: char| "=,;:{}()[]?&|<>".contains(c);
    let mut out = String::with_capacity(line.len());
    let nested = line.matches('`').count() > 2;
    let mut quote = None;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match quote {
            Some(q) => {
                out.push(c);
                if c == '\\' {
                    out.extend(characters.next());
                } else if c == q {
                    quote = None;
                }
            }
            // Of templates within templates, the rest of the line stays.
            None if c == '`' && nested => {
                out.push(c);
                out.extend(characters.by_ref());
            }
            None if c == ' ' => {
                let beside = characters.peek().is_none_or(|next| apart(*next));
                if !beside && !out.chars().next_back().is_some_and(apart) {
                    out.push(c);
                }
            }
            None => {
                quote = (c == '\'' || c == '"' || c == '`').then_some(c);
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_indentation_and_spaces_go() {
        let source = "// A.\n/** @type {x} */\nlet a = /** @type {y} */ (1);\n  /* b\n c */\n  f('// b', c);\n";
        assert_eq!(slim_script(source), "let a=(1);f('// b',c);");
        assert_eq!(slim_style(" /* a */\n.b > :c { d: e }\n"), ".b > :c { d: e }\n");
    }

    #[test]
    fn strings_templates_and_expressions_stay() {
        assert_eq!(slim_script("if (a) {\n  b();\n}\nc\n"), "if(a){b();}\nc\n");
        for line in [
            "a('b = c');",
            "a(`b ${c ? `d, e` : f} = d`, e  =  f);",
            "x.replace(/[' =]/g, '')",
            "return -a / b - c;",
        ] {
            let slim = slim_script(line);
            assert!(slim.contains(line.trim_start_matches("a(").trim_end_matches(");")), "{slim}");
        }
        assert_eq!(slim_script("a(`b, ${c} = d`, e);"), "a(`b, ${c} = d`,e);");
        assert_eq!(slim_script("if (a && b) return [c, d] ;"), "if(a&&b)return[c,d];");
        assert_eq!(slim_script("a = 'it\\'s = ' + b"), "a='it\\'s = ' + b\n");
    }
}
