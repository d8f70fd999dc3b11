use super::*;

/// Counts its starts, also those that are undone.
#[derive(Debug)]
struct Counting {
    readiness: Readiness,
    starts: u32,
}

impl Strategy for Counting {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        self.readiness
    }

    fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
        self.readiness.check()?;
        self.starts += 1;
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

#[test]
fn a_vec_asks_all_before_it_takes_anything() {
    let member = |readiness| Counting { readiness, starts: 0 };
    let mut all = vec![member(Readiness::Ready), member(Readiness::OnChange)];
    assert_eq!(all.start(Time::ZERO, &Request::new()), Err(Readiness::OnChange));
    assert_eq!([all[0].starts, all[1].starts], [0, 0]);
}
