//! `export`: writes instances in the formats of other programs. The text goes to stdout, notes about omitted instances to
//! stderr.

use super::instances::select;
use super::ssh;
use crate::args::{ExportArgs, ExportFormat, OutputFormat};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::export::{ExportOptions, Format, export_machines};
use crate::output::simulated;
use crate::output::text::clean;
use crate::session::Session;
use crate::ssh::Accounts;
use fleet::addresses;
use serde_json::Value;

/// Exports instances.
pub async fn export_instances(session: &Session, args: &ExportArgs) -> Result<Exit, CommandError> {
    select::check_selectors(&args.select)?;
    let asked = ssh::login(&args.login)?;
    let format = match args.format {
        ExportFormat::SshConfig => Format::SshConfig,
        ExportFormat::Ansible => Format::Ansible,
        ExportFormat::Hosts => Format::Hosts,
        ExportFormat::TerraformImport => Format::TerraformImport,
        ExportFormat::Json => Format::Json,
        ExportFormat::Csv => Format::Csv,
    };
    let connection = &Connection::open_in(session, args.select.compartment.as_deref()).await?;
    let mut found = select::choose_instances(connection, &args.select).await?;
    let machines = &mut found.machines;
    if format != Format::TerraformImport && !machines.is_empty() {
        let warning = connection.ask(addresses::fill(&connection.client, machines)).await?;
        if let Some(warning) = warning {
            console::line(&format!("warning: {}", clean(&warning)));
        }
    }
    let login = asked.or(&connection.settings.login);
    let accounts = match format {
        Format::SshConfig | Format::Ansible => ssh::accounts::find(connection, machines, &login).await?,
        _ => Accounts::new(),
    };
    let written = export_machines(machines, format, &ExportOptions { login, accounts })
        .map_err(|error| CommandError::usage(error.to_string(), "nothing was written"))?;
    for left_out in &written.left_out {
        console::line(&format!("left out: {}", clean(left_out)));
    }
    console::data(&shown(written.text, format, session.output))?;
    Ok(select::exit_of(&found))
}

/// The text; JSON is marked as simulated if it describes a simulated region. As with every list, JSON lines have one instance
/// each.
fn shown(text: String, format: Format, output: OutputFormat) -> String {
    let Some(mut document) =
        Some(format).filter(|format| *format == Format::Json).and_then(|_| serde_json::from_str(&text).ok())
    else {
        return text;
    };
    if output == OutputFormat::Jsonl {
        let rows: Option<&mut Value> = Value::get_mut(&mut document, "instances");
        let rows = rows.and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
        return rows.into_iter().map(|row| simulated::mark(row).to_string() + "\n").collect();
    }
    serde_json::to_string_pretty(&simulated::mark(document)).unwrap_or(text) + "\n"
}
