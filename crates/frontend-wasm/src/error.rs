//! What can go wrong.

use bakeoff_ir::BuildError;

/// Why a module was not translated.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WasmError {
    /// The binary module is malformed or invalid, uses what is not supported, or exceeds a limit.
    #[error("{message} (at byte 0x{offset:x})")]
    Binary {
        /// Where, in bytes from the start of the module.
        offset: u64,
        /// What.
        message: String,
    },
    /// The text is malformed; the message names line and column and shows the line.
    #[error("{0}")]
    Text(String),
}

impl WasmError {
    /// An error at this offset of the binary module.
    pub(crate) fn at(offset: u64, message: impl Into<String>) -> WasmError {
        WasmError::Binary {
            offset,
            message: message.into(),
        }
    }

    /// A function that the builder refused, which a valid body does not lead to.
    pub(crate) fn build(offset: u64, error: &BuildError) -> WasmError {
        WasmError::at(offset, format!("cannot finish the function: {error}"))
    }

    /// Where in the binary module, if that is where it is.
    pub fn offset(&self) -> Option<u64> {
        match self {
            WasmError::Binary { offset, .. } => Some(*offset),
            WasmError::Text(_) => None,
        }
    }

    /// What went wrong, without the place.
    pub fn message(&self) -> &str {
        match self {
            WasmError::Binary { message, .. } | WasmError::Text(message) => message,
        }
    }
}

impl From<wasmparser::Error> for WasmError {
    fn from(error: wasmparser::Error) -> WasmError {
        WasmError::at(error.offset(), error.message())
    }
}
