//! Names that are safe in every format: letters, digits, `_` and `-`, never empty, unique, and never one that already means
//! another host.

use fleet::select::Machine;
use std::collections::HashSet;

/// The allowed characters of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Host names of one label: letters, digits and `-`, which may not be at either end. A dot could turn the name of an
    /// instance into that of a host on the Internet.
    Host,
    /// Identifiers of other programs (Terraform, Ansible groups): letters, digits and `_`, not starting with a digit.
    Word,
}

/// One alias per machine, in the same order. The same machines always get the same aliases. Names that are already safe take
/// precedence over names that only become equal by being made safe.
pub(super) fn aliases(machines: &[Machine], alphabet: Alphabet) -> Vec<String> {
    let mut wanted: Vec<(usize, String)> =
        machines.iter().map(|machine| alias(machine, alphabet)).enumerate().collect();
    let is_changed =
        |at: usize, alias: &String| machines.get(at).is_none_or(|machine| machine.name != *alias);
    wanted.sort_by_key(|(at, alias)| (is_changed(*at, alias), *at));
    let joint = if alphabet == Alphabet::Host { '-' } else { '_' };
    let mut taken = HashSet::new();
    for (_, wanted) in &mut wanted {
        let mut alias = wanted.clone();
        let mut number = 2_u32;
        // Host names ignore case.
        while !taken.insert(alias.to_ascii_lowercase()) {
            alias = format!("{wanted}{joint}{number}");
            number += 1;
        }
        *wanted = alias;
    }
    wanted.sort();
    wanted.into_iter().map(|(_, alias)| alias).collect()
}

/// The alias of one machine, before duplicates are resolved.
fn alias(machine: &Machine, alphabet: Alphabet) -> String {
    let name = safe(&machine.name, alphabet);
    if name.is_empty() {
        return safe(&format!("instance-{}", tail(&machine.ocid)), alphabet);
    }
    let has_a_meaning = alphabet == Alphabet::Host && is_reserved(&name);
    if has_a_meaning { format!("instance-{name}") } else { name }
}

/// Whether a name has a fixed meaning: this machine (hosts(5)), every host (Ansible: "all" and "ungrouped"), or an address,
/// which `inet_aton` also accepts as plain decimal or hexadecimal digits.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let number = name.strip_prefix("0x").map_or_else(
        || name.bytes().all(|b| b.is_ascii_digit()),
        |digits| digits.bytes().all(|b| b.is_ascii_hexdigit()),
    );
    number
        || name.starts_with("localhost")
        || name.starts_with("ip6-")
        || ["all", "broadcasthost", "ungrouped"].contains(&name.as_str())
}

/// Replaces every character outside the alphabet. Empty if nothing remains.
pub(super) fn safe(text: &str, alphabet: Alphabet) -> String {
    let joint = if alphabet == Alphabet::Host { '-' } else { '_' };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == joint {
            out.push(c);
        } else if !out.ends_with(joint) {
            out.push(joint);
        }
    }
    // A label of a host name has at most 63 characters.
    out.truncate(63);
    let trimmed = out.trim_matches(['-', '_']).to_owned();
    if alphabet == Alphabet::Word && trimmed.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("i_{trimmed}");
    }
    trimmed
}

/// The end of an OCID, which distinguishes it.
fn tail(ocid: &str) -> &str {
    let start = ocid.char_indices().rev().nth(7).map_or(0, |(at, _)| at);
    ocid.get(start..).unwrap_or(ocid)
}

/// The text of a comment: one line without control or direction characters.
pub(super) fn comment(text: &str) -> String {
    text.chars().map(|c| if is_unprintable(c) { '\u{fffd}' } else { c }).collect()
}

/// Characters that end a line, control a terminal or change the direction of the text.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
