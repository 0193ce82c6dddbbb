//! Words of Kubernetes texts in English and Chinese.

/// Words of a text in order: lower case; names, versions, addresses and labels (`kube-system`, `v1.29.3`, `app=web`'s two
/// sides, `10.0.0.1:443`) stay whole, as runs of letters, digits and `_ . : / -` between other characters, without marks at their ends. Runs of
/// Han characters are cut by jieba (crate feature `jieba`), else into pairs of neighbouring characters; nothing else is
/// given to it, since it cuts names at hyphens. O(length).
#[must_use]
pub fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let class = class(first);
        let end = rest.char_indices().find(|(_, c)| self::class(*c) != class).map_or(rest.len(), |(i, _)| i);
        let (run, tail) = rest.split_at(end);
        rest = tail;
        match class {
            Class::Name => {
                let name = run.trim_matches(|c: char| matches!(c, '.' | ':' | '/' | '-'));
                if !name.is_empty() {
                    found.push(name.to_lowercase());
                }
            }
            Class::Han => han(run, &mut found),
            Class::Other => {}
        }
    }
    found
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Class {
    Name,
    Han,
    Other,
}

fn class(c: char) -> Class {
    match c {
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' => {
            Class::Han
        }
        '_' | '.' | ':' | '/' | '-' => Class::Name,
        c if c.is_alphanumeric() => Class::Name,
        _ => Class::Other,
    }
}

#[cfg(feature = "jieba")]
fn han(run: &str, found: &mut Vec<String>) {
    // the dictionary takes .14 s to load: once, and only where there is Chinese text
    static JIEBA: std::sync::LazyLock<jieba_rs::Jieba> = std::sync::LazyLock::new(jieba_rs::Jieba::new);
    found.extend(JIEBA.cut(run, false).into_iter().map(|t| t.word.to_owned()));
}

#[cfg(not(feature = "jieba"))]
fn han(run: &str, found: &mut Vec<String>) {
    bigrams(run, found);
}

/// Pairs of neighbouring characters; a single one alone.
#[cfg(any(test, not(feature = "jieba")))]
fn bigrams(run: &str, found: &mut Vec<String>) {
    let chars: Vec<char> = run.chars().collect();
    if chars.len() == 1 {
        found.push(run.to_owned());
    }
    found.extend(chars.windows(2).map(|pair| pair.iter().collect::<String>()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_whole_in_both_languages() {
        let words =
            tokens("节点node-017未就绪: Pod kube-system/coredns-5d78c9869d-abcde, image=nginx:1.25 (10.0.0.1:443)...");
        for name in ["node-017", "kube-system/coredns-5d78c9869d-abcde", "nginx:1.25", "10.0.0.1:443", "image", "pod"] {
            assert!(words.iter().any(|w| w == name), "{name} {words:?}");
        }
        assert!(words.iter().any(|w| w.contains('节')) && words.iter().all(|w| !w.contains("节点node")));
    }

    #[test]
    fn pairs_without_a_dictionary_and_nothing_from_nothing() {
        let mut found = Vec::new();
        bigrams("未就绪", &mut found);
        bigrams("点", &mut found);
        assert_eq!(found, ["未就", "就绪", "点"]);
        assert!(tokens("").is_empty() && tokens(" -- ...").is_empty());
    }
}
