//! Who may have a request under way: strictly by lane, with places that only those who leave may have, and fewer for
//! everybody else while the app says that it is too many.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::base::lane::Lane;

/// The places there are and who waits for one. Pure: it tells who goes next and never waits itself.
#[derive(Debug)]
struct Board {
    all: usize,
    /// Those that everybody may have.
    open: usize,
    /// As many of them as the app bears: halved by a 429, one more after as many answers as there are.
    borne: usize,
    /// Answers since it was changed.
    answers: usize,
    /// How often it was halved.
    cuts: u32,
    leaving: usize,
    others: usize,
    waiting: [VecDeque<u64>; 4],
}

impl Board {
    /// Half of the places, rounded down, is for those who leave; a single one is everybody's.
    fn new(places: usize) -> Self {
        let all = places.max(1);
        let open = all - all / 2;
        Self {
            all,
            open,
            borne: open,
            answers: 0,
            cuts: 0,
            leaving: 0,
            others: 0,
            waiting: Default::default(),
        }
    }

    fn is_free(&self, lane: Lane) -> bool {
        let any = self.leaving + self.others < self.all;
        any && (lane == Lane::Leave || self.others < self.borne)
    }

    /// A request that was begun after `cuts` was answered, or refused as one too many. What was under way together is
    /// refused together, and halves it once.
    fn heard(&mut self, too_many: bool, cuts: u32) {
        if too_many && cuts == self.cuts {
            self.borne = (self.borne / 2).max(1);
            self.cuts += 1;
            self.answers = 0;
        } else if !too_many && self.borne < self.open {
            self.answers += 1;
            if self.answers >= self.borne {
                self.borne += 1;
                self.answers = 0;
            }
        }
    }

    fn enter(&mut self, lane: Lane) {
        match lane {
            Lane::Leave => self.leaving += 1,
            Lane::Update | Lane::Create | Lane::Rest => self.others += 1,
        }
    }

    /// Takes a place, or gets in line; tells whether it is taken.
    fn ask(&mut self, lane: Lane, ticket: u64) -> bool {
        let free = self.is_free(lane);
        if free {
            self.enter(lane);
        } else {
            self.line(lane).push_back(ticket);
        }
        free
    }

    /// Frees a place.
    fn leave(&mut self, lane: Lane) {
        let taken = match lane {
            Lane::Leave => &mut self.leaving,
            Lane::Update | Lane::Create | Lane::Rest => &mut self.others,
        };
        *taken = taken.saturating_sub(1);
    }

    /// Gives a place to whoever is next, where there is one for them.
    fn next(&mut self) -> Option<(Lane, u64)> {
        let lane = Lane::ALL.into_iter().find(|lane| !self.line(*lane).is_empty() && self.is_free(*lane))?;
        let ticket = self.line(lane).pop_front()?;
        self.enter(lane);
        Some((lane, ticket))
    }

    /// Gets out of line.
    fn give_up(&mut self, lane: Lane, ticket: u64) {
        self.line(lane).retain(|waiting| *waiting != ticket);
    }

    fn line(&mut self, lane: Lane) -> &mut VecDeque<u64> {
        let [leave, update, create, rest] = &mut self.waiting;
        match lane {
            Lane::Leave => leave,
            Lane::Update => update,
            Lane::Create => create,
            Lane::Rest => rest,
        }
    }
}

/// The places of one wire.
#[derive(Debug)]
pub(super) struct Places(Mutex<State>);

#[derive(Debug)]
struct State {
    board: Board,
    called: BTreeMap<u64, oneshot::Sender<Place>>,
    tickets: u64,
}

/// A place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    lane: Lane,
    /// How often the app had said that it is too many when this was taken.
    cuts: u32,
}

impl Place {
    /// The app answered what was sent from this place; `too_many`: with a 429.
    pub(super) fn heard(&self, too_many: bool) {
        self.places.state().board.heard(too_many, self.cuts);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.leave(self.lane);
    }
}

/// A place in line; given up when dropped.
struct InLine<'a> {
    places: &'a Places,
    lane: Lane,
    ticket: u64,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        let mut state = self.places.state();
        if state.called.remove(&self.ticket).is_some() {
            state.board.give_up(self.lane, self.ticket);
        }
    }
}

impl Places {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { board: Board::new(places), called: BTreeMap::new(), tickets: 0 })))
    }

    /// Waits for a place.
    pub(super) async fn take(self: &Arc<Self>, lane: Lane) -> Place {
        let (waiting, called) = {
            let mut state = self.state();
            state.tickets += 1;
            let ticket = state.tickets;
            if state.board.ask(lane, ticket) {
                return self.place(lane, &state);
            }
            let (call, called) = oneshot::channel();
            state.called.insert(ticket, call);
            (InLine { places: self, lane, ticket }, called)
        };
        let came = called.await;
        drop(waiting);
        // The sender goes with its call alone, so that it is never lost; a place made anew would be one too many.
        came.unwrap_or_else(|_| {
            let mut state = self.state();
            state.board.enter(lane);
            self.place(lane, &state)
        })
    }

    fn place(self: &Arc<Self>, lane: Lane, state: &State) -> Place {
        Place { places: Arc::clone(self), lane, cuts: state.board.cuts }
    }

    fn leave(self: &Arc<Self>, lane: Lane) {
        let mut calls = Vec::new();
        {
            let mut state = self.state();
            state.board.leave(lane);
            while let Some((lane, ticket)) = state.board.next() {
                if let Some(call) = state.called.remove(&ticket) {
                    calls.push((call, self.place(lane, &state)));
                }
            }
        }
        for (call, place) in calls {
            // Whoever stopped waiting this moment gives the place back by dropping it.
            drop(call.send(place));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::time::timeout;

    use super::*;

    #[test]
    fn half_of_the_places_is_for_those_who_leave() {
        for (places, open) in [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (16, 8)] {
            let mut board = Board::new(places);
            let taken = (0..20).filter(|ticket| board.ask(Lane::Rest, *ticket)).count();
            assert_eq!(taken, open, "{places} places");
            let leaving = (20..40).filter(|ticket| board.ask(Lane::Leave, *ticket)).count();
            assert_eq!(leaving, places.max(1) - open, "{places} places");
        }
    }

    #[test]
    fn a_free_place_goes_to_the_first_lane_and_there_to_the_first_in_line() {
        let mut board = Board::new(1);
        assert!(board.ask(Lane::Update, 0));
        let others =
            [(Lane::Rest, 1), (Lane::Create, 2), (Lane::Leave, 3), (Lane::Leave, 4), (Lane::Update, 5)];
        for (lane, ticket) in others {
            assert!(!board.ask(lane, ticket));
        }
        board.give_up(Lane::Create, 2);
        let mut before = Lane::Update;
        let order: Vec<u64> = std::iter::from_fn(|| {
            board.leave(before);
            let (lane, ticket) = board.next()?;
            before = lane;
            Some(ticket)
        })
        .collect();
        assert_eq!(order, [3, 4, 5, 1]);
    }

    #[test]
    fn a_429_halves_what_others_may_have_and_answers_bring_it_back() {
        let mut board = Board::new(16);
        let borne = |board: &Board| (board.borne, board.is_free(Lane::Leave));
        for _ in 0..8 {
            board.enter(Lane::Create);
        }
        for _ in 0..8 {
            board.heard(true, 0);
        }
        assert_eq!(borne(&board), (4, true), "they were refused together");
        for (cuts, left) in [(1, 2), (2, 1), (3, 1)] {
            board.heard(true, cuts);
            assert_eq!(borne(&board), (left, true));
        }
        assert!(!board.is_free(Lane::Update));
        for answers in 1..=28 {
            assert!(board.borne < 8, "after {answers} answers");
            board.heard(false, 0);
        }
        assert_eq!(board.borne, 8, "1 + 2 + 3 + 4 + 5 + 6 + 7 answers");
        board.heard(false, 0);
        assert_eq!(board.borne, 8, "never more than there are");
    }

    proptest! {
        /// Never more under way than there are places, never more others than are open, and nobody waits beside a
        /// place that is free for them.
        #[test]
        fn the_board_never_gives_too_many_and_never_keeps_a_free_place(
            places in 1_usize..6,
            steps in prop::collection::vec((0_usize..4, any::<bool>(), any::<bool>()), 1..200),
        ) {
            let mut board = Board::new(places);
            let mut inside: Vec<Lane> = Vec::new();
            for (number, (lane, comes, too_many)) in steps.into_iter().enumerate() {
                let lane = Lane::ALL[lane];
                if comes {
                    if board.ask(lane, number as u64) {
                        inside.push(lane);
                    }
                } else if let Some(place) = inside.iter().position(|held| *held == lane) {
                    board.heard(too_many, board.cuts);
                    board.leave(inside.remove(place));
                }
                while let Some((lane, _)) = board.next() {
                    inside.push(lane);
                }
                let others = inside.iter().filter(|lane| **lane != Lane::Leave).count();
                prop_assert!(inside.len() <= places && others <= places - places / 2);
                for lane in Lane::ALL {
                    prop_assert!(board.line(lane).is_empty() || !board.is_free(lane));
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stops_waiting_takes_no_place_with_them() {
        let places = Places::new(1);
        let held = places.take(Lane::Rest).await;
        let short = Duration::from_millis(5);
        assert!(timeout(short, places.take(Lane::Leave)).await.is_err());
        let (first, second) = (Arc::clone(&places), Arc::clone(&places));
        let waits = tokio::spawn(async move { first.take(Lane::Rest).await });
        let hurries = tokio::spawn(async move { second.take(Lane::Leave).await });
        tokio::task::yield_now().await;
        drop(held);
        let leaver = timeout(short, hurries).await.unwrap().unwrap();
        assert!(!waits.is_finished());
        drop(leaver);
        timeout(short, waits).await.unwrap().unwrap();
    }
}
