//! What lies behind an error of the HTTP library.

/// An error and what lies behind it, outermost first.
pub fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// The cause of an error. Its outer layers say only that sending failed, where, and in which library; whoever shows the
/// error says where. (URLs hold OCIDs at most, so the text may be shown.)
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
    // There is no other cause: the layers are better than nothing.
    if out.is_empty() { texts.join(": ") } else { out }
}
