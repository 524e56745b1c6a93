//! Faults: which requests they hit, when, and what then happens.

use super::error::nearest;
use oci_api::{Method, Operation};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One rule. A request that matches it is hit if all that the rule says holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Operations by name (`LaunchInstance`) or class (`launch`, `write`, `read`); all when left out.
    #[serde(default)]
    pub operations: Vec<Selector>,
    /// How probable it is that a matching request is hit; certain when left out.
    #[serde(default = "certain")]
    pub probability: f64,
    /// Only these matching requests, counted from 1.
    #[serde(default)]
    pub nth: Vec<u64>,
    /// Only every so many matching requests: 3 hits the third, the sixth and so on.
    #[serde(default)]
    pub every: Option<u64>,
    /// Not before this many seconds since the server started (or since the rule was added).
    #[serde(default)]
    pub after_seconds: Option<f64>,
    /// For this many seconds from then.
    #[serde(default)]
    pub for_seconds: Option<f64>,
    /// At most so many times.
    #[serde(default)]
    pub times: Option<u64>,
    /// What happens.
    pub fault: FaultKind,
}

/// What happens to a request that is hit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// An error is answered.
    Answer {
        /// Its status: 400 to 599.
        status: u16,
        /// What its body is.
        #[serde(default)]
        body: AnswerBody,
        /// Oracle's code, in place of the usual one for the status.
        #[serde(default)]
        code: Option<String>,
        /// Text, in place of the usual one.
        #[serde(default)]
        message: Option<String>,
        /// Whether the request takes effect all the same: a gateway gave up waiting for an answer that came.
        #[serde(default)]
        after_effect: bool,
    },
    /// The request takes effect, and the connection is cut after so many bytes of the body.
    Truncate {
        /// Bytes that still come.
        #[serde(default = "some_bytes")]
        bytes: usize,
    },
    /// The connection is cut before the request takes effect, with no answer.
    ResetBefore,
    /// The connection is cut after the request took effect, with no answer.
    ResetAfter,
    /// The answer takes longer. Other faults can come on top.
    Delay {
        /// How much, in seconds.
        seconds: f64,
    },
    /// No answer ever comes; the request takes no effect.
    Hang,
    /// A list gives the page token that it was asked with once more.
    RepeatPage,
    /// A list gives the same page twice, under two tokens.
    DuplicatePage,
    /// The region's clock is off by so many seconds, so that honest requests look too old or too new.
    ClockSkew {
        /// How much the region's clock is ahead.
        seconds: f64,
    },
    /// The credentials are no longer valid.
    ExpiredCredentials,
}

/// The body of an error that is answered on request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerBody {
    /// JSON with `code` and `message`, as the service sends.
    #[default]
    Oci,
    /// A page of HTML, as a gateway sends.
    Html,
    /// Nothing.
    Empty,
}

/// A class of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationClass {
    /// LaunchInstance and LaunchInstanceConfiguration.
    Launch,
    /// Other POST, PUT and DELETE.
    Write,
    /// GET.
    Read,
}

impl OperationClass {
    /// The class of an operation.
    pub fn of(operation: Operation) -> Self {
        match (operation, operation.info().method) {
            (Operation::LaunchInstance | Operation::LaunchInstanceConfiguration, _) => Self::Launch,
            (_, Method::Get) => Self::Read,
            _ => Self::Write,
        }
    }

    const NAMES: [(&'static str, Self); 3] =
        [("launch", Self::Launch), ("write", Self::Write), ("read", Self::Read)];
}

/// One operation, or all of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// This one.
    One(Operation),
    /// All of the class.
    Class(OperationClass),
}

impl Selector {
    /// Whether it covers the operation.
    pub fn covers(self, operation: Operation) -> bool {
        match self {
            Self::One(one) => one == operation,
            Self::Class(class) => class == OperationClass::of(operation),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let class = OperationClass::NAMES.iter().find(|(name, _)| *name == text);
        if let Some((_, class)) = class {
            return Ok(Self::Class(*class));
        }
        let names = || OperationClass::NAMES.iter().map(|(name, _)| *name);
        let operations = Operation::ALL.iter().map(|operation| operation.name());
        Operation::by_name(text).map(Self::One).ok_or_else(|| {
            let known: Vec<&str> = names().chain(operations).collect();
            match Self::nearest(text, &known) {
                Some(nearest) => format!("unknown operation `{text}`. Did you mean `{nearest}`?"),
                None => format!(
                    "unknown operation `{text}`. Name one of the API, like LaunchInstance, or a class: launch, \
                     write, read."
                ),
            }
        })
    }

    fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
        known
            .iter()
            .find(|name| name.eq_ignore_ascii_case(text))
            .copied()
            .or_else(|| nearest_ignoring_case(text, known))
    }
}

fn nearest_ignoring_case<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower: Vec<String> = known.iter().map(|name| name.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let found = nearest(text, &lower)?;
    lower.iter().position(|name| *name == found).map(|at| known[at])
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::One(operation) => operation.name(),
            Self::Class(class) => {
                OperationClass::NAMES.iter().find(|(_, known)| known == class).map_or("", |(name, _)| name)
            }
        })
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl FaultRule {
    /// A rule that hits every request with this fault.
    pub fn always(fault: FaultKind) -> Self {
        Self {
            operations: Vec::new(),
            probability: 1.0,
            nth: Vec::new(),
            every: None,
            after_seconds: None,
            for_seconds: None,
            times: None,
            fault,
        }
    }

    /// Whether it is about this operation.
    pub fn covers(&self, operation: Operation) -> bool {
        self.operations.is_empty() || self.operations.iter().any(|selector| selector.covers(operation))
    }

    /// What is wrong with it, if anything.
    pub fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(format!("probability must be between 0 and 1, not {}", self.probability));
        }
        if self.every == Some(0) || self.nth.contains(&0) {
            return Err("requests are counted from 1: `every` and `nth` cannot be 0".into());
        }
        let seconds = |seconds: f64| (0.0..=1.0e9).contains(&seconds);
        if ![self.after_seconds, self.for_seconds].into_iter().flatten().all(seconds) {
            return Err("after_seconds and for_seconds must be between 0 and 1e9".into());
        }
        match &self.fault {
            FaultKind::Answer { status, .. } if !(400..=599).contains(status) => {
                Err(format!("status must be between 400 and 599, not {status}"))
            }
            FaultKind::Delay { seconds: delay } if !seconds(*delay) => {
                Err("a delay must be between 0 and 1e9 seconds".into())
            }
            FaultKind::ClockSkew { seconds: skew } if !seconds(skew.abs()) => {
                Err("a clock skew must be at most 1e9 seconds".into())
            }
            _ => Ok(()),
        }
    }
}

fn certain() -> f64 {
    1.0
}

fn some_bytes() -> usize {
    20
}
