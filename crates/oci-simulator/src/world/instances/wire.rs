//! The wire form of an instance.

use super::{Baseline, InstanceRow, State};
use crate::world::api::{ApiAnswer, ApiError};
use crate::world::identity::{compartment_ocid, fault_domain_name};
use crate::world::ids::{Id, Kind};
use crate::world::request::empty;
use crate::world::state::World;
use oci_api::Operation;
use oci_api::models::{
    AmdVmPlatformConfig, Instance, InstanceAgentConfig, InstanceAvailabilityConfig,
    InstanceAvailabilityConfigRecoveryAction, InstanceLaunchMode, InstanceLifecycleState, InstanceOptions,
    InstanceSecurityAttributesState, InstanceShapeConfig, InstanceShapeConfigBaselineOcpuUtilization,
    InstanceSourceDetails, InstanceSourceViaBootVolumeDetails, InstanceSourceViaImageDetails, LaunchOptions,
    LaunchOptionsBootVolumeType, LaunchOptionsFirmware, LaunchOptionsNetworkType,
    LaunchOptionsRemoteDataVolumeType, PlatformConfig,
};

impl World {
    /// The result of an operation that shows one instance.
    pub(in crate::world) fn instance_answer(
        &self,
        operation: Operation,
        number: u32,
        row: &InstanceRow,
    ) -> Result<ApiAnswer, ApiError> {
        let etag = self.etag(Id(Kind::Instance, number), row.version);
        let mut body = Vec::with_capacity(256);
        self.write_instance(number, row, row.state, &mut body)?;
        Ok(ApiAnswer { body: Some(body.into()), ..empty(operation) }.with_etag(etag))
    }

    /// Appends the instance as JSON. Lists that lag show an earlier state than the current one.
    pub(in crate::world) fn write_instance(
        &self,
        number: u32,
        row: &InstanceRow,
        state: State,
        body: &mut Vec<u8>,
    ) -> Result<(), ApiError> {
        self.instances.shown.write(number, state, body, || self.instance_model(number, row, state))
    }

    /// The wire model of an instance. Lists that lag show an earlier state than the current one.
    pub(in crate::world) fn instance_model(&self, number: u32, row: &InstanceRow, state: State) -> Instance {
        let extra = self.instances.extras.get(row.extras);
        let options = extra.launch_options.clone().unwrap_or_else(default_launch_options);
        let image = row.image.map(|image| self.ids.text(Id(Kind::Image, image)));
        Instance {
            id: self.ids.text(Id(Kind::Instance, number)),
            availability_domain: self.identity.ad_name(row.ad),
            capacity_reservation_id: row
                .reservation
                .map(|number| self.ids.text(Id(Kind::CapacityReservation, number))),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            placement_constraint_details: extra.placement_constraint_details.clone().map(Box::new),
            is_ai_enterprise_enabled: extra.is_ai_enterprise_enabled,
            cluster_placement_group_id: extra.cluster_placement_group_id.clone(),
            dedicated_vm_host_id: extra.dedicated_vm_host_id.clone(),
            defined_tags: Some(self.defined_tags(
                extra.defined_tags.as_ref(),
                row.tagged_creator(),
                row.created,
            )),
            security_attributes: Some(extra.security_attributes.clone().unwrap_or_default()),
            security_attributes_state: Some(InstanceSecurityAttributesState::Stable),
            system_tags: Some(std::collections::BTreeMap::new()),
            is_cross_numa_node: Some(false),
            display_name: Some(row.name.to_string()),
            extended_metadata: Some(extra.extended_metadata.clone().unwrap_or_default()),
            fault_domain: Some(fault_domain_name(row.fd)),
            freeform_tags: Some(row.tags.to_map()),
            source_details: Some(Box::new(self.source_model(row, image.as_deref()))),
            image_id: image,
            ipxe_script: extra.ipxe_script.clone(),
            launch_mode: Some(InstanceLaunchMode::Paravirtualized),
            launch_options: Some(Box::new(options)),
            instance_options: Some(Box::new(instance_options(extra.instance_options.clone()))),
            availability_config: Some(Box::new(availability_config(extra.availability_config.clone()))),
            preemptible_instance_config: extra.preemptible_instance_config.clone().map(Box::new),
            lifecycle_state: InstanceLifecycleState::from(state.as_str()),
            metadata: Some(extra.metadata.clone().unwrap_or_default()),
            region: self.identity.region.clone(),
            shape: row.shape.get().name.to_owned(),
            shape_config: Some(Box::new(shape_config(row))),
            time_created: Some(row.created),
            agent_config: Some(Box::new(agent_config(extra.agent_config.clone()))),
            platform_config: extra.platform_config.clone().or_else(|| default_platform(row)).map(Box::new),
            instance_configuration_id: extra.instance_configuration_id.clone(),
            ..Instance::default()
        }
    }

    fn source_model(&self, row: &InstanceRow, image: Option<&str>) -> InstanceSourceDetails {
        let source = self.instances.extras.get(row.extras).source_details.clone().unwrap_or_default();
        match image {
            Some(image) => InstanceSourceDetails::Image(InstanceSourceViaImageDetails {
                image_id: Some(image.to_owned()),
                boot_volume_size_in_gbs: source.boot_volume_size_in_gbs,
                boot_volume_vpus_per_gb: source.boot_volume_vpus_per_gb,
                kms_key_id: source.kms_key_id,
                ..InstanceSourceViaImageDetails::default()
            }),
            None => InstanceSourceDetails::BootVolume(InstanceSourceViaBootVolumeDetails {
                boot_volume_id: row
                    .boot_volume
                    .map(|number| self.ids.text(Id(Kind::BootVolume, number)))
                    .unwrap_or_default(),
                ..InstanceSourceViaBootVolumeDetails::default()
            }),
        }
    }
}

pub(in crate::world) fn default_launch_options() -> LaunchOptions {
    LaunchOptions {
        boot_volume_type: Some(LaunchOptionsBootVolumeType::Paravirtualized),
        firmware: Some(LaunchOptionsFirmware::Uefi64),
        network_type: Some(LaunchOptionsNetworkType::Paravirtualized),
        remote_data_volume_type: Some(LaunchOptionsRemoteDataVolumeType::Paravirtualized),
        is_pv_encryption_in_transit_enabled: Some(false),
        is_consistent_volume_naming_enabled: Some(true),
        ..LaunchOptions::default()
    }
}

/// What the service shows for options that the launch omitted (responses of the live service).
fn instance_options(given: Option<InstanceOptions>) -> InstanceOptions {
    let given = given.unwrap_or_default();
    let are_legacy_imds_endpoints_disabled = given.are_legacy_imds_endpoints_disabled.or(Some(false));
    InstanceOptions { are_legacy_imds_endpoints_disabled, ..given }
}

/// What the service shows for a virtual machine on AMD that was launched without a platform config (a response of the live
/// service); nothing where no response was seen.
fn default_platform(row: &InstanceRow) -> Option<PlatformConfig> {
    let shape = row.shape.get();
    let is_seen = !shape.is_bare_metal() && shape.family().maker() == Some("AMD");
    is_seen.then(|| {
        PlatformConfig::AmdVm(AmdVmPlatformConfig {
            is_secure_boot_enabled: Some(false),
            is_trusted_platform_module_enabled: Some(false),
            is_measured_boot_enabled: Some(false),
            is_memory_encryption_enabled: Some(false),
            ..AmdVmPlatformConfig::default()
        })
    })
}

fn availability_config(given: Option<InstanceAvailabilityConfig>) -> InstanceAvailabilityConfig {
    let given = given.unwrap_or_default();
    let restored = InstanceAvailabilityConfigRecoveryAction::RestoreInstance;
    let recovery_action = given.recovery_action.clone().or(Some(restored));
    InstanceAvailabilityConfig { recovery_action, ..given }
}

fn agent_config(given: Option<InstanceAgentConfig>) -> InstanceAgentConfig {
    let given = given.unwrap_or_default();
    InstanceAgentConfig {
        are_all_plugins_disabled: given.are_all_plugins_disabled.or(Some(false)),
        is_management_disabled: given.is_management_disabled.or(Some(false)),
        is_monitoring_disabled: given.is_monitoring_disabled.or(Some(false)),
        ..given
    }
}

fn shape_config(row: &InstanceRow) -> InstanceShapeConfig {
    let shape = row.shape.get();
    let ocpus = f64::from(row.need.ocpus) / 1000.0;
    InstanceShapeConfig {
        ocpus: Some(ocpus),
        memory_in_gbs: Some(f64::from(row.need.memory) / 1000.0),
        vcpus: Some(shape.vcpus(ocpus)),
        baseline_ocpu_utilization: shape.burstable.then_some(match row.baseline {
            Baseline::Full => InstanceShapeConfigBaselineOcpuUtilization::Baseline11,
            Baseline::Eighth => InstanceShapeConfigBaselineOcpuUtilization::Baseline18,
            Baseline::Half => InstanceShapeConfigBaselineOcpuUtilization::Baseline12,
        }),
        processor_description: Some(shape.family().processor.to_owned()),
        networking_bandwidth_in_gbps: Some(ocpus.clamp(1.0, 40.0)),
        max_vnic_attachments: Some((ocpus as i64).clamp(2, 24)),
        gpus: Some(row.need.gpus.into()),
        local_disks: Some(shape.drives(ocpus).into()),
        ..InstanceShapeConfig::default()
    }
}
