//! The building blocks of the generated models: open enums and polymorphic objects, which preserve what they do not know.

use serde_json::{Map, Value};

/// Fields that a newer service sends and this table lacks. They are kept, so that reading and writing loses nothing.
pub type Extra = Map<String, Value>;

/// A string enum that preserves unknown values.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $value:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $value, "`")] $variant,)+
            /// A value that this table does not know; the empty string if the field was not sent.
            Unrecognized(String),
        }

        impl $name {
            /// The known values as on the wire.
            pub const VALUES: &'static [&'static str] = &[$($value,)+];

            /// The value as on the wire.
            pub fn as_str(&self) -> &str {
                match self { $(Self::$variant => $value,)+ Self::Unrecognized(value) => value }
            }
        }

        impl Default for $name {
            fn default() -> Self { Self::Unrecognized(String::new()) }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                match value { $($value => Self::$variant,)+ other => Self::Unrecognized(other.to_owned()) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.as_str()) }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Ok(Self::from(value.as_ref()))
            }
        }
    };
}

/// An object whose kind is named by one of its fields. An unknown kind is preserved as it came.
macro_rules! polymorphic {
    ($(#[$doc:meta])* $name:ident, $tag:literal { $($value:literal => $variant:ident($model:ident),)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $(#[doc = concat!("`", $value, "`")] $variant($model),)+
            /// An unknown kind, or none.
            Other(Extra),
        }

        impl $name {
            /// The field that names the kind.
            pub const TAG: &'static str = $tag;
        }

        impl Default for $name {
            fn default() -> Self { Self::Other(Extra::new()) }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(inner) => $crate::wire::Tagged { tag: $tag, value: $value, inner }.serialize(serializer),)+
                    Self::Other(fields) => fields.serialize(serializer),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut fields = Extra::deserialize(deserializer)?;
                match fields.get($tag).and_then(Value::as_str) {
                    $(Some($value) => {
                        fields.shift_remove($tag);
                        $model::deserialize(Value::Object(fields)).map(Self::$variant).map_err(serde::de::Error::custom)
                    })+
                    _ => Ok(Self::Other(fields)),
                }
            }
        }
    };
}

pub(crate) use {open_enum, polymorphic};

/// Writes a model's fields after the field that names its kind.
#[derive(serde::Serialize)]
pub(crate) struct TaggedFields<'a, T> {
    #[serde(flatten)]
    inner: &'a T,
}

pub(crate) struct Tagged<'a, T> {
    pub tag: &'static str,
    pub value: &'static str,
    pub inner: &'a T,
}

impl<T: serde::Serialize> serde::Serialize for Tagged<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error as _, SerializeMap as _};
        let Value::Object(fields) =
            serde_json::to_value(TaggedFields { inner: self.inner }).map_err(S::Error::custom)?
        else {
            return Err(S::Error::custom("a model is an object"));
        };
        let mut map = serializer.serialize_map(Some(fields.len() + 1))?;
        map.serialize_entry(self.tag, self.value)?;
        for (name, value) in &fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use crate::models::*;
    use serde_json::json;

    #[test]
    fn unknown_fields_and_enum_values_survive_a_round_trip() {
        let sent = json!({
            "availabilityDomain": "AD-1", "compartmentId": "c", "id": "i", "lifecycleState": "HIBERNATING",
            "region": "phx", "shape": "s", "shapeConfig": {"ocpus": 1.0, "quantumCores": 4},
            "sourceDetails": {"sourceType": "tape", "reel": 7}, "fromTheFuture": {"a": [1]}
        });
        let instance: Instance = serde_json::from_value(sent.clone()).unwrap();
        assert_eq!(instance.lifecycle_state, InstanceLifecycleState::Unrecognized("HIBERNATING".into()));
        assert_eq!(serde_json::to_value(&instance).unwrap(), sent);
    }

    #[test]
    fn a_missing_required_field_in_an_answer_is_not_an_error() {
        let instance: Instance = serde_json::from_value(json!({"id": "i"})).unwrap();
        assert_eq!((instance.id.as_str(), instance.time_created), ("i", None));
    }

    #[test]
    fn absent_and_empty_capacity_reservation_differ() {
        let mut details = LaunchInstanceDetails::default();
        assert!(serde_json::to_value(&details).unwrap().get("capacityReservationId").is_none());
        details.capacity_reservation_id = Some(String::new());
        assert_eq!(serde_json::to_value(&details).unwrap()["capacityReservationId"], "");
    }

    #[test]
    fn a_polymorphic_object_names_its_kind_first() {
        let source = InstanceSourceDetails::Image(InstanceSourceViaImageDetails {
            image_id: Some("x".into()),
            ..Default::default()
        });
        assert_eq!(serde_json::to_string(&source).unwrap(), r#"{"sourceType":"image","imageId":"x"}"#);
    }
}
