//! Flags of `init`: one for each question.

use clap::Args;
use std::path::PathBuf;

/// Flags of `init`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
A flag answers its question. On a terminal, the other questions are asked: Enter takes the default, and a number or a part of a
name chooses from a list. Questions with one possible answer are not asked. Without a terminal, every question needs its flag, or
--yes.

The values of an existing file are the defaults. Only those that differ are written, after a confirmation; comments stay.

Examples:
  oci-insta-scale init
  oci-insta-scale init prod.yaml --profile PROD --compartment prod/web --count 20
  oci-insta-scale init --yes --shape VM.Standard.E5.Flex --ssh-key ~/.ssh/id_ed25519.pub

Exit codes: 0 the file is written, 2 an answer is missing or invalid, 4 declined, or OCI refused a request, 5 the login was
refused, 130 interrupted.")]
pub struct InitArgs {
    /// Write this file, or edit it if it exists [default: that of --config, otherwise config.yaml]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Launch in this region [default: ask]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Create the instances in this compartment, given by its name, its path or its OCID [default: ask]
    #[arg(long, value_name = "COMPARTMENT")]
    pub compartment: Option<String>,
    /// Use these availability domains in this order, separated by commas, or `all` [default: ask]
    #[arg(long = "availability-domain", alias = "ad", value_name = "AD", value_delimiter = ',')]
    pub availability_domain: Vec<String>,
    /// Launch instances of this shape [default: ask]
    #[arg(long, value_name = "SHAPE")]
    pub shape: Option<String>,
    /// Size of a flexible shape: OCPUs [default: ask]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = super::positive)]
    pub ocpus: Option<f64>,
    /// Size of a flexible shape: GB of memory [default: that of the file, otherwise what the shape has for these OCPUs]
    #[arg(long, value_name = "GB", allow_negative_numbers = true, value_parser = super::positive)]
    pub memory: Option<f64>,
    /// Boot this image: an operating system with its version (`Oracle Linux 9`, the newest build), the name of an image, or its
    /// OCID [default: ask]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Connect the instances to this subnet, given by its name or its OCID; `create` lets the first launch make a network of its own
    /// [default: ask]
    #[arg(long, value_name = "SUBNET")]
    pub subnet: Option<String>,
    /// Public key that may log in: a .pub file or the key itself, or `none` [default: ask]
    #[arg(long, value_name = "KEY")]
    pub ssh_key: Option<String>,
    /// Number of instances [default: ask]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::config::MAX_COUNT)))]
    pub count: Option<u32>,
    /// Name the instances with this prefix and a number [default: ask]
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// Take the default for every question without a flag, and write the file without a confirmation
    #[arg(short, long)]
    pub yes: bool,
}
