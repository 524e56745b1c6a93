//! Logging in to instances: the settings from flags and config, the account of an image, and the command.
//!
//! Pure. Text from the cloud never becomes an option or a shell word: addresses are parsed, OCIDs are checked, and accounts
//! come from a table.

use fleet::select::Machine;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Which address of an instance to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Address {
    /// The public one if there is one, otherwise the private one.
    #[default]
    Auto,
    /// The public one only.
    Public,
    /// The private one only.
    Private,
}

/// The login settings that the user gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// The account: `opc`, `ubuntu`.
    pub user: Option<String>,
    /// Which address to use.
    pub address: Option<Address>,
    /// The jump hosts: `[user@]host[:port]`, several separated by commas; `none` for no host.
    pub jump_host: Option<String>,
    /// The private key.
    pub identity_file: Option<String>,
}

/// Why login settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// A setting was given without a value.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// The name of the account contains an invalid character.
    #[error("the user {user:?} contains {character:?}: only letters, digits, `.`, `_` and `-` are allowed")]
    User {
        /// As given.
        user: String,
        /// The character.
        character: char,
    },
    /// The path of the key cannot be written in an ssh config.
    #[error(
        "the key file {path:?} contains {part:?}, which an ssh config cannot express: rename or link the file"
    )]
    IdentityFile {
        /// As given.
        path: String,
        /// What cannot be expressed.
        part: String,
    },
    /// ssh would interpret the path as an option.
    #[error("the key file {0:?} starts with `-`: write it as `./{0}`")]
    Option(String),
    /// The jump host is invalid.
    #[error("the jump host {0:?} is not of the form `[user@]host[:port]`, several separated by commas")]
    JumpHost(String),
}

/// The accounts of Oracle's images. Oracle, "Connecting to an Instance": `opc` on Oracle Linux and CentOS, `ubuntu` on Ubuntu.
/// Oracle Autonomous Linux is an Oracle Linux. The names are those of `Image.operatingSystem`.
const ACCOUNTS: [(&str, &str); 4] = [
    ("Oracle Linux", "opc"),
    ("Oracle Autonomous Linux", "opc"),
    ("CentOS", "opc"),
    ("Canonical Ubuntu", "ubuntu"),
];

/// The default account of an operating system's image. Variants start with the name: "Oracle Linux Cloud Developer", "Canonical
/// Ubuntu Minimal".
pub fn account_of(operating_system: &str) -> Option<&'static str> {
    let name = operating_system.trim();
    let known = ACCOUNTS.iter().find(|(known, _)| {
        name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    known.map(|(_, account)| *account)
}

impl Login {
    /// These settings, with missing ones taken from `other`.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            user: self.user.or_else(|| other.user.clone()),
            address: self.address.or(other.address),
            jump_host: self.jump_host.or_else(|| other.jump_host.clone()),
            identity_file: self.identity_file.or_else(|| other.identity_file.clone()),
        }
    }

    /// Finds settings that cannot be used.
    pub fn check(&self) -> Result<(), LoginError> {
        self.user.as_deref().map_or(Ok(()), check_user)?;
        self.identity_file.as_deref().map_or(Ok(()), check_identity_file)?;
        self.jump_host.as_deref().map_or(Ok(()), check_jump_host)
    }

    /// The jump hosts, if there are any.
    pub fn jump(&self) -> Option<&str> {
        self.jump_host.as_deref().filter(|host| *host != "none")
    }

    /// The kind of address to use: behind a jump host, the private one unless set otherwise.
    pub fn kind(&self) -> Address {
        match self.address {
            None | Some(Address::Auto) if self.jump().is_some() => Address::Private,
            address => address.unwrap_or_default(),
        }
    }

    /// The address of a machine. It is parsed, because the service's response need not contain a valid address.
    pub fn address_of(&self, machine: &Machine) -> Option<IpAddr> {
        let parse = |address: &Option<String>| address.as_deref().and_then(|text| text.parse().ok());
        match self.kind() {
            Address::Public => parse(&machine.public_ip),
            Address::Private => parse(&machine.private_ip),
            Address::Auto => parse(&machine.public_ip).or_else(|| parse(&machine.private_ip)),
        }
    }

    /// The account for a machine: the configured one, otherwise that of its image.
    pub fn user_of<'a>(&'a self, machine: &Machine, accounts: &'a Accounts) -> Option<&'a str> {
        let of_image = machine.image.as_deref().and_then(|image| accounts.get(image));
        self.user.as_deref().or_else(|| of_image.map(String::as_str))
    }

    /// The words of the command that logs in to a machine.
    pub fn command(&self, machine: &Machine, address: IpAddr, user: Option<&str>) -> Vec<String> {
        let mut words = vec!["ssh".to_owned()];
        // Other instances may reuse an address, so ssh remembers the host key by OCID.
        if oci_api::Ocid::parse(&machine.ocid).is_ok() {
            words.extend(["-o".to_owned(), format!("HostKeyAlias={}", machine.ocid)]);
        }
        if let Some(path) = &self.identity_file {
            // ssh interprets `%` in the path as the start of a token, and expands `~` itself.
            words.extend(["-i".to_owned(), path.replace('%', "%%")]);
            words.extend(["-o".to_owned(), "IdentitiesOnly=yes".to_owned()]);
        }
        if let Some(jump) = self.jump() {
            words.extend(["-J".to_owned(), jump.to_owned()]);
        }
        words.push(user.map_or_else(|| address.to_string(), |user| format!("{user}@{address}")));
        words
    }
}

/// The account of each image, by its OCID.
pub type Accounts = BTreeMap<String, String>;

/// Joins words into one line for a POSIX shell.
pub fn shell_line(words: &[String]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn check_user(user: &str) -> Result<(), LoginError> {
    if user.is_empty() {
        return Err(LoginError::Empty("user"));
    }
    let bad = user.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-".contains(*c));
    let bad = bad.or_else(|| user.chars().next().filter(|c| *c == '-'));
    bad.map_or(Ok(()), |character| Err(LoginError::User { user: user.to_owned(), character }))
}

fn check_identity_file(path: &str) -> Result<(), LoginError> {
    if path.trim().is_empty() {
        return Err(LoginError::Empty("identity file"));
    }
    if path.starts_with('-') {
        return Err(LoginError::Option(path.to_owned()));
    }
    // ssh has no escape for a quote inside quotes, and expands `${…}` everywhere.
    let bad = path.chars().find(|c| c.is_control() || *c == '"' || *c == '\\').map(String::from);
    let bad = bad.or_else(|| path.contains("${").then(|| "${".to_owned()));
    bad.map_or(Ok(()), |part| Err(LoginError::IdentityFile { path: path.to_owned(), part }))
}

fn check_jump_host(hosts: &str) -> Result<(), LoginError> {
    if hosts.trim().is_empty() {
        return Err(LoginError::Empty("jump host"));
    }
    let is_host = |hop: &str| {
        let (user, host) = hop.rsplit_once('@').map_or((None, hop), |(user, host)| (Some(user), host));
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-:[]".contains(c);
        user.is_none_or(|user| check_user(user).is_ok())
            && host.chars().all(plain)
            && host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
    };
    if hosts.split(',').all(is_host) { Ok(()) } else { Err(LoginError::JumpHost(hosts.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(ocid: &str) -> Machine {
        Machine { ocid: ocid.to_owned(), image: Some("image".into()), ..Machine::default() }
    }

    fn line(login: &Login, ocid: &str, user: Option<&str>) -> String {
        shell_line(&login.command(&machine(ocid), "203.0.113.5".parse().unwrap(), user))
    }

    #[test]
    fn the_command_has_what_the_person_said() {
        let login = Login {
            jump_host: Some("opc@bastion.example.com:2222".to_owned()),
            identity_file: Some("~/my keys/50%.pem".to_owned()),
            ..Login::default()
        };
        insta::assert_snapshot!(line(&Login::default(), "ocid1.instance.oc1.phx.a", Some("opc")), @"ssh -o HostKeyAlias=ocid1.instance.oc1.phx.a opc@203.0.113.5");
        insta::assert_snapshot!(line(&login, "ocid1.instance.oc1.phx.a", None), @"ssh -o HostKeyAlias=ocid1.instance.oc1.phx.a -i '~/my keys/50%%.pem' -o IdentitiesOnly=yes -J opc@bastion.example.com:2222 203.0.113.5");
    }

    #[test]
    fn an_ocid_that_is_none_is_not_in_the_command() {
        for ocid in ["", "-oProxyCommand=id", "ocid1.instance.oc1.phx.a; id", "ocid1.instance.oc1.phx.$(id)"]
        {
            assert_eq!(line(&Login::default(), ocid, Some("opc")), "ssh opc@203.0.113.5");
        }
    }

    #[test]
    fn a_login_that_could_become_an_option_is_refused() {
        let user = |text: &str| Login { user: Some(text.to_owned()), ..Login::default() };
        let key = |text: &str| Login { identity_file: Some(text.to_owned()), ..Login::default() };
        let jump = |text: &str| Login { jump_host: Some(text.to_owned()), ..Login::default() };
        for text in ["-oProxyCommand=id", "", "a b\n", "a;b\"", "${HOME}"] {
            for login in [user(text), key(text), jump(text)] {
                assert!(login.check().is_err(), "{login:?}");
            }
        }
        assert!(user("$(id)").check().is_err());
        for text in ["$(id)", "a,-oProxyCommand=id", "a@-b", "a,,b", "a b", "a@b@-c", "a/b"] {
            assert!(jump(text).check().is_err(), "{text}");
        }
        for text in ["bastion", "opc@10.0.0.1:22", "a@b,c@[2001:db8::1]:22", "none"] {
            assert_eq!(jump(text).check(), Ok(()), "{text}");
        }
    }

    #[test]
    fn shell_words_come_back_as_they_were() {
        for text in ["plain", "a b", "it's", "$(id)", "`id`", "a\"b", "~", "[a]", "", "a;b", "a\nb", "é"] {
            let words = ["sh", "-c", &format!("printf %s {}", shell_word(text))].map(str::to_owned);
            assert!(!words.is_empty());
            let read = shlex_like(&shell_word(text));
            assert_eq!(read, text);
        }
    }

    /// Parses one word by the rules of POSIX for single quotes and backslashes.
    fn shlex_like(line: &str) -> String {
        let (mut out, mut quoted, mut chars) = (String::new(), false, line.chars());
        while let Some(c) = chars.next() {
            match c {
                '\'' => quoted = !quoted,
                '\\' if !quoted => out.extend(chars.next()),
                c => {
                    assert!(quoted || c.is_ascii_alphanumeric() || "-_./:=@,%+".contains(c), "{c:?} is bare");
                    out.push(c);
                }
            }
        }
        out
    }

    #[test]
    fn a_jump_host_leads_to_the_private_address() {
        let both = Machine {
            public_ip: Some("203.0.113.5".to_owned()),
            private_ip: Some("10.0.0.5".to_owned()),
            ..machine("a")
        };
        let through = |jump: Option<&str>, address| {
            let login = Login { jump_host: jump.map(str::to_owned), address, ..Login::default() };
            login.address_of(&both).unwrap().to_string()
        };
        assert_eq!(through(None, None), "203.0.113.5");
        assert_eq!(through(Some("bastion"), None), "10.0.0.5");
        assert_eq!(through(Some("none"), None), "203.0.113.5");
        assert_eq!(through(Some("bastion"), Some(Address::Public)), "203.0.113.5");
    }

    #[test]
    fn the_account_follows_from_the_image() {
        for (system, account) in [
            ("Oracle Linux", Some("opc")),
            ("Oracle Linux Cloud Developer", Some("opc")),
            ("Oracle Autonomous Linux", Some("opc")),
            ("CentOS", Some("opc")),
            ("Canonical Ubuntu", Some("ubuntu")),
            ("Canonical Ubuntu Minimal", Some("ubuntu")),
            ("Windows", None),
            ("Custom", None),
            ("Oracle Linuxish", None),
        ] {
            assert_eq!(account_of(system), account, "{system}");
        }
    }
}
