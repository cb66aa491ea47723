//! Boxes that are made of layers, in the runtime of lesson 09: what they write stays, and what they are made of.

use std::fs;

use tests::runtime::{KEPT, Runtime};
use tests::{Scratch, needs};

/// A store with an image of this name: the usual root, and a file that says which image it is. A box writes its archive.
fn image(runtime: &Runtime, scratch: &Scratch, name: &str, word: &str) {
    let script = "mkdir -p /w/proc /w/dev /w/sys; cp -a /bin /lib /lib64 /usr /etc /w 2>&-; echo $0 > /w/etc/which; \
        exec tar -C /w -cf - .";
    let run = ["run", "--rm", "--no-card", "--overlay", "sh", "-c", script, word];
    let archive = runtime.output(&run).stdout;
    let file = scratch.file(&format!("{word}.tar"), archive);
    images(runtime, scratch, &["import", "--name", name, &file]);
}

/// `image WORDS…` on that store.
#[track_caller]
fn images(runtime: &Runtime, scratch: &Scratch, words: &[&str]) -> String {
    runtime.said(&[&["image", "--store", &scratch.at("store")], words].concat())
}

#[track_caller]
fn digest(runtime: &Runtime, scratch: &Scratch, name: &str) -> String {
    let text = images(runtime, scratch, &["inspect", name, "--json"]);
    let image: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    image["digest"].as_str().expect("it has one").to_string()
}

#[test]
fn what_a_box_of_layers_writes_stays_until_it_is_removed() {
    if !needs(&KEPT) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), Scratch::new());
    let layer = scratch.dir("layer");
    let script = "echo more >> /etc/kept; cat /etc/kept | wc -l; exec sleep 1000";
    let boxed = runtime.start("keeps", &["--layer", &layer, "sh", "-c", script]);
    boxed.says("1");
    runtime.said(&["restart", "-t", "0", "keeps"]);
    boxed.says("2");
    runtime.said(&["stop", "-t", "0", "keeps"]);
    runtime.said(&["start", "keeps"]);
    boxed.says("3");
    // Whoever kills the monitor takes the box along, and not what it wrote.
    nix::sys::signal::kill(boxed.monitor(), nix::sys::signal::Signal::SIGKILL).unwrap();
    boxed.becomes("exited");
    runtime.said(&["start", "keeps"]);
    boxed.says("4");
    assert!(scratch.listing("layer").is_empty());
    let kept = runtime.boxes().join(boxed.inspect()["Id"].as_str().unwrap()).join("layer/upper");
    assert_eq!(fs::read_to_string(kept.join("etc/kept")).unwrap().lines().count(), 4);
    // Another box of the same layers sees nothing of it.
    let other = ["run", "--rm", "--no-card", "--layer", &layer, "sh", "-c", "cat /etc/kept"];
    assert_eq!(runtime.ask(&other).1, 1);
    runtime.said(&["rm", "-f", "keeps"]);
    runtime.leaves_nothing();
}

#[test]
fn a_box_in_the_foreground_with_a_name_keeps_what_it_wrote() {
    if !needs(&KEPT) {
        return;
    }
    let runtime = Runtime::new();
    let script = "echo x >> /root-of-it; wc -l < /root-of-it";
    let run = ["run", "--no-card", "--name", "fore", "--overlay", "sh", "-c", script];
    assert_eq!(runtime.said(&run).trim(), "1");
    assert_eq!(runtime.said(&["start", "-a", "fore"]).trim(), "2");
    let twice = ["run", "--rm", "--no-card", "--overlay", "sh", "-c", script];
    assert_eq!(runtime.said(&twice).trim(), "1");
    assert_eq!(runtime.said(&twice).trim(), "1");
    runtime.said(&["prune"]);
    runtime.leaves_nothing();
}

#[test]
fn a_name_that_moves_does_not_change_a_box() {
    if !needs(&KEPT) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), Scratch::new());
    image(&runtime, &scratch, "it:1", "first");
    let store = scratch.at("store");
    let first = digest(&runtime, &scratch, "it:1");
    let words = ["--image", "it:1", "--store", &store, "cat", "/etc/which"];
    runtime.said(&[&["create", "--name", "old"][..], &words].concat());
    let running = ["--image", "it:1", "--store", &store, "sleep", "1000"];
    let boxed = runtime.start("lives", &running);
    image(&runtime, &scratch, "it:1", "second");
    assert_ne!(digest(&runtime, &scratch, "it:1"), first);
    assert_eq!(runtime.named("old").inspect()["Image"], first.as_str());
    let which = |args: &[&str]| runtime.said(args);
    assert!(which(&["start", "-a", "old"]).contains("first"));
    let exec = ["exec", "lives", "cat", "/etc/which"];
    assert!(which(&exec).contains("first"));
    let new = [&["run", "--rm", "--no-card"][..], &words].concat();
    assert!(which(&new).contains("second"));

    // Neither a prune nor `image rm` takes it from them.
    let said = images(&runtime, &scratch, &["prune"]);
    assert!(said.contains("1 images without a name stay: a box is made of them"), "{said}");
    let said = images(&runtime, &scratch, &["rm", "it:1"]);
    assert!(said.contains("stay: a box is made of them"), "{said}");
    assert!(which(&["start", "-a", "old"]).contains("first"));
    assert!(which(&exec).contains("first"));
    assert_eq!(digest(&runtime, &scratch, &first), first);
    runtime.said(&["restart", "-t", "0", "lives"]);
    boxed.becomes("running");
    assert!(which(&exec).contains("first"));

    // With its last box an image without a name goes.
    runtime.said(&["rm", "-f", "old", "lives"]);
    assert_eq!(scratch.listing("store/used").len(), 0);
    images(&runtime, &scratch, &["prune"]);
    assert_eq!(scratch.listing("store/blobs/sha256").len(), 0);
    assert!(scratch.listing("store/layers/sha256").is_empty());
    runtime.leaves_nothing();
}

#[test]
fn a_link_that_leads_nowhere_keeps_no_image() {
    if !needs(&KEPT) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), Scratch::new());
    image(&runtime, &scratch, "it:1", "first");
    let store = scratch.at("store");
    let words = ["--image", "it:1", "--store", &store, "true"];
    let id = runtime.said(&[&["create"][..], &words].concat());
    // As after a kill -9 in the midst of `rm`.
    fs::remove_dir_all(runtime.boxes().join(id)).unwrap();
    assert_eq!(scratch.listing("store/used").len(), 1);
    images(&runtime, &scratch, &["rm", "it:1"]);
    assert_eq!(scratch.listing("store/used").len(), 0);
    assert_eq!(scratch.listing("store/blobs/sha256").len(), 0);
}

#[test]
fn an_image_that_is_not_there_makes_no_box() {
    if !needs(&KEPT) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), Scratch::new());
    let store = scratch.at("store");
    for verb in [&["create"][..], &["run", "-d"], &["run", "--rm"]] {
        let words = [verb, &["--image", "none", "--store", &store, "true"]].concat();
        let (status, error) = runtime.refused(&words);
        assert!(status == 125 && error.contains("there is no image \"none\""), "{error}");
    }
    assert_eq!(runtime.said(&["ps", "-aq"]), "");
}

#[test]
fn relative_layers_begin_where_they_were_typed() {
    if !needs(&KEPT) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), Scratch::new());
    scratch.dir("layer");
    scratch.file("layer/here", "x");
    let words = ["run", "-d", "--name", "rel", "--layer", "layer", "sleep", "1000"];
    let made = runtime.command(&words).current_dir(scratch.at(".")).output().unwrap();
    assert!(made.status.success());
    assert_eq!(runtime.said(&["exec", "rel", "cat", "/here"]), "x");
    runtime.said(&["restart", "-t", "0", "rel"]);
    assert_eq!(runtime.said(&["exec", "rel", "cat", "/here"]), "x");
}

#[test]
fn an_entrypoint_stands_before_the_command_of_run_and_not_of_exec() {
    if !needs(&KEPT) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), Scratch::new());
    image(&runtime, &scratch, "it:1", "word");
    let store = scratch.at("store");
    let words = "FROM it:1\nENTRYPOINT [\"echo\", \"entry\"]\nCMD [\"own\"]\n";
    scratch.dir("context");
    scratch.file("context/Dockerfile", words);
    runtime.said(&["build", "--store", &store, "-t", "with:1", &scratch.at("context")]);
    let of_image = ["--no-card", "--image", "with:1", "--store", &store];
    let run = |flags: &[&str], command: &[&str]| {
        runtime.said(&[&["run", "--rm"], &of_image[..], flags, command].concat())
    };
    assert_eq!(run(&[], &[]), "entry own");
    assert_eq!(run(&[], &["other"]), "entry other");
    assert_eq!(run(&["--entrypoint", "cat"], &["/etc/which"]), "word");
    assert_eq!(run(&["--entrypoint", ""], &["cat", "/etc/which"]), "word");
    // What the image says of its command goes with its entrypoint.
    let (status, error) =
        runtime.refused(&[&["run", "--rm"], &of_image[..], &["--entrypoint="]].concat());
    assert!(status == 125 && error.contains("was not given"), "{status} {error}");
    assert_eq!(
        runtime.said(&["run", "--no-card", "--rm", "--entrypoint", "echo", "a", "b"]),
        "a b"
    );
    let lives = [&of_image[1..], &["--entrypoint", "sleep", "1000"]].concat();
    runtime.start("lives", &lives);
    assert_eq!(runtime.said(&["exec", "lives", "cat", "/etc/which"]), "word");
}
