//! `Order`: the jobs that wait, in the order in which they are to start. Pure.

use regatta_core::{Class, Discipline, Request, Time};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What the ledger needs of an order, whatever its discipline. Jobs go by the number of their slot.
///
/// A job has a place from [`enqueue`](Line::enqueue) to [`forget`](Line::forget), and keeps it through all its attempts.
pub(crate) trait Line: Send {
    /// A new job waits.
    fn enqueue(&mut self, now: Time, seq: u64, slot: usize, request: &Request);
    /// A job that was started waits again, at the place it had.
    fn requeue(&mut self, slot: usize);
    /// Who is to start next: the first in line, or one that the strategy has refused but was not asked about in this
    /// round.
    fn candidate(&mut self) -> Option<usize>;
    /// Takes the first in line, where no job is on a shelf.
    fn pop(&mut self) -> Option<usize>;
    /// The job waits no longer, in line or on a shelf.
    fn take(&mut self, slot: usize);
    /// The job's first attempt starts.
    fn started(&mut self, slot: usize);
    /// The job has its end.
    fn forget(&mut self, slot: usize, was_started: bool);
    /// A job that waits is more urgent from now on.
    fn raise(&mut self, slot: usize, since: Time, seq: u64, request: &Request);

    /// The job can't start for this reason; it leaves the line until the reason is gone.
    fn shelve(&mut self, slot: usize, shelf: Shelf);
    /// The first job on this shelf goes back in line, if there is one.
    fn unshelve(&mut self, shelf: Shelf);
    /// Whether this job is not among those that the strategy has refused, but has to join them for its class.
    fn joins_refused(&self, slot: usize, class: Option<Class>) -> bool;
    /// The strategy has refused it once more.
    fn asked(&mut self, slot: usize, class: Option<Class>);
    /// The strategy may have changed its mind about all of them.
    fn new_round(&mut self);
    /// The strategy may have changed its mind about this class, or about whoever is first.
    fn reconsider(&mut self, class: Option<Class>);
}

/// Why jobs can't start although it is their turn.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Shelf {
    /// As many of their class run as may.
    Class(Class),
    /// There is no place for their results.
    Room,
    /// The strategy has refused the first one of their class, or of those that have none.
    Refused(Option<Class>),
}

/// The one implementation.
///
/// Most work comes in an order that its discipline agrees with: that goes through a queue at O(1). The rest, and what
/// comes back, goes through a tree at O(log n).
pub(crate) struct Order<D: Discipline> {
    discipline: D,
    /// By slot.
    places: Vec<Place<D::Key>>,
    /// In order; entries whose job is elsewhere by now are skipped.
    row: VecDeque<(usize, u64)>,
    /// The key of the last one in the row.
    last: Option<Rank<D::Key>>,
    /// How many entries of the row are to be skipped.
    stale: usize,
    tree: BTreeMap<Rank<D::Key>, usize>,
    shelves: HashMap<Shelf, BTreeMap<Rank<D::Key>, usize>>,
    /// The first job of each `Shelf::Refused`, and the round in which the strategy was asked about it.
    refused: BTreeMap<Rank<D::Key>, (usize, u64)>,
    round: u64,
    /// A job has ended in this round: whoever was refused before that is to be asked about again.
    has_news: bool,
}

/// Ties between equal keys are settled first come, first served.
type Rank<K> = (K, u64);

struct Place<K> {
    rank: Option<Rank<K>>,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Nowhere,
    Row,
    Tree,
    Shelf(Shelf),
}

impl<D: Discipline> Order<D> {
    pub(crate) fn new(discipline: D) -> Self {
        Self {
            discipline,
            places: Vec::new(),
            row: VecDeque::new(),
            last: None,
            stale: 0,
            tree: BTreeMap::new(),
            shelves: HashMap::new(),
            refused: BTreeMap::new(),
            round: 1,
            has_news: false,
        }
    }

    fn rank(&self, slot: usize) -> Option<Rank<D::Key>> {
        self.places.get(slot).and_then(|place| place.rank.clone())
    }

    /// The first in the row whose job is still there.
    #[inline]
    fn first_in_row(&mut self) -> Option<usize> {
        while let Some(&(slot, seq)) = self.row.front() {
            let place = &self.places[slot];
            if place.at == At::Row && place.rank.as_ref().is_some_and(|rank| rank.1 == seq) {
                return Some(slot);
            }
            self.row.pop_front();
            self.stale -= 1;
        }
        None
    }

    /// The first that waits and is on no shelf.
    #[inline]
    fn first_in_line(&mut self) -> Option<usize> {
        let row = self.first_in_row();
        let Some((rank, &slot)) = self.tree.first_key_value() else { return row };
        match row {
            Some(other) if self.places[other].rank.as_ref().is_some_and(|other| other < rank) => row,
            _ => Some(slot),
        }
    }

    /// Drops, now and then, what jobs have left in the row that went elsewhere. Amortised O(1) each.
    fn sweep(&mut self) {
        if self.stale > self.row.len() / 2 + 32 {
            let places = &self.places;
            self.row.retain(|(slot, seq)| {
                let place = &places[*slot];
                place.at == At::Row && place.rank.as_ref().is_some_and(|rank| rank.1 == *seq)
            });
            self.stale = 0;
        }
    }

    /// Takes it off its shelf; the next one there is the first then.
    fn unlist(&mut self, shelf: Shelf, rank: &Rank<D::Key>) {
        let Some(jobs) = self.shelves.get_mut(&shelf) else { return };
        jobs.remove(rank);
        let next = jobs.first_key_value().map(|(rank, slot)| (rank.clone(), *slot));
        if jobs.is_empty() {
            self.shelves.remove(&shelf);
        }
        if let Shelf::Refused(_) = shelf
            && self.refused.remove(rank).is_some()
            && let Some((rank, slot)) = next
        {
            self.refused.insert(rank, (slot, 0));
        }
    }
}

impl<D> Line for Order<D>
where
    D: Discipline<Key: Send> + Send,
{
    #[inline]
    fn enqueue(&mut self, now: Time, seq: u64, slot: usize, request: &Request) {
        // Asked first: if it panics, nothing has changed.
        let rank = (self.discipline.enqueued(now, seq, request), seq);
        if slot >= self.places.len() {
            self.places.resize_with(slot + 1, || Place { rank: None, at: At::Nowhere });
        }
        let is_last = self.row.is_empty() || self.last.as_ref().is_none_or(|last| *last < rank);
        let place = &mut self.places[slot];
        if is_last {
            place.at = At::Row;
            self.row.push_back((slot, seq));
            self.last = Some(rank.clone());
        } else {
            place.at = At::Tree;
            self.tree.insert(rank.clone(), slot);
        }
        place.rank = Some(rank);
    }

    fn requeue(&mut self, slot: usize) {
        let Some(rank) = self.rank(slot) else { return };
        self.places[slot].at = At::Tree;
        self.tree.insert(rank, slot);
    }

    #[inline]
    fn candidate(&mut self) -> Option<usize> {
        let first = self.first_in_line();
        if self.refused.is_empty() {
            return first;
        }
        let mut again = self.refused.iter().find(|(_, (_, asked))| *asked != self.round);
        if first.is_none() && again.is_none() && std::mem::take(&mut self.has_news) {
            self.round += 1;
            again = self.refused.iter().next();
        }
        match (first, again) {
            (Some(slot), Some((rank, _)))
                if self.places[slot].rank.as_ref().is_some_and(|first| first < rank) =>
            {
                first
            }
            (_, Some((_, (slot, _)))) => Some(*slot),
            (first, None) => first,
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<usize> {
        if !self.tree.is_empty() {
            let slot = self.first_in_line()?;
            self.take(slot);
            return Some(slot);
        }
        while let Some((slot, seq)) = self.row.pop_front() {
            let place = &mut self.places[slot];
            if place.at == At::Row && place.rank.as_ref().is_some_and(|rank| rank.1 == seq) {
                place.at = At::Nowhere;
                return Some(slot);
            }
            self.stale -= 1;
        }
        None
    }

    #[inline]
    fn take(&mut self, slot: usize) {
        let Some(place) = self.places.get_mut(slot) else { return };
        let at = std::mem::replace(&mut place.at, At::Nowhere);
        match at {
            At::Nowhere => {}
            At::Row => {
                if self.row.front().is_some_and(|(front, _)| *front == slot) {
                    self.row.pop_front();
                } else {
                    self.stale += 1;
                    self.sweep();
                }
            }
            At::Tree => {
                if let Some(rank) = &place.rank {
                    self.tree.remove(rank);
                }
            }
            At::Shelf(shelf) => {
                if let Some(rank) = self.rank(slot) {
                    self.unlist(shelf, &rank);
                }
            }
        }
    }

    #[inline]
    fn started(&mut self, slot: usize) {
        if let Some(Place { rank: Some((key, _)), .. }) = self.places.get(slot) {
            self.discipline.started(key);
        }
    }

    #[inline]
    fn forget(&mut self, slot: usize, was_started: bool) {
        if self.places.get(slot).is_some_and(|place| place.at != At::Nowhere) {
            self.take(slot);
        }
        let Some((key, _)) = self.places.get_mut(slot).and_then(|place| place.rank.take()) else { return };
        if !was_started {
            self.discipline.left(&key);
        }
    }

    fn raise(&mut self, slot: usize, since: Time, seq: u64, request: &Request) {
        let Some((key, _)) = self.rank(slot) else { return };
        let key = self.discipline.raised(&key, since, seq, request);
        let was = self.places[slot].at;
        self.take(slot);
        let place = &mut self.places[slot];
        place.rank = Some((key.clone(), seq));
        match was {
            // Between two attempts it only keeps the better key.
            At::Nowhere => {}
            At::Shelf(shelf) => self.shelve(slot, shelf),
            At::Row | At::Tree => {
                place.at = At::Tree;
                self.tree.insert((key, seq), slot);
            }
        }
    }

    fn shelve(&mut self, slot: usize, shelf: Shelf) {
        self.take(slot);
        let Some(rank) = self.rank(slot) else { return };
        self.places[slot].at = At::Shelf(shelf);
        let jobs = self.shelves.entry(shelf).or_default();
        if let Shelf::Refused(_) = shelf {
            let first = jobs.first_key_value().map(|(first, _)| first.clone());
            if first.as_ref().is_none_or(|first| rank < *first) {
                if let Some(first) = first {
                    self.refused.remove(&first);
                }
                self.refused.insert(rank.clone(), (slot, 0));
            }
        }
        jobs.insert(rank, slot);
    }

    fn unshelve(&mut self, shelf: Shelf) {
        let Some(slot) =
            self.shelves.get(&shelf).and_then(|jobs| jobs.first_key_value()).map(|(_, slot)| *slot)
        else {
            return;
        };
        self.take(slot);
        self.requeue(slot);
    }

    #[inline]
    fn joins_refused(&self, slot: usize, class: Option<Class>) -> bool {
        let shelf = Shelf::Refused(class);
        !self.refused.is_empty()
            && self.places[slot].at != At::Shelf(shelf)
            && self.shelves.contains_key(&shelf)
    }

    fn asked(&mut self, slot: usize, class: Option<Class>) {
        self.shelve(slot, Shelf::Refused(class));
        let round = self.round;
        if let Some(rank) = self.rank(slot)
            && let Some((_, asked)) = self.refused.get_mut(&rank)
        {
            *asked = round;
        }
    }

    #[inline]
    fn new_round(&mut self) {
        self.round += 1;
        self.has_news = false;
    }

    #[inline]
    fn reconsider(&mut self, class: Option<Class>) {
        if self.refused.is_empty() {
            return;
        }
        self.has_news = true;
        if let Some((_, asked)) = self.refused.values_mut().next() {
            *asked = 0;
        }
        let first = self.shelves.get(&Shelf::Refused(class)).and_then(|jobs| jobs.first_key_value());
        if let Some((rank, _)) = first
            && let Some((_, asked)) = self.refused.get_mut(rank)
        {
            *asked = 0;
        }
    }
}

#[cfg(test)]
mod tests;

/// How many histories the oracles of this crate tell: 50, or as many as `REGATTA_SEEDS` says.
#[cfg(test)]
pub(crate) fn seeds() -> u64 {
    std::env::var("REGATTA_SEEDS").map_or(50, |seeds| seeds.parse().expect("REGATTA_SEEDS must be a number"))
}
