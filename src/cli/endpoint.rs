//! The language model that a person has given, if any.

use gistmap::endpoint::Chat;
use gistmap::endpoint::http::Endpoint;

use super::Failed;
use super::args::EndpointArguments;

/// What the arguments, else the environment, name.
pub(super) fn open(arguments: &EndpointArguments) -> Result<Option<Endpoint>, Failed> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let Some(address) = arguments.endpoint.clone().or_else(|| set("GISTMAP_ENDPOINT")) else {
        return match arguments.endpoint_model {
            Some(_) => Err(Failed::Usage("--endpoint-model: give the server's address with --endpoint".to_owned())),
            None => Ok(None),
        };
    };
    if address == "none" {
        return Ok(None);
    }
    let Some(model) = arguments.endpoint_model.clone().or_else(|| set("GISTMAP_ENDPOINT_MODEL")) else {
        return Err(Failed::Usage(format!("--endpoint {address}: say which of its models with --endpoint-model")));
    };
    let endpoint = Endpoint::new(&address, &model, set("GISTMAP_ENDPOINT_KEY"));
    endpoint.map(Some).map_err(|e| Failed::Usage(format!("--endpoint: {e}")))
}

/// As the engine takes it.
pub(super) fn chat(endpoint: &Option<Endpoint>) -> Option<&dyn Chat> {
    endpoint.as_ref().map(|endpoint| endpoint as &dyn Chat)
}
