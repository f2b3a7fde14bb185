//! Which hosts are on this machine or a private network, and which are on the internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses a connection may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// Any.
    Anywhere,
    /// Loopback and private networks: for plain http, which others on the network can read.
    PrivateOnly,
    /// The internet: for files that a provider's answer names.
    PublicOnly,
}

/// Why a connection to a host is forbidden. It is checked before anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreachable {
    #[error("it is not on this machine or a private network")]
    Public,
    #[error("it is on this machine or a private network")]
    Private,
}

/// Tells whether a host, written as in a URL, is an address of this machine or a private network.
///
/// A name other than `localhost` counts as public: its addresses are checked when it is resolved.
pub(crate) fn is_private_or_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    match bare.parse() {
        Ok(address) => is_private_address(address),
        Err(_) => is_localhost(bare),
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Tells whether an address is not on the public internet.
pub(crate) fn is_private_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => is_private_v6(v6),
    }
}

/// Tells whether IANA's special-purpose registry (RFC 6890 and its updates) lists it as not public.
fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b)) // shared by the customers of a carrier
        || (a == 198 && (18..20).contains(&b)) // benchmarks
        || (a == 192 && b == 0 && c == 0)
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_private_v4(v4);
    }
    let [first, second, ..] = address.segments();
    match (first, second) {
        // NAT64, 6to4 (both hold an IPv4 address) and documentation.
        (0x64, 0xff9b) | (0x2002, _) | (0x2001, 0xdb8) => true,
        // All public addresses are in 2000::/3.
        _ => first & 0xe000 != 0x2000,
    }
}

impl Reach {
    /// Checks a host that is an address or `localhost`; other names are checked when looked up.
    pub(crate) fn check_host(self, host: &str) -> Result<(), Unreachable> {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if bare.parse::<IpAddr>().is_err() && !is_localhost(bare) {
            return Ok(());
        }
        match (self, is_private_or_loopback(host)) {
            (Self::PrivateOnly, false) => Err(Unreachable::Public),
            (Self::PublicOnly, true) => Err(Unreachable::Private),
            _ => Ok(()),
        }
    }

    fn check_all(self, addresses: &[SocketAddr]) -> Result<(), Unreachable> {
        // Every address is checked: a name with a public and a private one may be an attack.
        for address in addresses {
            match (self, is_private_address(address.ip())) {
                (Self::PrivateOnly, false) => return Err(Unreachable::Public),
                (Self::PublicOnly, true) => return Err(Unreachable::Private),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Resolves names and refuses forbidden addresses. The connection uses the checked addresses.
pub(crate) struct GuardedResolver(pub(crate) Reach);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            reach.check_all(&found)?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_public_hosts_are_told_apart() {
        for (host, private) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("localhost", true),
            ("LocalHost.", true),
            ("a.localhost", true),
            ("[::1]", true),
            ("::1", true),
            ("0.0.0.0", true),
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("172.32.0.1", false),
            ("192.168.1.9", true),
            ("169.254.169.254", true),
            ("100.64.0.1", true),
            ("198.18.0.1", true),
            ("224.0.0.1", true),
            ("255.255.255.255", true),
            ("[fe80::1]", true),
            ("[fc00::1]", true),
            ("[fd12::1]", true),
            ("[::ffff:10.0.0.1]", true),
            ("[::ffff:1.1.1.1]", false),
            ("[64:ff9b::a00:1]", true),
            ("[2002:a00:1::]", true),
            ("[::]", true),
            ("1.1.1.1", false),
            ("[2606:4700::1111]", false),
            ("example.com", false),
            ("10.0.0.1.example.com", false),
        ] {
            assert_eq!(is_private_or_loopback(host), private, "{host}");
        }
    }

    #[test]
    fn a_name_with_one_private_address_is_not_public() {
        let both: Vec<SocketAddr> = vec!["1.1.1.1:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap()];
        assert_eq!(Reach::PublicOnly.check_all(&both), Err(Unreachable::Private));
        assert_eq!(Reach::PrivateOnly.check_all(&both), Err(Unreachable::Public));
        assert_eq!(Reach::Anywhere.check_all(&both), Ok(()));
    }
}
