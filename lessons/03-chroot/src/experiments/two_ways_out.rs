//! Out of the jail by two ways, and both again after pivot_root.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, muted, output, step};
use ground::text::path;

use crate::attack::{Reached, WAYS, attack, attack_again, first_errno, looked_up, marker, value};
use crate::boxes::{Without, jail, pivoted};
use crate::sys::CAP_SYS_CHROOT;

pub const EXPERIMENT: Experiment = Experiment {
    name: "two-ways-out",
    title: "a jail made by chroot keeps files out of sight, and nobody in",
    level: Level::Core,
    claims: &["C057"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let marker = marker()?;
    step("In the jail the host's files have no name: the marker's path leads nowhere");
    let hidden = is_hidden(&marker)?;
    step("First way out: a second chroot, which leaves the working directory behind, outside");
    let by_cwd = told(attack_again(jail(&[WAYS[0], &marker])?)?);
    step("Second way: the same with a directory that was opened before");
    let by_fd = told(attack_again(jail(&[WAYS[1], &marker])?)?);
    step("Without CAP_SYS_CHROOT there is no second chroot");
    let refused = is_refused(&marker)?;
    step("The first attack after pivot_root");
    let cwd_again = told(attack(pivoted(&[WAYS[0], &marker])?)?);
    step("The second attack after pivot_root");
    let fd_again = told(attack_again(pivoted(&[WAYS[1], &marker])?)?);

    let out = by_cwd == Reached::Host && by_fd == Reached::Host;
    let stays = cwd_again == Reached::Nothing && fd_again == Reached::Nothing;
    findings.because(
        "chroot changes where names are looked up and is no wall: who may call it again gets out",
    );
    findings.partly("C057", hidden, out && refused && stays);
    Ok(())
}

fn told(reached: Reached) -> Reached {
    conclude(reached.told());
    reached
}

/// Whether the marker cannot be found by its path.
fn is_hidden(marker: &str) -> Result<bool> {
    let text = jail(&["stat", marker])?.start()?.output()?.text;
    text.lines().for_each(|line| output(line.replace(marker, &path(marker).to_string())));
    Ok(looked_up(&text, marker) == "ENOENT")
}

/// Whether the first attack ends at its chroot, with EPERM, and stays in.
fn is_refused(marker: &str) -> Result<bool> {
    let container = jail(&[WAYS[0], marker])?.with(Without(CAP_SYS_CHROOT, "CAP_SYS_CHROOT"));
    let text = muted(|| container.start()?.output())?.text;
    text.lines().filter_map(|line| line.strip_prefix("call ")).for_each(output);
    let refused = first_errno(&text) == Some("EPERM") && value(&text, "escaped") == "no";
    conclude(match refused {
        true => {
            "who may not call chroot cannot leave by it. Docker leaves CAP_SYS_CHROOT to its containers all the same: \
             they stand on pivot_root"
        }
        false => "the attack was not stopped at its chroot",
    });
    Ok(refused)
}
