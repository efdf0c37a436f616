use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;
use proptest::prelude::*;

use super::Guard;

fn refused(text: &str) -> bool {
    let address: IpAddr = text.parse().unwrap();
    Guard::default().vet(address).is_err()
}

#[test]
fn every_range_is_refused_from_its_first_to_its_last_address() {
    for (first, last) in [
        ("0.0.0.0", "0.255.255.255"),
        ("10.0.0.0", "10.255.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("169.254.0.0", "169.254.255.255"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.0.0.0", "192.0.0.255"),
        ("192.0.2.0", "192.0.2.255"),
        ("192.88.99.0", "192.88.99.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("198.18.0.0", "198.19.255.255"),
        ("198.51.100.0", "198.51.100.255"),
        ("203.0.113.0", "203.0.113.255"),
        ("224.0.0.0", "239.255.255.255"),
        ("240.0.0.0", "255.255.255.255"),
        ("::", "::1"),
        ("::2", "::ffff:ffff"),
        ("::ffff:10.0.0.0", "::ffff:10.255.255.255"),
        ("::ffff:0:0:0", "::ffff:0:ffff:ffff"),
        ("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
        ("100::", "100::ffff:ffff:ffff:ffff"),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2002:7f00:1::", "2002:c0a8:ffff::ffff"),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("4000::", "4000::1"),
    ] {
        assert!(refused(first), "{first}");
        assert!(refused(last), "{last}");
    }
}

#[test]
fn the_neighbours_of_the_ranges_pass() {
    for public in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2002:808:808::1",
        "2400:3200::1",
        "3ffe::1",
    ] {
        assert!(!refused(public), "{public}");
    }
}

#[test]
fn allowed_networks_open_exactly_themselves() {
    let guard = Guard::new(false, vec!["10.1.0.0/16".parse().unwrap()]);
    let vet = |text: &str| guard.vet(text.parse().unwrap());
    assert_eq!(vet("10.1.2.3"), Ok(()));
    assert_eq!(vet("::ffff:10.1.2.3"), Ok(()));
    assert_eq!(vet("10.2.0.1"), Err("private"));
    assert_eq!(vet("127.0.0.1"), Err("loopback"));
    let open = Guard::new(true, Vec::new());
    assert_eq!(open.vet("127.0.0.1".parse().unwrap()), Ok(()));
    assert!(open.allows_private_targets());
}

/// Addresses from the ranges most worth attacking.
fn private() -> impl Strategy<Value = Ipv4Addr> {
    let nets: Vec<Ipv4Net> = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    ]
    .iter()
    .map(|net| net.parse().unwrap())
    .collect();
    (proptest::sample::select(nets), any::<u32>()).prop_map(|(net, noise)| {
        let host = noise & net.hostmask().to_bits();
        Ipv4Addr::from_bits(net.network().to_bits() | host)
    })
}

proptest! {
    #[test]
    fn no_private_v4_passes_in_any_embedding(v4 in private(), low in any::<u64>()) {
        let bits = u128::from(v4.to_bits());
        let prefix = |text: &str| text.parse::<Ipv6Addr>().unwrap().to_bits();
        let low = u128::from(low);
        let embeddings = [
            bits,                                               // compatible
            prefix("::ffff:0:0") | bits,                        // mapped
            prefix("::ffff:0:0:0") | bits,                      // translated
            prefix("64:ff9b::") | bits,                         // NAT64
            prefix("64:ff9b:1::") | bits,                       // local NAT64
            prefix("2002::") | (bits << 80) | low,              // 6to4
            prefix("2001::") | (u128::from(!v4.to_bits())),     // Teredo client
            prefix("2001::") | (bits << 64) | low,              // Teredo server
            prefix("fe80::5efe:0:0") | bits,                    // ISATAP
        ];
        let guard = Guard::default();
        prop_assert!(guard.vet(v4.into()).is_err());
        for embedded in embeddings {
            let v6 = Ipv6Addr::from_bits(embedded);
            prop_assert!(guard.vet(v6.into()).is_err(), "{v4} in {v6}");
        }
    }

    #[test]
    fn the_mapped_form_is_judged_as_the_plain_one(bits in any::<u32>()) {
        let v4 = Ipv4Addr::from_bits(bits);
        let guard = Guard::default();
        prop_assert_eq!(guard.vet(v4.into()), guard.vet(v4.to_ipv6_mapped().into()));
    }
}
