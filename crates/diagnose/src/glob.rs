//! Patterns with `*` for argument values: `*exceeded quota*`. Case does not matter.

/// True if the whole text matches the pattern.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern = pattern.to_lowercase();
    let text = text.to_lowercase();
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_match_any_text() {
        for (pattern, text, want) in [
            ("*exceeded quota*", "pods \"a\" is forbidden: exceeded quota: compute", true),
            ("FailedCreate", "failedcreate", true),
            ("Failed*", "FailedCreate", true),
            ("Failed*", "xFailed", false),
            ("*a*b", "xaxb", true),
            ("*a*b", "xbxa", false),
            ("", "", true),
            ("", "x", false),
            ("*内存*", "节点内存不足", true),
        ] {
            assert_eq!(matches(pattern, text), want, "{pattern} on {text}");
        }
    }
}
