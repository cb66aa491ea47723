use super::*;

fn read(words: &[&str], environment: &[&str]) -> Asked {
    Options::read(Words::leaked(words), Words::leaked(environment))
}

fn run(words: &[&str], environment: &[&str]) -> (Options, Vec<String>) {
    let Asked::Run(options, command) = read(words, environment) else { panic!("{words:?}") };
    let command = (0..).map_while(|i| command.get(i)).map(|w| w.to_str().unwrap().into()).collect();
    (options, command)
}

#[test]
fn options_may_be_written_in_one_word_or_in_several() {
    let all = Options {
        subreaper: true,
        group: true,
        warn: true,
        verbosity: 3,
        parent_death: Some(15),
        success: [0, 0, 1 << 15, 0],
    };
    let apart = ["init", "-s", "-g", "-w", "-v", "-v", "-p", "SIGTERM", "-e", "143", "--", "ls"];
    assert_eq!(run(&apart, &[]), (all.clone(), vec!["ls".to_string()]));
    assert_eq!(run(&["init", "-sgwvvpTERM", "-e143", "ls"], &[]).0, all);
}

#[test]
fn the_environment_says_the_same() {
    let set = ["TINI_SUBREAPER=", "TINI_KILL_PROCESS_GROUP=0", "TINI_VERBOSITY=0"];
    let (options, _) = run(&["init", "-v", "ls"], &set);
    assert!(options.subreaper && options.group && options.verbosity == 0);
}

#[test]
fn the_first_word_that_is_no_option_begins_the_command() {
    let command = |words: &[&str]| run(words, &[]).1.join(" ");
    assert_eq!(command(&["init", "ls", "-s"]), "ls -s");
    assert_eq!(command(&["init", "--", "-s"]), "-s");
    assert_eq!(command(&["init", "ls", "--", "-s", "--"]), "ls -s --");
    assert_eq!(command(&["init", "-g", "--", "ls", "--", "x"]), "ls x");
}

#[test]
fn nonsense_is_named() {
    let wrong = |words: &[&str]| match read(words, &[]) {
        Asked::Wrong(what, word) => format!("{what}{}", word.to_str().unwrap()),
        _ => panic!("{words:?}"),
    };
    assert_eq!(wrong(&["init"]), "there is no command");
    assert_eq!(wrong(&["init", "-s", "--"]), "there is no command");
    assert_eq!(wrong(&["init", "-x", "ls"]), "no such option: -x");
    assert_eq!(wrong(&["init", "-p"]), "a value is missing after -p");
    assert_eq!(wrong(&["init", "-p", "SIGNONE", "ls"]), "no such signal: SIGNONE");
    assert_eq!(wrong(&["init", "-e256", "ls"]), "no exit status from 0 to 255: -e256");
    assert_eq!(wrong(&["init", "-e", "-1", "ls"]), "no exit status from 0 to 255: -1");
}

#[test]
fn a_status_that_counts_as_success_becomes_0() {
    let (options, _) = run(&["init", "-e", "143", "-e", "0", "-e255", "ls"], &[]);
    assert_eq!([143, 0, 255, 7].map(|status| options.status(status)), [0, 0, 0, 7]);
}
