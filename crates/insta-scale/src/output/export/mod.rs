//! Writes instances in formats of other programs: ssh, Ansible, `/etc/hosts`, Terraform, spreadsheets.
//!
//! Pure functions over [`Machine`]. A display name can contain anything, so no part of it may have an effect: hosts get an
//! alias of safe characters, and values are quoted by the rules of the format. This module must not know how instances are
//! listed or where the text goes.

mod alias;
mod ansible;
mod csv;
mod hosts;
mod json;
mod ssh_config;
mod terraform;
#[cfg(test)]
mod tests;

pub use json::ExportDocument;

use crate::ssh::{Accounts, Address, Login, LoginError};
use fleet::select::Machine;
use std::net::IpAddr;

/// The format to write.
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

/// Options of the formats that name hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// How to log in.
    pub login: Login,
    /// The account of each image, used if the login names none.
    pub accounts: Accounts,
}

/// The text, and the omitted instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The text to write, with a trailing newline (or empty).
    pub text: String,
    /// Instances that could not be written, with reasons, for people.
    pub left_out: Vec<String>,
}

/// Writes `machines` in `format`.
pub fn export_machines(
    machines: &[Machine],
    format: Format,
    options: &ExportOptions,
) -> Result<Exported, LoginError> {
    options.login.check()?;
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
    fn address_of(&self, machine: &Machine) -> Option<IpAddr> {
        self.login.address_of(machine)
    }

    fn user_of(&self, machine: &Machine) -> Option<&str> {
        self.login.user_of(machine, &self.accounts)
    }

    fn without_address(&self, machine: &Machine) -> String {
        let kind = match self.login.kind() {
            Address::Auto => "address",
            Address::Public => "public address",
            Address::Private => "private address",
        };
        format!("{} ({}) has no {kind}", alias::comment(machine.label()), machine.state)
    }
}
