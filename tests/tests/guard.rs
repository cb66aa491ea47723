//! The safety net: a lesson that makes a mistake makes it in namespaces of its own.

use ground::needs::Need;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use std::process::Command;
use tests::{Background, binary, needs};

#[test]
fn a_lesson_leaves_the_hosts_mount_uts_and_ipc_namespaces_before_anything_else() {
    if !needs(&[Need::InitialRoot, Need::Clone3]) {
        return;
    }
    let mut command = Command::new(binary("01-clone-pid"));
    command.args(["run", "--no-card", "sh", "-c", "echo $$; exec sleep 60"]);
    let mut running = Background::of(command.env_remove("BXW_ON_HOST"));
    assert_eq!(running.line(), "1");
    let lesson = Process::of(running.pid());
    let left = [Namespace::Mount, Namespace::Uts, Namespace::Ipc];
    for kind in Namespace::ALL {
        let differs = lesson.namespace(kind).unwrap() != Process::this().namespace(kind).unwrap();
        assert_eq!(differs, left.contains(&kind), "{kind:?}");
    }
    let shared =
        lesson.mounts().unwrap().iter().filter(|mount| mount.peer_group().is_some()).count();
    assert_eq!(shared, 0, "a mount made in the lesson could reach the host");
}
