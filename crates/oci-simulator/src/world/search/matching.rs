//! Decides whether a resource matches a query.

use super::Indexed;
use super::query::{Comparison, Condition, Field};
use super::tokens::Operator;
use crate::world::automatic_tags::{Spaces, with_creation};
use jiff::Timestamp;
use std::borrow::Cow;
use std::cmp::Ordering;

/// What a query can ask of a resource. OCIDs are made only if a query asks for them.
#[derive(Clone, Debug)]
pub(super) struct Found<'a> {
    pub kind: Indexed,
    pub number: u32,
    pub created: Timestamp,
    pub name: Cow<'a, str>,
    pub compartment: u32,
    pub availability_domain: Option<&'a str>,
    pub state: &'static str,
    pub tags: Vec<(&'a str, &'a str)>,
    pub defined_tags: Option<&'a Spaces>,
    /// The creator that the tenancy's own tags name.
    pub creator: Option<&'a str>,
    /// Fields that only instances have.
    pub shape: Option<&'static str>,
    pub fault_domain: Option<u8>,
    pub image: Option<u32>,
}

impl Found<'_> {
    /// Its defined tags, including those that the tenancy added.
    pub fn all_defined_tags(&self) -> Cow<'_, Spaces> {
        static NONE: Spaces = Spaces::new();
        let own = self.defined_tags.unwrap_or(&NONE);
        match self.creator {
            Some(creator) => Cow::Owned(with_creation(own.clone(), creator, self.created)),
            None => Cow::Borrowed(own),
        }
    }
}

/// Texts of a resource that are made on request.
pub(super) trait Texts {
    /// Its OCID.
    fn identifier(&self, found: &Found<'_>) -> String;
    /// The OCID of a compartment.
    fn compartment_text(&self, number: u32) -> String;
    /// The OCID of an image.
    fn image_text(&self, number: u32) -> String;
    /// The name of a fault domain.
    fn fault_domain_text(&self, number: u8) -> String;
}

/// Whether the resource matches the condition.
pub(super) fn matches(condition: &Condition, found: &Found<'_>, texts: &impl Texts) -> bool {
    match condition {
        Condition::Any(parts) => parts.iter().any(|part| matches(part, found, texts)),
        Condition::All(parts) => {
            // Conditions on tags that stand side by side are about one and the same tag.
            let of_tags = |is_of: fn(Field) -> bool| -> Vec<&Comparison> {
                let comparisons = parts.iter().filter_map(|part| match part {
                    Condition::Is(comparison) if is_of(comparison.field) => Some(comparison),
                    _ => None,
                });
                comparisons.collect()
            };
            let others = parts
                .iter()
                .filter(|part| !matches!(part, Condition::Is(comparison) if comparison.field.is_of_tags()));
            one_tag(&of_tags(Field::is_of_freeform_tags), found)
                && one_tag(&of_tags(Field::is_of_defined_tags), found)
                && others.into_iter().all(|part| matches(part, found, texts))
        }
        Condition::Is(comparison) if comparison.field.is_of_tags() => one_tag(&[comparison], found),
        Condition::Is(comparison) => {
            let Some(value) = text_of(comparison.field, found, texts) else {
                return matches!(comparison.operator, Operator::NotEqual | Operator::StrictlyNotEqual);
            };
            match comparison.time {
                Some(time) => holds(comparison.operator, found.created.cmp(&time), &value, &comparison.value),
                None => compare(comparison, &value),
            }
        }
    }
}

/// Whether the resource has a tag that matches all comparisons. A single comparison with `!=` asks that no tag is equal.
fn one_tag(comparisons: &[&Comparison], found: &Found<'_>) -> bool {
    if let [
        Comparison {
            field,
            operator: operator @ (Operator::NotEqual | Operator::StrictlyNotEqual),
            value,
            ..
        },
    ] = comparisons
    {
        let equal = if *operator == Operator::NotEqual { Operator::Equal } else { Operator::StrictlyEqual };
        let opposite = Comparison { field: *field, operator: equal, value: value.clone(), time: None };
        return !one_tag(&[&opposite], found);
    }
    let Some(first) = comparisons.first() else { return true };
    if first.field.is_of_freeform_tags() {
        return found.tags.iter().any(|(key, value)| {
            comparisons
                .iter()
                .all(|one| compare(one, if one.field == Field::FreeformKey { key } else { value }))
        });
    }
    let spaces = found.all_defined_tags();
    spaces.iter().flat_map(|(space, tags)| tags.iter().map(move |(key, value)| (space, key, value))).any(
        |(space, key, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            comparisons.iter().all(|one| {
                compare(
                    one,
                    match one.field {
                        Field::DefinedNamespace => space,
                        Field::DefinedKey => key,
                        _ => &value,
                    },
                )
            })
        },
    )
}

fn compare(comparison: &Comparison, value: &str) -> bool {
    let order = value.to_lowercase().cmp(&comparison.value.to_lowercase());
    holds(comparison.operator, order, value, &comparison.value)
}

fn holds(operator: Operator, order: Ordering, value: &str, wanted: &str) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::StrictlyEqual => value == wanted,
        Operator::StrictlyNotEqual => value != wanted,
        Operator::Contains => value.to_lowercase().contains(&wanted.to_lowercase()),
        Operator::Less => order.is_lt(),
        Operator::AtMost => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::AtLeast => order.is_ge(),
    }
}

/// The field's text; `None` if resources of this type do not have it.
pub(super) fn text_of<'a>(field: Field, found: &'a Found<'_>, texts: &impl Texts) -> Option<Cow<'a, str>> {
    Some(match field {
        Field::Identifier => texts.identifier(found).into(),
        Field::DisplayName => Cow::Borrowed(&*found.name),
        Field::CompartmentId => texts.compartment_text(found.compartment).into(),
        Field::TimeCreated => found.created.to_string().into(),
        Field::LifecycleState => found.state.into(),
        Field::AvailabilityDomain => found.availability_domain?.into(),
        Field::ResourceType => found.kind.name().into(),
        Field::Shape => found.shape?.into(),
        Field::FaultDomain => texts.fault_domain_text(found.fault_domain?).into(),
        Field::ImageId => texts.image_text(found.image?).into(),
        Field::FreeformKey
        | Field::FreeformValue
        | Field::DefinedNamespace
        | Field::DefinedKey
        | Field::DefinedValue => return None,
    })
}

/// Whether any field contains the text, ignoring case: the clause `matching`, and free text.
pub(super) fn contains(text: &str, found: &Found<'_>, texts: &impl Texts) -> bool {
    let wanted = text.trim().trim_matches('*').to_lowercase();
    let has = |value: &str| value.to_lowercase().contains(&wanted);
    let in_defined = |spaces: &Cow<'_, Spaces>| {
        spaces.iter().any(|(space, tags)| {
            has(space) || tags.iter().any(|(key, value)| has(key) || value.as_str().is_some_and(has))
        })
    };
    Field::ALL.iter().any(|(field, _)| text_of(*field, found, texts).is_some_and(|value| has(&value)))
        || found.tags.iter().any(|(key, value)| has(key) || has(value))
        || in_defined(&found.all_defined_tags())
}
