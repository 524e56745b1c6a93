//! Flags of `plan`, `capacity`, `policy` and `find`.

use clap::{Args, Subcommand, ValueEnum};

/// Where to ask.
#[derive(Clone, Debug, Default, Args)]
pub struct Where {
    /// Query a simulated region instead of OCI; SCENARIO is a preset or a file and is `roomy` if omitted
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, require_equals = true, default_missing_value = "roomy")]
    pub simulate: Option<String>,
}

/// Flags of `plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// Plan for N instances [default: the config's count]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::config::MAX_COUNT)))]
    pub count: Option<u32>,
    /// Send no requests: show only what would be created and its price
    #[arg(long, conflicts_with = "simulate")]
    pub offline: bool,
    /// Include the reservations that `launch --reserve` would create, and their price
    #[arg(long)]
    pub reserve: bool,
    /// Print only where each instance of the fleet is, or would be launched [default: the wanted size]; tfvars is for Terraform
    #[arg(long, value_name = "FORMAT", value_enum, conflicts_with = "reserve")]
    pub placements: Option<PlacementsFormat>,
    /// Where to ask.
    #[command(flatten)]
    pub place: Where,
}

/// How `plan --placements` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlacementsFormat {
    /// Columns
    Table,
    /// One JSON document
    Json,
    /// A file for `terraform -var-file`
    Tfvars,
}

/// Flags of `capacity`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CapacityArgs {
    /// Another question about capacity; without one, the capacity report.
    #[command(subcommand)]
    pub command: Option<CapacityCommand>,
    /// Shapes to check, each as `SHAPE` or `SHAPE:OCPUS:GB` [default: the config's shapes]
    #[arg(value_name = "SHAPE", value_parser = shape)]
    pub shapes: Vec<AskedShape>,
    /// Check only these availability domains, separated by commas [default: all]
    #[arg(long, value_name = "AD", value_delimiter = ',')]
    pub ad: Vec<String>,
    /// Where to ask.
    #[command(flatten)]
    pub place: Where,
}

/// The questions about capacity.
#[derive(Clone, Debug, Subcommand)]
pub enum CapacityCommand {
    /// Show what each target answered to earlier launches of this machine, and when it used to yield
    #[command(after_help = "\
A target is a place and a kind of capacity: region, availability domain, fault domain, shape and size, capacity type and
reservation. Limits count for their region, quotas for their compartment. Launches try targets that wait after the others;
none is ever left out. The score is the share of requests that got an instance; recent days weigh more.

Examples:
  oci-insta-scale capacity history
  oci-insta-scale capacity history --region us-phoenix-1 --output json
  oci-insta-scale capacity history --forget

Exit codes: 0 shown or forgotten, 2 invalid usage or the memory cannot be used.")]
    History(HistoryArgs),
}

/// Flags of `capacity history`.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// Show or forget only this region [default: all regions that this machine has launched in]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Forget what is shown, so that the next launch tries every target in the order of the config
    #[arg(long)]
    pub forget: bool,
}

/// A shape and its size.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedShape {
    /// The shape.
    pub shape: String,
    /// OCPUs.
    pub ocpus: Option<f64>,
    /// Memory in GB.
    pub memory: Option<f64>,
}

/// Reads `SHAPE` or `SHAPE:OCPUS:GB`.
fn shape(text: &str) -> Result<AskedShape, String> {
    let mut parts = text.split(':');
    let shape = parts.next().unwrap_or_default().trim().to_owned();
    let ocpus = parts.next().map(super::positive).transpose()?;
    let memory = parts.next().map(super::positive).transpose()?;
    if shape.is_empty() || parts.next().is_some() {
        return Err("expected SHAPE or SHAPE:OCPUS:GB".to_owned());
    }
    Ok(AskedShape { shape, ocpus, memory })
}

/// Flags of `policy`.
#[derive(Clone, Debug, Args)]
pub struct PolicyArgs {
    /// Group that the statements allow, which is a dynamic group if the config or --auth signs in as an instance or a resource; or
    /// write `dynamic-group NAME` [default: InstanceLaunchers]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub group: Option<String>,
    /// Compartment of the subnet [default: the config's compartment]
    #[arg(long, value_name = "OCID")]
    pub network_compartment: Option<String>,
    /// Include the statements needed to create and delete capacity reservations
    #[arg(long)]
    pub reservations: bool,
}

/// Flags of `find`.
#[derive(Clone, Debug, Args)]
pub struct FindArgs {
    /// What to look for.
    #[command(subcommand)]
    pub what: Find,
    /// Where to ask.
    #[command(flatten)]
    pub place: Where,
}

/// What can be looked for.
#[derive(Clone, Debug, Subcommand)]
pub enum Find {
    /// List availability domains and their fault domains
    Ads,
    /// List shapes, where they are offered and their prices
    Shapes {
        /// Show only shapes whose name contains this text
        name: Option<String>,
        /// Show only shapes offered in this availability domain [default: all]
        #[arg(long, value_name = "AD")]
        ad: Option<String>,
        /// Show only shapes compatible with this image [default: all]
        #[arg(long, value_name = "OCID")]
        image: Option<String>,
    },
    /// List images, newest first
    Images {
        /// Show only this operating system, such as `Oracle Linux` or `Canonical Ubuntu` [default: all]
        #[arg(long, value_name = "NAME")]
        os: Option<String>,
        /// Show only this version of the operating system, such as `9` [default: all]
        #[arg(long = "os-version", value_name = "VERSION")]
        version: Option<String>,
        /// Show only images compatible with this shape; `any` shows all [default: the config's shape]
        #[arg(long)]
        shape: Option<String>,
        /// Show at most N images
        #[arg(long, value_name = "N", default_value = "20")]
        limit: usize,
    },
    /// List the subnets of the compartment
    Subnets {
        /// Show only subnets of this VCN [default: all]
        #[arg(long, value_name = "OCID")]
        vcn: Option<String>,
    },
    /// List the network security groups of the compartment
    Nsgs {
        /// Show only groups of this VCN [default: all]
        #[arg(long, value_name = "OCID")]
        vcn: Option<String>,
    },
    /// List the compartments that you can access
    Compartments,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_with_and_without_a_size() {
        let read = |text| shape(text).map(|asked| (asked.shape, asked.ocpus, asked.memory)).ok();
        assert_eq!(read("S"), Some(("S".to_owned(), None, None)));
        assert_eq!(read("S:1:6"), Some(("S".to_owned(), Some(1.0), Some(6.0))));
        for wrong in ["", ":1", "S:x", "S:1:2:3", "S:0"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
