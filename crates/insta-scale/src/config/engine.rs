//! Reads `engine:`, what of OCI launches the instances, and refuses what the engine cannot do.

use super::section::Section;
use fleet::Engine;

/// The values of `engine`.
pub const ENGINES: [(&str, Engine); 1] = [("instances", Engine::Instances)];

/// Reads the engine.
pub fn read_engine(section: &Section<'_>) -> Engine {
    section.choice("engine", &ENGINES).unwrap_or_default()
}
