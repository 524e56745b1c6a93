//! Parses the bytes of a file into a tree in which every key and value has a position.
//!
//! Size, depth and the expansion of aliases are limited. It must not know what the keys mean; no tag constructs, includes or
//! runs anything.

use super::finding::{Finding, Findings, Place};
use super::scalar::{Scalar, ScalarKind};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag};
use std::collections::HashMap;

/// The maximum size of a file, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The maximum number of values in a file, with aliases expanded.
const MAX_NODES: usize = 50_000;
/// The maximum nesting depth.
const MAX_DEPTH: usize = 32;

/// A value and its position.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it starts.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What a value can be.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text, a number, true, false or nothing.
    Scalar(Scalar),
    /// `- a`, `[a, b]`.
    List(Vec<Node>),
    /// `key: value`, without duplicates, in the order of the file.
    Map(Vec<Entry>),
}

/// One `key: value`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key is.
    pub place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Whether it is null (`key:`, `~`, `null`).
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(Scalar { kind: ScalarKind::Null, .. }))
    }

    /// The value of a key, if this is a group of keys with that key.
    pub fn child(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Describes the value for a message: `the text "ten"`, `a list`. Long or multi-line text is not repeated.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a group of keys".to_owned(),
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => "empty".to_owned(),
                ScalarKind::Bool(_) | ScalarKind::Int(_) | ScalarKind::Float(_) => scalar.text.to_string(),
                ScalarKind::Text if scalar.text.len() > 60 || scalar.text.contains('\n') => {
                    "a longer text".to_owned()
                }
                ScalarKind::Text => format!("the text {:?}", scalar.text.as_str()),
            },
        }
    }
}

/// Parses the text of a file. Duplicate keys and unknown tags are collected; a structural error ends parsing.
pub fn parse(source: &str, findings: &Findings) -> Result<Node, Finding> {
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder::new(findings);
    for event in Parser::new_from_str_with_options(source, options) {
        let (event, span) = event.map_err(|error| syntax(&error, source))?;
        builder.take(event, span)?;
    }
    match builder.root {
        Some(node) if !node.is_null() => Ok(node),
        _ => Err(Finding::whole("the file is empty").help("start from config.example.yaml")),
    }
}

/// A collection that is being parsed.
enum Open {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, merged: Vec<Entry>, key: Option<(String, Place, bool)> },
}

struct Frame {
    open: Open,
    place: Place,
    anchor: usize,
    /// The number of nodes before it, from which its size is derived when it closes.
    before: usize,
    /// The height of the tree below it, including itself.
    height: usize,
}

struct Anchored {
    node: Node,
    size: usize,
    height: usize,
}

struct Builder<'f> {
    findings: &'f Findings,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

impl<'f> Builder<'f> {
    fn new(findings: &'f Findings) -> Self {
        Self { findings, stack: Vec::new(), anchors: HashMap::new(), nodes: 0, documents: 0, root: None }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Finding> {
        let place = place_of(&span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Finding::at(place, "the file holds more than one YAML document")
                        .help("keep one file per fleet: remove everything after `---`"));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(tag.as_deref(), place);
                let text_tag = tag.as_deref().and_then(Tag::core_suffix) == Some("str");
                // The parser writes `~` where a file has nothing.
                let is_absent = style == ScalarStyle::Plain
                    && (span.start.line(), span.start.col()) == (span.end.line(), span.end.col());
                let text = if is_absent { "" } else { &*text };
                let scalar = if style == ScalarStyle::Plain && !text_tag {
                    Scalar::plain(text)
                } else {
                    Scalar::quoted(text)
                };
                let node = Node { place, value: Value::Scalar(scalar) };
                self.count(1, 1, place)?;
                self.remember(anchor, &node, 1, 1);
                self.place_node(node, style == ScalarStyle::Plain)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), place);
                self.open(Open::List(Vec::new()), place, anchor)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), place);
                self.open(Open::Map { entries: Vec::new(), merged: Vec::new(), key: None }, place, anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(id) => {
                let Some(Anchored { node, size, height }) = self.anchors.get(&id) else {
                    return Err(Finding::at(place, "this alias is inside the value that it refers to")
                        .help("write the value out"));
                };
                let (node, size, height) = (node.clone(), *size, *height);
                self.count(size, height, place)?;
                self.place_node(node, false)?;
            }
            // Stream and document ends, comments, and whatever a later parser may add, carry no values.
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, open: Open, place: Place, anchor: usize) -> Result<(), Finding> {
        let before = self.nodes;
        self.count(1, 1, place)?;
        self.stack.push(Frame { open, place, anchor, before, height: 1 });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Finding> {
        // The parser sends an end only after a start.
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let value = match frame.open {
            Open::List(items) => Value::List(items),
            Open::Map { mut entries, merged, .. } => {
                for entry in merged {
                    if !entries.iter().any(|own| own.key == entry.key) {
                        entries.push(entry);
                    }
                }
                Value::Map(entries)
            }
        };
        let node = Node { place: frame.place, value };
        self.remember(frame.anchor, &node, self.nodes - frame.before, frame.height);
        if let Some(parent) = self.stack.last_mut() {
            parent.height = parent.height.max(frame.height + 1);
        }
        self.place_node(node, false)
    }

    /// Counts values before they are created, so that an alias bomb is refused before it expands.
    fn count(&mut self, size: usize, height: usize, place: Place) -> Result<(), Finding> {
        self.nodes = self.nodes.saturating_add(size);
        if self.nodes > MAX_NODES {
            return Err(Finding::at(place, format!("the file holds more than {MAX_NODES} values")).help(
                "aliases (`*name`) count as the values they stand for; a config needs a few hundred values at most",
            ));
        }
        if self.stack.len() + height > MAX_DEPTH {
            return Err(Finding::at(place, format!("values are nested more than {MAX_DEPTH} deep")));
        }
        if let Some(parent) = self.stack.last_mut() {
            parent.height = parent.height.max(height + 1);
        }
        Ok(())
    }

    fn remember(&mut self, anchor: usize, node: &Node, size: usize, height: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, height });
        }
    }

    /// Inserts a finished node where it belongs: the root, a list, a key or a value.
    fn place_node(&mut self, node: Node, plain: bool) -> Result<(), Finding> {
        let findings = self.findings;
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.open {
            Open::List(items) => items.push(node),
            Open::Map { entries, merged, key } => match key.take() {
                None => match node.value {
                    Value::Scalar(scalar) => {
                        *key = Some((scalar.text.to_string(), node.place, plain));
                    }
                    _ => {
                        return Err(Finding::at(
                            node.place,
                            "a key must be a name, not a list or a group of keys",
                        ));
                    }
                },
                Some((name, place, true)) if name == "<<" => merge(node, place, merged, findings),
                Some((name, place, _)) => {
                    if let Some(first) = entries.iter().find(|entry| entry.key == name) {
                        let line = first.place.line;
                        findings.mistake(
                            Finding::at(
                                place,
                                format!("`{name}` is given twice; the first is on line {line}"),
                            )
                            .help("keep one of the two"),
                        );
                    } else {
                        entries.push(Entry { key: name, place, value: node });
                    }
                }
            },
        }
        Ok(())
    }

    fn check_tag(&self, tag: Option<&Tag>, place: Place) {
        let core = ["str", "int", "float", "bool", "null", "map", "seq"];
        if let Some(tag) = tag
            && tag.core_suffix().is_none_or(|suffix| !core.contains(&suffix))
            && tag.original() != "!"
        {
            self.findings.mistake(
                Finding::at(place, format!("the tag `{}` is not supported", tag.original()))
                    .help("a config contains plain values; it cannot include files or run commands"),
            );
        }
    }
}

/// `<<: *base` inherits keys that are not set here (YAML 1.1's merge key, which many files use).
fn merge(node: Node, place: Place, merged: &mut Vec<Entry>, findings: &Findings) {
    let sources = match node.value {
        Value::List(items) => items,
        _ => vec![node],
    };
    for source in sources {
        match source.value {
            Value::Map(entries) => {
                for entry in entries {
                    if !merged.iter().any(|own| own.key == entry.key) {
                        merged.push(entry);
                    }
                }
            }
            _ => findings.mistake(
                Finding::at(place, "`<<` merges a group of keys, but this is not a group")
                    .help("write `<<: *name`, where `&name` marks a group of keys"),
            ),
        }
    }
}

pub(super) fn place_of(span: &Span) -> Place {
    let width = if span.end.line() == span.start.line() {
        span.end.col().saturating_sub(span.start.col()).max(1)
    } else {
        1
    };
    Place { line: span.start.line(), column: span.start.col() + 1, width, ..Place::default() }
}

/// Converts a parser error to a finding with a position and a remedy.
pub(super) fn syntax(error: &ScanError, source: &str) -> Finding {
    let marker = error.marker();
    // The parser counts the end of the input as an extra line; people look at the last line.
    let last = source.lines().count().max(1);
    let (line, column) = if marker.line() > last { (last, 1) } else { (marker.line(), marker.col() + 1) };
    // A tab that indents a key is often reported further down, as another error, or at the start of the text that the line
    // continues.
    if let Some(place) = tab_before(source, line + 1) {
        return Finding::at(place, TAB).help("replace the tab with spaces");
    }
    let place = Place { line, column, width: 1, ..Place::default() };
    let (message, help): (String, &str) = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => (TAB.into(), "replace the tab with spaces"),
        ErrorKind::UnknownAnchor => {
            ("this alias refers to a name that is not defined above".into(), "define it with `&name` first")
        }
        ErrorKind::RecursionLimitExceeded => {
            (format!("values are nested more than {MAX_DEPTH} deep"), "a config needs a few levels at most")
        }
        kind => (
            format!("the file is not valid YAML: {kind}"),
            "look for a missing colon, quote or bracket, or for inconsistent indentation",
        ),
    };
    Finding::at(place, message).help(help)
}

const TAB: &str = "a tab is used for indentation, which YAML does not allow";

/// The first tab used for indentation, up to a line. The text of blocks (`key: |`) may contain tabs.
fn tab_before(source: &str, last: usize) -> Option<Place> {
    let mut block: Option<usize> = None;
    for (number, text) in (1..=last).zip(source.lines()) {
        let body = text.trim_start();
        let spaces = text.len() - text.trim_start_matches(' ').len();
        if body.is_empty() || block.is_some_and(|indent| spaces > indent) {
            continue;
        }
        if text[spaces..].starts_with('\t') && !body.starts_with('#') {
            return Some(Place { line: number, column: spaces + 1, width: 1, ..Place::default() });
        }
        let opens = body.rsplit([' ', ':']).next().is_some_and(|end| end.starts_with(['|', '>']));
        block = opens.then_some(spaces);
    }
    None
}

/// The bytes as text, or the position where they stop being text.
pub fn text_of(bytes: &[u8]) -> Result<&str, Finding> {
    if super::files::is_utf16(bytes) {
        return Err(
            Finding::whole("the file is UTF-16 text, but must be UTF-8").help(super::files::SAVE_AS_UTF8)
        );
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = good.matches('\n').count() + 1;
        let column = good.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Finding::at(
            Place { line, column, width: 1, ..Place::default() },
            format!("the byte 0x{:02x} here is not UTF-8 text", bytes[error.valid_up_to()]),
        )
        .help("save the file as UTF-8")
    })
}
