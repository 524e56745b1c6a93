//! Addresses of its own, for the operations of addresses.

use super::{Full, text};
use oci_api::Operation;
use serde_json::{Value, json};

impl Full {
    /// A private, a public and an IPv6 address that can all be changed and deleted.
    pub fn add_addresses(&mut self) {
        for (operation, name) in [
            (Operation::CreatePrivateIp, "privateIpId"),
            (Operation::CreatePublicIp, "publicIpId"),
            (Operation::CreateIpv6, "ipv6Id"),
        ] {
            let made = self.request(operation);
            let made = self.send(&made);
            self.ids.insert(name, text(&made["id"]));
            if operation == Operation::CreatePublicIp {
                self.ids.insert("publicAddress", text(&made["ipAddress"]));
            }
        }
        let vnic = self.ids["vnicId"].clone();
        let all = self.region.pages(&self.region.request(Operation::ListPrivateIps).query("vnicId", vnic));
        self.ids.insert("firstPrivateIpId", text(&all[0]["id"]));
        self.region.advance(2.0);
    }

    /// The body of an operation on addresses.
    pub fn addresses_body(&self, operation: Operation) -> Option<Value> {
        let vnic = &self.ids["vnicId"];
        let subnet = &self.region.defaults.public_subnet;
        Some(match operation {
            Operation::AttachVnic => {
                json!({"instanceId": self.ids["instanceId"], "createVnicDetails": {"subnetId": subnet}})
            }
            Operation::CreatePrivateIp => json!({"vnicId": vnic}),
            Operation::BulkCreatePrivateIps => {
                json!({"vnicId": vnic, "bulkCreatePrivateIpItem": [{}, {"displayName": "another"}]})
            }
            Operation::CreatePublicIp => {
                json!({"compartmentId": self.region.defaults.compartment, "lifetime": "RESERVED"})
            }
            Operation::GetPublicIpByIpAddress => json!({"ipAddress": self.ids["publicAddress"]}),
            Operation::GetPublicIpByPrivateIpId => json!({"privateIpId": self.ids["firstPrivateIpId"]}),
            Operation::CreateIpv6 => json!({"subnetId": self.ids["subnetId"], "lifetime": "RESERVED"}),
            _ => return None,
        })
    }
}
