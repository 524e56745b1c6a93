//! The subjects of the benchmarks: a key with its signature, a launch, a page of a list, a region with many instances.

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet::{Engine, FleetSpec, Plan};
use ledger::Placement;
use oci_api::Operation;
use oci_api::models::{
    CreateVnicDetails, InstanceSourceDetails, InstanceSourceViaImageDetails, LaunchInstanceDetails,
    LaunchInstanceShapeConfigDetails,
};
use oci_client::credentials::PrivateKey;
use oci_simulator::scenario::Scenario;
use oci_simulator::server::Identity;
use oci_simulator::world::{ApiAnswer, ApiRequest, Caller, Defaults, World};
use std::collections::BTreeMap;

/// Why a subject could not be created.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotMade(String);

fn because(error: impl std::fmt::Display) -> NotMade {
    NotMade(error.to_string())
}

/// A scenario with enough capacity for everything and no faults.
pub const ROOMY: &str = "world: {hosts: {per_fault_domain: 4000}, limits: {cores: 1000000, memory_in_gbs: 20000000}, event_log: 0}\n";

/// An RSA key of 2048 bits: the private and public parts, and a text with its signature.
pub struct Signing {
    /// Signs, as the client does.
    pub private: PrivateKey,
    /// Verifies, as the simulated region does.
    pub public: ParsedPublicKey,
    /// The text that a launch signs.
    pub text: String,
    /// The signature of the text.
    pub signature: Vec<u8>,
}

impl Signing {
    /// Generates a key.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn new() -> Result<Self, NotMade> {
        let identity = Identity::generate(None, "us-phoenix-1").map_err(because)?;
        let private =
            PrivateKey::from_pem(identity.private_key_pem.as_bytes(), None, "lab").map_err(because)?;
        let pem = identity.public_key.to_pem();
        let packed: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(packed).map_err(because)?;
        let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &der).map_err(because)?;
        let text = "date: Sun, 22 Nov 2026 12:00:00 GMT\n(request-target): post /20160918/instances\n\
            host: iaas.us-phoenix-1.oraclecloud.com\ncontent-length: 873\ncontent-type: application/json\n\
            x-content-sha256: V9Z20UJTvkvpJ50flBzKE32+6m2zJjweHpDMX/U4Uy0="
            .to_owned();
        let signature = private.sign(text.as_bytes()).map_err(because)?;
        Ok(Self { private, public, text, signature })
    }

    /// Signs once.
    pub fn sign(&self) -> Option<Vec<u8>> {
        self.private.sign(self.text.as_bytes()).ok()
    }

    /// Verifies once.
    pub fn verify(&self) -> bool {
        self.public.verify_sig(self.text.as_bytes(), &self.signature).is_ok()
    }
}

/// The OCIDs of a region that a fleet needs.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The tenancy.
    pub tenancy: String,
    /// The compartment.
    pub compartment: String,
    /// The subnet.
    pub subnet: String,
    /// The image.
    pub image: String,
    /// The availability domain's name in full.
    pub availability_domain: String,
}

impl Ground {
    /// The OCIDs of a region in this process.
    pub fn of(defaults: &Defaults) -> Self {
        Self {
            tenancy: defaults.tenancy.clone(),
            compartment: defaults.compartment.clone(),
            subnet: defaults.public_subnet.clone(),
            image: defaults.image.clone(),
            availability_domain: defaults.availability_domains.first().cloned().unwrap_or_default(),
        }
    }

    /// A plan of this many small instances, with the usual parts of a fleet: a key, some cloud-init, some tags.
    ///
    /// # Errors
    /// When the plan has findings.
    pub fn plan(&self, count: u32) -> Result<Plan, NotMade> {
        Plan::offline(self.fleet(count)).map_err(|findings| because(format!("{findings:?}")))
    }

    fn fleet(&self, count: u32) -> FleetSpec {
        let metadata = BTreeMap::from([
            (
                "ssh_authorized_keys".to_owned(),
                format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} lab", "A".repeat(43)),
            ),
            ("user_data".to_owned(), STANDARD.encode("#cloud-config\npackages: [htop]\n")),
        ]);
        FleetSpec {
            regions: Vec::new(),
            region: "us-phoenix-1".to_owned(),
            tenancy: self.tenancy.clone(),
            compartment: self.compartment.clone(),
            name_prefix: "lab".to_owned(),
            naming: None,
            hostname: None,
            engine: Engine::default(),
            count,
            want: None,
            first_number: 1,
            numbers: Vec::new(),
            spread: None,
            network: None,
            homes: Vec::new(),
            windows_images: Vec::new(),
            name: String::new(),
            placements: vec![Placement {
                availability_domain: self.availability_domain.clone(),
                shape: "VM.Standard.E5.Flex".to_owned(),
                ..Placement::default()
            }],
            template: LaunchInstanceDetails {
                create_vnic_details: Some(Box::new(CreateVnicDetails {
                    subnet_id: Some(self.subnet.clone()),
                    assign_public_ip: Some(false),
                    ..CreateVnicDetails::default()
                })),
                freeform_tags: Some(BTreeMap::from([("project".to_owned(), "lab".to_owned())])),
                metadata: Some(metadata),
                shape_config: Some(Box::new(LaunchInstanceShapeConfigDetails {
                    ocpus: Some(1.0),
                    memory_in_gbs: Some(6.0),
                    ..LaunchInstanceShapeConfigDetails::default()
                })),
                source_details: Some(Box::new(InstanceSourceDetails::Image(InstanceSourceViaImageDetails {
                    image_id: Some(self.image.clone()),
                    ..InstanceSourceViaImageDetails::default()
                }))),
                ..LaunchInstanceDetails::default()
            },
        }
    }
}

/// A region's state without a server, and launches into it.
pub struct Populated {
    /// The state.
    pub world: World,
    ground: Ground,
    subnets: [String; 2],
    caller: Caller,
    launched: u32,
    last: ApiAnswer,
}

impl Populated {
    /// A world with this many instances.
    ///
    /// # Errors
    /// When a launch was refused.
    pub fn new(instances: u32) -> Result<Self, NotMade> {
        let scenario = Scenario::from_yaml(ROOMY, "lab").map_err(because)?;
        let start = "2026-11-22T12:00:00Z".parse().map_err(because)?;
        let world = World::new(scenario.world, 1, start);
        let defaults = world.defaults();
        let caller = Caller { tenancy: defaults.tenancy.clone(), user: defaults.user.clone() };
        let subnets = [defaults.public_subnet.clone(), defaults.private_subnet.clone()];
        let ground = Ground::of(&defaults);
        let mut populated = Self { world, ground, subnets, caller, launched: 0, last: ApiAnswer::default() };
        for _ in 0..instances {
            populated.launch()?;
        }
        Ok(populated)
    }

    /// The number of its instances.
    pub fn launched(&self) -> u32 {
        self.launched
    }

    /// Launches one more instance: a step of the world. The subnets fill one after the other.
    ///
    /// # Errors
    /// When it was refused.
    pub fn launch(&mut self) -> Result<(), NotMade> {
        let number = self.launched + 1;
        let request = ApiRequest::new(Operation::LaunchInstance, self.caller.clone()).body(serde_json::json!({
            "availabilityDomain": self.ground.availability_domain,
            "compartmentId": self.ground.compartment,
            "displayName": format!("lab-{number}"),
            "shape": "VM.Standard.E5.Flex",
            "shapeConfig": {"ocpus": 1.0, "memoryInGBs": 6.0},
            "sourceDetails": {"sourceType": "image", "imageId": self.ground.image},
            "createVnicDetails": {"subnetId": self.subnets[usize::from(number > 60_000)], "assignPublicIp": false},
        }));
        self.last = self.world.handle(&request).map_err(|refused| because(format!("{refused:?}")))?;
        self.launched = number;
        Ok(())
    }

    /// The last instance.
    pub fn last(&self) -> String {
        self.last.json()["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Reads an instance: the cheapest step of the world.
    ///
    /// # Errors
    /// When it was refused.
    pub fn get(&mut self, ocid: &str) -> Result<usize, NotMade> {
        let request = ApiRequest::new(Operation::GetInstance, self.caller.clone()).path("instanceId", ocid);
        self.bytes(&request)
    }

    /// One page of 100 instances with this state.
    ///
    /// # Errors
    /// When it was refused.
    pub fn page(&mut self, state: &str) -> Result<Vec<u8>, NotMade> {
        let request = ApiRequest::new(Operation::ListInstances, self.caller.clone())
            .query("compartmentId", &self.ground.compartment)
            .query("availabilityDomain", &self.ground.availability_domain)
            .query("lifecycleState", state)
            .query("limit", "100");
        let answer = self.world.handle(&request).map_err(|refused| because(format!("{refused:?}")))?;
        Ok(answer.body.unwrap_or_default().to_vec())
    }

    /// The page of instances with exactly this name: the cost of a look-up.
    ///
    /// # Errors
    /// When it was refused.
    pub fn named(&mut self, name: &str) -> Result<usize, NotMade> {
        let request = ApiRequest::new(Operation::ListInstances, self.caller.clone())
            .query("compartmentId", &self.ground.compartment)
            .query("displayName", name)
            .query("limit", "100");
        self.bytes(&request)
    }

    fn bytes(&mut self, request: &ApiRequest) -> Result<usize, NotMade> {
        let answer = self.world.handle(request).map_err(|refused| because(format!("{refused:?}")))?;
        Ok(answer.body.map_or(0, |body| body.len()))
    }
}
