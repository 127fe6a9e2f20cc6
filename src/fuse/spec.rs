//! A fusion as the command line names it: `concat`, `concat:share=0.35`, `weighted:share=auto`, `counterparts`.

use std::fmt;
use std::str::FromStr;

/// How a feature and a text are made one matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FusionSpec {
    /// Which fusion.
    pub method: FusionMethod,
    /// How much the text counts.
    pub share: Share,
}

/// The fusions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FusionMethod {
    /// [`concat`](super::concat()).
    Concat,
    /// [`weighted`](super::weighted()).
    Weighted,
    /// [`counterparts`](super::counterparts::counterparts) of the text, beside the image.
    Counterparts,
}

impl FusionMethod {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Concat => "concat",
            Self::Weighted => "weighted",
            Self::Counterparts => "counterparts",
        }
    }
}

/// The text's share: of the squared distance in `concat` and `counterparts`, of the mean in `weighted`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Share {
    /// What suits the text: little for a classifier's guesses, half for what was made by who saw the pictures.
    #[default]
    Usual,
    /// As given, in [0, 1].
    Fixed(f32),
    /// Chosen without labels, by [`choice::gain`](super::choice::gain).
    Auto,
}

/// A text that names no fusion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FusionSpecError {
    /// No fusion has this name.
    #[error("there is no fusion `{0}`; choose from concat, weighted, counterparts")]
    Name(String),
    /// A parameter that the fusions do not have, or a value that it cannot have.
    #[error("`{0}`: fusions take share=auto or share=NUMBER, the text's share from 0 to 1, such as concat:share=0.35")]
    Parameter(String),
}

impl FromStr for FusionSpec {
    type Err = FusionSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let methods = [FusionMethod::Concat, FusionMethod::Weighted, FusionMethod::Counterparts];
        let method = methods.into_iter().find(|method| method.name() == name);
        let method = method.ok_or_else(|| FusionSpecError::Name(name.to_owned()))?;
        let share = match parts.next() {
            None => Share::Usual,
            Some(part) => share(part).ok_or_else(|| FusionSpecError::Parameter(text.to_owned()))?,
        };
        if parts.next().is_some() {
            return Err(FusionSpecError::Parameter(text.to_owned()));
        }
        Ok(Self { method, share })
    }
}

fn share(part: &str) -> Option<Share> {
    match part.strip_prefix("share=")? {
        "auto" => Some(Share::Auto),
        number => number.parse().ok().filter(|share| (0.0..=1.0).contains(share)).map(Share::Fixed),
    }
}

impl fmt::Display for FusionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method.name())?;
        match self.share {
            Share::Usual => Ok(()),
            Share::Fixed(share) => write!(f, ":share={share}"),
            Share::Auto => f.write_str(":share=auto"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FusionSpec;

    #[test]
    fn names_round_trip() {
        for text in ["concat", "weighted:share=0.35", "counterparts:share=auto", "concat:share=0", "concat:share=1"] {
            assert_eq!(text.parse::<FusionSpec>().map(|spec| spec.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, said) in [
            ("add", "`add`"),
            ("concat:share=2", "`concat:share=2`"),
            ("concat:share=NaN", "NaN"),
            ("concat:weight=1", "share=NUMBER"),
            ("concat:share=1:share=0", "share=NUMBER"),
            ("", "``"),
        ] {
            let error = text.parse::<FusionSpec>().map_err(|e| e.to_string());
            assert!(error.as_ref().is_err_and(|e| e.contains(said)), "{text}: {error:?}");
        }
    }
}
