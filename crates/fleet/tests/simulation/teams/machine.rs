//! A machine of a team: the process that it runs, what befalls it, and its way to the database.

use super::{
    link::{Link, State as LinkState, Way},
    setup::Fault,
};
use ledger::capacity::VolatileMemory;
use std::{
    future::{pending, poll_fn},
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    /// Its process stands still.
    Paused,
    /// Its process is gone, and no other begins yet.
    Down,
}

pub struct Machine {
    pub name: &'static str,
    /// What it has learned about targets.
    pub memory: Arc<VolatileMemory>,
    /// Held while something befalls it: one thing at a time.
    pub befallen: tokio::sync::Mutex<()>,
    /// Notified when what it is armed with has struck.
    pub struck: Notify,
    state: watch::Sender<State>,
    armed: Mutex<Option<(u64, Fault)>>,
    present: Mutex<Present>,
}

/// Its present process, and its way to the database.
struct Present {
    number: u32,
    /// The last process that was killed.
    killed: u32,
    reach: LinkState,
    link: Option<Arc<Link>>,
    stop: CancellationToken,
}

impl Machine {
    pub fn new(name: &'static str) -> Self {
        let reach = LinkState { way: Way::Open, is_served: true };
        let present = Present { number: 0, killed: 0, reach, link: None, stop: CancellationToken::new() };
        Self {
            name,
            memory: Arc::default(),
            befallen: tokio::sync::Mutex::default(),
            struck: Notify::new(),
            state: watch::Sender::new(State::Up),
            armed: Mutex::default(),
            present: Mutex::new(present),
        }
    }

    /// A process begins: its link, and what stops it.
    pub fn begin(&self, number: u32, server: u16) -> (Arc<Link>, CancellationToken) {
        let mut present = self.present.lock().unwrap();
        let link = Arc::new(Link::to(server, present.reach));
        present.number = number;
        present.link = Some(Arc::clone(&link));
        present.stop = CancellationToken::new();
        (link, present.stop.clone())
    }

    /// The number of its present process.
    pub fn number(&self) -> u32 {
        self.present.lock().unwrap().number
    }

    fn is_killed(&self) -> bool {
        let present = self.present.lock().unwrap();
        present.killed == present.number
    }

    /// The fault strikes at this access to the ledger or the network, counted from 1.
    pub fn arm(&self, point: u64, fault: Fault) {
        *self.armed.lock().unwrap() = Some((point, fault));
    }

    /// The fault strikes now, unless it has already.
    pub fn strike(&self) {
        if let Some((_, fault)) = self.armed.lock().unwrap().take() {
            self.suffer(fault);
        }
    }

    fn suffer(&self, fault: Fault) {
        match fault {
            Fault::Kill => {
                self.set_way_of_process(Way::Gone);
                let mut present = self.present.lock().unwrap();
                present.killed = present.number;
                drop(present);
                self.state.send_replace(State::Down);
            }
            Fault::Pause => {
                self.set_way(Way::Held);
                self.state.send_replace(State::Paused);
            }
            Fault::Partition(way) => self.set_way(way),
            Fault::Interrupt => self.present.lock().unwrap().stop.cancel(),
            // Whoever waits for it does the rest.
            Fault::Server(_) => {}
        }
        self.struck.notify_one();
    }

    /// All is well again.
    pub fn recover(&self) {
        self.armed.lock().unwrap().take();
        self.set_way(Way::Open);
        self.state.send_replace(State::Up);
    }

    /// The way of this process and of those that follow.
    pub fn set_way(&self, way: Way) {
        self.present.lock().unwrap().reach.way = way;
        self.set_way_of_process(way);
    }

    /// Whether the server runs.
    pub fn set_served(&self, is_served: bool) {
        let mut present = self.present.lock().unwrap();
        present.reach.is_served = is_served;
        if let Some(link) = &present.link {
            link.set_served(is_served);
        }
    }

    fn set_way_of_process(&self, way: Way) {
        let link = self.present.lock().unwrap().link.clone();
        if let Some(link) = link {
            link.set(way);
        }
    }

    /// An access to the ledger or the network. A process that stands still goes on once it is woken, and a dead one never.
    pub async fn point(&self) {
        self.pass(false).await;
    }

    /// The same before an append: only there an answer gets lost.
    pub async fn append_point(&self) {
        self.pass(true).await;
    }

    async fn pass(&self, appends: bool) {
        let due = {
            let mut armed = self.armed.lock().unwrap();
            match armed.take() {
                Some((left, fault @ Fault::Partition(Way::Deaf))) if !appends => {
                    *armed = Some((left, fault));
                    None
                }
                Some((1, fault)) => Some(fault),
                Some((left, fault)) => {
                    *armed = Some((left - 1, fault));
                    None
                }
                None => None,
            }
        };
        if let Some(fault) = due {
            self.suffer(fault);
        }
        let mut state = self.state.subscribe();
        // The sender lives as long as the machine.
        let _ = state.wait_for(|state| *state == State::Up).await;
    }

    /// Polls a process only while the machine runs. Returns `None` when the process is dead.
    pub async fn run<T>(&self, process: impl Future<Output = T>) -> Option<T> {
        let mut process = pin!(process);
        let mut state = self.state.subscribe();
        loop {
            let now = *state.borrow_and_update();
            if self.is_killed() {
                return None;
            }
            let going = poll_fn(|context| match now {
                State::Up => process.as_mut().poll(context),
                State::Paused | State::Down => Poll::Pending,
            });
            tokio::select! {
                biased;
                changed = state.changed() => if changed.is_err() { pending::<()>().await },
                ended = going => return Some(ended),
            }
        }
    }

    /// Waits until a process may begin.
    pub async fn is_up(&self) {
        let mut state = self.state.subscribe();
        let _ = state.wait_for(|state| *state == State::Up).await;
    }
}
