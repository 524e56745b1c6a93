//! The network between one process and the database: it passes bytes on, holds them, cuts connections, or loses an answer.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use tokio::sync::watch;

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They arrive.
    Open,
    /// Questions arrive. The next answer does not, and cuts the link.
    Deaf,
    /// They arrive once the link is open again.
    Held,
    /// Connections end, and no new one is made.
    Cut,
    /// The process is gone, and its connections with it.
    Gone,
}

/// What a link depends on.
#[derive(Clone, Copy, Debug)]
pub struct State {
    pub way: Way,
    /// Whether the server runs.
    pub is_served: bool,
}

impl State {
    fn way(self) -> Way {
        match self.way {
            Way::Open | Way::Deaf | Way::Held if !self.is_served => Way::Cut,
            way => way,
        }
    }

    /// Whether an answer, or the loss of one, is to be expected.
    fn leads_on(self) -> bool {
        matches!(self.way(), Way::Open | Way::Deaf)
    }
}

/// The link of one process.
pub struct Link {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: u16,
    state: Mutex<State>,
    /// Notified when the way changes, and when a question has its answer.
    changed: Condvar,
    states: watch::Sender<State>,
    streams: Mutex<Vec<TcpStream>>,
}

impl Link {
    /// A link to the server at this port of loopback.
    pub fn to(server: u16, state: State) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server,
            state: Mutex::new(state),
            changed: Condvar::new(),
            states: watch::Sender::new(state),
            streams: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accept(&listener));
        Self { port, shared }
    }

    pub fn set(&self, way: Way) {
        self.shared.set(|state| state.way = way);
    }

    pub fn set_served(&self, is_served: bool) {
        self.shared.set(|state| state.is_served = is_served);
    }

    /// Waits for the database, while virtual time stands still: it takes real time to answer. Time passes while the link is
    /// interrupted.
    pub async fn through<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = std::pin::pin!(call);
        loop {
            let asked = Asked { shared: Arc::clone(&self.shared), answered: Arc::default() };
            let (shared, answered) = (Arc::clone(&self.shared), Arc::clone(&asked.answered));
            let standing = tokio::task::spawn_blocking(move || shared.wait(&answered));
            tokio::select! {
                biased;
                answer = &mut call => return answer,
                _ = standing => {}
            }
            let mut states = self.shared.states.subscribe();
            tokio::select! {
                biased;
                answer = &mut call => return answer,
                _ = states.wait_for(|state| state.leads_on()) => {}
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.set(Way::Gone);
        // The thread that accepts notices it with the next connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// A question to the database; it ends with its answer or with whoever asked.
struct Asked {
    shared: Arc<Shared>,
    answered: Arc<AtomicBool>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        let _state = self.shared.state.lock().unwrap();
        self.answered.store(true, Ordering::Release);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn set(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        if state.way == Way::Gone {
            return;
        }
        change(&mut state);
        let to = *state;
        self.changed.notify_all();
        self.states.send_replace(to);
        drop(state);
        if matches!(to.way(), Way::Cut | Way::Gone) {
            for stream in self.streams.lock().unwrap().drain(..) {
                // It may have ended already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    /// Returns when the question is answered, or when no answer is to be expected.
    fn wait(&self, answered: &AtomicBool) {
        let waits = |state: &mut State| state.leads_on() && !answered.load(Ordering::Acquire);
        drop(self.changed.wait_while(self.state.lock().unwrap(), waits).unwrap());
    }

    /// Waits until bytes may go on; says what becomes of them.
    fn passed(&self) -> Way {
        let held = |state: &mut State| state.way() == Way::Held;
        self.changed.wait_while(self.state.lock().unwrap(), held).unwrap().way()
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for near in listener.incoming() {
            match self.passed() {
                Way::Gone => return,
                Way::Cut | Way::Held => continue,
                Way::Open | Way::Deaf => {}
            }
            let (Ok(near), Ok(far)) = (near, TcpStream::connect(("127.0.0.1", self.server))) else {
                continue;
            };
            let (Ok(to), Ok(back)) = (near.try_clone(), far.try_clone()) else { continue };
            // A small answer must not wait for the next one.
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            self.streams.lock().unwrap().extend([near.try_clone(), far.try_clone()].into_iter().flatten());
            let (there, here) = (Arc::clone(&self), Arc::clone(&self));
            thread::spawn(move || there.pump(near, far, false));
            thread::spawn(move || here.pump(back, to, true));
        }
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream, is_back: bool) {
        let mut bytes = [0; 16 * 1024];
        loop {
            let read = from.read(&mut bytes).unwrap_or(0);
            let way = self.passed();
            if read == 0 || matches!(way, Way::Cut | Way::Gone) {
                break;
            }
            if is_back && way == Way::Deaf {
                self.set(|state| state.way = Way::Cut);
                break;
            }
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
