//! `cargo xtask demo`: the load balancer at work, with a backend that dies and comes back.
//!
//! A client, the load balancer and three web servers on one switch, each in a network namespace
//! of its own; the shipped binary with a real configuration file; real HTTP over real TCP. What
//! the demo made is gone when it ends: at its end, on an error, and on an interrupt.

mod keep;
mod ledger;
mod screen;
mod story;
mod summary;
mod traffic;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use loadbalancer_tests::{Config, Family, Forward, Lab, Service, ensure_root, leftovers};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::cargo::build_release;
use crate::report::say;
use crate::setup;
use ledger::Ledger;
use screen::Screen;
use story::Story;
use summary::Summary;
use traffic::Traffic;

/// Time between two looks at the daemon.
const LOOK: Duration = Duration::from_millis(100);

/// Exit status of a program that an interrupt ended, as shells expect it.
const INTERRUPTED: u8 = 130;

/// See the load balancer at work, in network namespaces on this machine.
///
/// Clients ask for pages all the time; a third into the demo a web server is killed, and a third
/// later it is started again. Fails when a request failed at any time but between the kill and
/// its detection.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// How long the clients ask, in seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(6..=600))]
    seconds: u64,
    /// Leave the hosts and the daemon up at the end, and say how to look around.
    #[arg(long)]
    keep: bool,
    /// Remove what earlier runs kept, and do nothing else.
    #[arg(long, conflicts_with_all = ["seconds", "keep", "json"])]
    clean: bool,
    /// Print nothing but a summary as JSON.
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(crate) fn run(self) -> Result<ExitCode> {
        ensure_root()?;
        if self.clean {
            let labs = leftovers::remove_kept()? + leftovers::remove_abandoned()?;
            say(&format!("removed {labs} kept or abandoned labs"))?;
            return Ok(ExitCode::SUCCESS);
        }
        let interrupted = interrupts()?;
        setup::ensure(setup::Needs::Lab)?;
        let binary = binary()?;
        let service = Service::web(Family::V4, Forward::Nat, 3);
        let url = service.url();
        let mut screen = Screen::new(self.json);
        screen.note("making a client, a load balancer and three web servers ...")?;
        let lab = Lab::with(Config::new([service])).binary(binary).start()?;
        let Some(summary) = self.play(&lab, &url, &interrupted, &mut screen)? else {
            drop(lab);
            screen.note("interrupted; everything is removed")?;
            return Ok(ExitCode::from(INTERRUPTED));
        };
        say(&if self.json { summary.json()? } else { summary.to_string() })?;
        if self.keep {
            screen.note(&keep::directions(&lab, &url)?)?;
            lab.keep()?;
        }
        Ok(if summary.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Lets the clients ask while the story goes on; `None` when it was interrupted.
    fn play(
        &self,
        lab: &Lab,
        url: &str,
        interrupted: &AtomicBool,
        screen: &mut Screen,
    ) -> Result<Option<Summary>> {
        let length = Duration::from_secs(self.seconds);
        let mut story = Story::new(length);
        let mut ledger = Ledger::default();
        let traffic = Traffic::start(lab.client(1)?, url)?;
        let mut second = Duration::from_secs(1);
        while traffic.elapsed() < length {
            if interrupted.load(Ordering::Relaxed) {
                return Ok(None);
            }
            thread::sleep(LOOK);
            ledger.requests.extend(traffic.finished());
            let stats = lab.stats()?;
            for event in story.go_on(lab, &stats, || traffic.elapsed())? {
                screen.event(event)?;
            }
            if traffic.elapsed() >= second {
                let row = ledger.second(traffic.elapsed(), &stats)?;
                screen.show(&row, length, story.events())?;
                second += Duration::from_secs(1);
            }
        }
        ledger.requests.extend(traffic.stop());
        Ok(Some(Summary::of(length, &ledger, &story)))
    }
}

/// A flag that is set by what ends programs politely.
fn interrupts() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&flag))
            .context("cannot listen for interrupts")?;
    }
    Ok(flag)
}

/// The binary that `LOADBALANCER_BIN` names, else what a build leaves.
fn binary() -> Result<PathBuf> {
    if env::var_os("LOADBALANCER_BIN").is_some() {
        return loadbalancer_tests::binary();
    }
    build_release()
}
