//! Keys and user data for the first boot are validated before an instance is launched.

use crate::bad_config::{GOOD, load_in};
use insta_scale::config::{Overrides, Settings};

const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q me@home";
const OTHER: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA you@home";

/// Loads the good config with additional settings, and creates files beside it.
fn load(more: &str, files: &[(&str, &[u8])]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let here = format!("{}/", folder.path().display());
    load_in(folder.path(), format!("{GOOD}{more}"), &Overrides::default())
        .map(|mut settings| {
            settings.notes = settings.notes.replace(&here, "");
            settings
        })
        .map_err(|said| said.lines().next().unwrap_or_default().to_owned())
}

fn metadata(settings: &Settings, key: &str) -> String {
    settings.fleet.template.metadata.as_ref().unwrap()[key].clone()
}

#[test]
fn two_keys_on_one_line_are_refused() {
    for value in [
        format!(">\n    {ED25519}\n    {OTHER}"),
        format!("{ED25519}\n    {OTHER}"),
        format!("\"{ED25519}\n    {OTHER}\""),
    ] {
        let said = load(&format!("  ssh_authorized_keys: {value}\n"), &[]).unwrap_err();
        assert!(said.contains("the key contains another key (`ssh-ed25519 …`) in its comment"), "{said}");
    }
}

#[test]
fn a_list_of_keys_and_files_is_taken() {
    let more = format!("  ssh_authorized_keys:\n    - {ED25519}\n    - id.pub\n");
    let marked = [b"\xef\xbb\xbf", OTHER.as_bytes(), b"\r\n"].concat();
    let settings = load(&more, &[("id.pub", &marked)]).unwrap();
    assert_eq!(metadata(&settings, "ssh_authorized_keys"), format!("{ED25519}\n{OTHER}"));
    let utf16: Vec<u8> = OTHER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let said = load("  ssh_authorized_keys: id.pub\n", &[("id.pub", &utf16)]).unwrap_err();
    assert!(said.contains("id.pub: it is UTF-16 text: save it as UTF-8"), "{said}");
}

#[test]
fn a_cut_key_is_refused_with_its_place() {
    let cut = &ED25519[..72];
    let said = load(&format!("  ssh_authorized_keys: {cut}\n"), &[]).unwrap_err();
    assert_eq!(
        said,
        "config.yaml:17:24: instance_settings.ssh_authorized_keys: the key is cut off: at least 6 bytes are missing"
    );
    for more in [
        format!("  metadata: {{ssh_authorized_keys: {cut}}}\n"),
        format!("  launch_details: {{metadata: {{ssh_authorized_keys: {cut}}}}}\n"),
    ] {
        let said = load(&more, &[]).unwrap_err();
        assert!(said.contains("metadata.ssh_authorized_keys: the key is cut off"), "{said}");
    }
}

#[test]
fn a_user_data_file_is_read_as_text_would_be() {
    let more = "  user_data: \"@init\"\n";
    let encoded = "IyEvYmluL3NoCnRydWUK";
    let script: &[u8] = b"#!/bin/sh\ntrue\n";
    let marked = [b"\xef\xbb\xbf", script].concat();
    for file in [script, &marked, encoded.as_bytes(), b"base64:IyEvYmluL3NoCnRydWUK\n"] {
        let settings = load(more, &[("init", file)]).unwrap();
        assert_eq!((metadata(&settings, "user_data").as_str(), settings.notes.as_str()), (encoded, ""));
    }
    let utf16: Vec<u8> = "#!/bin/sh\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for file in [&utf16, &[b"\xff\xfe".as_slice(), &utf16].concat()] {
        let said = load(more, &[("init", file)]).unwrap_err();
        assert!(said.contains("user_data: init: this is UTF-16 text"), "{said}");
    }
    let zipped = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0];
    assert_eq!(load(more, &[("init", &zipped)]).unwrap().notes, "");
    let plain = load(more, &[("init", b"echo")]).unwrap().notes;
    assert!(plain.contains("start it with `#cloud-config`") && !plain.contains("name a file"), "{plain}");
    let windows = load(more, &[("init", b"#!/bin/sh\r\ntrue\r\n")]).unwrap().notes;
    assert!(windows.contains("Unix line endings"), "{windows}");
}

#[test]
fn a_broken_cloud_config_is_placed_in_its_file() {
    let more = "  user_data: \"@init.yaml\"\n";
    let broken: [(&[u8], &str); 3] = [
        (b"#cloud-config\npackages:\n\t- htop\n", "user_data: init.yaml:3:1: a tab is used for indentation"),
        (b"#cloud-config\npackages: [htop\nruncmd: [ls]\n", "user_data: init.yaml:3:"),
        (b"#cloud-config\n- htop\n", "user_data: init.yaml:2:1: a #cloud-config must be a group"),
    ];
    for (file, wanted) in broken {
        let said = load(more, &[("init.yaml", file)]).unwrap_err();
        assert!(said.contains(wanted), "{said}");
    }
    let inline = load("  user_data: |\n    #cloud-config\n    a: [\n", &[]).unwrap_err();
    assert!(inline.contains("in its line "), "{inline}");
    let good = b"#cloud-config\nwrite_files:\n  - content: |\n      \ttab\n    path: /x\n";
    assert_eq!(load(more, &[("init.yaml", good)]).unwrap().notes, "");
}

#[test]
fn metadata_near_its_limit_is_told_with_gzip() {
    let script = |bytes: usize| [b"#!/bin/sh\n#", "x".repeat(bytes).as_bytes()].concat();
    let load = |bytes| load("  user_data: \"@init\"\n", &[("init", &script(bytes))]);
    assert_eq!(load(20_000).unwrap().notes, "");
    let nearly = load(22_000).unwrap().notes;
    assert!(nearly.contains("bytes of the 32000 that OCI accepts") && nearly.contains("gzip -9"), "{nearly}");
    let over = load(40_000).unwrap_err();
    assert!(over.contains("user data is 53348 of them, 40011 before base64"), "{over}");
}

#[test]
fn plain_text_where_the_api_has_base64_is_refused() {
    for more in [
        "  metadata:\n    user_data: \"#!/bin/sh\"\n",
        "  launch_details: {metadata: {user_data: \"#!/bin/sh\"}}\n",
    ] {
        let said = load(more, &[]).unwrap_err();
        assert!(said.contains("metadata.user_data must be base64, as in the API"), "{said}");
    }
    let settings = load("  metadata:\n    user_data: IyEvYmluL3NoCnRydWUK\n", &[]).unwrap();
    assert_eq!(metadata(&settings, "user_data"), "IyEvYmluL3NoCnRydWUK");
}
