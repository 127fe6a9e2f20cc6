//! One question over HTTP: redirects followed here, so that the hub's own headers are read on the way and its token never
//! leaves it. Proxies are those of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).

use std::io;
use std::time::{Duration, SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::{HeaderMap, Response, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, BodyReader};

use super::checksum::Checksum;
use super::{Hub, HubError};

/// Redirects in a row, at most.
const REDIRECTS: usize = 10;
/// Silence for longer is a broken connection.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a revision may be made of, within an address: `refs/pr/1` becomes one part.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Asks one hub.
pub(super) struct Client {
    agent: Agent,
    base: String,
    home: Site,
    token: Option<String>,
}

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Site(String, String, u16);

/// What is asked for of a file of which the beginning is here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest<'a> {
    pub(super) from: u64,
    /// Only if this is still its entity tag.
    pub(super) tag: Option<&'a str>,
}

/// An answer, its body still to come.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The hub's understanding of the revision.
    pub(super) commit: Option<String>,
    /// What the hub says that the whole file hashes to.
    pub(super) checksum: Option<Checksum>,
    /// What the hub says that the whole file's length is.
    pub(super) size: Option<u64>,
    /// Entity tag that a range can be asked by, of whoever sends the bytes.
    pub(super) tag: Option<String>,
    /// Bytes of the body.
    pub(super) length: Option<u64>,
    /// First byte of the body and the file's length, of a part.
    pub(super) part: Option<(u64, Option<u64>)>,
    pub(super) retry_after: Option<Duration>,
    /// Of an error; begins with a comma, or is empty.
    pub(super) said: String,
    pub(super) code: String,
    pub(super) body: BodyReader<'static>,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// It may go better next time.
    Passing(String),
    /// It will not.
    Final(HubError),
}

impl Client {
    /// Nothing is asked yet.
    pub(super) fn new(hub: &Hub) -> Result<Self, HubError> {
        let wrong = |reason: String| HubError::Address { address: hub.from.clone(), reason };
        let base = hub.from.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().map_err(|e| wrong(format!("{e}")))?;
        let home = Site::of(&uri).ok_or_else(|| wrong("the address must begin with http:// or https://".to_owned()))?;
        if uri.query().is_some() {
            return Err(wrong("the address of a hub has no `?`".to_owned()));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("gistmap/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(PATIENCE / 2))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .tls_config(TlsConfig::builder().root_certs(certificates()?).build());
        Ok(Self { agent: config.build().into(), base, home, token: hub.token.clone() })
    }

    /// The address of a file.
    pub(super) fn url(&self, repo: &str, revision: &str, file: &str) -> String {
        format!("{}/{repo}/resolve/{}/{file}", self.base, utf8_percent_encode(revision, PART))
    }

    /// The address of a file that lies in no repository.
    pub(super) fn plain_url(&self, file: &str) -> String {
        format!("{}/{file}", self.base)
    }

    /// Asks for `url`, or for the rest of what lies there.
    pub(super) fn get(&self, url: &str, rest: Option<Rest<'_>>) -> Result<Answer, NoAnswer> {
        let fail = |reason: String| NoAnswer::Final(HubError::Answer { url: url.to_owned(), reason });
        let mut here: Uri = url.parse().map_err(|e| fail(format!("{e}")))?;
        let mut told = Told::default();
        for _ in 0..REDIRECTS {
            let site = Site::of(&here).ok_or_else(|| fail(format!("it leads to {here}")))?;
            let at_home = site == self.home;
            let response = self.ask(&here, rest, at_home).map_err(|e| no_answer(&here, e))?;
            if at_home {
                told.hear(response.headers());
            }
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return answer(response, told, at_home).map_err(fail);
            }
            let location = text(response.headers(), "location").ok_or_else(|| fail("it leads nowhere".to_owned()))?;
            let next = follow(&here, location).ok_or_else(|| fail(format!("it leads to `{location}`")))?;
            if here.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                return Err(fail(format!("it leads from https to {next}, which is not followed")));
            }
            here = next;
        }
        Err(fail(format!("it leads on more than {REDIRECTS} times")))
    }

    fn ask(&self, url: &Uri, rest: Option<Rest<'_>>, at_home: bool) -> Result<Response<Body>, ureq::Error> {
        // Compressed, a file's length and ranges would be of something else.
        let mut request = self.agent.get(url).header(header::ACCEPT_ENCODING, "identity");
        if let Some(rest) = rest {
            request = request.header(header::RANGE, format!("bytes={}-", rest.from));
        }
        if let Some(tag) = rest.and_then(|rest| rest.tag) {
            request = request.header(header::IF_RANGE, tag);
        }
        if let Some(token) = self.token.as_ref().filter(|_| at_home) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.call()
    }
}

/// What the hub's own answers say, first come, first kept.
#[derive(Debug, Default)]
struct Told {
    commit: Option<String>,
    checksum: Option<Checksum>,
    size: Option<u64>,
}

impl Told {
    fn hear(&mut self, headers: &HeaderMap) {
        let commit =
            text(headers, "x-repo-commit").filter(|c| c.len() == 40 && c.bytes().all(|b| b.is_ascii_hexdigit()));
        self.commit = self.commit.take().or_else(|| commit.map(str::to_owned));
        self.checksum = self.checksum.take().or_else(|| text(headers, "x-linked-etag").and_then(Checksum::from_tag));
        self.size = self.size.or_else(|| text(headers, "x-linked-size").and_then(|size| size.parse().ok()));
    }
}

impl Site {
    fn of(url: &Uri) -> Option<Self> {
        let scheme = url.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
        let port = url.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        Some(Self(scheme.to_owned(), url.host()?.to_ascii_lowercase(), port))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn answer(response: Response<Body>, told: Told, at_home: bool) -> Result<Answer, String> {
    let status = response.status().as_u16();
    let headers = response.headers();
    let encoding = text(headers, "content-encoding").filter(|encoding| !encoding.eq_ignore_ascii_case("identity"));
    if let Some(encoding) = encoding.filter(|_| status < 300) {
        return Err(format!("it is sent compressed ({encoding}), which was not asked for"));
    }
    let entity = text(headers, "etag");
    let said = text(headers, "x-error-message").map(|said| format!(", \"{}\"", said.trim()));
    Ok(Answer {
        status,
        commit: told.commit,
        // Elsewhere than at the hub, an entity tag may be anything.
        checksum: told.checksum.or_else(|| entity.filter(|_| at_home).and_then(Checksum::from_tag)),
        size: told.size,
        tag: entity.filter(|tag| tag.starts_with('"')).map(str::to_owned),
        length: text(headers, "content-length").and_then(|length| length.parse().ok()),
        part: text(headers, "content-range").and_then(part),
        retry_after: text(headers, "retry-after").and_then(retry_after),
        said: said.unwrap_or_default(),
        code: text(headers, "x-error-code").unwrap_or_default().to_owned(),
        body: response.into_body().into_reader(),
    })
}

/// `bytes FIRST-LAST/LENGTH`, where the length may be `*`.
fn part(range: &str) -> Option<(u64, Option<u64>)> {
    let (span, length) = range.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    Some((span.split_once('-')?.0.trim().parse().ok()?, length.trim().parse().ok()))
}

/// What `Retry-After` says: seconds, or a date.
pub(crate) fn retry_after(value: &str) -> Option<Duration> {
    let seconds = value.trim().parse().ok().map(Duration::from_secs);
    seconds.or_else(|| httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok())
}

/// Where a redirect from `here` leads.
fn follow(here: &Uri, location: &str) -> Option<Uri> {
    if location.contains("://") {
        return location.parse().ok();
    }
    let (scheme, authority, path) = (here.scheme_str()?, here.authority()?, here.path());
    let absolute = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        format!("{scheme}://{authority}{}/{location}", path.rsplit_once('/').map_or("", |(folder, _)| folder))
    };
    absolute.parse().ok()
}

fn no_answer(url: &Uri, error: ureq::Error) -> NoAnswer {
    use ureq::Error as E;
    let passing = match &error {
        E::Io(cause) => cause.kind() != io::ErrorKind::InvalidData,
        E::Timeout(_) | E::HostNotFound | E::ConnectionFailed | E::Protocol(_) => true,
        _ => false,
    };
    if passing {
        return NoAnswer::Passing(error.to_string());
    }
    let mut reason = error.to_string();
    if matches!(error, E::Tls(_) | E::Rustls(_) | E::Io(_)) {
        reason += "; where a proxy has certificates of its own, SSL_CERT_FILE=<file.pem> names them";
    }
    NoAnswer::Final(HubError::Answer { url: url.to_string(), reason })
}

/// `$SSL_CERT_FILE`, else Mozilla's.
pub(crate) fn certificates() -> Result<RootCerts, HubError> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) else {
        return Ok(RootCerts::WebPki);
    };
    let failed = |reason: String| HubError::Address { address: format!("SSL_CERT_FILE={}", path.display()), reason };
    let pem = std::fs::read(&path).map_err(|e| failed(e.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| failed(e.to_string()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(failed("it holds no certificate".to_owned()));
    }
    Ok(RootCerts::from(found))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_they_say() {
        let here: Uri = "https://hub.test/a/resolve/main/config.json".parse().unwrap();
        let to = |location: &str| follow(&here, location).unwrap().to_string();
        assert_eq!(to("/api/cache/config.json"), "https://hub.test/api/cache/config.json");
        assert_eq!(to("//files.test/1?sign=2"), "https://files.test/1?sign=2");
        assert_eq!(to("http://files.test/1"), "http://files.test/1");
        assert_eq!(to("other.json"), "https://hub.test/a/resolve/main/other.json");
        let site = |url: &str| Site::of(&url.parse().unwrap());
        assert_eq!(site("https://Hub.test/x"), site("https://hub.test:443"));
        assert_ne!(site("https://hub.test"), site("https://hub.test.evil"));
        assert_ne!(site("http://hub.test:80"), site("http://hub.test:8080"));
        assert_eq!(site("ftp://hub.test"), None);
    }

    #[test]
    fn headers_are_read() {
        assert_eq!(part("bytes 100-199/200"), Some((100, Some(200))));
        assert_eq!(part("bytes 0-1/*"), Some((0, None)));
        assert_eq!(part("bytes */200"), None);
        assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
        assert!(retry_after("Fri, 01 Jan 2100 00:00:00 GMT").unwrap() > Duration::from_secs(86_400));
        assert_eq!([retry_after("Fri, 01 Jan 1999 00:00:00 GMT"), retry_after("soon")], [None, None]);
        let hub = Hub { from: "https://hub.test/base/".to_owned(), ..Hub::from_environment(Some("")) };
        let client = Client::new(&hub).unwrap();
        assert_eq!(client.url("a/b", "refs/pr/1", "c.json"), "https://hub.test/base/a/b/resolve/refs%2Fpr%2F1/c.json");
        assert_eq!(client.plain_url("c.pth"), "https://hub.test/base/c.pth");
        for wrong in ["ftp://hub.test", "https://hub.test?x", "https://"] {
            let hub = Hub { from: wrong.to_owned(), ..hub.clone() };
            assert!(Client::new(&hub).is_err(), "{wrong}");
        }
    }
}
