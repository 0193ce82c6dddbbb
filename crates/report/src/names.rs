//! Many names in little room.

use rootline_model::{EntityRef, Kind, Lang};

use crate::plain;
use crate::say::{self, fill};

/// Values that a template may use without anybody setting them, taken from the entity it speaks of.
pub fn standing(entity: &EntityRef, own: &rootline_model::Args) -> rootline_model::Args {
    let mut args = own.clone();
    let part = entity.part.as_deref().unwrap_or_default();
    let mut set = |key: &'static str, value: String| {
        if !value.is_empty() && own.get(key).is_none() {
            args.set(key, value);
        }
    };
    set("entity", entity.to_string());
    set("kind", entity.kind.word().to_owned());
    set("namespace", entity.namespace.to_string());
    set("name", entity.name.to_string());
    match entity.kind {
        Kind::Pod => set("pod", entity.name.to_string()),
        Kind::Container => {
            set("pod", entity.name.to_string());
            set("container", part.to_owned());
        }
        Kind::Node => set("node", entity.name.to_string()),
        Kind::Component => {
            set("node", entity.name.to_string());
            set("component", part.to_owned());
        }
        _ => {}
    }
    args
}

/// The same for sentences: a row of `kubectl get pods` tells of a container without its name, which is then called by
/// its pod's.
pub fn standing_in_prose(entity: &EntityRef, own: &rootline_model::Args) -> rootline_model::Args {
    let mut args = standing(entity, own);
    if args.get("container").is_none_or(str::is_empty) && !entity.name.is_empty() {
        args.set("container", &*entity.name);
    }
    args
}

/// An entity as it is shown.
pub fn shown(entity: &EntityRef) -> String {
    plain::line(&entity.to_string())
}

/// Up to `most` names, what repeats cut away: `pod/shop/cart-7f9-a1, …-b2, …-c3 and 35 more`.
pub fn list(lang: Lang, entities: &[&EntityRef], most: usize) -> String {
    let mut names: Vec<String> = entities.iter().map(|e| shown(e)).collect();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let more = names.len().saturating_sub(most);
    names.truncate(most);
    let join = say::word(lang, "list.join");
    let mut out = String::new();
    let mut before: Option<&String> = None;
    for name in &names {
        match before {
            None => out.push_str(name),
            Some(before) => {
                out.push_str(join);
                out.push_str(&without_common_start(before, name));
            }
        }
        before = Some(name);
    }
    if more > 0 {
        out.push(' ');
        out.push_str(&fill(lang, "more", &[("count", &plain::thousands(more))]));
    }
    out
}

/// The part of `name` that differs from the name before it, cut at a `/` or `-`.
fn without_common_start(before: &str, name: &str) -> String {
    let same = before.chars().zip(name.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum::<usize>();
    let cut = name[..same].rfind(['/', '-']).unwrap_or(0);
    // A few letters saved are not worth a riddle.
    if cut < 6 { name.to_owned() } else { format!("…{}", &name[cut..]) }
}

/// A kind after a number: `pods`, `ingresses`, `storageclasses`, `networkpolicies`; Chinese text keeps the API's word.
pub fn kinds(lang: Lang, kind: &str, count: usize) -> String {
    if lang == Lang::Zh || count == 1 {
        return kind.to_owned();
    }
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') && !kind.ends_with("limits") => format!("{kind}es"),
        None => format!("{kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_by_what_repeats() {
        let pods: Vec<EntityRef> = (0..40)
            .map(|i| EntityRef::pod("shop", &format!("cart-7f9c5-{}", ["a1", "b2", "c3"][i % 3].repeat(i / 3 + 1))))
            .collect();
        let pods: Vec<&EntityRef> = pods.iter().collect();
        assert_eq!(list(Lang::En, &pods, 3), "pod/shop/cart-7f9c5-a1, …-b2, …-c3 and 37 more");
        assert_eq!(list(Lang::Zh, &pods[..2], 3), "pod/shop/cart-7f9c5-a1、…-b2");
        assert_eq!(list(Lang::En, &[], 3), "");
    }

    #[test]
    fn other_namespaces_and_kinds_are_written_out() {
        let (a, b, c) = (EntityRef::node("w1"), EntityRef::pod("käse", "ä"), EntityRef::pod("käse", "ö"));
        assert_eq!(list(Lang::En, &[&a, &b, &c, &a], 9), "node/w1, pod/käse/ä, …/ö");
    }

    #[test]
    fn kinds_have_plurals() {
        for (kind, many) in [("pod", "pods"), ("ingress", "ingresses"), ("networkpolicy", "networkpolicies")] {
            assert_eq!(kinds(Lang::En, kind, 2), many);
            assert_eq!(kinds(Lang::En, kind, 1), kind);
            assert_eq!(kinds(Lang::Zh, kind, 2), kind);
        }
    }
}
