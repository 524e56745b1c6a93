//! `oci-insta-scale`, which also answers to `capacity-manager` and `manage-instances`.

fn main() -> std::process::ExitCode {
    insta_scale::by_name()
}
