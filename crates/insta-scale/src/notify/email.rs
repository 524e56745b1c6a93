//! Sends messages by e-mail through an SMTP server.

use super::Failed;
use super::message::Message;
use super::secret::Secret;
use crate::error::CommandError;
use crate::tuning::NOTIFY_TRY;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use oci_client::transport::Surroundings;
use std::time::SystemTime;

/// The encryption of the connection to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the start.
    Tls,
    /// TLS after the greeting; nothing is sent without it.
    StartTls,
    /// None, for a server on this machine.
    None,
}

impl Encryption {
    /// The values in the config.
    pub const ALL: [(&'static str, Self); 3] =
        [("tls", Self::Tls), ("starttls", Self::StartTls), ("none", Self::None)];

    /// The default port.
    pub fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

/// The mail server, the sender and the recipients.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The encryption of the connection.
    pub encryption: Encryption,
    /// The sender.
    pub from: Mailbox,
    /// The recipients.
    pub to: Vec<Mailbox>,
}

/// A server ready to use, with certificates and password.
#[derive(Clone)]
pub struct Mail {
    server: MailServer,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Mail {
    /// Prepares to send. `login` is a user and a password.
    pub fn new(
        server: &MailServer,
        login: Option<(String, Secret)>,
        surroundings: &Surroundings,
    ) -> Result<Self, CommandError> {
        let tls = match server.encryption {
            Encryption::None => Tls::None,
            Encryption::Tls => Tls::Wrapper(parameters(server, surroundings)?),
            Encryption::StartTls => Tls::Required(parameters(server, surroundings)?),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(NOTIFY_TRY));
        if let Some((user, password)) = login {
            transport = transport.credentials(Credentials::new(user, password.expose().to_owned()));
        }
        Ok(Self { server: server.clone(), transport: transport.build() })
    }

    /// Sends one message.
    pub async fn send(&self, message: &Message) -> Result<(), Failed> {
        let lasting = |error: lettre::error::Error| Failed { why: error.to_string(), may_pass: false };
        let mail = self.letter(message).map_err(lasting)?;
        match self.transport.send(mail).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let lasts = error.is_permanent() || error.is_client() || error.is_tls();
                Err(Failed { why: chain(&error), may_pass: !lasts })
            }
        }
    }

    fn letter(&self, message: &Message) -> Result<lettre::Message, lettre::error::Error> {
        let mut letter = lettre::Message::builder()
            .from(self.server.from.clone())
            .subject(message.subject())
            .date(SystemTime::from(message.at))
            .message_id(Some(format!("<{}@oci-insta-scale.invalid>", message.id)))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.server.to {
            letter = letter.to(to.clone());
        }
        letter.body(message.text() + "\n")
    }
}

/// The trusted certificates, which are those of requests to OCI.
fn parameters(server: &MailServer, surroundings: &Surroundings) -> Result<TlsParameters, CommandError> {
    let wrong = |error| CommandError::System {
        what: "TLS for e-mail cannot be set up",
        source: std::io::Error::other(error),
    };
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(trusted) = surroundings.trusted() {
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in trusted {
            let certificate = Certificate::from_der(certificate.to_vec()).map_err(wrong)?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build_rustls().map_err(wrong)
}

/// The text of an error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::{Topic, test_message};
    use jiff::Timestamp;

    fn server() -> MailServer {
        MailServer {
            host: "127.0.0.1".to_owned(),
            port: 1,
            encryption: Encryption::None,
            from: "fleet <fleet@example.com>".parse().unwrap(),
            to: vec!["a@example.com".parse().unwrap(), "b@example.com".parse().unwrap()],
        }
    }

    #[tokio::test]
    async fn a_letter_has_the_text_and_cannot_add_headers() {
        let mail = Mail::new(&server(), None, &Surroundings::default()).unwrap();
        let message = Message {
            topic: Some(Topic::Stop),
            fleet: "web\r\nBcc: x@example.com".to_owned(),
            title: "Zürich".to_owned(),
            ..test_message(Timestamp::UNIX_EPOCH)
        };
        let letter = String::from_utf8(mail.letter(&message).unwrap().formatted()).unwrap();
        let head = letter.split("\r\n\r\n").next().unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        assert!(head.contains("To: a@example.com, b@example.com"), "{head}");
        assert!(head.contains("Date: Thu, 01 Jan 1970 00:00:00 +0000"), "{head}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_may_come_back() {
        let mail = Mail::new(&server(), None, &Surroundings::default()).unwrap();
        let failed = mail.send(&test_message(Timestamp::UNIX_EPOCH)).await.unwrap_err();
        assert!(failed.may_pass && failed.why.to_lowercase().contains("refused"), "{}", failed.why);
    }
}
