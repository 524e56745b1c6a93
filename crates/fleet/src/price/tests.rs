use super::*;
use crate::plan::FleetSpec;
use ledger::{Amount, CapacityType, Placement, PlacementSize};
use oci_api::models::{
    InstanceSourceDetails, InstanceSourceViaImageDetails, LaunchInstanceDetails,
    LaunchInstanceLicensingConfig, LaunchInstanceShapeConfigDetails,
    LaunchInstanceShapeConfigDetailsBaselineOcpuUtilization, LaunchInstanceWindowsLicensingConfig,
    LaunchInstanceWindowsLicensingConfigLicenseType as WindowsLicence, PreemptibleInstanceConfigDetails,
};
use proptest::prelude::*;

fn spec(shape: &str, ocpus: f64, gb: f64) -> FleetSpec {
    FleetSpec {
        count: 100,
        placements: vec![Placement { shape: shape.to_owned(), ..Placement::default() }],
        template: LaunchInstanceDetails {
            shape_config: Some(Box::new(LaunchInstanceShapeConfigDetails {
                ocpus: Some(ocpus),
                memory_in_gbs: Some(gb),
                ..LaunchInstanceShapeConfigDetails::default()
            })),
            ..LaunchInstanceDetails::default()
        },
        ..FleetSpec::default()
    }
}

fn hour(cost: &Cost, line: usize) -> f64 {
    cost.lines[line].price.unwrap().hour
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9 * b.abs().max(1.0)
}

#[test]
fn an_e4_of_1_ocpu_and_6_gb_costs_0_034_an_hour() {
    let cost = of_fleet(&spec("VM.Standard.E4.Flex", 1.0, 6.0), 1, &Prices::default(), Size::default());
    assert!(near(hour(&cost, 0), 0.034), "{cost:?}");
    // 50 GB at $0.0425 per GB-month.
    assert!(near(hour(&cost, 1) * 744.0, 2.125), "{cost:?}");
    assert!(near(cost.total.unwrap().days_30, (0.034 + 2.125 / 744.0) * 720.0));
}

#[test]
fn the_bill_of_a_fleet_reads_line_by_line() {
    let cost = of_fleet(&spec("VM.Standard.E4.Flex", 1.0, 6.0), 100, &Prices::default(), Size::default());
    let lines: Vec<&str> = cost.lines.iter().map(|line| line.what.as_str()).collect();
    assert_eq!(
        lines,
        ["100 × VM.Standard.E4.Flex, 1 OCPU, 6 GB", "100 × boot volume, 50 GB, 10 VPUs per GB"]
    );
}

#[test]
fn a_shape_without_a_known_price_is_unknown_and_never_free() {
    let cost = of_fleet(&spec("VM.Standard9.Flex", 1.0, 6.0), 1, &Prices::default(), Size::default());
    assert_eq!(cost.lines[0].price, None);
    assert_eq!(cost.total, None);
    assert_eq!(
        cost.notes,
        ["the price of VM.Standard9.Flex in USD is unknown: set it under `prices:` in the config"]
    );
    let reserved = of_reservation("VM.Standard9.Flex", Size::default(), 5, &Prices::default());
    assert_eq!(reserved.total, None);
}

#[test]
fn a_flexible_shape_of_unknown_size_is_unknown() {
    let mut spec = spec("VM.Standard.E4.Flex", 1.0, 6.0);
    spec.template.shape_config = None;
    assert_eq!(of_fleet(&spec, 1, &Prices::default(), Size::default()).total, None);
    let default = Size { ocpus: Some(1.0), memory_gb: Some(16.0) };
    assert!(near(hour(&of_fleet(&spec, 1, &Prices::default(), default), 0), 0.049));
}

#[test]
fn unused_reserved_capacity_costs_85_percent() {
    let size = Size { ocpus: Some(1.0), memory_gb: Some(6.0) };
    let cost = of_reservation("VM.Standard.E4.Flex", size, 10, &Prices::default());
    assert!(near(hour(&cost, 0), 10.0 * 0.034 * 0.85));
}

#[test]
fn preemptible_instances_cost_half_without_volumes() {
    let mut spec = spec("VM.Standard.E4.Flex", 1.0, 6.0);
    let whole = of_fleet(&spec, 1, &Prices::default(), Size::default());
    spec.template.preemptible_instance_config = Some(Box::new(PreemptibleInstanceConfigDetails::default()));
    let half = of_fleet(&spec, 1, &Prices::default(), Size::default());
    assert!(near(hour(&half, 0) * 2.0, hour(&whole, 0)));
    assert!(near(hour(&half, 1), hour(&whole, 1)));
}

#[test]
fn a_burstable_instance_saves_on_ocpus_and_not_on_memory() {
    let mut spec = spec("VM.Standard.E4.Flex", 2.0, 8.0);
    if let Some(config) = &mut spec.template.shape_config {
        config.baseline_ocpu_utilization =
            Some(LaunchInstanceShapeConfigDetailsBaselineOcpuUtilization::Baseline18);
    }
    let cost = of_fleet(&spec, 1, &Prices::default(), Size::default());
    assert!(near(hour(&cost, 0), 2.0 * 0.125 * 0.025 + 8.0 * 0.0015));
}

#[test]
fn a_price_is_the_sum_over_its_placements() {
    let spec = spec("VM.Standard.E4.Flex", 1.0, 6.0);
    let here = spec.placements[0].clone();
    let size = PlacementSize { ocpus: Some(Amount(2.0)), memory_gb: Some(Amount(12.0)), baseline: None };
    let double = Placement { size: Some(size), ..here.clone() };
    let cheap = Placement { capacity_type: Some(CapacityType::Preemptible), ..here.clone() };
    let placements = [(&here, 3), (&double, 2), (&cheap, 2)];
    let cost = of_placements(&spec, &placements, &Prices::default(), Size::default());
    let instances: Vec<f64> = (0..3).map(|kind| hour(&cost, 2 * kind)).collect();
    assert!(near(instances[0], 3.0 * 0.034) && near(instances[1], 2.0 * 0.068), "{cost:?}");
    assert!(near(instances[2], 0.034), "{cost:?}");
    let volumes = 7.0 * 2.125 / 744.0;
    assert!(near(cost.total.unwrap().hour, instances.iter().sum::<f64>() + volumes), "{cost:?}");
}

#[test]
fn fixed_shapes_have_the_price_of_their_size() {
    let price = |shape| Prices::default().instance_hour(shape, Size::default(), 1.0);
    assert!(near(price("VM.Standard2.24").unwrap(), 24.0 * 0.0638));
    assert!(near(price("BM.GPU.H100.8").unwrap(), 80.0));
    assert!(near(price("VM.GPU.A10.2").unwrap(), 4.0));
    assert!(near(price("BM.Standard.E4.128").unwrap(), 128.0 * 0.025 + 2048.0 * 0.0015));
    assert_eq!(price("VM.Standard2.x"), None);
    assert_eq!(price("VM.Standard2."), None);
    assert!(near(price("BM.Standard.A4.48").unwrap() * 744.0, 2_035.584), "as oci-shape-meta.json, 2,035.58");
    assert!(near(price("BM.DenseIO.E5.128").unwrap() * 744.0, 8_858.004_48), "as oci-shape-meta.json, 8,858");
    assert!(near(price("BM.GPU.GB200.4").unwrap(), 64.0));
    assert_eq!(price("BM.GPU.GB200.4 (NVL72)"), None);
}

/// Names that begin like another shape's have their own price (traps that other price tables fell into).
#[test]
fn a_shape_does_not_take_the_price_of_its_namesake() {
    let size = Size { ocpus: Some(1.0), memory_gb: Some(10.0) };
    let price = |shape: &str| Prices::default().instance_hour(shape, size, 1.0).unwrap();
    assert!(near(price("VM.Standard.E2.1.Micro"), 0.0));
    assert!(near(price("VM.Standard.E2.2"), 2.0 * 0.03));
    for (ax, plain) in [("E6.Ax", "E6"), ("A4.Ax", "A4")] {
        let of = |family| price(&format!("VM.Standard.{family}.Flex"));
        assert!(of(ax) > of(plain), "{ax}: {} and {}", of(ax), of(plain));
    }
    assert!(near(price("VM.Standard.A1.Flex"), 0.025), "the first tier of A1 is free, and not meant");
}

#[test]
fn the_always_free_shape_is_free_and_says_where() {
    let cost = of_fleet(&spec("VM.Standard.E2.1.Micro", 1.0, 1.0), 2, &Prices::default(), Size::default());
    assert!(near(hour(&cost, 0), 0.0));
    assert!(
        cost.notes.iter().any(|note| note.starts_with("Always Free: each tenancy has 2")),
        "{:?}",
        cost.notes
    );
    assert!(cost.total.is_some());
}

#[test]
fn only_shapes_that_are_sold_as_preemptible_cost_half() {
    for (shape, half) in [("VM.Standard.E4.Flex", true), ("VM.Standard.A2.Flex", false)] {
        let mut spec = spec(shape, 1.0, 6.0);
        let whole = hour(&of_fleet(&spec, 1, &Prices::default(), Size::default()), 0);
        spec.template.preemptible_instance_config = Some(Box::default());
        let cost = of_fleet(&spec, 1, &Prices::default(), Size::default());
        assert!(near(hour(&cost, 0), if half { whole / 2.0 } else { whole }), "{shape}: {cost:?}");
        assert_eq!(
            cost.notes.iter().any(|note| note.contains("is not sold as preemptible")),
            !half,
            "{cost:?}"
        );
    }
    assert_eq!(can_be_preemptible("BM.Standard.E4.128"), Some(false));
    assert_eq!(can_be_preemptible("VM.New.Flex"), None);
}

#[test]
fn a_windows_licence_of_oci_is_charged_and_an_own_one_is_not() {
    let mut spec = spec("VM.Standard.E4.Flex", 4.0, 16.0);
    let mut licence = |kind| {
        let windows = LaunchInstanceWindowsLicensingConfig {
            license_type: Some(kind),
            ..LaunchInstanceWindowsLicensingConfig::default()
        };
        spec.template.licensing_configs = Some(vec![LaunchInstanceLicensingConfig::Windows(windows)]);
        of_fleet(&spec, 2, &Prices::default(), Size::default())
    };
    let cost = licence(WindowsLicence::OciProvided);
    assert_eq!(cost.lines[1].what, "2 × Windows licence");
    assert!(near(hour(&cost, 1), 2.0 * 4.0 * 0.092));
    assert_eq!(licence(WindowsLicence::BringYourOwnLicense).lines.len(), 2);
}

#[test]
fn an_image_of_windows_comes_with_a_licence_of_oci() {
    let mut spec = spec("VM.Standard.E4.Flex", 4.0, 16.0);
    spec.template.image_id = Some("ocid1.image.oc1..windows".to_owned());
    let lines = |spec: &FleetSpec| of_fleet(spec, 2, &Prices::default(), Size::default()).lines;
    assert_eq!(lines(&spec).len(), 2);
    spec.windows_images = vec!["ocid1.image.oc1..windows".to_owned()];
    assert_eq!(lines(&spec)[1].what, "2 × Windows licence");
    let windows = LaunchInstanceWindowsLicensingConfig {
        license_type: Some(WindowsLicence::BringYourOwnLicense),
        ..LaunchInstanceWindowsLicensingConfig::default()
    };
    spec.template.licensing_configs = Some(vec![LaunchInstanceLicensingConfig::Windows(windows)]);
    assert_eq!(lines(&spec).len(), 2);
}

#[test]
fn a_list_of_the_user_comes_first_in_its_own_currencies() {
    let dump = serde_json::json!({"lastUpdated": "2026-11-01", "items": [
        {"partNumber": "B93113", "currencyCodeLocalizations": [
            {"currencyCode": "USD", "prices": [{"model": "PAY_AS_YOU_GO", "value": 0.05}]},
            {"currencyCode": "EUR", "prices": [{"model": "PAY_AS_YOU_GO", "value": 0.04}]}]},
        {"partNumber": "B93114", "currencyCodeLocalizations": [
            {"currencyCode": "EUR", "prices": [{"model": "PAY_AS_YOU_GO", "value": 0.001}]}]},
    ]});
    let list = PriceList::read(dump.to_string().as_bytes(), None).unwrap();
    let mut prices = Prices { list: Some(std::sync::Arc::new(list)), ..Prices::default() };
    let size = Size { ocpus: Some(1.0), memory_gb: Some(6.0) };
    let price = |prices: &Prices, shape| prices.instance_hour(shape, size, 1.0);
    assert!(
        near(price(&prices, "VM.Standard.E4.Flex").unwrap(), 0.05 + 6.0 * 0.0015),
        "memory of the built-in list"
    );
    assert_eq!(prices.as_of(), Some("2026-11-01"));
    prices.currency = Some("EUR".to_owned());
    assert!(near(price(&prices, "VM.Standard.E4.Flex").unwrap(), 0.046));
    assert_eq!(price(&prices, "VM.Standard.E5.Flex"), None, "dollars are not euros");
    prices.currency = Some("JPY".to_owned());
    assert_eq!((price(&prices, "VM.Standard.E4.Flex"), prices.as_of()), (None, None));
}

#[test]
fn a_configured_price_comes_first() {
    let mut prices = Prices::default();
    let own = ShapePrice { ocpu: 0.02, memory_gb: 0.001, instance: 0.0 };
    prices.shapes.insert("VM.Standard.E4.Flex".to_owned(), own);
    prices.shapes.insert("BM.New.1".to_owned(), ShapePrice { instance: 7.5, ..ShapePrice::default() });
    let size = Size { ocpus: Some(1.0), memory_gb: Some(6.0) };
    assert!(near(prices.instance_hour("VM.Standard.E4.Flex", size, 1.0).unwrap(), 0.026));
    assert!(near(prices.instance_hour("BM.New.1", Size::default(), 1.0).unwrap(), 7.5));
}

#[test]
fn dollars_of_the_list_are_never_passed_off_as_another_currency() {
    let prices = Prices { currency: Some("EUR".to_owned()), ..Prices::default() };
    let cost = of_fleet(&spec("VM.Standard.E4.Flex", 1.0, 6.0), 1, &prices, Size::default());
    assert_eq!((cost.total, cost.lines[0].price, cost.lines[1].price), (None, None, None));
}

#[test]
fn an_absurd_price_is_a_mistake_with_its_key() {
    let mut prices = Prices { boot_volume_gb_month: Some(f64::NAN), ..Prices::default() };
    prices.shapes.insert("X".to_owned(), ShapePrice { ocpu: -1.0, ..ShapePrice::default() });
    let keys: Vec<String> = prices.mistakes().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["shapes.X.ocpu", "boot_volume_gb_month"]);
}

#[test]
fn the_size_of_a_boot_volume_is_paid_for() {
    let mut spec = spec("VM.Standard.E4.Flex", 1.0, 6.0);
    let image = InstanceSourceViaImageDetails {
        boot_volume_size_in_gbs: Some(200),
        boot_volume_vpus_per_gb: Some(20),
        ..InstanceSourceViaImageDetails::default()
    };
    spec.template.source_details = Some(Box::new(InstanceSourceDetails::Image(image)));
    let cost = of_fleet(&spec, 3, &Prices::default(), Size::default());
    assert!(near(hour(&cost, 1) * 744.0, 3.0 * 200.0 * (0.0255 + 20.0 * 0.0017)));
}

proptest! {
    #[test]
    fn the_bill_grows_in_step_with_the_count(ocpus in 1u8..64, gb in 1u16..1024, count in 1u32..100_000) {
        let spec = spec("VM.Standard.E5.Flex", f64::from(ocpus), f64::from(gb));
        let one = of_fleet(&spec, 1, &Prices::default(), Size::default()).total.unwrap().hour;
        let many = of_fleet(&spec, count, &Prices::default(), Size::default()).total.unwrap().hour;
        prop_assert!(near(many, one * f64::from(count)));
    }
}

/// A cheap shape of another size, the same as preemptible, and a more expensive shape.
fn three_kinds() -> FleetSpec {
    let mut spec = spec("VM.Standard.E5.Flex", 1.0, 6.0);
    let base = spec.placements[0].clone();
    let arm = Placement { shape: "VM.Standard.A1.Flex".to_owned(), ..base.clone() };
    let preemptible = Placement { capacity_type: Some(CapacityType::Preemptible), ..base };
    spec.placements.extend([arm, preemptible]);
    spec
}

#[test]
fn the_dearest_kind_bounds_the_price() {
    let spec = three_kinds();
    let prices = Prices::default();
    let all_e5 = of_placements(&spec, &[(&spec.placements[0], 10)], &prices, Size::default()).total;
    assert_eq!(at_most(&spec, 10, &prices).total, all_e5);
    let mut reversed = spec.clone();
    reversed.placements.reverse();
    assert_eq!(at_most(&reversed, 10, &prices).total, all_e5);
    reversed.placements.push(Placement { shape: "VM.New.Flex".to_owned(), ..Placement::default() });
    assert_eq!(at_most(&reversed, 10, &prices).total, None, "what is unknown may be the dearest");
    let told: Vec<String> = of_kinds(&spec, &prices).into_iter().map(|(what, _)| what).collect();
    assert_eq!(told[2], "VM.Standard.E5.Flex, 1 OCPU, 6 GB, preemptible");
}

#[test]
fn the_cheapest_choice_comes_first_and_ties_stay() {
    let mut spec = three_kinds();
    let second = Placement { availability_domain: "AD-2".to_owned(), ..spec.placements[0].clone() };
    spec.placements.push(second.clone());
    assert_eq!(put_cheapest_first(&mut spec, &Prices::default()), Vec::<String>::new());
    let shapes: Vec<&str> = spec.placements.iter().map(|placement| placement.shape.as_str()).collect();
    assert_eq!(shapes[0], "VM.Standard.A1.Flex");
    assert_eq!(spec.placements[1].capacity_type, Some(CapacityType::Preemptible));
    assert_eq!(spec.placements[3], second);
    let before = spec.placements.clone();
    let euro = Prices { currency: Some("EUR".to_owned()), ..Prices::default() };
    let unknown = put_cheapest_first(&mut spec, &euro);
    assert_eq!((unknown.len(), &spec.placements), (2, &before));
}
