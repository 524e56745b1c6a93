//! The instructions for cloud-init at the first boot, as text, a file or base64.
//!
//! Whether cloud-init can read them is checked here, because a launch does not: the instance would start and do nothing.

use super::cloud_config;
use super::files::{self, Folders};
use super::finding::{Finding, Findings, Place};
use super::section::At;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const KEY: &str = "instance_settings.user_data";

/// The maximum size of a file that is read. It is larger than metadata may be, so that an oversized file is reported with its
/// size.
const MAX_FILE: usize = 1024 * 1024;

/// The first bytes of user data on which cloud-init or cloudbase-init acts (cloud-init: "User data formats").
const MARKS: &[&[u8]] = &[
    b"#!",
    b"#cloud-config",
    b"#cloud-boothook",
    b"#include",
    b"#part-handler",
    b"#upstart-job",
    b"## template:",
    b"Content-Type:",
    b"MIME-Version:",
    b"<powershell>",
    b"<script>",
    b"#ps1",
    b"rem cmd",
    &[0x1f, 0x8b],
];

/// The prefix of user data that is already base64, whatever it contains. (Base64 of a script or the like is recognised without
/// it.)
const ENCODED: &str = "base64:";

/// The source of user data.
struct DataSource<'a> {
    /// The file, if it comes from one.
    file: Option<String>,
    place: Place,
    findings: &'a Findings,
}

impl DataSource<'_> {
    /// A finding about the whole user data.
    fn finding(&self, message: &str) -> Finding {
        match &self.file {
            Some(file) => Finding::at(self.place, format!("{KEY}: {file}: {message}")),
            None => Finding::at(self.place, format!("{KEY}: {message}")),
        }
    }

    /// A finding about one of its lines.
    fn finding_at(&self, place: Option<Place>, message: &str) -> Finding {
        let Some(Place { line, column, .. }) = place else { return self.finding(message) };
        match &self.file {
            Some(file) => Finding::at(self.place, format!("{KEY}: {file}:{line}:{column}: {message}")),
            None => Finding::at(self.place, format!("{KEY}: in its line {line}, column {column}: {message}")),
        }
    }
}

/// The value of `metadata.user_data`: base64.
pub fn read_user_data(text: &At<&str>, folders: Folders<'_>, findings: &Findings) -> Option<String> {
    let one_line = text.value.trim();
    let named = one_line.strip_prefix('@').or_else(|| {
        let path = ["/", "./", "../", "~/"].iter().any(|start| one_line.starts_with(start));
        // The first characters of base64 text never look like a path.
        let encoded = STANDARD.decode(one_line).is_ok_and(|bytes| is_marked(&bytes));
        (path && !encoded && !one_line.contains('\n')).then_some(one_line)
    });
    let Some(name) = named else {
        let origin = DataSource { file: None, place: text.place, findings };
        return encode(text.value.as_bytes(), &origin);
    };
    let path = folders.resolve(name.trim(), text.place);
    let origin = DataSource { file: Some(path.display().to_string()), place: text.place, findings };
    match files::read_limited(&path, MAX_FILE) {
        Ok(bytes) => encode(&bytes, &origin),
        Err(error) => {
            findings.mistake(
                origin
                    .finding(&error)
                    .help("user data is plain text, a file (`@cloud-init.yaml`), or base64 after `base64:`"),
            );
            None
        }
    }
}

/// Encodes user data that is not yet encoded.
fn encode(bytes: &[u8], origin: &DataSource<'_>) -> Option<String> {
    let bytes = bytes.strip_prefix(files::BOM).unwrap_or(bytes);
    if files::is_utf16(bytes) {
        let finding = origin.finding("this is UTF-16 text, which cloud-init cannot read");
        origin.findings.mistake(finding.help(files::SAVE_AS_UTF8));
        return None;
    }
    let compact: String = std::str::from_utf8(bytes).unwrap_or_default().split_whitespace().collect();
    if let Some(encoded) = compact.strip_prefix(ENCODED) {
        return said_to_be_encoded(encoded, origin);
    }
    let decoded = STANDARD.decode(&compact).ok().filter(|_| !compact.is_empty());
    if let Some(decoded) = decoded.as_deref().filter(|decoded| is_marked(decoded)) {
        return understandable(decoded, origin).then_some(compact);
    }
    if decoded.as_deref().is_some_and(is_readable) {
        let finding = origin.finding("this looks like base64, but is sent as plain text");
        let help = format!(
            "if it is already encoded, add the prefix: `user_data: \"{ENCODED}{}\"`",
            short(&compact)
        );
        origin.findings.note(finding.help(help));
    } else if !is_marked(bytes) {
        let finding =
            origin.finding("it does not start with `#!` or `#cloud-config`, so cloud-init will ignore it");
        let help = if origin.file.is_some() {
            "start it with `#cloud-config`, or with `#!/bin/bash` for a script"
        } else {
            "name a file with `@`: `user_data: \"@cloud-init.yaml\"`"
        };
        origin.findings.note(finding.help(help));
    }
    understandable(bytes, origin).then(|| STANDARD.encode(bytes))
}

fn said_to_be_encoded(encoded: &str, origin: &DataSource<'_>) -> Option<String> {
    if let Ok(decoded) = STANDARD.decode(encoded) {
        understandable(&decoded, origin).then(|| encoded.to_owned())
    } else {
        origin.findings.mistake(
            origin
                .finding("it is marked as base64, but is not valid base64")
                .help(format!("remove `{ENCODED}`, or encode it: base64 -w 0 FILE")),
        );
        None
    }
}

/// Whether cloud-init can read the user data, judging by its form.
fn understandable(bytes: &[u8], origin: &DataSource<'_>) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return true };
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("#!") && text.contains("\r\n") {
        let interpreter = first.trim_start_matches("#!").trim();
        origin.findings.note(
            origin
                .finding(&format!(
                    "its lines end with CR LF, as on Windows: Linux would look for `{interpreter}\\r`"
                ))
                .help("save it with Unix line endings (LF), for example with `dos2unix`"),
        );
    }
    if first.trim_end() != "#cloud-config" {
        return true;
    }
    let Err(finding) = cloud_config::check_cloud_config(text) else { return true };
    let mut placed = origin.finding_at(finding.place, &finding.message);
    placed.help = finding.help;
    origin.findings.mistake(placed);
    false
}

/// Whether decoded base64 is text that somebody may have encoded on purpose. A word such as `test` also decodes, but to
/// garbage.
fn is_readable(bytes: &[u8]) -> bool {
    let printable = |c: char| !c.is_control() || c.is_ascii_whitespace();
    bytes.len() >= 4 && std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(printable))
}

/// The beginning of a long text.
fn short(text: &str) -> String {
    if text.len() <= 24 { text.to_owned() } else { text.chars().take(20).chain(['…']).collect() }
}

fn is_marked(bytes: &[u8]) -> bool {
    MARKS.iter().any(|mark| bytes.starts_with(mark))
}
