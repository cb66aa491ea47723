//! The first root directory of the machine: its first process, the modules, and nothing else.

use super::cpio::Archive;
use super::kernel::Kernel;
use super::modules::Modules;
use crate::failure::Result;

/// Mount points of the first process; it makes the others itself.
const DIRECTORIES: [&str; 7] = ["dev", "proc", "sys", "host", "scratch", "new", "modules"];

/// Packs the first process, which must be a static executable, with the kernel's modules.
pub fn build(agent: &[u8], kernel: &Kernel) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    DIRECTORIES.iter().for_each(|name| archive.directory(name));
    archive.device("dev/console", 5, 1);
    archive.device("dev/null", 1, 3);
    archive.program("init", agent);
    if let Some(dir) = &kernel.modules {
        for ((name, module), n) in Modules::scan(dir)?.to_load()?.into_iter().zip(0..) {
            archive.program(&format!("modules/{n:03}-{name}"), &module);
        }
    }
    Ok(archive.finish())
}
