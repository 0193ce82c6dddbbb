//! Mail against a small SMTP server: plain, STARTTLS, TLS from the first byte; refusals.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rootline_model::Lang;
use rootline_sinks::{Email, EmailError, EmailOptions, Security, SendError, Sink};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::sample::{Reported, delivery, incident};

/// What the server says to `MAIL FROM`, and what it offers.
#[derive(Clone)]
struct Manners {
    security: Security,
    offers_tls: bool,
    mail_from: &'static str,
    auth: &'static str,
}

const KIND: Manners =
    Manners { security: Security::Plain, offers_tls: false, mail_from: "250 ok", auth: "235 welcome" };

struct Smtp {
    port: u16,
    authority: Vec<u8>,
    mails: Arc<Mutex<Vec<String>>>,
    commands: Arc<Mutex<Vec<String>>>,
}

impl Smtp {
    async fn start(manners: Manners) -> Smtp {
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let authority = certified.cert.pem().into_bytes();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .expect("a server");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let (mails, commands) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let shared = (mails.clone(), commands.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (manners, acceptor, shared) = (manners.clone(), acceptor.clone(), shared.clone());
                tokio::spawn(async move {
                    if manners.security == Security::Implicit {
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        talk(stream, &manners, &shared, true).await;
                    } else if let Some(stream) = talk(stream, &manners, &shared, true).await {
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        talk(stream, &manners, &shared, false).await;
                    }
                });
            }
        });
        Smtp { port, authority, mails, commands }
    }

    fn options(&self, security: Security) -> EmailOptions {
        EmailOptions {
            port: self.port,
            security,
            authorities: self.authority.clone(),
            timeout: Duration::from_secs(5),
            ..EmailOptions::new("localhost", "Rootline <rootline@shop.example>", &["ops@shop.example"])
        }
    }
}

type Seen = (Arc<Mutex<Vec<String>>>, Arc<Mutex<Vec<String>>>);

/// Speaks until the client leaves; gives the stream back where it asks for TLS.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(stream: S, manners: &Manners, seen: &Seen, greet: bool) -> Option<S> {
    let mut stream = BufReader::new(stream);
    if greet {
        stream.write_all(b"220 here\r\n").await.ok()?;
    }
    let (mut line, mut body, mut in_body) = (String::new(), String::new(), false);
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if in_body {
            if line == ".\r\n" {
                in_body = false;
                seen.0.lock().expect("whole").push(std::mem::take(&mut body));
                stream.write_all(b"250 queued\r\n").await.ok()?;
            } else {
                body.push_str(&line);
            }
            continue;
        }
        seen.1.lock().expect("whole").push(line.trim_end().to_owned());
        let word = line.split([' ', '\r']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match word.as_str() {
            "EHLO" if manners.offers_tls && greet => "250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN",
            "EHLO" => "250-here\r\n250 AUTH PLAIN",
            "STARTTLS" => {
                stream.write_all(b"220 go\r\n").await.ok()?;
                return Some(stream.into_inner());
            }
            "AUTH" => manners.auth,
            "MAIL" => manners.mail_from,
            "DATA" => {
                in_body = true;
                "354 go"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

async fn send(options: &EmailOptions) -> Result<(), SendError> {
    let sink = Email::new("ops", options, Arc::new(Reported)).expect("good options");
    sink.send(&delivery(vec![incident(17, 2)], Lang::Zh)).await.map(|_| ())
}

#[tokio::test]
async fn a_mail_is_text_and_html_in_a_thread() {
    let server = Smtp::start(KIND).await;
    send(&server.options(Security::Plain)).await.expect("taken");
    let mail = server.mails.lock().expect("whole")[0].clone();
    let header = |name: &str| {
        let line = mail.lines().find(|l| l.starts_with(&format!("{name}: ")));
        line.map(|l| l[name.len() + 2..].to_owned()).unwrap_or_default()
    };
    assert_eq!(header("From"), "Rootline <rootline@shop.example>");
    assert_eq!(header("References"), "<rootline.incident.17@shop.example>");
    assert_eq!(header("X-Rootline-Key"), "17.2/test");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert_eq!(header("Date"), "Tue, 14 Nov 2023 22:13:20 +0000");
    assert!(header("Message-ID").ends_with("@shop.example>"), "{mail}");
    assert!(header("Content-Type").starts_with("multipart/alternative"), "{mail}");
    assert!(mail.contains("text/plain; charset=utf-8") && mail.contains("text/html; charset=utf-8"), "{mail}");
    // the same key, the same mail
    send(&server.options(Security::Plain)).await.expect("taken");
    let ids: Vec<String> = server
        .mails
        .lock()
        .expect("whole")
        .iter()
        .filter_map(|m| m.lines().find(|l| l.starts_with("Message-ID")).map(ToOwned::to_owned))
        .collect();
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn tls_is_used_as_it_was_asked_for() {
    let implicit = Smtp::start(Manners { security: Security::Implicit, ..KIND }).await;
    let mut options = implicit.options(Security::Implicit);
    (options.user, options.password) = ("u".into(), "p4ssw0rd".into());
    send(&options).await.expect("taken");
    let upgraded = Smtp::start(Manners { security: Security::StartTls, offers_tls: true, ..KIND }).await;
    send(&upgraded.options(Security::StartTls)).await.expect("taken");
    assert!(upgraded.commands.lock().expect("whole").contains(&"STARTTLS".to_owned()));
    // a server without TLS gets nothing, however politely it asks
    let bare = Smtp::start(KIND).await;
    let error = send(&bare.options(Security::StartTls)).await.expect_err("no TLS");
    assert!(matches!(error, SendError::Dead { .. }), "{error}");
    assert_eq!(bare.mails.lock().expect("whole").len(), 0);
    // a certificate that nobody vouches for
    let mut stranger = upgraded.options(Security::StartTls);
    stranger.authorities = Vec::new();
    assert!(send(&stranger).await.is_err());
}

#[tokio::test]
async fn refusals_are_understood() {
    for (mail_from, auth, user, wanted) in [
        ("451 greylisted", "235 ok", "", "asks for patience (451)"),
        ("550 no such user", "235 ok", "", "refuses the message (550)"),
        ("552 too big", "235 ok", "", "too long"),
        ("250 ok", "535 bad credentials", "u", "does not accept our login (535)"),
    ] {
        let manners = Manners { security: Security::Implicit, mail_from, auth, ..KIND };
        let server = Smtp::start(manners).await;
        let mut options = server.options(Security::Implicit);
        (options.user, options.password) = (user.into(), "p4ssw0rd".into());
        let error = send(&options).await.expect_err("refused");
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(!format!("{error:?}").contains("p4ssw0rd"), "{error:?}");
    }
}

#[test]
fn bad_options_are_said() {
    let error = |change: fn(&mut EmailOptions)| {
        let mut options = EmailOptions::new("localhost", "rootline@shop.example", &["ops@shop.example"]);
        change(&mut options);
        Email::new("ops", &options, Arc::new(Reported)).map(|_| ()).expect_err("bad")
    };
    assert_eq!(error(|o| o.to.clear()), EmailError::NoReader);
    assert_eq!(error(|o| o.from = "nobody".into()), EmailError::Address("nobody".into()));
    assert_eq!(error(|o| (o.security, o.password) = (Security::Plain, "x".into())), EmailError::PlainPassword);
}
