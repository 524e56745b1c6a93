//! `limits`: the service limits and quotas that prevent the fleet, values that would suffice, and requests for them.

mod request;
mod requests;

pub use requests::RequestedLimit;

use crate::args::{LimitsArgs, LimitsCommand, OutputFormat};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::list::short_domain;
use crate::output::listing::Listing;
use crate::output::published::{PublishedDocument, PublishedLine, line_of, text_of};
use crate::output::text::{clean, count};
use crate::runtime;
use crate::session::Session;
use crate::tuning::PLAN_RETRIES;
use fleet::preflight::{Headroom, LimitRow, headroom};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// Shows the limits, or carries out a command about them.
pub async fn run_limits(session: &Session, args: &LimitsArgs) -> Result<Exit, CommandError> {
    let Some(command) = &args.command else { return show_limits(session, args).await };
    let settings = match command {
        LimitsCommand::Request(args) => session.settled(|| session.read_config(args.count)).await?,
        _ => session.settled(|| session.read_unfinished_config()).await?,
    };
    session.say_when_stopped(runtime::STOPPING_QUESTIONS);
    let connection = Connection::open_simulated(session, settings, None, None).await?;
    let exit = match command {
        LimitsCommand::Request(args) => request::request_limits(&connection, args).await,
        LimitsCommand::Requests(args) => requests::list_requests(&connection, args).await,
        LimitsCommand::Comment(args) => {
            request::comment_on_request(&connection, &args.request, &args.text).await
        }
        LimitsCommand::Cancel(args) => request::cancel_request(&connection, &args.request, args.yes).await,
    };
    connection.close().await?;
    exit
}

/// Shows the limits.
async fn show_limits(session: &Session, args: &LimitsArgs) -> Result<Exit, CommandError> {
    let settings = session.settled(|| session.read_config(args.count)).await?;
    session.say_when_stopped(runtime::STOPPING_QUESTIONS);
    let connection =
        Connection::open_simulated(session, settings, args.place.simulate.as_deref(), None).await?;
    let client = connection.questions.with_retry(PLAN_RETRIES);
    let asked = async {
        let planned = fleet::plan(&client, connection.settings.fleet.clone()).await;
        let plan = planned.map_err(|error| CommandError::of_plan(&connection.settings.written, error))?;
        Ok::<_, CommandError>(headroom(&client, &plan.fleet).await?)
    };
    let found = connection.ask(Box::pin(asked)).await?;
    console::data(&text(&found, session.output, console::width()))?;
    if !session.is_quiet() && session.output == OutputFormat::Table {
        console::line(advice(&found).trim_end());
    }
    connection.close().await?;
    Ok(match found.fits {
        _ if found.is_enough() => Exit::Done,
        Some(0) => Exit::NoneLaunched,
        _ => Exit::SomeFailed,
    })
}

/// The service limits and quotas that the fleet counts against.
#[derive(Debug, JsonSchema, Serialize)]
pub struct LimitsDocument<'a> {
    /// Wanted instances.
    wanted: u32,
    /// How many of them the limits have room for; `null` if a limit could not be read.
    fits: Option<u64>,
    /// The limits.
    limits: &'a [LimitRow],
    /// Why limits could not be read.
    unknown: &'a [String],
}

impl PublishedDocument for LimitsDocument<'_> {
    const NAME: &'static str = "limits";
    const COMMANDS: &'static [&'static str] = &["limits"];
}

impl PublishedLine for LimitRow {
    const NAME: &'static str = "limits-line";
    const COMMANDS: &'static [&'static str] = &["limits"];
}

const COLUMNS: &[&str] =
    &["LIMIT", "DOMAIN", "UNIT", "LIMIT VALUE", "QUOTA", "USED", "AVAILABLE", "ENOUGH FOR", "WOULD DO"];
const COLUMNS_OF_REGIONS: &[&str] = &[
    "LIMIT",
    "REGION",
    "DOMAIN",
    "UNIT",
    "LIMIT VALUE",
    "QUOTA",
    "USED",
    "AVAILABLE",
    "ENOUGH FOR",
    "WOULD DO",
];

fn text(found: &Headroom, format: OutputFormat, width: Option<usize>) -> String {
    let Headroom { wanted, fits, limits, unknown } = found;
    match format {
        OutputFormat::Json => {
            return text_of(&LimitsDocument { wanted: *wanted, fits: *fits, limits, unknown }, format);
        }
        OutputFormat::Jsonl => return limits.iter().map(line_of).collect(),
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {}
    }
    // With one region, its name says nothing.
    let several = limits.iter().any(|row| row.region.is_some());
    let mut listing = Listing::for_people("limits", if several { COLUMNS_OF_REGIONS } else { COLUMNS });
    for row in limits {
        let mut cells = cells(row);
        if several {
            cells.insert(1, row.region.clone().unwrap_or_default());
        }
        listing.push_cells(cells);
    }
    let mut ranks = [0, 0, 2, 5, 6, 4, 3, 1, 0].map(|rank| (rank, false)).to_vec();
    if several {
        ranks.insert(1, (0, false));
    }
    listing.fitted(format, &ranks, width)
}

fn cells(row: &LimitRow) -> Vec<String> {
    let figure = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), trimmed);
    vec![
        row.name.clone(),
        row.availability_domain
            .as_deref()
            .map_or_else(|| "region".to_owned(), |name| short_domain(name).to_owned()),
        row.unit.to_owned(),
        figure(row.limit),
        figure(row.quota),
        trimmed(row.used),
        trimmed(row.available),
        count(row.room, "instance"),
        row.would_do.map_or_else(|| "-".to_owned(), |value| value.to_string()),
    ]
}

/// A number without trailing zeros.
fn trimmed(figure: f64) -> String {
    format!("{}", (figure * 1000.0).round() / 1000.0)
}

fn advice(found: &Headroom) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, so the results are ignored.
    for why in &found.unknown {
        let _ = writeln!(out, "warning: {}", clean(why));
    }
    let wanted = count(found.wanted, "instance");
    match found.fits {
        None => {
            let _ = writeln!(out, "whether {wanted} fit is unknown, because not every limit could be read");
        }
        Some(_) if found.is_enough() => {
            let _ = writeln!(out, "no limit stands in the way of {wanted}");
        }
        Some(fits) => {
            let _ = writeln!(out, "the limits have room for {fits} of {wanted}");
            if found.limits.iter().any(|row| row.quota.is_some() && row.would_do.is_some()) {
                let _ = writeln!(
                    out,
                    "hint: an administrator of the tenancy can raise a quota of the compartment"
                );
            }
            let _ = writeln!(
                out,
                "hint: request the values under WOULD DO with `oci-insta-scale limits request`, use \
                 another shape, or lower the count"
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_fit_a_terminal_of_80_columns() {
        let row = LimitRow {
            name: "standard-a1-memory-regional-count".to_owned(),
            availability_domain: Some("Uocm:PHX-AD-1".to_owned()),
            unit: "OCPUs",
            limit: Some(1_000.0),
            quota: Some(500.0),
            used: 480.0,
            available: 20.0,
            room: 20,
            would_do: Some(520),
            ..LimitRow::default()
        };
        let found = Headroom { limits: vec![row], ..Headroom::default() };
        insta::assert_snapshot!(text(&found, OutputFormat::Table, Some(80)), @r"
        LIMIT                              DOMAIN    UNIT   ENOUGH FOR    WOULD DO
        standard-a1-memory-regional-count  PHX-AD-1  OCPUs  20 instances  520
        ");
        let mut of_two = found.clone();
        of_two.limits[0].region = Some("us-phoenix-1".to_owned());
        insta::assert_snapshot!(text(&of_two, OutputFormat::Table, Some(80)), @r"
        LIMIT                              REGION        DOMAIN    WOULD DO
        standard-a1-memory-regional-count  us-phoenix-1  PHX-AD-1  520
        ");
        let whole = text(&found, OutputFormat::Table, None);
        assert!(whole.starts_with("LIMIT ") && whole.contains("QUOTA"), "{whole}");
    }
}
