//! Text that exists in several languages: a key of a catalogue plus arguments.

/// Named arguments, kept in the order they were set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args(Vec<(&'static str, String)>);

impl Args {
    pub fn set(&mut self, key: &'static str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(k, _)| *k == key) {
            Some(slot) => slot.1 = value,
            None => self.0.push((key, value)),
        }
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| v.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(k, v)| (*k, v.as_str()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces `{name}` in a template; an unknown name stays as it is, so that a slip is seen and nothing fails. What
    /// stands in `[[…]]` is left out unless every name in it has a value (`-` and `?` are none): `exits with {code}[[: {line}]]`.
    pub fn fill(&self, template: &str) -> String {
        self.fill_names(&self.settle(template))
    }

    /// Decides which `[[…]]` of a template stay; names stay as they are.
    pub fn settle(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, (optional, after))) =
            rest.split_once("[[").and_then(|(before, tail)| Some((before, tail.split_once("]]")?)))
        {
            out.push_str(before);
            if names_in(optional).all(|name| self.get(name).is_some_and(|v| !matches!(v, "" | "-" | "?"))) {
                out.push_str(optional);
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn fill_names(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 16);
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            let (before, tail) = rest.split_at(open);
            out.push_str(before);
            match tail.find('}').map(|end| (&tail[1..end], &tail[end + 1..])) {
                Some((name, after)) if self.get(name).is_some() => {
                    out.push_str(self.get(name).unwrap_or_default());
                    rest = after;
                }
                _ => {
                    out.push('{');
                    rest = &tail[1..];
                }
            }
        }
        out.push_str(rest);
        out
    }
}

fn names_in(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name)
}

impl FromIterator<(&'static str, String)> for Args {
    fn from_iter<T: IntoIterator<Item = (&'static str, String)>>(iter: T) -> Self {
        let mut args = Args::default();
        for (k, v) in iter {
            args.set(k, v);
        }
        args
    }
}

/// A sentence: the key of a catalogue entry with its arguments, or text that is the same in every language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Empty for plain text, which then stands in the argument `text`.
    pub key: &'static str,
    pub args: Args,
}

impl Message {
    pub fn new(key: &'static str) -> Self {
        Message { key, args: Args::default() }
    }

    /// Text that is nobody's to translate: an error of another program, a name.
    pub fn plain(text: impl Into<String>) -> Self {
        Message { key: "", args: [("text", text.into())].into_iter().collect() }
    }

    #[must_use]
    pub fn arg(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.args.set(key, value);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_and_strange_braces_survive() {
        let mut args: Args = [("a", "1".to_owned()), ("b", "{a}".to_owned())].into_iter().collect();
        assert_eq!(args.fill("{a} and {b} and {c} and {"), "1 and {a} and {c} and {");
        assert_eq!(args.fill("全角{a}文字"), "全角1文字");
        args.set("none", "-");
        assert_eq!(args.fill("{a}[[: {z}]][[, {none}]][[ and {a}]] [[open"), "1 and 1 [[open");
    }
}
