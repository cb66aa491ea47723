//! What is wrong, and where: one line each.

use std::fmt::{self, Display};

/// One mistake, printed as `book/src/x.md:12: message`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    file: String,
    line: Option<usize>,
    message: String,
}

impl Problem {
    /// A mistake in a line of a file.
    pub fn at(file: impl Display, line: usize, message: impl Display) -> Problem {
        Problem { file: file.to_string(), line: Some(line), message: message.to_string() }
    }

    /// A mistake of a file as a whole.
    pub fn of(file: impl Display, message: impl Display) -> Problem {
        Problem { file: file.to_string(), line: None, message: message.to_string() }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// All that was found: whoever mends a book wants to see every mistake at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds those of a step that failed; returns what a step that succeeded made.
    pub fn keep<T>(&mut self, result: Result<T, Problems>) -> Option<T> {
        match result {
            Ok(made) => Some(made),
            Err(problems) => {
                self.0.extend(problems.0);
                None
            }
        }
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// `Ok` when there is none.
    pub fn into_result(mut self) -> Result<(), Problems> {
        self.0.sort();
        self.0.dedup();
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems(vec![problem])
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| writeln!(f, "{problem}"))
    }
}
