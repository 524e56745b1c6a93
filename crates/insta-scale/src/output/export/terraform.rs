//! `import` blocks for Terraform: `terraform plan -generate-config-out=instances.tf` then writes the resources.

use super::Exported;
use super::alias::{Alphabet, aliases, comment};
use fleet::select::Machine;
use oci_api::Ocid;
use std::fmt::Write as _;

pub(super) fn write(machines: &[Machine]) -> Exported {
    let mut text = String::new();
    let mut left_out = Vec::new();
    for (machine, alias) in machines.iter().zip(aliases(machines, Alphabet::Word)) {
        // A valid OCID contains nothing that HCL would interpret.
        if let Err(error) = Ocid::parse(&machine.ocid) {
            left_out.push(format!(
                "{}: {:?} is not an OCID: {error}",
                comment(machine.label()),
                machine.ocid
            ));
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = write!(
            text,
            "# {}\nimport {{\n  to = oci_core_instance.{alias}\n  id = \"{}\"\n}}\n",
            comment(machine.label()),
            machine.ocid
        );
    }
    Exported { text, left_out }
}
