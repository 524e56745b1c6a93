//! A network of its own, for the operations of networks.

use super::{Full, text};
use oci_api::Operation;
use serde_json::{Value, json};

/// What a network is made of, with the parameter that names each part.
const NETWORK: [(Operation, &str); 9] = [
    (Operation::CreateVcn, "vcnId"),
    (Operation::CreateSubnet, "subnetId"),
    (Operation::CreateInternetGateway, "igId"),
    (Operation::CreateNatGateway, "natGatewayId"),
    (Operation::CreateServiceGateway, "serviceGatewayId"),
    (Operation::CreateRouteTable, "rtId"),
    (Operation::CreateSecurityList, "securityListId"),
    (Operation::CreateDhcpOptions, "dhcpId"),
    (Operation::CreateNetworkSecurityGroup, "networkSecurityGroupId"),
];

impl Full {
    /// A network of its own, with one part of each kind, which can all be deleted.
    pub fn add_network(&mut self) {
        let rules = json!([{"direction": "INGRESS", "protocol": "all", "source": "0.0.0.0/0"}]);
        for (operation, name) in NETWORK {
            let made = self.send(&self.region.request(operation).body(self.network_body(operation)));
            self.ids.insert(name, text(&made["id"]));
            if operation == Operation::CreateVcn {
                let block = text(&made["ipv6CidrBlocks"][0]).replace("/56", "/64");
                self.ids.insert("ipv6Block", block);
            }
        }
        let add = Operation::AddNetworkSecurityGroupSecurityRules;
        let group = self.ids["networkSecurityGroupId"].clone();
        let request = self.region.request(add).path("networkSecurityGroupId", group);
        let added = self.send(&request.body(json!({"securityRules": rules})));
        self.ids.insert("securityRuleId", text(&added["securityRules"][0]["id"]));
        self.region.advance(2.0);
        let services = self.region.pages(&self.region.request(Operation::ListVirtualNetworkServices));
        self.ids.insert("serviceId", text(&services[0]["id"]));
    }

    fn retire(&mut self, update: Operation) {
        let retire = self.request(update).body(json!({"isRetired": true}));
        self.send(&retire);
    }

    /// Deletes what stands in the way of an operation.
    pub fn make_room_for(&mut self, operation: Operation) {
        match operation {
            // A network can have one of each, and one block less than what it has after this.
            Operation::CreateInternetGateway => self.delete(Operation::DeleteInternetGateway, "igId"),
            Operation::CreateNatGateway => self.delete(Operation::DeleteNatGateway, "natGatewayId"),
            Operation::CreateServiceGateway => {
                self.delete(Operation::DeleteServiceGateway, "serviceGatewayId");
            }
            Operation::CreateSubnet => {
                self.delete(Operation::DeleteIpv6, "ipv6Id");
                self.delete(Operation::DeleteSubnet, "subnetId");
            }
            Operation::DeleteSubnet => self.delete(Operation::DeleteIpv6, "ipv6Id"),
            Operation::DeleteGroup => self.delete(Operation::RemoveUserFromGroup, "userGroupMembershipId"),
            Operation::DeleteTag => self.retire(Operation::UpdateTag),
            Operation::DeleteTagNamespace => {
                self.retire(Operation::UpdateTag);
                let delete = self.request(Operation::DeleteTag);
                self.send(&delete);
                self.retire(Operation::UpdateTagNamespace);
            }
            Operation::DeleteCompartment => self.delete(Operation::DeleteTagDefault, "tagDefaultId"),
            Operation::DetachVnic => {
                let attach = self.request(Operation::AttachVnic);
                let attached = self.send(&attach);
                self.ids.insert("vnicAttachmentId", text(&attached["id"]));
            }
            Operation::RemoveVcnCidr => {
                let add = self.request(Operation::AddVcnCidr);
                self.send(&add);
            }
            Operation::DeleteVcn => {
                self.delete(Operation::DeleteIpv6, "ipv6Id");
                self.delete(Operation::DeleteInternetGateway, "igId");
                self.delete(Operation::DeleteNatGateway, "natGatewayId");
                self.delete(Operation::DeleteServiceGateway, "serviceGatewayId");
                self.delete(Operation::DeleteSubnet, "subnetId");
                self.delete(Operation::DeleteRouteTable, "rtId");
                self.delete(Operation::DeleteSecurityList, "securityListId");
                self.delete(Operation::DeleteDhcpOptions, "dhcpId");
                self.delete(Operation::DeleteNetworkSecurityGroup, "networkSecurityGroupId");
            }
            _ => {}
        }
    }

    fn delete(&mut self, operation: Operation, name: &'static str) {
        let request = self.region.request(operation).path(name, self.ids[name].clone());
        self.send(&request);
        self.region.advance(2.0);
    }

    pub fn network_body(&self, operation: Operation) -> Value {
        let vcn = self.ids.get("vcnId").cloned().unwrap_or_default();
        let compartment = &self.region.defaults.compartment;
        let mut body = match operation {
            Operation::CreateVcn => {
                return json!({"compartmentId": compartment, "cidrBlock": "172.16.0.0/16", "dnsLabel": "own", "isIpv6Enabled": true});
            }
            Operation::CreateSubnet => json!({
                "cidrBlock": "172.16.0.0/24", "dnsLabel": "app",
                "ipv6CidrBlock": self.ids["ipv6Block"],
            }),
            Operation::CreateInternetGateway => json!({"isEnabled": true}),
            Operation::CreateServiceGateway => json!({"services": []}),
            Operation::CreateRouteTable => json!({"routeRules": []}),
            Operation::CreateSecurityList => json!({"ingressSecurityRules": [], "egressSecurityRules": []}),
            Operation::CreateDhcpOptions => {
                json!({"options": [{"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet"}]})
            }
            Operation::AddVcnCidr | Operation::RemoveVcnCidr => return json!({"cidrBlock": "172.17.0.0/16"}),
            Operation::AddNetworkSecurityGroupSecurityRules => {
                return json!({"securityRules": [
                    {"direction": "EGRESS", "protocol": "6", "destination": "10.0.0.0/8"},
                ]});
            }
            Operation::UpdateNetworkSecurityGroupSecurityRules => {
                return json!({"securityRules": [{
                    "id": self.ids["securityRuleId"], "direction": "INGRESS", "protocol": "17", "source": "::/0",
                }]});
            }
            Operation::RemoveNetworkSecurityGroupSecurityRules => {
                return json!({"securityRuleIds": [self.ids["securityRuleId"]]});
            }
            Operation::CreateNatGateway | Operation::CreateNetworkSecurityGroup => json!({}),
            _ => return json!({"displayName": "renamed"}),
        };
        body["compartmentId"] = compartment.clone().into();
        body["vcnId"] = vcn.into();
        body
    }
}
