//! `manage-instances`: not there yet.

fn main() -> std::process::ExitCode {
    insta_scale::not_yet("manage-instances")
}
