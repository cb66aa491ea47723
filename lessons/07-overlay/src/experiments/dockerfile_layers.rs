//! What the lines of a Dockerfile cost.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::size;
use overlay::Layers;

use crate::kitchen::Kitchen;

pub const EXPERIMENT: Experiment = Experiment {
    name: "dockerfile-layers",
    title: "each RUN makes a layer, and what a later one deletes still costs its size",
    level: Level::Deep,
    claims: &["C194"],
    needs: &[Need::Admin, Need::Clone3, Need::Overlay],
    run,
};

const MIB: u64 = 1 << 20;

fn run(findings: &mut Findings) -> Result<()> {
    let kitchen = Kitchen::open("dockerfile")?;
    muted(|| kitchen.base())?;

    step("Three RUN: make a file of 4 MiB, delete it, do something else");
    let write = "head -c 4194304 /dev/zero > /big";
    let three =
        kitchen.build(&format!("FROM base\nRUN {write}\nRUN rm /big\nRUN echo > /else\n"))?;
    let sizes = kitchen.sizes(&three)?;
    for (number, bytes) in sizes.iter().enumerate().skip(1) {
        evidence(format!("layer of RUN {number}, bytes"), size(bytes));
    }
    step("The same in one RUN, with && between");
    let one = kitchen.build(&format!("FROM base\nRUN {write} && rm /big && echo > /else\n"))?;
    let joined = kitchen.sizes(&one)?;
    evidence("layer of RUN, bytes", size(joined.last().unwrap_or(&0)));
    let bloated = sizes.len() == 4 && sizes[1] > 4 * MIB && joined.len() == 2 && joined[1] < MIB;
    if bloated {
        conclude("a layer cannot take anything out of another: a deletion is one more entry");
    }

    step("Not only RUN, and not only 127: 130 COPY, from nothing");
    let many = format!("FROM scratch\n{}", "COPY file /\n".repeat(130));
    let many = muted(|| kitchen.build(&many))?;
    let layers = kitchen.sizes(&many)?.len();
    evidence("layers", layers);
    let mounted = muted(|| Layers::read_only(kitchen.layers(&many)?).mount()).is_ok();
    evidence("mount of all of them", if mounted { "ok" } else { "refused" });
    if layers == 130 && mounted {
        conclude("COPY makes layers, too; the limit of 125 is Docker's, the kernel's is 500");
    }
    findings.partly("C194", bloated, layers == 130 && mounted);
    findings.because("COPY makes layers as well, and the kernel stacks more than 127");
    Ok(())
}
