//! PostgreSQL behind a VIP: long sessions, bulk data in both directions, many clients at a time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{Config, Family, Forward, Host, Lab, Service, stats};

use crate::modes::{for_both_families, in_every_mode};

/// Queries of one session.
const QUERIES: usize = 100;

/// Rows of the bulk data, which are some 10 MB.
const ROWS: usize = 100_000;

/// Sessions that are open at the same time.
const SESSIONS: usize = 12;

/// Asks a server which backend it is.
const WHO: &str = "select current_setting('cluster_name')";

#[test]
fn a_session_of_a_hundred_queries_stays_with_its_backend() -> Result<()> {
    in_every_mode(|forward| {
        let lab = lab(forward)?;
        for_both_families(|family| {
            let mut session = Session::open(lab.client(1)?, family)?;
            let backend = session.ask(WHO)?;
            for number in 0..QUERIES {
                let answer = session.ask(&format!("{WHO} || ' ' || {number} * 2"))?;
                assert_eq!(answer, format!("{backend} {}", number * 2));
            }
            session.close()?;
            assert_eq!(connections(&lab, family)?, 1, "connections that `stats` counted");
            Ok(())
        })
    })
}

#[test]
fn ten_megabytes_are_copied_in_and_out_unchanged() -> Result<()> {
    in_every_mode(|forward| {
        let lab = lab(forward)?;
        let directory = lab.network().name().directory();
        let (to, from) = (directory.join("in.csv"), directory.join("out.csv"));
        let rows = rows();
        fs::write(&to, &rows)?;
        for_both_families(|family| {
            let script = format!(
                "create temporary table t (id integer, content text);
\\copy t from '{}' csv
\\copy (select * from t order by id) to '{}' csv
select count(*) from t;
",
                to.display(),
                from.display()
            );
            let file = directory.join("copy.sql");
            fs::write(&file, script)?;
            let mut psql = psql(lab.client(1)?, family);
            let counted = loadbalancer_tests::run(psql.arg("--file").arg(&file))?.success()?;
            assert_eq!(counted.trim(), ROWS.to_string());
            ensure!(fs::read(&from)? == rows.as_bytes(), "not what was copied in");
            Ok(())
        })
    })
}

#[test]
fn sessions_that_are_open_at_the_same_time_share_the_backends() -> Result<()> {
    in_every_mode(|forward| {
        let lab = lab(forward)?;
        for_both_families(|family| {
            let client = lab.client(1)?;
            let mut sessions =
                (0..SESSIONS).map(|_| Session::open(client, family)).collect::<Result<Vec<_>>>()?;
            let ask_all = |sessions: &mut [Session]| {
                sessions.iter_mut().map(|session| session.ask(WHO)).collect::<Result<Vec<_>>>()
            };
            let first = ask_all(&mut sessions)?;
            let backends: BTreeSet<&String> = first.iter().collect();
            ensure!(backends.len() > 1, "all {SESSIONS} sessions are on {backends:?}");
            for _ in 0..5 {
                assert_eq!(ask_all(&mut sessions)?, first);
            }
            sessions.into_iter().try_for_each(Session::close)?;
            assert_eq!(connections(&lab, family)?, SESSIONS as u64);
            Ok(())
        })
    })
}

/// A run of psql that is asked one query after the other, over one connection.
struct Session {
    psql: Child,
    queries: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Session {
    fn open(client: &Host, family: Family) -> Result<Self> {
        let mut command = psql(client, family);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut psql = command.spawn().context("cannot start psql")?;
        let queries = psql.stdin.take();
        let answers = BufReader::new(psql.stdout.take().context("psql has no output")?);
        Ok(Self { psql, queries, answers })
    }

    /// The answer to a query for one value.
    fn ask(&mut self, query: &str) -> Result<String> {
        writeln!(self.queries.as_mut().context("the session is closed")?, "{query};")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        ensure!(line.ends_with('\n'), "no answer to {query}; psql wrote {line:?}");
        Ok(line.trim_end().to_owned())
    }

    /// Ends the session in order.
    fn close(mut self) -> Result<()> {
        self.queries = None;
        let status = self.psql.wait()?;
        ensure!(status.success(), "psql ended with {status}");
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // After `close` it has ended, and both fail.
        self.psql.kill().ok();
        self.psql.wait().ok();
    }
}

/// A psql that prints values only, and ends at the first failure.
fn psql(client: &Host, family: Family) -> Command {
    let vip = Service::postgres(family, Forward::Nat, 0).address;
    let (host, port) = (vip.ip(), vip.port());
    let target = format!(
        "host={host} port={port} user=postgres dbname=postgres connect_timeout=5 sslmode=disable"
    );
    let mut psql = client.namespace().command("timeout");
    psql.args(["--signal=KILL", "60", "psql", &target, "--no-psqlrc", "--quiet"]);
    psql.args(["--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]);
    // The lab's client is nobody's home.
    psql.env("HOME", PathBuf::from("/nonexistent")).env_remove("PGOPTIONS");
    psql
}

/// Rows that no two are alike, in the order and form in which they come back.
fn rows() -> String {
    let mut rows = String::new();
    for number in 0..ROWS {
        // A String takes all.
        writeln!(rows, "{number},{:x<90}", format!("row {number} ")).ok();
    }
    rows
}

/// Three backends with PostgreSQL, behind a VIP of each family.
fn lab(forward: Forward) -> Result<Lab> {
    let services =
        Family::BOTH.map(|family| Service::postgres(family, forward, 3).named(name_of(family)));
    Lab::with(Config::new(services)).start()
}

fn name_of(family: Family) -> &'static str {
    match family {
        Family::V4 => "postgres-4",
        Family::V6 => "postgres-6",
    }
}

fn connections(lab: &Lab, family: Family) -> Result<u64> {
    stats::counter(stats::service(&lab.stats()?, name_of(family))?, "connections")
}
