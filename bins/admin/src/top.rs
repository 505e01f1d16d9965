//! `top`: a view of the requests of the last minute, drawn anew each second.

use crate::client::Place;
use crate::error::AdminError;
use crate::follow::Lines;
use crate::output::{Reading, print, print_line, report_note};
use crate::top_screen;
use crate::top_state::{Grouping, Top};
use clap::Args;
use opencredits_api::admin::FollowRequest;
use opencredits_service::Clock;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::io::IsTerminal;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often it is drawn.
const DRAWN_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether keys are waited for still.
const KEY_POLL: Duration = Duration::from_millis(100);
/// Keys that are pressed ahead.
const KEYS_MAX: usize = 16;

/// What is shown, and how.
#[derive(Args, Clone)]
pub(crate) struct TopArguments {
    /// By what requests are grouped.
    #[arg(long, value_name = "WHAT", default_value = "model")]
    by: Grouping,
    /// Watches for --seconds, prints one screen as text, and ends. So it does where the output is no terminal.
    #[arg(long)]
    once: bool,
    /// For how long --once watches.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    seconds: u16,
}

/// Shows the requests of the gateway until a key or the gateway ends it.
pub(crate) async fn top(
    place: &Place,
    arguments: &TopArguments,
    is_json: bool,
    clock: &dyn Clock,
) -> Result<(), AdminError> {
    let lines = Lines::open(place, &FollowRequest { open: true, ..FollowRequest::default() }).await?;
    let shown = Shown { top: Top::new(clock.now()), lines, by: arguments.by, clock };
    if arguments.once || !(is_json || std::io::stdout().is_terminal()) {
        return shown.once(Duration::from_secs(arguments.seconds.into()), is_json).await;
    }
    if is_json {
        return shown.print_json().await;
    }
    let mut terminal = ratatui::try_init().map_err(terminal_failed)?;
    let ended = shown.on(&mut terminal).await;
    ratatui::restore();
    if ended? == End::Gateway {
        report_note("the gateway has ended");
    }
    Ok(())
}

fn terminal_failed(source: std::io::Error) -> AdminError {
    AdminError::File { path: "the terminal".into(), source }
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Person,
    Gateway,
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Group(Grouping),
    Redraw,
    Quit,
}

struct Shown<'a> {
    top: Top,
    lines: Lines,
    by: Grouping,
    clock: &'a dyn Clock,
}

impl Shown<'_> {
    /// Takes lines until one of them is the last.
    async fn take_all(&mut self) -> Result<(), AdminError> {
        while let Some(line) = self.lines.next().await {
            self.top.take(line?, self.clock.now());
        }
        Ok(())
    }

    async fn once(mut self, time: Duration, is_json: bool) -> Result<(), AdminError> {
        tokio::select! {
            ended = self.take_all() => ended?,
            () = sleep(time) => {}
        }
        let view = self.top.view(self.by, self.clock.now());
        print(&if is_json { serde_json::to_string_pretty(&view)? } else { top_screen::text(&view) })
    }

    /// Prints a line of JSON each second.
    async fn print_json(mut self) -> Result<(), AdminError> {
        loop {
            tokio::select! {
                ended = self.take_all() => return ended,
                _pressed = tokio::signal::ctrl_c() => return Ok(()),
                () = sleep(DRAWN_EVERY) => {}
            }
            let view = self.top.view(self.by, self.clock.now());
            if print_line(&serde_json::to_string(&view)?)? == Reading::Ended {
                return Ok(());
            }
        }
    }

    async fn on(mut self, terminal: &mut DefaultTerminal) -> Result<End, AdminError> {
        let mut keys = keys();
        let mut ticks = interval(DRAWN_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let command = tokio::select! {
                line = self.lines.next() => match line.transpose()? {
                    Some(line) => {
                        self.top.take(line, self.clock.now());
                        continue;
                    }
                    None => return Ok(End::Gateway),
                },
                _tick = ticks.tick() => Command::Redraw,
                command = keys.recv() => command.unwrap_or(Command::Quit),
            };
            match command {
                Command::Quit => return Ok(End::Person),
                Command::Group(by) => self.by = by,
                Command::Redraw => {}
            }
            let view = self.top.view(self.by, self.clock.now());
            let drawn = terminal.draw(|frame| top_screen::draw(&view, frame.area(), frame.buffer_mut()));
            drawn.map_err(terminal_failed)?;
        }
    }
}

/// What is pressed, read on a thread that ends once nobody listens.
fn keys() -> mpsc::Receiver<Command> {
    let (sender, keys) = mpsc::channel(KEYS_MAX);
    let _read = tokio::task::spawn_blocking(move || {
        while !sender.is_closed() {
            let command = match event::poll(KEY_POLL) {
                Ok(false) => continue,
                Ok(true) => event::read().map(|event| command_of(&event)),
                Err(error) => Err(error),
            };
            match command {
                Ok(None) => {}
                Ok(Some(command)) if sender.blocking_send(command).is_ok() => {}
                // Without keys nobody could end it.
                Ok(Some(_)) | Err(_) => return,
            }
        }
    });
    keys
}

fn command_of(event: &Event) -> Option<Command> {
    let KeyEvent { code, modifiers, .. } = match event {
        Event::Resize(..) => return Some(Command::Redraw),
        Event::Key(key) if key.kind == KeyEventKind::Press => *key,
        _ => return None,
    };
    Some(match code {
        KeyCode::Char('c' | 'd') if modifiers.contains(KeyModifiers::CONTROL) => Command::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Command::Quit,
        KeyCode::Char('m') => Command::Group(Grouping::Model),
        KeyCode::Char('v') => Command::Group(Grouping::Vendor),
        KeyCode::Char('p') => Command::Group(Grouping::Partner),
        _ => return None,
    })
}
