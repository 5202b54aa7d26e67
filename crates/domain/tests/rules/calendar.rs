//! A second calendar: it counts single days and shares nothing with chrono.

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// A day, and the milliseconds of that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub into: i64,
}

pub fn days_in_year(year: i64) -> i64 {
    if year % 400 == 0 || (year % 4 == 0 && year % 100 != 0) { 366 } else { 365 }
}

pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => days_in_year(year) - 337,
        _ => 31,
    }
}

/// The date of an instant after 1970, in milliseconds.
pub fn date(ms: i64) -> Date {
    let (mut days, mut year, mut month) = (ms / DAY, 1970, 1);
    while days >= days_in_year(year) {
        days -= days_in_year(year);
        year += 1;
    }
    while days >= days_in_month(year, month) {
        days -= days_in_month(year, month);
        month += 1;
    }
    Date { year, month, day: days + 1, into: ms % DAY }
}

impl Date {
    pub fn ms(self) -> i64 {
        let years: i64 = (1970..self.year).map(days_in_year).sum();
        let months: i64 = (1..self.month).map(|month| days_in_month(self.year, month)).sum();
        (years + months + self.day - 1) * DAY + self.into
    }

    pub fn tomorrow(self) -> Self {
        if self.day < days_in_month(self.year, self.month) {
            return Self { day: self.day + 1, ..self };
        }
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        Self { year, month, day: 1, ..self }
    }

    pub fn yesterday(self) -> Self {
        if self.day > 1 {
            return Self { day: self.day - 1, ..self };
        }
        let (year, month) = if self.month == 1 { (self.year - 1, 12) } else { (self.year, self.month - 1) };
        Self { year, month, day: days_in_month(year, month), ..self }
    }

    /// A cycle of an anchor on `day` begins on this date.
    fn turns(self, day: i64) -> bool {
        self.day == day || (self.day == days_in_month(self.year, self.month) && self.day < day)
    }
}

/// The first boundary of `anchor` after `at`, found day by day.
pub fn boundary_after(anchor: i64, at: i64) -> i64 {
    let turn = date(anchor);
    let mut day = Date { into: turn.into, ..date(at) };
    while !day.turns(turn.day) || day.ms() <= at {
        day = day.tomorrow();
    }
    day.ms()
}

/// The last boundary of `anchor` at or before `at`.
pub fn boundary_before(anchor: i64, at: i64) -> i64 {
    let turn = date(anchor);
    let mut day = Date { into: turn.into, ..date(at) };
    while !day.turns(turn.day) || day.ms() > at {
        day = day.yesterday();
    }
    day.ms()
}

/// Twelve calendar months later.
pub fn a_year_after(at: i64) -> i64 {
    let date = date(at);
    let day = date.day.min(days_in_month(date.year + 1, date.month));
    Date { year: date.year + 1, day, ..date }.ms()
}
