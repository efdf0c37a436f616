//! The country of a phone.
//!
//! Most calling codes belong to one country, which a table answers without looking at the rest of
//! the number. Only for codes that countries share is the library asked for the number's range.

use std::fmt;

use rlibphonenumber::PhoneNumber;

/// A country that has phone numbers, by its ISO 3166 two-letter code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country(&'static str);

impl Country {
    /// The country with this two-letter code in capitals, if any phone number is its.
    pub fn parse(code: &str) -> Option<Self> {
        let own = OWN.iter().map(|(_, country)| *country);
        let shared = SHARED.iter().flat_map(|(_, countries)| *countries).copied();
        own.chain(shared).find(|known| *known == code).map(Self)
    }

    /// The country of a phone in E.164 form. `None` for anything else, for codes that belong to
    /// no country (satellites, free phone), and for numbers of shared codes in no known range.
    pub fn of_phone(phone: &str) -> Option<Self> {
        match Code::of(phone)? {
            Code::Own(country) => Some(Self(country)),
            Code::Shared(countries) => of_range(phone, countries),
        }
    }

    /// The one country that all phones with this beginning belong to, where a calling code says
    /// so.
    pub fn of_prefix(prefix: &str) -> Option<Self> {
        match Code::of(prefix)? {
            Code::Own(country) => Some(Self(country)),
            Code::Shared(_) => None,
        }
    }

    /// The calling code, which other countries may share.
    pub fn calling_code(self) -> Option<u16> {
        let own = OWN
            .iter()
            .map(|(code, country)| (code, std::slice::from_ref(country)));
        let shared = SHARED.iter().map(|(code, countries)| (code, *countries));
        own.chain(shared)
            .find(|(_, countries)| countries.contains(&self.0))
            .map(|(code, _)| *code)
    }

    /// The two-letter code.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Whose a calling code is.
enum Code {
    Own(&'static str),
    Shared(&'static [&'static str]),
}

impl Code {
    /// That of a phone in E.164 form, or of its beginning.
    fn of(phone: &str) -> Option<Self> {
        let digits = phone.strip_prefix('+')?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // No calling code begins another one, so the first that is found is it.
        (1..=3).find_map(|length| {
            let code: u16 = digits.get(..length)?.parse().ok()?;
            if let Ok(place) = OWN.binary_search_by_key(&code, |(code, _)| *code) {
                return Some(Self::Own(OWN[place].1));
            }
            let place = SHARED.binary_search_by_key(&code, |(code, _)| *code).ok()?;
            Some(Self::Shared(SHARED[place].1))
        })
    }
}

/// Which of `countries` the number's range belongs to.
#[cold]
fn of_range(phone: &str, countries: &[&'static str]) -> Option<Country> {
    let number = PhoneNumber::parse(phone, None).ok()?;
    let region = number.get_region_code()?.to_string();
    let known = countries.iter().copied();
    known.filter(|known| *known == region).map(Country).next()
}

/// Calling codes of one country, in their order (ITU-T E.164, as libphonenumber has them).
#[rustfmt::skip]
const OWN: &[(u16, &str)] = &[
    (20, "EG"), (27, "ZA"), (30, "GR"), (31, "NL"), (32, "BE"), (33, "FR"), (34, "ES"), (36, "HU"),
    (40, "RO"), (41, "CH"), (43, "AT"), (45, "DK"), (46, "SE"), (48, "PL"), (49, "DE"), (51, "PE"),
    (52, "MX"), (53, "CU"), (54, "AR"), (55, "BR"), (56, "CL"), (57, "CO"), (58, "VE"), (60, "MY"),
    (62, "ID"), (63, "PH"), (64, "NZ"), (65, "SG"), (66, "TH"), (81, "JP"), (82, "KR"), (84, "VN"),
    (86, "CN"), (90, "TR"), (91, "IN"), (92, "PK"), (93, "AF"), (94, "LK"), (95, "MM"), (98, "IR"),
    (211, "SS"), (213, "DZ"), (216, "TN"), (218, "LY"), (220, "GM"), (221, "SN"), (222, "MR"), (223, "ML"),
    (224, "GN"), (225, "CI"), (226, "BF"), (227, "NE"), (228, "TG"), (229, "BJ"), (230, "MU"), (231, "LR"),
    (232, "SL"), (233, "GH"), (234, "NG"), (235, "TD"), (236, "CF"), (237, "CM"), (238, "CV"), (239, "ST"),
    (240, "GQ"), (241, "GA"), (242, "CG"), (243, "CD"), (244, "AO"), (245, "GW"), (246, "IO"), (247, "AC"),
    (248, "SC"), (249, "SD"), (250, "RW"), (251, "ET"), (252, "SO"), (253, "DJ"), (254, "KE"), (255, "TZ"),
    (256, "UG"), (257, "BI"), (258, "MZ"), (260, "ZM"), (261, "MG"), (263, "ZW"), (264, "NA"), (265, "MW"),
    (266, "LS"), (267, "BW"), (268, "SZ"), (269, "KM"), (291, "ER"), (297, "AW"), (298, "FO"), (299, "GL"),
    (350, "GI"), (351, "PT"), (352, "LU"), (353, "IE"), (354, "IS"), (355, "AL"), (356, "MT"), (357, "CY"),
    (359, "BG"), (370, "LT"), (371, "LV"), (372, "EE"), (373, "MD"), (374, "AM"), (375, "BY"), (376, "AD"),
    (377, "MC"), (378, "SM"), (380, "UA"), (381, "RS"), (382, "ME"), (383, "XK"), (385, "HR"), (386, "SI"),
    (387, "BA"), (389, "MK"), (420, "CZ"), (421, "SK"), (423, "LI"), (500, "FK"), (501, "BZ"), (502, "GT"),
    (503, "SV"), (504, "HN"), (505, "NI"), (506, "CR"), (507, "PA"), (508, "PM"), (509, "HT"), (591, "BO"),
    (592, "GY"), (593, "EC"), (594, "GF"), (595, "PY"), (596, "MQ"), (597, "SR"), (598, "UY"), (670, "TL"),
    (672, "NF"), (673, "BN"), (674, "NR"), (675, "PG"), (676, "TO"), (677, "SB"), (678, "VU"), (679, "FJ"),
    (680, "PW"), (681, "WF"), (682, "CK"), (683, "NU"), (685, "WS"), (686, "KI"), (687, "NC"), (688, "TV"),
    (689, "PF"), (690, "TK"), (691, "FM"), (692, "MH"), (850, "KP"), (852, "HK"), (853, "MO"), (855, "KH"),
    (856, "LA"), (880, "BD"), (886, "TW"), (960, "MV"), (961, "LB"), (962, "JO"), (963, "SY"), (964, "IQ"),
    (965, "KW"), (966, "SA"), (967, "YE"), (968, "OM"), (970, "PS"), (971, "AE"), (972, "IL"), (973, "BH"),
    (974, "QA"), (975, "BT"), (976, "MN"), (977, "NP"), (992, "TJ"), (993, "TM"), (994, "AZ"), (995, "GE"),
    (996, "KG"), (998, "UZ"),
];

/// Calling codes that several countries share, in their order.
#[rustfmt::skip]
const SHARED: &[(u16, &[&str])] = &[
    (1, &[
        "US", "CA", "AG", "AI", "AS", "BB", "BM", "BS", "DM", "DO", "GD", "GU",
        "JM", "KN", "KY", "LC", "MP", "MS", "PR", "SX", "TC", "TT", "VC", "VG",
        "VI",
    ]),
    (7, &["RU", "KZ"]),
    (39, &["IT", "VA"]),
    (44, &["GB", "GG", "IM", "JE"]),
    (47, &["NO", "SJ"]),
    (61, &["AU", "CC", "CX"]),
    (212, &["MA", "EH"]),
    (262, &["RE", "YT"]),
    (290, &["SH", "TA"]),
    (358, &["FI", "AX"]),
    (590, &["GP", "BL", "MF"]),
    (599, &["CW", "BQ"]),
];

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rlibphonenumber::PHONE_NUMBER_UTIL;

    use super::*;

    #[test]
    fn the_tables_are_the_librarys() {
        let mut wanted: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
        for region in PHONE_NUMBER_UTIL.get_supported_regions() {
            let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region);
            let code = u16::try_from(code.unwrap()).unwrap();
            wanted.entry(code).or_default().insert(region.to_string());
        }
        let own = OWN.iter().map(|(code, country)| (*code, vec![*country]));
        let shared = SHARED.iter().map(|(code, all)| (*code, all.to_vec()));
        let ours: BTreeMap<u16, BTreeSet<String>> = own
            .chain(shared)
            .map(|(code, all)| (code, all.into_iter().map(str::to_owned).collect()))
            .collect();
        assert_eq!(ours, wanted);
        assert!(OWN.is_sorted_by_key(|(code, _)| *code));
        assert!(SHARED.is_sorted_by_key(|(code, _)| *code));
    }

    #[test]
    fn phones_have_countries() {
        for (phone, country) in [
            ("+8613711112201", Some("CN")),
            ("+85251112222", Some("HK")),
            ("+6591234567", Some("SG")),
            ("+12025550123", Some("US")),
            ("+16045550123", Some("CA")),
            ("+18765550123", Some("JM")),
            ("+79161234567", Some("RU")),
            ("+77011234567", Some("KZ")),
            ("+447400123456", Some("GB")),
            ("+80012345678", None),
            ("+", None),
            ("8613711112201", None),
            ("+86@mail.example", None),
            ("", None),
        ] {
            let found = Country::of_phone(phone);
            assert_eq!(found.map(Country::as_str), country, "{phone}");
            assert_eq!(country.and_then(Country::parse), found);
            if let Some(code) = found.and_then(Country::calling_code) {
                assert!(phone.starts_with(&format!("+{code}")), "{phone} {code}");
            }
        }
        assert_eq!(Country::parse("cn"), None);
        assert_eq!(Country::parse("AQ"), None);
    }
}
