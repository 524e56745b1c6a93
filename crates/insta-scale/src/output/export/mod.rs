//! Writes instances down for other programs: ssh, Ansible, `/etc/hosts`, Terraform, spreadsheets.
//!
//! Pure functions over [`Machine`]. A display name can hold anything, so nothing of it goes where it could mean
//! something: hosts get an alias of safe characters, values are quoted by the rules of the format. This must not know
//! how instances are listed or where the text goes.

mod alias;
mod ansible;
mod csv;
mod hosts;
mod json;
mod ssh_config;
mod terraform;
#[cfg(test)]
mod tests;

use fleet::select::Machine;
use std::net::IpAddr;

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Blocks for `~/.ssh/config`.
    SshConfig,
    /// A YAML inventory.
    Ansible,
    /// Lines for `/etc/hosts`.
    Hosts,
    /// `import` blocks (Terraform 1.5 and later).
    TerraformImport,
    /// One JSON document.
    Json,
    /// Comma-separated values with a header line (RFC 4180).
    Csv,
}

/// Which address stands for an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Address {
    /// The public one if there is one, else the private one.
    #[default]
    Auto,
    /// The public one only.
    Public,
    /// The private one only.
    Private,
}

/// What the formats that name hosts leave to the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// Which address stands for an instance.
    pub address: Address,
    /// The account to log in with: `opc`, `ubuntu`.
    pub user: Option<String>,
    /// The private key to log in with.
    pub identity_file: Option<String>,
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Something was given and says nothing.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// The name of the account holds a character that no account has.
    #[error("the user {user:?} contains {character:?}: only letters, digits, `.`, `_` and `-` are allowed")]
    User {
        /// As given.
        user: String,
        /// The character.
        character: char,
    },
    /// The key's path cannot be written in the format.
    #[error(
        "the key file {path:?} contains {part:?}, which an ssh config cannot express: rename or link the file"
    )]
    IdentityFile {
        /// As given.
        path: String,
        /// What cannot be expressed.
        part: String,
    },
}

/// The text, and what was left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// What to write, with a newline at its end (or empty).
    pub text: String,
    /// Instances that could not be written, each with its reason, for people.
    pub left_out: Vec<String>,
}

/// Writes `machines` in `format`.
pub fn export_machines(
    machines: &[Machine],
    format: Format,
    options: &ExportOptions,
) -> Result<Exported, ExportError> {
    options.check()?;
    Ok(match format {
        Format::SshConfig => ssh_config::write(machines, options),
        Format::Ansible => ansible::write(machines, options),
        Format::Hosts => hosts::write(machines, options),
        Format::TerraformImport => terraform::write(machines),
        Format::Json => Exported { text: json::write(machines), left_out: Vec::new() },
        Format::Csv => Exported { text: csv::write(machines), left_out: Vec::new() },
    })
}

pub use csv::{cell as csv_cell, record as csv_record};

impl ExportOptions {
    fn check(&self) -> Result<(), ExportError> {
        if let Some(user) = &self.user {
            let bad = user.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-".contains(*c));
            let bad = bad.or_else(|| user.chars().next().filter(|c| *c == '-'));
            if user.is_empty() {
                return Err(ExportError::Empty("user"));
            }
            if let Some(character) = bad {
                return Err(ExportError::User { user: user.clone(), character });
            }
        }
        if let Some(path) = &self.identity_file {
            if path.trim().is_empty() {
                return Err(ExportError::Empty("identity file"));
            }
            // ssh has no escape for a quote inside quotes, and expands `${…}` everywhere.
            let bad = path.chars().find(|c| c.is_control() || *c == '"' || *c == '\\').map(String::from);
            if let Some(part) = bad.or_else(|| path.contains("${").then(|| "${".to_owned())) {
                return Err(ExportError::IdentityFile { path: path.clone(), part });
            }
        }
        Ok(())
    }

    /// The address of a machine: one that parses as an address, as an answer of the service need not.
    fn address_of(&self, machine: &Machine) -> Option<IpAddr> {
        let parse = |address: &Option<String>| address.as_deref().and_then(|text| text.parse().ok());
        match self.address {
            Address::Public => parse(&machine.public_ip),
            Address::Private => parse(&machine.private_ip),
            Address::Auto => parse(&machine.public_ip).or_else(|| parse(&machine.private_ip)),
        }
    }

    fn without_address(&self, machine: &Machine) -> String {
        let kind = match self.address {
            Address::Auto => "address",
            Address::Public => "public address",
            Address::Private => "private address",
        };
        format!("{} ({}) has no {kind}", alias::comment(machine.label()), machine.state)
    }
}
