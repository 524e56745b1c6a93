//! The models as data, and the validation of a JSON value against a model.
//!
//! The simulated region uses it to refuse what the service would refuse. The commands use it for the parts of the user's config
//! that are passed through to the API.

use crate::generated::schema::MODELS;
use serde_json::{Map, Value};

/// The type of a value on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Str,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// `true` or `false`.
    Bool,
    /// An RFC 3339 time.
    DateTime,
    /// Any value.
    Object,
    /// An array.
    List(&'static Kind),
    /// An object with arbitrary keys.
    Dict(&'static Kind),
    /// A model, by name.
    Model(&'static str),
}

/// Bounds on a value. Lengths are in characters.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are JSON Schema's")]
pub struct Bounds {
    pub min_length: Option<usize>,
    pub max_length: Option<usize>,
    pub min_items: Option<usize>,
    pub max_items: Option<usize>,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
}

impl Bounds {
    /// No bounds.
    pub const NONE: Self = Self {
        min_length: None,
        max_length: None,
        min_items: None,
        max_items: None,
        minimum: None,
        maximum: None,
    };
}

/// A field of a model.
#[derive(Debug)]
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether the service requires it.
    pub required: bool,
    /// Whether its documentation calls it deprecated.
    pub deprecated: bool,
    /// Whether the service may send values other than the known ones.
    pub open: bool,
    /// The known values; empty if any string is allowed.
    pub values: &'static [&'static str],
    /// Bounds on its value.
    pub bounds: Bounds,
}

/// A model.
#[derive(Debug)]
pub struct Model {
    /// Its name.
    pub name: &'static str,
    /// The field that distinguishes its subtypes.
    pub discriminator: Option<&'static str>,
    /// Value of that field → name of the subtype.
    pub subtypes: &'static [(&'static str, &'static str)],
    /// Its fields, without the discriminator.
    pub fields: &'static [Field],
}

impl Model {
    /// The model with this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        MODELS.binary_search_by(|model| model.name.cmp(name)).ok().map(|at| &MODELS[at])
    }

    /// The subtype of a value with these fields, or the model itself if it has no subtypes.
    fn subtype(&'static self, fields: &Map<String, Value>) -> Option<&'static Self> {
        let Some(discriminator) = self.discriminator else { return Some(self) };
        let kind = fields.get(discriminator)?.as_str()?;
        let (_, subtype) = self.subtypes.iter().find(|(value, _)| *value == kind)?;
        Self::find(subtype)
    }

    /// Its field with this wire name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// One violation in a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Where: `shapeConfig.ocpus`, `nsgIds[2]`.
    pub path: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong with a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// The model has no such field; the fields that it has.
    UnknownField(Vec<&'static str>),
    /// A required field is absent.
    Missing,
    /// The value has another type; the expected type.
    WrongType(&'static str),
    /// Not among the allowed values.
    NotAllowed(Vec<&'static str>),
    /// Shorter than this number of characters or items.
    TooShort(usize, &'static str),
    /// Longer than this number of characters or items.
    TooLong(usize, &'static str),
    /// Below this minimum.
    TooSmall(f64),
    /// Above this maximum.
    TooLarge(f64),
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = &self.path;
        match &self.problem {
            Problem::UnknownField(_) => write!(f, "{path} is not a known field"),
            Problem::Missing => write!(f, "{path} is required"),
            Problem::WrongType(wanted) => write!(f, "{path} must be {wanted}"),
            Problem::NotAllowed(values) => write!(f, "{path} must be one of {}", values.join(", ")),
            Problem::TooShort(least, of) => {
                write!(f, "{path} must have at least {least} {}", counted(*least, of))
            }
            Problem::TooLong(most, of) => write!(f, "{path} must have at most {most} {}", counted(*most, of)),
            Problem::TooSmall(least) => write!(f, "{path} must be at least {least}"),
            Problem::TooLarge(most) => write!(f, "{path} must be at most {most}"),
        }
    }
}

/// The noun in the number that its count requires.
fn counted(count: usize, of: &'static str) -> &'static str {
    if count == 1 { of.trim_end_matches('s') } else { of }
}

/// Checks a value against a model and returns every violation. A null counts as absent.
///
/// An unknown model name is a mistake of the caller and yields no violation.
pub fn check(model: &str, value: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    if let Some(model) = Model::find(model) {
        check_model(model, value, "", &mut found);
    }
    found
}

/// Removes every field that the model does not have, at any depth. Values of a wrong type stay as they are.
pub fn remove_unknown_fields(model: &str, value: &mut Value) {
    let (Some(model), Value::Object(fields)) = (Model::find(model), value) else { return };
    let Some(subtype) = model.subtype(fields) else { return };
    fields.retain(|name, value| match subtype.field(name) {
        Some(field) => {
            remove_unknown_in(field.kind, value);
            true
        }
        None => model.discriminator == Some(name),
    });
}

fn remove_unknown_in(kind: Kind, value: &mut Value) {
    match (kind, value) {
        (Kind::Model(name), value) => remove_unknown_fields(name, value),
        (Kind::List(inner), Value::Array(items)) => {
            for item in items {
                remove_unknown_in(*inner, item);
            }
        }
        (Kind::Dict(inner), Value::Object(entries)) => {
            for entry in entries.values_mut() {
                remove_unknown_in(*inner, entry);
            }
        }
        _ => {}
    }
}

/// Checks one value, such as a parameter, against a type, allowed values and bounds.
pub fn check_value(
    path: &str,
    kind: Kind,
    values: &'static [&'static str],
    bounds: &Bounds,
    value: &Value,
) -> Vec<Violation> {
    let mut found = Vec::new();
    check_kind(kind, values, bounds, value, path, &mut found);
    found
}

fn check_model(model: &'static Model, value: &Value, path: &str, found: &mut Vec<Violation>) {
    let report = |path: String, problem| Violation { path, problem };
    let Value::Object(fields) = value else {
        found.push(report(path.to_owned(), Problem::WrongType("an object")));
        return;
    };
    let mut model = model;
    let mut tag = None;
    if let Some(name) = model.discriminator {
        tag = Some(name);
        let allowed = || model.subtypes.iter().map(|(value, _)| *value).collect();
        if !fields.contains_key(name) {
            found.push(report(join(path, name), Problem::Missing));
            return;
        }
        let Some(subtype) = model.subtype(fields) else {
            found.push(report(join(path, name), Problem::NotAllowed(allowed())));
            return;
        };
        model = subtype;
    }
    for (name, value) in fields.iter().filter(|(name, value)| !value.is_null() && Some(name.as_str()) != tag)
    {
        match model.field(name) {
            None => {
                let known = model.fields.iter().map(|field| field.name).collect();
                found.push(report(join(path, name), Problem::UnknownField(known)));
            }
            Some(field) => {
                let values = if field.open { &[] } else { field.values };
                check_kind(field.kind, values, &field.bounds, value, &join(path, name), found);
            }
        }
    }
    for field in model.fields.iter().filter(|field| field.required) {
        if fields.get(field.name).is_none_or(Value::is_null) {
            found.push(report(join(path, field.name), Problem::Missing));
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn check_kind(
    kind: Kind,
    values: &'static [&'static str],
    bounds: &Bounds,
    value: &Value,
    path: &str,
    found: &mut Vec<Violation>,
) {
    let mut report = |problem| found.push(Violation { path: path.to_owned(), problem });
    match (kind, value) {
        (Kind::Str, Value::String(text)) => {
            if !values.is_empty() && !values.iter().any(|allowed| allowed.eq_ignore_ascii_case(text)) {
                report(Problem::NotAllowed(values.to_vec()));
            }
            check_length(
                (text.chars().count(), "characters"),
                bounds.min_length,
                bounds.max_length,
                &mut report,
            );
        }
        (Kind::Int, Value::Number(number)) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => {
            check_range(number.as_f64().unwrap_or_default(), bounds, &mut report);
        }
        (Kind::Float, Value::Number(number)) => {
            check_range(number.as_f64().unwrap_or_default(), bounds, &mut report);
        }
        (Kind::Bool, Value::Bool(_)) | (Kind::Object, _) => {}
        (Kind::DateTime, Value::String(text)) if text.parse::<jiff::Timestamp>().is_ok() => {}
        (Kind::List(inner), Value::Array(items)) => {
            check_length((items.len(), "items"), bounds.min_items, bounds.max_items, &mut report);
            for (at, item) in items.iter().enumerate() {
                check_kind(*inner, values, &Bounds::NONE, item, &format!("{path}[{at}]"), found);
            }
        }
        (Kind::Dict(inner), Value::Object(entries)) => {
            for (name, entry) in entries {
                check_kind(*inner, &[], &Bounds::NONE, entry, &join(path, name), found);
            }
        }
        (Kind::Model(name), value) => {
            if let Some(model) = Model::find(name) {
                check_model(model, value, path, found);
            }
        }
        (Kind::Str, _) => report(Problem::WrongType("a string")),
        (Kind::Int, _) => report(Problem::WrongType("a whole number")),
        (Kind::Float, _) => report(Problem::WrongType("a number")),
        (Kind::Bool, _) => report(Problem::WrongType("true or false")),
        (Kind::DateTime, _) => report(Problem::WrongType("an RFC 3339 time")),
        (Kind::List(_), _) => report(Problem::WrongType("a list")),
        (Kind::Dict(_), _) => report(Problem::WrongType("an object")),
    }
}

fn check_length(
    (length, of): (usize, &'static str),
    least: Option<usize>,
    most: Option<usize>,
    report: &mut impl FnMut(Problem),
) {
    if let Some(least) = least.filter(|least| length < *least) {
        report(Problem::TooShort(least, of));
    }
    if let Some(most) = most.filter(|most| length > *most) {
        report(Problem::TooLong(most, of));
    }
}

fn check_range(number: f64, bounds: &Bounds, report: &mut impl FnMut(Problem)) {
    if let Some(least) = bounds.minimum.filter(|least| number < *least) {
        report(Problem::TooSmall(least));
    }
    if let Some(most) = bounds.maximum.filter(|most| number > *most) {
        report(Problem::TooLarge(most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_mistake_in_a_launch_is_named_with_its_place() {
        let body = json!({
            "compartmentId": 7, "displayName": "", "shapeConfg": {}, "shapeConfig": {"ocpus": "two"},
            "sourceDetails": {"sourceType": "tape"}, "createVnicDetails": {"nsgIds": ["a", 3]}
        });
        let found: Vec<String> =
            check("LaunchInstanceDetails", &body).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "compartmentId must be a string",
                "displayName must have at least 1 character",
                "shapeConfg is not a known field",
                "shapeConfig.ocpus must be a number",
                "sourceDetails.sourceType must be one of bootVolume, image",
                "createVnicDetails.nsgIds[1] must be a string",
                "availabilityDomain is required",
            ]
        );
    }

    #[test]
    fn unknown_fields_are_removed_at_any_depth() {
        let mut body = json!({
            "compartmentId": "c", "shapeConfg": {}, "shapeConfig": {"ocpus": 1, "memoryInGbs": 6},
            "sourceDetails": {"sourceType": "image", "imageId": "i", "bootVolumeId": "b"}, "metadata": {"own": "v"},
            "launchVolumeAttachments": [{"type": "iscsi", "devise": "d"}], "createVnicDetails": 3
        });
        remove_unknown_fields("LaunchInstanceDetails", &mut body);
        assert_eq!(
            body,
            json!({
                "compartmentId": "c", "shapeConfig": {"ocpus": 1},
                "sourceDetails": {"sourceType": "image", "imageId": "i"}, "metadata": {"own": "v"},
                "launchVolumeAttachments": [{"type": "iscsi"}], "createVnicDetails": 3
            })
        );
    }

    #[test]
    fn a_good_launch_has_no_violation() {
        let body = json!({
            "compartmentId": "c", "availabilityDomain": "a", "shape": "s", "metadata": {"k": "v"},
            "capacityReservationId": "", "sourceDetails": {"sourceType": "image", "imageId": "i"}, "faultDomain": null
        });
        assert_eq!(check("LaunchInstanceDetails", &body), []);
    }
}
