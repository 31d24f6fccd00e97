//! What a coder remembers of the edges of a run: the contexts of events.

/// The largest age and period of an edge, in rows: larger ones are the same.
const MAX_ROWS: u32 = 15;

/// The history of an edge, in 12 bits: the class of its last move, the rows between its last two moves (its period), and
/// the rows since (its age).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct History(u16);

impl History {
    /// The number of different histories.
    pub(super) const COUNT: usize = 1 << 12;

    /// Returns the history with this index.
    pub(super) fn from_index(index: usize) -> Self {
        Self(index as u16)
    }

    /// Returns the features of a history: the class of the last move, the period, and the age.
    pub(super) fn features(self) -> [u8; 3] {
        [self.move_class(), (self.0 >> 4 & 15) as u8, (self.0 & 15) as u8]
    }

    /// Returns the class of the last move: 0 if there was none, 1 to 7 to the left, 8 to 14 to the right.
    pub(super) fn move_class(self) -> u8 {
        (self.0 >> 8) as u8
    }
}

/// The histories of the left and the right edge of a run, in the lower and the upper half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Histories(u32);

/// The lowest bit of both halves.
const BOTH: u32 = 0x0001_0001;

impl Histories {
    pub(super) fn new([left, right]: [History; 2]) -> Self {
        Self(u32::from(left.0) | u32::from(right.0) << 16)
    }

    pub(super) fn each(self) -> [History; 2] {
        [History(self.0 as u16), History((self.0 >> 16) as u16)]
    }

    /// Returns the indices of both histories.
    #[inline]
    pub(super) fn indices(self) -> [usize; 2] {
        [(self.0 & 0xFFF) as usize, (self.0 >> 16 & 0xFFF) as usize]
    }

    /// Returns the histories after any number of rows, with the update that the moves in the last of them make.
    pub(super) fn after(self, rows: u32, update: Update) -> Self {
        self.update(rows.min(MAX_ROWS), update)
    }

    /// Returns the histories after up to 15 rows, with the update that the moves in the last of them make.
    #[inline]
    pub(super) fn update(self, rows: u32, update: Update) -> Self {
        let rows = (self.0 & (MAX_ROWS * BOTH)) + rows * BOTH;
        let is_more = rows >> 4 & BOTH;
        let ages = (rows | (is_more * MAX_ROWS)) & (MAX_ROWS * BOTH);
        Self(self.0 & update.kept | update.classes | (ages | ages << 4) & update.ages)
    }
}

/// How moves change the histories of both edges.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Update {
    /// The bits of the old histories that stay.
    kept: u32,
    /// The classes of the moves, in their places.
    classes: u32,
    /// Where the rows since the last move go: they become the period of an edge that moves, or stay the age.
    ages: u32,
}

impl Update {
    pub(super) const fn of_moves([left, right]: [i32; 2]) -> Self {
        let (left, right) = (Self::of_move(left), Self::of_move(right));
        Self {
            kept: left.kept | right.kept << 16,
            classes: left.classes | right.classes << 16,
            ages: left.ages | right.ages << 16,
        }
    }

    /// Returns the update of a left edge.
    const fn of_move(columns: i32) -> Self {
        match columns {
            0 => Self { kept: 0xFF0, classes: 0, ages: 0x00F },
            _ => Self { kept: 0, classes: move_class(columns) << 8, ages: 0x0F0 },
        }
    }
}

/// Returns the class of a move by one column or more.
const fn move_class(columns: i32) -> u32 {
    let far = match columns.unsigned_abs() {
        near @ 1..=4 => near - 1,
        5..=6 => 4,
        7..=11 => 5,
        _ => 6,
    };
    if columns < 0 { 7 - far } else { 8 + far }
}

/// Where a segment will probably merge: the row, and with which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Where the countdown of the side starts among [`COUNTDOWNS`].
    start: u32,
    row: u32,
}

/// The rows to a target from which on they are of one class.
const MANY: usize = 16;

/// The number of countdowns, with some that do not occur.
pub(super) const COUNTDOWNS: usize = 64;

impl Default for Target {
    fn default() -> Self {
        Self::NONE
    }
}

impl Target {
    /// No merge is expected.
    pub(super) const NONE: Self = Self { start: 2 * (MANY as u32 + 1), row: 0 };

    pub(super) fn left(row: u32) -> Self {
        Self { start: 0, row }
    }

    pub(super) fn right(row: u32) -> Self {
        Self { start: MANY as u32 + 1, row }
    }

    /// Returns the side and the number of rows that are left to the target, as one number below [`COUNTDOWNS`].
    #[inline]
    pub(super) fn countdown(self, row: u32) -> usize {
        (self.start + self.row.wrapping_sub(row).min(MANY as u32)) as usize
    }
}

/// Returns the class of a countdown: 0 to 6 for a target on the left, 8 to 14 for one on the right, 15 without a target.
pub(super) fn countdown_class(countdown: usize) -> u8 {
    let class = match countdown % (MANY + 1) {
        near @ 0..=2 => near as u8,
        3..=4 => 3,
        5..=7 => 4,
        8..=15 => 5,
        _ => 6,
    };
    match countdown / (MANY + 1) {
        0 => class,
        1 => 8 + class,
        _ => 15,
    }
}
