//! Blocks for `~/.ssh/config` (ssh_config(5)): `Host` takes patterns, `%` starts a token, `"` quotes.

use super::alias::{Alphabet, aliases, comment};
use super::{ExportOptions, Exported};
use fleet::select::Machine;
use std::fmt::Write as _;

pub(super) fn write(machines: &[Machine], options: &ExportOptions) -> Exported {
    let mut text = String::new();
    let mut left_out = Vec::new();
    for (machine, alias) in machines.iter().zip(aliases(machines, Alphabet::Host)) {
        let Some(address) = options.address_of(machine) else {
            left_out.push(options.without_address(machine));
            continue;
        };
        if !text.is_empty() {
            text.push('\n');
        }
        if alias != machine.name {
            let _ = writeln!(text, "# {}", comment(machine.label()));
        }
        let _ = writeln!(text, "Host {alias}\n    HostName {address}");
        // Other instances may reuse an address, so ssh remembers the host key by OCID.
        let _ = writeln!(text, "    HostKeyAlias {}", key_alias(&machine.ocid, &alias));
        if let Some(user) = options.user_of(machine) {
            let _ = writeln!(text, "    User {user}");
        }
        if let Some(jump) = options.login.jump() {
            let _ = writeln!(text, "    ProxyJump {jump}");
        }
        if let Some(path) = &options.login.identity_file {
            let _ =
                writeln!(text, "    IdentityFile \"{}\"\n    IdentitiesOnly yes", path.replace('%', "%%"));
        }
    }
    Exported { text, left_out }
}

fn key_alias<'a>(ocid: &'a str, alias: &'a str) -> &'a str {
    if oci_api::Ocid::parse(ocid).is_ok() { ocid } else { alias }
}
