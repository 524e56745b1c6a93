//! `policy`: the smallest IAM policy that the config needs. Sends requests only to look up names in the config.

use crate::args::{OutputFormat, PolicyArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::session::Session;
use fleet::policy::{Statement, Uses, statements};
use serde_json::json;

/// Shows the statements.
pub async fn show_policy(session: &Session, args: &PolicyArgs) -> Result<Exit, CommandError> {
    let settings = session.settled(|| session.read_config(None)).await?;
    let uses = Uses {
        group: args.group.clone(),
        network_compartment: args.network_compartment.clone(),
        manage_reservations: args.reservations,
    };
    let statements = statements(&settings.fleet, &uses);
    let document = json!({
        "schema_version": crate::output::document::SCHEMA_VERSION,
        "statements": statements,
    });
    console::data(&match session.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => people(&statements),
        OutputFormat::Json => serde_json::to_string_pretty(&document).unwrap_or_default() + "\n",
        OutputFormat::Jsonl => document.to_string() + "\n",
    })?;
    Ok(Exit::Done)
}

/// Statements ready to paste; the policy editor treats lines that begin with `//` as comments.
fn people(statements: &[Statement]) -> String {
    let mut out = String::new();
    for (optional, title) in
        [(false, "// needed"), (true, "// for plan, progress and lists; not needed to launch")]
    {
        out.push_str(title);
        out.push('\n');
        for statement in statements.iter().filter(|statement| statement.optional == optional) {
            out.push_str(&format_statement(statement));
        }
    }
    out
}

fn format_statement(statement: &Statement) -> String {
    format!("// {}\n{}\n", statement.why, statement.text)
}
