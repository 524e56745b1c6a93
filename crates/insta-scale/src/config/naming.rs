//! Reads the names of instances, from a prefix and a number, a pattern or a list, and their host names.
//!
//! It must not know where the instances are placed: the plan fills in the pattern `{ad}`.

use super::finding::{Finding, Findings};
use super::hostname;
use super::scalar::ScalarKind;
use super::section::{At, Section};
use super::yaml::Value;
use fleet::naming::{NamePattern, Naming, PatternError, Values};
use fleet::plan::MAX_DISPLAY_NAME;
use std::collections::BTreeMap;

/// A domain for checks; all domains have names of this form.
const SOME_DOMAIN: &str = "AD-1";

/// The settings about names.
#[derive(Debug, Default)]
pub struct Names {
    /// The name prefix of the fleet.
    pub prefix: String,
    /// How instances are named, if not by the prefix and a number.
    pub naming: Option<Naming>,
    /// The host name of each instance.
    pub hostname: Option<NamePattern>,
}

impl Names {
    /// The number of listed names, which is the count if the file has no `count`.
    pub fn listed(&self) -> Option<u32> {
        match &self.naming {
            Some(Naming::List(names)) => u32::try_from(names.len()).ok(),
            _ => None,
        }
    }

    fn name(&self, number: u64) -> String {
        let named = self.naming.as_ref().and_then(|naming| naming.name(number, &self.prefix, SOME_DOMAIN));
        named.unwrap_or_else(|| format!("{}-{number}", self.prefix))
    }
}

/// Reads `display_name_prefix`, `name_pattern`, `names` and `hostname`.
pub fn read_names(section: &Section<'_>, findings: &Findings) -> Names {
    let prefix = section.text("display_name_prefix");
    let pattern = section.text("name_pattern");
    let list = list(section, findings);
    if let (Some(pattern), Some(_)) = (&pattern, &list) {
        findings.mistake(
            Finding::at(pattern.place, "name_pattern is given together with names")
                .help("keep either the pattern or the list"),
        );
    }
    let pattern = pattern.and_then(|pattern| parse("name_pattern", &pattern, findings));
    if let Some(At { value: pattern, place }) = &pattern {
        if pattern.has_name() {
            findings.mistake(Finding::at(
                *place,
                "name_pattern contains {name}, which stands for the pattern's own result",
            ));
        }
        if pattern.has_prefix() && prefix.is_none() {
            findings.mistake(
                Finding::at(*place, "name_pattern contains {prefix}, but display_name_prefix is not set")
                    .help("add `display_name_prefix`, or write the text in the pattern"),
            );
        }
    }
    let hostname = section.text("hostname").and_then(|text| parse("hostname", &text, findings));
    // Lists and reservations need a name of the fleet even if its instances are named in another way.
    let derived = || match (&pattern, &list) {
        (Some(pattern), _) if !pattern.value.leading_text().is_empty() => {
            pattern.value.leading_text().to_owned()
        }
        (Some(_), _) => "instance".to_owned(),
        (None, Some(names)) => names.first().cloned().unwrap_or_default(),
        (None, None) => String::new(),
    };
    Names {
        prefix: prefix.map_or_else(derived, |prefix| prefix.value.to_owned()),
        naming: match (pattern, list) {
            (Some(pattern), _) => Some(Naming::Pattern(pattern.value)),
            (None, Some(names)) => Some(Naming::List(names)),
            (None, None) => None,
        },
        hostname: hostname.map(|pattern| pattern.value),
    }
}

fn parse(key: &str, text: &At<&str>, findings: &Findings) -> Option<At<NamePattern>> {
    match NamePattern::parse(text.value) {
        Ok(pattern) => Some(At { value: pattern, place: text.place }),
        Err(error) => {
            let help = match &error {
                PatternError::Unknown(name) if name == "fd" => {
                    "OCI may choose the fault domain, so a name cannot contain it"
                }
                _ => "for example `web-{n:03}`: web-001, web-002, …",
            };
            findings.mistake(Finding::at(text.place, format!("{key}: {error}")).help(help));
            None
        }
    }
}

/// The list of names, which must be complete and unique.
fn list(section: &Section<'_>, findings: &Findings) -> Option<Vec<String>> {
    let node = section.node("names")?;
    let Value::List(items) = &node.value else {
        section.wrong("names", node, "a list of names", Some("for example `names: [db-a, db-b]`"));
        return None;
    };
    let mut names = Vec::new();
    let mut places = BTreeMap::new();
    for item in items {
        match &item.value {
            Value::Scalar(scalar) if scalar.text.trim().is_empty() || scalar.kind == ScalarKind::Null => {
                findings
                    .mistake(Finding::at(item.place, "names contains a blank name").help("remove the item"));
            }
            Value::Scalar(scalar) => {
                if let Some(first) = places.insert(scalar.text.to_string(), item.place) {
                    let message = format!(
                        "names contains {:?} twice; the first is on {}",
                        scalar.text.as_str(),
                        findings.line(first)
                    );
                    findings
                        .mistake(Finding::at(item.place, message).help("give each instance a unique name"));
                }
                names.push(scalar.text.to_string());
            }
            _ => section.wrong("names", item, "text", None),
        }
    }
    if names.is_empty() && findings.is_clean() {
        findings.mistake(Finding::at(node.place, "names is empty").help("remove the key, or list the names"));
    }
    Some(names)
}

/// Checks the names of this many instances: their number, length, characters and uniqueness.
pub fn check_names(section: &Section<'_>, names: &Names, count: Option<u32>, findings: &Findings) {
    let count = count.unwrap_or(1);
    let key = ["names", "name_pattern", "display_name_prefix"]
        .into_iter()
        .find_map(|key| Some((key, section.node(key)?.place)));
    let Some((key, place)) = key else { return };
    if let Some(listed) = names.listed().filter(|listed| *listed < count) {
        findings.mistake(
            Finding::at(place, format!("names has {listed} names for {count} instances"))
                .help("add names, or lower count"),
        );
        return;
    }
    if let Some(Naming::Pattern(pattern)) = &names.naming
        && count > 1
        && !pattern.has_number()
    {
        findings.mistake(
            Finding::at(place, format!("name_pattern gives the same name to {count} instances"))
                .help(format!("add the number: `{}-{{n}}`", pattern.as_str())),
        );
        return;
    }
    // With or without padding, the last number is the longest; listed names differ in length.
    let first = if names.listed().is_some() { 1 } else { u64::from(count) };
    for number in first..=u64::from(count) {
        let name = names.name(number);
        let length = name.chars().count();
        if length > MAX_DISPLAY_NAME {
            findings.mistake(
                Finding::at(place, format!("the name of instance {number} would have {length} characters"))
                    .help(format!("a display name has at most {MAX_DISPLAY_NAME} characters: shorten {key}")),
            );
            return;
        }
        if name.chars().any(char::is_control) {
            findings.mistake(Finding::at(place, format!("{key} holds a control character")));
            return;
        }
    }
    check_hosts(section, names, count, findings);
}

fn check_hosts(section: &Section<'_>, names: &Names, count: u32, findings: &Findings) {
    let Some((pattern, place)) = names.hostname.as_ref().zip(section.node("hostname").map(|node| node.place))
    else {
        return;
    };
    let numbered = pattern.has_number() || (pattern.has_name() && names.name(1) != names.name(2));
    if count > 1 && !numbered {
        findings.mistake(
            Finding::at(place, format!("hostname gives the same host name to {count} instances"))
                .help("a host name must be unique in its subnet: use `{name}`, or add {n}"),
        );
        return;
    }
    let first = if names.listed().is_some() { 1 } else { u64::from(count) };
    for number in first..=u64::from(count) {
        let name = names.name(number);
        let values = Values { number, prefix: &names.prefix, domain: SOME_DOMAIN, name: &name };
        let host = pattern.fill(&values);
        if let Some(why) = hostname::problem(&host) {
            findings.mistake(
                Finding::at(
                    place,
                    format!("hostname: the host name of instance {number} would be {host:?}, which is invalid: {why}"),
                )
                .help("use 1 to 63 letters, digits and hyphens, without a hyphen at either end: `web-1`"),
            );
            return;
        }
    }
}
