//! The comparison of `balance`, from its own files: it finds nothing where the counts are true, and each lie.

#[path = "../../../../examples/examples/balance/check.rs"]
mod check;
#[path = "../../../../examples/examples/balance/counts.rs"]
mod counts;

use check::{Expect, deviations};
use counts::{Counts, Kill, LIMIT, Log, Phase, SERVERS, VICTIM};

fn phase(started: [u64; 3], kill: Kill) -> Phase {
    let counts = started.map(|started| Counts {
        started,
        answered: started,
        log: Log { requests: started, answers: started },
        ..Counts::default()
    });
    Phase { name: "phase", requests: started.iter().sum(), counts: counts.into(), kill }
}

fn all_up() -> Phase {
    phase([50, 30, 20], Kill::None)
}

fn killed() -> Phase {
    let mut phase = phase([60, 5, 25], Kill::Done { in_flight: 4 });
    phase.requests = 93;
    phase.counts[1] = Counts {
        started: 10,
        answered: 5,
        lost: 3,
        unsent: 2,
        log: Log { requests: 6, answers: 5 },
        ..Counts::default()
    };
    phase
}

#[test]
fn truth_has_no_deviations() {
    assert_eq!(SERVERS.map(|(name, _)| name)[1], VICTIM);
    assert_eq!(deviations(&all_up(), Expect::AllByWeight), [""; 0]);
    assert_eq!(deviations(&phase([50, 0, 20], Kill::None), Expect::RestByWeight), [""; 0]);
    assert_eq!(deviations(&killed(), Expect::TheKill), [""; 0]);
    assert_eq!(deviations(&phase([60, 10, 30], Kill::None), Expect::TheReturn), [""; 0]);
}

#[test]
fn each_lie_is_found() {
    type Lie = fn(&mut Phase);
    let lies: &[(Lie, &str)] = &[
        (|phase| phase.counts[0].started += 1, "51 went to oak, 50 came back, 0 were lost and 0 not sent"),
        (|phase| phase.counts[0].log.answers -= 1, "oak sent 49 answers, and 50 arrived"),
        (|phase| phase.counts[2].log.requests -= 1, "ash saw 19 requests"),
        (|phase| phase.counts[2].log.requests += 1, "ash saw 21 requests"),
        (|phase| phase.counts[1].in_flight = 1, "1 are still in flight at elm"),
        (|phase| phase.requests = 110, "110 requests had 100 answers, and 0 were lost"),
        (|phase| *phase = self::phase([51, 29, 20], Kill::None), "oak answered 51 requests, its share is 50"),
        (|phase| *phase = self::phase([50, 29, 21], Kill::None), "ash answered 21 requests, its share is 20"),
        (
            |phase| (phase.counts[1].started, phase.counts[1].lost) = (31, 1),
            "1 were lost at elm, and at most 0 could be",
        ),
        (
            |phase| (phase.counts[1].started, phase.counts[1].unsent) = (31, 1),
            "1 could not be sent to elm, which was there",
        ),
    ];
    for (lie, expected) in lies {
        let mut phase = all_up();
        lie(&mut phase);
        let found = deviations(&phase, Expect::AllByWeight);
        assert!(found.iter().any(|line| line.contains(expected)), "{expected:?} is not in {found:#?}");
    }
}

#[test]
fn a_kill_has_bounds() {
    type Lie = fn(&mut Phase);
    let lies: &[(Lie, &str)] = &[
        // Each loss beyond what was in flight at the kill is one too many.
        (
            |phase| (phase.counts[1].lost, phase.requests) = (5, 95),
            "5 were lost at elm, and at most 4 could be",
        ),
        (|phase| phase.kill = Kill::Done { in_flight: 2 }, "3 were lost at elm, and at most 2 could be"),
        (|phase| phase.kill = Kill::Done { in_flight: 2 }, "elm was not killed as it should have been"),
        (
            |phase| phase.kill = Kill::Done { in_flight: LIMIT as u64 + 1 },
            "elm was not killed as it should have been",
        ),
        (|phase| phase.kill = Kill::None, "elm was not killed as it should have been"),
        (|phase| phase.kill = Kill::Planned { after: 1 }, "elm was not killed as it should have been"),
        (
            |phase| (phase.counts[0].started, phase.counts[0].lost) = (61, 1),
            "1 were lost at oak, and at most 0 could be",
        ),
        // What was not sent has not been seen, and has its answer from elsewhere.
        (|phase| phase.counts[1].log.requests = 9, "elm saw 9 requests"),
        (|phase| phase.counts[1].unsent = 1, "10 went to elm, 5 came back, 3 were lost and 1 not sent"),
        (
            |phase| (phase.counts[2].started, phase.counts[2].unsent) = (26, 1),
            "1 could not be sent to ash, which was there",
        ),
    ];
    for (lie, expected) in lies {
        let mut phase = killed();
        lie(&mut phase);
        let found = deviations(&phase, Expect::TheKill);
        assert!(found.iter().any(|line| line.contains(expected)), "{expected:?} is not in {found:#?}");
    }
}
