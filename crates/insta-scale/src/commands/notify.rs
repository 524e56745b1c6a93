//! `notify test`: shows whether the receivers of the config can be reached.

use crate::args::{NotifyArgs, NotifyCommand, NotifyTest};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::notify::{self, Delivery, Way, test_message};
use crate::output::console;
use crate::output::listing::Listing;
use crate::output::published::PublishedRow;
use crate::output::text::seconds;
use crate::session::Session;
use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Serialize;

/// Sends the test notifications.
pub async fn run_notify(session: &Session, args: &NotifyArgs) -> Result<Exit, CommandError> {
    let NotifyCommand::Test(args) = &args.command;
    send_tests(session, args).await
}

/// A receiver of notifications, and whether a test reached it.
#[derive(Debug, JsonSchema, Serialize)]
pub struct TestedReceiver<'a> {
    /// Its name.
    name: &'a str,
    /// Its type: `slack`, `email`.
    #[serde(rename = "type")]
    kind: &'a str,
    /// Whether it accepted the test.
    delivered: bool,
    /// How often it was tried.
    tries: u32,
    /// How long that took, in seconds.
    elapsed_s: f64,
    /// Why it was not delivered.
    error: Option<String>,
}

impl PublishedRow for TestedReceiver<'_> {
    const NAME: &'static str = "notify-test";
    const LIST: &'static str = "receivers";
    const COMMANDS: &'static [&'static str] = &["notify test"];
}

async fn send_tests(session: &Session, args: &NotifyTest) -> Result<Exit, CommandError> {
    let mut settings = session.read_credentials()?;
    if settings.notify.is_empty() {
        return Err(CommandError::usage(
            format!("{} has no receivers of notifications", settings.file),
            "add `notify:`; config.example.yaml has an example of each type",
        ));
    }
    if let Some(wanted) = &args.receiver {
        let names: Vec<String> = settings.notify.iter().map(|receiver| receiver.name.clone()).collect();
        settings.notify.retain(|receiver| receiver.name == wanted.trim());
        if settings.notify.is_empty() {
            return Err(CommandError::usage(
                format!("no receiver has the name {wanted:?}"),
                format!("the receivers are: {}", names.join(", ")),
            ));
        }
    }
    let ways = notify::ways(session, &settings)?;
    let message = test_message(session.now());
    let send = async |way: &Way| {
        let started = tokio::time::Instant::now();
        let delivery = way.deliver(&message).await;
        (delivery, started.elapsed().as_secs_f64())
    };
    let sent = session.ask(async { Ok::<_, CommandError>(join_all(ways.iter().map(send)).await) }).await?;
    let mut listing = Listing::new(&["RECEIVER", "TYPE", "RESULT", "TRIES", "TIME"]);
    for (way, (Delivery { tries, result }, elapsed)) in ways.iter().zip(&sent) {
        let error = result.as_ref().err();
        let told = error.map_or_else(|| "delivered".to_owned(), |why| format!("failed: {why}"));
        let cells = vec![way.name.clone(), way.kind.to_owned(), told, tries.to_string(), seconds(*elapsed)];
        let row = TestedReceiver {
            name: &way.name,
            kind: way.kind,
            delivered: result.is_ok(),
            tries: *tries,
            elapsed_s: (elapsed * 1000.0).round() / 1000.0,
            error: error.map(ToString::to_string),
        };
        listing.push(cells, &row);
    }
    console::data(&listing.to_text(session.output))?;
    let failed = sent.iter().filter(|(delivery, _)| delivery.result.is_err()).count();
    Ok(match failed {
        0 => Exit::Done,
        some if some < sent.len() => Exit::SomeFailed,
        _ => Exit::NoneLaunched,
    })
}
