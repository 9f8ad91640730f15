//! Removing labs whose owner did not: it was killed, or it kept the lab on purpose.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::{run, system};
use crate::name::{DIRECTORY, LabName};
use crate::{bpffs, wait_until};

/// Where `ip netns` keeps its names.
pub(crate) const NAMESPACES: &str = "/run/netns";

/// File in a lab's directory that says: leave this lab alone when its owner has gone.
const KEPT: &str = "kept";

/// Marks a lab as one to stay after its owner's end.
pub(crate) fn mark_kept(name: &LabName) -> Result<()> {
    let marker = name.directory().join(KEPT);
    fs::write(&marker, "").with_context(|| format!("cannot write {}", marker.display()))
}

/// Removes every lab whose owner has died without keeping it; returns how many there were.
pub fn remove_abandoned() -> Result<usize> {
    remove_where(|name| !name.owner_is_alive() && !is_kept(name))
}

/// Removes every lab that was kept; returns how many there were.
pub fn remove_kept() -> Result<usize> {
    remove_where(|name| !name.owner_is_alive() && is_kept(name))
}

fn is_kept(name: &LabName) -> bool {
    name.directory().join(KEPT).exists()
}

fn remove_where(wanted: impl Fn(&LabName) -> bool) -> Result<usize> {
    let mut labs = BTreeSet::new();
    for place in [NAMESPACES, DIRECTORY, bpffs::MOUNT_POINT] {
        labs.extend(entries(place)?.iter().filter_map(|entry| LabName::owner_of(entry)));
    }
    labs.retain(wanted);
    for name in &labs {
        remove(name).with_context(|| format!("cannot remove the lab {name}"))?;
    }
    Ok(labs.len())
}

/// Ends the lab's processes, then removes its namespaces, pins and files.
fn remove(name: &LabName) -> Result<()> {
    let ours = |entry: &String| LabName::owner_of(entry).as_ref() == Some(name);
    let namespaces: Vec<String> = entries(NAMESPACES)?.into_iter().filter(ours).collect();
    for namespace in &namespaces {
        end_processes(namespace)?;
    }
    for namespace in &namespaces {
        delete_namespace(namespace)?;
    }
    for place in [bpffs::MOUNT_POINT, DIRECTORY] {
        for entry in entries(place)?.into_iter().filter(ours) {
            remove_directory(&Path::new(place).join(entry))?;
        }
    }
    Ok(())
}

/// Removes what a lab's pin directories hold, its daemon's own and those of second daemons.
pub(crate) fn remove_pins(name: &LabName) -> Result<()> {
    for entry in entries(bpffs::MOUNT_POINT)? {
        if LabName::owner_of(&entry).as_ref() == Some(name) {
            remove_directory(&Path::new(bpffs::MOUNT_POINT).join(entry))?;
        }
    }
    Ok(())
}

/// Removes a directory and all in it; one that is gone already is fine.
pub(crate) fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(failure) if failure.kind() != ErrorKind::NotFound => {
            Err(failure).with_context(|| format!("cannot remove {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Deletes a namespace by name; one that is gone already is fine.
pub(crate) fn delete_namespace(namespace: &str) -> Result<()> {
    let finished = run(system("ip").args(["netns", "delete", namespace]))?;
    if Path::new(NAMESPACES).join(namespace).exists() {
        finished.success()?;
    }
    Ok(())
}

/// Kills, by their ids, the processes whose network is `namespace`, and waits for their end.
fn end_processes(namespace: &str) -> Result<()> {
    wait_until(Duration::from_secs(10), "the end of the processes of an old lab", || {
        let listed = run(system("ip").args(["netns", "pids", namespace]))?;
        let pids: Vec<i32> =
            listed.stdout.lines().filter_map(|line| line.trim().parse().ok()).collect();
        for &pid in &pids {
            // One that ended by itself is as good.
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
        ensure!(pids.is_empty(), "{pids:?} in {namespace}");
        Ok(())
    })
}

/// Names in a directory; none when it does not exist.
fn entries(directory: &str) -> Result<Vec<String>> {
    let read = match fs::read_dir(directory) {
        Err(failure) if failure.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("cannot list {directory}"))?,
    };
    let mut names = Vec::new();
    for entry in read {
        let entry = entry.with_context(|| format!("cannot list {directory}"))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}
