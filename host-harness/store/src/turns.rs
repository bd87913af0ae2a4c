//! Whose turn it is: organizers with something due are served one after the other, so that one with much of it holds up nobody.
//!
//! What is due is read from the index by time, and lies there side by side. Where it is not too much, a batch names the rows that it
//! takes: nothing is looked up by organizer, which would be a page for each of them. Where it is, only who has something due is
//! known, and a batch takes some of each. They are read from one (time, organizer) to the next in the same index: what is due at one
//! time of one organizer costs one step, however much it is. Where there are too many of these steps, the organizers themselves are
//! gone through, one step each. While batches are full the answer is used for a second. So the cost depends on what is due, and never
//! on how many schedules there are.
//!
//! Where another host turns out to be at the same rows, a batch takes some of each organizer as well: what is free is then found by
//! the store, and not by one host after the other.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Stopwatch};

use super::StorageError;
use crate::clock::Instant;

/// Most rows that are known by their ids.
const KNOWN: u32 = 2000;
/// Most steps from one (time, organizer) to the next.
pub(super) const STEPS: u32 = 1000;
/// How long an answer is used.
const KEPT: Duration = Duration::from_secs(1);
/// How long it is used where those who have something due have as much under way as they can have: others can be due since.
const KEPT_WITHOUT_ROOM: Duration = Duration::from_millis(250);

/// How much more can be leased of each organizer.
#[derive(Clone, Debug, Default)]
pub struct Rooms {
    /// `None`: as much as there is.
    each: Option<u32>,
    /// How much each has under way.
    under_way: HashMap<String, u32>,
}

impl Rooms {
    /// At most `each` of one organizer, together with what it has under way.
    #[must_use]
    pub fn new(each: u32, under_way: HashMap<String, u32>) -> Self {
        Self {
            each: Some(each),
            under_way,
        }
    }

    /// Whether an organizer has as much under way as it can have.
    #[must_use]
    pub fn is_any_full(&self) -> bool {
        self.each
            .is_some_and(|each| self.under_way.values().any(|&under_way| under_way >= each))
    }

    /// How much more can be leased of this organizer.
    #[must_use]
    pub fn left(&self, organizer: &str) -> u32 {
        let under_way = || self.under_way.get(organizer).copied().unwrap_or_default();
        self.each.map_or(u32::MAX, |each| each.saturating_sub(under_way()))
    }

    /// So much more of this organizer is under way.
    pub fn take(&mut self, organizer: &str, more: u32) {
        if self.each.is_some() {
            let under_way = self.under_way.entry(organizer.to_owned()).or_default();
            *under_way = under_way.saturating_add(more);
        }
    }
}

/// What is due in one table, that has the columns `organizer` and `wake_at` and an index that begins with each.
pub(super) trait Due {
    /// What a row is named by.
    type Id: Copy + Ord;
    type Row;

    fn turns(&self) -> &Turns<Self::Id>;

    /// What is due, with its organizers, in the order of time, organizer and id: at most so much.
    async fn rows(&self, most: u32) -> Result<Vec<(String, Self::Id)>, StorageError>;

    /// Who has something due, the one first that has waited longest; one can be there more than once.
    async fn organizers(&self) -> Result<Vec<String>, StorageError>;

    /// Leases what is due of `share`, at most so much: each with the time that it has been due since.
    async fn lease(
        &self,
        share: &Share<Self::Id>,
        most: u32,
    ) -> Result<Vec<(Instant, Self::Id, Self::Row)>, StorageError>;
}

/// Leases at most `limit` of what is due, by turns, in the order of time and id; of each organizer as much as it has room for.
pub(super) async fn lease<D: Due>(due: &D, limit: u32, rooms: Option<&Rooms>) -> Result<Vec<D::Row>, StorageError> {
    let (mut found, mut fresh, mut rooms) = (Vec::new(), false, rooms.cloned().unwrap_or_default());
    loop {
        let left = limit - u32::try_from(found.len()).unwrap_or(limit);
        let turn = match due.turns().next(left, &mut rooms) {
            Next::Turn(turn) => turn,
            Next::NoRoom => break,
            Next::LookUp => {
                fresh = true;
                match due.turns().keep(look_up(due).await?, left, &mut rooms) {
                    Some(turn) => turn,
                    None => break,
                }
            }
        };
        let batch = due.lease(&turn.share, left).await?;
        let got = batch.len();
        found.extend(batch);
        if got >= left as usize || !due.turns().go_on(&turn, got, fresh) {
            break;
        }
    }
    found.sort_by_key(|(since, id, _)| (*since, *id));
    Ok(found.into_iter().map(|(_, _, row)| row).collect())
}

async fn look_up<D: Due>(due: &D) -> Result<Known<D::Id>, StorageError> {
    let rows = due.rows(KNOWN + 1).await?;
    if rows.len() <= KNOWN as usize {
        let rows = rows.into_iter().map(|(organizer, id)| (organizer, Some(id)));
        return Ok(Known::of(rows, true));
    }
    let organizers = due.organizers().await?.into_iter();
    Ok(Known::of(organizers.map(|organizer| (organizer, None)), false))
}

/// The turns at one table.
#[derive(Debug, Default)]
pub(super) struct Turns<Id> {
    round: Mutex<Round<Id>>,
}

#[derive(Debug, Default)]
struct Round<Id> {
    known: Known<Id>,
    /// Since when it is known; `None`: it is used for no other batch than the one it was looked up for.
    since: Option<Stopwatch>,
}

impl<Id> Round<Id> {
    /// Is what is known used although there is no room for any of it?
    fn is_used_without_room(&self) -> bool {
        let is_recent = |since: &Stopwatch| since.elapsed() < KEPT_WITHOUT_ROOM;
        !self.known.organizers.is_empty() && self.since.as_ref().is_some_and(is_recent)
    }
}

/// What was due when it was looked up.
#[derive(Debug, Default)]
struct Known<Id> {
    /// First whoever is next, each with the rows that no batch has taken yet.
    organizers: VecDeque<(String, VecDeque<Id>)>,
    /// The rows are known; else only whose they are.
    by_row: bool,
}

/// What one batch is for.
#[derive(Debug, PartialEq, Eq)]
struct Turn<Id> {
    share: Share<Id>,
    /// Nothing else can be leased, as far as is known: no other row, or of no other organizer.
    all: bool,
}

/// What comes next, by what is known.
enum Next<Id> {
    Turn(Turn<Id>),
    /// Whoever has something due has no room for it.
    NoRoom,
    /// Nothing is known, or not any more.
    LookUp,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Share<Id> {
    Rows(Vec<Id>),
    /// Of each of these organizers, at most so much.
    Organizers(Vec<String>, u32),
}

impl<Id: Copy> Turns<Id> {
    /// What `batch` is for by what was looked up before.
    fn next(&self, batch: u32, rooms: &mut Rooms) -> Next<Id> {
        let mut round = self.round();
        let age = round.since.map(|since| since.elapsed());
        if age.is_none_or(|age| age >= KEPT) {
            return Next::LookUp;
        }
        match round.known.next(batch, rooms) {
            Some(turn) => Next::Turn(turn),
            None if round.is_used_without_room() => Next::NoRoom,
            None => Next::LookUp,
        }
    }

    /// Keeps what is due, as was looked up, and answers what `batch` is for. None: nothing is due that there is room for.
    fn keep(&self, mut known: Known<Id>, batch: u32, rooms: &mut Rooms) -> Option<Turn<Id>> {
        let mut round = self.round();
        known.go_on_from(&round.known);
        *round = Round {
            known,
            since: Some(Stopwatch::now()),
        };
        round.known.next(batch, rooms)
    }

    /// Can there be more, after a turn that got less than was asked for? `fresh`: what is known was looked up for this batch.
    fn go_on(&self, turn: &Turn<Id>, got: usize, fresh: bool) -> bool {
        let mut round = self.round();
        match &turn.share {
            // Another host takes them as well.
            Share::Rows(_) if !turn.all => round.known.by_row = false,
            Share::Rows(_) if fresh => return false,
            // There was room for no more of what is known: the rest of it is for later batches.
            Share::Rows(rows) if got == rows.len() && round.is_used_without_room() => return false,
            Share::Organizers(_, each) if fresh && (got == 0 || (turn.all && got < *each as usize)) => return false,
            // What was looked up led to less than was asked for.
            Share::Rows(_) | Share::Organizers(..) => round.since = None,
        }
        true
    }

    fn round(&self) -> MutexGuard<'_, Round<Id>> {
        // A list that is taken from, row by row: whole at every moment.
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Id: Copy> Known<Id> {
    /// By what has been found, whoever has waited longest first.
    fn of(found: impl Iterator<Item = (String, Option<Id>)>, by_row: bool) -> Self {
        let mut organizers: VecDeque<(String, VecDeque<Id>)> = VecDeque::new();
        let mut places = HashMap::new();
        for (organizer, id) in found {
            let place = *places.entry(organizer).or_insert_with_key(|organizer: &String| {
                organizers.push_back((organizer.clone(), VecDeque::new()));
                organizers.len() - 1
            });
            organizers[place].1.extend(id);
        }
        Self { organizers, by_row }
    }

    /// Begins where the round before it has come to: with whoever was next.
    fn go_on_from(&mut self, before: &Self) {
        let next = before.organizers.front();
        let place = next.and_then(|(next, _)| self.organizers.iter().position(|(other, _)| other == next));
        self.organizers.rotate_left(place.unwrap_or(0));
    }

    fn next(&mut self, batch: u32, rooms: &mut Rooms) -> Option<Turn<Id>> {
        if !self.has_room(rooms) {
            return None;
        }
        let (share, all) = if self.by_row {
            let rows = self.take_rows(batch as usize, rooms);
            (Share::Rows(rows), !self.has_room(rooms))
        } else {
            self.some_of_each(batch.max(1), rooms)
        };
        Some(Turn { share, all })
    }

    fn has_room(&self, rooms: &Rooms) -> bool {
        self.organizers.iter().any(|(organizer, _)| rooms.left(organizer) > 0)
    }

    /// A row of each organizer that has room, and again, until there are so many.
    fn take_rows(&mut self, batch: usize, rooms: &mut Rooms) -> Vec<Id> {
        let (mut taken, mut full) = (Vec::new(), Vec::new());
        while taken.len() < batch
            && let Some((organizer, mut rows)) = self.organizers.pop_front()
        {
            if rooms.left(&organizer) == 0 {
                full.push((organizer, rows));
                continue;
            }
            rooms.take(&organizer, 1);
            taken.extend(rows.pop_front());
            if !rows.is_empty() {
                self.organizers.push_back((organizer, rows));
            }
        }
        self.organizers.extend(full);
        taken
    }

    /// Those that a batch is shared among; and whether these are all that have room.
    fn some_of_each(&mut self, batch: u32, rooms: &mut Rooms) -> (Share<Id>, bool) {
        // Those without room wait at the end.
        let (free, full): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.organizers)
            .into_iter()
            .partition(|(organizer, _)| rooms.left(organizer) > 0);
        let all = free.len();
        self.organizers = free;
        let most = all.min(batch as usize);
        let room = self
            .organizers
            .iter()
            .take(most)
            .map(|(organizer, _)| rooms.left(organizer));
        let room = room.min().unwrap_or(1);
        let each = batch.div_ceil(u32::try_from(most).unwrap_or(u32::MAX)).min(room);
        let turn = self.organizers.iter().take(most);
        let turn: Vec<String> = turn.map(|(organizer, _)| organizer.clone()).collect();
        for organizer in &turn {
            rooms.take(organizer, each);
        }
        // For the last ones the batch can be too small: the next one begins with them.
        self.organizers.rotate_left(most.min((batch / each) as usize));
        self.organizers.extend(full);
        (Share::Organizers(turn, each), most == all)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeSet;
    use std::rc::Rc;

    use super::*;

    fn rows(found: &[(&str, u8)]) -> Known<u8> {
        let found = found.iter().map(|&(organizer, id)| (organizer.to_owned(), Some(id)));
        Known::of(found, true)
    }

    fn organizers(found: &[&str]) -> Known<u8> {
        Known::of(found.iter().map(|&organizer| (organizer.to_owned(), None)), false)
    }

    fn turn(share: Share<u8>, all: bool) -> Option<Turn<u8>> {
        Some(Turn { share, all })
    }

    #[test]
    fn turns_go_round_and_a_batch_is_shared_among_those_it_is_for() {
        let mut round = organizers(&["a", "b", "a", "c"]);
        let of = |organizers: &[&str], each, all| {
            let organizers = organizers.iter().map(|&one| one.to_owned()).collect();
            turn(Share::Organizers(organizers, each), all)
        };
        let any = &mut Rooms::default();
        assert_eq!(round.next(2, any), of(&["a", "b"], 1, false));
        assert_eq!(round.next(2, any), of(&["c", "a"], 1, false));
        assert_eq!(round.next(9, any), of(&["b", "c", "a"], 3, true));
        let mut later = organizers(&["x", "b"]);
        later.go_on_from(&round);
        assert_eq!(later.next(1, any), of(&["b"], 1, false));
        assert_eq!(organizers(&[]).next(1, any), None);
    }

    #[test]
    fn whom_a_batch_has_no_room_for_is_first_in_the_next() {
        let mut round = organizers(&["a", "b", "c"]);
        let mut next = || match round.next(4, &mut Rooms::default())?.share {
            Share::Organizers(organizers, each) => Some((organizers[0].clone(), each)),
            Share::Rows(_) => None,
        };
        // Two each: with four in all, there is nothing for the third.
        assert_eq!(next(), Some(("a".to_owned(), 2)));
        assert_eq!(next(), Some(("c".to_owned(), 2)));
    }

    #[test]
    fn rows_that_are_known_are_taken_one_of_each_organizer_in_turn_and_each_once() {
        let mut round = rows(&[("a", 1), ("a", 2), ("a", 3), ("b", 4), ("a", 5), ("c", 6), ("b", 7)]);
        let of = |ids: &[u8], all| turn(Share::Rows(ids.to_vec()), all);
        let any = &mut Rooms::default();
        assert_eq!(round.next(4, any), of(&[1, 4, 6, 2], false));
        // What is looked up then goes on with whoever is next.
        let mut later = rows(&[("a", 3), ("a", 5), ("b", 7)]);
        later.go_on_from(&round);
        for mut round in [round, later] {
            assert_eq!(round.next(2, any), of(&[7, 3], false));
            assert_eq!(round.next(2, any), of(&[5], true));
            assert_eq!(round.next(2, any), None);
        }
    }

    #[test]
    fn an_organizer_gets_no_more_than_it_has_room_for_and_what_is_left_waits() {
        let full = |organizer: &str, under_way| Rooms::new(3, HashMap::from([(organizer.to_owned(), under_way)]));
        let mut round = rows(&[("a", 1), ("a", 2), ("a", 3), ("b", 4), ("a", 5), ("c", 6), ("b", 7)]);
        let of = |ids: &[u8], all| turn(Share::Rows(ids.to_vec()), all);
        let room = &mut full("a", 2);
        assert_eq!(round.next(9, room), of(&[1, 4, 6, 7], true), "one of a, all others");
        assert_eq!(round.next(9, room), None);
        assert!(room.is_any_full() && !full("a", 2).is_any_full());
        assert_eq!(round.next(9, &mut full("a", 3)), None);
        assert_eq!(round.next(9, &mut full("a", 1)), of(&[2, 3], true));

        let mut round = organizers(&["a", "b", "c"]);
        let of = |organizers: &[&str], each, all| {
            let organizers = organizers.iter().map(|&one| one.to_owned()).collect();
            turn(Share::Organizers(organizers, each), all)
        };
        let room = &mut full("a", 3);
        assert_eq!(round.next(8, room), of(&["b", "c"], 3, true));
        assert_eq!(round.next(8, room), None);
        assert_eq!(round.next(9, &mut full("b", 2)), of(&["b", "c", "a"], 1, true));
    }

    #[tokio::test]
    async fn a_host_whose_organizers_are_full_does_not_look_up_what_is_due_for_every_batch() {
        let (one, _) = two_hosts(1..=9);
        let full = |under_way| Rooms::new(3, HashMap::from([("a".to_owned(), under_way)]));
        assert_eq!(lease(&one, 9, Some(&full(1))).await.unwrap(), [1, 2]);
        assert_eq!(lease(&one, 9, Some(&full(3))).await.unwrap(), Vec::<u8>::new());
        assert_eq!(lease(&one, 9, Some(&full(2))).await.unwrap(), [3]);
        assert_eq!(one.looked_up.get(), 1);
        // Another host has taken one: there can be others that nobody here knows.
        one.table.borrow_mut().due.remove(&4);
        assert_eq!(lease(&one, 9, Some(&full(1))).await.unwrap(), [5]);
        assert_eq!(one.looked_up.get(), 2);
    }

    /// Rows that several hosts take, and those that one of them is just about to write.
    #[derive(Default)]
    struct Rows {
        due: BTreeSet<u8>,
        held: BTreeSet<u8>,
    }

    #[derive(Default)]
    struct Host {
        turns: Turns<u8>,
        table: Rc<RefCell<Rows>>,
        looked_up: Cell<u32>,
    }

    impl Due for Host {
        type Id = u8;
        type Row = u8;

        fn turns(&self) -> &Turns<u8> {
            &self.turns
        }

        async fn rows(&self, most: u32) -> Result<Vec<(String, u8)>, StorageError> {
            self.looked_up.set(self.looked_up.get() + 1);
            let due = self.table.borrow().due.clone().into_iter().take(most as usize);
            Ok(due.map(|id| ("a".to_owned(), id)).collect())
        }

        async fn organizers(&self) -> Result<Vec<String>, StorageError> {
            Ok(vec!["a".to_owned()])
        }

        async fn lease(&self, share: &Share<u8>, _: u32) -> Result<Vec<(Instant, u8, u8)>, StorageError> {
            let Rows { due, held } = &mut *self.table.borrow_mut();
            let chosen = match share {
                Share::Rows(ids) => ids.clone(),
                Share::Organizers(_, each) => due.difference(held).take(*each as usize).copied().collect(),
            };
            let taken = chosen.into_iter().filter(|id| !held.contains(id) && due.remove(id));
            Ok(taken.map(|id| (0, id, id)).collect())
        }
    }

    fn two_hosts(due: std::ops::RangeInclusive<u8>) -> (Host, Host) {
        let one = Host::default();
        one.table.borrow_mut().due.extend(due);
        let table = Rc::clone(&one.table);
        (
            one,
            Host {
                table,
                ..Host::default()
            },
        )
    }

    #[tokio::test]
    async fn what_another_host_has_taken_is_passed_over_and_nothing_is_looked_up_for_it() {
        let (one, other) = two_hosts(1..=12);
        assert_eq!(lease(&one, 2, None).await.unwrap(), [1, 2]);
        assert_eq!(lease(&other, 2, None).await.unwrap(), [3, 4]);
        assert_eq!(lease(&one, 3, None).await.unwrap(), [5, 6, 7]);
        assert_eq!(lease(&other, 3, None).await.unwrap(), [8, 9, 10]);
        assert_eq!((one.looked_up.get(), other.looked_up.get()), (1, 1));
        // What has become due since then is found at its end.
        one.table.borrow_mut().due.insert(13);
        assert_eq!(lease(&one, 9, None).await.unwrap(), [11, 12, 13]);
        assert_eq!(one.looked_up.get(), 2);
    }

    #[tokio::test]
    async fn what_another_host_is_at_is_left_to_it_and_not_waited_for() {
        let (one, _) = two_hosts(1..=9);
        one.table.borrow_mut().held.extend(1..=5);
        assert_eq!(lease(&one, 2, None).await.unwrap(), [6, 7]);
        assert_eq!(lease(&one, 9, None).await.unwrap(), [8, 9]);
        assert_eq!(lease(&one, 9, None).await.unwrap(), Vec::<u8>::new());
        assert_eq!(one.looked_up.get(), 3);
    }
}
