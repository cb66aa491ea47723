//! The moment of a build, as the image spec writes it.

use std::time::UNIX_EPOCH;

use ground::Result;

use crate::beyond::image::pack::source_date_epoch;

/// Now, or what `SOURCE_DATE_EPOCH` says.
pub fn now() -> Result<String> {
    let seconds = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    Ok(rfc3339(source_date_epoch()?.unwrap_or(seconds)))
}

/// Seconds since 1970 as a date, after Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is
/// the last.
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month, wraps) = (day - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1, month >= 10);
    let year = year + era * 400 + u64::from(wraps);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_735_689_599), "2024-12-31T23:59:59Z");
    }
}
