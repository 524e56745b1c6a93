//! `manage-instances`: the original tool's interface to `oci-insta-scale instances`.

fn main() -> std::process::ExitCode {
    insta_scale::manage_instances()
}
