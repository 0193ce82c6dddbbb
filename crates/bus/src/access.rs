//! TLS and SASL in librdkafka's words.

use std::fmt;

use crate::{BusError, Options};

/// Files in PEM; empty: not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities to trust instead of the system's.
    pub ca_file: String,
    /// What is shown to brokers that ask.
    pub cert_file: String,
    pub key_file: String,
}

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sasl {
    pub mechanism: Mechanism,
    pub username: String,
    pub password: String,
}

/// No secret in what is printed.
impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mechanism {
    #[default]
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    const fn word(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// What librdkafka is told.
#[cfg_attr(not(feature = "kafka"), allow(dead_code, reason = "only a build with Kafka tells it"))]
pub(crate) fn properties(options: &Options) -> Vec<(&'static str, &str)> {
    let protocol = match (&options.tls, &options.sasl) {
        (None, None) => return Vec::new(),
        (Some(_), None) => "SSL",
        (None, Some(_)) => "SASL_PLAINTEXT",
        (Some(_), Some(_)) => "SASL_SSL",
    };
    let mut all = vec![("security.protocol", protocol)];
    if let Some(tls) = &options.tls {
        // OpenSSL is linked in and knows no folder of this system, so the usual ones are tried
        let ca = if tls.ca_file.is_empty() { "probe" } else { tls.ca_file.as_str() };
        all.push(("ssl.ca.location", ca));
        let own = [("ssl.certificate.location", tls.cert_file.as_str()), ("ssl.key.location", tls.key_file.as_str())];
        all.extend(own.into_iter().filter(|(_, file)| !file.is_empty()));
    }
    if let Some(sasl) = &options.sasl {
        all.push(("sasl.mechanism", sasl.mechanism.word()));
        all.extend([("sasl.username", sasl.username.as_str()), ("sasl.password", sasl.password.as_str())]);
    }
    all
}

/// Whether this build can do what is asked for.
///
/// # Errors
/// What it cannot, in a sentence.
#[cfg_attr(not(feature = "kafka"), allow(dead_code, reason = "only a build with Kafka asks"))]
pub(crate) fn possible(options: &Options, has_tls: bool) -> Result<(), BusError> {
    let scram = options.sasl.as_ref().map(|s| s.mechanism).filter(|m| *m != Mechanism::Plain);
    let what = match (&options.tls, scram) {
        _ if has_tls => return Ok(()),
        (Some(_), _) => "TLS",
        (None, Some(mechanism)) => mechanism.word(),
        (None, None) => return Ok(()),
    };
    let why = format!("this program was built without {what} for Kafka, expected cargo feature `kafka-tls`");
    Err(BusError::Settings(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sasl(mechanism: Mechanism) -> Option<Sasl> {
        Some(Sasl { mechanism, username: "rootline".to_owned(), password: "hunter2".to_owned() })
    }

    fn check(tls: Option<Tls>, sasl: Option<Sasl>, expect: &[(&str, &str)]) {
        assert_eq!(properties(&Options { tls, sasl, ..Options::default() }), expect);
    }

    #[test]
    fn what_is_configured_is_what_librdkafka_is_told() {
        check(None, None, &[]);
        check(Some(Tls::default()), None, &[("security.protocol", "SSL"), ("ssl.ca.location", "probe")]);
        let mutual = Tls { ca_file: "ca.pem".into(), cert_file: "c.pem".into(), key_file: "k.pem".into() };
        check(
            Some(mutual.clone()),
            None,
            &[
                ("security.protocol", "SSL"),
                ("ssl.ca.location", "ca.pem"),
                ("ssl.certificate.location", "c.pem"),
                ("ssl.key.location", "k.pem"),
            ],
        );
        let named = [("sasl.username", "rootline"), ("sasl.password", "hunter2")];
        check(
            None,
            sasl(Mechanism::Plain),
            &[&[("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "PLAIN")][..], &named].concat(),
        );
        let ca = Tls { ca_file: "ca.pem".into(), ..Tls::default() };
        check(
            Some(ca),
            sasl(Mechanism::ScramSha512),
            &[
                &[
                    ("security.protocol", "SASL_SSL"),
                    ("ssl.ca.location", "ca.pem"),
                    ("sasl.mechanism", "SCRAM-SHA-512"),
                ][..],
                &named,
            ]
            .concat(),
        );
    }

    #[test]
    fn a_build_without_tls_says_what_it_cannot_and_nothing_prints_the_password() {
        let of = |tls: Option<Tls>, mechanism| Options { tls, sasl: sasl(mechanism), ..Options::default() };
        assert_eq!(possible(&of(None, Mechanism::Plain), false), Ok(()));
        assert_eq!(possible(&of(Some(Tls::default()), Mechanism::ScramSha256), true), Ok(()));
        let said = |options: &Options| possible(options, false).map_err(|e| e.to_string()).expect_err("not possible");
        assert!(said(&of(Some(Tls::default()), Mechanism::Plain)).contains("without TLS for Kafka"));
        assert!(said(&of(None, Mechanism::ScramSha256)).contains("without SCRAM-SHA-256 for Kafka"));
        assert!(!format!("{:?}", of(None, Mechanism::Plain)).contains("hunter2"));
    }
}
