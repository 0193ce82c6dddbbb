//! Channels of the configuration → sinks.

use std::sync::Arc;

use rootline_config::{Channel, ChannelKind, ChannelLang, MinSeverity};
use rootline_model::{Lang, Severity};
use rootline_sinks::{
    Client, DingTalk, Email, EmailOptions, Endpoint, Feishu, PostOptions, Security, Sink, Slack, SlackTarget, WeCom,
    Webhook, Words,
};

use crate::DaemonError;
use crate::route::Route;

/// A channel that is ready to send.
pub struct Ready {
    pub sink: Arc<dyn Sink>,
    pub lang: Lang,
    pub route: Route,
}

/// Makes the sink of a channel. `${NAME}` in address, secret and user comes from `env`.
///
/// # Errors
/// An address that is none, a name that the environment does not have.
pub fn ready(
    channel: &Channel,
    client: &Client,
    words: Arc<dyn Words>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Ready, DaemonError> {
    let fill = |text: &str| filled(text, env).map_err(|why| DaemonError::Channel { name: channel.name.clone(), why });
    let url = fill(&channel.url.value)?;
    let secret = fill(&channel.secret)?;
    let name = channel.name.as_str();
    let endpoint =
        || Endpoint::parse(&url).map_err(|e| DaemonError::Channel { name: name.to_owned(), why: e.to_string() });
    let post = |secret: String| {
        endpoint().map(|e| PostOptions { secret, keyword: channel.keyword.clone(), ..PostOptions::new(e) })
    };
    let client = client.clone();
    let sink: Arc<dyn Sink> = match channel.kind {
        ChannelKind::Webhook => Arc::new(Webhook::new(name, post(secret)?, client, words)),
        ChannelKind::Dingtalk => Arc::new(DingTalk::new(name, post(secret)?, client, words)),
        ChannelKind::Wecom => Arc::new(WeCom::new(name, post(secret)?, client, words)),
        ChannelKind::Feishu => Arc::new(Feishu::new(name, post(secret)?, client, words)),
        ChannelKind::Slack => {
            let target = match channel.channel.as_str() {
                "" => SlackTarget::Webhook(endpoint()?),
                room => SlackTarget::Bot { api: endpoint()?, token: secret, channel: room.to_owned() },
            };
            Arc::new(Slack::new(name, target, client, words))
        }
        ChannelKind::Email => {
            let options = mail(channel, &url, fill(&channel.user)?, secret);
            let email = Email::new(name, &options, words);
            Arc::new(email.map_err(|e| DaemonError::Channel { name: name.to_owned(), why: e.to_string() })?)
        }
    };
    let lang = match channel.lang {
        ChannelLang::En => Lang::En,
        ChannelLang::Zh => Lang::Zh,
    };
    let min_severity = match channel.min_severity {
        MinSeverity::Warning => Severity::Warning,
        MinSeverity::Error => Severity::Error,
        MinSeverity::Critical => Severity::Critical,
    };
    Ok(Ready { sink, lang, route: Route { channel: channel.name.clone(), min_severity } })
}

fn mail(channel: &Channel, url: &str, user: String, password: String) -> EmailOptions {
    let (scheme, place) = url.split_once("://").unwrap_or(("smtp", url));
    let (host, port) = place.trim_end_matches('/').rsplit_once(':').unwrap_or((place, ""));
    let to: Vec<&str> = channel.to.iter().map(String::as_str).collect();
    let mut options = EmailOptions::new(host, &channel.from, &to);
    if scheme == "smtps" {
        options.security = Security::Implicit;
    }
    let usual = if scheme == "smtps" { 465 } else { options.port };
    options.port = port.parse().unwrap_or(usual);
    EmailOptions { user, password, ..options }
}

/// The text with each `${NAME}` replaced by what the environment says.
///
/// # Errors
/// A name that the environment does not have, in a sentence.
pub fn filled(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        out.push_str(&env(name).ok_or_else(|| format!("${{{name}}} is not in the environment"))?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_from_the_environment_and_a_missing_one_is_named() {
        let env = |name: &str| (name == "KEY").then(|| "k1".to_owned());
        assert_eq!(filled("https://x/?k=${KEY}&a=${", &env).as_deref(), Ok("https://x/?k=k1&a=${"));
        assert_eq!(filled("${NONE}", &env), Err("${NONE} is not in the environment".to_owned()));
    }
}
