//! Which name was meant: edit distance and the words of a name.

/// Words of names that tell nothing about whose name it is.
const PLAIN: [&str; 29] = [
    "service", "services", "svc", "host", "hostname", "addr", "address", "url", "uri", "endpoint", "port", "http",
    "https", "grpc", "tcp", "rpc", "server", "client", "backend", "base", "api", "rest", "v1", "v2", "target",
    "upstream", "internal", "app", "path",
];

/// Damerau-Levenshtein distance without repeats, given up above `limit`.
pub(crate) fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit || a.len() > 128 || b.len() > 128 {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|d| *d <= limit)
}

/// A slip of the pen: one or two letters, and not merely another number (`broker-2`, `broker-3` are two things).
pub(crate) fn is_slip(wrong: &str, right: &str) -> bool {
    let limit = match wrong.chars().count() {
        0..=3 => return false,
        4..=5 => 1,
        _ => 2,
    };
    let letters = |s: &str| s.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    wrong != right && letters(wrong) != letters(right) && distance(wrong, right, limit).is_some()
}

/// The nearest name by slip, the closest first.
pub(crate) fn nearest<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names.filter(|n| is_slip(wrong, n)).min_by_key(|n| (distance(wrong, n, 2).unwrap_or(usize::MAX), *n))
}

/// What a name is about: its words without the plain ones, joined. `CART_SERVICE_ADDR`, `cart-service`, `cartservice`
/// are all `cart`. Empty if nothing is left.
pub(crate) fn key_of(name: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for piece in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|p| !p.is_empty()) {
        for word in camel(piece) {
            if !PLAIN.contains(&word.as_str()) {
                words.push(word);
            }
        }
    }
    let mut key = words.concat();
    for tail in ["service", "svc"] {
        if let Some(head) = key.strip_suffix(tail).filter(|h| h.len() >= 2) {
            key = head.to_owned();
        }
    }
    key
}

/// `cartServiceUrl` → cart, service, url; `CART` → cart.
fn camel(piece: &str) -> Vec<String> {
    if piece.chars().all(|c| !c.is_ascii_lowercase()) {
        return vec![piece.to_ascii_lowercase()];
    }
    let mut words: Vec<String> = Vec::new();
    for c in piece.chars() {
        match words.last_mut() {
            Some(word) if !c.is_ascii_uppercase() => word.push(c),
            _ => words.push(c.to_ascii_lowercase().to_string()),
        }
    }
    words
}

/// Whether two keys may speak of one thing: equal, or one within the other.
pub(crate) fn akin(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    a == b || (short.len() >= 2 && long.contains(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_from_other_names() {
        for (wrong, right, want) in [
            ("carts", "cart", true),
            ("paymnet", "payment", true),
            ("redis", "reddis", true),
            ("broker-3", "broker-2", false),
            ("db", "dc", false),
            ("cart", "card-reader", false),
            ("cart", "cart", false),
        ] {
            assert_eq!(is_slip(wrong, right), want, "{wrong} {right}");
        }
        assert_eq!(nearest("catalogs", ["cart", "catalog", "catalogue"].into_iter()), Some("catalog"));
    }

    #[test]
    fn keys_drop_plain_words() {
        for (name, want) in [
            ("CART_SERVICE_ADDR", "cart"),
            ("cartservice", "cart"),
            ("order-history-service", "orderhistory"),
            ("cartServiceUrl", "cart"),
            ("SERVICE_URL", ""),
            ("ORDER_DB_HOST", "orderdb"),
        ] {
            assert_eq!(key_of(name), want, "{name}");
        }
        assert!(akin("cart", "cartcache"));
        assert!(!akin("cart", "orders"));
    }
}
