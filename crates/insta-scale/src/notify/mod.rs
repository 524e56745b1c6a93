//! Notifications: tells receivers outside this machine what a run came to, what troubles it, and once a day how it stands.
//!
//! Messages are a fold over the records of the run. Sending never disturbs the run: it happens in tasks of its own, with
//! bounded tries, and what fails is a warning.

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

/// What receivers can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Every instance was obtained.
    Success,
    /// The run ended without that.
    Stop,
    /// Something is wrong that is no lack of capacity: the first of its kind in a day.
    Trouble,
    /// Where a run stands that has lasted another day.
    Digest,
}

impl Topic {
    /// All of them, as the config and the messages call them.
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

/// Who is told.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Its name, unique in the config.
    pub name: String,
    /// Where the config describes it.
    pub place: Place,
    /// How it is reached.
    pub channel: Channel,
    /// What it is told.
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
        /// The address of the topic.
        url: ReceiverUrl,
        /// An access token.
        token: Option<SecretSource>,
    },
    /// An incoming webhook of Slack, or of a service that takes the same.
    Slack {
        /// The address, which is a secret.
        url: ReceiverUrl,
    },
    /// A webhook of Discord.
    Discord {
        /// The address, which is a secret.
        url: ReceiverUrl,
    },
    /// A bot of Telegram.
    Telegram {
        /// The server of the bot API.
        server: ReceiverUrl,
        /// Who gets the messages.
        chat: String,
        /// The token of the bot.
        token: SecretSource,
    },
    /// E-mail.
    Email {
        /// The server, the sender and those who get the messages.
        server: Box<MailServer>,
        /// Who logs in to the server, and with what password.
        login: Option<(String, SecretSource)>,
    },
}

impl Channel {
    /// What the config calls it.
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

/// An address.
#[derive(Clone, Debug)]
pub enum ReceiverUrl {
    /// As the config has it.
    Literal(String),
    /// One that whoever knows it can write to.
    Secret(SecretSource),
}

/// Why one try failed.
#[derive(Debug)]
struct Failed {
    /// In words. It may hold secrets.
    pub why: String,
    /// Whether another try may work.
    pub may_pass: bool,
}

/// Whether messages can be sent to an address. The error goes after the address and does not repeat it.
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
