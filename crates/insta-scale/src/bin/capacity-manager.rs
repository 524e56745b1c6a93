//! `capacity-manager`: the original tool's interface to capacity reservations.

fn main() -> std::process::ExitCode {
    insta_scale::capacity_manager()
}
