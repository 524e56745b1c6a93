//! The meaning of a YAML scalar, by the core schema of YAML 1.2.
//!
//! It must not know where the scalar is or what the file is for.

use zeroize::Zeroizing;

/// A scalar: its text and its meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text after processing YAML's escapes. Wiped when dropped, since it may be a passphrase.
    pub text: Zeroizing<String>,
    /// Its meaning.
    pub kind: ScalarKind,
    /// Whether it was explicitly written as text: in quotes, or as a block.
    pub quoted: bool,
}

/// The types of the core schema.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalarKind {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text,
}

impl Scalar {
    /// A scalar that is text whatever its content: quoted, or a block.
    pub fn quoted(text: &str) -> Self {
        Self { text: Zeroizing::new(text.to_owned()), kind: ScalarKind::Text, quoted: true }
    }

    /// Whether it is text, rather than a number, a boolean or nothing.
    pub fn is_text(&self) -> bool {
        self.kind == ScalarKind::Text
    }

    /// The value as JSON. A number that JSON cannot represent becomes text.
    pub fn to_json(&self) -> serde_json::Value {
        match self.kind {
            ScalarKind::Null => serde_json::Value::Null,
            ScalarKind::Bool(value) => value.into(),
            ScalarKind::Int(value) => value.into(),
            ScalarKind::Float(value) if value.is_finite() => value.into(),
            ScalarKind::Float(_) | ScalarKind::Text => self.text.as_str().into(),
        }
    }

    /// A scalar written without quotes.
    pub fn plain(text: &str) -> Self {
        Self { text: Zeroizing::new(text.to_owned()), kind: resolve(text), quoted: false }
    }
}

/// Resolves a scalar by the core schema of YAML 1.2, section 10.3.2.
fn resolve(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarKind::Null,
        "true" | "True" | "TRUE" => return ScalarKind::Bool(true),
        "false" | "False" | "FALSE" => return ScalarKind::Bool(false),
        ".inf" | "+.inf" | ".Inf" | ".INF" => return ScalarKind::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return ScalarKind::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return ScalarKind::Float(f64::NAN),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0x").filter(|digits| digits.starts_with(|c: char| c != '+')) {
        return i64::from_str_radix(digits, 16).map_or(ScalarKind::Text, ScalarKind::Int);
    }
    if let Some(digits) = text.strip_prefix("0o").filter(|digits| digits.starts_with(|c: char| c != '+')) {
        return i64::from_str_radix(digits, 8).map_or(ScalarKind::Text, ScalarKind::Int);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    // Rust also accepts `inf`, `nan` and `infinity`, which YAML does not.
    let number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.chars().all(|c| c.is_ascii_digit() || ".eE+-".contains(c))
        && unsigned.contains(|c: char| c.is_ascii_digit());
    if !number {
        return ScalarKind::Text;
    }
    if let Ok(whole) = text.parse() {
        return ScalarKind::Int(whole);
    }
    text.parse().map_or(ScalarKind::Text, ScalarKind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_yaml_1_2_says() {
        let cases = [
            ("", ScalarKind::Null),
            ("~", ScalarKind::Null),
            ("True", ScalarKind::Bool(true)),
            ("yes", ScalarKind::Text),
            ("-1", ScalarKind::Int(-1)),
            ("+7", ScalarKind::Int(7)),
            ("007", ScalarKind::Int(7)),
            ("0x1F", ScalarKind::Int(31)),
            ("0o17", ScalarKind::Int(15)),
            ("0x+1", ScalarKind::Text),
            ("1e9", ScalarKind::Float(1e9)),
            ("2.5", ScalarKind::Float(2.5)),
            (".5", ScalarKind::Float(0.5)),
            ("99999999999999999999", ScalarKind::Float(1e20)),
            ("1_000", ScalarKind::Text),
            ("inf", ScalarKind::Text),
            ("20:3b:97", ScalarKind::Text),
            ("1.2.3", ScalarKind::Text),
            ("-", ScalarKind::Text),
            (".", ScalarKind::Text),
        ];
        for (text, kind) in cases {
            assert_eq!(resolve(text), kind, "{text:?}");
        }
    }

    #[test]
    fn a_quoted_scalar_is_text_whatever_it_looks_like() {
        assert_eq!(Scalar::quoted("10").kind, ScalarKind::Text);
        assert_eq!(Scalar::quoted("").kind, ScalarKind::Text);
    }
}
