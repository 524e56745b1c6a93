//! Parses words into arguments with clap, and refuses a blank value of any flag or argument.
//!
//! An empty value is nearly always an unset shell variable. As a selector it would select everything, as a name nothing, and
//! neither is intended.

use crate::environment;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, Parser};
use std::ffi::{OsStr, OsString};

/// Parses the words of a command line.
///
/// # Errors
/// When the words are not understood, or a value is blank. For clap, help and the version are errors as well.
pub fn parse<P: Parser>(words: &[OsString]) -> Result<P, clap::Error> {
    parse_with(P::command(), words)
}

/// The same with the program's table of commands, if it is made already.
pub fn parse_with<P: Parser>(command: Command, words: &[OsString]) -> Result<P, clap::Error> {
    let mut command = without_blank_variables(command);
    let matches = matches(&mut command, words)?;
    P::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Parses the words and refuses blank values.
fn matches(command: &mut Command, words: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let matches = command.try_get_matches_from_mut(words)?;
    match blank(command, &matches) {
        Some(arg) => {
            let message = format!(
                "the value of '{arg}' is blank\n\n  \
                 note: an empty value is never valid. Is a shell variable unset?"
            );
            Err(command.error(ErrorKind::ValueValidation, message))
        }
        None => Ok(matches),
    }
}

/// Treats a variable with an empty value as unset. Variables hold settings, and none of them selects instances.
fn without_blank_variables(command: Command) -> Command {
    command.mut_args(|arg| {
        let blank = arg.get_env().and_then(OsStr::to_str).is_some_and(environment::is_blank);
        if blank { arg.env(None::<&'static str>) } else { arg }
    })
}

/// The first argument with a blank value, in the command or the chosen subcommand.
fn blank<'a>(command: &'a Command, matches: &ArgMatches) -> Option<&'a Arg> {
    let is_blank = |arg: &&Arg| {
        let id = arg.get_id().as_str();
        let given =
            matches!(matches.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable));
        let values = given.then(|| matches.try_get_raw(id).ok().flatten()).flatten();
        // The words after `--` belong to another program, whose own arguments may be empty.
        let most = if arg.is_last_set() { 1 } else { usize::MAX };
        values.is_some_and(|values| values.take(most).any(is_blank_value))
    };
    let own = command.get_arguments().filter(|arg| arg.get_action().takes_values()).find(is_blank);
    own.or_else(|| {
        let (name, inner) = matches.subcommand()?;
        blank(command.find_subcommand(name)?, inner)
    })
}

fn is_blank_value(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{CapacityManager, Cli, ManageInstances};
    use clap::CommandFactory as _;

    /// Every command without subcommands, with the words that lead to it.
    fn leaves(command: &Command, path: &[String], out: &mut Vec<Vec<String>>) {
        let path = [path, &[command.get_name().to_owned()]].concat();
        let below: Vec<&Command> = command.get_subcommands().collect();
        if below.is_empty() {
            out.push(path);
        } else {
            for inner in below {
                leaves(inner, &path, out);
            }
        }
    }

    /// The same command with nothing required, so that a refusal can only concern the value.
    fn lenient(command: Command) -> Command {
        let groups: Vec<String> = command.get_groups().map(|group| group.get_id().to_string()).collect();
        let command = groups
            .into_iter()
            .fold(command, |command, group| command.mut_group(group, |group| group.required(false)));
        command.mut_args(|arg| arg.required(false)).mut_subcommands(lenient)
    }

    fn find<'a>(command: &'a Command, path: &[String]) -> &'a Command {
        path.iter().skip(1).fold(command, |command, name| command.find_subcommand(name).unwrap())
    }

    /// A word for each positional argument before this one.
    fn before<'a>(leaf: &'a Command, arg: &'a Arg) -> impl Iterator<Item = String> + 'a {
        leaf.get_positionals().take_while(move |other| other.get_id() != arg.get_id()).map(|other| {
            let known = other.get_possible_values();
            known.first().map_or_else(|| "x".to_owned(), |value| value.get_name().to_owned())
        })
    }

    /// Arguments that accept an empty value, each with its reason.
    const EXCEPTIONS: [(&str, &str); 0] = [];

    #[test]
    fn a_blank_value_is_refused_by_every_argument() {
        let mut checked = 0;
        for program in
            [Cli::command(), CapacityManager::command(), <ManageInstances as clap::CommandFactory>::command()]
        {
            let mut program = lenient(program.subcommand_required(false).arg_required_else_help(false));
            program.build();
            let mut paths = Vec::new();
            leaves(&program, &[], &mut paths);
            for path in paths {
                let leaf = find(&program, &path);
                let args: Vec<Arg> =
                    leaf.get_arguments().filter(|arg| arg.get_action().takes_values()).cloned().collect();
                for (arg, value) in args.iter().flat_map(|arg| ["", "  "].map(|value| (arg, value))) {
                    if EXCEPTIONS.iter().any(|(id, _)| *id == arg.get_id().as_str()) {
                        continue;
                    }
                    let word = match (arg.get_long(), arg.get_short()) {
                        (Some(long), _) => vec![format!("--{long}={value}")],
                        (None, Some(short)) => vec![format!("-{short}"), value.to_owned()],
                        (None, None) if arg.is_last_set() => vec!["--".to_owned(), value.to_owned()],
                        (None, None) => before(leaf, arg).chain([value.to_owned()]).collect(),
                    };
                    // The only argument with a requirement that cannot be lifted generically.
                    let other = path.ends_with(&["reservation".into(), "update".into()]);
                    let other = (other && arg.get_long() != Some("count")).then(|| "--count=1".to_owned());
                    let words: Vec<OsString> =
                        path.iter().chain(&other).chain(&word).map(OsString::from).collect();
                    let error = matches(&mut program.clone(), &words).expect_err(&format!("{words:?}"));
                    let kinds = [ErrorKind::ValueValidation, ErrorKind::InvalidValue];
                    assert!(kinds.contains(&error.kind()), "{words:?}: {error}");
                    assert_eq!(error.exit_code(), 2, "{words:?}");
                    let name = arg.get_long().map_or_else(
                        || arg.get_value_names().map_or("", |names| names[0].as_str()).to_owned(),
                        |long| format!("--{long}"),
                    );
                    assert!(error.to_string().contains(&name), "{words:?} does not name {name}: {error}");
                    checked += 1;
                }
            }
        }
        assert!(checked > 400, "only {checked} were checked");
    }

    #[test]
    fn one_blank_among_several_values_is_refused() {
        for line in [
            &["x", "instances", "stop", "web-1", "", "-y"][..],
            &["x", "instances", "list", "--ad", "AD-1,"],
            &["x", "instances", "list", "--shape", "VM.Standard.E4.Flex", "--shape", " "],
            &["x", "--config", "", "runs"],
        ] {
            let words: Vec<OsString> = line.iter().map(OsString::from).collect();
            let error = parse::<Cli>(&words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line:?}: {error}");
        }
    }

    #[test]
    fn the_arguments_of_another_program_may_be_empty() {
        let words = ["oci-insta-scale", "sim", "exec", "--", "sh", "-c", ""].map(OsString::from);
        assert!(parse::<Cli>(&words).is_ok());
    }
}
