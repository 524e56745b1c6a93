//! Hostile names cause no harm in any format.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

fn machine(name: &str, number: u32) -> Machine {
    Machine {
        name: name.to_owned(),
        ocid: format!("ocid1.instance.oc1.phx.unique{number:08}"),
        state: "RUNNING".into(),
        availability_domain: "Uocm:PHX-AD-1".into(),
        fault_domain: Some("FAULT-DOMAIN-2".into()),
        shape: "VM.Standard.E4.Flex".into(),
        ocpus: Some(1.0),
        memory_gb: Some(6.0),
        private_ip: Some(format!("10.0.0.{number}")),
        public_ip: Some(format!("203.0.113.{number}")),
        compartment: "ocid1.compartment.oc1..aaaa".into(),
        ..Machine::default()
    }
}

fn hostile() -> Vec<Machine> {
    vec![
        machine("web-1", 1),
        machine("a\nHost *\n  ProxyCommand touch pwned", 2),
        machine("=cmd|'/c calc'!A0", 3),
        machine("100% \"quoted\" name", 4),
        machine("{{ lookup('pipe', 'id') }}", 5),
        machine("web-1", 6),
        machine("", 7),
        machine("-oProxyCommand=id", 8),
        machine("日本", 9),
    ]
}

fn options(login: Login) -> ExportOptions {
    ExportOptions { login, ..ExportOptions::default() }
}

fn text(format: Format, options: &ExportOptions) -> String {
    export_machines(&hostile(), format, options).unwrap().text
}

#[test]
fn ssh_config_names_each_host_once() {
    let options = options(Login {
        user: Some("opc".into()),
        identity_file: Some("~/my keys/50%.pem".into()),
        ..Login::default()
    });
    insta::assert_snapshot!(text(Format::SshConfig, &options).lines().take(33).collect::<Vec<_>>().join("\n"), @r#"
    Host web-1
        HostName 203.0.113.1
        HostKeyAlias ocid1.instance.oc1.phx.unique00000001
        User opc
        IdentityFile "~/my keys/50%%.pem"
        IdentitiesOnly yes

    # a�Host *�  ProxyCommand touch pwned
    Host a-Host-ProxyCommand-touch-pwned
        HostName 203.0.113.2
        HostKeyAlias ocid1.instance.oc1.phx.unique00000002
        User opc
        IdentityFile "~/my keys/50%%.pem"
        IdentitiesOnly yes

    # =cmd|'/c calc'!A0
    Host cmd-c-calc-A0
        HostName 203.0.113.3
        HostKeyAlias ocid1.instance.oc1.phx.unique00000003
        User opc
        IdentityFile "~/my keys/50%%.pem"
        IdentitiesOnly yes

    # 100% "quoted" name
    Host 100-quoted-name
        HostName 203.0.113.4
        HostKeyAlias ocid1.instance.oc1.phx.unique00000004
        User opc
        IdentityFile "~/my keys/50%%.pem"
        IdentitiesOnly yes

    # {{ lookup('pipe', 'id') }}
    Host lookup-pipe-id
    "#);
}

#[test]
fn a_host_gets_the_account_of_its_image() {
    let image =
        |name: &str, number, image: &str| Machine { image: Some(image.into()), ..machine(name, number) };
    let machines = [image("ol", 1, "image-ol"), image("ubuntu", 2, "image-ub"), image("own", 3, "image-own")];
    let accounts =
        [("image-ol", "opc"), ("image-ub", "ubuntu")].map(|(image, user)| (image.into(), user.into()));
    let login = Login { jump_host: Some("opc@bastion".into()), ..Login::default() };
    let options = ExportOptions { login, accounts: accounts.into() };
    insta::assert_snapshot!(export_machines(&machines, Format::SshConfig, &options).unwrap().text, @r"
    Host ol
        HostName 10.0.0.1
        HostKeyAlias ocid1.instance.oc1.phx.unique00000001
        User opc
        ProxyJump opc@bastion

    Host ubuntu
        HostName 10.0.0.2
        HostKeyAlias ocid1.instance.oc1.phx.unique00000002
        User ubuntu
        ProxyJump opc@bastion

    Host own
        HostName 10.0.0.3
        HostKeyAlias ocid1.instance.oc1.phx.unique00000003
        ProxyJump opc@bastion
    ");
    let ansible = export_machines(&machines, Format::Ansible, &options).unwrap().text;
    assert_eq!(ansible.matches("ansible_user: ").count(), 2, "{ansible}");
    assert_eq!(ansible.matches("ansible_ssh_common_args: !unsafe \"-o ProxyJump=opc@bastion\"").count(), 3);
    let said = ExportOptions { login: Login { user: Some("me".into()), ..options.login }, ..options };
    let text = export_machines(&machines, Format::SshConfig, &said).unwrap().text;
    assert_eq!(text.matches("    User me\n").count(), 3, "{text}");
}

#[test]
fn hosts_has_one_line_for_each_address() {
    let options = options(Login { address: Some(Address::Private), ..Login::default() });
    insta::assert_snapshot!(text(Format::Hosts, &options), @r"
    10.0.0.1        web-1
    10.0.0.2        a-Host-ProxyCommand-touch-pwned
    10.0.0.3        cmd-c-calc-A0
    10.0.0.4        100-quoted-name
    10.0.0.5        lookup-pipe-id
    10.0.0.6        web-1-2
    10.0.0.7        instance-00000007
    10.0.0.8        oProxyCommand-id
    10.0.0.9        instance-00000009
    ");
}

#[test]
fn terraform_gets_import_blocks() {
    insta::assert_snapshot!(export_machines(&hostile()[..3], Format::TerraformImport, &ExportOptions::default()).unwrap().text, @r#"
    # web-1
    import {
      to = oci_core_instance.web_1
      id = "ocid1.instance.oc1.phx.unique00000001"
    }

    # a�Host *�  ProxyCommand touch pwned
    import {
      to = oci_core_instance.a_Host_ProxyCommand_touch_pwned
      id = "ocid1.instance.oc1.phx.unique00000002"
    }

    # =cmd|'/c calc'!A0
    import {
      to = oci_core_instance.cmd_c_calc_A0
      id = "ocid1.instance.oc1.phx.unique00000003"
    }
    "#);
}

#[test]
fn ansible_takes_no_template_from_a_name() {
    insta::assert_snapshot!(export_machines(&hostile()[4..5], Format::Ansible, &ExportOptions::default()).unwrap().text, @r#"
    all:
      hosts:
        "lookup-pipe-id":
          ansible_host: "203.0.113.5"
          oci_display_name: !unsafe "{{ lookup('pipe', 'id') }}"
          oci_id: !unsafe "ocid1.instance.oc1.phx.unique00000005"
          oci_availability_domain: !unsafe "Uocm:PHX-AD-1"
          oci_fault_domain: !unsafe "FAULT-DOMAIN-2"
          oci_shape: !unsafe "VM.Standard.E4.Flex"
          oci_private_ip: !unsafe "10.0.0.5"
          oci_public_ip: !unsafe "203.0.113.5"
      children:
        ad_uocm_phx_ad_1:
          hosts:
            "lookup-pipe-id": {}
        shape_vm_standard_e4_flex:
          hosts:
            "lookup-pipe-id": {}
        state_running:
          hosts:
            "lookup-pipe-id": {}
    "#);
}

#[test]
fn an_instance_without_address_is_named_not_dropped() {
    let mut stopped = machine("web-2", 2);
    stopped.public_ip = None;
    let options = options(Login { address: Some(Address::Public), ..Login::default() });
    let done = export_machines(&[machine("web-1", 1), stopped], Format::SshConfig, &options).unwrap();
    assert_eq!(done.left_out, ["web-2 (RUNNING) has no public address"]);
    assert_eq!(done.text.matches("Host ").count(), 1);
}

#[test]
fn a_user_or_key_that_could_break_out_is_refused() {
    for user in ["root\nProxyCommand id", "a b", "-oX", "ü", ""] {
        let options = options(Login { user: Some(user.into()), ..Login::default() });
        assert!(export_machines(&[], Format::SshConfig, &options).is_err(), "{user:?}");
    }
    for path in ["a\"b", "a\nb", "a\\b", "${HOME}/key", ""] {
        let options = options(Login { identity_file: Some(path.into()), ..Login::default() });
        assert!(export_machines(&[], Format::SshConfig, &options).is_err(), "{path:?}");
    }
}

#[test]
fn no_alias_is_a_name_that_means_another_host() {
    let names = [
        "localhost",
        "LocalHost4.localdomain",
        "ip6-loopback",
        "broadcasthost",
        "127.0.0.1",
        "::1",
        "2130706433",
        "0x7f000001",
        "github.com",
        "all",
        "ungrouped",
        "web-1.prod",
        // A name that is already safe takes precedence over one that becomes equal to it.
        "instance-1",
    ];
    let machines: Vec<_> = names.iter().zip(1..).map(|(name, number)| machine(name, number)).collect();
    let options = options(Login { address: Some(Address::Private), ..Login::default() });
    insta::assert_snapshot!(export_machines(&machines, Format::Hosts, &options).unwrap().text, @r"
    10.0.0.1        instance-localhost
    10.0.0.2        instance-LocalHost4-localdomain
    10.0.0.3        instance-ip6-loopback
    10.0.0.4        instance-broadcasthost
    10.0.0.5        127-0-0-1
    10.0.0.6        instance-1-2
    10.0.0.7        instance-2130706433
    10.0.0.8        instance-0x7f000001
    10.0.0.9        github-com
    10.0.0.10       instance-all
    10.0.0.11       instance-ungrouped
    10.0.0.12       web-1-prod
    10.0.0.13       instance-1
    ");
    let ssh = export_machines(&machines, Format::SshConfig, &options).unwrap().text;
    let ansible = export_machines(&machines, Format::Ansible, &options).unwrap().text;
    for name in names.iter().take(11) {
        assert!(!ssh.lines().any(|line| line == format!("Host {name}")), "{ssh}");
        assert!(!ansible.lines().any(|line| line.trim() == format!("\"{name}\":")), "{ansible}");
    }
}

/// Parses RFC 4180 by its grammar.
fn read_csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        let row = rows.last_mut().unwrap();
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                row.last_mut().unwrap().push(chars.next().unwrap());
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {
                chars.next();
                rows.push(vec![String::new()]);
            }
            c => row.last_mut().unwrap().push(c),
        }
    }
    rows.pop();
    rows
}

proptest! {
    #[test]
    fn a_csv_cell_comes_back_and_is_never_a_formula(name in "[ =+@a,\"'\r\n\t-]{0,6}|.{0,20}") {
        let text = export_machines(&[machine(&name, 1)], Format::Csv, &ExportOptions::default()).unwrap().text;
        let rows = read_csv(&text);
        prop_assert_eq!(rows.len(), 2);
        prop_assert_eq!(rows[1].len(), rows[0].len());
        let cell = &rows[1][0];
        prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
        let marked = format!("'{name}");
        prop_assert!(cell == &name || *cell == marked);
    }

    #[test]
    fn ssh_config_has_only_the_lines_that_we_write(names in proptest::collection::vec("\\PC{0,20}|[\\x00-\\x7f]{0,20}", 0..6)) {
        let machines: Vec<_> = names.iter().zip(1..).map(|(name, number)| machine(name, number)).collect();
        let text = export_machines(&machines, Format::SshConfig, &ExportOptions::default()).unwrap().text;
        let mut hosts = HashSet::new();
        for line in text.split('\n') {
            if let Some(alias) = line.strip_prefix("Host ") {
                prop_assert!(alias.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
                prop_assert!(!alias.bytes().all(|b| b.is_ascii_digit()));
                prop_assert!(!alias.is_empty() && !alias.starts_with('-'));
                prop_assert!(hosts.insert(alias.to_ascii_lowercase()));
            } else {
                let ours = ["", "# ", "    HostName ", "    HostKeyAlias "];
                prop_assert!(line.is_empty() || ours[1..].iter().any(|begin| line.starts_with(begin)), "{:?}", line);
                prop_assert!(!line.contains(char::is_control));
            }
        }
        prop_assert_eq!(hosts.len(), machines.len());
    }

    #[test]
    fn json_and_ansible_strings_hold_any_name(name in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
        let machines = [machine(&name, 1)];
        let text = export_machines(&machines, Format::Json, &ExportOptions::default()).unwrap().text;
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read["instances"][0]["name"].as_str(), Some(name.as_str()));
        let text = export_machines(&machines, Format::Ansible, &ExportOptions::default()).unwrap().text;
        prop_assert_eq!(text.lines().filter(|line| line.contains("oci_display_name")).count(), 1);
        prop_assert!(text.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b)));
    }

    #[test]
    fn terraform_names_are_words_and_never_twice(names in proptest::collection::vec("\\PC{0,8}|[ab_ -]{0,3}", 1..8)) {
        let machines: Vec<_> = names.iter().zip(1..).map(|(name, number)| machine(name, number)).collect();
        let text = export_machines(&machines, Format::TerraformImport, &ExportOptions::default()).unwrap().text;
        let found: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("  to = oci_core_instance.")).collect();
        prop_assert_eq!(found.len(), machines.len());
        prop_assert_eq!(found.iter().collect::<HashSet<_>>().len(), machines.len());
        for word in found {
            prop_assert!(word.starts_with(|c: char| c.is_ascii_alphabetic()), "{}", word);
            prop_assert!(word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        }
    }
}
