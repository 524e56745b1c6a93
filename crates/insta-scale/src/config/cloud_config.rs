//! Checks that a `#cloud-config` is YAML that cloud-init can read. It must not know cloud-init's modules.

use super::finding::Finding;
use super::yaml::{place_of, syntax};
use granit_parser::{Event, Parser};

/// Deeper nesting than anybody writes.
const MAX_DEPTH: usize = 200;

/// Checks that a text is one YAML document that contains a group of keys or nothing. Positions refer to the text.
pub fn check_cloud_config(source: &str) -> Result<(), Finding> {
    let options = granit_parser::options! { flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    let mut documents = 0;
    let mut at_root = false;
    for event in Parser::new_from_str_with_options(source, options) {
        let (event, span) = event.map_err(|error| syntax(&error, source))?;
        match event {
            Event::DocumentStart(..) => {
                documents += 1;
                at_root = true;
                if documents > 1 {
                    return Err(Finding::at(place_of(&span), "a second YAML document starts here")
                        .help("cloud-init reads only the first document: remove everything after `---`"));
                }
            }
            Event::MappingStart(..) => at_root = false,
            // A document of comments only has no effect, which is intended.
            Event::Scalar(text, ..) if at_root && text.is_empty() => at_root = false,
            Event::Scalar(..) | Event::SequenceStart(..) if at_root => {
                return Err(Finding::at(
                    place_of(&span),
                    "a #cloud-config must be a group of `key: value` lines",
                )
                .help("each key names a module, for example `packages: [htop]`"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match check_cloud_config(&format!("#cloud-config\n{text}")) {
            Ok(()) => "good".to_owned(),
            Err(finding) => format!("{}: {}", finding.place.map_or(0, |place| place.line), finding.message),
        }
    }

    #[test]
    fn a_cloud_config_that_is_no_yaml_is_placed() {
        assert_eq!(said("packages: [htop]\nruncmd:\n  - |\n    if true; then\n    \techo\n    fi\n"), "good");
        assert_eq!(said(""), "good");
        assert_eq!(
            said("packages:\n\t- htop\n"),
            "3: a tab is used for indentation, which YAML does not allow"
        );
        assert!(said("packages: [htop\nruncmd: [ls]\n").contains("not valid YAML"));
        assert!(said("- htop\n").starts_with("2: a #cloud-config must be a group"));
        assert!(said("a: 1\n---\nb: 2\n").contains("a second YAML document"));
    }
}
