use super::super::strategies::{Concurrency, Gate};
use super::super::toy::Last;
use super::super::{at_most, ms};
use super::*;
use regatta_core::Class;
use regatta_engine::Engine;
use regatta_tests::{World, on_every_executor};
use std::collections::BTreeMap;

/// What was started when, in milliseconds after `start`.
fn born(ledger: &Ledger, start: Time) -> Vec<(usize, u128)> {
    ledger.born().into_iter().map(|(key, at)| (key, at.since(start).as_millis())).collect()
}

on_every_executor! {
    async fn what_is_pushed_runs(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let (inbox, mail) = Inbox::new(&ledger);
        let later = world.clone();
        world.spawn(async move {
            mail.push(Plan::ready());
            later.sleep(ms(4)).await;
            mail.push(Plan::sleep(ms(1)));
            later.sleep(ms(4)).await;
            mail.close();
        });
        Engine::new(inbox, ()).clock(world.clock()).run().await;
        assert_eq!(born(&ledger, start), [(0, 0), (1, 4)]);
        assert_eq!(world.now(), start + ms(8));
    }

    async fn an_empty_inbox_ends_when_it_is_closed(world: World) {
        let ledger = Ledger::new(&world.clock);
        let (inbox, mail) = Inbox::new(&ledger);
        let body = async {
            world.sleep(ms(3)).await;
            mail.close();
        };
        Engine::new(inbox, ()).clock(world.clock()).run_with(body).await;
        assert!(ledger.ends().is_empty());
    }

    async fn delayed_mail_is_never_early_and_a_later_push_may_be_due_first(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let (inbox, mail) = Inbox::new(&ledger);
        let later = world.clone();
        let body = async move {
            mail.push_at(start + ms(9), Plan::ready());
            later.sleep(ms(2)).await;
            mail.push_at(start + ms(5), Plan::ready());
            mail.close();
        };
        Engine::new(inbox, ()).clock(world.clock()).run_with(body).await;
        assert_eq!(born(&ledger, start), [(1, 5), (0, 9)]);
    }

    async fn a_blocked_class_does_not_hold_up_another(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let (inbox, mail) = Inbox::new(&ledger);
        let gate = Gate::shut_for(Class::from_u64(0));
        let opener = gate.clone();
        let later = world.clone();
        let body = async move {
            for _ in 0..6 {
                mail.push(Plan::ready());
            }
            mail.close();
            later.sleep(ms(7)).await;
            opener.open();
        };
        Engine::new(inbox, gate).clock(world.clock()).run_with(body).await;
        assert_eq!(born(&ledger, start), [(1, 0), (2, 0), (4, 0), (5, 0), (0, 7), (3, 7)]);
    }

    async fn a_retry_rests_without_a_slot_and_without_a_token(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let (inbox, mail) = Inbox::new(&ledger);
        mail.push(Plan::of([], Last::Err));
        mail.push(Plan::sleep(ms(1)));
        mail.close();
        let engine = Engine::new(inbox, Concurrency::new(1)).limit(at_most(1)).clock(world.clock());
        ledger.limit(at_most(1));
        engine.run().await;
        assert_eq!(born(&ledger, start), [(0, 0), (1, 0), (0, 2), (0, 4)]);
        assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::Err), (1, Ended::Ok)]));
    }

    async fn orders_are_obeyed_while_all_slots_are_full(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let (inbox, mail) = Inbox::new(&ledger);
        for _ in 0..5 {
            mail.push(Plan::hang());
        }
        mail.close();
        let later = world.clone();
        let body = async move {
            later.sleep(ms(1)).await;
            mail.orders.give(Control::Cancel(1));
            later.sleep(ms(1)).await;
            mail.orders.give(Control::Limit(at_most(3)));
            later.sleep(ms(1)).await;
            mail.orders.give(Control::Limit(at_most(1)));
            later.sleep(ms(1)).await;
            mail.orders.give(Control::CancelAll);
            later.sleep(ms(1)).await;
            mail.orders.give(Control::CancelAll);
        };
        ledger.limit(at_most(2));
        Engine::new(inbox, ()).limit(at_most(2)).clock(world.clock()).run_with(body).await;
        assert_eq!(born(&ledger, start), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4)]);
        assert!(ledger.ends().into_values().all(|ended| ended == Ended::Cancelled));
        assert_eq!(world.now(), start + ms(5));
    }

    async fn cancelling_who_does_not_run_changes_nothing(world: World) {
        let ledger = Ledger::new(&world.clock);
        let (inbox, mail) = Inbox::new(&ledger);
        mail.push(Plan::ready());
        mail.push(Plan::sleep(ms(5)));
        mail.close();
        let later = world.clone();
        let body = async move {
            later.sleep(ms(1)).await;
            mail.orders.give(Control::Cancel(0));
            mail.orders.give(Control::Cancel(77));
        };
        Engine::new(inbox, ()).clock(world.clock()).run_with(body).await;
        assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::Ok), (1, Ended::Ok)]));
    }
}
