//! Text that knows which of its parts vary from one machine, or one run, to the next.
//!
//! A process ID, an inode, an address: such values are written into a sentence through the wrappers of this module,
//! so that a snapshot can replace exactly them and nothing else. Equal values get equal placeholders: a snapshot still
//! shows *that* two processes share a namespace, whatever its inode.
//!
//! ```
//! use ground::text::{Text, pid};
//! let line = Text::from(format!("child {} waits", pid(4711)));
//! assert_eq!(line.text, "child 4711 waits");
//! assert_eq!(line.values[0].len, 4);
//! ```

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Display, Write};

use serde::{Deserialize, Serialize};

/// What a varying value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Process or thread ID, as the host counts.
    Pid,
    /// Inode number: the identity of a namespace, or of a file on its device.
    Inode,
    /// Network or memory address.
    Address,
    /// Duration or point in time.
    Time,
    /// Number of bytes.
    Size,
    /// A count that depends on the machine: processes, mounts.
    Count,
    /// Capability mask.
    Caps,
    /// Path that depends on the user or the run.
    Path,
    /// Host name, kernel release, user name, CPU list …
    Name,
    /// Device number. A mount without a disk takes the lowest that is free, so that two boxes may get the same or not.
    Device,
}

/// Marks a value inside formatted text; made by [`pid`], [`inode`] and the others.
pub struct Marked<T>(Kind, T);

// Control characters that no kernel file holds carry the marks through `format!` and the socket between box and host.
const OPEN: char = '\u{2}';
const CLOSE: char = '\u{3}';
const KINDS: [Kind; 10] = [
    Kind::Pid,
    Kind::Inode,
    Kind::Address,
    Kind::Time,
    Kind::Size,
    Kind::Count,
    Kind::Caps,
    Kind::Path,
    Kind::Name,
    Kind::Device,
];

impl<T: Display> Display for Marked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{OPEN}{}", self.0 as u8)?;
        // The value may be a stranger's, the name of a process say: it must not end its mark, or begin one.
        write!(Escaping(&mut *f), "{}", self.1)?;
        write!(f, "{CLOSE}")
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0.write_str(&without_marks(s))
    }
}

/// Text of strangers in which a mark of this module is escaped as in a Rust string. What is read from a file of the
/// kernel's, or from a box, goes through it, so that nobody can forge a value.
pub fn without_marks(foreign: &str) -> Cow<'_, str> {
    match foreign.contains([OPEN, CLOSE]) {
        false => Cow::Borrowed(foreign),
        true => {
            Cow::Owned(foreign.chars().map(|c| escaped(c, [OPEN, CLOSE].contains(&c))).collect())
        }
    }
}

fn escaped(c: char, is_hostile: bool) -> String {
    if is_hostile { c.escape_default().to_string() } else { c.to_string() }
}

/// Text of strangers as it may be shown in one line: what would move a terminal's cursor is escaped, too.
pub fn printable(foreign: &str) -> String {
    foreign.chars().map(|c| escaped(c, c.is_control())).collect()
}

macro_rules! wrappers {
    ($($name:ident $kind:ident $doc:literal;)*) => {$(
        #[doc = $doc]
        pub fn $name<T: Display>(value: T) -> Marked<T> {
            Marked(Kind::$kind, value)
        }
    )*};
}

wrappers! {
    pid Pid "A process or thread ID.";
    inode Inode "The inode of a namespace or a file.";
    address Address "A network or memory address.";
    time Time "A duration or a point in time.";
    size Size "A number of bytes.";
    count Count "A count that depends on the machine.";
    caps Caps "A capability mask.";
    path Path "A path that depends on the user or the run; for fixed paths write the path itself.";
    name Name "A host name, kernel release or the like.";
    device Device "A device number.";
}

/// Where in [`Text::text`] a varying value stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Byte offset of its first character.
    pub at: usize,
    /// Length in bytes.
    pub len: usize,
}

/// A line of text and the values in it that vary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The text as a person reads it.
    pub text: String,
    /// The varying values in it, in order.
    pub values: Vec<Value>,
}

impl<S: AsRef<str>> From<S> for Text {
    fn from(marked: S) -> Text {
        let mut out = Text::default();
        let mut open: Option<(Kind, usize)> = None;
        let mut chars = marked.as_ref().chars();
        while let Some(c) = chars.next() {
            match c {
                OPEN => {
                    let kind = chars.next().and_then(|d| d.to_digit(10)).unwrap_or(0);
                    open = KINDS.get(kind as usize).map(|kind| (*kind, out.text.len()));
                }
                CLOSE => {
                    if let Some((kind, at)) = open.take() {
                        out.values.push(Value { kind, at, len: out.text.len() - at });
                    }
                }
                // A command to the terminal is shown, not obeyed.
                c if c.is_control() && !matches!(c, '\n' | '\t') => {
                    out.text.extend(c.escape_default());
                }
                c => out.text.push(c),
            }
        }
        out
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Kind {
    /// Whether equal values mean the same thing. Two durations may be equal by chance; a placeholder that showed it would
    /// differ from run to run.
    fn identifies(self) -> bool {
        matches!(self, Kind::Pid | Kind::Inode | Kind::Address | Kind::Path | Kind::Name)
    }
}

/// Replaces varying values by placeholders. What identifies something is numbered: the first inode of a step becomes
/// `<inode 1>`, wherever it recurs. What measures something becomes `<time>`, `<count>` …
#[derive(Default)]
pub struct Redactor {
    seen: HashMap<(Kind, String), usize>,
    per_kind: HashMap<Kind, usize>,
}

impl Redactor {
    /// A new step begins: inodes are numbered anew. The kernel gives the number of a namespace that has ended to the next
    /// one, so that across steps equal numbers may mean the same thing or not.
    pub fn begin_step(&mut self) {
        self.seen.retain(|(kind, _), _| *kind != Kind::Inode);
        self.per_kind.remove(&Kind::Inode);
    }

    /// `text` with every varying value replaced.
    pub fn redact(&mut self, text: &Text) -> String {
        let mut out = String::new();
        let mut from = 0;
        for value in &text.values {
            // A line read from a stranger may hold offsets that do not fit: keep its text as it is.
            let Some(inner) = text.text.get(value.at..value.at + value.len) else { continue };
            let Some(before) = text.text.get(from..value.at) else { continue };
            out.push_str(before);
            let kind = format!("{:?}", value.kind).to_lowercase();
            match value.kind.identifies() {
                true => out.push_str(&format!("<{kind} {}>", self.number(value.kind, inner))),
                false => out.push_str(&format!("<{kind}>")),
            }
            from = value.at + value.len;
        }
        out.push_str(&text.text[from..]);
        out
    }

    fn number(&mut self, kind: Kind, value: &str) -> usize {
        let next = self.per_kind.entry(kind).or_insert(0);
        *self.seen.entry((kind, value.to_string())).or_insert_with(|| {
            *next += 1;
            *next
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_get_equal_placeholders() {
        let mut redactor = Redactor::default();
        let a = Text::from(format!("{} and {}", inode(11), inode(22)));
        let b = Text::from(format!("{} again, pid {}", inode(11), pid(11)));
        assert_eq!(redactor.redact(&a), "<inode 1> and <inode 2>");
        assert_eq!(redactor.redact(&b), "<inode 1> again, pid <pid 1>");
    }

    #[test]
    fn inodes_count_anew_in_each_step_and_pids_do_not() {
        let mut redactor = Redactor::default();
        let line = |n| Text::from(format!("{} {}", inode(n), pid(n)));
        redactor.redact(&line(11));
        redactor.begin_step();
        assert_eq!(redactor.redact(&line(22)), "<inode 1> <pid 2>");
    }

    #[test]
    fn measures_are_not_numbered() {
        let text = Text::from(format!("{} ns, {} ns", time(1.5), time(1.5)));
        assert_eq!(Redactor::default().redact(&text), "<time> ns, <time> ns");
    }

    #[test]
    fn marks_do_not_show() {
        let text = Text::from(format!("/proc/{}/status", pid(7)));
        assert_eq!(text.to_string(), "/proc/7/status");
        assert_eq!(text.values, [Value { kind: Kind::Pid, at: 6, len: 1 }]);
    }

    #[test]
    fn a_stranger_forges_no_value() {
        let hostile = "x\u{3} and \u{2}01\u{3}";
        let line = Text::from(format!("{} runs", name(hostile)));
        assert_eq!(line.values.len(), 1);
        assert_eq!(Redactor::default().redact(&line), "<name 1> runs");
        let read = Text::from(without_marks(hostile));
        assert_eq!((read.values.len(), &*read.text), (0, "x\\u{3} and \\u{2}01\\u{3}"));
    }

    #[test]
    fn commands_to_the_terminal_are_shown() {
        assert_eq!(Text::from("a\u{1b}[2Jb\rc\td").text, "a\\u{1b}[2Jb\\rc\td");
        assert_eq!(printable("a\nb"), "a\\nb");
    }

    proptest::proptest! {
        #[test]
        fn any_value_stays_one_value(s in ".*") {
            let text = Text::from(format!("{} {}", name(&s), pid(1)));
            proptest::prop_assert_eq!(text.values.len(), 2);
        }

        #[test]
        fn any_text_survives(s in "\\PC*") {
            let text = Text::from(&s);
            let again = Redactor::default().redact(&text);
            proptest::prop_assert_eq!(again, s);
        }
    }
}
