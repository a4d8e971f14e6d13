//! The entry as TOML has it: shapes only, with the place of everything that may turn out wrong.
//! What the shapes cannot say is checked in [`crate::validate`].

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use toml::Spanned;

/// A whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawEntry {
    pub(crate) about: Spanned<String>,
    pub(crate) suite: Spanned<String>,
    pub(crate) module: Spanned<String>,
    pub(crate) quick: RawParameters,
    pub(crate) full: RawParameters,
    #[serde(default)]
    pub(crate) before: Vec<Spanned<RawStep>>,
    pub(crate) time: Spanned<RawStep>,
    #[serde(default)]
    pub(crate) check: Vec<Spanned<RawStep>>,
}

/// The parameters of one size.
pub(crate) type RawParameters = BTreeMap<Spanned<String>, Spanned<RawValue>>;

/// A step. One shape holds all kinds, because an untagged enum would lose both the places and the
/// reason of an error; which keys go together is for the validation to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStep {
    pub(crate) call: Option<Spanned<String>>,
    pub(crate) args: Option<Spanned<Vec<Spanned<RawValue>>>>,
    pub(crate) expect: Option<Spanned<OneOrMany<RawValue>>>,
    pub(crate) bind: Option<Spanned<OneOrMany<RawName>>>,
    pub(crate) write: Option<Spanned<RawValue>>,
    pub(crate) read: Option<Spanned<RawValue>>,
    pub(crate) memory: Option<Spanned<String>>,
    pub(crate) text: Option<Spanned<String>>,
    pub(crate) hex: Option<Spanned<String>>,
    pub(crate) file: Option<Spanned<String>>,
}

/// A number or a string, as text. Numbers are written out again in a form that
/// [`bakeoff_ir::Scalar::parse`] reads back to the same number.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct RawValue(pub(crate) String);

/// A name to bind.
#[derive(Clone, Debug)]
pub(crate) struct RawName(pub(crate) String);

impl<'de> Deserialize<'de> for RawName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawName, D::Error> {
        String::deserialize(deserializer).map(RawName)
    }
}

/// A single item where a list is usual but one is the rule.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawValue, D::Error> {
        struct Value;
        impl Visitor<'_> for Value {
            type Value = RawValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a string")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<RawValue, E> {
                Ok(RawValue(value.to_string()))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<RawValue, E> {
                Ok(RawValue(value.to_string()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<RawValue, E> {
                // Rust prints every NaN alike; the sign would be lost.
                let sign = if value.is_nan() && value.is_sign_negative() {
                    "-"
                } else {
                    ""
                };
                let text = format!("{value:?}").to_ascii_lowercase();
                Ok(RawValue(format!("{sign}{text}")))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<RawValue, E> {
                Ok(RawValue(value.to_string()))
            }
        }
        deserializer.deserialize_any(Value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value or a list of values")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                one(serde::de::value::I64Deserializer::new(value))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
                one(serde::de::value::U64Deserializer::new(value))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                one(serde::de::value::F64Deserializer::new(value))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
                one(serde::de::value::StrDeserializer::new(value))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                Ok(OneOrMany(all))
            }
        }
        fn one<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
            item: D,
        ) -> Result<OneOrMany<T>, D::Error> {
            T::deserialize(item).map(|item| OneOrMany(vec![item]))
        }
        deserializer.deserialize_any(Items(std::marker::PhantomData))
    }
}
