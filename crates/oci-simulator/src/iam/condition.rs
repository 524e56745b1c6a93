//! Conditions: the matching rule of a dynamic group, and what follows `where` in a statement. Both combine comparisons of
//! variables with texts by `any {…}` and `all {…}` (Oracle: "Writing Matching Rules to Define Dynamic Groups", "Conditions").

use super::text::{NotUnderstood, Words};

/// A condition on variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    Any(Vec<Self>),
    All(Vec<Self>),
    Compare { variable: &'static str, is_equal: bool, value: String },
}

impl Clause {
    /// Reads a condition that may name only these variables.
    pub fn read(words: &mut Words, variables: &[&'static str]) -> Result<Self, NotUnderstood> {
        let combine = if words.takes("any") {
            Self::Any
        } else if words.takes("all") {
            Self::All
        } else {
            return Self::comparison(words, variables);
        };
        words.expect("{")?;
        let mut parts = vec![Self::read(words, variables)?];
        while words.takes(",") {
            parts.push(Self::read(words, variables)?);
        }
        words.expect("}")?;
        Ok(combine(parts))
    }

    fn comparison(words: &mut Words, variables: &[&'static str]) -> Result<Self, NotUnderstood> {
        let known = || format!("one of the variables {}", variables.join(", "));
        let found = words.peek().and_then(|word| {
            variables.iter().find(|variable| word.text.eq_ignore_ascii_case(variable)).copied()
        });
        let variable = found.ok_or_else(|| words.wrong(&known()))?;
        words.next("a variable")?;
        let is_equal = words.takes("=");
        if !is_equal {
            words.expect("!=")?;
        }
        match words.peek() {
            Some(word) if word.kind == super::text::WordKind::Quoted => {
                Ok(Self::Compare { variable, is_equal, value: words.next("a text")?.text })
            }
            _ => Err(words.wrong("a text in quotes")),
        }
    }

    /// Whether it holds. A comparison with a variable that has no value here does not hold, whatever its sign.
    pub fn holds(&self, value_of: &dyn Fn(&str) -> Option<String>) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(value_of)),
            Self::All(parts) => parts.iter().all(|part| part.holds(value_of)),
            Self::Compare { variable, is_equal, value } => {
                value_of(variable).is_some_and(|found| found.eq_ignore_ascii_case(value) == *is_equal)
            }
        }
    }
}
