//! Compute clusters and cluster networks, as searches find them.

use super::Indexed;
use super::api::{borrowed, plain};
use super::matching::Found;
use crate::world::state::World;

impl World {
    pub(super) fn indexed_clusters(&self, kind: Indexed) -> Vec<Found<'_>> {
        if kind == Indexed::ComputeCluster {
            let shown = self.clusters.compute.iter().zip(0..).filter(|(row, _)| row.is_shown(self.now));
            return shown
                .map(|(row, number)| Found {
                    availability_domain: self.ad_text(row.ad),
                    tags: borrowed(&row.common.tags),
                    defined_tags: Some(&row.common.defined_tags),
                    ..plain(kind, number, row.created, (&*row.name).into(), row.compartment, row.state())
                })
                .collect();
        }
        let networks = self.clusters.networks.iter().zip(0..);
        let shown =
            networks.filter_map(|(row, number)| Some((row, number, self.pools.get(&row.pool)?.state)));
        shown
            .map(|(row, number, state)| Found {
                tags: borrowed(&row.common.tags),
                defined_tags: Some(&row.common.defined_tags),
                ..plain(kind, number, row.created, (&*row.name).into(), row.compartment, state.as_str())
            })
            .collect()
    }
}
