//! `completions`: the scripts for completion in a shell.

use crate::completion;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;

/// Prints the completion script of the three programs.
pub fn print_completions(shell: clap_complete::Shell) -> Result<Exit, CommandError> {
    let invoked = std::env::args_os().next().unwrap_or_default();
    console::data(&completion::script(shell, &invoked)?)?;
    Ok(Exit::Done)
}
