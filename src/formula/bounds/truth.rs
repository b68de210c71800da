//! What is known about an expression over a rectangle.

use super::{Floats, Ints};
use crate::formula::values::Ty;

/// A boolean of which both, one or (never) none of the values are possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Truth {
    /// It may be false.
    pub no: bool,
    /// It may be true.
    pub yes: bool,
}

impl Truth {
    /// Nothing known.
    pub const ANY: Truth = Truth { no: true, yes: true };

    /// Known.
    pub fn known(value: bool) -> Self {
        Truth { no: !value, yes: value }
    }

    /// True if `yes`, false if `no`, unknown if neither is certain.
    pub fn decide(yes: bool, no: bool) -> Self {
        if yes {
            Self::known(true)
        } else if no {
            Self::known(false)
        } else {
            Self::ANY
        }
    }

    pub fn not(self) -> Self {
        Truth { no: self.yes, yes: self.no }
    }

    pub fn and(self, other: Self) -> Self {
        Truth { no: self.no || other.no, yes: self.yes && other.yes }
    }

    pub fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    pub fn xor(self, other: Self) -> Self {
        Truth {
            no: (self.no && other.no) || (self.yes && other.yes),
            yes: (self.no && other.yes) || (self.yes && other.no),
        }
    }

    /// What both sources of knowledge say together.
    pub fn meet(self, other: Self) -> Self {
        let both = Truth { no: self.no && other.no, yes: self.yes && other.yes };
        if both.no || both.yes { both } else { self }
    }
}

/// What is known about a value of any type.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Known {
    Bool(Truth),
    Int(Ints),
    Float(Floats),
}

impl Known {
    /// Nothing known.
    pub fn any(ty: Ty) -> Self {
        match ty {
            Ty::Bool => Known::Bool(Truth::ANY),
            Ty::Int => Known::Int(Ints::ANY),
            Ty::Float => Known::Float(Floats::ANY),
        }
    }

    /// A constant, from its 32 bits.
    pub fn constant(ty: Ty, bits: u32) -> Self {
        match ty {
            Ty::Bool => Known::Bool(Truth::known(bits != 0)),
            Ty::Int => Known::Int(Ints::constant(bits as i32)),
            Ty::Float => Known::Float(Floats::constant(f32::from_bits(bits))),
        }
    }

    /// The bits of the only possible value. Never a float zero: it stands for both signs.
    pub fn only(&self) -> Option<u32> {
        match self {
            Known::Bool(t) => (t.yes != t.no).then_some(u32::from(t.yes)),
            Known::Int(i) => (i.low == i.high).then_some(i.low as i32 as u32),
            Known::Float(f) => (f.low == f.high && f.low != 0.0 && !f.nan).then_some(f.low.to_bits()),
        }
    }

    /// What holds for either of two values of one type.
    pub fn hull(self, other: Self) -> Self {
        match (self, other) {
            (Known::Bool(a), Known::Bool(b)) => Known::Bool(a.hull(b)),
            (Known::Int(a), Known::Int(b)) => Known::Int(a.hull(b)),
            (Known::Float(a), Known::Float(b)) => Known::Float(a.hull(b)),
            (a, _) => a,
        }
    }

    /// What both sources of knowledge say together.
    pub fn meet(self, other: Self) -> Self {
        match (self, other) {
            (Known::Bool(a), Known::Bool(b)) => Known::Bool(a.meet(b)),
            (Known::Int(a), Known::Int(b)) => Known::Int(a.meet(b)),
            (Known::Float(a), Known::Float(b)) => Known::Float(a.meet(b)),
            (a, _) => a,
        }
    }
}

impl From<Truth> for Known {
    fn from(t: Truth) -> Self {
        Known::Bool(t)
    }
}
impl From<Ints> for Known {
    fn from(i: Ints) -> Self {
        Known::Int(i)
    }
}
impl From<Floats> for Known {
    fn from(f: Floats) -> Self {
        Known::Float(f)
    }
}

/// One of two values, by a condition.
pub fn choose<T: Hull>(condition: Truth, yes: T, no: T) -> T {
    match condition {
        Truth { no: false, .. } => yes,
        Truth { yes: false, .. } => no,
        _ => yes.hull(no),
    }
}

/// Knowledge that can be weakened to cover two cases.
pub trait Hull {
    /// What holds for either.
    fn hull(self, other: Self) -> Self;
}

impl Hull for Truth {
    fn hull(self, other: Self) -> Self {
        Truth { no: self.no || other.no, yes: self.yes || other.yes }
    }
}
