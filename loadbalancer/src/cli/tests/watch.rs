use super::{ExitStatus, PIPE, Shown, run_on};
use crate::{
    api::fake::{self, FakeDaemon},
    cli::Screen,
};

/// The output of a watch whose reader stops reading after so many writes.
async fn watched(shown: Shown, command: &str) -> String {
    let daemon = FakeDaemon::start();
    let ended = run_on(&daemon.socket(), shown, command).await;
    // Whoever closed the output has seen enough: no error, no panic.
    assert_eq!((ended.status, ended.errors.as_str()), (ExitStatus::Done, ""));
    ended.out
}

#[tokio::test]
async fn json_is_a_document_a_line() {
    let out = watched(Shown { writes: 3, ..PIPE }, "stats --watch 0.1 --json").await;
    assert_eq!(out.lines().count(), 3);
    for line in out.lines() {
        let stats: crate::stats::Stats = serde_json::from_str(line).unwrap();
        assert_eq!(stats, fake::stats(false));
    }
}

#[tokio::test]
async fn a_terminal_is_redrawn_in_place_and_never_scrolls() {
    let screen = Screen::Fixed { width: 80, height: 8 };
    let out = watched(Shown { screen, writes: 2, ..PIPE }, "stats --watch 0.1").await;
    let frames: Vec<_> = out.split("\x1b[H").collect();
    assert_eq!(frames[0], "\x1b[2J", "the screen is cleared once");
    assert_eq!(frames.len(), 3);
    for frame in &frames[1..] {
        assert!(frame.starts_with("up 1 h 2 m, interfaces: eth0 (native)\x1b[K\n"), "{frame:?}");
        assert!(frame.ends_with("... 18 more lines\x1b[K\n\x1b[J"), "{frame:?}");
        assert_eq!(frame.lines().count(), 7 + 1);
    }
}

#[tokio::test]
async fn in_a_pipe_one_text_follows_the_other() {
    let out = watched(Shown { writes: 3, ..PIPE }, "stats dns --watch 0.1").await;
    assert_eq!(out.matches("up 1 h 2 m").count(), 2);
    assert!(out.contains("\n\nup 1 h 2 m"), "{out}");
    assert!(!out.contains('\x1b'));
}
