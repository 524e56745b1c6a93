//! Faults: which requests they hit, when, and with which effect.

use crate::similar::nearest;
use oci_api::{Method, Operation};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One rule. It hits a matching request if all of its conditions hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Operations by name (`LaunchInstance`) or class (`launch`, `write`, `read`); all if omitted.
    #[serde(default)]
    pub operations: Vec<Selector>,
    /// The probability, 0 to 1, that a matching request is hit; 1 if omitted.
    #[serde(default = "certain")]
    pub probability: f64,
    /// Hits only these matching requests, counted from 1.
    #[serde(default)]
    pub nth: Vec<u64>,
    /// Hits only every n-th matching request: 3 hits the third, the sixth and so on.
    #[serde(default)]
    pub every: Option<u64>,
    /// Hits nothing before this many real seconds since the server started (or since the rule was added).
    #[serde(default)]
    pub after_seconds: Option<f64>,
    /// Hits for this many real seconds after that; without end if omitted.
    #[serde(default)]
    pub for_seconds: Option<f64>,
    /// The maximum number of hits; unlimited if omitted.
    #[serde(default)]
    pub times: Option<u64>,
    /// The effect.
    pub fault: FaultKind,
}

/// The effect on a request that a rule hits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The region responds with an error.
    Answer {
        /// The HTTP status: 400 to 599.
        status: u16,
        /// The kind of body.
        #[serde(default)]
        body: AnswerBody,
        /// Oracle's code, instead of the usual one for the status.
        #[serde(default)]
        code: Option<String>,
        /// The text, instead of the usual one.
        #[serde(default)]
        message: Option<String>,
        /// Whether the request takes effect nevertheless, as when a gateway stops waiting for the response.
        #[serde(default)]
        after_effect: bool,
    },
    /// The request takes effect, and the connection is cut after a number of bytes of the body.
    Truncate {
        /// How many bytes of the body arrive.
        #[serde(default = "some_bytes")]
        bytes: usize,
    },
    /// The connection is cut before the request takes effect, without a response.
    ResetBefore,
    /// The connection is cut after the request took effect, without a response.
    ResetAfter,
    /// The response is delayed. Other faults can hit it as well.
    Delay {
        /// The delay in seconds.
        seconds: f64,
    },
    /// No response ever arrives, and the request takes no effect.
    Hang,
    /// A list returns the request's own page token again.
    RepeatPage,
    /// A list returns the same page twice, under two tokens.
    DuplicatePage,
    /// The region's clock is wrong, so that valid requests look too old or too new.
    ClockSkew {
        /// By how many seconds the region's clock is ahead; negative if it is behind.
        seconds: f64,
    },
    /// The credentials are no longer valid.
    ExpiredCredentials,
}

/// The body of an error that a rule requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerBody {
    /// JSON with `code` and `message`, as the service sends it.
    #[default]
    Oci,
    /// A page of HTML, as a gateway sends it.
    Html,
    /// No body.
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

/// One operation, or all operations of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// One operation.
    One(Operation),
    /// All operations of a class.
    Class(OperationClass),
}

impl Selector {
    /// Whether it includes the operation.
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
                    "unknown operation `{text}`. Use an operation of the API, such as LaunchInstance, or a class: \
                         launch, write, read."
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
    /// A rule that applies this fault to every request.
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

    /// Whether it can hit requests of this operation.
    pub fn covers(&self, operation: Operation) -> bool {
        self.operations.is_empty() || self.operations.iter().any(|selector| selector.covers(operation))
    }

    /// Checks the rule.
    ///
    /// # Errors
    /// When the rule is invalid; the text is for the person who wrote it.
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
