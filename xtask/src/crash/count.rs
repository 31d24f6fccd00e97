//! The outcomes of trials.

use super::scenario::Scenario;
use crate::command::Outcome;

/// Counts what some trials left in place of the archive.
#[derive(Debug, Default)]
pub(super) struct Count {
    runs: usize,
    old: usize,
    new: usize,
}

impl Count {
    /// Counts a trial that left these bytes, and fails if they are neither the old archive nor the new one.
    pub(super) fn note(&mut self, scenario: &Scenario, found: Option<&[u8]>, what: &str) -> Outcome {
        self.runs += 1;
        if found == Some(scenario.new.as_slice()) {
            self.new += 1;
        } else if found == scenario.old.as_deref() {
            self.old += 1;
        } else {
            let found = found.map_or("nothing".to_owned(), |bytes| format!("{} other bytes", bytes.len()));
            return Err(format!(
                "{}, {what}: expected the old content or the new, found {found}",
                scenario.name
            ));
        }
        Ok(())
    }

    /// Prints one line of the table.
    pub(super) fn print(&self, scenario: &Scenario, trial: &str) {
        let Self { runs, old, new } = self;
        println!("{:8} {trial:32} {runs:7} {old:9} {new:9} {:9}", scenario.name, runs - old - new);
    }
}
