//! The names of instances: `<prefix>-1 …`, by a pattern, or from a list. Pure: a name is a function of the number and the
//! availability domain.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Fleets have at most 1,000,000 instances; ten times that allows for many extensions.
const HIGHEST: u32 = 10_000_000;
/// The maximum padding width, which exceeds the digits of the highest number.
const WIDEST: usize = 9;

/// How the instances of a fleet are named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// By a pattern: `web-{n:03}`.
    Pattern(NamePattern),
    /// From a list: number 1 has the first name.
    List(Vec<String>),
}

impl Naming {
    /// The name of the instance with this number; `None` if the list is too short.
    pub fn name(&self, number: u64, prefix: &str, domain: &str) -> Option<String> {
        match self {
            Self::Pattern(pattern) => Some(pattern.fill(&Values { number, prefix, domain, name: "" })),
            Self::List(names) => names.get(usize::try_from(number.checked_sub(1)?).ok()?).cloned(),
        }
    }

    /// The number in a name of this kind.
    pub fn number_in(&self, name: &str, prefix: &str) -> Option<u32> {
        match self {
            Self::Pattern(pattern) => pattern.number_in(name, prefix),
            Self::List(names) => {
                let index = names.iter().position(|known| known == name)?;
                u32::try_from(index + 1).ok()
            }
        }
    }
}

/// The values for a pattern.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// The number of the instance.
    pub number: u64,
    /// The prefix of the fleet's names.
    pub prefix: &'a str,
    /// The availability domain, by its full name: `Uocm:PHX-AD-1`.
    pub domain: &'a str,
    /// The display name, for a host name that contains it.
    pub name: &'a str,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// `{n}` or `{n:03}`: the number, padded with zeros to this width.
    Number(usize),
    /// `{prefix}`: the prefix of the fleet's names.
    Prefix,
    /// `{ad}`: the availability domain, as `ad1`.
    Domain,
    /// `{name}`: the display name.
    Name,
}

/// A pattern for names: text with `{n}`, `{n:03}`, `{prefix}` and `{ad}`; for host names also `{name}`. `{{` and `}}` are
/// literal braces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern {
    text: String,
    parts: Vec<Part>,
}

/// Why a text is not a valid pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// An unmatched brace.
    #[error("a single `{0}`; write `{0}{0}` for the character itself")]
    Brace(char),
    /// An unknown placeholder.
    #[error(
        "`{{{0}}}` is unknown; the placeholders are {{n}}, {{n:03}}, {{prefix}}, {{ad}} and, in a host name, {{name}}"
    )]
    Unknown(String),
    /// An invalid width.
    #[error("`{{n:{0}}}` needs a width from 01 to 09: write {{n:03}} for 001, 002, …")]
    Width(String),
}

impl NamePattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// When a brace or a placeholder is invalid.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars().peekable();
        while let Some(character) = rest.next() {
            match character {
                '{' | '}' if rest.peek() == Some(&character) => {
                    rest.next();
                    literal.push(character);
                }
                '{' => {
                    let mut inside = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some('{') | None => return Err(PatternError::Brace('{')),
                            Some(other) => inside.push(other),
                        }
                    }
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    parts.push(placeholder(&inside)?);
                }
                '}' => return Err(PatternError::Brace('}')),
                other => literal.push(other),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The default pattern: `{prefix}-{n}`.
    pub fn usual() -> &'static Self {
        static USUAL: LazyLock<NamePattern> = LazyLock::new(|| NamePattern {
            text: "{prefix}-{n}".to_owned(),
            parts: vec![Part::Prefix, Part::Text("-".to_owned()), Part::Number(0)],
        });
        &USUAL
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether each number produces a different text.
    pub fn has_number(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Number(_)))
    }

    /// Whether it contains the display name.
    pub fn has_name(&self) -> bool {
        self.parts.contains(&Part::Name)
    }

    /// Whether it contains the prefix.
    pub fn has_prefix(&self) -> bool {
        self.parts.contains(&Part::Prefix)
    }

    /// The text before the first placeholder, without trailing separators: `web` for `web-{n}`.
    pub fn leading_text(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text.trim_end_matches(['-', '_', '.', ' ']),
            _ => "",
        }
    }

    /// The text for one instance.
    pub fn fill(&self, values: &Values<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Number(width) => {
                    let _ = write!(out, "{:0width$}", values.number);
                }
                Part::Prefix => out.push_str(values.prefix),
                Part::Domain => out.push_str(&short_domain(values.domain)),
                Part::Name => out.push_str(values.name),
            }
        }
        out
    }

    /// The number in a text that this pattern can produce. A pattern without a number yields 1.
    pub fn number_in(&self, text: &str, prefix: &str) -> Option<u32> {
        let mut rest = text;
        let mut number = None;
        for (at, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(text) => rest = rest.strip_prefix(text.as_str())?,
                Part::Prefix => rest = rest.strip_prefix(prefix)?,
                Part::Domain => {
                    let digits = rest.strip_prefix("ad")?;
                    rest = digits.strip_prefix(|c: char| c.is_ascii_digit())?;
                }
                Part::Name => return None,
                Part::Number(width) => {
                    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                    // Two adjacent numbers could not be separated, because the following text may begin with a digit.
                    let length = match self.parts.get(at + 1) {
                        Some(Part::Text(next)) if next.starts_with(|c: char| c.is_ascii_digit()) => {
                            rest.len().checked_sub(next.len())?
                        }
                        _ => digits,
                    };
                    let (these, after) = rest.split_at_checked(length)?;
                    let value: u32 = these.parse().ok()?;
                    if these.len() < *width || number.is_some_and(|known| known != value) {
                        return None;
                    }
                    (number, rest) = (Some(value), after);
                }
            }
        }
        let number = number.or_else(|| (!self.has_number()).then_some(1))?;
        (rest.is_empty() && (1..=HIGHEST).contains(&number)).then_some(number)
    }
}

fn placeholder(inside: &str) -> Result<Part, PatternError> {
    match inside {
        "n" => Ok(Part::Number(0)),
        // The fleet is identified by the prefix of its names.
        "prefix" | "fleet" => Ok(Part::Prefix),
        "ad" => Ok(Part::Domain),
        "name" => Ok(Part::Name),
        _ => match inside.strip_prefix("n:") {
            Some(width) => {
                let digits = width.strip_prefix('0').unwrap_or(width);
                let number = digits.parse().ok().filter(|width| (1..=WIDEST).contains(width));
                number.map(Part::Number).ok_or_else(|| PatternError::Width(width.to_owned()))
            }
            None => Err(PatternError::Unknown(inside.to_owned())),
        },
    }
}

/// `ad1` for `Uocm:PHX-AD-1` and for `AD-1`.
fn short_domain(domain: &str) -> String {
    let digits = domain.rsplit('-').next().unwrap_or_default();
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("ad{digits}")
    } else {
        domain.to_lowercase()
    }
}

impl TryFrom<String> for NamePattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(pattern: &str, number: u64) -> String {
        let values = Values { number, prefix: "web", domain: "Uocm:PHX-AD-2", name: "web-7" };
        NamePattern::parse(pattern).unwrap().fill(&values)
    }

    #[test]
    fn a_pattern_pads_numbers_and_names_domains() {
        for (pattern, name) in [
            ("web-{n}", "web-7"),
            ("web-{n:03}", "web-007"),
            ("web-{n:3}", "web-007"),
            ("{prefix}-{ad}-{n}", "web-ad2-7"),
            ("{fleet}.{n:02}.example", "web.07.example"),
            ("{{{n}}}", "{7}"),
            ("{name}-x", "web-7-x"),
            ("solo", "solo"),
        ] {
            assert_eq!(fill(pattern, 7), name, "{pattern}");
        }
        assert_eq!(fill("web-{n:03}", 12_345), "web-12345");
    }

    #[test]
    fn a_wrong_pattern_names_what_is_wrong() {
        for (pattern, why) in [
            ("web-{n", "a single `{`; write `{{` for the character itself"),
            ("web-n}", "a single `}`; write `}}` for the character itself"),
            ("web-{fd}", "`{fd}` is unknown"),
            ("web-{n:0}", "`{n:0}` needs a width from 01 to 09"),
            ("web-{n:x}", "`{n:x}` needs a width"),
            ("web-{}", "`{}` is unknown"),
        ] {
            let error = NamePattern::parse(pattern).unwrap_err().to_string();
            assert!(error.starts_with(why), "{pattern}: {error}");
        }
    }

    #[test]
    fn only_a_name_of_the_pattern_has_a_number() {
        for (pattern, name, number) in [
            ("{prefix}-{n}", "web-7", Some(7)),
            ("{prefix}-{n}", "web-0012", Some(12)),
            ("{prefix}-{n}", "web-", None),
            ("{prefix}-{n}", "web-7a", None),
            ("{prefix}-{n}", "web-+7", None),
            ("{prefix}-{n}", "web-7-1", None),
            ("{prefix}-{n}", "web2-7", None),
            ("{prefix}-{n}", "web-0", None),
            ("{prefix}-{n}", "web-20261122235959", None),
            ("web-{n:03}", "web-007", Some(7)),
            ("web-{n:03}", "web-7", None),
            ("web-{n:03}", "web-1000", Some(1000)),
            ("{fleet}-{ad}-{n}", "web-ad3-12", Some(12)),
            ("{fleet}-{ad}-{n}", "web-adx-12", None),
            ("n{n}-{n}", "n4-4", Some(4)),
            ("n{n}-{n}", "n4-5", None),
            ("n{n}00", "n1200", Some(12)),
            ("solo", "solo", Some(1)),
            ("solo", "solo-1", None),
        ] {
            let pattern = NamePattern::parse(pattern).unwrap();
            assert_eq!(pattern.number_in(name, "web"), number, "{} {name}", pattern.as_str());
        }
    }

    #[test]
    fn the_number_of_each_name_is_read_back() {
        for pattern in ["{prefix}-{n}", "web{n:05}x", "{ad}{n}", "a-{n}-{ad}-{n:02}"] {
            let pattern = NamePattern::parse(pattern).unwrap();
            for number in [1, 9, 10, 99, 100, 99_999, 100_000] {
                let values = Values { number, prefix: "web", domain: "Uocm:PHX-AD-1", name: "" };
                let name = pattern.fill(&values);
                assert_eq!(pattern.number_in(&name, "web").map(u64::from), Some(number), "{name}");
            }
        }
    }

    #[test]
    fn a_list_gives_each_number_its_name() {
        let list = Naming::List(vec!["db-a".to_owned(), "db-b".to_owned()]);
        assert_eq!(list.name(2, "", "").as_deref(), Some("db-b"));
        assert_eq!(list.name(3, "", ""), None);
        assert_eq!(list.number_in("db-b", ""), Some(2));
        assert_eq!(list.number_in("db-c", ""), None);
    }
}
