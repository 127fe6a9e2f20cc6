//! An OpenAI-compatible server: `POST ADDRESS/chat/completions`, the reply in `choices[0].message.content`.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::{Response, Uri, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use super::{Chat, ChatError, Question};
use crate::runtime::rest;
use crate::weights::{certificates, retry_after};

/// Bytes of a reply at most.
const LONGEST_REPLY: u64 = 1 << 20;
/// Longest wait that a busy server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Letters of a server's own words.
const LONGEST_SAID: usize = 200;
const PATH: &str = "/chat/completions";

/// What is wrong with the address.
#[derive(Debug, thiserror::Error)]
#[error("cannot ask `{address}`: {reason}")]
pub struct EndpointError {
    /// As given.
    pub address: String,
    /// Why.
    pub reason: String,
}

/// A server and one of its models.
pub struct Endpoint {
    agent: Agent,
    address: String,
    model: String,
    key: Option<String>,
    tries: u32,
    first_wait: Duration,
}

impl fmt::Debug for Endpoint {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).field("model", &self.model).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The model `model` of the server at `address`, such as `http://localhost:11434/v1`; `key` is sent as a bearer token.
    /// Nothing is asked yet. A reply must come within two minutes; a busy server is asked three times, after 1 and 2 seconds
    /// or as long as it says itself.
    ///
    /// # Errors
    /// An address that is not `http://` or `https://`, or that holds a password or a query, which would be written down with
    /// the names.
    pub fn new(address: &str, model: &str, key: Option<String>) -> Result<Self, EndpointError> {
        Self::patient(address, model, key, Duration::from_secs(120), Duration::from_secs(1))
    }

    /// As [`new`](Self::new), with another time for a reply and another first wait.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn patient(
        address: &str,
        model: &str,
        key: Option<String>,
        patience: Duration,
        first_wait: Duration,
    ) -> Result<Self, EndpointError> {
        let wrong = |reason: String| EndpointError { address: address.to_owned(), reason };
        let address = address.trim().trim_end_matches('/').trim_end_matches(PATH);
        let uri: Uri = address.parse().map_err(|e| wrong(format!("{e}")))?;
        let host = uri.host().unwrap_or_default();
        if host.is_empty() || !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("the address must begin with http:// or https://".to_owned()));
        }
        if uri.query().is_some() || uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(wrong("keys belong into GISTMAP_ENDPOINT_KEY, not into the address".to_owned()));
        }
        let roots = certificates().map_err(|e| wrong(e.to_string()))?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // A key must not be sent on.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("gistmap/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(patience))
            .tls_config(TlsConfig::builder().root_certs(roots).build());
        if is_this_machine(host) {
            config = config.proxy(None);
        }
        let (address, model) = (address.to_owned(), model.to_owned());
        Ok(Self { agent: config.build().into(), address, model, key, tries: 3, first_wait })
    }

    /// One question, one reply; `Err` with how long to wait where asking again may help.
    fn once(&self, question: &Question) -> Result<String, (ChatError, Option<Duration>)> {
        let body = json!({
            "model": self.model,
            "messages": [
                {"role": "system", "content": question.system},
                {"role": "user", "content": question.user},
            ],
            "temperature": 0,
            "seed": 782,
            "max_tokens": question.max_tokens,
            "stream": false,
        });
        let mut request =
            self.agent.post(format!("{}{PATH}", self.address)).header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        let silent = |e: &dyn fmt::Display| (ChatError::Silent(e.to_string()), None);
        let response = request.send(body.to_string()).map_err(|e| silent(&e))?;
        let status = response.status().as_u16();
        let wait = response.headers().get("retry-after").and_then(|v| retry_after(v.to_str().ok()?));
        let text = read(response).map_err(|e| (e, None));
        let said = || text.as_ref().map(|text| said(text)).unwrap_or_default();
        match status {
            200..=299 => content(&text?).map_err(|e| (e, None)),
            401 | 403 => Err((ChatError::Refused { status, said: said() }, None)),
            408 | 429 | 500..=599 => match wait {
                Some(wait) if wait > LONGEST_WAIT => Err((ChatError::Later(wait), None)),
                wait => Err((ChatError::Busy { status, said: said() }, Some(wait.unwrap_or(self.first_wait)))),
            },
            _ => Err((ChatError::Status { status, said: said() }, None)),
        }
    }
}

impl Chat for Endpoint {
    fn name(&self) -> String {
        format!("{} at {}", self.model, self.address)
    }

    fn ask(&self, question: &Question, go_on: &mut dyn FnMut() -> bool) -> Result<String, ChatError> {
        let mut tries = 1;
        loop {
            match self.once(question) {
                Ok(reply) => return Ok(reply),
                Err((_, Some(wait))) if tries < self.tries => {
                    if !rest(wait * tries, go_on) {
                        return Err(ChatError::Stopped);
                    }
                    tries += 1;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// The body, as far as it is one.
fn read(response: Response<Body>) -> Result<String, ChatError> {
    let mut bytes = Vec::new();
    let reader = response.into_body().into_reader();
    reader.take(LONGEST_REPLY + 1).read_to_end(&mut bytes).map_err(|e| ChatError::Silent(e.to_string()))?;
    if bytes.len() as u64 > LONGEST_REPLY {
        return Err(ChatError::TooLong);
    }
    String::from_utf8(bytes).map_err(|_| ChatError::Malformed("it is not UTF-8".to_owned()))
}

/// What the model said.
fn content(body: &str) -> Result<String, ChatError> {
    let malformed = |reason: &str| ChatError::Malformed(reason.to_owned());
    let value: Value = serde_json::from_str(body).map_err(|e| ChatError::Malformed(e.to_string()))?;
    let choice = value["choices"].get(0).ok_or_else(|| malformed("it has no choices"))?;
    if choice["finish_reason"] == "length" {
        return Err(ChatError::TooLong);
    }
    let content = choice["message"]["content"].as_str();
    content.map(str::to_owned).ok_or_else(|| malformed("its message has no content"))
}

/// What a server says of an error, with a comma before it.
fn said(body: &str) -> String {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let message = value["error"]["message"].as_str().or(value["error"].as_str()).or(value["message"].as_str());
    let message: String = message.unwrap_or_default().chars().filter(|c| !c.is_control()).take(LONGEST_SAID).collect();
    if message.is_empty() { message } else { format!(", \"{message}\"") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_keys_stay_out_of_them() {
        let name = |address: &str| {
            Endpoint::new(address, "m", Some("secret".to_owned())).map(|e| (e.name(), format!("{e:?}")))
        };
        let (shown, debug) = name("http://localhost:1234/v1/chat/completions").unwrap();
        assert_eq!(shown, "m at http://localhost:1234/v1");
        assert!(!debug.contains("secret"));
        for wrong in ["localhost:1234", "ftp://a", "", "http://", "http://me:pass@a/v1", "https://a/v1?key=1"] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
        assert!(["localhost", "127.0.0.1", "127.1.2.3", "[::1]"].iter().all(|host| is_this_machine(host)));
        assert!(!is_this_machine("127.0.0.1.example"));
    }

    #[test]
    fn replies_are_read() {
        let reply = r#"{"choices":[{"message":{"content":"soup"},"finish_reason":"stop"}]}"#;
        assert_eq!(content(reply), Ok("soup".to_owned()));
        assert_eq!(content(&reply.replace("stop", "length")), Err(ChatError::TooLong));
        for wrong in ["", "{}", "[]", "<html>", r#"{"choices":[]}"#, r#"{"choices":[{"message":{"content":null}}]}"#] {
            assert!(matches!(content(wrong), Err(ChatError::Malformed(_))), "{wrong}");
        }
        assert_eq!(said(r#"{"error":{"message":"no\u0007 key"}}"#), ", \"no key\"");
        assert_eq!([said("<html>"), said("")], [String::new(), String::new()]);
    }
}
