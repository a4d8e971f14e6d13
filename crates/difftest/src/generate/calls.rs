//! Calls: direct, tail, through tables, to C.

use bakeoff_ir::{Func, RefKind, Sig, Table, Type, Value};

use super::function::Gen;
use super::plan::{Kind, POINTED_BYTES};
use crate::host::c_function;

impl Gen<'_, '_> {
    /// Functions that may be called here without exceeding the budget.
    fn callees(&self) -> Vec<Func> {
        let fits = |func: &Func| {
            let cost = match self.plan.kind(*func) {
                // What guarded functions cost together is bounded by the fuel.
                Kind::Guarded => 20,
                _ => self.plan.cost(*func),
            };
            self.cost + cost.saturating_mul(self.times) <= self.cost_limit
        };
        let all = (0..self.module.funcs.len()).map(Func::from_index);
        all.filter(|func| self.plan.may_call(self.me, *func))
            .filter(fits)
            .collect()
    }

    fn charge(&mut self, callee: Func) {
        let cost = match self.plan.kind(callee) {
            Kind::Guarded => 20,
            _ => self.plan.cost(callee),
        };
        self.cost += cost.saturating_mul(self.times);
    }

    /// Arguments for a function; `None` if it wants an address and there is none.
    fn call_args(&mut self, callee: Func) -> Option<Vec<Value>> {
        let params = &self.module.func_sig(callee).params;
        match self.plan.kind(callee) {
            Kind::Pointed => {
                let address = self.address(POINTED_BYTES)?;
                let mut args = vec![address.value];
                args.extend(self.args(&params[1..]));
                Some(args)
            }
            Kind::Import => Some(self.exact_args(params)),
            Kind::Main | Kind::Guarded | Kind::Plain | Kind::Code | Kind::Overflowing => {
                Some(self.args(params))
            }
        }
    }

    /// A direct call.
    pub(super) fn call(&mut self) {
        let callees = self.callees();
        if callees.is_empty() {
            return self.compute();
        }
        let callee = self.rng.pick(&callees);
        let Some(args) = self.call_args(callee) else {
            return self.compute();
        };
        self.charge(callee);
        let results = self.b.call(callee, &args);
        let types = &self.module.func_sig(callee).results;
        self.add_results(results, types);
    }

    fn func_table(&mut self) -> Option<Table> {
        let is_func = |at: &usize| self.module.tables[*at].kind == RefKind::Func;
        let tables: Vec<usize> = (0..self.module.tables.len()).filter(is_func).collect();
        (!tables.is_empty()).then(|| Table::from_index(self.rng.pick(&tables)))
    }

    /// A signature that a function does not have: if there is one, of the same parameters.
    fn wrong_sig(&mut self, func: Func) -> Sig {
        let own = self.module.func(func).sig;
        let others = (0..self.module.sigs().len())
            .map(Sig::from_index)
            .filter(|sig| *sig != own);
        let (alike, unlike): (Vec<Sig>, Vec<Sig>) =
            others.partition(|sig| self.module.sig(*sig).params == self.module.sig(own).params);
        match (alike.is_empty(), unlike.is_empty()) {
            (false, _) => self.rng.pick(&alike),
            (true, false) => self.rng.pick(&unlike),
            (true, true) => own,
        }
    }

    /// A call through a table. Whether somebody of that signature is there is not known, and so it is a
    /// risk, unless a fitting one is put there before.
    pub(super) fn call_indirect(&mut self) {
        let Some(table) = self.func_table() else {
            return self.call();
        };
        self.cost += 30 * self.times;
        let index = self.table_index(table);
        let func = self.rng.pick(&self.plan.referable);
        let own = self.module.func(func).sig;
        let sig = match self.risk(25) {
            // Whoever is there.
            true if self.rng.percent(50) => own,
            risky => {
                let reference = self.b.ref_func(func);
                self.b.table_set(table, index, reference);
                if risky { self.wrong_sig(func) } else { own }
            }
        };
        let args = self.exact_args(&self.module.sig(sig).params.clone());
        let results = self.b.call_indirect(table, sig, index, &args);
        self.add_results(results, &self.module.sig(sig).results);
    }

    /// A call of a C function by its address.
    pub(super) fn call_raw(&mut self) {
        let code = |at: &usize| self.plan.kind(Func::from_index(*at)) == Kind::Code;
        let Some(import) = (0..self.module.funcs.len())
            .find(code)
            .map(Func::from_index)
        else {
            return self.call();
        };
        let Some(c) = c_function(&self.module.func(import).name) else {
            return;
        };
        let same = |sig: &bakeoff_ir::Signature| sig.params == c.params && sig.results == c.results;
        let Some(sig) = self
            .module
            .sigs()
            .iter()
            .position(same)
            .map(Sig::from_index)
        else {
            return;
        };
        let args = self.exact_args(c.params);
        let Some(address) = self.b.call(import, &[]).next() else {
            return;
        };
        let results = self.b.call_raw(sig, address, &args);
        self.add_results(results, c.results);
    }

    /// Ends the function with a tail call, if there is anybody to call with these results.
    pub(super) fn tail_call(&mut self) -> bool {
        let results: &[Type] = &self.module.func_sig(self.me).results;
        if self.rng.percent(25)
            && let Some(table) = self.func_table()
        {
            let fits = |func: &&Func| self.module.func_sig(**func).results == results;
            let fitting: Vec<Func> = self.plan.referable.iter().filter(fits).copied().collect();
            if !fitting.is_empty() {
                let func = self.rng.pick(&fitting);
                let index = self.table_index(table);
                let reference = self.b.ref_func(func);
                self.b.table_set(table, index, reference);
                let sig = self.module.func(func).sig;
                let args = self.exact_args(&self.module.sig(sig).params.clone());
                self.b.return_call_indirect(table, sig, index, &args);
                return true;
            }
        }
        // The frame is gone when the callee runs, so that it cannot be given an address in it.
        let fits = |func: &Func| {
            self.module.func_sig(*func).results == results && self.plan.kind(*func) != Kind::Pointed
        };
        let fitting: Vec<Func> = self.callees().into_iter().filter(fits).collect();
        if fitting.is_empty() {
            return false;
        }
        let callee = self.rng.pick(&fitting);
        let Some(args) = self.call_args(callee) else {
            return false;
        };
        self.charge(callee);
        self.b.return_call(callee, &args);
        true
    }
}
