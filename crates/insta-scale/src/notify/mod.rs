//! Notifications: tell receivers outside this machine how a run ended, what goes wrong, and once a day how it stands.
//!
//! Messages are a fold over the records of the run. Sending never disturbs the run: it happens in separate tasks with limited
//! attempts, and failures become warnings.

mod body;
mod deliver;
mod email;
mod fold;
mod keeping;
mod message;
mod outbox;
mod secret;

pub use deliver::{Delivery, Way};
pub use email::{Encryption, MailServer};
pub use fold::Watch;
pub use keeping::Keeping;
pub use message::{Message, test_message};
pub use outbox::{Notifier, ways};
pub use secret::{Secret, SecretPlace, SecretSource};

use crate::config::Place;
use std::collections::BTreeSet;

/// The topics of notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Every instance was obtained.
    Success,
    /// The run ended without all instances.
    Stop,
    /// Something other than a lack of capacity is wrong: the first of its kind in a day.
    Trouble,
    /// The state of a run that has lasted another day.
    Digest,
}

impl Topic {
    /// All topics with their names in the config and in messages.
    pub const ALL: [(&'static str, Self); 4] = [
        ("success", Self::Success),
        ("stop", Self::Stop),
        ("trouble", Self::Trouble),
        ("digest", Self::Digest),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Stop => "stop",
            Self::Trouble => "trouble",
            Self::Digest => "digest",
        }
    }
}

/// A receiver of notifications.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Its name, unique in the config.
    pub name: String,
    /// Where the config describes it.
    pub place: Place,
    /// How it is reached.
    pub channel: Channel,
    /// The topics that it receives.
    pub topics: BTreeSet<Topic>,
}

/// How a receiver is reached.
#[derive(Clone, Debug)]
pub enum Channel {
    /// JSON by POST, signed if there is a secret.
    Webhook {
        /// The address.
        url: ReceiverUrl,
        /// The key of the signature.
        secret: Option<SecretSource>,
    },
    /// ntfy: the last part of the path is the topic.
    Ntfy {
        /// The URL of the topic.
        url: ReceiverUrl,
        /// An access token.
        token: Option<SecretSource>,
    },
    /// An incoming webhook of Slack, or of a compatible service.
    Slack {
        /// The URL, which is a secret.
        url: ReceiverUrl,
    },
    /// A webhook of Discord.
    Discord {
        /// The URL, which is a secret.
        url: ReceiverUrl,
    },
    /// A bot of Telegram.
    Telegram {
        /// The server of the bot API.
        server: ReceiverUrl,
        /// The chat that receives the messages.
        chat: String,
        /// The token of the bot.
        token: SecretSource,
    },
    /// E-mail.
    Email {
        /// The server, the sender and the recipients.
        server: Box<MailServer>,
        /// The user and password for the server.
        login: Option<(String, SecretSource)>,
    },
}

impl Channel {
    /// The name in the config.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Ntfy { .. } => "ntfy",
            Self::Slack { .. } => "slack",
            Self::Discord { .. } => "discord",
            Self::Telegram { .. } => "telegram",
            Self::Email { .. } => "email",
        }
    }
}

/// A URL.
#[derive(Clone, Debug)]
pub enum ReceiverUrl {
    /// Given in the config.
    Literal(String),
    /// Secret, because anybody who knows it can write to it.
    Secret(SecretSource),
}

/// Why one attempt failed.
#[derive(Debug)]
struct Failed {
    /// A description, which may contain secrets.
    pub why: String,
    /// Whether another attempt may succeed.
    pub may_pass: bool,
}

/// Checks that messages can be sent to a URL. The error follows the URL and does not repeat it.
pub fn check_url(url: &str) -> Result<(), String> {
    let uri: http::Uri = url.parse().map_err(|_| "is not a URL".to_owned())?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or("has no host")?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("must not contain a user name or a password".to_owned());
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if oci_client::is_loopback(host) => Ok(()),
        Some("http") => Err("must begin with https://: http is for this machine only".to_owned()),
        _ => Err("must begin with https://".to_owned()),
    }
}
