//! A source of your own: what an engine runs, and what becomes of it.
//!
//! Notice that the outcome of a task brings more tasks, that `Done` means "unless a running task brings more", and that
//! limit, polling, panics and waking are the engine's work.

use regatta::engine::{Admission, End, Engine, Job, Next, Source};
use regatta::{BoxFuture, Limit, Outcome, Request, Time};
use std::collections::BTreeSet;

/// Walks through a web of numbers: n links to n / 2 and to n / 3.
struct Crawl {
    todo: Vec<u32>,
    seen: BTreeSet<u32>,
}

impl Source for Crawl {
    type Task = BoxFuture<'static, [u32; 2]>;

    fn next<'a>(&mut self, _: Time, admission: Admission<'a>) -> Next<'a, Self::Task> {
        let Some(&page) = self.todo.last() else { return Next::Done };
        match admission.start(&Request::new()) {
            Err(not_yet) => Next::Blocked(not_yet),
            Ok(admitted) => {
                self.todo.pop();
                Next::Start(Job::new(page as usize, Box::pin(async move { [page / 2, page / 3] })), admitted)
            }
        }
    }

    fn on_outcome(&mut self, _: Time, _: usize, end: End<[u32; 2]>) -> Outcome {
        let End::Output(links) = end else { return Outcome::Failure };
        self.todo.extend(links.iter().filter(|page| self.seen.insert(**page)));
        Outcome::Success
    }
}

fn main() {
    let engine = Engine::new(Crawl { todo: vec![100], seen: [100].into() }, ())
        .limit(Limit::count(4).expect("4 is a limit"));
    println!("visited {:?}", smol::block_on(engine.run()).seen);
}
