//! Network blocks: the instances of a cluster share one, because RDMA does not leave it. Which block that is, its first launch
//! decides (Oracle: "Compute Clusters"; how OCI chooses is invented).

use super::Clusters;
use crate::world::api::ApiError;
use crate::world::error;
use crate::world::state::World;

/// A group of instances that share a network block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum RdmaGroup {
    Cluster(u32),
    Network(u32),
}

impl Clusters {
    fn block_of(&self, group: RdmaGroup) -> Option<u16> {
        match group {
            RdmaGroup::Cluster(number) => self.compute.get(number as usize)?.block,
            RdmaGroup::Network(number) => self.networks.get(number as usize)?.block,
        }
    }

    pub fn bind(&mut self, group: RdmaGroup, block: u16) {
        let own = match group {
            RdmaGroup::Cluster(number) => self.compute.get_mut(number as usize).map(|row| &mut row.block),
            RdmaGroup::Network(number) => self.networks.get_mut(number as usize).map(|row| &mut row.block),
        };
        if let Some(own) = own {
            *own = Some(block);
        }
    }
}

impl World {
    /// The block in which a group's next instance has to be; `None` if the region does not model blocks.
    ///
    /// # Errors
    /// When no host of the block is left.
    pub(in crate::world) fn block_for(&self, group: RdmaGroup, ad: u8) -> Result<Option<u16>, ApiError> {
        let sizes = &self.settings.rdma_blocks;
        if sizes.is_empty() {
            return Ok(None);
        }
        let room = |block: u16| {
            let size = sizes.get(usize::from(block)).copied().unwrap_or_default();
            size.saturating_sub(self.hosts_used_in(ad, block))
        };
        let chosen = match self.clusters.block_of(group) {
            Some(own) => Some(own),
            // The first one of several with the same room.
            None => (0..sizes.len() as u16).rev().max_by_key(|block| room(*block)),
        };
        match chosen.filter(|block| room(*block) > 0) {
            Some(block) => Ok(Some(block)),
            None => Err(error::out_of_capacity()),
        }
    }

    fn hosts_used_in(&self, ad: u8, block: u16) -> u32 {
        let here = self.instances.iter().filter(|(_, row)| row.live && row.ad == ad);
        let groups = here.filter_map(|(_, row)| {
            let network = || row.pool.and_then(|pool| self.clusters.network_of(pool));
            row.cluster.map(RdmaGroup::Cluster).or_else(|| network().map(RdmaGroup::Network))
        });
        groups.filter(|group| self.clusters.block_of(*group) == Some(block)).map(|_| 1).sum()
    }

    /// Checks that instances and clusters agree, and that no block has more instances than hosts.
    pub(in crate::world) fn check_clusters(&self) -> Result<(), String> {
        for (number, row) in self.instances.iter().filter(|(_, row)| row.live) {
            let Some(cluster) = row.cluster else { continue };
            let own = self.clusters.compute.get(cluster as usize).filter(|own| own.common.lives());
            if own.is_none_or(|own| own.ad != row.ad) || row.shape.get().rdma().is_none() {
                return Err(format!("instance {number} cannot be in compute cluster {cluster}"));
            }
        }
        for ad in 0..self.settings.domains() {
            for (size, block) in self.settings.rdma_blocks.iter().zip(0..) {
                let used = self.hosts_used_in(ad, block);
                if used > *size {
                    return Err(format!("network block {block} of {size} hosts has {used} instances"));
                }
            }
        }
        Ok(())
    }
}
