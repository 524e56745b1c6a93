//! A YAML inventory for Ansible. Every value is a quoted string, and values from the service are marked `!unsafe`, so that `{{
//! … }}` in a name is a name and not a template (Ansible: "Advanced playbook syntax").

use super::alias::{Alphabet, aliases, safe};
use super::{ExportOptions, Exported};
use fleet::select::Machine;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

pub(super) fn write(machines: &[Machine], options: &ExportOptions) -> Exported {
    let mut left_out = Vec::new();
    let mut hosts = String::new();
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let names = aliases(machines, Alphabet::Host);
    for (machine, alias) in machines.iter().zip(&names) {
        let Some(address) = options.address_of(machine) else {
            left_out.push(options.without_address(machine));
            continue;
        };
        host(&mut hosts, machine, alias, address, options);
        for (kind, value) in [
            ("ad", &*machine.availability_domain),
            ("shape", &*machine.shape),
            ("state", machine.state.as_str()),
        ] {
            let value = safe(value, Alphabet::Word).to_ascii_lowercase();
            groups.entry(format!("{kind}_{value}")).or_default().push(alias);
        }
    }
    if hosts.is_empty() {
        return Exported { text: "all:\n  hosts: {}\n".to_owned(), left_out };
    }
    let mut text = format!("all:\n  hosts:\n{hosts}  children:\n");
    for (group, members) in groups {
        let _ = writeln!(text, "    {group}:\n      hosts:");
        for member in members {
            let _ = writeln!(text, "        {}: {{}}", quoted(member));
        }
    }
    Exported { text, left_out }
}

fn host(out: &mut String, machine: &Machine, alias: &str, address: IpAddr, options: &ExportOptions) {
    let _ = writeln!(out, "    {}:", quoted(alias));
    let _ = writeln!(out, "      ansible_host: {}", quoted(&address.to_string()));
    if let Some(user) = options.user_of(machine) {
        let _ = writeln!(out, "      ansible_user: {}", quoted(user));
    }
    if let Some(jump) = options.login.jump() {
        let arguments = quoted(&format!("-o ProxyJump={jump}"));
        let _ = writeln!(out, "      ansible_ssh_common_args: !unsafe {arguments}");
    }
    if let Some(path) = &options.login.identity_file {
        let _ = writeln!(out, "      ansible_ssh_private_key_file: !unsafe {}", quoted(path));
    }
    let facts = [
        ("oci_display_name", Some(&*machine.name)),
        ("oci_id", Some(&*machine.ocid)),
        ("oci_availability_domain", Some(&*machine.availability_domain)),
        ("oci_fault_domain", machine.fault_domain.as_deref()),
        ("oci_shape", Some(&*machine.shape)),
        ("oci_private_ip", machine.private_ip.as_deref()),
        ("oci_public_ip", machine.public_ip.as_deref()),
    ];
    for (key, value) in facts {
        if let Some(value) = value {
            let _ = writeln!(out, "      {key}: !unsafe {}", quoted(value));
        }
    }
}

/// A double-quoted YAML string, in which everything except plain ASCII text is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            _ if u32::from(c) <= 0xff => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            _ if u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}
