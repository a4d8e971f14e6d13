//! What stencils need of a language without its core library: lang items, operators, intrinsics, and the
//! holes.
//!
//! The build script puts this file, `ops.rs`, on x86-64 `x64.rs`, and the functions that it generates into
//! one crate. The attributes that such a crate begins with stand in `build/source.rs`.

#[lang = "pointee_sized"]
pub trait PointeeSized {}
#[lang = "meta_sized"]
pub trait MetaSized: PointeeSized {}
#[lang = "sized"]
pub trait Sized: MetaSized {}
#[lang = "copy"]
pub trait Copy {}
#[lang = "destruct"]
pub trait Destruct: PointeeSized {}
#[lang = "legacy_receiver"]
pub trait LegacyReceiver {}
#[lang = "freeze"]
pub unsafe auto trait Freeze {}

impl<T: PointeeSized> LegacyReceiver for &T {}
impl<T: PointeeSized> Copy for *mut T {}
impl<T: PointeeSized> Copy for *const T {}

#[lang = "add"]
pub trait Add<R = Self> {
    type Output;
    fn add(self, r: R) -> Self::Output;
}
#[lang = "sub"]
pub trait Sub<R = Self> {
    type Output;
    fn sub(self, r: R) -> Self::Output;
}
#[lang = "mul"]
pub trait Mul<R = Self> {
    type Output;
    fn mul(self, r: R) -> Self::Output;
}
#[lang = "div"]
pub trait Div<R = Self> {
    type Output;
    fn div(self, r: R) -> Self::Output;
}
#[lang = "neg"]
pub trait Neg {
    type Output;
    fn neg(self) -> Self::Output;
}
#[lang = "not"]
pub trait Not {
    type Output;
    fn not(self) -> Self::Output;
}
#[lang = "bitand"]
pub trait BitAnd<R = Self> {
    type Output;
    fn bitand(self, r: R) -> Self::Output;
}
#[lang = "bitor"]
pub trait BitOr<R = Self> {
    type Output;
    fn bitor(self, r: R) -> Self::Output;
}
#[lang = "bitxor"]
pub trait BitXor<R = Self> {
    type Output;
    fn bitxor(self, r: R) -> Self::Output;
}
#[lang = "eq"]
pub trait PartialEq<R: PointeeSized = Self> {
    fn eq(&self, o: &R) -> bool;
    fn ne(&self, o: &R) -> bool;
}
#[lang = "partial_ord"]
pub trait PartialOrd<R: PointeeSized = Self> {
    fn lt(&self, o: &R) -> bool;
    fn le(&self, o: &R) -> bool;
    fn gt(&self, o: &R) -> bool;
    fn ge(&self, o: &R) -> bool;
}

macro_rules! compared {
    ($($ty:ident)*) => {$(
        impl Copy for $ty {}
        impl PartialEq for $ty {
            fn eq(&self, o: &$ty) -> bool { *self == *o }
            fn ne(&self, o: &$ty) -> bool { *self != *o }
        }
        impl PartialOrd for $ty {
            fn lt(&self, o: &$ty) -> bool { *self < *o }
            fn le(&self, o: &$ty) -> bool { *self <= *o }
            fn gt(&self, o: &$ty) -> bool { *self > *o }
            fn ge(&self, o: &$ty) -> bool { *self >= *o }
        }
    )*};
}
compared!(bool u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64);

macro_rules! binary {
    ($trait:ident $method:ident $op:tt $($ty:ident)*) => {$(
        impl $trait for $ty {
            type Output = $ty;
            #[inline(always)]
            fn $method(self, r: $ty) -> $ty { self $op r }
        }
    )*};
}
binary!(Add add + f32 f64);
binary!(Sub sub - f32 f64);
binary!(Mul mul * f32 f64);
binary!(Div div / f32 f64);
binary!(BitAnd bitand & bool u8 u16 u32 u64);
binary!(BitOr bitor | bool u8 u16 u32 u64);
binary!(BitXor bitxor ^ bool u8 u16 u32 u64);

macro_rules! unary {
    ($trait:ident $method:ident $op:tt $($ty:ident)*) => {$(
        impl $trait for $ty {
            type Output = $ty;
            #[inline(always)]
            fn $method(self) -> $ty { $op self }
        }
    )*};
}
unary!(Not not ! bool u8 u16 u32 u64);
unary!(Neg neg - f32 f64);

#[rustc_builtin_macro]
macro_rules! global_asm {
    () => {};
}
#[rustc_builtin_macro]
macro_rules! asm {
    () => {};
}

macro_rules! intrinsics {
    ($(fn $name:ident$([$($g:tt)*])?($($arg:ident: $ty:ty),*) -> $ret:ty;)*) => {$(
        #[rustc_intrinsic]
        pub const unsafe fn $name$(<$($g)*>)?($($arg: $ty),*) -> $ret;
    )*};
}
intrinsics! {
    fn unchecked_shl[T: Copy, U: Copy](a: T, b: U) -> T;
    fn unchecked_shr[T: Copy, U: Copy](a: T, b: U) -> T;
    fn unchecked_div[T: Copy](a: T, b: T) -> T;
    fn unchecked_rem[T: Copy](a: T, b: T) -> T;
    fn unchecked_funnel_shl[T: Copy](a: T, b: T, count: u32) -> T;
    fn unchecked_funnel_shr[T: Copy](a: T, b: T, count: u32) -> T;
    fn offset[P, D](p: P, d: D) -> P;
    fn transmute[A, B](a: A) -> B;
}

macro_rules! safe_intrinsics {
    ($(fn $name:ident$([$($g:tt)*])?($($arg:ident: $ty:ty),*) -> $ret:ty;)*) => {$(
        #[rustc_intrinsic]
        pub const fn $name$(<$($g)*>)?($($arg: $ty),*) -> $ret;
    )*};
}
safe_intrinsics! {
    fn wrapping_add[T: Copy](a: T, b: T) -> T;
    fn wrapping_sub[T: Copy](a: T, b: T) -> T;
    fn wrapping_mul[T: Copy](a: T, b: T) -> T;
    fn add_with_overflow[T: Copy](a: T, b: T) -> (T, bool);
    fn sub_with_overflow[T: Copy](a: T, b: T) -> (T, bool);
    fn mul_with_overflow[T: Copy](a: T, b: T) -> (T, bool);
    fn ctlz[T: Copy](a: T) -> u32;
    fn cttz[T: Copy](a: T) -> u32;
    fn ctpop[T: Copy](a: T) -> u32;
    fn bswap[T: Copy](a: T) -> T;
    fn bitreverse[T: Copy](a: T) -> T;
}

/// What may be anything: a temporary that a stencil leaves behind.
#[repr(transparent)]
pub union Maybe<T: Copy> {
    none: Nothing,
    some: T,
}
impl<T: Copy> Copy for Maybe<T> {}
pub struct Nothing;
impl Copy for Nothing {}

/// Holes: the addresses of these are what is patched.
unsafe extern "C" {
    static SLOT: u8;
    static IMM: u8;
    static DISP: u8;
    static CTX: u8;
}

unsafe extern "unadjusted" {
    #[cfg(target_arch = "x86_64")]
    #[link_name = "llvm.addressofreturnaddress.p0"]
    fn frame() -> *mut u8;
    #[cfg(target_arch = "aarch64")]
    #[link_name = "llvm.sponentry.p0"]
    fn frame() -> *mut u8;
}

/// A 32-bit constant, sign-extended.
macro_rules! imm {
    () => {
        (&raw const IMM as u64)
    };
}
/// A place in the frame.
macro_rules! slot {
    ($ty:ty) => {
        (offset(frame(), &raw const SLOT as usize) as *mut $ty)
    };
}
/// A field of the context.
macro_rules! field {
    ($ctx:ident, $ty:ty) => {
        (offset($ctx as *mut u8, &raw const CTX as usize) as *mut $ty)
    };
}
/// A place at an address and a displacement.
macro_rules! place {
    ($base:expr, $ty:ty) => {
        (offset($base, &raw const DISP as usize) as *mut $ty)
    };
}
/// Keeps what stands behind it in a branch of its own: LLVM would compute both conditions, for which
/// there are not enough temporaries.
macro_rules! barrier {
    () => {
        asm!("", options(nomem, nostack, preserves_flags))
    };
}
/// A value that LLVM knows nothing of.
macro_rules! opaque {
    ($value:ident) => {
        asm!("/* {} */", inout(reg) $value, options(pure, nomem, nostack, preserves_flags))
    };
}
