//! The kernel modules that the machine needs, found in a directory `lib/modules/RELEASE`, each
//! after those it depends on, without depmod(8) having been there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::unpack;
use crate::failure::{Context, Failure, Result};

/// Without these there is no machine.
pub const REQUIRED: [&str; 5] = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"];

/// What the lessons use, loaded when the kernel has it. crc32c is what others ask for by an alias.
pub const WANTED: [&str; 22] = [
    "crc32c_generic",
    "loop",
    "squashfs",
    "ext4",
    "quota_v2",
    "fuse",
    "macvlan",
    "ipvlan",
    "vxlan",
    "veth",
    "bridge",
    "br_netfilter",
    "tun",
    "nf_tables",
    "nft_chain_nat",
    "nft_nat",
    "nft_masq",
    "nft_redir",
    "nft_ct",
    "nft_fib_inet",
    "nft_reject_inet",
    "zram",
];

/// The modules of one kernel.
#[derive(Debug, Default)]
pub struct Modules {
    files: BTreeMap<String, PathBuf>,
    builtin: BTreeSet<String>,
}

impl Modules {
    /// Reads the directory. Without one, everything is taken to be built in.
    pub fn scan(dir: &Path) -> Result<Modules> {
        let mut modules = Modules::default();
        modules.walk(dir)?;
        let list = fs::read_to_string(dir.join("modules.builtin")).unwrap_or_default();
        modules.builtin = list.lines().filter_map(|line| name(Path::new(line))).collect();
        Ok(modules)
    }

    fn walk(&mut self, dir: &Path) -> Result<()> {
        for entry in fs::read_dir(dir).doing("read directory", dir)? {
            let path = entry.doing("read directory", dir)?.path();
            let is_link = path.is_symlink(); // `build` and `source` lead elsewhere
            if path.is_dir() && !is_link {
                self.walk(&path)?;
            } else if let Some(name) = name(&path) {
                self.files.insert(name, path);
            }
        }
        Ok(())
    }

    /// Those of [`REQUIRED`] that this kernel does not have.
    pub fn missing(&self) -> Vec<&'static str> {
        let has = |name: &str| self.files.contains_key(name) || self.builtin.contains(name);
        REQUIRED.into_iter().filter(|name| !has(name)).collect()
    }

    /// Name and content of all modules to load, in an order in which they load.
    pub fn to_load(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut order = Order { modules: self, seen: BTreeSet::new(), loaded: Vec::new() };
        for name in REQUIRED.iter().chain(&WANTED) {
            order.add(name)?;
        }
        Ok(order.loaded)
    }
}

struct Order<'a> {
    modules: &'a Modules,
    seen: BTreeSet<String>,
    loaded: Vec<(String, Vec<u8>)>,
}

impl Order<'_> {
    fn add(&mut self, name: &str) -> Result<()> {
        let Some(path) = self.modules.files.get(name) else { return Ok(()) };
        if !self.seen.insert(name.to_owned()) {
            return Ok(());
        }
        let module = content(path)?;
        for dependency in dependencies(&module) {
            self.add(&dependency)?;
        }
        self.loaded.push((name.to_owned(), module));
        Ok(())
    }
}

/// `…/nf-tables.ko.xz` is the module `nf_tables`.
fn name(path: &Path) -> Option<String> {
    let (name, suffix) = path.file_name()?.to_str()?.split_once(".ko")?;
    let known = ["", ".xz", ".zst", ".gz"].contains(&suffix);
    known.then(|| name.replace('-', "_"))
}

fn content(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).doing("read", path)?;
    match unpack::by_magic(&bytes)? {
        Some(content) => Ok(content),
        None if bytes.starts_with(b"\x7fELF") => Ok(bytes),
        None => Err(Failure::unusable(format!("{} is no kernel module", path.display()))),
    }
}

/// The entry `depends=a,b` of the section .modinfo, which consists of strings closed by NUL.
fn dependencies(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let value = module[at + KEY.len()..].split(|byte| *byte == 0).next().unwrap_or_default();
    let names = String::from_utf8_lossy(value).into_owned();
    names.split(',').filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_become_module_names() {
        for (path, expected) in [
            ("kernel/fs/9p/9p.ko.xz", Some("9p")),
            ("kernel/net/bridge/br-netfilter.ko", Some("br_netfilter")),
            ("x/loop.ko.zst", Some("loop")),
            ("modules.builtin", None),
            ("x/loop.ko.sig", None),
        ] {
            assert_eq!(name(Path::new(path)).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn dependencies_are_read_from_the_module() {
        let module = b"\x7fELF\0license=GPL\0depends=9pnet,nf-tables\0name=x\0";
        assert_eq!(dependencies(module), ["9pnet", "nf_tables"]);
        assert_eq!(dependencies(b"\x7fELF\0depends=\0"), [""; 0]);
        assert_eq!(dependencies(b"\x7fELF"), [""; 0]);
    }

    #[test]
    fn what_is_built_in_is_not_missing() {
        let mut modules = Modules::default();
        modules.builtin.extend(["virtio_pci", "virtio_console", "overlay"].map(str::to_owned));
        modules.files.insert("9p".into(), "9p.ko".into());
        assert_eq!(modules.missing(), ["9pnet_virtio"]);
    }
}
