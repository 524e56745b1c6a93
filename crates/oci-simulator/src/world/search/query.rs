//! Parses queries. A query that is not understood is refused with the place: nothing is ignored, because a condition that was
//! ignored would find more than the caller asked for.

use super::Indexed;
use super::tokens::{Misread, Operator, Token, shortened, split};
use jiff::{SignedDuration, Timestamp};

/// How deep conditions may be nested, so that no query exhausts the stack.
const DEPTH_MAX: usize = 50;

/// A parsed query.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    /// The types to search; empty for all.
    pub types: Vec<Indexed>,
    pub condition: Option<Condition>,
    /// The text of the clause `matching`.
    pub matching: Option<String>,
    pub sorted_by: Field,
    pub descending: bool,
}

/// The condition of the clause `where`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Is(Comparison),
}

/// One comparison of a field with a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    pub field: Field,
    pub operator: Operator,
    pub value: String,
    /// The value as a time, if the field is one.
    pub time: Option<Timestamp>,
}

macro_rules! fields {
    ($($field:ident = $name:literal,)+) => {
        /// A field that a query can name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field { $($field,)+ }

        impl Field {
            /// Every field with its name.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$field, $name),)+];
        }
    };
}

fields! {
    Identifier = "identifier",
    DisplayName = "displayName",
    CompartmentId = "compartmentId",
    TimeCreated = "timeCreated",
    LifecycleState = "lifecycleState",
    AvailabilityDomain = "availabilityDomain",
    ResourceType = "resourceType",
    Shape = "shape",
    FaultDomain = "faultDomain",
    ImageId = "imageId",
    FreeformKey = "freeformTags.key",
    FreeformValue = "freeformTags.value",
    DefinedNamespace = "definedTags.namespace",
    DefinedKey = "definedTags.key",
    DefinedValue = "definedTags.value",
}

impl Field {
    /// Whether it is part of a tag, of which a resource may have several.
    pub fn is_of_tags(self) -> bool {
        self.is_of_freeform_tags() || self.is_of_defined_tags()
    }

    pub fn is_of_freeform_tags(self) -> bool {
        matches!(self, Self::FreeformKey | Self::FreeformValue)
    }

    pub fn is_of_defined_tags(self) -> bool {
        matches!(self, Self::DefinedNamespace | Self::DefinedKey | Self::DefinedValue)
    }
}

/// Parses a query. `now` is what `'now - 1d'` counts from.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<Query, Misread> {
    let tokens = split(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, end: text.chars().count() + 1, now };
    let query = parser.query()?;
    match parser.next() {
        None => Ok(query),
        Some((column, token)) => Err(Misread {
            column,
            problem: format!("expected `&&`, `||`, `matching`, `sorted by` or the end, not {token}"),
        }),
    }
}

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    at: usize,
    /// The place after the last character.
    end: usize,
    now: Timestamp,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn next(&mut self) -> Option<(usize, Token)> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn expected(&self, what: &str) -> Misread {
        match self.tokens.get(self.at) {
            Some((column, token)) => {
                Misread { column: *column, problem: format!("expected {what}, not {token}") }
            }
            None => Misread { column: self.end, problem: format!("expected {what}, but the query ends") },
        }
    }

    /// Takes the next token if it is this word.
    fn takes(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(own)) if own.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, what: &str) -> Result<(usize, String), Misread> {
        match self.tokens.get(self.at) {
            Some((column, Token::Word(word))) => {
                self.at += 1;
                Ok((*column, word.clone()))
            }
            _ => Err(self.expected(what)),
        }
    }

    fn query(&mut self) -> Result<Query, Misread> {
        if !self.takes("query") {
            return Err(self.expected("`query`"));
        }
        let types = self.types()?;
        if !self.takes("resources") {
            return Err(self.expected("`resources`"));
        }
        if self.takes("return") {
            self.returned()?;
        }
        let condition = if self.takes("where") { Some(self.any(0)?) } else { None };
        let matching = if self.takes("matching") { Some(self.text()?) } else { None };
        let (mut sorted_by, mut descending) = (Field::TimeCreated, true);
        if self.takes("sorted") {
            if !self.takes("by") {
                return Err(self.expected("`by`"));
            }
            let at = self.at;
            sorted_by = self.field()?;
            if sorted_by.is_of_tags() {
                self.at = at;
                return Err(self.expected("a field that a resource has once"));
            }
            descending = self.takes("desc");
            if !descending {
                self.takes("asc");
            }
        }
        Ok(Query { types, condition, matching, sorted_by, descending })
    }

    fn types(&mut self) -> Result<Vec<Indexed>, Misread> {
        if self.takes("all") {
            return Ok(Vec::new());
        }
        let mut types = Vec::new();
        loop {
            let (column, name) = self.word("a resource type or `all`")?;
            let found = Indexed::find(&name).ok_or_else(|| Misread {
                column,
                problem: format!("`{}` is not a resource type that can be searched here", shortened(&name)),
            })?;
            types.push(found);
            if !matches!(self.peek(), Some(Token::Comma)) {
                return Ok(types);
            }
            self.at += 1;
        }
    }

    /// The clause `return`: results have the same fields with and without it, because the region has no additional ones.
    fn returned(&mut self) -> Result<(), Misread> {
        loop {
            if !self.takes("allAdditionalFields") {
                self.field()?;
            }
            if !matches!(self.peek(), Some(Token::Comma)) {
                return Ok(());
            }
            self.at += 1;
        }
    }

    fn any(&mut self, depth: usize) -> Result<Condition, Misread> {
        let mut parts = vec![self.all(depth)?];
        while matches!(self.peek(), Some(Token::Or)) {
            self.at += 1;
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self, depth: usize) -> Result<Condition, Misread> {
        let mut parts = vec![self.one(depth)?];
        while matches!(self.peek(), Some(Token::And)) {
            self.at += 1;
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Condition, Misread> {
        if !matches!(self.peek(), Some(Token::Open)) {
            return self.comparison().map(Condition::Is);
        }
        if depth == DEPTH_MAX {
            return Err(self.expected(&format!("at most {DEPTH_MAX} parentheses inside one another")));
        }
        self.at += 1;
        let inner = self.any(depth + 1)?;
        match self.peek() {
            Some(Token::Close) => {
                self.at += 1;
                Ok(inner)
            }
            _ => Err(self.expected("`)`, `&&` or `||`")),
        }
    }

    fn comparison(&mut self) -> Result<Comparison, Misread> {
        let field = self.field()?;
        let operator = match self.peek() {
            Some(Token::Is(operator)) => *operator,
            _ => return Err(self.expected("an operator such as `=`, `!=` or `=~`")),
        };
        self.at += 1;
        let column = self.tokens.get(self.at).map_or(self.end, |(column, _)| *column);
        let value = self.text()?;
        let time = match field {
            Field::TimeCreated => Some(time(&value, self.now).ok_or_else(|| Misread {
                column,
                problem: format!(
                    "'{}' is not a time such as '2026-01-31T12:00:00Z', '2026-01-31' or 'now - 3h'",
                    shortened(&value)
                ),
            })?),
            _ => None,
        };
        Ok(Comparison { field, operator, value, time })
    }

    fn field(&mut self) -> Result<Field, Misread> {
        let (column, name) = self.word("a field")?;
        let found = Field::ALL.iter().find(|(_, own)| own.eq_ignore_ascii_case(&name));
        found.map(|(field, _)| *field).ok_or_else(|| Misread {
            column,
            problem: format!("`{}` is not a field that can be searched here", shortened(&name)),
        })
    }

    /// A quoted text, or a word: numbers and flags have no quotes.
    fn text(&mut self) -> Result<String, Misread> {
        match self.peek() {
            Some(Token::Text(text) | Token::Word(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.expected("a value such as 'RUNNING'")),
        }
    }
}

/// Reads a time: RFC 3339, a date, or `now` with or without a distance.
fn time(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(distance) = text.to_ascii_lowercase().strip_prefix("now") {
        return from_now(distance.trim(), now);
    }
    text.parse().ok().or_else(|| format!("{text}T00:00:00Z").parse().ok())
}

fn from_now(distance: &str, now: Timestamp) -> Option<Timestamp> {
    if distance.is_empty() {
        return Some(now);
    }
    let (sign, rest) = match distance.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, distance.strip_prefix('+')?),
    };
    let rest = rest.trim();
    let unit = rest.chars().next_back()?;
    let number: i64 =
        rest[..rest.len() - unit.len_utf8()].trim().parse().ok().filter(|number| *number >= 0)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let distance = SignedDuration::from_secs(number.checked_mul(seconds)?.checked_mul(sign)?);
    now.checked_add(distance).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(text: &str) -> String {
        parse(text, Timestamp::UNIX_EPOCH).unwrap_err().to_string()
    }

    #[test]
    fn a_query_is_refused_at_its_first_mistake() {
        for (text, wanted) in [
            ("", "1: expected `query`, but the query ends"),
            ("query instances resources", "7: `instances` is not a resource type that can be searched here"),
            ("query instance where x", "16: expected `resources`, not `where`"),
            (
                "query instance resources where state = 'RUNNING'",
                "32: `state` is not a field that can be searched here",
            ),
            (
                "query instance resources where lifecycleState 'RUNNING'",
                "47: expected an operator such as `=`, `!=` or `=~`, not 'RUNNING'",
            ),
            (
                "query instance resources where lifecycleState = 'RUNNING",
                "49: the text that begins here has no closing quote",
            ),
            (
                "query instance resources where (lifecycleState = 'RUNNING'",
                "59: expected `)`, `&&` or `||`, but the query ends",
            ),
            (
                "query instance resources where timeCreated > 'yesterday'",
                "46: 'yesterday' is not a time such as '2026-01-31T12:00:00Z', '2026-01-31' or 'now - 3h'",
            ),
            (
                "query instance resources sorted by freeformTags.key",
                "36: expected a field that a resource has once, not `freeformTags.key`",
            ),
            ("query all resources; drop", "20: unexpected character ';'"),
            (
                "query all resources limit 5",
                "21: expected `&&`, `||`, `matching`, `sorted by` or the end, not `limit`",
            ),
        ] {
            assert_eq!(refusal(text), format!("query, character {wanted}"));
        }
    }

    #[test]
    fn conjunctions_bind_more_closely_than_alternatives() {
        let text = "query instance, vcn resources return allAdditionalFields where displayName = 'a' \
                    or displayName = \"it's\" && (compartmentId=x || timeCreated >= 'now - 2d') sorted by displayName asc";
        let query = parse(text, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(query.types, [Indexed::Instance, Indexed::Vcn]);
        let Some(Condition::Any(parts)) = query.condition else { panic!("{:?}", query.condition) };
        assert!(matches!(&parts[0], Condition::Is(one) if one.value == "a"));
        let Condition::All(parts) = &parts[1] else { panic!("{parts:?}") };
        assert!(matches!(&parts[0], Condition::Is(one) if one.value == "it's"));
        let Condition::Any(parts) = &parts[1] else { panic!("{parts:?}") };
        let two_days_ago = Timestamp::UNIX_EPOCH - SignedDuration::from_hours(48);
        assert!(matches!(&parts[1], Condition::Is(one) if one.time == Some(two_days_ago)));
        assert_eq!((query.sorted_by, query.descending), (Field::DisplayName, false));
    }

    #[test]
    fn deeply_nested_conditions_do_not_overflow_the_stack() {
        let text = format!("query all resources where {}", "(".repeat(500_000));
        assert!(refusal(&text).contains("parentheses inside one another"));
    }

    proptest! {
        #[test]
        fn any_query_is_parsed_or_refused_without_panic(text in "(query |all |instance |resources |where |displayName|=~|'|\\(|\\)|&&|now ?- ?|\\PC){0,30}") {
            let _ = parse(&text, Timestamp::MAX);
        }
    }
}
