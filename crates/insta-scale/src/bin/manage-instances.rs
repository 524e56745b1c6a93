//! `manage-instances`: the original tool's words for what `oci-insta-scale instances` does.

fn main() -> std::process::ExitCode {
    insta_scale::manage_instances()
}
