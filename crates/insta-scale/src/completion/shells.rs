//! The shells: the script of each, and the format in which it reads candidates.
//!
//! The scripts are those of clap_complete except for bash, which splits words at `=` and `:`; clap_complete's script does not
//! handle that.

use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{Elvish, EnvCompleter, Fish, Powershell, Zsh};
use std::io::Write;

const BASH: &str = include_str!("bash.sh");

/// A shell, by the language it understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Bash,
    Elvish,
    Fish,
    PowerShell,
    Zsh,
}

impl Dialect {
    /// The shell requested on the command line.
    pub fn of(shell: clap_complete::Shell) -> Self {
        match shell {
            clap_complete::Shell::Elvish => Self::Elvish,
            clap_complete::Shell::Fish => Self::Fish,
            clap_complete::Shell::PowerShell => Self::PowerShell,
            clap_complete::Shell::Zsh => Self::Zsh,
            _ => Self::Bash,
        }
    }

    /// The shell that a script names.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bash" => Self::Bash,
            "elvish" => Self::Elvish,
            "fish" => Self::Fish,
            "powershell" => Self::PowerShell,
            "zsh" => Self::Zsh,
            _ => return None,
        })
    }

    /// The text before the scripts of all programs. zsh reads the commands of an installed file from its first line.
    pub fn start_of_script(self) -> &'static str {
        match self {
            Self::Zsh => "#compdef oci-insta-scale capacity-manager manage-instances\n",
            Self::Bash | Self::Elvish | Self::Fish | Self::PowerShell => "",
        }
    }

    /// The text after the scripts. zsh runs an installed file at the first Tab and expects it to complete, not only to define
    /// functions.
    pub fn end_of_script(self) -> &'static str {
        match self {
            Self::Zsh => {
                "\nif [[ ${funcstack[1]} == _oci-insta-scale ]]; then\n    \"${_comps[$service]}\" \"$@\"\nfi\n"
            }
            Self::Bash | Self::Elvish | Self::Fish | Self::PowerShell => "",
        }
    }

    /// Writes the script for one program, which is located at `path`.
    pub fn write_script(
        self,
        variable: &str,
        program: &str,
        path: &str,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        let theirs: &dyn EnvCompleter = match self {
            Self::Bash => {
                let quoted = format!("'{}'", path.replace('\'', r"'\''"));
                let script = BASH.replace("FUNCTION", &program.replace('-', "_"));
                let script = script.replace("VARIABLE", variable).replace("PATH_OF_IT", &quoted);
                return out.write_all(script.replace("PROGRAM", program).as_bytes());
            }
            Self::Elvish => &Elvish,
            Self::Fish => &Fish,
            Self::PowerShell => &Powershell,
            Self::Zsh => &Zsh,
        };
        theirs.write_registration(variable, program, program, path, out)
    }

    /// The matches in the format that the shell's script reads.
    pub fn show(self, candidates: &[CompletionCandidate]) -> String {
        let line = |candidate: &CompletionCandidate| {
            let value = candidate.get_value().to_string_lossy();
            let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
            let help = help.lines().next().filter(|help| !help.is_empty());
            match (self, help) {
                (Self::Bash | Self::Elvish, _) | (Self::Fish | Self::PowerShell, None) => value.into_owned(),
                (Self::Fish | Self::PowerShell, Some(help)) => format!("{value}\t{help}"),
                (Self::Zsh, help) => {
                    let escaped = |text: &str| text.replace('\\', "\\\\");
                    let value = escaped(&value).replace(':', "\\:");
                    help.map_or_else(|| value.clone(), |help| format!("{value}:{}", escaped(help)))
                }
            }
        };
        candidates.iter().map(|candidate| line(candidate) + "\n").collect()
    }
}
