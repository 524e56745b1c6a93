//! The excerpt of a file that is shown under a finding, without possible secrets.
//!
//! A value is shown only if every key of its line is known and none is secret: the value of a misspelt key may be the
//! passphrase, and a line without a key may be part of the key itself.

use super::keys::{GROUPS, SECRET, is_secret};
use oci_api::schema::{Kind, Model};
use std::collections::BTreeSet;

/// The maximum number of characters shown of a line.
const WIDTH: usize = 160;

/// Groups with arbitrary keys, whose values are shown.
pub(super) const FREE: [&str; 5] = ["freeform_tags", "defined_tags", "freeformTags", "definedTags", "shapes"];

/// The replacement for hidden text.
const HIDDEN: &str = "…";

/// A line to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quote {
    /// Its number, from 1.
    pub line: usize,
    /// The maximum number of its characters that are shown.
    pub most: usize,
}

/// The lines of a source, each once: (line number, text).
pub fn lines(source: &str, mut quotes: Vec<Quote>) -> Vec<(usize, String)> {
    let all: Vec<&str> = source.lines().collect();
    // The shortest excerpt of a line comes first.
    quotes.sort_unstable();
    quotes.dedup_by_key(|quote| quote.line);
    let excerpt = |quote: Quote| {
        let text = all.get(quote.line.checked_sub(1)?)?;
        Some((quote.line, shown(&all[..quote.line], text, quote.most)))
    };
    quotes.into_iter().filter_map(excerpt).collect()
}

/// The last of these lines, as far as it may be shown.
fn shown(lines: &[&str], text: &str, most: usize) -> String {
    let safe = safe_length(lines, text).min(most).min(WIDTH);
    let mut out: String = text.chars().take(safe).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if out.chars().count() < text.trim_end().chars().count() {
        let kept = without_key_material(&out);
        // A line without visible text keeps its indentation for the carets below it.
        let blank = if kept.trim().is_empty() { "" } else { " " };
        out = format!("{}{blank}{HIDDEN}", if blank.is_empty() { kept.as_str() } else { kept.trim_end() });
    } else {
        out = without_key_material(&out);
    }
    out
}

/// The number of characters of a line that may be shown.
fn safe_length(lines: &[&str], text: &str) -> usize {
    let indent = indent_of(text);
    let body = text.trim_start();
    if body.is_empty() || body.starts_with('#') && !body.contains(':') {
        return text.chars().count();
    }
    let all = || text.chars().count();
    let mut is_free = ancestors(lines, indent).any(|key| FREE.contains(&key.as_str()));
    let keys = keys_in(text);
    for (key, end) in &keys {
        if !(is_free && key != SECRET || is_known(key)) {
            return *end;
        }
        is_free |= FREE.contains(&key.as_str());
    }
    if !keys.is_empty() {
        return all();
    }
    // It has no key: it belongs to the key above, or to none.
    let first = body.trim_start_matches(['-', ' ']).split_whitespace().next().unwrap_or_default();
    let owner = ancestors(lines, indent + usize::from(body.starts_with('-'))).next();
    let is_owned = owner.is_some_and(|key| is_free && key != SECRET || is_known(&key));
    if is_owned || is_known(first) || body.chars().all(|c| !c.is_alphanumeric()) { all() } else { indent }
}

/// Whether a key is known and not secret.
pub(super) fn is_known(key: &str) -> bool {
    !is_secret(key)
        && (GROUPS.iter().any(|(_, names)| names.contains(&key))
            || has_field("LaunchInstanceDetails", key, &mut BTreeSet::new()))
}

/// Whether a model of the API, or a model nested in it, has this field: such fields occur under `launch_details`.
fn has_field(model: &'static str, name: &str, seen: &mut BTreeSet<&'static str>) -> bool {
    let Some(model) = Model::find(model).filter(|model| seen.insert(model.name)) else { return false };
    model.discriminator == Some(name)
        || model.field(name).is_some()
        || model.subtypes.iter().any(|(_, subtype)| has_field(subtype, name, seen))
        || model.fields.iter().any(|field| match &field.kind {
            Kind::Model(inner) | Kind::List(Kind::Model(inner)) => has_field(inner, name, seen),
            _ => false,
        })
}

fn indent_of(text: &str) -> usize {
    text.chars().take_while(|c| c.is_whitespace()).count()
}

/// The keys under which the last of these lines is nested, the nearest first.
fn ancestors<'a>(lines: &'a [&str], indent: usize) -> impl Iterator<Item = String> + 'a {
    let above = lines.len().saturating_sub(1);
    let mut depth = indent;
    lines[..above].iter().rev().filter_map(move |line| {
        let body = line.trim_start();
        if body.is_empty() || body.starts_with('#') || indent_of(line) >= depth {
            return None;
        }
        depth = indent_of(line);
        keys_in(line).into_iter().next().map(|(key, _)| key)
    })
}

/// All keys in a line, with the positions of their colons (in characters). A quoted text is one value; one without a closing
/// quote may be anything.
fn keys_in(text: &str) -> Vec<(String, usize)> {
    let characters: Vec<char> = text.chars().collect();
    let mut keys = Vec::new();
    let (mut begin, mut at) = (0, 0);
    while let Some(&c) = characters.get(at) {
        let is_first = characters[begin..at].iter().all(|c| c.is_whitespace());
        match c {
            '"' | '\'' if is_first => {
                let closing = characters[at + 1..].iter().position(|other| *other == c);
                at += closing.map_or(0, |length| length + 1);
            }
            '{' | '[' | ',' | '?' | '#' => begin = at + 1,
            '-' if is_first => begin = at + 1,
            ':' if ends_key(&characters[begin..at], characters.get(at + 1).copied()) => {
                let key: String = characters[begin..at].iter().collect();
                keys.push((key.trim().trim_matches(['"', '\'']).to_owned(), at + 1));
                begin = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    keys
}

/// Whether a colon after a text makes the text a key: a blank follows, or the text is quoted.
fn ends_key(text: &[char], next: Option<char>) -> bool {
    next.is_none_or(|next| next.is_whitespace() || ",[]{}\"'".contains(next))
        || text.iter().any(|c| "\"'".contains(*c))
}

/// Replaces words of a text that may be part of a private key.
pub fn without_key_material(text: &str) -> String {
    let Some(first) = text.split([' ', '"', '\'', '\\', ',', '(', ')']).find(|word| is_key_material(word))
    else {
        return text.to_owned();
    };
    let at = text.find(first).unwrap_or_default();
    format!("{}{HIDDEN}", &text[..at])
}

/// Whether a word is a PEM delimiter or may be a line of base64 inside one. (An OCID has no capitals, and a path contains
/// dots.)
fn is_key_material(word: &str) -> bool {
    let word = word.trim_end_matches([':', ';', '.']);
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    word.starts_with("-----BEGIN")
        || (word.len() >= 40
            && word.chars().all(is_base64)
            && word.chars().any(|c| c.is_ascii_uppercase())
            && word.chars().any(|c| c.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::super::finding::ConfigErrors;
    use super::*;
    use proptest::prelude::*;

    fn excerpt(source: &str, line: usize) -> String {
        lines(source, vec![Quote { line, most: usize::MAX }]).pop().unwrap().1
    }

    #[test]
    fn a_value_is_shown_under_a_known_key_only() {
        let text = |line: &str| excerpt(line, 1);
        insta::assert_snapshot!(text("region: us-phoenix-1"), @"region: us-phoenix-1");
        insta::assert_snapshot!(text("pass_phrase: hunter2"), @"pass_phrase: …");
        insta::assert_snapshot!(text("'pass_phrase' : hunter2"), @"'pass_phrase' : …");
        insta::assert_snapshot!(text("{region: phx, \"pass_phrase\":\"hunter2\", count: 3}"), @r#"{region: phx, "pass_phrase": …"#);
        insta::assert_snapshot!(text("user_data: \"base64:aGVs*, x: y\""), @r#"user_data: "base64:aGVs*, x: y""#);
        insta::assert_snapshot!(text("region: \"phx, pass_phrase: hunter2"), @r#"region: "phx, pass_phrase: …"#);
        insta::assert_snapshot!(text("freeform_tags: {team: blue}"), @"freeform_tags: {team: blue}");
        insta::assert_snapshot!(text("launch_details: {isPvEncryptionInTransitEnabled: 3, password: hunter2"), @"launch_details: {isPvEncryptionInTransitEnabled: 3, password: …");
        insta::assert_snapshot!(text("private_key_passphrase: hunter2"), @"private_key_passphrase: …");
        insta::assert_snapshot!(text("private_key_path: -----BEGIN PRIVATE KEY-----"), @"private_key_path: …");
        insta::assert_snapshot!(text("hunter2"), @"…");
        insta::assert_snapshot!(text("shape VM.Standard.E4.Flex"), @"shape VM.Standard.E4.Flex");
        insta::assert_snapshot!(text("# pass_phrase: hunter2"), @"# pass_phrase: …");
    }

    #[test]
    fn a_line_without_a_key_is_shown_with_its_owner() {
        insta::assert_snapshot!(excerpt("instance_settings:\n  nsg_ids:\n    - ocid1.x", 3), @"    - ocid1.x");
        insta::assert_snapshot!(excerpt("instance_settings:\n  nsg_ids:\n  - ocid1.x", 3), @"  - ocid1.x");
        insta::assert_snapshot!(excerpt("private_key_pasphrase:\n  - hunter2", 2), @"  …");
        insta::assert_snapshot!(excerpt("private_key_passphrase: >\n  hunter2\n", 2), @"  …");
        insta::assert_snapshot!(excerpt("freeform_tags:\n  team: blue", 2), @"  team: blue");
    }

    #[test]
    fn an_unknown_field_shows_no_value_anywhere() {
        let all = Quote { line: 2, most: usize::MAX };
        let shown = lines("freeform_tags:\n  password: hunter2", vec![all, Quote { line: 2, most: 10 }]);
        assert_eq!(shown, [(2, "  password …".to_owned())]);
    }

    /// The messages about a file.
    fn told(source: &str) -> String {
        let facts = |_: &super::super::CredentialSource| Ok(super::super::ProfileFacts::default());
        let overrides = super::super::Overrides::default();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, source).unwrap();
        let read = super::super::load(&super::super::Layers::of(file), &overrides, &facts);
        read.err().map(|errors: ConfigErrors| errors.to_string()).unwrap_or_default()
    }

    const CANARY: &str = "hunter2Canary";
    const STRAY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7hunter2Canary";

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_secret_under_a_misspelt_key_is_never_shown(
            key in prop::sample::select(vec![
                "private_key_pasphrase", "pass_phrase", "passphrase", "private-key-passphrase", "Private_Key_Passphrase",
                "private_key_passphrase", "key_content", "password", "private_key", "secret",
            ]),
            form in prop::sample::select(vec![
                "K: S", "K: \"S\"", "\"K\": S", "'K':   'S'", "{K: S}", "K: {a: S}", "K: [S]", "K: |\n  S", "K: >\n  S\n  S",
                "K:\n  S", "K:\n  - S", "K : S", "K: \"S", "K: 'S\nregion: phx", "K: S: S", "K: &x S", "K: *S", "K: !t S",
                "K: S # S", "? K\n: S", "K: [S", "K: {S", "K:\tS", "K: S\n\tx: S", "instance_settings: {K: S}",
                "instance_settings:\n  K: S", "instance_settings:\n  launch_details:\n    K: S", "instance_settings:\n  launch_details: {K: S", "region: phx\nK: S\nK: S",
                "prices:\n  K: S", "prices: {shapes: {x: {K: S}}}", "instance_settings:\n  shape_config: {K: S, ocpus: x}",
                "K= S", "K S",
            ]),
            before in prop::sample::select(vec!["", "region: phx\n", "instance_settings:\n  shape: x\n", "count: 3\n", "[\n"]),
            after in prop::sample::select(vec!["", "\n", "\nregion: [", "\nfingerprint: x\n", "\n  x: 1\n", "\n]\n"]),
        ) {
            let source = format!("{before}{}{after}", form.replace('K', key).replace('S', CANARY));
            let told = told(&source);
            prop_assert!(!told.contains(CANARY), "{source}\n--\n{told}");
        }

        #[test]
        fn a_stray_line_of_a_key_is_never_shown(
            form in prop::sample::select(vec![
                "S", "  S", "- S", "S:", "S: x", "x: S", "private_key_path: S", "private_key_path: key.pem\n  S",
                "private_key_path: \"-----BEGIN PRIVATE KEY-----\\nS\"", "private_key_path: |\n  -----BEGIN PRIVATE KEY-----\n  S",
                "fingerprint: S", "\"S\"", "region: phx\nS\n", "region: phx\nS==\nS==", "[S", "count: S",
                "instance_settings: S", "instance_settings:\n  S", "user_ocid: S", "profile: S",
            ]),
        ) {
            let source = form.replace('S', STRAY);
            let told = told(&source);
            prop_assert!(!told.contains("hunter2"), "{source}\n--\n{told}");
        }
    }
}
