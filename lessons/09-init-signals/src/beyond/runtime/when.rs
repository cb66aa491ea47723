//! Moments, for people and for programs.

use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use super::record::now;

/// `2026-11-22T00:07:31.123456789Z`, as Docker writes it; a moment that never was is year 1.
pub fn rfc3339(ns: u64) -> String {
    if ns == 0 {
        return "0001-01-01T00:00:00Z".to_string();
    }
    let (seconds, rest) = (ns / 1_000_000_000, ns % 1_000_000_000);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:09}Z")
}

/// Year, month and day so many days after 1970-01-01. The year is counted from March, so that the odd day is its last.
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// How long a process has been there that began so many clock ticks after the boot, by the clock that nobody can set.
/// See proc_uptime(5) and starttime in proc_pid_stat(5).
pub fn age(ticks: u64) -> Option<String> {
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let begun = ticks as f64 / sysconf(SysconfVar::CLK_TCK).ok()?? as f64;
    Some(about(Duration::from_secs_f64((uptime - begun).max(0.0))))
}

/// `3 minutes`: how long it has been since, by the wall clock.
pub fn since(ns: u64) -> String {
    about(Duration::from_nanos(now().saturating_sub(ns)))
}

fn about(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(31_536_000, "year"), (86_400, "day"), (3600, "hour"), (60, "minute")];
    let fitting = units.iter().find(|(length, _)| seconds >= *length);
    let (number, unit) = fitting.map_or((seconds, "second"), |(len, unit)| (seconds / len, unit));
    match (number, unit) {
        (0, _) => "less than a second".to_string(),
        (1, unit) => format!("1 {unit}"),
        (number, unit) => format!("{number} {unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(rfc3339(1_000_000_000), "1970-01-01T00:00:01.000000000Z");
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(11_017), (2000, 3, 1));
        assert_eq!(date(20_779), (2026, 11, 22));
    }

    #[test]
    fn spans() {
        assert_eq!(about(Duration::from_millis(10)), "less than a second");
        assert_eq!(about(Duration::from_secs(61)), "1 minute");
        assert_eq!(about(Duration::from_secs(7300)), "2 hours");
    }
}
