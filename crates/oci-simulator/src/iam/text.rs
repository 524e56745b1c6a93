//! The words of statements and rules, each with the column at which it begins.

use std::fmt;

/// Why a text is not understood, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUnderstood {
    /// The column, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for NotUnderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.problem)
    }
}

/// One word, quoted text or sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    pub column: usize,
    pub kind: WordKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordKind {
    Plain,
    Quoted,
    Sign,
}

/// The words of a text, read one after the other.
pub(super) struct Words {
    all: Vec<Word>,
    at: usize,
    end: usize,
}

impl Words {
    pub fn of(text: &str) -> Result<Self, NotUnderstood> {
        let letters: Vec<char> = text.chars().collect();
        let mut words = Vec::new();
        let mut at = 0;
        while let Some(letter) = letters.get(at).copied() {
            let column = at + 1;
            let (kind, end) = match letter {
                _ if letter.is_whitespace() => {
                    at += 1;
                    continue;
                }
                '\'' | '"' => {
                    let length = letters[column..].iter().position(|other| *other == letter);
                    let Some(length) = length else {
                        return Err(NotUnderstood { column, problem: "the quote is not closed".to_owned() });
                    };
                    (WordKind::Quoted, column + length)
                }
                '{' | '}' | ',' | '=' => (WordKind::Sign, column),
                '!' if letters.get(column) == Some(&'=') => (WordKind::Sign, column + 1),
                _ => {
                    let length = letters[at..].iter().position(|other| is_end(*other));
                    (WordKind::Plain, length.map_or(letters.len(), |length| at + length).max(column))
                }
            };
            let begin = if kind == WordKind::Quoted { column } else { at };
            words.push(Word { text: letters[begin..end].iter().collect(), column, kind });
            at = if kind == WordKind::Quoted { end + 1 } else { end };
        }
        Ok(Self { all: words, at: 0, end: letters.len() + 1 })
    }

    pub fn peek(&self) -> Option<&Word> {
        self.all.get(self.at)
    }

    pub fn next(&mut self, wanted: &str) -> Result<Word, NotUnderstood> {
        let word = self.all.get(self.at).cloned().ok_or_else(|| self.wrong(wanted))?;
        self.at += 1;
        Ok(word)
    }

    /// Whether the next word is this one, in any case; takes it if so.
    pub fn takes(&mut self, text: &str) -> bool {
        let is_next = self
            .peek()
            .is_some_and(|word| word.kind != WordKind::Quoted && word.text.eq_ignore_ascii_case(text));
        self.at += usize::from(is_next);
        is_next
    }

    pub fn expect(&mut self, text: &str) -> Result<(), NotUnderstood> {
        if self.takes(text) { Ok(()) } else { Err(self.wrong(&format!("`{text}`"))) }
    }

    /// A name, bare or quoted.
    pub fn name(&mut self, wanted: &str) -> Result<String, NotUnderstood> {
        match self.peek() {
            Some(word) if word.kind != WordKind::Sign && !word.text.trim().is_empty() => {
                Ok(self.next(wanted)?.text)
            }
            _ => Err(self.wrong(wanted)),
        }
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.all.len()
    }

    /// The next word is not what is wanted here.
    pub fn wrong(&self, wanted: &str) -> NotUnderstood {
        let (column, found) = match self.peek() {
            Some(word) => (word.column, format!("`{}`", word.text)),
            None => (self.end, "the end".to_owned()),
        };
        NotUnderstood { column, problem: format!("expected {wanted}, found {found}") }
    }
}

fn is_end(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '{' | '}' | ',' | '=' | '!' | '\'' | '"')
}
