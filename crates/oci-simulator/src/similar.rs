//! The known name that a mistyped one may mean.

/// The known name that is most similar to a mistyped one.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    // A truncated name: `list_lag` for `list_lag_seconds`.
    let lower = name.to_lowercase();
    let mut longer = known.iter().filter(|known| lower.len() >= 4 && known.starts_with(&lower));
    if let (Some(only), None) = (longer.next(), longer.next()) {
        return Some(only);
    }
    let scored = known.iter().map(|known| (strsim::damerau_levenshtein(&name.to_lowercase(), known), *known));
    scored.filter(|(distance, known)| *distance <= 1 + known.len() / 4).min().map(|(_, known)| known)
}
