//! The only poller of instances: reads a list and reports the state of each wanted instance. It must not know what a state
//! means for the run.

use super::pacer::{Class, Pacer};
use futures_util::TryStreamExt as _;
use oci_api::models::{Instance, InstanceLifecycleState};
use oci_client::{Call, Client, Failure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a poll reads of an instance. A page has a hundred instances and a poll hundreds of pages, so the rest is not even
/// decoded.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Observation {
    pub id: String,
    pub lifecycle_state: InstanceLifecycleState,
    pub fault_domain: Option<String>,
}

impl From<Instance> for Observation {
    fn from(instance: Instance) -> Self {
        let Instance { id, lifecycle_state, fault_domain, .. } = instance;
        Self { id, lifecycle_state, fault_domain }
    }
}

/// When a poll stops reading pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// After this many pages, if the last wanted instance was not found earlier.
    Pages(usize),
    /// After the page with the last wanted instance. This saves requests only if the list begins with the newest.
    AllMet,
    /// At the end of the list, for a caller that needs the length of the list.
    End,
}

/// How much of a list a poll has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PagesRead {
    pub pages: usize,
    pub rows: usize,
    /// Whether the list has no more pages.
    pub ended: bool,
}

/// One poll of a list.
pub(crate) struct ListPoll<'a> {
    pub client: &'a Client,
    /// Paces the request for each page. Without it, pages are requested one after the other.
    pub pacer: Option<&'a Pacer>,
    pub list: Call,
    /// OCIDs of the instances to report.
    pub wanted: &'a BTreeSet<&'a str>,
    pub until: Until,
}

impl ListPoll<'_> {
    /// Adds the wanted instances to `met` while it reads, and returns how much it has read.
    ///
    /// The caller may drop the future: `met` then contains what was found until then.
    pub async fn read(self, met: &mut BTreeMap<String, Observation>) -> Result<PagesRead, Failure> {
        let mut pages = std::pin::pin!(self.client.pages::<Observation>(self.list));
        let mut read = PagesRead::default();
        let mut missing = self.wanted.len();
        loop {
            let goes_on = match self.until {
                Until::End => true,
                Until::AllMet => missing > 0,
                Until::Pages(most) => missing > 0 && read.pages < most,
            };
            if !goes_on {
                break;
            }
            let next = match self.pacer {
                Some(pacer) => pacer.call(Class::Read, pages.try_next()).await?,
                None => pages.try_next().await?,
            };
            let Some(page) = next else {
                read.ended = true;
                break;
            };
            read.pages += 1;
            read.ended = page.next_page.is_none();
            read.rows += page.value.len();
            for mut instance in page.value {
                if self.wanted.contains(instance.id.as_str()) {
                    let before = met.insert(std::mem::take(&mut instance.id), instance);
                    missing -= usize::from(before.is_none());
                }
            }
        }
        Ok(read)
    }
}
