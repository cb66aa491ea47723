//! The directories of an overlay, and the mount made of them. See the kernel's
//! [overlayfs](https://docs.kernel.org/filesystems/overlayfs.html).

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use ground::call::{doing, quietly};
use ground::text::path;
use ground::{Error, Result};
use memory_oom::beyond::KernelLog;
use mount_ns::sys::Detached;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::unistd::chdir;

use crate::make_directory;
use crate::sys::Context;

/// mount(2) takes its options in one page.
const PAGE: usize = 4096;

/// What lies on what.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// Never written to; the lowest first.
    pub lowers: Vec<PathBuf>,
    /// Where writes go; without it the overlay cannot be written to.
    pub upper: Option<PathBuf>,
    /// Where the kernel makes what it then renames to `upper`, in one step.
    pub work: Option<PathBuf>,
    options: Vec<(&'static std::ffi::CStr, &'static str)>,
    volatile: bool,
}

/// Whether the overlay must keep its notes in `user.overlay.*`: extended attributes named `trusted.*` are for who is root
/// of the host, and not only of a user namespace.
pub fn user_xattr() -> bool {
    !ground::needs::in_initial_user_namespace()
}

impl Layers {
    /// Without a layer to write to.
    pub fn read_only(lowers: Vec<PathBuf>) -> Layers {
        Layers { lowers, ..Layers::default() }
    }

    /// With one, which is to be kept.
    pub fn upper(self, upper: PathBuf, work: PathBuf) -> Layers {
        Layers { upper: Some(upper), work: Some(work), volatile: false, ..self }
    }

    /// With an option of overlayfs: `metacopy=on`.
    pub fn option(mut self, key: &'static std::ffi::CStr, value: &'static str) -> Layers {
        self.options.push((key, value));
        self
    }

    /// What is written need not survive a crash of the machine. Else the end of the mount, and each fsync in it, flushes the
    /// whole file system that upper is on, whoever wrote to that. Linux 5.10.
    pub fn volatile(self) -> Layers {
        Layers { volatile: true, ..self }
    }

    /// What the kernel makes in the directory for its work, and does not remove: a directory with mode 0.
    pub(crate) fn work_in_work(&self) -> PathBuf {
        self.work.as_ref().map(|work| work.join("work")).unwrap_or_default()
    }

    /// Makes upper and work.
    pub(crate) fn make_directories(&self) -> Result<()> {
        [&self.upper, &self.work].into_iter().flatten().try_for_each(|dir| make_directory(dir))
    }

    // ANCHOR: mount
    /// The mount, which hangs nowhere yet: described option by option, then made. `None` on a kernel that cannot name the
    /// lower layers one by one, before Linux 6.7.
    pub fn mount(&self) -> Result<Option<Detached>> {
        if takes_any_option()? {
            return Ok(None);
        }
        let overlay = doing("fsopen overlay").run(|| Context::open(c"overlay"))?;
        let shown = self.shown();
        // The kernel wants the uppermost first.
        let appended = doing(format_args!("fsconfig lowerdir+ {shown}"))
            .hint(Errno::EINVAL, "more than 500 layers, or a kernel before 6.7")
            .run(|| self.lowers.iter().rev().try_for_each(|dir| overlay.set(c"lowerdir+", dir)));
        match appended {
            Err(error) if error.errno() == Some(Errno::EINVAL) && self.lowers.len() <= 500 => {
                return Ok(None);
            }
            other => other?,
        }
        for (key, dir) in [(c"upperdir", &self.upper), (c"workdir", &self.work)] {
            let Some(dir) = dir else { continue };
            doing(format_args!("fsconfig {}={}", key.to_string_lossy(), shown_name(dir)))
                .hint(
                    Errno::EINVAL,
                    "its file system cannot take what a box writes: ext4, xfs, btrfs and tmpfs can, another overlay cannot",
                )
                .run(|| overlay.set(key, dir))?;
        }
        self.set_options(&overlay)?;
        let log = KernelLog::from_now();
        let made = doing("fsconfig CMD_CREATE")
            .like_args(format_args!("mount -t overlay overlay -o {} …", self.words()))
            .run(|| overlay.create());
        made.map_err(|error| explained(error, overlay.message(), log))?;
        let fd: OwnedFd = doing("fsmount").run(|| overlay.mount(0))?;
        Ok(Some(Detached::from(fd)))
    }
    // ANCHOR_END: mount

    fn set_options(&self, overlay: &Context) -> Result<()> {
        if user_xattr() {
            doing("fsconfig userxattr").run(|| overlay.flag(c"userxattr"))?;
        }
        if self.volatile {
            doing("fsconfig volatile").run(|| overlay.flag(c"volatile"))?;
        }
        self.options.iter().try_for_each(|(key, value)| {
            doing(format_args!("fsconfig {}={value}", key.to_string_lossy()))
                .run(|| overlay.set(key, *value))
        })
    }

    /// The same in one call, mount(2), which takes all options in one page. What does not fit is said in short names: links
    /// in `beside`, relative to the working directory, which is then that. Only for a child that will change it anyway.
    pub fn mount_on(&self, at: &Path, beside: &Path) -> Result<()> {
        let names = self.lowers.iter().rev().map(|dir| escaped(dir)).collect::<Vec<_>>();
        let mut options = self.in_one_string(&names.join(":"));
        if options.len() >= PAGE {
            options = self.in_one_string(&self.short_names(&beside.join("l"))?);
        }
        if options.len() >= PAGE {
            let what = format!("{} bytes of mount options", options.len());
            return Err(Error::environment(what).remedy("mount(2) takes 4095; use fewer layers"));
        }
        let (shown, at_shown, log) = (self.words(), path(at.display()), KernelLog::from_now());
        doing(format_args!("mount overlay on {at_shown} {shown}"))
            .like_args(format_args!("mount -t overlay overlay -o {shown} {at_shown}"))
            .run(|| {
                let (kind, options) = (Some("overlay"), Some(options.as_str()));
                mount(kind, at, kind, MsFlags::empty(), options)
            })
            .map_err(|error| explained(error, None, log))
    }

    fn short_names(&self, links: &Path) -> Result<String> {
        let shown = path(links.display());
        make_directory(links)?;
        quietly(format_args!("make links in {shown}")).run(|| self.link_in(links))?;
        quietly(format_args!("chdir {shown}")).run(|| chdir(links))?;
        let numbers = (0..self.lowers.len()).rev().map(|i| i.to_string());
        Ok(numbers.collect::<Vec<_>>().join(":"))
    }

    fn link_in(&self, links: &Path) -> std::io::Result<()> {
        self.lowers.iter().enumerate().try_for_each(|(i, layer)| {
            let made = std::os::unix::fs::symlink(layer, links.join(i.to_string()));
            made.or_else(|e| match e.kind() {
                std::io::ErrorKind::AlreadyExists => Ok(()),
                _ => Err(e),
            })
        })
    }

    /// The same options as mount(8) takes them, to be shown.
    pub fn words(&self) -> String {
        let mut words = vec![format!("lowerdir={}", self.shown())];
        for (key, dir) in [("upperdir", &self.upper), ("workdir", &self.work)] {
            words.extend(dir.as_ref().map(|dir| format!("{key}={}", shown_name(dir))));
        }
        let option =
            |(key, value): &(&std::ffi::CStr, &str)| format!("{}={value}", key.to_string_lossy());
        words.extend(self.options.iter().map(option));
        words.extend(self.flags().map(str::to_string));
        words.join(",")
    }

    fn in_one_string(&self, lowers: &str) -> String {
        let mut options = format!("lowerdir={lowers}");
        if let (Some(upper), Some(work)) = (&self.upper, &self.work) {
            options += &format!(",upperdir={},workdir={}", escaped(upper), escaped(work));
        }
        for (key, value) in &self.options {
            options += &format!(",{}={value}", key.to_string_lossy());
        }
        self.flags().fold(options, |options, flag| options + "," + flag)
    }

    fn flags(&self) -> impl Iterator<Item = &'static str> {
        [(user_xattr(), "userxattr"), (self.volatile, "volatile")]
            .into_iter()
            .filter_map(|(is_set, flag)| is_set.then_some(flag))
    }

    /// The lower layers as mount(8) wants them: the uppermost first.
    fn shown(&self) -> String {
        match &self.lowers[..] {
            few if few.len() <= 4 => {
                let shown = few.iter().rev().map(|dir| shown_name(dir));
                shown.collect::<Vec<_>>().join(":")
            }
            many => format!("… {} directories …", many.len()),
        }
    }
}

/// Before Linux 6.5 overlayfs collects whatever it is told, and complains only when it is made.
fn takes_any_option() -> Result<bool> {
    let trial = quietly("fsopen overlay").run(|| Context::open(c"overlay"))?;
    Ok(trial.flag(c"no-such-option").is_ok())
}

/// A name below the working directory is the same in every run.
fn shown_name(dir: &Path) -> String {
    match dir.is_absolute() {
        true => path(dir.display()).to_string(),
        false => dir.display().to_string(),
    }
}

/// In the one string a comma ends an option, and a colon a lower layer.
fn escaped(dir: &Path) -> String {
    dir.display().to_string().replace('\\', "\\\\").replace(',', "\\,").replace(':', "\\:")
}

/// The kernel writes into the description why it refused, or into its log.
fn explained(error: Error, message: Option<String>, log: Option<KernelLog>) -> Error {
    let logged = || log?.last("overlayfs: ");
    match message.or_else(logged) {
        Some(why) => error.remedy(why),
        None if error.errno() == Some(Errno::EINVAL) => {
            error.remedy("the kernel's log says why: sudo dmesg | tail")
        }
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(lowers: &[&str]) -> Layers {
        let lowers = lowers.iter().map(PathBuf::from).collect();
        Layers::read_only(lowers).upper("u".into(), "w,1".into())
    }

    #[test]
    fn mount_wants_the_uppermost_first() {
        let shown = layers(&["l1", "l2"]).option(c"index", "on").words();
        assert!(shown.starts_with("lowerdir=l2:l1,upperdir=u,workdir=w,1,index=on"), "{shown}");
    }

    #[test]
    fn what_ends_a_name_is_escaped_in_the_one_string() {
        assert_eq!(escaped(Path::new("/a:b,c\\d")), "/a\\:b\\,c\\\\d");
        let options = layers(&[]).in_one_string("x");
        assert!(options.starts_with("lowerdir=x,upperdir=u,workdir=w\\,1"), "{options}");
    }

    #[test]
    fn many_layers_are_shown_by_their_number() {
        assert_eq!(layers(&["l"; 5]).shown(), "… 5 directories …");
    }
}
