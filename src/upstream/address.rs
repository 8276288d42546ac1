//! Where a connection may dial: the shape of its base URL, and the addresses its host may stand for.
//!
//! A name is judged by what it resolves to in the moment of dialling, so that an answer that changes between a
//! check and its use changes nothing.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::names::Names;

/// Checks a URL an operator wrote; `private` allows plain http and addresses that are not public.
///
/// Fails with one line that never repeats the URL, which may hold a password.
pub(super) fn base_url(text: &str, private: bool) -> Result<Url, String> {
    let url = target(text, private)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the URL has a query or a fragment, expected none".to_owned());
    }
    Ok(url)
}

/// The same for an address that requests go to as it stands, with its query.
pub(super) fn target(text: &str, private: bool) -> Result<Url, String> {
    let url = Url::parse(text.trim()).map_err(|error| format!("the URL cannot be read: {error}"))?;
    match url.scheme() {
        "https" => {}
        "http" if private => {}
        "http" => return Err("the URL is `http`, which needs `private = true`; expected `https`".to_owned()),
        other => return Err(format!("the URL is `{other}`, expected `https`")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL names a user; credentials have settings of their own".to_owned());
    }
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain(_)) => None,
        None => return Err("the URL has no host".to_owned()),
    };
    match address {
        Some(address) if !private && !is_public(address) => {
            Err(format!("the host is `{address}`, which is not public: it needs `private = true`"))
        }
        _ => Ok(url),
    }
}

/// The URL of a request: `path` appended to the base.
///
/// Fails where the path would leave the base: a segment that is empty or only dots, a query, a backslash.
pub(super) fn join(base: &Url, path: &str) -> Result<Url, String> {
    let steps =
        |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "" | "." | "..");
    let Some(segments) = path.strip_prefix('/') else {
        return Err("the path does not begin with `/`".to_owned());
    };
    if path.contains(['?', '#', '\\']) || (!segments.is_empty() && segments.split('/').any(steps)) {
        return Err("the path has a segment that cannot be sent".to_owned());
    }
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    Ok(url)
}

/// Looks names up and drops what must not be dialled.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    pub names: Arc<dyn Names>,
    pub private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { names, private } = self.clone();
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await?;
            Ok(Box::new(screen(found, private)?.into_iter()) as Addrs)
        })
    }
}

/// Keeps the addresses that may be dialled; fails where none is left.
fn screen(found: Vec<SocketAddr>, private: bool) -> io::Result<Vec<SocketAddr>> {
    let kept: Vec<SocketAddr> =
        found.into_iter().filter(|address| private || is_public(address.ip())).collect();
    if kept.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the host has no public address, and the connection is not `private`",
        ));
    }
    Ok(kept)
}

/// Whether an address belongs to the open internet: nothing local, reserved, or a cloud's metadata service, however
/// it is wrapped (IANA special-purpose address registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol_assignments = a == 192 && b == 0 && c == 0;
    let relay = a == 192 && b == 88 && c == 99;
    let benchmark = a == 198 && (b == 18 || b == 19);
    let azure_metadata = (a, b, c, d) == (168, 63, 129, 16);
    let multicast_or_reserved = a >= 224;
    !(a == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || shared
        || protocol_assignments
        || relay
        || benchmark
        || azure_metadata
        || multicast_or_reserved)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        [0x2001, second, ..] if second < 0x0200 || second == 0x0db8 => false,
        // What is handed out to the open internet is 2000::/3; all else is local, mapped, multicast or reserved.
        [first, ..] => (0x2000..0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_PUBLIC: &[&str] = &[
        "127.0.0.1",
        "127.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "0.0.0.0",
        "0.1.2.3",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "203.0.113.1",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:a9fe:a9fe",
        "::127.0.0.1",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "fec0::1",
        "100::1",
    ];

    #[test]
    fn local_and_reserved_addresses_are_not_public() {
        for text in NOT_PUBLIC {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn every_spelling_of_a_local_host_is_refused() {
        let spellings = [
            "https://127.0.0.1",
            "https://127.1",
            "https://2130706433",
            "https://0x7f000001",
            "https://0177.0.0.1",
            "https://017700000001",
            "https://127.0.0.1.",
            "https://0",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[::ffff:7f00:1]",
            "https://①②⑦.0.0.1",
            "https://127。0。0。1",
            "https://169.254.169.254/latest",
            "https://0xA9FEA9FE",
            "https://[fd00:ec2::254]",
            "https://%31%32%37.0.0.1",
            "https://10.1",
        ];
        for text in spellings {
            assert!(base_url(text, false).is_err(), "{text}");
        }
        assert!(base_url("https://127.0.0.1:1", true).is_ok());
    }

    #[test]
    fn a_base_url_is_https_and_bare() {
        assert!(base_url("https://api.example.com/v1/", false).is_ok());
        assert!(base_url("http://api.example.com", true).is_ok());
        for text in [
            "http://api.example.com",
            "ftp://api.example.com",
            "file:///etc/passwd",
            "api.example.com",
            "",
            "https://good.example@evil.example",
            "https://user:hunter2@api.example.com",
            "https://api.example.com?a=b",
            "https://api.example.com#x",
        ] {
            let error = base_url(text, false).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn names_keep_only_their_public_addresses() {
        let both: Vec<SocketAddr> = vec!["10.0.0.1:0".parse().unwrap(), "1.1.1.1:0".parse().unwrap()];
        assert_eq!(screen(both.clone(), false).unwrap(), ["1.1.1.1:0".parse().unwrap()]);
        assert_eq!(screen(both.clone(), true).unwrap(), both);
        assert!(screen(vec!["[::ffff:10.0.0.1]:0".parse().unwrap()], false).is_err());
    }

    #[test]
    fn a_path_cannot_leave_its_base() {
        let base = base_url("https://api.example.com/v1/", false).unwrap();
        assert_eq!(join(&base, "/users/a%2Fb").unwrap().as_str(), "https://api.example.com/v1/users/a%2Fb");
        assert_eq!(join(&base, "/").unwrap().as_str(), "https://api.example.com/v1/");
        for path in [
            "users",
            "//evil.example/",
            "/users/..",
            "/users/%2E%2e/x",
            "/users//x",
            "/a?b",
            "/a#b",
            "/a\\b",
            "/users/",
        ] {
            assert!(join(&base, path).is_err(), "{path}");
        }
    }
}
