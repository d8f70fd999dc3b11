use super::*;
use regatta_sim::Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake as WakeTrait;

type Hub = super::Hub<&'static str, u8, &'static str, &'static str>;
type Held<'a> = MutexGuard<'a, State<&'static str, u8, &'static str, &'static str>>;

/// Who was woken, in order.
#[derive(Clone, Default)]
struct Woken(Arc<Mutex<Vec<&'static str>>>);

struct Named(&'static str, Woken);

impl WakeTrait for Named {
    fn wake(self: Arc<Self>) {
        self.1.0.lock().unwrap().push(self.0);
    }
}

impl Woken {
    fn waker(&self, name: &'static str) -> Waker {
        Waker::from(Arc::new(Named(name, self.clone())))
    }

    /// Whom this wakes.
    fn by(&self, wake: Wake) -> Vec<&'static str> {
        wake.now();
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn count(limit: usize) -> Limit {
    Limit::count(limit).unwrap()
}

/// A hub with a driver, whose kick is told as `driver`.
fn hub(limit: usize) -> (Hub, Woken) {
    let (hub, woken) = (Hub::new(count(limit)), Woken::default());
    hub.lock().attach(Kick::new(woken.waker("driver")));
    (hub, woken)
}

/// Spawns a task whose future is its key's twin.
fn spawn(h: &mut Held<'_>, key: &'static str) -> Wake {
    h.spawn(key, || key).expect("the key is free")
}

/// Spawns and starts tasks under these keys; their numbers.
fn run<const N: usize>(h: &mut Held<'_>, keys: [&'static str; N]) -> [usize; N] {
    keys.map(|key| {
        let _wake = spawn(h, key);
        h.start().expect("it waits").0
    })
}

fn read(h: &mut Held<'_>) -> Option<(&'static str, String)> {
    let (key, result) = h.read().ok()??;
    Some((key, result.map_or_else(|error| error.to_string(), |value| value.to_string())))
}

#[test]
fn tasks_start_in_the_order_of_spawning_and_end_in_any() {
    let (hub, woken) = hub(2);
    let mut h = hub.lock();
    for key in ["a", "b", "c"] {
        assert_eq!(woken.by(spawn(&mut h, key)), ["driver"]);
    }
    assert_eq!((h.waiting(), h.running(), h.is_busy()), (3, 0, true));
    assert_eq!((h.start(), h.start()), (Some((0, "a")), Some((1, "b"))));
    assert_eq!((h.waiting(), h.running()), (1, 2));
    assert!(h.read().is_err(), "nothing yet, but something may come");
    assert_eq!(woken.by(h.ended(1, Ok(7))), [""; 0], "nobody waits");
    assert_eq!((h.start(), h.start()), (Some((2, "c")), None));
    let _nobody = (h.ended(2, Err(TaskError::Failed("no"))), h.ended(0, Err(TaskError::Cancelled)));
    let results = [read(&mut h), read(&mut h), read(&mut h)].map(Option::unwrap);
    assert_eq!(results.map(|(key, _)| key), ["b", "c", "a"]);
    assert_eq!((h.read().unwrap().is_none(), h.running(), h.has(0)), (true, 0, false));
}

#[test]
fn a_key_is_taken_until_its_task_has_ended() {
    let (hub, _woken) = hub(1);
    let mut h = hub.lock();
    let [number] = run(&mut h, ["a"]);
    let refused = h.spawn("a", || unreachable!("a refused task is not boxed"));
    assert!(matches!(refused, Err(("a", Refusal::Duplicate))));
    let _nobody = h.ended(number, Ok(1));
    let [again] = run(&mut h, ["a"]);
    assert_ne!(again, number, "a number is given out once");
    assert_eq!((h.has(number), h.has(again)), (false, true));
}

#[test]
fn a_cancel_takes_one_that_waits_and_orders_the_end_of_one_that_runs() {
    let (hub, woken) = hub(1);
    let mut h = hub.lock();
    let [a] = run(&mut h, ["a"]);
    let _wake = (spawn(&mut h, "b"), spawn(&mut h, "c"));
    assert!(h.cancel("x").is_none());
    let (wake, task) = h.cancel("b").unwrap();
    assert_eq!((woken.by(wake), task), (vec!["driver"], Some("b")));
    assert!(h.cancel("b").is_none(), "it has ended");
    assert_eq!(read(&mut h).unwrap(), ("b", "not started: it was cancelled first".into()));
    let (wake, task) = h.cancel("a").unwrap();
    assert_eq!((woken.by(wake), task), (vec!["driver"], None));
    assert_eq!((h.running(), h.waiting()), (1, 1), "it runs until the driver has dropped it");
    assert_eq!(h.orders().cancel, [a]);
    assert_eq!(h.orders().cancel, [0; 0], "an order is given once");
    let _nobody = h.ended(a, Err(TaskError::Cancelled));
    assert!(h.cancel("a").is_none());
    assert_eq!(h.start().map(|(_, task)| task), Some("c"));
}

#[test]
fn the_line_is_served_in_order_and_only_its_first_is_woken() {
    let (hub, woken) = hub(2);
    let mut h = hub.lock();
    assert!(h.is_my_turn(None));
    let [a, b] = run(&mut h, ["a", "b"]);
    assert!(!h.is_my_turn(None));
    let tickets = ["x", "y", "z"].map(|name| h.stand_in_line(None, woken.waker(name)).0);
    let [x, y, z] = tickets.map(Some);
    assert_eq!(woken.by(h.ended(a, Ok(1))), ["x"]);
    assert_eq!(woken.by(h.ended(b, Ok(1))), [""; 0], "x is on its way and will hand the second slot on");
    assert_eq!([x, y, z, None].map(|ticket| h.is_my_turn(ticket)), [true, false, false, false]);
    let _wake = spawn(&mut h, "x");
    assert_eq!(woken.by(h.leave_line(tickets[0]).0), ["y"]);
    let _wake = spawn(&mut h, "y");
    assert_eq!(woken.by(h.leave_line(tickets[1]).0), [""; 0], "there is no third slot");
    assert_eq!([z, None].map(|ticket| h.is_my_turn(ticket)), [false, false]);
}

#[test]
fn standing_in_line_again_keeps_the_place() {
    let (hub, woken) = hub(1);
    let mut h = hub.lock();
    let [a] = run(&mut h, ["a"]);
    let (x, none) = h.stand_in_line(None, woken.waker("x"));
    let (y, _) = h.stand_in_line(None, woken.waker("y"));
    assert!(none.is_none());
    let (same, old) = h.stand_in_line(Some(x), woken.waker("x again"));
    assert!(same == x && old.is_some(), "the old waker comes back, to be dropped outside the lock");
    assert_eq!(woken.by(h.ended(a, Ok(1))), ["x again"]);
    // Somebody else took the slot before x has looked; x waits on in its place.
    let [b] = run(&mut h, ["b"]);
    assert!(!h.is_my_turn(Some(x)));
    assert_eq!(h.stand_in_line(Some(x), woken.waker("x")).0, x);
    assert_eq!(woken.by(h.ended(b, Ok(1))), ["x"]);
    assert!(h.is_my_turn(Some(x)) && !h.is_my_turn(Some(y)));
}

#[test]
fn whoever_leaves_the_line_hands_its_place_on() {
    let (hub, woken) = hub(1);
    let mut h = hub.lock();
    let [a] = run(&mut h, ["a"]);
    let [x, y, z] = ["x", "y", "z"].map(|name| h.stand_in_line(None, woken.waker(name)).0);
    let (wake, mine) = h.leave_line(y);
    assert_eq!((woken.by(wake), mine.is_some()), (vec![], true), "there was no slot to hand on");
    assert_eq!(woken.by(h.ended(a, Ok(1))), ["x"]);
    let (wake, mine) = h.leave_line(x);
    assert_eq!((woken.by(wake), mine.is_some()), (vec!["z"], false), "x had been woken and never looked");
    assert_eq!(woken.by(h.leave_line(x).0), [""; 0], "it has left already");
    assert_eq!(woken.by(h.leave_line(z).0), [""; 0]);
    assert!(h.is_my_turn(None));
}

#[test]
fn a_new_limit_is_an_order_and_wakes_the_line() {
    let (hub, woken) = hub(1);
    let mut h = hub.lock();
    run(&mut h, ["a"]);
    let [x, _] = ["x", "y"].map(|name| h.stand_in_line(None, woken.waker(name)).0);
    assert_eq!(woken.by(h.set_limit(count(1))), ["driver"]);
    assert_eq!(woken.by(h.set_limit(count(3))), ["x", "driver"]);
    assert_eq!(woken.by(h.set_limit(Limit::Unlimited)), ["driver"], "x has been woken");
    assert_eq!(h.orders().limit, Some(Limit::Unlimited), "the last one counts");
    assert_eq!(woken.by(h.leave_line(x).0), ["y"]);
    assert_eq!(woken.by(h.set_limit(count(1))), ["driver"]);
    assert!(!h.is_my_turn(None), "a runs, and y stands in line");
}

#[test]
fn closing_wakes_the_whole_line_and_refuses_all() {
    let (hub, woken) = hub(1);
    let mut h = hub.lock();
    let [a] = run(&mut h, ["a"]);
    let _wake = spawn(&mut h, "b");
    let [x, _, _] = ["x", "y", "z"].map(|name| h.stand_in_line(None, woken.waker(name)).0);
    assert_eq!(woken.by(h.close()), ["x", "y", "z"]);
    assert!(h.is_closed() && h.is_my_turn(Some(x)) && h.is_my_turn(None), "to be told so");
    assert!(matches!(h.spawn("c", || "c"), Err(("c", Refusal::Closed))));
    assert!(matches!(h.spawn("a", || "a"), Err(("a", Refusal::Closed))), "closed, whatever the key");
    assert_eq!(woken.by(h.leave_line(x).0), [""; 0]);
    let (_, task) = h.refuse(Err(TaskError::NotStarted(NotStarted::Cancelled)));
    assert_eq!(task, Some("b"));
    assert!(h.refuse(Err(TaskError::Cancelled)).1.is_none(), "nobody waits any more");
    assert!(h.is_busy());
    let _nobody = h.ended(a, Ok(1));
    assert_eq!(woken.by(h.body_ended(true)), ["driver"]);
    assert!(!h.is_busy() && !h.orders().stop);
}

#[test]
fn a_body_that_fails_orders_a_stop() {
    let (hub, woken) = hub(1);
    let mut h = hub.lock();
    run(&mut h, ["a"]);
    assert_eq!(woken.by(h.body_ended(false)), ["driver"]);
    assert!(h.orders().stop && h.is_busy());
}

#[test]
fn all_readers_are_woken_for_each_result() {
    let (hub, woken) = hub(2);
    let mut h = hub.lock();
    let [a, b] = run(&mut h, ["a", "b"]);
    let [x, y] = ["x", "y"].map(|name| h.wait_to_read(None, woken.waker(name)).0);
    let (same, old) = h.wait_to_read(Some(x), woken.waker("x again"));
    assert!(same == x && old.is_some());
    let mut names = woken.by(h.ended(a, Ok(1)));
    names.sort_unstable();
    assert_eq!(names, ["x again", "y"]);
    assert_eq!(read(&mut h).unwrap().0, "a");
    assert!(h.read().is_err());
    assert!(h.wait_to_read(Some(y), woken.waker("y")).1.is_none(), "the first waker was used up");
    assert!(h.leave_readers(x).is_none() && h.leave_readers(y).is_some());
    assert_eq!(woken.by(h.ended(b, Ok(2))), [""; 0]);
    assert_eq!((read(&mut h).unwrap().0, h.read().unwrap().is_none()), ("b", true));
}

#[test]
fn what_is_left_at_the_end_is_handed_out() {
    let (hub, woken) = hub(1);
    let mut h = hub.lock();
    let [a] = run(&mut h, ["a"]);
    let _nobody = h.ended(a, Ok(1));
    run(&mut h, ["b"]);
    let _wake = spawn(&mut h, "c");
    h.stand_in_line(None, woken.waker("line"));
    h.wait_to_read(None, woken.waker("reader"));
    let (wake, mut tasks, results) = h.clear();
    assert_eq!(woken.by(wake), ["line", "reader", "driver"]);
    tasks.sort_unstable();
    assert_eq!(tasks, [("b", None), ("c", Some("c"))]);
    assert_eq!(results.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), ["a"]);
    assert!(h.is_closed() && h.read().unwrap().is_none());
    assert!(h.cancel("b").is_none() && h.start().is_none());
    assert_eq!((h.running(), h.waiting()), (0, 0));
    assert_eq!(woken.by(h.order(|orders| orders.stop = true)), [""; 0], "the driver is gone");
    assert_eq!(woken.by(h.clear().0), [""; 0]);
}

/// A future in line: its ticket, and whether it was woken since it last looked.
struct InLine(u64, Arc<AtomicBool>);

struct SetsFlag(Arc<AtomicBool>);

impl WakeTrait for SetsFlag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Comes to look as a future that is polled does: one in line, or a new one that spawns or joins the line.
fn look(h: &mut Held<'_>, line: &mut Vec<InLine>, place: Option<usize>, key: &'static str) -> bool {
    let ticket = place.map(|place| line[place].0);
    if !h.is_my_turn(ticket) {
        let flag = Arc::new(AtomicBool::new(false));
        let (mine, _) = h.stand_in_line(ticket, Waker::from(Arc::new(SetsFlag(flag.clone()))));
        match place {
            Some(place) => line[place].1 = flag,
            None => line.push(InLine(mine, flag)),
        }
        return false;
    }
    let spawned = h.spawn(key, || key).is_ok();
    if let Some(place) = place {
        h.leave_line(line.remove(place).0).0.now();
    }
    spawned
}

/// Many random calls: counts agree with what was done, and the first in line is awake whenever there is room.
#[test]
fn whatever_is_called_nobody_in_line_is_forgotten() {
    const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for seed in 0..300 {
        let (mut rng, (hub, _)) = (Rng::with_seed(seed), hub(2));
        let mut h = hub.lock();
        let (mut running, mut line, mut limit) = (Vec::new(), Vec::new(), 2);
        let (mut spawned, mut ended, mut read) = (0, 0, 0);
        for _ in 0..200 {
            let key = KEYS[rng.usize(..KEYS.len())];
            match rng.u32(..8) {
                0 => spawned += usize::from(h.spawn(key, || key).is_ok()),
                1 if h.running() < limit => running.extend(h.start().map(|(number, _)| number)),
                2 if !running.is_empty() => {
                    h.ended(running.swap_remove(rng.usize(..running.len())), Ok(1)).now();
                    ended += 1;
                }
                3 => {
                    let Some((wake, task)) = h.cancel(key) else { continue };
                    wake.now();
                    ended += usize::from(task.is_some());
                }
                4 => {
                    limit = rng.usize(1..5);
                    h.set_limit(count(limit)).now();
                }
                5 => {
                    let place = (rng.bool() && !line.is_empty()).then(|| rng.usize(..line.len()));
                    spawned += usize::from(look(&mut h, &mut line, place, key));
                }
                6 if !line.is_empty() => h.leave_line(line.remove(rng.usize(..line.len())).0).0.now(),
                _ => read += usize::from(matches!(h.read(), Ok(Some(_)))),
            }
            assert_eq!(
                (h.running(), h.waiting()),
                (running.len(), spawned - ended - running.len()),
                "seed {seed}"
            );
            let has_room = h.running() + h.waiting() < limit;
            for (place, InLine(ticket, woken)) in line.iter().enumerate() {
                assert_eq!(h.is_my_turn(Some(*ticket)), has_room && place == 0, "seed {seed}");
                let sleeps = !woken.load(Ordering::SeqCst);
                assert!(!(has_room && place == 0 && sleeps), "seed {seed}: the first in line was not woken");
            }
        }
        while let Ok(Some(_)) = h.read() {
            read += 1;
        }
        assert_eq!(read, ended, "seed {seed}: no result is lost");
    }
}
