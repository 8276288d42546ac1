//! Where a request comes from, as far as it is counted.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;

/// The address at the other end of the socket; put into every request by the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// The caller behind a proxy: the last entry of `X-Forwarded-For`, the one our own proxy wrote. The peer itself
    /// where the header is missing or unreadable.
    pub(crate) fn forwarded_by(self, headers: &HeaderMap) -> Self {
        headers
            .get_all("x-forwarded-for")
            .iter()
            .next_back()
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit(',').next())
            .and_then(|entry| entry.trim().parse().ok())
            .map_or(self, Peer)
    }

    /// What limits count by: an IPv4 address, or the /64 network of an IPv6 one, since a single host owns all of it.
    pub(crate) fn network(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn peer(text: &str) -> Peer {
        Peer(text.parse().unwrap())
    }

    #[test]
    fn one_ipv6_network_counts_as_one_caller() {
        assert_eq!(peer("2001:db8:1:2::1").network(), peer("2001:db8:1:2:ffff::9").network());
        assert_ne!(peer("2001:db8:1:2::1").network(), peer("2001:db8:1:3::1").network());
        assert_eq!(peer("::ffff:192.0.2.7").network(), peer("192.0.2.7").network());
    }

    #[test]
    fn only_the_entry_of_our_own_proxy_is_believed() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("203.0.113.9"));
        headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.1, 192.0.2.7"));
        assert_eq!(peer("127.0.0.1").forwarded_by(&headers), peer("192.0.2.7"));
        headers.append("x-forwarded-for", HeaderValue::from_static("unknown"));
        assert_eq!(peer("127.0.0.1").forwarded_by(&headers), peer("127.0.0.1"));
    }
}
