//! `init`: asks what to launch and where, writes a config.yaml that says so, and shows its plan. Launches nothing.

mod access;
mod agent;
mod asking;
mod credentials;
mod draft;
mod file;
mod image;
mod keys;
mod matching;
mod network;
mod new_key;
mod place;
mod shape;

use super::plan;
use crate::args::{InitArgs, OutputFormat, PlanArgs, Where};
use crate::config::MAX_COUNT;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::document::SCHEMA_VERSION;
use crate::output::simulated::mark;
use crate::output::text::count;
use crate::session::Session;
use access::Access;
use asking::{Asking, Question};
use credentials::{FoundLogin, find_login};
use draft::Draft;
use fleet::plan::MAX_DISPLAY_NAME;
use serde_json::json;
use std::path::Path;

/// The prefix of names if nothing else suggests one.
const PREFIX: &str = "web";

/// Asks, writes the file and shows the plan.
pub async fn set_up(session: &Session, args: &InitArgs) -> Result<Exit, CommandError> {
    let path = file::target(session)?;
    let mut asking = Asking::new(args.yes, session.is_quiet(), &session.stop, flags(session, args));
    if asking.is_typed() {
        asking.say(
            "This writes a config and launches nothing. Enter takes the answer in brackets; a number or a part of a name \
             chooses from a list, and ? shows all of it. Ctrl-C ends it, and nothing is written.",
        );
    }
    let written = Box::pin(ask_and_write(session, &mut asking, args, &path)).await;
    let (session, draft) = match written {
        Err(CommandError::Interrupted) if asking.has_kept_key => {
            console::line("interrupted: no config was written; the key and its profile are kept");
            return Ok(Exit::Interrupted);
        }
        written => written?,
    };
    let planned = Box::pin(show_plan(&session, &path, &draft)).await;
    match planned {
        // The file is written, so that the message of an interrupted command would be wrong.
        Err(CommandError::Interrupted) => Ok(Exit::Interrupted),
        planned => planned.map(|()| Exit::Done),
    }
}

/// Asks for all answers and writes the file. Returns the session that reaches the service as the file says.
async fn ask_and_write(
    session: &Session,
    asking: &mut Asking,
    args: &InitArgs,
    path: &Path,
) -> Result<(Session, Draft), CommandError> {
    let found = Box::pin(find_login(session, asking, path, args.region.as_deref())).await?;
    let FoundLogin { session, settings, written } = found;
    let access = Access::open(&session, settings).await?;
    let mut draft = Box::pin(ask_all(access, asking, args, path)).await?;
    asking.finish()?;
    draft.login = written;
    let has_schema = path.with_file_name("config.schema.json").exists();
    file::write_new(&session, path, &draft.text(has_schema))?;
    if !session.is_quiet() {
        console::line(&format!("\nwrote {}", path.display()));
    }
    Ok((session, draft))
}

/// The flags of the questions, and whether each is given. A size belongs to some shapes only.
fn flags(session: &Session, args: &InitArgs) -> Vec<(&'static str, bool)> {
    let is_told = session.flags.profile.is_some() || session.flags.auth.is_some();
    vec![
        ("--profile", is_told),
        ("--region", args.region.is_some()),
        ("--compartment", args.compartment.is_some()),
        ("--availability-domain", !args.availability_domain.is_empty()),
        ("--shape", args.shape.is_some()),
        ("--ocpus", true),
        ("--image", args.image.is_some()),
        ("--subnet", args.subnet.is_some()),
        ("--ssh-key", args.ssh_key.is_some()),
        ("--count", args.count.is_some()),
        ("--prefix", args.prefix.is_some()),
    ]
}

/// Asks every question after the login.
async fn ask_all(
    access: Access<'_>,
    asking: &mut Asking,
    args: &InitArgs,
    path: &Path,
) -> Result<Draft, CommandError> {
    let region = place::region(&access, asking, args, None).await?;
    let access = access.in_region(&region)?;
    let (compartment, compartments) = place::compartment(&access, asking, args, None).await?;
    let domains = place::domains(&access, asking, args, None).await?;
    let sized = Box::pin(shape::shape(&access, asking, args, &compartment.ocid, &domains, None)).await?;
    let image = image::image(&access, asking, args, &compartment.ocid, &sized.shape, None).await?;
    let subnet =
        network::subnet(&access, asking, args, &compartment.ocid, &compartments, &domains, None).await?;
    let ssh_key = keys::ssh_key(asking, args, None).await?;
    let count = number(asking, args, 1).await?;
    let prefix = prefix(asking, args, usual_prefix(path)).await?;
    Ok(Draft {
        login: draft::WrittenLogin::default(),
        region,
        compartment,
        domains: domains.chosen.iter().map(|name| place::in_config(name)).collect(),
        shape: sized.shape.shape,
        size: sized.size,
        image,
        subnet: subnet.named,
        subnet_is_public: subnet.is_public,
        ssh_key,
        count,
        prefix,
    })
}

async fn number(asking: &mut Asking, args: &InitArgs, default: u32) -> Result<u32, CommandError> {
    let given = args.count.map(|count| count.to_string());
    let question = Question {
        what: "number of instances",
        flag: "--count",
        given: given.as_deref(),
        kinds: &[],
        is_complete: true,
    };
    let check = |text: &str| match text.parse::<u32>() {
        Ok(count) if (1..=MAX_COUNT).contains(&count) => Ok(count.to_string()),
        _ => Err(format!("expected a number from 1 to {MAX_COUNT}")),
    };
    let chosen = asking.text(question, Some(default.to_string()), &check).await?;
    Ok(chosen.parse().unwrap_or(default))
}

async fn prefix(asking: &mut Asking, args: &InitArgs, default: String) -> Result<String, CommandError> {
    let question = Question {
        what: "name prefix",
        flag: "--prefix",
        given: args.prefix.as_deref(),
        kinds: &[],
        is_complete: true,
    };
    asking.text(question, Some(default), &check_prefix).await
}

/// Leaves room for the hyphen and the number.
fn check_prefix(text: &str) -> Result<String, String> {
    let most = MAX_DISPLAY_NAME - "-".len() - MAX_COUNT.to_string().len();
    if text.chars().any(char::is_control) {
        Err("a name cannot contain control characters".to_owned())
    } else if text.chars().count() > most {
        Err(format!("a prefix has at most {most} characters"))
    } else {
        Ok(text.to_owned())
    }
}

/// `prod` for prod.yaml.
fn usual_prefix(path: &Path) -> String {
    let stem = path.file_stem().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    let is_name = stem.starts_with(|c: char| c.is_ascii_alphabetic())
        && stem.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_name && stem != "config" && stem.len() < 40 { stem.to_owned() } else { PREFIX.to_owned() }
}

/// Shows what the file would cost and whether it can be had.
async fn show_plan(session: &Session, path: &Path, draft: &Draft) -> Result<(), CommandError> {
    if matches!(session.output, OutputFormat::Json | OutputFormat::Jsonl) {
        let planned = plan::planned(session).await?;
        let document = mark(json!({
            "schema_version": SCHEMA_VERSION,
            "file": path.display().to_string(),
            "values": draft.document(),
            "plan": planned,
        }));
        return console::data(&if session.output == OutputFormat::Json {
            serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
        } else {
            document.to_string() + "\n"
        });
    }
    let args =
        PlanArgs { count: None, offline: false, reserve: false, placements: None, place: Where::default() };
    plan::show_plan(session, &args).await?;
    if !session.is_quiet() {
        let instances = count(draft.count, "instance");
        console::line(&format!("`oci-insta-scale launch` launches {instances} after a confirmation"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_follows_the_name_of_the_file() {
        let prefix = |path: &str| usual_prefix(Path::new(path));
        assert_eq!(
            [prefix("prod.yaml"), prefix("a/config.yaml"), prefix("my file.yaml")],
            ["prod", "web", "web"]
        );
    }

    #[test]
    fn a_prefix_leaves_room_for_the_number() {
        assert_eq!(check_prefix("web"), Ok("web".to_owned()));
        check_prefix("a\u{1b}").unwrap_err();
        check_prefix(&"a".repeat(MAX_DISPLAY_NAME - 7)).unwrap();
        check_prefix(&"a".repeat(MAX_DISPLAY_NAME - 6)).unwrap_err();
    }
}
