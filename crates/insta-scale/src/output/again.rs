//! Adds flags to the commands in advice, so that they work as printed: the config, login, service and ledger of this command.

use std::sync::OnceLock;

static FLAGS: OnceLock<String> = OnceLock::new();

/// Stores the flags of this command for its advice. The first flags stay, because a process runs one command.
pub fn remember_flags(flags: String) {
    let _ = FLAGS.set(flags);
}

/// Adds the flags of this command to all commands in backticks.
pub fn advice(text: &str) -> String {
    with_flags(text, "`oci-insta-scale ", FLAGS.get().map_or("", String::as_str))
}

/// Adds flags to the commands in a text. A command starts with `opening`, and ends the text or a part of it.
pub fn with_flags(text: &str, opening: &str, flags: &str) -> String {
    let mut parts = text.split(opening);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (command, rest) = part.split_at(part.find(['`', ';']).unwrap_or(part.len()));
        let has_them = format!(" {command}").contains(flags) || command.ends_with("--help");
        out = out + opening + command + if has_them { "" } else { flags } + rest;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::with_flags;

    #[test]
    fn commands_in_notes_keep_the_flags() {
        let told = |text| with_flags(text, "oci-insta-scale ", " --config c.yaml");
        assert_eq!(
            told("run R left alone: not wanted: oci-insta-scale instances terminate --run R"),
            "run R left alone: not wanted: oci-insta-scale instances terminate --run R --config c.yaml"
        );
        assert_eq!(
            told("`oci-insta-scale resume R` goes on; the tag oci-insta-scale-run tells"),
            "`oci-insta-scale resume R --config c.yaml` goes on; the tag oci-insta-scale-run tells"
        );
        assert_eq!(told("nothing to do"), "nothing to do");
    }

    #[test]
    fn advice_never_repeats_the_flags() {
        let told = |text| with_flags(text, "`oci-insta-scale ", " --config c.yaml");
        let whole = "`oci-insta-scale runs --config c.yaml` lists them; `oci-insta-scale --help` too";
        let first = "`oci-insta-scale --config c.yaml scale 4` continues";
        assert_eq!(told(first), first);
        assert_eq!(told(whole), whole);
        assert_eq!(
            told("a policy: `oci-insta-scale plan` checks, `oci-insta-scale policy` prints"),
            "a policy: `oci-insta-scale plan --config c.yaml` checks, `oci-insta-scale policy --config c.yaml` prints"
        );
    }
}
