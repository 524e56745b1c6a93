//! Reads `ssh:`: how people log in to the instances.

use super::files::Folders;
use super::finding::{Finding, Findings};
use super::keys;
use super::section::{At, Section};
use super::yaml::Node;
use crate::ssh::{Address, Login, LoginError};

/// The values of `address`, with their meaning.
const ADDRESS: [(&str, Address); 3] =
    [("auto", Address::Auto), ("public", Address::Public), ("private", Address::Private)];

/// Reads the group. Mistakes become findings.
pub fn read_ssh(node: &Node, folders: Folders<'_>, findings: &Findings) -> Login {
    let Some(group) = Section::of(node, "ssh.", keys::SSH, findings) else { return Login::default() };
    let text = |key: &str, of: fn(String) -> Login| {
        let At { value, place } = group.text_or_empty(key)?;
        let value = value.trim().to_owned();
        if let Err(error) = of(value.clone()).check() {
            findings.mistake(Finding::at(place, format!("ssh.{key}: {error}")).help(remedy(&error)));
        }
        Some(value)
    };
    let user = text("user", |text| Login { user: Some(text), ..Login::default() });
    let jump_host = text("jump_host", |text| Login { jump_host: Some(text), ..Login::default() });
    let identity_file = text("identity_file", |text| Login { identity_file: Some(text), ..Login::default() });
    // ssh expands `~` itself, but would resolve a relative path in the current directory.
    let place = group.node("identity_file").map(|node| node.place).unwrap_or_default();
    let identity_file = identity_file.map(|path| {
        if path.starts_with("~/") { path } else { folders.resolve(&path, place).display().to_string() }
    });
    Login { user, address: address(&group, findings), jump_host, identity_file }
}

fn address(group: &Section<'_>, findings: &Findings) -> Option<Address> {
    let given = group.text_or_empty("address")?;
    let known = ADDRESS.iter().find(|(word, _)| *word == given.value.trim());
    if known.is_none() {
        findings.mistake(
            Finding::at(
                given.place,
                format!("ssh.address must be auto, public or private, but is {:?}", given.value),
            )
            .help("remove it for `auto`: the public address if there is one, otherwise the private address"),
        );
    }
    known.map(|(_, address)| *address)
}

fn remedy(error: &LoginError) -> &'static str {
    match error {
        LoginError::Empty(_) => "remove the key, or give it a value",
        LoginError::User { .. } => "name the account alone, such as `opc` or `ubuntu`",
        LoginError::IdentityFile { .. } | LoginError::Option(_) => {
            "name the file of the private key, such as `~/.ssh/id_ed25519`"
        }
        LoginError::JumpHost(_) => "write it as `opc@bastion.example.com`",
    }
}
