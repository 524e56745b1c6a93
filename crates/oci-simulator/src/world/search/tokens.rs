//! Splits a query into its words.

use std::fmt;

/// How a field is compared. Case is ignored unless the operator is strict (likely; Oracle: "Search Language Syntax").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    StrictlyEqual,
    StrictlyNotEqual,
    Contains,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// The operators, those first that begin like others.
const OPERATORS: [(&str, Operator); 9] = [
    ("!==", Operator::StrictlyNotEqual),
    ("==", Operator::StrictlyEqual),
    ("=~", Operator::Contains),
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misread {
    /// The character at which the problem is, from 1.
    pub column: usize,
    pub problem: String,
}

impl fmt::Display for Misread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "query, character {}: {}", self.column, self.problem)
    }
}

/// A word of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Is(Operator),
    And,
    Or,
    Open,
    Close,
    Comma,
}

impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(out, "`{}`", shortened(word)),
            Self::Text(text) => write!(out, "'{}'", shortened(text)),
            Self::Is(operator) => {
                let symbol = OPERATORS.iter().find(|(_, own)| own == operator);
                write!(out, "`{}`", symbol.map_or("", |(symbol, _)| symbol))
            }
            Self::And => out.write_str("`&&`"),
            Self::Or => out.write_str("`||`"),
            Self::Open => out.write_str("`(`"),
            Self::Close => out.write_str("`)`"),
            Self::Comma => out.write_str("`,`"),
        }
    }
}

/// A text from the caller, shortened for a message.
pub(super) fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// Splits a query into tokens with their places.
pub(super) fn split(text: &str) -> Result<Vec<(usize, Token)>, Misread> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        let column = at + 1;
        let starts = |symbol: &str| symbol.chars().zip(at..).all(|(c, at)| letters.get(at) == Some(&c));
        let (token, length) = if letter.is_whitespace() {
            at += 1;
            continue;
        } else if letter == '\'' || letter == '"' {
            quoted(&letters, at)?
        } else if let Some((symbol, operator)) = OPERATORS.iter().find(|(symbol, _)| starts(symbol)) {
            (Token::Is(*operator), symbol.len())
        } else if starts("&&") {
            (Token::And, 2)
        } else if starts("||") {
            (Token::Or, 2)
        } else if letter == '(' {
            (Token::Open, 1)
        } else if letter == ')' {
            (Token::Close, 1)
        } else if letter == ',' {
            (Token::Comma, 1)
        } else {
            let rest = &letters[at..];
            let is_of_word = |c: &char| c.is_alphanumeric() || "._-:*".contains(*c);
            let length = rest.iter().take_while(|c| is_of_word(c)).count();
            if length == 0 {
                return Err(Misread { column, problem: format!("unexpected character {letter:?}") });
            }
            let word: String = rest[..length].iter().collect();
            match word.to_ascii_lowercase().as_str() {
                "and" => (Token::And, length),
                "or" => (Token::Or, length),
                _ => (Token::Word(word), length),
            }
        };
        tokens.push((column, token));
        at += length;
    }
    Ok(tokens)
}

/// Reads a quoted text; a backslash keeps the next character as it is. Returns the length including the quotes.
fn quoted(letters: &[char], start: usize) -> Result<(Token, usize), Misread> {
    let quote = letters[start];
    let mut text = String::new();
    let mut at = start + 1;
    while let Some(letter) = letters.get(at).copied() {
        at += 1;
        if letter == quote {
            return Ok((Token::Text(text), at - start));
        }
        if letter == '\\' {
            text.extend(letters.get(at));
            at += 1;
        } else {
            text.push(letter);
        }
    }
    Err(Misread { column: start + 1, problem: "the text that begins here has no closing quote".to_owned() })
}
