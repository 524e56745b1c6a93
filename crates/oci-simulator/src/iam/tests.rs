//! What statements and rules mean, and how those that are not understood are refused.

use super::*;

fn policies(statements: &[&str]) -> Policies {
    Policies {
        groups: vec![UserGroup { name: "People".to_owned(), users: vec!["ocid1.user.oc1..a".to_owned()] }],
        dynamic_groups: vec![
            DynamicGroup {
                name: "Hosts".to_owned(),
                matching_rule: "instance.compartment.id = 'c1'".to_owned(),
            },
            DynamicGroup {
                name: "Functions".to_owned(),
                matching_rule: "ALL {resource.type = 'fnfunc', resource.compartment.id != 'c2'}".to_owned(),
            },
        ],
        statements: statements.iter().map(|text| (*text).to_owned()).collect(),
    }
}

fn actor(kind: &str, compartment: Option<&str>) -> Actor {
    Actor {
        kind: kind.to_owned(),
        id: format!("ocid1.{kind}.oc1..a"),
        compartment: compartment.map(str::to_owned),
        ..Actor::default()
    }
}

fn wanted(verb: Verb, resource: &'static str) -> Requirement<'static> {
    Requirement { verb, resource, operation: "LaunchInstance", region: "phx", compartment: "c1" }
}

/// Whether a statement allows this in the compartment c1.
fn allows(statement: &str, actor: &Actor, wanted: &Requirement<'_>) -> bool {
    let access = policies(&[statement]).compile().unwrap();
    let here = |location: &Location| match location {
        Location::Tenancy => true,
        Location::Id(id) => id == "c1",
        Location::Path(path) => path.len() == 1 && path[0] == "c1",
    };
    access.allows(actor, wanted, here)
}

#[test]
fn a_verb_includes_the_verbs_before_it() {
    let verbs = [Verb::Inspect, Verb::Read, Verb::Use, Verb::Manage];
    for (at, given) in verbs.iter().enumerate() {
        let statement = format!("Allow any-user to {given} instances in tenancy");
        for (other, needed) in verbs.iter().enumerate() {
            let found = allows(&statement, &actor("user", None), &wanted(*needed, "instances"));
            assert_eq!(found, other <= at, "{statement}: {needed}");
        }
    }
}

#[test]
fn a_statement_is_for_its_own_subject_and_place() {
    let (user, host) = (actor("user", None), actor("instance", Some("c1")));
    let elsewhere = actor("instance", Some("c2"));
    let function = actor("fnfunc", Some("c1"));
    let launch = wanted(Verb::Manage, "instances");
    for (statement, who, expected) in [
        ("allow GROUP people to manage instance-family in compartment id c1", &user, true),
        ("Allow group Default/People to manage all-resources in compartment c1", &user, true),
        ("Allow group 'People' to manage instances in compartment c2", &user, false),
        ("Allow group People to manage volume-family in tenancy", &user, false),
        ("Allow group People to manage instances in tenancy", &host, false),
        ("Allow dynamic-group Hosts to manage instances in tenancy", &host, true),
        ("Allow dynamic-group Hosts to manage instances in tenancy", &elsewhere, false),
        ("Allow dynamic-group Hosts to manage instances in tenancy", &user, false),
        ("Allow dynamic-group Hosts, Functions to manage instances in tenancy", &function, true),
        ("Allow service blockstorage to use keys in tenancy", &user, false),
        (
            "Allow any-user to manage instances in tenancy where request.principal.type = 'instance'",
            &host,
            true,
        ),
        (
            "Allow any-user to manage instances in tenancy where request.principal.type = 'instance'",
            &user,
            false,
        ),
        (
            "Allow any-user to manage instances in tenancy where any {request.operation != 'LaunchInstance', \
             all {request.region = 'PHX', target.compartment.id = 'c1'}}",
            &user,
            true,
        ),
        // A variable without a value fulfils nothing, not even an inequality.
        (
            "Allow any-user to manage instances in tenancy where request.principal.namespace != 'x'",
            &user,
            false,
        ),
    ] {
        assert_eq!(allows(statement, who, &launch), expected, "{statement} for {who:?}");
    }
}

#[test]
fn what_is_not_understood_is_refused_by_place() {
    for (statement, told) in [
        (
            "",
            "statements[0]: column 1: expected `Allow`, the only kind of statement that is simulated, found the end",
        ),
        ("Deny group People to use vnics in tenancy", "column 1: expected `Allow`"),
        ("Allow group Peeple to use vnics in tenancy", "column 7: there is no group `Peeple`"),
        (
            "Allow dynamic-group People to use vnics in tenancy",
            "column 7: there is no dynamic group `People`",
        ),
        (
            "Allow group People to see vnics in tenancy",
            "column 23: expected inspect, read, use or manage, found `see`",
        ),
        ("Allow group People to {VNIC_READ} in tenancy", "column 23: expected a verb"),
        (
            "Allow group People to use vnic in tenancy",
            "column 27: the region has no resources of the type `vnic`: did you mean `vnics`?",
        ),
        (
            "Allow group People to use vnics in space",
            "column 36: expected `tenancy` or `compartment`, found `space`",
        ),
        ("Allow group People to use vnics in compartment id", "column 50: expected an OCID, found the end"),
        (
            "Allow group People to use vnics in tenancy where x = 'y'",
            "column 50: expected one of the variables",
        ),
        (
            "Allow group People to use vnics in tenancy where request.region = phx",
            "column 67: expected a text in quotes",
        ),
        (
            "Allow group People to use vnics in tenancy where request.region = 'phx",
            "column 67: the quote is not closed",
        ),
        ("Allow group People to use vnics in tenancy or else", "column 44: expected `where` or the end"),
        ("Allow any-user to use vnics in tenancy where any {", "column 51: expected one of the variables"),
    ] {
        let error = policies(&[statement]).compile().unwrap_err();
        assert!(error.contains(told), "{statement}: {error}");
    }
    let mut wrong = policies(&[]);
    wrong.dynamic_groups[1].matching_rule = "ALL {tag.a.b.value = 'x'}".to_owned();
    let error = wrong.compile().unwrap_err();
    assert!(
        error.contains("dynamic_groups[1].matching_rule: column 6: expected one of the variables"),
        "{error}"
    );
    let mut twice = policies(&[]);
    twice.groups.push(UserGroup { name: "hosts".to_owned(), users: Vec::new() });
    assert!(twice.compile().unwrap_err().contains("two groups are called `Hosts`"));
}

#[test]
fn without_statements_nobody_may_do_anything() {
    let access = Policies::default().compile().unwrap();
    assert!(!access.allows(&actor("user", None), &wanted(Verb::Inspect, "compartments"), |_| true));
}
