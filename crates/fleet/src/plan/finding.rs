//! What is wrong with a fleet, before anything is launched. Must not know how it is found.

/// Something wrong with a fleet, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The field of the fleet that it is about: `placements[0].availability_domain`.
    pub field: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// The availability domain that it is about, as the fleet writes it.
    pub domain: Option<String>,
    /// The shape that it is about.
    pub shape: Option<String>,
}

impl Finding {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), domain: None, shape: None }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}
