//! Reading routes out of proxy configuration: nginx, Envoy, HAProxy, Caddy, Traefik, Spring Cloud Gateway and their like.
//!
//! No format is parsed in full. A route is a block with labels (paths, ids) and one target; blocks begin with a list item,
//! a `location`, a `backend`, a `handle`. That is enough to see which path goes to which service.

use std::sync::LazyLock;

use regex::Regex;
use rootline_world::addresses_in;

/// Longest text read and most routes kept of one.
const TEXT_MAX: usize = 512 * 1024;
const ENTRIES_MAX: usize = 1024;

/// One route: what it is known by, and the host or service it goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub labels: Vec<String>,
    pub target: String,
}

struct Patterns {
    begins: Regex,
    label: Regex,
    target: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns {
    begins: Regex::new(r"^\s*(?:location\b|backend\s|handle(?:_path)?\b|reverse_proxy\s+/|upstream\s|use_backend\b|\[\[?routes?)")
        .expect("the pattern is fixed and tested"),
    label: Regex::new(concat!(
        r#"(?:^|[\s"'{,\[(`=])(?:id|name|path|prefix|path_prefix|path_beg|regex|uri_prefix|safe_regex|PathPrefix|Path)["']?\s*[:=(]?\s*[`"'(]*([^\s`"',;)}\]]+)"#,
        r"|^\s*(?:location(?:\s+[=~^*]+)?|handle(?:_path)?|reverse_proxy|backend|upstream)\s+([^\s{;]+)",
    ))
    .expect("the pattern is fixed and tested"),
    target: Regex::new(concat!(
        r#"(?:^|[\s"'{,-])(?:uri|url|cluster|service|serviceName|service_name|target|upstream|host|address|backend|server|proxy_pass|reverse_proxy|to)["']?\s*[:= ]\s*"#,
        r#"["']?(?:[a-z0-9+.-]+://)?([a-z0-9][a-z0-9.-]*)"#,
    ))
    .expect("the pattern is fixed and tested"),
}
});

/// Routes of a configuration text, in its order. Comments are left out.
pub(crate) fn entries(text: &str) -> Vec<Entry> {
    if text.len() > TEXT_MAX {
        return Vec::new();
    }
    let mut all: Vec<Entry> = Vec::new();
    let mut open = Entry::default();
    let mut indent = 0;
    for raw in text.lines() {
        let line = raw.split(" #").next().unwrap_or(raw);
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let depth = line.len() - trimmed.len();
        let item = trimmed.starts_with("- ");
        let path_item =
            item && ["match", "prefix", "path", "route"].iter().any(|w| trimmed[2..].trim_start().starts_with(w));
        let fresh = open.labels.is_empty() && open.target.is_empty();
        if PATTERNS.begins.is_match(line) || (item && (depth <= indent || fresh || path_item && !is_predicate(trimmed)))
        {
            close(&mut all, &mut open);
            indent = depth;
        }
        read(line, &mut open);
        if all.len() >= ENTRIES_MAX {
            return all;
        }
    }
    close(&mut all, &mut open);
    all
}

/// `- Path=/x/**` belongs to the route above it.
fn is_predicate(trimmed: &str) -> bool {
    trimmed.contains('=') && !trimmed.contains(": ")
}

fn close(all: &mut Vec<Entry>, open: &mut Entry) {
    let done = std::mem::take(open);
    if !done.labels.is_empty() && !done.target.is_empty() {
        all.push(done);
    }
}

fn read(line: &str, open: &mut Entry) {
    for hit in PATTERNS.label.captures_iter(line) {
        if let Some(label) = hit.get(1).or(hit.get(2)) {
            let label = label.as_str().trim_matches(['"', '\'', '`']);
            if open.labels.len() < 8 && !label.is_empty() {
                open.labels.push(label.to_owned());
            }
        }
    }
    // `backend pay` names a block, not what it leads to
    if !open.target.is_empty() || ["backend ", "upstream "].iter().any(|w| line.trim_start().starts_with(w)) {
        return;
    }
    if let Some(address) = addresses_in(line).into_iter().next() {
        open.target = first_part(&address.host);
    } else if let Some(hit) = PATTERNS.target.captures(line).and_then(|c| c.get(1)) {
        open.target = first_part(hit.as_str());
    }
}

/// The service's name in a host name.
fn first_part(host: &str) -> String {
    host.split('.').next().unwrap_or(host).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        entries(text).into_iter().map(|e| (e.labels.join(" "), e.target)).collect()
    }

    fn check(text: &str, want: &[(&str, &str)]) {
        let want: Vec<_> = want.iter().map(|(l, t)| ((*l).to_owned(), (*t).to_owned())).collect();
        assert_eq!(pairs(text), want, "{text}");
    }

    #[test]
    fn nginx_locations_are_read() {
        check(
            "server {\n  listen 80;\n  location /cart/ {\n    proxy_pass http://cart:8080/;\n  }\n  location = /orders {\n    # old\n    proxy_pass http://orders.shop.svc:80;\n  }\n}\n",
            &[("/cart/", "cart"), ("/orders", "orders")],
        );
    }

    #[test]
    fn spring_routes_are_read() {
        check(
            "spring:\n  cloud:\n    gateway:\n      routes:\n        - id: cart\n          uri: http://cart-service:8080\n          predicates:\n            - Path=/api/v1/cart/**\n        - id: orders\n          uri: lb://orders-service\n          predicates:\n            - Path=/api/v1/orders/**\n",
            &[("cart /api/v1/cart/**", "cart-service"), ("orders /api/v1/orders/**", "orders-service")],
        );
    }

    #[test]
    fn envoy_routes_are_read() {
        check(
            "routes:\n  - match:\n      prefix: \"/cart\"\n    route:\n      cluster: cart\n  - match: { prefix: \"/pay\" }\n    route: { cluster: payment }\n",
            &[("/cart", "cart"), ("/pay", "payment")],
        );
    }

    #[test]
    fn caddy_and_haproxy_are_read() {
        check(
            "reverse_proxy /cart/* cart:80\nreverse_proxy /pay/* payment:80\n",
            &[("/cart/*", "cart"), ("/pay/*", "payment")],
        );
        check(
            "backend cart\n  server s1 cart:80 check\nbackend pay\n  server s1 payment:80\n",
            &[("cart", "cart"), ("pay", "payment")],
        );
    }

    #[test]
    fn any_text_is_survived() {
        for text in
            ["", "- \n-\n- - -", "location", "字: 字 -> 字\n- 路径: /购物车", "{\"a\": [1,2,{\"path\":\"/x\"}]}"]
        {
            let _ = entries(text);
        }
    }
}
