//! A strategy of your own: three methods, and it works in limiters, engines and tuples with other strategies.
//!
//! Notice that it is plain arithmetic without clock, waiting or locks: who waits, in which order, and who is woken when
//! memory comes back is the limiter's work. `OnChange` says "ask again when something was given back".

use regatta::{Limiter, Outcome, Readiness, Rejection, Request, Strategy, Time};

/// Lets tasks run as long as their memory, the request's cost, fits.
struct Memory {
    free: u32,
    total: u32,
}

impl Strategy for Memory {
    type Token = u32;

    fn ready(&self, _: Time, request: &Request) -> Readiness {
        match request.cost {
            cost if cost <= self.free => Readiness::Ready,
            cost if cost <= self.total => Readiness::OnChange,
            cost => Readiness::Rejected(Rejection::TooCostly { cost, max: self.total }),
        }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<u32, Readiness> {
        let readiness = self.ready(now, request);
        self.free -= if readiness.is_ready() { request.cost } else { return Err(readiness) };
        Ok(request.cost)
    }

    fn finish(&mut self, taken: u32, _: Time, _: Outcome) {
        self.free += taken;
    }
}

fn main() {
    let memory = Limiter::new(Memory { free: 8, total: 8 });
    let answers = [5, 4, 9].map(|cost| memory.try_acquire_for(&Request::new().cost(cost)));
    println!("5, 4 and 9 of 8: {answers:?}");
    drop(answers);
    println!("4 once the 5 are back: {:?}", smol::block_on(memory.acquire_for(Request::new().cost(4))));
}
