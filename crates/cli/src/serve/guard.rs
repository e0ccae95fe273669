//! Which requests are answered: those of pages and programs of this machine.
//!
//! A page of another site can make a browser send requests here, also under another host name that
//! resolves to this machine. `Host` has the name, `Sec-Fetch-Site` and `Origin` the site that sends the
//! request.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use percent_encoding::percent_decode_str;

/// The names of this machine.
const OWN: [&str; 2] = ["127.0.0.1", "localhost"];

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It does not say in one way for which server it is.
    Malformed,
    /// Its query is not UTF-8.
    NotUtf8,
    /// It is for another server, or another site sends it.
    Foreign,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::NotUtf8 => StatusCode::BAD_REQUEST,
            Self::Foreign => StatusCode::FORBIDDEN,
        }
    }

    /// The answer, with the address of this server.
    pub(super) fn message(self, address: &str) -> String {
        match self {
            Self::Malformed => {
                format!("a request needs one Host header, such as Host: {address}\n")
            }
            Self::NotUtf8 => "the query is not valid UTF-8\n".to_owned(),
            Self::Foreign => format!(
                "this server answers only pages and programs of its machine; open http://{address}/ \
                 there\n"
            ),
        }
    }
}

/// Refuses a request that does not come from a page or a program of this machine.
pub(super) fn check(request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    let mut hosts = values(headers, header::HOST);
    let (Some(Some(host)), None) = (hosts.next(), hosts.next()) else {
        return Err(Refusal::Malformed);
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let is_port =
        |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if !OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) {
        return Err(Refusal::Foreign);
    }
    if !port.is_none_or(is_port) {
        return Err(Refusal::Malformed);
    }
    // A target with a host of its own (`GET http://host/`) has priority over the header.
    if request.uri().authority().is_some_and(|it| !it.as_str().eq_ignore_ascii_case(host)) {
        return Err(Refusal::Malformed);
    }
    let own_site = |from: Option<&str>| matches!(from, Some("none" | "same-origin"));
    let own_page = format!("http://{host}");
    let is_own_page =
        |origin: Option<&str>| origin.is_some_and(|it| it.eq_ignore_ascii_case(&own_page));
    let sites = HeaderName::from_static("sec-fetch-site");
    if !values(headers, sites).all(own_site) || !values(headers, header::ORIGIN).all(is_own_page) {
        return Err(Refusal::Foreign);
    }
    // Decoding would replace the wrong bytes.
    let query = percent_decode_str(request.uri().query().unwrap_or_default());
    query.decode_utf8().map(drop).map_err(|_| Refusal::NotUtf8)
}

/// The values of a header; none for a value that is not ASCII.
fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Option<&str>> {
    headers.get_all(name).into_iter().map(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn checked(target: &str, headers: &[(&str, &str)]) -> Result<(), Refusal> {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn a_request_names_this_machine_once() {
        for host in ["127.0.0.1", "localhost", "LOCALHOST:80", "localhost:65535"] {
            assert_eq!(checked("/", &[("host", host)]), Ok(()), "{host}");
        }
        for host in
            ["", "evil", "localhost.", "a@localhost", "localhost:80:80", "[::1]:80", "0.0.0.0"]
        {
            assert_eq!(checked("/", &[("host", host)]), Err(Refusal::Foreign), "{host}");
        }
        for host in ["localhost:", "localhost:x", "localhost:+80", "localhost:65536"] {
            assert_eq!(checked("/", &[("host", host)]), Err(Refusal::Malformed), "{host}");
        }
        assert_eq!(checked("/", &[]), Err(Refusal::Malformed));
        for second in ["localhost", "evil"] {
            let doubled = checked("/", &[("host", "localhost"), ("host", second)]);
            assert_eq!(doubled, Err(Refusal::Malformed), "{second}");
        }
        let absolute = |target| checked(target, &[("host", "localhost:80")]);
        assert_eq!(absolute("http://localhost:80/"), Ok(()));
        assert_eq!(absolute("http://evil/"), Err(Refusal::Malformed));
        let query = |target| checked(target, &[("host", "localhost")]);
        assert_eq!(query("/?text=%C3%A9+%zz"), Ok(()));
        assert_eq!(query("/?text=%C3"), Err(Refusal::NotUtf8));
    }

    #[test]
    fn another_site_is_refused_by_either_header() {
        let sent = |headers: &[(&str, &str)]| {
            checked("/", &[&[("host", "localhost:80")], headers].concat())
        };
        assert_eq!(sent(&[]), Ok(()));
        assert_eq!(sent(&[("origin", "http://localhost:80")]), Ok(()));
        assert_eq!(
            sent(&[("sec-fetch-site", "same-origin"), ("origin", "http://localhost:80")]),
            Ok(())
        );
        for headers in [
            &[("origin", "http://evil")][..],
            &[("origin", "null")],
            &[("origin", "https://localhost:80")],
            &[("origin", "http://localhost:81")],
            &[("origin", "http://localhost:80"), ("origin", "http://evil")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "none"), ("origin", "http://evil")],
        ] {
            assert_eq!(sent(headers), Err(Refusal::Foreign), "{headers:?}");
        }
    }
}
