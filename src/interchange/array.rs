//! An array as it lies in a file: numbers are converted when they are asked for, so that a large file costs no more than the part that is taken.

use super::error::words;
use super::half::{bf16_to_f32, f16_to_f32};
use super::limits::{GROWTH, RANK};
use super::{InterchangeError, Place, Tensor};

/// How a number lies in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// IEEE 754 of 2, 4 or 8 bytes.
    Float(usize),
    /// bfloat16.
    Brain,
    /// Two's complement of 1 to 8 bytes.
    Signed(usize),
    /// Whole numbers from 0 of 1 to 8 bytes; switches are 0 and 1.
    Unsigned(usize),
}

impl Number {
    /// Bytes of one.
    pub fn size(self) -> usize {
        match self {
            Self::Float(size) | Self::Signed(size) | Self::Unsigned(size) => size,
            Self::Brain => 2,
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float(2) => "float16",
            Self::Float(4) => "float32",
            Self::Float(_) => "float64",
            Self::Brain => "bfloat16",
            Self::Signed(1) => "int8",
            Self::Signed(2) => "int16",
            Self::Signed(4) => "int32",
            Self::Signed(_) => "int64",
            Self::Unsigned(1) => "uint8",
            Self::Unsigned(2) => "uint16",
            Self::Unsigned(4) => "uint32",
            Self::Unsigned(_) => "uint64",
        }
    }

    /// One number from its bytes, as many as its size. Doubles and integers are rounded to the nearest f32, beyond its range to infinity.
    fn read(self, bytes: &[u8], swapped: bool) -> f32 {
        let mut word = [0; 8];
        for (at, byte) in bytes.iter().take(8).enumerate() {
            word[if swapped { bytes.len() - 1 - at } else { at }] = *byte;
        }
        let bits = u64::from_le_bytes(word);
        match self {
            Self::Float(2) => f16_to_f32(bits as u16),
            Self::Brain => bf16_to_f32(bits as u16),
            Self::Float(4) => f32::from_bits(bits as u32),
            Self::Float(_) => f64::from_bits(bits) as f32,
            Self::Unsigned(_) => bits as f32,
            Self::Signed(size) => {
                let unused = 64 - 8 * size as u32;
                ((bits << unused).cast_signed() >> unused) as f32
            }
        }
    }
}

/// What is known of an array before its numbers are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Extents, outermost first; their product is known not to overflow.
    pub shape: Vec<usize>,
    /// How each number lies there.
    pub number: Number,
    /// Most significant byte first.
    pub swapped: bool,
    /// Column-major.
    pub fortran: bool,
}

impl Layout {
    /// Bytes of all numbers, if there can be so many.
    pub fn bytes(&self) -> Option<usize> {
        let count = self.shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent))?;
        count.checked_mul(self.number.size())
    }

    /// Distance between neighbours along each axis, in numbers.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![0; self.shape.len()];
        let mut next = 1_usize;
        let mut along = |axis: usize| {
            strides[axis] = next;
            next = next.saturating_mul(self.shape[axis]);
        };
        if self.fortran {
            (0..self.shape.len()).for_each(&mut along)
        } else {
            (0..self.shape.len()).rev().for_each(&mut along)
        }
        strides
    }
}

/// An array with its bytes: as many as its layout asks for.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a> {
    layout: &'a Layout,
    bytes: &'a [u8],
}

impl<'a> Array<'a> {
    /// Puts both together.
    ///
    /// # Errors
    /// [`InterchangeError::Invalid`] where the bytes are not as many as the layout says, [`InterchangeError::Unsupported`] past [`RANK`] extents.
    pub fn new(layout: &'a Layout, bytes: &'a [u8], place: impl Fn() -> Place) -> Result<Self, InterchangeError> {
        check(layout, bytes.len(), place)?;
        Ok(Self { layout, bytes })
    }

    /// Extents, outermost first.
    pub fn shape(&self) -> &'a [usize] {
        &self.layout.shape
    }

    /// Distance between neighbours along each axis, for [`Self::get`].
    pub fn strides(&self) -> Vec<usize> {
        self.layout.strides()
    }

    /// The number at a sum of places times strides; NaN past the end.
    pub fn get(&self, at: usize) -> f32 {
        let size = self.layout.number.size();
        let bytes = at.checked_mul(size).and_then(|from| self.bytes.get(from..from.checked_add(size)?));
        bytes.map_or(f32::NAN, |bytes| self.layout.number.read(bytes, self.layout.swapped))
    }

    /// All numbers, row-major: at most [`GROWTH`] bytes for each of the file's.
    pub fn tensor(&self) -> Tensor {
        let (shape, strides) = (self.shape().to_vec(), self.strides());
        debug_assert!(size_of::<f32>() <= GROWTH * self.layout.number.size());
        let count: usize = shape.iter().product();
        let straight = !self.layout.fortran;
        let place = |mut at: usize| {
            let mut from = 0;
            for (extent, stride) in shape.iter().zip(&strides).rev() {
                from += at % extent * stride;
                at /= extent;
            }
            from
        };
        let data = (0..count).map(|at| self.get(if straight { at } else { place(at) })).collect();
        Tensor { shape, data }
    }
}

/// Whether `given` bytes are those of an array laid out so.
pub(super) fn check(layout: &Layout, given: usize, place: impl Fn() -> Place) -> Result<(), InterchangeError> {
    let rank = layout.shape.len();
    if rank > RANK {
        let problem = words!("{rank} extents; at most {RANK} are read", "{rank} 个维度，最多读取 {RANK} 个");
        return Err(InterchangeError::unsupported(place(), problem));
    }
    let due = layout.bytes();
    if due == Some(given) {
        return Ok(());
    }
    let (shape, size) = (&layout.shape, layout.number.size());
    let problem = match due {
        Some(due) => words!(
            "{given} bytes follow the header; {shape:?} numbers of {size} bytes take {due}",
            "文件头之后有 {given} 字节；{shape:?} 个 {size} 字节的数需要 {due} 字节"
        ),
        None => words!(
            "{given} bytes follow the header; {shape:?} numbers of {size} bytes take more than there can be",
            "文件头之后有 {given} 字节；{shape:?} 个 {size} 字节的数所需超过可能的大小"
        ),
    };
    Err(InterchangeError::invalid(place(), problem))
}
