//! Oracle Cloud Identifiers: `ocid1.<resource type>.<realm>.[region][.future use].<unique id>`
//! (Oracle: "Resource Identifiers").

use std::fmt;

/// A parsed OCID. Its parts are in their places, but it may not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ocid<'a> {
    /// The whole text.
    pub text: &'a str,
    /// The type of resource: `instance`.
    pub resource_type: &'a str,
    /// The realm: `oc1`.
    pub realm: &'a str,
    /// The region's name or short key; empty for resources without a region.
    pub region: &'a str,
}

/// Why a text is not an OCID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OcidError {
    /// It does not start with `ocid1.`.
    Prefix,
    /// It has fewer parts than an OCID has.
    Parts,
    /// Its resource type or unique id is empty.
    Empty,
    /// It contains a character that no OCID contains.
    Character(char),
}

impl fmt::Display for OcidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix => f.write_str("an OCID starts with `ocid1.`"),
            Self::Parts => f.write_str("an OCID has the form `ocid1.<type>.<realm>.<region>.<unique id>`"),
            Self::Empty => f.write_str("its resource type, realm or unique id is empty"),
            Self::Character(c) => write!(f, "it holds {c:?}, which no OCID does"),
        }
    }
}

impl std::error::Error for OcidError {}

impl<'a> Ocid<'a> {
    /// Parses an OCID.
    pub fn parse(text: &'a str) -> Result<Self, OcidError> {
        if !text.starts_with("ocid1.") {
            return Err(OcidError::Prefix);
        }
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !".-_".contains(*c)) {
            return Err(OcidError::Character(bad));
        }
        let parts: Vec<&str> = text.split('.').collect();
        let &[_, resource_type, realm, region, .., unique] = parts.as_slice() else {
            return Err(OcidError::Parts);
        };
        if resource_type.is_empty() || realm.is_empty() || unique.is_empty() {
            return Err(OcidError::Empty);
        }
        Ok(Self { text, resource_type, realm, region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ocid_is_taken_apart() {
        let ocid = Ocid::parse("ocid1.instance.oc1.phx.abcd").unwrap();
        assert_eq!((ocid.resource_type, ocid.realm, ocid.region), ("instance", "oc1", "phx"));
        assert_eq!(Ocid::parse("ocid1.tenancy.oc1..aaaa").unwrap().region, "");
    }

    #[test]
    fn what_is_not_an_ocid_says_why() {
        assert_eq!(Ocid::parse("i-0abc"), Err(OcidError::Prefix));
        assert_eq!(Ocid::parse("ocid1.instance.oc1"), Err(OcidError::Parts));
        assert_eq!(Ocid::parse("ocid1..oc1.phx.x"), Err(OcidError::Empty));
        assert_eq!(Ocid::parse("ocid1.instance.oc1.phx.a b"), Err(OcidError::Character(' ')));
    }
}
