//! The causes behind an error of the HTTP library.

/// An error and its causes, outermost first.
pub fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// The causes of an error as one text, without the HTTP library's own layers: those only say that sending failed, and the
/// caller's message names the place. (URLs contain at most OCIDs, so the text may be shown.)
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        texts.push(inner.to_string());
        cause = inner.source();
    }
    let layer =
        |text: &String| text.starts_with("client error (") || text.starts_with("error sending request");
    let told: Vec<&String> = texts.iter().filter(|text| !layer(text)).collect();
    let mut out = String::new();
    for text in told {
        if !out.ends_with(text.as_str()) {
            out.push_str(if out.is_empty() { "" } else { ": " });
            out.push_str(text);
        }
    }
    // No other cause is known, so the outer layers are better than nothing.
    if out.is_empty() { texts.join(": ") } else { out }
}
