//! Reads `notify:`: who is notified about a run.
//!
//! The config names secrets by file or variable, and they are read when they are needed. A secret in the config itself is a
//! mistake, and is not shown.

use super::files::Folders;
use super::finding::{Finding, Findings, Place};
use super::keys;
use super::section::{At, Section};
use super::yaml::Value;
use crate::notify::{
    Channel, Encryption, MailServer, Receiver, ReceiverUrl, SecretPlace, SecretSource, Topic, check_url,
};
use lettre::message::Mailbox;
use std::collections::BTreeSet;

/// Keys that would contain a secret; each has a `_file` and an `_env` variant.
const LITERALS: [&str; 3] = ["secret", "token", "password"];
/// The keys of an item, and keys that are refused with their own message.
const ACCEPTED: &[&str] = &{
    let mut keys = [""; keys::NOTIFY.len() + LITERALS.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = if at < LITERALS.len() { LITERALS[at] } else { keys::NOTIFY[at - LITERALS.len()] };
        at += 1;
    }
    keys
};
/// The types, with the keys that are specific to each.
pub const TYPES: [(&str, &[&str]); 6] = [
    ("webhook", &["url", "url_file", "url_env", "secret_file", "secret_env"]),
    ("ntfy", &["url", "url_file", "url_env", "token_file", "token_env"]),
    ("slack", &["url_file", "url_env"]),
    ("discord", &["url_file", "url_env"]),
    ("telegram", &["url", "token_file", "token_env", "chat_id"]),
    ("email", &["server", "port", "tls", "user", "password_file", "password_env", "from", "to"]),
];
/// The keys of every type.
const COMMON: [&str; 3] = ["name", "type", "on"];
/// Hosts whose webhook URLs are secrets, with their types.
const SECRET_HOSTS: [(&str, &str); 3] =
    [("hooks.slack.com", "slack"), ("discord.com", "discord"), ("discordapp.com", "discord")];
const TELEGRAM: &str = "https://api.telegram.org";

/// Reads the receivers. Mistakes become findings.
pub fn read_notify(top: &Section<'_>, folders: Folders<'_>, findings: &Findings) -> Vec<Receiver> {
    let (Some(node), Some(place)) = (top.node("notify"), top.key_place("notify")) else { return Vec::new() };
    let Value::List(items) = &node.value else {
        let finding = Finding::unknown_key(place, "notify must be a list of receivers");
        findings.mistake(finding.help("write each receiver as an item: `- type: ntfy`"));
        return Vec::new();
    };
    let mut receivers: Vec<Receiver> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("notify[{index}].");
        let Some(section) = Section::of(item, &path, ACCEPTED, findings) else { continue };
        let reader = Reader { section: &section, folders, findings, path: &path, place: item.place };
        let Some(receiver) = reader.read() else { continue };
        if receivers.iter().any(|other| other.name == receiver.name) {
            findings.mistake(
                Finding::at(item.place, format!("two receivers have the name {:?}", receiver.name))
                    .help("give each receiver a `name:` of its own"),
            );
        }
        receivers.push(receiver);
    }
    receivers
}

struct Reader<'a> {
    section: &'a Section<'a>,
    folders: Folders<'a>,
    findings: &'a Findings,
    path: &'a str,
    place: Place,
}

impl Reader<'_> {
    fn read(&self) -> Option<Receiver> {
        self.refuse_literals();
        let topics = self.topics();
        let (kind, keys) = self.kind()?;
        self.refuse_foreign(kind, keys);
        let name = self.section.text("name").map_or(kind, |name| name.value.trim()).to_owned();
        let channel = match kind {
            "webhook" => Channel::Webhook {
                url: self.url(kind, None)?,
                secret: self.secret("secret_file", "secret_env"),
            },
            "ntfy" => {
                Channel::Ntfy { url: self.url(kind, None)?, token: self.secret("token_file", "token_env") }
            }
            "slack" => Channel::Slack { url: self.url(kind, None)? },
            "discord" => Channel::Discord { url: self.url(kind, None)? },
            "email" => self.email()?,
            _ => self.telegram(kind)?,
        };
        Some(Receiver { name, place: self.place, channel, topics })
    }

    fn telegram(&self, kind: &str) -> Option<Channel> {
        let server = self.url(kind, Some(TELEGRAM));
        let chat = self.section.text("chat_id").map(|chat| chat.value.trim().to_owned());
        let token = self.secret("token_file", "token_env");
        if chat.is_none() {
            self.lacks("chat_id", "the id of the chat that gets the messages");
        }
        if token.is_none() && self.section.key_place("token_file").is_none() {
            self.lacks("token_file", "the file with the token of the bot, or `token_env`");
        }
        Some(Channel::Telegram { server: server?, chat: chat?, token: token? })
    }

    fn email(&self) -> Option<Channel> {
        let host = self.section.text("server").map(|host| host.value.trim().to_owned());
        let encryption = self.encryption(host.as_deref());
        let port = self.section.node("port").map(|_| self.section.whole("port"));
        let from = self.mailboxes("from").into_iter().next();
        let to = self.mailboxes("to");
        for (key, what) in [
            ("server", "the name of the SMTP server"),
            ("from", "the address of the sender"),
            ("to", "the address that gets the messages"),
        ] {
            if self.section.texts(key).is_empty() {
                self.lacks(key, what);
            }
        }
        let (user, password) = (self.section.text("user"), self.secret("password_file", "password_env"));
        let login = match (user, password) {
            (Some(user), Some(password)) => Some((user.value.trim().to_owned(), password)),
            (None, None) => None,
            (Some(_), None) => {
                return self
                    .lacks("password_file", "the file with the password of `user`, or `password_env`");
            }
            (None, Some(_)) => return self.lacks("user", "who logs in with the password"),
        };
        let (host, encryption, from) = (host?, encryption?, from?);
        let port = port.map_or(Some(encryption.port()), |port| u16::try_from(port?.value).ok())?;
        if to.is_empty() {
            return None;
        }
        Some(Channel::Email { server: Box::new(MailServer { host, port, encryption, from, to }), login })
    }

    /// The encryption of the connection to a server. Without TLS, messages stay on this machine.
    fn encryption(&self, host: Option<&str>) -> Option<Encryption> {
        let Some(given) = self.section.text("tls") else { return Some(Encryption::Tls) };
        let Some((_, found)) = Encryption::ALL.iter().find(|(word, _)| *word == given.value.trim()) else {
            let message =
                format!("{}tls must be `tls` (from the beginning), `starttls` or `none`", self.path);
            self.findings.mistake(hidden(given.place, message).help("remove it for `tls`, port 465"));
            return None;
        };
        if *found == Encryption::None && !host.is_some_and(oci_client::is_loopback) {
            let message = format!("{}tls: none is for a server on this machine", self.path);
            let help = "write `tls: starttls`, or remove it for `tls`";
            self.findings.mistake(hidden(given.place, message).help(help));
            return None;
        }
        Some(*found)
    }

    fn mailboxes(&self, key: &str) -> Vec<Mailbox> {
        let mut found = Vec::new();
        for At { value, place } in self.section.texts(key) {
            if let Ok(mailbox) = value.trim().parse() {
                found.push(mailbox);
            } else {
                let message = format!("{}{key} is not an e-mail address", self.path);
                let help = "write it as `me@example.com` or `Me <me@example.com>`";
                self.findings.mistake(hidden(place, message).help(help));
            }
        }
        found
    }

    fn kind(&self) -> Option<(&'static str, &'static [&'static str])> {
        let names = TYPES.map(|(name, _)| name).join(", ");
        let Some(given) = self.section.text("type") else {
            if !self.section.is_misspelt("type") {
                self.lacks("type", &format!("one of {names}"));
            }
            return None;
        };
        let found = TYPES.iter().find(|(name, _)| *name == given.value.trim());
        if found.is_none() {
            let message = format!("{}type must be one of {names}", self.path);
            let near = keys::nearest(given.value, TYPES.iter().map(|(name, _)| *name));
            let help = near
                .map_or_else(|| format!("write one of {names}"), |near| format!("did you mean `{near}`?"));
            self.findings.mistake(hidden(given.place, message).help(help));
        }
        found.copied()
    }

    fn topics(&self) -> BTreeSet<Topic> {
        let given = self.section.texts("on");
        if given.is_empty() {
            return Topic::ALL.map(|(_, topic)| topic).into();
        }
        let words = Topic::ALL.map(|(word, _)| word);
        let mut topics = BTreeSet::new();
        for At { value, place } in given {
            if let Some((_, topic)) = Topic::ALL.iter().find(|(word, _)| *word == value.trim()) {
                topics.insert(*topic);
            } else {
                let near = keys::nearest(value, words.into_iter());
                let help = near.map_or_else(
                    || format!("remove `on` for all of them: {}", words.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("{}on takes {}", self.path, words.join(", "));
                self.findings.mistake(hidden(place, message).help(help));
            }
        }
        topics
    }

    /// Refuses secrets in the config, where they would be copied, committed and shown.
    fn refuse_literals(&self) {
        for key in LITERALS {
            if let Some(place) = self.section.key_place(key) {
                let message = format!("{}{key}: a secret must not be written in the config", self.path);
                let help = format!(
                    "write it to a file that only you can read and name that: `{key}_file: …`, or a variable: `{key}_env: …`"
                );
                self.findings.mistake(hidden(place, message).help(help));
            }
        }
    }

    fn refuse_foreign(&self, kind: &str, keys: &[&str]) {
        for key in keys::NOTIFY {
            // For some types, the check of the URL already reports a literal URL.
            let is_told = *key == "url" && matches!(kind, "slack" | "discord");
            if let Some(place) = self.section.key_place(key)
                && !keys.contains(key)
                && !COMMON.contains(key)
                && !is_told
            {
                let message = format!("{}{key} has no meaning for the type {kind}", self.path);
                self.findings.mistake(
                    hidden(place, message).help(format!("the keys of {kind} are: {}", keys.join(", "))),
                );
            }
        }
    }

    fn url(&self, kind: &str, usual: Option<&str>) -> Option<ReceiverUrl> {
        let literal = self.section.text("url");
        let place = self.section.key_place("url");
        let secret = self.secret("url_file", "url_env");
        let (Some(given), Some(place)) = (literal, place) else {
            if let Some(secret) = secret {
                return Some(ReceiverUrl::Secret(secret));
            }
            if let Some(usual) = usual {
                return Some(ReceiverUrl::Literal(usual.to_owned()));
            }
            let is_told = ["url_file", "url_env"].iter().any(|key| self.section.key_place(key).is_some());
            if !is_told {
                let keys = if matches!(kind, "slack" | "discord") { "url_file" } else { "url" };
                self.lacks(keys, "the address of the receiver");
            }
            return None;
        };
        let wrong = |message: &str, help: &str| {
            let message = format!("{}url {message}", self.path);
            self.findings.mistake(hidden(place, message).help(help));
            None
        };
        if secret.is_some() {
            return wrong("is given twice", "keep one of `url`, `url_file` and `url_env`");
        }
        let by_file = "write it to a file that only you can read and name that: `url_file: …`, or a variable: `url_env: …`";
        if matches!(kind, "slack" | "discord") {
            return wrong("is a secret: whoever knows it can write to the channel", by_file);
        }
        let url = given.value.trim();
        if let Err(why) = check_url(url) {
            return wrong(&why, "write it as `https://host/path`");
        }
        let uri: http::Uri = url.parse().ok()?;
        let host = uri.host().unwrap_or_default();
        if let Some((_, kind)) = SECRET_HOSTS.iter().find(|(secret, _)| host.eq_ignore_ascii_case(secret)) {
            return wrong(
                "is a secret: whoever knows it can write to the channel",
                &format!("set `type: {kind}`, and name a file with the address: `url_file: …`"),
            );
        }
        if uri.query().is_some() {
            return wrong("has a query, which may hold a secret", by_file);
        }
        Some(ReceiverUrl::Literal(url.to_owned()))
    }

    /// A secret in a file or a variable.
    fn secret(&self, file: &'static str, variable: &'static str) -> Option<SecretSource> {
        let (path, name) = (self.section.text(file), self.section.text(variable));
        match (path, name) {
            (Some(_), Some(name)) => {
                let message = format!("{}{file} and {variable} name two secrets", self.path);
                self.findings.mistake(hidden(name.place, message).help("keep one of them"));
                None
            }
            (Some(path), None) => {
                let path = self.folders.resolve(path.value.trim(), path.place);
                Some(SecretSource { key: file, from: SecretPlace::File(path) })
            }
            (None, Some(name)) if is_variable(name.value.trim()) => {
                let name = name.value.trim().to_owned();
                Some(SecretSource { key: variable, from: SecretPlace::Variable(name) })
            }
            (None, Some(name)) => {
                let message = format!("{}{variable} must be the name of a variable", self.path);
                let help = format!(
                    "write the name alone, such as `{variable}: MY_SECRET`, and export that variable"
                );
                self.findings.mistake(hidden(name.place, message).help(help));
                None
            }
            (None, None) => None,
        }
    }

    fn lacks(&self, key: &str, what: &str) -> Option<Channel> {
        let message = format!("{} lacks `{key}`: {what}", self.path.trim_end_matches('.'));
        let finding = hidden(self.place, message);
        self.findings.mistake(finding.help("config.example.yaml has an example of each type"));
        None
    }
}

/// A finding whose excerpt ends at its position.
fn hidden(place: Place, message: String) -> Finding {
    Finding { hides_value: true, ..Finding::at(Place { width: 1, ..place }, message) }
}

fn is_variable(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
