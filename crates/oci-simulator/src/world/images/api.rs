//! Images and shapes as the API lists them.

use crate::world::api::{ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::instances::default_launch_options;
use crate::world::limits::limit_names;
use crate::world::paging::{Cursor, Order};
use crate::world::request::answer;
use crate::world::shapes::{Shape as ShapeRow, ShapeId, Size};
use crate::world::state::World;
use oci_api::models::{
    Image, ImageLaunchMode, ImageMemoryConstraints, ImageOcpuConstraints, ImageShapeCompatibilityEntry,
    ImageShapeCompatibilitySummary, Shape, ShapeBaselineOcpuUtilizations, ShapeBillingType,
    ShapeMaxVnicAttachmentOptions, ShapeMemoryOptions, ShapeNetworkingBandwidthOptions, ShapeOcpuOptions,
};

impl World {
    /// The image with this OCID, or 404 with the text that a launch returns.
    pub(in crate::world) fn image(&self, ocid: &str) -> Result<u32, ApiError> {
        let number = self.ids.number(Kind::Image, ocid).filter(|number| {
            self.images.get(*number as usize).is_some_and(|row| row.state(self.now).is_some())
        });
        number.ok_or_else(|| error::named_not_found("image", ocid))
    }

    fn image_model(&self, number: u32) -> Image {
        let row = &self.images[number as usize];
        let own = row.own.as_deref();
        Image {
            id: self.ids.text(Id(Kind::Image, number)),
            // A platform image belongs to no compartment, which is how clients distinguish it from a custom image.
            compartment_id: row.is_custom().then(|| compartment_ocid(&self.ids, row.compartment())),
            base_image_id: own.and_then(|own| own.base).map(|base| self.ids.text(Id(Kind::Image, base))),
            create_image_allowed: true,
            display_name: Some(row.name.clone()),
            launch_mode: Some(ImageLaunchMode::Native),
            lifecycle_state: row.state(self.now).unwrap_or("DELETED").into(),
            operating_system: row.os.clone(),
            operating_system_version: row.os_version.clone(),
            launch_options: Some(Box::new(default_launch_options())),
            size_in_mbs: Some(47_694),
            billable_size_in_gbs: Some(4),
            time_created: Some(row.created),
            defined_tags: Some(own.map(|own| own.defined_tags.clone()).unwrap_or_default()),
            freeform_tags: Some(own.map(|own| own.tags.clone()).unwrap_or_default()),
            ..Image::default()
        }
    }

    pub(in crate::world) fn get_image(&self, request: &ApiRequest) -> ApiResult {
        let number = self.image(request.in_path("imageId")).map_err(|_| error::not_found())?;
        self.image_answer(request, number)
    }

    pub(super) fn image_etag(&self, number: u32) -> String {
        let version = self.images[number as usize].own.as_ref().map_or(0, |own| own.version);
        self.etag(Id(Kind::Image, number), version)
    }

    /// The result of an operation that shows one image.
    pub(in crate::world) fn image_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = self.images.get(number as usize).filter(|row| row.state(self.now).is_some());
        row.ok_or_else(error::not_found)?;
        Ok(answer(request.operation, &self.image_model(number))?.with_etag(self.image_etag(number)))
    }

    pub(in crate::world) fn list_images(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let shape = request.in_query("shape").map(ShapeId::find);
        let is = |name: &str, value: &str| request.in_query(name).is_none_or(|wanted| wanted == value);
        let state = request.in_query("lifecycleState");
        let rows = self.images.iter().zip(0..).filter(|(row, _)| {
            row.state(self.now).is_some_and(|own| state.is_none_or(|state| state.eq_ignore_ascii_case(own)))
                && row.own.as_ref().is_none_or(|own| own.compartment == compartment)
                && is("displayName", &row.name)
                && is("operatingSystem", &row.os)
                && is("operatingSystemVersion", &row.os_version)
                && shape.is_none_or(|shape| shape.is_some_and(|shape| row.fits(shape.get())))
        });
        let rows = rows
            .map(|(row, number)| {
                (Cursor { group: 0, name: row.name.clone(), number }, self.image_model(number))
            })
            .collect();
        page.answer_small(request, Order::read(request), rows)
    }

    /// The shapes of the region that can start from an image.
    pub(in crate::world) fn list_image_shapes(&mut self, request: &ApiRequest) -> ApiResult {
        let image = self.image(request.in_path("imageId")).map_err(|_| error::not_found())?;
        let page = self.page(request)?;
        let fitting = ShapeId::all().filter(|id| self.boots(image, id.get()));
        let rows = fitting.map(|id| {
            let row = self.image_shape(image, id.get());
            let summary = ImageShapeCompatibilitySummary {
                image_id: row.image_id,
                shape: row.shape,
                memory_constraints: row.memory_constraints,
                ocpu_constraints: row.ocpu_constraints,
                ..ImageShapeCompatibilitySummary::default()
            };
            (Cursor { group: 0, name: String::new(), number: u32::from(id.0) }, summary)
        });
        let rows = rows.collect();
        page.answer_small(request, Order { by_name: false, descending: false }, rows)
    }

    pub(in crate::world) fn get_image_shape(&self, request: &ApiRequest) -> ApiResult {
        let image = self.image(request.in_path("imageId")).map_err(|_| error::not_found())?;
        let shape = ShapeId::find(request.in_path("shapeName")).map(ShapeId::get);
        let shape = shape.filter(|shape| self.boots(image, shape)).ok_or_else(error::not_found)?;
        answer(request.operation, &self.image_shape(image, shape))
    }

    /// Whether a shape that the region offers can start from the image.
    fn boots(&self, image: u32, shape: &ShapeRow) -> bool {
        self.images[image as usize].fits(shape)
            && (0..self.settings.domains()).any(|ad| self.offers(ad, shape))
    }

    fn image_shape(&self, image: u32, shape: &ShapeRow) -> ImageShapeCompatibilityEntry {
        let (ocpus, memory) = match shape.size {
            Size::Flexible { ocpus, memory } => (Some((1, ocpus)), Some((1, memory))),
            Size::OneOf(_) | Size::Fixed { .. } | Size::BareMetal => (None, None),
        };
        ImageShapeCompatibilityEntry {
            image_id: self.ids.text(Id(Kind::Image, image)),
            shape: shape.name.to_owned(),
            memory_constraints: memory.map(|(min, max)| {
                let (min_in_gbs, max_in_gbs) = (Some(min), Some(max.into()));
                Box::new(ImageMemoryConstraints {
                    min_in_gbs,
                    max_in_gbs,
                    ..ImageMemoryConstraints::default()
                })
            }),
            ocpu_constraints: ocpus.map(|(min, max)| {
                let (min, max) = (Some(min), Some(max.into()));
                Box::new(ImageOcpuConstraints { min, max, ..ImageOcpuConstraints::default() })
            }),
            ..ImageShapeCompatibilityEntry::default()
        }
    }

    /// Whether the availability domain offers the shape.
    pub(in crate::world) fn offers(&self, ad: u8, shape: &ShapeRow) -> bool {
        !self.settings.absent_shapes.iter().any(|absent| {
            absent.shape == shape.name && absent.availability_domain.is_none_or(|number| number == ad + 1)
        })
    }

    pub(in crate::world) fn list_shapes(&mut self, request: &ApiRequest) -> ApiResult {
        self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let image = request.in_query("imageId").map(|ocid| self.image(ocid)).transpose()?;
        let name = request.in_query("shape");
        let page = self.page(request)?;
        let ads = ad.map_or(0..self.settings.domains(), |ad| ad..ad + 1);
        let mut rows = Vec::new();
        for id in ShapeId::all() {
            let shape = id.get();
            let wanted = name.is_none_or(|name| name == shape.name)
                && image.is_none_or(|image| self.images[image as usize].fits(shape));
            if wanted && ads.clone().any(|ad| self.offers(ad, shape)) {
                // The service has its own order of shapes; this region uses the order of its table.
                let cursor = Cursor { group: 0, name: String::new(), number: u32::from(id.0) };
                rows.push((cursor, shape_model(shape)));
            }
        }
        page.answer_small(request, Order { by_name: false, descending: false }, rows)
    }
}

/// The maximum number of VNICs of an instance: one for each OCPU, between 2 and 24 (Oracle: "Compute Shapes").
pub(in crate::world) fn most_vnics(ocpus: u32) -> u32 {
    ocpus.clamp(2, 24)
}

fn shape_model(row: &ShapeRow) -> Shape {
    let family = row.family();
    let (ocpus, memory) = row.default_size();
    let gpus = row.gpus();
    let mut model = Shape {
        shape: row.name.to_owned(),
        processor_description: Some(family.processor.to_owned()),
        ocpus: Some(ocpus.into()),
        memory_in_gbs: Some(memory.into()),
        network_ports: Some(1),
        networking_bandwidth_in_gbps: Some(f64::from(ocpus).clamp(1.0, 100.0)),
        max_vnic_attachments: Some(i64::from(most_vnics(ocpus))),
        gpus: Some(gpus.into()),
        local_disks: Some(0),
        rdma_ports: Some(row.rdma().map_or(0, |(ports, _)| ports)),
        rdma_bandwidth_in_gbps: Some(row.rdma().map_or(0, |(_, bandwidth)| bandwidth)),
        is_live_migration_supported: Some(!row.is_bare_metal()),
        is_billed_for_stopped_instance: Some(row.billed_when_stopped),
        billing_type: Some(if family.name == "standard-e2-micro" {
            ShapeBillingType::AlwaysFree
        } else if family.name == "standard-a1" {
            ShapeBillingType::LimitedFree
        } else {
            ShapeBillingType::Paid
        }),
        quota_names: Some(limit_names(row.family)),
        // Seen live: absent for shapes that have no baseline.
        baseline_ocpu_utilizations: row.burstable.then(|| {
            [
                ShapeBaselineOcpuUtilizations::Baseline18,
                ShapeBaselineOcpuUtilizations::Baseline12,
                ShapeBaselineOcpuUtilizations::Baseline11,
            ]
            .into()
        }),
        is_subcore: Some(false),
        is_flexible: Some(row.is_flexible()),
        ..Shape::default()
    };
    let sizes = match row.size {
        Size::Flexible { ocpus, memory } => Some(((1, ocpus), (1, memory))),
        Size::OneOf(sizes) => sizes.first().zip(sizes.last()).map(|(a, b)| ((a.0, b.0), (a.1, b.1))),
        Size::Fixed { .. } | Size::BareMetal => None,
    };
    if let Some(((least_ocpus, most_ocpus), (least_memory, most_memory))) = sizes {
        model.ocpu_options = Some(Box::new(ShapeOcpuOptions {
            min: Some(least_ocpus.into()),
            max: Some(most_ocpus.into()),
            ..ShapeOcpuOptions::default()
        }));
        model.memory_options = Some(Box::new(ShapeMemoryOptions {
            min_in_gbs: Some(least_memory.into()),
            max_in_gbs: Some(most_memory.into()),
            default_per_ocpu_in_gbs: Some(family.default_memory.into()),
            min_per_ocpu_in_gbs: Some(1.0),
            max_per_ocpu_in_gbs: Some(64.0),
            ..ShapeMemoryOptions::default()
        }));
        model.networking_bandwidth_options = Some(Box::new(ShapeNetworkingBandwidthOptions {
            min_in_gbps: Some(1.0),
            max_in_gbps: Some(f64::from(most_ocpus).min(40.0)),
            default_per_ocpu_in_gbps: Some(1.0),
            ..ShapeNetworkingBandwidthOptions::default()
        }));
        model.max_vnic_attachment_options = Some(Box::new(ShapeMaxVnicAttachmentOptions {
            min: Some(2),
            max: Some(24.0),
            default_per_ocpu: Some(1.0),
            ..ShapeMaxVnicAttachmentOptions::default()
        }));
    }
    model
}
