//! From flags, files and standard input to a filter, and from there to instances.

use super::Reach;
use crate::args::Select;
use crate::commands::session;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::{clean, count};
use fleet::select::{BadLine, Filter, Found, Named, find, read_ocids};
use std::io::Read as _;
use std::path::Path;

/// No list of OCIDs is longer: a million lines.
const MAX_BYTES: u64 = 128 << 20;

/// Finds the mistakes that need nobody to ask.
pub fn check(select: &Select) -> Result<(), CommandError> {
    let named =
        select.arguments().map_err(|error| CommandError::usage(error, "give OCIDs or display names"))?;
    let file = select.file.as_deref();
    if file.is_some_and(|file| file.as_os_str() == "-") && select.named.iter().any(|text| text == "-") {
        return Err(CommandError::usage("standard input is named twice", "leave one `-` out"));
    }
    drop(named);
    Ok(())
}

/// The filter that the flags describe. Reads the file, standard input, and the ledger for `--run`.
pub async fn filter(reach: &Reach<'_>, select: &Select) -> Result<Filter, CommandError> {
    let run = match &select.run {
        Some(text) => Some(run(reach, text).await?),
        None => None,
    };
    Ok(Filter {
        prefix: select.prefix.clone(),
        run,
        tags: select.tag.clone(),
        states: select.state.clone(),
        availability_domains: select.ad.clone(),
        shapes: select.shape.clone(),
        named: named(select)?,
        terminated: select.terminated,
    })
}

/// The run's id: from the ledger by the beginning of it, or as it was given, for runs of other machines.
async fn run(reach: &Reach<'_>, text: &str) -> Result<String, CommandError> {
    if let Ok(run) = text.trim().parse::<ledger::RunId>() {
        return Ok(run.to_string());
    }
    let heads = reach.ledger()?.runs().await?;
    if text == "last" {
        let last = heads.iter().find(|head| head.kind == Some(ledger::RunKind::Launch));
        return last.map(|head| head.run.to_string()).ok_or_else(|| {
            CommandError::usage("the ledger knows no launch", "give the run's whole id, as its tag has it")
        });
    }
    session::find_run(&heads, text).map(|run| run.to_string())
}

fn named(select: &Select) -> Result<Option<Vec<Named>>, CommandError> {
    let mut named =
        select.arguments().map_err(|error| CommandError::usage(error, "give OCIDs or display names"))?;
    let mut given = !named.is_empty();
    if let Some(path) = select.file.as_deref().filter(|path| path.as_os_str() != "-") {
        given = true;
        let text = read(path)?;
        named.extend(read_ocids(&text).map_err(|bad| bad_lines(&path.display().to_string(), &bad))?);
    }
    if select.reads_stdin() {
        given = true;
        let mut text = String::new();
        let source = std::io::stdin().take(MAX_BYTES).read_to_string(&mut text);
        source.map_err(|source| CommandError::System { what: "standard input cannot be read", source })?;
        named.extend(read_ocids(&text).map_err(|bad| bad_lines("standard input", &bad))?);
    }
    Ok(given.then_some(named))
}

fn read(path: &Path) -> Result<String, CommandError> {
    let too_long = std::fs::metadata(path).is_ok_and(|file| file.len() > MAX_BYTES);
    if too_long {
        return Err(CommandError::usage(format!("{} is too long", path.display()), "give one OCID a line"));
    }
    std::fs::read_to_string(path).map_err(|error| {
        CommandError::usage(format!("{} cannot be read: {error}", path.display()), "give one OCID a line")
    })
}

fn bad_lines(file: &str, bad: &[BadLine]) -> CommandError {
    const SHOWN: usize = 10;
    let mut lines: Vec<String> = bad
        .iter()
        .take(SHOWN)
        .map(|bad| format!("{file}:{}:{}: {}", bad.line, bad.column, bad.reason))
        .collect();
    if bad.len() > SHOWN {
        lines.push(format!("… and {} more", bad.len() - SHOWN));
    }
    CommandError::usage(lines.join("\n"), "one OCID of an instance a line; `#` begins a comment")
}

/// Finds the instances that flags describe, and says what of it is worth knowing.
pub async fn machines(reach: &Reach<'_>, select: &Select) -> Result<Found, CommandError> {
    found(reach, &filter(reach, select).await?).await
}

/// Finds the instances that a filter means, and says what of it is worth knowing.
pub async fn found(reach: &Reach<'_>, filter: &Filter) -> Result<Found, CommandError> {
    let found = reach.ask(find(&reach.client, &reach.compartment, filter)).await?;
    for missing in &found.missing {
        console::line(&format!("warning: {} is not there, or not yours to see", clean(missing.text())));
    }
    if !found.left_out.is_empty() {
        let names: Vec<String> = found
            .left_out
            .iter()
            .take(5)
            .map(|machine| format!("{} ({})", clean(machine.label()), machine.state))
            .collect();
        let all = count(found.left_out.len() as u64, "named instance");
        console::line(&format!("left out by another filter: {all}: {}", names.join(", ")));
    }
    for (name, many) in &found.shared_names {
        console::line(&format!("warning: {} instances have the name {}", many, clean(name)));
    }
    if found.machines.is_empty() {
        console::line("no instance matches");
    }
    Ok(found)
}
