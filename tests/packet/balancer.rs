//! A balancer under test: configured as by its daemon, attached nowhere, fed frame by frame.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use aya::{
    Pod, TestRunOptions,
    maps::{HashMap as KernelMap, Map, MapData},
    programs::TestRun,
};
use loadbalancer::{
    config::{Document, Limits},
    datapath::{Datapath, Program, detach, load_unattached},
    engine::{Allocation, Changes, Features, Image, Inputs, Plan, build},
    network::NextHop,
    stats::Source,
};
use loadbalancer_common::{
    Connection, DropReason, Event, FlowKeyV4, FlowKeyV6, TranslationKeyV4, TranslationKeyV6,
    TranslationV4, TranslationV6,
};
use loadbalancer_tests::{LabName, ensure_mounted};

use crate::{
    counts::{Counts, counts},
    network::{IFINDEX, OWN_MAC, Service, next_hops},
};

/// Sizes of the maps: small, so that a balancer is there in a moment.
const LIMITS: &str = "[datapath.limits]
services = 16
backends = 32
connections = 8192
lookup_slots = 16384
rules = 16
prefixes = 64
";

/// The shortest frame that the kernel runs a program on: an Ethernet header.
pub(crate) const SHORTEST: usize = 14;

/// How a program's run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Pass,
    Drop,
    Tx,
    Redirect,
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) action: Action,
    pub(crate) frame: Vec<u8>,
}

/// All that a balancer works from.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// The services of the configuration.
    pub(crate) services: Vec<Service>,
    /// The rest of the configuration.
    pub(crate) settings: String,
    /// Names of the backends whose checks fail.
    pub(crate) unhealthy: BTreeSet<String>,
    /// The known ways to backends.
    pub(crate) next_hops: HashMap<IpAddr, NextHop>,
}

/// The pin directory, removed when it is dropped, also by a failed assertion.
struct Pins(PathBuf);

impl Drop for Pins {
    fn drop(&mut self) {
        if let Err(error) = detach(&self.0) {
            println!("cannot remove {}: {error}", self.0.display());
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Backend,
    Rule,
    Drop,
    Event,
}

type Readings = BTreeMap<(Kind, u32, &'static str), u64>;

/// The real maps and the real program.
pub(crate) struct Balancer {
    world: World,
    program: Program,
    datapath: Datapath,
    plan: Plan,
    limits: Limits,
    ifindex: u32,
    /// Names of backends by their ids, also of those that are gone.
    names: BTreeMap<u32, String>,
    /// What [`Balancer::counters`] has told.
    told: Readings,
    // The last field: maps close before their pins go.
    pins: Pins,
}

impl Balancer {
    /// A balancer with these services and all backends healthy.
    pub(crate) fn with(services: impl IntoIterator<Item = Service>) -> Self {
        Self::configured(services, "")
    }

    /// A balancer with these services and other settings.
    pub(crate) fn configured(services: impl IntoIterator<Item = Service>, settings: &str) -> Self {
        let world = World {
            services: services.into_iter().collect(),
            settings: settings.to_owned(),
            unhealthy: BTreeSet::new(),
            next_hops: next_hops(),
        };
        Self::new(world)
    }

    /// A balancer of this world.
    pub(crate) fn new(world: World) -> Self {
        ensure_mounted().unwrap();
        let pins = Pins(LabName::claim().unwrap().pin_directory());
        let document = document(&world);
        let limits = document.config().datapath.limits;
        let mut datapath = Datapath::open(pins.0.clone(), limits).unwrap();
        let plan = plan(&world, &document, limits, &Allocation::default());
        datapath.apply(&Changes::between(&Image::default(), &plan.image)).unwrap();
        let program = load_unattached(&datapath, plan.image.features, OWN_MAC).unwrap();
        let mut balancer = Self {
            world,
            program,
            datapath,
            plan,
            limits,
            ifindex: IFINDEX,
            names: BTreeMap::new(),
            told: Readings::new(),
            pins,
        };
        balancer.learn_names();
        balancer
    }

    /// Changes the world, and brings the same maps in step with it, as a reload does.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut World)) {
        change(&mut self.world);
        let document = document(&self.world);
        let next = plan(&self.world, &document, self.limits, &self.plan.allocation);
        let changes = Changes::between(&self.plan.image, &next.image);
        self.datapath.apply(&changes).unwrap();
        if next.image.features != self.plan.image.features {
            self.program = load_unattached(&self.datapath, next.image.features, OWN_MAC).unwrap();
        }
        self.plan = next;
        // Their counters began anew.
        self.told.retain(|(kind, id, _), _| match kind {
            Kind::Backend => !changes.new_backends.contains(id),
            Kind::Rule => !changes.new_rules.contains(id),
            Kind::Drop | Kind::Event => true,
        });
        self.learn_names();
    }

    /// Lets frames come in by another interface, which has to exist.
    pub(crate) fn receive_by(&mut self, ifindex: u32) {
        self.ifindex = ifindex;
    }

    /// Runs a frame through the program.
    pub(crate) fn run(&mut self, frame: &[u8]) -> Outcome {
        let length = u32::try_from(frame.len()).unwrap();
        // `struct xdp_md`: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
        let context: Vec<u8> =
            [0, length, 0, self.ifindex, 0, 0].iter().flat_map(|word| word.to_ne_bytes()).collect();
        // Room for more than came in, so that a frame that grew would show.
        let mut out = vec![0; frame.len() + 256];
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut out),
            ctx_in: Some(&context),
            ..TestRunOptions::default()
        };
        let result = self.program.xdp().unwrap().test_run(options).unwrap();
        out.truncate(usize::try_from(result.data_size_out).unwrap());
        let action = match result.return_value {
            1 => Action::Drop,
            2 => Action::Pass,
            3 => Action::Tx,
            4 => Action::Redirect,
            other => panic!("the program answered {other}"),
        };
        Outcome { action, frame: out }
    }

    /// Runs a frame that shall go on to the host as it is.
    #[track_caller]
    pub(crate) fn passes(&mut self, frame: &[u8]) {
        assert_eq!(self.run(frame), Outcome { action: Action::Pass, frame: frame.to_vec() });
    }

    /// Runs a frame that shall be dropped.
    #[track_caller]
    pub(crate) fn drops(&mut self, frame: &[u8]) {
        assert_eq!(self.run(frame).action, Action::Drop, "{frame:02x?}");
    }

    /// Runs a frame that shall leave by the interface that it came in by, and returns what left.
    #[track_caller]
    pub(crate) fn sends(&mut self, frame: &[u8]) -> Vec<u8> {
        let outcome = self.run(frame);
        if outcome.action != Action::Tx {
            let counted = self.counters();
            panic!("{:?} of {frame:02x?}: {counted:?}", outcome.action);
        }
        outcome.frame
    }

    /// What was counted since the last call.
    pub(crate) fn counters(&mut self) -> Counts {
        let now = self.read();
        let mut counted = counts();
        for (key @ (kind, id, what), value) in &now {
            let before = self.told.get(key).copied().unwrap_or(0);
            let name = match kind {
                Kind::Backend => {
                    let name = self.names.get(id).cloned();
                    format!("{} {what}", name.unwrap_or_else(|| format!("backend {id}")))
                }
                Kind::Rule => {
                    let rule = self.plan.catalog.rules.iter().find(|rule| rule.id == *id);
                    let name = rule.map_or_else(|| id.to_string(), |rule| rule.name.clone());
                    format!("rule {name} {what}")
                }
                Kind::Drop => format!("dropped {what}"),
                Kind::Event => format!("event {what}"),
            };
            let more = value.checked_sub(before).expect("counters never go back");
            counted = counted.and(name, more);
        }
        self.told = now;
        counted
    }

    /// Connections that are remembered and have not ended, by backend.
    pub(crate) fn active_connections(&self) -> BTreeMap<String, u64> {
        let active = self.datapath.maps().active_connections().unwrap();
        active.into_iter().map(|(id, count)| (self.names[&id].clone(), count)).collect()
    }

    /// Makes every connection as old as if nothing had come for this much longer.
    pub(crate) fn let_pass(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap();
        let directory = self.maps();
        let earlier = |at: &mut u64| {
            *at = at.checked_sub(time).expect("this machine started too short a time ago");
        };
        edit(&directory.join("CONNECTIONS_V4"), |_: &FlowKeyV4, one: &mut Connection| {
            earlier(&mut one.last_seen_ns);
        });
        edit(&directory.join("CONNECTIONS_V6"), |_: &FlowKeyV6, one: &mut Connection| {
            earlier(&mut one.last_seen_ns);
        });
        edit(
            &directory.join("TRANSLATIONS_V4"),
            |_: &TranslationKeyV4, one: &mut TranslationV4| earlier(&mut one.last_seen_ns),
        );
        edit(
            &directory.join("TRANSLATIONS_V6"),
            |_: &TranslationKeyV6, one: &mut TranslationV6| earlier(&mut one.last_seen_ns),
        );
    }

    /// What the program is built for.
    pub(crate) const fn features(&self) -> Features {
        self.plan.image.features
    }

    /// Another instance of the program over the same maps.
    pub(crate) fn load(&self, features: Features) -> Program {
        load_unattached(&self.datapath, features, OWN_MAC).unwrap()
    }

    fn maps(&self) -> PathBuf {
        let mut entries = fs::read_dir(&self.pins.0).unwrap().map(|entry| entry.unwrap());
        let maps = entries.find(|entry| entry.file_name().to_string_lossy().starts_with("maps-"));
        maps.expect("the maps are pinned").path()
    }

    fn learn_names(&mut self) {
        let backends = self.plan.catalog.services.iter().flat_map(|service| &service.backends);
        self.names.extend(backends.map(|backend| (backend.id, backend.name.clone())));
    }

    fn read(&self) -> Readings {
        let maps = self.datapath.maps();
        let mut readings = Readings::new();
        for id in 1..self.limits.backend_entries() {
            for one in maps.counters(id).unwrap() {
                let values = [
                    ("packets", one.packets),
                    ("bytes", one.bytes),
                    ("connections", one.connections),
                    ("queries", one.queries),
                ];
                for (what, value) in values {
                    *readings.entry((Kind::Backend, id, what)).or_default() += value;
                }
            }
        }
        for id in 1..self.limits.rule_entries() {
            for one in maps.rule_counters(id).unwrap() {
                *readings.entry((Kind::Rule, id, "packets")).or_default() += one.packets;
                *readings.entry((Kind::Rule, id, "bytes")).or_default() += one.bytes;
            }
        }
        for (reason, value) in DropReason::ALL.iter().zip(maps.drops().unwrap()) {
            readings.insert((Kind::Drop, 0, reason.name()), value);
        }
        for (event, value) in Event::ALL.iter().zip(maps.events().unwrap()) {
            readings.insert((Kind::Event, 0, event.name()), value);
        }
        readings
    }
}

fn document(world: &World) -> Document {
    let mut text = format!("{LIMITS}{}\n", world.settings);
    for service in &world.services {
        writeln!(text, "{service}").unwrap();
    }
    Document::parse(&text, Path::new("test.toml"))
        .unwrap_or_else(|error| panic!("{error}\n{}\n{text}", error.hint()))
}

fn plan(world: &World, document: &Document, limits: Limits, previous: &Allocation) -> Plan {
    let health = |_service: &str, backend: &str| !world.unhealthy.contains(backend);
    let inputs = Inputs {
        config: document.config(),
        limits,
        health: &health,
        next_hops: &world.next_hops,
        previous,
    };
    build(&inputs).unwrap()
}

/// Changes every value of a pinned table.
fn edit<K: Pod, V: Pod>(pin: &Path, mut change: impl FnMut(&K, &mut V)) {
    let map = Map::from_map_data(MapData::from_pin(pin).unwrap()).unwrap();
    let mut map: KernelMap<MapData, K, V> = map.try_into().unwrap();
    let entries: Vec<(K, V)> = map.iter().map(|entry| entry.unwrap()).collect();
    for (key, mut value) in entries {
        change(&key, &mut value);
        map.insert(key, value, 0).unwrap();
    }
}
