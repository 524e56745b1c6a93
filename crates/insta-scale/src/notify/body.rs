//! Builds the HTTP request for a message, for each kind of receiver. Pure.

use super::Topic;
use super::message::Message;
use super::secret::Secret;
use aws_lc_rs::hmac;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The maximum length of one message in characters.
const DISCORD_MAX: usize = 2_000;
const TELEGRAM_MAX: usize = 4_096;
/// The maximum in bytes. ntfy counts bytes, and JSON may need more bytes than characters.
const NTFY_MAX: usize = 3_000;
const SLACK_MAX: usize = 10_000;

/// The time of the signature, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "x-insta-scale-timestamp";
/// `v1=` and the HMAC-SHA256 of timestamp, dot and body, in hexadecimal.
pub const SIGNATURE_HEADER: &str = "x-insta-scale-signature";

/// An HTTP receiver with its secrets.
#[derive(Clone, Debug)]
pub enum HttpTarget {
    /// JSON by POST.
    Webhook {
        /// The URL.
        url: Secret,
        /// The key of the signature.
        secret: Option<Secret>,
    },
    /// ntfy.
    Ntfy {
        /// The topic.
        url: Secret,
        /// The access token.
        token: Option<Secret>,
    },
    /// Slack.
    Slack {
        /// The URL.
        url: Secret,
    },
    /// Discord.
    Discord {
        /// The URL.
        url: Secret,
    },
    /// Telegram.
    Telegram {
        /// The server of the bot API.
        server: Secret,
        /// The chat that receives the messages.
        chat: String,
        /// The token of the bot.
        token: Secret,
    },
}

impl HttpTarget {
    /// The request for a message, signed at `now`. The error contains no secret.
    pub fn request(&self, message: &Message, now: Timestamp) -> Result<http::Request<Vec<u8>>, String> {
        match self {
            Self::Webhook { url, secret } => {
                let body = message.document().to_string().into_bytes();
                let mut headers = Vec::new();
                if let Some(secret) = secret {
                    let at = now.as_second().to_string();
                    headers.push((SIGNATURE_HEADER, format!("v1={}", signature(secret, &at, &body))));
                    headers.push((TIMESTAMP_HEADER, at));
                }
                post(url.expose(), body, &headers)
            }
            Self::Ntfy { url, token } => {
                let (server, topic) = url
                    .expose()
                    .trim_end_matches('/')
                    .rsplit_once('/')
                    .filter(|(server, topic)| !server.ends_with('/') && !topic.is_empty())
                    .ok_or("the address of ntfy has no topic at its end")?;
                let body = json!({
                    "topic": topic,
                    "title": message.subject(),
                    "message": cut(&message.details(), NTFY_MAX),
                    "priority": priority(message.topic),
                });
                let token =
                    token.as_ref().map(|token| ("authorization", format!("Bearer {}", token.expose())));
                post(server, body.to_string().into_bytes(), token.as_slice())
            }
            Self::Slack { url } => {
                let text = escape_slack(&message.text());
                post_json(url.expose(), &json!({"text": cut(&text, SLACK_MAX)}))
            }
            Self::Discord { url } => {
                // Text from outside must not mention everyone.
                let body =
                    json!({"content": cut(&message.text(), DISCORD_MAX), "allowed_mentions": {"parse": []}});
                post_json(url.expose(), &body)
            }
            Self::Telegram { server, chat, token } => {
                let server = server.expose().trim_end_matches('/');
                let url = Secret::of(&format!("{server}/bot{}/sendMessage", token.expose()));
                let body = json!({"chat_id": chat, "text": cut(&message.text(), TELEGRAM_MAX),
                                  "link_preview_options": {"is_disabled": true}});
                post_json(url.expose(), &body)
            }
        }
    }

    /// The values that must not be shown.
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Webhook { url, secret } => [url].into_iter().chain(secret).collect(),
            Self::Ntfy { url, token } => [url].into_iter().chain(token).collect(),
            Self::Slack { url } | Self::Discord { url } => vec![url],
            Self::Telegram { token, .. } => vec![token],
        }
    }
}

/// The HMAC-SHA256 of `TIMESTAMP.BODY`, in hexadecimal.
fn signature(secret: &Secret, timestamp: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body);
    hex(context.sign().as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail, so the result is ignored.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn post_json(url: &str, body: &Value) -> Result<http::Request<Vec<u8>>, String> {
    post(url, body.to_string().into_bytes(), &[])
}

fn post(url: &str, body: Vec<u8>, headers: &[(&str, String)]) -> Result<http::Request<Vec<u8>>, String> {
    let mut request = http::Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("oci-insta-scale/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        let mut value = http::HeaderValue::from_str(value)
            .map_err(|_| "the secret has characters that a header cannot have".to_owned())?;
        value.set_sensitive(*name == AUTHORIZATION.as_str());
        request = request.header(*name, value);
    }
    request.body(body).map_err(|_| "the address is not a URL".to_owned())
}

/// The priority of a message in ntfy, where 3 is normal.
fn priority(topic: Option<Topic>) -> u8 {
    match topic {
        Some(Topic::Success | Topic::Stop) => 4,
        Some(Topic::Trouble) | None => 3,
        Some(Topic::Digest) => 2,
    }
}

/// The beginning of a text.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// Escapes the characters with which Slack marks mentions and links.
fn escape_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::test_message;

    fn sent(target: &HttpTarget, message: &Message) -> (http::request::Parts, Value) {
        let (head, body) = target.request(message, Timestamp::UNIX_EPOCH).unwrap().into_parts();
        (head, serde_json::from_slice(&body).unwrap())
    }

    fn message(title: &str) -> Message {
        Message {
            topic: Some(Topic::Stop),
            title: title.to_owned(),
            fleet: "web".to_owned(),
            region: "us-phoenix-1".to_owned(),
            ..test_message(Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // Test case 2 of RFC 4231 has the data "what do ya want for nothing?"; here a dot follows the timestamp.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let tag = hmac::sign(&key, b"what do ya want for nothing?");
        assert_eq!(tag.as_ref()[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        let tag = hmac::sign(&key, b"17.body");
        assert_eq!(signature(&Secret::of("Jefe"), "17", b"body"), hex(tag.as_ref()));
    }

    #[test]
    fn each_service_gets_the_fields_that_it_takes() {
        let url = Secret::of("https://example.com/push/alerts");
        let token = Some(Secret::of("tk_1"));
        let (head, body) = sent(&HttpTarget::Ntfy { url: url.clone(), token }, &message("stopped"));
        assert_eq!(
            (head.uri.to_string(), &body["topic"]),
            ("https://example.com/push".to_owned(), &"alerts".into())
        );
        assert_eq!(head.headers["authorization"], "Bearer tk_1");
        assert_eq!(body["title"], "web in us-phoenix-1: stopped");
        let (_, body) = sent(&HttpTarget::Slack { url: url.clone() }, &message("<!channel> & co"));
        assert!(body["text"].as_str().unwrap().contains("&lt;!channel&gt; &amp; co"), "{body}");
        let (_, body) = sent(&HttpTarget::Discord { url }, &message(&"x".repeat(3000)));
        assert_eq!(body["content"].as_str().unwrap().chars().count(), DISCORD_MAX);
        assert_eq!(body["allowed_mentions"], json!({"parse": []}));
        let server = Secret::of("https://api.telegram.org");
        let telegram = HttpTarget::Telegram { server, chat: "-100".to_owned(), token: Secret::of("1:a") };
        let (head, body) = sent(&telegram, &message("stopped"));
        assert_eq!(head.uri, "https://api.telegram.org/bot1:a/sendMessage");
        assert_eq!((&body["chat_id"], body["text"].is_string()), (&"-100".into(), true));
    }
}
