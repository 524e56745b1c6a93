//! `export`: instances written down for other programs. The text goes to stdout, what was left out to stderr.

use super::instances::{Reach, select};
use crate::args::{ExportAddress, ExportArgs, ExportFormat, Global};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::text::clean;
use crate::output::{console, simulated};
use fleet::addresses;
use fleet::export::{Address, Format, Options, export};
use tokio_util::sync::CancellationToken;

/// Runs it.
pub async fn run(global: &Global, args: &ExportArgs, stop: &CancellationToken) -> Result<Exit, CommandError> {
    select::check(&args.select)?;
    let options = Options {
        address: match args.address {
            ExportAddress::Auto => Address::Auto,
            ExportAddress::Public => Address::Public,
            ExportAddress::Private => Address::Private,
        },
        user: args.user.clone(),
        identity_file: args.identity_file.clone(),
    };
    let format = match args.format {
        ExportFormat::SshConfig => Format::SshConfig,
        ExportFormat::Ansible => Format::Ansible,
        ExportFormat::Hosts => Format::Hosts,
        ExportFormat::TerraformImport => Format::TerraformImport,
        ExportFormat::Json => Format::Json,
        ExportFormat::Csv => Format::Csv,
    };
    let write = |machines: &[_]| {
        export(machines, format, &options)
            .map_err(|error| CommandError::usage(error.to_string(), "nothing was written"))
    };
    // Mistakes in the options are reported before any question.
    write(&[])?;
    let reach = Reach::connect(global, args.select.compartment.as_deref(), stop).await?;
    let mut found = select::machines(&reach, &args.select).await?;
    let machines = &mut found.machines;
    if format != Format::TerraformImport && !machines.is_empty() {
        let warning = reach.ask(addresses::fill(&reach.client, machines)).await?;
        if let Some(warning) = warning {
            console::line(&format!("warning: {}", clean(&warning)));
        }
    }
    let written = write(machines)?;
    for left_out in &written.left_out {
        console::line(&format!("left out: {}", clean(left_out)));
    }
    console::data(&marked(written.text, format))?;
    Ok(select::exit(&found))
}

/// The text, marked as simulated where it is a document of a simulated region.
fn marked(text: String, format: Format) -> String {
    match (format, serde_json::from_str(&text)) {
        (Format::Json, Ok(document)) if simulated::is() => {
            serde_json::to_string_pretty(&simulated::mark(document)).unwrap_or(text) + "\n"
        }
        _ => text,
    }
}
