//! `build` of lesson 07: what it makes, what it refuses, and that others run it.

use std::process::Command;

use ground::needs::Need;
use tests::archive::{Images, plain_file_system};
use tests::{Scratch, needs, program, said};

const NEEDS: [Need; 2] = [Need::Admin, Need::InitialRoot];
const DOCKERFILE: &str = "FROM base\nENV GREETING=\"hello there\"\nWORKDIR /work\nRUN [\"/bxw-probe\", \"report\"]\n\
    COPY file dir/ /data/\nUSER 1000:1000\nCMD [\"first\"]\nENTRYPOINT [\"/bxw-probe\"]\nCMD [\"report\"]\n";

#[test]
fn what_is_built_runs_in_podman_and_here() {
    if !needs(&NEEDS) || !needs(&[Need::Overlay, Need::Clone3]) {
        return;
    }
    let scratch = Scratch::new();
    let images = Images(&scratch);
    images.did(&["import", "-n", "base", &plain_file_system(&scratch)]);
    scratch.dir("context/dir");
    scratch.file("context/file", "copied");
    scratch.file("context/dir/inner", "inner");
    scratch.file("context/dir/left.log", "out");
    scratch.file("context/.dockerignore", "**/*.log\n");
    let output = images.build(DOCKERFILE, "built:1");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let image = images.json(&["inspect", "built:1"]);
    let config = &image["config"];
    assert_eq!(config["Cmd"], serde_json::json!(["report"]));
    assert_eq!((&config["WorkingDir"], &config["User"]), (&"/work".into(), &"1000:1000".into()));
    let layers = image["layers"].as_array().unwrap();
    // WORKDIR made a directory, RUN and COPY a layer each.
    assert_eq!(layers.len(), 4, "{layers:#?}");
    let copied = layers[3]["directory"].as_str().unwrap();
    let names = scratch.listing(&copied[scratch.at("").len()..]);
    let names: Vec<_> =
        names.iter().map(|at| at.strip_prefix(copied).unwrap().display().to_string()).collect();
    assert_eq!(names, ["data", "data/file", "data/inner"]);
    let here = tests::lesson("07-overlay")
        .args(["run", "--no-card", "--store", &images.at(), "--image", "built:1"])
        .output()
        .unwrap();
    assert!(here.status.success(), "{}", String::from_utf8_lossy(&here.stderr));
    if !program("podman") || !program("runc") {
        return;
    }
    let saved = scratch.at("saved.tar");
    images.did(&["save", "built:1", "-o", &saved]);
    let place = ["--root", &scratch.at("podman"), "--runroot", &scratch.at("podman-run")];
    let podman = |args: &[&str]| {
        let mut command = Command::new("podman");
        command.args([
            "--runtime",
            "runc",
            "--cgroup-manager",
            "cgroupfs",
            "--storage-driver",
            "vfs",
        ]);
        said(command.args(place).args(args))
    };
    podman(&["load", "-q", "-i", &saved]);
    let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    let run =
        [&["run", "--rm", "--network=none", "--cgroups=no-conmon"], &limits[..], &["built:1"]]
            .concat();
    let there = podman(&run);
    let said_here = String::from_utf8_lossy(&here.stdout).into_owned();
    let field = |text: &str, name: &str| {
        text.lines().find(|line| line.starts_with(name)).map(str::to_string)
    };
    for name in ["uid", "gid", "cwd"] {
        assert_eq!(field(&there, name), field(&said_here, name), "{name}: {there}");
    }
    podman(&["save", "-q", "--format", "docker-archive", "-o", &scratch.at("back.tar"), "built:1"]);
    images.did(&["import", &scratch.at("back.tar")]);
    let back = images.json(&["inspect", "localhost/built:1"]);
    let ids = |image: &serde_json::Value| -> Vec<_> {
        image["layers"].as_array().unwrap().iter().map(|layer| layer["diff_id"].clone()).collect()
    };
    assert_eq!(ids(&back), ids(&image));
    podman(&["rmi", "-a", "-f"]);
}

#[test]
fn a_build_says_which_line_it_cannot_do() {
    let scratch = Scratch::new();
    let images = Images(&scratch);
    for (dockerfile, status, words) in [
        ("FROM scratch\nADD x /\n", 2, &["line 2", "ADD"][..]),
        ("FROM scratch\nHEALTHCHECK CMD x\n", 2, &["line 2", "HEALTHCHECK"]),
        ("FROM scratch\nCOPY none /\n", 2, &["line 2", "no \"none\""]),
        ("FROM scratch\nCOPY ../x /\n", 2, &["line 2", "leads out of the context"]),
        ("FROM scratch\nCOPY --from=x a b\n", 2, &["line 2", "--from"]),
        ("FROM nothing:1\n", 1, &["line 1", "there is no image"]),
        ("RUN x\n", 2, &["line 1", "FROM"]),
        ("", 2, &["no instruction"]),
    ] {
        let output = images.build(dockerfile, "x");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{dockerfile}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        words.iter().for_each(|word| assert!(errors.contains(word), "no {word} in {errors}"));
    }
    assert_eq!(images.json(&["list"]), serde_json::json!([]));
    images.is_consistent();
}

#[test]
fn with_source_date_epoch_the_same_files_give_the_same_image() {
    if !needs(&[Need::Admin, Need::Overlay]) {
        return;
    }
    let built = |delay: u64| {
        let scratch = Scratch::new();
        let images = Images(&scratch);
        scratch.dir("context");
        scratch.file("context/file", "copied");
        said(Command::new("touch").args(["-d", "@1500000000", &scratch.at("context/file")]));
        std::thread::sleep(std::time::Duration::from_millis(delay));
        let file =
            scratch.file("Dockerfile", "FROM scratch\nCOPY file /a/b/\nWORKDIR /c\nCMD [\"x\"]\n");
        let mut command = tests::lesson("07-overlay");
        command.env("SOURCE_DATE_EPOCH", "1600000000");
        command.args([
            "build",
            "-q",
            "--store",
            &images.at(),
            "-f",
            &file,
            "-t",
            "x",
            &scratch.at("context"),
        ]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let first = built(0);
    assert!(first.starts_with("sha256:"), "{first}");
    assert_eq!(first, built(1100));
}

/// PID 1 of the box would ignore it.
#[test]
fn a_signal_ends_a_build_and_what_it_runs() {
    if !needs(&NEEDS) || !needs(&[Need::Overlay, Need::Clone3]) {
        return;
    }
    let scratch = Scratch::new();
    let images = Images(&scratch);
    images.did(&["import", "-n", "base", &plain_file_system(&scratch)]);
    let file = scratch.file("Dockerfile", "FROM base\nRUN [\"/bxw-probe\", \"hold\"]\n");
    let context = scratch.dir("context");
    let args = ["build", "--store", &images.at(), "-f", &file, "-t", "x", &context];
    let mut building = tests::Background::start("07-overlay", &args);
    building.line();
    assert!(building.line().starts_with("step 2/2"));
    let boxed = building.boxed();
    building.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(building.wait().code(), Some(128 + 15));
    assert!(!std::fs::exists(format!("/proc/{boxed}/exe")).unwrap_or(false));
    images.is_consistent();
    assert_eq!(images.json(&["list"]).as_array().unwrap().len(), 1);
}

/// A change of user takes away the signal that kills a box with its parent; Fedora's images set `container`.
#[test]
fn a_box_with_the_user_and_environment_of_an_image_is_still_ours() {
    if !needs(&NEEDS) || !needs(&[Need::Overlay, Need::Clone3]) {
        return;
    }
    let scratch = Scratch::new();
    let images = Images(&scratch);
    images.did(&["import", "-n", "base", &plain_file_system(&scratch)]);
    let built = images.build("FROM base\nENV container=oci\nWORKDIR /work\nUSER 1000:1000\n", "x");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let at = images.at();
    let flags = ["run", "--no-card", "--network", "none", "--store", &at, "--image", "x"];
    let args = [&flags[..], &["--workdir", "/", "/bxw-probe", "hold"]].concat();
    let mut running = tests::Background::start("07-overlay", &args);
    assert_eq!(running.line(), "ready");
    let boxed = running.boxed();
    let proc = |name: &str| format!("/proc/{boxed}/{name}");
    let environ = String::from_utf8(std::fs::read(proc("environ")).unwrap()).unwrap();
    let marked = environ.split('\0').any(|entry| entry.starts_with("container=bxw-"));
    assert!(marked, "{environ:?}");
    // Asked for, and so not where the image says.
    assert_eq!(std::fs::read_link(proc("cwd")).unwrap(), std::path::Path::new("/"));
    running.signal(nix::sys::signal::Signal::SIGKILL);
    running.wait();
    tests::eventually("the box has ended", || {
        (!std::fs::exists(proc("exe")).unwrap_or(false)).then_some(())
    });
    tests::lesson("00-ground").arg("clean").assert().success();
}
