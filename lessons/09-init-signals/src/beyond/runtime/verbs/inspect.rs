//! `inspect`: all that is known of a box, as JSON.

use clap::{ArgMatches, Parser};
use ground::Result;
use serde_json::{Value, json};

use super::{arguments, complain, say};
use crate::beyond::runtime::boxed::Boxed;
use crate::beyond::runtime::record::Status;
use crate::beyond::runtime::store::Store;
use crate::beyond::runtime::when::rfc3339;

/// Show all that is known of boxes, as JSON
#[derive(Parser)]
#[command(name = "inspect")]
pub(super) struct Inspect {
    /// Names, or beginnings of IDs
    #[arg(required = true, value_name = "BOX")]
    boxes: Vec<String>,
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let Inspect { boxes } = arguments(matches)?;
    let store = Store::open()?;
    let (mut objects, mut status) = (Vec::new(), 0);
    for word in &boxes {
        match store.find(word).and_then(|boxed| object(&boxed)) {
            Ok(object) => objects.push(object),
            Err(e) => {
                status = e.status();
                complain(&e);
            }
        }
    }
    say(serde_json::to_string_pretty(&objects).unwrap_or_default())?;
    Ok(status)
}

/// In the words of `docker inspect`, where there are such.
fn object(boxed: &Boxed) -> Result<Value> {
    let (spec, state) = (&boxed.spec, boxed.look()?);
    let (flags, argv) = spec.understand(&[], None)?;
    let words: Vec<String> = argv.iter().map(|word| word.display().to_string()).collect();
    let rotation = flags.runtime.rotation();
    let (policy, most) = flags.runtime.restart.words();
    let labels: serde_json::Map<String, Value> =
        spec.labels.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    Ok(json!({
        "Id": spec.id,
        "Name": spec.name,
        "Created": rfc3339(spec.created),
        "Image": spec.image.as_ref().map(|image| image.digest.to_string()),
        "Path": words.first(),
        "Args": words.get(1..),
        "State": {
            "Status": state.status.word(),
            "Running": state.status.lives() && state.status != Status::Restarting,
            "Paused": state.status == Status::Paused,
            "Restarting": state.status == Status::Restarting,
            "OOMKilled": state.oom_killed,
            "Pid": state.pid.unwrap_or(0),
            "ExitCode": state.code,
            "Error": state.error,
            "StartedAt": rfc3339(state.started),
            "FinishedAt": rfc3339(state.finished),
        },
        "RestartCount": state.restarts,
        "LogPath": boxed.log(),
        "Config": {
            "Hostname": flags.hostname,
            "Tty": flags.runtime.tty,
            "OpenStdin": flags.runtime.interactive,
            "Env": spec.env,
            "Cmd": words,
            "Labels": labels,
            "WorkingDir": flags.workdir,
            "StopSignal": crate::signal_name(flags.runtime.stop_signal.unwrap_or(libc::SIGTERM)),
            "StopTimeout": flags.runtime.stop_timeout,
        },
        "HostConfig": {
            "AutoRemove": spec.auto_remove,
            "Init": flags.init,
            "LogConfig": {"MaxSize": rotation.map(|r| r.size), "MaxFile": rotation.map(|r| r.files)},
            "NetworkMode": spec.network_of.as_ref().map(|id| format!("container:{id}")),
            "RestartPolicy": {"Name": policy, "MaximumRetryCount": most},
        },
        "Monitor": {"Pid": state.monitor, "Run": state.run},
        "CommandLine": {"Flags": spec.flags, "Command": spec.command, "Directory": spec.cwd},
    }))
}
