//! `06-veth broken NAME`: a network to mend by hand, and a check of what was done.

use std::fs::{self, File};
use std::io::{IsTerminal, stdout};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::SystemTime;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, ValueEnum};
use clone_pid::{Container, Part};
use ground::call::quietly;
use ground::lesson::{OwnVerb, look};
use ground::rootfs::probe;
use ground::story::{conclude, note, step, stop};
use ground::{Error, Result};
use mount_ns::MountNamespace;
use nix::mount::{MsFlags, mount};

use super::{Fault, diagnose, lay, reaches_world};
use crate::stage::World;

/// Break a network, and open a shell in it to mend it
#[derive(Parser)]
#[command(name = "broken")]
struct Arguments {
    /// What is to be broken
    #[arg(value_enum, default_value = "any")]
    fault: Choice,
}

#[derive(Clone, Copy, ValueEnum)]
enum Choice {
    /// One of the others, and it is not said which
    Any,
    /// The box's default route
    Route,
    /// The host's forwarding
    Forwarding,
    /// Somebody's packet filter
    Filter,
    /// The translation of addresses
    Masquerade,
}

impl Choice {
    fn fault(self) -> Fault {
        let nanos = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.subsec_nanos());
        match self {
            Choice::Any => Fault::ALL[(nanos / 1000) as usize % Fault::ALL.len()],
            Choice::Route => Fault::Route,
            Choice::Forwarding => Fault::Forwarding,
            Choice::Filter => Fault::Filter,
            Choice::Masquerade => Fault::Masquerade,
        }
    }
}

/// The verb.
pub const VERB: OwnVerb = OwnVerb { command: Arguments::command, run, like_run: false };

fn run(matches: &ArgMatches) -> Result<u8> {
    let arguments = Arguments::from_arg_matches(matches)
        .map_err(|e| Error::usage(e.to_string().lines().next().unwrap_or_default()))?;
    look().tell_on(stdout(), stdout().is_terminal());
    let outcome = exercise(arguments.fault.fault());
    let written = stop();
    let status = outcome?;
    match written {
        Some(e) => Err(Error::os("write the story", ground::call::IntoErrno::into_errno(e))),
        None => Ok(status),
    }
}

fn exercise(fault: Fault) -> Result<u8> {
    step("A box, a bridge, a host, a machine outside. Something is missing");
    let world = lay(fault)?;
    reaches_world(&world)?;
    note("the shell is in the host's namespace; the others are named box and outside:");
    note("  nsenter --net=/run/netns/box sh, or ip netns exec box sh");
    note("  $PROBE ping 203.0.113.2, where there is no ping; nft list ruleset; ip route");
    note("find out what is wrong, mend it, and leave the shell with exit");
    shell(&world)?;
    step("Does the box reach the machine outside now?");
    if reaches_world(&world)? {
        conclude("mended");
        return Ok(0);
    }
    for fault in diagnose(&world)? {
        conclude(fault.sentence());
    }
    Ok(1)
}

fn shell(world: &World) -> Result<()> {
    let probe = probe()?.display().to_string();
    let container = Container::new(&["sh"])?
        .env("PS1", "host # ")?
        .env("PROBE", &probe)?
        .with(MountNamespace::private())
        .with(Names(handles(world)?));
    let running = ground::story::muted(|| world.host.within(|| container.start()))?;
    running.wait_passing_signals().map(drop)
}

fn handles(world: &World) -> Result<Vec<(&'static str, File)>> {
    let copy = |node: &crate::stage::Node| {
        let handle = quietly("dup a namespace").run(|| node.handle().try_clone())?;
        Ok((node.name, handle))
    };
    [&world.inside, &world.host, &world.outside].map(copy).into_iter().collect()
}

/// Names below /run/netns, where ip and nsenter find them. They are in a /run that only the shell sees.
struct Names(Vec<(&'static str, File)>);

impl Part for Names {
    fn enter(&mut self) -> Result<()> {
        let (tmpfs, none) = (Some("tmpfs"), None::<&str>);
        quietly("mount tmpfs on /run")
            .run(|| mount(tmpfs, "/run", tmpfs, MsFlags::empty(), none))?;
        quietly("mkdir /run/netns").run(|| fs::create_dir("/run/netns"))?;
        for (name, handle) in &self.0 {
            let (source, file) = (
                format!("/proc/self/fd/{}", handle.as_raw_fd()),
                Path::new("/run/netns").join(name),
            );
            quietly(format_args!("make {}", file.display())).run(|| File::create(&file))?;
            quietly(format_args!("mount {source} on {} MS_BIND", file.display()))
                .run(|| mount(Some(source.as_str()), &file, none, MsFlags::MS_BIND, none))?;
        }
        Ok(())
    }
}
