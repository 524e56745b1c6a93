//! The metrics of the commands. docs/metrics.md lists them, and a test compares.

use oci_simulator::exposition::Metric;

/// The version of the program.
pub const BUILD: Metric =
    Metric::gauge("oci_insta_scale_build_info", "1, with the version of the program as a label.");
/// The time of writing.
pub const HEARTBEAT: Metric = Metric::gauge(
    "oci_insta_scale_heartbeat_timestamp_seconds",
    "When these metrics were written, in seconds since 1970.",
);
/// The present run.
pub const RUN: Metric = Metric::gauge(
    "oci_insta_scale_run_info",
    "1, with what the present or last run does as a label: its kind, whether it is a hunt, and whether its region is simulated.",
);
/// The start of the run.
pub const RUN_START: Metric = Metric::gauge(
    "oci_insta_scale_run_start_timestamp_seconds",
    "When the present or last run began, in seconds since 1970.",
);
/// The end of the run.
pub const RUN_END: Metric = Metric::gauge(
    "oci_insta_scale_run_end_timestamp_seconds",
    "When the last run ended, in seconds since 1970; absent while it has not.",
);
/// Runs that ended.
pub const RUNS: Metric =
    Metric::counter("oci_insta_scale_runs_total", "Runs that ended in this process, by outcome.");
/// Wanted instances.
pub const WANTED: Metric =
    Metric::gauge("oci_insta_scale_instances_wanted", "Instances that the present or last launch wants.");
/// Instances that exist.
pub const OBTAINED: Metric =
    Metric::gauge("oci_insta_scale_instances_obtained", "Instances of the launch that exist.");
/// Running instances.
pub const RUNNING: Metric =
    Metric::gauge("oci_insta_scale_instances_running", "Instances of the launch that were seen RUNNING.");
/// Failed slots.
pub const FAILED: Metric = Metric::gauge(
    "oci_insta_scale_instances_failed",
    "Instances of the launch that are given up, or whose wait ended too early.",
);
/// Unknown outcomes.
pub const IN_DOUBT: Metric = Metric::gauge(
    "oci_insta_scale_launches_in_doubt",
    "Launches that were sent and whose outcome is not known yet.",
);
/// Launches that were sent.
pub const SENT: Metric = Metric::counter("oci_insta_scale_launch_attempts_total", "Launches that were sent.");
/// Answers to launches.
pub const LAUNCHES: Metric = Metric::counter(
    "oci_insta_scale_launches_total",
    "Answers to launches, by outcome: accepted, or the class of the failure.",
);
/// Answers to actions.
pub const ACTIONS: Metric = Metric::counter(
    "oci_insta_scale_actions_total",
    "Answers to requests that start or terminate instances, by action and outcome.",
);
/// Instances that died.
pub const DIED: Metric = Metric::counter(
    "oci_insta_scale_instances_died_total",
    "Instances that were terminated after their launch was accepted, before they ran.",
);
/// Instances that were rolled back.
pub const ROLLED_BACK: Metric =
    Metric::counter("oci_insta_scale_instances_rolled_back_total", "Instances that a rollback deleted.");
/// Time to RUNNING.
pub const READY: Metric = Metric::histogram(
    "oci_insta_scale_time_to_running_seconds",
    "Seconds from the accepted launch of an instance until it was seen RUNNING.",
);
/// The pace.
pub const PACE: Metric = Metric::gauge(
    "oci_insta_scale_pace_requests_per_second",
    "The rate at which requests are sent, by class of requests.",
);
/// The last launch.
pub const LAST_SENT: Metric = Metric::gauge(
    "oci_insta_scale_last_launch_timestamp_seconds",
    "When a launch was last sent, in seconds since 1970.",
);
/// The next launch.
pub const NEXT_SENT: Metric = Metric::gauge(
    "oci_insta_scale_next_launch_timestamp_seconds",
    "While every instance waits: when a launch is sent next, in seconds since 1970.",
);
/// Warnings.
pub const WARNINGS: Metric =
    Metric::counter("oci_insta_scale_warnings_total", "Warnings that runs recorded.");
/// Requests.
pub const REQUESTS: Metric = Metric::counter(
    "oci_insta_scale_requests_total",
    "Requests to OCI, by operation and outcome: ok, throttled or failed.",
);
/// Costs.
pub const COST: Metric = Metric::gauge(
    "oci_insta_scale_cost_per_hour",
    "What the instances of the launch cost per hour, by currency; absent if a price is unknown.",
);
/// The end of a hunt.
pub const HUNT_END: Metric = Metric::gauge(
    "oci_insta_scale_hunt_end_timestamp_seconds",
    "When the hunt gives up, in seconds since 1970.",
);
/// The floor of a hunt.
pub const HUNT_FLOOR: Metric =
    Metric::gauge("oci_insta_scale_hunt_floor_seconds", "The minimum time between two probes of the hunt.");
/// Members of a maintained fleet.
pub const MEMBERS: Metric = Metric::gauge(
    "oci_insta_scale_fleet_members",
    "Members of the maintained fleet when it was last looked at.",
);
/// The wanted size of a maintained fleet.
pub const SIZE: Metric =
    Metric::gauge("oci_insta_scale_fleet_wanted", "The wanted size of the maintained fleet.");
/// What happened to a maintained fleet.
pub const MAINTAINED: Metric = Metric::counter(
    "oci_insta_scale_maintain_events_total",
    "What `maintain` met, by event: replaced, restarted, vanished, hopeless, expired, surplus, busy or trouble.",
);

/// All of them, in the order of the documentation.
#[cfg(test)]
pub const RUN_METRICS: &[Metric] = &[
    BUILD,
    HEARTBEAT,
    RUN,
    RUN_START,
    RUN_END,
    RUNS,
    WANTED,
    OBTAINED,
    RUNNING,
    FAILED,
    IN_DOUBT,
    SENT,
    LAUNCHES,
    ACTIONS,
    DIED,
    ROLLED_BACK,
    READY,
    PACE,
    LAST_SENT,
    NEXT_SENT,
    WARNINGS,
    REQUESTS,
    COST,
    HUNT_END,
    HUNT_FLOOR,
    MEMBERS,
    SIZE,
    MAINTAINED,
];
