//! Every source file is a module of something. One that nobody names is compiled by nobody: its tests never run, and
//! nothing says so.

use std::fs;
use std::path::{Path, PathBuf};

use super::Violation;
use super::mask::code_only;
use super::source::words;

/// Whether the module around `file` names it: by `mod`, or in the list of a macro.
pub fn check(root: &Path, file: &Path) -> Option<Violation> {
    let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
    let stem = file.file_stem()?.to_str()?;
    if !name.contains("/src/") || !name.ends_with(".rs") || ["lib", "main", "mod"].contains(&stem) {
        return None;
    }
    let named = around(file).iter().any(|module| {
        let text = fs::read_to_string(module).unwrap_or_default();
        code_only(&text).lines().any(|line| words(line).any(|(word, _)| word == stem))
    });
    (!named).then(|| Violation::new(name, 1, "no module names this file: nobody compiles it"))
}

/// The files that can be the module in which this one is.
fn around(file: &Path) -> Vec<PathBuf> {
    let dir = file.parent().unwrap_or(file);
    let mut modules: Vec<_> = ["mod.rs", "lib.rs", "main.rs"].map(|name| dir.join(name)).into();
    modules.push(dir.with_extension("rs"));
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_no_module_names_is_found() {
        let root = std::env::temp_dir().join(format!("bxw-tidy-{}", std::process::id()));
        let src = root.join("lessons/01-x/src");
        fs::create_dir_all(src.join("a")).unwrap();
        let files = ["lib.rs", "a.rs", "a/b.rs", "a/tests.rs"].map(|name| src.join(name));
        for (file, text) in files.iter().zip(["mod a;\n", "// tests\nmod b;\n", "", ""]) {
            fs::write(file, text).unwrap();
        }
        let found: Vec<_> = files.iter().filter_map(|file| check(&root, file)).collect();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].file.ends_with("a/tests.rs"));
    }
}
