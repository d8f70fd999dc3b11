//! The servers, and the balancer in front of them.

use crate::client;
use crate::counts::{Counts, Kill, LIMIT, Phase, SERVERS, VICTIM};
use crate::server::Server;
use regatta::map;
use regatta::strategies::{Balancer, Breaker, BreakerState, HealthProbe, Router};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

/// Longer than the program runs: only a health check ends it.
const OPEN: Duration = Duration::from_secs(3_600);

/// Nothing here takes as long, unless something hangs.
const PATIENCE: Duration = Duration::from_secs(10);

const HEALTH: Duration = Duration::from_millis(20);

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What the router tells apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
}

pub(crate) struct Fleet {
    pub(crate) balancer: Balancer<Backend, Breaker>,
    backends: Vec<Backend>,
    servers: RefCell<Vec<Server>>,
    kill: Cell<Kill>,
}

impl Fleet {
    pub(crate) fn start() -> Fallible<Self> {
        let (mut router, mut backends, mut servers) = (Router::new(), Vec::new(), Vec::new());
        for (name, weight) in SERVERS {
            let server = Server::start(name)?;
            let backend = Backend { name, address: server.address() };
            router = router.endpoint(backend, weight, Breaker::consecutive(1)?.open_for(OPEN)?)?;
            backends.push(backend);
            servers.push(server);
        }
        let balancer = Balancer::new(router);
        Ok(Self { balancer, backends, servers: RefCell::new(servers), kill: Cell::new(Kill::None) })
    }

    /// Looks after the victim: while its breaker is open, asks whether it is back.
    pub(crate) fn health(&self) -> Fallible<HealthProbe<'static>> {
        let victim = self.victim();
        let probe = HealthProbe::new(
            self.balancer.limiter().clone(),
            move |router| router.strategy_mut(&victim).expect("nobody removes it"),
            HEALTH,
            move || client::ping(victim.address),
        )?;
        Ok(probe)
    }

    /// Sends so many requests, and counts.
    pub(crate) async fn phase(&self, name: &'static str, requests: usize) -> Fallible<Phase> {
        let before = self.seen();
        let results =
            map(0..requests, LIMIT, |number| client::ask(self, number))?.task_timeout(PATIENCE).await;
        let mut counts = self.seen();
        for (counts, before) in counts.iter_mut().zip(before) {
            counts.started -= before.started;
            counts.log.requests -= before.log.requests;
            counts.log.answers -= before.log.answers;
        }
        let at = |name: &str| SERVERS.iter().position(|(server, _)| *server == name);
        for served in results {
            let served = served?;
            let by = at(&served.by).ok_or_else(|| format!("an answer signed by {}", served.by))?;
            counts[by].answered += 1;
            for lost in served.lost_at.into_iter().filter_map(at) {
                counts[lost].lost += 1;
            }
        }
        Ok(Phase { name, requests: requests as u64, counts, kill: self.kill.replace(Kill::None) })
    }

    /// In the next phase the victim dies, with requests on their way.
    pub(crate) fn plan_kill(&self) {
        self.kill.set(Kill::Planned { after: LIMIT });
    }

    pub(crate) fn bring_back(&self) -> Fallible<()> {
        Ok(self.servers.borrow_mut()[self.victim_index()].come_back()?)
    }

    /// Whether the victim's breaker has closed.
    pub(crate) fn has_recovered(&self) -> bool {
        let (limiter, victim) = (self.balancer.limiter(), self.victim());
        let now = limiter.now();
        let state = limiter.peek(|router| router.strategy(&victim).map(|breaker| breaker.state(now)));
        state == Some(BreakerState::Closed)
    }

    /// A request was given to this server.
    pub(crate) fn about_to_send(&self, name: &str) {
        match self.kill.get() {
            Kill::Planned { after: 0 } if name == VICTIM => {
                let in_flight = self.in_flight();
                if let Err(error) = self.servers.borrow_mut()[self.victim_index()].kill() {
                    eprintln!("balance: {name} can't be killed: {error}");
                }
                self.kill.set(Kill::Done { in_flight });
            }
            Kill::Planned { after } if name == VICTIM => self.kill.set(Kill::Planned { after: after - 1 }),
            Kill::Planned { .. } | Kill::None | Kill::Done { .. } | Kill::Noticed { .. } => {}
        }
    }

    /// A request got no answer from there, and nobody knows yet.
    pub(crate) fn has_lost(&self, name: &str) {
        if let (VICTIM, Kill::Done { in_flight }) = (name, self.kill.get()) {
            self.kill.set(Kill::Noticed { at_the_kill: in_flight, in_flight: self.in_flight() });
        }
    }

    /// At the victim.
    fn in_flight(&self) -> usize {
        self.balancer.shares()[self.victim_index()].in_flight
    }

    fn victim_index(&self) -> usize {
        SERVERS.iter().position(|(name, _)| *name == VICTIM).expect("it is one of the servers")
    }

    fn victim(&self) -> Backend {
        self.backends[self.victim_index()]
    }

    /// What the router and the servers have seen so far.
    fn seen(&self) -> Vec<Counts> {
        let servers = self.servers.borrow();
        let seen = self.balancer.shares().into_iter().zip(servers.iter()).map(|(share, server)| Counts {
            started: share.started,
            in_flight: share.in_flight,
            log: server.log(),
            ..Counts::default()
        });
        seen.collect()
    }
}
