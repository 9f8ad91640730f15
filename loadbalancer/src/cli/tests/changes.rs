use super::{ExitStatus, PIPE, run, run_on};
use crate::{
    api::fake::FakeDaemon,
    config::{
        AdminState, Algorithm, BackendSettings, Edit, Forward, NewBackend, NewRule, NewService,
        Protocol, RuleAction,
    },
};

/// What the daemon is asked to change.
async fn edit(command: &str) -> Edit {
    let daemon = FakeDaemon::start();
    let ended = run_on(&daemon.socket(), PIPE, command).await;
    assert_eq!(ended.status, ExitStatus::Done, "{command}: {}", ended.errors);
    let [edit] = daemon.edits().try_into().unwrap();
    edit
}

fn set(settings: BackendSettings) -> Edit {
    Edit::SetBackend { service: "web".to_owned(), backend: "web-1".to_owned(), settings }
}

fn state(state: AdminState) -> Edit {
    set(BackendSettings { state: Some(state), ..BackendSettings::default() })
}

#[tokio::test]
async fn services_are_added_with_settings_or_defaults() {
    let service = NewService {
        name: "dns".to_owned(),
        address: "192.0.2.53:53".to_owned(),
        protocol: Protocol::Udp,
        forward: Forward::Dsr,
        algorithm: Algorithm::Maglev,
        health: Some("none".to_owned()),
        quic: true,
    };
    let defaults = NewService {
        protocol: Protocol::Tcp,
        forward: Forward::Nat,
        health: None,
        quic: false,
        ..service.clone()
    };
    let all = "--protocol udp --forward dsr --algorithm maglev --health none --quic";
    let add = "service add dns --address 192.0.2.53:53";
    assert_eq!(edit(&format!("{add} {all}")).await, Edit::AddService(service));
    assert_eq!(edit(add).await, Edit::AddService(defaults));
}

#[tokio::test]
async fn every_command_makes_its_edit() {
    let backend = NewBackend {
        address: "10.0.0.14:80".to_owned(),
        name: Some("web-4".to_owned()),
        weight: Some(50),
        backup: true,
        server_id: Some("0a0b".to_owned()),
    };
    let plain = NewBackend {
        address: "10.0.0.14".to_owned(),
        name: None,
        weight: None,
        backup: false,
        server_id: None,
    };
    let rule = NewRule {
        name: "bad".to_owned(),
        source: vec!["198.51.100.0/24".to_owned(), "2001:db8:bad::/48".to_owned()],
        action: RuleAction::Drop,
    };
    let web = || "web".to_owned();
    let weight = BackendSettings { weight: Some(0), backup: Some(false), state: None };
    let cases = [
        ("service remove web", Edit::RemoveService { service: web() }),
        (
            "backend add web 10.0.0.14:80 --name web-4 --weight 50 --backup --server-id 0a0b",
            Edit::AddBackend { service: web(), backend },
        ),
        ("backend add web 10.0.0.14", Edit::AddBackend { service: web(), backend: plain }),
        ("backend set web web-1 --weight 0 --backup false", set(weight)),
        ("backend drain web web-1", state(AdminState::Draining)),
        ("backend enable web web-1", state(AdminState::Enabled)),
        ("backend disable web web-1", state(AdminState::Disabled)),
        (
            "backend remove web [2001:db8::13]:8080",
            Edit::RemoveBackend { service: web(), backend: "[2001:db8::13]:8080".to_owned() },
        ),
        (
            "firewall add bad --source 198.51.100.0/24 2001:db8:bad::/48 --action drop",
            Edit::AddRule(rule.clone()),
        ),
        (
            "firewall add bad --action drop --source 198.51.100.0/24 --source 2001:db8:bad::/48",
            Edit::AddRule(rule),
        ),
        ("firewall remove bad", Edit::RemoveRule { rule: "bad".to_owned() }),
    ];
    for (command, expected) in cases {
        assert_eq!(edit(command).await, expected, "{command}");
    }
}

#[tokio::test]
async fn what_changed_is_printed() {
    let ended = run("backend add web 10.0.0.14:80 --name web-4").await;
    assert_eq!(ended.out, "added backend web-4 (10.0.0.14:80) to service web\n");
    let ended = run("--json service remove web").await;
    assert_eq!(ended.out, "{\"changes\":[\"removed service web\"]}\n");
}

#[tokio::test]
async fn a_reload_without_a_change_says_so() {
    assert_eq!(run("reload").await.out, "nothing changed\n");
    assert_eq!(run("reload --json").await.out, "{\"changes\":[]}\n");
}
