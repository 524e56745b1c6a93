//! Flags of every command.

use super::{OutputFormat, duration};
use clap::Args;
use ledger_postgres::Address;
use oci_client::credentials::AuthMethod;
use std::path::PathBuf;
use std::time::Duration;

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Read this config file; repeat for files over it, whose keys take precedence [default: config.yaml]
    #[arg(long, global = true, value_name = "FILE", env = "OCI_INSTA_SCALE_CONFIG", hide_env_values = true)]
    pub config: Vec<PathBuf>,
    /// Set this key of the config, for example instance_settings.count=4 or regions.0.subnet_id=OCID; repeat for more keys
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Use this profile of ~/.oci/config, overriding the config file
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Sign in this way: api_key, security_token, instance_principal, instance_obo_user, resource_principal,
    /// oke_workload_identity, or auto for the first that is configured [default: the config's]
    #[arg(long, global = true, value_name = "METHOD", value_parser = auth_method)]
    pub auth: Option<AuthMethod>,
    /// Send every request to this base URL, for example a simulator [default: the region's endpoints]
    #[arg(long, global = true, value_name = "URL", env = "OCI_INSTA_SCALE_ENDPOINT", hide_env_values = true)]
    pub endpoint: Option<String>,
    /// Store the records of runs in this directory [default: $XDG_STATE_HOME/oci-insta-scale]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "OCI_INSTA_SCALE_STATE_DIR",
        hide_env_values = true,
        value_parser = clap::builder::TypedValueParser::map(clap::builder::OsStringValueParser::new(), PathBuf::from)
    )]
    pub state_dir: Option<PathBuf>,
    /// Store the records of runs in this PostgreSQL database, which several machines share, such as
    /// `postgres://ann@db.example.com/fleets` [default: the config's, otherwise a file in the state directory]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "OCI_INSTA_SCALE_LEDGER",
        hide_env_values = true,
        value_parser = ledger_address
    )]
    pub ledger: Option<Address>,
    /// With a shared ledger, let another machine take over a run whose process shows no sign of life for this time
    #[arg(long, global = true, value_name = "TIME", default_value = "60s", value_parser = duration::takeover)]
    pub takeover_after: Duration,
    /// Format of the output on stdout
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "table")]
    pub output: OutputFormat,
    /// Print more messages on stderr; -vv also prints every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print only errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// Parses the name of a way of signing in.
fn auth_method(text: &str) -> Result<AuthMethod, String> {
    AuthMethod::find(text).ok_or_else(|| AuthMethod::unknown(text))
}

fn ledger_address(text: &str) -> Result<Address, String> {
    text.trim().parse().map_err(|error: ledger_postgres::AddressError| error.to_string())
}
