//! The regions of a fleet, and the fleet as one of them sees it. Pure.

use super::region::RegionSpec;
use super::spec::FleetSpec;
use ledger::Placement;

impl FleetSpec {
    /// The further region that a placement is in; `None` for the region of the fleet.
    pub fn further_region(&self, placement: &Placement) -> Option<&RegionSpec> {
        let name = placement.region.as_deref()?;
        self.regions.iter().find(|region| region.region == name)
    }

    /// The name of the region that a placement is in.
    pub fn region_at<'a>(&'a self, placement: &'a Placement) -> &'a str {
        placement.region.as_deref().unwrap_or(&self.region)
    }

    /// The same for rows, which name regions only if there are several.
    pub fn region_if_several(&self, placement: &Placement) -> Option<String> {
        (!self.regions.is_empty()).then(|| self.region_at(placement).to_owned())
    }

    /// The compartment that instances are made in at a placement.
    pub fn compartment_at(&self, placement: &Placement) -> &str {
        self.further_region(placement).map_or(&self.compartment, |region| &region.compartment)
    }

    /// The placements in the region of an existing instance. One that names no further region of the fleet is in the fleet's
    /// own.
    pub fn placements_beside(&self, region: Option<&str>) -> impl Iterator<Item = &Placement> {
        let here = self.regions.iter().find(|further| Some(further.region.as_str()) == region);
        let here = here.map(|further| further.region.as_str());
        self.placements.iter().filter(move |placement| placement.region.as_deref() == here)
    }

    /// Whether the image of a placement is known only after the plan has looked for the newest one.
    pub fn has_open_image(&self, placement: &Placement) -> bool {
        let region = self.further_region(placement);
        placement.image.is_none()
            && region.is_some_and(|region| region.image.is_none() && region.newest_image.is_some())
    }

    /// Whether that is so for any placement.
    pub fn has_open_images(&self) -> bool {
        self.placements.iter().any(|placement| self.has_open_image(placement))
    }

    /// Whether placements may be in this region; `None` is the fleet's own.
    pub fn lists(&self, region: Option<&str>) -> bool {
        region.is_none_or(|name| self.regions.iter().any(|further| further.region == name))
    }

    /// The names of all its regions, its own first.
    pub fn region_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.region.as_str()).chain(self.regions.iter().map(|region| region.region.as_str()))
    }

    /// The names of its further regions.
    pub fn further_names(&self) -> Vec<&str> {
        self.regions.iter().map(|region| region.region.as_str()).collect()
    }

    /// The fleet as if it had one region only: a further one by its name, or its own. Its placements keep their region.
    #[must_use]
    pub fn in_region(&self, name: Option<&str>) -> Self {
        let mut fleet = self.clone();
        fleet.placements.retain(|placement| placement.region.as_deref() == name);
        fleet.regions.clear();
        if let Some(region) = self.regions.iter().find(|region| Some(region.region.as_str()) == name) {
            fleet.region.clone_from(&region.region);
            fleet.compartment.clone_from(&region.compartment);
            region.adapt(&mut fleet.template);
        }
        fleet
    }

    /// The fleet in each of its regions, its own first. A region without a placement is left out.
    pub fn by_region(&self) -> Vec<(Option<&str>, Self)> {
        if self.regions.is_empty() {
            return vec![(None, self.clone())];
        }
        let names = std::iter::once(None).chain(self.regions.iter().map(|region| Some(&*region.region)));
        let all = names.map(|name| (name, self.in_region(name)));
        all.filter(|(_, fleet)| !fleet.placements.is_empty()).collect()
    }

    /// The region of the placements in an availability domain, whose full name no other region has.
    pub(crate) fn region_of_domain(&self, domain: &str) -> Option<String> {
        let found = self.placements.iter().find(|placement| placement.availability_domain == domain);
        found.and_then(|placement| placement.region.clone())
    }
}
