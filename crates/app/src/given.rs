//! What the words after `diagnose` mean: files to read, or things that hurt.

use rootline_model::{EntityRef, Kind};

use crate::failure::Failure;

/// Endings that name a file even where there is none: then the answer is "no such file", not "no such kind".
const ENDINGS: [&str; 14] = [
    ".tar",
    ".gz",
    ".tgz",
    ".zst",
    ".tzst",
    ".zip",
    ".json",
    ".jsonl",
    ".yaml",
    ".yml",
    ".txt",
    ".log",
    ".rootline",
    ".md",
];

/// Arguments, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Paths; `-` is standard input.
    pub files: Vec<String>,
    /// Things to narrow the answer to.
    pub targets: Vec<EntityRef>,
}

/// Sorts arguments. `exists` tells whether a path is there.
pub fn sort(args: &[String], namespace: Option<&str>, exists: impl Fn(&str) -> bool) -> Result<Given, Failure> {
    let mut given = Given::default();
    for arg in args {
        if arg == "-" || exists(arg) || looks_like_file(arg) {
            given.files.push(arg.clone());
        } else {
            given.targets.push(target(arg, namespace)?);
        }
    }
    if given.files.iter().filter(|f| *f == "-").count() > 1 {
        return Err(Failure::new(("could not read the state", "无法读取集群状态"))
            .said(("standard input (-) is named twice", "标准输入（-）写了两次")));
    }
    Ok(given)
}

fn looks_like_file(arg: &str) -> bool {
    let lower = arg.to_ascii_lowercase();
    arg.starts_with(['/', '.', '~']) || ENDINGS.iter().any(|e| lower.ends_with(e))
}

fn target(arg: &str, namespace: Option<&str>) -> Result<EntityRef, Failure> {
    let unknown = |why: String| {
        Failure::new((format!("could not understand `{arg}`"), format!("无法理解 `{arg}`"))).detail(why).hint((
            "name a file that exists, `-` for standard input, or what hurts as KIND/NAME, such as deploy/cart or node/w1",
            "请给出存在的文件、表示标准输入的 `-`，或出问题的对象 KIND/NAME，例如 deploy/cart、node/w1",
        ))
    };
    let Some((kind, name)) = arg.split_once('/') else {
        return Err(unknown("there is no such file".to_owned()));
    };
    let Some(kind) = Kind::parse(kind) else {
        return Err(unknown(format!("there is no such file, and `{kind}` is no kind of object")));
    };
    // KIND/NAMESPACE/NAME is how the answer writes it, so it may be pasted back.
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (namespace, name),
        None if is_wide(kind) => ("", name),
        None => (namespace.unwrap_or_default(), name),
    };
    if name.is_empty() || name.contains('/') {
        return Err(unknown("it names no object".to_owned()));
    }
    Ok(EntityRef::new(kind, namespace, name))
}

/// Kinds that stand in no namespace.
const fn is_wide(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Cluster
            | Kind::Component
            | Kind::Node
            | Kind::Namespace
            | Kind::Webhook
            | Kind::ApiService
            | Kind::Crd
            | Kind::PriorityClass
            | Kind::StorageClass
            | Kind::CsiNode
            | Kind::VolumeAttachment
            | Kind::Pv
            | Kind::IngressClass
            | Kind::Csr
            | Kind::External
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &str, expect: Result<(&[&str], &[&str]), &str>) {
        let args: Vec<String> = args.split(' ').map(str::to_owned).collect();
        let exists = |path: &str| ["dump", "deploy/cart.d", "node/w1"].contains(&path);
        match (sort(&args, Some("shop"), exists), expect) {
            (Ok(given), Ok((files, targets))) => {
                let names: Vec<String> = given.targets.iter().map(ToString::to_string).collect();
                assert_eq!(given.files, files, "{args:?}");
                assert_eq!(names, targets, "{args:?}");
            }
            (Err(failure), Err(expect)) => {
                assert_eq!(failure.shown(rootline_model::Lang::En).to_string(), expect, "{args:?}")
            }
            (got, _) => panic!("{args:?}: {got:?}"),
        }
    }

    #[test]
    fn files_and_things_are_told_apart() {
        check("dump", Ok((&["dump"], &[])));
        check("- deploy/cart", Ok((&["-"], &["deployment/shop/cart"])));
        check("deploy/cart.d svc/front", Ok((&["deploy/cart.d"], &["service/shop/front"])));
        check("gone.tar.gz ./x /y", Ok((&["gone.tar.gz", "./x", "/y"], &[])));
        check("pod/edge/gw-0 no/w2", Ok((&[], &["pod/edge/gw-0", "node/w2"])));
        check("node/w1", Ok((&["node/w1"], &[])));
    }

    #[test]
    fn neither_is_an_error() {
        check("cart", Err("could not understand `cart`"));
        check("banana/cart", Err("could not understand `banana/cart`"));
        check("pod/", Err("could not understand `pod/`"));
        check("- -", Err("could not read the state"));
    }
}
