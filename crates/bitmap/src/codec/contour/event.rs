//! Events: what changes next about a run, as one symbol.

/// What an edge does in an event: moves by -3 to 3 columns are 0 to 6.
pub(super) type Action = u8;

/// The edge stays where it is.
pub(super) const STAY: Action = 3;
/// The edge moves by more than three columns.
pub(super) const FAR: Action = 7;
/// The edge ends.
pub(super) const END: Action = 8;
/// The number of actions.
pub(super) const ACTIONS: usize = 9;

/// The number of rows without a change from which on another symbol tells how many more there are.
pub(super) const MANY_ROWS: u32 = 4;

/// The number of different events.
pub(super) const EVENTS: usize = (MANY_ROWS as usize + 1) * ACTIONS * ACTIONS;

/// A change of a run: so many rows in which nothing changes, and then what each edge does.
///
/// If neither edge moves, the run splits: a white hole opens in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// The number of rows without a change, `MANY_ROWS` for as many or more.
    pub(super) rows: u8,
    /// What the left and the right edge do.
    pub(super) actions: [Action; 2],
}

impl Event {
    pub(super) const fn from_symbol(symbol: u16) -> Self {
        let pair = symbol % 81;
        Self { rows: (symbol / 81) as u8, actions: [(pair / 9) as u8, (pair % 9) as u8] }
    }

    pub(super) const fn symbol(self) -> u16 {
        self.rows as u16 * 81 + self.actions[0] as u16 * 9 + self.actions[1] as u16
    }

    /// Returns whether the run ends without a merge.
    pub(super) const fn is_death(self) -> bool {
        self.actions[0] == END && self.actions[1] == END
    }
}

/// Returns the action of an edge that moves by so many columns to the right.
pub(super) fn action(columns: i32) -> Action {
    if columns.abs() <= 3 { (columns + 3) as u8 } else { FAR }
}
