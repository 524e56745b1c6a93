//! stub
use super::World;
use super::api::ApiError;
use serde_json::Value;
impl World {
    pub(super) fn wake_pool(&mut self, _pool: u32) {}
    pub(super) fn member_is_gone(&mut self, _pool: u32, _n: u32) {}
    pub(super) fn launch_details_of(&self, _ocid: &str) -> Result<Value, ApiError> { Err(super::error::not_found()) }
}
