use std::path::Path;

use super::{ExitStatus, PIPE, run, run_on};

#[tokio::test]
async fn a_refusal_is_one_clear_line_and_what_to_do() {
    let ended = run("backend add web 300.1.1.1:80").await;
    assert_eq!(ended.status, ExitStatus::Failed);
    assert_eq!(ended.out, "");
    let expected = "\
error: service web: \"300.1.1.1:80\" is not an address
  hint: write it as `10.0.0.11:8080` or `[2001:db8::11]:8080`
";
    assert_eq!(ended.errors, expected);
}

#[tokio::test]
async fn names_that_are_not_there_are_refused() {
    let expected = "\
error: there is no service nobody
  hint: `loadbalancer service list` shows the services
";
    let commands = [
        "service show nobody",
        "service remove nobody",
        "backend list nobody",
        "backend add nobody 10.0.0.14",
        "backend drain nobody web-1",
        "stats nobody",
        "health nobody",
    ];
    for command in commands {
        let ended = run(command).await;
        assert_eq!(ended.status, ExitStatus::Failed, "{command}");
        assert_eq!(ended.errors, expected, "{command}");
    }
}

#[tokio::test]
async fn without_a_daemon_the_socket_is_named() {
    let commands = ["status", "stats", "stats --watch", "--json service list", "reload"];
    for command in commands {
        let ended = run_on(Path::new("/nonexistent/api.sock"), PIPE, command).await;
        assert_eq!(ended.status, ExitStatus::NoDaemon, "{command}");
        let expected = "\
error: no daemon answers at /nonexistent/api.sock
  because: No such file or directory (os error 2)
  hint: start it with `loadbalancer run`, or name its socket with `--socket`
";
        assert_eq!((ended.out.as_str(), ended.errors.as_str()), ("", expected), "{command}");
    }
}

#[tokio::test]
async fn a_wrong_command_line_has_a_status_of_its_own() {
    let commands = [
        "fly",
        "service add",
        "service add web --address 192.0.2.10:80 --protocol sctp",
        "backend set web web-1",
        "backend set web web-1 --weight heavy",
        "firewall add bad --action drop",
        "stats --watch 0",
        "stats --watch forever",
    ];
    for command in commands {
        let ended = run(command).await;
        assert_eq!(ended.status, ExitStatus::Usage, "{command}");
        assert_eq!(ended.out, "", "{command}");
        assert!(ended.errors.starts_with("error: "), "{command}: {}", ended.errors);
    }
}

#[tokio::test]
async fn a_word_that_is_not_known_is_answered_with_those_that_are() {
    let ended = run("service add web --address 192.0.2.10:80 --protocol sctp").await;
    let first = ended.errors.lines().next().unwrap();
    let expected =
        "error: invalid value 'sctp' for '--protocol <PROTOCOL>': expected `tcp` or `udp`";
    assert_eq!(first, expected);
}

#[tokio::test]
async fn help_and_version_are_no_errors() {
    let version = run("--version").await;
    assert_eq!(version.status, ExitStatus::Done);
    assert_eq!(version.out, format!("loadbalancer {}\n", env!("CARGO_PKG_VERSION")));
    let help = run("backend drain --help").await;
    assert!(help.out.starts_with("Stop new flows to a backend; flows in progress keep it\n"));
    assert_eq!(help.errors, "");
}

#[tokio::test]
async fn scripts_and_manual_pages_come_from_the_same_definitions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&format!("completions {shell}")).await.out;
        assert!(script.contains("firewall"), "{shell}");
    }
    assert!(run("man").await.out.contains(".TH loadbalancer 1"));
    assert!(run("man backend drain").await.out.contains("Stop new flows to a backend"));
    let ended = run("man fly").await;
    assert_eq!(ended.status, ExitStatus::Failed);
    assert!(ended.errors.starts_with("error: there is no command `fly`\n"), "{}", ended.errors);
}
