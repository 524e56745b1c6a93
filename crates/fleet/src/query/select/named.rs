//! Instances that the user names, as arguments or as one OCID per line in a file.
//!
//! Pure: the caller provides the text; this must not know about files.

use super::Machine;
use ledger::InstanceRef;
use oci_api::Ocid;
use serde::{Deserialize, Serialize};

/// One instance, as the user names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Named {
    /// By its OCID.
    Ocid(String),
    /// By its complete display name, which several may share.
    Name(String),
}

impl Named {
    /// Whether it names this instance.
    pub fn is(&self, machine: &Machine) -> bool {
        match self {
            Self::Ocid(ocid) => *ocid == machine.ocid,
            Self::Name(name) => *name == machine.name,
        }
    }

    /// What a run records about a name that was not found.
    pub fn reference(&self) -> InstanceRef {
        match self {
            Self::Ocid(ocid) => InstanceRef { ocid: ocid.clone(), ..InstanceRef::default() },
            Self::Name(name) => InstanceRef { name: name.clone(), ..InstanceRef::default() },
        }
    }

    /// As the user wrote it.
    pub fn text(&self) -> &str {
        match self {
            Self::Ocid(text) | Self::Name(text) => text,
        }
    }
}

impl std::str::FromStr for Named {
    type Err = String;

    /// An OCID of an instance, or a display name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err("an instance is named by its OCID or display name, but this is empty".to_owned());
        }
        if text.starts_with("ocid1.") { ocid(text).map(Self::Ocid) } else { Ok(Self::Name(text.to_owned())) }
    }
}

fn ocid(text: &str) -> Result<String, String> {
    let ocid = Ocid::parse(text).map_err(|error| format!("{text:?} is not an OCID: {error}"))?;
    if ocid.resource_type != "instance" {
        return Err(format!(
            "expected the OCID of an instance, but this is an OCID of `{}`",
            ocid.resource_type
        ));
    }
    Ok(text.to_owned())
}

/// A line that does not name an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The line number, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Parses OCIDs of instances, one per line. `#` starts a comment, at the start of a line or after a blank; empty lines and
/// duplicates are ignored. All bad lines are reported.
pub fn read_ocids(text: &str) -> Result<Vec<Named>, Vec<BadLine>> {
    let mut found: Vec<Named> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut bad = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        // Concatenated files have a byte order mark in the middle.
        let line_text = without_comment(line.trim_start_matches('\u{feff}'));
        let word = line_text.trim();
        if word.is_empty() {
            continue;
        }
        let column = line_text.chars().take_while(|c| c.is_whitespace()).count() + 1;
        match ocid(word) {
            Ok(ocid) => {
                if seen.insert(ocid.clone()) {
                    found.push(Named::Ocid(ocid));
                }
            }
            Err(reason) => bad.push(BadLine { line: number, column, reason }),
        }
    }
    if bad.is_empty() { Ok(found) } else { Err(bad) }
}

fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if c == '#' && before.is_whitespace() {
            return line.get(..at).unwrap_or(line);
        }
        before = c;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_holds_one_ocid_a_line_and_comments() {
        let text = "\u{feff}# the web tier\r\nocid1.instance.oc1.phx.a # first\r\n\r\n  ocid1.instance.oc1.phx.b\n\
                    \u{feff}ocid1.instance.oc1.phx.a\n";
        let named = read_ocids(text).unwrap();
        assert_eq!(
            named,
            [Named::Ocid("ocid1.instance.oc1.phx.a".into()), Named::Ocid("ocid1.instance.oc1.phx.b".into())]
        );
    }

    #[test]
    fn every_bad_line_is_reported_with_its_place() {
        let text = "ocid1.instance.oc1.phx.a\n  web-1\nocid1.volume.oc1.phx.b\nocid1.instance.oc1.phx.c d\n";
        let bad = read_ocids(text).unwrap_err();
        let said: Vec<String> =
            bad.iter().map(|bad| format!("{}:{}: {}", bad.line, bad.column, bad.reason)).collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        2:3: "web-1" is not an OCID: an OCID starts with `ocid1.`
        3:1: expected the OCID of an instance, but this is an OCID of `volume`
        4:1: "ocid1.instance.oc1.phx.c d" is not an OCID: it holds ' ', which no OCID does
        "#);
    }

    #[test]
    fn an_argument_is_an_ocid_or_a_name() {
        assert_eq!("web-1".parse(), Ok(Named::Name("web-1".into())));
        assert_eq!("ocid1.instance.oc1.phx.a".parse(), Ok(Named::Ocid("ocid1.instance.oc1.phx.a".into())));
        assert!("ocid1.instance".parse::<Named>().is_err());
        assert!("".parse::<Named>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}|[ \n\r\t#a-z.0-9]{0,60}") {
            if let Ok(named) = read_ocids(&text) {
                prop_assert!(named.iter().all(|one| text.contains(one.text())));
            }
        }
    }
}
