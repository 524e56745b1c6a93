//! Guesses what was meant by a selector that matched nothing: a wildcard, quotes, a blank, another case.
//!
//! Pure: the caller passes the existing instances in.

use crate::output::text::{clean, count};
use fleet::select::{Filter, Machine, Named};
use std::collections::{BTreeMap, BTreeSet};

/// What was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// What is wrong, and what exists.
    pub text: String,
    /// Whether it can only be a mistake, for example a wildcard without which instances match.
    pub certain: bool,
}

/// Characters that mean "anything" elsewhere: in a shell, a regular expression or SQL.
const WILDCARDS: [char; 4] = ['*', '?', '[', '%'];
const QUOTES: [char; 8] = ['\'', '"', '`', '“', '”', '‘', '’', '„'];

/// What was probably meant by a filter that matched nothing in `machines`.
pub fn explain(filter: &Filter, missing: &[Named], machines: &[Machine]) -> Option<Slip> {
    let names: Vec<&str> = machines.iter().map(|machine| machine.name.as_str()).collect();
    let by_prefix =
        filter.prefix.as_deref().filter(|prefix| !names.iter().any(|name| name.starts_with(prefix)));
    if let Some(slip) = by_prefix.and_then(|prefix| of_prefix(prefix, &names)) {
        return Some(slip);
    }
    let by_name = missing.iter().find_map(|named| match named {
        Named::Name(name) => of_name(name, &names),
        Named::Ocid(_) => None,
    });
    by_name.or_else(|| of_values(filter, machines))
}

/// A prefix without the characters that cannot be part of a name, and a description of those characters.
fn bare(text: &str) -> (&str, Option<String>) {
    let unquoted = text.trim().trim_matches(QUOTES).trim();
    let wildcard = unquoted.find(WILDCARDS);
    let stem = wildcard.and_then(|at| unquoted.get(..at)).unwrap_or(unquoted);
    // `.*` of a regular expression.
    let regular = unquoted.get(stem.len()..).is_some_and(|rest| rest.starts_with('*'));
    let stem = if regular { stem.strip_suffix('.').unwrap_or(stem) } else { stem };
    let wrong = wildcard.and_then(|at| unquoted.get(at..)?.chars().next());
    let said = match wrong {
        Some(character) => Some(format!("`{character}` is no wildcard")),
        None if text.trim().len() != unquoted.len() => {
            Some("quotes are taken as part of the name".to_owned())
        }
        None if text.len() != unquoted.len() => Some("blanks are taken as part of the name".to_owned()),
        None => None,
    };
    (stem, said)
}

fn of_prefix(prefix: &str, names: &[&str]) -> Option<Slip> {
    let (stem, said) = bare(prefix);
    if stem.is_empty() {
        let text = format!("{}, and without it nothing is left of the prefix", said?);
        return Some(Slip { text, certain: true });
    }
    let many = names.iter().filter(|name| name.starts_with(stem)).count();
    if many > 0 {
        let text = format!("{}; {}", said?, begin(many, stem));
        return Some(Slip { text, certain: true });
    }
    let Some((actual, many)) = in_other_case(stem, names) else {
        return said
            .map(|said| Slip { text: format!("{said}, and no name begins with `{stem}`"), certain: false });
    };
    let certain = said.is_some();
    let said = said.map_or_else(String::new, |said| format!("{said}, and "));
    Some(Slip { text: format!("{said}names are compared with case; {}", begin(many, &actual)), certain })
}

/// `4 names begin with `rehearsal-``.
fn begin(many: usize, stem: &str) -> String {
    let verb = if many == 1 { "begins" } else { "begin" };
    format!("{} {verb} with `{}`", count(many as u64, "name"), clean(stem))
}

/// The most common spelling of names that begin with `stem` in another case, and how many names have it.
fn in_other_case(stem: &str, names: &[&str]) -> Option<(String, usize)> {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        if let Some(start) = name.get(..stem.len()).filter(|start| start.eq_ignore_ascii_case(stem)) {
            *found.entry(start).or_default() += 1;
        }
    }
    found.into_iter().max_by_key(|(_, many)| *many).map(|(start, many)| (start.to_owned(), many))
}

fn of_name(name: &str, names: &[&str]) -> Option<Slip> {
    let (stem, said) = bare(name);
    let quoted = clean(name);
    if let Some(other) = names.iter().find(|other| other.eq_ignore_ascii_case(stem) && !stem.is_empty()) {
        let why = said.clone().unwrap_or_else(|| "names are compared with case".to_owned());
        return Some(Slip {
            text: format!("{quoted}: {why}; there is `{}`", clean(other)),
            certain: said.is_some(),
        });
    }
    let slip = of_prefix(name, names).filter(|_| said.is_some() && name.contains(WILDCARDS))?;
    let tip =
        if slip.certain && !stem.is_empty() { format!(" (--prefix {})", clean(stem)) } else { String::new() };
    Some(Slip { text: format!("{quoted}: {}{tip}", slip.text), ..slip })
}

/// Shapes, availability domains and tags that no instance has.
fn of_values(filter: &Filter, machines: &[Machine]) -> Option<Slip> {
    let known = |of: &dyn Fn(&Machine) -> String| -> Vec<String> {
        let all: BTreeSet<String> = machines.iter().map(of).collect();
        all.into_iter().take(8).map(|value| clean(&value)).collect()
    };
    for (flag, values, known) in [
        ("--shape", &filter.shapes, known(&|machine| machine.shape.to_string())),
        ("--ad", &filter.availability_domains, known(&|machine| machine.availability_domain.to_string())),
    ] {
        if let Some(wildcard) = values.iter().find_map(|value| value.chars().find(|c| WILDCARDS.contains(c)))
            && !known.is_empty()
        {
            let text =
                format!("`{wildcard}` is no wildcard in {flag}; the instances have {}", known.join(", "));
            return Some(Slip { text, certain: true });
        }
    }
    filter.tags.iter().find_map(|tag| {
        let has = |machine: &&Machine| tag.is_on(machine);
        if machines.iter().any(|machine| has(&machine)) {
            return None;
        }
        let wanted = tag.to_string();
        let alike = machines.iter().flat_map(|machine| machine.tags.iter()).find_map(|(key, value)| {
            let other = if tag.value.is_some() { format!("{key}={value}") } else { key.to_owned() };
            other.eq_ignore_ascii_case(wanted.trim()).then_some(other)
        })?;
        let text = format!("tags are compared with case; there is `{}`", clean(&alike));
        Some(Slip { text, certain: false })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machines() -> Vec<Machine> {
        let names = ["rehearsal-1", "rehearsal-2", "rehearsal-3", "rehearsal-4", "Web-1"];
        let machine = |name: &str| Machine {
            name: name.to_owned(),
            shape: "VM.Standard.E4.Flex".into(),
            availability_domain: "Uocm:PHX-AD-1".into(),
            tags: [("Team".to_owned(), "blue".to_owned())].into(),
            ..Machine::default()
        };
        names.map(machine).into()
    }

    fn said(filter: &Filter, missing: &[&str]) -> String {
        let missing: Vec<Named> = missing.iter().map(|name| Named::Name((*name).to_owned())).collect();
        explain(filter, &missing, &machines())
            .map_or_else(|| "-".to_owned(), |slip| format!("{} [{}]", slip.text, slip.certain))
    }

    #[test]
    fn a_prefix_that_finds_nothing_is_explained() {
        let lines: Vec<String> = [
            "rehearsal-*",
            "rehearsal-?",
            "rehearsal-[1-4]",
            "rehearsal-%",
            "rehearsal-.*",
            "rehearsal- ",
            "'rehearsal-'",
            "\"rehearsal-\"",
            "“rehearsal-”",
            "web-",
            "REHEARSAL-*",
            "*",
            "db-*",
            "db-",
        ]
        .iter()
        .map(|prefix| {
            let filter = Filter { prefix: Some((*prefix).to_owned()), ..Filter::default() };
            format!("{prefix}: {}", said(&filter, &[]))
        })
        .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        rehearsal-*: `*` is no wildcard; 4 names begin with `rehearsal-` [true]
        rehearsal-?: `?` is no wildcard; 4 names begin with `rehearsal-` [true]
        rehearsal-[1-4]: `[` is no wildcard; 4 names begin with `rehearsal-` [true]
        rehearsal-%: `%` is no wildcard; 4 names begin with `rehearsal-` [true]
        rehearsal-.*: `*` is no wildcard; 4 names begin with `rehearsal-` [true]
        rehearsal- : blanks are taken as part of the name; 4 names begin with `rehearsal-` [true]
        'rehearsal-': quotes are taken as part of the name; 4 names begin with `rehearsal-` [true]
        "rehearsal-": quotes are taken as part of the name; 4 names begin with `rehearsal-` [true]
        “rehearsal-”: quotes are taken as part of the name; 4 names begin with `rehearsal-` [true]
        web-: names are compared with case; 1 name begins with `Web-` [false]
        REHEARSAL-*: `*` is no wildcard, and names are compared with case; 4 names begin with `rehearsal-` [true]
        *: `*` is no wildcard, and without it nothing is left of the prefix [true]
        db-*: `*` is no wildcard, and no name begins with `db-` [false]
        db-: -
        "#);
    }

    #[test]
    fn a_name_or_value_that_is_not_there_is_explained() {
        let none = Filter::default();
        let shape = Filter { shapes: vec!["VM.*".into()], ..Filter::default() };
        let domain = Filter { availability_domains: vec!["AD-?".into()], ..Filter::default() };
        let tag = Filter { tags: vec!["team=blue".parse().unwrap()], ..Filter::default() };
        let lines = [
            said(&none, &["rehearsal-*"]),
            said(&none, &["web-1"]),
            said(&none, &["'rehearsal-1'"]),
            said(&none, &["db-1"]),
            said(&shape, &[]),
            said(&domain, &[]),
            said(&tag, &[]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        rehearsal-*: `*` is no wildcard; 4 names begin with `rehearsal-` (--prefix rehearsal-) [true]
        web-1: names are compared with case; there is `Web-1` [false]
        'rehearsal-1': quotes are taken as part of the name; there is `rehearsal-1` [true]
        -
        `*` is no wildcard in --shape; the instances have VM.Standard.E4.Flex [true]
        `?` is no wildcard in --ad; the instances have Uocm:PHX-AD-1 [true]
        tags are compared with case; there is `Team=blue` [false]
        ");
    }
}
