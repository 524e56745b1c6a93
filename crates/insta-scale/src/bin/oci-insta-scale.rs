//! `oci-insta-scale`.

fn main() -> std::process::ExitCode {
    insta_scale::main()
}
