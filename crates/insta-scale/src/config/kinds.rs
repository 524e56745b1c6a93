//! What each key of config.yaml takes: text, a number, a list, a group. The schema and the paths of `--set` come from this table.
//!
//! It must not read a config.

use super::keys;
use super::{alternatives, engine, instance, notify, own_network, size, spread};
use crate::notify::Encryption;

/// What a key takes.
pub enum Kind {
    /// Text, or a number or a boolean, which is taken as written.
    Text,
    /// One text or a list of texts.
    Texts,
    /// True or false.
    Flag,
    /// A whole number in the range of [`keys::range`].
    Whole,
    /// A number above 0.
    Number,
    /// One of these words.
    Word(Vec<&'static str>),
    /// Names with texts.
    Table,
    /// Names with anything.
    Free,
    /// Names with groups of keys.
    Groups(&'static str),
    /// A group of keys.
    Group(&'static str),
    /// A list of groups of keys.
    List(&'static str),
    /// Any of these.
    Either(Vec<Kind>),
}

/// What a path may name below a key.
#[derive(Clone, Copy)]
pub enum Leads {
    /// The keys of this group.
    Group(&'static str),
    /// The numbers of items, each a group.
    List(&'static str),
    /// Any names, each with a group.
    Named(&'static str),
    /// Any names, each with one value.
    Names,
    /// The numbers of items.
    Items,
    /// Anything.
    Anything,
    /// Nothing.
    Nothing,
}

/// What a path may name below a key of a group.
pub fn leads(path: &str, key: &str) -> Leads {
    fn of(kind: &Kind) -> Leads {
        match kind {
            Kind::Group(path) => Leads::Group(path),
            Kind::List(path) => Leads::List(path),
            Kind::Groups(path) => Leads::Named(path),
            Kind::Table => Leads::Names,
            Kind::Free => Leads::Anything,
            Kind::Texts => Leads::Items,
            Kind::Either(kinds) => {
                let all = kinds.iter().map(of);
                all.fold(
                    Leads::Nothing,
                    |found, next| if matches!(next, Leads::Nothing) { found } else { next },
                )
            }
            Kind::Text | Kind::Flag | Kind::Whole | Kind::Number | Kind::Word(_) => Leads::Nothing,
        }
    }
    of(&kind(path, key))
}

fn words<T>(table: &[(&'static str, T)]) -> Kind {
    Kind::Word(table.iter().map(|(word, _)| *word).collect())
}

/// What a key of a group takes.
pub fn kind(path: &str, key: &str) -> Kind {
    match (path, key) {
        ("the top level", "regions") => Kind::List("regions[]"),
        ("the top level", "prices") => Kind::Group("prices"),
        ("the top level", "ssh") => Kind::Group("ssh"),
        ("the top level", "hunt") => Kind::Group("hunt"),
        ("the top level", "notify") => Kind::List("notify[]"),
        ("the top level", "instance_settings") => Kind::Group("instance_settings"),
        ("instance_settings", "want") => Kind::Group("instance_settings.want"),
        ("instance_settings", "shape_config") => Kind::Group("instance_settings.shape_config"),
        ("instance_settings.alternatives[]", "shape_config") => {
            Kind::Group("instance_settings.alternatives[].shape_config")
        }
        (_, "agent_config") => Kind::Group("instance_settings.agent_config"),
        (_, "spread") => Kind::Group("instance_settings.spread"),
        (_, "capacity_reservations") => Kind::List("instance_settings.capacity_reservations[]"),
        (_, "alternatives") => Kind::List("instance_settings.alternatives[]"),
        ("regions[]", "image") => Kind::Group("regions[].image"),
        ("instance_settings", "image") => Kind::Group("instance_settings.image"),
        ("instance_settings.alternatives[]", "image") => {
            Kind::Group("instance_settings.alternatives[].image")
        }
        ("prices", "shapes") => Kind::Groups("prices.shapes.<shape>"),
        (_, "preemptible") => Kind::Either(vec![Kind::Flag, Kind::Group("instance_settings.preemptible")]),
        ("instance_settings", "network") => {
            Kind::Either(vec![words(&own_network::WORDS), Kind::Group("instance_settings.network")])
        }
        ("regions[]" | "instance_settings.alternatives[]", "subnet_id" | "subnet")
        | ("regions[]", "image_id") => Kind::Either(vec![Kind::Text, Kind::Table]),
        (_, "prefer") => words(&instance::PREFER),
        (_, "strategy") => words(&instance::STRATEGIES),
        (_, "engine") => words(&engine::ENGINES),
        (_, "capacity_type") => words(&alternatives::CAPACITY_TYPES),
        (_, "baseline_ocpu_utilization") => words(&size::BASELINES),
        (_, "across") => words(&spread::ACROSS),
        (_, "when_impossible") => words(&spread::WHEN_IMPOSSIBLE),
        ("notify[]", "type") => words(&notify::TYPES),
        ("notify[]", "tls") => words(&Encryption::ALL),
        (_, "ocpus" | "memory_in_gbs" | "boot_volume_gb_month" | "confirm_above")
        | ("prices.shapes.<shape>", _) => Kind::Number,
        (_, "metadata" | "freeform_tags") => Kind::Table,
        (_, "defined_tags" | "launch_details" | "plugins") => Kind::Free,
        (_, "availability_domain" | "fault_domain")
            if path != "instance_settings.capacity_reservations[]" =>
        {
            Kind::Texts
        }
        (_, "names" | "nsg_ids" | "nsgs" | "ssh_from" | "ssh_authorized_keys" | "shapes" | "on" | "to") => {
            Kind::Texts
        }
        (_, key) if keys::FLAGS.contains(&key) => Kind::Flag,
        (_, key) if keys::range(key).is_some() => Kind::Whole,
        _ => Kind::Text,
    }
}
