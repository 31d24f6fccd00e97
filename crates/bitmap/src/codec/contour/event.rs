//! Events: what changes next about a run, as one symbol.

use super::history::Update;

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

/// What a walk has to do for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Both edges stay or move a little.
    Step,
    /// Both edges end.
    Death,
    /// A hole opens.
    Split,
    /// One edge ends; the other one stays or moves a little.
    End,
    /// Numbers follow: there are many rows, or an edge moves far.
    Numbers,
    /// It is escaped: the symbol follows in the common code.
    Escape,
}

/// An event, and what it does where no numbers follow.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Effect {
    pub(super) event: Event,
    pub(super) kind: Kind,
    /// The rows that a step goes down; for other events so many that they lead out of any image.
    pub(super) rows: u32,
    /// The columns by which each edge moves.
    pub(super) moves: [i32; 2],
    pub(super) update: Update,
}

/// Rows that lead out of any image, and do not overflow if they are added to one of its rows.
const TOO_MANY_ROWS: u32 = 1 << 30;

/// Room for the effects of all symbols, a power of two so that a remainder takes no time.
const PLACES: usize = (EVENTS + 1).next_power_of_two();

/// The effect of each symbol, and of the escape.
static EFFECTS: [Effect; PLACES] = {
    let mut effects = [Effect::of_symbol(EVENTS as u16); PLACES];
    let mut symbol = 0;
    while symbol < EVENTS {
        effects[symbol] = Effect::of_symbol(symbol as u16);
        symbol += 1;
    }
    effects
};

impl Effect {
    /// Returns the effect of a symbol.
    #[inline]
    pub(super) fn of(symbol: u16) -> &'static Self {
        &EFFECTS[usize::from(symbol) % PLACES]
    }

    const fn of_symbol(symbol: u16) -> Self {
        let event = Event::from_symbol(symbol);
        let [left, right] = event.actions;
        let kind = if symbol as usize >= EVENTS {
            Kind::Escape
        } else if event.rows as u32 == MANY_ROWS || left == FAR || right == FAR {
            Kind::Numbers
        } else if event.is_death() {
            Kind::Death
        } else if left == END || right == END {
            Kind::End
        } else if left == STAY && right == STAY {
            Kind::Split
        } else {
            Kind::Step
        };
        let rows = if matches!(kind, Kind::Step) { event.rows as u32 + 1 } else { TOO_MANY_ROWS };
        let moves = [left as i32 - STAY as i32, right as i32 - STAY as i32];
        Self { event, kind, rows, moves, update: Update::of_moves(moves) }
    }
}
