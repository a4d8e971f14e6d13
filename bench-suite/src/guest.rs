//! An instance of ours, as the suite's programs want it.

use bakeoff_backend::{CallError, Instance};
use bakeoff_ir::{ExportItem, Scalar};
use bakeoff_suite::{Guest, Signature};

/// An instance that a program runs on.
pub struct InstanceGuest(pub Instance);

impl InstanceGuest {
    fn memory(&self, name: &str) -> Option<&[u8]> {
        self.0.memory(name)
    }
}

impl Guest for InstanceGuest {
    type Error = CallError;

    fn signature(&self, export: &str) -> Option<Signature> {
        let module = self.0.module();
        let Some(ExportItem::Func(func)) = module.export(export) else {
            return None;
        };
        let signature = module.func_sig(func);
        Some((signature.params.clone(), signature.results.clone()))
    }

    fn exports(&self) -> Vec<String> {
        self.0
            .module()
            .exported_funcs()
            .map(|(name, _)| name.to_string())
            .collect()
    }

    fn call(&mut self, export: &str, args: &[Scalar]) -> Result<Vec<Scalar>, CallError> {
        self.0.call(export, args)
    }

    fn read(&self, memory: &str, at: u64, len: usize) -> Option<Vec<u8>> {
        let start = usize::try_from(at).ok()?;
        Some(
            self.memory(memory)?
                .get(start..start.checked_add(len)?)?
                .to_vec(),
        )
    }

    fn write(&mut self, memory: &str, at: u64, bytes: &[u8]) -> Option<()> {
        let start = usize::try_from(at).ok()?;
        let target = self
            .0
            .memory_mut(memory)?
            .get_mut(start..start.checked_add(bytes.len())?)?;
        target.copy_from_slice(bytes);
        Some(())
    }
}
