//! The only place that touches BPF: load, attach, pin, adopt, read, write.
//!
//! Maps and links are pinned, so packets go on while no daemon runs. Below the pin directory:
//!
//! ```text
//! maps-<layout>-<limits>/<MAP>     the maps; another layout or other limits get a new directory
//! links/<ifindex>-<mode>           the attachment of the program to an interface
//! ports-<first>-<last>             the ports that were reserved for translation
//! ```
//!
//! A daemon that starts creates or adopts the maps, brings them to the state it wants, and only
//! then attaches a program or replaces the attached one, atomically. Each interface has an instance
//! of the program of its own, whose constants name its link-layer address; all share the maps.

mod apply;
mod attach;
mod batch;
mod connections;
mod error;
mod link;
mod load;
mod maps;
mod pins;
mod read;
mod tables;
mod unlink;

pub use error::DatapathError;
pub use link::AttachedMode;
pub(crate) use link::attach;
pub use load::{Program, load_unattached};
pub use maps::Maps;
pub(crate) use maps::{map_error, open as open_map};
pub use pins::{Detached, detach};
pub(crate) use pins::{LinkPin, Pins, links, maps_directory_of};

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    config::{Limits, PortRange, XdpMode},
    engine::{Changes, Features},
};

use self::attach::Attachment;

/// Maps, programs and their attachments to interfaces.
pub struct Datapath {
    pins: Pins,
    limits: Limits,
    features: Features,
    maps: Maps,
    attachments: BTreeMap<u32, Attachment>,
}

impl Datapath {
    /// Creates the maps below `pin_directory`, or adopts those that are pinned there.
    ///
    /// # Errors
    ///
    /// When the directory is not on a BPF file system, another daemon uses it, or the kernel
    /// refuses a map (missing capability, too little memory).
    pub fn open(pin_directory: PathBuf, limits: Limits) -> Result<Self, DatapathError> {
        let pins = Pins::lock(pin_directory, &pins::maps_directory(&limits))?;
        load::create_maps(&pins, &limits)?;
        let maps = Maps::open(&pins, &limits)?;
        Ok(Self { pins, limits, features: Features::default(), maps, attachments: BTreeMap::new() })
    }

    /// Where programs and maps are pinned.
    pub fn pin_directory(&self) -> &Path {
        self.pins.root()
    }

    /// Whether the maps were there before, filled by an earlier daemon.
    pub fn was_adopted(&self) -> bool {
        self.pins.adopted()
    }

    /// Remembers the ports that were reserved for translation, for [`detach`] to give back.
    ///
    /// # Errors
    ///
    /// When the pin directory cannot be written.
    pub fn note_ports(&self, ports: Option<PortRange>) -> Result<(), DatapathError> {
        self.pins.note_ports(ports)
    }

    /// The maps.
    pub fn maps(&self) -> &Maps {
        &self.maps
    }

    /// Brings maps and programs to the next image, in the order in which no packet sees half of it.
    ///
    /// # Errors
    ///
    /// When the kernel refuses a step; those before it have happened.
    pub fn apply(&mut self, changes: &Changes) -> Result<(), DatapathError> {
        self.maps.prepare(changes)?;
        if let Some(features) = changes.features {
            self.set_features(features)?;
        }
        self.maps.switch(changes)?;
        if let Some(features) = changes.features_after {
            self.set_features(features)?;
        }
        Ok(())
    }

    /// What programs are built for.
    pub fn features(&self) -> Features {
        self.features
    }

    /// Sets what programs are built for; attached ones are replaced when it changed.
    fn set_features(&mut self, features: Features) -> Result<(), DatapathError> {
        if self.features == features {
            return Ok(());
        }
        for attachment in self.attachments.values_mut() {
            attachment.replace(&self.pins, &self.limits, features)?;
        }
        self.features = features;
        Ok(())
    }

    /// Attaches the program to an interface, or replaces what an earlier daemon attached there.
    ///
    /// # Errors
    ///
    /// When the interface does not exist, is busy with another program, or refuses the mode.
    pub fn attach(
        &mut self,
        interface: &str,
        mode: XdpMode,
    ) -> Result<AttachedMode, DatapathError> {
        let attachment =
            Attachment::attach(interface, mode, &self.pins, &self.limits, self.features)?;
        let attached = attachment.mode();
        self.attachments.insert(attachment.ifindex(), attachment);
        Ok(attached)
    }

    /// Detaches from interfaces that are not attached by this daemon, and removes maps that no
    /// program uses: what an earlier daemon left behind. Returns what was removed, in words.
    ///
    /// # Errors
    ///
    /// When a pin cannot be removed.
    pub fn remove_leftovers(&mut self) -> Result<Vec<String>, DatapathError> {
        let keep: Vec<_> = self.attachments.values().map(Attachment::pin).collect();
        self.pins.remove_all_but(&keep)
    }
}
