//! `capacity-manager`: the front door of the original tool to capacity reservations.

fn main() -> std::process::ExitCode {
    insta_scale::capacity_manager()
}
