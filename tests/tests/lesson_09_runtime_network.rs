//! `--network container:BOX` in the runtime of lesson 09: two boxes, one network.

use ground::proc::ns::Namespace;
use tests::needs;
use tests::runtime::{NEEDS, Runtime};

#[test]
fn a_box_joins_the_network_of_another_by_name() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let net = |name: &str| runtime.named(name).first().namespace(Namespace::Network).unwrap();
    let names = ["--hostname", "pod", "--add-host", "db:10.9.8.7", "--dns", "10.1.1.1"];
    let pod = runtime.start("pod", &[&names[..], &["sleep", "1000"]].concat());
    let id = pod.inspect()["Id"].as_str().unwrap().to_string();
    let join = ["--network", "container:pod", "sleep", "1000"];
    let guest = runtime.start("guest", &join);
    assert_eq!(net("guest"), net("pod"));
    assert_ne!(
        guest.first().namespace(Namespace::Mount).unwrap(),
        pod.first().namespace(Namespace::Mount).unwrap()
    );
    assert_eq!(guest.inspect()["HostConfig"]["NetworkMode"], format!("container:{id}"));

    // The same files, and not copies of them.
    let cat = |name: &str, file: &str| runtime.said(&["exec", name, "cat", file]);
    for (file, word) in [("/etc/hosts", "10.9.8.7\tdb"), ("/etc/resolv.conf", "10.1.1.1")] {
        assert!(cat("guest", file).contains(word), "{file}: {}", cat("guest", file));
        runtime.said(&["exec", "pod", "sh", "-c", &format!("echo '# more' >> {file}")]);
        assert_eq!(cat("guest", file), cat("pod", file));
    }
    assert_eq!(runtime.said(&["exec", "guest", "hostname"]), "pod");
    assert_eq!(runtime.said(&["exec", "guest", "sh", "-c", "echo $HOSTNAME"]), "pod");

    // A third one by the beginning of the ID of the second: a chain.
    let word = format!("container:{}", &guest.inspect()["Id"].as_str().unwrap()[..12]);
    runtime.start("third", &["--network", &word, "sleep", "1000"]);
    assert_eq!(net("third"), net("pod"));
    assert_eq!(cat("third", "/etc/hosts"), cat("pod", "/etc/hosts"));
    assert_eq!(runtime.said(&["exec", "third", "hostname"]), "pod");

    // The name goes to another box; who has joined meant the first.
    runtime.said(&["rename", "pod", "old-pod"]);
    runtime.start("pod", &["sleep", "1000"]);
    runtime.said(&["restart", "-t", "0", "guest"]);
    assert_eq!(net("guest"), net("old-pod"));
    runtime.said(&["restart", "-t", "0", "old-pod"]);
    runtime.said(&["restart", "-t", "0", "guest"]);
    assert_eq!(net("guest"), net("old-pod"));

    // Without the other one there is no network to be in.
    runtime.said(&["stop", "-t", "0", "old-pod", "guest"]);
    let (status, error) = runtime.refused(&["start", "guest"]);
    assert!(status == 1 && error.contains("old-pod is not running"), "{status} {error}");
    runtime.said(&["rm", "old-pod"]);
    let (status, error) = runtime.refused(&["start", "guest"]);
    assert!(status == 1 && error.contains("is gone, whose network it has"), "{status} {error}");
    runtime.said(&["rm", "-f", "guest", "third", "pod"]);
    runtime.leaves_nothing();
}

#[test]
fn in_the_foreground_too() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let pod = runtime.start("pod", &["--hostname", "pod", "sleep", "1000"]);
    let words = ["run", "--rm", "--no-card", "--network", "container:pod", "sh", "-c"];
    let said = runtime.said(&[&words[..], &["hostname; readlink /proc/self/ns/net"]].concat());
    let link = std::fs::read_link(format!("/proc/{}/ns/net", pod.pid())).unwrap();
    assert_eq!(said, format!("pod\n{}", link.display()));
    runtime.said(&["rm", "-f", "pod"]);
    runtime.leaves_nothing();
}

#[test]
fn what_is_the_other_boxs_cannot_be_given() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    runtime.start("pod", &["sleep", "1000"]);
    for flag in ["--hostname=x", "--add-host=a:1.2.3.4", "--dns=1.2.3.4", "-p=80:80"] {
        let words = ["run", "-d", "--network", "container:pod", flag, "true"];
        let (status, error) = runtime.refused(&words);
        assert_eq!(status, 125, "{flag}: {error}");
    }
    for word in ["container:nobody", "container:", "container:999999999"] {
        let (status, error) = runtime.refused(&["run", "--rm", "--network", word, "true"]);
        assert_eq!(status, 125, "{word}: {error}");
    }
    runtime.said(&["create", "--name", "never", "true"]);
    let words = ["run", "--rm", "--network", "container:never", "true"];
    let (status, error) = runtime.refused(&words);
    assert!(status == 125 && error.contains("never is not running"), "{status} {error}");
}
