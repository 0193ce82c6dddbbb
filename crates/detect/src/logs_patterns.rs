//! What log lines of many programs say when the same thing is wrong: one table, matched in one pass.
//!
//! Texts come from the programs' own sources: libc `strerror`, Go `net`, Node `errno`, the PostgreSQL, MySQL, Redis and
//! MongoDB servers, JDBC and connection pools, the JVM.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::Regex;

/// One kind of trouble with the words that tell it.
pub(crate) struct Pattern {
    pub code: &'static str,
    needles: &'static [&'static str],
    /// A second look at a line that holds a needle.
    confirm: fn(&str) -> bool,
}

const fn any(code: &'static str, needles: &'static [&'static str]) -> Pattern {
    Pattern { code, needles, confirm: |_| true }
}

/// Specific before general: the first pattern that a line meets names it. Needles are lower case.
const PATTERNS: &[Pattern] = &[
    Pattern {
        code: "database.credentials_refused",
        needles: &[
            "access denied for user",
            "password authentication failed",
            "noauth authentication required",
            "wrongpass invalid",
            "err invalid password",
            "authentication failed",
            "authenticationfailed",
            "no pg_hba.conf entry",
            "login failed for user",
            "ora-01017",
            "access_refused",
            "invalid username-password pair",
        ],
        confirm: |l| !has(l, &["tls", "x509", "certificate", "kubelet", "smtp", "webhook", "handshake"]),
    },
    any(
        "database.connections_exhausted",
        &[
            "too many connections",
            "too many clients already",
            "remaining connection slots are reserved",
            "max number of clients reached",
            "max_user_connections",
            "connection limit exceeded for",
            "no more connections allowed",
        ],
    ),
    any(
        "database.pool_exhausted",
        &[
            "connection pool exhausted",
            "connection pool is full",
            "queuepool limit of size",
            "timeout acquiring a connection",
            "timed out fetching a new connection from the connection pool",
            "unable to acquire jdbc connection",
            "connection is not available, request timed out",
            "pool error timeout, no idle connection",
            "could not get a resource from the pool",
            "timeout waiting for connection from pool",
        ],
    ),
    any(
        "database.read_only",
        &[
            "--read-only option",
            "--super-read-only option",
            "read-only transaction",
            "readonly you can't write against a read only",
            "notwritableprimary",
            "not master and slaveok=false",
            "database is in read-only mode",
            "database is read-only",
        ],
    ),
    any("log.read_only_filesystem", &["read-only file system", "erofs:", "attempt to write a readonly database"]),
    Pattern {
        code: "log.file_limit",
        needles: &[
            "too many open files",
            "emfile",
            "enfile:",
            "number of file watchers reached",
            "inotify instances",
            "inotify_add_watch",
        ],
        confirm: |_| true,
    },
    any(
        "log.disk_full",
        &["no space left on device", "enospc", "disk quota exceeded", "disk is full", "could not extend file"],
    ),
    any(
        "log.port_in_use",
        &[
            "address already in use",
            "eaddrinuse",
            "address in use",
            "only one usage of each socket address",
            "port is already in use",
            "was already in use",
        ],
    ),
    any(
        "log.heap_exhausted",
        &[
            "java.lang.outofmemoryerror",
            "javascript heap out of memory",
            "gc overhead limit exceeded",
            "runtime: out of memory",
            "cannot allocate memory",
            "memoryerror",
            "std::bad_alloc",
            "system.outofmemoryexception",
            "allowed memory size of",
        ],
    ),
    any(
        "log.child_killed",
        &[
            "perhaps out of memory?",
            "memory cgroup out of memory",
            "oom-kill:",
            "out of memory: kill",
            "was terminated by signal 9",
            "exited on signal 9",
            "oom_reaper",
        ],
    ),
    any(
        "log.certificate_expired",
        &[
            "certificate has expired",
            "cert_has_expired",
            "certificate is not yet valid",
            "certificateexpiredexception",
            "certificate expired",
        ],
    ),
    any(
        "log.certificate_untrusted",
        &[
            "certificate signed by unknown authority",
            "unable to verify the first certificate",
            "self signed certificate",
            "self-signed certificate",
            "certificate verify failed",
            "pkix path building failed",
            "unable_to_get_issuer_cert",
            "x509: certificate is valid for",
            "x509: certificate is not valid for",
            "err_tls_cert_altname_invalid",
            "certificate_unknown",
        ],
    ),
    Pattern {
        code: "log.api_forbidden",
        needles: &["is forbidden: user"],
        confirm: |l| has(l, &["system:serviceaccount:"]) && has(l, &["cannot "]),
    },
    any(
        "log.thread_limit",
        &[
            "unable to create native thread",
            "unable to create new native thread",
            "can't start new thread",
            "pthread_create failed",
            "cannot fork",
            "fork: retry: resource temporarily unavailable",
            "failed to create new os thread",
            "newosproc",
        ],
    ),
    Pattern { code: "log.config_missing", needles: MISSING, confirm: names_a_setting },
    Pattern {
        code: "log.schema_missing",
        needles: &[
            "relation \"",
            "relation \\\"",
            "no such table",
            "unknown column",
            "doesn't exist",
            "migrat",
            "unknown database",
            "database \"",
            "database \\\"",
        ],
        confirm: is_schema,
    },
    Pattern {
        code: "log.permission_denied",
        needles: &["permission denied", "eacces", "operation not permitted", "nio.file.accessdeniedexception"],
        confirm: |l| {
            !has(l, &["publickey", "rpc error", "permissiondenied", "status code", "http/1.1 403"])
                && path_in(l).is_some()
                || has(l, &["bind"])
        },
    },
    Pattern {
        code: "log.dns_failure",
        needles: &[
            "no such host",
            "name or service not known",
            // Node's code as a word: Python's FileNotFoundError ends with the same letters
            " enotfound",
            "'enotfound",
            "\"enotfound",
            "eai_again",
            "could not resolve",
            "unknownhostexception",
            "unknown host",
            "temporary failure in name resolution",
            "name resolution failed",
            "nxdomain",
            "could not translate host name",
            "name does not resolve",
            "getaddrinfo failed",
            "bad address '",
            "server misbehaving",
            "nodename nor servname",
            "host not found in upstream",
        ],
        confirm: is_no_platform_probe,
    },
    Pattern {
        code: "log.connection_refused",
        needles: &[
            "connection refused",
            "econnrefused",
            "no route to host",
            "ehostunreach",
            "host is unreachable",
            "network is unreachable",
            "actively refused",
            "no healthy upstream",
            "can't connect to",
            "cannot connect to",
            "could not connect to",
            "failed to connect to",
            "unable to connect to",
            "failed to establish a new connection",
        ],
        confirm: is_no_platform_probe,
    },
    Pattern {
        code: "log.connection_timeout",
        needles: &[
            "i/o timeout",
            "etimedout",
            "connection timed out",
            "connect timed out",
            "connect timeout",
            "context deadline exceeded",
            "deadlineexceeded",
            "deadline exceeded",
            "connecttimeout",
            "upstream request timeout",
            "read timed out",
            "esockettimedout",
        ],
        confirm: is_no_platform_probe,
    },
    Pattern {
        code: "log.unauthorized",
        needles: &[
            "401 unauthorized",
            "status code 401",
            "status 401",
            "statuscode: 401",
            "invalid api key",
            "invalid_client",
            "invalid_grant",
            "http 401",
        ],
        confirm: |_| true,
    },
];

const MISSING: &[&str] = &[
    "not set",
    "is missing",
    "missing required",
    "missing environment",
    "is required",
    "must be set",
    "must be defined",
    "not defined",
    "undefined",
    "keyerror:",
    "could not resolve placeholder",
    "no value for",
    "not found in env",
    "unset",
    "config file not found",
];

fn has(line: &str, words: &[&str]) -> bool {
    let line = line.to_ascii_lowercase();
    words.iter().any(|w| line.contains(w))
}

/// Cloud SDKs ask the platform's metadata server at start and go on without it.
fn is_no_platform_probe(line: &str) -> bool {
    !has(line, &["169.254.169.254", "metadata.google.internal", "computemetadata", "metadata server"])
}

/// A line about a setting in capital letters that is not there, and not an announcement of a default.
fn names_a_setting(line: &str) -> bool {
    let placeholder = has(line, &["could not resolve placeholder"]);
    let quiet = has(line, &["default", "optional", "skipping", "ignoring", "disabled", "warn", "info", "debug"]);
    (placeholder || setting_in(line).is_some()) && !quiet
}

/// The name of an environment variable or placeholder in a line.
pub(crate) fn setting_in(line: &str) -> Option<&str> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"placeholder '([^']+)'|\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b|(?:variable|env(?:ironment)?|KeyError:)[^A-Za-z]{1,4}([A-Z][A-Z0-9]{2,})\b")
            .expect("the pattern is fixed and tested")
    });
    let found = NAME.captures(line)?;
    found.get(1).or(found.get(2)).or(found.get(3)).map(|m| m.as_str())
}

/// Tables, columns, databases that are not there, and migrations that failed.
fn is_schema(line: &str) -> bool {
    let migration = has(line, &["migrat"]) && has(line, &["fail", "error", "dirty", "could not", "unable to"]);
    let missing =
        has(line, &["does not exist", "doesn't exist", "no such table", "unknown column", "unknown database"])
            && has(line, &["relation", "table", "column", "database"]);
    migration || missing
}

/// A file path in a line.
pub(crate) fn path_in(line: &str) -> Option<&str> {
    static PATH: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?:^|[\s"'`:(\[=])(/[\w.@%+~/-]+|[\w-]+\.(?:rdb|aof|db|sqlite3?|lock|pid|log|key|pem|crt))"#)
            .expect("the pattern is fixed and tested")
    });
    PATH.captures(line)?.get(1).map(|m| m.as_str().trim_end_matches(['.', ':', '/']))
}

static SEARCH: LazyLock<(AhoCorasick, Vec<usize>)> = LazyLock::new(|| {
    let pairs = PATTERNS.iter().enumerate().flat_map(|(i, p)| p.needles.iter().map(move |n| (i, *n)));
    let (owners, needles): (Vec<usize>, Vec<&str>) = pairs.unzip();
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(needles);
    (automaton.expect("the needles are few and short"), owners)
});

/// The code of a line, if it tells of a known trouble.
pub(crate) fn code_of(line: &str) -> Option<&'static str> {
    // a line of a dump has no news behind its first kilobytes
    let end = (0..=line.len().min(4096)).rev().find(|&i| line.is_char_boundary(i)).unwrap_or(0);
    let line = line.get(..end).unwrap_or_default();
    let (automaton, owners) = &*SEARCH;
    let mut met: Vec<usize> =
        automaton.find_overlapping_iter(line).filter_map(|m| owners.get(m.pattern().as_usize()).copied()).collect();
    met.sort_unstable();
    met.dedup();
    met.into_iter().filter_map(|i| PATTERNS.get(i)).find(|p| (p.confirm)(line)).map(|p| p.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named() {
        for (line, want) in [
            (
                "ERROR 1045 (28000): Access denied for user 'cart'@'10.0.0.9' (using password: YES)",
                "database.credentials_refused",
            ),
            ("FATAL:  password authentication failed for user \"cart\"", "database.credentials_refused"),
            ("NOAUTH Authentication required.", "database.credentials_refused"),
            ("MongoServerError: Authentication failed.", "database.credentials_refused"),
            ("Error 1040: Too many connections", "database.connections_exhausted"),
            ("FATAL: sorry, too many clients already", "database.connections_exhausted"),
            ("ERR max number of clients reached", "database.connections_exhausted"),
            ("HikariPool-1 - Connection is not available, request timed out after 30000ms.", "database.pool_exhausted"),
            (
                "The MySQL server is running with the --read-only option so it cannot execute this statement",
                "database.read_only",
            ),
            ("ERROR: cannot execute INSERT in a read-only transaction", "database.read_only"),
            ("READONLY You can't write against a read only replica.", "database.read_only"),
            ("open /data/x: read-only file system", "log.read_only_filesystem"),
            ("write /data/x: no space left on device", "log.disk_full"),
            ("ENOSPC: System limit for number of file watchers reached, watch '/app'", "log.file_limit"),
            ("listen tcp :8080: bind: address already in use", "log.port_in_use"),
            ("Error: listen EADDRINUSE: address already in use :::3000", "log.port_in_use"),
            ("java.lang.OutOfMemoryError: Java heap space", "log.heap_exhausted"),
            ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "log.heap_exhausted"),
            ("java.lang.OutOfMemoryError: unable to create native thread", "log.heap_exhausted"),
            ("[CRITICAL] Worker (pid:9) was sent SIGKILL! Perhaps out of memory?", "log.child_killed"),
            ("x509: certificate has expired or is not yet valid", "log.certificate_expired"),
            ("x509: certificate signed by unknown authority", "log.certificate_untrusted"),
            (
                "pods is forbidden: User \"system:serviceaccount:shop:bot\" cannot list resource \"pods\" in API group \"\"",
                "log.api_forbidden",
            ),
            ("accept: too many open files", "log.file_limit"),
            ("RuntimeError: can't start new thread", "log.thread_limit"),
            ("KeyError: 'DATABASE_URL'", "log.config_missing"),
            ("fatal: environment variable PAYMENT_KEY is not set", "log.config_missing"),
            ("Could not resolve placeholder 'cart.db.url' in value", "log.config_missing"),
            ("ERROR: relation \"orders\" does not exist at character 15", "log.schema_missing"),
            ("Migration 0042_add_column failed", "log.schema_missing"),
            ("can't open /data/dump.rdb: Permission denied", "log.permission_denied"),
            ("dial tcp: lookup cart on 10.96.0.10:53: no such host", "log.dns_failure"),
            ("getaddrinfo EAI_AGAIN db", "log.dns_failure"),
            ("dial tcp 10.96.3.4:7070: connect: connection refused", "log.connection_refused"),
            ("dial tcp 10.96.3.4:7070: i/o timeout", "log.connection_timeout"),
            ("upstream said 401 Unauthorized", "log.unauthorized"),
        ] {
            assert_eq!(code_of(line), Some(want), "{line}");
        }
    }

    #[test]
    fn other_lines_are_not() {
        for line in [
            "GET /healthz 200",
            "lookup metadata.google.internal on 10.0.0.10:53: no such host",
            "dial tcp 169.254.169.254:80: i/o timeout",
            "INFO environment variable DEBUG_PORT not set, using default 80",
            "permission denied",
            "server max_connections is 100",
            "migrating 14 tables",
            "",
        ] {
            assert_eq!(code_of(line), None, "{line}");
        }
        assert_eq!(code_of(&format!("{}too many open files", "字".repeat(5000))), None);
    }

    #[test]
    fn settings_and_paths_are_read() {
        assert_eq!(setting_in("KeyError: 'DATABASE_URL'"), Some("DATABASE_URL"));
        assert_eq!(setting_in("Could not resolve placeholder 'a.b' in value"), Some("a.b"));
        assert_eq!(setting_in("environment variable TOKEN must be set"), Some("TOKEN"));
        assert_eq!(setting_in("value is not set"), None);
        assert_eq!(path_in("open /var/lib/x/y.db: permission denied"), Some("/var/lib/x/y.db"));
        assert_eq!(path_in("can't open the RDB file dump.rdb for reading: Permission denied"), Some("dump.rdb"));
        assert_eq!(path_in("mkdir: can't create directory '/data/x': Permission denied"), Some("/data/x"));
    }
}
