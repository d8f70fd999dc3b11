//! A program, run in the simulator.

use super::handler::{handle, options};
use super::monitor::monitor;
use super::program::{Act, Order, Place, Program, Reading, Rule, Step, Tick, Ticketing};
use super::pushes::{Joining, Watched, Way, fill, try_push};
use super::site::Site;
use futures::channel::oneshot;
use futures::future::{Either, join_all, select};
use regatta::queue::{Finished, Reader, Ticket};
use regatta::strategies::{Concurrency, Keyed, Lifo, Priority, SlidingWindow};
use regatta::{Backoff, Fifo, Strategy};
use regatta_tests::Sim;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

/// After this nothing waits for anybody but somebody who stops the run.
pub(super) const LATEST: Tick = 20_000;

fn time(ticks: Tick) -> Duration {
    Duration::from_millis(ticks)
}

/// Runs it to its end. What was found to be wrong on the way is a panic.
pub(super) fn run(sim: &Sim, program: &Program) -> (Arc<Site>, Finished<usize>) {
    let site = Site::new(sim, program);
    let finished = match program.rule {
        Rule::None => with(sim, &site, ()),
        Rule::Concurrency(most) => with(sim, &site, Concurrency::new(most).unwrap()),
        Rule::Rate(count, span) => with(sim, &site, SlidingWindow::new(count, time(span)).unwrap()),
        Rule::Keyed(count, span) => {
            with(sim, &site, Keyed::new(SlidingWindow::new(count, time(span)).unwrap()))
        }
        Rule::Gate => {
            let gate = site.gate.clone();
            with(sim, &site, gate)
        }
    };
    (site, finished)
}

fn with<St, Tok>(sim: &Sim, site: &Arc<Site>, strategy: St) -> Finished<usize>
where
    St: Strategy<Token = Tok> + Send + 'static,
    Tok: Send + 'static,
{
    let program = &site.program;
    let builder = regatta::Queue::<usize>::builder()
        .workers(program.workers)
        .unwrap()
        .capacity(program.capacity)
        .unwrap();
    let mut builder = builder.clock(sim.clock()).results(program.results).unwrap().grace(time(program.grace));
    if let Some(growth) = program.growth {
        builder = builder.growth(growth);
    }
    if let Some(limit) = program.class_limit {
        builder = builder.class_limit(limit).unwrap();
    }
    if let Some(timeout) = program.attempt_timeout {
        builder = builder.attempt_timeout(time(timeout));
    }
    if let Some(timeout) = program.task_timeout {
        builder = builder.task_timeout(time(timeout));
    }
    if let Some(timeout) = program.idle_timeout {
        builder = builder.idle_timeout(time(timeout));
    }
    if let Some(failures) = program.max_failures {
        builder = builder.max_failures(failures).unwrap();
    }
    let builder = match program.order {
        Order::Fifo => builder.discipline(Fifo),
        Order::Priority => builder.discipline(Priority::strict()),
        Order::Lifo => builder.discipline(Lifo),
    };
    let rule = Backoff::constant(time(program.pause)).times(program.retries);
    let here = site.clone();
    let handler = move |job, ctx| handle(here, job, ctx);
    let (queue, reader, engine) = builder.strategy(strategy).retry(rule).build(handler).unwrap();
    site.open(&queue);
    let mut engine =
        if program.is_observed { engine.observer(super::census::Census::new(site)) } else { engine };

    let mut others = vec![
        side(sim, "reader", read(site.clone(), reader)),
        side(sim, "controller", control(site.clone())),
        side(sim, "monitor", monitor(site.clone())),
    ];
    let producers: Vec<_> =
        program.producers.iter().map(|steps| produce(site.clone(), steps.clone())).collect();
    let over = |finished| {
        site.facts().is_over = true;
        finished
    };
    let ended = match program.place {
        Place::WithBody => {
            let body = join_all(producers);
            sim.run(async { over(engine.run_with(body).await.1) })
        }
        Place::Alone => {
            // It counts from this call on.
            let run = engine.run();
            others.extend(producers.into_iter().map(|producer| side(sim, "producer", producer)));
            sim.run(async { over(run.await) })
        }
        Place::Spawned => {
            let handle = engine.spawn_on(sim.executor());
            others.extend(producers.into_iter().map(|producer| side(sim, "producer", producer)));
            sim.run(async { over(handle.await) })
        }
    };
    let finished = ended.unwrap_or_else(|deadlock| {
        site.assert_right();
        panic!("{deadlock}: {:#?}", site.facts().notes)
    });
    sim.run(join_all(others)).unwrap_or_else(|deadlock| panic!("{deadlock}: {:#?}", site.facts().notes));
    let afterwards = sim.sleep(Duration::from_millis(1));
    sim.run(afterwards).unwrap_or_else(|deadlock| panic!("{deadlock}"));
    site.look();
    finished
}

type Side = Pin<Box<dyn Future<Output = ()>>>;

/// Runs beside the queue; what it gives is its end.
fn side(sim: &Sim, name: &str, task: impl Future<Output = ()> + Send + 'static) -> Side {
    let (sender, receiver) = oneshot::channel();
    sim.spawn(name, async move {
        task.await;
        let _ = sender.send(());
    });
    Box::pin(async { receiver.await.expect("it ends") })
}

async fn read(site: Arc<Site>, mut reader: Reader<usize, usize, String>) {
    let (slow, until) = match site.program.reader {
        Reading::All => (0, Tick::MAX),
        Reading::Slow(time) => (time, Tick::MAX),
        Reading::Late => {
            site.sleep(site.program.horizon).await;
            (0, Tick::MAX)
        }
        Reading::Drops(at) => (0, at),
    };
    loop {
        site.facts().is_reading = true;
        let next = pin!(reader.next());
        let patience = site.clock.sleep_until(super::site::instant(until));
        let next = match select(next, patience).await {
            Either::Left((next, _)) => next,
            Either::Right(_) => break,
        };
        let Some(done) = next else { break };
        site.facts().is_reading = false;
        site.note(format!("read: {done:?}"));
        let plan = *done.job;
        site.facts().jobs[plan].read.push(done);
        site.look();
        if slow > 0 {
            site.sleep(slow).await;
        }
    }
    site.facts().is_reading = false;
    if until < Tick::MAX {
        site.note("the reader is dropped".into());
        site.facts().is_reader_gone = true;
    }
    drop(reader);
    site.look();
}

async fn produce(site: Arc<Site>, steps: Vec<Step>) {
    let (mut later, queue) = (Vec::new(), site.queue());
    for step in steps {
        match step {
            Step::Sleep(ticks) => site.sleep(ticks).await,
            Step::TryPush(plan) => try_push(&site, plan),
            Step::Push(plan, patience) => {
                let push = queue.push_with(plan, options(&site, plan));
                in_time(&site, patience, Watched::new(&site, Some(plan), push)).await;
            }
            Step::Submit(plan, patience, ticketing) => {
                site.facts().jobs[plan].has_ticket = true;
                let submit = queue.submit_with(plan, options(&site, plan));
                let ticket = in_time(&site, patience, Watched::new(&site, Some(plan), submit)).await;
                if let Some(Ok(ticket)) = ticket {
                    keep(&site, plan, ticket, ticketing, &mut later).await;
                }
            }
            Step::SubmitOrJoin(plan, patience, ticketing) => {
                site.facts().jobs[plan].has_ticket = true;
                let submit = Joining(queue.submit_or_join(plan, options(&site, plan)));
                let ticket = in_time(&site, patience, Watched::new(&site, Some(plan), submit)).await;
                if let Some(Ok(ticket)) = ticket {
                    keep(&site, plan, ticket, ticketing, &mut later).await;
                }
            }
            Step::Reserve(plan, patience, hold) => {
                let place = in_time(&site, patience, Watched::new(&site, None, queue.reserve())).await;
                if let Some(Ok(place)) = place {
                    site.sleep(hold).await;
                    fill(&site, place, plan);
                }
            }
        }
        site.look();
    }
    for (plan, ticket) in later {
        redeem(&site, plan, ticket).await;
    }
}

async fn in_time<W: Way>(site: &Arc<Site>, patience: Option<Tick>, way: Watched<W>) -> Option<W::Output> {
    let Some(patience) = patience else { return Some(way.await) };
    match select(way, pin!(site.sleep(patience))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => {
            site.note("a push gives up".into());
            None
        }
    }
}

type Tickets = Vec<(usize, Ticket<usize, usize, String>)>;

async fn keep(
    site: &Arc<Site>,
    plan: usize,
    ticket: Ticket<usize, usize, String>,
    ticketing: Ticketing,
    later: &mut Tickets,
) {
    match ticketing {
        Ticketing::Dropped => {
            site.facts().jobs[plan].is_ticket_dropped = true;
            drop(ticket);
        }
        Ticketing::Awaited if plan.is_multiple_of(2) => redeem(site, plan, ticket).await,
        Ticketing::Awaited => later.push((plan, ticket)),
    }
}

async fn redeem(site: &Arc<Site>, plan: usize, ticket: Ticket<usize, usize, String>) {
    let done = ticket.await;
    site.note(format!("the ticket of job {plan}: {done:?}"));
    site.facts().jobs[plan].told.push(done);
    site.look();
}

async fn control(site: Arc<Site>) {
    let program = &site.program;
    let acts = program.acts.iter().copied();
    let end = [Act::OpenGate, Act::Resume, Act::Close].map(|act| (program.horizon, act));
    for (at, what) in acts.chain(end) {
        site.clock.sleep_until(super::site::instant(at)).await;
        act(&site, what);
        site.look();
    }
    let horizon = super::site::instant(LATEST);
    while site.clock.now() < horizon {
        if site.facts().is_over {
            return;
        }
        site.sleep(100).await;
    }
    site.demand(program.hangs(), || "it doesn't end".into());
    act(&site, Act::Stop);
}

fn act(site: &Arc<Site>, what: Act) {
    site.note(format!("{what:?}"));
    let queue = site.queue();
    match what {
        Act::Pause => {
            queue.pause();
            site.facts().is_paused = true;
        }
        Act::Resume => {
            site.facts().is_paused = false;
            queue.resume();
        }
        Act::Workers(workers) => {
            // Nothing runs before this returns: it is one thread.
            queue.set_workers(workers).unwrap();
            site.facts().workers = workers;
        }
        Act::Capacity(capacity) => {
            let mut facts = site.facts();
            facts.capacity = capacity;
            facts.capacity_max = facts.capacity_max.max(capacity);
            drop(facts);
            queue.set_capacity(capacity).unwrap();
        }
        Act::Cancel(plan) => {
            let Some(id) = site.facts().jobs[plan].id else { return };
            let state = queue.state(id);
            if state.is_some() {
                site.facts().jobs[plan].is_cancelled = true;
            }
            let told = queue.cancel(id);
            let waits = !matches!(state, Some(regatta::queue::JobState::Running) | None);
            site.demand(told == state.is_some(), || format!("job {plan} was {state:?}: cancelled {told}"));
            site.demand(!waits || queue.state(id).is_none(), || format!("job {plan} still waits"));
        }
        Act::Raise(plan, priority) => {
            let Some(id) = site.facts().jobs[plan].id else { return };
            let state = queue.state(id);
            let told = queue.raise(id, priority);
            site.demand(told == state.is_some(), || format!("job {plan} was {state:?}: raised {told}"));
            let mut facts = site.facts();
            let job = &mut facts.jobs[plan];
            job.priority = job.priority.max(priority);
        }
        Act::ShutGate => site.gate.close(),
        Act::OpenGate => site.gate.open(),
        Act::Stop => {
            site.facts().is_stop_asked = true;
            queue.stop();
        }
        Act::Close => queue.close(),
    }
}
