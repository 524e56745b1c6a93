//! `completions` and `man`: what the shell and the manual know of the commands.

use crate::args::Cli;
use crate::completion;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use clap::CommandFactory as _;

/// Prints the completion script of the three programs.
pub fn completions(shell: clap_complete::Shell) -> Result<Exit, CommandError> {
    let invoked = std::env::args_os().next().unwrap_or_default();
    console::data(&completion::script(shell, &invoked)?)?;
    Ok(Exit::Done)
}

/// Prints the manual page, its commands' pages after it.
pub fn manual() -> Result<Exit, CommandError> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    render(&command, &mut page)
        .map_err(|source| CommandError::System { what: "the manual cannot be made", source })?;
    console::data(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}

fn render(command: &clap::Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(page)?;
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        render(inner, page)?;
    }
    Ok(())
}
