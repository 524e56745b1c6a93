//! A region to test, with short methods to call it.

use jiff::{SignedDuration, Timestamp};
use oci_api::Operation;
use oci_simulator::world::{ApiAnswer, ApiError, ApiRequest, Caller, Defaults, World, WorldSettings};
use serde_json::{Value, json};

pub struct Region {
    pub world: World,
    pub defaults: Defaults,
}

impl Region {
    pub fn roomy() -> Self {
        Self::new(WorldSettings::default())
    }

    pub fn new(settings: WorldSettings) -> Self {
        Self::seeded(settings, 7)
    }

    pub fn seeded(settings: WorldSettings, seed: u64) -> Self {
        let start: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let world = World::new(settings, seed, start);
        Self { defaults: world.defaults(), world }
    }

    pub fn request(&self, operation: Operation) -> ApiRequest {
        let caller = Caller { tenancy: self.defaults.tenancy.clone(), user: self.defaults.user.clone() };
        ApiRequest::new(operation, caller)
    }

    pub fn details(&self, name: &str) -> Value {
        json!({
            "compartmentId": self.defaults.compartment,
            "availabilityDomain": self.defaults.availability_domains[0],
            "displayName": name,
            "shape": "VM.Standard.E4.Flex",
            "shapeConfig": {"ocpus": 1.0, "memoryInGBs": 6.0},
            "sourceDetails": {"sourceType": "image", "imageId": self.defaults.image},
            "createVnicDetails": {"subnetId": self.defaults.public_subnet},
        })
    }

    pub fn launch(&mut self, details: &Value) -> Result<ApiAnswer, ApiError> {
        let request = self.request(Operation::LaunchInstance).body(details.clone());
        self.world.handle(&request)
    }

    pub fn launch_running(&mut self, name: &str) -> String {
        let answer = self.launch(&self.details(name)).unwrap();
        self.advance(300.0);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub fn advance(&mut self, seconds: f64) {
        let duration = SignedDuration::from_millis((seconds * 1000.0) as i64);
        self.world.advance_to(self.world.now() + duration);
    }

    pub fn get(&mut self, operation: Operation, name: &'static str, id: &str) -> Result<ApiAnswer, ApiError> {
        let request = self.request(operation).path(name, id);
        self.world.handle(&request)
    }

    pub fn instance(&mut self, id: &str) -> Value {
        self.get(Operation::GetInstance, "instanceId", id).unwrap().json()
    }

    pub fn work(&mut self, id: &str) -> Value {
        self.get(Operation::GetWorkRequest, "workRequestId", id).unwrap().json()
    }

    pub fn act(&mut self, id: &str, action: &str) -> Result<ApiAnswer, ApiError> {
        let request = self.request(Operation::InstanceAction).path("instanceId", id).query("action", action);
        self.world.handle(&request)
    }

    pub fn terminate(&mut self, id: &str) {
        let request = self.request(Operation::TerminateInstance).path("instanceId", id);
        self.world.handle(&request).unwrap();
    }

    /// All pages of a list in the usual compartment.
    pub fn list(&mut self, operation: Operation) -> Vec<Value> {
        let request = self.request(operation).query("compartmentId", self.defaults.compartment.clone());
        self.pages(&request)
    }

    /// All pages of a list.
    pub fn pages(&mut self, request: &ApiRequest) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut request = request.clone();
        loop {
            let answer = self.world.handle(&request).unwrap();
            rows.extend(answer.json().as_array().unwrap().iter().cloned());
            match answer.next_page {
                Some(page) => request = request.query("page", page),
                None => return rows,
            }
        }
    }
}
