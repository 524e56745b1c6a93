//! Which host names are valid in DNS (RFC 952 and RFC 1123).

/// The problem of a label; `None` if it is valid.
pub fn problem(label: &str) -> Option<String> {
    let bad = label.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-');
    match label.len() {
        0 => Some("it is empty".to_owned()),
        64.. => Some(format!("it has {} characters", label.len())),
        _ if bad.is_some() => bad.map(|bad| format!("it holds {bad:?}")),
        _ if label.starts_with('-') || label.ends_with('-') => {
            Some("it starts or ends with a hyphen".to_owned())
        }
        _ => None,
    }
}
