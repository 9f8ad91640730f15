//! The pin directory: what outlives the daemon.

use std::{
    collections::hash_map::DefaultHasher,
    ffi::OsString,
    fmt::Display,
    fs::{self, File},
    hash::{Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

use loadbalancer_common::LAYOUT_VERSION;
use nix::{
    fcntl::{Flock, FlockArg},
    sys::statfs::{BPF_FS_MAGIC, statfs},
};

use super::{DatapathError, unlink::end_link};
use crate::config::{Limits, PortRange};

const LINKS: &str = "links";
const MAPS_PREFIX: &str = "maps-";
const PORTS_PREFIX: &str = "ports-";

/// The pin directory, locked for this daemon.
#[derive(Debug)]
pub(crate) struct Pins {
    root: PathBuf,
    maps: PathBuf,
    adopted: bool,
    _lock: Flock<File>,
}

impl Pins {
    /// Makes the directories that are missing, and keeps other daemons out while it lives. Maps are
    /// pinned in the directory `maps` below `root`, whose name [`maps_directory_of`] made.
    pub(crate) fn lock(root: PathBuf, maps: &str) -> Result<Self, DatapathError> {
        let maps = root.join(maps);
        let adopted = maps.is_dir();
        make_directory(&root)?;
        let lock = lock(&root)?;
        require_bpf_file_system(&root)?;
        make_directory(&maps)?;
        make_directory(&root.join(LINKS))?;
        Ok(Self { root, maps, adopted, _lock: lock })
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the maps are pinned.
    pub(crate) fn maps(&self) -> PathBuf {
        self.maps.clone()
    }

    /// Whether the maps were there before.
    pub(crate) fn adopted(&self) -> bool {
        self.adopted
    }

    /// Where the attachment to an interface is pinned.
    pub(crate) fn link(&self, ifindex: u32, mode: &str) -> PathBuf {
        self.root.join(LINKS).join(format!("{ifindex}-{mode}"))
    }

    /// Remembers the ports that were reserved for translation, for `detach`. A BPF file system holds
    /// no text, so it is the name of an empty directory.
    pub(super) fn note_ports(&self, ports: Option<PortRange>) -> Result<(), DatapathError> {
        let noted = ports.map(|ports| self.root.join(format!("{PORTS_PREFIX}{ports}")));
        for old in starting_with(&self.root, PORTS_PREFIX)? {
            if Some(&old) != noted.as_ref() {
                remove_directory(&old)?;
            }
        }
        noted.map_or(Ok(()), |noted| make_directory(&noted))
    }

    /// Removes every link but `keep`, and every map directory but the one in use.
    pub(crate) fn remove_all_but(&self, keep: &[&Path]) -> Result<Vec<String>, DatapathError> {
        let mut removed = Vec::new();
        for link in entries(&self.root.join(LINKS))? {
            if !keep.contains(&link.as_path()) {
                remove_link(&link)?;
                removed.push(describe_link(&link));
            }
        }
        for directory in starting_with(&self.root, MAPS_PREFIX)? {
            if directory != self.maps {
                remove_maps(&directory)?;
                removed.push("maps of another layout or other limits".into());
            }
        }
        Ok(removed)
    }
}

/// What [`detach`] removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detached {
    /// A line each, such as "the program on eth0 (native)".
    pub removed: Vec<String>,
    /// Ports that the daemon had reserved for translation, which nobody uses any more.
    pub ports: Vec<PortRange>,
}

/// Detaches the programs whose links are pinned below `root`, and removes everything there.
///
/// # Errors
///
/// When a pin cannot be removed.
pub fn detach(root: &Path) -> Result<Detached, DatapathError> {
    let mut detached = Detached::default();
    if !root.is_dir() {
        return Ok(detached);
    }
    require_bpf_file_system(root)?;
    for link in entries(&root.join(LINKS))? {
        remove_link(&link)?;
        detached.removed.push(describe_link(&link));
    }
    for directory in starting_with(root, MAPS_PREFIX)? {
        remove_maps(&directory)?;
        detached.removed.push("the maps".into());
    }
    for directory in starting_with(root, PORTS_PREFIX)? {
        remove_directory(&directory)?;
        detached.ports.extend(noted_ports(&directory));
    }
    remove_directory(&root.join(LINKS))?;
    remove_directory(root)?;
    Ok(detached)
}

fn noted_ports(directory: &Path) -> Option<PortRange> {
    let name = directory.file_name()?.to_str()?;
    let (first, last) = name.strip_prefix(PORTS_PREFIX)?.split_once('-')?;
    Some(PortRange { first: first.parse().ok()?, last: last.parse().ok()? })
}

/// The directory of maps with this layout and these limits: maps of others are never adopted.
pub(super) fn maps_directory(limits: &Limits) -> String {
    let Limits { services, backends, connections, lookup_slots, rules, prefixes } = *limits;
    let mut hasher = DefaultHasher::new();
    [services, backends, connections, lookup_slots, rules, prefixes].hash(&mut hasher);
    maps_directory_of(format_args!("{LAYOUT_VERSION}-{:016x}", hasher.finish()))
}

/// The directory of maps with a layout, which `version` names.
pub(crate) fn maps_directory_of(version: impl Display) -> String {
    format!("{MAPS_PREFIX}{version}")
}

/// An interface that a program is attached to, as its pin tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkPin {
    /// Its number.
    pub(crate) ifindex: String,
    /// Its name; `None` when it is gone, or in another network namespace.
    pub(crate) interface: Option<String>,
    /// `native` or `generic`.
    pub(crate) mode: String,
}

/// The links below a pin directory.
///
/// # Errors
///
/// When the directory cannot be read.
pub(crate) fn links(root: &Path) -> Result<Vec<LinkPin>, DatapathError> {
    Ok(entries(&root.join(LINKS))?.iter().map(|link| link_pin(link)).collect())
}

fn link_pin(link: &Path) -> LinkPin {
    let name = link.file_name().map(OsString::from).unwrap_or_default();
    let name = name.to_string_lossy();
    let (ifindex, mode) = name.split_once('-').unwrap_or((&name, ""));
    let interface = ifindex
        .parse()
        .ok()
        .and_then(|index| nix::net::if_::if_indextoname(index).ok())
        .and_then(|name| name.into_string().ok());
    LinkPin { ifindex: ifindex.to_owned(), interface, mode: mode.to_owned() }
}

fn describe_link(link: &Path) -> String {
    let LinkPin { ifindex, interface, mode } = link_pin(link);
    match interface {
        Some(interface) => format!("the program on {interface} ({mode})"),
        None => format!("the link to an interface that is gone (index {ifindex})"),
    }
}

fn lock(root: &Path) -> Result<Flock<File>, DatapathError> {
    let directory = File::open(root).map_err(pin_error("open", root))?;
    Flock::lock(directory, FlockArg::LockExclusiveNonblock)
        .map_err(|(_, _)| DatapathError::InUse { path: root.to_owned() })
}

fn require_bpf_file_system(root: &Path) -> Result<(), DatapathError> {
    let is_bpf = statfs(root).is_ok_and(|fs| fs.filesystem_type() == BPF_FS_MAGIC);
    if is_bpf {
        return Ok(());
    }
    Err(DatapathError::PinDirectory {
        path: root.to_owned(),
        reason: "it is not on a BPF file system".into(),
        hint: "mount one with `mount -t bpf bpf /sys/fs/bpf`".into(),
    })
}

fn make_directory(path: &Path) -> Result<(), DatapathError> {
    fs::create_dir_all(path).map_err(|source| match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            DatapathError::NotPermitted { action: "writing to the pin directory", source }
        }
        _ => DatapathError::PinDirectory {
            path: path.to_owned(),
            reason: source.to_string(),
            hint: "check `datapath.pin_directory`, and that /sys/fs/bpf is mounted".into(),
        },
    })
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, DatapathError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(pin_error("read", directory)(error)),
    };
    entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(pin_error("read", directory)))
        .collect()
}

fn starting_with(root: &Path, prefix: &str) -> Result<Vec<PathBuf>, DatapathError> {
    let starts = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    };
    Ok(entries(root)?.into_iter().filter(starts).collect())
}

fn remove_maps(directory: &Path) -> Result<(), DatapathError> {
    for map in entries(directory)? {
        remove_file(&map)?;
    }
    remove_directory(directory)
}

/// Detaches the program of a link, and removes the link's pin.
pub(super) fn remove_link(link: &Path) -> Result<(), DatapathError> {
    end_link(link).map_err(pin_error("end the link of", link))?;
    remove_file(link)
}

fn remove_file(path: &Path) -> Result<(), DatapathError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(pin_error("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn remove_directory(path: &Path) -> Result<(), DatapathError> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(pin_error("remove", path)(error))
        }
        _ => Ok(()),
    }
}

pub(super) fn pin_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> DatapathError {
    let path = path.to_owned();
    move |source| DatapathError::Pin { action, path, source }
}
