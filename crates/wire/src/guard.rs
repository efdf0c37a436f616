//! Which addresses may be reached: the guard against server-side request forgery.
//!
//! Closed by default: an address passes only when it is globally reachable by the IANA
//! special-purpose registries (RFC 6890 and its updates), and an IPv6 address that embeds an IPv4
//! one passes only when both do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Judges addresses. Every address is judged right before a connection is made to it.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    private_targets: bool,
    allowed: Vec<IpNet>,
}

impl Guard {
    /// A guard that lets public addresses and those in `allowed` pass; everything where
    /// `private_targets` is set.
    pub fn new(private_targets: bool, allowed: Vec<IpNet>) -> Self {
        Self {
            private_targets,
            allowed,
        }
    }

    /// Whether targets that are not public are permitted altogether.
    pub fn allows_private_targets(&self) -> bool {
        self.private_targets
    }

    /// Whether `address` may be reached.
    ///
    /// # Errors
    /// What kind of address it is, when it may not.
    pub fn vet(&self, address: IpAddr) -> Result<(), &'static str> {
        if self.private_targets || self.is_allowed(address) {
            return Ok(());
        }
        match address {
            IpAddr::V4(v4) => public_v4(v4),
            IpAddr::V6(v6) => public_v6(v6),
        }
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        self.allowed
            .iter()
            .any(|net| net.contains(&address) || net.contains(&plain))
    }
}

fn public_v4(address: Ipv4Addr) -> Result<(), &'static str> {
    let bits = address.to_bits();
    let found = V4.iter().find(|(network, length, _)| {
        let shift = 32 - u32::from(*length);
        bits >> shift == network.to_bits() >> shift
    });
    found.map_or(Ok(()), |(_, _, what)| Err(*what))
}

fn public_v6(address: Ipv6Addr) -> Result<(), &'static str> {
    if let Some(v4) = address.to_ipv4_mapped() {
        return public_v4(v4);
    }
    let bits = address.to_bits();
    let found = V6.iter().find(|(network, length, _)| {
        let shift = 128 - u32::from(*length);
        bits >> shift == network.to_bits() >> shift
    });
    match found {
        Some((_, _, Kind::Refused(what))) => Err(what),
        Some((_, _, Kind::EmbedsV4 { shift })) => {
            // The shift leaves the embedded address in the low 32 bits.
            let embedded = u32::try_from((bits >> shift) & 0xffff_ffff).unwrap_or(0);
            public_v4(Ipv4Addr::from_bits(embedded))
        }
        None if bits >> 125 == 1 => Ok(()),
        None => Err("not in global unicast 2000::/3"),
    }
}

/// How an IPv6 block is judged.
enum Kind {
    Refused(&'static str),
    /// By the IPv4 address found `shift` bits from the right.
    EmbedsV4 {
        shift: u32,
    },
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

/// IPv4 blocks that are not public (IANA IPv4 special-purpose registry, RFC 5771, RFC 1112).
const V4: &[(Ipv4Addr, u8, &str)] = &[
    (v4(0, 0, 0, 0), 8, "this network"),
    (v4(10, 0, 0, 0), 8, "private"),
    (v4(100, 64, 0, 0), 10, "carrier-grade NAT"),
    (v4(127, 0, 0, 0), 8, "loopback"),
    (v4(169, 254, 0, 0), 16, "link-local"),
    (v4(172, 16, 0, 0), 12, "private"),
    (v4(192, 0, 0, 0), 24, "protocol assignments"),
    (v4(192, 0, 2, 0), 24, "documentation"),
    (v4(192, 88, 99, 0), 24, "6to4 relay"),
    (v4(192, 168, 0, 0), 16, "private"),
    (v4(198, 18, 0, 0), 15, "benchmarking"),
    (v4(198, 51, 100, 0), 24, "documentation"),
    (v4(203, 0, 113, 0), 24, "documentation"),
    (v4(224, 0, 0, 0), 4, "multicast"),
    (v4(240, 0, 0, 0), 4, "reserved or broadcast"),
];

/// IPv6 blocks that need a judgement of their own (IANA IPv6 special-purpose registry). What is
/// in none of them and outside 2000::/3 is refused as well.
const V6: &[(Ipv6Addr, u8, Kind)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, Kind::Refused("unspecified")),
    (Ipv6Addr::LOCALHOST, 128, Kind::Refused("loopback")),
    (v6(0x64, 0xff9b, 0), 96, Kind::EmbedsV4 { shift: 0 }),
    (v6(0x64, 0xff9b, 1), 48, Kind::Refused("local-use NAT64")),
    (v6(0x100, 0, 0), 64, Kind::Refused("discard-only")),
    (v6(0x2001, 0, 0), 23, Kind::Refused("protocol assignments")),
    (v6(0x2001, 0xdb8, 0), 32, Kind::Refused("documentation")),
    (v6(0x2002, 0, 0), 16, Kind::EmbedsV4 { shift: 80 }),
    (v6(0x3fff, 0, 0), 20, Kind::Refused("documentation")),
    (v6(0x5f00, 0, 0), 16, Kind::Refused("segment routing")),
    (v6(0xfc00, 0, 0), 7, Kind::Refused("unique local")),
    (v6(0xfe80, 0, 0), 10, Kind::Refused("link-local")),
    (v6(0xfec0, 0, 0), 10, Kind::Refused("site-local")),
    (v6(0xff00, 0, 0), 8, Kind::Refused("multicast")),
];

#[cfg(test)]
mod tests;
