//! The profile: Docker's format, and OCI's, which is the part of it that needs no knowledge of the machine.

use ground::{Error, Result};
use serde::Deserialize;

/// A profile as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Profile {
    pub default_action: Action,
    pub default_errno_ret: Option<u32>,
    /// Podman's: the name of the same number.
    pub default_errno: Option<String>,
    /// OCI.
    pub architectures: Option<Vec<String>>,
    /// Docker: with the architectures whose programs run on it as well.
    pub arch_map: Option<Vec<ArchMap>>,
    pub flags: Option<Vec<String>>,
    pub listener_path: Option<String>,
    pub listener_metadata: Option<String>,
    pub syscalls: Option<Vec<Rule>>,
    pub comment: Option<String>,
}

/// An architecture, and those that it can run beside.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ArchMap {
    pub architecture: String,
    pub sub_architectures: Option<Vec<String>>,
}

/// What is done about some calls.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Rule {
    #[serde(default)]
    pub names: Vec<String>,
    pub name: Option<String>,
    pub action: Action,
    pub errno_ret: Option<u32>,
    pub errno: Option<String>,
    pub args: Option<Vec<Arg>>,
    pub comment: Option<String>,
    pub includes: Option<Condition>,
    pub excludes: Option<Condition>,
}

impl Rule {
    /// Of all its calls; an old form names one alone.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        self.names.iter().chain(&self.name).map(String::as_str)
    }
}

/// Where a rule counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Condition {
    pub caps: Option<Vec<String>>,
    pub arches: Option<Vec<String>>,
    pub min_kernel: Option<String>,
}

/// A comparison with an argument of the call: all of a rule must be true, except that of two about the same argument one
/// is enough. That is how runc hands them to libseccomp.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Arg {
    pub index: u8,
    pub value: u64,
    #[serde(default)]
    pub value_two: u64,
    pub op: Op,
}

/// How it is compared, as unsigned numbers of 64 bits.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    #[serde(rename = "SCMP_CMP_NE")]
    Ne,
    #[serde(rename = "SCMP_CMP_LT")]
    Lt,
    #[serde(rename = "SCMP_CMP_LE")]
    Le,
    #[serde(rename = "SCMP_CMP_EQ")]
    Eq,
    #[serde(rename = "SCMP_CMP_GE")]
    Ge,
    #[serde(rename = "SCMP_CMP_GT")]
    Gt,
    /// argument & value == valueTwo
    #[serde(rename = "SCMP_CMP_MASKED_EQ")]
    MaskedEq,
}

/// What is done. See seccomp(2) for each.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Action {
    #[serde(rename = "SCMP_ACT_KILL", alias = "SCMP_ACT_KILL_THREAD")]
    KillThread,
    #[serde(rename = "SCMP_ACT_KILL_PROCESS")]
    KillProcess,
    #[serde(rename = "SCMP_ACT_TRAP")]
    Trap,
    #[serde(rename = "SCMP_ACT_ERRNO")]
    Errno,
    #[serde(rename = "SCMP_ACT_TRACE")]
    Trace,
    #[serde(rename = "SCMP_ACT_LOG")]
    Log,
    #[serde(rename = "SCMP_ACT_NOTIFY")]
    Notify,
    #[serde(rename = "SCMP_ACT_ALLOW")]
    Allow,
}

impl Profile {
    /// The profile that a box gets when nothing else is said; its comments say why each call is there or not.
    pub fn kits_own() -> Result<Profile> {
        Profile::parse(include_str!("default.json"))
    }

    /// Takes the text apart.
    pub fn parse(text: &str) -> Result<Profile> {
        let wrong =
            |why: &dyn std::fmt::Display| Error::usage(format!("no seccomp profile: {why}"));
        // serde would take a list, too, for the fields in order.
        match text.trim_start().starts_with("{") {
            true => serde_json::from_str(text).map_err(|e| wrong(&e)),
            false => Err(wrong(&"it is to begin with {\"defaultAction\": …")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_shortest_profile() {
        let profile = Profile::parse(r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#).unwrap();
        assert_eq!(profile.default_action, Action::Allow);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let said = |text| Profile::parse(text).unwrap_err().to_string();
        assert!(said("{").contains("line 1"));
        assert!(said(r#"["SCMP_ACT_ALLOW"]"#).contains("begin"));
        assert!(said(r#"{"defaultAction": "SCMP_ACT_MAYBE"}"#).contains("SCMP_ACT_MAYBE"));
        assert!(said(r#"{"defaultAction": "SCMP_ACT_LOG", "sycalls": []}"#).contains("sycalls"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = Profile::parse(&text);
        }
    }
}
