//! Every operation of the table is served, and returns the model that the table names.

mod addresses;
mod backups;
mod clusters;
mod identity;
mod network;

use super::region::Region;
use oci_api::operation::Answer;
use oci_api::schema::Model;
use oci_api::{Operation, schema};
use oci_simulator::world::settings::QuotaSetting;
use oci_simulator::world::{ApiRequest, Known, WorldSettings};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A region with one resource of every kind, and their OCIDs.
struct Full {
    region: Region,
    ids: BTreeMap<&'static str, String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Full {
    fn new() -> Self {
        let quotas =
            vec![QuotaSetting { compartment: None, name: "standard-e4-core-count".into(), value: 1_000 }];
        let mut region = Region::new(WorldSettings { quotas, ..WorldSettings::default() });
        let mut details = region.details("one");
        details["launchVolumeAttachments"] = json!([
            {"type": "iscsi", "launchCreateVolumeDetails": {"volumeCreationType": "ATTRIBUTES", "sizeInGBs": 50}},
            {"type": "paravirtualized", "launchCreateVolumeDetails": {"volumeCreationType": "ATTRIBUTES", "sizeInGBs": 60}},
        ]);
        let launched = region.launch(&details).unwrap();
        let mut ids = BTreeMap::new();
        ids.insert("instanceId", text(&launched.json()["id"]));
        ids.insert("workRequestId", launched.work_request.unwrap());
        let mut full = Self { region, ids };
        let reservation = full.send(
            &full
                .region
                .request(Operation::CreateComputeCapacityReservation)
                .body(full.body(Operation::CreateComputeCapacityReservation)),
        );
        full.ids.insert("capacityReservationId", text(&reservation["id"]));
        let configuration = full.body(Operation::CreateInstanceConfiguration);
        let configuration =
            full.send(&full.region.request(Operation::CreateInstanceConfiguration).body(configuration));
        full.ids.insert("instanceConfigurationId", text(&configuration["id"]));
        let pool = full.body(Operation::CreateInstancePool);
        let pool = full.send(&full.region.request(Operation::CreateInstancePool).body(pool));
        full.ids.insert("instancePoolId", text(&pool["id"]));
        full.region.advance(60.0);
        let mut member = full.region.details("member");
        member["capacityReservationId"] = full.ids["capacityReservationId"].clone().into();
        full.send(&full.region.request(Operation::LaunchInstance).body(member));
        full.region.advance(600.0);
        let vnics = full.region.list(Operation::ListVnicAttachments);
        full.ids.insert("vnicId", text(&vnics[0]["vnicId"]));
        full.ids.insert("vnicAttachmentId", text(&vnics[0]["id"]));
        let attached = full.region.list(Operation::ListVolumeAttachments);
        full.ids.insert("volumeAttachmentId", text(&attached[0]["id"]));
        let volumes = full.region.list(Operation::ListBootVolumes);
        let own = volumes.iter().find(|row| row["displayName"] == "one (Boot Volume)").unwrap();
        full.ids.insert("bootVolumeId", text(&own["id"]));
        full.ids.insert("volumeId", text(&full.region.list(Operation::ListVolumes)[0]["id"]));
        let defaults = full.region.defaults.clone();
        full.ids.insert("imageId", defaults.image);
        full.add_network();
        full.add_addresses();
        let host = "ocid1.dedicatedvmhost.oc1.phx.known".to_owned();
        full.region.world.register(&Known::Other { ocid: host.clone() }).unwrap();
        full.ids.insert("dedicatedVmHostId", host);
        full.ids.insert("tenancyId", defaults.tenancy);
        full.ids.insert("userId", defaults.user);
        full.ids.insert("compartmentId", defaults.compartment);
        full.add_clusters();
        full.ids.insert("serviceName", "compute".into());
        let request = full.request(Operation::ListBootVolumeAttachments);
        full.ids.insert("bootVolumeAttachmentId", text(&full.region.pages(&request)[0]["id"]));
        full.ids.insert("shapeName", "VM.Standard.E4.Flex".into());
        full.ids.insert("name", "instance".into());
        full.ids.insert("assetId", full.ids["bootVolumeId"].clone());
        let request = full.body(Operation::CreateLimitsIncreaseRequest);
        let request = full.send(&full.region.request(Operation::CreateLimitsIncreaseRequest).body(request));
        full.ids.insert("limitsIncreaseRequestId", text(&request["id"]));
        full.ids.insert("limitName", "standard-e4-core-count".into());
        let free = full.body(Operation::CreateVolume);
        let free = full.send(&full.region.request(Operation::CreateVolume).body(free));
        full.ids.insert("freeVolumeId", text(&free["id"]));
        full.region.advance(10.0);
        full.add_backups();
        full.add_identity();
        let capture = Operation::CaptureConsoleHistory;
        let captured = full.send(&full.region.request(capture).body(full.body(capture)));
        full.ids.insert("instanceConsoleHistoryId", text(&captured["id"]));
        full.region.advance(10.0);
        full
    }

    fn send(&mut self, request: &ApiRequest) -> Value {
        let answer = self.region.world.handle(request);
        answer.unwrap_or_else(|error| panic!("{}: {error}", request.operation.name())).json()
    }

    fn body(&self, operation: Operation) -> Value {
        let defaults = &self.region.defaults;
        let ad = &defaults.availability_domains[0];
        let mut launch = self.region.details("more");
        let of = |name: &str| self.ids.get(name).cloned().unwrap_or_default();
        match operation {
            Operation::LaunchInstance => launch,
            Operation::UpdateInstance => json!({"displayName": "new name"}),
            Operation::SearchResources => json!({"type": "Structured", "query": "query all resources"}),
            Operation::CreateComputeCapacityReservation => json!({
                "compartmentId": defaults.compartment, "availabilityDomain": ad,
                "instanceReservationConfigs": [{
                    "instanceShape": "VM.Standard.E4.Flex", "reservedCount": 4,
                    "instanceShapeConfig": {"ocpus": 1, "memoryInGBs": 6},
                }],
            }),
            Operation::UpdateComputeCapacityReservation => json!({"displayName": "renamed"}),
            Operation::ChangeComputeCapacityReservationCompartment => {
                json!({"compartmentId": defaults.tenancy})
            }
            Operation::CreateComputeCapacityReport => json!({
                "compartmentId": defaults.tenancy, "availabilityDomain": ad,
                "shapeAvailabilities": [{"instanceShape": "VM.Standard.E4.Flex"}, {"instanceShape": "BM.Standard.E4.128"}],
            }),
            Operation::CreateInstanceConfiguration => {
                launch["freeformTags"] = json!({"from": "configuration"});
                json!({
                    "source": "NONE", "compartmentId": defaults.compartment,
                    "instanceDetails": {"instanceType": "compute", "launchDetails": launch},
                })
            }
            Operation::LaunchInstanceConfiguration => {
                json!({"instanceType": "compute", "launchDetails": {"displayName": "configured"}})
            }
            Operation::CreateInstancePool => json!({
                "compartmentId": defaults.compartment, "instanceConfigurationId": of("instanceConfigurationId"),
                "size": 3,
                "placementConfigurations": [
                    {"availabilityDomain": ad, "primarySubnetId": defaults.private_subnet},
                    {"availabilityDomain": defaults.availability_domains[1],
                     "primaryVnicSubnets": {"subnetId": defaults.private_subnet}},
                ],
            }),
            Operation::UpdateInstancePool => json!({"displayName": "pond"}),
            Operation::CreateLimitsIncreaseRequest => json!({
                "displayName": "more", "compartmentId": defaults.compartment, "justification": "a larger fleet",
                "limitsIncreaseItemRequests": [{
                    "serviceName": "compute", "limitName": "standard-e4-core-count", "region": "us-phoenix-1",
                    "scope": ad, "value": 200_000,
                }],
            }),
            Operation::UpdateLimitsIncreaseRequest => json!({"freeformTags": {"team": "a"}}),
            Operation::PatchLimitsIncreaseRequest => json!({"items": [
                {"operation": "INSERT", "selection": "customerComments", "value": {"message": "it is urgent"}},
            ]}),
            Operation::AttachInstancePoolInstance | Operation::DetachInstancePoolInstance => {
                json!({"instanceId": of("instanceId")})
            }
            Operation::CreateImage => {
                json!({"compartmentId": defaults.compartment, "instanceId": of("instanceId")})
            }
            Operation::CaptureConsoleHistory => json!({"instanceId": of("instanceId")}),
            Operation::CreateVolume => json!({
                "compartmentId": defaults.compartment, "availabilityDomain": ad, "sizeInGBs": 50,
            }),
            Operation::AttachVolume => json!({
                "type": "iscsi", "instanceId": of("instanceId"), "volumeId": of("freeVolumeId"),
            }),
            _ => self
                .addresses_body(operation)
                .or_else(|| self.backups_body(operation))
                .or_else(|| self.identity_body(operation))
                .or_else(|| self.clusters_body(operation))
                .unwrap_or_else(|| self.network_body(operation)),
        }
    }

    /// A request for this operation, with every required parameter.
    fn request(&self, operation: Operation) -> ApiRequest {
        let info = operation.info();
        let mut request = self.region.request(operation);
        for parameter in info.path_parameters {
            request = request.path(parameter.name, self.ids[parameter.name].clone());
        }
        for parameter in info.query.iter().filter(|parameter| parameter.required) {
            let value = match parameter.name {
                "availabilityDomain" => self.region.defaults.availability_domains[0].clone(),
                "action" => "SOFTRESET".to_owned(),
                "scope" => "AVAILABILITY_DOMAIN".to_owned(),
                "serviceName" => "compute".to_owned(),
                name => self.ids[name].clone(),
            };
            request = request.query(parameter.name, value);
        }
        let ad = self.region.defaults.availability_domains[0].clone();
        let compartment = self.region.defaults.compartment.clone();
        request = match operation {
            Operation::GetInstancePoolInstance => {
                request.path("instanceId", self.ids["poolInstanceId"].clone())
            }
            Operation::DeleteUser => request.path("userId", self.ids["otherUserId"].clone()),
            Operation::UpdateCompartment | Operation::DeleteCompartment => {
                request.path("compartmentId", self.ids["otherCompartmentId"].clone())
            }
            Operation::ListPrivateIps => {
                request.query("subnetId", self.region.defaults.public_subnet.clone())
            }
            Operation::ListPublicIps | Operation::GetResourceAvailability => {
                request.query("availabilityDomain", ad)
            }
            Operation::ListBootVolumes
            | Operation::ListVolumes
            | Operation::ListNetworkSecurityGroups
            | Operation::ListComputeClusters
            | Operation::ListDedicatedVmHosts => request.query("compartmentId", compartment),
            Operation::ListCompartments
            | Operation::ListUsers
            | Operation::ListGroups
            | Operation::ListDynamicGroups
            | Operation::ListPolicies
            | Operation::ListTagNamespaces
            | Operation::ListCostTrackingTags
            | Operation::ListUserGroupMemberships
            | Operation::ListQuotas => {
                let root = self.region.defaults.tenancy.clone();
                request.query("compartmentId", root)
            }
            _ => request,
        };
        match info.body {
            Some(_) if info.body_required => request.body(self.body(operation)),
            _ => request,
        }
    }
}

/// Checks that every required field is present and that no enum has an unknown value.
fn check_model(model: &str, value: &Value, path: &str) {
    let mut model = Model::find(model).unwrap();
    let object = value.as_object().unwrap_or_else(|| panic!("{path} is no object: {value}"));
    if let Some(tag) = model.discriminator {
        let kind = object[tag].as_str().unwrap();
        let subtype = model.subtypes.iter().find(|(value, _)| *value == kind);
        model = Model::find(subtype.unwrap_or_else(|| panic!("{path}: {kind}")).1).unwrap();
    }
    for field in model.fields {
        let path = format!("{path}.{}", field.name);
        match object.get(field.name) {
            None => assert!(!field.required, "{path} is required and missing"),
            Some(value) => {
                if let Some(value) = value.as_str().filter(|_| !field.values.is_empty()) {
                    assert!(field.values.contains(&value), "{path}: {value} is not known");
                }
                match (field.kind, value) {
                    (schema::Kind::Model(model), value) => check_model(model, value, &path),
                    (schema::Kind::List(schema::Kind::Model(model)), Value::Array(items)) => {
                        for item in items {
                            check_model(model, item, &path);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    for name in object
        .keys()
        .filter(|name| model.discriminator.is_none() && Some(name.as_str()) != model.discriminator)
    {
        let known = model.field(name).is_some() || name.ends_with("Type") || name == "type";
        assert!(known, "{path}.{name} is not in the model");
    }
}

/// Nothing failed, no VNIC is in the group, and the region has no VLANs.
const EMPTY: [Operation; 3] =
    [Operation::ListWorkRequestErrors, Operation::ListNetworkSecurityGroupVnics, Operation::ListVlans];

#[test]
fn every_operation_answers_with_its_declared_model() {
    for operation in Operation::ALL.iter().copied() {
        let mut full = Full::new();
        if operation == Operation::StartInstancePool {
            let stop = full.request(Operation::StopInstancePool);
            full.send(&stop);
            full.region.advance(300.0);
        }
        if operation == Operation::DetachInstancePoolInstance {
            let attach = full.request(Operation::AttachInstancePoolInstance);
            full.send(&attach);
        }
        if [Operation::DeleteBootVolume, Operation::DeleteVolume].contains(&operation) {
            let end = full
                .request(Operation::TerminateInstance)
                .query("preserveBootVolume", "true")
                .query("preserveDataVolumesCreatedAtLaunch", "true");
            full.send(&end);
            full.region.advance(300.0);
        }
        if operation == Operation::DeleteComputeCapacityReservation {
            let member =
                full.region.world.live_instances().find(|entry| entry.reservation.is_some()).unwrap();
            full.region.terminate(&member.id);
            full.region.advance(300.0);
        }
        if operation == Operation::DeleteInstanceConfiguration {
            let end = full.request(Operation::TerminateInstancePool);
            full.send(&end);
            full.region.advance(300.0);
        }
        if operation == Operation::DeleteLimitsIncreaseRequest {
            let cancel = full.request(Operation::CancelLimitsIncreaseRequest);
            full.send(&cancel);
        }
        full.make_room_for(operation);
        let mut request = full.request(operation);
        if [Operation::UpdateImage, Operation::DeleteImage].contains(&operation) {
            // Only an image of one's own can be changed.
            let make = full.request(Operation::CreateImage);
            request = request.path("imageId", text(&full.send(&make)["id"]));
        }
        let info = operation.info();
        let answer = full.region.world.handle(&request);
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", info.name));
        assert_eq!(answer.status, info.success, "{}", info.name);
        for (header, there) in [
            ("etag", answer.etag.is_some()),
            ("opc-work-request-id", answer.work_request.is_some()),
            ("location", answer.location.is_some()),
        ] {
            assert_eq!(info.success_headers.contains(&header), there, "{} {header}", info.name);
        }
        match info.response {
            Answer::Empty => assert_eq!(answer.body, None, "{}", info.name),
            // Lists of kinds that the region never has need no models of their rows.
            Answer::One("str") => assert!(answer.json().is_string(), "{}", info.name),
            Answer::One("bytes") => {
                assert!(answer.body.is_some_and(|body| !body.is_empty()), "{}", info.name);
            }
            Answer::One(model) | Answer::List(model) if Model::find(model).is_none() => {
                let empty = answer.json();
                assert!(empty == json!([]) || empty == json!({"items": []}), "{}: {empty}", info.name);
            }
            Answer::One(model) => check_model(model, &answer.json(), info.name),
            Answer::List(model) => {
                let json = answer.json();
                let rows = json.as_array().unwrap();
                assert!(!rows.is_empty() || EMPTY.contains(&operation), "{}", info.name);
                for row in rows {
                    check_model(model, row, info.name);
                }
            }
        }
        full.region.world.check_invariants().unwrap_or_else(|error| panic!("{}: {error}", info.name));
    }
}

#[test]
fn an_ocid_that_names_nothing_is_not_found_by_any_operation() {
    let mut full = Full::new();
    for operation in
        Operation::ALL.iter().copied().filter(|operation| !operation.info().path_parameters.is_empty())
    {
        let mut request = full.request(operation);
        let name = operation.info().path_parameters[0].name;
        if name == "serviceName" {
            request.path.insert("limitName", "no-such-count".into());
        } else {
            // One letter changed: an OCID of the right kind that was never assigned.
            let mut ocid = request.path[name].clone();
            let last = if ocid.pop() == Some('a') { 'b' } else { 'a' };
            ocid.push(last);
            request.path.insert(name, ocid);
        }
        let error = full.region.world.handle(&request).unwrap_err();
        assert_eq!((error.status, error.code), (404, "NotAuthorizedOrNotFound"), "{}", operation.name());
    }
}

#[test]
fn another_tenancy_finds_nothing() {
    let mut full = Full::new();
    let mut request = full.request(Operation::ListInstances);
    request.caller.tenancy = "ocid1.tenancy.oc1..someoneelse".into();
    assert_eq!(full.region.world.handle(&request).unwrap_err().status, 404);
}
