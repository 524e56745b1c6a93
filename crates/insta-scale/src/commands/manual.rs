//! `man`: one manual page per command, built from the definitions of `--help`.
//!
//! It must not know what the commands do; only the examples are specific to a command.

use crate::args::{CapacityManager, Cli, ManArgs, ManageInstances};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use std::io;
use std::path::Path;

/// Prints the page of one command, or writes the pages of all commands to a directory.
pub fn manual(arguments: &ManArgs) -> Result<Exit, CommandError> {
    let failed = |source| CommandError::System { what: "cannot write the manual pages", source };
    if let Some(dir) = &arguments.dir {
        write_pages(dir).map_err(failed)?;
        return Ok(Exit::Done);
    }
    let name = arguments.command.join("-");
    let wanted = if name.is_empty() {
        vec!["oci-insta-scale".to_owned()]
    } else {
        vec![name.clone(), format!("oci-insta-scale-{name}")]
    };
    let found = commands().into_iter().find(|command| wanted.iter().any(|name| page_name(command) == name));
    let Some(command) = found else {
        return Err(CommandError::usage(
            format!("there is no command `{}`", arguments.command.join(" ")),
            "`oci-insta-scale --help` lists the commands",
        ));
    };
    console::data(&page(&command).map_err(failed)?)?;
    Ok(Exit::Done)
}

/// Writes a page for each command of the three programs.
fn write_pages(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for command in commands() {
        std::fs::write(dir.join(format!("{}.1", page_name(&command))), page(&command)?)?;
    }
    Ok(())
}

/// Every visible command of the three programs, parents before their subcommands.
fn commands() -> Vec<Command> {
    let mut all = vec![
        Cli::command(),
        CapacityManager::command(),
        <ManageInstances as clap::CommandFactory>::command(),
    ];
    for command in &mut all {
        command.build();
    }
    let mut next = 0;
    while let Some(command) = all.get(next) {
        let inner: Vec<Command> =
            command.get_subcommands().filter(|inner| !inner.is_hide_set()).cloned().collect();
        all.extend(inner);
        next += 1;
    }
    all
}

/// `oci-insta-scale-instances-list`
fn page_name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// The page of a command in the language of `man`.
fn page(command: &Command) -> io::Result<String> {
    let mut out = Vec::new();
    let man = Man::new(command.clone());
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        man.render_subcommands_section(&mut out)?;
    }
    let mut text = String::from_utf8_lossy(&out).into_owned();
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (examples, notes) = split_help(&help);
    if !notes.is_empty() {
        text.push_str(".SH NOTES\n");
        notes.split("\n\n").for_each(|block| paragraph(&mut text, block));
    }
    rows(&mut text, "EXIT STATUS", EXIT_STATUS);
    rows(&mut text, "FILES", FILES);
    rows(&mut text, "ENVIRONMENT", ENVIRONMENT);
    let examples = if examples.is_empty() { example(page_name(command)) } else { examples };
    text.push_str(".SH EXAMPLES\n");
    verbatim(&mut text, examples.lines());
    Ok(ascii(&text))
}

/// Splits the text below the flags into the examples and the rest, without the exit codes, which have their own section.
fn split_help(help: &str) -> (String, String) {
    let mut parts: (Vec<&str>, Vec<&str>) = Default::default();
    for block in help.split("\n\n").filter(|block| !block.trim().is_empty()) {
        match block.strip_prefix("Examples:\n") {
            Some(examples) => parts.0.push(examples),
            None if block.starts_with("Exit codes:") => {}
            None => parts.1.push(block),
        }
    }
    (parts.0.join("\n\n"), parts.1.join("\n\n"))
}

/// A first example for commands whose help has none.
fn example(page: &str) -> String {
    let words = match page {
        "oci-insta-scale-launch" => {
            "oci-insta-scale launch --dry-run\n  oci-insta-scale launch --count 10 --min 8 --deadline 30m\n  \
             oci-insta-scale launch --simulate --yes"
        }
        "oci-insta-scale-resume" => "oci-insta-scale resume\n  oci-insta-scale resume 0198 --yes",
        "oci-insta-scale-show" => "oci-insta-scale show\n  oci-insta-scale show 0198 --output json",
        "oci-insta-scale-plan" => "oci-insta-scale plan --count 100\n  oci-insta-scale plan --offline",
        "oci-insta-scale-reservation-show" => "oci-insta-scale reservation show prod",
        "oci-insta-scale-reservation-wait" => "oci-insta-scale reservation wait prod --count 20",
        "oci-insta-scale-reservation-delete" => "oci-insta-scale reservation delete prod",
        "oci-insta-scale-capacity" => "oci-insta-scale capacity VM.Standard.E4.Flex:1:6 --ad AD-1",
        "oci-insta-scale-policy" => "oci-insta-scale policy --group Operators --reservations",
        "oci-insta-scale-find" => "oci-insta-scale find images --os 'Oracle Linux' --limit 5",
        "oci-insta-scale-find-shapes" => "oci-insta-scale find shapes E4 --ad AD-1",
        "oci-insta-scale-find-images" => "oci-insta-scale find images --os 'Oracle Linux' --os-version 9",
        "oci-insta-scale-find-nsgs" => "oci-insta-scale find nsgs --output json",
        "oci-insta-scale-instances" => "oci-insta-scale instances list --run last",
        "oci-insta-scale-instances-extend" => "oci-insta-scale instances extend --run last --ttl 8h",
        "oci-insta-scale-config" => "oci-insta-scale config schema",
        "oci-insta-scale-fleet" => "oci-insta-scale fleet adopt",
        "oci-insta-scale-schema" => "oci-insta-scale schema runs",
        "oci-insta-scale-ledger" | "oci-insta-scale-ledger-check" => "oci-insta-scale ledger check",
        "oci-insta-scale-ledger-copy" => {
            "oci-insta-scale ledger copy ~/.local/state/oci-insta-scale postgres://ann@db.example.com/fleets"
        }
        "oci-insta-scale-ledger-prune" => "oci-insta-scale ledger prune --older-than 90d --dry-run",
        "oci-insta-scale-ledger-grant" => "oci-insta-scale ledger grant reader dashboards",
        "oci-insta-scale-prices" => "oci-insta-scale prices list",
        "oci-insta-scale-prices-list" => "oci-insta-scale prices list VM.Standard.E4.Flex",
        "oci-insta-scale-prices-update" => "oci-insta-scale prices update products.json",
        "oci-insta-scale-limits" => "oci-insta-scale limits --count 100",
        "oci-insta-scale-limits-comment" => "oci-insta-scale limits comment OCID rendering",
        "oci-insta-scale-limits-cancel" => "oci-insta-scale limits cancel OCID",
        "oci-insta-scale-notify" => "oci-insta-scale notify test",
        "oci-insta-scale-export" => "oci-insta-scale export ssh-config --run last --user opc",
        "oci-insta-scale-sim" => "oci-insta-scale sim serve",
        "oci-insta-scale-completions" => "source <(oci-insta-scale completions bash)",
        "oci-insta-scale-man" => "oci-insta-scale man instances list | man -l -",
        "oci-insta-scale-reservation" => "oci-insta-scale reservation list",
        "manage-instances" => {
            "manage-instances list -c OCID -p web-\n  manage-instances stop -c OCID -p web- -y\n  \
             manage-instances terminate -c OCID -f doomed.txt"
        }
        // Commands that need neither a flag nor an argument.
        other => return format!("  {}", typed(other)),
    };
    format!("  {words}")
}

/// The words of a command, from the name of its page.
fn typed(page: &str) -> String {
    match page.strip_prefix("oci-insta-scale-") {
        Some(rest) => format!("oci-insta-scale {}", rest.replace('-', " ")),
        None => page.to_owned(),
    }
}

const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "Success: everything that was requested is done."),
    (
        "2",
        "The command, the config or the setup of this machine is invalid, or a confirmation was needed without a terminal and \
         without --yes. Nothing was done.",
    ),
    ("3", "Some instances failed, or their state is unknown."),
    ("4", "Nothing was done: every request failed, nothing matched, or you declined."),
    ("5", "OCI refused the login."),
    ("6", "With hunt --once: not all instances run yet."),
    ("7", "A ratchet ran out of time or money and gave everything back."),
    ("130", "Interrupted by Ctrl-C or a signal. Continue a launch with oci-insta-scale resume."),
];

const FILES: &[(&str, &str)] = &[
    ("config.yaml", "The config, unless --config names another file."),
    ("~/.oci/config", "Profiles and API keys, shared with the official tools."),
    (
        "$XDG_STATE_HOME/oci-insta-scale/",
        "The records of runs; ~/.local/state/oci-insta-scale/ if the variable is not set.",
    ),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("OCI_INSTA_SCALE_CONFIG", "The config file, as with --config."),
    ("OCI_INSTA_SCALE_ENDPOINT", "The base URL of every request, as with --endpoint."),
    ("OCI_INSTA_SCALE_STATE_DIR", "The directory for the records of runs, as with --state-dir."),
    ("OCI_INSTA_SCALE_PASSPHRASE", "The passphrase of an encrypted API key."),
    (
        "OCI_CLI_PROFILE, OCI_CLI_CONFIG_FILE",
        "The profile and the file that holds it, as for the oci command.",
    ),
    ("HTTPS_PROXY, NO_PROXY", "The proxy, and the hosts that are reached without it."),
    ("SSL_CERT_FILE", "A PEM file with the certificate authorities to trust instead of the system's."),
    ("OCI_INSTA_SCALE_LOG", "What to log on stderr, such as oci_client=debug."),
    ("NO_COLOR", "Disables colors if set."),
];

/// Adds a paragraph. Indented lines keep their form; others are filled to the width of the terminal.
fn paragraph(page: &mut String, block: &str) {
    page.push_str(".PP\n");
    let lines: Vec<&str> = block.lines().collect();
    for run in lines.chunk_by(|one, next| one.starts_with(' ') == next.starts_with(' ')) {
        if run.iter().any(|line| line.starts_with(' ')) {
            verbatim(page, run.iter().copied());
        } else {
            append(page, run.iter().copied());
        }
    }
}

/// Adds lines unchanged.
fn verbatim<'a>(page: &mut String, lines: impl Iterator<Item = &'a str>) {
    page.push_str(".nf\n");
    append(page, lines);
    page.push_str(".fi\n");
}

fn append<'a>(page: &mut String, lines: impl Iterator<Item = &'a str>) {
    for line in lines {
        page.push_str(&escape(line));
        page.push('\n');
    }
}

/// Adds a section of terms and their meanings.
fn rows(page: &mut String, title: &str, rows: &[(&str, &str)]) {
    page.push_str(".SH \"");
    page.push_str(title);
    page.push_str("\"\n");
    for (word, meaning) in rows {
        let word = format!(".TP\n\\fB{}\\fR\n", escape(word));
        page.push_str(&word);
        append(page, std::iter::once(*meaning));
    }
}

/// Escapes a line so that `man` shows it unchanged: hyphens can be copied, and a leading dot is not a request.
fn escape(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

/// Converts a page to ASCII, which every `troff` reads: other characters become code points.
fn ascii(page: &str) -> String {
    let in_ascii = |char: char| {
        if char.is_ascii() { char.to_string() } else { format!("\\[u{:04X}]", u32::from(char)) }
    };
    page.chars().map(in_ascii).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_complete_manual_page() {
        let all = commands();
        assert!(all.len() > 30, "{}", all.len());
        for command in all {
            let page = page(&command).unwrap();
            let sections = [
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "\"EXIT STATUS\"",
                "FILES",
                "ENVIRONMENT",
                "EXAMPLES",
            ];
            for section in sections {
                let title = format!("\n.SH {section}\n");
                let quoted = format!("\n.SH \"{section}\"\n");
                assert!(
                    page.matches(&title).count() + page.matches(&quoted).count() == 1,
                    "{}: {section}\n{page}",
                    page_name(&command)
                );
            }
            assert!(page.lines().count() < 400, "{}", page_name(&command));
            assert!(page.is_ascii(), "{}", page_name(&command));
            for exit in Exit::ALL {
                assert!(page.contains(&format!("\n\\fB{}\\fR\n", exit.code())), "{page}");
            }
        }
    }

    #[test]
    fn manual_examples_are_accepted_by_the_parser() {
        for command in commands().iter().filter(|command| page_name(command).starts_with("oci-insta-scale")) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (examples, _) = split_help(&help);
            let examples = if examples.is_empty() { example(page_name(command)) } else { examples };
            for line in examples.lines().filter(|line| line.trim().starts_with("oci-insta-scale")) {
                // Two or more spaces begin the explanation; quotes and pipes belong to the shell.
                let line = line.trim().split("   ").next().unwrap_or_default();
                let line = line
                    .split('|')
                    .next()
                    .unwrap_or_default()
                    .trim_end_matches('\\')
                    .replace("'Oracle Linux'", "x");
                if line.contains("--ad AD-1 --add shape") {
                    continue;
                }
                let words = line.split_whitespace().map(std::ffi::OsString::from);
                let words = crate::args::normalise(&Cli::command(), "launch", words);
                assert!(crate::args::parse::<Cli>(&words).is_ok(), "{line}");
            }
        }
    }
}
