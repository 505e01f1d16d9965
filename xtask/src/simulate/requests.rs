//! Open requests, their commands, and at how many gateways a person has some.

use super::numbers::Nanos;
use std::collections::HashMap;

/// A command of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hold,
    Mark,
    Capture,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Command {
    /// The number of the request.
    pub(super) request: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) person: usize,
    /// The gateway that serves it.
    pub(super) gateway: usize,
    /// The gateway whose caller made it.
    pub(super) caller: usize,
    /// When its hold was asked for.
    pub(super) since: Nanos,
    /// Commands without an answer yet.
    asked: [bool; 3],
}

/// All open requests. A number is used again once its request has ended.
#[derive(Default)]
pub(super) struct Requests {
    all: Vec<Option<Request>>,
    free: Vec<usize>,
    /// Open requests of a person at a gateway, and gateways with such, by person.
    open: HashMap<(usize, usize), u32>,
    gateways: HashMap<usize, u32>,
    pub(super) asked: u64,
    pub(super) answered: u64,
    /// Answers that nobody waited for: none, or the simulation is wrong.
    pub(super) strays: u64,
}

impl Requests {
    /// Opens a request. Its number, and the gateways at which its person has open requests now.
    pub(super) fn open(&mut self, person: usize, gateway: usize, caller: usize, now: Nanos) -> (usize, u32) {
        let request = Request { person, gateway, caller, since: now, asked: [false; 3] };
        let number = self.free.pop().unwrap_or(self.all.len());
        match self.all.get_mut(number) {
            Some(place) => *place = Some(request),
            None => self.all.push(Some(request)),
        }
        let count = self.open.entry((person, gateway)).or_default();
        *count = count.saturating_add(1);
        let gateways = self.gateways.entry(person).or_default();
        if *count == 1 {
            *gateways = gateways.saturating_add(1);
        }
        (number, *gateways)
    }

    pub(super) fn get(&self, number: usize) -> Option<Request> {
        self.all.get(number).copied().flatten()
    }

    /// A command waits for its answer from now on.
    pub(super) fn ask(&mut self, command: Command) {
        self.asked = self.asked.saturating_add(1);
        if let Some(asked) = self.of(command) {
            *asked = true;
        }
    }

    /// A command is answered.
    pub(super) fn answer(&mut self, command: Command) {
        match self.of(command) {
            Some(asked) if *asked => {
                *asked = false;
                self.answered = self.answered.saturating_add(1);
            }
            _ => self.strays = self.strays.saturating_add(1),
        }
    }

    /// Ends a request.
    pub(super) fn close(&mut self, number: usize) -> Option<Request> {
        let request = self.all.get_mut(number)?.take()?;
        self.free.push(number);
        let key = (request.person, request.gateway);
        if lower(&mut self.open, &key) {
            lower(&mut self.gateways, &request.person);
        }
        Some(request)
    }

    /// Commands without an answer.
    pub(super) fn waiting(&self) -> u64 {
        self.asked.saturating_sub(self.answered)
    }

    fn of(&mut self, command: Command) -> Option<&mut bool> {
        let place = match command.kind {
            Kind::Hold => 0,
            Kind::Mark => 1,
            Kind::Capture => 2,
        };
        self.all.get_mut(command.request)?.as_mut()?.asked.get_mut(place)
    }
}

/// Lowers a count by one. Whether nothing is left of it; it is forgotten then.
fn lower<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, u32>, key: &K) -> bool {
    let Some(count) = counts.get_mut(key) else { return false };
    *count = count.saturating_sub(1);
    let is_over = *count == 0;
    if is_over {
        counts.remove(key);
    }
    is_over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_exposed_at_each_gateway_with_an_open_request() {
        let mut requests = Requests::default();
        let (first, at) = requests.open(9, 1, 1, 0);
        assert_eq!(at, 1);
        let (second, at) = requests.open(9, 1, 1, 0);
        assert_eq!(at, 1, "the same gateway");
        let (_third, at) = requests.open(9, 2, 2, 0);
        assert_eq!(at, 2);
        requests.close(first);
        requests.close(second);
        assert_eq!(requests.open(9, 2, 2, 0).1, 1, "none is left at the first");
    }

    #[test]
    fn an_answer_without_a_question_is_a_stray() {
        let mut requests = Requests::default();
        let (request, _) = requests.open(1, 1, 1, 0);
        let command = Command { request, kind: Kind::Hold };
        requests.ask(command);
        requests.answer(command);
        assert_eq!((requests.waiting(), requests.strays), (0, 0));
        requests.answer(command);
        assert_eq!(requests.strays, 1);
    }
}
