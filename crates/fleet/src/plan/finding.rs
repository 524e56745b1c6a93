//! A problem of a fleet that is found before anything is launched. It must not know how it is found.

/// A problem of a fleet, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The field of the fleet concerned: `placements[0].availability_domain`.
    pub field: String,
    /// The problem and the remedy.
    pub message: String,
    /// The availability domain concerned, as the fleet writes it.
    pub domain: Option<String>,
    /// The shape concerned.
    pub shape: Option<String>,
    /// The further region that it is about.
    pub region: Option<String>,
}

impl Finding {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), domain: None, shape: None, region: None }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}
