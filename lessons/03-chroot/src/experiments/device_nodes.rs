//! Device nodes: who may make one, and where one does anything.

use chroot::Rootfs;
use clone_pid::beyond::UserNamespace;
use clone_pid::{Container, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, output, step};
use nix::mount::MsFlags;

use crate::attack::{first_errno, value};
use crate::boxes::{PROBE, Scratch, Without, place};
use crate::sys::CAP_MKNOD;
use mount_ns::MountNamespace;

pub const EXPERIMENT: Experiment = Experiment {
    name: "device-nodes",
    title: "a device node is a door in any directory, unless the mount says nodev",
    level: Level::Deep,
    claims: &["C202"],
    needs: &[Need::Mknod, Need::Clone3, Need::UserNamespaces],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Root in a box makes the device 1:3, /dev/null, in the root directory, and writes to it");
    let made = outcome(boxed(MsFlags::empty())?)?;
    step("Without CAP_MKNOD");
    let without = outcome(boxed(MsFlags::empty())?.with(Without(CAP_MKNOD, "CAP_MKNOD")))?;
    step("As root of a user namespace, with every capability there");
    let in_userns = outcome(boxed(MsFlags::empty())?.with(UserNamespace))?;
    step("With CAP_MKNOD, on a mount with nodev");
    let nodev = outcome(boxed(MsFlags::MS_NODEV)?)?;
    let found = [&made, &without, &in_userns, &nodev].map(String::as_str);
    let expected = found == ["written", "mknod EPERM", "mknod EPERM", "open EACCES"];
    conclude(match expected {
        true => {
            "the number in the node is the device, whatever its name and place. CAP_MKNOD of the initial user \
             namespace makes one; nodev lets it be made, and refuses to open it"
        }
        false => "not all four as expected: written, EPERM, EPERM, EACCES",
    });
    findings.holds("C202", expected);
    Ok(())
}

fn boxed(flags: MsFlags) -> Result<Container> {
    Container::new(&[PROBE, "script", "mknod /door c 1 3; stat /door; write /door hello"])?
        .with(PidNamespace)
        .with(MountNamespace::private())
        .with(Scratch::new(&place()?).flags(flags))
        .with(Rootfs::new(place()?))
        .capture()
}

/// The call that failed and its errno, or `written`, when device 1:3 was made and written to.
fn outcome(container: Container) -> Result<String> {
    let text = container.start()?.output()?.text;
    let of_interest = |line: &&str| {
        ["call ", "type ", "rdev ", "bxw-probe "].iter().any(|prefix| line.starts_with(prefix))
    };
    text.lines().filter(of_interest).for_each(output);
    let made = value(&text, "type") == "char" && value(&text, "rdev") == "1:3";
    let written = text.lines().any(|line| line == "call write(\"/door\") = 0");
    Ok(match first_errno(&text) {
        Some(errno) => format!("mknod {errno}"),
        None if made && text.contains("open(/door): EACCES") => "open EACCES".to_string(),
        None if made && written => "written".to_string(),
        None => "neither".to_string(),
    })
}
