//! Flags of `reservation`.

use super::duration;
use clap::{Args, Subcommand};
use fleet::reservation::{NewCount, Want};
use std::time::Duration;

/// The maximum number of instances per reservation; a tenancy's limits are far below it.
const MOST: u32 = 1_000_000;

/// Flags of `reservation`.
#[derive(Clone, Debug, Args)]
pub struct ReservationArgs {
    /// What to do with reservations.
    #[command(subcommand)]
    pub command: ReservationCommand,
}

/// What can be done with reservations.
#[derive(Clone, Debug, Subcommand)]
pub enum ReservationCommand {
    /// List the reservations of the compartment
    List(ListReservations),
    /// Show the capacity of a reservation and the instances that use it
    Show {
        /// OCID or name of the reservation
        reservation: String,
    },
    /// Create reservations and report how much capacity they hold
    #[command(after_help = CREATE_HELP)]
    Create(CreateReservation),
    /// Change the capacity of a reservation
    #[command(after_help = UPDATE_HELP)]
    Update(UpdateReservation),
    /// Wait until a reservation is ACTIVE, or holds the wanted number of instances
    Wait(WaitReservation),
    /// Delete a reservation; refused while instances use it
    Delete(DeleteReservation),
}

const CREATE_HELP: &str = "\
OCI reports success even if it reserves less than requested, so this command reads the counts back afterwards. With
--min, it deletes every reservation it created if they hold too few. Unused capacity costs 85 % of the on-demand price.

Examples:
  oci-insta-scale reservation create --count 10                        use the shape, size and domain of config.yaml
  oci-insta-scale reservation create --ad AD-1,AD-2,AD-3 --count 100   spread over three domains
  oci-insta-scale reservation create --ad AD-1 --add shape=VM.Standard.E4.Flex,ocpus=1,memory=6,count=10 \\
                                               --add shape=VM.Standard.E5.Flex,ocpus=2,memory=32,count=4

Exit codes: 0 all reserved, 3 some reserved, 4 none reserved, or rolled back because of --min.";

const UPDATE_HELP: &str = "Examples:
  oci-insta-scale reservation update OCID --count 20     reserve 20
  oci-insta-scale reservation update OCID --count +5     reserve 5 more
  oci-insta-scale reservation update OCID --count=-5     reserve 5 fewer
If the reservation holds several kinds of instance, select one with --shape, --ocpus and --memory.";

/// Flags of `reservation list`.
#[derive(Clone, Debug, Default, Args)]
pub struct ListReservations {
    /// List only reservations of this availability domain [default: all]
    #[arg(long, value_name = "AD")]
    pub ad: Option<String>,
    /// Include deleted reservations
    #[arg(long)]
    pub all: bool,
    /// Look up missing prices of unused capacity; sends one request per reservation
    #[arg(long)]
    pub cost: bool,
}

/// Flags of `reservation create`.
#[derive(Clone, Debug, Default, Args)]
pub struct CreateReservation {
    /// Name of the reservation [default: the config's display_name_prefix]
    #[arg(long)]
    pub name: Option<String>,
    /// Availability domains, separated by commas, such as `AD-1,AD-2` [default: the config's]
    #[arg(long, value_name = "AD", value_delimiter = ',')]
    pub ad: Vec<String>,
    /// What it is to hold.
    #[command(flatten)]
    pub kind: KindArgs,
    /// Reserve N instances in all, spread over the availability domains [default: the config's count]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: Option<u32>,
    /// Reserve one kind of instance, as `shape=…,ocpus=…,memory=…,count=…,fd=…`; repeat for more kinds
    #[arg(long, value_name = "KIND", value_parser = want, conflicts_with_all = ["count", "shape", "ocpus", "memory", "fd"])]
    pub add: Vec<Want>,
    /// Require at least M reserved; otherwise delete every reservation this command created [default: keep any]
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..))]
    pub min: Option<u32>,
    /// Let launches in its availability domain that name no reservation use this one too (root compartment only)
    #[arg(long)]
    pub default: bool,
    /// Add the reservation to the config file; the previous file is kept as a backup beside it
    #[arg(long)]
    pub write_config: bool,
    /// Wait this long for the reservation to be ready
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration::parse)]
    pub deadline: Duration,
    /// Create the reservation even if one with this name exists
    #[arg(long)]
    pub new: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
}

impl CreateReservation {
    /// Whether the flags are complete, so that the config need not be.
    pub fn says_all(&self) -> bool {
        let what = !self.add.is_empty() || (self.kind.shape.is_some() && self.count.is_some());
        what && self.name.is_some() && !self.ad.is_empty() && !self.write_config
    }
}

/// One kind of instance, as flags.
#[derive(Clone, Debug, Default, Args)]
pub struct KindArgs {
    /// Shape of the instances [default: the config's]
    #[arg(long)]
    pub shape: Option<String>,
    /// OCPUs per instance, for a flexible shape [default: the config's, if the shape is the config's]
    #[arg(long, value_name = "O", value_parser = super::positive)]
    pub ocpus: Option<f64>,
    /// Memory per instance in GB, for a flexible shape [default: the config's, if the shape is the config's]
    #[arg(long, value_name = "GB", value_parser = super::positive)]
    pub memory: Option<f64>,
    /// Fault domain of the instances [default: any]
    #[arg(long, value_name = "FD")]
    pub fd: Option<String>,
}

/// Flags of `reservation update`.
#[derive(Clone, Debug, Args)]
pub struct UpdateReservation {
    /// OCID or name of the reservation
    pub reservation: String,
    /// Set the number of instances to `20`, or change it by `+5` or `-5`
    #[arg(long, value_name = "N", value_parser = new_count, allow_hyphen_values = true, required_unless_present = "add")]
    pub count: Option<NewCount>,
    /// Which of the kinds that it holds.
    #[command(flatten)]
    pub kind: KindArgs,
    /// Add a kind of instance, as `shape=…,ocpus=…,memory=…,count=…,fd=…`; repeat for more kinds
    #[arg(long, value_name = "KIND", value_parser = want)]
    pub add: Vec<Want>,
    /// Repeat the request until the reservation holds the full count
    #[arg(long)]
    pub until_held: bool,
    /// Stop waiting after this time
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration::parse)]
    pub deadline: Duration,
    /// Time between requests with --until-held, at least 1s
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::refresh)]
    pub every: Duration,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `reservation wait`.
#[derive(Clone, Debug, Args)]
pub struct WaitReservation {
    /// OCID or name of the reservation
    pub reservation: String,
    /// Request N instances repeatedly until the reservation holds them [default: wait for ACTIVE only]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub count: Option<u32>,
    /// Stop waiting after this time
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration::parse)]
    pub deadline: Duration,
    /// Time between requests with --count, at least 1s
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::refresh)]
    pub every: Duration,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `reservation delete`.
#[derive(Clone, Debug, Args)]
pub struct DeleteReservation {
    /// OCID or name of the reservation
    pub reservation: String,
    /// Wait this long for the deletion to finish
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    pub deadline: Duration,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
    /// Refused: OCI cannot force the deletion of a reservation
    #[arg(long, hide = true)]
    pub force: bool,
}

/// Parses `shape=…,ocpus=…,memory=…,count=…,fd=…`.
fn want(text: &str) -> Result<Want, String> {
    let mut want = Want::default();
    let mut counted = false;
    for part in text.split(',') {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("{part:?} is not `key=value`"))?;
        let value = value.trim();
        match key.trim() {
            "shape" => value.clone_into(&mut want.shape),
            "ocpus" => want.ocpus = Some(super::positive(value)?),
            "memory" => want.memory_gb = Some(super::positive(value)?),
            "fd" if value.is_empty() => return Err("`fd=` has no value".to_owned()),
            "fd" => want.fault_domain = Some(value.to_ascii_uppercase()),
            "count" => {
                want.count =
                    value.parse().ok().filter(|count| (1..=MOST).contains(count)).ok_or_else(|| {
                        format!("count must be a whole number from 1 to {MOST}, not {value:?}")
                    })?;
                counted = true;
            }
            other => {
                return Err(format!(
                    "unknown key {other:?}: the keys are shape, ocpus, memory, count and fd"
                ));
            }
        }
    }
    match (want.shape.is_empty(), counted) {
        (true, _) => Err("`shape=` is missing".to_owned()),
        (_, false) => Err("`count=` is missing".to_owned()),
        _ => Ok(want),
    }
}

/// Parses `20`, `+5`, `-5`.
fn new_count(text: &str) -> Result<NewCount, String> {
    let number = |digits: &str| {
        digits
            .parse::<u32>()
            .ok()
            .filter(|number| *number <= MOST && digits.bytes().all(|b| b.is_ascii_digit()))
            .ok_or_else(|| format!("expected a whole number of at most {MOST}, such as 20, +5 or -5"))
    };
    Ok(match text.trim() {
        text if text.starts_with('+') => NewCount::Grow(number(&text[1..])?),
        text if text.starts_with('-') => NewCount::Shrink(number(&text[1..])?),
        text => NewCount::Exactly(number(text)?),
    })
}

/// Flags of a launch that reserves its own capacity.
#[derive(Clone, Debug, Default, Args)]
pub struct Reserving {
    /// Create a capacity reservation in each availability domain, then launch into it
    #[arg(long)]
    pub reserve: bool,
    /// With --reserve, release unused reserved capacity at the end [default: keep it, and keep paying for it]
    #[arg(long, requires = "reserve")]
    pub release: bool,
    /// Create capacity reservations, grow them as capacity appears, and launch once --min (or all) instances are reserved;
    /// asks like `hunt`, until --until or --deadline [default: 30d]
    #[arg(long, conflicts_with = "reserve")]
    pub ratchet: bool,
    /// With --ratchet, give everything back before the reserved and unused capacity has cost this much [default: no limit]
    #[arg(long, value_name = "AMOUNT", requires = "ratchet", allow_negative_numbers = true, value_parser = super::amount)]
    pub max_hold_cost: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_counts_are_read_as_people_type_them() {
        let read = want("shape=S,ocpus=1,memory=6,count=10,fd=fault-domain-1").unwrap();
        assert_eq!((read.shape.as_str(), read.count, read.memory_gb), ("S", 10, Some(6.0)));
        assert_eq!(read.fault_domain.as_deref(), Some("FAULT-DOMAIN-1"));
        for wrong in [
            "",
            "shape=S",
            "count=1",
            "shape=S,count=x",
            "shape=S,count=0",
            "shape=S,count=1000001",
            "shape=S,count=1,size=2",
            "shape=S,count=1,ocpus=0",
            "shape=S,count=1,fd=",
        ] {
            assert!(want(wrong).is_err(), "{wrong}");
        }
        assert_eq!(new_count("20"), Ok(NewCount::Exactly(20)));
        assert_eq!(new_count("+5"), Ok(NewCount::Grow(5)));
        assert_eq!(new_count("-5"), Ok(NewCount::Shrink(5)));
        for wrong in ["", "+", "--5", "+-5", "1.5", "ten", "1000001", "99999999999"] {
            assert!(new_count(wrong).is_err(), "{wrong}");
        }
    }
}
