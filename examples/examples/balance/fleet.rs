//! The servers, and the balancer in front of them.

use crate::client::{self, Failure};
use crate::counts::{Counts, HANGING, Kill, LIMIT, Phase, SERVERS, VICTIM};
use crate::server::Server;
use regatta::strategies::{Balancer, Breaker, BreakerState, HealthProbe, Router};
use regatta::{Runner, TaskError};
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
    /// Connections to the victim, each counted right before it is begun.
    begun: Cell<u64>,
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
        let (servers, kill, begun) = (RefCell::new(servers), Cell::new(Kill::None), Cell::new(0));
        Ok(Self { balancer, backends, servers, kill, begun })
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
        let mut runner = Runner::local().limit(LIMIT)?.task_timeout(PATIENCE);
        for number in 0..requests {
            runner.add_retry(number, client::retry(), move || client::ask(self, number))?;
        }
        let report = runner.run().await;
        let mut counts = self.seen();
        for (counts, before) in counts.iter_mut().zip(before) {
            counts.started -= before.started;
            counts.log.requests -= before.log.requests;
            counts.log.answers -= before.log.answers;
        }
        let index = |name: &str| {
            let server = SERVERS.iter().position(|(server, _)| *server == name);
            server.ok_or_else(|| format!("there is no server named {name:?}"))
        };
        for task in report.tasks() {
            for attempt in task.retried() {
                match attempt.error() {
                    TaskError::Failed(Failure::NotSent { at, .. }) => counts[index(at)?].unsent += 1,
                    other => return Err(format!("this is not sent again: {other}").into()),
                }
            }
            match task.result() {
                Ok(by) => counts[index(by)?].answered += 1,
                Err(TaskError::Failed(Failure::Lost { at, .. })) => counts[index(at)?].lost += 1,
                Err(error) => return Err(format!("request {}: {error}", task.key()).into()),
            }
        }
        Ok(Phase { name, requests: requests as u64, counts, kill: self.kill.replace(Kill::None) })
    }

    /// In the next phase the victim dies, with requests on their way.
    pub(crate) fn plan_kill(&self) {
        self.kill.set(Kill::Planned { after: LIMIT as u64 });
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

    /// A request was given to this server. Here the victim's end comes, between two requests to it.
    ///
    /// All clients are on this thread, so none of them begins a connection while this runs: whoever has begun one did so
    /// before the kill, and whoever begins one later is refused, as nobody listens any more.
    pub(crate) fn about_to_connect(&self, name: &str) {
        if name != VICTIM {
            return;
        }
        match self.kill.get() {
            Kill::Planned { after: 0 } => self.kill_victim(),
            Kill::Planned { after } => {
                if after == HANGING {
                    self.servers.borrow()[self.victim_index()].hang();
                }
                self.kill.set(Kill::Planned { after: after - 1 });
                self.begun.set(self.begun.get() + 1);
            }
            Kill::None | Kill::Done { .. } => self.begun.set(self.begun.get() + 1),
        }
    }

    fn kill_victim(&self) {
        match self.servers.borrow_mut()[self.victim_index()].kill() {
            // What it had answered until then has its answer, or will find it in its socket.
            Ok(log) => self.kill.set(Kill::Done { in_flight: self.begun.get().saturating_sub(log.answers) }),
            Err(error) => eprintln!("balance: {VICTIM} can't be killed: {error}"),
        }
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
