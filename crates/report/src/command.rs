//! Commands to copy: places filled so that a hostile name in a file stays one argument of the shell.

use rootline_model::Args;

use crate::plain;

/// Where in the template a place stands.
#[derive(Clone, Copy, PartialEq)]
enum Quotes {
    None,
    Single,
    Double,
}

/// Fills the places of a command. Unknown places stay, as `{.spec.affinity}` of a JSON path must.
pub fn fill(template: &str, args: &Args) -> String {
    let mut out = String::with_capacity(template.len() + 16);
    let mut quotes = Quotes::None;
    let template = args.settle(template);
    let mut rest = template.as_str();
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '{' => {
                if let Some((name, after)) = rest.split_once('}')
                    && let Some(value) = args.get(name)
                {
                    out.push_str(&quoted(&plain::line(value), quotes));
                    rest = after;
                    continue;
                }
            }
            '\'' if quotes == Quotes::None => quotes = Quotes::Single,
            '\'' if quotes == Quotes::Single => quotes = Quotes::None,
            '"' if quotes == Quotes::None => quotes = Quotes::Double,
            '"' if quotes == Quotes::Double => quotes = Quotes::None,
            _ => {}
        }
        out.push(c);
    }
    out
}

fn quoted(value: &str, quotes: Quotes) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match quotes {
        Quotes::None if !value.is_empty() && value.chars().all(harmless) => value.to_owned(),
        Quotes::None => format!("'{}'", value.replace('\'', r"'\''")),
        Quotes::Single => value.replace('\'', r"'\''"),
        Quotes::Double => {
            let mut out = String::with_capacity(value.len());
            for c in value.chars() {
                if matches!(c, '"' | '\\' | '$' | '`' | '!') {
                    out.push('\\');
                }
                out.push(c);
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, value: &str, expect: &str) {
        let args = [("name", value.to_owned())].into_iter().collect();
        assert_eq!(fill(template, &args), expect);
    }

    #[test]
    fn plain_names_stay_plain() {
        check("kubectl get secret {name}", "cart-db", "kubectl get secret cart-db");
        check(
            "kubectl get pod -o jsonpath={.spec.affinity} {name}",
            "a",
            "kubectl get pod -o jsonpath={.spec.affinity} a",
        );
        check("{", "a", "{");
    }

    #[test]
    fn hostile_names_stay_one_argument() {
        check("kubectl get secret {name}", "x; reboot", "kubectl get secret 'x; reboot'");
        check("kubectl get secret {name}", "x'$(id)", r"kubectl get secret 'x'\''$(id)'");
        check("grep '{name}' f", "it's", r"grep 'it'\''s' f");
        check("grep \"{name}\" f", "$(id)\"", "grep \"\\$(id)\\\"\" f");
        check("kubectl get secret {name}", "x\nreboot", "kubectl get secret 'x reboot'");
        check("kubectl get secret {name}", "", "kubectl get secret ''");
    }
}
