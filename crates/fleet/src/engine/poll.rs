//! The only poller of instances: reads a list and reports the state of each wanted instance. It must not know what a state
//! means for the run.

use super::pacer::{Class, Pacer};
use futures_util::TryStreamExt as _;
use oci_api::models::{Instance, InstanceLifecycleState};
use oci_client::{Call, Client, Failure};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a poll decodes of an instance. A page has a hundred instances and a poll hundreds of pages, so the rest is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListedRow {
    id: String,
    lifecycle_state: InstanceLifecycleState,
    fault_domain: Option<String>,
}

/// What was seen of an instance.
#[derive(Debug, Default)]
pub(crate) struct Observation {
    pub lifecycle_state: InstanceLifecycleState,
    pub fault_domain: Option<FaultDomain>,
}

impl From<Instance> for Observation {
    fn from(instance: Instance) -> Self {
        let Instance { lifecycle_state, fault_domain, .. } = instance;
        Self { lifecycle_state, fault_domain: fault_domain.map(named) }
    }
}

/// The name of a fault domain. The usual ones take no memory of their own.
pub(crate) type FaultDomain = Cow<'static, str>;

/// The fault domain with this name.
pub(crate) fn named(name: String) -> FaultDomain {
    const USUAL: [&str; 3] = ["FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3"];
    USUAL.into_iter().find(|usual| *usual == name).map_or(Cow::Owned(name), Cow::Borrowed)
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
pub(crate) struct ListPoll<'a, K> {
    pub client: &'a Client,
    /// Paces the request for each page. Without it, pages are requested one after the other.
    pub pacer: Option<&'a Pacer>,
    pub list: Call,
    /// OCIDs of the instances to report, sorted.
    pub wanted: &'a [K],
    pub until: Until,
}

impl<K: AsRef<str> + Clone + Ord> ListPoll<'_, K> {
    /// Adds the wanted instances to `met` while it reads, and returns how much it has read.
    ///
    /// The caller may drop the future: `met` then contains what was found until then.
    pub async fn read(self, met: &mut BTreeMap<K, Observation>) -> Result<PagesRead, Failure> {
        let mut pages = std::pin::pin!(self.client.pages::<ListedRow>(self.list));
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
            for ListedRow { id, lifecycle_state, fault_domain } in page.value {
                let Ok(at) = self.wanted.binary_search_by(|wanted| wanted.as_ref().cmp(&id)) else {
                    continue;
                };
                let seen = Observation { lifecycle_state, fault_domain: fault_domain.map(named) };
                missing -= usize::from(met.insert(self.wanted[at].clone(), seen).is_none());
            }
        }
        Ok(read)
    }
}
