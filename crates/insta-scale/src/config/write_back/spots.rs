//! Where the values of a file are written, to the byte. It must not know what they mean.

use granit_parser::{Event, Parser, ScalarStyle, Span};
use std::ops::Range;

/// A value as it is written.
#[derive(Clone, Debug)]
pub struct Spot {
    /// Its bytes, without an anchor or a tag before it.
    pub range: Range<usize>,
    /// How it is written.
    pub form: Form,
    /// Whether it has an anchor, so that other places may repeat it.
    pub is_anchored: bool,
    /// The keys of a group.
    pub entries: Vec<KeySpot>,
}

/// A key as it is written, and its value.
#[derive(Clone, Debug)]
pub struct KeySpot {
    /// The key.
    pub key: String,
    /// Its bytes.
    pub range: Range<usize>,
    /// The value.
    pub value: Spot,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing after the colon.
    Absent,
    /// Within a line, or over several: plain or in quotes.
    Scalar,
    /// A text after `|` or `>`.
    Literal,
    /// In brackets or braces.
    Flow,
    /// On lines of its own.
    Block,
    /// `*name`.
    Alias,
}

impl Spot {
    /// The key of a group.
    pub fn entry(&self, key: &str) -> Option<&KeySpot> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn new(range: Range<usize>, form: Form, anchor: usize) -> Self {
        Self { range, form, is_anchored: anchor != 0, entries: Vec::new() }
    }
}

/// A list or a group that is being read.
struct Unfinished {
    spot: Spot,
    is_map: bool,
    key: Option<(String, Range<usize>)>,
}

/// The root of a file that parses; `None` if it has none.
pub fn spots(source: &str) -> Option<Spot> {
    let mut stack: Vec<Unfinished> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(source) {
        let (event, span) = event.ok()?;
        let range = span.byte_range()?;
        let done = match event {
            Event::Scalar(text, style, anchor, _) => {
                let form = form_of(style, &span);
                let is_key = stack.last().is_some_and(|open| open.is_map && open.key.is_none());
                if let (true, Some(open)) = (is_key, stack.last_mut()) {
                    open.key = Some((text.into_owned(), range));
                    continue;
                }
                Spot::new(range, form, anchor)
            }
            Event::Alias(_) => Spot::new(range, Form::Alias, 0),
            Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
                let is_map = matches!(event, Event::MappingStart(..));
                let is_flow = source[range.start..].starts_with(['[', '{']);
                let form = if is_flow { Form::Flow } else { Form::Block };
                stack.push(Unfinished { spot: Spot::new(range, form, anchor), is_map, key: None });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let mut spot = stack.pop()?.spot;
                if spot.form == Form::Flow {
                    spot.range.end = range.end;
                }
                spot
            }
            _ => continue,
        };
        match stack.last_mut() {
            None => root = Some(done),
            Some(open) => {
                // A block has no end of its own: it ends with its last value.
                open.spot.range.end = open.spot.range.end.max(done.range.end);
                if let Some((key, range)) = open.key.take() {
                    open.spot.entries.push(KeySpot { key, range, value: done });
                }
            }
        }
    }
    root
}

fn form_of(style: ScalarStyle, span: &Span) -> Form {
    match style {
        ScalarStyle::Literal | ScalarStyle::Folded => Form::Literal,
        ScalarStyle::Plain if span.is_empty() => Form::Absent,
        _ => Form::Scalar,
    }
}
