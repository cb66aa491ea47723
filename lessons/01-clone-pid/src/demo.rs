//! The demo: the bare clone, then the container around it, seen from both sides.

use clone_pid::bare::bare;
use clone_pid::{Container, IpcNamespace, PidNamespace, Running, UtsNamespace};
use ground::card::Card;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use ground::story::{box_evidence, conclude, evidence, note, output, step};
use ground::text::{inode, pid};
use ground::{Result, proc};

/// Tells the lesson.
pub fn demo() -> Result<()> {
    one_call()?;
    let mut running = start_box()?;
    from_inside(&mut running)?;
    from_outside(&running)?;
    guest(&running)?;
    failure()?;
    step("The card: what this box has of its own, and what it still shares with the host");
    Card::of(&running.child().process())?.tell()?;
    end(running)?;
    note(
        "each lesson turns one more row from shared to isolated; the experiments of this one: cargo xtask list",
    );
    Ok(())
}

fn one_call() -> Result<()> {
    step(
        "The whole idea in one call: clone a child into a PID namespace of its own. It asks for its number and exits with it.",
    );
    let (outside, inside) = bare()?;
    box_evidence("exit status of the child, which is what getpid() told it", inside);
    conclude(match inside {
        1 => format!(
            "one process, two numbers: {} here and {inside} there. It became PID 1",
            pid(outside)
        ),
        _ => format!("it ended with {}, and did not become PID 1", pid(inside)),
    });
    Ok(())
}

fn start_box() -> Result<Running> {
    step(
        "Now a container: the same clone with three namespaces, a gate, and a command at the end. \
          The child waits at the gate until the host has done its part.",
    );
    boxed(&["sh", "-c", "sleep 60 & echo \"number $$, parent $PPID, on $(uname -n)\"; wait"])?
        .start()
}

fn boxed(argv: &[&str]) -> Result<Container> {
    let uts = UtsNamespace { hostname: Some("box".into()) };
    Container::new(argv)?.with(PidNamespace).with(uts).with(IpcNamespace).capture()
}

fn from_inside(running: &mut Running) -> Result<()> {
    step("What does the command think it is? It says:");
    let said = running.line()?.unwrap_or_default();
    output(&said);
    conclude(match said.starts_with("number 1, parent 0,") {
        true => "it is the first process of its world, and its parent is nobody it could name",
        false => "it is not the first process of a world of its own",
    });
    Ok(())
}

fn from_outside(running: &Running) -> Result<()> {
    step(
        "What does the kernel say of it on the host? An ordinary process, with a number in each PID namespace that sees it.",
    );
    let process = running.child().process();
    let status = process.status()?;
    let (here, there) = (status.nspid.first(), status.nspid.last());
    let numbers = format!("{} {}", pid(here.unwrap_or(&0)), there.unwrap_or(&0));
    evidence(process.file("status NSpid"), numbers);
    new_namespaces(&process)?;
    leaked_descriptors(running)
}

fn new_namespaces(process: &Process) -> Result<()> {
    let ours = Process::this();
    let mut new = Vec::new();
    for kind in Namespace::ALL {
        let (theirs, ours) = (process.namespace(kind)?, ours.namespace(kind)?);
        if theirs != ours {
            let found = format!("{}, here {}", inode(theirs.ino), inode(ours.ino));
            evidence(process.file(format_args!("ns/{}", kind.file())), found);
            new.push(kind.word());
        }
    }
    let (count, words) = (new.len(), new.join(", "));
    let shared = Namespace::ALL.len() - count;
    conclude(format!("{count} new namespaces ({words}); the other {shared} are the host's"));
    Ok(())
}

fn leaked_descriptors(running: &Running) -> Result<()> {
    let open = open_descriptors(running)?;
    evidence(running.child().process().file("fd"), &open);
    conclude(match open == "0 1 2" {
        true => {
            "nothing of the host leaked in: standard input, output and error, and no descriptor more"
        }
        false => "these are not just standard input, output and error",
    });
    Ok(())
}

/// The numbers of the process's descriptors.
fn open_descriptors(running: &Running) -> Result<String> {
    let dir = format!("/proc/{}/fd", running.child().pid());
    let entries =
        ground::call::quietly("list the box's descriptors").run(|| std::fs::read_dir(dir))?;
    let mut numbers: Vec<u32> =
        entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" "))
}

fn guest(running: &Running) -> Result<()> {
    step(
        "The other door: setns takes a second process into the namespaces of the first. This is what exec does.",
    );
    let guest = boxed(&["sh", "-c", "echo \"number $$, parent $PPID, on $(uname -n)\"; :"])?;
    let printed = guest.join(running.child())?.output()?.text;
    printed.lines().for_each(output);
    let neighbour = printed.contains(", parent 0,") && !printed.starts_with("number 1,");
    conclude(match neighbour {
        true => {
            "a neighbour of PID 1, born by a parent outside: 0 stands for a number that this namespace does not have"
        }
        false => {
            "it is no neighbour of a PID 1: its parent has a number here, or it is PID 1 itself"
        }
    });
    Ok(())
}

fn failure() -> Result<()> {
    step(
        "When the child cannot go on, its error travels back over the gate's socket. A command that does not exist:",
    );
    match boxed(&["/no/such/command"])?.start() {
        Ok(_) => conclude("it started, although there is no such command"),
        Err(error) => evidence("the error that the host received", error),
    }
    Ok(())
}

fn end(running: Running) -> Result<()> {
    step("End: the host kills PID 1, waits for it, and no zombie is left");
    let number = running.child().pid();
    running.signal(libc::SIGKILL)?;
    let status = running.wait()?;
    evidence("waitid", status);
    let left = proc::all()?.contains(&number);
    evidence(format!("/proc/{}", pid(number)), if left { "still there" } else { "gone" });
    Ok(())
}
