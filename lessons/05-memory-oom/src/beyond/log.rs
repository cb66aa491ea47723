//! The kernel's log, from a moment on: it names the processes that the OOM killer took. See /dev/kmsg in the kernel's
//! [list of ABIs](https://www.kernel.org/doc/Documentation/ABI/testing/dev-kmsg).

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use ground::cgroup::Place;

/// Open at the end that the log had.
#[derive(Debug)]
pub struct KernelLog(File);

/// Who was killed, and why: the kernel's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// `CONSTRAINT_MEMCG`: the limit of a group. `CONSTRAINT_NONE`: the machine had no more.
    pub constraint: String,
    /// The group in which the process was.
    pub group: String,
    /// Its name.
    pub task: String,
    /// Its number, as the host counts.
    pub pid: i32,
}

impl KernelLog {
    /// `None` where this user may not read it, as with `kernel.dmesg_restrict` and without CAP_SYSLOG.
    pub fn from_now() -> Option<KernelLog> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg").ok()?;
        file.seek(SeekFrom::End(0)).ok()?;
        Some(KernelLog(file))
    }

    /// The last record since the last call that begins with `prefix`: why a call has just been refused, where the kernel
    /// says no more than EINVAL.
    pub fn last(&mut self, prefix: &str) -> Option<String> {
        let text = |record: &String| Some(record.lines().next()?.split_once(';')?.1.to_string());
        let mut found: Vec<_> = self.records().iter().filter_map(text).collect();
        found.retain(|line| line.starts_with(prefix));
        found.pop()
    }

    /// The processes of a group, and of groups in it, that were killed since the last call. The kernel keeps silent when
    /// it has to say this too often.
    pub fn victims(&mut self, place: &Place) -> Vec<Victim> {
        let group = place.dir.strip_prefix(&place.top).unwrap_or(&place.dir);
        let name = group.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let of_ours = |victim: &Victim| victim.group.split('/').any(|part| part == name);
        self.records().iter().filter_map(|record| Victim::parse(record)).filter(of_ours).collect()
    }

    fn records(&mut self) -> Vec<String> {
        let (mut records, mut buffer) = (Vec::new(), [0; 8192]);
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return records,
                // One read, one record.
                Ok(n) => records.push(String::from_utf8_lossy(&buffer[..n]).into_owned()),
                // EPIPE: records were overwritten before we read them; the next read goes on behind them.
                Err(e) if e.kind() == ErrorKind::BrokenPipe => {}
                Err(_) => return records,
            }
        }
    }
}

impl Victim {
    fn parse(record: &str) -> Option<Victim> {
        let (_, fields) = record.split_once(";oom-kill:")?;
        let field = |key: &str| {
            let of = |field: &str| field.strip_prefix(key)?.strip_prefix('=').map(str::to_string);
            fields.lines().next()?.split(',').find_map(of)
        };
        Some(Victim {
            constraint: field("constraint")?,
            group: field("task_memcg")?,
            task: field("task")?,
            pid: field("pid")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "6,812,6032043960,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,\
                          oom_memcg=/bxw,task_memcg=/bxw/a,task=bxw-probe,pid=31473,uid=0\n";

    #[test]
    fn a_record_names_victim_and_reason() {
        let victim = Victim::parse(RECORD).unwrap();
        let fields = (&victim.constraint[..], &victim.group[..], &victim.task[..], victim.pid);
        assert_eq!(fields, ("CONSTRAINT_MEMCG", "/bxw/a", "bxw-probe", 31473));
    }

    #[test]
    fn other_records_are_none() {
        assert_eq!(Victim::parse("6,1,2,-;Memory cgroup out of memory: Killed process 1"), None);
    }
}
