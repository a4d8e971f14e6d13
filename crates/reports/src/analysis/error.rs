//! Why there is no analysis.

use bakeoff_samples::Event;

/// Why sessions cannot be shown together, or compared.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnalysisError {
    /// There is nothing.
    #[error("there is no session to show")]
    Nothing,
    /// Sessions were not made alike.
    #[error(
        "{first} and {second} do not belong together: {what} differs (`{of_first}` and `{of_second}`)"
    )]
    Differ {
        /// A session.
        first: String,
        /// Another one.
        second: String,
        /// In what they differ.
        what: String,
        /// How it is in the first.
        of_first: String,
        /// How it is in the second.
        of_second: String,
    },
    /// Two sessions measured the same thing, and both cannot be shown.
    #[error(
        "{event} of {program} on {competitor} is in both {first} and {second}: leave one of them out, or compare them"
    )]
    Twice {
        /// The event.
        event: Event,
        /// The program.
        program: String,
        /// The competitor.
        competitor: String,
        /// A session.
        first: String,
        /// Another one.
        second: String,
    },
}
