//! Which rules of a profile count for this box, on this machine.

use ground::{Error, Result};

use super::names::ARCH;
use super::profile::{Condition, Rule};
use crate::{CapSet, Capability};

/// What the conditions of a profile ask about.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// The bounding set of the box.
    pub caps: CapSet,
    /// Version of the kernel.
    pub kernel: (u32, u32),
}

impl Surroundings {
    /// This machine's.
    pub fn here(caps: CapSet) -> Result<Surroundings> {
        let release = nix::sys::utsname::uname().map_err(|e| Error::os("uname", e))?;
        let release = release.release().to_string_lossy().into_owned();
        Ok(Surroundings { caps, kernel: version(&release)? })
    }

    /// Docker's rule: everything that is included must be there, one thing that is excluded is enough.
    pub fn count(&self, rule: &Rule) -> Result<bool> {
        let (includes, excludes) = (rule.includes.as_ref(), rule.excludes.as_ref());
        Ok(includes.map_or(Ok(true), |condition| self.meet(condition))?
            && !excludes.map_or(Ok(false), |condition| self.touch(condition))?)
    }

    fn meet(&self, condition: &Condition) -> Result<bool> {
        let caps = self.held(condition)?.iter().all(|held| *held);
        let arches = condition.arches.as_deref().unwrap_or_default();
        let kernel =
            condition.min_kernel.as_deref().map_or(Ok(true), |least| self.is_at_least(least));
        Ok(caps && (arches.is_empty() || names_this(arches)) && kernel?)
    }

    fn touch(&self, condition: &Condition) -> Result<bool> {
        let caps = self.held(condition)?.contains(&true);
        let arches = names_this(condition.arches.as_deref().unwrap_or_default());
        let kernel =
            condition.min_kernel.as_deref().map_or(Ok(false), |least| self.is_at_least(least));
        Ok(caps || arches || kernel?)
    }

    /// For each capability of the condition whether the box has it.
    fn held(&self, condition: &Condition) -> Result<Vec<bool>> {
        let names = condition.caps.iter().flatten();
        names.map(|name| Ok(self.caps.has(name.parse::<Capability>()?))).collect()
    }

    fn is_at_least(&self, least: &str) -> Result<bool> {
        Ok(self.kernel >= version(least)?)
    }
}

fn names_this(arches: &[String]) -> bool {
    arches.iter().any(|arch| arch == ARCH)
}

/// `6.1.0-18-amd64` is 6.1.
fn version(release: &str) -> Result<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err(Error::usage(format!("{release:?} is no kernel version like 4.8"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(conditions: &str) -> Rule {
        let text = format!(r#"{{"names": ["x"], "action": "SCMP_ACT_ALLOW", {conditions}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn counts(conditions: &str) -> bool {
        let here = Surroundings { caps: CapSet::DEFAULT, kernel: (5, 10) };
        here.count(&rule(conditions)).unwrap()
    }

    #[test]
    fn what_is_included_must_be_there() {
        assert!(counts(r#""includes": {"caps": ["CAP_SYS_CHROOT"]}"#));
        assert!(!counts(r#""includes": {"caps": ["CAP_SYS_CHROOT", "CAP_SYS_ADMIN"]}"#));
        assert!(counts(r#""includes": {"minKernel": "4.8"}"#));
        assert!(!counts(r#""includes": {"minKernel": "5.11"}"#));
        assert!(!counts(r#""includes": {"arches": ["s390x"]}"#));
    }

    #[test]
    fn one_that_is_excluded_is_enough() {
        assert!(!counts(r#""excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"]}"#));
        assert!(counts(r#""excludes": {"caps": ["CAP_SYS_ADMIN"]}"#));
        assert!(counts(r#""excludes": {}"#));
        assert!(!counts(r#""excludes": {"minKernel": "5.10"}"#));
    }

    #[test]
    fn releases_are_compared_by_numbers() {
        assert_eq!(version("6.18.5-bxw").unwrap(), (6, 18));
        assert!(version("six").is_err());
        assert!((5, 10) > (4, 8) && version("4.10").unwrap() > version("4.9").unwrap());
    }
}
