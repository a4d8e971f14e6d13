//! The shared intermediate representation.
#![forbid(unsafe_code)]

mod types;

pub use types::{Scalar, ScalarParseError, Type, sign_extend};
