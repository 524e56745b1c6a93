//! Lists are read to their real end, and never stop early.

use futures_util::TryStreamExt as _;
use oci_client::FailureClass;
use oci_client::services::compute::InstanceFilter;

use crate::fake::{Answer, Fake, answer, ok, refusal};

fn page(rows: &[&str], next: Option<&str>) -> Answer {
    let rows: Vec<_> = rows.iter().map(|id| serde_json::json!({"id": id})).collect();
    let headers: Vec<_> = next.map(|next| ("opc-next-page", next)).into_iter().collect();
    answer(200, &headers, &serde_json::to_string(&rows).unwrap())
}

#[tokio::test]
async fn short_and_empty_pages_do_not_end_a_list() {
    let fake = Fake::new([page(&["a"], Some("p=2&x")), page(&[], Some("p3")), page(&["b", "c"], None)]);
    let rows = fake.client().list_instances(&InstanceFilter::in_compartment("c")).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let queries: Vec<_> = fake
        .requests
        .lock()
        .unwrap()
        .iter()
        .map(|request| request.uri().query().unwrap().to_owned())
        .collect();
    assert_eq!(
        queries,
        [
            "compartmentId=c&limit=100",
            "compartmentId=c&limit=100&page=p%3D2%26x",
            "compartmentId=c&limit=100&page=p3"
        ]
    );
}

#[tokio::test]
async fn a_token_that_comes_back_ends_in_an_error() {
    let fake = Fake::new([page(&["a"], Some("1")), page(&["b"], Some("2")), page(&["c"], Some("1"))]);
    let failure = fake.client().list_instances(&InstanceFilter::in_compartment("c")).await.unwrap_err();
    assert_eq!((failure.class, fake.count()), (FailureClass::Service, 3));
    insta::assert_snapshot!(failure, @"ListInstances: EndlessList: OCI returned the same page token twice: the list would never end");
}

#[tokio::test]
async fn a_list_without_end_is_cut_off() {
    let fake = Fake::new((0..=oci_client::MAX_PAGES).map(|n| page(&[], Some(&n.to_string()))));
    let failure = fake.client().list_instances(&InstanceFilter::in_compartment("c")).await.unwrap_err();
    assert_eq!((failure.code.as_str(), fake.count()), ("EndlessList", oci_client::MAX_PAGES));
}

#[tokio::test]
async fn pages_come_one_by_one_as_they_are_asked_for() {
    let fake = Fake::new([page(&["a"], Some("2")), page(&["b"], None)]);
    let client = fake.client();
    let mut pages = std::pin::pin!(client.instance_pages(&InstanceFilter::in_compartment("c")));
    assert_eq!(pages.try_next().await.unwrap().unwrap().value.len(), 1);
    assert_eq!(fake.count(), 1);
    assert!(pages.try_next().await.unwrap().is_some());
    assert!(pages.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_list_that_has_no_pages_is_asked_for_plainly() {
    let fake = Fake::new([ok(r#"[{"name":"Uocm:PHX-AD-1"}]"#)]);
    assert_eq!(fake.client().list_availability_domains("c").await.unwrap().len(), 1);
    assert_eq!(fake.requests.lock().unwrap()[0].uri().query(), Some("compartmentId=c"));
}

#[tokio::test]
async fn a_failed_page_fails_the_list() {
    let fake = Fake::new([page(&["a"], Some("2")), refusal(404, "NotAuthorizedOrNotFound", "x")]);
    let failure = fake.client().list_instances(&InstanceFilter::in_compartment("c")).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::NotFound);
}
