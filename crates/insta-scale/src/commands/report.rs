//! `report`: writes what is known of a run or of a fleet as one page, as Markdown or as JSON. Sends no requests.

use super::reported::{NamedRuns, Reading, Reported};
use crate::args::{OutputFormat, ReportArgs, ReportFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::files;
use crate::output::console;
use crate::output::published::{PublishedDocument, text_of};
use crate::output::report::{MARK, sheet, to_markdown, to_page};
use crate::output::text::{clean, count};
use crate::session::Session;
use fleet::report::Report;
use std::io::Read as _;
use std::path::{Path, PathBuf};

impl PublishedDocument for Report {
    const NAME: &'static str = "report";
    const COMMANDS: &'static [&'static str] = &["report"];
}

/// Writes a report.
pub async fn write_report(session: &Session, args: &ReportArgs) -> Result<Exit, CommandError> {
    let as_document = matches!(session.output, OutputFormat::Json | OutputFormat::Jsonl);
    if as_document && args.output_file.as_deref().is_some_and(|file| file != Path::new("-")) {
        return Err(CommandError::usage(
            "--output-file is for pages and Markdown, not for --output json",
            "redirect stdout instead",
        ));
    }
    let reported = Reported::find(session, NamedRuns::either(args.run.as_deref()), args.simulated).await?;
    let Reading { report, notes, .. } = reported.first_reading().await?;
    if as_document {
        console::data(&text_of(&report, session.output))?;
        return Ok(Exit::Done);
    }
    let sheet = sheet(&report, &notes);
    let format = args.format.unwrap_or(ReportFormat::Html);
    let (text, usual) = match format {
        ReportFormat::Html => (to_page(&report, &sheet), Some(format!("report-{}.html", reported.word))),
        ReportFormat::Md => (to_markdown(&sheet), None),
    };
    let file = args.output_file.clone().or(usual.map(PathBuf::from));
    match file.filter(|file| file != Path::new("-")) {
        Some(file) => write_file(session, &file, &text, args.force, format, &report),
        None => console::data(&text),
    }?;
    Ok(Exit::Done)
}

fn write_file(
    session: &Session,
    file: &Path,
    text: &str,
    force: bool,
    format: ReportFormat,
    report: &Report,
) -> Result<(), CommandError> {
    let shown = clean(&file.display().to_string());
    let failed = |error: std::io::Error| {
        CommandError::usage(
            format!("the report cannot be written to {shown}: {error}"),
            "choose another file with --output-file, or `-` for stdout",
        )
    };
    if !force && is_foreign(file).map_err(failed)? {
        return Err(CommandError::usage(
            format!("{shown} exists and is no report"),
            "choose another file with --output-file, or overwrite it with --force",
        ));
    }
    files::replace(file, text.as_bytes()).map_err(failed)?;
    let path = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    console::data(&format!("{}\n", clean(&path.display().to_string())))?;
    if !session.is_quiet() {
        let slots = count(report.slots.len() as u64, "instance");
        let size = text.len().div_ceil(1024);
        let how = if format == ReportFormat::Html { "; open it in a browser" } else { "" };
        console::line(&format!("wrote the report of {slots}, {size} KB{how}"));
    }
    Ok(())
}

/// Whether a file exists that `report` did not write. A device or a pipe has nothing to lose.
fn is_foreign(file: &Path) -> std::io::Result<bool> {
    let found = match std::fs::metadata(file) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if !found.is_file() || found.len() == 0 {
        return Ok(false);
    }
    let mut start = Vec::new();
    std::fs::File::open(file)?.take(128).read_to_end(&mut start)?;
    Ok(!String::from_utf8_lossy(&start).contains(MARK))
}
