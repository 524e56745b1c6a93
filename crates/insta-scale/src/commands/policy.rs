//! `policy`: the smallest IAM policy that the config needs. Sends requests only to look up names in the config.

use crate::args::{OutputFormat, PolicyArgs};
use crate::config::CredentialSource;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::published::{PublishedDocument, text_of};
use crate::session::Session;
use fleet::policy::{DEFAULT_GROUP, Principal, Statement, Uses, statements};
use oci_client::credentials::AuthMethod;
use schemars::JsonSchema;
use serde::Serialize;

/// The smallest IAM policy that the config needs.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PolicyDocument<'a> {
    /// Who signs in: `group`, `dynamic-group` or a workload.
    principal: &'a str,
    /// An example of the rule that a dynamic group needs.
    matching_rule: Option<&'a str>,
    /// The statements.
    statements: &'a [Statement],
}

impl PublishedDocument for PolicyDocument<'_> {
    const NAME: &'static str = "policy";
    const COMMANDS: &'static [&'static str] = &["policy"];
}

/// Shows the statements.
pub async fn show_policy(session: &Session, args: &PolicyArgs) -> Result<Exit, CommandError> {
    let settings = session.settled(|| session.read_config(None)).await?;
    let method = match settings.credentials {
        CredentialSource::Simulated(method) => method,
        _ => None,
    };
    let whom = principal(args.group.as_deref(), method)?;
    let uses = Uses {
        whom,
        network_compartment: args.network_compartment.clone(),
        manage_reservations: args.reservations,
    };
    let statements = statements(&settings.fleet, &uses);
    let document = PolicyDocument {
        principal: uses.whom.kind(),
        matching_rule: uses.whom.matching_rule(),
        statements: &statements,
    };
    console::data(&match session.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => people(&uses.whom, &statements),
        OutputFormat::Json | OutputFormat::Jsonl => text_of(&document, session.output),
    })?;
    Ok(Exit::Done)
}

/// Who signs in with a method: users are in groups, instances and functions in dynamic groups, and pods in none.
fn principal(group: Option<&str>, method: Option<AuthMethod>) -> Result<Principal, CommandError> {
    let dynamic = group.and_then(|group| group.strip_prefix("dynamic-group "));
    let plain = dynamic.or(group).unwrap_or(DEFAULT_GROUP).trim().to_owned();
    Ok(match method {
        Some(AuthMethod::InstancePrincipal) => Principal::Instances(plain),
        Some(AuthMethod::ResourcePrincipal) => Principal::Resources(plain),
        Some(AuthMethod::OkeWorkloadIdentity) if group.is_some() => {
            return Err(CommandError::usage(
                "a pod's service account belongs to no group",
                "omit --group: the statements name the namespace, the service account and the cluster",
            ));
        }
        Some(AuthMethod::OkeWorkloadIdentity) => Principal::Workload,
        _ if dynamic.is_some() => Principal::Instances(plain),
        // An instance that acts for a user, as in Cloud Shell, may do what that user may.
        _ => Principal::Group(plain),
    })
}

/// Statements ready to paste; the policy editor treats lines that begin with `//` as comments.
fn people(whom: &Principal, statements: &[Statement]) -> String {
    let mut out = String::new();
    if let Some(rule) = whom.matching_rule() {
        out.push_str("// the dynamic group needs a matching rule, for example\n// ");
        out.push_str(rule);
        out.push('\n');
    }
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
