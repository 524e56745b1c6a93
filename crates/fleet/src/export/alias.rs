//! Names that are safe wherever a name stands: letters, digits, `.`, `_` and `-`, never empty, never twice.

use crate::select::Machine;
use std::collections::HashSet;

/// How the characters of a name are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Host names: letters, digits, `.` and `-`, and neither of the two at the ends.
    Host,
    /// Words of other programs (Terraform, Ansible groups): letters, digits and `_`, not beginning with a digit.
    Word,
}

/// One alias for each machine, in their order. The same machines give the same aliases.
pub(super) fn aliases(machines: &[Machine], alphabet: Alphabet) -> Vec<String> {
    let mut taken = HashSet::new();
    machines
        .iter()
        .map(|machine| {
            let wanted = Some(safe(&machine.name, alphabet))
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| safe(&format!("instance-{}", tail(&machine.ocid)), alphabet));
            let joint = if alphabet == Alphabet::Host { '-' } else { '_' };
            let mut alias = wanted.clone();
            let mut number = 2_u32;
            // Host names are the same whatever their case.
            while !taken.insert(alias.to_ascii_lowercase()) {
                alias = format!("{wanted}{joint}{number}");
                number += 1;
            }
            alias
        })
        .collect()
}

/// The text with everything that is not in the alphabet replaced. Empty when nothing of it is left.
pub(super) fn safe(text: &str, alphabet: Alphabet) -> String {
    let (extra, joint): (&[char], char) =
        if alphabet == Alphabet::Host { (&['.', '-'], '-') } else { (&['_'], '_') };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || extra.contains(&c) {
            out.push(c);
        } else if !out.ends_with(joint) {
            out.push(joint);
        }
    }
    // A label of a host name has at most 63 characters, and so has one here.
    out.truncate(63);
    let trimmed = out.trim_matches(['.', '-', '_']).to_owned();
    if alphabet == Alphabet::Word && trimmed.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("i_{trimmed}");
    }
    trimmed
}

/// The end of an OCID: the part that differs.
fn tail(ocid: &str) -> &str {
    let start = ocid.char_indices().rev().nth(7).map_or(0, |(at, _)| at);
    ocid.get(start..).unwrap_or(ocid)
}

/// A comment's text: one line, no control or direction characters.
pub(super) fn comment(text: &str) -> String {
    text.chars().map(|c| if is_unprintable(c) { '\u{fffd}' } else { c }).collect()
}

/// Characters that end a line, steer a terminal or turn the direction of the text.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
