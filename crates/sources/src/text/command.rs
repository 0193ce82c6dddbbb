//! The command that printed a text.

use super::found::What;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Command<'a> {
    /// `get`, `describe`, `logs`, `events` …; `systemctl` for a service manager's status.
    pub verb: &'a str,
    /// What follows the verb, without options.
    pub words: Vec<&'a str>,
    pub namespace: Option<&'a str>,
    pub everywhere: bool,
    /// A selector, a pipe or a name stands between the list and the text.
    pub narrowed: bool,
    pub output: &'a str,
    pub container: &'a str,
    pub previous: bool,
}

/// Options that take the next word as their value.
const WITH_VALUE: [&str; 24] = [
    "-n",
    "--namespace",
    "-o",
    "--output",
    "-l",
    "--selector",
    "--field-selector",
    "-c",
    "--container",
    "--context",
    "--cluster",
    "--user",
    "--kubeconfig",
    "--sort-by",
    "--tail",
    "--since",
    "--since-time",
    "-L",
    "--label-columns",
    "--for",
    "--types",
    "-s",
    "--server",
    "--request-timeout",
];

impl<'a> Command<'a> {
    /// Reads a command line; `None` if no kubectl (or `systemctl status`) stands in it.
    pub fn parse(line: &'a str) -> Option<Command<'a>> {
        let mut words = line.split_ascii_whitespace().skip_while(|w| !is_tool(w));
        let tool = words.next()?;
        let mut out = Command::default();
        let mut options = Options::default();
        if tool.ends_with("systemctl") {
            out.verb = "systemctl";
        }
        while let Some(word) = words.next() {
            if matches!(word, "|" | ";" | "&&" | "||") || word.starts_with('|') {
                out.narrowed |= word.starts_with('|');
                break;
            }
            if matches!(word, ">" | ">>" | "2>&1" | "2>/dev/null") {
                continue;
            }
            let (name, inline) = word.split_once('=').map_or((word, None), |(n, v)| (n, Some(v)));
            if !word.starts_with('-') {
                let word = word.trim_end_matches(';');
                if out.verb.is_empty() {
                    out.verb = word;
                } else {
                    out.words.push(word);
                }
            } else if word.starts_with("-l") && word.len() > 2 {
                // `-lapp=cart`: the equals sign belongs to the selector
                options.set("-l", &word[2..]);
            } else if let Some((short, value)) = attached(word) {
                options.set(short, value);
            } else if let Some(value) = inline {
                options.set(name, value);
            } else if WITH_VALUE.contains(&name) {
                options.set(name, words.next().unwrap_or_default());
            } else {
                options.flag(name);
            }
        }
        options.into_command(&mut out);
        (!out.verb.is_empty()).then_some(out)
    }

    /// The kinds of a `get` or `describe`; unknown ones are left out.
    pub fn kinds(&self) -> Vec<What> {
        if self.verb == "events" {
            return vec![What::Events];
        }
        let first = self.words.first().copied().unwrap_or_default();
        if first == "all" {
            return ALL.iter().filter_map(|w| What::parse(w)).collect();
        }
        let kinds = first.split(',').map(|k| k.split('/').next().unwrap_or(k));
        kinds.filter_map(What::parse).collect()
    }

    /// True if the text holds every object of its kinds.
    pub fn lists_all(&self) -> bool {
        matches!(self.verb, "get" | "describe")
            && !self.narrowed
            && self.words.len() == 1
            && !self.words.iter().any(|w| w.contains('/'))
    }
}

/// What `kubectl get all` asks for.
const ALL: [&str; 9] = [
    "pods",
    "services",
    "daemonsets",
    "deployments",
    "replicasets",
    "statefulsets",
    "horizontalpodautoscalers",
    "cronjobs",
    "jobs",
];

#[derive(Default)]
struct Options<'a> {
    namespace: Option<&'a str>,
    everywhere: bool,
    narrowed: bool,
    output: &'a str,
    container: &'a str,
    previous: bool,
}

impl<'a> Options<'a> {
    fn set(&mut self, name: &str, value: &'a str) {
        let value = value.trim_matches(['"', '\'']);
        match name {
            "-n" | "--namespace" => self.namespace = Some(value).filter(|v| !v.is_empty()),
            "-o" | "--output" => self.output = value,
            "-c" | "--container" => self.container = value,
            "-l" | "--selector" | "--field-selector" | "--for" | "--types" => self.narrowed = true,
            "-A" | "--all-namespaces" => self.everywhere = value != "false",
            "-p" | "--previous" => self.previous = value != "false",
            _ => {}
        }
    }

    fn flag(&mut self, name: &'a str) {
        match name {
            "-A" | "--all-namespaces" => self.everywhere = true,
            "-p" | "--previous" => self.previous = true,
            _ => {}
        }
    }

    fn into_command(self, out: &mut Command<'a>) {
        out.namespace = self.namespace;
        out.everywhere = self.everywhere;
        out.narrowed |= self.narrowed;
        out.output = self.output;
        out.container = self.container;
        out.previous = self.previous;
    }
}

/// `-oyaml`, `-nshop`, `-lapp=cart`: a value that stands right behind its short option.
fn attached(word: &str) -> Option<(&str, &str)> {
    let (short, value) = word.split_at_checked(2)?;
    (matches!(short, "-o" | "-n" | "-l" | "-c") && !value.is_empty() && !value.starts_with('='))
        .then_some((short, value))
}

fn is_tool(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    matches!(name, "kubectl" | "kubectl.exe" | "k" | "oc" | "systemctl")
}

/// Verbs that begin a command rather than a sentence about kubectl.
const VERBS: [&str; 25] = [
    "get",
    "describe",
    "logs",
    "log",
    "events",
    "top",
    "version",
    "systemctl",
    "rollout",
    "apply",
    "exec",
    "config",
    "cluster-info",
    "delete",
    "edit",
    "scale",
    "patch",
    "auth",
    "explain",
    "api-resources",
    "run",
    "create",
    "debug",
    "drain",
    "cordon",
];

fn verb_follows(line: &str) -> Option<Command<'_>> {
    Command::parse(line).filter(|c| VERBS.contains(&c.verb))
}

/// The command of a line that a shell shows: `$ kubectl get pods`, `root@host:~# k logs cart-1`, `PS C:\> kubectl …`, or
/// a line that is nothing but the command. `Some(None)` for a prompt with another command.
pub(super) fn prompt(line: &str) -> Option<Option<Command<'_>>> {
    let line = line.trim_start();
    let tool_first = |rest: &str| rest.split_ascii_whitespace().next().is_some_and(|w| is_tool(w) || w == "sudo");
    if tool_first(line) {
        return verb_follows(line).map(Some);
    }
    // what a shell shows before the command ends in one of these, followed by a blank
    let at = line
        .char_indices()
        .take(100)
        .find(|&(i, c)| "$#>%❯➜λ".contains(c) && line[i + c.len_utf8()..].starts_with(' '));
    let (at, mark) = at?;
    let rest = line[at + mark.len_utf8()..].trim_start();
    let shell = line[..at].trim_end();
    if tool_first(rest) || (mark == '➜' && rest.contains("kubectl ")) {
        return verb_follows(rest).map(Some);
    }
    // another command: `$ ls`, `root@host:~# cat x`; a Markdown title or a comment is none
    let is_shell =
        (shell.is_empty() && mark == '$') || (shell.contains('@') && !shell.contains(' ')) || shell.starts_with("PS ");
    (is_shell && !rest.is_empty()).then_some(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rootline_model::Kind;

    #[test]
    fn commands_tell_what_they_list() {
        for (line, kinds, namespace, all) in [
            ("kubectl get pods -n shop -o wide", vec![What::Of(Kind::Pod)], Some("shop"), true),
            ("kubectl -n shop get po,svc", vec![What::Of(Kind::Pod), What::Of(Kind::Service)], Some("shop"), true),
            ("kubectl get deploy -lapp=cart", vec![What::Of(Kind::Deployment)], None, false),
            ("kubectl get pod cart-1", vec![What::Of(Kind::Pod)], None, false),
            ("kubectl get pod/cart-1 -nshop", vec![What::Of(Kind::Pod)], Some("shop"), false),
            ("kubectl get pods | grep cart", vec![What::Of(Kind::Pod)], None, false),
            ("kubectl get ep --namespace=shop --show-labels", vec![What::Endpoints], Some("shop"), true),
            ("kubectl get events --sort-by='.lastTimestamp' | tail -n 20", vec![What::Events], None, false),
            ("sudo /usr/bin/kubectl --context prod describe nodes", vec![What::Of(Kind::Node)], None, true),
        ] {
            let command = Command::parse(line).expect(line);
            assert_eq!((command.kinds(), command.namespace, command.lists_all()), (kinds, namespace, all), "{line}");
        }
        let logs = Command::parse("k logs -f cart-1 -c app --previous --tail=50").expect("a command");
        assert_eq!((logs.verb, &logs.words[..], logs.container, logs.previous), ("logs", &["cart-1"][..], "app", true));
    }

    #[test]
    fn prompts_are_told_from_text() {
        for (line, verb) in [
            ("$ kubectl get pods", Some(Some("get"))),
            ("# kubectl describe pod cart-1", Some(Some("describe"))),
            ("root@cp-1:~# kubectl logs cart-1", Some(Some("logs"))),
            ("[ops@bastion ~]$ sudo kubectl get nodes", Some(Some("get"))),
            ("PS C:\\Users\\ops> kubectl get nodes", Some(Some("get"))),
            ("kubectl get nodes", Some(Some("get"))),
            ("ops@bastion:~$ ls -l", Some(None)),
            ("# What happened", None),
            ("kubectl is not in the path", None),
            ("cart-1   1/1   Running", None),
            ("  echo $HOME > /tmp/x", None),
        ] {
            assert_eq!(prompt(line).map(|c| c.map(|c| c.verb)), verb, "{line}");
        }
    }
}
