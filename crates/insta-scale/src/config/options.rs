//! Reads the optional keys of `instance_settings:` that only set a field in the body of a launch.
//!
//! It must not know about placements, names or counts.

use super::body::Body;
use super::context::{Context, GROUP};
use super::finding::Findings;
use super::keys;
use super::ocids;
use super::section::{At, Section};
use super::yaml::{Node, Value};

/// Sets a true/false field of the body from a key.
pub fn set_flag(section: &Section<'_>, key: &str, path: &str, body: &mut Body) {
    if let Some(flag) = section.flag(key) {
        body.set(path, flag.value, &format!("{GROUP}{key}"), flag.place);
    }
}

/// Sets an OCID field of the body from a key.
pub fn set_ocid(
    section: &Section<'_>,
    key: &str,
    types: &[&str],
    path: &str,
    context: &Context<'_>,
    body: &mut Body,
) {
    if let Some(ocid) = section.text(key) {
        ocids::check_ocid(key, &ocid, types, context.home, context.findings);
        body.set(path, ocid.value, &format!("{GROUP}{key}"), ocid.place);
    }
}

/// Reads the optional keys.
pub fn read_options(section: &Section<'_>, context: &Context<'_>, body: &mut Body) {
    let findings = context.findings;
    for (key, path) in [
        ("is_pv_encryption_in_transit_enabled", "isPvEncryptionInTransitEnabled"),
        ("imds_v2_only", "instanceOptions.areLegacyImdsEndpointsDisabled"),
        ("is_live_migration_preferred", "availabilityConfig.isLiveMigrationPreferred"),
    ] {
        set_flag(section, key, path, body);
    }
    for named in fleet::named::ALL {
        if let Some(key) = named.key {
            set_ocid(section, key, &[named.ocid_type], named.path, context, body);
        }
    }
    if let Some(action) = section.text("recovery_action") {
        let key = "instance_settings.recovery_action";
        body.set("availabilityConfig.recoveryAction", action.value, key, action.place);
    }
    read_preemptible(section, findings, body);
    if let Some(node) = section.node("agent_config") {
        read_agent(node, findings, body);
    }
}

fn read_preemptible(section: &Section<'_>, findings: &Findings, body: &mut Body) {
    let Some(node) = section.node("preemptible") else { return };
    let path = "preemptibleInstanceConfig.preemptionAction";
    let key = "instance_settings.preemptible";
    let keep = if matches!(node.value, Value::Map(_)) {
        let group = Section::of(node, "instance_settings.preemptible.", keys::PREEMPTIBLE, findings);
        group.and_then(|group| group.flag("preserve_boot_volume"))
    } else {
        match section.flag("preemptible") {
            Some(At { value: true, .. }) => None,
            _ => return,
        }
    };
    body.set(&format!("{path}.type"), "TERMINATE", key, node.place);
    if let Some(keep) = keep {
        body.set(&format!("{path}.preserveBootVolume"), keep.value, key, keep.place);
    }
}

fn read_agent(node: &Node, findings: &Findings, body: &mut Body) {
    let path = "instance_settings.agent_config.";
    let Some(group) = Section::of(node, path, keys::AGENT, findings) else { return };
    for (key, wire) in [
        ("is_monitoring_disabled", "isMonitoringDisabled"),
        ("is_management_disabled", "isManagementDisabled"),
        ("are_all_plugins_disabled", "areAllPluginsDisabled"),
    ] {
        if let Some(flag) = group.flag(key) {
            body.set(&format!("agentConfig.{wire}"), flag.value, &format!("{path}{key}"), flag.place);
        }
    }
    let mut plugins = Vec::new();
    for entry in group.free_keys("plugins") {
        let state = match &entry.value.value {
            Value::Scalar(scalar) => match scalar.text.to_ascii_lowercase().as_str() {
                "enabled" | "true" | "on" | "yes" => Some("ENABLED"),
                "disabled" | "false" | "off" | "no" => Some("DISABLED"),
                _ => None,
            },
            _ => None,
        };
        match state {
            Some(state) => plugins.push(serde_json::json!({"name": entry.key, "desiredState": state})),
            None => group.wrong(&format!("plugins.{}", entry.key), &entry.value, "ENABLED or DISABLED", None),
        }
    }
    if let (false, Some(place)) = (plugins.is_empty(), group.node("plugins").map(|node| node.place)) {
        body.set("agentConfig.pluginsConfig", plugins, &format!("{path}plugins"), place);
    }
}
