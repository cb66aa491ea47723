//! What the kernel takes for a map.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;

use clone_pid::beyond::probing;
use clone_pid::{Child, Part};
use ground::Result;
use ground::call::IntoErrno;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use nix::errno::Errno;
use nix::sched::CloneFlags;

pub const EXPERIMENT: Experiment = Experiment {
    name: "map-rules",
    title: "a map is written once, in one write of at most 340 lines",
    level: Level::Deep,
    claims: &["C235"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run,
};

/// What is tried, the text that is written, and the errno that the kernel should answer with.
type Attempt = (&'static str, fn() -> String, Option<Errno>);

const TRIALS: [Attempt; 7] = [
    ("341 lines", || lines(341, 0), Some(Errno::EINVAL)),
    ("two lines that overlap", || "0 100000 10\n5 200000 10\n".into(), Some(Errno::EINVAL)),
    ("a range of no ID", || "0 100000 0\n".into(), Some(Errno::EINVAL)),
    ("a range beyond the last ID", || "0 4294967290 10\n".into(), Some(Errno::EINVAL)),
    ("340 lines in more than a page", || lines(340, 1_000_000_000), Some(Errno::EINVAL)),
    ("340 lines", || lines(340, 0), None),
    ("once more", || lines(340, 0), Some(Errno::EPERM)),
];

/// So many lines of one ID each.
fn lines(count: u32, first: u32) -> String {
    (0..count).map(|i| format!("{i} {} 1\n", first + i)).collect()
}

fn run(findings: &mut Findings) -> Result<()> {
    step("A child in a new user namespace waits, and its uid_map is written");
    let trials = Rc::new(RefCell::new(Vec::new()));
    let part = Rules(Rc::clone(&trials));
    // Nobody maps its groups: the child cannot become root, and ends.
    let _ = muted(|| probing("pid")?.with(part).start());
    let trials = trials.borrow();
    for (what, said) in trials.iter() {
        evidence(
            what,
            said.map_or_else(
                |errno| format!("{errno:?}"),
                |lines| format!("ok, {lines} lines read back"),
            ),
        );
    }
    let expected = TRIALS.iter().map(|(what, _, errno)| (*what, errno.map_or(Ok(340), Err)));
    let held = trials.iter().copied().eq(expected);
    if held {
        conclude("everybody's rights are reckoned by the map: it does not change any more");
    }
    findings.holds("C235", held);
    Ok(())
}

/// What was written, and the lines read back or the errno.
type Trial = (&'static str, Result<usize, Errno>);

/// Tries one map after the other. One that is refused leaves the file as it was: empty.
struct Rules(Rc<RefCell<Vec<Trial>>>);

impl Part for Rules {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWUSER
    }

    fn attach(&mut self, child: &Child) -> Result<()> {
        let file = format!("/proc/{}/uid_map", child.pid());
        for (what, text, _) in TRIALS {
            let written = fs::write(&file, text()).map_err(IntoErrno::into_errno);
            let lines = child.process().uid_map()?.len();
            self.0.borrow_mut().push((what, written.map(|()| lines)));
        }
        Ok(())
    }
}
