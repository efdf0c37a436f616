//! From a phone number to a zone.
//!
//! Areas first, since they are more exact and cheaper than asking the library whose range a
//! number of a shared code is. An area that is not in the table, a free phone number or a mobile
//! number without an area falls to the main zone of the country.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Zone, areas};
use crate::route::country::Country;

struct Map {
    /// By area code of the North American plan, from 200.
    north_america: Vec<Option<Zone>>,
    /// By the digits that numbers begin with.
    prefixes: HashMap<&'static str, Zone>,
    /// Lengths of those, the longest first.
    lengths: Vec<usize>,
    countries: HashMap<&'static str, Zone>,
}

static MAP: LazyLock<Map> = LazyLock::new(|| {
    let mut north_america = vec![None; 800];
    for (name, codes) in areas::NORTH_AMERICA {
        for code in *codes {
            let place = usize::from(*code).saturating_sub(200);
            if let Some(slot) = north_america.get_mut(place) {
                *slot = Zone::named(name).ok();
            }
        }
    }
    let mut prefixes = HashMap::new();
    for (name, digits) in areas::ELSEWHERE {
        if let Ok(zone) = Zone::named(name) {
            prefixes.extend(digits.split(' ').map(|prefix| (prefix, zone)));
        }
    }
    let mut lengths: Vec<usize> = prefixes.keys().map(|prefix| prefix.len()).collect();
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    lengths.dedup();
    let countries = areas::MAIN
        .iter()
        .filter_map(|(country, name)| Some((*country, Zone::named(name).ok()?)))
        .collect();
    Map {
        north_america,
        prefixes,
        lengths,
        countries,
    }
});

pub(super) fn zone(phone: &str) -> Option<Zone> {
    let digits = phone.strip_prefix('+')?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let map = &*MAP;
    if let Some(rest) = digits.strip_prefix('1') {
        let area = rest.get(..3).and_then(|area| area.parse::<usize>().ok());
        let place = area.and_then(|area| area.checked_sub(200));
        let zone = place.and_then(|place| map.north_america.get(place).copied().flatten());
        if zone.is_some() {
            return zone;
        }
    } else if ["7", "55", "52", "61", "62", "34", "351"]
        .iter()
        .any(|code| digits.starts_with(code))
    {
        let found = map
            .lengths
            .iter()
            .find_map(|length| map.prefixes.get(digits.get(..*length)?));
        if let Some(zone) = found {
            return Some(*zone);
        }
    }
    let country = Country::of_phone(phone)?;
    map.countries.get(country.as_str()).copied()
}
