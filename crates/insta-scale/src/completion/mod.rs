//! Shell completion for the three programs. A shell's script runs the program itself, so that commands, flags and values (runs,
//! scenarios, profiles) match this version and this machine.

mod shells;
mod values;

use crate::args::{self, CapacityManager, Cli, ManageInstances};
use crate::environment;
use crate::error::CommandError;
use crate::output::console;
use clap::{Command, CommandFactory as _};
use clap_complete::engine::{CompletionCandidate, complete};
use shells::Dialect;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

/// The scripts set this variable to the shell that asks.
const VARIABLE: &str = "OCI_INSTA_SCALE_COMPLETE";

/// A program with completion.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    name: &'static str,
    command: fn() -> Command,
    /// The default command.
    default: Option<&'static str>,
}

impl Program {
    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Whether it has commands, and not only flags.
    pub const fn has_commands(self) -> bool {
        self.default.is_some()
    }
}

/// `oci-insta-scale`.
pub const MAIN: Program = Program { name: "oci-insta-scale", command: Cli::command, default: Some("launch") };
/// `capacity-manager`.
pub const CAPACITY_MANAGER: Program =
    Program { name: "capacity-manager", command: CapacityManager::command, default: None };
/// `manage-instances`.
pub const MANAGE_INSTANCES: Program = Program {
    name: "manage-instances",
    command: <ManageInstances as clap::CommandFactory>::command,
    default: None,
};

/// The script that enables completion of the three programs in a shell. `invoked` is how this program was started: if by path,
/// the script uses that path and looks for the other programs beside it.
pub fn script(shell: clap_complete::Shell, invoked: &OsStr) -> Result<String, CommandError> {
    let shell = Dialect::of(shell);
    let mut out = shell.start_of_script().as_bytes().to_vec();
    for program in [MAIN, CAPACITY_MANAGER, MANAGE_INSTANCES] {
        let path = beside(invoked, program.name);
        shell
            .write_script(VARIABLE, program.name, &path, &mut out)
            .map_err(|source| CommandError::System { what: "the script cannot be made", source })?;
    }
    out.extend_from_slice(shell.end_of_script().as_bytes());
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// How a shell finds a program.
fn beside(invoked: &OsStr, name: &str) -> String {
    let path = std::path::Path::new(invoked);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let found = folder.and_then(|folder| std::path::absolute(folder.join(name)).ok());
    found.map_or_else(|| name.to_owned(), |path| path.display().to_string())
}

/// Responds to a shell's completion script, if one asks.
pub fn answer(program: Program) -> Option<ExitCode> {
    let shell = Dialect::named(&environment::variable(VARIABLE)?)?;
    let mut words: Vec<OsString> =
        std::env::args_os().skip(1).skip_while(|word| word != "--").skip(1).collect();
    // zsh and elvish also pass the words after the cursor, and omit an empty last word.
    if let Some(at) =
        environment::variable("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse::<u16>().ok())
    {
        let at = usize::from(at);
        let current = words.get(at).cloned().unwrap_or_default();
        words.resize(at, OsString::new());
        words.push(current);
    }
    // Nobody would read the error of a failed completion.
    let _ = console::data(&shell.show(&candidates(program, words)));
    Some(ExitCode::SUCCESS)
}

/// The completions of the last word.
fn candidates(program: Program, mut words: Vec<OsString>) -> Vec<CompletionCandidate> {
    let command = values::attach((program.command)());
    let current = words.pop().unwrap_or_default();
    let mut readings = vec![args::go_flags(&command, words.iter().cloned())];
    if let Some(default) = program.default {
        let whole = args::normalise(&command, default, words);
        if whole.len() == readings[0].len() {
            readings.clear();
        }
        // If no command is named yet, the default command is inserted: either a command may follow, or a flag of the default
        // one.
        readings.push(whole);
    }
    let ask = |current: &OsStr| -> Vec<_> {
        readings.iter().flat_map(|words| ask(&command, words.clone(), current)).collect()
    };
    let mut found = ask_with_two_dashes(&current, &ask).unwrap_or_else(|| ask(&current));
    let mut seen = HashSet::new();
    found.retain(|candidate| seen.insert(candidate.get_value().to_owned()));
    found
}

/// Completes a long flag with one dash in the same spelling. `None` if it is not one.
fn ask_with_two_dashes(
    current: &OsStr,
    ask: &dyn Fn(&OsStr) -> Vec<CompletionCandidate>,
) -> Option<Vec<CompletionCandidate>> {
    let text = current.to_str().filter(|text| text.len() > 1)?;
    let body = text.strip_prefix('-').filter(|body| !body.starts_with('-'))?;
    let found = ask(OsStr::new(&format!("--{body}")));
    let short = |candidate: &CompletionCandidate| {
        let value = candidate.get_value().to_str()?.strip_prefix('-')?;
        Some(CompletionCandidate::new(value).help(candidate.get_help().cloned()))
    };
    Some(found.iter().filter_map(short).collect()).filter(|found: &Vec<_>| !found.is_empty())
}

/// Completes one reading of the words before the current one.
fn ask(command: &Command, mut words: Vec<OsString>, current: &OsStr) -> Vec<CompletionCandidate> {
    let index = words.len();
    words.push(current.to_owned());
    let folder = std::env::current_dir().ok();
    // An error means that nothing matches.
    let found = complete(&mut command.clone(), words, index, folder.as_deref()).unwrap_or_default();
    let with_value = |candidate: &CompletionCandidate| {
        let name = candidate.get_value().to_str()?.strip_prefix("--")?;
        let open = needs_equals(command, name).then(|| format!("--{name}="))?;
        Some(CompletionCandidate::new(open).help(candidate.get_help().cloned()))
    };
    let open: Vec<_> = found.iter().filter_map(with_value).collect();
    found.into_iter().chain(open).collect()
}

/// Whether a flag takes its value only after `=`.
fn needs_equals(command: &Command, name: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_long() == Some(name) && arg.is_require_equals_set())
        || command.get_subcommands().any(|inner| needs_equals(inner, name))
}

#[cfg(test)]
mod tests;
