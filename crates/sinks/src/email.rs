//! E-mail by SMTP: text and HTML, one thread per incident.
//!
//! The thread hangs on `References`: all messages of an incident name the same first message, which need not exist
//! (RFC 5322, 3.6.4). `Message-ID` comes from the idempotency key, so that a mail sent twice is recognised as the same.
//! `Auto-Submitted: auto-generated` keeps holiday replies away (RFC 3834).

use std::sync::Arc;
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use sha2::{Digest, Sha256};

use crate::webhook::hex;
use crate::{BoxFuture, Delivery, RateLimit, Receipt, SendError, Sink, Words};

/// How the way to the mail server is kept secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Port 587: plain first, then TLS; refused where the server offers none.
    #[default]
    StartTls,
    /// Port 465: TLS from the first byte.
    Implicit,
    /// For a relay on the same machine. Passwords are never sent this way.
    Plain,
}

/// How mail is sent.
#[derive(Clone)]
pub struct EmailOptions {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// Empty: no login.
    pub user: String,
    pub password: String,
    /// `Rootline <rootline@shop.example>`
    pub from: String,
    pub to: Vec<String>,
    /// More certificate authorities, PEM.
    pub authorities: Vec<u8>,
    pub timeout: Duration,
    pub limits: RateLimit,
}

impl EmailOptions {
    pub fn new(host: &str, from: &str, to: &[&str]) -> EmailOptions {
        EmailOptions {
            host: host.to_owned(),
            port: 587,
            security: Security::StartTls,
            user: String::new(),
            password: String::new(),
            from: from.to_owned(),
            to: to.iter().map(|t| (*t).to_owned()).collect(),
            authorities: Vec::new(),
            timeout: Duration::from_secs(20),
            // starting value: mail is read later than chats, so few and full ones
            limits: RateLimit { burst: 5, per_minute: 10 },
        }
    }
}

/// What is wrong with the options.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    #[error("{0:?} is no mail address")]
    Address(String),
    #[error("mail needs at least one reader")]
    NoReader,
    #[error("a password is not sent over a plain connection; use starttls or implicit")]
    PlainPassword,
    #[error("TLS for {host} cannot be set up: {why}")]
    Tls { host: String, why: String },
}

/// The channel.
pub struct Email {
    name: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    limits: RateLimit,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    words: Arc<dyn Words>,
}

impl Email {
    pub fn new(name: &str, options: &EmailOptions, words: Arc<dyn Words>) -> Result<Email, EmailError> {
        let mailbox = |text: &String| text.parse::<Mailbox>().map_err(|_| EmailError::Address(text.clone()));
        let to = options.to.iter().map(mailbox).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err(EmailError::NoReader);
        }
        if options.security == Security::Plain && !options.password.is_empty() {
            return Err(EmailError::PlainPassword);
        }
        Ok(Email {
            name: name.to_owned(),
            from: mailbox(&options.from)?,
            to,
            limits: options.limits,
            transport: transport(options)?,
            words,
        })
    }

    fn message(&self, delivery: &Delivery) -> Result<Message, lettre::error::Error> {
        let mail = self.words.mail(delivery);
        let domain = self.from.email.domain();
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(mail.subject)
            .date(delivery.now.into())
            .message_id(Some(format!("<{}@{domain}>", id(&delivery.key))))
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("X-Rootline-Key", &delivery.key));
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        if let [one] = delivery.incidents.as_slice() {
            builder = builder.references(format!("<rootline.incident.{}@{domain}>", one.id));
        }
        let part = |kind: ContentType, body: String| SinglePart::builder().header(kind).body(body);
        let text = part(ContentType::TEXT_PLAIN, mail.text);
        let html = part(ContentType::TEXT_HTML, mail.html);
        builder.multipart(MultiPart::alternative().singlepart(text).singlepart(html))
    }
}

impl Sink for Email {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> RateLimit {
        self.limits
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let message =
                self.message(delivery).map_err(|e| SendError::rejected(format!("the mail cannot be written: {e}")))?;
            match self.transport.send(message).await {
                Ok(_) => Ok(Receipt::default()),
                Err(e) => Err(judge(&e)),
            }
        })
    }
}

fn transport(options: &EmailOptions) -> Result<AsyncSmtpTransport<Tokio1Executor>, EmailError> {
    let tls = || {
        let wrong =
            |e: lettre::transport::smtp::Error| EmailError::Tls { host: options.host.clone(), why: e.to_string() };
        let mut parameters = TlsParameters::builder(options.host.clone());
        if !options.authorities.is_empty() {
            parameters = parameters.add_root_certificate(Certificate::from_pem(&options.authorities).map_err(wrong)?);
        }
        parameters.build().map_err(wrong)
    };
    let security = match options.security {
        Security::StartTls => Tls::Required(tls()?),
        Security::Implicit => Tls::Wrapper(tls()?),
        Security::Plain => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.host)
        .port(options.port)
        .tls(security)
        .timeout(Some(options.timeout));
    if !options.user.is_empty() {
        builder = builder.credentials(Credentials::new(options.user.clone(), options.password.clone()));
    }
    Ok(builder.build())
}

/// A key as the left side of a message id.
fn id(key: &str) -> String {
    format!("rootline.{}", hex(&Sha256::digest(key.as_bytes())[..12]))
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn judge(error: &lettre::transport::smtp::Error) -> SendError {
    let said = error.to_string();
    let code: Option<u16> = error.status().map(u16::from);
    match code {
        // RFC 4954: authentication failed, mechanism too weak, required
        Some(code @ (530 | 534 | 535 | 538)) => {
            SendError::dead(format!("the mail server does not accept our login ({code}): {said}"))
        }
        Some(552) => SendError::rejected(format!("the mail server finds the message too long (552): {said}")),
        Some(code) if error.is_permanent() => {
            SendError::rejected(format!("the mail server refuses the message ({code}): {said}"))
        }
        Some(code) => SendError::retry(format!("the mail server asks for patience ({code}): {said}")),
        None if error.is_client() => {
            SendError::dead(format!("the mail server lacks what we need, perhaps STARTTLS: {said}"))
        }
        None if error.is_timeout() => SendError::retry(format!("the mail server did not answer in time: {said}")),
        None => SendError::retry(format!("the mail server cannot be reached: {said}")),
    }
}
