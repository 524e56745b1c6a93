use super::*;
use proptest::prelude::*;

fn reserved(domain: &str, id: &str) -> Reserved {
    Reserved {
        availability_domain: domain.to_owned(),
        ocid: format!("ocid1.capacityreservation.oc1.phx.{id}"),
    }
}

fn one() -> Vec<Reserved> {
    vec![reserved("Uocm:PHX-AD-1", "r")]
}

#[test]
fn comments_and_order_stay_and_the_line_goes_where_it_belongs() {
    let source = "\
# mine
region: us-phoenix-1   # home

instance_settings:
  count: 5      # five
  availability_domain: AD-1
  # why this image
  image_id: ocid1.image.oc1.phx.i
other: x
";
    insta::assert_snapshot!(with_reservations(source, &one()).unwrap(), @"
    # mine
    region: us-phoenix-1   # home

    instance_settings:
      count: 5      # five
      availability_domain: AD-1
      capacity_reservation_id: ocid1.capacityreservation.oc1.phx.r
      # why this image
      image_id: ocid1.image.oc1.phx.i
    other: x
    ");
}

#[test]
fn the_example_keeps_every_line_and_gains_one() {
    let source = include_str!("../../../../../config.example.yaml");
    let edited = with_reservations(source, &one()).unwrap();
    let added: Vec<&str> = edited.lines().filter(|line| !source.lines().any(|old| old == *line)).collect();
    assert_eq!(added, ["  capacity_reservation_id: ocid1.capacityreservation.oc1.phx.r"]);
    assert_eq!(edited.lines().count(), source.lines().count() + 1);
    // Below the comment that shows the key.
    let at = edited.lines().position(|line| line == added[0]).unwrap();
    assert!(edited.lines().nth(at - 1).unwrap().contains("# capacity_reservation_id:"));
}

#[test]
fn replacing_a_reservation_keeps_its_comment() {
    let source =
        "instance_settings:\n  capacity_reservation_id: \"\"  # none yet\n  availability_domain: AD-1\n";
    assert_eq!(
        with_reservations(source, &one()).unwrap(),
        "instance_settings:\n  capacity_reservation_id: ocid1.capacityreservation.oc1.phx.r  # none yet\n  availability_domain: AD-1\n"
    );
}

#[test]
fn reservations_are_written_as_one_or_a_list() {
    let source = "instance_settings:\n  availability_domain: [AD-1, AD-2]\n  count: 1\n";
    let both = [reserved("Uocm:PHX-AD-1", "a"), reserved("Uocm:PHX-AD-2", "b")];
    let edited = with_reservations(source, &both).unwrap();
    insta::assert_snapshot!(edited, @"
    instance_settings:
      availability_domain: [AD-1, AD-2]
      capacity_reservations:
        - availability_domain: AD-1
          capacity_reservation_id: ocid1.capacityreservation.oc1.phx.a
        - availability_domain: AD-2
          capacity_reservation_id: ocid1.capacityreservation.oc1.phx.b
      count: 1
    ");
    // Writing the same reservations again changes nothing.
    assert_eq!(with_reservations(&edited, &both).unwrap(), edited);
    let single = edited.replace("[AD-1, AD-2]", "AD-1");
    assert_eq!(
        with_reservations(&single, &one()).unwrap(),
        "instance_settings:\n  availability_domain: AD-1\n  capacity_reservation_id: ocid1.capacityreservation.oc1.phx.r\n  count: 1\n"
    );
}

#[test]
fn line_endings_of_windows_and_a_missing_last_one_stay() {
    let source = "instance_settings:\r\n    count: 1\r\n    availability_domain: AD-1";
    assert_eq!(
        with_reservations(source, &one()).unwrap(),
        "instance_settings:\r\n    count: 1\r\n    availability_domain: AD-1\r\n    capacity_reservation_id: ocid1.capacityreservation.oc1.phx.r"
    );
}

#[test]
fn a_block_of_text_before_the_key_is_not_torn() {
    let source = "instance_settings:\n  ssh_authorized_keys: |\n    ssh-ed25519 AAAA\n\n    # not a comment\n  availability_domain: AD-1\n";
    let edited = with_reservations(source, &one()).unwrap();
    let after = "    # not a comment\n  availability_domain: AD-1\n  capacity_reservation_id: ocid1";
    assert!(edited.contains(after), "{edited}");
}

#[test]
fn what_cannot_be_edited_safely_is_left_alone() {
    for source in [
        "instance_settings: {count: 1}\n",
        "region: x\n",
        "instance_settings:\n",
        "- a\n",
        "instance_settings:\n  count: [1\n",
        "",
    ] {
        assert!(matches!(with_reservations(source, &one()), Err(EditError::Form(_))), "{source:?}");
    }
}

#[test]
fn an_unfit_reservation_is_not_written_to_a_config() {
    let source = "instance_settings:\n  availability_domain: AD-2\n";
    let error = with_reservations(source, &one()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the config launches in AD-2, but the reservation is in Uocm:PHX-AD-1: change `availability_domain` as well"
    );
}

#[test]
fn a_reservation_names_its_domain_where_several_exist() {
    let list = "capacity_reservations:\n    - availability_domain: ";
    let several = "instance_settings:\n  availability_domain: [AD-1, AD-2]\n";
    let edited = with_reservations(several, &one()).unwrap();
    assert!(edited.contains(&format!("{list}AD-1\n")), "{edited}");
    let open = "instance_settings:\n  count: 1\n";
    let edited = with_reservations(open, &one()).unwrap();
    assert!(edited.contains(&format!("{list}Uocm:PHX-AD-1\n")), "{edited}");
}

proptest! {
    #[test]
    fn whatever_the_file_only_the_reservation_changes(text in "[a-z :#\\n\"'\\-|{}\\[\\],&*]{0,200}") {
        let source = format!("instance_settings:\n  count: 1\n{text}");
        if let Ok(edited) = with_reservations(&source, &one()) {
            // Every previous line is still there, except those of an earlier reservation.
            if !source.contains("capacity") {
                for line in source.lines() {
                    prop_assert!(edited.lines().any(|new| new == line), "{line:?} is gone");
                }
            }
        }
    }
}
