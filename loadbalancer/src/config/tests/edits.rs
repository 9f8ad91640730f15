//! Edits: what they change in a text, and what they leave as it was.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use proptest::prelude::*;

use super::{parse, web};
use crate::config::{
    AdminState, Algorithm, BackendSettings, ConfigError, Document, Edit, Forward, NewBackend,
    NewRule, NewService, Protocol, RuleAction,
};

const FILE: &str = r#"# Balancer of the shop.

# The shop itself.
[[service]]
name = "shop"            # also in DNS
address = "192.0.2.10:80"

[service.health]         # asked every second
type = "http"

# First machine.
[[service.backend]]
address = "10.0.0.1:80"
weight = 50              # half the cores

# Second machine.
[[service.backend]]
name = "two"
address = "10.0.0.2:80"

# Name service.
[[service]]
name = "dns"
address = "192.0.2.11:53"
protocol = "udp"
backend = [
  { address = "10.0.0.3" }, # left
  { address = "10.0.0.4" }, # right
]

[firewall]
default = "pass"
# end
"#;

fn backend(address: &str) -> NewBackend {
    NewBackend {
        address: address.to_owned(),
        name: None,
        weight: None,
        backup: false,
        server_id: None,
    }
}

fn add(service: &str, backend: NewBackend) -> Edit {
    Edit::AddBackend { service: service.to_owned(), backend }
}

fn remove(service: &str, backend: &str) -> Edit {
    Edit::RemoveBackend { service: service.to_owned(), backend: backend.to_owned() }
}

fn set(service: &str, backend: &str, settings: BackendSettings) -> Edit {
    Edit::SetBackend { service: service.to_owned(), backend: backend.to_owned(), settings }
}

fn service(name: &str, address: &str) -> NewService {
    NewService {
        name: name.to_owned(),
        address: address.to_owned(),
        protocol: Protocol::Tcp,
        forward: Forward::Nat,
        algorithm: Algorithm::Maglev,
        health: None,
        quic: false,
    }
}

fn edited(text: &str, edit: &Edit) -> (String, Vec<String>) {
    match parse(text).unwrap().edited(edit) {
        Ok((document, changes)) => (document.text().to_owned(), changes),
        Err(error) => panic!("{error}\nhint: {}", error.hint()),
    }
}

#[test]
fn a_backend_is_added_behind_the_others() {
    let new = NewBackend { name: Some("three".to_owned()), ..backend("10.0.0.5:81") };
    let (text, changes) = edited(FILE, &add("shop", NewBackend { backup: true, ..new }));
    let before = "address = \"10.0.0.2:80\"\n";
    let added =
        "\n[[service.backend]]\nname = \"three\"\naddress = \"10.0.0.5:81\"\nbackup = true\n";
    assert_eq!(text, FILE.replace(before, &format!("{before}{added}")));
    assert_eq!(changes, ["added backup three (10.0.0.5:81) to service shop"]);
}

#[test]
fn a_backend_is_added_in_the_style_of_the_list() {
    let (text, changes) = edited(FILE, &add("dns", backend("10.0.0.5")));
    assert!(text.contains("{ address = \"10.0.0.5\" }"), "{text}");
    assert_eq!(parse(&text).unwrap().config().services[1].backends.len(), 3);
    assert_eq!(changes, ["added backend 10.0.0.5 (10.0.0.5:53) to service dns"]);
}

#[test]
fn a_removed_backend_takes_its_comment_along() {
    let (text, changes) = edited(FILE, &remove("shop", "10.0.0.1:80"));
    let gone = "\n# First machine.\n[[service.backend]]\naddress = \"10.0.0.1:80\"\n\
                weight = 50              # half the cores\n";
    assert_eq!(text, FILE.replace(gone, ""));
    assert_eq!(changes, ["removed backend 10.0.0.1:80 from service shop"]);
}

#[test]
fn a_removed_service_leaves_the_files_own_comment() {
    let edit = Edit::RemoveService { service: "shop".to_owned() };
    let (text, changes) = edited(FILE, &edit);
    let dns = &FILE[FILE.find("# Name service.").unwrap()..];
    assert_eq!(text, format!("# Balancer of the shop.\n\n{dns}"));
    assert_eq!(changes, ["removed service shop (192.0.2.10:80 over tcp) with 2 backends"]);
}

#[test]
fn the_last_service_leaves_the_files_own_comment_too() {
    let text = format!("# Head.\n\n# Own.\n{}\n", web("", "address = \"10.0.0.1\""));
    let (text, _) = edited(&text, &Edit::RemoveService { service: "web".to_owned() });
    assert_eq!(text, "# Head.\n");
}

#[test]
fn a_weight_keeps_the_comment_behind_it() {
    let settings = BackendSettings { weight: Some(25), ..BackendSettings::default() };
    let (text, changes) = edited(FILE, &set("shop", "10.0.0.1:80", settings));
    assert_eq!(text, FILE.replace("weight = 50 ", "weight = 25 "));
    assert_eq!(changes, ["backend 10.0.0.1:80 of service shop: weight: 50 -> 25"]);
}

#[test]
fn drained_and_enabled_again_is_the_same_text() {
    let state = |state| BackendSettings { state: Some(state), ..BackendSettings::default() };
    for (service, backend) in [("shop", "10.0.0.1:80"), ("shop", "two"), ("dns", "10.0.0.4:53")] {
        let (text, changes) = edited(FILE, &set(service, backend, state(AdminState::Draining)));
        assert!(text.contains("state = \"draining\""));
        assert!(service != "dns" || text.contains("0.4\", state = \"draining\" }, # right"));
        assert_eq!(changes.len(), 1);
        let (text, _) = edited(&text, &set(service, backend, state(AdminState::Enabled)));
        assert_eq!(text, FILE);
    }
}

#[test]
fn what_is_so_already_changes_nothing() {
    let settings = BackendSettings {
        weight: Some(100),
        backup: Some(false),
        state: Some(AdminState::Enabled),
    };
    assert_eq!(edited(FILE, &set("shop", "two", settings)), (FILE.to_owned(), Vec::new()));
}

#[test]
fn services_and_rules_are_added_to_an_empty_file() {
    let new = NewService {
        protocol: Protocol::Udp,
        forward: Forward::Dsr,
        health: Some("http".to_owned()),
        ..service("dns", "192.0.2.1:53")
    };
    let (text, changes) = edited("", &Edit::AddService(new));
    assert_eq!(changes, ["added service dns (192.0.2.1:53 over udp)"]);
    let (text, _) = edited(&text, &add("dns", backend("10.0.0.1")));
    let rule = NewRule {
        name: "bad".to_owned(),
        source: vec!["198.51.100.0/24".to_owned(), "2001:db8::/32".to_owned()],
        action: RuleAction::Drop,
    };
    let (text, changes) = edited(&text, &Edit::AddRule(rule));
    assert_eq!(changes, ["added firewall rule bad: drop 198.51.100.0/24, 2001:db8::/32"]);
    let expected = r#"[[service]]
name = "dns"
address = "192.0.2.1:53"
protocol = "udp"
forward = "dsr"

[service.health]
type = "http"

[[service.backend]]
address = "10.0.0.1"

[[firewall.rule]]
name = "bad"
source = ["198.51.100.0/24", "2001:db8::/32"]
action = "drop"
"#;
    assert_eq!(text, expected);
    let (text, changes) = edited(&text, &Edit::RemoveRule { rule: "bad".to_owned() });
    assert_eq!(text, expected.split("\n[[firewall").next().unwrap());
    assert_eq!(changes, ["removed firewall rule bad"]);
}

#[test]
fn edits_of_what_is_not_there_are_refused() {
    let document = parse(FILE).unwrap();
    let cases = [
        (remove("shp", "two"), "there is no service named shp", "there are: shop, dns"),
        (
            remove("shop", "three"),
            "there is no backend of service shop named three",
            "there are: 10.0.0.1:80, two",
        ),
        (
            Edit::RemoveRule { rule: "x".to_owned() },
            "there is no firewall rule named x",
            "there is none at all",
        ),
        (
            add("shop", backend("10.0.0.300")),
            "backend address \"10.0.0.300\" is not an IP address",
            "write it as \"10.0.0.11:80\", \"[2001:db8::11]:80\", or without a port for the \
             service's; this version does not look names up",
        ),
        (
            Edit::AddService(service("shop", "192.0.2.99:80")),
            "service shop exists already, on line 5",
            "give each service a name of its own",
        ),
    ];
    for (edit, message, hint) in cases {
        let error = document.edited(&edit).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.hint()), (message, hint));
    }
}

#[test]
fn saving_replaces_the_file_and_keeps_its_permissions_and_the_text_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lb.toml");
    fs::write(&path, FILE).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let document = Document::load(&path).unwrap();
    let (mut changed, _) = document.edited(&remove("shop", "two")).unwrap();
    changed.save().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), changed.text());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_to_string(directory.path().join("lb.toml.bak")).unwrap(), FILE);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    let (mut again, _) = changed.edited(&add("shop", backend("10.0.0.9"))).unwrap();
    again.save().unwrap();
    assert_eq!(Document::load(&path).unwrap(), again);
}

#[test]
fn a_file_that_someone_changed_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lb.toml");
    fs::write(&path, FILE).unwrap();
    let document = Document::load(&path).unwrap();
    fs::write(&path, "# by hand\n").unwrap();
    let (mut changed, _) = document.edited(&remove("shop", "two")).unwrap();
    let error = changed.save().unwrap_err();
    assert_eq!(error.to_string(), format!("{} was changed since it was read", path.display()));
    assert_eq!(error.hint(), "apply it first with `loadbalancer reload`");
    assert_eq!(fs::read_to_string(&path).unwrap(), "# by hand\n");
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let error = Document::load(Path::new("/nonexistent/lb.toml")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nonexistent/lb.toml");
    assert!(matches!(error, ConfigError::File { .. }));
    assert_eq!(error.hint(), "check the path and its permissions");
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let name = prop::sample::select(vec!["shop", "dns", "a", "b"]);
    let host = 1_u8..7;
    let settings = (
        prop::option::of(0_u16..=1_000),
        prop::option::of(any::<bool>()),
        prop::option::of(prop::sample::select(vec![
            AdminState::Enabled,
            AdminState::Draining,
            AdminState::Disabled,
        ])),
    );
    (0..7_u8, name, host, settings).prop_map(|(kind, name, host, (weight, backup, state))| {
        let address = format!("10.0.0.{host}");
        match kind {
            0 => Edit::AddService(service(name, &format!("192.0.2.{host}:80"))),
            1 => Edit::RemoveService { service: name.to_owned() },
            2 => add(
                name,
                NewBackend {
                    name: weight.map(|_| format!("n{host}")),
                    weight,
                    backup: backup == Some(true),
                    server_id: None,
                    ..backend(&address)
                },
            ),
            3 => remove(name, &address),
            4 => set(name, &address, BackendSettings { weight, backup, state }),
            5 => Edit::AddRule(NewRule {
                name: name.to_owned(),
                source: vec![address],
                action: RuleAction::Drop,
            }),
            _ => Edit::RemoveRule { rule: name.to_owned() },
        }
    })
}

proptest! {
    #[test]
    fn an_edited_text_means_what_the_edit_says(
        edits in prop::collection::vec(any_edit(), 1..30),
    ) {
        let mut document = parse(FILE).unwrap();
        for edit in &edits {
            let Ok((next, changes)) = document.edited(edit) else { continue };
            // The text alone says all.
            let again = parse(next.text()).unwrap();
            prop_assert_eq!(again.config(), next.config());
            prop_assert_eq!(changes.is_empty(), next.config() == document.config());
            super::model::check(document.config(), edit, next.config())?;
            prop_assert!(next.text().starts_with("# Balancer of the shop.\n"));
            prop_assert!(next.text().ends_with("# end\n"));
            document = next;
        }
    }
}
