//! The program and its maps.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::{Path, PathBuf},
};

use aya::{
    Ebpf, EbpfLoader,
    programs::{ProgramError, Xdp},
};
use ipnet::IpNet;
use loadbalancer_common::{AddressV4, AddressV6, DECAP_LAYOUT_VERSION, GUE_PORT};

use super::sets::{AddressSet, PrefixSet};
use crate::{
    config::XdpMode,
    datapath::{self, AttachedMode, DatapathError, Pins, maps_directory_of},
};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/decap"));

const PROGRAM: &str = "decap";

/// Names of the pinned maps, as the kernel side declares them.
const MAPS: [&str; 9] = [
    "OWN_V4",
    "OWN_V6",
    "ALLOWED_V4",
    "ALLOWED_V6",
    "VIPS_V4",
    "VIPS_V6",
    "DECAPSULATED",
    "DECAP_DROPS",
    "DECAP_PASSES",
];

/// What is taken out of which tunnels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Prefixes of the sources that may send encapsulated packets.
    pub allow: Vec<IpNet>,
    /// Prefixes of the inner destinations that are accepted; empty: any.
    pub vips: Vec<IpNet>,
    /// UDP port of GUE.
    pub gue_port: u16,
}

impl Default for Settings {
    /// Nobody may send, to any inner destination, and GUE has the port that IANA gave it.
    fn default() -> Self {
        Self { allow: Vec::new(), vips: Vec::new(), gue_port: GUE_PORT }
    }
}

/// The loaded program, its maps, and where it is attached.
pub struct Decapsulator {
    // Dropped before the lock on the pin directory goes.
    ebpf: Ebpf,
    own: Own,
    prefixes: Prefixes,
    links: Vec<PathBuf>,
    pins: Pins,
}

struct Own {
    v4: AddressSet<AddressV4>,
    v6: AddressSet<AddressV6>,
}

struct Prefixes {
    allowed_v4: PrefixSet<AddressV4>,
    allowed_v6: PrefixSet<AddressV6>,
    vips_v4: PrefixSet<AddressV4>,
    vips_v6: PrefixSet<AddressV6>,
}

impl Decapsulator {
    /// Creates the maps below `pin_directory` or adopts those that are pinned there, adds the
    /// prefixes, and loads the program.
    ///
    /// # Errors
    ///
    /// When the directory is not on a BPF file system, another process uses it, or the kernel
    /// refuses a map or the program.
    pub fn open(pin_directory: PathBuf, settings: &Settings) -> Result<Self, DatapathError> {
        let pins = Pins::lock(pin_directory, &maps_directory())?;
        let maps = pins.maps();
        let mut ebpf = load(&maps, settings)?;
        let own =
            Own { v4: AddressSet::open(&maps, "OWN_V4")?, v6: AddressSet::open(&maps, "OWN_V6")? };
        program(&mut ebpf)?.load().map_err(DatapathError::from_program)?;
        let (allowed_v4, allowed_v6) = by_family(&settings.allow);
        let (vips_v4, vips_v6) = by_family(&settings.vips);
        let prefixes = Prefixes {
            allowed_v4: PrefixSet::open(&maps, "ALLOWED_V4", allowed_v4)?,
            allowed_v6: PrefixSet::open(&maps, "ALLOWED_V6", allowed_v6)?,
            vips_v4: PrefixSet::open(&maps, "VIPS_V4", vips_v4)?,
            vips_v6: PrefixSet::open(&maps, "VIPS_V6", vips_v6)?,
        };
        Ok(Self { ebpf, own, prefixes, links: Vec::new(), pins })
    }

    /// Whether the maps were there before, filled by an earlier process.
    pub fn was_adopted(&self) -> bool {
        self.pins.adopted()
    }

    /// Sets this host's own addresses: what tunnels may end at. True when they changed.
    ///
    /// # Errors
    ///
    /// When a map refuses one of them.
    pub fn set_own_addresses(&mut self, own: &BTreeSet<IpAddr>) -> Result<bool, DatapathError> {
        let (mut v4, mut v6) = (BTreeSet::new(), BTreeSet::new());
        for address in own {
            match address {
                IpAddr::V4(address) => v4.insert(address.octets()),
                IpAddr::V6(address) => v6.insert(address.octets()),
            };
        }
        let changed_v4 = self.own.v4.set(&v4)?;
        Ok(self.own.v6.set(&v6)? || changed_v4)
    }

    /// Attaches the program to an interface, or replaces what an earlier process attached there.
    ///
    /// # Errors
    ///
    /// When the interface is busy with another program, or refuses the mode.
    pub fn attach(
        &mut self,
        interface: &str,
        ifindex: u32,
        mode: XdpMode,
    ) -> Result<AttachedMode, DatapathError> {
        let program = program(&mut self.ebpf)?;
        let mode = datapath::attach(program, interface, ifindex, mode, &self.pins)?;
        self.links.push(self.pins.link(ifindex, mode.name()));
        Ok(mode)
    }

    /// Removes what an earlier process left and this one does not want: prefixes, attachments to
    /// other interfaces, maps of other layouts. Returns what was removed, in words.
    ///
    /// # Errors
    ///
    /// When something cannot be removed.
    pub fn settle(&mut self) -> Result<Vec<String>, DatapathError> {
        let Prefixes { allowed_v4, allowed_v6, vips_v4, vips_v6 } = &mut self.prefixes;
        allowed_v4.settle()?;
        allowed_v6.settle()?;
        vips_v4.settle()?;
        vips_v6.settle()?;
        let keep: Vec<&Path> = self.links.iter().map(PathBuf::as_path).collect();
        self.pins.remove_all_but(&keep)
    }

    /// Removes the prefixes that this process added: what an earlier one set up goes on as it was.
    ///
    /// # Errors
    ///
    /// When one cannot be removed.
    pub fn undo(&mut self) -> Result<(), DatapathError> {
        let Prefixes { allowed_v4, allowed_v6, vips_v4, vips_v6 } = &mut self.prefixes;
        allowed_v4.undo()?;
        allowed_v6.undo()?;
        vips_v4.undo()?;
        vips_v6.undo()
    }

    /// The program, to run packets through.
    ///
    /// # Errors
    ///
    /// When the embedded object does not hold it, which only a broken build can cause.
    pub fn xdp(&mut self) -> Result<&mut Xdp, DatapathError> {
        program(&mut self.ebpf)
    }
}

/// The directory of the maps below the pin directory.
pub(super) fn maps_directory() -> String {
    maps_directory_of(DECAP_LAYOUT_VERSION)
}

fn load(maps: &Path, settings: &Settings) -> Result<Ebpf, DatapathError> {
    let restrict = u8::from(!settings.vips.is_empty());
    let mut loader = EbpfLoader::new();
    loader.override_global("GUE_PORT", &settings.gue_port, true).override_global(
        "RESTRICT_VIPS",
        &restrict,
        true,
    );
    for map in MAPS {
        loader.map_pin_path(map, maps.join(map));
    }
    loader.load(OBJECT).map_err(DatapathError::from_load)
}

fn program(ebpf: &mut Ebpf) -> Result<&mut Xdp, DatapathError> {
    ebpf.program_mut(PROGRAM)
        .ok_or(ProgramError::NotLoaded)
        .and_then(TryInto::try_into)
        .map_err(DatapathError::from_program)
}

/// Prefixes as map keys: length and network.
type Keys<A> = BTreeSet<(u32, A)>;

fn by_family(prefixes: &[IpNet]) -> (Keys<AddressV4>, Keys<AddressV6>) {
    let (mut v4, mut v6) = (BTreeSet::new(), BTreeSet::new());
    for prefix in prefixes {
        let length = u32::from(prefix.prefix_len());
        match prefix.network() {
            IpAddr::V4(network) => v4.insert((length, network.octets())),
            IpAddr::V6(network) => v6.insert((length, network.octets())),
        };
    }
    (v4, v6)
}
