//! Several regions behind one client: each request goes to the region that it belongs to.

use std::sync::Arc;

use oci_client::services::compute::InstanceFilter;
use oci_client::{Client, Endpoints, FailureClass};

use crate::fake::{Answer, Fake, Noon, answer};

const INSTANCE: &str = "ocid1.instance.oc1.iad.a";

fn rows(text: &str) -> Answer {
    answer(200, &[], text)
}

/// A client of Phoenix that also reaches Ashburn, where another compartment takes the place of `c`.
fn two(fake: &Fake) -> Client {
    let ashburn = Client::builder(Endpoints::for_region("us-ashburn-1").unwrap(), Arc::new(fake.clone()));
    let ashburn = ashburn.clock(Arc::new(Noon)).build();
    fake.client().with_further("us-ashburn-1", &ashburn, Some(("c", "there")))
}

fn hosts(fake: &Fake) -> Vec<String> {
    fake.requests.lock().unwrap().iter().map(|request| request.uri().host().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_request_goes_to_the_region_of_its_ocid() {
    let fake = Fake::new([rows("{}"), rows("{}"), rows("[]"), rows("[]")]);
    let client = two(&fake);
    client.get_instance(INSTANCE).await.unwrap();
    client.get_instance("ocid1.instance.oc1.phx.a").await.unwrap();
    client.list_volumes("c", Some("Uocm:US-ASHBURN-AD-2")).await.unwrap();
    client.list_volumes("c", Some("Uocm:PHX-AD-2")).await.unwrap();
    let (phoenix, ashburn) = ("iaas.us-phoenix-1.oraclecloud.com", "iaas.us-ashburn-1.oraclecloud.com");
    assert_eq!(hosts(&fake), [ashburn, phoenix, ashburn, phoenix]);
    assert!(fake.targets()[2].contains("compartmentId=there"), "{:?}", fake.targets());
}

#[tokio::test]
async fn a_list_of_a_compartment_is_read_in_each_region() {
    let fake = Fake::new([rows(r#"[{"id": "a"}]"#), rows(r#"[{"id": "b"}]"#)]);
    let listed = two(&fake).list_instances(&InstanceFilter::in_compartment("c")).await.unwrap();
    assert_eq!(listed.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(fake.targets()[0].contains("compartmentId=c&"), "{:?}", fake.targets());
    assert!(fake.targets()[1].contains("compartmentId=there&"), "{:?}", fake.targets());
}

#[tokio::test]
async fn a_region_in_trouble_fails_the_list_after_the_others() {
    let fake = Fake::new([answer(404, &[], "{}"), rows("[]")]);
    let failure = two(&fake).list_instances(&InstanceFilter::in_compartment("c")).await.unwrap_err();
    assert_eq!((failure.class, fake.count()), (FailureClass::NotFound, 2));
}

#[tokio::test]
async fn a_chosen_region_is_the_only_one_asked() {
    let fake = Fake::new([rows("[]"), rows("[]")]);
    let client = two(&fake);
    for region in [None, Some("us-ashburn-1")] {
        client.at(region).list_instances(&InstanceFilter::in_compartment("c")).await.unwrap();
    }
    assert_eq!(hosts(&fake), ["iaas.us-phoenix-1.oraclecloud.com", "iaas.us-ashburn-1.oraclecloud.com"]);
}

#[tokio::test]
async fn nothing_is_sent_to_a_region_that_is_unknown() {
    let fake = Fake::new([]);
    let client = two(&fake);
    assert!(client.knows("us-ashburn-1") && !client.knows("eu-milan-1"));
    let failure = client.at(Some("eu-milan-1")).get_instance(INSTANCE).await.unwrap_err();
    assert_eq!((failure.code.as_str(), fake.count()), ("UnknownRegion", 0));
}
