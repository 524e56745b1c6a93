//! Parses an `Authorization` header. It never panics on any text.

/// The parts of `Authorization: Signature algorithm="…",headers="…",keyId="…",signature="…",version="1"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The id of the key that signed: `tenancy/user/fingerprint` or `ST$token`.
    pub key_id: String,
    /// The names of the signed headers, in order and in lower case.
    pub headers: Vec<String>,
    /// The signature, in base64.
    pub signature: String,
}

/// Why an `Authorization` header cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// The scheme is not `Signature`.
    #[error("its scheme is not Signature")]
    Scheme,
    /// A parameter is not `name="value"`.
    #[error("a parameter is not name=\"value\"")]
    Parameter,
    /// A parameter occurs twice.
    #[error("a parameter comes twice")]
    Twice,
    /// A parameter is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The algorithm is not rsa-sha256.
    #[error("the algorithm is not rsa-sha256")]
    Algorithm,
    /// The version is not 1.
    #[error("the version is not 1")]
    Version,
}

/// The most headers that one signature may cover; a request has far fewer.
const HEADERS_MAX: usize = 64;

impl Authorization {
    /// Parses the value of the header.
    ///
    /// Parameters may be in any order. Unknown names are ignored, as the scheme requires.
    pub fn parse(text: &str) -> Result<Self, AuthorizationError> {
        let (scheme, rest) = text.trim().split_once(' ').ok_or(AuthorizationError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("Signature") {
            return Err(AuthorizationError::Scheme);
        }
        let mut found: [Option<&str>; NAMES.len()] = [None; NAMES.len()];
        let mut rest = rest.trim_start();
        loop {
            let (name, value, after) = parameter(rest)?;
            if let Some(at) = NAMES.iter().position(|known| *known == name)
                && found[at].replace(value).is_some()
            {
                return Err(AuthorizationError::Twice);
            }
            rest = after.trim_start();
            if rest.is_empty() {
                break;
            }
            rest = rest.strip_prefix(',').ok_or(AuthorizationError::Parameter)?.trim_start();
        }
        let [key_id, headers, signature, algorithm, version] = found;
        if !algorithm.ok_or(AuthorizationError::Missing("algorithm"))?.eq_ignore_ascii_case("rsa-sha256") {
            return Err(AuthorizationError::Algorithm);
        }
        if version.is_some_and(|version| version != "1") {
            return Err(AuthorizationError::Version);
        }
        let headers = headers.ok_or(AuthorizationError::Missing("headers"))?;
        let headers: Vec<String> =
            headers.split_ascii_whitespace().take(HEADERS_MAX).map(str::to_ascii_lowercase).collect();
        Ok(Self {
            key_id: key_id.ok_or(AuthorizationError::Missing("keyId"))?.to_owned(),
            headers,
            signature: signature.ok_or(AuthorizationError::Missing("signature"))?.to_owned(),
        })
    }

    /// Whether this header (in lower case) or `(request-target)` was signed.
    pub fn signs(&self, name: &str) -> bool {
        self.headers.iter().any(|signed| signed == name)
    }
}

const NAMES: [&str; 5] = ["keyId", "headers", "signature", "algorithm", "version"];

/// The first `name="value"` of the text, and the rest.
fn parameter(text: &str) -> Result<(&str, &str, &str), AuthorizationError> {
    let (name, rest) = text.split_once('=').ok_or(AuthorizationError::Parameter)?;
    let rest = rest.trim_start().strip_prefix('"').ok_or(AuthorizationError::Parameter)?;
    let (value, rest) = rest.split_once('"').ok_or(AuthorizationError::Parameter)?;
    Ok((name.trim_end(), value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = r#"Signature algorithm="rsa-sha256",headers="date (request-target) host",keyId="t/u/f",signature="c2ln",version="1""#;

    #[test]
    fn what_the_official_clients_send_is_read() {
        let read = Authorization::parse(GOOD).unwrap();
        assert_eq!(read.key_id, "t/u/f");
        assert_eq!(read.headers, ["date", "(request-target)", "host"]);
        assert_eq!(read.signature, "c2ln");
        let other = r#"signature version="1", signature="c2ln",keyId="t/u/f", headers="date (request-target) host",algorithm="rsa-sha256""#;
        assert_eq!(Authorization::parse(other).unwrap(), read);
    }

    #[test]
    fn what_is_malformed_says_how() {
        use AuthorizationError::{Algorithm, Missing, Parameter, Scheme, Twice, Version};
        for (text, error) in [
            ("", Scheme),
            ("Signature", Scheme),
            ("Bearer abc", Scheme),
            ("Signature keyId", Parameter),
            ("Signature keyId=t", Parameter),
            (r#"Signature keyId="t"#, Parameter),
            (r#"Signature keyId="t" headers="date""#, Parameter),
            (r#"Signature keyId="t","#, Parameter),
            (r#"Signature keyId="t",keyId="u""#, Twice),
            (r#"Signature keyId="t""#, Missing("algorithm")),
            (&GOOD.replace("rsa-sha256", "hmac-sha256"), Algorithm),
            (&GOOD.replace("version=\"1\"", "version=\"2\""), Version),
            (&GOOD.replace("keyId", "other"), Missing("keyId")),
        ] {
            assert_eq!(Authorization::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC*") {
            let _ = Authorization::parse(&text);
        }

        #[test]
        fn any_parameters_are_read_or_refused_without_panic(
            text in r#"Signature ([a-zA-Z]{0,9}[=, "]{0,3}){0,12}"#
        ) {
            let _ = Authorization::parse(&text);
        }

        #[test]
        fn what_is_written_is_read_back(
            key_id in "[a-zA-Z0-9./:$_-]{1,80}", signature in "[A-Za-z0-9+/=]{0,400}",
            headers in proptest::collection::vec("[a-z0-9()-]{1,20}", 1..12),
        ) {
            let text = format!(
                r#"Signature headers="{}",version="1",keyId="{key_id}",algorithm="rsa-sha256",signature="{signature}""#,
                headers.join(" ")
            );
            prop_assert_eq!(Authorization::parse(&text).unwrap(), Authorization { key_id, headers, signature });
        }
    }
}
