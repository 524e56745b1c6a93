//! Finds values of config.example.yaml that were not replaced: OCIDs of nonexistent resources, and a key that nobody has.
//!
//! The list is read from the example itself, so that the two cannot differ.

use super::Overrides;
use super::credentials;
use super::finding::{Finding, Findings};
use super::yaml::{Node, Value};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The example, including the keys that are commented out.
pub const EXAMPLE: &str = include_str!("../../../../config.example.yaml");

/// The words of the example that the user has to replace.
static PLACEHOLDERS: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| words(EXAMPLE).filter(|word| is_personal(word)).collect());

/// How the example's values are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placeholders {
    /// They are mistakes, because the resources that they name do not exist.
    #[default]
    Refused,
    /// They are reported but block nothing: no request is sent and nothing is created.
    Noted,
    /// They are accepted: everything that the config names exists in a simulated region.
    Taken,
}

/// How much of the file is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Only how to reach the service.
    Connection,
}

/// Finds and reports the example's values.
pub fn find_placeholders(root: &Node, extent: Extent, overrides: &Overrides, findings: &Findings) {
    if overrides.placeholders == Placeholders::Taken {
        return;
    }
    let Value::Map(entries) = &root.value else { return };
    for entry in entries {
        // `--profile` replaces the file's own credentials, whatever they are.
        let is_unused = overrides.profile.is_some() && credentials::FIELDS.contains(&entry.key.as_str());
        let counts = extent == Extent::Whole || entry.key != "instance_settings";
        if counts && !is_unused {
            walk(&entry.value, &entry.key, &mut |node, path| report(node, path, overrides, findings));
        }
    }
}

fn walk(node: &Node, path: &str, found: &mut dyn FnMut(&Node, &str)) {
    match &node.value {
        Value::Scalar(scalar) => {
            if words(&scalar.text).any(|word| PLACEHOLDERS.contains(word)) {
                found(node, path);
            }
        }
        Value::List(items) => items.iter().for_each(|item| walk(item, path, found)),
        Value::Map(entries) => {
            for entry in entries {
                walk(&entry.value, &format!("{path}.{}", entry.key), found);
            }
        }
    }
}

fn report(node: &Node, path: &str, overrides: &Overrides, findings: &Findings) {
    let finding = Finding::at(node.place, format!("{path} still has the value of the example"));
    if overrides.placeholders == Placeholders::Noted {
        findings.note(finding.help("a launch would stop here: replace it with your own"));
        return;
    }
    findings.mistake(finding.help(if path.ends_with("ssh_authorized_keys") {
        "nobody has the private part of this key: replace it with your own, from ~/.ssh/id_ed25519.pub"
    } else {
        "replace it with your own; only `--simulate` accepts the values of the example"
    }));
}

/// The words of a text, without the punctuation of YAML and prose.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "[](){},;\"'`".contains(c)).filter(|word| !word.is_empty())
}

/// Whether a word stands for something personal.
fn is_personal(word: &str) -> bool {
    let pairs = word.split(':').collect::<Vec<_>>();
    let is_pair = |pair: &&str| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_fingerprint = pairs.len() == 16 && pairs.iter().all(is_pair);
    let is_key = word.starts_with("AAAA") && word.len() > 40;
    word.starts_with("ocid1.") || is_fingerprint || is_key || word.ends_with("@example.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_placeholder_is_found_in_the_example() {
        for start in
            ["ocid1.tenancy.", "ocid1.image.", "ocid1.key.", "ocid1.bootvolume.", "AAAAC3", "replace-me@"]
        {
            assert!(PLACEHOLDERS.iter().any(|word| word.starts_with(start)), "{start}");
        }
        assert!(PLACEHOLDERS.iter().any(|word| word.split(':').count() == 16), "the fingerprint");
        // Words that many users would write themselves are not personal.
        for word in
            ["web", "us-phoenix-1", "VM.Standard.E4.Flex", "~/.oci/oci_api_key.pem", "AD-1", "example"]
        {
            assert!(!PLACEHOLDERS.contains(word), "{word}");
        }
    }
}
