//! What must go, what must stay, and that JSON stays JSON.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[test]
fn names_that_promise_a_secret() {
    for name in [
        "DB_PASSWORD",
        "password",
        "dbPasswd",
        "REDIS_AUTH_TOKEN",
        "token",
        "CLIENT_SECRET",
        "apiKey",
        "API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "credentials",
        "mysql-root-password",
        "PGPASSWORD",
        "KEY",
        "--password",
        "数据库_密码",
    ] {
        assert!(names_secret(name, true), "{name}");
    }
    for name in [
        "SECRET_NAME",
        "secretName",
        "TOKEN_TTL",
        "PASSWORD_FILE",
        "KEY_PREFIX",
        "KEYCLOAK_HOST",
        "KEYSPACE",
        "monkey",
        "TOKEN_SERVER",
        "DATABASE_URL",
        "compass",
        "",
        "bypass-mode",
    ] {
        assert!(!names_secret(name, true), "{name}");
    }
    assert!(!names_secret("key", false), "a taint's key is no secret");
}

#[test]
fn secrets_in_text_go_and_the_rest_of_the_line_stays() {
    for (before, after) in [
        ("postgres://cart:hunter2@db:5432/x", "postgres://REDACTED@db:5432/x"),
        ("dial redis://:p4ss@cache:6379/0 failed", "dial redis://REDACTED@cache:6379/0 failed"),
        ("amqp://u:p@ssword@mq:5672", "amqp://REDACTED@mq:5672"),
        ("amqp://u:pa/ss@mq:5672", "amqp://REDACTED@mq:5672"),
        ("https://ghost@git.example.com/x", "https://REDACTED@git.example.com/x"),
        ("root:secret1@tcp(mysql:3306)/shop", "REDACTED@tcp(mysql:3306)/shop"),
        ("mongo cart:pw@mongo-0:27017", "mongo REDACTED@mongo-0:27017"),
        ("Authorization: Bearer abcdefgh", "Authorization: Bearer REDACTED"),
        ("curl -H 'bearer 0123456789abcdef'", "curl -H 'bearer REDACTED'"),
        ("key AKIAIOSFODNN7EXAMPLE refused", "key REDACTED refused"),
        ("access id LTAI5tABCDEFGHIJK here", "access id REDACTED here"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln end", "got REDACTED end"),
        ("connect password=hunter2 host=db", "connect password=REDACTED host=db"),
        ("GET /cb?token=abc&x=1", "GET /cb?token=REDACTED&x=1"),
        (r#"{"password":"a\"b","host":"db"}"#, r#"{"password":"REDACTED","host":"db"}"#),
        (r#"{"token":12345,"n":1}"#, r#"{"token":"REDACTED","n":1}"#),
        ("--db-password=hunter2 --port=1", "--db-password=REDACTED --port=1"),
        ("secret: s3cr3tvalue9", "secret: REDACTED"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----\nnext", "REDACTED\nnext"),
        ("x -----BEGIN PRIVATE KEY-----\nMIIabc==\n[INFO]", "x REDACTED[INFO]"),
        (r"k\nuser1:pw@db:1", r"k\nREDACTED@db:1"),
        ("密码:abc12345", "密码:REDACTED"),
    ] {
        assert_eq!(text(before, Style::Prose), after);
    }
}

#[test]
fn what_explains_a_fault_is_never_taken() {
    for line in [
        "couldn't find key password in Secret shop/db",
        "secret \"db-credentials\" not found",
        "error: invalid token: expired",
        "password authentication failed for user \"cart\"",
        "failed to fetch anonymous token: unexpected status: 401 Unauthorized",
        "Back-off pulling image \"registry.example.com/shop/cart:1.2@sha256:0123456789abcdef\"",
        "dial tcp 10.0.0.1:5432: connect: connection refused",
        "http://cart:8080/path?mail=a@b.example",
        "1 node(s) had untolerated taint {key=dedicated, value=batch}",
        "Basic authentication failed",
        "-----BEGIN CERTIFICATE-----\nMIIabc\n-----END CERTIFICATE-----",
        "secretName=db automountServiceAccountToken=false",
        "内存溢出 容器被杀死",
    ] {
        assert_eq!(text(line, Style::Prose), line);
    }
}

#[test]
fn objects_lose_secrets_and_keep_their_shape() {
    let mut value = json!({"kind":"List","items":[
        {"kind":"Secret","metadata":{"name":"db","managedFields":[{"a":1}],"annotations":{
            "kubectl.kubernetes.io/last-applied-configuration":"{}","example.com/token":"abc","note":"ok"}},
         "data":{"password":"aHVudGVyMg=="},"stringData":{"x":"y"},"type":"Opaque"},
        {"kind":"ConfigMap","metadata":{"name":"c"},"data":{
            "app.yaml":"db:\n  host: db\n  password: wrong\n  url: jdbc:mysql://root:pw@db:3306/x\n","API_KEY":"abc","level":"info"}},
        {"kind":"Pod","spec":{"containers":[{"name":"app","args":["--token","abc","--host","db","--password=x1"],
            "env":[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"DB_URL","value":"postgres://u:p@db:5432/x"},
                   {"name":"TOKEN","valueFrom":{"secretKeyRef":{"name":"s","key":"token"}}},
                   {"name":"SECRET_NAME","value":"db"},{"name":"PASS","value":"$(OTHER)"}]}]}},
    ]});
    object(&mut value);
    let expect = json!({"kind":"List","items":[
        {"kind":"Secret","metadata":{"name":"db","annotations":{"example.com/token":"REDACTED","note":"ok"}},
         "data":{"password":""},"stringData":{"x":""},"type":"Opaque"},
        {"kind":"ConfigMap","metadata":{"name":"c"},"data":{
            "app.yaml":"db:\n  host: db\n  password: REDACTED\n  url: jdbc:mysql://REDACTED@db:3306/x\n","API_KEY":"REDACTED","level":"info"}},
        {"kind":"Pod","spec":{"containers":[{"name":"app","args":["--token","REDACTED","--host","db","--password=REDACTED"],
            "env":[{"name":"DB_PASSWORD","value":"REDACTED"},{"name":"DB_URL","value":"postgres://REDACTED@db:5432/x"},
                   {"name":"TOKEN","valueFrom":{"secretKeyRef":{"name":"s","key":"token"}}},
                   {"name":"SECRET_NAME","value":"db"},{"name":"PASS","value":"$(OTHER)"}]}]}},
    ]});
    assert_eq!(value, expect);
}

/// JSON of the kind that logs hold, with everything in it that could trip a pattern.
fn tricky_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("password".to_owned()),
        Just("token".to_owned()),
        Just("a://u:p@h".to_owned()),
        Just("u:p@h:1".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----\nab\"c".to_owned()),
        Just("secret=".to_owned()),
        Just("x://a:\\\"b@c".to_owned()),
        Just("\\".to_owned()),
        Just("\n".to_owned()),
        Just("Bearer abc123def456\"".to_owned()),
        "[ -~\n\t\"\\\\]{0,12}",
        any::<String>(),
    ];
    let text = proptest::collection::vec(word, 0..4).prop_map(|w| w.concat());
    let leaf = prop_oneof![
        text.clone().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null)
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(text.clone(), inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_json_line_stays_json(value in tricky_json(), pretty: bool) {
        let line = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.expect("a value");
        for style in [Style::Prose, Style::Config] {
            let clean = text(&line, style);
            prop_assert!(serde_json::from_str::<Value>(&clean).is_ok(), "{line}\n{clean}");
        }
    }

    #[test]
    fn redacting_twice_changes_nothing_more(line in "[ -~]{0,60}") {
        let once = text(&line, Style::Prose).into_owned();
        let twice = text(&once, Style::Prose).into_owned();
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn a_password_in_a_url_never_survives(user in "[a-z]{1,8}", password in "[A-Za-z0-9!#$%^*_+=.-]{6,20}", host in "[a-z]{3,8}") {
        let line = format!("cannot connect to postgres://{user}:{password}@{host}:5432/x: refused");
        let clean = text(&line, Style::Prose).into_owned();
        prop_assert_eq!(clean, format!("cannot connect to postgres://REDACTED@{host}:5432/x: refused"));
    }
}

#[test]
fn patterns_of_the_user_are_left_out_too() {
    let patterns = [regex::Regex::new(r"EMP-[0-9]+").expect("constant")];
    let mut value = serde_json::json!({"EMP-1": ["badge EMP-77 of EMP-8"], "n": 5});
    matches(&mut value, &patterns);
    assert_eq!(value, serde_json::json!({"EMP-1": ["badge REDACTED of REDACTED"], "n": 5}));
    assert!(matches!(text_matches("nothing here", &patterns), std::borrow::Cow::Borrowed(_)));
}
