//! Oracle's services that a service gateway reaches. Every region has these two (Oracle: "Service Gateway").

use crate::world::api::{ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::paging::{Cursor, Order};
use crate::world::request::answer;
use crate::world::state::World;
use oci_api::Region;
use oci_api::models::{Service, ServiceIdRequestDetails};
use std::collections::BTreeSet;

const COUNT: u8 = 2;

impl World {
    fn region_key(&self) -> &'static str {
        Region::find(&self.settings.region).map_or("phx", |region| region.key)
    }

    /// The label that rules name instead of a block.
    fn service_label(&self, service: u8) -> String {
        let key = self.region_key();
        match service {
            0 => format!("all-{key}-services-in-oracle-services-network"),
            _ => format!("oci-{key}-objectstorage"),
        }
    }

    /// The service with this label.
    pub(super) fn service_with_label(&self, label: &str) -> Option<u8> {
        (0..COUNT).find(|service| self.service_label(*service) == label)
    }

    pub(super) fn service_ocid(&self, service: u8) -> String {
        self.ids.text(Id(Kind::Service, u32::from(service)))
    }

    pub(super) fn service_name(&self, service: u8) -> String {
        let key = self.region_key().to_uppercase();
        match service {
            0 => format!("All {key} Services In Oracle Services Network"),
            _ => format!("OCI {key} Object Storage"),
        }
    }

    fn service_model(&self, service: u8) -> Service {
        Service {
            id: self.service_ocid(service),
            name: self.service_name(service),
            description: self.service_name(service),
            cidr_block: self.service_label(service),
            ..Service::default()
        }
    }

    fn service(&self, ocid: &str) -> Result<u8, ApiError> {
        let number = self.ids.number(Kind::Service, ocid).and_then(|number| u8::try_from(number).ok());
        number.filter(|number| *number < COUNT).ok_or_else(error::not_found)
    }

    /// The services that a request names.
    pub(super) fn services_of(&self, named: &[ServiceIdRequestDetails]) -> Result<BTreeSet<u8>, ApiError> {
        named.iter().map(|named| self.service(&named.service_id)).collect()
    }

    pub(in crate::world) fn get_network_service(&self, request: &ApiRequest) -> ApiResult {
        let service = self.service(request.in_path("serviceId"))?;
        Ok(answer(request.operation, &self.service_model(service))?.with_etag(self.unchanged()))
    }

    pub(in crate::world) fn list_network_services(&mut self, request: &ApiRequest) -> ApiResult {
        let page = self.page(request)?;
        let rows = (0..COUNT)
            .map(|service| {
                (Cursor { number: u32::from(service), ..Cursor::default() }, self.service_model(service))
            })
            .collect();
        page.answer_small(request, Order { by_name: false, descending: false }, rows)
    }
}
