//! Refusals that a launch would receive are found in advance: OCIDs, baselines, and shapes that do not exist.

use ledger::Placement;

use super::preflight::{ask, stops};
use super::world::World;

#[tokio::test(start_paused = true)]
async fn each_further_ocid_is_asked_for_once() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(20, &[1, 2, 3]);
    let group = |name: &str| format!("ocid1.networksecuritygroup.oc1.phx.{name}");
    let vnic = fleet.template.create_vnic_details.as_mut().unwrap();
    vnic.nsg_ids = Some(vec![group("a"), group("b"), group("a")]);
    fleet.template.dedicated_vm_host_id = Some("ocid1.dedicatedvmhost.oc1.phx.h".to_owned());
    let answer = ask(&world, &fleet).await;
    assert!(answer.is_hopeless() && answer.possible == 0, "{:#?}", answer.verdicts);
    let stops = stops(&answer);
    for (ocid, what) in [
        (group("a"), "network security group"),
        (group("b"), "network security group"),
        ("ocid1.dedicatedvmhost.oc1.phx.h".to_owned(), "dedicated host"),
    ] {
        let wanted = format!("{ocid}: this {what} does not exist, or you may not use it");
        assert_eq!(stops.iter().filter(|stop| stop.starts_with(&wanted)).count(), 1, "{stops:?}");
    }
    assert!(world.asked() <= 15 + 3, "{:?}", world.requests.snapshot());
    assert_eq!(u64::from(answer.requests), world.asked());
}

#[tokio::test(start_paused = true)]
async fn a_baseline_that_a_shape_lacks_stops_it() {
    let world = World::of("roomy");
    let burst = |shape: &str| {
        let mut fleet = world.fleet(3, &[1]);
        shape.clone_into(&mut fleet.placements[0].shape);
        let config = fleet.template.shape_config.as_mut().unwrap();
        config.baseline_ocpu_utilization = Some("BASELINE_1_2".into());
        fleet
    };
    assert_eq!(stops(&ask(&world, &burst("VM.Standard.E4.Flex")).await), Vec::<String>::new());
    let answer = ask(&world, &burst("VM.DenseIO.E4.Flex")).await;
    let wanted = "VM.DenseIO.E4.Flex: VM.DenseIO.E4.Flex does not support BASELINE_1_2";
    assert!(stops(&answer)[0].starts_with(wanted), "{:?}", answer.findings);
    assert_eq!(answer.possible, 0);
}

#[tokio::test(start_paused = true)]
async fn a_report_has_ten_entries_at_most() {
    let world = World::of("roomy");
    let size = fleet::price::Size { ocpus: Some(1.0), memory_gb: Some(6.0) };
    let shapes = ["E3", "E4", "E5", "E6"].map(|name| (format!("VM.Standard.{name}.Flex"), size));
    let tenancy = &world.fleet(1, &[1]).tenancy;
    let domains = [world.domain(1), world.domain(2)];
    let matrix = fleet::preflight::matrix(&world.client, tenancy, tenancy, &domains, &shapes).await;
    // Four shapes in four columns are 16 entries: two reports for each domain.
    assert_eq!(world.asked(), 4, "{:?}", world.requests.snapshot());
    let cells: Vec<_> = matrix.domains.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!((cells.len(), matrix.unknown.len()), (2 * 16, 0));
    assert_eq!(cells[15].shape, "VM.Standard.E6.Flex");

    // A plan of more shapes than that also requests them in two reports.
    let mut fleet = world.fleet(3, &[1]);
    let all = ["E3.Flex", "E4.Flex", "E5.Flex", "E6.Flex", "A1.Flex", "A2.Flex", "A4.Flex"];
    let more = ["VM.Standard3.Flex", "VM.Optimized3.Flex", "VM.Standard2.1", "VM.Standard2.2"];
    let names = all.iter().map(|name| format!("VM.Standard.{name}"));
    let names = names.chain(more.iter().map(|name| (*name).to_owned()));
    let first = fleet.placements[0].clone();
    fleet.placements = names.map(|shape| Placement { shape, ..first.clone() }).collect();
    fleet.template.shape_config = None;
    assert_eq!(fleet.placements.len(), 11);
    let before = world.asked();
    let answer = ask(&world, &fleet).await;
    assert_eq!(u64::from(answer.requests), world.asked() - before);
    assert!(
        !answer.findings.iter().any(|finding| finding.about == "capacity report"),
        "{:?}",
        answer.findings
    );
}

#[tokio::test(start_paused = true)]
async fn one_unknown_shape_leaves_the_others_in_the_report() {
    let world = World::of("roomy");
    let size = fleet::price::Size { ocpus: Some(1.0), memory_gb: Some(6.0) };
    let kinds = [("VM.Standard.E4.Flex".to_owned(), size), ("VM.Standard.E44.Flex".to_owned(), size)];
    let tenancy = &world.fleet(1, &[1]).tenancy;
    let matrix = fleet::preflight::matrix(&world.client, tenancy, tenancy, &[world.domain(1)], &kinds).await;
    assert_eq!(matrix.unknown, ["VM.Standard.E44.Flex"]);
    assert_eq!(matrix.domains[0].as_ref().unwrap().len(), 4);
}
