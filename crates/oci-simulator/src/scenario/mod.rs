//! Scenarios: the properties and faults of a simulated region, from a YAML file or a preset.
//!
//! `--simulate=NAME|FILE`, `sim serve --scenario` and tests use them in the same way. This module only reads and describes: it
//! must not know how a fault takes effect.

mod error;
mod faults;
mod presets;
mod sign_in;
mod throttle;

pub use error::ScenarioError;
pub use faults::{AnswerBody, FaultKind, FaultRule, OperationClass, Selector};
pub use presets::Preset;
pub use sign_in::SignIn;
pub use throttle::{Budget, Budgets, LoadStep, ThrottlePreset, ThrottleSettings};

use crate::iam::Policies;
use crate::world::WorldSettings;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::Path;

/// The properties of a region. Every field has a default; the default scenario is a roomy region without faults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// The name of the preset or the path of the file; empty if it was built in code.
    #[serde(skip)]
    pub name: String,
    /// Its description, in one line.
    pub description: String,
    /// Hosts, limits and delays of the region.
    pub world: WorldSettings,
    /// Simulated seconds per real second; if omitted, the caller's value, or 30.
    pub speed: Option<f64>,
    /// Whether requests must be signed.
    pub signatures: Signatures,
    /// What happens to fields of a body that the API does not have.
    #[serde(skip_serializing_if = "UnknownFields::are_ignored")]
    pub unknown_fields: UnknownFields,
    /// How many requests are admitted.
    pub throttle: ThrottleSettings,
    /// The delay of every response.
    pub latency: Latency,
    /// The faults.
    pub faults: Vec<FaultRule>,
    /// How callers without an API key sign in.
    #[serde(skip_serializing_if = "is_usual")]
    pub sign_in: SignIn,
    /// Who may do what; everybody may do everything if omitted.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub policies: Option<Policies>,
    /// Further regions of the same tenancy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<FurtherRegion>,
}

fn is_usual(sign_in: &SignIn) -> bool {
    *sign_in == SignIn::default()
}

/// Reads a key that is given. One without a value must not mean the same as no key at all: that everybody may do everything.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Policies>, D::Error> {
    Policies::deserialize(deserializer).map(Some)
}

/// A further region of the tenancy, with hosts, limits, addresses, budgets and faults of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FurtherRegion {
    /// Hosts, limits and delays of the region.
    pub world: WorldSettings,
    /// How many requests are admitted.
    pub throttle: ThrottleSettings,
    /// The delay of every answer.
    pub latency: Latency,
    /// The faults.
    pub faults: Vec<FaultRule>,
}

/// Whether requests must be signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signatures {
    /// Every request's signature is verified.
    #[default]
    Required,
    /// No signature is verified; for simulation inside one process.
    Unchecked,
}

/// What happens to fields of a body that the API does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownFields {
    /// They are ignored and counted. The service seems to do the same: users report that misspelt sizes launch machines of the
    /// default size (oci-cli#986, #1107).
    #[default]
    Ignored,
    /// They are refused by name, which finds mistakes in a client.
    Refused,
}

impl UnknownFields {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn are_ignored(&self) -> bool {
        *self == Self::Ignored
    }
}

/// The delay of every response, drawn uniformly between two bounds, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// The lower bound, in milliseconds.
    pub min_ms: f64,
    /// The upper bound, in milliseconds; `min_ms` if that is larger.
    pub max_ms: f64,
}

impl Scenario {
    /// The preset with this name.
    ///
    /// # Errors
    /// When no preset has the name; the error suggests the most similar one.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        let preset = Preset::find(name).ok_or_else(|| ScenarioError::unknown_name(name))?;
        let scenario = Self::from_yaml(preset.yaml, &format!("preset {}", preset.name))?;
        Ok(Self { name: preset.name.to_owned(), ..scenario })
    }

    /// Parses the text of a YAML file. Messages call it `source_name`.
    ///
    /// # Errors
    /// When the text is not a scenario; the error has line and column.
    pub fn from_yaml(text: &str, source_name: &str) -> Result<Self, ScenarioError> {
        // A file that contains only comments is the default scenario, not a mistake.
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        let scenario: Self =
            serde_saphyr::from_str(text).map_err(|error| ScenarioError::yaml(source_name, text, &error))?;
        scenario.check().map_err(|problem| ScenarioError::value(source_name, &problem))?;
        Ok(scenario)
    }

    /// The preset with this name, or otherwise the file with this path: the value of `--simulate=` and `--scenario`.
    ///
    /// A text with a slash or a dot, or one that names an existing file, is a path.
    ///
    /// # Errors
    /// When neither the preset nor the file exists, or the file is not a scenario.
    pub fn load(name_or_file: &str) -> Result<Self, ScenarioError> {
        let path = Path::new(name_or_file);
        let looks_like_a_file = name_or_file.contains(['/', '.', '\\']) || path.is_file();
        if Preset::find(name_or_file).is_some() || !looks_like_a_file {
            return Self::named(name_or_file);
        }
        let bytes = std::fs::read(path).map_err(|error| ScenarioError::unreadable(path, &error))?;
        let text = String::from_utf8(bytes).map_err(|error| ScenarioError::not_text(name_or_file, &error))?;
        Ok(Self { name: name_or_file.to_owned(), ..Self::from_yaml(&text, name_or_file)? })
    }

    /// The presets.
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
        self.sign_in.check()?;
        if let Some(policies) = &self.policies {
            policies.compile().map_err(|problem| format!("policies.{problem}"))?;
        }
        for (at, rule) in self.faults.iter().enumerate() {
            rule.check().map_err(|problem| format!("faults[{at}]: {problem}"))?;
        }
        let mut names = vec![self.world.region.as_str()];
        for (at, further) in self.further().iter().enumerate() {
            further.check().map_err(|problem| format!("regions[{at}]: {problem}"))?;
            let name = self.regions[at].world.region.as_str();
            if names.contains(&name) {
                return Err(format!(
                    "regions[{at}]: world.region {name} is listed twice: name another region"
                ));
            }
            names.push(name);
        }
        Ok(())
    }

    /// The further regions, each as the scenario of a region alone.
    pub fn further(&self) -> Vec<Self> {
        let alone = |further: &FurtherRegion| Self {
            name: self.name.clone(),
            description: self.description.clone(),
            speed: self.speed,
            signatures: self.signatures,
            unknown_fields: self.unknown_fields,
            world: further.world.clone(),
            throttle: further.throttle.clone(),
            latency: further.latency,
            faults: further.faults.clone(),
            sign_in: self.sign_in.clone(),
            // Those of the tenancy, which all its regions share, are set in its home region.
            policies: None,
            regions: Vec::new(),
        };
        self.regions.iter().map(alone).collect()
    }

    /// The scenario for a tenancy that uses these regions. A region that the scenario does not describe is like its first one.
    #[must_use]
    pub fn for_regions(mut self, home: &str, further: &[String]) -> Self {
        let described = std::mem::take(&mut self.regions);
        home.clone_into(&mut self.world.region);
        let of = |name: &String| {
            let found = described.iter().find(|region| region.world.region == *name).cloned();
            found.unwrap_or_else(|| FurtherRegion {
                world: WorldSettings {
                    region: name.clone(),
                    availability_domains: None,
                    ..self.world.clone()
                },
                throttle: self.throttle.clone(),
                latency: self.latency,
                faults: self.faults.clone(),
            })
        };
        let meant = further.iter().map(of).collect::<Vec<_>>();
        let is_other =
            |region: &FurtherRegion| region.world.region != home && !further.contains(&region.world.region);
        self.regions =
            meant.into_iter().chain(described.iter().filter(|one| is_other(one)).cloned()).collect();
        self
    }
}

/// Refuses a speed at which time would stop, run backwards or overflow.
pub(crate) fn check_speed(speed: f64) -> Result<(), String> {
    if speed > 0.0 && speed <= 1.0e6 {
        Ok(())
    } else {
        Err(format!("speed must be above 0 and at most 1000000, not {speed}"))
    }
}
