//! Whatever a config file holds, it is read or refused with a reason, and the reason can be shown on a terminal.

#![no_main]

use insta_scale::config::{Layers, Overrides, ProfileFacts, load};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());
static FILE: LazyLock<PathBuf> = LazyLock::new(|| FOLDER.path().join("config.yaml"));

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).unwrap();
    if let Err(error) = load(&Layers::of(&*FILE), &Overrides::default(), &|_| Ok(ProfileFacts::default())) {
        let text = error.to_string();
        assert!(text.contains("config.yaml"), "{text}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
});
