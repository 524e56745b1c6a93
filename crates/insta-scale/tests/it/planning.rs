//! `plan`, `capacity`, `policy` and `find` with the real program against the simulated region.

use crate::bad_config::GOOD;
use crate::program::Workplace;

#[test]
fn a_plan_gives_a_verdict_for_each_domain_and_the_price() {
    let place = Workplace::with_config(
        &GOOD.replace("availability_domain: AD-1", "availability_domain: [AD-1, AD-2]"),
    );
    let ended = place.run(&["plan", "--simulate=stockout", "--count", "10"]);
    assert_eq!(ended.code, 0, "{} {}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("AD-1: you can have none of 10 now, because the capacity report"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("AD-2: you can have all 10 now"), "{}", ended.stdout);
    assert!(ended.stdout.contains("in all: 10 of 10"), "{}", ended.stdout);
    assert!(ended.stdout.contains("0.3400 per hour"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("a stopped VM.Standard.E4.Flex costs its boot volume only"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_plan_is_a_document_as_well() {
    let place = Workplace::with_config(GOOD);
    let document = place.run(&["plan", "--simulate", "--output", "json"]).json();
    assert_eq!(document["preflight"]["authenticated"], true);
    assert_eq!(document["preflight"]["possible"], document["requested"]);
    assert!(document["preflight"]["requests"].as_u64().unwrap() <= 15);
    let hour = document["cost"]["total"]["hour"].as_f64().unwrap();
    assert!(hour > 0.1 && hour < 0.2, "{hour}");
}

#[test]
fn a_plan_says_what_would_be_reserved_first_and_its_price() {
    let place = Workplace::with_config(GOOD);
    let reserve = place.run(&["plan", "--simulate", "--reserve", "--output", "json"]).json();
    let reserve = &reserve["reserve"];
    assert_eq!((&reserve["places"][0]["asked"], reserve["places"].as_array().unwrap().len()), (&3.into(), 1));
    assert_eq!(reserve["cost"]["total"]["hour"], 0.0867, "{reserve}");
    let shown = place.run(&["plan", "--offline", "--reserve"]).stdout;
    assert!(shown.contains("AD-1: 3 × VM.Standard.E4.Flex, 1 OCPU, 6 GB\n"), "{shown}");
    assert!(shown.contains("62.42 per 30 days"), "{shown}");
}

#[test]
fn omitted_memory_is_part_of_the_price() {
    let place =
        Workplace::with_config(&GOOD.replace("    ocpus: 1\n    memory_in_gbs: 6\n", "    ocpus: 4\n"));
    let document = place.run(&["plan", "--simulate", "--count", "2", "--output", "json"]).json();
    assert_eq!((&document["ocpus"], &document["memory_gb"]), (&8.0.into(), &128.0.into()), "{document}");
    assert_eq!(document["cost"]["lines"][0]["price"]["hour"], 0.392);
    assert!(place.run(&["plan", "--simulate", "--count", "2"]).stdout.contains("8 OCPUs, 128 GB of memory"));
}

#[test]
fn a_limit_makes_a_plan_partial_and_an_unknown_price_is_unknown() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["plan", "--simulate=limits", "--count", "50"]);
    assert_eq!(ended.code, 3, "{}", ended.stdout);
    assert!(
        ended.stdout.contains("20 of 50 now, because the limit standard-e4-core-count"),
        "{}",
        ended.stdout
    );
    let other = GOOD.to_owned() + "prices:\n  currency: EUR\n";
    place.write("config.yaml", other);
    let offline = place.run(&["plan", "--offline"]).stdout;
    assert!(offline.contains("unknown") && !offline.contains("0.0000"), "{offline}");
    assert!(offline.contains("the price of VM.Standard.E4.Flex in EUR is unknown"), "{offline}");
}

#[test]
fn own_prices_are_used() {
    let text = "prices:\n  shapes:\n    VM.Standard.E4.Flex: {ocpu: 1, memory_gb: 0.5}\n";
    let place = Workplace::with_config(&format!("{GOOD}{text}"));
    let document = place.run(&["plan", "--offline", "--count", "2", "--output", "json"]).json();
    assert_eq!(document["cost"]["lines"][0]["price"]["hour"], 8.0);
    let shown = place.run(&["plan", "--offline"]).stdout;
    assert!(shown.contains("based on the prices of the config and the price list of"), "{shown}");
    let euros = text.replace("prices:\n", "prices:\n  currency: EUR\n  boot_volume_gb_month: 0.05\n");
    place.write("config.yaml", format!("{GOOD}{euros}"));
    let shown = place.run(&["plan", "--offline"]).stdout;
    assert!(
        shown.contains("cost in EUR while the instances run, based on the prices of the config:\n"),
        "{shown}"
    );
    assert!(place.run(&["plan", "--offline", "--output", "json"]).json()["prices_as_of"].is_null());
    place.write(
        "config.yaml",
        format!("{GOOD}prices:\n  shapes:\n    X: {{cores: 1}}\n  boot_volume_gb_month: -1\n"),
    );
    let wrong = place.run(&["plan", "--offline"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("unknown key `prices.shapes.X.cores`"), "{}", wrong.stderr);
    assert!(
        wrong.stderr.contains("prices.boot_volume_gb_month must be a number above 0"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn the_report_is_a_matrix_of_domains_and_fault_domains() {
    let place = Workplace::with_config(GOOD);
    let document = place.run(&["capacity", "--simulate=stockout", "--output", "json"]).json();
    let cells = document["capacity"].as_array().unwrap();
    assert_eq!(cells.len(), 12);
    let full: Vec<&str> = cells
        .iter()
        .filter(|cell| cell["status"] == "out_of_host_capacity")
        .map(|cell| cell["availability_domain"].as_str().unwrap())
        .collect();
    assert!(full.len() == 4 && full.iter().all(|domain| domain.ends_with("AD-1")), "{full:?}");
    let several = place.run(&[
        "capacity",
        "--simulate",
        "VM.Standard.A1.Flex:1:6",
        "VM.Standard.E5.Flex",
        "--ad",
        "ad-2",
    ]);
    // Two tables, each with a title, a header and one domain, and a line between them.
    assert_eq!(several.stdout.lines().count(), 7, "{}", several.stdout);
}

#[test]
fn two_sizes_of_a_shape_are_two_tables_that_fit_a_terminal() {
    let place = Workplace::with_config(GOOD);
    let sizes = ["capacity", "--simulate", "VM.Standard.E4.Flex:1:6", "VM.Standard.E4.Flex:32:256"];
    let shown = place.run(&sizes).stdout;
    assert!(shown.contains("VM.Standard.E4.Flex, 1 OCPU, 6 GB\n"), "{shown}");
    assert!(shown.contains("\nVM.Standard.E4.Flex, 32 OCPUs, 256 GB\n"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let cells = place.run(&[&sizes[..], &["--ad", "AD-1", "--output", "json"]].concat()).json();
    let count = |ocpus: f64| {
        let cells = cells["capacity"].as_array().unwrap().iter();
        let mut any = cells.filter(|cell| cell["ocpus"] == ocpus && cell["fault_domain"].is_null());
        any.next().unwrap()["count"].as_u64().unwrap()
    };
    // A host of 128 OCPUs holds 128 small instances or 4 large ones.
    assert_eq!(count(1.0), 32 * count(32.0), "{cells}");
    let csv = place.run(&[&sizes[..], &["--ad", "AD-1", "--output", "csv"]].concat()).stdout;
    let head = "availability_domain,fault_domain,shape,ocpus,memory_gb,status,count\r\n";
    assert!(
        csv.starts_with(head) && csv.contains(",FAULT-DOMAIN-1,VM.Standard.E4.Flex,32,256,available,"),
        "{csv}"
    );
}

#[test]
fn a_policy_needs_neither_a_key_nor_the_service() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["policy", "--group", "Ops", "--reservations"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("Allow group Ops to manage compute-capacity-reservations in compartment id")
    );
    let statements = place.run(&["policy", "--output", "json"]).json();
    assert!(statements["statements"].as_array().unwrap().len() > 5);
}

#[test]
fn a_policy_is_for_the_principal_that_signs_in() {
    let fields = ["tenancy_ocid", "user_ocid", "fingerprint", "private_key_path"];
    let without = |line: &&str| !fields.iter().any(|field| line.starts_with(field));
    let bare = GOOD.lines().filter(without).collect::<Vec<_>>().join("\n");
    let place = Workplace::with_config(&format!("auth: instance_principal\n{bare}\n"));
    let ended = place.run(&["policy", "--group", "Hunters"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("Allow dynamic-group Hunters to manage instances in"), "{}", ended.stdout);
    assert!(ended.stdout.starts_with("// the dynamic group needs a matching rule"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("Allow group"), "{}", ended.stdout);
    let pod = place.run(&["policy", "--auth", "oke_workload_identity", "-o", "json"]).json();
    assert_eq!((&pod["principal"], &pod["matching_rule"]), (&"workload".into(), &serde_json::Value::Null));
    let text = pod["statements"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Allow any-user to manage instances in compartment id"), "{text}");
    assert!(text.contains("where all {request.principal.type = 'workload'"), "{text}");
    let refused = place.run(&["policy", "--auth", "oke_workload_identity", "--group", "Hunters"]);
    assert!(refused.code == 2 && refused.stderr.contains("belongs to no group"), "{}", refused.stderr);
    let user = place.run(&["policy", "--auth", "api_key", "-o", "json"]).json();
    assert_eq!((&user["principal"], &user["matching_rule"]), (&"group".into(), &serde_json::Value::Null));
}

#[test]
fn what_a_config_needs_is_found() {
    let place = Workplace::with_config(GOOD);
    let find = |more: &[&str]| {
        let mut words = vec!["find", "--simulate", "--output", "json"];
        words.extend(more);
        place.run(&words).json()
    };
    assert_eq!(find(&["ads"])["availability_domains"].as_array().map(Vec::len), Some(3));
    let shapes = find(&["shapes", "E4.Flex"]);
    assert_eq!(shapes["shapes"].as_array().map(Vec::len), Some(2), "{shapes}");
    let images = find(&["images", "--os", "Oracle Linux", "--shape", "VM.Standard.A1.Flex"]);
    let images = images["images"].as_array().unwrap();
    assert!(!images.is_empty());
    let created: Vec<&str> = images.iter().filter_map(|image| image["time_created"].as_str()).collect();
    assert!(created.windows(2).all(|pair| pair[0] >= pair[1]), "newest first: {created:?}");
    let lower = find(&["images", "--os", "ubuntu", "--shape", "any"]);
    assert!(lower["images"].as_array().is_some_and(|images| !images.is_empty()), "{lower}");
    let none = place.run(&["find", "--simulate", "images", "--os", "BeOS"]);
    assert!(none.stderr.contains("there are images of: "), "{}", none.stderr);
    let none = place.run(&["find", "--simulate", "images", "--shape", "Nope"]);
    assert!(none.stderr.contains("no image is compatible with Nope") || none.code != 0, "{}", none.stderr);
    assert!(find(&["subnets"])["subnets"].as_array().is_some_and(|subnets| !subnets.is_empty()));
    assert!(find(&["compartments"])["compartments"].as_array().is_some_and(|all| !all.is_empty()));
}

#[test]
fn a_format_that_a_command_lacks_is_refused() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["plan", "--output", "csv"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("this command has no --output csv"), "{}", ended.stderr);
}
