//! Flags of `limits` and its commands.

use super::{Where, duration};
use clap::{Args, Subcommand};
use std::time::Duration;

/// Flags of `limits`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LimitsArgs {
    /// What to do about the limits; without a command, they are shown.
    #[command(subcommand)]
    pub command: Option<LimitsCommand>,
    /// Look at the limits for N instances [default: the config's count]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::config::MAX_COUNT)))]
    pub count: Option<u32>,
    /// Where to ask.
    #[command(flatten)]
    pub place: Where,
}

/// The commands of `limits`.
#[derive(Clone, Debug, Subcommand)]
pub enum LimitsCommand {
    /// Request higher limits from Oracle, as far as the fleet needs them
    #[command(after_help = "\
Requests the values that `limits` shows under WOULD DO, in the first availability domain that lacks something: one domain with
more is enough. If limits are too low in several regions of the config, --region names the one. A limit with an open request is
not requested again. A hunt, and a launch with --retry-for, go on by themselves once a limit is raised.

Examples:
  oci-insta-scale limits request
  oci-insta-scale limits request --justification rendering --wait
  oci-insta-scale limits request --limit standard-a1-core-count --value 200
  oci-insta-scale limits request --region us-ashburn-1

Exit codes: 0 requested, or granted with --wait; 2 nothing to request, or no consent was possible; 3 granted in part;
4 rejected, canceled or refused, or you declined.")]
    Request(RequestLimits),
    /// List limit increase requests, with their states and the present limits
    #[command(after_help = "\
Examples:
  oci-insta-scale limits requests
  oci-insta-scale limits requests --watch

Exit codes: 0 listed; with --watch: 0 everything was granted, 3 some of it, 4 nothing.")]
    Requests(ListLimitRequests),
    /// Reply to a question that Oracle asks about a limit increase request
    Comment(CommentLimitRequest),
    /// Cancel an open limit increase request
    Cancel(CancelLimitRequest),
}

/// Flags of `limits request`.
#[derive(Clone, Debug, Args)]
pub struct RequestLimits {
    /// Why you need more, in at most 500 characters; Oracle reads it [default: `to launch N instances of SHAPE`]
    #[arg(long, value_name = "TEXT")]
    pub justification: Option<String>,
    /// Request only this limit; may be repeated [default: every limit that is too low]
    #[arg(long, value_name = "NAME")]
    pub limit: Vec<String>,
    /// Request this value of the limit [default: the least one with which the fleet fits]
    #[arg(long, value_name = "N", requires = "limit", value_parser = clap::value_parser!(i64).range(1..=1_000_000_000))]
    pub value: Option<i64>,
    /// Request more in this region of a config with several [default: the only one that lacks something]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Request more in this availability domain [default: the first one that lacks something]
    #[arg(long, value_name = "AD")]
    pub ad: Option<String>,
    /// Request what N instances need [default: the config's count]
    #[arg(long, value_name = "N", conflicts_with = "value", value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::config::MAX_COUNT)))]
    pub count: Option<u32>,
    /// Wait until the request is decided
    #[arg(long)]
    pub wait: bool,
    /// Time between looks at the request with --wait, at least 1s
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration::refresh, requires = "wait")]
    pub every: Duration,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `limits requests`.
#[derive(Clone, Debug, Args)]
pub struct ListLimitRequests {
    /// OCID of a request [default: all]
    #[arg(value_name = "OCID")]
    pub request: Option<String>,
    /// Refresh until every request that is open now is decided
    #[arg(long)]
    pub watch: bool,
    /// Time between refreshes with --watch, at least 1s
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration::refresh, requires = "watch")]
    pub every: Duration,
}

/// Arguments of `limits comment`.
#[derive(Clone, Debug, Args)]
pub struct CommentLimitRequest {
    /// OCID of the request
    #[arg(value_name = "OCID")]
    pub request: String,
    /// What to tell Oracle
    #[arg(value_name = "TEXT")]
    pub text: String,
}

/// Flags of `limits cancel`.
#[derive(Clone, Debug, Args)]
pub struct CancelLimitRequest {
    /// OCID of the request
    #[arg(value_name = "OCID")]
    pub request: String,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
}
