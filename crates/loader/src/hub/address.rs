//! Addresses of servers: where a token may be sent, and where a redirect leads.

use ureq::Proxy;
use ureq::http::Uri;

/// Scheme, host and port: where a token may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of an http or https address. None for other addresses, and for a port that is not a
    /// number up to 65535: the HTTP client would use the default port instead.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        let port = match port(uri)? {
            "" => default_port,
            port => port.parse().ok()?,
        };
        Some(Origin { scheme, host, port })
    }

    pub(super) fn is_loopback(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "[::1]")
    }
}

/// Whether a value is the address of a proxy, as the HTTP client reads it.
pub(super) fn is_proxy(value: &str) -> bool {
    Proxy::new(value).is_ok_and(|proxy| {
        port(proxy.uri()).is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok())
    })
}

/// The digits of the port of an address, empty if it has no port; none for a port with other
/// characters or without digits.
fn port(uri: &Uri) -> Option<&str> {
    let authority = uri.authority()?.as_str();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let after_host = match place.strip_prefix('[') {
        Some(address) => address.split_once(']')?.1,
        None => &place[place.find(':').unwrap_or(place.len())..],
    };
    if after_host.is_empty() {
        return Some("");
    }
    let digits = after_host.strip_prefix(':')?;
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// Resolves a `Location` against `base` (RFC 3986, section 5.2, without dot segments).
pub(super) fn resolve(base: &Uri, location: &str) -> Option<String> {
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    if location.contains("://") && !location.starts_with(['/', '?']) {
        return Some(location.to_owned());
    }
    Some(if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    })
}

/// Removes the query of an address, which may have a signature.
pub(super) fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_against_the_address_that_sent_them() {
        let base: Uri = "http://hub:8080/org/name/resolve/main/a/b.txt?x=1".parse().unwrap();
        for (location, expected) in [
            ("https://cdn/x?sig=1", "https://cdn/x?sig=1"),
            ("//cdn/x", "http://cdn/x"),
            ("/api/x", "http://hub:8080/api/x"),
            ("c.txt", "http://hub:8080/org/name/resolve/main/a/c.txt"),
            ("/x?next=http://elsewhere/", "http://hub:8080/x?next=http://elsewhere/"),
        ] {
            assert_eq!(resolve(&base, location).as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = |url: &str| url.parse().ok().as_ref().and_then(Origin::of);
        assert_eq!(origin("https://Hub.example/a"), origin("https://hub.example:443/b"));
        assert_eq!(origin("http://[::1]:80/"), origin("http://[::1]/"));
        assert!(origin("http://[::1]:8080/").unwrap().is_loopback());
        for other in ["http://hub.example/", "https://hub.example:8443/", "https://x.hub.example/"]
        {
            assert_ne!(origin("https://hub.example/"), origin(other), "{other}");
        }
        for bad in [
            "ftp://hub/",
            "http://hub:99999/",
            "http://hub:65536",
            "http://hub:",
            "http://hub:x/",
            "http://hub:+80/",
            "http://[::1]:70000/",
            "http://[::1]x/",
        ] {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_proxy_has_a_port_that_is_a_number() {
        for good in [
            "http://proxy:8080",
            "proxy",
            "localhost:3128",
            "http://user:pass@proxy:1/",
            "socks5h://[::1]:1080",
        ] {
            assert!(is_proxy(good), "{good}");
        }
        for bad in [
            "http://proxy:99999",
            "proxy:80x",
            "http://proxy:",
            "http://u:p@proxy:70000",
            "ftp://proxy",
            "http://",
            "http://a b",
        ] {
            assert!(!is_proxy(bad), "{bad}");
        }
    }
}
