//! The simulation: requests, lanes, transactions, and the database that they share.

use super::agenda::{Agenda, Event};
use super::cores::{Cores, Worker};
use super::disk::Disk;
use super::figures::{Counts, Figures};
use super::lane::{Lane, Spent, Stage};
use super::numbers::{MILLISECOND, Nanos, Random, SECOND, Window, hashed, wide};
use super::parameters::{Form, Parameters};
use super::people::People;
use super::requests::{Command, Kind, Request, Requests};
use super::rows::Rows;
use std::collections::VecDeque;

/// Callers begin within so long, so that they do not all ask at once for ever.
const BEGINNING: Nanos = 10 * MILLISECOND;
/// After so long a caller asks again whose hold was refused.
const PAUSE: Nanos = SECOND;

/// A database server.
struct Server {
    cores: Cores,
    disk: Disk,
}

/// Whether a transaction goes on at once, or an event will make it.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Waits,
}

/// A run.
pub(super) struct Model<'a> {
    parameters: &'a Parameters,
    window: Window,
    now: Nanos,
    agenda: Agenda,
    random: Random,
    people: People,
    requests: Requests,
    lanes: Vec<Lane>,
    /// For each gateway, the lanes whose batches wait for its thread. It is at the first one.
    threads: Vec<VecDeque<usize>>,
    servers: Vec<Server>,
    /// A row for each person: wallet and limits, which are locked together.
    wallets: Rows,
    /// A row for each shard: the accounts of the house and the head of the chain, which are locked together.
    heads: Rows,
    counts: Counts,
}

impl<'a> Model<'a> {
    pub(super) fn new(parameters: &'a Parameters) -> Self {
        let from = parameters.unmeasured();
        let window = Window { from, to: from.saturating_add(parameters.measured()) };
        let mut random = Random::new(parameters.seed);
        let people = People::new(parameters, &mut random);
        let of_gateway = || (0..parameters.shards).flat_map(|shard| std::iter::repeat_n(shard, parameters.writers));
        let cores: fn(usize, Window) -> Cores = if parameters.together { Cores::pinned } else { Cores::shared };
        let server = || Server { cores: cores(parameters.cores, window), disk: Disk::default() };
        Self {
            parameters,
            window,
            now: 0,
            agenda: Agenda::default(),
            random,
            people,
            requests: Requests::default(),
            lanes: (0..parameters.gateways).flat_map(|_| of_gateway()).map(Lane::new).collect(),
            threads: std::iter::repeat_with(VecDeque::new).take(parameters.gateways).collect(),
            servers: std::iter::repeat_with(server).take(parameters.servers()).collect(),
            wallets: Rows::new(parameters.persons, window),
            heads: Rows::new(parameters.shards, window),
            counts: Counts::default(),
        }
    }

    /// Runs to the end of the measured part, and on until every command is answered.
    pub(super) fn run(mut self) -> Figures {
        self.agenda.add(self.window.to, Event::End);
        if self.parameters.requests_a_second().is_some() {
            self.agenda.add(0, Event::Arrive);
        } else {
            for gateway in 0..self.parameters.gateways {
                for _ in 0..self.parameters.callers {
                    let at = self.random.below(BEGINNING);
                    self.agenda.add(at, Event::Begin { gateway });
                }
            }
        }
        while let Some((at, event)) = self.agenda.next() {
            self.now = at;
            self.happen(event);
        }
        self.counts.asked = self.requests.asked;
        self.counts.answered = self.requests.answered;
        self.counts.strays = self.requests.strays;
        self.counts.head_locked = self.heads.total();
        self.counts.wallet_locked = self.wallets.longest();
        self.counts.cores_busy = self.servers.iter().map(|server| server.cores.busy()).fold(0, Nanos::saturating_add);
        self.counts.unflushed = self.servers.iter().map(|server| server.disk.unflushed_max()).max().unwrap_or_default();
        Figures::of(self.parameters, self.window, self.counts)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive => self.arrive(),
            Event::Begin { gateway } => self.begin(gateway),
            Event::Ask(command) => self.ask(command),
            Event::Turn { lane } => self.turn(lane),
            Event::Step { lane } => self.advance(lane),
            Event::Slice { server, slice } => {
                let next = self.servers[server].cores.end(slice, self.now);
                if let Some(slice) = next {
                    self.add_after(slice.length, Event::Slice { server, slice });
                }
                match slice.worker {
                    _ if slice.left > 0 => {}
                    Worker::Lane(lane) => self.advance(lane),
                    Worker::Gateway(gateway) => self.decided(gateway),
                }
            }
            Event::Decided { gateway } => self.decided(gateway),
            Event::Flushed { server } => self.flushed(server),
            Event::WalWriter { server } => {
                if self.servers[server].disk.look() {
                    self.flush(server);
                }
            }
            Event::End => self.counts.waiting = self.requests.waiting(),
        }
    }

    fn add_after(&mut self, delay: Nanos, event: Event) {
        self.agenda.add(self.now.saturating_add(delay), event);
    }

    fn is_measured(&self) -> bool {
        self.window.contains(self.now)
    }

    /// A request from outside, and the time of the next one: between none and twice the average.
    fn arrive(&mut self) {
        let Some(average) = self.parameters.requests_a_second().and_then(|rate| SECOND.checked_div(rate)) else {
            return;
        };
        let gateway = self.random.place(self.parameters.gateways);
        self.begin(gateway);
        let pause = self.random.below(average.saturating_mul(2).saturating_add(1));
        if self.now < self.window.to {
            self.add_after(pause, Event::Arrive);
        }
    }

    /// Begins a request, unless the run is over.
    fn begin(&mut self, caller: usize) {
        if self.now >= self.window.to {
            return;
        }
        let person = self.people.draw(&mut self.random);
        let gateway = if self.parameters.affinity { self.people.home(person) } else { caller };
        let (request, gateways) = self.requests.open(person, gateway, caller, self.now);
        if self.is_measured() {
            self.counts.exposed_gateways = self.counts.exposed_gateways.max(gateways);
        }
        self.ask(Command { request, kind: Kind::Hold });
    }

    /// Puts a command into the queue of its lane.
    fn ask(&mut self, command: Command) {
        let Some(request) = self.requests.get(command.request) else { return };
        let Parameters { shards, writers, .. } = *self.parameters;
        let shard = self.people.shard(request.person);
        let writer = hashed(request.person, request.gateway, writers);
        let lane = (request.gateway * shards + shard) * writers + writer;
        self.requests.ask(command);
        if self.lanes[lane].put(command) {
            self.call(lane);
            return;
        }
        self.requests.answer(command);
        self.requests.close(command.request);
        self.counts.refused += u64::from(self.is_measured());
        if self.parameters.requests_a_second().is_none() {
            self.add_after(PAUSE, Event::Begin { gateway: request.caller });
        }
    }

    /// Makes a lane look into its queue, after everything else that happens now.
    fn call(&mut self, lane: usize) {
        let state = &mut self.lanes[lane];
        if state.is_ready() && !state.is_called {
            state.is_called = true;
            self.add_after(0, Event::Turn { lane });
        }
    }

    /// Sends the next batch.
    fn turn(&mut self, lane: usize) {
        let state = &mut self.lanes[lane];
        state.is_called = false;
        if !state.is_ready() {
            return;
        }
        state.take(self.parameters.batch_max);
        let persons = state.batch.iter().filter_map(|command| Some(self.requests.get(command.request)?.person));
        state.accounts.clear();
        state.accounts.extend(persons);
        state.accounts.sort_unstable();
        state.accounts.dedup();
        self.spend(lane, Spent::Trips);
        self.add_after(self.parameters.round_trip() / 2, Event::Step { lane });
    }

    /// The transaction of a lane spends its time with something from now on.
    fn spend(&mut self, lane: usize, next: Spent) {
        self.lanes[lane].spends = (next, self.now);
    }

    /// Goes on with a transaction until it has to wait.
    fn advance(&mut self, lane: usize) {
        let (spent, since) = self.lanes[lane].spends;
        self.counts.times.add(spent, self.window.overlap(since, self.now));
        while self.step(lane) == Flow::On {}
    }

    fn step(&mut self, lane: usize) -> Flow {
        let Lane { batch, captures, accounts, .. } = &self.lanes[lane];
        let (commands, captures, persons) = (batch.len(), *captures, accounts.len());
        let (of_batch, of_rows) = (self.parameters.batch_half(), self.parameters.apply_half(commands));
        let (of_persons, end) = (self.parameters.persons_half(persons), self.parameters.end_work());
        let is_early = self.parameters.commit_form == Form::Early && self.parameters.is_durable(captures);
        let (there, whole) = (self.parameters.round_trip() / 2, self.parameters.round_trip());
        match self.lanes[lane].stage {
            Stage::Idle => Flow::Waits,
            Stage::Begin => self.work(lane, of_batch, Stage::Lock),
            Stage::Lock => self.lock(lane),
            Stage::Read => self.work(lane, of_rows + of_persons, Stage::Answered),
            Stage::Answered => self.wait(lane, Spent::Trips, whole.saturating_sub(there), Stage::Decide),
            Stage::Decide => self.decide(lane),
            Stage::Send => self.wait(lane, Spent::Trips, there, Stage::Write),
            Stage::Write => {
                let balances = if captures == 0 { of_persons } else { 0 };
                self.work(lane, of_batch + of_rows + balances, Stage::LockHead)
            }
            Stage::LockHead => self.lock_head(lane, captures, Rows::lock),
            Stage::Woken => self.work(lane, self.parameters.wait_work(), Stage::LockAgain),
            Stage::LockAgain => self.lock_head(lane, captures, Rows::lock_again),
            Stage::Enter => {
                let work = self.parameters.head_work(captures, persons) + if is_early { end } else { 0 };
                self.work(lane, work, Stage::Apart)
            }
            Stage::Apart => {
                let trip = if self.parameters.commit_form == Form::Apart { whole } else { 0 };
                self.wait(lane, Spent::Trips, trip, Stage::Commit)
            }
            Stage::Commit => self.commit(lane, captures),
            Stage::Standby => {
                let next = if is_early { Stage::Return } else { Stage::Finish };
                self.wait(lane, Spent::Disk, self.parameters.standby(), next)
            }
            Stage::Finish => self.work(lane, end, Stage::Release),
            Stage::Release => {
                self.release(lane, captures);
                self.lanes[lane].stage = Stage::Return;
                Flow::On
            }
            Stage::Return => self.wait(lane, Spent::Trips, whole.saturating_sub(there), Stage::Answer),
            Stage::Answer => {
                self.answer(lane);
                Flow::Waits
            }
        }
    }

    /// Waits for a time.
    fn wait(&mut self, lane: usize, spent: Spent, time: Nanos, next: Stage) -> Flow {
        self.lanes[lane].stage = next;
        if time == 0 {
            return Flow::On;
        }
        self.spend(lane, spent);
        self.add_after(time, Event::Step { lane });
        Flow::Waits
    }

    /// Uses the cores of the lane's server.
    fn work(&mut self, lane: usize, work: Nanos, next: Stage) -> Flow {
        self.lanes[lane].stage = next;
        if work == 0 {
            return Flow::On;
        }
        self.spend(lane, Spent::Cores);
        let server = self.server(lane);
        self.compute(server, Worker::Lane(lane), work);
        Flow::Waits
    }

    fn compute(&mut self, server: usize, worker: Worker, work: Nanos) {
        if let Some(slice) = self.servers[server].cores.begin(worker, work, self.now) {
            self.add_after(slice.length, Event::Slice { server, slice });
        }
    }

    /// Gives the batch of a lane to the thread of its gateway.
    fn decide(&mut self, lane: usize) -> Flow {
        self.lanes[lane].stage = Stage::Send;
        if self.parameters.client_work(1) == 0 {
            return Flow::On;
        }
        let Parameters { shards, writers, together, .. } = *self.parameters;
        self.spend(lane, if together { Spent::Cores } else { Spent::Trips });
        let gateway = lane / (shards * writers);
        let thread = &mut self.threads[gateway];
        thread.push_back(lane);
        if thread.len() == 1 {
            self.think(gateway);
        }
        Flow::Waits
    }

    /// The thread of a gateway begins with the first batch that waits for it.
    fn think(&mut self, gateway: usize) {
        let Some(lane) = self.threads[gateway].front().copied() else { return };
        let work = self.parameters.client_work(self.lanes[lane].batch.len());
        if self.parameters.together {
            self.compute(self.server(lane), Worker::Gateway(gateway), work);
        } else {
            self.add_after(work, Event::Decided { gateway });
        }
    }

    /// The thread of a gateway is done with a batch.
    fn decided(&mut self, gateway: usize) {
        let done = self.threads[gateway].pop_front();
        self.think(gateway);
        if let Some(lane) = done {
            self.advance(lane);
        }
    }

    fn server(&self, lane: usize) -> usize {
        self.lanes[lane].shard % self.servers.len().max(1)
    }

    /// Locks the accounts that decide, in order, until one is locked by another transaction.
    fn lock(&mut self, lane: usize) -> Flow {
        let state = &mut self.lanes[lane];
        while let Some(account) = state.next_account() {
            if !self.wallets.lock(account, lane, self.now) {
                state.spends = (Spent::Wallets, self.now);
                return Flow::Waits;
            }
            state.locked += 1;
        }
        state.stage = Stage::Read;
        Flow::On
    }

    /// Locks the accounts of the house and the head, where the batch has entries. Who has waited is woken, and has to try again.
    fn lock_head(&mut self, lane: usize, captures: usize, lock: fn(&mut Rows, usize, usize, Nanos) -> bool) -> Flow {
        let state = &mut self.lanes[lane];
        if captures == 0 {
            state.stage = Stage::Apart;
            return Flow::On;
        }
        state.spends = (Spent::Head, self.now);
        let is_locked = lock(&mut self.heads, state.shard, lane, self.now);
        state.stage = if is_locked { Stage::Enter } else { Stage::Woken };
        if is_locked { Flow::On } else { Flow::Waits }
    }

    fn commit(&mut self, lane: usize, captures: usize) -> Flow {
        let is_durable = self.parameters.is_durable(captures);
        if is_durable && self.parameters.commit_form == Form::Early {
            self.release(lane, captures);
        }
        let server = self.server(lane);
        let disk = &mut self.servers[server].disk;
        disk.write(wide(self.lanes[lane].batch.len()));
        if is_durable {
            self.lanes[lane].stage = Stage::Standby;
            self.lanes[lane].spends = (Spent::Disk, self.now);
            if disk.commit(lane) {
                self.flush(server);
            }
            return Flow::Waits;
        }
        disk.accept(wide(captures));
        self.watch(server);
        self.lanes[lane].stage = Stage::Finish;
        Flow::On
    }

    /// A flush of a server's disk has begun.
    fn flush(&mut self, server: usize) {
        let files = self.servers[server].disk.files();
        self.add_after(self.parameters.flush(files), Event::Flushed { server });
    }

    /// Puts the next look of a server's WAL writer on the agenda, where something is left for it.
    fn watch(&mut self, server: usize) {
        let disk = &mut self.servers[server].disk;
        if disk.unflushed() > 0 && !disk.is_watched {
            disk.is_watched = true;
            let pause = self.parameters.wal_writer();
            let rest = self.now.checked_rem(pause).unwrap_or_default();
            self.add_after(pause.saturating_sub(rest), Event::WalWriter { server });
        }
    }

    fn flushed(&mut self, server: usize) {
        let (lanes, goes_on) = self.servers[server].disk.done();
        if goes_on {
            self.flush(server);
        }
        self.watch(server);
        for lane in lanes {
            self.advance(lane);
        }
    }

    /// Ends the locks of a transaction. Who waited for one goes on after everything else that happens now.
    fn release(&mut self, lane: usize, captures: usize) {
        let accounts = std::mem::take(&mut self.lanes[lane].accounts);
        for account in &accounts {
            if let Some(next) = self.wallets.release(*account, self.now) {
                self.lanes[next].locked += 1;
                self.add_after(0, Event::Step { lane: next });
            }
        }
        self.lanes[lane].accounts = accounts;
        if captures > 0
            && let Some(next) = self.heads.wake(self.lanes[lane].shard, self.now)
        {
            self.add_after(0, Event::Step { lane: next });
        }
        if self.is_measured() {
            self.counts.commits += 1;
            self.counts.commands += wide(self.lanes[lane].batch.len());
            self.counts.head_commits += u64::from(captures > 0);
        }
    }

    /// Answers every command of a batch; then the lane takes what waits.
    fn answer(&mut self, lane: usize) {
        let mut batch = std::mem::take(&mut self.lanes[lane].batch);
        self.lanes[lane].stage = Stage::Idle;
        for command in batch.drain(..) {
            self.requests.answer(command);
            match command.kind {
                Kind::Hold => self.held(command.request),
                Kind::Mark => {}
                Kind::Capture => self.captured(command.request),
            }
        }
        self.lanes[lane].batch = batch;
        self.call(lane);
    }

    /// A hold is answered: its request is marked and sent, and captured later.
    fn held(&mut self, request: usize) {
        let Some(Request { since, .. }) = self.requests.get(request) else { return };
        if self.is_measured() {
            self.counts.holds.push(self.now.saturating_sub(since));
        }
        if self.parameters.mark {
            self.add_after(0, Event::Ask(Command { request, kind: Kind::Mark }));
        }
        let average = self.parameters.request_time();
        let time = self.random.below(average.saturating_mul(2).saturating_add(1));
        let pause = self.pause();
        self.add_after(time.saturating_add(pause), Event::Ask(Command { request, kind: Kind::Capture }));
    }

    /// How long a caller takes after an answer.
    fn pause(&mut self) -> Nanos {
        self.random.below(self.parameters.caller().saturating_mul(2).saturating_add(1))
    }

    /// A capture is answered: the request has ended, and its caller begins the next one.
    fn captured(&mut self, request: usize) {
        let Some(Request { caller, .. }) = self.requests.close(request) else { return };
        self.counts.pairs += u64::from(self.is_measured());
        if self.parameters.requests_a_second().is_none() {
            let pause = self.pause();
            self.add_after(pause, Event::Begin { gateway: caller });
        }
    }
}
