//! Whatever a file contains or a user types, the program responds and does not crash.

use crate::bad_config::{GOOD, load_in};
use clap::CommandFactory as _;
use insta_scale::args::{Cli, normalise};
use insta_scale::config::Overrides;
use proptest::prelude::*;
use std::ffi::OsString;

/// Pieces of YAML that are difficult for parsers, in any order.
fn shards() -> impl Strategy<Value = String> {
    let pieces = [
        "a: ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "&x ",
        "*x",
        "<<: ",
        "!!str ",
        "!t ",
        "|\n",
        ">\n",
        "\"",
        "'",
        "\n",
        "  ",
        "\t",
        "? ",
        "# c",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        ",",
        "1e9",
        "~",
        "count: ",
        "instance_settings:\n  ",
        "\u{feff}",
        "é",
        "\0",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_file_is_read_or_refused_with_a_reason(text in shards()) {
        let folder = tempfile::tempdir().unwrap();
        if let Err(error) = load_in(folder.path(), &text, &Overrides::default()) {
            prop_assert!(error.contains("config.yaml") && error.contains("nothing was sent"), "{error}");
            prop_assert!(error.chars().all(|c| c == '\n' || !c.is_control()), "{error:?}");
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let _ = load_in(folder.path(), bytes, &Overrides::default());
    }

    #[test]
    fn a_good_config_with_one_character_changed_is_read_or_refused(at in 0..GOOD.len(), c in any::<char>()) {
        let folder = tempfile::tempdir().unwrap();
        let text: String = GOOD.char_indices().map(|(index, old)| if index == at { c } else { old }).collect();
        let _ = load_in(folder.path(), text, &Overrides::default());
    }

    #[test]
    fn a_missing_line_never_changes_a_configs_meaning(at in 0..16_usize) {
        let folder = tempfile::tempdir().unwrap();
        let text: Vec<&str> = GOOD.lines().enumerate().filter(|(index, _)| *index != at).map(|(_, line)| line).collect();
        if let Ok(settings) = load_in(folder.path(), text.join("\n"), &Overrides::default()) {
            prop_assert_eq!(settings.fleet.count, 3);
            prop_assert_eq!(settings.fleet.name_prefix, "web");
        }
    }

    #[test]
    fn words_are_never_lost_and_rewriting_twice_changes_nothing(words in prop::collection::vec("-{0,2}[a-z=-]{0,8}", 0..6)) {
        let command = Cli::command();
        let typed: Vec<OsString> = std::iter::once("x".to_owned()).chain(words).map(OsString::from).collect();
        let once = normalise(&command, "launch", typed.clone());
        prop_assert!(once.len() - typed.len() <= 1);
        prop_assert_eq!(normalise(&command, "launch", once.clone()), once);
    }
}
