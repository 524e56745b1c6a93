//! `init`: asks what to launch and where, writes a config.yaml that says so, and shows its plan. Launches nothing.

mod access;
mod agent;
mod asking;
mod before;
mod credentials;
mod draft;
mod file;
mod image;
mod keeping;
mod keys;
mod matching;
mod network;
mod new_key;
mod place;
mod profiles;
mod shape;
mod size;

use super::consent::has_to_ask;
use super::plan;
use crate::args::{InitArgs, OutputFormat, PlanArgs, Where};
use crate::config::MAX_COUNT;
use crate::config::write_back::ChangedLines;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::dry_run_report::PlanDocument;
use crate::output::published::{PublishedDocument, text_of};
use crate::output::text::count;
use crate::session::Session;
use access::Access;
use asking::{Asking, Question};
use before::Before;
use credentials::{FoundLogin, find_login};
use draft::{Draft, InitValues, Named};
use file::TargetFile;
use fleet::plan::MAX_DISPLAY_NAME;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use size::PresentShape;
use std::path::Path;

/// The prefix of names if nothing else suggests one.
const PREFIX: &str = "web";

/// Asks, writes the file and shows the plan.
pub async fn set_up(session: &Session, args: &InitArgs) -> Result<Exit, CommandError> {
    let target = file::target(session)?;
    let path = &target.path;
    let mut asking = Asking::new(args.yes, session.is_quiet(), &session.stop, flags(session, args));
    if asking.is_typed() {
        let what = match &target.before {
            None => "This writes a config and launches nothing.".to_owned(),
            Some(_) => format!(
                "{} exists: its values are the answers in brackets, and its comments stay. Nothing is launched, and nothing \
                 is written before you have seen the changes.",
                path.display()
            ),
        };
        asking.say(&format!(
            "{what} Enter takes the answer in brackets; a number or a part of a name chooses from a list, and ? shows all of \
             it. Ctrl-C ends it, and no config is written."
        ));
    }
    let written = Box::pin(ask_and_write(session, &mut asking, args, &target)).await;
    let (session, draft, changes) = match written {
        Err(CommandError::Interrupted) if asking.has_kept_key => {
            console::line("interrupted: no config was written; the key and its profile are kept");
            return Ok(Exit::Interrupted);
        }
        written => written?,
    };
    let planned = Box::pin(show_plan(&session, path, &draft, changes.as_deref())).await;
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
    target: &TargetFile,
) -> Result<(Session, Draft, Option<Vec<ChangedLines>>), CommandError> {
    let TargetFile { path, before } = target;
    let found = find_login(session, asking, path, before.as_ref(), args.region.as_deref());
    let FoundLogin { session, settings, written, said } = Box::pin(found).await?;
    let access = Access::open(&session, settings).await?;
    let is_told = session.flags.profile.is_some() || session.flags.auth.is_some();
    let mut draft = Box::pin(ask_all(access, asking, args, target, !is_told)).await?;
    asking.finish()?;
    draft.login = written;
    let changes = match before {
        None => {
            let has_schema = path.with_file_name("config.schema.json").exists();
            file::write_new(&session, path, &draft.text(has_schema))?;
            None
        }
        Some(before) => Some(edit(&session, path, before, &draft, args.yes).await?),
    };
    draft.login = said;
    if !session.is_quiet() && changes.as_ref().is_none_or(|changes| !changes.is_empty()) {
        console::line(&format!("\nwrote {}", path.display()));
    }
    Ok((session, draft, changes))
}

/// Shows what would change in an existing file, and writes it after a confirmation.
async fn edit(
    session: &Session,
    path: &Path,
    before: &Before,
    draft: &Draft,
    yes: bool,
) -> Result<Vec<ChangedLines>, CommandError> {
    let edited = before.with(draft).map_err(|error| {
        CommandError::usage(
            format!("nothing was written: {} cannot be edited in place: {error}", path.display()),
            "edit these keys by hand, or write another file: `oci-insta-scale init FILE`",
        )
    })?;
    if edited.changes.is_empty() {
        if !session.is_quiet() {
            console::line(&format!("\n{} says this already: nothing was written", path.display()));
        }
        return Ok(edited.changes);
    }
    let asks = has_to_ask(yes)?;
    if asks || !session.is_quiet() {
        file::show(path, &edited.changes);
    }
    let question = format!("Write these changes to {}?", path.display());
    if asks && !console::ask_yes_or_no(&question, &session.stop).await? {
        return Err(CommandError::Declined);
    }
    let copy = file::write_edited(session, path, before, &edited)?;
    if !session.is_quiet() {
        console::line(&format!("the previous text is in {}", copy.display()));
    }
    Ok(edited.changes)
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
    target: &TargetFile,
    is_same_login: bool,
) -> Result<Draft, CommandError> {
    let before = target.before.as_ref();
    let own_region = access.settings.fleet.region.clone();
    let region = place::region(&access, asking, args).await?;
    // What the file says is kept only where it can still mean the same.
    let is_here = is_same_login && region == own_region;
    let access = access.in_region(&region)?;
    let own = before.and_then(Before::compartment).filter(|_| is_same_login);
    let (compartment, compartments) = place::compartment(&access, asking, args, own.as_deref()).await?;
    let own = before.map(Before::domains).unwrap_or_default();
    let domains = place::domains(&access, asking, args, &own).await?;
    let own = before.and_then(|before| {
        let is_here = is_here && own.iter().all(|own| domains.is_tried(own));
        Some(PresentShape { shape: before.shape()?, size: before.size(), is_here })
    });
    let sized = shape::shape(&access, asking, args, &compartment.ocid, &domains, own.as_ref());
    let sized = Box::pin(sized).await?;
    let is_same_shape = own.is_some_and(|own| own.shape == sized.shape.shape);
    let image = if before.is_some_and(Before::boots_from_a_volume) && args.image.is_none() {
        Named { is_kept: true, ..Named::default() }
    } else {
        let own = before.and_then(Before::image);
        let is_here = is_here && is_same_shape;
        image::image(&access, asking, args, &compartment.ocid, &sized.shape, own.as_deref(), is_here).await?
    };
    let around = network::SubnetScope {
        compartment: &compartment.ocid,
        compartments: &compartments,
        domains: &domains,
        present: before.and_then(Before::subnet),
        is_here,
    };
    let subnet = network::subnet(&access, asking, args, &around);
    let subnet = Box::pin(subnet).await?;
    let own = before.map(|before| before.ssh_key().unwrap_or_else(|| keys::NONE.to_owned()));
    let ssh_key = keys::ssh_key(asking, args, own.as_deref()).await?;
    let count = number(asking, args, before.and_then(Before::count).unwrap_or(1)).await?;
    let own = before.and_then(Before::prefix);
    let prefix = if before.is_some_and(Before::has_own_names) && args.prefix.is_none() {
        own.unwrap_or_default()
    } else {
        prefix(asking, args, own.unwrap_or_else(|| usual_prefix(&target.path))).await?
    };
    Ok(Draft {
        login: draft::WrittenLogin::default(),
        region_is_new: before.is_some() && region != own_region,
        region,
        compartment,
        domains: domains.chosen.iter().map(|name| place::in_config(name)).collect(),
        shape: sized.shape.shape,
        size: sized.size,
        size_is_kept: sized.size_is_kept,
        image,
        subnet: subnet.named,
        subnet_is_public: subnet.is_public,
        makes_network: subnet.is_to_be_made,
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

/// The config that was written, and its plan.
#[derive(Debug, JsonSchema, Serialize)]
pub struct InitDocument<'a> {
    /// The file.
    file: String,
    /// The groups of changed lines; `null` for a new file, empty if nothing was written.
    changes: Option<&'a [ChangedLines]>,
    /// The answers.
    values: InitValues<'a>,
    /// The document of `plan`.
    #[schemars(with = "PlanDocument<'static>")]
    plan: Value,
}

impl PublishedDocument for InitDocument<'_> {
    const NAME: &'static str = "init";
    const COMMANDS: &'static [&'static str] = &["init"];
}

/// Shows what the file would cost and whether it can be had.
async fn show_plan(
    session: &Session,
    path: &Path,
    draft: &Draft,
    changes: Option<&[ChangedLines]>,
) -> Result<(), CommandError> {
    if matches!(session.output, OutputFormat::Json | OutputFormat::Jsonl) {
        let planned = plan::planned(session).await?;
        let file = path.display().to_string();
        let document = InitDocument { file, changes, values: draft.values(), plan: planned };
        return console::data(&text_of(&document, session.output));
    }
    let args =
        PlanArgs { count: None, offline: false, reserve: false, placements: None, place: Where::default() };
    let verdict = Box::pin(plan::show_plan(session, &args)).await?;
    if !session.is_quiet() {
        let instances = count(draft.count, "instance");
        let launch = format!("`oci-insta-scale launch` launches {instances} after a confirmation");
        let when =
            if verdict == Exit::Done { "" } else { ", once `oci-insta-scale plan` says that they can be" };
        console::line(&format!("{launch}{when}"));
        if let Some((variable, file)) = &draft.login.profile_file {
            let file = file.display();
            console::line(&format!(
                "the profile is in {file}, so {variable} has to be set for it too (`export`)"
            ));
        }
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
        check_prefix(&"a".repeat(MAX_DISPLAY_NAME - 8)).unwrap();
        check_prefix(&"a".repeat(MAX_DISPLAY_NAME - 7)).unwrap_err();
    }
}
