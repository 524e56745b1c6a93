//! Where the records of runs are: `ledger`, the address of a PostgreSQL database.

use super::finding::{ConfigErrors, Finding, Findings};
use super::keys::{self, LEDGER};
use super::layers::{self, Layers, Stacked};
use super::section::Section;
use super::variables;
use ledger_postgres::Address;

/// The address in the config, if it names one. Other mistakes are reported when the config is read.
pub fn ledger_of(
    layers: &Layers,
    variable: fn(&str) -> Option<String>,
) -> Result<Option<Address>, ConfigErrors> {
    let Stacked { sources, root, .. } = layers::stack(layers, true);
    let Some(mut root) = root else { return Ok(None) };
    let (aside, own) = (Findings::default(), Findings::of(sources.labels()));
    variables::expand(&mut root, Some(variable), &aside);
    let Some(top) = Section::of(&root, "", keys::TOP, &aside) else { return Ok(None) };
    let address = read_ledger(&top, &own);
    let (mistakes, _) = own.into_parts();
    if mistakes.is_empty() { Ok(address) } else { Err(ConfigErrors::new(&sources, mistakes)) }
}

/// Reads the address.
pub(super) fn read_ledger(top: &Section<'_>, findings: &Findings) -> Option<Address> {
    let text = top.text(LEDGER)?;
    match text.value.trim().parse() {
        Ok(address) => Some(address),
        Err(error) => {
            let finding =
                Finding::at(text.place, format!("{LEDGER} is not the address of a database: {error}"));
            findings.mistake(Finding { hides_value: true, ..finding }.help(
                "write postgres://user@host:port/name, and put the password in PGPASSWORD or a variable: ${PASSWORD}",
            ));
            None
        }
    }
}
