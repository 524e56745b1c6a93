//! Operations on instance configurations.

use super::{ConfigurationRow, launch_fields, volume_at_launch};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::instances::validate::check_tags;
use crate::world::limits::Thing;
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::shapes::ShapeId;
use crate::world::state::World;
use crate::world::time::stamp;
use oci_api::models::{
    CreateInstanceConfigurationBase, InstanceConfiguration, InstanceConfigurationInstanceDetails,
    InstanceConfigurationSource, InstanceConfigurationSummary, UpdateInstanceConfigurationDetails,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

impl World {
    /// The configuration with this OCID, or 404.
    pub(in crate::world) fn configuration(&self, ocid: &str) -> Result<(u32, &ConfigurationRow), ApiError> {
        let number = self.ids.number(Kind::InstanceConfiguration, ocid);
        number
            .and_then(|number| Some((number, self.configurations.get(&number)?)))
            .ok_or_else(error::not_found)
    }

    /// The LaunchInstanceDetails that a configuration represents.
    pub(in crate::world) fn launch_details_of(&self, ocid: &str) -> Result<Value, ApiError> {
        let (number, _) = self.configuration(ocid)?;
        self.launch_details(number)
    }

    /// Like [`Self::launch_details_of`], by number.
    pub(in crate::world) fn launch_details(&self, number: u32) -> Result<Value, ApiError> {
        let row = self.configurations.get(&number).ok_or_else(error::not_found)?;
        let mut details = launch_fields(&row.details);
        details
            .entry("compartmentId")
            .or_insert_with(|| Value::from(compartment_ocid(&self.ids, row.compartment)));
        let ocid = self.ids.text(Id(Kind::InstanceConfiguration, number));
        details.insert("instanceConfigurationId".into(), ocid.into());
        let volumes = row.details.get("blockVolumes").and_then(Value::as_array);
        let volumes: Vec<Value> = volumes.into_iter().flatten().map(volume_at_launch).collect();
        if !volumes.is_empty() {
            details.insert("launchVolumeAttachments".into(), volumes.into());
        }
        Ok(Value::Object(details))
    }

    pub(in crate::world) fn create_configuration(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let (compartment, name, tags, defined_tags, details) = match request.details()? {
            CreateInstanceConfigurationBase::None(new) => {
                let details = serde_json::to_value(&new.instance_details).map_err(|_| error::unparsable())?;
                (new.compartment_id, new.display_name, new.freeform_tags, new.defined_tags, details)
            }
            CreateInstanceConfigurationBase::Instance(new) => {
                let details = self.details_of_instance(&new.instance_id)?;
                (new.compartment_id, new.display_name, new.freeform_tags, new.defined_tags, details)
            }
            CreateInstanceConfigurationBase::Gmc(_) | CreateInstanceConfigurationBase::Other(_) => {
                return Err(error::invalid("source must be NONE or INSTANCE in this region"));
            }
        };
        let compartment = self.compartment(&compartment)?;
        self.check_counted(compartment, None, &[(Thing::Configurations, 1)])?;
        self.check_kept_launch(&launch_fields(&details))?;
        let tags = tags.unwrap_or_default();
        check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        let number = self.made_configurations;
        self.made_configurations += 1;
        let row = ConfigurationRow {
            compartment,
            name: name.unwrap_or_else(|| format!("instanceconfiguration{}", stamp(self.now))),
            tags,
            defined_tags: self.defined_tags_of_new(defined_tags.as_ref(), &request.caller),
            created: self.now,
            version: 0,
            details,
        };
        self.configurations.insert(number, row);
        let id = Id(Kind::InstanceConfiguration, number);
        self.log.push(self.now, "configuration_created", Some(id), None);
        Ok((self.configuration_answer(request, number)?, Some(id)))
    }

    /// Refuses a template that could never be launched: a preemptible one (text invented), or one whose image does not fit its
    /// shape.
    fn check_kept_launch(&self, launch: &Map<String, Value>) -> Result<(), ApiError> {
        if launch.get("preemptibleInstanceConfig").is_some_and(|config| !config.is_null()) {
            return Err(error::invalid("instance configurations cannot have preemptibleInstanceConfig"));
        }
        let text = |value: Option<&'_ Value>| value.and_then(Value::as_str).map(str::to_owned);
        let image = text(launch.get("sourceDetails").and_then(|source| source.get("imageId")));
        let shape = text(launch.get("shape")).and_then(|name| ShapeId::find(&name));
        // The launch itself refuses unknown names.
        let (Some(image), Some(shape)) = (image, shape) else { return Ok(()) };
        match self.image(&image) {
            Ok(number) if !self.images[number as usize].fits(shape.get()) => {
                Err(error::invalid(format!("Shape {} is incompatible with image {image}", shape.get().name)))
            }
            _ => Ok(()),
        }
    }

    /// The `instanceDetails` that would launch another instance like this one.
    fn details_of_instance(&self, ocid: &str) -> Result<Value, ApiError> {
        let (number, row) = self.instance(ocid)?;
        let model = self.instance_model(number, row, row.state);
        let model = serde_json::to_value(&model).map_err(|_| error::unparsable())?;
        let mut details = Map::new();
        for field in [
            "availabilityDomain",
            "compartmentId",
            "capacityReservationId",
            "definedTags",
            "displayName",
            "freeformTags",
            "metadata",
            "extendedMetadata",
            "shape",
            "sourceDetails",
            "agentConfig",
            "instanceOptions",
            "availabilityConfig",
        ] {
            if let Some(value) = model.get(field) {
                details.insert(field.into(), value.clone());
            }
        }
        if row.shape.get().is_flexible() {
            let (ocpus, memory) = (f64::from(row.need.ocpus) / 1000.0, f64::from(row.need.memory) / 1000.0);
            details.insert("shapeConfig".into(), json!({"ocpus": ocpus, "memoryInGBs": memory}));
        }
        let subnet = self.ids.text(Id(Kind::Subnet, row.subnet));
        details.insert("createVnicDetails".into(), json!({"subnetId": subnet, "assignPublicIp": row.public}));
        Ok(json!({"instanceType": "compute", "launchDetails": details}))
    }

    /// The result of an operation that shows one configuration.
    pub(in crate::world) fn configuration_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = self.configurations.get(&number).ok_or_else(error::not_found)?;
        let details: Option<InstanceConfigurationInstanceDetails> =
            Deserialize::deserialize(&row.details).map_err(|_| error::unparsable())?;
        let model = InstanceConfiguration {
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            defined_tags: Some(row.defined_tags.clone()),
            display_name: Some(row.name.clone()),
            freeform_tags: Some(row.tags.clone()),
            id: self.ids.text(Id(Kind::InstanceConfiguration, number)),
            instance_details: details.map(Box::new),
            source: Some(InstanceConfigurationSource::Instance),
            deferred_fields: Some(Vec::new()),
            time_created: Some(row.created),
            ..InstanceConfiguration::default()
        };
        let etag = self.etag(Id(Kind::InstanceConfiguration, number), row.version);
        Ok(answer(request.operation, &model)?.with_etag(etag))
    }

    pub(in crate::world) fn get_configuration(&self, request: &ApiRequest) -> ApiResult {
        let (number, _) = self.configuration(request.in_path("instanceConfigurationId"))?;
        self.configuration_answer(request, number)
    }

    pub(in crate::world) fn list_configurations(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let rows = self.configurations.iter().filter(|(_, row)| row.compartment == compartment);
        let rows = rows
            .map(|(number, row)| {
                let summary = InstanceConfigurationSummary {
                    compartment_id: compartment_ocid(&self.ids, row.compartment),
                    display_name: Some(row.name.clone()),
                    id: self.ids.text(Id(Kind::InstanceConfiguration, *number)),
                    time_created: Some(row.created),
                    defined_tags: Some(row.defined_tags.clone()),
                    freeform_tags: Some(row.tags.clone()),
                    ..InstanceConfigurationSummary::default()
                };
                (Cursor { group: 0, name: row.name.clone(), number: *number }, summary)
            })
            .collect();
        page.answer_small(request, Order::read(request), rows)
    }

    /// Changes the name and the tags; what a configuration launches never changes (Oracle: UpdateInstanceConfigurationDetails).
    pub(in crate::world) fn update_configuration(&mut self, request: &ApiRequest) -> ApiResult {
        let (number, row) = self.configuration(request.in_path("instanceConfigurationId"))?;
        let id = Id(Kind::InstanceConfiguration, number);
        request.check_etag(&self.etag(id, row.version))?;
        let new: UpdateInstanceConfigurationDetails = request.details()?;
        if let Some(tags) = &new.freeform_tags {
            check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        }
        let row = self.configurations.get_mut(&number).ok_or_else(error::not_found)?;
        row.name = new.display_name.unwrap_or_else(|| std::mem::take(&mut row.name));
        row.tags = new.freeform_tags.unwrap_or_else(|| std::mem::take(&mut row.tags));
        row.defined_tags = new.defined_tags.unwrap_or_else(|| std::mem::take(&mut row.defined_tags));
        row.version += 1;
        self.log.push(self.now, "configuration_updated", Some(id), None);
        self.configuration_answer(request, number)
    }

    pub(in crate::world) fn delete_configuration(&mut self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("instanceConfigurationId");
        let (number, row) = self.configuration(ocid)?;
        let id = Id(Kind::InstanceConfiguration, number);
        request.check_etag(&self.etag(id, row.version))?;
        if self.pools.values().any(|pool| pool.configuration == number && pool.exists()) {
            return Err(error::incorrect_state(format!(
                "instance configuration {ocid} is used by an instance pool"
            )));
        }
        self.configurations.remove(&number);
        self.log.push(self.now, "configuration_deleted", Some(id), None);
        Ok(empty(request.operation))
    }

    pub(in crate::world) fn launch_configuration(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let mut details = self.launch_details_of(request.in_path("instanceConfigurationId"))?;
        let own = launch_fields(request.body.as_ref().unwrap_or(&Value::Null));
        if let Some(base) = details.as_object_mut() {
            base.extend(own.into_iter().filter(|(_, value)| !value.is_null()));
            self.check_kept_launch(base)?;
        }
        let creator = self.creator(&request.caller);
        let number = self.launch(&details, None, creator)?;
        Ok((self.launched(request, number)?, Some(Id(Kind::Instance, number))))
    }
}
