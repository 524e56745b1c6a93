//! `oci-insta-scale`, which also runs under the names `capacity-manager` and `manage-instances`.

fn main() -> std::process::ExitCode {
    insta_scale::by_name()
}
