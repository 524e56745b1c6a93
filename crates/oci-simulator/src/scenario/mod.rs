//! Scenarios: what kind of region is simulated, and what goes wrong in it. One YAML file, or the name of a preset.
//!
//! Used the same way by `--simulate=NAME|FILE`, by `sim serve --scenario` and by tests. It only reads and describes: it
//! must not know how a fault is carried out.

mod error;
mod faults;
mod presets;
mod throttle;

pub use error::ScenarioError;
pub use faults::{AnswerBody, FaultKind, FaultRule, OperationClass, Selector};
pub use presets::Preset;
pub use throttle::{Budget, Budgets, LoadStep, ThrottlePreset, ThrottleSettings};

use crate::world::WorldSettings;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A kind of region. Every field has a default; the default scenario is a roomy region in which nothing goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// What it is, in one line.
    pub description: String,
    /// Hosts, limits and habits of the region.
    pub world: WorldSettings,
    /// Simulated seconds in one second of the server's life; the caller's wish, or 30, when left out.
    pub speed: Option<f64>,
    /// Whether requests must be signed.
    pub signatures: Signatures,
    /// How many requests are let through.
    pub throttle: ThrottleSettings,
    /// How long every answer takes.
    pub latency: Latency,
    /// What goes wrong.
    pub faults: Vec<FaultRule>,
}

/// Whether requests must be signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signatures {
    /// Every request's signature is verified.
    #[default]
    Required,
    /// None is; for simulation inside one process.
    Unchecked,
}

/// How long every answer takes, drawn evenly between two bounds, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// At least.
    pub min_ms: f64,
    /// At most; `min_ms` when that is more.
    pub max_ms: f64,
}

impl Scenario {
    /// The preset with this name.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        let preset = Preset::find(name).ok_or_else(|| ScenarioError::unknown_name(name))?;
        Self::from_yaml(preset.yaml, &format!("preset {}", preset.name))
    }

    /// A scenario from the text of a YAML file. `source_name` stands for the file in messages.
    pub fn from_yaml(text: &str, source_name: &str) -> Result<Self, ScenarioError> {
        // A file of nothing but comments is the default scenario, not a mistake.
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        let scenario: Self =
            serde_saphyr::from_str(text).map_err(|error| ScenarioError::yaml(source_name, text, &error))?;
        scenario.check().map_err(|problem| ScenarioError::value(source_name, &problem))?;
        Ok(scenario)
    }

    /// A preset by name, else a file by path: what stands after `--simulate=` and `--scenario`.
    ///
    /// A text with a slash, a dot or a file behind it is a path.
    pub fn load(name_or_file: &str) -> Result<Self, ScenarioError> {
        let path = Path::new(name_or_file);
        let looks_like_a_file = name_or_file.contains(['/', '.', '\\']) || path.is_file();
        if Preset::find(name_or_file).is_some() || !looks_like_a_file {
            return Self::named(name_or_file);
        }
        let text = std::fs::read_to_string(path).map_err(|error| ScenarioError::unreadable(path, &error))?;
        Self::from_yaml(&text, name_or_file)
    }

    /// The presets, each with its name and what it is in one line.
    pub fn presets() -> &'static [Preset] {
        presets::PRESETS
    }

    fn check(&self) -> Result<(), String> {
        if let Some(speed) = self.speed {
            check_speed(speed)?;
        }
        if !(self.latency.min_ms >= 0.0 && self.latency.max_ms >= 0.0 && self.latency.max_ms < 3.6e6) {
            return Err("latency must be between 0 and 3600000 ms".into());
        }
        if let Some(problem) = self.world.problems().into_iter().next() {
            return Err(format!("world: {problem}"));
        }
        self.throttle.check()?;
        for (at, rule) in self.faults.iter().enumerate() {
            rule.check().map_err(|problem| format!("faults[{at}]: {problem}"))?;
        }
        Ok(())
    }
}

/// Refuses a speed at which time would stand still, run back or run out of range.
pub(crate) fn check_speed(speed: f64) -> Result<(), String> {
    if speed > 0.0 && speed <= 1.0e6 {
        Ok(())
    } else {
        Err(format!("speed must be above 0 and at most 1000000, not {speed}"))
    }
}
