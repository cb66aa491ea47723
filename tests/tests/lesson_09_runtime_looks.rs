//! What the runtime of lesson 09 says of a box without going into it: `diff`, `port`.

use ground::needs::Need;
use tests::router::Router;
use tests::runtime::{KEPT, Runtime};
use tests::{Scratch, needs};

const BRIDGE: [Need; 5] = [Need::Admin, Need::Clone3, Need::Veth, Need::Bridge, Need::Nftables];

#[test]
fn diff_says_what_was_added_changed_and_deleted() {
    if !needs(&KEPT) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), Scratch::new());
    scratch.dir("layer/dir");
    scratch.file("layer/old", "x");
    scratch.file("layer/gone", "x");
    let layer = scratch.at("layer");
    let script = "echo y >> /old; rm /gone; mkdir /dir/new; echo done; exec sleep 1000";
    for (name, flags) in [("stays", &[][..]), ("goes", &["--rm"])] {
        let words = [flags, &["--layer", &layer, "sh", "-c", script]].concat();
        runtime.start(name, &words).says("done");
        assert_eq!(runtime.said(&["diff", name]), "C /dir\nA /dir/new\nD /gone\nC /old", "{name}");
    }
    runtime.said(&["stop", "-t", "0", "stays"]);
    assert_eq!(runtime.said(&["diff", "stays"]).lines().count(), 4);
    runtime.said(&["create", "--name", "never", "--layer", &layer, "true"]);
    assert_eq!(runtime.said(&["diff", "never"]), "");
    runtime.said(&["run", "--no-card", "--name", "fixed", "--read-only", "true"]);
    assert_eq!(runtime.said(&["diff", "fixed"]), "");
    // Where the file system has no quotas it writes to a tmpfs that nobody else sees.
    let words =
        ["--storage-opt", "size=8m", "sh", "-c", "echo x > /new; echo done; exec sleep 1000"];
    runtime.start("small", &words).says("done");
    assert_eq!(runtime.said(&["diff", "small"]), "A /new");
    runtime.said(&["stop", "-t", "0", "small"]);
    let project_quota = runtime.ask(&["diff", "small"]).1 == 0;
    assert!(project_quota || runtime.refused(&["diff", "small"]).1.contains("in memory"));
    runtime.said(&["create", "--name", "plain", "true"]);
    let (status, error) = runtime.refused(&["diff", "plain"]);
    assert!(status == 1 && error.contains("plain has no layers"), "{error}");
    assert_eq!(runtime.refused(&["diff", "nobody"]).0, 1);
    assert_eq!(runtime.refused(&["diff"]).0, 2);
}

#[test]
fn port_says_which_ports_of_the_host_lead_to_a_box() {
    if !needs(&BRIDGE) {
        return;
    }
    let (runtime, router) = (Runtime::new(), Router::new());
    let ask = |words: &[&str]| {
        let mut command = router.command("09-init-signals", words);
        let output = command.env("SUDO_UID", runtime.uid()).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (String::from_utf8(text).unwrap().trim_end().to_string(), output.status.code())
    };
    let ports = ["-p", "8080:80", "-p", "127.0.0.1:5353:53/udp", "-p", "8081:80"];
    let words = ["run", "-d", "--name", "web", "--yes", "--network", "bridge"];
    let (said, status) = ask(&[&words[..], &ports, &["sleep", "1000"]].concat());
    assert_eq!(status, Some(0), "{said}");
    let all = "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n53/udp -> 127.0.0.1:5353\n80/tcp -> 0.0.0.0:8081\n80/tcp -> [::]:8081";
    assert_eq!(ask(&["port", "web"]), (all.to_string(), Some(0)));
    let two = "0.0.0.0:8080\n[::]:8080\n0.0.0.0:8081\n[::]:8081";
    assert_eq!(ask(&["port", "web", "80"]), (two.to_string(), Some(0)));
    assert_eq!(ask(&["port", "web", "53/udp"]), ("127.0.0.1:5353".to_string(), Some(0)));
    let (said, status) = ask(&["port", "web", "53"]);
    assert!(status == Some(1) && said.contains("leads to 53/tcp of web"), "{said}");
    for word in ["0", "65536", "80/sctp", "http", ""] {
        assert_eq!(ask(&["port", "web", word]).1, Some(2), "{word:?}");
    }
    ask(&["stop", "-t", "0", "web"]);
    assert_eq!(ask(&["port", "web"]), (String::new(), Some(0)));
    assert_eq!(ask(&["rm", "web"]).1, Some(0));
}
