//! Hands the book to mdbook. What mdbook only warns of fails the build.

use std::collections::HashMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use mdbook_driver::MDBook;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::pages::{self, Page};
use crate::problem::{Problem, Problems};
use crate::workspace::Workspace;

/// Where the built book is.
pub fn html(workspace: &Workspace) -> PathBuf {
    workspace.root().join("book/html")
}

/// Builds it.
pub fn build(workspace: &Workspace) -> Result<(), Problems> {
    let pages = pages::load(workspace)?;
    pages::check(workspace, &pages)?;
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), || render(workspace, pages))?;
    warnings.into_result()
}

/// mdbook's own reading of `SUMMARY.md`, with our texts.
fn render(workspace: &Workspace, pages: Vec<Page>) -> Result<(), Problems> {
    let failed = |e| Problem::of("book", format!("{e:#}"));
    let mut mdbook = MDBook::load(workspace.root().join("book")).map_err(failed)?;
    let mut texts: HashMap<PathBuf, String> =
        pages.into_iter().map(|page| (page.path, page.text)).collect();
    mdbook.book.for_each_chapter_mut(|chapter| {
        let text = chapter.source_path.as_ref().and_then(|path| texts.remove(path));
        chapter.content = text.unwrap_or_default();
    });
    Ok(mdbook.build().map_err(failed)?)
}

/// Collects what mdbook says at level warning and above.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn into_result(self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        let said = self.0.lock().map(|mut said| std::mem::take(&mut *said)).unwrap_or_default();
        let one_line = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        said.iter().for_each(|text| problems.push(Problem::of("book", one_line(text))));
        problems.into_result()
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        if let Ok(mut said) = self.0.lock() {
            said.push(message.0);
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
