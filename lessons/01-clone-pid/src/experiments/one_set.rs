//! Every process is in one namespace of each kind; a namespace is an inode.

use clone_pid::Running;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use ground::story::{conclude, evidence, step};

use super::{Only, link, probing};

pub const EXPERIMENT: Experiment = Experiment {
    name: "one-set",
    title: "siblings share a set of namespaces until one of them leaves",
    level: Level::Core,
    claims: &["C007"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Start two children that ask for nothing new, and one with a UTS namespace");
    let first = probing("sleep 60")?.start()?;
    let second = probing("sleep 60")?.start()?;
    let third = probing("sleep 60")?.with(Only(Namespace::Uts)).start()?;

    step("Read the links in /proc/PID/ns: the same type:[inode] is the same namespace");
    for kind in [Namespace::Pid, Namespace::Uts] {
        for running in [&first, &second, &third] {
            let process = running.child().process();
            evidence(
                process.file(format_args!("ns/{}", kind.file())),
                link(kind, process.namespace(kind)?.ino),
            );
        }
    }
    let siblings = differing(&first, &second)?;
    let third_alone = differing(&first, &third)?;
    let ours = Process::this();
    let same_as_ours = Namespace::ALL
        .iter()
        .all(|kind| ours.namespace(*kind).ok() == first.child().process().namespace(*kind).ok());
    conclude(format!(
        "the siblings differ in {} namespaces, the third differs in {}: {}",
        siblings.len(),
        third_alone.len(),
        words(&third_alone)
    ));
    findings.holds("C007", siblings.is_empty() && third_alone == [Namespace::Uts] && same_as_ours);
    for running in [first, second, third] {
        running.kill()?;
    }
    Ok(())
}

fn differing(a: &Running, b: &Running) -> Result<Vec<Namespace>> {
    let (a, b) = (a.child().process(), b.child().process());
    let mut found = Vec::new();
    for kind in Namespace::ALL {
        // Device and inode together identify a file, and so a namespace.
        if a.namespace(kind)? != b.namespace(kind)? {
            found.push(kind);
        }
    }
    Ok(found)
}

fn words(kinds: &[Namespace]) -> String {
    kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ")
}
