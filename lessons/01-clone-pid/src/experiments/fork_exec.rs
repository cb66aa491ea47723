//! Which commands of a shell are processes? In a fresh PID namespace the numbers count them.

use clone_pid::{Container, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, output, step};

pub const EXPERIMENT: Experiment = Experiment {
    name: "fork-exec",
    title: "external commands fork, builtins do not, and $$ is the shell's own number",
    level: Level::Deep,
    claims: &["C009"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// Each line prints the number of whoever runs it. The trailing `:` keeps the shells from replacing themselves by their
/// last command instead of forking.
const SCRIPT: &str = "\
echo $$; \
sh -c 'echo $$; :'; \
cd / && pwd >/dev/null; \
sh -c 'echo $$; :'; \
(echo $$; sh -c 'echo $$; :'; :); \
:";

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "A shell that is PID 1 prints $$, runs a command, two builtins, a command, and a subshell that does both",
    );
    let running = Container::new(&["sh", "-c", SCRIPT])?.with(PidNamespace).capture()?.start()?;
    let text = running.output()?.text;
    text.lines().for_each(output);
    let numbers: Vec<i32> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
    let [shell, first, second, in_subshell, below_subshell] = numbers[..] else {
        findings.holds("C009", false);
        return Ok(());
    };
    box_evidence("a command takes the next number", format!("{shell} then {first}"));
    box_evidence("cd and pwd took none", format!("{first} then {second}"));
    box_evidence(
        "the subshell took one, but its $$ is the shell's",
        format!("{in_subshell}, then {below_subshell}"),
    );
    let forks = shell == 1 && first == 2;
    let builtins_do_not = second == 3;
    let subshell_hides = in_subshell == 1 && below_subshell == 5;
    conclude(match forks && builtins_do_not && subshell_hides {
        true => {
            "a command is a process of its own; a builtin is the shell itself; $$ is not always who you are"
        }
        false => "this shell has forked for other commands than expected",
    });
    findings.because("shell builtins, the source's own example pwd among them, do not fork");
    findings.partly("C009", forks, builtins_do_not && subshell_hides);
    Ok(())
}
