//! Which names promise a secret.

/// Words that make a name secret wherever they stand.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pass",
    "token",
    "tokens",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "apikey",
    "accesskey",
    "privatekey",
    "secretkey",
    "authkey",
    "sk",
    "ak",
    "密码",
    "口令",
    "密钥",
];

/// With one of these before it a `key` is a secret, in any text.
const KEY_OF: &[&str] =
    &["api", "access", "private", "secret", "encryption", "signing", "auth", "master", "account", "license", "ssh"];

/// Names that end so speak about a secret without being one: `TOKEN_TTL`, `secretName`, `PASSWORD_FILE`.
const HARMLESS_END: &[&str] = &[
    "name",
    "names",
    "file",
    "files",
    "path",
    "dir",
    "ref",
    "ttl",
    "timeout",
    "expiry",
    "expiration",
    "enabled",
    "disabled",
    "url",
    "uri",
    "host",
    "hosts",
    "port",
    "prefix",
    "type",
    "count",
    "size",
    "algorithm",
    "mount",
    "namespace",
    "issuer",
    "endpoint",
    "address",
    "server",
    "length",
    "lifetime",
    "interval",
    "seconds",
    "policy",
    "mode",
    "required",
    "header",
    "version",
    "hash",
    "audience",
    "limit",
    "max",
    "min",
    "period",
    "provider",
    "class",
];

/// True for a name like `DB_PASSWORD`, `apiKey` or `auth.token`. `key_alone` says whether a bare `key` counts: it does
/// for a variable or a map entry, it does not in prose (`key=node.kubernetes.io/not-ready`).
pub fn names_secret(name: &str, key_alone: bool) -> bool {
    let words = words(name);
    let Some(last) = words.last() else { return false };
    if HARMLESS_END.contains(&last.as_str()) {
        return false;
    }
    let compound = |w: &str| ["password", "passwd", "apikey", "secret", "token"].iter().any(|s| w.ends_with(s));
    if words.iter().any(|w| SECRET.contains(&w.as_str()) || compound(w)) {
        return true;
    }
    let key_at = words.iter().position(|w| w == "key" || w == "keys");
    key_at.is_some_and(|at| match at.checked_sub(1).and_then(|i| words.get(i)) {
        Some(before) => KEY_OF.contains(&before.as_str()) || (key_alone && at + 1 == words.len()),
        None => key_alone && at + 1 == words.len(),
    })
}

/// `dbPassword`, `DB_PASSWORD` and `db.password` are `db`, `password`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        let starts = !c.is_alphanumeric() || (c.is_uppercase() && before_lower);
        if starts {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|w| !w.is_empty());
    words
}
