use super::*;

const FILE: &str = "\
# Mine.
profile: DEFAULT   # of work
region: us-phoenix-1
compartment: dev/test  # ours

instance_settings:
  count: 3 # three
  shape: 'VM.Standard.E4.Flex'
  shape_config:
    ocpus: 1   # enough
    # memory follows
    memory_in_gbs: 6
  image_id: ocid1.image.oc1.phx.a  # Oracle Linux 9
  availability_domain:
    - AD-1
    - AD-2
  ssh_authorized_keys: |
    ssh-ed25519 AAAA a # b

    ssh-ed25519 BBBB b

  display_name_prefix: web
  freeform_tags: {team: \"a # b\"}
  # The end.
";

fn set(path: &[&'static str], value: &str) -> KeyEdit {
    KeyEdit { path: path.to_vec(), value: Some(value.to_owned()), ..KeyEdit::default() }
}

fn drop(path: &[&'static str]) -> KeyEdit {
    KeyEdit { path: path.to_vec(), ..KeyEdit::default() }
}

const GROUP: &str = "instance_settings";

/// The lines that an edit removes and adds.
fn lines(source: &str, settings: &[KeyEdit]) -> Vec<String> {
    let edited = with_values(source, settings).unwrap();
    let signed = |sign: char, lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| format!("{sign}{line}")).collect()
    };
    edited
        .changes
        .iter()
        .flat_map(|change| [signed('-', &change.old), signed('+', &change.new)].concat())
        .collect()
}

#[test]
fn an_edited_value_leaves_every_other_byte() {
    let edited = with_values(FILE, &[set(&[GROUP, "count"], "5"), set(&["profile"], "PROD")]).unwrap();
    assert_eq!(*edited.text, FILE.replace("count: 3", "count: 5").replace("DEFAULT", "PROD"));
    assert_eq!(
        edited.changes[1],
        ChangedLines {
            line: 7,
            old: vec!["  count: 3 # three".to_owned()],
            new: vec!["  count: 5 # three".to_owned()],
        }
    );
    let windows = FILE.replace('\n', "\r\n");
    let edited = with_values(
        &windows,
        &[set(&[GROUP, "shape"], "BM.Standard.E5.192"), drop(&[GROUP, "shape_config"])],
    );
    let edited = edited.unwrap().text;
    assert_eq!(edited.matches("\r\n").count(), FILE.lines().count());
    assert!(
        edited.contains("  shape: BM.Standard.E5.192\r\n  # shape_config:\r\n  #   ocpus: 1   # enough\r\n"),
        "{}",
        *edited
    );
}

#[test]
fn a_name_gives_way_to_an_ocid() {
    let setting = KeyEdit {
        instead_of: Some("compartment"),
        comment: Some("prod".to_owned()),
        ..set(&["compartment_id"], "ocid1.compartment.oc1..b")
    };
    assert_eq!(
        lines(FILE, &[setting]),
        ["-compartment: dev/test  # ours", "+compartment_id: ocid1.compartment.oc1..b  # ours"],
        "a comment of the person stays"
    );
    let image = KeyEdit {
        comment: Some("Ubuntu".to_owned()),
        former_comment: Some("Oracle Linux 9".to_owned()),
        ..set(&[GROUP, "image_id"], "ocid1.image.oc1.phx.b")
    };
    assert_eq!(
        lines(FILE, &[image]),
        [
            "-  image_id: ocid1.image.oc1.phx.a  # Oracle Linux 9",
            "+  image_id: ocid1.image.oc1.phx.b  # Ubuntu"
        ]
    );
}

#[test]
fn lists_and_blocks_become_one_line() {
    let some = [
        set(&[GROUP, "availability_domain"], "[AD-3]"),
        set(&[GROUP, "ssh_authorized_keys"], "~/.ssh/a.pub"),
    ];
    let edited = with_values(FILE, &some).unwrap().text;
    assert!(
        edited
            .contains("  availability_domain: [AD-3]\n  ssh_authorized_keys: ~/.ssh/a.pub\n\n  display_name"),
        "{}",
        *edited
    );
}

#[test]
fn a_key_that_goes_becomes_a_comment() {
    assert_eq!(
        lines(FILE, &[drop(&[GROUP, "availability_domain"])]),
        [
            "-  availability_domain:",
            "-    - AD-1",
            "-    - AD-2",
            "+  # availability_domain:",
            "+  #   - AD-1",
            "+  #   - AD-2"
        ]
    );
}

#[test]
fn a_new_key_goes_after_its_neighbour() {
    let subnet = KeyEdit {
        after: &["nothing", "ssh_authorized_keys"],
        comment: Some("app".to_owned()),
        ..set(&[GROUP, "subnet_id"], "ocid1.subnet.oc1.phx.a")
    };
    assert_eq!(lines(FILE, &[subnet]), ["+  subnet_id: ocid1.subnet.oc1.phx.a  # app"]);
    let edited = with_values("a:\nb: 1", &[set(&["a"], "2"), KeyEdit { after: &["b"], ..set(&["c"], "3") }]);
    assert_eq!(
        edited.unwrap().text.as_str(),
        "a: 2\nb: 1\nc: 3",
        "an empty value and the last line without its end"
    );
}

#[test]
fn what_cannot_be_edited_in_place_is_named() {
    let refused = |source: &str, settings: &[KeyEdit]| with_values(source, settings).unwrap_err().to_string();
    let count = || set(&[GROUP, "count"], "5");
    for (source, said) in [
        ("instance_settings:\n  count: ${COUNT}\n", "is set by a variable (`${COUNT}`)"),
        ("a: &n 3\ninstance_settings:\n  count: *n\n", "is shared with other keys"),
        ("instance_settings:\n  count: &n 3\n  b: *n\n", "is shared with other keys"),
        ("instance_settings:\n  a: 1\nb: {count: 1}\n", ""),
        ("instance_settings: {a: 1}\n", "stand in one line"),
        ("instance_settings:\n", "has no group of keys"),
        ("region: phx\n", "has no `instance_settings:`"),
        ("&b b: 1\n---\nc: 1\n", "more than one YAML document"),
    ] {
        if said.is_empty() {
            with_values(source, &[count()]).unwrap();
        } else {
            let why = refused(source, &[count()]);
            assert!(why.contains(said), "{source}: {why}");
        }
    }
    let both = refused(
        "instance_settings:\n  count: ${A}\n  shape: ${B}\n",
        &[count(), set(&[GROUP, "shape"], "x")],
    );
    assert!(
        both.contains("`instance_settings.count`") && both.contains("`instance_settings.shape`"),
        "{both}"
    );
    let commented = "instance_settings:\n  availability_domain:\n    - AD-1 # first\n    - AD-2\n";
    let why = refused(commented, &[set(&[GROUP, "availability_domain"], "AD-1")]);
    assert!(why.contains("has comments inside"), "{why}");
    // A group that another one inherits.
    let shared = "a: &a\n  count: 1\ninstance_settings:\n  <<: *a\n  b: 1\n";
    assert!(
        with_values(shared, &[set(&["a", "count"], "5")]).is_err(),
        "it would change `instance_settings` as well"
    );
}

#[test]
fn a_key_in_a_flow_group_is_edited_there() {
    let source = "instance_settings: {count: 3, shape: \"a # b\"}\n";
    let edited = with_values(source, &[set(&[GROUP, "count"], "5")]).unwrap().text;
    assert_eq!(*edited, source.replace('3', "5"));
}

#[test]
fn a_passphrase_is_neither_changed_nor_shown() {
    let source =
        "profile: A\nprivate_key_passphrase: hunter2\nregion: us-phoenix-1\ninstance_settings:\n  count: 1\n";
    let settings = [set(&["profile"], "B"), set(&["region"], "us-ashburn-1"), set(&[GROUP, "count"], "5")];
    let edited = with_values(source, &settings).unwrap();
    assert!(edited.text.contains("\nprivate_key_passphrase: hunter2\n"), "{}", *edited.text);
    assert!(!format!("{:?}", edited.changes).contains("hunter2"), "{:?}", edited.changes);
    let added = KeyEdit { after: &["private_key_passphrase"], ..set(&["auth"], "api_key") };
    let edited = with_values(source, &[added]).unwrap();
    assert!(!format!("{:?}", edited.changes).contains("hunter2"), "{:?}", edited.changes);
    for source in [
        "{profile: A, private_key_passphrase: hunter2}\n",
        "{profile: A, private_key_passphrase: 'hunter2', region: x}\n",
        "{private_key_passphrase: \n  hunter2, profile: A}\n",
    ] {
        let error = with_values(source, &[set(&["profile"], "B")]).unwrap_err().to_string();
        assert!(error.contains("`private_key_passphrase`") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn no_copy_of_a_passphrase_is_compared() {
    let root = parse("private_key_passphrase: hunter2\nprofile: A\n").unwrap();
    let (secrets, rest) = without_secrets(&root);
    assert_eq!(secrets.iter().map(|secret| secret.as_str()).collect::<Vec<_>>(), ["hunter2"]);
    assert_eq!(rest, serde_json::json!({"profile": "A"}));
}
