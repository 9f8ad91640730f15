use std::{fs, os::unix::fs::PermissionsExt, os::unix::net::UnixListener};

use crate::api::{ServeError, Socket};

#[tokio::test]
async fn the_directory_is_created_and_others_may_not_ask() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/api.sock");
    let socket = Socket::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    drop(socket);
    assert!(!path.exists(), "the socket goes with the daemon");
}

#[tokio::test]
async fn a_second_daemon_is_refused_and_the_first_keeps_its_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api.sock");
    let _first = Socket::open(&path).unwrap();
    let error = Socket::open(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("another daemon answers at {}", path.display()));
    assert!(error.hint().contains("--socket"));
    assert!(path.exists());
}

#[tokio::test]
async fn a_socket_that_a_killed_daemon_left_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    Socket::open(&path).unwrap();
}

#[tokio::test]
async fn a_file_in_the_way_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api.sock");
    fs::write(&path, "precious").unwrap();
    let error = Socket::open(&path).unwrap_err();
    assert!(matches!(error, ServeError::NotASocket { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}
