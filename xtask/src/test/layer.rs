//! The layers of tests, and the cargo commands that build and run each.

use std::fmt;
use std::process::Command;

use crate::cargo::cargo;
use crate::setup::Needs;

/// What a test touches: nothing, the kernel, or a network of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Layer {
    /// Tests beside the code, and the examples in its documentation.
    Unit,
    /// The verified program: a packet in, a verdict and a packet out.
    Packet,
    /// Clients, servers and the daemon in network namespaces.
    Lab,
}

impl Layer {
    /// From the one that answers soonest.
    pub(super) const ALL: [Self; 3] = [Self::Unit, Self::Packet, Self::Lab];

    pub(super) fn needs(self) -> Needs {
        match self {
            Self::Unit => Needs::Build,
            Self::Packet => Needs::Kernel,
            Self::Lab => Needs::Lab,
        }
    }

    pub(super) fn uses_binary(self) -> bool {
        self == Self::Lab
    }

    /// What runs this layer, with `arguments` for the test programs.
    pub(super) fn commands(self, arguments: &[String]) -> Vec<Command> {
        let mut commands = vec![test_command(self.targets())];
        if self == Self::Unit {
            // Cargo runs documentation's examples by themselves only.
            commands.push(test_command(&["--doc"]));
        }
        for command in &mut commands {
            command.arg("--no-fail-fast").arg("--").args(arguments);
        }
        commands
    }

    fn targets(self) -> &'static [&'static str] {
        match self {
            Self::Unit => &["--lib", "--bins"],
            Self::Packet => &["--test", "packet"],
            Self::Lab => &["--test", "lab"],
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Unit => "unit",
            Self::Packet => "packet",
            Self::Lab => "lab",
        })
    }
}

/// What compiles the test programs of `layers` in one go.
pub(super) fn build_command(layers: &[Layer]) -> Command {
    let targets: Vec<&str> = layers.iter().flat_map(|layer| layer.targets()).copied().collect();
    let mut command = test_command(&targets);
    command.arg("--no-run");
    command
}

/// `cargo test` of the same packages for every layer: with another selection cargo would enable
/// other features of the dependencies, and compile them again.
fn test_command(targets: &[&str]) -> Command {
    let mut command = cargo();
    command.args(["test", "--workspace", "--exclude", "loadbalancer-ebpf"]).args(targets);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::line_of;

    fn words_after_program(command: &Command) -> String {
        let line = line_of(command);
        line.split_once(' ').map_or(String::new(), |(_, words)| words.to_owned())
    }

    #[test]
    fn unit_tests_come_with_the_examples_of_the_documentation() {
        let commands = Layer::Unit.commands(&["maglev".to_owned()]);
        let lines: Vec<String> = commands.iter().map(words_after_program).collect();
        assert_eq!(
            lines,
            [
                "test --workspace --exclude loadbalancer-ebpf --lib --bins --no-fail-fast -- maglev",
                "test --workspace --exclude loadbalancer-ebpf --doc --no-fail-fast -- maglev",
            ]
        );
    }

    #[test]
    fn one_command_builds_every_layer() {
        assert_eq!(
            words_after_program(&build_command(&Layer::ALL)),
            "test --workspace --exclude loadbalancer-ebpf --lib --bins --test packet --test lab \
             --no-run"
        );
    }
}
