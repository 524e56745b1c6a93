//! `cargo bench -p lab`: the cost of each part of a launch. `make bench` reads the table that this prints.

use divan::Bencher;
use divan::counter::ItemsCount;
use fleet::pace::{Controller, Next, Settings};
use futures_util::future::join_all;
use jiff::Timestamp;
use lab::subjects::{Ground, Populated, Signing};
use ledger::{Event, MemoryStore, RunId, RunKind, SqliteStore, Store};
use oci_api::models::Instance;
use oci_client::signing::{BodyHeaders, ToSign, http_date};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// Created once, because filling it takes seconds.
static LARGE: LazyLock<Mutex<Populated>> = LazyLock::new(|| Mutex::new(region(100_000)));

fn main() {
    // `cargo test --all-targets` also starts this program, where it would only take time.
    if std::env::args().any(|argument| argument == "--bench") {
        divan::main();
    }
}

fn region(instances: u32) -> Populated {
    Populated::new(instances).expect("a roomy region takes every launch")
}

fn key() -> Signing {
    Signing::new().expect("a key can be made")
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

/// One RSA-2048 signature: the unit of everything.
#[divan::bench(sample_count = 300)]
fn sign_rsa_2048(bencher: Bencher<'_, '_>) {
    let key = key();
    bencher.bench_local(|| key.sign());
}

#[divan::bench]
fn verify_rsa_2048(bencher: Bencher<'_, '_>) {
    let key = key();
    bencher.bench_local(|| key.verify());
}

/// Everything in signing a request except the signature: hash of the body, date, text, header.
#[divan::bench]
fn sign_rest_of_request(bencher: Bencher<'_, '_>) {
    let key = key();
    let body = vec![b'x'; 900];
    let host = "iaas.us-phoenix-1.oraclecloud.com";
    bencher.bench_local(|| {
        let body = BodyHeaders::of(&body);
        let date = http_date(now());
        let request = ToSign {
            method: "POST",
            target: "/20160918/instances/",
            host: Some(host),
            date: &date,
            body: Some(&body),
            on_behalf_of: None,
        };
        (request.text(), request.authorization("tenancy/user/fingerprint", &key.signature))
    });
}

/// The body of a launch, from the plan to bytes.
#[divan::bench]
fn build_launch_body(bencher: Bencher<'_, '_>) {
    let region = region(0);
    let plan = Ground::of(&region.world.defaults()).plan(1000).expect("the plan is good");
    let run = RunId::new(now(), [7; 10]);
    bencher.bench_local(|| serde_json::to_vec(&plan.request(run, 17, 1)).expect("a body is JSON"));
}

#[divan::bench]
fn decode_page_of_100(bencher: Bencher<'_, '_>) {
    let page = region(100).page("PROVISIONING").expect("the list answers");
    assert_eq!(decode(&page), 100);
    bencher.bench_local(|| decode(&page));
}

fn decode(page: &[u8]) -> usize {
    serde_json::from_slice::<Vec<Instance>>(page).expect("a page is JSON").len()
}

/// One launch admitted by the pacer's controller.
#[divan::bench]
fn pace_one_launch(bencher: Bencher<'_, '_>) {
    let mut controller = Controller::new(Settings::launch(), 1);
    let mut at = Duration::ZERO;
    bencher.bench_local(|| {
        at += Duration::from_millis(50);
        if let Next::Now(ticket) = controller.next(at) {
            controller.on_success(ticket, at);
        }
    });
}

/// Writing one intent as a run does: a hundred at once share a transaction and a sync.
#[divan::bench(sample_count = 30)]
fn ledger_100_intents(bencher: Bencher<'_, '_>) {
    // Beside the program, because a file system in memory would make the sync look too fast.
    let program = std::env::current_exe().expect("this program is a file");
    let folder = tempfile::tempdir_in(program.parent().expect("in a folder")).expect("a folder can be made");
    let store = SqliteStore::open(folder.path()).expect("a ledger can be made");
    append(bencher, &store);
}

#[divan::bench]
fn ledger_100_intents_in_memory(bencher: Bencher<'_, '_>) {
    append(bencher, &MemoryStore::new());
}

fn append(bencher: Bencher<'_, '_>, store: &dyn Store) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let run = RunId::new(now(), [1; 10]);
    let first = Event::RunStarted { kind: RunKind::Launch, requested: 100, plan: serde_json::Value::Null };
    runtime.block_on(store.create_run(run, now(), first)).expect("the run is new");
    bencher.counter(ItemsCount::new(100_u32)).bench_local(|| {
        runtime.block_on(async {
            let all = join_all((1..=100).map(|slot| store.append(run, now(), vec![intent(slot)]))).await;
            assert!(all.iter().all(Result::is_ok), "the disk has room");
        });
    });
}

fn intent(slot: u32) -> Event {
    let placement = ledger::Placement {
        availability_domain: "Uocm:PHX-AD-1".to_owned(),
        shape: "VM.Standard.E5.Flex".to_owned(),
        ..ledger::Placement::default()
    };
    Event::LaunchIntended { slot, attempt: 1, token: format!("ois-{:032x}-{slot}-1", 7), placement }
}

/// A capacity memory of 10,000 targets on disk.
mod memory {
    use divan::Bencher;
    use lab::remembered::TenThousand;

    fn known() -> TenThousand {
        TenThousand::new().expect("a capacity memory can be made")
    }

    /// Opens it, with a check of every page.
    #[divan::bench]
    fn open_10000(bencher: Bencher<'_, '_>) {
        let known = known();
        bencher.bench_local(|| known.open());
    }

    /// What a run with twelve targets reads of it.
    #[divan::bench]
    fn read_12_of_10000(bencher: Bencher<'_, '_>) {
        let known = known();
        bencher.bench_local(|| known.read_for_a_run());
    }

    /// Everything, for `capacity history`.
    #[divan::bench]
    fn read_10000(bencher: Bencher<'_, '_>) {
        let known = known();
        bencher.bench_local(|| known.read());
    }
}

mod world {
    use super::{LARGE, PoisonError, region};
    use divan::Bencher;

    #[divan::bench]
    fn launch(bencher: Bencher<'_, '_>) {
        let mut region = region(0);
        bencher.bench_local(|| if region.launched() < 100_000 { region.launch() } else { Ok(()) });
    }

    #[divan::bench]
    fn get(bencher: Bencher<'_, '_>) {
        let mut region = region(1000);
        let ocid = region.last();
        bencher.bench_local(|| region.get(&ocid));
    }

    /// A page of 100 instances with one state, out of 100,000.
    #[divan::bench]
    fn page_by_state_of_100000(bencher: Bencher<'_, '_>) {
        let mut region = LARGE.lock().unwrap_or_else(PoisonError::into_inner);
        bencher.bench_local(|| region.page("PROVISIONING"));
    }

    /// The same if no instance has the state: the cost of a filter that finds nothing.
    #[divan::bench]
    fn empty_page_by_state_of_100000(bencher: Bencher<'_, '_>) {
        let mut region = LARGE.lock().unwrap_or_else(PoisonError::into_inner);
        bencher.bench_local(|| region.page("STOPPED"));
    }

    /// The instances with one name, out of 100,000: only the last one matches.
    #[divan::bench]
    fn page_by_name_of_100000(bencher: Bencher<'_, '_>) {
        let mut region = LARGE.lock().unwrap_or_else(PoisonError::into_inner);
        bencher.bench_local(|| region.named("lab-100000"));
    }
}
