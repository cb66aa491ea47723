//! Trees built for real, from this machine's tools, in a directory of the test's own.

use std::os::unix::fs::MetadataExt;
use std::thread;

use super::*;
use crate::rootfs::plan::search_path;

/// A store that is gone when the test is.
struct Store(PathBuf);

impl Store {
    fn new() -> Store {
        let template = std::env::temp_dir().join("bxw-test-XXXXXX");
        Store(mkdtemp(&template).unwrap())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Any program does as the probe.
fn plan() -> Plan {
    Plan::new(Path::new("/bin/ls"), &search_path()).unwrap()
}

/// The same where busybox is not installed.
fn plan_without_busybox(store: &Store) -> Plan {
    let tools = store.0.join("tools");
    fs::create_dir(&tools).unwrap();
    for tool in ["sh", "ls", "ps", "mount"] {
        let host =
            search_path().iter().map(|dir| dir.join(tool)).find(|path| path.exists()).unwrap();
        symlink(host, tools.join(tool)).unwrap();
    }
    Plan::new(Path::new("/bin/ls"), &[tools]).unwrap()
}

#[test]
fn of_two_builders_one_wins_and_both_get_its_tree() {
    let (store, plan) = (Store::new(), plan());
    let build = || tree(&store.0, &plan).unwrap();
    let trees = thread::scope(|scope| {
        let builders: Vec<_> = (0..4).map(|_| scope.spawn(build)).collect();
        builders.into_iter().map(|builder| builder.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(trees.iter().all(|tree| *tree == store.0.join(plan.name())));
    assert!(plan.stands_in(&trees[0]));
    assert_eq!(store.names(), [plan.name()]);
}

#[test]
fn a_finished_tree_is_reused() {
    let (store, plan) = (Store::new(), plan());
    let inode = || fs::metadata(tree(&store.0, &plan).unwrap()).unwrap().ino();
    assert_eq!(inode(), inode());
}

#[test]
fn a_damaged_tree_is_set_aside_and_built_anew() {
    let (store, plan) = (Store::new(), plan());
    let built = tree(&store.0, &plan).unwrap();
    fs::remove_dir_all(built.join("bin")).unwrap();
    assert_eq!(tree(&store.0, &plan).unwrap(), built);
    assert!(plan.stands_in(&built));
    assert_eq!(store.names().len(), 2);
}

#[test]
fn host_tools_bring_their_loader() {
    let store = Store::new();
    let plan = plan_without_busybox(&store);
    let built = tree(&store.0, &plan).unwrap();
    for library in libraries::of(&fs::canonicalize("/bin/sh").unwrap()).unwrap() {
        assert!(built.join(library.at.strip_prefix("/").unwrap()).is_file(), "{library:?}");
    }
    assert!(!built.join("bin/busybox").exists());
}

#[test]
fn everybody_may_read_and_execute_and_nothing_is_setuid() {
    fn check(dir: &Path) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let least = if meta.is_dir() { 0o755 } else { 0o444 };
            let wrong =
                !meta.is_symlink() && (meta.mode() & least != least || meta.mode() & 0o6000 != 0);
            assert!(!wrong, "{} {:o}", path.display(), meta.mode());
            if meta.is_dir() {
                check(&path);
            }
        }
    }
    let store = Store::new();
    tree(&store.0, &plan_without_busybox(&store)).unwrap();
    check(&store.0);
}

#[test]
fn a_builder_that_fails_leaves_nothing() {
    let store = Store::new();
    let mut plan = plan();
    plan.entries.push(Entry::Link("bin", "elsewhere"));
    assert!(tree(&store.0, &plan).is_err());
    assert_eq!(store.names(), Vec::<String>::new());
}
