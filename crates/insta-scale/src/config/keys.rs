//! The names of all keys of config.yaml. They are accepted, suggested for misspelt keys, and documented in config.example.yaml
//! (a test compares the two).

use std::ops::RangeInclusive;

/// The key whose value is never shown.
pub const SECRET: &str = "private_key_passphrase";

/// A key of `notify` whose value may be a secret.
pub const SECRET_ADDRESS: &str = "url";

/// The address of a shared ledger, which may contain a password.
pub const LEDGER: &str = "ledger";

/// Whether the value of a key may be a secret by itself.
pub fn is_secret(key: &str) -> bool {
    [SECRET, SECRET_ADDRESS, LEDGER].contains(&key)
}

/// The whole numbers, with the range that each must be in.
const RANGES: &[(&str, RangeInclusive<i64>)] = &[
    ("count", 1..=super::MAX_COUNT as i64),
    ("max_instances", 1..=super::MAX_COUNT as i64),
    ("nvmes", 1..=7),
    ("vcpus", 1..=4096),
    // Oracle, "Creating a Custom Boot Volume": 50 GB to 32 TB; volume performance units 10 to 120 in steps of 10.
    ("boot_volume_size_in_gbs", 50..=32_768),
    ("boot_volume_vpus_per_gb", 10..=120),
    ("max_skew", 1..=1000),
    ("port", 1..=65_535),
];

/// The range of a whole number; `None` for every other key.
pub fn range(key: &str) -> Option<RangeInclusive<i64>> {
    RANGES.iter().find(|(name, _)| *name == key).map(|(_, range)| range.clone())
}

/// The keys that are true or false, except for `preemptible`, which may also be a group.
pub const FLAGS: &[&str] = &[
    "public",
    "assign_public_ip",
    "assign_private_dns_record",
    "assign_ipv6_ip",
    "skip_source_dest_check",
    "is_pv_encryption_in_transit_enabled",
    "imds_v2_only",
    "is_live_migration_preferred",
    "preserve_boot_volume",
    "is_monitoring_disabled",
    "is_management_disabled",
    "are_all_plugins_disabled",
    "newest",
];

/// At the top level.
pub const TOP: &[&str] = &[
    "tenancy_ocid",
    "user_ocid",
    "fingerprint",
    "private_key_path",
    SECRET,
    "region",
    "compartment_id",
    "compartment",
    "regions",
    "fleet",
    "profile",
    "auth",
    "endpoint",
    "prices",
    "ssh",
    "hunt",
    "notify",
    LEDGER,
    "instance_settings",
];

/// Under `instance_settings`.
pub const INSTANCE: &[&str] = &[
    "display_name_prefix",
    "name_pattern",
    "names",
    "hostname",
    "count",
    "want",
    "shape",
    "shape_config",
    "image_id",
    "image",
    "boot_volume_id",
    "subnet_id",
    "subnet",
    "network",
    "assign_public_ip",
    "assign_private_dns_record",
    "assign_ipv6_ip",
    "skip_source_dest_check",
    "nsg_ids",
    "nsgs",
    "ssh_authorized_keys",
    "user_data",
    "metadata",
    "availability_domain",
    "fault_domain",
    "spread",
    "capacity_reservation_id",
    "capacity_reservation",
    "capacity_reservations",
    "alternatives",
    "prefer",
    "strategy",
    "engine",
    "dedicated_vm_host_id",
    "dedicated_vm_host",
    "compute_cluster_id",
    "compute_cluster",
    "cluster_placement_group_id",
    "freeform_tags",
    "defined_tags",
    "boot_volume_size_in_gbs",
    "boot_volume_vpus_per_gb",
    "kms_key_id",
    "is_pv_encryption_in_transit_enabled",
    "preemptible",
    "imds_v2_only",
    "is_live_migration_preferred",
    "recovery_action",
    "agent_config",
    "launch_details",
];

/// Under `want`.
pub const WANT: &[&str] = &["ocpus", "memory_in_gbs", "max_instances"];

/// Under `shape_config`.
pub const SHAPE: &[&str] = &["ocpus", "vcpus", "memory_in_gbs", "baseline_ocpu_utilization", "nvmes"];

/// In each item of `alternatives`.
pub const ALTERNATIVE: &[&str] = &[
    "shape",
    "shape_config",
    "image_id",
    "image",
    "capacity_type",
    "availability_domain",
    "fault_domain",
    "subnet_id",
    "subnet",
    "capacity_reservation_id",
    "capacity_reservation",
];

/// Under `shape_config` of an alternative.
pub const ALTERNATIVE_SHAPE: &[&str] = &["ocpus", "vcpus", "memory_in_gbs", "baseline_ocpu_utilization"];

/// In each item of `regions`.
pub const REGION: &[&str] = &[
    "region",
    "compartment_id",
    "compartment",
    "endpoint",
    "availability_domain",
    "shapes",
    "subnet_id",
    "subnet",
    "image_id",
    "image",
    "nsg_ids",
    "nsgs",
    "kms_key_id",
];

/// Under `image`.
pub const IMAGE_NAME: &[&str] = &["os", "version", "newest"];

/// Under `network`, if it is not just `create`.
pub const NETWORK: &[&str] = &["block", "ssh_from", "public"];

/// Under `preemptible`, if it is not just true or false.
pub const PREEMPTIBLE: &[&str] = &["preserve_boot_volume"];

/// Under `agent_config`.
pub const AGENT: &[&str] =
    &["is_monitoring_disabled", "is_management_disabled", "are_all_plugins_disabled", "plugins"];

/// Under `spread`.
pub const SPREAD: &[&str] = &["across", "max_skew", "when_impossible"];

/// In each item of `capacity_reservations`.
pub const RESERVATION: &[&str] = &["availability_domain", "capacity_reservation_id"];

/// Under `prices`.
pub const PRICES: &[&str] = &["currency", "boot_volume_gb_month", "confirm_above", "shapes"];

/// In each shape of `prices.shapes`.
pub const SHAPE_PRICE: &[&str] = &["ocpu", "memory_gb", "instance"];

/// Under `ssh`.
pub const SSH: &[&str] = &["user", "address", "jump_host", "identity_file"];

/// Under `hunt`.
pub const HUNT: &[&str] = &["floor"];

/// In each item of `notify`.
pub const NOTIFY: &[&str] = &[
    "name",
    "type",
    "on",
    "url",
    "url_file",
    "url_env",
    "secret_file",
    "secret_env",
    "token_file",
    "token_env",
    "chat_id",
    "server",
    "port",
    "tls",
    "user",
    "password_file",
    "password_env",
    "from",
    "to",
];

/// Every group of keys: its path, and its keys.
pub const GROUPS: &[(&str, &[&str])] = &[
    ("the top level", TOP),
    ("instance_settings", INSTANCE),
    ("instance_settings.want", WANT),
    ("instance_settings.shape_config", SHAPE),
    ("instance_settings.network", NETWORK),
    ("instance_settings.preemptible", PREEMPTIBLE),
    ("instance_settings.agent_config", AGENT),
    ("instance_settings.spread", SPREAD),
    ("instance_settings.capacity_reservations[]", RESERVATION),
    ("instance_settings.alternatives[]", ALTERNATIVE),
    ("instance_settings.alternatives[].shape_config", ALTERNATIVE_SHAPE),
    ("instance_settings.alternatives[].image", IMAGE_NAME),
    ("regions[]", REGION),
    ("regions[].image", IMAGE_NAME),
    ("instance_settings.image", IMAGE_NAME),
    ("ssh", SSH),
    ("hunt", HUNT),
    ("notify[]", NOTIFY),
    ("prices", PRICES),
    ("prices.shapes.<shape>", SHAPE_PRICE),
];

/// The remedy for a key that `group` does not have.
pub fn remedy(key: &str, group: &'static [&'static str]) -> String {
    let lower = lower(key);
    if let Some(near) = suggestion(key, group) {
        return format!("did you mean `{near}`?");
    }
    // The key may also be valid at another level.
    if let Some((place, _)) = GROUPS.iter().find(|(_, names)| names.contains(&lower.as_str())) {
        return format!("move `{lower}` under {place}");
    }
    if group == INSTANCE {
        return "to set another field of the API, write it under `launch_details:` with its name in the API"
            .to_owned();
    }
    format!("the keys here are: {}", group.join(", "))
}

/// The key of a group that was probably meant by a misspelt one.
pub fn suggestion(key: &str, group: &'static [&'static str]) -> Option<&'static str> {
    nearest(&lower(key), group.iter().copied())
}

fn lower(key: &str) -> String {
    key.to_ascii_lowercase().replace('-', "_")
}

/// The name that was probably meant by a misspelt one.
pub fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names
        .map(|name| (strsim::jaro_winkler(&wrong.to_ascii_lowercase(), &name.to_ascii_lowercase()), name));
    scored.filter(|(score, _)| *score >= 0.86).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}
