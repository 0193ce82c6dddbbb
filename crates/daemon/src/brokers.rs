//! How to get into Kafka: the configuration's files and names as the bus wants them.

use rootline_bus::{Mechanism, Options, Sasl, Tls};
use rootline_config::{Config, ConfigError, Kafka, SaslMechanism};

use crate::channels::filled;

/// What the bus is made with. `${NAME}` in brokers and settings comes from `env`, the password from its file.
///
/// # Errors
/// A name that the environment does not have, a file that is not what it should be, in a sentence.
pub fn options(kafka: &Kafka, env: &dyn Fn(&str) -> Option<String>) -> Result<Options, String> {
    let mut settings = Vec::with_capacity(kafka.settings.len());
    for (name, value) in &kafka.settings {
        settings.push((name.clone(), filled(value, env)?));
    }
    files(kafka)?;
    let tls = kafka.tls.then(|| Tls {
        ca_file: kafka.ca_file.clone(),
        cert_file: kafka.cert_file.clone(),
        key_file: kafka.key_file.clone(),
    });
    let sasl = match mechanism(kafka.sasl.mechanism) {
        None => None,
        Some(mechanism) => Some(Sasl {
            mechanism,
            username: kafka.sasl.username.clone(),
            password: password(&kafka.sasl.password_file)?,
        }),
    };
    Ok(Options { brokers: filled(&kafka.brokers, env)?, tls, sasl, settings })
}

const fn mechanism(configured: SaslMechanism) -> Option<Mechanism> {
    match configured {
        SaslMechanism::None => None,
        SaslMechanism::Plain => Some(Mechanism::Plain),
        SaslMechanism::Scram256 => Some(Mechanism::ScramSha256),
        SaslMechanism::Scram512 => Some(Mechanism::ScramSha512),
    }
}

/// Whether the files that the configuration names are there and hold what they should. `file` is only for messages.
///
/// # Errors
/// The first one that is not.
pub fn check_files(file: &str, config: &Config) -> Result<(), ConfigError> {
    let kafka = &config.kafka;
    let wrong = |why: String| ConfigError::whole(file, why);
    files(kafka).map_err(wrong)?;
    if kafka.sasl.mechanism != SaslMechanism::None {
        password(&kafka.sasl.password_file).map_err(wrong)?;
    }
    Ok(())
}

fn files(kafka: &Kafka) -> Result<(), String> {
    for (key, file, expected) in [
        ("ca_file", &kafka.ca_file, "CERTIFICATE-----"),
        ("cert_file", &kafka.cert_file, "CERTIFICATE-----"),
        ("key_file", &kafka.key_file, "PRIVATE KEY-----"),
    ] {
        if file.is_empty() {
            continue;
        }
        let pem = std::fs::read_to_string(file).map_err(|e| format!("kafka.{key}: {file}: {e}"))?;
        if !pem.contains(expected) {
            let what = expected.trim_end_matches('-').to_lowercase();
            return Err(format!("kafka.{key}: {file} holds no {what}, expected PEM"));
        }
    }
    Ok(())
}

fn password(file: &str) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("kafka.sasl.password_file: {file}: {e}"))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(format!("kafka.sasl.password_file: {file} is empty, expected the password"));
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kafka(yaml: &str) -> Kafka {
        rootline_config::parse("f", &format!("kafka: {{brokers: '${{HOST}}:9093', {yaml}}}")).expect("valid").kafka
    }

    #[test]
    fn files_are_read_and_what_is_wrong_with_one_is_named_by_its_key() {
        let folder = std::env::temp_dir().join(format!("rootline-brokers-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("written");
            path.display().to_string()
        };
        let ca = write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
        let password = write("password", "hunter2\n");
        let (empty, gone) = (write("empty", "\n"), folder.join("gone").display().to_string());
        let env = |name: &str| (name == "HOST").then(|| "kafka".to_owned());
        let made = |yaml: &str| options(&kafka(yaml), &env);

        let sasl = |file: &str| format!("sasl: {{mechanism: SCRAM-SHA-256, username: r, password_file: '{file}'}}");
        let options = made(&format!("tls: true, ca_file: '{ca}', {}", sasl(&password))).expect("all is there");
        assert_eq!(options.brokers, "kafka:9093");
        assert_eq!(options.tls, Some(Tls { ca_file: ca.clone(), ..Tls::default() }));
        let expect = Sasl { mechanism: Mechanism::ScramSha256, username: "r".into(), password: "hunter2".into() };
        assert_eq!(options.sasl, Some(expect));

        for (yaml, expect) in [
            (format!("tls: true, ca_file: '{gone}'"), format!("kafka.ca_file: {gone}: ")),
            (format!("tls: true, ca_file: '{password}'"), format!("kafka.ca_file: {password} holds no certificate")),
            (
                format!("tls: true, cert_file: '{ca}', key_file: '{ca}'"),
                format!("kafka.key_file: {ca} holds no private key, expected PEM"),
            ),
            (sasl(&gone), format!("kafka.sasl.password_file: {gone}: ")),
            (sasl(&empty), format!("kafka.sasl.password_file: {empty} is empty")),
        ] {
            let said = made(&yaml).expect_err(&yaml);
            assert!(said.starts_with(&expect), "{said}");
            let config = Config { kafka: kafka(&yaml), ..Config::default() };
            assert_eq!(check_files("f", &config).map_err(|e| e.detail), Err(said));
        }
        std::fs::remove_dir_all(&folder).expect("ours");
    }
}
